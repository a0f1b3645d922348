//! Taking changes into account: which entries they make wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::operation::{Change, Operation, Target};
use tickety_store::{Batch, BatchOutcome, Effect, Look, Stamp, StorageError, StoredIssue};

use super::{CachedIssueStorage, KeptIssue, tag};
use crate::layers::queries::Step;

/// How many issues are compared with every kept answer at the most; beyond, all answers go.
const MAX_STEPS: usize = 32;

/// How often it is tried again because something else has changed meanwhile.
const ROUNDS: usize = 3;

/// Issues as they are or were; `None` for those that don't exist.
type Views = BTreeMap<IssueKey, Option<Arc<StoredIssue>>>;

/// Issues as they were when a stamp was taken.
pub(super) struct Before {
    stamp: Stamp,
    views: Views,
}

/// What changes come to.
struct Outcome {
    /// The issues before and after, others they reach included; `None` if that can't be told.
    steps: Option<Vec<Step>>,
    /// The numbers that changed or are at the other end of a link now.
    numbers: BTreeSet<IssueNumber>,
    /// The issues that changed, as they are.
    current: Vec<Arc<StoredIssue>>,
}

/// Says, when it is dropped, that a write may have happened that isn't taken into account.
pub(super) struct Doubt<'a> {
    layer: &'a CachedIssueStorage,
    stands: bool,
}

impl<'a> Doubt<'a> {
    /// Takes over the doubt there is.
    pub(super) fn take_over(layer: &'a CachedIssueStorage) -> Self {
        Self { layer, stands: layer.in_doubt.swap(false, Ordering::AcqRel) }
    }

    pub(super) fn clear(mut self) {
        self.stands = false;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if self.stands {
            self.layer.in_doubt.store(true, Ordering::Release);
        }
    }
}

impl CachedIssueStorage {
    /// Writes, and drops what the write makes wrong before it returns.
    pub(super) async fn write(&self, batch: Batch) -> Result<BatchOutcome, StorageError> {
        let mut before = self.before(&batch).await;
        let doubt = Doubt { layer: self, stands: true };
        let outcome = self.inner.apply(batch).await;
        if let (Some(before), Ok(outcome)) = (&mut before, &outcome) {
            let created = outcome.outcomes.iter().filter(|outcome| outcome.effect == Effect::Created);
            before.views.extend(created.map(|outcome| (outcome.key, None)));
        }
        // A write that failed may have been made all the same.
        if self.take_changes(before).await.is_err() {
            self.forget(None);
        }
        doubt.clear();
        outcome
    }

    /// Reads the issues that a batch is about to change, and those that may see it.
    async fn before(&self, batch: &Batch) -> Option<Before> {
        if self.answers.is_empty() {
            return None;
        }
        let (touched, mut reached) = touched(batch)?;
        let stamp = self.begin().await.ok()??;
        let mut views = Views::new();
        for (selector, reaches) in touched {
            let issue = Arc::new(self.inner.get(selector).await.ok()?);
            if reaches {
                let ends = issue.derived.links.iter().filter_map(|end| end.target.as_ref());
                reached.extend(ends.map(|target| IssueSelector::from(target.key)));
            }
            views.insert(issue.issue.key(), Some(issue));
        }
        if views.len() + reached.len() > MAX_STEPS {
            return None;
        }
        for selector in reached {
            if let Ok(issue) = self.inner.get(selector).await {
                views.insert(issue.issue.key(), Some(Arc::new(issue)));
            }
        }
        // Reading may have found that something had changed.
        let now = self.inner.stamp(Look::Nothing).await.ok()??;
        (now.stamp == stamp).then_some(Before { stamp, views })
    }

    /// Brings what is kept up to the state that the store beneath answers from.
    pub(super) async fn take_changes(&self, mut before: Option<Before>) -> Result<(), StorageError> {
        for _ in 0..ROUNDS {
            let Some(known) = self.known() else {
                let now = self.inner.stamp(Look::Nothing).await?.map(|stamped| stamped.stamp);
                self.forget(now);
                return Ok(());
            };
            let Some(changes) = self.inner.changes(known).await? else {
                self.forget(None);
                return Ok(());
            };
            if changes.now == known {
                return Ok(());
            }
            let Some(keys) = changes.keys else {
                self.forget(Some(changes.now));
                return Ok(());
            };
            let views = before.take().filter(|before| before.stamp == known).map(|before| before.views);
            let Some(outcome) = self.outcome(&keys, views.unwrap_or_default()).await else {
                self.forget(Some(changes.now));
                return Ok(());
            };
            let now = self.inner.stamp(Look::Nothing).await?.map(|stamped| stamped.stamp);
            if now == Some(changes.now) && self.drop_outdated(known, changes.now, outcome) {
                return Ok(());
            }
        }
        let now = self.inner.stamp(Look::Nothing).await?.map(|stamped| stamped.stamp);
        self.forget(now);
        Ok(())
    }

    /// Drops everything.
    fn forget(&self, now: Option<Stamp>) {
        let mut state = self.state();
        self.issues.clear();
        self.answers.clear();
        state.known = now;
    }

    /// Drops what an outcome makes wrong, unless that was done meanwhile.
    fn drop_outdated(&self, known: Stamp, now: Stamp, outcome: Outcome) -> bool {
        let checked = self.now();
        let mut state = self.state();
        if state.known != Some(known) {
            return false;
        }
        for number in outcome.numbers {
            self.issues.invalidate_tag(&tag(number));
        }
        match outcome.steps {
            None => self.answers.clear(),
            Some(steps) if steps.is_empty() => {}
            Some(steps) => {
                self.answers.invalidate_if(|_, kept| kept.is_none_or(|kept| kept.is_affected(&steps)));
            }
        }
        for issue in outcome.current {
            // Found under its bare number, so that is a name for it.
            let selector = issue.issue.number.into();
            let issue = Arc::unwrap_or_clone(issue);
            self.keep_issue(selector, &Arc::new(KeptIssue::new(issue, checked)));
        }
        state.known = Some(now);
        true
    }

    /// Finds out what changes come to; `None` if that can't be told. `before` are issues as they were before any of it.
    async fn outcome(&self, keys: &BTreeSet<IssueKey>, before: Views) -> Option<Outcome> {
        if keys.len() > MAX_STEPS {
            return None;
        }
        let mut outcome =
            Outcome { steps: None, numbers: keys.iter().map(|key| key.number).collect(), current: Vec::new() };
        let mut steps = Vec::new();
        let mut certain = true;
        let mut reached: BTreeSet<IssueKey> = BTreeSet::new();
        for &key in keys {
            let after = self.find(key).await?;
            if let Some(issue) = &after {
                outcome.numbers.extend(issue.derived.links.iter().map(|end| end.name.number));
                outcome.current.push(Arc::clone(issue));
            }
            let Some(before) = self.was(key, &before) else {
                certain = false;
                continue;
            };
            let step = Step { before, after };
            if step.reaches_others() {
                let issues = step.before.iter().chain(&step.after);
                let ends = issues.flat_map(|issue| &issue.derived.links).filter_map(|end| end.target.as_ref());
                reached.extend(ends.map(|target| target.key).filter(|key| !keys.contains(key)));
            }
            steps.push(step);
        }
        if !certain || steps.len() + reached.len() > MAX_STEPS {
            return Some(outcome);
        }
        for key in reached {
            let after = self.find(key).await?;
            let Some(before) = self.was(key, &before) else { return Some(outcome) };
            steps.push(Step { before, after });
        }
        outcome.steps = Some(steps);
        Some(outcome)
    }

    /// Returns what an issue was, where that is known: it was read before the write, is made by it, or was kept.
    fn was(&self, key: IssueKey, before: &Views) -> Option<Option<Arc<StoredIssue>>> {
        if let Some(known) = before.get(&key) {
            return Some(known.clone());
        }
        self.kept(key.into()).map(|kept| Some(Arc::new(kept.stored.clone())))
    }

    /// Returns an issue as it is; the outer `None` if others have its number, or if it can't be read: then more may
    /// have changed than it.
    async fn find(&self, key: IssueKey) -> Option<Option<Arc<StoredIssue>>> {
        match self.inner.get(key.number.into()).await {
            Ok(issue) if issue.issue.key() == key => Some(Some(Arc::new(issue))),
            Err(StorageError::NotFound { .. }) => Some(None),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What a batch names: the issues it changes, with whether others may see that, and those it links to. `None` if
/// they are too many.
fn touched(batch: &Batch) -> Option<(HashMap<IssueSelector, bool>, HashSet<IssueSelector>)> {
    let mut touched = HashMap::new();
    let mut reached = HashSet::new();
    for operation in &batch.operations {
        let (target, reaches) = match operation {
            Operation::Create(draft) => {
                reached.extend(draft.links.iter().filter_map(|(_, target)| existing(target)));
                continue;
            }
            Operation::Update { target, changes, .. } => {
                let links = changes.iter().filter_map(|change| match change {
                    Change::AddLink { target, .. } => existing(target),
                    _ => None,
                });
                reached.extend(links);
                (target, changes.iter().any(may_reach_others))
            }
            Operation::Delete { target, .. } => (target, true),
        };
        if let Some(selector) = existing(target) {
            *touched.entry(selector).or_default() |= reaches;
        }
        if touched.len() + reached.len() > MAX_STEPS {
            return None;
        }
    }
    Some((touched, reached))
}

fn existing(target: &Target) -> Option<IssueSelector> {
    match target {
        Target::Existing(selector) => Some(*selector),
        Target::Created(_) => None,
    }
}

/// Whether a change may show at the other ends of an issue's links.
fn may_reach_others(change: &Change) -> bool {
    matches!(
        change,
        Change::Status(_)
            | Change::Close { .. }
            | Change::Reopen
            | Change::Imported { .. }
            | Change::AddLink { .. }
            | Change::RemoveLink { .. }
    )
}

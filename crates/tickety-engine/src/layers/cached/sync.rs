//! Taking changes into account: which entries they make wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::operation::{Change, Operation, Target};
use tickety_store::{
    Batch, BatchMode, BatchOutcome, Difference, Effect, FreshnessMode, Look, Stamp, StorageError, StoredIssue,
};

use super::{CachedIssueStorage, KeptIssue, tag};
use crate::layers::aspects::Aspects;
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

/// Counts the writes that may have happened without being taken into account, because their callers went away.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    raised: AtomicU64,
    settled: AtomicU64,
}

impl Doubts {
    pub(super) fn raised(&self) -> u64 {
        self.raised.load(Ordering::Acquire)
    }

    pub(super) fn are_open(&self) -> bool {
        self.settled.load(Ordering::Acquire) < self.raised()
    }

    /// Notes that everything was taken into account after so many were raised.
    pub(super) fn settle(&self, raised: u64) {
        self.settled.fetch_max(raised, Ordering::AcqRel);
    }
}

/// Raises a doubt when it is dropped before its time.
struct Write<'a> {
    doubts: &'a Doubts,
    is_taken: bool,
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        if !self.is_taken {
            self.doubts.raised.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl CachedIssueStorage {
    /// Writes, and drops what the write makes wrong before it returns.
    pub(super) async fn write(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        let mut before = self.before(&batch).await;
        let mut write = Write { doubts: &self.doubts, is_taken: false };
        let outcome = self.inner.submit(batch, mode).await;
        if let (Some(before), Ok(outcome)) = (&mut before, &outcome) {
            let created = outcome.outcomes.iter().filter(|outcome| outcome.effect == Effect::Created);
            before.views.extend(created.map(|outcome| (outcome.key, None)));
        }
        // A write that failed may have been made all the same.
        if self.take_changes(before).await.is_err() {
            self.forget(None);
        }
        write.is_taken = true;
        outcome
    }

    /// Reads the issues that a batch is about to change, and those that may see it.
    async fn before(&self, batch: &Batch) -> Option<Before> {
        if self.answers.is_empty() {
            return None;
        }
        let (touched, mut reached) = touched(batch)?;
        self.take_changes(None).await.ok()?;
        let stamp = self.known()?;
        let mut views = Views::new();
        for (selector, reaches) in touched {
            let issue = self.view(selector).await?;
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
            if let Some(issue) = self.view(selector).await {
                views.insert(issue.issue.key(), Some(issue));
            }
        }
        // Reading may have found that something had changed.
        let now = self.inner.stamp(Look::Nothing).await.ok()??;
        (now.stamp == stamp).then_some(Before { stamp, views })
    }

    async fn view(&self, selector: IssueSelector) -> Option<Arc<StoredIssue>> {
        match self.peek(selector) {
            Some(kept) => Some(Arc::clone(&kept.stored)),
            None => self.inner.get(selector).await.ok().map(Arc::new),
        }
    }

    /// Brings what is kept up to the state that the store beneath answers from.
    pub(super) async fn take_changes(&self, before: Option<Before>) -> Result<(), StorageError> {
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
            let before = before.as_ref().filter(|before| before.stamp == known);
            let checked = self.now();
            let Some(mut outcome) = self.outcome(&keys, before.map(|before| &before.views)).await else {
                self.forget(Some(changes.now));
                return Ok(());
            };
            let Some(now) = self.inner.stamp(Look::Nothing).await? else { continue };
            if now.freshness.mode == FreshnessMode::Trust {
                // Issues are read from files that the lists know nothing of yet: what they were tells little of those.
                outcome.steps = None;
            }
            if now.stamp == changes.now && self.drop_outdated(known, changes.now, outcome, checked) {
                return Ok(());
            }
        }
        let now = self.inner.stamp(Look::Nothing).await?.map(|stamped| stamped.stamp);
        self.forget(now);
        Ok(())
    }

    /// Drops everything.
    pub(super) fn forget(&self, now: Option<Stamp>) {
        let mut state = self.state();
        self.issues.clear();
        self.answers.clear();
        // Whoever came in between may know of a later one, which reads that began before it must not be kept under.
        let later =
            |known: &Stamp| now.is_some_and(|now| now.series == known.series && now.generation < known.generation);
        state.known = state.known.filter(later).or(now);
    }

    /// Drops what an outcome makes wrong, unless that was done meanwhile.
    fn drop_outdated(&self, known: Stamp, now: Stamp, outcome: Outcome, checked: u64) -> bool {
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
            // A copy of a record brings its id along, and two issues of one id can't be told apart by it.
            self.issues.remove(&IssueSelector::Id(issue.issue.id));
            // Found under its bare number, so that is a name for it.
            self.keep_issue(issue.issue.number.into(), &Arc::new(KeptIssue::new(issue, checked)));
        }
        state.known = Some(now);
        true
    }

    /// Finds out what changes come to; `None` if that can't be told. `before` are issues as they were before any of it.
    async fn outcome(&self, keys: &BTreeMap<IssueKey, Difference>, before: Option<&Views>) -> Option<Outcome> {
        if keys.len() > MAX_STEPS {
            return None;
        }
        let mut outcome =
            Outcome { steps: None, numbers: keys.keys().map(|key| key.number).collect(), current: Vec::new() };
        let mut steps = Vec::new();
        let mut certain = true;
        let reaching = Aspects::STATUS | Aspects::LINKS;
        let derived = keys.values().any(|&Difference { is_new, parts }| is_new || Aspects::of(parts).meet(reaching));
        let mut reached: BTreeSet<IssueKey> = BTreeSet::new();
        for (&key, &Difference { is_new, parts }) in keys {
            let after = self.find(key).await?;
            if let Some(issue) = &after {
                outcome.numbers.extend(issue.derived.links.iter().map(|end| end.name.number));
                outcome.current.push(Arc::clone(issue));
            }
            let before = if is_new { Some(None) } else { self.was(key, before) };
            let step = match (before, after) {
                (Some(before), after) => Step::Known { before, after },
                (None, Some(after)) => Step::Like { aspects: Aspects::written(parts, derived), after },
                // Whom it was linked to isn't known.
                (None, None) => {
                    certain = false;
                    continue;
                }
            };
            if step.reaches_others() {
                let ends = step.views().flat_map(|issue| &issue.derived.links).filter_map(|end| end.target.as_ref());
                reached.extend(ends.map(|target| target.key).filter(|key| !keys.contains_key(key)));
            }
            steps.push(step);
        }
        if !certain || steps.len() + reached.len() > MAX_STEPS {
            return Some(outcome);
        }
        for key in reached {
            let after = self.find(key).await?;
            steps.push(match (self.was(key, before), after) {
                (Some(before), after) => Step::Known { before, after },
                (None, Some(after)) => Step::Like { aspects: Aspects::DERIVED, after },
                (None, None) => return Some(outcome),
            });
        }
        outcome.steps = Some(steps);
        Some(outcome)
    }

    /// Returns what an issue was, where that is known: it was read before the write, is made by it, or was kept.
    fn was(&self, key: IssueKey, before: Option<&Views>) -> Option<Option<Arc<StoredIssue>>> {
        if let Some(known) = before.and_then(|before| before.get(&key)) {
            return Some(known.clone());
        }
        self.peek(key.into()).map(|kept| Some(Arc::clone(&kept.stored)))
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

//! Taking changes into account: which entries they make wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::operation::{Operation, Target};
use tickety_store::{
    Batch, BatchMode, BatchOutcome, Difference, FreshnessMode, IssueStorage as _, Look, Stamp, StorageError,
    StoredIssue,
};

use super::{CachedIssueStorage, KeptIssue, tag};
use crate::layers::aspects::Aspects;
use crate::layers::queries::Step;

/// How many issues are compared with every kept answer at the most; beyond, all answers go.
const MAX_STEPS: usize = 32;

/// How often it is tried again because something else has changed meanwhile.
const ROUNDS: usize = 3;

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
        self.keep_deleted(&batch).await;
        let mut write = Write { doubts: &self.doubts, is_taken: false };
        let outcome = self.inner.submit(batch, mode).await;
        // A write that failed may have been made all the same.
        if self.take_changes().await.is_err() {
            self.forget(None);
        }
        write.is_taken = true;
        outcome
    }

    /// Does the same for batches that are written together.
    pub(super) async fn write_together(
        &self,
        batches: Vec<(Batch, BatchMode)>,
    ) -> Vec<Result<BatchOutcome, StorageError>> {
        for (batch, _) in &batches {
            self.keep_deleted(batch).await;
        }
        let mut write = Write { doubts: &self.doubts, is_taken: false };
        let outcomes = self.inner.submit_together(batches).await;
        // A write that failed may have been made all the same.
        if self.take_changes().await.is_err() {
            self.forget(None);
        }
        write.is_taken = true;
        outcomes
    }

    /// Reads the issues that a batch removes, since nobody can tell afterwards whom they were linked to.
    async fn keep_deleted(&self, batch: &Batch) {
        let deleted = batch.operations.iter().filter_map(|operation| match operation {
            Operation::Delete { target: Target::Existing(selector), .. } => Some(*selector),
            _ => None,
        });
        let deleted: Vec<IssueSelector> = deleted.take(MAX_STEPS + 1).collect();
        if !self.answers.is_empty() && deleted.len() <= MAX_STEPS {
            drop(self.get_many(&deleted).await);
        }
    }

    /// Brings what is kept up to the state that the store beneath answers from.
    pub(super) async fn take_changes(&self) -> Result<(), StorageError> {
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
            let checked = if self.unlooking.is_some() { 0 } else { self.now() };
            let Some(mut outcome) = self.outcome(&keys).await else {
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

    /// Finds out what changes come to; `None` if that can't be told.
    async fn outcome(&self, keys: &BTreeMap<IssueKey, Difference>) -> Option<Outcome> {
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
            let before = if is_new { Some(None) } else { self.was(key) };
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
            steps.push(match (self.was(key), after) {
                (Some(before), after) => Step::Known { before, after },
                (None, Some(after)) => Step::Like { aspects: Aspects::DERIVED, after },
                (None, None) => return Some(outcome),
            });
        }
        outcome.steps = Some(steps);
        Some(outcome)
    }

    /// Returns what an issue was, where that is known because it was kept.
    fn was(&self, key: IssueKey) -> Option<Option<Arc<StoredIssue>>> {
        self.peek(key.into()).map(|kept| Some(Arc::clone(&kept.stored)))
    }

    /// Returns an issue as it is; the outer `None` if others have its number, or if it can't be read: then more may
    /// have changed than it.
    async fn find(&self, key: IssueKey) -> Option<Option<Arc<StoredIssue>>> {
        // What was found to have changed was looked at just now, or written here.
        let store = self.unlooking.as_ref().unwrap_or(&self.inner);
        match store.get(key.number.into()).await {
            Ok(issue) if issue.issue.key() == key => Some(Some(Arc::new(issue))),
            Err(StorageError::NotFound { .. }) => Some(None),
            Ok(_) | Err(_) => None,
        }
    }
}

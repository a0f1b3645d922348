//! Working out what a batch does, before any of it is written.
//!
//! Every store plans its batches here, so that what an operation means is said once. A store tells
//! what is there (a [`Snapshot`]) and writes what the [`Plan`] says.

mod cycles;
pub(crate) mod events;
mod names;
mod planner;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::OperationError;
use tickety_core::schema::Schema;
use uuid::Uuid;

use self::planner::{Member, Planner};
use crate::error::StorageError;
use crate::storage::{Batch, BatchMode, ChangedIssue, Effect, MAX_OPERATIONS, OperationFailure};

/// What planning has to know of the issues as they are, under the writer's lock.
pub(crate) trait Snapshot {
    /// Returns the issues a selector could mean: none, one, or several.
    fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError>;
    /// Returns an issue with its comments, and its version.
    fn load(&mut self, key: IssueKey) -> Result<(Arc<Issue>, Version), StorageError>;
    /// Returns the issues that store a link to this one.
    fn referrers(&mut self, key: IssueKey) -> Result<Vec<IssueKey>, StorageError>;
    /// Returns what an issue's stored links of one kind point at.
    fn targets(&mut self, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, StorageError>;
    /// Sets numbers aside that were never given before, nor set aside, above all of `above`: the first of
    /// `count` in a row. They are given only if the plan is carried out.
    fn allocate(&mut self, count: u32, above: Option<IssueNumber>) -> Result<IssueNumber, StorageError>;
    /// Takes a number back that was set aside, and all that were set aside after it.
    fn give_back(&mut self, number: IssueNumber);
    /// Makes a new UUID of version 7.
    fn new_id(&mut self) -> Uuid;
}

/// What a batch does to each issue it touches, and how each operation came out.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The issues that change, by name; none if the batch is rolled back.
    pub(crate) changes: BTreeMap<IssueKey, PlannedChange>,
    /// How the operations come out that are applied, in order.
    pub(crate) outcomes: Vec<PlannedOutcome>,
    /// The operations that can't be applied, in order.
    pub(crate) failures: Vec<OperationFailure>,
    /// Whether nothing is to be written because of them.
    pub(crate) rolled_back: bool,
}

/// An issue before and after a batch.
#[derive(Debug)]
pub(crate) struct PlannedChange {
    /// As it was; `None` if the batch creates it.
    pub(crate) before: Option<(Arc<Issue>, Version)>,
    /// As it shall be; `None` if the batch deletes it.
    pub(crate) after: Option<Arc<Issue>>,
}

/// How an operation comes out.
#[derive(Debug)]
pub(crate) struct PlannedOutcome {
    /// Its place in the batch.
    pub(crate) index: usize,
    /// The issue it is about.
    pub(crate) key: IssueKey,
    /// The identity of that issue.
    pub(crate) id: IssueId,
    /// What becomes of it.
    pub(crate) effect: Effect,
}

/// Plans a batch. Fails only for what concerns more than an operation.
pub(crate) fn plan(
    batch: &Batch,
    mode: BatchMode,
    schema: &Schema,
    snapshot: &mut dyn Snapshot,
) -> Result<Plan, StorageError> {
    let plans = plan_together(&[(batch, mode)], schema, snapshot)?;
    Ok(plans.into_iter().next().expect("nothing keeps the only batch waiting"))
}

/// Plans batches one after the other, each as if those before it had been applied. A refused one leaves nothing to the
/// others. Stops before a batch about an issue that one before it changes: what that comes to, and under which
/// version, is known only once it is written. So no issue is changed by two of the plans.
pub(crate) fn plan_together(
    batches: &[(&Batch, BatchMode)],
    schema: &Schema,
    snapshot: &mut dyn Snapshot,
) -> Result<Vec<Plan>, StorageError> {
    let mut members = Vec::with_capacity(batches.len());
    let Some(&(first, mode)) = batches.first() else { return Ok(Vec::new()) };
    let mut planner = Planner::new(first, mode, schema, snapshot);
    let mut settled = BTreeSet::new();
    for (batch, mode) in batches {
        let count = batch.operations.len();
        if count > MAX_OPERATIONS {
            return Err(StorageError::BatchTooLarge { count, limit: MAX_OPERATIONS });
        }
        planner.begin(batch, *mode, &settled);
        let Some(member) = planner.run()? else { break };
        settled.clone_from(&member.keys);
        members.push(member);
    }
    let mut changes = planner.into_changes();
    let plan = |Member { keys, outcomes, failures, rolled_back }| {
        let changes = keys.into_iter().filter_map(|key| changes.remove_entry(&key)).collect();
        Plan { changes, outcomes, failures, rolled_back }
    };
    Ok(members.into_iter().map(plan).collect())
}

impl Plan {
    /// Drops what turned out to be as it was before.
    pub(crate) fn without_unchanged(mut self) -> Self {
        self.changes.retain(|_, change| match (&change.before, &change.after) {
            (Some((before, _)), Some(after)) => before != after,
            (None, None) => false,
            _ => true,
        });
        self
    }

    /// Whether a failure names an issue of this number or a higher one: one that may not be made.
    pub(crate) fn shows_number_from(&self, first: IssueNumber) -> bool {
        self.failures.iter().any(|failure| shows_number_from(&failure.error, first))
    }

    /// Returns the issues that change.
    pub(crate) fn into_changed_issues(self) -> Vec<ChangedIssue> {
        let changed = |(key, PlannedChange { before, after })| ChangedIssue {
            key,
            before: before.map(|(issue, _)| Arc::unwrap_or_clone(issue)),
            after: after.map(Arc::unwrap_or_clone),
        };
        self.changes.into_iter().map(changed).collect()
    }
}

/// Whether an error names an issue of this number or a higher one: one that isn't made.
fn shows_number_from(error: &StorageError, first: IssueNumber) -> bool {
    let StorageError::Refused { source, .. } = error else { return false };
    let named: &[IssueKey] = match source {
        OperationError::SelfLink { issue }
        | OperationError::NotClosed { issue }
        | OperationError::NoComment { issue, .. } => std::slice::from_ref(issue),
        OperationError::Cycle { walk, .. } => walk,
        OperationError::AmbiguousTarget { candidates, .. } => candidates,
        // What it says of another operation is among the failures itself.
        OperationError::NeedsFailed { .. }
        | OperationError::Text { .. }
        | OperationError::TooMany { .. }
        | OperationError::UnknownStatus { .. }
        | OperationError::UnknownKind { .. }
        | OperationError::ClosureOfOpen { .. }
        | OperationError::FieldKey { .. }
        | OperationError::FieldValue { .. }
        | OperationError::IdTaken { .. }
        | OperationError::NotCreated { .. }
        | OperationError::NoTarget { .. } => &[],
    };
    named.iter().any(|key| key.number >= first)
}

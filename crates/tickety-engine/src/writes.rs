//! What writes mean that depends on the issues as they are: the same for the command line, the page and agents.

use std::collections::BTreeMap;

use tickety_core::graph::Relation;
use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::issue::{CloseReason, LinkKind};
use tickety_core::operation::{Change, Operation, Target};
use tickety_store::{IssueStorage, StorageError, StoredIssue};

/// Closes an issue. How a closed one was closed stays as it is unless something new is said about it.
pub fn close(
    stored: &StoredIssue,
    reason: Option<CloseReason>,
    note: Option<String>,
    duplicate_of: Option<Target>,
) -> Vec<Change> {
    let reason = reason.or(duplicate_of.is_some().then_some(CloseReason::Duplicate));
    let mut changes = Vec::new();
    let before = stored.issue.closure.as_ref().map(|closure| closure.reason);
    if !stored.category.is_closed() || reason.is_some() || note.is_some() {
        changes.push(Change::Close { reason: reason.or(before).unwrap_or_default(), note });
    }
    changes.extend(duplicate_of.map(|target| Change::AddLink { kind: LinkKind::DuplicateOf, target }));
    changes
}

/// Links an issue to others, at the ends where the relation is stored.
pub fn link(issue: IssueSelector, relation: Relation, others: &[IssueSelector]) -> Vec<Operation> {
    let (kind, stored_here) = relation.link();
    operations(issue, others, stored_here, |target| Change::AddLink { kind, target })
}

/// Removes links of an issue to others, from whichever end stores them.
pub async fn unlink(
    storage: &dyn IssueStorage,
    issue: IssueSelector,
    relation: Relation,
    others: &[IssueSelector],
) -> Vec<Operation> {
    let (kind, stored_here) = relation.link();
    let change = |target| Change::RemoveLink { kind, target };
    if relation != Relation::Relates {
        return operations(issue, others, stored_here, change);
    }
    // The link of two related issues may be stored with either of them.
    let mut all = operations(issue, others, true, change);
    all.extend(operations(issue, others, false, change));
    // One end that is gone keeps nobody from removing the link from the other.
    let mut there = Vec::new();
    for operation in &all {
        if is_there(operation, storage).await {
            there.push(operation.clone());
        }
    }
    if there.is_empty() { all } else { there }
}

fn operations(
    issue: IssueSelector,
    others: &[IssueSelector],
    stored_here: bool,
    change: impl Fn(Target) -> Change,
) -> Vec<Operation> {
    let update = |target: IssueSelector, changes| Operation::Update { target: target.into(), expected: None, changes };
    match stored_here {
        true => vec![update(issue, others.iter().map(|&other| change(other.into())).collect())],
        false => others.iter().map(|&other| update(other, vec![change(issue.into())])).collect(),
    }
}

async fn is_there(operation: &Operation, storage: &dyn IssueStorage) -> bool {
    let Operation::Update { target: Target::Existing(selector), .. } = operation else { return true };
    let found = storage.get(*selector).await;
    !matches!(found, Err(StorageError::NotFound { .. } | StorageError::Unreadable { .. }))
}

/// The parents of the issues that a write gives one. An issue has one parent: another takes its place, and nobody should
/// miss that.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parents(BTreeMap<IssueKey, IssueName>);

/// An issue was to have several parents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an issue has one parent")]
pub struct SeveralParents;

impl Parents {
    /// Looks at the issues that operations give a parent.
    pub async fn before(storage: &dyn IssueStorage, operations: &[Operation]) -> Result<Self, SeveralParents> {
        let mut children = Vec::new();
        for operation in operations {
            let Operation::Update { target: Target::Existing(selector), changes, .. } = operation else { continue };
            let given =
                changes.iter().filter(|change| matches!(change, Change::AddLink { kind: LinkKind::Parent, .. }));
            match given.count() {
                0 => {}
                1 => children.push(*selector),
                _ => return Err(SeveralParents),
            }
        }
        Ok(Self::of(storage, &children).await)
    }

    /// Returns which of them other ones took the place of, by the issue.
    pub async fn replaced(self, storage: &dyn IssueStorage) -> BTreeMap<IssueKey, IssueName> {
        let children: Vec<IssueSelector> = self.0.keys().map(|key| (*key).into()).collect();
        let Self(now) = Self::of(storage, &children).await;
        let Self(before) = self;
        before.into_iter().filter(|(key, parent)| now.get(key).is_some_and(|now| now != parent)).collect()
    }

    async fn of(storage: &dyn IssueStorage, children: &[IssueSelector]) -> Self {
        if children.is_empty() {
            return Self::default();
        }
        // What can't be read, the write reports.
        let found = storage.get_many(children).await.into_iter().flatten().map(|stored| stored.issue);
        Self(found.filter_map(|issue| Some((issue.key(), issue.links_of(LinkKind::Parent).next()?))).collect())
    }
}

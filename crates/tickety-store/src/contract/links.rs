//! Claims about links, and what closing and deleting do to who has them.

use tickety_core::graph::Relation;
use tickety_core::issue::{CloseReason, LinkKind, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, OperationError};

use super::{apply, apply_at, at, blocked_by, change, create, create_titled, get, numbers, update};
use crate::error::StorageError;
use crate::storage::{Effect, IssueStorage};

/// A link is stored once and shown twice.
pub async fn links_are_seen_from_both_ends(store: &dyn IssueStorage) {
    let target = create_titled(store, "target").await;
    for kind in LinkKind::ALL {
        let holder = create_titled(store, kind.as_str()).await;
        change(store, holder, [Change::AddLink { kind, target: target.number.into() }]).await;
        let near = get(store, holder).await.derived.links;
        assert_eq!(near.len(), 1);
        assert_eq!((near[0].relation, near[0].name), (Relation::stored(kind), target.into()));
        let far = get(store, target).await.derived.links;
        assert!(
            far.iter().any(|end| end.relation == Relation::derived(kind)
                && end.target.as_ref().is_some_and(|issue| issue.key == holder && issue.title == kind.as_str())),
            "{kind}: {far:?}"
        );
    }
}

/// An issue has one parent.
pub async fn a_second_parent_replaces_the_first(store: &dyn IssueStorage) {
    let [old, new, child] =
        [create_titled(store, "old").await, create_titled(store, "new").await, create_titled(store, "child").await];
    for parent in [old, new] {
        change(store, child, [Change::AddLink { kind: LinkKind::Parent, target: parent.into() }]).await;
    }
    let links = get(store, child).await.derived.links;
    assert_eq!(links.iter().map(|end| end.name).collect::<Vec<_>>(), [new.into()]);
    assert_eq!(numbers(store, &format!("parent:{new}")).await, [child.number.get()]);
    assert!(get(store, old).await.derived.links.is_empty());
}

/// What waited for an issue is ready when that is closed, and only then.
pub async fn closing_unblocks_dependents(store: &dyn IssueStorage) {
    let one = create_titled(store, "one").await;
    let two = create_titled(store, "two").await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(one), blocked_by(two)]).await;
    assert_eq!(numbers(store, "is:ready sort:number").await, [1, 2]);
    assert_eq!(numbers(store, "is:blocked").await, [3]);
    let close = |reason| Change::Close { reason, note: Some("done so".to_owned()) };
    change(store, one, [close(CloseReason::Completed)]).await;
    assert!(get(store, waiting).await.derived.is_blocked());
    change(store, two, [close(CloseReason::Cancelled)]).await;
    assert!(!get(store, waiting).await.derived.is_blocked());
    assert_eq!(numbers(store, "is:ready").await, [3]);
    let closure = get(store, two).await.issue.closure.expect("it is closed");
    assert_eq!((closure.at, closure.reason), (Some(at(0)), CloseReason::Cancelled));
    assert_eq!(closure.note.as_deref(), Some("done so"));
}

/// A blocker that is reopened blocks again.
pub async fn reopening_blocks_them_again(store: &dyn IssueStorage) {
    let blocker = create_titled(store, "blocker").await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(blocker)]).await;
    change(store, blocker, [Change::Status(Status::new("closed"))]).await;
    assert_eq!(numbers(store, "is:ready").await, [2]);
    change(store, blocker, [Change::Reopen]).await;
    assert_eq!(numbers(store, "is:ready").await, [1]);
    assert_eq!(get(store, blocker).await.issue.closure, None);
    let again = apply_at(store, 0, vec![update(blocker, [Change::Reopen])]).await.expect_err("it is open");
    assert!(matches!(again, StorageError::Refused { source: OperationError::NotClosed { .. }, .. }), "{again}");
}

/// A deleted issue leaves no link behind, and what it blocked is ready.
pub async fn deleting_removes_the_links_to_it(store: &dyn IssueStorage) {
    let gone = create(store, Draft { comments: vec![DraftComment::new("last words")], ..Draft::new("gone") }).await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(gone)]).await;
    let outcome = apply(store, vec![Operation::Delete { target: gone.into(), expected: None }]).await;
    assert_eq!((outcome.outcomes[0].effect, outcome.outcomes[0].version), (Effect::Deleted, None));
    assert!(matches!(store.get(gone.into()).await, Err(StorageError::NotFound { .. })));
    let waiting = get(store, waiting).await;
    assert!(waiting.issue.links.is_empty() && waiting.derived.links.is_empty());
    assert_eq!(numbers(store, "is:ready").await, [2]);
    assert_eq!(numbers(store, "comment:words").await, [0; 0]);
}

//! Claims about the log of events.

use tickety_core::issue::{CloseReason, LinkKind};
use tickety_core::operation::{Change, DraftComment, Operation};

use super::{apply, at, blocked_by, create_titled, update};
use crate::error::StorageError;
use crate::events::{EventCursor, EventLog, EventPage, Position};
use crate::storage::{Batch, BatchMode, IssueStorage};

/// A store with a log of what happens in it.
pub trait Logged: IssueStorage + EventLog {}

impl<S: IssueStorage + EventLog> Logged for S {}

/// Makes a test of every claim about the log. The argument is that of [`contract_tests!`](crate::contract_tests).
#[macro_export]
macro_rules! event_contract_tests {
    ($make:expr) => {
        $crate::contract_tests!(@each $make;
            each_write_is_told_as_one_group
            what_is_not_written_is_not_told
            readers_go_on_where_they_were
            a_cursor_that_was_never_given_out_is_gone
            an_import_says_where_it_came_from
        );
    };
}

async fn page(store: &dyn Logged, from: Position) -> EventPage {
    store.events(from, usize::MAX).await.expect("the log is readable")
}

fn types(page: &EventPage) -> Vec<&'static str> {
    page.events.iter().map(|logged| logged.event.event_type().as_str()).collect()
}

/// Each write has one group of events, with its time and actor, in the order of the issues.
pub async fn each_write_is_told_as_one_group(store: &dyn Logged) {
    let one = create_titled(store, "one").await;
    let two = create_titled(store, "two").await;
    let begun = page(store, Position::Newest).await.next;
    let said = Change::AddComment(DraftComment::new("said"));
    let closed = Change::Close { reason: CloseReason::Completed, note: None };
    apply(store, vec![update(one, [said]), update(two, [blocked_by(one)]), update(one, [closed])]).await;
    apply(store, vec![update(one, [Change::Reopen]), Operation::Delete { target: two.into(), expected: None }]).await;
    let told = page(store, Position::After(begun)).await;
    let expected = [
        "issue.closed",
        "comment.added",
        "link.added",
        "batch.committed",
        "issue.reopened",
        "issue.deleted",
        "batch.committed",
    ];
    assert_eq!(types(&told), expected);
    let first = &told.events[0].group;
    assert!(told.events[..4].iter().all(|logged| logged.group == *first));
    assert!(told.events[4..].iter().all(|logged| logged.group == told.events[4].group && logged.group != *first));
    assert!(told.events.iter().all(|logged| logged.actor.as_deref() == Some("ann") && logged.time == at(0)));
    let stats = store.event_stats().await.expect("the log is readable");
    assert_eq!((stats.events, stats.groups, stats.end), (9, 4, told.next));
}

/// What is refused, rolled back, or changes nothing makes no events.
pub async fn what_is_not_written_is_not_told(store: &dyn Logged) {
    let one = create_titled(store, "one").await;
    let before = page(store, Position::Oldest).await;
    let link = Change::AddLink { kind: LinkKind::BlockedBy, target: one.into() };
    let refused = Batch::new(vec![update(one, [Change::Title("x".to_owned())]), update(one, [link])], None, at(1));
    let outcome = store.submit(refused, BatchMode::Atomic).await.expect("it is told what became of it");
    assert!(outcome.rolled_back);
    apply(store, vec![update(one, [Change::Title("one".to_owned())])]).await;
    assert_eq!(page(store, Position::Oldest).await, before);
}

/// Pages join without gaps or repeats.
pub async fn readers_go_on_where_they_were(store: &dyn Logged) {
    for number in 0..7 {
        create_titled(store, &number.to_string()).await;
    }
    let all = page(store, Position::Oldest).await;
    let mut from = Position::Oldest;
    let mut read = Vec::new();
    loop {
        let page = store.events(from, 2).await.expect("the log is readable");
        from = Position::After(page.next);
        read.extend(page.events);
        if !page.more {
            break;
        }
    }
    assert_eq!(read, all.events);
    assert_eq!(page(store, Position::Last(3)).await.events, all.events[4..]);
    assert_eq!(page(store, from).await.events, []);
    create_titled(store, "late").await;
    assert_eq!(types(&page(store, from).await), ["issue.created"]);
}

/// A cursor of another log, or of events that didn't happen yet, is refused.
pub async fn a_cursor_that_was_never_given_out_is_gone(store: &dyn Logged) {
    create_titled(store, "one").await;
    let EventCursor { epoch, sequence } = page(store, Position::Newest).await.next;
    let others = [EventCursor { epoch: epoch ^ 1, sequence }, EventCursor { epoch, sequence: sequence + 1 }];
    for cursor in others {
        let gone = store.events(Position::After(cursor), 1).await;
        assert!(matches!(&gone, Err(StorageError::EventsGone { cursor: told, .. }) if *told == cursor), "{gone:?}");
    }
}

/// The group of an import ends with where it came from.
pub async fn an_import_says_where_it_came_from(store: &dyn Logged) {
    let draft = tickety_core::operation::Draft::new("one");
    let batch = Batch::new(vec![Operation::Create(Box::new(draft))], None, at(0)).imported_from("beads");
    store.apply(batch).await.expect("the batch is valid");
    assert_eq!(types(&page(store, Position::Oldest).await), ["issue.created", "import.finished"]);
}

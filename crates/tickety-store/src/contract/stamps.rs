//! What stamps promise to who keeps answers.

use std::collections::BTreeSet;

use tickety_core::ident::IssueKey;
use tickety_core::issue::{CloseReason, FieldValue, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};

use super::{apply, change, create_titled, get, update};
use crate::difference::{Difference, Parts};
use crate::storage::{Changes, IssueStorage, Look};

/// A stamp stays the same while nothing is written, and what was written since is told, if anything is.
pub async fn stamps_tell_what_changed(store: &dyn IssueStorage) {
    let one = create_titled(store, "one").await;
    let two = create_titled(store, "two").await;
    let look = Look::List(&[one, two]);
    let Some(first) = store.stamp(look).await.expect("the store can be looked at") else { return };
    let same = store.stamp(Look::Issue { key: one, ends: &[] }).await.expect("the issue can be looked at");
    assert_eq!(same.expect("there was a stamp").stamp.series, first.stamp.series);
    let now = async || store.stamp(Look::Nothing).await.expect("readable").expect("there was a stamp").stamp;
    let before = now().await;
    let changes = async |since| store.changes(since).await.expect("readable").expect("there was a stamp");
    assert_eq!(keys(&changes(before).await), Some(BTreeSet::new()));
    change(store, two, [Change::Title("second".to_owned())]).await;
    let since = changes(before).await;
    assert_eq!(since.now, now().await);
    assert_ne!(since.now, before);
    assert!(keys(&since).is_none_or(|keys| keys == BTreeSet::from([two])));
    let middle = now().await;
    let titles: Vec<Operation> = (0..200).map(|n| update(one, [Change::Title(format!("title {n}"))])).collect();
    apply(store, titles).await;
    assert!(keys(&changes(middle).await).is_none_or(|keys| keys == BTreeSet::from([one])));
    assert!(keys(&changes(before).await).is_none_or(|keys| keys == BTreeSet::from([one, two])));
    apply(store, vec![Operation::Delete { target: two.into(), expected: None }]).await;
    assert!(keys(&changes(now().await).await).is_none_or(|keys| keys.is_empty()));
    assert!(keys(&changes(middle).await).is_none_or(|keys| keys == BTreeSet::from([one, two])));
}

/// What is told to be the same in an issue that changed is the same.
pub async fn differences_leave_nothing_out(store: &dyn IssueStorage) {
    let one = create_titled(store, "one").await;
    let two = create_titled(store, "two").await;
    if store.stamp(Look::List(&[one, two])).await.expect("the store can be looked at").is_none() {
        return;
    }
    let now = async || store.stamp(Look::Nothing).await.expect("readable").expect("there was a stamp").stamp;
    let difference = async |since, key: IssueKey| {
        let changes = store.changes(since).await.expect("readable").expect("there was a stamp");
        changes.keys.map(|keys| keys.get(&key).copied())
    };
    let first = get(store, one).await.issue;
    let begun = now().await;
    for next in [
        Change::Title("first".to_owned()),
        Change::Body("text".to_owned()),
        Change::AddComment(DraftComment::new("word")),
        Change::AddLabel("x".to_owned()),
        Change::AddAssignee("bo".to_owned()),
        Change::Reporter(Some("cy".to_owned())),
        Change::Milestone(Some("v1".to_owned())),
        Change::AddReference("https://example.org/1".to_owned()),
        Change::Field { key: "size".to_owned(), value: Some(FieldValue::Text("big".to_owned())) },
        Change::Priority(Priority::High),
        Change::Due(Some(jiff::civil::date(2026, 6, 1))),
        Change::AddLink { kind: LinkKind::BlockedBy, target: two.into() },
        Change::Close { reason: CloseReason::Cancelled, note: None },
        Change::Close { reason: CloseReason::Completed, note: Some("a note".to_owned()) },
        Change::Reopen,
        Change::RemoveLink { kind: LinkKind::BlockedBy, target: two.into() },
    ] {
        let (since, before) = (now().await, get(store, one).await.issue);
        let what = format!("{next:?}");
        change(store, one, [next]).await;
        let after = get(store, one).await.issue;
        for (since, before) in [(since, &before), (begun, &first)] {
            let Some(difference) = difference(since, one).await else { continue };
            let Difference { is_new, parts } = difference.expect("it has changed");
            assert!(!is_new);
            assert_eq!(parts | Parts::between(before, &after), parts, "{what}");
        }
    }
    let since = now().await;
    let made = apply(store, vec![Operation::Create(Box::new(Draft::new("three")))]).await.outcomes[0].key;
    change(store, made, [Change::AddLabel("x".to_owned())]).await;
    assert!(difference(since, made).await.is_none_or(|difference| difference == Some(Difference::NEW)));
    apply(store, vec![Operation::Delete { target: two.into(), expected: None }]).await;
    assert!(difference(since, two).await.is_none_or(|difference| difference == Some(Difference::UNKNOWN)));
}

fn keys(changes: &Changes) -> Option<BTreeSet<IssueKey>> {
    Some(changes.keys.as_ref()?.keys().copied().collect())
}

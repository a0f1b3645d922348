//! What stamps promise to who keeps answers.

use std::collections::BTreeSet;

use tickety_core::operation::{Change, Operation};

use super::{apply, change, create_titled, update};
use crate::storage::{IssueStorage, Look};

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
    assert_eq!(changes(before).await.keys, Some(BTreeSet::new()));
    change(store, two, [Change::Title("second".to_owned())]).await;
    let since = changes(before).await;
    assert_eq!(since.now, now().await);
    assert_ne!(since.now, before);
    assert!(since.keys.is_none_or(|keys| keys == BTreeSet::from([two])));
    let middle = now().await;
    let titles: Vec<Operation> = (0..200).map(|n| update(one, [Change::Title(format!("title {n}"))])).collect();
    apply(store, titles).await;
    assert!(changes(middle).await.keys.is_none_or(|keys| keys == BTreeSet::from([one])));
    assert!(changes(before).await.keys.is_none_or(|keys| keys == BTreeSet::from([one, two])));
    apply(store, vec![Operation::Delete { target: two.into(), expected: None }]).await;
    assert!(changes(now().await).await.keys.is_none_or(|keys| keys.is_empty()));
    assert!(changes(middle).await.keys.is_none_or(|keys| keys == BTreeSet::from([one, two])));
}

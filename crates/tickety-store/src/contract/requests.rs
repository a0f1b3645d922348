//! Claims about requests that are sent again.

use tickety_core::ident::IssueNumber;
use tickety_core::operation::{Change, Draft, Operation};

use super::{at, numbers};
use crate::error::StorageError;
use crate::storage::{Batch, BatchMode, BatchOutcome, IssueStorage, Request};

/// A request that is sent again isn't done again, and says what became of it the first time.
pub async fn a_request_is_done_once(store: &dyn IssueStorage) {
    let two = || vec![made("one"), made("two")];
    let first = send(store, two(), "key", BatchMode::Atomic).await;
    let again = send(store, two(), "key", BatchMode::Atomic).await;
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.outcomes, first.outcomes);
    let recalled = store.recall(&request("key", 0)).await.expect("it can be looked for");
    assert_eq!(recalled.map(|outcome| outcome.outcomes), Some(first.outcomes));
    assert_eq!(numbers(store, "").await.len(), 2);
    assert!(store.recall(&request("other", 0)).await.expect("it can be looked for").is_none());
}

/// A key names one request.
pub async fn a_key_is_not_used_for_another_request(store: &dyn IssueStorage) {
    send(store, vec![made("one")], "key", BatchMode::Atomic).await;
    let batch = Batch::new(vec![made("two")], None, at(1)).once(Some(request("key", 1)));
    let refused = store.submit(batch, BatchMode::Atomic).await;
    assert!(matches!(&refused, Err(StorageError::KeyReused { key, .. }) if key == "key"), "{refused:?}");
    assert_eq!(numbers(store, "").await.len(), 1);
}

/// What couldn't be done may be tried again; what could be done in part, or changed nothing, isn't done again.
pub async fn only_what_was_rolled_back_is_tried_again(store: &dyn IssueStorage) {
    let half = || vec![made("one"), retitled(99, "x")];
    assert!(send(store, half(), "whole", BatchMode::Atomic).await.rolled_back);
    assert!(!send(store, half(), "whole", BatchMode::Atomic).await.replayed);
    let first = send(store, half(), "half", BatchMode::Each).await;
    let again = send(store, half(), "half", BatchMode::Each).await;
    let failures = |outcome: &BatchOutcome| -> Vec<(usize, String)> {
        outcome.failures.iter().map(|failure| (failure.index, failure.error.to_string())).collect()
    };
    assert_eq!((&again.outcomes, failures(&again)), (&first.outcomes, failures(&first)));
    assert!(again.replayed);
    let number = first.outcomes[0].key.number.get();
    send(store, vec![retitled(number, "one")], "nothing", BatchMode::Atomic).await;
    send(store, vec![retitled(number, "new")], "something", BatchMode::Atomic).await;
    assert!(send(store, vec![retitled(number, "one")], "nothing", BatchMode::Atomic).await.replayed);
    assert_eq!(numbers(store, "title:new").await, [number]);
}

async fn send(store: &dyn IssueStorage, operations: Vec<Operation>, key: &str, mode: BatchMode) -> BatchOutcome {
    let batch = Batch::new(operations, None, at(0)).once(Some(request(key, 0)));
    store.submit(batch, mode).await.expect("it is told what became of it")
}

fn request(key: &str, digest: u8) -> Request {
    Request::new(key, [digest; 16]).expect("it is a key")
}

fn made(title: &str) -> Operation {
    Operation::Create(Box::new(Draft::new(title)))
}

fn retitled(number: u32, title: &str) -> Operation {
    let number = IssueNumber::new(number).expect("numbers begin at 1");
    Operation::Update { target: number.into(), expected: None, changes: vec![Change::Title(title.to_owned())] }
}

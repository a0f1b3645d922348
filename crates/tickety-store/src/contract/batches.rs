//! Claims about several operations at once.

use tickety_core::ident::IssueKey;
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation, OperationError, Target};

use super::{apply, apply_at, create_titled, get, numbers, update};
use crate::error::StorageError;
use crate::storage::IssueStorage;

/// One refused operation takes the whole batch with it, wherever it stands.
pub async fn a_batch_applies_whole_or_not_at_all(store: &dyn IssueStorage) {
    let key = create_titled(store, "stays").await;
    let before = get(store, key).await;
    let operations = vec![
        Operation::Create(Box::new(Draft::new("never"))),
        update(key, [Change::Title("never".to_owned())]),
        update(key, [Change::Kind(tickety_core::issue::Kind::new("nonsense"))]),
    ];
    let error = apply_at(store, 0, operations).await.expect_err("the last operation is refused");
    assert!(matches!(error, StorageError::Refused { index: 2, .. }), "{error}");
    assert_eq!(get(store, key).await, before);
    assert_eq!(numbers(store, "is:any").await, [1]);
}

/// Operations of one batch build on each other, and links may point forward.
pub async fn operations_refer_to_issues_of_the_same_batch(store: &dyn IssueStorage) {
    let first = Draft { links: vec![(LinkKind::BlockedBy, Target::Created(1))], ..Draft::new("first") };
    let outcome = apply(
        store,
        vec![
            Operation::Create(Box::new(first)),
            Operation::Create(Box::new(Draft::new("second"))),
            Operation::Update {
                target: Target::Created(1),
                expected: None,
                changes: vec![Change::AddLabel("made".to_owned())],
            },
        ],
    )
    .await;
    let keys: Vec<IssueKey> = outcome.outcomes.iter().map(|outcome| outcome.key).collect();
    assert_eq!(keys[1], keys[2]);
    assert!(get(store, keys[0]).await.derived.is_blocked());
    assert!(get(store, keys[1]).await.issue.labels.contains("made"));
    let dangling = Operation::Update { target: Target::Created(0), expected: None, changes: Vec::new() };
    let error = apply_at(store, 0, vec![dangling]).await.expect_err("nothing was created");
    assert!(matches!(error, StorageError::Refused { index: 0, source: OperationError::NotCreated { .. } }), "{error}");
}

/// Each operation tells the version that its issue has when the whole batch is applied, if it still is there.
pub async fn versions_are_those_after_the_whole_batch(store: &dyn IssueStorage) {
    let key = create_titled(store, "first").await;
    let title = |title: &str| update(key, [Change::Title(title.to_owned())]);
    let versions = async |operations| {
        let outcome = apply(store, operations).await;
        outcome.outcomes.into_iter().map(|outcome| outcome.version).collect::<Vec<_>>()
    };
    let twice = versions(vec![title("second"), title("second"), title("third")]).await;
    assert_eq!(twice, [Some(get(store, key).await.version); 3]);
    let delete = |target: Target| Operation::Delete { target, expected: None };
    assert_eq!(versions(vec![title("third"), title("fourth"), delete(key.into())]).await, [None; 3]);
    let short_lived = vec![Operation::Create(Box::new(Draft::new("new"))), delete(Target::Created(0))];
    assert_eq!(versions(short_lived).await, [None; 2]);
}

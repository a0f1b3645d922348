//! Claims about several operations at once.

use tickety_core::ident::{IssueKey, IssueNumber};
use tickety_core::issue::{Kind, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, Operation, OperationError, Target};

use super::{apply, apply_at, at, blocked_by, change, create_titled, get, numbers, update};
use crate::error::StorageError;
use crate::storage::{Batch, BatchMode, BatchOutcome, Effect, IssueStorage};

fn batch(operations: Vec<Operation>) -> Batch {
    Batch::new(operations, Some("ann".to_owned()), at(0))
}

fn new(title: &str) -> Operation {
    Operation::Create(Box::new(Draft::new(title)))
}

fn failed(outcome: &BatchOutcome) -> Vec<usize> {
    outcome.failures.iter().map(|failure| failure.index).collect()
}

fn effects(outcome: &BatchOutcome) -> Vec<(usize, Effect)> {
    outcome.outcomes.iter().map(|outcome| (outcome.index, outcome.effect)).collect()
}

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

/// What is wrong with a batch is told at once, and operations on what can't be made are among it.
pub async fn a_rolled_back_batch_tells_every_failure(store: &dyn IssueStorage) {
    let key = create_titled(store, "stays").await;
    let before = get(store, key).await;
    let missing = Target::from(IssueNumber::new(77).expect("above zero"));
    let made = |at| Operation::Update { target: Target::Created(at), expected: None, changes: Vec::new() };
    let operations = vec![
        new("never"),
        new(" "),
        made(0),
        made(1),
        update(key, [Change::Title("never".to_owned())]),
        Operation::Delete { target: missing, expected: None },
    ];
    let outcome = store.submit(batch(operations), BatchMode::Atomic).await.expect("it can be told");
    assert!(outcome.rolled_back && outcome.outcomes.is_empty());
    assert_eq!(failed(&outcome), [1, 3, 5]);
    match &outcome.failures[1].error {
        StorageError::Refused { index: 3, source: OperationError::NeedsFailed { index: 1, reason } } => {
            assert_eq!(reason, "the title is empty");
        }
        other => panic!("{other}"),
    }
    assert_eq!(get(store, key).await, before);
    assert_eq!(numbers(store, "is:any").await, [1]);
    assert_eq!(create_titled(store, "next").await.number.get(), 2);
}

/// What can be applied is, and the rest is named; numbers have no gaps where something wasn't made.
pub async fn each_operation_can_stand_for_itself(store: &dyn IssueStorage) {
    let key = create_titled(store, "one").await;
    let made = |at, label: &str| Operation::Update {
        target: Target::Created(at),
        expected: None,
        changes: vec![Change::AddLabel(label.to_owned())],
    };
    let operations = vec![
        new("two"),
        new(" "),
        made(1, "lost"),
        new("three"),
        made(0, "kept"),
        update(key, [Change::Kind(Kind::new("nonsense")), Change::Title("never".to_owned())]),
        update(key, [Change::Priority(Priority::High)]),
        update(key, [Change::Priority(Priority::High)]),
        // A link can't point at what comes later.
        Operation::Create(Box::new(Draft {
            links: vec![(LinkKind::BlockedBy, Target::Created(9))],
            ..Draft::new("early")
        })),
        new("four"),
        Operation::Delete { target: Target::Created(3), expected: None },
        made(3, "gone"),
    ];
    let outcome = store.submit(batch(operations), BatchMode::Each).await.expect("it can be told");
    assert!(!outcome.rolled_back);
    let effects = effects(&outcome);
    let expected = [
        (0, Effect::Created),
        (3, Effect::Created),
        (4, Effect::Updated),
        (6, Effect::Updated),
        (7, Effect::Unchanged),
        (9, Effect::Created),
        (10, Effect::Deleted),
    ];
    assert_eq!(effects, expected);
    assert_eq!(failed(&outcome), [1, 2, 5, 8, 11]);
    assert_eq!([Effect::Created, Effect::Deleted].map(|effect| outcome.count(effect)), [3, 1]);
    assert!(matches!(
        outcome.failures[3].error,
        StorageError::Refused { source: OperationError::NotCreated { .. }, .. }
    ));
    assert_eq!(numbers(store, "is:any sort:number-asc").await, [1, 2, 4]);
    let titles = [2, 4].map(|number| IssueNumber::new(number).expect("above zero"));
    let two = store.get(titles[0].into()).await.expect("it was made").issue;
    assert_eq!((two.title.as_str(), two.labels.len()), ("two", 1));
    assert_eq!(store.get(titles[1].into()).await.expect("it was made").issue.title, "four");
    let one = get(store, key).await.issue;
    assert_eq!((one.title.as_str(), one.priority), ("one", Priority::High));
    assert_eq!(create_titled(store, "five").await.number.get(), 5);
}

/// Of several links that make a circle, the last one is refused where operations stand for themselves.
pub async fn a_circle_is_refused_for_the_operation_that_closes_it(store: &dyn IssueStorage) {
    let a = create_titled(store, "a").await;
    let b = create_titled(store, "b").await;
    change(store, a, [blocked_by(b)]).await;
    let on_a = Draft { links: vec![(LinkKind::BlockedBy, a.into())], ..Draft::new("c") };
    let link = |target: Target| Change::AddLink { kind: LinkKind::BlockedBy, target };
    let operations = vec![
        Operation::Create(Box::new(on_a)),
        update(b, [Change::Title("never".to_owned()), link(Target::Created(0))]),
        update(b, [Change::AddLabel("kept".to_owned())]),
        update(a, [Change::RemoveLink { kind: LinkKind::BlockedBy, target: b.into() }]),
        update(b, [link(Target::Created(0))]),
    ];
    let outcome = store.submit(batch(operations), BatchMode::Each).await.expect("it can be told");
    assert_eq!(failed(&outcome), [1]);
    match &outcome.failures[0].error {
        StorageError::Refused { index: 1, source: OperationError::Cycle { walk, .. } } => {
            let c = outcome.outcomes[0].key;
            assert_eq!(*walk, [b, c, a, b]);
        }
        other => panic!("{other}"),
    }
    let kept = get(store, b).await;
    assert_eq!((kept.issue.title.as_str(), kept.issue.labels.len()), ("b", 1));
    assert!(kept.derived.is_blocked(), "the way was free once a link of it was gone");
}

/// A preview tells the issues before and after, and everything stays as it is.
pub async fn a_preview_tells_what_would_be_and_leaves_everything(store: &dyn IssueStorage) {
    let keys = [create_titled(store, "one").await, create_titled(store, "two").await];
    let before = [get(store, keys[0]).await, get(store, keys[1]).await];
    let delete = Operation::Delete { target: keys[1].into(), expected: None };
    let operations = vec![new("three"), update(keys[0], [Change::Title("1".to_owned())]), new(" "), delete];
    let preview = store.preview(batch(operations), BatchMode::Each).await.expect("it can be told");
    assert_eq!(failed(&preview.outcome), [2]);
    assert_eq!(effects(&preview.outcome), [(0, Effect::Created), (1, Effect::Updated), (3, Effect::Deleted)]);
    assert!(preview.outcome.outcomes.iter().all(|outcome| outcome.version.is_none()));
    let title = |issue: &Option<tickety_core::issue::Issue>| issue.as_ref().map(|issue| issue.title.clone());
    let changes: Vec<_> = preview.changes.iter().map(|change| (title(&change.before), title(&change.after))).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(changes, [(text("one"), text("1")), (text("two"), None), (None, text("three"))]);
    assert_eq!([get(store, keys[0]).await, get(store, keys[1]).await], before);
    assert_eq!(create_titled(store, "next").await.number.get(), 3);
}

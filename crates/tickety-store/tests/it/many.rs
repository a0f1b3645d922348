//! Batches that are large enough for several threads do what small ones do.

use std::fs;

use jiff::Timestamp;
use pollster::block_on;
use tickety_core::ident::IssueKey;
use tickety_core::issue::{CloseReason, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_store::ids::IdSource;
use tickety_store::repo::{RepoOptions, RepoStore};
use tickety_store::{Batch, BatchMode, BatchOutcome, IssueStorage as _, StorageError};

use crate::home::{Home, number, update};

/// More than are done one after the other, in two directories.
const ISSUES: u32 = 1_200;

/// Fewer than are worth a thread.
const FEW: usize = 200;

fn seeded(home: &Home) -> RepoStore {
    RepoStore::open(home.path(), RepoOptions { ids: IdSource::seeded(7), ..RepoOptions::default() }).unwrap()
}

fn batch(operations: Vec<Operation>) -> Batch {
    Batch::new(operations, Some("ann".to_owned()), Timestamp::from_second(1_790_000_000).unwrap())
}

fn submit(store: &RepoStore, operations: Vec<Operation>) -> BatchOutcome {
    block_on(store.submit(batch(operations), BatchMode::Each)).unwrap()
}

fn drafts() -> Vec<Operation> {
    let draft = |place: u32| {
        let said = place.is_multiple_of(10).then(|| DraftComment {
            id: None,
            author: Some("bob".to_owned()),
            created: None,
            body: format!("of {place}"),
        });
        Operation::Create(Box::new(Draft {
            body: format!("What is wrong with {place}"),
            comments: said.into_iter().collect(),
            ..Draft::new(format!("issue {place}"))
        }))
    };
    (1..=ISSUES).map(draft).collect()
}

/// Something for every issue, by its number or by its whole name.
fn changes(keys: &[IssueKey]) -> Vec<Operation> {
    let change = |key: &IssueKey| match key.number.get() % 7 {
        0 => Operation::Delete { target: (*key).into(), expected: None },
        1 => update(*key, vec![Change::Priority(Priority::High)]),
        2 => update(number(key.number.get()), vec![Change::Close { reason: CloseReason::Completed, note: None }]),
        3 => update(*key, vec![Change::Title("another title".to_owned()), Change::Body(String::new())]),
        4 => update(number(key.number.get()), vec![Change::AddLabel("many".to_owned())]),
        5 => update(*key, vec![Change::Priority(Priority::default())]),
        _ => update(
            number(key.number.get()),
            vec![Change::AddComment(DraftComment { id: None, author: None, created: None, body: "new".to_owned() })],
        ),
    };
    keys.iter().map(change).collect()
}

fn contents(home: &Home) -> Vec<(String, Vec<u8>)> {
    let name = |path: &std::path::Path| path.strip_prefix(home.path()).unwrap().to_string_lossy().into_owned();
    home.records().iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

#[test]
fn a_large_batch_does_what_small_ones_do() {
    let (large, small) = (Home::new(), Home::new());
    let (at_once, piece_by_piece) = (seeded(&large), seeded(&small));
    let created = submit(&at_once, drafts());
    let keys: Vec<IssueKey> = created.outcomes.iter().map(|outcome| outcome.key).collect();
    let mut outcomes = vec![created.outcomes, submit(&at_once, changes(&keys)).outcomes];
    for (operations, outcomes) in [drafts(), changes(&keys)].into_iter().zip(&mut outcomes) {
        for (piece, expected) in operations.chunks(FEW).zip(outcomes.chunks_mut(FEW)) {
            for (place, outcome) in expected.iter_mut().enumerate() {
                outcome.index = place;
            }
            assert_eq!(submit(&piece_by_piece, piece.to_vec()).outcomes, expected);
        }
    }
    let written = contents(&large);
    assert!(written.len() > 1_000, "{}", written.len());
    assert!(written == contents(&small));
    let listed = |home: &Home| {
        let page = crate::home::list(&home.open(), "is:any limit:1000 sort:number-asc");
        page.issues.into_iter().map(|issue| (issue.key, issue.title, issue.priority)).collect::<Vec<_>>()
    };
    assert_eq!(listed(&large), listed(&small));
}

#[test]
fn what_cannot_be_read_fails_by_itself_in_a_large_batch() {
    let home = Home::new();
    let store = home.open();
    let created = submit(&store, drafts());
    home.edit(301, "title: issue 301", "title: [");
    fs::remove_file(home.record(701)).unwrap();
    home.edit(901, "title: issue 901", "title: edited by hand");
    let keys: Vec<IssueKey> = created.outcomes.iter().map(|outcome| outcome.key).collect();
    let mut operations: Vec<Operation> =
        keys.iter().map(|key| update(*key, vec![Change::AddLabel("seen".to_owned())])).collect();
    operations.push(update(number(5_000), vec![Change::AddLabel("seen".to_owned())]));
    let outcome = submit(&store, operations);
    let failed: Vec<usize> = outcome.failures.iter().map(|failure| failure.index).collect();
    assert_eq!(failed, [300, 700, 1_200]);
    assert!(matches!(outcome.failures[0].error, StorageError::Unreadable { .. }), "{:?}", outcome.failures[0]);
    assert!(matches!(outcome.failures[1].error, StorageError::NotFound { .. }), "{:?}", outcome.failures[1]);
    assert!(matches!(outcome.failures[2].error, StorageError::NotFound { .. }), "{:?}", outcome.failures[2]);
    assert_eq!(outcome.outcomes.len(), 1_198);
    let edited = crate::home::get(&store, 901).unwrap().issue;
    assert_eq!((edited.title.as_str(), edited.labels.len()), ("edited by hand", 1));
    assert!(fs::read_to_string(home.record(301)).unwrap().contains("title: ["));
}

#[cfg(feature = "effort")]
#[test]
fn planning_reads_each_file_once_and_asks_the_index_of_a_large_batch_by_directory() {
    let home = Home::new();
    let store = home.open();
    let created = submit(&store, drafts());
    let keys: Vec<IssueKey> = created.outcomes.iter().map(|outcome| outcome.key).collect();
    let plan = |count: usize| {
        let priority = |key: &IssueKey| update(*key, vec![Change::Priority(Priority::High)]);
        let before = store.effort();
        block_on(store.preview(batch(keys[..count].iter().map(priority).collect()), BatchMode::Atomic)).unwrap();
        let after = store.effort();
        (after.read - before.read, after.statements - before.statements)
    };
    let comments = |count: usize| count as u64 / 10;
    for count in [1, 300, 900, 1_200] {
        let (read, statements) = plan(count);
        assert_eq!(read, count as u64 + comments(count));
        assert!(statements <= 30, "{statements} statements for {count} operations");
    }
}

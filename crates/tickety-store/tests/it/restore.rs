//! What something else destroys is put back.

use std::fs;

use jiff::Timestamp;
use pollster::block_on;
use tickety_core::operation::{Change, DraftComment, Operation};
use tickety_store::repo::{Loss, RepoStore, Restorable, Selection};
use tickety_store::{EventLog as _, Position, StorageError};

use crate::home::{Home, create, get, list, number, titles, update};

fn short(found: Vec<Restorable>) -> Vec<(u32, Loss, usize)> {
    found.into_iter().map(|issue| (issue.key.number.get(), issue.loss, issue.files)).collect()
}

fn restorable(store: &RepoStore) -> Vec<(u32, Loss, usize)> {
    short(store.preview_restore(&selection(&[], &[])).unwrap().others)
}

/// Selects the issues of some numbers.
fn selection(numbers: &[u32], losses: &[Loss]) -> Selection {
    Selection { issues: Some(numbers.iter().map(|wanted| number(*wanted)).collect()), losses: losses.to_vec() }
}

fn restore(store: &RepoStore, selection: &Selection) -> Result<usize, StorageError> {
    store.restore(selection, (Some("ann"), Timestamp::UNIX_EPOCH)).map(|done| done.restored.len())
}

fn restore_some(store: &RepoStore, numbers: &[u32], losses: &[Loss]) -> Result<usize, StorageError> {
    restore(store, &selection(numbers, losses))
}

fn restore_all(store: &RepoStore, losses: &[Loss]) -> usize {
    restore(store, &Selection { issues: None, losses: losses.to_vec() }).unwrap()
}

/// A home whose journal was emptied between two writes.
fn home() -> Home {
    let home = Home::with(&["one", "two"]);
    home.apply(vec![update(number(1), vec![Change::AddComment(DraftComment::new("said"))])]).unwrap();
    let store = home.open();
    crate::home::apply(&store, vec![create("three")]).unwrap();
    home.checkpoint(&store);
    home.apply(vec![update(number(2), vec![Change::Title("zwei".to_owned())])]).unwrap();
    home
}

#[test]
fn what_was_removed_comes_back_as_it_was() {
    let home = home();
    let before: Vec<_> = home.records().iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert_eq!(restorable(&home.open()), []);
    fs::remove_dir_all(home.path().join(".tickety/issues/000")).unwrap();
    let store = home.open();
    assert!(list(&store, "").issues.is_empty());
    let missing = [(1, Loss::Missing, 2), (2, Loss::Missing, 1), (3, Loss::Missing, 1)];
    assert_eq!(restorable(&store), missing);
    assert_eq!(restore_some(&store, &[2], &[Loss::Missing]).unwrap(), 1);
    assert_eq!(titles(&store, ""), ["zwei"]);
    assert_eq!(restore_all(&store, &[Loss::Missing]), 2);
    let after: Vec<_> = home.records().iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert_eq!(after, before);
    assert_eq!(get(&home.open(), 1).unwrap().issue.comments.len(), 1);
    assert_eq!(restorable(&home.open()), []);
}

#[test]
fn what_was_changed_or_deleted_comes_back_only_on_request() {
    let home = home();
    home.edit(2, "title: zwei", "title: deux");
    home.apply(vec![Operation::Delete { target: number(3).into(), expected: None }]).unwrap();
    let store = home.open();
    assert_eq!(restorable(&store), [(2, Loss::Changed, 1), (3, Loss::Deleted, 1)]);
    assert_eq!(restore_all(&store, &[Loss::Missing]), 0);
    let edited = fs::read(home.record(2)).unwrap();
    assert_eq!(restore_some(&store, &[2], &[Loss::Changed]).unwrap(), 1);
    assert_eq!(get(&store, 2).unwrap().issue.title, "zwei");
    let kept = fs::read_dir(home.state().join("kept")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read(kept).unwrap(), edited);
    assert_eq!(restore_some(&store, &[3], &[Loss::Deleted]).unwrap(), 1);
    assert_eq!(titles(&store, ""), ["three", "zwei", "one"]);
    let unknown = restore_some(&store, &[9], &[Loss::Missing]);
    assert!(matches!(unknown, Err(StorageError::NotFound { .. })), "{unknown:?}");
}

#[test]
fn what_is_put_back_is_told_and_is_no_change_from_outside() {
    let home = home();
    fs::remove_file(home.record(2)).unwrap();
    let store = home.open();
    list(&store, "");
    let begun = block_on(store.events(Position::Newest, 0)).unwrap().next;
    restore_some(&store, &[2], &[Loss::Missing]).unwrap();
    list(&home.open(), "");
    let told = block_on(home.open().events(Position::After(begun), 9)).unwrap();
    let types: Vec<_> = told.events.iter().map(|logged| logged.event.event_type().as_str()).collect();
    assert_eq!(types, ["issue.created"]);
    assert_eq!(told.events[0].actor.as_deref(), Some("ann"));
}

#[test]
fn an_issue_with_another_number_is_not_lost() {
    let home = home();
    let moves = [(number(1), tickety_core::IssueNumber::new(9))];
    home.open().renumber(&moves, (None, Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(restorable(&home.open()), []);
}

#[test]
fn a_preview_says_what_a_restore_does() {
    let home = home();
    fs::remove_file(home.record(2)).unwrap();
    home.edit(3, "title: three", "title: drei");
    let store = home.open();
    let wanted = selection(&[2, 3], &[Loss::Missing]);
    let preview = store.preview_restore(&wanted).unwrap();
    assert_eq!(restorable(&store), [(2, Loss::Missing, 1), (3, Loss::Changed, 1)], "nothing was put back");
    assert_eq!(short(preview.withheld.clone()), [(3, Loss::Changed, 1)]);
    assert_eq!(store.restore(&wanted, (None, Timestamp::UNIX_EPOCH)).unwrap(), preview);
    assert_eq!(short(preview.restored), [(2, Loss::Missing, 1)]);
}

#[test]
fn an_unknown_issue_is_told_of_and_an_intact_one_is_known() {
    let home = home();
    fs::remove_file(home.record(2)).unwrap();
    let store = home.open();
    let unknown = selection(&[2, 9], &[Loss::Missing]);
    let told = |error: StorageError| matches!(error, StorageError::NotFound { selector } if selector == number(9));
    assert!(told(store.preview_restore(&unknown).unwrap_err()));
    assert!(told(restore(&store, &unknown).unwrap_err()));
    assert_eq!(restore_some(&store, &[3], &[Loss::Missing]).unwrap(), 0);
    assert_eq!(restorable(&store), [(2, Loss::Missing, 1)]);
}

//! A home comes back from its backup, elsewhere and over what is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use pollster::block_on;
use tempfile::TempDir;
use tickety_core::event::Event;
use tickety_core::operation::{Change, DraftComment, Operation};
use tickety_store::repo::{FileEffect, FromBackup, Loss, RepoOptions, RepoStore, Selection};
use tickety_store::{Batch, EventLog as _, IssueStorage as _, Position, Request, StorageError, StoredIssue};

use crate::home::{Home, apply, create, get, list, number, open_at, titles, update};

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn back_up(store: &RepoStore, folder: &TempDir) -> PathBuf {
    let path = folder.path().join("backup.tar");
    store.backup(&path, true, now()).unwrap();
    path
}

fn restore(folder: &Path, backup: &Path, is_exact: bool) -> Result<FromBackup, StorageError> {
    RepoStore::restore_from(folder, backup, is_exact, (Some("ann"), now()), RepoOptions::default())
}

fn preview(folder: &Path, backup: &Path, is_exact: bool) -> Result<FromBackup, StorageError> {
    RepoStore::preview_restore_from(folder, backup, is_exact, RepoOptions::default())
}

fn all(store: &RepoStore) -> Vec<StoredIssue> {
    let issues = list(store, "is:any sort:number-asc").issues;
    issues.iter().map(|issue| block_on(store.get(issue.key.into())).unwrap()).collect()
}

/// Every path below a folder, with what a file there has in it.
fn everything(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let content = fs::read(&path).ok();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, content));
        }
    }
    found.sort();
    found
}

/// The effects by the number of the issue; 0 for the settings.
fn effects(done: &FromBackup) -> Vec<(u32, FileEffect)> {
    let number = |path: &str| path.rsplit('/').next().and_then(|name| name.get(..6)?.parse().ok()).unwrap_or_default();
    done.files.iter().map(|file| (number(&file.path), file.effect)).collect()
}

#[test]
fn everything_comes_back_in_an_empty_folder() {
    let home = Home::with(&["one", "two", "three"]);
    let request = Request::new("key", [1; 16]).unwrap();
    let keyed = || Batch::new(vec![create("four")], None, now()).once(Some(request.clone()));
    let store = home.open();
    block_on(store.apply(keyed())).unwrap();
    apply(&store, vec![update(number(1), vec![Change::AddComment(DraftComment::new("said"))])]).unwrap();
    apply(&store, vec![Operation::Delete { target: number(3).into(), expected: None }]).unwrap();
    store.set("prefix", "AB").unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    fs::File::open(home.record(2)).unwrap().set_modified(old).unwrap();
    let (before, told) = (all(&home.open()), block_on(store.events(Position::Oldest, 99)).unwrap());
    let (elsewhere, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = back_up(&home.open(), &elsewhere);
    // Numbers that were given out are in no file any more.
    let last = before.last().unwrap().issue.key();
    assert_eq!(last.number.get(), 4);

    let wanted = preview(folder.path(), &backup, false).unwrap();
    assert_eq!(everything(folder.path()), []);
    let done = restore(folder.path(), &backup, false).unwrap();
    assert_eq!(done, wanted);
    assert!(done.is_new && done.brings_events && done.files.iter().all(|file| file.effect == FileEffect::Created));
    let open = || open_at(folder.path(), None).unwrap();
    assert_eq!(all(&open()), before);
    assert_eq!(open().config().schema.prefix, "AB");
    assert_eq!(open().doctor(false).unwrap(), []);

    // The events are there, and no cursor of before means any of them.
    let here = block_on(open().events(Position::Oldest, 99)).unwrap();
    let same = here.events.iter().zip(&told.events).take_while(|(here, there)| here.event == there.event).count();
    assert_eq!(same, told.events.len());
    let gone = block_on(open().events(Position::After(told.next), 9));
    assert!(matches!(gone, Err(StorageError::EventsGone { .. })), "{gone:?}");

    // What the home remembered, it remembers.
    assert!(block_on(open().apply(keyed())).unwrap().replayed);
    let deleted = Selection { issues: Some(vec![number(3)]), losses: vec![Loss::Deleted] };
    assert_eq!(open().restore(&deleted, (None, now())).unwrap().restored.len(), 1);
    apply(&open(), vec![create("five")]).unwrap();
    assert_eq!(titles(&open(), "sort:number-desc"), ["five", "four", "three", "two", "one"]);
    assert_eq!(get(&open(), 5).unwrap().issue.title, "five");
}

#[test]
fn numbers_are_not_given_out_twice_when_the_last_issue_is_gone() {
    let home = Home::with(&["one", "two"]);
    home.apply(vec![Operation::Delete { target: number(2).into(), expected: None }]).unwrap();
    let (elsewhere, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    restore(folder.path(), &back_up(&home.open(), &elsewhere), false).unwrap();
    let created = apply(&open_at(folder.path(), None).unwrap(), vec![create("three")]).unwrap();
    assert_eq!(created.outcomes[0].key.number.get(), 3);
}

#[test]
fn over_a_home_nothing_is_lost_and_its_cursors_stay_good() {
    let home = Home::with(&["one", "two", "three"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = back_up(&home.open(), &elsewhere);
    home.apply(vec![update(number(1), vec![Change::Title("eins".to_owned())]), create("four")]).unwrap();
    fs::remove_file(home.record(2)).unwrap();
    let store = home.open();
    list(&store, "");
    let (edited, begun) =
        (fs::read(home.record(1)).unwrap(), block_on(store.events(Position::Newest, 0)).unwrap().next);
    drop(store);
    let before = everything(home.path());
    let wanted = preview(home.path(), &backup, false).unwrap();
    assert_eq!(everything(home.path()), before);
    let done = restore(home.path(), &backup, false).unwrap();
    assert_eq!(done, wanted);
    let expected = [(1, FileEffect::Replaced), (2, FileEffect::Created), (4, FileEffect::Stays)];
    assert_eq!((effects(&done), done.unchanged, done.is_new, done.brings_events), (expected.into(), 3, false, false));
    assert_eq!(titles(&home.open(), "sort:number-asc"), ["one", "two", "three", "four"]);
    let kept = fs::read_dir(home.state().join("kept")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read(kept).unwrap(), edited);
    // A restore is a write like others.
    let told = block_on(home.open().events(Position::After(begun), 9)).unwrap();
    let types: Vec<_> = told.events.iter().map(|logged| logged.event.event_type().as_str()).collect();
    assert_eq!(types, ["issue.updated", "issue.created", "batch.committed"]);
    assert!(told.events.iter().all(|logged| logged.actor.as_deref() == Some("ann")));
    assert_eq!(restore(home.path(), &backup, false).unwrap().unchanged, 5, "done again, it changes nothing");
    assert_eq!(home.open().doctor(false).unwrap(), []);
    // The counter is where it was.
    assert_eq!(home.apply(vec![create("five")]).unwrap().outcomes[0].key.number.get(), 5);
}

#[test]
fn an_exact_restore_removes_what_the_backup_does_not_have_and_it_can_be_put_back() {
    let home = Home::with(&["one"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = back_up(&home.open(), &elsewhere);
    home.apply(vec![create("two"), update(number(1), vec![Change::AddComment(DraftComment::new("said"))])]).unwrap();
    let two = fs::read(home.record(2)).unwrap();
    let begun = block_on(home.open().events(Position::Newest, 0)).unwrap().next;
    let done = restore(home.path(), &backup, true).unwrap();
    assert_eq!(effects(&done), [(1, FileEffect::Removed), (2, FileEffect::Removed)]);
    assert_eq!(all(&home.open()).len(), 1);
    assert_eq!(get(&home.open(), 1).unwrap().issue.comments, []);
    let told = block_on(home.open().events(Position::After(begun), 9)).unwrap();
    assert!(matches!(told.events[0].event, Event::CommentRemoved { .. }), "{told:?}");
    assert!(matches!(told.events[1].event, Event::IssueDeleted { .. }), "{told:?}");
    let deleted = Selection { issues: None, losses: vec![Loss::Deleted] };
    assert_eq!(home.open().restore(&deleted, (None, now())).unwrap().restored.len(), 2);
    assert_eq!(fs::read(home.record(2)).unwrap(), two);
}

#[test]
fn an_issue_that_was_renumbered_is_not_there_twice() {
    let home = Home::with(&["one", "two"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = back_up(&home.open(), &elsewhere);
    home.open().renumber(&[(number(1), tickety_core::IssueNumber::new(9))], (None, now())).unwrap();
    let done = restore(home.path(), &backup, false).unwrap();
    assert_eq!(effects(&done), [(1, FileEffect::Renamed), (9, FileEffect::Stays)]);
    assert_eq!(home.open().doctor(false).unwrap(), []);
    let exact = restore(home.path(), &backup, true).unwrap();
    assert_eq!(effects(&exact), [(1, FileEffect::Created), (9, FileEffect::Removed)]);
    assert_eq!(home.open().doctor(false).unwrap(), []);
}

#[test]
fn a_damaged_backup_changes_nothing() {
    let home = Home::with(&["one", "two"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = back_up(&home.open(), &elsewhere);
    home.edit(1, "title: one", "title: eins");
    let whole = fs::read(&backup).unwrap();
    let (before, empty) = (everything(home.path()), tempfile::tempdir().unwrap());
    for step in 0..200 {
        let place = step * whole.len() / 200;
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        for bytes in [&damaged[..], &whole[..place]] {
            fs::write(&backup, bytes).unwrap();
            for folder in [home.path(), empty.path()] {
                for refused in [restore(folder, &backup, true), preview(folder, &backup, true)] {
                    assert!(matches!(refused, Err(StorageError::BadBackup { .. })), "byte {place}: {refused:?}");
                }
            }
        }
    }
    assert_eq!(everything(home.path()), before);
    assert_eq!(everything(empty.path()), []);
}

#[test]
fn nothing_is_written_through_a_link() {
    let home = Home::with(&["one"]);
    let (elsewhere, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = back_up(&home.open(), &elsewhere);
    let victim = elsewhere.path().join("victim");
    fs::create_dir(&victim).unwrap();
    let link = |to: &str| std::os::unix::fs::symlink(&victim, folder.path().join(to)).unwrap();
    link(".tickety");
    assert!(restore(folder.path(), &backup, false).is_err());
    fs::remove_file(folder.path().join(".tickety")).unwrap();
    for below in ["issues", "issues/000", "local", "local/requests", "local/contents", "local/events", "local/kept"] {
        let path = folder.path().join(".tickety").join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        link(&format!(".tickety/{below}"));
        // Where nothing has to be written there, it succeeds.
        drop(restore(folder.path(), &backup, false));
        assert_eq!(everything(&victim), [], "{below}");
        fs::remove_dir_all(folder.path().join(".tickety")).unwrap();
    }
}

#[test]
fn a_home_without_its_settings_gets_them_back() {
    let home = Home::with(&["one"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = back_up(&home.open(), &elsewhere);
    let config = home.path().join(".tickety/config.toml");
    let before = fs::read(&config).unwrap();
    for damage in [None, Some("format = [")] {
        match damage {
            None => fs::remove_file(&config).unwrap(),
            Some(text) => fs::write(&config, text).unwrap(),
        }
        restore(home.path(), &backup, false).unwrap();
        assert_eq!(fs::read(&config).unwrap(), before);
        assert_eq!(titles(&home.open(), ""), ["one"]);
    }
}

#[test]
fn what_is_no_issue_is_left_out_and_named() {
    let home = Home::with(&["one"]);
    fs::write(home.record(1).with_file_name("notes.txt"), "mine").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = home.open().backup(&elsewhere.path().join("backup.tar"), false, now()).unwrap();
    assert_eq!((backup.issues, backup.comments), (1, 0));
    let named: Vec<_> = backup.left_out.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(named, [".tickety/issues/000/notes.txt"]);
}

//! Issues that are written while they are read.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tickety_core::operation::Change;
use tickety_store::repo::lock::{LockOptions, WriteLock};
use tickety_store::repo::{RepoOptions, RepoStore};
use tickety_store::{FreshnessMode, StorageError};

use crate::home::{Home, apply, create, get, number, titles, update};

/// Lists are answered from the index and an issue from its file: both tell the same.
#[test]
fn an_issue_is_never_ahead_of_the_lists() {
    const ROUNDS: u32 = 500;
    let home = Home::with(&["turn 0"]);
    let record = home.record(1);
    let text = fs::read_to_string(&record).unwrap();
    let (begun, written) = (AtomicU32::new(0), AtomicU32::new(0));
    let (store, trusting) = (home.open(), home.open_with(Some(FreshnessMode::Trust)));
    let mut ahead = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 1..=ROUNDS {
                let aside = record.with_extension("new");
                fs::write(&aside, text.replace("turn 0", &format!("turn {turn}"))).unwrap();
                while begun.load(Ordering::Acquire) < turn {
                    thread::yield_now();
                }
                fs::rename(&aside, &record).unwrap();
                written.store(turn, Ordering::Release);
            }
        });
        for turn in 1..=ROUNDS {
            begun.store(turn, Ordering::Release);
            let issue = get(&store, 1).unwrap().issue;
            if titles(&trusting, "") != [issue.title] {
                ahead.push(turn);
            }
            while written.load(Ordering::Acquire) < turn {
                thread::yield_now();
            }
        }
    });
    assert_eq!(ahead, [0; 0]);
}

#[test]
fn what_a_writer_has_not_finished_is_nothing_wrong() {
    let home = Home::with(&["one"]);
    let options = RepoOptions { lock_wait: Duration::ZERO, ..RepoOptions::default() };
    let store = RepoStore::open(home.path(), options).unwrap();
    assert_eq!(store.doctor(false).unwrap(), []);
    let writing = WriteLock::acquire(store.layout(), &LockOptions::new("tickety new")).unwrap();
    assert_eq!(store.doctor(false).unwrap(), [], "what looks right isn't looked at again");
    let half = home.record(1).with_file_name(".tmp-half");
    fs::write(&half, "half of a record").unwrap();
    let error = store.doctor(false).unwrap_err();
    assert!(matches!(&error, StorageError::Locked { .. }) && error.to_string().contains("tickety new"), "{error}");
    drop(writing);
    let findings = home.open().doctor(false).unwrap();
    assert_eq!(findings.len(), 1, "nobody is going to finish it: {findings:?}");
    assert!(half.exists());
}

#[test]
fn an_index_is_right_while_others_write() {
    const WRITES: u32 = 60;
    let home = Home::with(&["one"]);
    let done = AtomicBool::new(false);
    let mut wrong = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let store = home.open();
            for turn in 0..WRITES {
                let change = Change::Title(format!("turn {turn}"));
                apply(&store, vec![update(number(1), vec![change]), create("another")]).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let store = home.open();
        while !done.load(Ordering::Acquire) {
            wrong.extend(store.verify_index().unwrap().iter().map(ToString::to_string));
            wrong.extend(store.doctor(false).unwrap().into_iter().map(|finding| finding.message));
        }
    });
    assert_eq!(wrong, Vec::<String>::new());
}

/// Lets a writer wait that has seen an issue, changes the issue meanwhile, and returns what came of the first one.
#[cfg(feature = "effort")]
fn write_late(mine: Change, theirs: (&str, &str)) -> (Home, Result<(), StorageError>) {
    let home = Home::with(&["base"]);
    let options = RepoOptions { lock_wait: Duration::from_secs(600), ..RepoOptions::default() };
    let store = RepoStore::open(home.path(), options).unwrap();
    let read = || store.effort().read;
    let before = read();
    let late = thread::scope(|scope| {
        let held = WriteLock::acquire(store.layout(), &LockOptions::new("tickety edit")).unwrap();
        let late = scope.spawn(|| apply(&store, vec![update(number(1), vec![mine])]).map(drop));
        while read() == before {
            thread::yield_now();
        }
        home.edit(1, theirs.0, theirs.1);
        drop(held);
        late.join().unwrap()
    });
    (home, late)
}

#[cfg(feature = "effort")]
#[test]
fn who_waited_overwrites_nothing_that_it_had_not_seen() {
    let theirs = ("title: base", "title: theirs");
    let (home, late) = write_late(Change::Title("mine".to_owned()), theirs);
    match late.unwrap_err() {
        StorageError::FieldConflict { fields, .. } => assert_eq!(fields.len(), 1),
        other => panic!("{other}"),
    }
    assert_eq!(titles(&home.open(), ""), ["theirs"]);
    let (home, late) = write_late(Change::AddLabel("mine".to_owned()), theirs);
    late.unwrap();
    let issue = get(&home.open(), 1).unwrap().issue;
    assert_eq!((issue.title.as_str(), issue.labels.len()), ("theirs", 1));
}

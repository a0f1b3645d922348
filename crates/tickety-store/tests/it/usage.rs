//! What is counted of the use of the index.

use std::path::Path;

use tickety_store::FreshnessMode;

use crate::home::{Home, list, open_at};

fn answers(path: &Path) -> u64 {
    open_at(path, None).unwrap().usage().unwrap().answers
}

#[test]
fn a_process_that_stays_adds_what_it_counted_now_and_then() {
    let home = Home::with(&["one"]);
    let stays = home.open_with(Some(FreshnessMode::Trust));
    for _ in 0..300 {
        list(&stays, "is:open");
    }
    assert_eq!(answers(home.path()), 256);
    assert_eq!(stays.usage().unwrap().answers, 300);
    list(&stays, "is:open");
    drop(stays);
    assert_eq!(answers(home.path()), 301);
}

#[test]
fn threads_and_processes_are_counted_together() {
    let home = Home::with(&["one"]);
    let shared = home.open_with(Some(FreshnessMode::Trust));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..300).for_each(|_| drop(list(&shared, "is:open"))));
            // What a command does.
            scope.spawn(|| (0..300).for_each(|_| drop(list(&home.open_with(Some(FreshnessMode::Trust)), "is:open"))));
        }
    });
    assert_eq!(shared.usage().unwrap().answers, 2400);
    let length = std::fs::metadata(home.state().join("usage")).unwrap().len();
    assert!(length < 64 * 1300, "it was summed up: {length}");
}

#[test]
fn where_nothing_can_be_written_questions_are_answered_all_the_same() {
    let home = Home::with(&["one"]);
    let usage = home.state().join("usage");
    std::fs::remove_file(&usage).ok();
    std::fs::create_dir(&usage).unwrap();
    let store = home.open();
    assert_eq!(list(&store, "is:open").issues.len(), 1);
    store.record_usage();
    let error = store.usage().unwrap_err();
    assert!(error.to_string().contains("is a directory where a file is expected"), "{error}");
}

#[test]
fn a_linked_state_directory_is_not_written_to() {
    let home = Home::with(&["one"]);
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(home.state(), elsewhere.path().join("state")).unwrap();
    let usage = elsewhere.path().join("state/usage");
    std::fs::write(&usage, "mine").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("state"), home.state()).unwrap();
    let store = home.open();
    assert_eq!(list(&store, "is:open").issues.len(), 1);
    store.record_usage();
    assert!(store.usage().is_err() && store.clear_usage().is_err());
    drop(store);
    assert_eq!(std::fs::read_to_string(&usage).unwrap(), "mine");
}

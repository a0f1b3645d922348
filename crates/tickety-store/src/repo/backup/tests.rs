use std::collections::BTreeMap;
use std::time::Duration;

use pollster::block_on;
use tempfile::TempDir;
use tickety_core::operation::{Change, Draft, DraftComment, Operation};

use super::*;
use crate::repo::os::fault;
use crate::repo::{Check, RepoOptions, init};
use crate::storage::{Batch, IssueStorage as _};

fn options() -> RepoOptions {
    RepoOptions { lock_wait: Duration::ZERO, ..RepoOptions::default() }
}

fn apply(folder: &Path, operations: Vec<Operation>) {
    let store = RepoStore::open(folder, options()).unwrap();
    block_on(store.apply(Batch::new(operations, None, Timestamp::UNIX_EPOCH))).unwrap();
}

fn create(title: &str) -> Operation {
    Operation::Create(Box::new(Draft::new(title)))
}

/// The files of a home but its state, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.join(".tickety")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true if path.ends_with("local") => {}
                true => folders.push(path),
                false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    found
}

/// The issues among them, by name.
fn issues(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_issue = |path: &Path| path.extension().is_some_and(|end| end == "md");
    let named = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files(folder).into_iter().filter(|(path, _)| is_issue(path)).map(|(path, text)| (named(&path), text)).collect()
}

/// A home with two issues and a comment, and a backup of it.
fn backed_up() -> (TempDir, PathBuf) {
    fault::revive();
    fault::fail_syncs(false);
    fault::set_boot(1);
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("home");
    fs::create_dir(&folder).unwrap();
    init(&folder, "T").unwrap();
    apply(&folder, vec![create("one"), create("two")]);
    let target = tickety_core::IssueNumber::new(1).unwrap().into();
    let said = vec![Change::AddComment(DraftComment::new("said"))];
    apply(&folder, vec![Operation::Update { target, expected: None, changes: said }]);
    let backup = temp.path().join("backup.tar");
    RepoStore::open(&folder, options()).unwrap().backup(&backup, false, Timestamp::UNIX_EPOCH).unwrap();
    (temp, backup)
}

fn restore(folder: &Path, backup: &Path, is_exact: bool) -> Result<FromBackup, StorageError> {
    RepoStore::restore_from(folder, backup, is_exact, (None, Timestamp::UNIX_EPOCH), options())
}

#[test]
fn a_restore_that_dies_anywhere_has_changed_all_or_nothing_and_can_be_done_again() {
    let (temp, backup) = backed_up();
    let wanted = issues(&temp.path().join("home"));
    assert_eq!(wanted.len(), 3);
    for is_new in [true, false] {
        let mut outcomes = (0, 0);
        for steps in 0.. {
            let other = tempfile::tempdir().unwrap();
            let folder = other.path();
            let before = if is_new {
                BTreeMap::new()
            } else {
                init(folder, "T").unwrap();
                apply(folder, vec![create("other")]);
                issues(folder)
            };
            fault::die_after(steps);
            let done = restore(folder, &backup, true);
            let died = fault::revive();
            assert!(died || done.is_ok(), "after {steps} steps: {done:?}");
            // The next command completes what was acknowledged.
            if let Ok(store) = RepoStore::open(folder, options()) {
                store.recover();
                let found = issues(folder);
                assert!(found == before || found == wanted, "after {steps} steps: {:?}", found.keys());
                *if found == wanted { &mut outcomes.1 } else { &mut outcomes.0 } += 1;
            }
            restore(folder, &backup, true).unwrap();
            assert_eq!(issues(folder), wanted, "after {steps} steps");
            // What was being made lies there until it is made again.
            let mut findings = RepoStore::open(folder, options()).unwrap().doctor(false).unwrap();
            findings.retain(|finding| finding.check != Check::Leftover);
            assert_eq!(findings, [], "after {steps} steps");
            apply(folder, vec![create("next")]);
            assert!(issues(folder).keys().any(|name| name.starts_with("000003-")), "after {steps} steps");
            if !died {
                break;
            }
        }
        assert!(outcomes.0 > 5 && outcomes.1 > 5, "{outcomes:?}");
    }
}

#[test]
fn a_backup_that_dies_anywhere_leaves_no_file_of_its_name_or_a_whole_one() {
    let (temp, _) = backed_up();
    let home = temp.path().join("home");
    for steps in 0.. {
        let backup = temp.path().join(format!("{steps}.tar"));
        fault::die_after(steps);
        let done = RepoStore::open(&home, options()).unwrap().backup(&backup, false, Timestamp::UNIX_EPOCH);
        let died = fault::revive();
        if backup.exists() {
            archive::Archive::open(&backup).unwrap();
        }
        if !died {
            assert_eq!(done.unwrap().issues, 2);
            assert!(steps > 3, "{steps}");
            return;
        }
        assert!(done.is_err() || backup.exists(), "after {steps} steps");
    }
}

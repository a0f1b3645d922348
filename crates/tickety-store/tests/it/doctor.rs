//! The doctor names what is damaged, and what vanished.

#![expect(clippy::disallowed_methods, reason = "starts git")]

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use pollster::block_on;
use tickety_store::repo::{Check, Loss, Remedy, RepoStore, Selection};
use tickety_store::{Batch, IssueStorage as _, Request};

use crate::home::{Home, apply, create, list, number, open_at};

fn examined(store: &RepoStore, fix: bool) -> Vec<(Check, Remedy)> {
    store.doctor(fix).unwrap().into_iter().map(|finding| (finding.check, finding.remedy)).collect()
}

/// Returns the numbers of the issues that vanished.
fn vanished(store: &RepoStore) -> Vec<String> {
    let findings = store.doctor(false).unwrap().into_iter();
    assert!(findings.clone().all(|finding| (finding.check, finding.remedy) == (Check::Vanished, Remedy::Note)));
    findings.map(|finding| finding.subject.split('-').next().unwrap().to_owned()).collect()
}

#[test]
fn what_vanished_from_a_folder_is_named_with_what_to_do() {
    let home = Home::with(&["one", "two"]);
    fs::remove_file(home.record(2)).unwrap();
    let store = home.open();
    let findings = store.doctor(false).unwrap();
    assert_eq!(vanished(&store), ["2"]);
    let (key, message) = (&findings[0].subject, &findings[0].message);
    assert!(message.starts_with("`two` vanished: written ") && message.contains(&format!("`tickety restore {key}`")));
    let selection = Selection { issues: Some(vec![number(2)]), losses: vec![Loss::Missing] };
    store.restore(&selection, (None, Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(store.doctor(false).unwrap(), []);
    // What Tickety deletes is meant.
    home.apply(vec![tickety_core::operation::Operation::Delete { target: number(1).into(), expected: None }]).unwrap();
    assert_eq!(store.doctor(false).unwrap(), []);
}

#[test]
fn a_removal_that_is_committed_is_meant_and_another_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
        let mut command = Command::new("git");
        command.args(settings).args(arguments).current_dir(dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let open = || open_at(dir.path(), None).unwrap();
    let record = |number: u32| {
        let shard = fs::read_dir(dir.path().join(".tickety/issues/000")).unwrap();
        let begin = format!("{number:06}-");
        let path = shard.map(|entry| entry.unwrap().path());
        path.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begin)).unwrap()
    };
    git(&["init", "-q"]);
    tickety_store::repo::init(dir.path(), "TIK").unwrap();
    apply(&open(), vec![create("one"), create("two"), create("three")]).unwrap();
    // Nothing is committed at all.
    let two = (record(2), fs::read(record(2)).unwrap());
    fs::remove_file(&two.0).unwrap();
    assert_eq!(vanished(&open()), ["2"]);
    fs::write(&two.0, &two.1).unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "three issues"]);
    git(&["checkout", "-qb", "side"]);
    apply(&open(), vec![create("four"), create("five")]).unwrap();
    git(&["add", record(4).to_str().unwrap()]);
    git(&["commit", "-qm", "one more"]);
    git(&["rm", "-q", record(3).to_str().unwrap()]);
    assert_eq!(vanished(&open()), ["3"], "the removal is not committed");
    git(&["commit", "-qm", "one less"]);
    assert_eq!(vanished(&open()), [""; 0]);
    git(&["checkout", "-q", "main"]);
    assert_eq!(vanished(&open()), [""; 0], "4 is on the other branch");
    fs::remove_file(record(1)).unwrap();
    git(&["clean", "-qfd"]);
    assert_eq!(vanished(&open()), ["1", "5"]);
}

/// Damages a file in the middle.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_damaged_file_of_the_state_is_named_and_mended_with_a_copy() {
    let home = Home::new();
    let request = Request::new("key", [1; 16]).unwrap();
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    let batch = || Batch::new(vec![create("one")], None, now).once(Some(request.clone()));
    let store = home.open();
    block_on(store.apply(batch())).unwrap();
    list(&store, "");
    home.checkpoint(&store);
    let state = home.state();
    let only = |folder: &str| fs::read_dir(state.join(folder)).unwrap().next().unwrap().unwrap().path();
    assert_eq!(home.open().doctor(false).unwrap(), []);
    let counter = fs::read(state.join("counter")).unwrap();
    damage(&state.join("counter"));
    damage(&only("requests"));
    fs::write(state.join("events/log"), "no log").unwrap();
    fs::write(state.join(".tmp-usage"), "half").unwrap();
    fs::write(home.path().join(".tickety/.tmp-config.toml"), "half").unwrap();
    let wrong = [Check::Leftover, Check::Leftover, Check::Counter, Check::Events, Check::Request];
    assert_eq!(examined(&home.open(), false), wrong.map(|check| (check, Remedy::Fixable)));
    assert_eq!(examined(&home.open(), true), wrong.map(|check| (check, Remedy::Fixed)));
    assert_eq!(home.open().doctor(false).unwrap(), []);
    assert_eq!(fs::read(state.join("events/log.damaged-1")).unwrap(), b"no log");
    assert_ne!(fs::read(state.join("counter.damaged-1")).unwrap(), counter);
    assert_eq!(fs::read(state.join("counter")).unwrap(), counter, "it goes on from 2");
    assert_eq!(fs::read_dir(state.join("kept")).unwrap().count(), 1, "the damaged request");
    assert!(!block_on(home.open().apply(batch())).unwrap().replayed);
}

#[test]
fn damage_that_nothing_depends_on_is_noted() {
    let home = Home::with(&["one"]);
    let store = home.open();
    apply(&store, vec![create("two")]).unwrap();
    home.checkpoint(&store);
    list(&store, "");
    drop(store);
    let kept = fs::read_dir(home.state().join("contents")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&kept).unwrap();
    damage(&home.state().join("usage"));
    for damaged in [&whole[..whole.len() - 1], &whole[..100], b"", b"no journal"] {
        fs::write(&kept, damaged).unwrap();
        let notes = [(Check::Contents, Remedy::Note), (Check::Usage, Remedy::Note)];
        assert_eq!(examined(&home.open(), true), notes, "{}", damaged.len());
    }
    fs::write(&kept, whole).unwrap();
    assert_eq!(examined(&home.open(), false), [(Check::Usage, Remedy::Note)]);
}

//! The doctor names what is damaged, and what vanished.

#![expect(clippy::disallowed_methods, reason = "starts git")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use pollster::block_on;
use tempfile::TempDir;
use tickety_core::operation::{Change, Operation};
use tickety_store::repo::{Check, Loss, Remedy, RepoStore, Selection};
use tickety_store::{Batch, IssueStorage as _, Request};

use crate::home::{Home, apply, create, list, number, open_at, titles, update};

fn examined(store: &RepoStore, fix: bool) -> Vec<(Check, Remedy)> {
    store.doctor(fix).unwrap().into_iter().map(|finding| (finding.check, finding.remedy)).collect()
}

/// A home with the code of a git repository.
struct Repo {
    dir: TempDir,
}

impl Repo {
    fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q"]);
        tickety_store::repo::init(repo.dir.path(), "TIK").unwrap();
        repo
    }

    fn git(&self, arguments: &[&str]) {
        let settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
        let mut command = Command::new("git");
        command.args(settings).args(arguments).current_dir(self.dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["commit", "-qm", message]);
    }

    fn open(&self) -> RepoStore {
        open_at(self.dir.path(), None).unwrap()
    }

    fn apply(&self, operations: Vec<Operation>) {
        apply(&self.open(), operations).unwrap();
    }

    fn edit(&self, wanted: u32, title: &str) {
        self.apply(vec![update(number(wanted), vec![Change::Title(title.to_owned())])]);
    }

    fn record(&self, number: u32) -> PathBuf {
        let shard = fs::read_dir(self.dir.path().join(".tickety/issues/000")).unwrap();
        let begin = format!("{number:06}-");
        let mut paths = shard.map(|entry| entry.unwrap().path());
        paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begin)).unwrap()
    }
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
    home.apply(vec![Operation::Delete { target: number(1).into(), expected: None }]).unwrap();
    assert_eq!(store.doctor(false).unwrap(), []);
}

#[test]
fn a_removal_that_is_committed_is_meant_and_another_is_named() {
    let repo = Repo::new();
    let (git, open, record) = (|arguments: &[&str]| repo.git(arguments), || repo.open(), |number| repo.record(number));
    repo.apply(vec![create("one"), create("two"), create("three")]);
    // Nothing is committed at all.
    let two = (record(2), fs::read(record(2)).unwrap());
    fs::remove_file(&two.0).unwrap();
    assert_eq!(vanished(&open()), ["2"]);
    fs::write(&two.0, &two.1).unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "three issues"]);
    git(&["checkout", "-qb", "side"]);
    repo.apply(vec![create("four"), create("five")]);
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

/// Returns what of each check is named, by number.
fn named(store: &RepoStore) -> Vec<(Check, String)> {
    let findings = store.doctor(false).unwrap().into_iter();
    findings.map(|finding| (finding.check, finding.subject.split('-').next().unwrap().to_owned())).collect()
}

#[test]
fn an_edit_that_git_undid_is_named_until_it_is_back() {
    let repo = Repo::new();
    let undone = |number: &str| vec![(Check::Undone, number.to_owned())];
    repo.apply(vec![create("one"), create("two")]);
    repo.commit("two issues");
    repo.edit(1, "uno");
    repo.edit(2, "due");
    assert_eq!(named(&repo.open()), []);
    repo.git(&["checkout", "-q", "--", repo.record(1).to_str().unwrap()]);
    let findings = repo.open().doctor(false).unwrap();
    let (key, message) = (&findings[0].subject, &findings[0].message);
    assert!(message.contains("`uno`") && message.contains(&format!("`tickety restore {key} --changed`")), "{message}");
    assert_eq!(findings[0].remedy, Remedy::Note);
    assert_eq!(named(&repo.open()), undone("1"));
    repo.git(&["reset", "-q", "--hard"]);
    assert_eq!(named(&repo.open()), [undone("1"), undone("2")].concat());
    let selection = Selection { issues: Some(vec![number(1)]), losses: vec![Loss::Missing, Loss::Changed] };
    repo.open().restore(&selection, (None, Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(titles(&repo.open(), "sort:title"), ["two", "uno"]);
    assert_eq!(named(&repo.open()), undone("2"));
    // An edit on another branch goes with a forced checkout, also where that branch has the file otherwise.
    repo.commit("one edit");
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    repo.edit(2, "zwei");
    repo.git(&["checkout", "-q", "-f", "main"]);
    assert_eq!(named(&repo.open()), undone("2"));
    // What was new on that branch is missing in a commit, too, and its last edit is in none.
    repo.git(&["checkout", "-q", "side"]);
    repo.edit(2, "zwei");
    repo.apply(vec![create("three")]);
    repo.commit("a third one");
    repo.edit(3, "drei");
    repo.git(&["checkout", "-q", "-f", "main"]);
    assert_eq!(named(&repo.open()), [(Check::Vanished, "3".to_owned())]);
}

#[test]
fn what_git_has_and_what_people_changed_themselves_is_not_named() {
    let repo = Repo::new();
    repo.apply(vec![create("one"), create("two"), create("three")]);
    repo.commit("three issues");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.edit(1, "uno");
    repo.commit("an edit on a branch");
    repo.git(&["checkout", "-q", "main"]);
    assert_eq!(named(&repo.open()), [], "another branch has it");
    repo.edit(2, "due");
    repo.git(&["stash", "-q"]);
    assert_eq!(named(&repo.open()), [], "the stash has it");
    repo.git(&["stash", "pop", "-q"]);
    repo.commit("an edit here");
    repo.git(&["merge", "-q", "--no-edit", "side"]);
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    assert_eq!(named(&repo.open()), [], "it was committed, and so was what undid it");
    repo.git(&["reset", "-q", "--hard", "HEAD~2"]);
    repo.git(&["branch", "-q", "-D", "side"]);
    assert_eq!(named(&repo.open()), [], "the reflog has it");
    // An editor goes on with an edit, and its result is committed.
    repo.edit(3, "tre");
    let text = fs::read_to_string(repo.record(3)).unwrap();
    fs::write(repo.record(3), text.replace("tre", "trois")).unwrap();
    assert_eq!(named(&repo.open()), [], "somebody is at work on it");
    repo.commit("an edit by hand");
    assert_eq!(named(&repo.open()), [], "it was committed as somebody wanted it");
    repo.git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
    assert_eq!(named(&repo.open()), []);
    // Deleted by hand after an edit.
    repo.git(&["checkout", "-q", "main"]);
    repo.edit(3, "quattro");
    repo.git(&["rm", "-q", "-f", repo.record(3).to_str().unwrap()]);
    repo.git(&["commit", "-qm", "one less"]);
    assert_eq!(named(&repo.open()), []);
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

//! What was written in a linked work tree outlasts it.

#![expect(clippy::disallowed_methods, reason = "the tests are about what git does")]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use tempfile::TempDir;
use tickety_core::operation::Change;
use tickety_store::repo::{Check, Finding, Loss, Remedy, RepoStore, Restorable, Selection};

use crate::home::{apply, create, number, open_at, titles, update};

/// A clone with an issue on main and a second work tree, `side`.
struct Clone {
    dir: TempDir,
}

impl Clone {
    fn new() -> Self {
        let clone = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(clone.at("main")).unwrap();
        clone.git("main", &["init", "-q"]);
        tickety_store::repo::init(&clone.at("main"), "TIK").unwrap();
        apply(&clone.store("main"), vec![create("one")]).unwrap();
        clone.commit("main");
        clone.add("side");
        clone
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self, name: &str) -> RepoStore {
        open_at(&self.at(name), None).unwrap()
    }

    fn git(&self, at: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(self.at(at))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self, at: &str) {
        self.git(at, &["add", "--all"]);
        self.git(at, &["commit", "--quiet", "--allow-empty", "--message", "Issues"]);
    }

    fn add(&self, name: &str) {
        let path = self.at(name);
        self.git("main", &["worktree", "add", "--quiet", "--detach", path.to_str().unwrap()]);
    }

    fn remove(&self, name: &str) {
        self.git("main", &["worktree", "remove", "--force", self.at(name).to_str().unwrap()]);
    }

    /// Has the journal of a work tree emptied.
    fn checkpoint(&self, name: &str) {
        let to = self.dir.path().join("backup");
        self.store(name).backup(&to, true, Timestamp::UNIX_EPOCH).unwrap();
    }

    fn remains(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.at("main/.git/tickety/worktrees")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn lost(store: &RepoStore) -> Vec<Restorable> {
    let selection = Selection { issues: Some(Vec::new()), losses: Vec::new() };
    let found = store.preview_restore(&selection).unwrap().others;
    found.into_iter().filter(|issue| issue.work_tree.is_some()).collect()
}

fn short(found: &[Restorable]) -> Vec<(&str, Loss)> {
    found.iter().map(|issue| (issue.title.as_deref().unwrap_or_default(), issue.loss)).collect()
}

fn restore(store: &RepoStore, losses: &[Loss]) -> usize {
    let selection = Selection { issues: None, losses: losses.to_vec() };
    store.restore(&selection, (Some("ann"), Timestamp::UNIX_EPOCH)).unwrap().restored.len()
}

fn vanished(store: &RepoStore) -> Vec<Finding> {
    let found = store.doctor(false).unwrap();
    assert!(found.iter().all(|finding| finding.remedy == Remedy::Note), "{found:?}");
    found.into_iter().filter(|finding| finding.check == Check::Vanished).collect()
}

fn edit(clone: &Clone, at: &str, issue: u32, title: &str) {
    apply(&clone.store(at), vec![update(number(issue), vec![Change::Title(title.to_owned())])]).unwrap();
}

#[test]
fn what_went_with_its_work_tree_is_named_and_brought_into_another() {
    for is_checkpointed in [false, true] {
        let clone = Clone::new();
        apply(&clone.store("side"), vec![create("two")]).unwrap();
        edit(&clone, "side", 1, "eins");
        if is_checkpointed {
            clone.checkpoint("side");
        }
        apply(&clone.store("side"), vec![create("three")]).unwrap();
        let main = clone.store("main");
        assert_eq!(lost(&main), [], "it is there");
        clone.remove("side");
        let found = lost(&main);
        assert_eq!(short(&found), [("eins", Loss::Changed), ("two", Loss::Missing), ("three", Loss::Missing)]);
        assert_eq!(found[0].work_tree.as_deref(), Some("side"));
        let named = vanished(&main);
        assert_eq!(named.len(), 3, "{named:?}");
        assert!(named[0].message.contains("went with the work tree `side`"), "{named:?}");
        assert!(named[0].message.contains("--changed` brings it here"), "{named:?}");
        assert_eq!(restore(&main, &[Loss::Missing]), 2);
        assert_eq!(titles(&clone.store("main"), ""), ["three", "two", "one"]);
        assert_eq!(restore(&main, &[Loss::Changed]), 1);
        assert_eq!(titles(&clone.store("main"), ""), ["three", "two", "eins"]);
        assert_eq!((lost(&main), vanished(&main)), (Vec::new(), Vec::new()));
        // What becomes of it here is known here, and in other work trees.
        edit(&clone, "main", 2, "zwei");
        clone.add("other");
        assert_eq!((lost(&main), lost(&clone.store("other"))), (Vec::new(), Vec::new()));
    }
}

#[test]
fn what_was_committed_or_deleted_is_not_lost() {
    let clone = Clone::new();
    let side = clone.store("side");
    apply(&side, vec![create("two"), create("three")]).unwrap();
    clone.commit("side");
    clone.git("side", &["branch", "kept"]);
    let delete = tickety_core::operation::Operation::Delete { target: number(3).into(), expected: None };
    apply(&side, vec![create("four"), delete]).unwrap();
    let delete = tickety_core::operation::Operation::Delete { target: number(4).into(), expected: None };
    apply(&side, vec![delete]).unwrap();
    edit(&clone, "side", 1, "eins");
    // Somebody goes on in an editor, and commits that.
    let shard = clone.at("side/.tickety/issues/000");
    let record = fs::read_dir(shard).unwrap().map(|entry| entry.unwrap().path());
    let record = record.into_iter().find(|path| path.to_string_lossy().contains("/000001-")).unwrap();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("eins", "uno")).unwrap();
    clone.commit("side");
    clone.git("side", &["branch", "--force", "kept"]);
    clone.remove("side");
    let main = clone.store("main");
    assert_eq!((lost(&main), vanished(&main)), (Vec::new(), Vec::new()));
    clone.git("main", &["branch", "-D", "kept"]);
    clone.git("main", &["reflog", "expire", "--expire=now", "--all"]);
    assert_eq!(short(&lost(&main)).len(), 2, "the branch is gone, too");
}

#[test]
fn a_work_tree_that_moved_is_there_and_one_made_again_is_another() {
    let clone = Clone::new();
    apply(&clone.store("side"), vec![create("two")]).unwrap();
    let moved = clone.at("moved");
    clone.git("main", &["worktree", "move", clone.at("side").to_str().unwrap(), moved.to_str().unwrap()]);
    let main = clone.store("main");
    assert_eq!(lost(&main), []);
    apply(&clone.store("moved"), vec![create("three")]).unwrap();
    assert_eq!(clone.remains().len(), 1);
    clone.remove("moved");
    // Git gives the same name to the next one.
    clone.add("side");
    apply(&clone.store("side"), vec![create("four")]).unwrap();
    assert_eq!(clone.remains().len(), 2);
    assert_eq!(short(&lost(&main)), [("two", Loss::Missing), ("three", Loss::Missing)]);
    assert_eq!(short(&lost(&clone.store("side"))), [("two", Loss::Missing), ("three", Loss::Missing)]);
    // One that was removed without git is gone before git notices, and after.
    fs::remove_dir_all(clone.at("side")).unwrap();
    assert_eq!(lost(&main).len(), 3);
    clone.git("main", &["worktree", "prune"]);
    assert_eq!(lost(&main).len(), 3);
}

#[test]
fn a_journal_from_before_gets_its_second_name_once() {
    let clone = Clone::new();
    apply(&clone.store("side"), vec![create("two")]).unwrap();
    clone.checkpoint("side");
    let journal = clone.at("main/.git/worktrees/side/tickety/journal");
    let names = || fs::metadata(&journal).unwrap().nlink();
    assert_eq!(names(), 2);
    fs::remove_dir_all(clone.at("main/.git/tickety/worktrees")).unwrap();
    fs::remove_file(clone.at("main/.git/worktrees/side/tickety/remains")).unwrap();
    assert_eq!(names(), 1);
    apply(&clone.store("side"), vec![create("three")]).unwrap();
    assert_eq!(names(), 2);
    assert_eq!(clone.remains().len(), 1);
    clone.remove("side");
    assert_eq!(short(&lost(&clone.store("main"))), [("two", Loss::Missing), ("three", Loss::Missing)]);
    // The main work tree's needs none.
    apply(&clone.store("main"), vec![create("four")]).unwrap();
    assert_eq!(fs::metadata(clone.at("main/.git/tickety/journal")).unwrap().nlink(), 1);
}

#[test]
fn what_remains_takes_little_room() {
    let clone = Clone::new();
    apply(&clone.store("side"), vec![create("two")]).unwrap();
    clone.remove("side");
    let held = clone.remains().pop().unwrap().join("journal");
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let before = length(&held);
    apply(&clone.store("main"), vec![create("three")]).unwrap();
    clone.checkpoint("main");
    assert!(length(&held) <= 16 << 10 && length(&held) < before, "{} of {before}", length(&held));
    assert_eq!(short(&lost(&clone.store("main"))), [("two", Loss::Missing)]);
}

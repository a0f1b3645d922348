//! Clones of one repository, each with its home.

#![expect(clippy::disallowed_methods, reason = "the tests are about what git does")]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use pollster::block_on;
use tempfile::TempDir;
use tickety_core::Issue;
use tickety_core::operation::{Change, Operation};
use tickety_store::repo::{RepoStore, Resolution, init};
use tickety_store::{Batch, IssueStorage as _};

use crate::home::{create, get, number, open_at, update};

/// Clones, and the clock that all of them have.
pub(crate) struct Clones {
    folder: TempDir,
    seconds: Cell<i64>,
}

/// What git said.
pub(crate) struct Said {
    pub(crate) done: bool,
    pub(crate) text: String,
}

impl Clones {
    /// Makes clones of a repository with issues of these titles.
    pub(crate) fn new(names: &[&str], titles: &[&str]) -> Self {
        let clones = Self { folder: tempfile::tempdir().unwrap(), seconds: Cell::new(1_790_000_000) };
        let [first, others @ ..] = names else { panic!("no clones") };
        fs::create_dir(clones.path(first)).unwrap();
        clones.git(first, &["init", "--quiet", "--initial-branch=main"]);
        init(&clones.path(first), "TIK").unwrap();
        clones.apply(first, titles.iter().map(|title| create(title)).collect());
        for other in others {
            let target = clones.path(other);
            clones.git(first, &["clone", "--quiet", ".", target.to_str().unwrap()]);
        }
        clones
    }

    pub(crate) fn path(&self, clone: &str) -> PathBuf {
        self.folder.path().join(clone)
    }

    pub(crate) fn store(&self, clone: &str) -> RepoStore {
        open_at(&self.path(clone), None).unwrap()
    }

    /// Runs git, which has to succeed.
    pub(crate) fn git(&self, clone: &str, arguments: &[&str]) -> String {
        let said = self.try_git(clone, arguments);
        assert!(said.done, "git {arguments:?}: {}", said.text);
        said.text
    }

    pub(crate) fn try_git(&self, clone: &str, arguments: &[&str]) -> Said {
        let date = format!("{} +0000", self.now().as_second());
        let mut command = Command::new("git");
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(variable);
        }
        let output = command
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "core.fsync=none"])
            .args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(arguments)
            .current_dir(self.path(clone))
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_EDITOR", "true")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .expect("git is installed");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Said { done: output.status.success(), text }
    }

    /// Commits everything, a minute after what was before.
    pub(crate) fn commit(&self, clone: &str) {
        self.pass();
        self.git(clone, &["add", "--all"]);
        self.git(clone, &["commit", "--quiet", "--allow-empty", "--message", "change"]);
    }

    /// Lets a minute pass.
    pub(crate) fn pass(&self) {
        self.seconds.set(self.seconds.get() + 60);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds.get()).unwrap()
    }

    /// Changes an issue, and commits that.
    pub(crate) fn edit(&self, clone: &str, issue: u32, changes: Vec<Change>) {
        self.apply(clone, vec![update(number(issue), changes)]);
    }

    pub(crate) fn apply(&self, clone: &str, operations: Vec<Operation>) {
        self.apply_only(clone, operations);
        self.commit(clone);
    }

    /// Applies operations without a commit.
    pub(crate) fn apply_only(&self, clone: &str, operations: Vec<Operation>) {
        let batch = Batch::new(operations, Some(clone.to_owned()), self.now());
        block_on(self.store(clone).apply(batch)).unwrap();
    }

    /// Fetches what another clone has and begins to merge it; true if git could do it all.
    pub(crate) fn merge(&self, clone: &str, other: &str) -> bool {
        self.pass();
        let other = self.path(other);
        self.git(clone, &["fetch", "--quiet", other.to_str().unwrap(), "main"]);
        self.try_git(clone, &["merge", "--no-edit", "FETCH_HEAD"]).done
    }

    pub(crate) fn resolve(&self, clone: &str) -> Resolution {
        self.store(clone).resolve(None, (Some("ann"), self.now())).unwrap()
    }

    /// Merges, settles what git can't, and commits.
    pub(crate) fn merge_and_resolve(&self, clone: &str, other: &str) -> Resolution {
        let merged = self.merge(clone, other);
        let resolution = self.resolve(clone);
        assert_eq!(self.git(clone, &["ls-files", "--unmerged"]), "");
        if !merged {
            self.git(clone, &["commit", "--quiet", "--no-edit"]);
        }
        self.git(clone, &["add", "--all"]);
        self.try_git(clone, &["commit", "--quiet", "--message", "what followed"]);
        assert_eq!(self.git(clone, &["status", "--porcelain"]), "");
        resolution
    }

    pub(crate) fn issue(&self, clone: &str, issue: u32) -> Issue {
        get(&self.store(clone), issue).unwrap().issue
    }

    /// Returns what names the issues' files in the last commit.
    pub(crate) fn tree(&self, clone: &str) -> String {
        self.git(clone, &["rev-parse", "HEAD^{tree}"])
    }

    /// Returns the files of the issues by their paths below the home.
    pub(crate) fn files(&self, clone: &str) -> Vec<String> {
        let listed = self.git(clone, &["ls-files", "--cached", "--others", "--", ".tickety/issues"]);
        let mut files: Vec<String> = listed.lines().map(str::to_owned).collect();
        files.retain(|file| Path::exists(&self.path(clone).join(file)));
        files.dedup();
        files
    }
}

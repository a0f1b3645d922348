//! Moving the home of a repository.
//!
//! The new home is made whole and durable beside its place, put there by one renaming, and the old one is removed last.
//! A home of the clone counts before one in the work tree, so whenever the process dies, there is one home that counts
//! and has everything, and the same command again goes on.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tickety_core::ident::IssueKey;

use super::super::counter;
use super::super::files::HomeDir;
use super::super::git::{BranchFile, Git, Past};
use super::super::init;
use super::super::layout::{GitDirs, HOME_DIR, HomeKind, HomePath, LOCAL_DIR, RecordPath, TEMPORARY_PREFIX, state_dir};
use super::super::lock::WriteLock;
use super::super::scan::{Scan, Scanner};
use super::super::state;
use super::super::store::RepoStore;
use super::super::{files, os};
use super::making::{Making, beside};
use super::{check_branch_is_free, git_of, remove_all};
use crate::error::StorageError;
use crate::storage::IssueSummary;

/// What of the state goes along: what isn't derived and not in the journal, which is emptied before.
const STATE: [&str; 5] = ["events", "requests", "contents", "kept", "usage"];

/// A home that was moved, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// What it was.
    pub from: HomeKind,
    /// Where it was.
    pub old_root: PathBuf,
    /// Where it is.
    pub root: PathBuf,
    /// How many files it has.
    pub files: usize,
    /// Issues on other branches of the code that the home doesn't have: they are left there.
    pub elsewhere: Vec<IssueKey>,
}

impl RepoStore {
    /// Moves the home, with the log of its events and all that can be restored. On a branch of its own, it goes on from
    /// the history that the issues have with the code. `who` does it, now. The store is of no use afterwards. With `dry_run`, only tells.
    pub fn move_home(
        &self,
        to: HomeKind,
        who: (Option<&str>, Timestamp),
        dry_run: bool,
    ) -> Result<Moved, StorageError> {
        let from = self.layout.kind;
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        if let Some(problem) = self.left_out().problems().into_iter().next() {
            let (message, hint) = (format!("{}: {}", problem.path, problem.message), "then move the home".to_owned());
            return Err(StorageError::HomeRefused { message, hint });
        }
        let files = self.files_of_home()?;
        let checkout = self.check_movable(to, &files)?;
        let root = match to {
            HomeKind::Tree => checkout.work_tree.clone(),
            HomeKind::Branch | HomeKind::Local => checkout.clone_home(),
        };
        let elsewhere = if from == HomeKind::Tree { self.issues_elsewhere()? } else { Vec::new() };
        let moved = Moved { from, old_root: self.layout.root.clone(), root, files: files.len(), elsewhere };
        if dry_run {
            return Ok(moved);
        }
        // The same command again goes on where another was killed.
        self.left_by_moves(true)?;
        if from == to {
            return Ok(moved);
        }
        let updated = self.times_of_updates(&lock)?;
        self.settle_events(&lock, &journal)?;
        journal.checkpoint(&self.home)?;
        if from == HomeKind::Branch
            && let Some(git) = Git::of(&self.layout)
        {
            git.commit_issue_branch(Past::Branch, &files, "Move the issues elsewhere\n", &git.author(who.0, who.1)?)?;
        }
        let making = Making::begin(&checkout, &checkout.work_tree)?;
        // Of a home on no branch, the state is in the home.
        let (ready, state) = match to {
            HomeKind::Branch => {
                let git = git_of(&checkout)?;
                let past = match (git.issue_branch()?, from) {
                    (Some(_), _) => Past::Branch,
                    (None, HomeKind::Tree) => Past::Code,
                    (None, _) => Past::Nothing,
                };
                let author = git.author(who.0, who.1)?;
                git.commit_issue_branch(past, &files, "Keep the issues on a branch of their own\n", &author)?;
                let (ready, git_dir) = making.check_out(&git)?;
                (ready, state_dir(&git_dir, Path::new("")))
            }
            HomeKind::Local => {
                let root = making.empty_root()?;
                let state = root.join(HOME_DIR).join(LOCAL_DIR);
                (root, state)
            }
            HomeKind::Tree => (making.empty_root()?, state_dir(&checkout.git_dir, Path::new(""))),
        };
        // Git may write files otherwise than they were.
        for file in &files {
            write(&ready.join(&file.path), file)?;
        }
        self.copy_state(&state)?;
        match to {
            HomeKind::Tree => making.put_in_work_tree(&ready)?,
            HomeKind::Branch | HomeKind::Local => making.put_in_place(&ready)?,
        }
        if to != HomeKind::Branch {
            // No commit tells any more when an issue was changed.
            for (path, time) in updated {
                let file = fs::File::open(moved.root.join(HOME_DIR).join(path.as_str()));
                // Without, it counts as changed now.
                let _ = file.and_then(|file| file.set_modified(time.into()));
            }
        }
        self.remove_old_home(to, &making)?;
        Ok(moved)
    }

    /// Returns when each issue was last changed, by its file.
    fn times_of_updates(&self, lock: &WriteLock) -> Result<Vec<(HomePath, Timestamp)>, StorageError> {
        self.look_again(Some(lock))?;
        let keys: Vec<IssueKey> = keys_of(&self.scan()?).into_iter().collect();
        let found = self.ask(Some(lock), |handle| Ok(handle.index.summaries(&keys)?))?;
        let time = |summary: IssueSummary| (RecordPath::issue(summary.key).home_path(), summary.updated);
        Ok(found.into_iter().flatten().map(time).collect())
    }

    /// Fails where the home can't be moved. Returns the work tree that the command was given in.
    fn check_movable(&self, to: HomeKind, files: &[BranchFile]) -> Result<GitDirs, StorageError> {
        let refuse = |message: String, hint: &str| Err(StorageError::HomeRefused { message, hint: hint.to_owned() });
        let Some(checkout) = self.layout.checkout.clone() else {
            let message = format!("{} is not in a git repository", self.layout.root.display());
            return refuse(message, "the home of a plain folder stays where it is");
        };
        if self.layout.kind == HomeKind::Tree && self.layout.root != checkout.work_tree {
            let message = format!("{} is not at the root of its repository", self.layout.home.display());
            return refuse(message, "only the home at the root can be moved");
        }
        if self.layout.kind != HomeKind::Tree {
            let root = &self.layout.root;
            let failed = |source| StorageError::Io { action: "list", path: root.clone(), source };
            for entry in fs::read_dir(root).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                if name != HOME_DIR && name != ".git" {
                    let path = root.join(name);
                    return refuse(format!("{} is no issue", path.display()), "move it elsewhere, then try again");
                }
            }
        }
        let in_tree = checkout.work_tree.join(HOME_DIR);
        if to == HomeKind::Tree && self.layout.kind != to && in_tree.symlink_metadata().is_ok() {
            let mut there = Vec::new();
            collect(&in_tree, HOME_DIR, true, &mut there)?;
            // A process that died here may have left it.
            if there != files {
                let message = format!("{} is there already, from before the home was moved", in_tree.display());
                return refuse(message, "remove it, or rename it, then try again");
            }
        }
        if self.layout.kind == HomeKind::Tree && to != HomeKind::Tree {
            for (work_tree, git_dir) in counter::checkouts(&checkout)? {
                let git = GitDirs { work_tree: work_tree.clone(), git_dir, common_dir: checkout.common_dir.clone() };
                let is_other = work_tree != checkout.work_tree && work_tree.join(HOME_DIR).is_dir();
                if is_other && !git_of(&git)?.dirty_paths()?.is_empty() {
                    let message = format!("{} has issues that aren't committed", work_tree.display());
                    return refuse(message, "commit them and merge its branch, so that they are moved too");
                }
            }
        }
        if to == HomeKind::Branch && self.layout.kind != to {
            let git = git_of(&checkout)?;
            if git.issue_branch()?.is_none() {
                check_branch_is_free(&git)?;
            }
        }
        Ok(checkout)
    }

    /// Returns all files of the home but those that one checkout keeps for itself.
    fn files_of_home(&self) -> Result<Vec<BranchFile>, StorageError> {
        let mut found = Vec::new();
        collect(&self.layout.home, HOME_DIR, true, &mut found)?;
        Ok(found)
    }

    /// Returns the issues on other branches of the code that the home doesn't have.
    fn issues_elsewhere(&self) -> Result<Vec<IssueKey>, StorageError> {
        let Some(git) = Git::of(&self.layout) else { return Ok(Vec::new()) };
        let ours = keys_of(&self.scan()?);
        let mut elsewhere = BTreeSet::new();
        for branch in git.unmerged_branches()? {
            elsewhere.extend(git.issues_at(&branch)?.into_iter().filter(|key| !ours.contains(key)));
        }
        Ok(elsewhere.into_iter().collect())
    }

    /// Returns the home that the code's branch still has though the issues were moved, and what is to be said of it.
    pub(in crate::repo) fn shadowed_home(&self) -> Option<(String, String)> {
        let checkout = self.layout.checkout.as_ref().filter(|_| self.layout.kind != HomeKind::Tree)?;
        let path = checkout.work_tree.join(HOME_DIR);
        let shadowed = HomeDir::open_at(&path).ok()?;
        let there = Scanner::open(&shadowed).and_then(|scanner| scanner.scan_all(1)).ok()?;
        let ours = keys_of(&self.scan().ok()?);
        let others: Vec<IssueKey> = keys_of(&there).difference(&ours).copied().collect();
        let home = self.layout.root.display();
        let message = match others.first() {
            None => {
                format!("is from before the issues were moved to {home}, and counts no more: `git rm -r {HOME_DIR}`")
            }
            Some(first) => format!(
                "counts no more, since the issues were moved to {home}, but has {} that the home hasn't, such as {first}: copy their files there",
                if others.len() == 1 { "1 issue".to_owned() } else { format!("{} issues", others.len()) },
            ),
        };
        Some((path.display().to_string(), message))
    }

    /// Copies what of the state is neither derived nor in the journal.
    fn copy_state(&self, to: &Path) -> Result<(), StorageError> {
        state::make_directory(to)?;
        // One may be left from before, of other files.
        remove_any(&to.join("index.db"))?;
        for name in STATE {
            let mut found = Vec::new();
            let path = self.layout.state.join(name);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => collect(&path, name, false, &mut found)?,
                Ok(metadata) if metadata.is_file() => found.push(read(&path, name.to_owned())?),
                _ => {}
            }
            remove_any(&to.join(name))?;
            for file in found {
                write(&to.join(&file.path), &file)?;
            }
        }
        Ok(())
    }

    /// Removes the home that counts no more.
    fn remove_old_home(&self, to: HomeKind, making: &Making<'_>) -> Result<(), StorageError> {
        match self.layout.kind {
            HomeKind::Tree => {
                // In one step, so that no half of it looks like a home.
                let beside = beside(&self.layout.home);
                remove_all(&beside)?;
                fs::rename(&self.layout.home, &beside).map_err(|source| StorageError::Io {
                    action: "remove",
                    path: self.layout.home.clone(),
                    source,
                })?;
                remove_all(&beside)?;
            }
            HomeKind::Branch | HomeKind::Local if to == HomeKind::Tree => {
                making.put_away(&making.checkout.clone_home())?;
            }
            HomeKind::Branch | HomeKind::Local => {}
        }
        if self.layout.kind == HomeKind::Branch
            && let Some(git) = &self.layout.git
        {
            remove_all(&git.git_dir)?;
        }
        Ok(())
    }
}

/// Returns the issues that have records.
pub(super) fn keys_of(scan: &Scan) -> BTreeSet<IssueKey> {
    scan.shards.iter().flat_map(|shard| &shard.entries).map(|entry| entry.path.issue).collect()
}

impl Making<'_> {
    /// Puts a home into the work tree with the code.
    fn put_in_work_tree(&self, ready: &Path) -> Result<(), StorageError> {
        let place = self.checkout.work_tree.join(HOME_DIR);
        if place.symlink_metadata().is_ok() {
            return Ok(());
        }
        let failed = |source| StorageError::Io { action: "make", path: place.clone(), source };
        // The work tree may be on another file system than git's directory.
        let beside = beside(&place);
        remove_all(&beside)?;
        if fs::rename(ready.join(HOME_DIR), &beside).is_err() {
            let mut files = Vec::new();
            collect(&ready.join(HOME_DIR), "", true, &mut files)?;
            for file in files {
                write(&beside.join(&file.path), &file)?;
            }
        }
        let directory = os::open_directory(&beside).map_err(failed)?;
        os::sync_file_system(directory.as_fd()).map_err(failed)?;
        fs::rename(&beside, &place).map_err(failed)?;
        os::sync_directory(&self.checkout.work_tree).map_err(failed)
    }
}

/// Reads the files below a directory, which get names below another. Links and devices are refused.
pub(super) fn collect(dir: &Path, name: &str, is_home: bool, found: &mut Vec<BranchFile>) -> Result<(), StorageError> {
    let failed = |source| StorageError::Io { action: "list", path: dir.to_owned(), source };
    let mut entries = fs::read_dir(dir).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let refuse = |why: &str| {
            let message = format!("{} {why}", path.display());
            Err(StorageError::HomeRefused { message, hint: "move it out of the home, then try again".to_owned() })
        };
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else { return refuse("has a name that is not UTF-8") };
        if file_name.starts_with(TEMPORARY_PREFIX) || (is_home && name == HOME_DIR && file_name == LOCAL_DIR) {
            continue;
        }
        let below = if name.is_empty() { file_name.to_owned() } else { format!("{name}/{file_name}") };
        match entry.file_type().map_err(failed)? {
            kind if kind.is_dir() => collect(&path, &below, is_home, found)?,
            kind if kind.is_file() => found.push(read(&path, below)?),
            _ => return refuse("is no file"),
        }
    }
    Ok(())
}

fn read(path: &Path, name: String) -> Result<BranchFile, StorageError> {
    let failed = |source| StorageError::Io { action: "read", path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    let bytes = files::read_foreign(path, u64::MAX).map_err(failed)?;
    Ok(BranchFile { path: name, bytes, is_executable: mode & 0o100 != 0 })
}

/// Writes a file, unless it is there with the same content.
pub(super) fn write(path: &Path, file: &BranchFile) -> Result<(), StorageError> {
    let failed = |source| StorageError::Io { action: "write", path: path.to_owned(), source };
    if fs::read(path).is_ok_and(|bytes| bytes == file.bytes) {
        return Ok(());
    }
    init::make_directory(path.parent().unwrap_or(path))?;
    fs::write(path, &file.bytes).map_err(failed)?;
    if file.is_executable {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    Ok(())
}

fn remove_any(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => remove_all(path),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StorageError::Io { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

//! Settling what git could not merge, by field.
//!
//! The versions come from git's index or, where that has none, from the markers in the files. The results are written as
//! any write is, and then put into git's index in the place of the versions: this is the one thing for which Tickety
//! touches that, since it is what settling means.

mod copies;
mod driver;
mod lookalikes;
mod orphans;
mod plan;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::issue::Issue;
use tickety_core::merge::Overruled;

use super::commit::{About, Moves};
use super::files::{Content, RECORD_LIMIT};
use super::format;
use super::git::{Git, Staged};
use super::layout::{HomePath, RecordPath};
use super::lock::WriteLock;
use super::restore::names;
use super::store::RepoStore;
use crate::error::StorageError;
use crate::plan::PlannedChange;
pub(super) use lookalikes::name_of;

pub use driver::{InstalledDriver, install_merge_driver, merge_file};
use plan::Planner;

/// What became of merges that git could not finish.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resolution {
    /// The issues that were settled, by name.
    pub resolved: Vec<ResolvedIssue>,
    /// The files that nobody but a person can settle.
    pub left: Vec<LeftFile>,
    /// The numbers that several issues have.
    pub ambiguous: BTreeMap<IssueNumber, BTreeSet<IssueKey>>,
    /// How many files are as merged in git's index now.
    pub staged: usize,
    /// Why git still has the files as unmerged; they were written all the same.
    pub unstaged: Option<String>,
}

impl Resolution {
    /// Adds what became of further ones, later.
    pub(super) fn add(&mut self, later: Self) {
        let Self { resolved, left, ambiguous, staged, unstaged } = later;
        self.resolved.extend(resolved);
        self.staged += staged;
        (self.left, self.ambiguous, self.unstaged) = (left, ambiguous, unstaged);
    }

    /// Whether there is nothing left that somebody has to settle by hand.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.unstaged.is_none() && !self.resolved.iter().any(ResolvedIssue::has_conflict)
    }
}

/// An issue that was settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedIssue {
    /// Its name.
    pub key: IssueKey,
    /// Its title, if there is a record of it.
    pub title: Option<String>,
    /// How many files were merged, brought back, moved or removed.
    pub files: usize,
    /// The values that gave way, each kept in a comment.
    pub overruled: Vec<Overruled>,
    /// Whether the body has two versions of some lines between markers.
    pub body_conflict: bool,
    /// The names of the comments' files whose texts have such lines.
    pub comment_conflicts: Vec<String>,
    /// Whether one side had deleted it, and it is kept because of what the other did.
    pub undeleted: bool,
    /// The name it has on one of the sides, if that is another one.
    pub renumbered_from: Option<IssueKey>,
}

impl ResolvedIssue {
    fn new(key: IssueKey) -> Self {
        Self {
            key,
            title: None,
            files: 0,
            overruled: Vec::new(),
            body_conflict: false,
            comment_conflicts: Vec::new(),
            undeleted: false,
            renumbered_from: None,
        }
    }

    /// Whether two versions of some lines are left in it.
    pub fn has_conflict(&self) -> bool {
        self.body_conflict || !self.comment_conflicts.is_empty()
    }
}

/// A file that was left as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftFile {
    /// Where, relative to the root of the home.
    pub path: String,
    /// Why, and what to do.
    pub message: String,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Work {
    /// What becomes of each file; `None` removes it.
    files: BTreeMap<HomePath, FileChange>,
    /// What becomes of paths in git's index.
    staged: Vec<Staged>,
    /// What is told of each issue: as it was on our side, and as it is.
    issues: BTreeMap<IssueKey, (Option<Issue>, Option<Issue>)>,
    /// Whether git is in the midst of a merge, or the like.
    is_merging: bool,
    resolution: Resolution,
}

/// What becomes of files with markers that git has no versions of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Markers {
    Settled,
    Left,
}

/// What becomes of a file.
#[derive(Clone, Debug)]
struct FileChange {
    before: Option<Content>,
    after: Option<Vec<u8>>,
}

impl RepoStore {
    /// Returns what [`resolve`](Self::resolve) would do; changes nothing.
    pub fn preview_resolve(&self, issues: Option<&[IssueSelector]>) -> Result<Resolution, StorageError> {
        self.recover();
        Ok(self.plan_resolution(None, issues, Markers::Settled)?.resolution)
    }

    /// Settles what git could not merge, of some issues or of all. `who` does it, now.
    ///
    /// What is replaced is kept beside. Done a second time, it changes nothing.
    pub fn resolve(
        &self,
        issues: Option<&[IssueSelector]>,
        who: (Option<&str>, Timestamp),
    ) -> Result<Resolution, StorageError> {
        self.settle(issues, Markers::Settled, who)
    }

    /// Settles what git has merged without a conflict, and wrongly: comments without their issue, copies, mixtures. Files
    /// with markers are left to people.
    pub(super) fn resolve_merged(&self, who: (Option<&str>, Timestamp)) -> Result<Resolution, StorageError> {
        self.settle(None, Markers::Left, who)
    }

    fn settle(
        &self,
        issues: Option<&[IssueSelector]>,
        markers: Markers,
        (actor, now): (Option<&str>, Timestamp),
    ) -> Result<Resolution, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        let work = self.plan_resolution(Some(&lock), issues, markers)?;
        let Work { files, staged, issues, is_merging, mut resolution } = work;
        if !files.is_empty() {
            let mut kept: Vec<PathBuf> = Vec::new();
            let mut transaction = journal.begin(&self.home, now)?;
            for (path, FileChange { before, after }) in &files {
                if let Some(before) = before {
                    kept.push(self.keep_aside(path, &before.bytes)?);
                }
                match (before.as_ref().map(Content::version), after) {
                    (before, Some(bytes)) => drop(transaction.put(path, before, bytes)?),
                    (Some(version), None) => {
                        let bytes = before.as_ref().map(|before| before.bytes.as_slice()).unwrap_or_default();
                        transaction.remove(path, version, bytes)?;
                    }
                    (None, None) => {}
                }
            }
            self.sync_kept(&kept)?;
            let version = super::files::hash(&[]);
            let changes: BTreeMap<IssueKey, PlannedChange> = issues
                .into_iter()
                .map(|(key, (before, after))| {
                    let before = before.map(|before| (Arc::new(before), version));
                    (key, PlannedChange { before, after: after.map(Arc::new) })
                })
                .collect();
            let about = About { actor, now, source: None };
            let mut note = self.note_of(&changes, &Moves::new(), about);
            // Where git has the two sides, the same can be made of them again.
            note.settles = is_merging && files.keys().all(|path| staged.iter().any(|staged| staged.path == *path));
            transaction.note(&note.to_bytes())?;
            let committed = transaction.commit()?;
            self.has_written.store(true, Ordering::Relaxed);
            let id = committed.id();
            let applied = journal.apply(&self.home, committed)?;
            self.look_again(Some(&lock))?;
            if let Some(id) = id {
                // The journal has the events too, and the next write makes up for what fails here.
                let _ = self.log_write(&lock, &journal, id, &note);
            }
            if let Some(kept) = applied.kept.first() {
                return Err(StorageError::Overtaken { path: self.layout.home.join(kept.path.as_str()) });
            }
        }
        if !staged.is_empty()
            && let Some(git) = Git::of(&self.layout)
            && let Err(error) = git.stage(&staged)
        {
            (resolution.staged, resolution.unstaged) = (0, Some(StorageError::from(error).to_string()));
        }
        Ok(resolution)
    }

    /// Returns what the merge that is checked out, or is under way, has put from one record into another one: what is gone,
    /// and what has its edit.
    pub(super) fn mix_ups(&self) -> Result<Vec<(RecordPath, RecordPath)>, StorageError> {
        Planner::new(self, None)?.find_mixtures()
    }

    fn plan_resolution(
        &self,
        lock: Option<&WriteLock>,
        issues: Option<&[IssueSelector]>,
        markers: Markers,
    ) -> Result<Work, StorageError> {
        self.look_again(lock)?;
        let mut planner = Planner::new(self, issues)?;
        planner.merge_stages()?;
        planner.undo_mixtures()?;
        planner.join_copies()?;
        if markers == Markers::Settled {
            let problems = self.ask(lock, |handle| Ok(handle.index.problems()?))?;
            planner.merge_marked(&problems)?;
        }
        planner.settle_orphans()?;
        let work = planner.finish();
        for selector in issues.into_iter().flatten() {
            let is_met = work.resolution.resolved.iter().any(|issue| names(*selector, issue.key))
                || work.resolution.left.iter().any(|left| {
                    super::unreadable::record_at(&left.path).is_some_and(|path| names(*selector, path.issue))
                });
            if !is_met && self.ask(lock, |handle| Ok(handle.index.resolve(*selector)?))?.is_empty() {
                return Err(StorageError::NotFound { selector: *selector });
            }
        }
        Ok(work)
    }

    /// Reads a record as it is.
    fn read_record(&self, path: &HomePath) -> Result<Option<Content>, StorageError> {
        Ok(self.home.read(path, RECORD_LIMIT)?)
    }

    /// Reads the issue in a file, if it can be read.
    fn issue_in(&self, path: RecordPath, bytes: &[u8]) -> Option<Issue> {
        format::parse_issue(bytes, path.issue, &self.schema).ok()
    }
}

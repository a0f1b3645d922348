//! Putting back what was acknowledged and is gone.
//!
//! What Tickety itself removed, or somebody else changed, is put back only on request: a branch may have it otherwise on
//! purpose. Whatever is replaced is kept beside. What was written in a work tree that is gone, and is nowhere else, counts
//! as missing, or as changed where there is a file of the same name here.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueSelector};

use super::commit::{About, Moves};
use super::files::{Content, FileError, RECORD_LIMIT};
use super::format;
use super::layout::HomePath;
use super::lock::WriteLock;
use super::losses::{Losses, Lost};
use super::store::RepoStore;
use super::{os, state};
use crate::error::StorageError;
use crate::plan::PlannedChange;
use crate::storage::FreshnessMode;

/// Up to how many files are synced one by one, which doesn't wait for what others write.
const FEW: usize = 16;

/// An issue whose files aren't as Tickety left them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restorable {
    /// Its name.
    pub key: IssueKey,
    /// Its title, if the last content can be read.
    pub title: Option<String>,
    /// When Tickety last wrote it, or removed it.
    pub written: Timestamp,
    /// What became of it.
    pub loss: Loss,
    /// How many files would be put back.
    pub files: usize,
    /// What git called the work tree in which it was written, if that is gone.
    pub work_tree: Option<String>,
    /// Whether all that would be put back is how a merge was settled. Where that was given up, nothing is lost.
    pub settled: bool,
}

/// What became of the files of an issue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Loss {
    /// Something else removed some of them.
    Missing,
    /// Something else changed some of them.
    Changed,
    /// Tickety removed them, because somebody deleted the issue or a comment.
    Deleted,
}

impl Loss {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// Which issues to put back.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The issues; where absent all, but for what was settled in a merge.
    pub issues: Option<Vec<IssueSelector>>,
    /// What must have become of them.
    pub losses: Vec<Loss>,
}

impl Selection {
    fn names(&self, key: IssueKey) -> bool {
        self.issues.as_ref().is_none_or(|issues| issues.iter().any(|selector| names(*selector, key)))
    }
}

pub(super) fn names(selector: IssueSelector, key: IssueKey) -> bool {
    match selector {
        IssueSelector::Name(name) => name.names(key),
        IssueSelector::Id(id) => id.suffix() == key.suffix,
    }
}

/// What a selection means for the issues whose files aren't as Tickety left them. Each list is in the order of the names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Restoration {
    /// Those that are put back.
    pub restored: Vec<Restorable>,
    /// Those that are selected by name, and not by what became of them.
    pub withheld: Vec<Restorable>,
    /// The rest.
    pub others: Vec<Restorable>,
}

impl RepoStore {
    /// Returns what [`restore`](Self::restore) would do; changes nothing.
    pub fn preview_restore(&self, selection: &Selection) -> Result<Restoration, StorageError> {
        self.recover();
        Ok(self.plan_restore(None, selection)?.0)
    }

    /// Puts the selected issues back and returns what was put back. `who` does it, now.
    ///
    /// Fails with [`StorageError::NotFound`] if an issue is named that there is not and never was, as far as that is
    /// known.
    pub fn restore(
        &self,
        selection: &Selection,
        (actor, now): (Option<&str>, Timestamp),
    ) -> Result<Restoration, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        let (restoration, losses) = self.plan_restore(Some(&lock), selection)?;
        let is_wanted = |lost: &Lost| {
            let key = lost.record.issue;
            let is_meant = selection.issues.is_some() || !losses.is_settled(lost);
            is_meant
                && selection.losses.contains(&lost.loss)
                && restoration.restored.iter().any(|issue| issue.key == key)
        };
        let mut changes: BTreeMap<IssueKey, PlannedChange> = BTreeMap::new();
        let (mut kept, mut moves) = (Vec::new(), Moves::new());
        let mut transaction = journal.begin(&self.home, now)?;
        for lost @ Lost { path, record, .. } in losses.files.iter().filter(|lost| is_wanted(lost)) {
            let Some(bytes) = losses.last_content(lost)? else { continue };
            let current = self.home.read(path, RECORD_LIMIT)?;
            if let Some(current) = &current {
                kept.push(self.keep_aside(path, &current.bytes)?);
            }
            transaction.put(path, current.as_ref().map(Content::version), &bytes)?;
            if record.comment.is_none() {
                let parse = |bytes: &[u8]| format::parse_issue(bytes, record.issue, &self.schema).ok().map(Arc::new);
                let before = current.and_then(|current| Some((parse(&current.bytes)?, current.version())));
                let after = parse(&bytes);
                // What is there under a name that it had before is older than the new one.
                for old in after.iter().flat_map(|issue| losses.old_files(lost, issue)) {
                    let known = |content: &Content| losses.knows(lost, &old, content.version());
                    let Some(content) = self.home.read(&old, RECORD_LIMIT)?.filter(known) else { continue };
                    kept.push(self.keep_aside(&old, &content.bytes)?);
                    transaction.remove(&old, content.version(), &content.bytes)?;
                    moves.extend(old.record().map(|old| (record.issue, old.issue)));
                }
                changes.insert(record.issue, PlannedChange { before, after });
            }
        }
        self.sync_kept(&kept)?;
        let note = self.note_of(&changes, &moves, About { actor, now, source: None });
        transaction.note(&note.to_bytes())?;
        let committed = transaction.commit()?;
        self.has_written.store(true, Ordering::Relaxed);
        let id = committed.id();
        let applied = journal.apply(&self.home, committed)?;
        // What was put back is no change from outside: the log has no word of it yet.
        self.look_again(Some(&lock))?;
        if let Some(id) = id {
            // The journal has the events too, and the next write makes up for what fails here.
            let _ = self.log_write(&lock, &journal, id, &note);
        }
        match applied.kept.first() {
            None => Ok(restoration),
            Some(kept) => Err(StorageError::Overtaken { path: self.layout.home.join(kept.path.as_str()) }),
        }
    }

    /// Compares once what was acknowledged with what is there, and says what a selection means for the differences.
    fn plan_restore(
        &self,
        lock: Option<&WriteLock>,
        selection: &Selection,
    ) -> Result<(Restoration, Losses), StorageError> {
        self.look_again(lock)?;
        let losses = self.losses(lock)?;
        let lost = self.issues_of(&losses)?;
        for selector in selection.issues.iter().flatten() {
            let is_lost = lost.iter().any(|issue| names(*selector, issue.key));
            let is_known = || losses.known().any(|key| names(*selector, key));
            if !is_lost && !is_known() && self.ask(lock, |handle| Ok(handle.index.resolve(*selector)?))?.is_empty() {
                return Err(StorageError::NotFound { selector: *selector });
            }
        }
        let mut restoration = Restoration::default();
        for issue in lost {
            let is_named = selection.names(issue.key) && (selection.issues.is_some() || !issue.settled);
            let list = match (is_named, selection.losses.contains(&issue.loss)) {
                (true, true) => &mut restoration.restored,
                (true, false) => &mut restoration.withheld,
                (false, _) => &mut restoration.others,
            };
            list.push(issue);
        }
        Ok((restoration, losses))
    }

    /// Brings the index up to date, whatever mode it is in.
    pub(super) fn look_again(&self, lock: Option<&WriteLock>) -> Result<(), StorageError> {
        self.ask(lock, |handle| {
            self.refresh(handle, FreshnessMode::Verify)?;
            Ok(())
        })
    }

    /// Keeps a content that is replaced, and returns where.
    pub(super) fn keep_aside(&self, path: &HomePath, bytes: &[u8]) -> Result<PathBuf, StorageError> {
        let directory = self.layout.kept();
        let version = super::files::hash(bytes).to_string();
        let kept = directory.join(format!("{}.{}", path.split().1, &version[..8]));
        state::make_directory(&directory)?;
        let file = state::open_private(&kept)?;
        let failed = |source| FileError::Access { action: "save", path: kept.clone(), source };
        os::write_at(&file, bytes, 0).map_err(failed)?;
        Ok(kept)
    }

    /// Makes durable what was [kept aside](Self::keep_aside).
    pub(super) fn sync_kept(&self, kept: &[PathBuf]) -> Result<(), StorageError> {
        if kept.is_empty() {
            return Ok(());
        }
        let directory = self.layout.kept();
        let failed = |source| FileError::Access { action: "sync", path: directory.clone(), source };
        if kept.len() > FEW {
            let opened = os::open_directory(&directory).map_err(failed)?;
            match os::sync_file_system(opened.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                synced => return Ok(synced.map_err(failed)?),
            }
        }
        for path in kept {
            let file = state::open(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
            os::sync_all(&file).map_err(failed)?;
        }
        Ok(os::sync_directory(&directory).map_err(failed)?)
    }
}

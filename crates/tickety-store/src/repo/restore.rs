//! Putting back what was acknowledged and is gone.
//!
//! What Tickety itself removed, or somebody else changed, is put back only on request: a branch may have it otherwise on
//! purpose. Whatever is replaced is kept beside.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::Issue;

use super::commit::{About, Moves};
use super::contents;
use super::events;
use super::files::{FileError, RECORD_LIMIT};
use super::format;
use super::journal::Acknowledged;
use super::layout::{HomePath, RecordPath};
use super::lock::WriteLock;
use super::store::RepoStore;
use super::{os, state};
use crate::error::StorageError;
use crate::plan::PlannedChange;

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

/// A file to put back.
struct Lost {
    path: HomePath,
    record: RecordPath,
    loss: Loss,
    time_ns: i64,
}

impl RepoStore {
    /// Returns the issues whose files aren't as Tickety left them, by name.
    pub fn restorable(&self) -> Result<Vec<Restorable>, StorageError> {
        self.recover();
        let acknowledged = contents::acknowledged(&self.layout)?;
        let mut found: BTreeMap<IssueKey, Restorable> = BTreeMap::new();
        for Lost { path, record, loss, time_ns } in self.lost(&acknowledged)? {
            let written = Timestamp::from_nanosecond(time_ns.into()).unwrap_or_default();
            let key = record.issue;
            let issue = found.entry(key).or_insert(Restorable { key, title: None, written, loss, files: 0 });
            issue.files += 1;
            issue.written = issue.written.max(written);
            issue.loss = issue.loss.min(loss);
            if record.comment.is_none() {
                issue.title = self.last_issue(&acknowledged, &path, key)?.map(|issue| issue.title);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Puts the files of issues back that suffered one of these losses, and returns what was put back: of all issues
    /// where none is named. `who` does it, now.
    ///
    /// Fails with [`StorageError::NotFound`] if nothing is known that could be put back of an issue that is named.
    pub fn restore(
        &self,
        selectors: &[IssueSelector],
        losses: &[Loss],
        (actor, now): (Option<&str>, Timestamp),
    ) -> Result<Vec<Restorable>, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        let known = self.restorable()?;
        let names = |selector: &IssueSelector, issue: &Restorable| match selector {
            IssueSelector::Name(name) => name.names(issue.key),
            IssueSelector::Id(id) => id.suffix() == issue.key.suffix,
        };
        if let Some(selector) = selectors.iter().find(|selector| !known.iter().any(|issue| names(selector, issue))) {
            return Err(StorageError::NotFound { selector: *selector });
        }
        let is_wanted = |issue: &Restorable| {
            let is_named = selectors.is_empty() || selectors.iter().any(|selector| names(selector, issue));
            is_named && losses.contains(&issue.loss)
        };
        let wanted: Vec<Restorable> = known.into_iter().filter(is_wanted).collect();
        let acknowledged = contents::acknowledged(&self.layout)?;
        let mut changes: BTreeMap<IssueKey, PlannedChange> = BTreeMap::new();
        let mut transaction = journal.begin(&self.home, now)?;
        for Lost { path, record, loss, .. } in self.lost(&acknowledged)? {
            let (true, Some(last)) = (
                losses.contains(&loss) && wanted.iter().any(|issue| issue.key == record.issue),
                acknowledged.files().get(&path),
            ) else {
                continue;
            };
            let Some(bytes) = acknowledged.read(last)? else { continue };
            let current = self.home.read(&path, RECORD_LIMIT)?;
            if let Some(current) = &current {
                self.keep_aside(&path, &current.bytes)?;
            }
            transaction.put(&path, current.as_ref().map(super::files::Content::version), &bytes)?;
            if record.comment.is_none() {
                let parse = |bytes: &[u8]| format::parse_issue(bytes, record.issue, &self.schema).ok();
                let before = current.and_then(|current| Some((parse(&current.bytes)?, current.version())));
                changes.insert(record.issue, PlannedChange { before, after: parse(&bytes) });
            }
        }
        let about = About { actor, now, source: None };
        let note = events::note_of(&changes, &Moves::new(), &self.schema, about);
        transaction.note(&note.to_bytes())?;
        let committed = transaction.commit()?;
        let id = committed.id();
        let applied = journal.apply(&self.home, committed)?;
        // What was put back is no change from outside: the log has no word of it yet.
        self.ask(Some(&lock), |handle| {
            self.refresh(handle, crate::storage::FreshnessMode::Verify)?;
            Ok(())
        })?;
        if let Some(id) = id {
            // The journal has the events too, and the next write makes up for what fails here.
            let _ = self.log_write(&lock, &journal, id, &note);
        }
        match applied.kept.first() {
            None => Ok(wanted),
            Some(kept) => Err(StorageError::Overtaken { path: self.layout.home.join(kept.path.as_str()) }),
        }
    }

    /// Compares all that was acknowledged with what is there.
    fn lost(&self, acknowledged: &Acknowledged) -> Result<Vec<Lost>, StorageError> {
        let mut lost = Vec::new();
        for (path, last) in acknowledged.files() {
            let (Some(record), Some(version)) = (path.record(), last.version()) else { continue };
            // What can't be read is there, and for people to look at.
            let Ok(current) = self.home.read(path, RECORD_LIMIT) else { continue };
            let loss = match (current, last.removed) {
                (None, true) => Loss::Deleted,
                (None, false) => Loss::Missing,
                // It was made again by something else.
                (Some(_), true) => continue,
                (Some(current), false) if current.version() == version => continue,
                (Some(_), false) => Loss::Changed,
            };
            lost.push(Lost { path: path.clone(), record, loss, time_ns: last.time_ns });
        }
        // What has another name now is not lost.
        let mut moved = BTreeSet::new();
        for Lost { path, record, loss, .. } in &lost {
            if *loss != Loss::Changed
                && record.comment.is_none()
                && let Some(issue) = self.last_issue(acknowledged, path, record.issue)?
                && !self.ask(None, |handle| Ok(handle.index.resolve(IssueSelector::Id(issue.id))?))?.is_empty()
            {
                moved.insert(record.issue);
            }
        }
        lost.retain(|lost| !moved.contains(&lost.record.issue));
        Ok(lost)
    }

    fn last_issue(
        &self,
        acknowledged: &Acknowledged,
        path: &HomePath,
        key: IssueKey,
    ) -> Result<Option<Issue>, StorageError> {
        let Some(last) = acknowledged.files().get(path) else { return Ok(None) };
        let bytes = acknowledged.read(last)?;
        Ok(bytes.and_then(|bytes| format::parse_issue(&bytes, key, &self.schema).ok()))
    }

    /// Keeps a content that is replaced.
    fn keep_aside(&self, path: &HomePath, bytes: &[u8]) -> Result<(), StorageError> {
        let directory = self.layout.kept();
        let version = super::files::hash(bytes).to_string();
        let kept = directory.join(format!("{}.{}", path.split().1, &version[..8]));
        state::make_directory(&directory)?;
        let file = state::open_private(&kept)?;
        let failed = |source| FileError::Access { action: "save", path: kept.clone(), source };
        Ok(os::write_at(&file, bytes, 0).and_then(|()| os::sync_data(&file)).map_err(failed)?)
    }
}

//! What was acknowledged and isn't there as it was left: because git, an editor or a script made it so, or because it was
//! deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueSelector, Version};
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::contents;
use super::files::RECORD_LIMIT;
use super::format;
use super::journal::Acknowledged;
use super::layout::{HomePath, RecordPath};
use super::lock::WriteLock;
use super::restore::{Loss, Restorable};
use super::store::RepoStore;
use crate::error::StorageError;

/// A file that isn't as it was left.
pub(super) struct Lost {
    pub(super) path: HomePath,
    pub(super) record: RecordPath,
    pub(super) loss: Loss,
    /// When it was written last, or removed.
    pub(super) time_ns: i64,
    /// What was acknowledged last, and what is there instead.
    pub(super) last: Version,
    pub(super) current: Option<Version>,
}

/// The files that aren't as they were left, with what was acknowledged.
pub(super) struct Losses {
    pub(super) files: Vec<Lost>,
    acknowledged: Acknowledged,
}

impl Losses {
    /// Reads what was acknowledged last for a file.
    pub(super) fn last_content(&self, path: &HomePath) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(last) = self.acknowledged.files().get(path) else { return Ok(None) };
        Ok(self.acknowledged.read(last)?)
    }

    /// Whether Tickety wrote a content once.
    pub(super) fn has_written(&self, path: &HomePath, version: Version) -> bool {
        self.acknowledged.has_written(path, version)
    }

    /// Returns the issues of all files that are known to have been written.
    pub(super) fn known(&self) -> impl Iterator<Item = IssueKey> {
        self.acknowledged.files().keys().filter_map(|path| path.record()).map(|record| record.issue)
    }

    fn last_issue(&self, path: &HomePath, key: IssueKey, schema: &Schema) -> Result<Option<Issue>, StorageError> {
        let bytes = self.last_content(path)?;
        Ok(bytes.and_then(|bytes| format::parse_issue(&bytes, key, schema).ok()))
    }
}

impl RepoStore {
    /// Compares all that was acknowledged with what is there. The index, which tells what has another name now, is to be
    /// up to date.
    pub(super) fn losses(&self, lock: Option<&WriteLock>) -> Result<Losses, StorageError> {
        let acknowledged = contents::acknowledged(&self.layout)?;
        let mut files = Vec::new();
        for (path, last) in acknowledged.files() {
            let (Some(record), Some(version)) = (path.record(), last.version()) else { continue };
            // What can't be read is there, and for people to look at.
            let Ok(current) = self.home.read(path, RECORD_LIMIT) else { continue };
            let current = current.map(|current| current.version());
            let loss = match (current, last.removed) {
                (None, true) => Loss::Deleted,
                (None, false) => Loss::Missing,
                // It was made again by something else.
                (Some(_), true) => continue,
                (Some(current), false) if current == version => continue,
                (Some(_), false) => Loss::Changed,
            };
            files.push(Lost { path: path.clone(), record, loss, time_ns: last.time_ns, last: version, current });
        }
        let mut losses = Losses { files, acknowledged };
        // What has another name now is not lost.
        let mut moved = BTreeSet::new();
        for Lost { path, record, loss, .. } in &losses.files {
            if *loss != Loss::Changed
                && record.comment.is_none()
                && let Some(issue) = losses.last_issue(path, record.issue, &self.schema)?
                && self
                    .ask(lock, |handle| Ok(handle.index.resolve(IssueSelector::Id(issue.id))?))?
                    .iter()
                    .any(|known| *known != record.issue)
            {
                moved.insert(record.issue);
            }
        }
        losses.files.retain(|lost| !moved.contains(&lost.record.issue));
        Ok(losses)
    }

    /// Returns the issues of lost files, by name.
    pub(super) fn issues_of(&self, losses: &Losses) -> Result<Vec<Restorable>, StorageError> {
        let mut found: BTreeMap<IssueKey, Restorable> = BTreeMap::new();
        for Lost { path, record, loss, time_ns, .. } in &losses.files {
            let written = Timestamp::from_second(time_ns / 1_000_000_000).unwrap_or_default();
            let key = record.issue;
            let issue = found.entry(key).or_insert(Restorable { key, title: None, written, loss: *loss, files: 0 });
            issue.files += 1;
            issue.written = issue.written.max(written);
            issue.loss = issue.loss.min(*loss);
            if record.comment.is_none() {
                issue.title = losses.last_issue(path, key, &self.schema)?.map(|issue| issue.title);
            }
        }
        Ok(found.into_values().collect())
    }
}

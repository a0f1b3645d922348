//! Comments whose issue isn't where they are: git merges a new comment and the renaming or removal of its issue without
//! asking.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::{IssueKey, alias_reference};

use super::super::layout::RecordPath;
use super::plan::{Planner, is_issue};
use crate::error::StorageError;

impl Planner<'_> {
    /// Lets comments follow an issue that has got another number, and brings back an issue that somebody has commented
    /// on while somebody else deleted it.
    pub(super) fn settle_orphans(&mut self) -> Result<(), StorageError> {
        let mut orphans: BTreeMap<IssueKey, Vec<RecordPath>> = BTreeMap::new();
        for path in self.records.iter().filter(|path| !is_issue(path)) {
            if !self.records.contains(&RecordPath::issue(path.issue)) {
                orphans.entry(path.issue).or_default().push(*path);
            }
        }
        for (key, comments) in orphans {
            if !self.wants(key) {
                continue;
            }
            match self.new_name(key)? {
                Some(name) => comments.into_iter().try_for_each(|comment| self.move_comment(comment, name))?,
                None => self.revive(key)?,
            }
        }
        Ok(())
    }

    /// Returns the name that an issue has which was renumbered.
    fn new_name(&self, old: IssueKey) -> Result<Option<IssueKey>, StorageError> {
        let alias = alias_reference(old);
        for key in self.twins(old.suffix) {
            let path = RecordPath::issue(key);
            let planned = self.content_of(path)?;
            let issue = planned.and_then(|bytes| self.store.issue_in(path, &bytes));
            if issue.is_some_and(|issue| issue.references.contains(&alias)) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn move_comment(&mut self, comment: RecordPath, issue: IssueKey) -> Result<(), StorageError> {
        let Some(bytes) = self.content_of(comment)? else { return Ok(()) };
        let path = RecordPath { issue, ..comment };
        if self.content_of(path)?.as_ref() != Some(&bytes) {
            self.put_file(path, bytes, super::plan::PLAIN_FILE, &BTreeSet::from([comment]))?;
        }
        self.report(issue).renumbered_from = Some(comment.issue);
        self.drop_file(comment)
    }

    /// Brings an issue back that is deleted and has comments.
    fn revive(&mut self, key: IssueKey) -> Result<(), StorageError> {
        let Some(git) = &self.git else { return Ok(()) };
        let record = RecordPath::issue(key);
        let has = |commit: &str| -> Result<bool, StorageError> {
            Ok(git.files_at(commit, record)?.iter().any(|(path, _)| *path == record))
        };
        let commit = match self.other {
            Some(other) if has("HEAD")? && !has(other)? => Some("HEAD".to_owned()),
            Some(other) if has(other)? => Some(other.to_owned()),
            // Somebody has removed the file a moment ago, or put it elsewhere: that is no merge.
            _ if git.checked_out()?.is_none() || has("HEAD")? => None,
            _ => git.last_commit_with(&record.home_path())?,
        };
        match commit {
            Some(commit) => self.bring_back(&commit, key),
            None => Ok(()),
        }
    }
}

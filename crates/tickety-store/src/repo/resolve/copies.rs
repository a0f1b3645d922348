//! Issues that are there twice: two people gave one another number, each its own. Git merges that without asking, unless
//! it takes the new files for the old one renamed.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::{ALIAS_SCHEME, IssueKey, IssueName, Suffix};
use tickety_core::issue::Issue;

use super::super::layout::RecordPath;
use super::lookalikes::content_at;
use super::plan::{Group, Planner, Version, is_issue};
use crate::error::StorageError;

/// An issue as it is in a file.
struct Copy {
    path: RecordPath,
    bytes: Vec<u8>,
    issue: Issue,
}

impl Planner<'_> {
    /// Merges the records of an issue that had one name before and has several now, under the smallest number.
    pub(super) fn join_copies(&mut self) -> Result<(), StorageError> {
        let mut by_suffix: BTreeMap<Suffix, Vec<RecordPath>> = BTreeMap::new();
        for path in self.records.iter().filter(|path| is_issue(path) && !self.unmerged.contains(path)) {
            by_suffix.entry(path.issue.suffix).or_default().push(*path);
        }
        for paths in by_suffix.into_values().filter(|paths| paths.len() > 1) {
            let mut kept: Option<Copy> = None;
            for path in paths {
                let Some(bytes) = self.content_of(path)? else { continue };
                let Some(issue) = self.store.issue_in(path, &bytes) else { continue };
                let copy = Copy { path, bytes, issue };
                kept = match kept {
                    Some(first) if first.issue.id == copy.issue.id => Some(self.join_two(first, copy)?),
                    Some(first) => Some(first),
                    None => Some(copy),
                };
            }
        }
        Ok(())
    }

    /// Merges two copies, and returns what the first is then.
    fn join_two(&mut self, first: Copy, second: Copy) -> Result<Copy, StorageError> {
        let aliases = |issue: &Issue| -> BTreeSet<String> {
            issue.references.iter().filter(|name| name.starts_with(ALIAS_SCHEME)).cloned().collect()
        };
        let common = aliases(&first.issue).intersection(&aliases(&second.issue)).next().cloned();
        let Some(common) = common.filter(|_| self.wants(first.path.issue) || self.wants(second.path.issue)) else {
            return Ok(first);
        };
        let base = self.common_version(&common)?;
        let (ours, theirs) = (Version::plain(first.path, first.bytes), Version::plain(second.path, second.bytes));
        self.settle_issue(Group { base, ours: Some(ours), theirs: Some(theirs) })?;
        let bytes = self.content_of(first.path)?.unwrap_or_default();
        let issue = self.store.issue_in(first.path, &bytes).unwrap_or(first.issue);
        Ok(Copy { path: first.path, bytes, issue })
    }

    /// Returns the record under the old name, where both sides of a merge come from one that has it.
    fn common_version(&self, alias: &str) -> Result<Option<Version>, StorageError> {
        let Some(git) = &self.git else { return Ok(None) };
        let name = alias.strip_prefix(ALIAS_SCHEME).and_then(|name| IssueName::parse(name, "").ok());
        let Some(IssueName { number, suffix: Some(suffix) }) = name else { return Ok(None) };
        let Some(parents) = self.parents(git)? else { return Ok(None) };
        let path = RecordPath::issue(IssueKey { number, suffix });
        let [base] = parents.bases.as_slice() else { return Ok(None) };
        Ok(content_at(git, base, path)?.map(|bytes| Version::plain(path, bytes)))
    }
}

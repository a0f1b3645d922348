//! The numbers of issues on branches that aren't checked out.

use std::collections::BTreeSet;

use tickety_core::ident::{IssueKey, IssueNumber};

use super::super::layout::{ISSUES_DIR, RecordPath, Shard};
use super::objects::{Objects, Tree};
use super::{Git, GitError};

impl Git {
    /// Returns the highest number of an issue on any local or remote-tracking branch or in the
    /// stash.
    ///
    /// Starts git twice, however many branches there are, and looks at the last shard of each
    /// distinct tree only.
    pub fn highest_number(&self) -> Result<Option<IssueNumber>, GitError> {
        let references =
            self.run(&["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/stash"])?;
        let references = String::from_utf8_lossy(&references);
        let mut objects = Objects::start(self)?;
        let mut seen = BTreeSet::new();
        let mut highest = None;
        for reference in references.lines() {
            let Some(issues) = objects.tree(&format!("{reference}:{}{ISSUES_DIR}", self.prefix))? else { continue };
            if seen.insert(issues.id.clone()) {
                highest = highest.max(highest_in(&mut objects, &issues)?);
            }
        }
        Ok(highest)
    }

    /// Returns the issues that a commit has, by the names of their records. Fails if there is no such
    /// commit.
    pub fn issues_at(&self, commit: &str) -> Result<BTreeSet<IssueKey>, GitError> {
        let id = self.commit_id(commit)?;
        let mut objects = Objects::start(self)?;
        let mut issues = BTreeSet::new();
        let Some(root) = objects.tree(&format!("{id}:{}{ISSUES_DIR}", self.prefix))? else {
            return Ok(issues);
        };
        for (name, id) in root.entries() {
            let Some(shard) = Shard::parse(name) else { continue };
            let Some(tree) = objects.tree(&id)? else { continue };
            issues.extend(tree.entries().filter_map(|(name, _)| Some(RecordPath::parse_file_name(shard, name)?.issue)));
        }
        Ok(issues)
    }
}

/// Finds the highest number in the last shard that has any.
fn highest_in(objects: &mut Objects, issues: &Tree) -> Result<Option<IssueNumber>, GitError> {
    let mut shards: Vec<_> = issues.entries().filter_map(|(name, id)| Some((Shard::parse(name)?, id))).collect();
    shards.sort_unstable();
    for (shard, id) in shards.into_iter().rev() {
        let Some(tree) = objects.tree(&id)? else { continue };
        let numbers = tree.entries().filter_map(|(name, _)| RecordPath::parse_file_name(shard, name));
        if let Some(highest) = numbers.map(|path| path.issue.number).max() {
            return Ok(Some(highest));
        }
    }
    Ok(None)
}

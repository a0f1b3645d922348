//! Merging what others have pushed.
//!
//! A merge is committed when it was looked at: what git merges by lines, by files and by likeness may be wrong though
//! nothing is in conflict. If that is cut short, the merge waits, and the next sync goes on with it.

use super::super::git::{Git, MergeOutcome, Upstream};
use super::super::layout::HomePath;
use super::super::store::RepoStore;
use super::hindrance::MERGE;
use super::{Committer, Synced};
use crate::error::StorageError;

impl RepoStore {
    /// Settles what waits in a merge, and commits it.
    pub(super) fn conclude(&self, git: &Git, who: Committer<'_>, synced: &mut Synced) -> Result<bool, StorageError> {
        synced.resolution.add(self.resolve(None, (who.actor, who.now))?);
        if synced.resolution.left.is_empty() && synced.resolution.unstaged.is_none() && !git.has_unmerged()? {
            git.conclude_merge()?;
            return Ok(true);
        }
        let root = self.layout.git.as_ref().map_or(&self.layout.root, |git| &git.work_tree).display();
        let left: Vec<&str> = synced.resolution.left.iter().map(|left| left.path.as_str()).collect();
        synced.held_back = Some(match left.is_empty() {
            true => format!("a merge waits in {root} for what only a person can settle"),
            false => format!(
                "a merge waits in {root}: settle {files} there, `git -C {root} add {files}`, then `tickety sync`",
                files = left.join(" ")
            ),
        });
        Ok(false)
    }

    /// Merges what others have pushed, field by field where git can't. Returns whether that is done.
    pub(super) fn merge(
        &self,
        git: &Git,
        theirs: &str,
        upstream: &Upstream,
        who: Committer<'_>,
        synced: &mut Synced,
    ) -> Result<bool, StorageError> {
        let message = format!("{MERGE}{upstream}");
        let outcome = {
            let _lock = self.lock_to_commit(who)?;
            // Somebody may have written since the commit.
            self.commit_files(git, who)?;
            let outcome = git.merge(theirs, &message)?;
            if outcome == MergeOutcome::Uncommitted {
                self.unmerge_unreadable(git)?;
            }
            outcome
        };
        match outcome {
            MergeOutcome::Whole => synced.resolution.add(self.resolve(None, (who.actor, who.now))?),
            MergeOutcome::InConflict if !self.conclude(git, who, synced)? => return Ok(false),
            MergeOutcome::InConflict => {}
            MergeOutcome::Uncommitted => match self.conclude(git, who, synced) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => {
                    // What can't be committed, for want of a key for example, would wait for nobody. Why it can't be is
                    // told, whatever comes of this.
                    let _ = git.abort_merge();
                    return Err(error);
                }
            },
        }
        // What was settled where git had nothing to settle, such as a comment without its issue.
        let _lock = self.lock_to_commit(who)?;
        synced.left_out = self.commit_files(git, who)?.1;
        Ok(true)
    }

    /// Has records wait to be settled that git has merged into something that nobody can read: attributes may tell it to
    /// put the lines of both sides one after the other.
    fn unmerge_unreadable(&self, git: &Git) -> Result<(), StorageError> {
        let mut unreadable: Vec<HomePath> = Vec::new();
        for path in git.merged_by_lines()? {
            if let Some(record) = path.record()
                && self.flaw_of(record)?.is_some()
            {
                unreadable.push(path);
            }
        }
        if !unreadable.is_empty() {
            git.unmerge(&unreadable)?;
        }
        Ok(())
    }
}

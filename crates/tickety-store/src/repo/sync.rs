//! Committing the issues, and exchanging them with others through git.
//!
//! The lock is held while git writes files of the home, so that no writer of Tickety does at the same time, and given
//! back while git talks to other machines.

mod committing;
mod credits;
mod hindrance;
mod merging;

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::{IssueKey, IssueNumber};

use super::git::{Distance, Git, GitError, ISSUE_BRANCH, Pushed, Upstream};
use super::layout::HomeKind;
use super::lock::WriteLock;
use super::resolve::{LeftFile, Resolution};
use super::store::RepoStore;
use crate::error::StorageError;
use committing::{Pending, subject};
pub use credits::Committer;
use hindrance::Hindrance;

/// How often to fetch, merge and push again because somebody else has pushed meanwhile.
const MAX_ROUNDS: usize = 5;

/// How the issues stand to git.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncStatus {
    /// What sort of home it is.
    pub home: HomeKind,
    /// The branch that has the issues, if one is checked out.
    pub branch: Option<String>,
    /// The branch at a remote that it is exchanged with.
    pub upstream: Option<Upstream>,
    /// The issues with files that aren't committed.
    pub uncommitted: Vec<IssueKey>,
    /// How far the branch and that of the remote are apart, as of the last fetch; `None` if none was fetched.
    pub distance: Option<Distance>,
    /// What would keep a sync from exchanging the issues, as of the last fetch.
    pub held_back: Option<String>,
}

/// What a sync did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Synced {
    /// The first line of the message, if something was committed.
    pub committed: Option<String>,
    /// How many commits of others came in.
    pub merged: usize,
    /// How many commits were pushed.
    pub pushed: usize,
    /// What had to be settled in a merge.
    pub resolution: Resolution,
    /// The numbers that more issues have than before, because others gave them out, too.
    pub ambiguous: BTreeMap<IssueNumber, BTreeSet<IssueKey>>,
    /// The files that aren't committed, because nobody could read them.
    pub left_out: Vec<LeftFile>,
    /// What kept the issues from being exchanged, though nothing failed.
    pub held_back: Option<String>,
    /// What failed after the commit.
    pub failure: Option<String>,
}

impl RepoStore {
    /// Returns how the issues stand to git, without asking a remote.
    pub fn sync_status(&self) -> Result<SyncStatus, StorageError> {
        self.recover();
        let (home, git) = (self.layout.kind, Git::of(&self.layout));
        let mut status =
            SyncStatus { home, branch: None, upstream: None, uncommitted: Vec::new(), distance: None, held_back: None };
        let Some(git) = git else { return Ok(status) };
        status.branch = git.branch()?;
        if let Some(branch) = &status.branch {
            status.upstream = self.upstream(&git, branch)?.ok();
        }
        if let Some(upstream) = &status.upstream {
            status.distance = distance(&git, upstream)?;
        }
        let changed = git.dirty_paths()?;
        status.uncommitted = changed.iter().filter_map(|path| Some(path.record()?.issue)).collect();
        status.uncommitted.dedup();
        status.held_back = self.preview(&git, true)?.held_back;
        Ok(status)
    }

    /// Commits the files of the home, merges what others have pushed, and pushes. `who` does it.
    pub fn sync(&self, who: Committer<'_>, push: bool) -> Result<Synced, StorageError> {
        let git = self.syncable()?;
        let mut synced = Synced::default();
        let hindrance = self.hindrance(&git)?;
        if let Some(Hindrance::Other(why)) = hindrance {
            return Ok(Synced { held_back: Some(why), ..synced });
        }
        if matches!(hindrance, Some(Hindrance::Detached)) {
            let _lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
            git.return_to_issue_branch()?;
        }
        let before = self.ambiguous_numbers()?;
        if !matches!(hindrance, Some(Hindrance::OwnMerge)) || self.conclude(&git, who, &mut synced)? {
            self.sync_with(&git, who, push, &mut synced)?;
        }
        synced.ambiguous = self.ambiguous_numbers()?;
        synced.ambiguous.retain(|number, keys| before.get(number).is_none_or(|known| !keys.is_subset(known)));
        Ok(synced)
    }

    fn sync_with(&self, git: &Git, who: Committer<'_>, push: bool, synced: &mut Synced) -> Result<(), StorageError> {
        // Whoever has merged it, and whenever: others are to have it whole.
        synced.resolution.add(self.resolve_merged((who.actor, who.now))?);
        let branch = {
            let _lock = self.lock_to_commit(who)?;
            (synced.committed, synced.left_out) = self.commit_files(git, who)?;
            git.branch()?.unwrap_or_default()
        };
        let exchanged = match self.upstream(git, &branch)? {
            Ok(upstream) => self.exchange(git, (&branch, &upstream), push, who, synced),
            Err(why) => {
                synced.held_back = Some(why);
                Ok(())
            }
        };
        if let Err(error) = exchanged {
            // What was committed is told all the same.
            synced.failure = Some(error.to_string());
        }
        Ok(())
    }

    /// Returns what a sync would commit, merge and push, as of the last fetch.
    pub fn preview_sync(&self, push: bool) -> Result<Synced, StorageError> {
        let git = self.syncable()?;
        self.recover();
        self.preview(&git, push)
    }

    fn preview(&self, git: &Git, push: bool) -> Result<Synced, StorageError> {
        let mut synced = Synced::default();
        match self.hindrance(git)? {
            Some(Hindrance::Other(why)) => return Ok(Synced { held_back: Some(why), ..synced }),
            Some(Hindrance::OwnMerge) => {
                let why = "a merge of issues isn't finished: a sync finishes it before all else";
                return Ok(Synced { held_back: Some(why.to_owned()), ..synced });
            }
            Some(Hindrance::Detached) => {
                let why = format!("the checkout of the issues is on no branch: a sync puts it back on {ISSUE_BRANCH}");
                return Ok(Synced { held_back: Some(why), ..synced });
            }
            None => {}
        }
        let Pending { changed, left_out } = self.pending(git)?;
        synced.committed = (!changed.is_empty()).then(|| subject(&self.by_issue(git, &changed)));
        synced.left_out = left_out;
        let branch = git.branch()?.unwrap_or_default();
        let upstream = match self.upstream(git, &branch)? {
            Ok(upstream) => upstream,
            Err(why) => return Ok(Synced { held_back: Some(why), ..synced }),
        };
        let is_new = usize::from(synced.committed.is_some());
        if git.checked_out()?.is_none() {
            synced.pushed = if push { is_new } else { 0 };
            return Ok(synced);
        }
        let theirs = git.commit_of(&upstream.reference())?;
        let (ahead, behind) = match &theirs {
            Some(theirs) => {
                let Distance { ahead, behind } = git.distance("HEAD", theirs)?;
                (ahead, behind)
            }
            None => (git.commits_to_share(&upstream.remote)?, 0),
        };
        if let (Some(theirs), true) = (&theirs, behind > 0) {
            synced.held_back = self.hindrance_of_merge(git, &upstream, theirs)?;
            if synced.held_back.is_some() {
                return Ok(synced);
            }
            synced.merged = behind;
        }
        if push && ahead + is_new > 0 {
            synced.held_back = self.hindrance_of_push(git, &branch, &upstream, theirs.as_deref())?;
            if synced.held_back.is_none() {
                synced.pushed = ahead + is_new;
            }
        }
        Ok(synced)
    }

    fn syncable(&self) -> Result<Git, StorageError> {
        Git::of(&self.layout).ok_or_else(|| {
            let (message, hint) = match self.layout.kind {
                HomeKind::Local => {
                    ("the issues are in this clone alone", "`tickety home move branch` makes them ready")
                }
                _ => ("the issues aren't in a git repository", "`git init` makes one"),
            };
            StorageError::HomeRefused { message: message.to_owned(), hint: hint.to_owned() }
        })
    }

    /// Fetches, merges and pushes until nobody else was faster.
    fn exchange(
        &self,
        git: &Git,
        (branch, upstream): (&str, &Upstream),
        push: bool,
        who: Committer<'_>,
        synced: &mut Synced,
    ) -> Result<(), StorageError> {
        // Where a remote is a path, it is one from the code.
        let code = Git::of_code(&self.layout);
        let outside = code.as_ref().unwrap_or(git);
        let mut last = String::new();
        for _ in 0..MAX_ROUNDS {
            let theirs = outside.fetch(upstream)?;
            if git.checked_out()?.is_none() {
                return Ok(());
            }
            let behind = match &theirs {
                Some(theirs) => git.distance("HEAD", theirs)?.behind,
                None => 0,
            };
            if let (Some(theirs), true) = (&theirs, behind > 0) {
                if self.layout.kind == HomeKind::Tree && !git.has_home(theirs)? {
                    self.fetch_issue_branch(outside, upstream);
                }
                synced.held_back = self.hindrance_of_merge(git, upstream, theirs)?;
                if synced.held_back.is_some() || !self.merge(git, theirs, upstream, who, synced)? {
                    return Ok(());
                }
                synced.merged += behind;
            }
            let count = match &theirs {
                Some(theirs) => git.distance("HEAD", theirs)?.ahead,
                None => git.commits_to_share(&upstream.remote)?,
            };
            // A branch that the remote doesn't have is made there in any case.
            if !push || (count == 0 && theirs.is_some()) {
                return Ok(());
            }
            synced.held_back = self.hindrance_of_push(git, branch, upstream, theirs.as_deref())?;
            if synced.held_back.is_some() {
                return Ok(());
            }
            match outside.push(branch, upstream)? {
                Pushed::Whole => {
                    synced.pushed = count;
                    return Ok(());
                }
                Pushed::Overtaken(why) => last = why,
                Pushed::Refused(why) => {
                    synced.failure = Some(format!("{} refuses the push: {why}", upstream.remote));
                    return Ok(());
                }
            }
        }
        synced.failure = Some(format!("somebody else pushed {MAX_ROUNDS} times meanwhile ({last}): try again"));
        Ok(())
    }
}

fn distance(git: &Git, upstream: &Upstream) -> Result<Option<Distance>, GitError> {
    match git.commit_of(&upstream.reference())?.is_some() && git.checked_out()?.is_some() {
        true => git.distance("HEAD", &upstream.reference()).map(Some),
        false => Ok(None),
    }
}

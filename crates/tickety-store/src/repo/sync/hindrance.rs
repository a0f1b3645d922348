//! What keeps issues from being committed, merged or pushed, though nothing fails.

use super::super::git::{Git, GitError, ISSUE_BRANCH, Tracking, Upstream};
use super::super::layout::HomeKind;
use super::super::store::RepoStore;
use crate::error::StorageError;

/// What the message of a merge begins with that a sync makes.
pub(super) const MERGE: &str = "Merge the issues of ";

/// Why nothing is committed.
pub(super) enum Hindrance {
    /// A merge of issues that a sync has left, which is to be finished first.
    OwnMerge,
    /// The checkout of the issues' own branch is on none, and has all that the branch has.
    Detached,
    /// Anything else, in words.
    Other(String),
}

impl RepoStore {
    /// Says what keeps the issues from being committed on the branch that is checked out.
    pub(super) fn hindrance(&self, git: &Git) -> Result<Option<Hindrance>, StorageError> {
        if git.is_ignored()? {
            let home = self.layout.home.display();
            return Ok(Some(Hindrance::Other(format!("git ignores {home}: `git check-ignore -v` tells why"))));
        }
        let other = |text: String| Ok(Some(Hindrance::Other(text)));
        if let Some(place) = git.other_work_tree()? {
            let (place, root) = (place.display(), self.layout.root.display());
            return other(format!(
                "for git the work tree is {place} (core.worktree), where the issues of {root} are not"
            ));
        }
        match (git.unfinished(), git.has_unmerged()?) {
            (None, false) => {}
            (Some("merge"), _) if self.layout.kind == HomeKind::Branch || git.is_merging_as(MERGE) => {
                return Ok(Some(Hindrance::OwnMerge));
            }
            (Some("bisect"), false) => {
                return other("git is in the midst of a bisect: `git bisect reset` ends it".to_owned());
            }
            (doing, unmerged) => {
                let settle = if unmerged { "`tickety resolve` settles issues, then " } else { "" };
                let doing = doing.unwrap_or("merge of files");
                return other(format!("git is in the midst of a {doing}: {settle}finish it with git"));
            }
        }
        let branch = git.branch()?;
        if branch.is_none() && self.layout.kind == HomeKind::Branch {
            return self.detached(git).map(Some);
        }
        if let Some(branch) = branch.as_deref().filter(|name| *name != ISSUE_BRANCH)
            && self.layout.kind == HomeKind::Branch
        {
            let home = self.layout.root.display();
            return other(format!(
                "the branch {branch} is checked out in {home}, where {ISSUE_BRANCH} belongs: `git -C {home} switch {ISSUE_BRANCH}`, \
                 then `git -C {home} merge {branch}` for what was committed there"
            ));
        }
        if branch.is_none() {
            // Nothing would have the commit once something else is checked out.
            return other(
                "no branch is checked out: `git switch BRANCH`, or `git switch -c NAME`, comes first".to_owned(),
            );
        }
        Ok(None)
    }

    /// Says what to do where the checkout of the issues' own branch is on none.
    fn detached(&self, git: &Git) -> Result<Hindrance, StorageError> {
        let home = self.layout.root.display();
        let Some(tip) = git.issue_branch()? else {
            return Ok(Hindrance::Other(format!(
                "no branch is checked out in {home}: `git -C {home} switch -c {ISSUE_BRANCH}` makes one of what is there"
            )));
        };
        let checkouts = git.checkouts(None)?;
        if let Some(other) = checkouts.iter().find(|checkout| checkout.branch.as_deref() == Some(ISSUE_BRANCH)) {
            let other = other.root.display();
            return Ok(Hindrance::Other(format!(
                "no branch is checked out in {home}, and {ISSUE_BRANCH} is in {other}: `git -C {other} switch --detach` frees it"
            )));
        }
        if git.is_ancestor(&tip, "HEAD")? {
            return Ok(Hindrance::Detached);
        }
        let switch = format!("no branch is checked out in {home}: `git -C {home} switch {ISSUE_BRANCH}`");
        Ok(Hindrance::Other(match (git.is_ancestor("HEAD", &tip)?, git.checked_out()?) {
            (false, Some(head)) => {
                let head = head.get(..12).unwrap_or(&head).to_owned();
                format!("{switch}, then `git -C {home} merge {head}` for the commits that are on no branch")
            }
            _ => format!("{switch} comes first"),
        }))
    }

    /// Returns the branch of a remote that a branch is exchanged with, or why there is none.
    pub(super) fn upstream(&self, git: &Git, branch: &str) -> Result<Result<Upstream, String>, GitError> {
        let is_own = self.layout.kind == HomeKind::Branch;
        let give = format!("`git push -u origin {branch}` gives it one");
        Ok(Err(match git.tracking(branch)? {
            Tracking::Upstream(upstream) => return Ok(Ok(upstream)),
            Tracking::Local(other) => {
                format!("the upstream of {branch} is {other}, a branch of this clone, and at no remote: {give} there")
            }
            Tracking::Address(address) => {
                format!("the upstream of {branch} is at {address}, which has no name: `git remote add` gives it one")
            }
            Tracking::Several(remotes) => {
                let named = remotes.join(", ");
                format!("there are several remotes ({named}): `git config branch.{branch}.remote NAME` chooses one")
            }
            Tracking::Nothing if is_own => "there is no remote: `git remote add origin URL` names one".to_owned(),
            Tracking::Nothing => format!("{branch} has no upstream: {give}"),
        }))
    }

    /// Says what keeps `theirs` from being merged.
    pub(super) fn hindrance_of_merge(
        &self,
        git: &Git,
        upstream: &Upstream,
        theirs: &str,
    ) -> Result<Option<String>, GitError> {
        if let Some(base) = git.merge_base("HEAD", theirs)?
            && git.has_home(&base)?
            && !git.has_home(theirs)?
            && git.has_home("HEAD")?
        {
            return self.moved_away(git, upstream, &base).map(Some);
        }
        let code = self.code_in(git, theirs, "HEAD", "bring in")?;
        Ok(code.map(|why| format!("{why}: `git pull` merges it")))
    }

    /// Says what to do where others have moved the issues elsewhere, or removed them.
    fn moved_away(&self, git: &Git, upstream: &Upstream, base: &str) -> Result<String, GitError> {
        let Some((place, _)) = git.remote_issue_branch()? else {
            return Ok(format!(
                "{upstream} has the home of the issues no more: `tickety backup` keeps a copy, `git pull` removes it here, too"
            ));
        };
        let gone = format!("the issues of {upstream} were moved to {place}, and nothing was merged");
        if git.changed_files(base, "HEAD")?.is_empty() && git.dirty_paths()?.is_empty() {
            return Ok(format!("{gone}: `git pull`, then `tickety init`"));
        }
        Ok(format!(
            "{gone}: to take along what is only here, `tickety home move branch`, \
             `git add -A .tickety && git commit -m 'Move the issues'`, `git pull`, and `tickety sync` again"
        ))
    }

    /// Says what keeps a branch from being pushed; `theirs` is what the remote has of it.
    pub(super) fn hindrance_of_push(
        &self,
        git: &Git,
        branch: &str,
        upstream: &Upstream,
        theirs: Option<&str>,
    ) -> Result<Option<String>, GitError> {
        if self.layout.kind != HomeKind::Tree {
            return Ok(None);
        }
        if let Some(why) = git.pushes_elsewhere(branch, upstream)? {
            return Ok(Some(why));
        }
        let known = format!("--remotes={}", upstream.remote);
        let code = self.code_in(git, "HEAD", theirs.unwrap_or(&known), "push")?;
        Ok(code.map(|why| format!("{why}: `git push` pushes it, and the issues with it")))
    }

    /// Says what code a merge or a push would take along, where the issues are with the code.
    fn code_in(&self, git: &Git, of: &str, not_in: &str, doing: &str) -> Result<Option<String>, GitError> {
        if self.layout.kind != HomeKind::Tree {
            return Ok(None);
        }
        Ok(match git.commits_of_code(of, not_in)? {
            0 => None,
            1 => Some(format!("to {doing} the issues would {doing} a commit of code")),
            count => Some(format!("to {doing} the issues would {doing} {count} commits of code")),
        })
    }

    /// Fetches the branch that the issues of a remote may have been moved to; there may be none.
    pub(super) fn fetch_issue_branch(&self, outside: &Git, upstream: &Upstream) {
        let branch = Upstream { remote: upstream.remote.clone(), branch: ISSUE_BRANCH.to_owned() };
        // Whether there is one is seen by what is there afterwards.
        let _ = outside.fetch(&branch);
    }
}

//! Issues and the branches of the code.

use std::iter;

use tickety_core::ident::{ALIAS_SCHEME, IssueKey, IssueName};
use tickety_core::issue::Issue;
use tickety_core::mention;

use super::git::{Branch, Git, GitError, Merged};
use super::layout::HomeKind;
use super::lock::WriteLock;
use super::store::RepoStore;
use crate::error::StorageError;
use crate::history::Commit;

/// The most commits whose messages are looked at.
const MESSAGES: usize = 100_000;

/// The longest part of a branch's name that comes from a title.
const SLUG: usize = 40;

/// A branch that was begun, or gone back to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// Its name.
    pub branch: String,
    /// Whether it wasn't there before.
    pub is_new: bool,
}

/// What became of the branch of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fate {
    /// The branch; `None` where it is gone.
    pub branch: Option<String>,
    /// The commit at its tip.
    pub tip: Option<String>,
    /// The branch that is checked out; `None` without one.
    pub into: Option<String>,
    /// How it was merged into that; `None` if it wasn't.
    pub merged: Option<Merged>,
}

impl RepoStore {
    /// Returns git for the code. Fails outside of a repository.
    fn code(&self) -> Result<Git, StorageError> {
        Git::of_code(&self.layout).ok_or_else(|| {
            let message = format!("{} is not in a git repository", self.layout.root.display());
            StorageError::Git { message }
        })
    }

    /// Returns the branch of the code that is checked out, and the issue that it is named for. The branch is `None`
    /// where a commit is checked out without one.
    pub fn current_branch(&self) -> Result<(Option<String>, Option<IssueName>), StorageError> {
        let branch = self.code()?.branch_at_work()?;
        let name = branch.as_deref().and_then(|branch| mention::issue_of_branch(branch, &self.schema.prefix));
        Ok((branch, name))
    }

    /// Switches to the branch of an issue, also to one that somebody has pushed. If it has none, one begins at `start`, or
    /// at what is checked out, named for the issue and its title.
    pub fn start_branch(&self, issue: &Issue, start: Option<&str>) -> Result<Started, StorageError> {
        let git = self.code()?;
        let key = issue.key();
        let name = branch_name(key, &issue.title);
        let branches = git.branches()?;
        let (own, elsewhere): (Vec<&Branch>, Vec<&Branch>) =
            self.branches_of(issue, &branches).partition(|branch| branch.is_local);
        let own: Vec<(&str, &Branch)> = own.into_iter().map(|branch| (branch.name.as_str(), branch)).collect();
        let mut existing = self.only_branch(key, &name, &own)?;
        if existing.is_none() && !elsewhere.is_empty() {
            let remotes = git.remotes()?;
            let mut pushed: Vec<(&str, &Branch)> = elsewhere
                .into_iter()
                .filter_map(|branch| Some((name_at_remote(&branch.name, &remotes)?, branch)))
                .collect();
            let is_twice = |name: &str| pushed.iter().filter(|(other, _)| *other == name).count() > 1;
            if pushed.iter().any(|(name, _)| is_twice(name))
                && let Some(preferred) = git.default_remote()?
            {
                let preferred = format!("{preferred}/");
                let is_preferred = |name: &str, branch: &Branch| branch.name.strip_prefix(&preferred) == Some(name);
                let chosen: Vec<&str> =
                    pushed.iter().filter(|(name, branch)| is_preferred(name, branch)).map(|(name, _)| *name).collect();
                pushed.retain(|(name, branch)| !chosen.contains(name) || is_preferred(name, branch));
            }
            existing = self.only_branch(key, &name, &pushed)?;
        }
        if let (Some(start), Some((branch, _))) = (start, existing) {
            let message = format!("{branch} is there already and doesn't begin anew at {start}");
            return Err(StorageError::Git { message });
        }
        {
            // Where the issues are with the code, git writes files of theirs.
            let is_here = self.layout.kind == HomeKind::Tree;
            let lock = is_here.then(|| WriteLock::acquire(&self.layout, &self.lock_options())).transpose()?;
            lock.as_ref().map(|lock| self.open_journal(lock)).transpose()?;
            match existing {
                Some((_, branch)) if branch.is_local => git.switch(&branch.name, false, None)?,
                Some((name, branch)) => git.switch_to_remote(name, branch)?,
                None => git.switch(&name, true, start)?,
            }
        }
        self.carry_to_branch();
        let is_new = existing.is_none();
        Ok(Started { branch: existing.map_or(name, |(name, _)| name.to_owned()), is_new })
    }

    /// Returns the one of several branches that `usual` names, or the only one. Fails where that leaves a choice.
    fn only_branch<'b>(
        &self,
        key: IssueKey,
        usual: &str,
        own: &[(&'b str, &'b Branch)],
    ) -> Result<Option<(&'b str, &'b Branch)>, StorageError> {
        let named: Vec<_> = own.iter().copied().filter(|(name, _)| *name == usual).collect();
        match (own, named.as_slice()) {
            ([], _) => Ok(None),
            ([only], _) | (_, [only]) => Ok(Some(*only)),
            _ => {
                let among = if named.is_empty() { own } else { &named };
                let names: Vec<&str> = among.iter().map(|(_, branch)| branch.name.as_str()).collect();
                let is_same = among.iter().all(|(name, branch)| *name == among[0].0 && !branch.is_local);
                let how = match is_same {
                    true => format!(
                        "`git switch --track {}` chooses one, `git config checkout.defaultRemote` one for good",
                        names[0]
                    ),
                    false => "`git switch` to one".to_owned(),
                };
                let message = format!("{key} has several branches: {}; {how}", names.join(", "));
                Err(StorageError::Git { message })
            }
        }
    }

    /// Tells whether the branch of an issue, or the one that is given, was merged into what is checked out.
    pub fn fate_of_branch(&self, issue: &Issue, given: Option<&str>) -> Result<Fate, StorageError> {
        let git = self.code()?;
        let into = git.branch_at_work()?;
        let branches = git.branches()?;
        let named = |branch: &&Branch| given.is_none_or(|given| branch.name == given);
        let mut own: Vec<&Branch> = match given {
            Some(_) => branches.iter().filter(named).collect(),
            None => self.branches_of(issue, &branches).collect(),
        };
        if let (Some(given), true) = (given, own.is_empty()) {
            return Err(StorageError::NoReference { what: "branch", name: given.to_owned() });
        }
        // What is known of another clone's branch may be old.
        if own.iter().any(|branch| branch.is_local) {
            own.retain(|branch| branch.is_local);
        }
        // Before the first commit, nothing was merged.
        let has_commits = git.checked_out()?.is_some();
        let mut last = None;
        for branch in own {
            if into.as_ref() == Some(&branch.name) && branch.is_local {
                let message = format!(
                    "{} is checked out: switch to the branch that it was merged into, such as main",
                    branch.name
                );
                return Err(StorageError::Git { message });
            }
            let merged = if has_commits { git.merged(branch)? } else { None };
            let is_merged = merged.is_some();
            last = Some(Fate {
                branch: Some(branch.name.clone()),
                tip: Some(branch.tip.clone()),
                into: into.clone(),
                merged,
            });
            // One that isn't merged has work that is missing.
            if !is_merged {
                break;
            }
        }
        if let Some(fate) = last {
            return Ok(fate);
        }
        let mut merged = None;
        for name in names_of(issue).filter(|_| has_commits) {
            merged = git.merge_naming(&name.to_string())?;
            if merged.is_some() {
                break;
            }
        }
        Ok(Fate { branch: None, tip: None, into, merged })
    }

    /// Returns the commits of a range whose messages may close issues, newest first, with these.
    pub fn closing_messages(&self, range: &str, bare: bool) -> Result<Vec<(Commit, Vec<IssueName>)>, StorageError> {
        let git = self.code()?;
        if range == "HEAD" && git.checked_out()?.is_none() {
            return Ok(Vec::new());
        }
        let messages = match git.messages(range, MESSAGES) {
            Err(GitError::Failed { .. }) => {
                return Err(StorageError::NoReference { what: "commits", name: range.to_owned() });
            }
            messages => messages?,
        };
        let read = |(commit, message): (Commit, String)| {
            let names = mention::closed_by(&message, &self.schema.prefix, bare);
            (!names.is_empty()).then_some((commit, names))
        };
        Ok(messages.into_iter().filter_map(read).collect())
    }

    /// Returns the branches that are named for an issue, in full, also by a name that it had before.
    fn branches_of<'b>(&self, issue: &Issue, branches: &'b [Branch]) -> impl Iterator<Item = &'b Branch> {
        let prefix = self.schema.prefix.clone();
        let names: Vec<IssueName> = names_of(issue).collect();
        branches.iter().filter(move |branch| {
            mention::issue_of_branch(&branch.name, &prefix).is_some_and(|name| names.contains(&name))
        })
    }
}

/// Returns the name of an issue, and those that it had before it was renumbered.
fn names_of(issue: &Issue) -> impl Iterator<Item = IssueName> + '_ {
    let before = issue.references.iter().filter_map(|reference| {
        let name = IssueName::parse(reference.strip_prefix(ALIAS_SCHEME)?, "").ok()?;
        name.suffix.is_some().then_some(name)
    });
    iter::once(issue.key().into()).chain(before)
}

/// Returns what a remote calls a branch that is known of it here.
fn name_at_remote<'b>(branch: &'b str, remotes: &[String]) -> Option<&'b str> {
    let names = remotes.iter().filter_map(|remote| branch.strip_prefix(remote.as_str())?.strip_prefix('/'));
    names.min_by_key(|name| name.len())
}

/// Returns the name of an issue's branch: `42-k3f9-slow-cache`.
fn branch_name(key: IssueKey, title: &str) -> String {
    let mut slug = String::new();
    for word in title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + 1 + word.len() > SLUG {
            break;
        }
        slug.push('-');
        slug.push_str(&word.to_ascii_lowercase());
    }
    format!("{key}{slug}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_for_the_issue_and_its_title() {
        let key = IssueKey { number: tickety_core::IssueNumber::new(42).unwrap(), suffix: "k3f9".parse().unwrap() };
        for (title, name) in [
            ("Slow cache", "42-k3f9-slow-cache"),
            ("  `list`: \"..~^\" ", "42-k3f9-list"),
            ("日本語", "42-k3f9"),
            ("index.lock", "42-k3f9-index-lock"),
        ] {
            assert_eq!(branch_name(key, title), name);
        }
        assert!(branch_name(key, &"word ".repeat(50)).len() <= "42-k3f9".len() + SLUG);
    }
}

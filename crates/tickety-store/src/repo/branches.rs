//! Issues and the branches of the code.

use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::mention;

use super::git::{Branch, Git, GitError, Merged};
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

    /// Switches to the branch of an issue. If it has none, one begins at `start`, or at what is checked out, named for the
    /// issue and its title.
    pub fn start_branch(&self, key: IssueKey, title: &str, start: Option<&str>) -> Result<Started, StorageError> {
        let git = self.code()?;
        let name = branch_name(key, title);
        let branches = git.branches()?;
        let own: Vec<&Branch> = self.branches_of(key, &branches).filter(|branch| branch.is_local).collect();
        let existing = match own.as_slice() {
            [only] => Some(*only),
            several => several.iter().copied().find(|branch| branch.name == name),
        };
        if let (None, [first, second, ..]) = (existing, own.as_slice()) {
            let message = format!("{key} has several branches: {}, {}; `git switch` to one", first.name, second.name);
            return Err(StorageError::Git { message });
        }
        let (branch, is_new) = existing.map_or((name, true), |branch| (branch.name.clone(), false));
        if let (Some(start), false) = (start, is_new) {
            let message = format!("{branch} is there already and doesn't begin anew at {start}");
            return Err(StorageError::Git { message });
        }
        git.switch(&branch, is_new, start)?;
        Ok(Started { branch, is_new })
    }

    /// Tells whether the branch of an issue, or the one that is given, was merged into what is checked out.
    pub fn fate_of_branch(&self, key: IssueKey, given: Option<&str>) -> Result<Fate, StorageError> {
        let git = self.code()?;
        let into = git.branch_at_work()?;
        let branches = git.branches()?;
        let named = |branch: &&Branch| given.is_none_or(|given| branch.name == given);
        let mut own: Vec<&Branch> = match given {
            Some(_) => branches.iter().filter(named).collect(),
            None => self.branches_of(key, &branches).collect(),
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
        let merged = if has_commits { git.merge_naming(&key.to_string())? } else { None };
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

    /// Returns the branches that are named for an issue, in full.
    fn branches_of<'b>(&self, key: IssueKey, branches: &'b [Branch]) -> impl Iterator<Item = &'b Branch> {
        let prefix = self.schema.prefix.clone();
        branches.iter().filter(move |branch| {
            mention::issue_of_branch(&branch.name, &prefix).is_some_and(|name| name == key.into())
        })
    }
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

//! How the issues stand to git: with which branch they are exchanged, how far the two are apart, and what keeps git from
//! it.

use std::path::PathBuf;
use std::{fmt, fs};

use super::super::layout::{CONFIG_FILE, HomePath};
use super::{Git, GitError, ISSUE_BRANCH, text};

/// With which branch of which remote a branch is exchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// The remote's name.
    pub remote: String,
    /// The branch's name there.
    pub branch: String,
}

impl Upstream {
    /// Returns the reference that keeps what was fetched last.
    pub fn reference(&self) -> String {
        format!("refs/remotes/{}/{}", self.remote, self.branch)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.remote, self.branch)
    }
}

/// What a branch is exchanged with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tracking {
    /// A branch of a remote.
    Upstream(Upstream),
    /// Nothing: its upstream is another branch of the clone.
    Local(String),
    /// Nothing: its upstream is at an address without a name.
    Address(String),
    /// Nothing: there are several remotes, and nobody has chosen one.
    Several(Vec<String>),
    /// Nothing.
    Nothing,
}

/// How many commits each of two has that the other hasn't.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Distance {
    /// Ours.
    pub ahead: usize,
    /// Theirs.
    pub behind: usize,
}

impl Git {
    /// Returns with what a branch is exchanged: as configured or, for the branch of the issues, under its own name with
    /// `origin`, the only remote, or the only one that has such a branch.
    pub fn tracking(&self, branch: &str) -> Result<Tracking, GitError> {
        let remote = self.setting(&format!("branch.{branch}.remote"))?;
        let merge = self.setting(&format!("branch.{branch}.merge"))?;
        let own = || (branch == ISSUE_BRANCH).then(|| branch.to_owned());
        if let Some(remote) = remote
            && let Some(merge) = merge.or_else(own)
        {
            let branch = merge.strip_prefix("refs/heads/").unwrap_or(&merge).to_owned();
            return Ok(match remote.as_str() {
                "." => Tracking::Local(branch),
                // No name of a remote has a colon, and few look like paths.
                address if address.contains(':') || address.starts_with(['.', '/', '~']) => Tracking::Address(remote),
                _ => Tracking::Upstream(Upstream { remote, branch }),
            });
        }
        if branch != ISSUE_BRANCH {
            return Ok(Tracking::Nothing);
        }
        let remotes: Vec<String> = text(&self.run(&["remote"])?).lines().map(str::to_owned).collect();
        let upstream =
            |remote: &String| Tracking::Upstream(Upstream { remote: remote.clone(), branch: branch.to_owned() });
        if let Some(remote) = remotes.iter().find(|name| *name == "origin" || remotes.len() == 1) {
            return Ok(upstream(remote));
        }
        let mut having = Vec::new();
        for remote in &remotes {
            if self.commit_of(&format!("refs/remotes/{remote}/{branch}"))?.is_some() {
                having.push(remote);
            }
        }
        Ok(match having[..] {
            [only] => upstream(only),
            _ if remotes.is_empty() => Tracking::Nothing,
            _ => Tracking::Several(remotes),
        })
    }

    /// Remembers with which branch of which remote a branch is exchanged.
    pub fn set_upstream(&self, branch: &str, upstream: &Upstream) -> Result<(), GitError> {
        self.set(&format!("branch.{branch}.remote"), &upstream.remote)?;
        self.set(&format!("branch.{branch}.merge"), &format!("refs/heads/{}", upstream.branch))
    }

    /// Says why `git push` would not push a branch to its upstream; `None` if it would.
    pub fn pushes_elsewhere(&self, branch: &str, upstream: &Upstream) -> Result<Option<String>, GitError> {
        let own = self.setting(&format!("branch.{branch}.pushRemote"))?;
        let remote = if own.is_some() { own } else { self.setting("remote.pushDefault")? };
        if let Some(remote) = remote.filter(|remote| *remote != upstream.remote) {
            return Ok(Some(format!(
                "{branch} is merged from {upstream} and pushed to {remote}: `git push` pushes it"
            )));
        }
        if branch == upstream.branch {
            return Ok(None);
        }
        let policy = self.setting("push.default")?;
        if policy.is_some_and(|policy| matches!(policy.as_str(), "upstream" | "tracking")) {
            return Ok(None);
        }
        let remote = &upstream.remote;
        Ok(Some(format!(
            "{branch} follows {upstream}, a branch of another name, and nothing is pushed: \
             `git push -u {remote} {branch}` gives it one of its own, `git config push.default upstream` allows it"
        )))
    }

    /// Counts the commits of each of two that the other hasn't.
    pub fn distance(&self, ours: &str, theirs: &str) -> Result<Distance, GitError> {
        let counted = text(&self.run(&["rev-list", "--left-right", "--count", &format!("{ours}...{theirs}"), "--"])?);
        let mut counts = counted.split_whitespace().map(|count| count.parse().unwrap_or(0));
        Ok(Distance { ahead: counts.next().unwrap_or(0), behind: counts.next().unwrap_or(0) })
    }

    /// Counts the commits that are checked out and that no branch of a remote has, as of the last fetch.
    pub fn commits_to_share(&self, remote: &str) -> Result<usize, GitError> {
        let known = format!("--remotes={remote}");
        let counted = text(&self.run(&["rev-list", "--count", "HEAD", "--not", &known, "--"])?);
        Ok(counted.parse().unwrap_or(0))
    }

    /// Counts the commits of one that others haven't and that change something outside of the home. `not_in` is a
    /// commit, or `--remotes=NAME`: all that a remote had at the last fetch.
    pub fn commits_of_code(&self, of: &str, not_in: &str) -> Result<usize, GitError> {
        let range = [of, "--not", not_in, "--"];
        // Also what a merge itself changes, and what a commit without a parent begins with.
        let how = ["-c", "log.showRoot=true", "log", "-z", "--format=%x01", "--name-only", "--no-renames"];
        let output = self.run(&[&how[..], &["--no-relative", "--diff-merges=combined"], &range[..]].concat())?;
        let home = self.prefix.as_bytes();
        let (mut count, mut is_counted) = (0, false);
        for field in output.split(|&byte| byte == 0) {
            let path = field.strip_prefix(b"\n").unwrap_or(field);
            match path {
                [] => {}
                [1, ..] => is_counted = false,
                path if !is_counted && !path.starts_with(home) => (count, is_counted) = (count + 1, true),
                _ => {}
            }
        }
        Ok(count)
    }

    /// Whether a commit has the home.
    pub fn has_home(&self, commit: &str) -> Result<bool, GitError> {
        let config = format!("{}{CONFIG_FILE}", self.prefix);
        Ok(!self.run(&["ls-tree", "--name-only", "-z", commit, "--", &config])?.is_empty())
    }

    /// Whether a commit is another one, or one that it comes from.
    pub fn is_ancestor(&self, commit: &str, of: &str) -> Result<bool, GitError> {
        Ok(self.ask(&["merge-base", "--is-ancestor", commit, of])?.is_some())
    }

    /// Returns the last commit that two commits both come from.
    pub fn merge_base(&self, ours: &str, theirs: &str) -> Result<Option<String>, GitError> {
        Ok(self.ask(&["merge-base", ours, theirs])?.map(|id| text(&id)))
    }

    /// Returns all commits that two commits both come from and that don't come from another one of these.
    pub fn merge_bases(&self, ours: &str, theirs: &str) -> Result<Vec<String>, GitError> {
        let found = self.ask(&["merge-base", "--all", ours, theirs])?.unwrap_or_default();
        Ok(text(&found).lines().map(str::to_owned).collect())
    }

    /// Returns the commit up to the one that is checked out that removed the home last, with its subject.
    pub fn removal_of_home(&self) -> Result<Option<String>, GitError> {
        if self.is_unborn()? {
            return Ok(None);
        }
        let config = format!("{}{CONFIG_FILE}", self.prefix);
        let found = text(&self.run(&["log", "-1", "--diff-filter=D", "--format=%h (%s)", "HEAD", "--", &config])?);
        Ok((!found.is_empty()).then_some(found))
    }

    /// Returns the directory that git takes for the work tree instead of that of the home, if it does.
    pub fn other_work_tree(&self) -> Result<Option<PathBuf>, GitError> {
        // A linked work tree has its own place.
        if self.dirs.git_dir != self.dirs.common_dir {
            return Ok(None);
        }
        let Some(configured) = self.setting("core.worktree")? else { return Ok(None) };
        let path = self.dirs.git_dir.join(configured);
        let is_own = fs::canonicalize(&path).ok() == fs::canonicalize(&self.dirs.work_tree).ok();
        Ok((!is_own).then_some(path))
    }

    /// Whether git ignores the home, so that it would never be committed.
    pub fn is_ignored(&self) -> Result<bool, GitError> {
        let config = format!("{}{CONFIG_FILE}", self.prefix);
        let ignored = ["ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", &config];
        Ok(!self.run(&ignored)?.is_empty())
    }

    /// Returns what git is in the midst of, if it is: a merge, a rebase, a cherry-pick, a revert or a bisect.
    pub fn unfinished(&self) -> Option<&'static str> {
        let signs = [
            ("MERGE_HEAD", "merge"),
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("sequencer", "cherry-pick"),
            ("BISECT_LOG", "bisect"),
        ];
        let is_there = |name: &str| match name {
            "CHERRY_PICK_HEAD" | "REVERT_HEAD" => self.has_own_reference(name).unwrap_or(false),
            _ => self.dirs.git_dir.join(name).symlink_metadata().is_ok(),
        };
        signs.iter().find(|(name, _)| is_there(name)).map(|(_, doing)| *doing)
    }

    /// Whether files wait to be settled.
    pub fn has_unmerged(&self) -> Result<bool, GitError> {
        Ok(!self.run(&["ls-files", "--unmerged", "-z"])?.is_empty())
    }

    /// Returns the home's files in a commit that differ from those in another, with how: `A`, `M` or `D`.
    pub fn changed_files(&self, from: &str, to: &str) -> Result<Vec<(char, HomePath)>, GitError> {
        let home = self.prefix.trim_end_matches('/');
        let output = self.run(&["diff-tree", "-r", "-z", "--no-renames", "--name-status", from, to, "--", home])?;
        let mut fields = output.split(|&byte| byte == 0);
        let mut changed = Vec::new();
        while let (Some(how), Some(path)) = (fields.next(), fields.next()) {
            let how = how.first().map_or('M', |&byte| char::from(byte));
            changed.extend(self.home_path(path).map(|path| (how, path)));
        }
        Ok(changed)
    }
}

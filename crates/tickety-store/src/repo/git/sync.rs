//! Committing the files of a home, and exchanging commits with a remote.
//!
//! This is where git may talk to other machines, with the user's own settings for that. Hooks aren't run, nothing is
//! forced, and paths outside of the home are never written.

use std::fmt;
use std::io::{self, Read as _};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::super::layout::{CONFIG_FILE, HomePath};
use super::{Author, Git, GitError, ISSUE_BRANCH, Running, run, text};

/// How long a remote may take to answer a question that nobody has asked for.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// How many commits each of two has that the other hasn't.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Distance {
    /// Ours.
    pub ahead: usize,
    /// Theirs.
    pub behind: usize,
}

/// What became of a merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeOutcome {
    /// It is committed, or needed no commit of its own.
    Whole,
    /// Some files wait to be settled.
    InConflict,
}

impl Git {
    /// Returns with what a branch is exchanged: as configured or, for the branch of the issues, under its own name with
    /// `origin` or the only remote.
    pub fn upstream(&self, branch: &str) -> Result<Option<Upstream>, GitError> {
        let remote = self.setting(&format!("branch.{branch}.remote"))?;
        let merge = self.setting(&format!("branch.{branch}.merge"))?;
        if let (Some(remote), Some(merge)) = (remote, merge)
            && remote != "."
        {
            let branch = merge.strip_prefix("refs/heads/").unwrap_or(&merge).to_owned();
            return Ok(Some(Upstream { remote, branch }));
        }
        if branch != ISSUE_BRANCH {
            return Ok(None);
        }
        let remotes = text(&self.run(&["remote"])?);
        let remotes: Vec<&str> = remotes.lines().collect();
        let remote = match remotes[..] {
            [only] => Some(only),
            _ => remotes.iter().copied().find(|name| *name == "origin"),
        };
        Ok(remote.map(|remote| Upstream { remote: remote.to_owned(), branch: branch.to_owned() }))
    }

    /// Commits the files of the home, and nothing else that may be staged. Returns the commit, if there was something.
    pub fn commit_home(&self, message: &str, author: &Author) -> Result<Option<String>, GitError> {
        let home = self.prefix.trim_end_matches('/');
        if self.dirty_paths()?.is_empty() {
            return Ok(None);
        }
        self.run(&["add", "--all", "--", home])?;
        let author = format!("--author={}", author.ident());
        self.run(&["commit", "--quiet", "--no-verify", "--message", message, &author, "--only", "--", home])?;
        Ok(Some(text(&self.run(&["rev-parse", "HEAD"])?)))
    }

    /// Fetches what a remote has; `None` if it has no such branch.
    pub fn fetch(&self, upstream: &Upstream) -> Result<Option<String>, GitError> {
        let Upstream { remote, branch } = upstream;
        let refspec = format!("+refs/heads/{branch}:{}", upstream.reference());
        let arguments =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", remote, &refspec];
        match run(self.command_to_others(&arguments)?, &arguments) {
            Ok(_) => self.commit_of(&upstream.reference()),
            Err(GitError::Failed { message, .. }) if message.contains("couldn't find remote ref") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Counts the commits of each of two that the other hasn't.
    pub fn distance(&self, ours: &str, theirs: &str) -> Result<Distance, GitError> {
        let counted = text(&self.run(&["rev-list", "--left-right", "--count", &format!("{ours}...{theirs}"), "--"])?);
        let mut counts = counted.split_whitespace().map(|count| count.parse().unwrap_or(0));
        Ok(Distance { ahead: counts.next().unwrap_or(0), behind: counts.next().unwrap_or(0) })
    }

    /// Counts the commits of one that another hasn't and that change something outside of the home.
    pub fn commits_of_code(&self, of: &str, not_in: &str) -> Result<usize, GitError> {
        let range = format!("{not_in}..{of}");
        let output = self.run(&["log", "-z", "--format=%x01", "--name-only", "--no-renames", &range, "--"])?;
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

    /// Merges a commit.
    pub fn merge(&self, commit: &str, message: &str) -> Result<MergeOutcome, GitError> {
        // Short issues look alike: git would take one that was deleted for one that was made, renamed. No two are the
        // same. (Before 2.50, git doesn't know how to look for none.)
        let mut arguments = vec![
            "merge",
            "-Xfind-renames=100%",
            "--quiet",
            "--no-stat",
            "--no-verify",
            "--no-edit",
            "--message",
            message,
        ];
        if self.branch()?.as_deref() == Some(ISSUE_BRANCH) {
            // Two people may have begun it.
            arguments.push("--allow-unrelated-histories");
        }
        arguments.push(commit);
        match self.run(&arguments) {
            Ok(_) => Ok(MergeOutcome::Whole),
            Err(GitError::Failed { status, .. }) if status.code() == Some(1) && self.has_unmerged()? => {
                Ok(MergeOutcome::InConflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Commits a merge whose files are settled.
    pub fn conclude_merge(&self) -> Result<(), GitError> {
        self.run(&["commit", "--quiet", "--no-verify", "--no-edit"]).map(drop)
    }

    /// Takes a merge back that can't be settled.
    pub fn abort_merge(&self) -> Result<(), GitError> {
        self.run(&["merge", "--abort"]).map(drop)
    }

    /// Whether git ignores the home, so that it would never be committed.
    pub fn is_ignored(&self) -> Result<bool, GitError> {
        let config = format!("{}{CONFIG_FILE}", self.prefix);
        let ignored = ["ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", &config];
        Ok(!self.run(&ignored)?.is_empty())
    }

    /// Returns what git is in the midst of, if it is: a merge, a rebase, a cherry-pick or a revert.
    pub fn unfinished(&self) -> Option<&'static str> {
        let signs = [
            ("MERGE_HEAD", "merge"),
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ];
        let found = signs.iter().find(|(name, _)| self.dirs.git_dir.join(name).symlink_metadata().is_ok());
        found.map(|(_, doing)| *doing)
    }

    /// Whether files wait to be settled.
    pub fn has_unmerged(&self) -> Result<bool, GitError> {
        Ok(!self.run(&["ls-files", "--unmerged", "-z"])?.is_empty())
    }

    /// Pushes a branch. Returns `false` if the remote has gone on meanwhile.
    pub fn push(&self, branch: &str, upstream: &Upstream) -> Result<bool, GitError> {
        let refspec = format!("refs/heads/{branch}:refs/heads/{}", upstream.branch);
        let arguments = ["push", "--quiet", "--no-verify", &upstream.remote, &refspec];
        match run(self.command_to_others(&arguments)?, &arguments) {
            Ok(_) => Ok(true),
            Err(GitError::Failed { message, .. })
                if ["[rejected]", "[remote rejected]", "non-fast-forward", "fetch first", "cannot lock ref"]
                    .iter()
                    .any(|sign| message.contains(sign)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
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

    /// Asks a remote whether it has a branch; for some seconds, and without asking anybody for a password.
    pub fn ask_remote_for(&self, remote: &str, branch: &str) -> Result<bool, GitError> {
        let reference = format!("refs/heads/{branch}");
        let arguments = ["ls-remote", "--quiet", "--exit-code", "--heads", remote, &reference];
        let mut command = self.command_to_others(&arguments)?;
        command.env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        let mut running = Running(command.spawn().map_err(|source| GitError::Start { source })?);
        let mut stderr = running.0.stderr.take().expect("its errors are piped");
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            let mut message = String::new();
            // What can't be read is missing from what is told.
            let _ = stderr.read_to_string(&mut message);
            let _ = sender.send(message);
        });
        let failed = |source| GitError::Pipe { command: "ls-remote", source };
        let message = said.recv_timeout(PATIENCE).map_err(|_| failed(io::ErrorKind::TimedOut.into()))?;
        let status = running.0.wait().map_err(failed)?;
        match status.code() {
            Some(0) => Ok(true),
            // What `--exit-code` is for.
            Some(2) => Ok(false),
            _ => Err(GitError::Failed { command: "ls-remote".to_owned(), status, message: message.trim().to_owned() }),
        }
    }

    /// Starts a command line that talks to other machines: with the protocols that the user's git allows, and its ways
    /// to ask for a password.
    fn command_to_others(&self, arguments: &[&str]) -> Result<Command, GitError> {
        let mut command = self.command(["-c", "protocol.allow=user", "-c", "protocol.ext.allow=never"])?;
        for protocol in ["file", "git", "http", "https", "ssh"] {
            command.arg("-c").arg(format!("protocol.{protocol}.allow=always"));
        }
        command.args(arguments).env_remove("GIT_TERMINAL_PROMPT");
        Ok(command)
    }
}

//! Branches of the code: which is checked out, starting one, and whether one was merged.

use std::process::Stdio;

use super::log::{Fields, finish, read_commit};
use super::{Git, GitError, Running, text};
use crate::history::Commit;

/// How patches are printed that are to be compared, whatever git is told elsewhere of what people like to see.
const PATCH: [&str; 12] = [
    "--patch",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
];

/// A branch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct Branch {
    /// Its name, without `refs/heads/` or `refs/remotes/`.
    pub(in crate::repo) name: String,
    /// The commit at its tip.
    pub(in crate::repo) tip: String,
    /// Whether it is one of this clone, and not what is known of one elsewhere.
    pub(in crate::repo) is_local: bool,
}

/// How a branch was merged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Merged {
    /// All of its commits are there.
    Whole,
    /// Its commits are there under other ids.
    Rebased,
    /// One commit does what all of it does.
    Squashed {
        /// Its id.
        commit: String,
    },
    /// The branch is gone, and a merge commit names it.
    Named {
        /// Its id.
        commit: String,
        /// The first line of its message.
        subject: String,
    },
}

impl Git {
    /// Returns the branch that is checked out, if one is.
    pub(in crate::repo) fn branch(&self) -> Result<Option<String>, GitError> {
        // In full: what is short for git is longer where a tag has the name, too.
        let name = self.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
        Ok(name.and_then(|name| local_name(&text(&name))))
    }

    /// Returns the branch that is checked out, also while it is being rebased; `None` without one.
    pub(in crate::repo) fn branch_at_work(&self) -> Result<Option<String>, GitError> {
        let rebased = || {
            let files = ["rebase-merge/head-name", "rebase-apply/head-name"].into_iter();
            files.map(|name| self.dirs.git_dir.join(name)).find_map(|path| {
                super::read_foreign_text(&path, super::REFERENCE_BYTES).ok().and_then(|name| local_name(name.trim()))
            })
        };
        Ok(self.branch()?.or_else(rebased))
    }

    /// Lists the branches.
    pub(in crate::repo) fn branches(&self) -> Result<Vec<Branch>, GitError> {
        let format = "--format=%(objectname) %(refname)";
        let output = self.run(&["for-each-ref", format, "refs/heads", "refs/remotes"])?;
        let lines = String::from_utf8_lossy(&output);
        let branch = |line: &str| {
            let (tip, name) = line.split_once(' ')?;
            let local = name.strip_prefix("refs/heads/");
            let name = local.or_else(|| name.strip_prefix("refs/remotes/"))?;
            Some(Branch { name: name.to_owned(), tip: tip.to_owned(), is_local: local.is_some() })
        };
        Ok(lines.lines().filter_map(branch).collect())
    }

    /// Switches to a branch; a new one begins at `start`, or at what is checked out. Git refuses what would lose changes.
    pub(in crate::repo) fn switch(&self, branch: &str, is_new: bool, start: Option<&str>) -> Result<(), GitError> {
        let mut arguments = vec!["switch", "--quiet", "--no-guess", "--no-recurse-submodules"];
        let start = start.map(|start| self.commit_id(start)).transpose()?;
        if is_new {
            arguments.extend(["--no-track", "--create"]);
        }
        arguments.push(branch);
        arguments.extend(start.as_deref().filter(|_| is_new));
        self.run(&arguments).map(drop)
    }

    /// Switches to a new branch that follows one of another clone, as `git switch` does by itself for a branch that only
    /// one remote has.
    pub(in crate::repo) fn switch_to_remote(&self, branch: &str, remote: &Branch) -> Result<(), GitError> {
        let remote = format!("refs/remotes/{}", remote.name);
        self.run(&["switch", "--quiet", "--no-recurse-submodules", "--track", "--create", branch, &remote]).map(drop)
    }

    /// Whether git has a file for the work tree, and leaves it out as one of a sparse checkout.
    pub(in crate::repo) fn is_left_out(&self, path: &str) -> Result<bool, GitError> {
        Ok(self.run(&["ls-files", "-t", "-z", "--", path])?.starts_with(b"S "))
    }

    /// Returns the names of the remotes.
    pub(in crate::repo) fn remotes(&self) -> Result<Vec<String>, GitError> {
        Ok(text(&self.run(&["remote"])?).lines().map(str::to_owned).collect())
    }

    /// Returns the remote whose branch is meant where several have one of a name.
    pub(in crate::repo) fn default_remote(&self) -> Result<Option<String>, GitError> {
        self.setting("checkout.defaultRemote")
    }

    /// Tells how a branch was merged into the commit that is checked out; `None` if it wasn't.
    pub(in crate::repo) fn merged(&self, branch: &Branch) -> Result<Option<Merged>, GitError> {
        let tip = branch.tip.as_str();
        if self.ask(&["merge-base", "--is-ancestor", tip, "HEAD"])?.is_some() {
            return Ok(self.has_own_commits(branch)?.then_some(Merged::Whole));
        }
        let Some(base) = self.ask(&["merge-base", "HEAD", tip])?.map(|base| text(&base)) else { return Ok(None) };
        let cherry = self.run(&["cherry", "HEAD", tip])?;
        if !cherry.is_empty() && cherry.split(|&byte| byte == b'\n').all(|line| line.is_empty() || line[0] == b'-') {
            return Ok(Some(Merged::Rebased));
        }
        let whole = self.patch_ids(&[&["diff-tree"], &PATCH[..], &[&base, tip]].concat())?;
        let Some((wanted, _)) = whole.into_iter().next() else { return Ok(None) };
        let range = format!("{base}..HEAD");
        let since = ["log", "--no-merges", "--format=medium"];
        let since = self.patch_ids(&[&since[..], &PATCH[..], &[&range]].concat())?;
        let found = since.into_iter().find(|(patch, _)| *patch == wanted);
        Ok(found.map(|(_, commit)| Merged::Squashed { commit }))
    }

    /// Finds the merge commit that names a branch which is gone, in what is checked out.
    pub(in crate::repo) fn merge_naming(&self, name: &str) -> Result<Option<Merged>, GitError> {
        let grep = format!("--grep={name}");
        let arguments = [
            "log",
            "--merges",
            "--fixed-strings",
            &grep,
            "--encoding=UTF-8",
            "--format=%H %s",
            "--max-count=20",
            "HEAD",
        ];
        let output = self.run(&arguments)?;
        let lines = String::from_utf8_lossy(&output);
        let names_it = |subject: &str| {
            // What follows tells where the branch of the message went, not which it was.
            let subject = subject.rsplit_once(" into ").map_or(subject, |(what, _)| what);
            subject.match_indices(name).any(|(at, _)| {
                let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                is_edge(subject[..at].chars().next_back()) && is_edge(subject[at + name.len()..].chars().next())
            })
        };
        Ok(lines.lines().find_map(|line| {
            let (commit, subject) = line.split_once(' ')?;
            names_it(subject).then(|| Merged::Named { commit: commit.to_owned(), subject: subject.to_owned() })
        }))
    }

    /// Whether a branch all of whose commits are checked out ever had one that was its own: a new branch has none and
    /// looks the same otherwise.
    fn has_own_commits(&self, branch: &Branch) -> Result<bool, GitError> {
        // Merged by a merge commit: then it isn't what the branch that is checked out once was.
        let tip_is_ours = self.run(&["rev-list", "--first-parent", "HEAD", &format!("^{}^@", branch.tip)])?;
        let is_on_line = String::from_utf8_lossy(&tip_is_ours).lines().any(|id| id == branch.tip);
        if !is_on_line {
            return Ok(true);
        }
        // A fast forward: the branch has moved since it was made.
        let reference = format!("refs/heads/{}", branch.name);
        let log = self.run(&["reflog", "show", "--format=%H", &reference]);
        let log = log.unwrap_or_default();
        let mut ids: Vec<&[u8]> = log.split(|&byte| byte == b'\n').filter(|id| !id.is_empty()).collect();
        ids.dedup();
        Ok(branch.is_local && ids.len() > 1)
    }

    /// Returns what the messages of commits say, newest first, of those that may close issues.
    pub(in crate::repo) fn messages(&self, range: &str, limit: usize) -> Result<Vec<(Commit, String)>, GitError> {
        let mut running = Running::start(self.command([
            "log",
            "--date-order",
            "--encoding=UTF-8",
            "-z",
            "--extended-regexp",
            "--regexp-ignore-case",
            "--grep=(close|fix|resolve)",
            "--format=%x01%H%x00%at%x00%ct%x00%an%x00%ae%x00%s%x00%B%x00",
            "--end-of-options",
            range,
            "--",
        ])?)?;
        let output = running.0.stdout.take().expect("its output is piped");
        let mut fields = Fields::new(output);
        let mut messages = Vec::new();
        while let Some(field) = fields.next("log")? {
            let Some(id) = field.strip_prefix(&[super::log::COMMIT_MARK]) else { continue };
            if messages.len() == limit {
                return Ok(messages);
            }
            let commit = read_commit(id, &mut fields)?;
            let message = fields.next("log")?.unwrap_or_default();
            messages.push((commit, String::from_utf8_lossy(&message).into_owned()));
        }
        finish(running, "log")?;
        Ok(messages)
    }

    /// Returns the ids of the patches that git prints, with those of their commits.
    fn patch_ids(&self, arguments: &[&str]) -> Result<Vec<(String, String)>, GitError> {
        let mut printing = Running::start(self.command(arguments)?)?;
        let patches = printing.0.stdout.take().expect("its output is piped");
        let mut command = self.command(["patch-id", "--stable"])?;
        command.stdin(Stdio::from(patches));
        let output = super::run(command, &["patch-id"])?;
        finish(printing, "log")?;
        let lines = String::from_utf8_lossy(&output);
        let pair = |line: &str| line.split_once(' ').map(|(patch, commit)| (patch.to_owned(), commit.to_owned()));
        Ok(lines.lines().filter_map(pair).collect())
    }
}

/// Returns the name of a branch of this clone by its full one.
fn local_name(reference: &str) -> Option<String> {
    reference.strip_prefix("refs/heads/").map(str::to_owned)
}

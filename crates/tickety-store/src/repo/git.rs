//! What git knows: by reading its files where that is simple, by starting it where it isn't.
//!
//! Starting git costs more than most commands of Tickety, so nothing on the path of a plain read or
//! write does. Where it is started, no hooks are run, no file system monitor, pager, external diff or
//! text conversion, and nothing is fetched from a promisor; and the environment can't point it to
//! another repository. What git needs for the content of files and for talking to others is as the user's
//! configuration and that of the clone say: filters, merge drivers, signatures, `core.sshCommand`. No
//! clone brings such a configuration along, and files that do, such as `.gitattributes`, name no program.

#![expect(clippy::disallowed_methods, reason = "this module owns the starting of git")]

mod branch;
mod branches;
mod checkouts;
mod committing;
mod exchange;
mod files;
mod history;
mod identity;
mod log;
mod numbers;
mod objects;
mod sync;
mod tree;
mod unmerged;
mod written;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use jiff::Timestamp;

use super::files::{read_foreign, read_foreign_text};
use super::layout::{GitDirs, HOME_DIR, HomeKind, HomePath, Layout};

pub(crate) use unmerged::{SideChange, SideChanges, Stage, Staged};

pub use branch::{Author, BranchFile, ISSUE_BRANCH, Past};
pub(super) use branches::Branch;
pub use branches::Merged;
pub(super) use checkouts::{Checkout, checkout_name};
pub use committing::MergeOutcome;
pub use exchange::Pushed;
pub use identity::{ConfigFiles, Identity, identity, user_name};
pub(super) use log::{Blob, Change, FileChange, Which};
pub(super) use objects::{Object, Objects};
pub use sync::{Distance, Tracking, Upstream};
pub(super) use tree::Listed;

/// What `git rev-parse --local-env-vars` lists, and what else changes where git looks or what it
/// runs.
const FOREIGN_VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ASKPASS",
    "GIT_ATTR_SOURCE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_WORK_TREE",
    "SSH_ASKPASS",
];

/// Arguments before every subcommand.
const HARDENED: &[&str] = &[
    "--no-optional-locks",
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.alternateRefsCommand=",
    "-c",
    "diff.external=",
    "-c",
    "log.showSignature=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "submodule.recurse=false",
];

/// The longest file of a reference that is read.
const REFERENCE_BYTES: u64 = 64 << 10;

/// The longest file of packed references that is read: about a million of them.
const PACKED_BYTES: u64 = 128 << 20;

/// Git, for one work tree and the home in it.
#[derive(Clone, Debug)]
pub struct Git {
    dirs: GitDirs,
    /// The home relative to the work tree, with a `/` at its end.
    prefix: String,
}

impl Git {
    /// Returns git for the home of a layout; `None` in a plain folder, and for a path that isn't
    /// UTF-8.
    pub fn of(layout: &Layout) -> Option<Self> {
        let dirs = layout.git.clone()?;
        let home = layout.below_work_tree().join(HOME_DIR);
        Some(Self { dirs, prefix: format!("{}/", home.to_str()?) })
    }

    /// Returns git for the work tree with the code, which is another one than the home's where all work trees of the
    /// clone share a home. Knows the home of the code's own branches, whether they have one or not.
    pub fn of_code(layout: &Layout) -> Option<Self> {
        if layout.kind == HomeKind::Tree {
            return Self::of(layout);
        }
        Some(Self { dirs: layout.checkout.clone()?, prefix: format!("{HOME_DIR}/") })
    }

    /// Starts a command line in the work tree, hardened.
    fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Result<Command, GitError> {
        files::check(&self.dirs)?;
        let mut command = command_in(&self.dirs.work_tree, arguments);
        // The one that the home is in, whatever `core.worktree` says.
        command.env("GIT_WORK_TREE", &self.dirs.work_tree);
        Ok(command)
    }

    /// Runs git to its end and returns what it prints.
    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        run(self.command(arguments)?, arguments)
    }

    /// Asks git something that it answers with its status, where 1 is a no: `None`.
    fn ask(&self, arguments: &[&str]) -> Result<Option<Vec<u8>>, GitError> {
        or_no(self.run(arguments))
    }

    /// Returns a setting of git's; `None` where it isn't set, or is empty.
    fn setting(&self, key: &str) -> Result<Option<String>, GitError> {
        setting(self.run(&["config", "--null", "--get", key]))
    }

    /// Returns the id of a commit by any name git knows. Fails if there is no such commit.
    pub fn commit_id(&self, name: &str) -> Result<String, GitError> {
        self.commit_of(name)?.ok_or_else(|| GitError::NoCommit { name: name.to_owned() })
    }

    /// Returns the id of a commit by any name git knows; `None` if there is no such commit.
    pub(crate) fn commit_of(&self, name: &str) -> Result<Option<String>, GitError> {
        // Never taken for an option.
        let commit = format!("{name}^{{commit}}");
        match self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]) {
            // Of a log that doesn't go back so far, it says so by its status alone.
            Err(GitError::Failed { message, status, .. }) if message.is_empty() && status.code().is_some() => Ok(None),
            // What isn't the name of one, such as `^main`, isn't refused always.
            answer => Ok(answer?.map(|id| text(&id)).filter(|id| is_object_id(id))),
        }
    }

    /// Returns the commit that is checked out; `None` on a branch without commits.
    pub fn checked_out(&self) -> Result<Option<String>, GitError> {
        match self.head_commit()? {
            None if self.has_reftable() => self.commit_of("HEAD"),
            found => Ok(found),
        }
    }

    /// Whether references are kept in a way that takes git to read.
    fn has_reftable(&self) -> bool {
        self.dirs.common_dir.join("reftable").is_dir()
    }

    /// Whether a reference of this checkout alone is there, such as `CHERRY_PICK_HEAD`.
    fn has_own_reference(&self, name: &str) -> Result<bool, GitError> {
        // These two are files wherever the others are.
        if self.has_reftable() && !matches!(name, "MERGE_HEAD" | "FETCH_HEAD") {
            return Ok(self.commit_of(name)?.is_some());
        }
        Ok(self.reference_file(name)?.is_some())
    }

    /// Whether the branch that is checked out has no commits yet.
    fn is_unborn(&self) -> Result<bool, GitError> {
        Ok(self.checked_out()?.is_none())
    }

    /// Returns what git calls a record of a commit.
    pub(super) fn name_in(&self, commit: &str, path: super::layout::RecordPath) -> String {
        format!("{commit}:{}{}", self.prefix, path.home_path())
    }

    /// Whether older commits are missing from the clone.
    pub fn is_shallow(&self) -> bool {
        self.dirs.common_dir.join("shallow").exists()
    }

    /// Returns the home's path of one that is relative to the work tree.
    fn home_path(&self, path: &[u8]) -> Option<HomePath> {
        str::from_utf8(path).ok()?.strip_prefix(&self.prefix)?.parse().ok()
    }

    /// Returns the commit that is checked out, as hexadecimal digits, by reading files.
    ///
    /// `None` on a branch without commits, and where references are kept in a way that takes git to
    /// read (`reftable`).
    fn head_commit(&self) -> Result<Option<String>, GitError> {
        let mut name = "HEAD".to_owned();
        // As deep as git itself follows.
        for _ in 0..5 {
            let Some(text) = self.reference_file(&name)? else {
                return self.packed_reference(&name);
            };
            match text.strip_prefix("ref:") {
                Some(target) => name = target.trim().to_owned(),
                None => return Ok(Some(text.trim().to_owned()).filter(|text| is_object_id(text))),
            }
        }
        Ok(None)
    }

    /// Reads the file of one reference: in the checkout's directory and, if all checkouts share it, in the clone's.
    fn reference_file(&self, name: &str) -> Result<Option<String>, GitError> {
        let inside = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            return Ok(None);
        }
        // `HEAD`, `MERGE_HEAD` and their like are of one checkout alone.
        let dirs = [&self.dirs.git_dir, &self.dirs.common_dir];
        for dir in &dirs[..if name.starts_with("refs/") { 2 } else { 1 }] {
            match read_foreign_text(&dir.join(name), REFERENCE_BYTES) {
                Ok(text) => return Ok(Some(text)),
                // A directory has the name when a branch `a/b` is asked for as `a`.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
                    ) => {}
                Err(source) => return Err(GitError::Read { path: dir.join(name), source }),
            }
        }
        Ok(None)
    }

    fn packed_reference(&self, name: &str) -> Result<Option<String>, GitError> {
        let path = self.dirs.common_dir.join("packed-refs");
        let text = match read_foreign(&path, PACKED_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(GitError::Read { path, source }),
        };
        let found = text.split(|&byte| byte == b'\n').find_map(|line| {
            let id = line.strip_suffix(name.as_bytes())?.strip_suffix(b" ")?;
            str::from_utf8(id).ok().filter(|id| is_object_id(id))
        });
        Ok(found.map(str::to_owned))
    }
}

fn parse_seconds(text: &[u8]) -> Option<Timestamp> {
    Timestamp::from_second(str::from_utf8(text).ok()?.trim().parse().ok()?).ok()
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a hardened command line.
fn command_in<I: AsRef<OsStr>>(dir: &Path, arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new("git");
    for name in FOREIGN_VARIABLES {
        command.env_remove(name);
    }
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_PAGER", "cat")
        // Nothing here waits for an editor.
        .env("GIT_EDITOR", ":")
        .env("LC_ALL", "C")
        .current_dir(dir)
        .args(HARDENED)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(mut command: Command, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
    let output = command.output().map_err(|source| GitError::Start { source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(GitError::Failed {
        command: arguments.first().copied().unwrap_or_default().to_owned(),
        status: output.status,
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Takes status 1, by which git says no, for an answer.
fn or_no(answered: Result<Vec<u8>, GitError>) -> Result<Option<Vec<u8>>, GitError> {
    match answered {
        Ok(output) => Ok(Some(output)),
        Err(GitError::Failed { status, .. }) if status.code() == Some(1) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads what `git config --get` answers; `None` where nothing is set, or an empty text.
fn setting(answered: Result<Vec<u8>, GitError>) -> Result<Option<String>, GitError> {
    let value = or_no(answered)?.map(|value| text(&value).trim_end_matches('\0').to_owned());
    Ok(value.filter(|value| !value.is_empty()))
}

/// Returns what git prints in a line.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// A running git that is ended when it is dropped.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Result<Self, GitError> {
        // What it prints there can't be read beside its output; nobody misses it.
        let child = command.stderr(Stdio::null()).spawn();
        child.map(Self).map_err(|source| GitError::Start { source })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns what git said, to be put behind what failed; it may have said nothing.
fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Why git couldn't be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// Git can't be started.
    #[error("can't start git: is it installed?")]
    Start {
        /// Why.
        source: io::Error,
    },
    /// There is no such commit.
    #[error("git knows no branch, tag or commit `{name}`")]
    NoCommit {
        /// What was asked for.
        name: String,
    },
    /// Git failed.
    #[error("git {command} failed ({status}){}", said(message))]
    Failed {
        /// The subcommand.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        message: String,
    },
    /// The connection to a running git broke.
    #[error("lost the connection to git {command}")]
    Pipe {
        /// The subcommand.
        command: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A checkout can't be made.
    #[error("can't write {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of git's files can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;

//! Which commits changed the files of an issue.

use std::io::{BufRead as _, BufReader, Read};
use std::process::ChildStdout;

use jiff::Timestamp;
use tickety_core::ident::{IssueName, Suffix};

use super::super::layout::{ISSUES_DIR, RecordPath, Shard};
use super::{Git, GitError, Running, parse_seconds};
use crate::history::Commit;

/// What the id of a commit begins with in the output of `git log`: nothing else that begins a field there does.
pub(super) const COMMIT_MARK: u8 = 1;

/// How `git log` prints what [`read_commit`] reads.
pub(super) const CHANGE_FORMAT: &str = "--format=%x01%H%x00%at%x00%ct%x00%an%x00%ae%x00%s%x00";

/// How `git log` is asked for what commits did to files, whatever git is told elsewhere.
pub(super) const LOG: [&str; 9] = [
    "-c",
    "log.showRoot=true",
    "log",
    "--raw",
    "--no-abbrev",
    "-z",
    "--no-renames",
    "--no-relative",
    "--diff-merges=combined",
];

/// The longest subject of a commit that is kept, in bytes.
const SUBJECT: usize = 1000;

/// A commit with what it did to files of issues.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct Change {
    /// The commit.
    pub(in crate::repo) commit: Commit,
    /// The records that it changed; of a merge those that differ from all of its parents.
    pub(in crate::repo) files: Vec<FileChange>,
}

/// What a commit did to a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct FileChange {
    /// Where it lies.
    pub(in crate::repo) path: RecordPath,
    /// What each parent has there; nothing where the commit has none.
    pub(in crate::repo) before: Vec<Option<Blob>>,
    /// What the commit has.
    pub(in crate::repo) after: Option<Blob>,
}

/// What lies at a path of a commit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::repo) struct Blob {
    /// Its id.
    pub(in crate::repo) id: String,
    /// Whether it is a file, and no symbolic link or repository.
    pub(in crate::repo) is_file: bool,
}

/// Which records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::repo) enum Which {
    /// Records of issues, without their comments, by name.
    Named(IssueName),
    /// Records and comments of all issues whose names end so.
    Suffix(Suffix),
}

impl Git {
    /// Returns the commits up to one that changed files of issues, newest first, at most `limit`; none before the
    /// commits that they are based on.
    pub(in crate::repo) fn changes(&self, start: &str, which: Which, limit: usize) -> Result<Vec<Change>, GitError> {
        let patterns = self.patterns(which);
        // Patterns, where git is told elsewhere to take paths literally.
        let mut arguments = vec!["--no-literal-pathspecs"];
        arguments.extend(LOG);
        arguments.extend(["--date-order", "--encoding=UTF-8", CHANGE_FORMAT, start, "--"]);
        arguments.extend(patterns.iter().map(String::as_str));
        self.read_changes(&arguments, limit)
    }

    /// Runs `git log`, with [`LOG`] and [`CHANGE_FORMAT`], and reads what it prints.
    pub(super) fn read_changes(&self, arguments: &[&str], limit: usize) -> Result<Vec<Change>, GitError> {
        let mut running = Running::start(self.command(arguments)?)?;
        let output = running.0.stdout.take().expect("its output is piped");
        let mut fields = Fields::new(output);
        let mut changes: Vec<Change> = Vec::new();
        while let Some(field) = fields.next("log")? {
            let text = field.strip_prefix(b"\n").unwrap_or(&field);
            match text {
                [COMMIT_MARK, id @ ..] => {
                    if changes.len() == limit {
                        return Ok(changes);
                    }
                    let commit = read_commit(id, &mut fields)?;
                    changes.push(Change { commit, files: Vec::new() });
                }
                [b':', ..] => {
                    let path = fields.next("log")?.unwrap_or_default();
                    let file = self.record(&path).and_then(|path| read_raw(text, path));
                    if let (Some(change), Some(file)) = (changes.last_mut(), file) {
                        change.files.push(file);
                    }
                }
                _ => {}
            }
        }
        finish(running, "log")?;
        Ok(changes)
    }

    /// Returns the record at a path of the work tree.
    pub(in crate::repo) fn record(&self, path: &[u8]) -> Option<RecordPath> {
        self.home_path(path)?.record()
    }

    /// Returns the patterns of the paths of records.
    fn patterns(&self, which: Which) -> Vec<String> {
        let mut issues = String::new();
        for char in self.prefix.chars() {
            if "*?[]\\".contains(char) {
                issues.push('\\');
            }
            issues.push(char);
        }
        issues.push_str(ISSUES_DIR);
        match which {
            Which::Named(IssueName { number, suffix }) => {
                let suffix = suffix.map_or_else(|| "????".to_owned(), |suffix| suffix.to_string());
                let (shard, number) = (Shard::of(number), number.get());
                vec![format!(":(top,glob){issues}/{shard}/{number:06}-{suffix}.md")]
            }
            Which::Suffix(suffix) => {
                ["", "_*"].map(|rest| format!(":(top,glob){issues}/*/*-{suffix}{rest}.md")).to_vec()
            }
        }
    }
}

/// Waits for a git that was read to its end.
pub(super) fn finish(mut running: Running, command: &'static str) -> Result<(), GitError> {
    let status = running.0.wait().map_err(|source| GitError::Pipe { command, source })?;
    if status.success() {
        return Ok(());
    }
    let message = format!("run `git {command}` to see why");
    Err(GitError::Failed { command: command.to_owned(), status, message })
}

/// What git prints, field by field, each ended by a NUL.
pub(super) struct Fields {
    output: BufReader<ChildStdout>,
}

/// The longest field that is read whole; of longer ones, this much.
const FIELD: u64 = 1 << 20;

impl Fields {
    pub(super) fn new(output: ChildStdout) -> Self {
        Self { output: BufReader::with_capacity(64 * 1024, output) }
    }

    /// Returns the next field; `None` at the end.
    pub(super) fn next(&mut self, command: &'static str) -> Result<Option<Vec<u8>>, GitError> {
        let lost = |source| GitError::Pipe { command, source };
        let mut field = Vec::new();
        let read = self.output.by_ref().take(FIELD).read_until(0, &mut field).map_err(lost)?;
        if read == 0 {
            return Ok(None);
        }
        if field.pop_if(|last| *last == 0).is_none() {
            self.output.skip_until(0).map_err(lost)?;
        }
        Ok(Some(field))
    }
}

pub(super) fn read_commit(id: &[u8], fields: &mut Fields) -> Result<Commit, GitError> {
    let mut text = || -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&fields.next("log")?.unwrap_or_default()).into_owned())
    };
    let (authored, committed) = (text()?, text()?);
    let (author, email, mut subject) = (text()?, text()?, text()?);
    if subject.len() > SUBJECT {
        subject.truncate(subject.floor_char_boundary(SUBJECT));
        subject.push('…');
    }
    let time = |text: &str| parse_seconds(text.as_bytes()).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Commit {
        id: String::from_utf8_lossy(id).into_owned(),
        authored: time(&authored),
        committed: time(&committed),
        author,
        email,
        subject,
    })
}

/// Reads `:100644 100644 id id M`, or with as many colons as there are parents `::100644 100644 100644 id id id MM`.
pub(super) fn read_raw(meta: &[u8], path: RecordPath) -> Option<FileChange> {
    let meta = str::from_utf8(meta).ok()?;
    let parents = meta.bytes().take_while(|&byte| byte == b':').count();
    let words: Vec<&str> = meta[parents..].split(' ').collect();
    let (modes, ids) = (words.get(..=parents)?, words.get(parents + 1..2 * parents + 2)?);
    let blob = |place: usize| {
        let is_there = modes[place] != "000000";
        is_there.then(|| Blob { id: ids[place].to_owned(), is_file: modes[place].starts_with("100") })
    };
    Some(FileChange { path, before: (0..parents).map(blob).collect(), after: blob(parents) })
}

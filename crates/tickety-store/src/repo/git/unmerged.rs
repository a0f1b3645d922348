//! What a merge left undone: the versions that git has of each file, and when each side changed it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::Stdio;
use std::{str, thread};

use jiff::Timestamp;

use super::super::format::ISSUE_BYTES;
use super::super::layout::{HomePath, ISSUES_DIR, RecordPath};
use super::history::TIME_MARK;
use super::{Git, GitError, Object, Objects, parse_seconds};

/// What names the other side of a merge that isn't finished, in the order of likelihood. A revert has no other side
/// that was changed at some time.
const OTHER_HEADS: [&str; 3] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"];

/// A version of a file that waits in git's index for somebody to merge it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stage {
    /// The file.
    pub(crate) path: HomePath,
    /// 1 for the base, 2 for our side, 3 for theirs.
    pub(crate) number: u8,
    /// The mode of the file, as octal digits.
    pub(crate) mode: String,
    /// The object.
    pub(crate) id: String,
}

/// What becomes of a path in git's index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Staged {
    /// The file.
    pub(crate) path: HomePath,
    /// Its content in the repository; `None` removes it.
    pub(crate) content: Option<Vec<u8>>,
    /// Its mode.
    pub(crate) mode: String,
    /// Any id of the repository, for its length.
    pub(crate) id: String,
}

/// What each side of an unfinished merge did to files, by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct SideChanges {
    pub(crate) ours: BTreeMap<HomePath, SideChange>,
    pub(crate) theirs: BTreeMap<HomePath, SideChange>,
}

/// What one side did to a file.
#[derive(Clone, Debug)]
pub(crate) struct SideChange {
    /// When it changed it last.
    pub(crate) last: Timestamp,
    /// The contents that its commits gave to it, newest first.
    pub(crate) contents: Vec<String>,
}

impl Git {
    /// Lists the versions of the home's files that aren't merged.
    pub(crate) fn unmerged(&self) -> Result<Vec<Stage>, GitError> {
        let home = self.prefix.trim_end_matches('/');
        let output = self.run(&["ls-files", "--unmerged", "-z", "--full-name", "--", home])?;
        // `mode id stage`, a tab and the path.
        let stages = output.split(|&byte| byte == 0).filter_map(|entry| {
            let tab = entry.iter().position(|&byte| byte == b'\t')?;
            let path = self.home_path(&entry[tab + 1..])?;
            let mut words = str::from_utf8(&entry[..tab]).ok()?.split(' ');
            let (mode, id) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some(Stage { path, number: words.next()?.parse().ok()?, mode, id })
        });
        Ok(stages.collect())
    }

    /// Reads the contents of objects; one that is too large for a record, or no file, is `None`.
    pub(crate) fn contents<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let mut objects = Objects::start(self)?;
        let read = |id| match objects.blob(id, ISSUE_BYTES as u64)? {
            Object::Blob(bytes) => Ok(Some(bytes)),
            Object::TooLarge(_) | Object::Other | Object::Missing => Ok(None),
        };
        ids.into_iter().map(read).collect()
    }

    /// Returns what names the other side of a merge, cherry-pick or rebase that isn't finished.
    pub(crate) fn other_head(&self) -> Result<Option<&'static str>, GitError> {
        for name in OTHER_HEADS {
            if self.has_own_reference(name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Returns what each of the two sides of an unfinished merge did to the files of the issues, and when, by those who
    /// wrote the changes. A merge is no change.
    pub(crate) fn side_changes(&self, other: &str) -> Result<SideChanges, GitError> {
        Ok(SideChanges { ours: self.changes_since("HEAD", other)?, theirs: self.changes_since(other, "HEAD")? })
    }

    /// Returns what the commits of one side that the other doesn't have did to files.
    fn changes_since(&self, side: &str, other: &str) -> Result<BTreeMap<HomePath, SideChange>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let output = self.run(&[
            "log",
            "--no-merges",
            "--format=%x01%at",
            "--raw",
            "--no-abbrev",
            "-z",
            "--no-renames",
            side,
            "--not",
            other,
            "--",
            &directory,
        ])?;
        let mut changes: BTreeMap<HomePath, SideChange> = BTreeMap::new();
        let mut time = None;
        let mut fields = output.split(|&byte| byte == 0);
        while let Some(field) = fields.next() {
            let text = field.strip_prefix(b"\n").unwrap_or(field);
            match text {
                [TIME_MARK, seconds @ ..] => time = parse_seconds(seconds),
                // `:mode mode id id letter`, and the path.
                [b':', meta @ ..] => {
                    let path = fields.next().and_then(|path| self.home_path(path));
                    let (Some(time), Some(path)) = (time, path) else { continue };
                    let change = changes.entry(path).or_insert(SideChange { last: time, contents: Vec::new() });
                    change.last = change.last.max(time);
                    change
                        .contents
                        .extend(str::from_utf8(meta).ok().and_then(|meta| meta.split(' ').nth(3)).map(str::to_owned));
                }
                _ => {}
            }
        }
        Ok(changes)
    }

    /// Lists the files of an issue in a commit, with their objects.
    pub(crate) fn files_at(&self, commit: &str, issue: RecordPath) -> Result<Vec<(RecordPath, String)>, GitError> {
        let directory = format!("{}{ISSUES_DIR}/{}/", self.prefix, issue.shard());
        let output = self.run(&["ls-tree", "-z", "--full-tree", commit, "--", &directory])?;
        // `mode type id`, a tab and the path.
        let files = output.split(|&byte| byte == 0).filter_map(|entry| {
            let tab = entry.iter().position(|&byte| byte == b'\t')?;
            let path = self.home_path(&entry[tab + 1..])?.record().filter(|path| path.issue == issue.issue)?;
            Some((path, str::from_utf8(&entry[..tab]).ok()?.rsplit(' ').next()?.to_owned()))
        });
        Ok(files.collect())
    }

    /// Returns what names the last commit before a file was removed, from which the one checked out comes.
    pub(crate) fn last_commit_with(&self, path: &HomePath) -> Result<Option<String>, GitError> {
        let path = format!("{}{path}", self.prefix);
        let find = |filter: &str| -> Result<Option<String>, GitError> {
            let wanted = ["log", "-1", "--full-history", "--no-merges", "--format=%H", filter, "--", &path];
            let output = self.run(&wanted)?;
            Ok(String::from_utf8_lossy(&output).lines().next().map(str::to_owned))
        };
        match find("--diff-filter=D")? {
            Some(removal) => Ok(Some(format!("{removal}^"))),
            // A merge has removed it.
            None => find("--diff-filter=AM"),
        }
    }

    /// Puts contents into git's index as merged. No filter is run: these are contents as the repository has them.
    pub(crate) fn stage(&self, staged: &[Staged]) -> Result<(), GitError> {
        let contents: Vec<&[u8]> = staged.iter().filter_map(|staged| staged.content.as_deref()).collect();
        let mut ids = self.write_objects(&contents)?.into_iter();
        let mut input = Vec::new();
        for Staged { path, content, mode, id } in staged {
            // A mode of 0 removes, and takes any id that is as long as the others.
            let (mode, id) = match content {
                Some(_) => (mode.as_str(), ids.next().unwrap_or_default()),
                None => ("0", id.clone()),
            };
            input.extend_from_slice(format!("{mode} {id}\t{}{path}\0", self.prefix).as_bytes());
        }
        self.feed("update-index", &["-z", "--index-info"], &input)?;
        // Without what the files look like, git takes them for changed, and doesn't take the merge back. What can't be
        // refreshed is looked at by the next command of git.
        let _ = self.run(&["add", "--refresh", "--", self.prefix.trim_end_matches('/')]);
        Ok(())
    }

    /// Sets something in the configuration of the clone.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.run(&["config", "--local", key, value]).map(drop)
    }

    /// Writes objects into the repository and returns their ids.
    fn write_objects(&self, contents: &[&[u8]]) -> Result<Vec<String>, GitError> {
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = Vec::new();
        for (place, content) in contents.iter().enumerate() {
            input.extend_from_slice(format!("blob\nmark :{}\ndata {}\n", place + 1, content.len()).as_bytes());
            input.extend_from_slice(content);
            input.push(b'\n');
        }
        for mark in 1..=contents.len() {
            input.extend_from_slice(format!("get-mark :{mark}\n").as_bytes());
        }
        input.extend_from_slice(b"done\n");
        let output = self.feed("fast-import", &["--quiet", "--done"], &input)?;
        let ids: Vec<String> = String::from_utf8_lossy(&output).lines().map(str::to_owned).collect();
        if ids.len() == contents.len() {
            return Ok(ids);
        }
        let source = io::ErrorKind::UnexpectedEof.into();
        Err(GitError::Pipe { command: "fast-import", source })
    }

    /// Runs git with something to read.
    pub(super) fn feed(&self, name: &'static str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        self.feed_with(&[], name, arguments, input)
    }

    /// The same with settings.
    pub(super) fn feed_with(
        &self,
        settings: &[&str],
        name: &'static str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(settings.iter().chain(&[name]).chain(arguments))?;
        command.stdin(Stdio::piped());
        let mut child = command.spawn().map_err(|source| GitError::Start { source })?;
        let mut stdin = child.stdin.take().expect("its input is piped");
        // Written beside reading: both pipes may fill up.
        let (written, output) = thread::scope(|scope| {
            let writer = scope.spawn(move || stdin.write_all(input));
            let output = child.wait_with_output();
            (writer.join().expect("writing doesn't panic"), output)
        });
        let pipe = |source| GitError::Pipe { command: name, source };
        let output = output.map_err(pipe)?;
        if output.status.success() {
            return written.map(|()| output.stdout).map_err(pipe);
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(GitError::Failed { command: name.to_owned(), status: output.status, message })
    }
}

//! Which contents that files had git still has, and what was committed in a work tree.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::Version;

use super::super::files::{self, RECORD_LIMIT};
use super::super::layout::{HomePath, ISSUES_DIR};
use super::log::{CHANGE_FORMAT, Fields, LOG, finish, read_raw};
use super::{Git, GitError, Object, Objects, Running};

/// How many contents are read at once.
const READ: usize = 500;

/// How many contents of the wanted files are looked at, and how many commits of a work tree, the newest first.
const LOOKED_AT: usize = 200_000;
const COMMITS: usize = 5_000;

/// A content of a file that somebody committed.
pub(in crate::repo) struct Committed {
    pub(in crate::repo) path: HomePath,
    /// When, in seconds.
    pub(in crate::repo) time: i64,
    /// Nothing where the file was removed.
    pub(in crate::repo) version: Option<Version>,
}

impl Git {
    /// Returns those files of which git has a certain content: in a commit of any branch, tag or stash, or in one that a
    /// reflog still has.
    pub(in crate::repo) fn has_contents(
        &self,
        wanted: &BTreeMap<HomePath, Version>,
    ) -> Result<BTreeSet<HomePath>, GitError> {
        let mut found = BTreeSet::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let blobs = self.contents_of(wanted)?;
        let mut objects = Objects::start(self)?;
        for part in blobs.chunks(READ) {
            let rest: Vec<&(HomePath, String)> = part.iter().filter(|(path, _)| !found.contains(path)).collect();
            let names: Vec<(&str, u64)> = rest.iter().map(|(_, id)| (id.as_str(), RECORD_LIMIT)).collect();
            objects.blobs(&names, |place, object| {
                let path = &rest[place].0;
                if let Object::Blob(bytes) = object
                    && wanted.get(path).is_some_and(|version| is_content(&bytes, *version))
                {
                    found.insert(path.clone());
                }
            })?;
        }
        Ok(found)
    }

    /// Returns the ids of the contents that some files ever had, newest first.
    fn contents_of(&self, wanted: &BTreeMap<HomePath, Version>) -> Result<Vec<(HomePath, String)>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let which = ["--all", "--reflog", "--full-history", "--format=", "--", &directory];
        let mut running = Running::start(self.command(LOG.into_iter().chain(which))?)?;
        let output = running.0.stdout.take().expect("its output is piped");
        let mut fields = Fields::new(output);
        let (mut blobs, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(field) = fields.next("log")? {
            let meta = field.strip_prefix(b"\n").unwrap_or(&field);
            if meta.first() != Some(&b':') {
                continue;
            }
            let path = fields.next("log")?.unwrap_or_default();
            let change = self.record(&path).and_then(|path| read_raw(meta, path));
            let Some((path, blob)) = change.and_then(|change| Some((change.path.home_path(), change.after?))) else {
                continue;
            };
            if wanted.contains_key(&path) && seen.insert((path.clone(), blob.id.clone())) {
                blobs.push((path, blob.id));
            }
            if blobs.len() == LOOKED_AT {
                return Ok(blobs);
            }
        }
        finish(running, "log")?;
        Ok(blobs)
    }

    /// Returns what was committed in this work tree since a time in seconds, as far as its reflog tells.
    pub(in crate::repo) fn committed_here(&self, since: i64) -> Result<Vec<Committed>, GitError> {
        if self.is_unborn()? {
            return Ok(Vec::new());
        }
        let moves = ["log", "--walk-reflogs", "--date=unix", "--format=%H%x00%gd%x00%gs", "-z", "HEAD", "--"];
        let moves = self.run(&moves)?;
        let moves: Vec<&[u8]> = moves.split(|&byte| byte == 0).collect();
        let commits = moves.chunks_exact(3).filter_map(|entry| {
            let &[id, time, what] = entry else { return None };
            // `HEAD@{1790000000}`
            let time = str::from_utf8(time).ok()?.split_once("@{")?.1.strip_suffix('}')?;
            let is_made = what.starts_with(b"commit") && time.parse::<i64>().is_ok_and(|time| time >= since);
            is_made.then(|| str::from_utf8(id).unwrap_or_default().trim())
        });
        let commits: Vec<&str> = commits.take(COMMITS).collect();
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        self.committed(&[&["--no-walk=unsorted"], &commits[..]].concat())
    }

    /// Returns what was committed since a time in seconds on any branch that is there.
    pub(in crate::repo) fn committed_anywhere(&self, since: i64) -> Result<Vec<Committed>, GitError> {
        // Git takes a small number for something else than seconds.
        let since = format!("--since=@{}", since.max(100_000_000));
        self.committed(&["--all", "--full-history", &since])
    }

    /// Returns the contents that commits brought.
    fn committed(&self, which: &[&str]) -> Result<Vec<Committed>, GitError> {
        let directory = format!("{}{ISSUES_DIR}", self.prefix);
        let how = ["--encoding=UTF-8", CHANGE_FORMAT];
        let changes = self.read_changes(&[&LOG, &how[..], which, &["--", &directory]].concat(), usize::MAX)?;
        let mut committed = Vec::new();
        let mut blobs = Vec::new();
        for change in changes {
            let time = change.commit.committed.as_second();
            for file in change.files {
                let path = file.path.home_path();
                match file.after {
                    Some(blob) => blobs.push((path, time, blob.id)),
                    None => committed.push(Committed { path, time, version: None }),
                }
            }
        }
        let names: Vec<(&str, u64)> = blobs.iter().map(|(.., id)| (id.as_str(), RECORD_LIMIT)).collect();
        Objects::start(self)?.blobs(&names, |place, object| {
            let (path, time, _) = &blobs[place];
            if let Object::Blob(bytes) = object {
                let version = Some(files::hash(&bytes));
                committed.push(Committed { path: path.clone(), time: *time, version });
            }
        })?;
        Ok(committed)
    }
}

/// Whether bytes are a content, whichever line breaks git gives to it in the work tree.
fn is_content(bytes: &[u8], version: Version) -> bool {
    let with_returns = || {
        let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for &byte in bytes {
            if byte == b'\n' {
                text.push(b'\r');
            }
            text.push(byte);
        }
        files::hash(&text)
    };
    files::hash(bytes) == version || (!bytes.contains(&b'\r') && with_returns() == version)
}

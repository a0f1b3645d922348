//! Backups: everything of a home that can't be made again, in one file, and back from there.
//!
//! One is taken under the write lock, once the journal is emptied into its files. [`archive`] is the file, [`member`] what
//! it may hold, and [`restore`] the way back.

mod archive;
mod member;
mod restore;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::counter;
use super::files::{FileError, RECORD_LIMIT};
use super::layout::{RecordPath, TEMPORARY_PREFIX};
use super::load::shown;
use super::lock::WriteLock;
use super::store::RepoStore;
use super::{os, state};
use crate::error::StorageError;
use crate::storage::RecordProblem;
use archive::Writer;
use member::Member;

pub use restore::{FileEffect, FromBackup, RestoredFile};

/// The directories of the state that a backup holds.
const FOLDERS: [&str; 5] = ["events", "requests", "contents", "kept", LEDGER];

/// The one that all work trees of a clone share.
const LEDGER: &str = "ledger";

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Backup {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// How many issues are in it.
    pub issues: usize,
    /// How many comments.
    pub comments: usize,
    /// What lies among the files and is not in it.
    pub left_out: Vec<RecordProblem>,
}

impl Backup {
    fn leave_out(&mut self, path: String, message: String) {
        self.left_out.push(RecordProblem { path, line: None, message });
    }
}

impl RepoStore {
    /// Writes everything that can't be made again to a file that only its owner may read: durable when this returns, and
    /// not there if it fails. A file that has the name is left alone and the error is of the kind `AlreadyExists`,
    /// unless it is to be `replaced`.
    ///
    /// Nobody else writes meanwhile. What other programs change meanwhile is in it or not, file by file.
    pub fn backup(&self, to: &Path, replaced: bool, now: Timestamp) -> Result<Backup, StorageError> {
        if !replaced && to.symlink_metadata().is_ok() {
            return Err(archive::failed("write", to)(std::io::ErrorKind::AlreadyExists.into()));
        }
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        self.settle_events(&lock, &journal)?;
        journal.checkpoint(&self.home)?;
        let mut writer = Writer::begin(to)?;
        let mut backup = Backup::default();
        self.back_up_home(&mut writer, &mut backup)?;
        // Edits from outside are noticed without the lock.
        let log = self.hold_events()?;
        for folder in FOLDERS {
            self.back_up_folder(folder, &mut writer, &mut backup)?;
        }
        drop(log);
        backup.bytes = writer.finish(now, counter::next(&self.layout)?, replaced)?;
        Ok(backup)
    }

    fn back_up_home(&self, writer: &mut Writer, backup: &mut Backup) -> Result<(), StorageError> {
        let scan = self.scan()?;
        let records: Vec<RecordPath> =
            scan.shards.iter().flat_map(|shard| &shard.entries).map(|entry| entry.path).collect();
        let members = [Member::Config, Member::Ignore].into_iter().chain(records.into_iter().map(Member::Record));
        for member in members {
            let path = member.home_path().expect("it is a file of the home");
            let content = match self.home.read(&path, RECORD_LIMIT) {
                Ok(Some(content)) => content,
                // Somebody removed it since it was listed.
                Ok(None) => continue,
                Err(error) => {
                    backup.leave_out(format!(".tickety/{path}"), error.reason());
                    continue;
                }
            };
            writer.add(&member, &content.bytes, time(content.stat.mtime_ns))?;
            match member {
                Member::Record(RecordPath { comment: None, .. }) => backup.issues += 1,
                Member::Record(_) => backup.comments += 1,
                _ => {}
            }
        }
        for stray in scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays) {
            backup.left_out.push(stray.problem());
        }
        backup.left_out.extend(self.left_out().problems());
        Ok(())
    }

    fn back_up_folder(&self, folder: &str, writer: &mut Writer, backup: &mut Backup) -> Result<(), StorageError> {
        let directory = if folder == LEDGER { self.layout.ledger() } else { self.layout.state.join(folder) };
        for path in files_in(&directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) {
                continue;
            }
            let Some(member) = Member::parse(&format!("state/{folder}/{name}")) else {
                backup.leave_out(path.display().to_string(), "is no file of the state".to_owned());
                continue;
            };
            // What is too old is dropped at any time.
            let Some(file) = state::open(&path)? else { continue };
            let failed = |source| FileError::Access { action: "read", path: path.clone(), source };
            let modified = file.metadata().and_then(|found| found.modified()).map_err(failed)?;
            let mut bytes = Vec::new();
            (&file).read_to_end(&mut bytes).map_err(failed)?;
            writer.add(&member, &bytes, Timestamp::try_from(modified).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Lists a directory, if there is one.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(FileError::Access { action: "list", path: directory.to_owned(), source }.into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path =
            entry.map_err(|source| FileError::Access { action: "list", path: directory.to_owned(), source })?.path();
        found.push(path);
    }
    found.sort();
    Ok(found)
}

fn time(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).unwrap_or_default()
}

/// Says where a file of the home is, as people are told it.
fn shown_member(member: &Member) -> String {
    match member {
        Member::Record(record) => shown(*record),
        other => other.home_path().map_or_else(|| other.to_string(), |path| format!(".tickety/{path}")),
    }
}

/// Writes a file of the state as it was, unless there is one: who reads it finds all of it or nothing. Tells whether it
/// did.
fn put_file(path: &Path, bytes: &[u8], modified: Timestamp) -> Result<bool, StorageError> {
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let failed = |source| FileError::Access { action: "write", path: path.to_owned(), source };
    state::make_directory(path.parent().unwrap_or(path))?;
    let new = state::unfinished(path);
    let file = state::open_private(&new)?;
    let written = os::write_at(&file, bytes, 0).and_then(|()| file.set_modified(modified.into()));
    written.and_then(|()| fs::rename(&new, path)).map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests;

//! The last contents that were acknowledged, for when something else destroys them.
//!
//! A checkpoint forgets the transactions of the journal; before that they are copied here, in the form of the journal. So
//! what Tickety wrote in the last weeks can be put back, whatever git or an editor did to the files.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::FileError;
use super::journal::{self, Acknowledged, Journal, JournalError};
use super::layout::Layout;
use super::{os, remains};
use crate::error::StorageError;

/// How many bytes are kept at the most; always the last journal.
pub(crate) const KEPT_BYTES: u64 = if cfg!(test) { 64 << 10 } else { 64 << 20 };

/// For how many days.
pub(crate) const KEPT_DAYS: u32 = 90;

/// Keeps what the journal is about to forget, and drops what is too old or too much.
pub(crate) fn keep(layout: &Layout, journal: &Journal<'_>) -> Result<(), StorageError> {
    let directory = layout.contents();
    if journal.copy_into(&directory)?.is_none() {
        return Ok(());
    }
    let oldest_ns = remains::oldest_ns();
    let mut bytes = 0;
    for (place, path) in journals(layout)?.iter().rev().enumerate() {
        let Ok(stat) = os::stat_at(rustix::fs::CWD, path) else { continue };
        bytes += stat.key.size;
        if place > 0 && (bytes > KEPT_BYTES || stat.key.mtime_ns < oldest_ns) {
            // What can't be removed now goes later.
            let _ = fs::remove_file(path);
        }
    }
    // It is for when the work tree is gone, and what is too much of it goes later.
    let _ = remains::hold_contents(layout);
    let _ = remains::tidy(layout, oldest_ns);
    os::sync_directory(&directory).map_err(|source| access("sync", directory, source))
}

/// Returns what was acknowledged, as far back as it is known.
pub(crate) fn acknowledged(layout: &Layout) -> Result<Acknowledged, StorageError> {
    let mut acknowledged = Acknowledged::default();
    for path in journals(layout)? {
        add_kept(&mut acknowledged, &path)?;
    }
    acknowledged.add_current(layout)?;
    Ok(acknowledged)
}

/// Takes a journal that was kept into account. It counts up to the damage, if it is damaged; `doctor` tells.
pub(super) fn add_kept(acknowledged: &mut Acknowledged, path: &Path) -> Result<(), StorageError> {
    match acknowledged.add_kept(path) {
        Err(JournalError::Damaged { .. }) => Ok(()),
        added => Ok(added?),
    }
}

/// Returns the journals that are kept and aren't whole.
pub(crate) fn damaged(layout: &Layout) -> Vec<PathBuf> {
    let Ok(mut found) = journals(layout) else { return vec![layout.contents()] };
    found.retain(|path| !journal::is_whole_copy(path).unwrap_or_default());
    found
}

/// Returns the journals that are kept, oldest first.
pub(crate) fn journals(layout: &Layout) -> Result<Vec<PathBuf>, StorageError> {
    journals_in(&layout.contents())
}

/// Returns the journals that are kept in a directory, oldest first.
pub(super) fn journals_in(directory: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(access("list", directory.to_owned(), source)),
    };
    let is_whole = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_whole).collect();
    found.sort();
    Ok(found)
}

fn access(action: &'static str, path: PathBuf, source: std::io::Error) -> StorageError {
    FileError::Access { action, path, source }.into()
}

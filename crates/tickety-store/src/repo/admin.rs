//! Looking after a home: its index and its settings.

use std::fs;

use super::config::{Config, Setting};
use super::index::{Difference, IndexStatus};
use super::lock::{LockError, WriteLock};
use super::store::RepoStore;
use crate::error::StorageError;
use crate::storage::FreshnessMode;

/// How many differences of the index are told at the most.
const MAX_DIFFERENCES: usize = 20;

/// What the index of a home is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexReport {
    /// What it tells about itself.
    pub status: IndexStatus,
    /// Where it lies; `None` for one that lives in memory because no file can be written.
    pub path: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// What answers are checked against.
    pub freshness: FreshnessMode,
}

impl RepoStore {
    /// Returns what the index is like, as it is.
    pub fn index_status(&self) -> Result<IndexReport, StorageError> {
        self.recover();
        self.ask(None, |handle| {
            let path = self.layout.index();
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            Ok(IndexReport {
                status: handle.index.status()?,
                path: (!handle.in_memory).then(|| path.display().to_string()),
                bytes: if handle.in_memory { 0 } else { bytes },
                freshness: self.freshness(&handle.index)?,
            })
        })
    }

    /// Counts the rows of the index by kind, as it is.
    pub fn index_rows(&self) -> Result<Vec<(&'static str, u64)>, StorageError> {
        self.recover();
        self.ask(None, |handle| Ok(handle.index.row_counts()?))
    }

    /// Makes the index afresh.
    pub fn rebuild(&self) -> Result<IndexReport, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let journal = self.open_journal(&lock)?;
        self.replace_index(&lock)?;
        drop(journal);
        drop(lock);
        self.index_status()
    }

    /// Compares the index, once it is up to date, with one made afresh. They are equal unless
    /// something is wrong with the index: what somebody writes meanwhile is waited for.
    pub fn verify_index(&self) -> Result<Vec<Difference>, StorageError> {
        self.recover();
        let differences = self.index_differences(None)?;
        match self.lock_against_writers(!differences.is_empty())? {
            Some(lock) => self.index_differences(Some(&lock)),
            None => Ok(differences),
        }
    }

    /// Waits until nobody writes, to look again at what may be half of a write; `None` if there is nothing
    /// to look at again, or where the lock can't be used.
    pub(super) fn lock_against_writers(&self, look_again: bool) -> Result<Option<WriteLock>, StorageError> {
        if !look_again {
            return Ok(None);
        }
        match WriteLock::acquire(&self.layout, &self.lock_options()) {
            Err(LockError::ReadOnly { .. } | LockError::File(_)) => Ok(None),
            lock => Ok(Some(lock?)),
        }
    }

    pub(super) fn index_differences(&self, lock: Option<&WriteLock>) -> Result<Vec<Difference>, StorageError> {
        let fresh = self.fresh_index()?;
        self.ask(lock, |handle| {
            self.refresh(handle, FreshnessMode::Verify)?;
            Ok(handle.index.differences(&fresh.index, MAX_DIFFERENCES)?)
        })
    }

    /// Lists the settings in force.
    pub fn settings(&self) -> Result<Vec<Setting>, StorageError> {
        Config::settings(&self.config_text()?, &self.layout.config())
    }

    /// Changes a setting; everything else in the file stays byte for byte.
    pub fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        let _lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let text = Config::with(&self.config_text()?, &self.layout.config(), key, value)?;
        Ok(self.home.replace_config(&text)?)
    }
}

//! A home in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tickety_store::ids::IdSource;
use tickety_store::repo::{RepoOptions, RepoStore, init};
use tickety_store::{FreshnessMode, StorageError};

/// A folder with a home, removed when dropped.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    /// Makes a home in a plain folder.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path(), "TIK").unwrap();
        Self { dir }
    }

    /// Opens it as another process would.
    pub(crate) fn open(&self) -> RepoStore {
        self.open_with(None)
    }

    pub(crate) fn open_with(&self, freshness: Option<FreshnessMode>) -> RepoStore {
        self.try_open(freshness).unwrap()
    }

    pub(crate) fn try_open(&self, freshness: Option<FreshnessMode>) -> Result<RepoStore, StorageError> {
        let options = RepoOptions { freshness, ids: IdSource::random(), ..RepoOptions::default() };
        RepoStore::open(self.path(), options)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The paths of all records, in order.
    #[expect(dead_code, reason = "x")]
    pub(crate) fn records(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for shard in fs::read_dir(self.path().join(".tickety/issues")).unwrap() {
            paths.extend(fs::read_dir(shard.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
        }
        paths.sort();
        paths
    }
}

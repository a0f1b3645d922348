//! A home in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use tickety_store::FreshnessMode;
use tickety_store::ids::IdSource;
use tickety_store::repo::{RepoOptions, RepoStore, init};

/// A folder with a home, removed when dropped.
pub(crate) struct Home {
    folder: TempDir,
    opened: AtomicU64,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), "TIK").unwrap();
        Self { folder, opened: AtomicU64::new(0) }
    }

    /// Makes one with settings of its own.
    pub(crate) fn with_config(config: &str) -> Self {
        let home = Self::new();
        fs::write(home.folder.path().join(".tickety/config.toml"), config).unwrap();
        home
    }

    /// Opens it as another process would. The ids it makes are the same in every run.
    pub(crate) fn open(&self, freshness: Option<FreshnessMode>) -> RepoStore {
        let ids = IdSource::seeded(self.opened.fetch_add(1, Ordering::Relaxed));
        RepoStore::open(self.folder.path(), RepoOptions { freshness, ids, ..RepoOptions::default() }).unwrap()
    }

    /// The paths of the records, in order; comments are not among them.
    pub(crate) fn records(&self) -> Vec<PathBuf> {
        let mut records = Vec::new();
        collect(&self.folder.path().join(".tickety/issues"), &mut records);
        records.sort();
        records
    }
}

fn collect(folder: &Path, records: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, records);
        } else if name.len() == "000001-abcd.md".len() && name.ends_with(".md") {
            records.push(path);
        }
    }
}

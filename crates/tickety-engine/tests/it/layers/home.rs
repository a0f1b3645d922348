//! A home in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tickety_store::FreshnessMode;
use tickety_store::repo::{RepoOptions, RepoStore, init};

/// A folder with a home, removed when dropped.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path(), "TIK").unwrap();
        Self(dir)
    }

    /// Opens it as another process would.
    pub(crate) fn open(&self, freshness: Option<FreshnessMode>) -> RepoStore {
        RepoStore::open(self.0.path(), RepoOptions { freshness, ..RepoOptions::default() }).unwrap()
    }

    /// The paths of the records, in order; comments are not among them.
    pub(crate) fn records(&self) -> Vec<PathBuf> {
        let mut records = Vec::new();
        collect(&self.0.path().join(".tickety/issues"), &mut records);
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

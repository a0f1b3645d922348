//! Homes for the targets that need files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tickety_store::FreshnessMode;
use tickety_store::ids::IdSource;
use tickety_store::repo::{RepoOptions, RepoStore};

use super::CONFIG;

/// Makes a folder.
pub(super) fn folder() -> TempDir {
    tempfile::tempdir().expect("temporary files can be made")
}

/// Makes a home.
pub(super) fn init(root: &Path) {
    let made = tickety_store::repo::init(root, "TIK").expect("an empty folder can have a home");
    fs::write(made.layout.config(), CONFIG).expect("the home was just made");
}

/// Opens a home.
pub(super) fn open(root: &Path, freshness: FreshnessMode) -> RepoStore {
    let options = RepoOptions { freshness: Some(freshness), ids: IdSource::seeded(1), ..RepoOptions::default() };
    RepoStore::open(root, options).expect("the home can be opened")
}

/// Copies the files and directories below a folder.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is writable");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("files can be copied");
        }
    }
}

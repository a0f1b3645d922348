//! Which store a command works on: the only place that names one.

#[cfg(feature = "server")]
mod distant;
#[cfg(not(feature = "server"))]
mod nowhere;
#[cfg(feature = "server")]
mod served;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tickety_store::ids::IdSource;
use tickety_store::repo::layout::Layout;
use tickety_store::repo::{self, RepoOptions, discovery};
use tickety_store::{FreshnessMode, StorageError};

use crate::context::Context;
use crate::exit::CliError;

#[cfg(feature = "server")]
pub use distant::Distant;
#[cfg(not(feature = "server"))]
pub use nowhere::Distant;
#[cfg(feature = "server")]
pub use served::{Served, Serving, clock};
pub use tickety_store::MemoryStore as Past;
#[cfg(feature = "server")]
pub use tickety_store::repo::IndexPlace;
pub use tickety_store::repo::files::read_foreign_text;
pub use tickety_store::repo::index::{Difference, IndexStatus, Side};
pub use tickety_store::repo::layout::{CONFIG_FILE, HOME_DIR, HomeKind};
#[cfg(feature = "server")]
pub use tickety_store::repo::watch::{Looked, WatchMode};
pub use tickety_store::repo::{
    Backup, Committer, Comparison, Fate, FileEffect, Finding, Flaw, FromBackup, IndexReport, Initialized,
    InstalledDriver, IssueChange, LeftFile, Loss, LostConfig, Merged, Remedy, Renumbered, RepoStore as Repo,
    Resolution, ResolvedIssue, Restorable, Restoration, RestoredFile, Selection, Setting, Started, SyncStatus, Synced,
    UnknownBranch, Usage,
};

/// Opens the home that the context's directory lies in.
pub fn open(context: &Context, freshness: Option<FreshnessMode>, command: &str) -> Result<Repo, CliError> {
    Ok(Repo::open(context.directory(), options(context, freshness, command))?)
}

/// Opens it to settle issues, also where a merge has left both sides in the settings.
pub fn open_to_resolve(context: &Context, freshness: Option<FreshnessMode>, command: &str) -> Result<Repo, CliError> {
    Ok(Repo::open_to_resolve(context.directory(), options(context, freshness, command))?)
}

/// Examines the home that the context's directory lies in, even where it can't be opened.
pub fn examine(
    context: &Context,
    freshness: Option<FreshnessMode>,
    command: &str,
    fix: bool,
) -> Result<Vec<Finding>, CliError> {
    Ok(Repo::examine(context.directory(), options(context, freshness, command), fix)?)
}

/// Brings the home that the context's directory lies in back from a backup, or makes one. The file comes with whether
/// all else is removed, and whether only to say what would be done.
pub fn restore_from(
    context: &Context,
    freshness: Option<FreshnessMode>,
    command: &str,
    (backup, is_exact, dry_run): (&Path, bool, bool),
) -> Result<FromBackup, CliError> {
    let (start, options) = (context.directory(), options(context, freshness, command));
    if dry_run {
        return Ok(Repo::preview_restore_from(start, backup, is_exact, options)?);
    }
    let who = (context.actor()?, context.time_of_writing());
    Ok(Repo::restore_from(start, backup, is_exact, who, options)?)
}

fn options(context: &Context, freshness: Option<FreshnessMode>, command: &str) -> RepoOptions {
    let (command, now) = (format!("tickety {command}"), Some(context.time_of_writing()));
    let mut options = RepoOptions { freshness, command, now, ..RepoOptions::default() };
    if let Some(seed) = context.test_seed() {
        options.ids = IdSource::seeded(seed);
    }
    options
}

/// Returns where people expect the home of a folder.
pub fn usual_root(folder: &Path) -> Result<PathBuf, CliError> {
    Ok(repo::usual_root(folder)?)
}

/// Returns the folder of the home that the issues of a folder belong to, where that isn't `root`. A work tree of git
/// belongs to none outside of it.
pub fn other_home(folder: &Path, root: &Path) -> Option<PathBuf> {
    let found = discovery::discover(folder).ok()?.root;
    (found != root).then_some(found)
}

/// Returns what sort of home a folder belongs to.
pub fn kind_of_home(folder: &Path) -> Option<HomeKind> {
    Some(discovery::discover(folder).ok()?.kind)
}

/// Whether a folder belongs to no home.
pub fn has_no_home(folder: &Path) -> bool {
    matches!(discovery::discover(folder), Err(discovery::DiscoveryError::NoHome { .. }))
}

/// Makes a home in exactly this folder; one that is there is left as it is.
pub fn init(folder: &Path, prefix: &str) -> Result<Initialized, CliError> {
    Ok(repo::init(folder, prefix)?)
}

/// Makes a home for all work trees of the clone around a folder, or checks one out; one that is there is left as it is.
pub fn init_in_clone(
    folder: &Path,
    kind: HomeKind,
    prefix: &str,
    who: (Option<&str>, Timestamp),
) -> Result<Initialized, CliError> {
    Ok(repo::init_in_clone(folder, kind, prefix, who)?)
}

/// Returns the branch of the issues that the clone around a folder, or a remote of it, has.
pub fn known_branch(folder: &Path) -> Result<Option<String>, CliError> {
    Ok(repo::known_branch(folder)?)
}

/// Asks the remote of the clone around a folder for a branch of the issues that the clone doesn't know of.
pub fn ask_for_branch(folder: &Path) -> Result<Option<UnknownBranch>, StorageError> {
    repo::ask_for_branch(folder)
}

/// Tells what to do where the work tree around a folder leaves out the home that git has for it.
pub fn hint_of_left_out_home(folder: &Path) -> Option<String> {
    repo::hint_of_left_out_home(folder)
}

/// Says how the configuration of the home around a folder was lost; `None` if it isn't.
pub fn lost_config(folder: &Path) -> Result<Option<LostConfig>, CliError> {
    Ok(repo::lost_config(folder)?)
}

/// Returns the home that a file lies in, or would.
pub fn home_of_file(path: &Path) -> Option<PathBuf> {
    let is_home = |dir: &&Path| dir.ends_with(HOME_DIR) && dir.join(CONFIG_FILE).exists();
    let found = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(_) => {
            fs::canonicalize(path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))).ok()?
        }
    };
    found.ancestors().find(is_home).map(Path::to_owned)
}

/// Asks git for `user.name`; `None` where it has none or can't be asked.
pub fn ask_git_user(directory: &Path) -> Option<String> {
    repo::git::user_name(directory).ok()?
}

/// Returns the configuration file that the worktrees of the clone around a directory share.
pub fn git_config(directory: &Path) -> Option<PathBuf> {
    let directory = fs::canonicalize(directory).ok()?;
    let git = discovery::work_tree(&directory).ok()??;
    Some(git.common_dir.join("config"))
}

/// Lets git merge the files of a home's issues by field, in this clone.
pub fn install_merge_driver(layout: &Layout) -> Result<InstalledDriver, CliError> {
    Ok(repo::install_merge_driver(layout)?)
}

/// Merges three files for git, into the second one; tells whether nothing is left to be settled.
pub fn merge_file(top: &Path, path: &str, files: [&Path; 3]) -> Result<bool, CliError> {
    Ok(repo::merge_file(top, path, files)?)
}

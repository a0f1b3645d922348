//! The homes that all work trees of a clone share: on a branch of their own, or on none.
//!
//! Such a home lies in Tickety's directory of the clone, in a folder like any other that has a home. On a branch it is a work
//! tree of that branch, so that git sees the issues there and nowhere else.

mod making;
mod moving;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::config;
use super::discovery;
use super::git::{Author, BranchFile, Git, ISSUE_BRANCH, Past};
use super::init::{self, Initialized};
use super::layout::{CONFIG_FILE, GitDirs, HOME_DIR, HomeKind, ISSUES_DIR, Layout};
use crate::error::StorageError;

pub(super) use making::Leftover;
use making::Making;
pub use moving::Moved;

/// Makes a home for all work trees of the clone around a folder. One that exists is left as it is.
///
/// A branch of the issues that is in the clone, or at a remote, is checked out: somebody else made the home.
/// `prefix` is what names such as `TIK-42` begin with, in a new one, which `who` makes, now.
pub fn init_in_clone(
    folder: &Path,
    kind: HomeKind,
    prefix: &str,
    who: (Option<&str>, Timestamp),
) -> Result<Initialized, StorageError> {
    config::check_prefix(prefix)?;
    let checkout = checkout_of(folder, kind)?;
    if let Some(layout) = discovery::clone_home(&checkout)? {
        check_kind(&layout, kind)?;
        return Ok(Initialized { layout, created: Vec::new(), branch: None });
    }
    init::check_outside_of_git(&canonical(folder)?)?;
    let in_tree = checkout.work_tree.join(HOME_DIR).join(CONFIG_FILE);
    if in_tree.symlink_metadata().is_ok() {
        let message = format!("this repository has a home on its branches: {}", in_tree.display());
        let hint = format!("`tickety home move {kind}` moves it");
        return Err(StorageError::HomeRefused { message, hint });
    }
    let making = Making::begin(&checkout, &checkout.work_tree)?;
    let files = [(CONFIG_FILE, config::template(prefix)), (".gitignore", init::ignored())];
    let (ready, branch) = match kind {
        HomeKind::Branch => {
            let git = git_of(&checkout)?;
            let branch = begin_branch(&git, &files, &git.author(who.0, who.1)?)?;
            (making.check_out(&git)?.0, Some(branch))
        }
        HomeKind::Local | HomeKind::Tree => {
            let root = making.empty_root()?;
            for (name, text) in &files {
                let path = root.join(HOME_DIR).join(name);
                init::write_new(&path, text)?;
            }
            (root, None)
        }
    };
    init::make_directory(&ready.join(HOME_DIR).join(ISSUES_DIR))?;
    making.put_in_place(&ready)?;
    let layout = discovery::clone_home(&checkout)?.ok_or_else(|| gone(&checkout.clone_home()))?;
    let created = vec![layout.config()];
    Ok(Initialized { layout, created, branch })
}

/// Returns the branch of the issues that a clone, or a remote of it, has: `tickety`, or `origin/tickety`. Starts git.
pub fn known_branch(folder: &Path) -> Result<Option<String>, StorageError> {
    let Some(checkout) = discovery::work_tree(&canonical(folder)?)? else { return Ok(None) };
    let git = git_of(&checkout)?;
    if git.issue_branch()?.is_some() {
        return Ok(Some(ISSUE_BRANCH.to_owned()));
    }
    Ok(git.remote_issue_branch()?.map(|(name, _)| name))
}

/// Sees that there is a branch of the issues in the clone. Returns where it is from.
fn begin_branch(git: &Git, files: &[(&str, String)], author: &Author) -> Result<String, StorageError> {
    if git.issue_branch()?.is_some() {
        return Ok(ISSUE_BRANCH.to_owned());
    }
    check_branch_is_free(git)?;
    if let Some((name, commit)) = git.remote_issue_branch()? {
        git.begin_issue_branch(&commit)?;
        return Ok(name);
    }
    let file = |(name, text): &(&str, String)| BranchFile {
        path: format!("{HOME_DIR}/{name}"),
        bytes: text.clone().into_bytes(),
        is_executable: false,
    };
    let files: Vec<BranchFile> = files.iter().map(file).collect();
    git.commit_issue_branch(Past::Nothing, &files, "Begin to track issues with tickety\n", author)?;
    Ok(ISSUE_BRANCH.to_owned())
}

/// Fails where another branch has the name of that of the issues, and has none.
fn check_branch_is_free(git: &Git) -> Result<(), StorageError> {
    if !git.has_issue_branch()? {
        return Ok(());
    }
    let message = format!("there is a branch {ISSUE_BRANCH} already, which has no issues");
    let hint = format!("rename it: git branch -m {ISSUE_BRANCH} NAME");
    Err(StorageError::HomeRefused { message, hint })
}

fn checkout_of(folder: &Path, kind: HomeKind) -> Result<GitDirs, StorageError> {
    let folder = canonical(folder)?;
    if let Some(checkout) = discovery::work_tree(&folder)? {
        return Ok(checkout);
    }
    init::check_outside_of_git(&folder)?;
    let message = format!("{} is not in a git repository, which a home `{kind}` is for", folder.display());
    Err(StorageError::HomeRefused { message, hint: "`git init` makes one; `tickety init` needs none".to_owned() })
}

fn canonical(folder: &Path) -> Result<PathBuf, StorageError> {
    fs::canonicalize(folder).map_err(|source| StorageError::Io { action: "read", path: folder.to_owned(), source })
}

fn git_of(checkout: &GitDirs) -> Result<Git, StorageError> {
    let layout = Layout::new(checkout.work_tree.clone(), Some(checkout.clone()));
    Git::of(&layout)
        .ok_or_else(|| StorageError::Git { message: format!("{} is not UTF-8", checkout.work_tree.display()) })
}

fn check_kind(layout: &Layout, kind: HomeKind) -> Result<(), StorageError> {
    if layout.kind == kind {
        return Ok(());
    }
    let message = format!("this clone has a home `{}` in {}", layout.kind, layout.root.display());
    Err(StorageError::HomeRefused { message, hint: format!("`tickety home move {kind}` moves it") })
}

fn gone(path: &Path) -> StorageError {
    StorageError::HomeMoved { path: path.to_owned() }
}

fn remove_all(path: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::Io { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

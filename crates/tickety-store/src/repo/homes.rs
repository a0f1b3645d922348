//! The homes that all work trees of a clone share: on a branch of their own, or on none.
//!
//! Such a home lies in Tickety's directory of the clone, in a folder like any other that has a home. On a branch it is a work
//! tree of that branch, so that git sees the issues there and nowhere else.

mod lost;
mod making;
mod moving;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::config;
use super::discovery;
use super::git::{Author, BranchFile, Git, ISSUE_BRANCH, Past, Tracking, Upstream};
use super::init::{self, Initialized};
use super::layout::{CONFIG_FILE, GitDirs, HOME_DIR, HomeKind, ISSUES_DIR, Layout};
use crate::error::StorageError;

pub use lost::{LostConfig, lost_config};
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
    check_not_left_out(&checkout)?;
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
        let remote = name.strip_suffix(&format!("/{ISSUE_BRANCH}")).unwrap_or(&name).to_owned();
        let upstream = Upstream { remote, branch: ISSUE_BRANCH.to_owned() };
        // Of several remotes, it is exchanged with the one that it is from.
        if git.tracking(ISSUE_BRANCH)? != Tracking::Upstream(upstream.clone()) {
            git.set_upstream(ISSUE_BRANCH, &upstream)?;
        }
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

/// Fails where another branch has the name of that of the issues, and has none, or leaves no room for it.
fn check_branch_is_free(git: &Git) -> Result<(), StorageError> {
    let refuse = |message: String, branch: &str| {
        let hint = format!("rename it: git branch -m {branch} NAME");
        Err(StorageError::HomeRefused { message, hint })
    };
    if git.has_issue_branch()? {
        return refuse(format!("there is a branch {ISSUE_BRANCH} already, which has no issues"), ISSUE_BRANCH);
    }
    if git.branch()?.as_deref() == Some(ISSUE_BRANCH) {
        let message = format!("the branch {ISSUE_BRANCH}, which has no commits yet, is that of the code here");
        return refuse(message, ISSUE_BRANCH);
    }
    let below = format!("{ISSUE_BRANCH}/");
    match git.branches()?.into_iter().find(|branch| branch.is_local && branch.name.starts_with(&below)) {
        Some(branch) => {
            let message =
                format!("beside a branch {}, git has no room for a branch {ISSUE_BRANCH} of the issues", branch.name);
            refuse(message, &branch.name)
        }
        None => Ok(()),
    }
}

/// Fails where a work tree leaves out the home that git has for it: another one would count for nothing elsewhere.
pub(super) fn check_not_left_out(checkout: &GitDirs) -> Result<(), StorageError> {
    let in_tree = checkout.work_tree.join(HOME_DIR).join(CONFIG_FILE);
    if in_tree.symlink_metadata().is_ok() || !leaves_out_home(&git_of(checkout)?) {
        return Ok(());
    }
    Err(StorageError::HomeRefused { message: LEFT_OUT.to_owned(), hint: LEFT_OUT_HINT.to_owned() })
}

/// What is said of a work tree that leaves out its home, and what to do.
const LEFT_OUT: &str = "the issues are not part of this sparse checkout";
const LEFT_OUT_HINT: &str = "`git sparse-checkout add .tickety` brings them";

/// Tells what to do where the work tree around a folder leaves out the home that git has for it. Starts git.
pub fn hint_of_left_out_home(folder: &Path) -> Option<String> {
    let checkout = discovery::work_tree(&canonical(folder).ok()?).ok()??;
    leaves_out_home(&git_of(&checkout).ok()?).then(|| format!("{LEFT_OUT}: {LEFT_OUT_HINT}"))
}

/// Whether git has a home for the work tree, and leaves it out. Where git can't be asked, nothing is known.
fn leaves_out_home(git: &Git) -> bool {
    git.is_left_out(&format!("{HOME_DIR}/{CONFIG_FILE}")).unwrap_or(false)
}

/// Asks the remote of the clone around a folder whether it has a branch of the issues that the clone doesn't know of:
/// one that was made of a single branch knows no other. `Some` says what it is called here, and how to get it.
pub fn ask_for_branch(folder: &Path) -> Result<Option<UnknownBranch>, StorageError> {
    let Some(checkout) = discovery::work_tree(&canonical(folder)?)? else { return Ok(None) };
    let git = git_of(&checkout)?;
    let remotes = git.remotes()?;
    let remote = match remotes.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|name| *name == "origin"),
    };
    let Some(remote) = remote else { return Ok(None) };
    let known = format!("{remote}/{ISSUE_BRANCH}");
    if git.branches()?.iter().any(|branch| !branch.is_local && branch.name == known) {
        return Ok(None);
    }
    let has_one = git.ask_remote_for(remote, ISSUE_BRANCH)?;
    Ok(has_one.then(|| UnknownBranch { remote: remote.clone(), branch: known }))
}

/// A branch of the issues that a remote has, and the clone hasn't fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownBranch {
    /// The remote.
    pub remote: String,
    /// What the branch is called here once it is fetched.
    pub branch: String,
}

impl UnknownBranch {
    /// Returns the command line that fetches it.
    pub fn command(&self) -> String {
        let Self { remote, branch } = self;
        format!("git fetch {remote} {ISSUE_BRANCH}:refs/remotes/{branch}")
    }
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

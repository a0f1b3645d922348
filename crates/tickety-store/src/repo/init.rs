//! Making a home.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config;
use super::discovery;
use super::homes;
use super::layout::{CONFIG_FILE, ISSUES_DIR, LOCAL_DIR, Layout, TEMPORARY_PREFIX};
use super::os;
use crate::error::StorageError;

/// What making a home did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Initialized {
    /// Where everything lies.
    pub layout: Layout,
    /// The files that were made; none if the home was there already.
    pub created: Vec<PathBuf>,
    /// The branch that a home on a branch was taken from or begun on, if it was made.
    pub branch: Option<String>,
}

/// Returns where people expect a home that is made in a folder: the root of the work tree that it is in, or
/// the folder itself.
pub fn usual_root(folder: &Path) -> Result<PathBuf, StorageError> {
    let layout = discovery::layout_at(folder)?;
    check_outside_of_git(&layout.root)?;
    Ok(layout.git.map_or(layout.root, |git| git.work_tree))
}

/// Fails in a directory of git's own: no commit has what is there.
pub(super) fn check_outside_of_git(folder: &Path) -> Result<(), StorageError> {
    let Some(git_dir) = discovery::enclosing_git_dir(folder)? else { return Ok(()) };
    Err(StorageError::HomeRefused {
        message: format!("{} is a directory of git's own, and no commit has what is in it", git_dir.display()),
        hint: "do it in a work tree; `git worktree add` makes one of a bare repository".to_owned(),
    })
}

/// Fails where a home would never be found: in the root of a work tree, that of the clone comes before it.
fn check_found(layout: &Layout) -> Result<(), StorageError> {
    let checkout = layout.git.as_ref().filter(|git| git.work_tree == layout.root);
    let Some(clone_home) = checkout.map(discovery::clone_home).transpose()?.flatten() else { return Ok(()) };
    Err(StorageError::HomeRefused {
        message: format!(
            "the issues of this clone are in {}, and a home in {} would count for nothing",
            clone_home.root.display(),
            layout.root.display()
        ),
        hint: "`tickety home move tree` moves them; `tickety init --nested` makes a home in a folder below".to_owned(),
    })
}

/// Makes a home in a folder. One that exists is left as it is. Fails within a directory of git's own, and where the home
/// would give way to one of the clone.
///
/// `prefix` is what names such as `TIK-42` begin with.
pub fn init(folder: &Path, prefix: &str) -> Result<Initialized, StorageError> {
    // Refuses what no home can have before anything is made.
    config::check_prefix(prefix)?;
    let layout = discovery::layout_at(folder)?;
    check_outside_of_git(&layout.root)?;
    check_found(&layout)?;
    if let Some(git) = layout.git.as_ref().filter(|git| git.work_tree == layout.root) {
        homes::check_not_left_out(git)?;
    }
    let created = make_home(&layout, &config::template(prefix), "")?;
    Ok(Initialized { layout, created, branch: None })
}

/// Makes a home with a configuration, and with the usual `.gitignore` where none is given. What exists is left as it is.
/// Returns the files that were made.
pub(super) fn make_home(layout: &Layout, config: &str, ignored: &str) -> Result<Vec<PathBuf>, StorageError> {
    let mut created = Vec::new();
    make_directory(&layout.home)?;
    make_directory(&layout.home.join(ISSUES_DIR))?;
    let usual = self::ignored();
    let ignored = if ignored.is_empty() { &usual } else { ignored };
    for (name, text) in [(".gitignore", ignored), (CONFIG_FILE, config)] {
        let path = layout.home.join(name);
        if write_new(&path, text)? {
            created.push(path);
        }
    }
    // Later writes are durable; they would be of little use in a home that isn't.
    for dir in [&layout.home, &layout.root] {
        os::sync_directory(dir).map_err(|source| refused(dir, source))?;
    }
    Ok(created)
}

/// Returns what git is to ignore in a home.
pub(super) fn ignored() -> String {
    format!("# What one checkout keeps for itself.\n/{LOCAL_DIR}/\n{TEMPORARY_PREFIX}*\n")
}

pub(super) fn make_directory(path: &Path) -> Result<(), StorageError> {
    fs::create_dir_all(path).map_err(|source| refused(path, source))
}

/// Writes a file unless there is one. Says whether it did.
pub(super) fn write_new(path: &Path, text: &str) -> Result<bool, StorageError> {
    match fs::File::create_new(path) {
        Ok(mut file) => {
            let written = io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| os::sync_all(&file));
            written.map_err(|source| refused(path, source))?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(refused(path, source)),
    }
}

fn refused(path: &Path, source: io::Error) -> StorageError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StorageError::HomeReadOnly { path, source }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::NoSpace { action: "make", path },
        _ => StorageError::Io { action: "make", path, source },
    }
}

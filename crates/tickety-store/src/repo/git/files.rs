//! Whether what git reads, whatever it is asked, are files: git would wait for a pipe.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::layout::GitDirs;
use super::GitError;

/// The deepest directories that are looked through for references, as a bound: their names have slashes in them.
const DEPTH: usize = 64;

/// Fails if one of the files that git reads is something else.
pub(super) fn check(dirs: &GitDirs) -> Result<(), GitError> {
    // The environment is what git inherits.
    check_all(dirs, users(|name| env::var_os(name)))
}

/// Examines those of the user alone, where there is no clone.
pub(super) fn check_users() -> Result<(), GitError> {
    users(|name| env::var_os(name)).iter().try_for_each(|path| check_file(path))
}

pub(super) fn check_all(dirs: &GitDirs, users: impl IntoIterator<Item = PathBuf>) -> Result<(), GitError> {
    let of_checkout = ["HEAD", "config.worktree", "index"].map(|name| dirs.git_dir.join(name));
    let of_clone = ["config", "packed-refs", "shallow", "info/exclude", "info/attributes", "objects/info/alternates"]
        .map(|name| dirs.common_dir.join(name));
    for path in of_checkout.into_iter().chain(of_clone).chain(users) {
        check_file(&path)?;
    }
    check_references(&dirs.common_dir.join("refs"), DEPTH)?;
    if dirs.git_dir == dirs.common_dir { Ok(()) } else { check_references(&dirs.git_dir.join("refs"), DEPTH) }
}

/// Returns the files of the user that git reads.
pub(super) fn users(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = path("HOME");
    let of_git = path("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config"))).map(|dir| dir.join("git"));
    let mut files = match path("GIT_CONFIG_GLOBAL") {
        // Git takes it instead of the two.
        Some(given) => vec![given],
        None => {
            let usual = home.map(|home| home.join(".gitconfig"));
            usual.into_iter().chain(of_git.as_ref().map(|dir| dir.join("config"))).collect()
        }
    };
    files.extend(path("GIT_CONFIG_SYSTEM"));
    files.extend(of_git.iter().flat_map(|dir| ["ignore", "attributes"].map(|name| dir.join(name))));
    files
}

fn check_file(path: &Path) -> Result<(), GitError> {
    match fs::metadata(path) {
        // What it makes of a directory it says itself, and a device such as `/dev/null` has an end.
        Ok(found) if is_waited_for(found.file_type()) => Err(no_file(path)),
        _ => Ok(()),
    }
}

/// Looks through the references that have files of their own.
fn check_references(dir: &Path, depth: usize) -> Result<(), GitError> {
    // What can't be listed, git can't read either.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => check_references(&path, depth - 1)?,
            Ok(kind) if kind.is_symlink() => check_file(&path)?,
            Ok(kind) if is_waited_for(kind) => return Err(no_file(&path)),
            _ => {}
        }
    }
    Ok(())
}

fn is_waited_for(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo() || kind.is_socket()
}

fn no_file(path: &Path) -> GitError {
    let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no file: move it elsewhere");
    GitError::Read { path: path.to_owned(), source }
}

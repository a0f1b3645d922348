//! A home of the clone that is being made, and what is left of that where the process was killed.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::super::discovery;
use super::super::files::HomeDir;
use super::super::git::Git;
use super::super::init;
use super::super::layout::{GitDirs, HOME_DIR, HomeKind, TEMPORARY_PREFIX};
use super::super::os;
use super::super::scan::Scanner;
use super::super::store::RepoStore;
use super::moving::{collect, keys_of, write};
use super::{git_of, remove_all};
use crate::error::StorageError;

/// The file that names the work tree whose home is moved.
const WORK_TREE: &str = "work-tree";

/// Where the state of a checkout is that git has forgotten: what it has may be nowhere else.
const STATE: &str = "state";

/// A home of the clone that is being made, beside the place where it is to be.
pub(super) struct Making<'a> {
    pub(super) checkout: &'a GitDirs,
    directory: PathBuf,
    /// Held as long as the process is at work.
    _lock: File,
}

impl<'a> Making<'a> {
    /// Begins to make a home, or to take one away, that is or was in a work tree. Clears away what a process has left that
    /// died here. Fails where another is at work.
    pub(super) fn begin(checkout: &'a GitDirs, work_tree: &Path) -> Result<Self, StorageError> {
        let directory = directory_of(checkout);
        let lock = loop {
            init::make_directory(&directory)?;
            // One who has just ended may have removed it.
            if let Some(lock) = lock(&directory)? {
                break lock;
            }
        };
        clear(&directory)?;
        let note = directory.join(WORK_TREE);
        fs::write(&note, work_tree.as_os_str().as_bytes()).map_err(|source| StorageError::Io {
            action: "write",
            path: note,
            source,
        })?;
        Ok(Self { checkout, directory, _lock: lock })
    }

    /// Checks the branch of the issues out. Returns the work tree, and git's directory for it.
    pub(super) fn check_out(&self, git: &Git) -> Result<(PathBuf, PathBuf), StorageError> {
        Ok(git.check_out_issues(&self.directory, &self.checkout.clone_home())?)
    }

    /// Makes an empty home.
    pub(super) fn empty_root(&self) -> Result<PathBuf, StorageError> {
        let root = self.directory.join("root");
        init::make_directory(&root.join(HOME_DIR))?;
        Ok(root)
    }

    /// Makes it the home of the clone, durably. One that is there gives way to it.
    pub(super) fn put_in_place(&self, ready: &Path) -> Result<(), StorageError> {
        let place = self.checkout.clone_home();
        let failed = |source| StorageError::Io { action: "make", path: place.clone(), source };
        let directory = os::open_directory(&self.directory).map_err(failed)?;
        os::sync_file_system(directory.as_fd()).map_err(failed)?;
        // In one step where the system can: there is a home at any time.
        if place.symlink_metadata().is_err() || os::exchange(directory.as_fd(), ready, &place).is_err() {
            if place.symlink_metadata().is_ok() {
                self.put_away(&place)?;
            }
            fs::rename(ready, &place).map_err(failed)?;
        }
        os::sync_directory(place.parent().unwrap_or(&place)).map_err(failed)
    }

    /// Takes a home away, in one step, that counts no more.
    pub(super) fn put_away(&self, home: &Path) -> Result<(), StorageError> {
        let old = self.directory.join("old");
        fs::rename(home, old).map_err(|source| StorageError::Io { action: "remove", path: home.to_owned(), source })
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        // What stays is cleared away by the next one.
        let _ = clear(&self.directory).and_then(|()| remove_empty(&self.directory));
    }
}

/// Something that is left where a move was killed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::repo) struct Leftover {
    /// Where it is.
    pub(in crate::repo) path: PathBuf,
    /// What it is, and what became of it.
    pub(in crate::repo) message: String,
}

impl RepoStore {
    /// Finds what a process has left that was killed while it moved the home, or made one. With `clear`, takes it away: what
    /// has anything of its own goes to what is kept for people.
    pub(in crate::repo) fn left_by_moves(&self, clear: bool) -> Result<Vec<Leftover>, StorageError> {
        let Some(checkout) = &self.layout.checkout else { return Ok(Vec::new()) };
        let directory = directory_of(checkout);
        let _lock = match lock(&directory) {
            Ok(Some(lock)) => lock,
            // Another is at work.
            Ok(None) | Err(StorageError::Locked { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        let clone_home = discovery::clone_home(checkout)?;
        let in_tree = noted_work_tree(&directory).map(|work_tree| work_tree.join(HOME_DIR));
        if let (Some(in_tree), Some(clone_home)) = (&in_tree, &clone_home)
            && self.has_all_of(in_tree)
        {
            let mut message =
                format!("counts no more: moving the issues to {} was interrupted", clone_home.root.display());
            if clear {
                message = format!("{message}; it was moved to {}", self.keep_home(in_tree)?.display());
            }
            found.push(Leftover { path: in_tree.clone(), message });
        }
        let beside = in_tree.as_deref().map(beside).filter(|path| path.is_dir());
        if clear {
            if clone_home.is_none_or(|home| home.kind != HomeKind::Branch) {
                git_of(checkout)?.forget_issues(&directory, &checkout.clone_home())?;
            }
            if directory.join(STATE).is_dir() {
                self.move_aside(&directory.join(STATE))?;
            }
        }
        for path in beside.into_iter().chain([directory]) {
            if clear {
                remove_all(&path)?;
            }
            let message = "a process was killed while it moved the issues, or made a home".to_owned();
            found.push(Leftover { path, message });
        }
        Ok(found)
    }

    /// Moves a home that counts no more to what is kept for people.
    fn keep_home(&self, home: &Path) -> Result<PathBuf, StorageError> {
        let aside = self.free_name_aside(home)?;
        if fs::rename(home, &aside).is_err() {
            // It is on another file system.
            let mut files = Vec::new();
            collect(home, "", false, &mut files)?;
            for file in files {
                write(&aside.join(&file.path), &file)?;
            }
            remove_all(home)?;
        }
        Ok(aside)
    }

    /// Whether there is a home of which this one has all issues.
    fn has_all_of(&self, other: &Path) -> bool {
        let Ok(there) = HomeDir::open_at(other) else { return false };
        let there = Scanner::open(&there).and_then(|scanner| scanner.scan_all(1));
        match (there, self.scan()) {
            (Ok(there), Ok(ours)) => keys_of(&there).is_subset(&keys_of(&ours)),
            _ => false,
        }
    }
}

/// Returns where a home stands in a work tree for a moment, before it gets its name or when it has lost it.
pub(super) fn beside(in_tree: &Path) -> PathBuf {
    in_tree.with_file_name(format!("{TEMPORARY_PREFIX}home"))
}

fn directory_of(checkout: &GitDirs) -> PathBuf {
    checkout.clone_home().with_file_name("making")
}

/// Takes the lock of the directory; `None` where there is none.
fn lock(directory: &Path) -> Result<Option<File>, StorageError> {
    let failed = |source| StorageError::Io { action: "open", path: directory.to_owned(), source };
    let file = match os::open_directory(directory) {
        Ok(directory) => File::from(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let message = format!("another process makes or moves a home, in {}", directory.display());
            return Err(StorageError::Locked { message });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Whoever had it may have removed the directory.
    let opened = file.metadata().map_err(failed)?;
    let is_there =
        fs::symlink_metadata(directory).is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino()));
    Ok(is_there.then_some(file))
}

/// Removes all that is in the directory but for what may be nowhere else.
fn clear(directory: &Path) -> Result<(), StorageError> {
    let failed = |source| StorageError::Io { action: "remove", path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() == STATE {
            continue;
        }
        let removed = if entry.file_type().map_err(failed)?.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        removed.map_err(failed)?;
    }
    Ok(())
}

fn remove_empty(directory: &Path) -> Result<(), StorageError> {
    fs::remove_dir(directory).map_err(|source| StorageError::Io {
        action: "remove",
        path: directory.to_owned(),
        source,
    })
}

/// Reads which work tree's home is moved.
fn noted_work_tree(directory: &Path) -> Option<PathBuf> {
    let path = fs::read(directory.join(WORK_TREE)).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&path))).filter(|path| path.is_absolute())
}

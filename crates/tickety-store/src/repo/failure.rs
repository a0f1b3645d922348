//! Errors on the way through the store's layers.

use std::io;
use std::path::{Path, PathBuf};

use super::counter::CounterError;
use super::discovery::{self, DiscoveryError};
use super::files::FileError;
use super::git::GitError;
use super::index::IndexError;
use super::journal::JournalError;
use super::layout::{CONFIG_FILE, HOME_DIR, ISSUES_DIR};
use super::lock::LockError;
use crate::error::StorageError;

/// Why a question was not answered: something about the index, which may be mended and asked again,
/// or about the store.
#[derive(Debug)]
pub(super) enum Failure {
    /// The index.
    Index(IndexError),
    /// The rest.
    Store(StorageError),
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Index(error) => error.into(),
            Failure::Store(error) => error,
        }
    }
}

impl From<DiscoveryError> for StorageError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::NoHome { start, .. } => Self::NoHome { start },
            DiscoveryError::NoConfig { home } => Self::NoConfig { path: home.join(CONFIG_FILE) },
            DiscoveryError::LinkedHome { path } => Self::Damaged { path, message: discovery::LINKED.to_owned() },
            DiscoveryError::BrokenGitFile { path, target } => {
                Self::Damaged { path, message: discovery::broken(&target) }
            }
            DiscoveryError::Read { path, source } => Self::Io { action: "read", path, source },
        }
    }
}

impl From<FileError> for StorageError {
    fn from(error: FileError) -> Self {
        let message = error.reason();
        match error {
            FileError::NotAFile { path, .. }
            | FileError::NotADirectory { path, .. }
            | FileError::TooLarge { path, .. }
            | FileError::Changing { path } => Self::Damaged { path, message },
            FileError::Access { action, path, source } => access(action, path, source),
        }
    }
}

impl From<LockError> for StorageError {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Held { .. } => Self::Locked { message },
            LockError::ReadOnly { path, source, .. } => Self::StateReadOnly { path, source },
            LockError::File(error) => error.into(),
            LockError::Access { action, path, source } => access(action, path, source),
        }
    }
}

impl From<JournalError> for StorageError {
    fn from(error: JournalError) -> Self {
        let message = error.reason();
        match error {
            JournalError::Damaged { path, .. }
            | JournalError::Format { path, .. }
            | JournalError::Poisoned { path }
            | JournalError::Unrecovered { path } => Self::Damaged { path, message },
            JournalError::PathTooLong { path } => Self::Damaged { path: path.as_str().into(), message },
            JournalError::Sync { path, source } => Self::Io { action: "make durable", path, source },
            JournalError::ReadOnly { path, source, .. } if is_in_home(&path) => Self::HomeReadOnly { path, source },
            JournalError::ReadOnly { path, source, .. } => Self::StateReadOnly { path, source },
            JournalError::Full { path, .. } => Self::NoSpace { action: "write to", path },
            JournalError::Apply { source, .. } => {
                let is_full = matches!(&source, FileError::Access { source, .. } if is_full(source));
                Self::Pending { path: source.path().to_owned(), message: source.reason(), is_full }
            }
            JournalError::File(error) => error.into(),
            JournalError::Access { action, path, source } => access(action, path, source),
        }
    }
}

impl From<CounterError> for StorageError {
    fn from(error: CounterError) -> Self {
        match error {
            CounterError::Exhausted { count } => Self::NumbersExhausted { count },
            CounterError::Hidden { problem } => Self::Unreadable { problem },
            CounterError::File(error) => error.into(),
            CounterError::Journal(error) => error.into(),
            CounterError::Lock(error) => error.into(),
        }
    }
}

impl From<GitError> for StorageError {
    fn from(error: GitError) -> Self {
        let message = match &error {
            GitError::Start { source }
            | GitError::Pipe { source, .. }
            | GitError::Read { source, .. }
            | GitError::Write { source, .. } => {
                format!("{error}: {source}")
            }
            GitError::Failed { .. } => error.to_string(),
            GitError::NoCommit { name } => {
                return Self::NoReference { what: "branch, tag or commit", name: name.clone() };
            }
        };
        Self::Git { message }
    }
}

impl From<IndexError> for StorageError {
    fn from(error: IndexError) -> Self {
        // As the error itself says it, without the path, which is told beside.
        match error {
            IndexError::BadCursor => Self::BadCursor,
            IndexError::NotAFile(error) => error.into(),
            IndexError::NoSpace { path, .. } => Self::NoSpace { action: "write to", path },
            IndexError::Busy { .. } => Self::Locked { message: error.to_string() },
            IndexError::Io { action, path, source } => access(action, path, source),
            IndexError::Damaged { action, path, detail } => {
                Self::Damaged { path, message: format!("could not {action}: the index is damaged: {detail}") }
            }
            IndexError::Replaced { action, path } => {
                Self::Damaged { path, message: format!("could not {action}: the index has been replaced") }
            }
            IndexError::ReadOnly { action, path, detail } => {
                Self::Damaged { path, message: format!("could not {action}: the index can't be written: {detail}") }
            }
            IndexError::Sqlite { action, path, source } => {
                Self::Damaged { path, message: format!("could not {action}: {source}") }
            }
        }
    }
}

/// Whether a path is that of a record or of a directory of records.
fn is_in_home(path: &Path) -> bool {
    let mut names = path.components().rev().map(|name| name.as_os_str());
    names.by_ref().take(3).any(|name| name == ISSUES_DIR) && names.any(|name| name == HOME_DIR)
}

/// Whether an error says that there is no room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Sorts an error of the operating system.
fn access(action: &'static str, path: PathBuf, source: io::Error) -> StorageError {
    match source.kind() {
        _ if is_full(&source) => StorageError::NoSpace { action, path },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem if writes(action) => {
            StorageError::HomeReadOnly { path, source }
        }
        _ => StorageError::Io { action, path, source },
    }
}

/// Whether what was being done changes something.
fn writes(action: &str) -> bool {
    !matches!(action, "open" | "read" | "look at" | "list")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::stat::FileKind;

    #[test]
    fn a_path_is_told_once() {
        let path = || PathBuf::from("/r/.tickety/x");
        let kind = FileKind::Symlink;
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let errors: Vec<StorageError> = vec![
            DiscoveryError::NoConfig { home: path() }.into(),
            DiscoveryError::LinkedHome { path: path() }.into(),
            DiscoveryError::BrokenGitFile { path: path(), target: "there".into() }.into(),
            DiscoveryError::Read { path: path(), source: refused() }.into(),
            FileError::NotAFile { path: path(), kind }.into(),
            FileError::NotADirectory { path: path(), kind }.into(),
            FileError::TooLarge { path: path(), size: 2, limit: 1 }.into(),
            FileError::Changing { path: path() }.into(),
            FileError::Access { action: "write to", path: path(), source: refused() }.into(),
            JournalError::Damaged { path: path(), position: 7 }.into(),
            JournalError::Format { path: path(), found: 2, supported: 1 }.into(),
            JournalError::Sync { path: path(), source: refused() }.into(),
            JournalError::Poisoned { path: path() }.into(),
            JournalError::Unrecovered { path: path() }.into(),
            JournalError::ReadOnly { action: "open", path: path(), source: refused() }.into(),
            JournalError::Full { path: path(), needed: 2, free: 1 }.into(),
            JournalError::Access { action: "open", path: path(), source: refused() }.into(),
            IndexError::Damaged { action: "list", path: path(), detail: "rows".into() }.into(),
            IndexError::Replaced { action: "list", path: path() }.into(),
            IndexError::Busy { action: "list", path: path() }.into(),
            IndexError::ReadOnly { action: "list", path: path(), detail: "rows".into() }.into(),
            IndexError::Io { action: "list", path: path(), source: refused() }.into(),
            LockError::ReadOnly { action: "open", path: path(), source: refused() }.into(),
        ];
        for error in errors {
            let text = error.to_string();
            assert_eq!(text.matches("/r/.tickety/x").count(), 1, "{text}");
            assert!(!text.contains("tickety doctor"), "{text}: whoever prints it says so");
        }
    }
}

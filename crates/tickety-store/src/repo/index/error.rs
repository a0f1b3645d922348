//! What can go wrong with the index.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::repo::files::FileError;

/// Why the index could not do what was asked.
///
/// The index is derived: after [`Damaged`](Self::Damaged) or [`Replaced`](Self::Replaced) the
/// caller opens it again, which says whether it has to be rebuilt, and repeats the question. The
/// others say something about the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file is no index, or holds what no index can hold. Rebuild it.
    #[error("could not {action}: the index {} is damaged: {detail}", path.display())]
    Damaged {
        /// What was being done, as in `list issues`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Another process has put a new index in the place of the opened one. Open it again.
    #[error("could not {action}: the index {} has been replaced", path.display())]
    Replaced {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Another process kept the index locked for longer than [`BUSY_TIMEOUT`](super::BUSY_TIMEOUT).
    #[error("could not {action}: another process is using the index {}", path.display())]
    Busy {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file system is full, or a quota is used up.
    #[error("could not {action}: no space left for the index {}", path.display())]
    NoSpace {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory can't be written.
    #[error("could not {action}: the index {} can't be written: {detail}", path.display())]
    ReadOnly {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Something else stands where a file of the index should.
    #[error(transparent)]
    NotAFile(FileError),
    /// The cursor belongs to a query with another order.
    #[error("the cursor doesn't fit this query: start again without it")]
    BadCursor,
    /// Another error of the system or of SQLite.
    #[error("could not {action} in the index {}: {source}", path.display())]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file could not be moved, made or removed.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as in `replace`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl IndexError {
    /// Whether a rebuilt index would answer.
    pub fn is_cured_by_rebuild(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Sorts an error of SQLite.
    pub(super) fn of(action: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let (code, extended) = match &source {
            rusqlite::Error::SqliteFailure(error, _) => (error.code, error.extended_code),
            // A value that is not what the schema says: SQLite's pages are whole, the rows are not ours.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::InvalidColumnIndex(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::SqlInputError { .. } => {
                return Self::Damaged { action, path, detail: source.to_string() };
            }
            _ => return Self::Sqlite { action, path, source },
        };
        match code {
            // Our statements are fixed: one that doesn't fit has met another schema.
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => {
                Self::Damaged { action, path, detail: source.to_string() }
            }
            ErrorCode::SystemIoFailure if extended == ffi::SQLITE_IOERR_SHORT_READ => {
                Self::Damaged { action, path, detail: source.to_string() }
            }
            ErrorCode::ReadOnly if extended == ffi::SQLITE_READONLY_DBMOVED => Self::Replaced { action, path },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { action, path },
            ErrorCode::DiskFull => Self::NoSpace { action, path },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                Self::ReadOnly { action, path, detail: source.to_string() }
            }
            _ => Self::Sqlite { action, path, source },
        }
    }
}

/// Returns the error of a value that is not what the schema says.
pub(super) fn malformed(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, format!("{what} are malformed").into())
}

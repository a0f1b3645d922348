//! Why there is no remote store.

use std::io;

use thiserror::Error;
use tickety_http::DiskError;

use crate::error::ErrorCode;

/// Why a remote store can't be used at all, or its cache can't be written. What goes wrong with a question is a
/// [`StorageError`](tickety_store::StorageError).
#[derive(Debug, Error)]
pub enum RemoteError {
    /// It is no address of a server.
    #[error("`{url}` can't be the address of a server: {message}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// It can't be the name of a project.
    #[error("`{name}` can't be the name of a project: use letters a-z, digits, `-`, `_` and `.`, no `.` first")]
    Project {
        /// What was given.
        name: String,
    },
    /// It can't be a token.
    #[error("the token can't be one: it has spaces, line breaks or characters beyond ASCII")]
    Token,
    /// The client could not be made.
    #[error("could not make a client for {url}")]
    Client {
        /// Of which server.
        url: String,
        /// Why.
        #[source]
        source: tickety_http::Error,
    },
    /// Its thread could not be started.
    #[error("could not start a thread for requests: {0}")]
    Runtime(#[source] io::Error),
    /// The cache could not be written.
    #[error("{0}")]
    Disk(#[from] DiskError),
}

impl RemoteError {
    /// Returns the row in the error table.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Url { .. } | Self::Project { .. } | Self::Token => ErrorCode::BadValue,
            Self::Client { .. } | Self::Runtime(_) | Self::Disk(_) => ErrorCode::Io,
        }
    }
}

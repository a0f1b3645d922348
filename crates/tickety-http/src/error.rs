//! What goes wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use thiserror::Error;

/// Why a request has no answer. All who waited for one request get the same error.
///
/// An answer with a status of 400 or more is an answer and no error.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The client could not be built: a bad option, or TLS could not be set up.
    #[error("could not build the HTTP client")]
    Build(#[source] Arc<reqwest::Error>),
    /// It isn't a URL that can be asked for.
    #[error("could not use the URL `{url}`: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field of the request isn't one.
    #[error("could not send the field `{name}`: its name or value has characters that no field may have")]
    Field {
        /// Its name.
        name: String,
    },
    /// The request could not be sent, or no answer came.
    #[error("could not get an answer to {method} {url}{}", tries(*.attempts))]
    Send {
        /// The method.
        method: Method,
        /// The URL.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// Why the last try failed.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The answer broke off.
    #[error("could not read the answer to {method} {url} to its end")]
    Body {
        /// The method.
        method: Method,
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The body isn't text in UTF-8.
    #[error("the answer of {url} is not text in UTF-8")]
    Text {
        /// The URL.
        url: String,
    },
    /// There were more redirects than allowed.
    #[error("{url} was redirected more than {limit} times")]
    Redirects {
        /// The URL that was asked for.
        url: String,
        /// How many are allowed.
        limit: u32,
    },
    /// The request of another caller, whose answer was waited for, was given up.
    #[error("the request for {url} that another caller had begun was given up")]
    Abandoned {
        /// The URL.
        url: String,
    },
}

impl Error {
    /// Whether no connection could be made, so that the origin has seen nothing of the request.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Send { source, .. } if source.is_connect())
    }

    /// Whether a timeout was exceeded.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Send { source, .. } | Self::Body { source, .. } => source.is_timeout(),
            _ => false,
        }
    }
}

fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(", tried {attempts} times") } else { String::new() }
}

/// Why the cache was not written to the disk or not read from there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The file system refused.
    #[error("could not {attempted} {}", path.display())]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file is damaged, of another version, or larger than the cache may be.
    #[error("could not use {}, which is left out: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

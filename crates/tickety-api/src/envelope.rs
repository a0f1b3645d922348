//! What is around every answer: `{"data": …, "meta": {…}}`, or `{"error": {…}}`.

use std::time::Duration;

use serde::Serialize;
use tickety_store::storage;

use crate::error::ErrorCode;

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope<T> {
    /// What was asked for.
    pub data: T,
    /// How the answer came about.
    pub meta: Meta,
}

/// How an answer came about.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Meta {
    /// How the answer was checked against the files; absent where no index was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// The question in its one form, where it was a query: with what the command added, such as `is:open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The commit whose issues these are; absent for those of the checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether this is what became of the same request before, and nothing was done now; absent where not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// The records that can't be read and may be missing from the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// That it was kept from earlier, because the server that has the issues couldn't be reached. No server says that; it is
    /// said by the command that asked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub outdated: Option<Outdated>,
}

/// How old an answer is that was given without the server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outdated {
    /// When the server said so.
    pub as_of: String,
    /// How long ago that was, in seconds.
    pub age_seconds: u64,
    /// The server, or the project of it.
    pub url: String,
    /// Why it couldn't be reached.
    pub reason: String,
}

#[cfg(feature = "client")]
impl From<crate::client::Outdated> for Outdated {
    fn from(outdated: crate::client::Outdated) -> Self {
        let crate::client::Outdated { as_of, age, url, reason } = outdated;
        Self { as_of: as_of.to_string(), age_seconds: age.as_secs(), url, reason }
    }
}

/// How an answer was checked against the files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Freshness {
    /// `verify`, `shards` or `trust`.
    pub mode: &'static str,
    /// How many records were looked at.
    pub checked: u32,
    /// How many of them had changed since the index was last brought up to date; absent where nobody
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u32>,
}

impl Freshness {
    /// Says how whole issues are read, whatever the size of the home: by a look at the directory of each, at
    /// its own files and at those of the issues it is linked to. `records` is how many issues these are.
    /// Where the index is trusted, nothing is looked at.
    pub fn of_whole_issues(trusted: bool, records: usize) -> Self {
        let (mode, records) = match trusted {
            true => (storage::FreshnessMode::Trust, 0),
            false => (storage::FreshnessMode::Shards, records),
        };
        Self { mode: mode.as_str(), checked: u32::try_from(records).unwrap_or(u32::MAX), changed: None }
    }
}

impl From<storage::Freshness> for Freshness {
    fn from(freshness: storage::Freshness) -> Self {
        let storage::Freshness { mode, checked, changed } = freshness;
        Self { mode: mode.as_str(), checked, changed: Some(changed) }
    }
}

/// A record that can't be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = UnreadableRecord))]
pub struct Problem {
    /// Where it lies, relative to the root.
    pub path: String,
    /// The line that is wrong, from 1.
    pub line: Option<u32>,
    /// What is wrong and what to do.
    pub message: String,
}

impl From<storage::RecordProblem> for Problem {
    fn from(problem: storage::RecordProblem) -> Self {
        let storage::RecordProblem { path, line, message } = problem;
        Self { path, line, message }
    }
}

/// A failure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ErrorBody {
    /// What programs tell errors apart by.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
}

impl Failure {
    /// Makes a failure.
    pub fn new(code: ErrorCode, message: String, hint: Option<String>) -> Self {
        Self { error: ErrorBody { code: code.as_str(), message, hint } }
    }
}

/// Returns how many milliseconds a time has, to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

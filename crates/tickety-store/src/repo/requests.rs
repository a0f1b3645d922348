//! What became of requests, so that one which is sent again isn't done again.
//!
//! What became of a request is carried by the transaction that did it, like its events, and lies in a file of its own
//! once that is visible: finding it is one look, however many there were. A request that changed nothing has only
//! the file.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tickety_core::ident::{IssueId, IssueKey, IssueName, Version};
use uuid::Uuid;

use super::events::line;
use super::files::FileError;
use super::layout::{Layout, RecordPath};
use super::load::shown;
use super::{os, state};
use crate::error::StorageError;
use crate::storage::{BatchOutcome, Effect, OperationFailure, OperationOutcome, Request};

/// For how many days a request is remembered.
pub(crate) const REMEMBERED_DAYS: u32 = 7;

/// How many requests are remembered at the most.
pub(crate) const REMEMBERED: usize = if cfg!(test) { 5 } else { 10_000 };

/// The largest file that is read: that of the largest batch.
const MOST_BYTES: u64 = 512 << 20;

/// The length of the name of a file.
const NAME: usize = 32;

/// What became of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    key: String,
    digest: String,
    at: Timestamp,
    outcomes: Vec<OutcomeRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureRecord>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct OutcomeRecord {
    index: usize,
    issue: String,
    id: Uuid,
    effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct FailureRecord {
    index: usize,
    message: String,
}

impl Remembered {
    /// Notes what became of a request; `None` for one that was rolled back, which may be tried again.
    pub(crate) fn new(
        request: &Request,
        at: Timestamp,
        outcomes: &[OperationOutcome],
        failures: &[OperationFailure],
        rolled_back: bool,
    ) -> Option<Self> {
        if rolled_back {
            return None;
        }
        let outcomes = outcomes.iter().map(|outcome| {
            let OperationOutcome { index, key, id, effect, version, path: _ } = outcome;
            OutcomeRecord {
                index: *index,
                issue: key.to_string(),
                id: id.uuid(),
                effect: effect.as_str().to_owned(),
                version: version.map(|version| version.to_string()),
            }
        });
        let failures = failures
            .iter()
            .map(|OperationFailure { index, error }| FailureRecord { index: *index, message: error.to_string() });
        Some(Self {
            key: request.key().to_owned(),
            digest: hex(request),
            at,
            outcomes: outcomes.collect(),
            failures: failures.collect(),
        })
    }

    /// Returns what became of the request, if it is this one.
    fn outcome(self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        let Self { key, digest, at, outcomes, failures } = self;
        if key != request.key() {
            return Ok(None);
        }
        if digest != hex(request) {
            return Err(StorageError::KeyReused { key, at });
        }
        let outcomes: Option<Vec<OperationOutcome>> = outcomes.into_iter().map(OutcomeRecord::outcome).collect();
        let failures = failures.into_iter().map(|FailureRecord { index, message }| OperationFailure {
            index,
            error: StorageError::RefusedBefore { message },
        });
        Ok(outcomes.map(|outcomes| BatchOutcome {
            outcomes,
            failures: failures.collect(),
            rolled_back: false,
            replayed: true,
        }))
    }

    /// Writes the file of the request. Who reads it later finds all of it or nothing.
    pub(crate) fn write(&self, layout: &Layout) -> Result<(), StorageError> {
        let path = path(layout, &self.key);
        let directory = layout.requests();
        state::make_directory(&directory)?;
        let new = state::unfinished(&path);
        let mut text = String::new();
        line::push(&mut text, self);
        let file = state::open_or_make(&new)?;
        let failed = |source| FileError::Access { action: "write", path: path.clone(), source };
        os::set_length(&file, 0).and_then(|()| os::write_at(&file, text.as_bytes(), 0)).map_err(failed)?;
        Ok(fs::rename(&new, &path).map_err(failed)?)
    }
}

impl OutcomeRecord {
    fn outcome(self) -> Option<OperationOutcome> {
        let Self { index, issue, id, effect, version } = self;
        let IssueName { number, suffix } = IssueName::parse(&issue, "").ok()?;
        let key = IssueKey { number, suffix: suffix? };
        let effects = [Effect::Created, Effect::Updated, Effect::Unchanged, Effect::Deleted];
        Some(OperationOutcome {
            index,
            key,
            id: IssueId::new(id),
            effect: effects.into_iter().find(|known| known.as_str() == effect)?,
            version: version.map(|version| version.parse::<Version>()).transpose().ok()?,
            path: shown(RecordPath::issue(key)),
        })
    }
}

/// Returns what became of a request, if it is remembered.
pub(crate) fn recall(layout: &Layout, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
    let path = path(layout, request.key());
    let Some(file) = state::open(&path)? else { return Ok(None) };
    // One that was torn by a power cut is in the journal too.
    let remembered = read(file, &path)?;
    remembered.map_or(Ok(None), |remembered| remembered.outcome(request))
}

/// Returns the files of requests that can't be read.
pub(crate) fn damaged(layout: &Layout) -> Result<Vec<PathBuf>, StorageError> {
    let directory = layout.requests();
    let mut damaged = Vec::new();
    let Ok(entries) = fs::read_dir(&directory) else { return Ok(damaged) };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_of_request(path)) {
        let remembered = match state::open(&path) {
            Ok(None) => continue,
            Ok(Some(file)) => read(file, &path).ok().flatten(),
            Err(_) => None,
        };
        if remembered.is_none() {
            damaged.push(path);
        }
    }
    damaged.sort();
    Ok(damaged)
}

/// Whether bytes are what became of a request, for the file of a name.
pub(crate) fn is_whole(name: &str, bytes: &[u8]) -> bool {
    let remembered = bytes.strip_suffix(b"\n").and_then(line::read::<Remembered>);
    remembered.is_some_and(|remembered| name_of(&remembered.key) == name)
}

/// Whether a file has the name of one of a request.
pub(crate) fn is_of_request(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.len() == NAME && name.iter().all(u8::is_ascii_hexdigit)
}

fn read(file: fs::File, path: &Path) -> Result<Option<Remembered>, FileError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let done = file.take(MOST_BYTES).read_to_end(&mut bytes);
    done.map_err(|source| FileError::Access { action: "read", path: path.to_owned(), source })?;
    Ok(bytes.strip_suffix(b"\n").and_then(line::read::<Remembered>))
}

/// Makes what is remembered durable, and forgets what is too old or too much. What can't be removed now goes later.
pub(crate) fn settle(layout: &Layout) -> Result<(), StorageError> {
    let directory = layout.requests();
    let Ok(entries) = fs::read_dir(&directory) else { return Ok(()) };
    let mut found: Vec<(i64, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if let Ok(stat) = os::stat_at(rustix::fs::CWD, &path) {
            found.push((stat.key.mtime_ns, path));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    let oldest_ns = os::now_ns().saturating_sub(i64::from(REMEMBERED_DAYS) * 24 * 60 * 60 * 1_000_000_000);
    for (place, (written_ns, path)) in found.iter().enumerate() {
        if place >= REMEMBERED || *written_ns < oldest_ns {
            let _ = fs::remove_file(path);
        }
    }
    let failed = |source| FileError::Access { action: "sync", path: directory.clone(), source };
    let opened = os::open_directory(&directory).map_err(failed)?;
    match os::sync_file_system(std::os::fd::AsFd::as_fd(&opened)) {
        // One by one isn't worth it where whole file systems can't be synced.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        synced => Ok(synced.map_err(failed)?),
    }
}

fn path(layout: &Layout, key: &str) -> PathBuf {
    layout.requests().join(name_of(key))
}

fn name_of(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..NAME].to_owned()
}

fn hex(request: &Request) -> String {
    request.digest().iter().map(|byte| format!("{byte:02x}")).collect()
}

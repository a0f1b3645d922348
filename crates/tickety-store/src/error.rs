//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

use tickety_core::ident::{IssueKey, IssueSelector, Version};
use tickety_core::operation::{ContestedField, OperationError};

use crate::storage::RecordProblem;

/// Why a store could not do what was asked. Every variant has its row in the error table of
/// tickety-api.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No issue has the name or id.
    #[error("there is no issue {selector}")]
    NotFound {
        /// What was asked for.
        selector: IssueSelector,
    },
    /// Several issues have the number, or the id.
    #[error("{selector} is ambiguous: {}", candidates.iter().map(|(key, title)| format!("{key} ({title})")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was asked for.
        selector: IssueSelector,
        /// The issues it could mean, with their titles.
        candidates: Vec<(IssueKey, String)>,
    },
    /// The issue exists but its record can't be read.
    #[error("{problem}")]
    Unreadable {
        /// The record and what is wrong with it.
        problem: RecordProblem,
    },
    /// The issue is not at the version that the write was based on.
    #[error("{key} has changed: expected version {expected}, it is at {actual}")]
    Conflict {
        /// Which issue.
        key: IssueKey,
        /// What the write was based on.
        expected: Version,
        /// What is stored.
        actual: Version,
    },
    /// Somebody else has changed fields that the write would change to something else.
    #[error("{key} was changed at the same time: {}", fields.iter().map(contest).collect::<Vec<_>>().join("; "))]
    FieldConflict {
        /// Which issue.
        key: IssueKey,
        /// The fields with both values.
        fields: Vec<ContestedField>,
    },
    /// Another program changed a file while the batch was written. That file was left as the other program
    /// made it; the rest of the batch stands.
    #[error("{} was changed by another program at the same moment and left as it is", path.display())]
    Overtaken {
        /// The file.
        path: PathBuf,
    },
    /// The batch is durable, but a file can't be written yet. The next command completes it once that
    /// is possible.
    #[error("the write is recorded, but {} can't be written yet: {message}; the next command completes it", path.display())]
    Pending {
        /// The file.
        path: PathBuf,
        /// Why it can't be written.
        message: String,
        /// Whether the disk is full, or a quota used up.
        is_full: bool,
    },
    /// Git could not be asked what only it knows.
    #[error("{message}")]
    Git {
        /// What was asked, and what it said.
        message: String,
    },
    /// Git knows nothing of a name.
    #[error("git knows no {what} `{name}`")]
    NoReference {
        /// What it should be the name of: a `branch`, for example.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The numbers are used up.
    #[error("{}: numbers end at {}", shortage(*count), u32::MAX)]
    NumbersExhausted {
        /// How many were asked for.
        count: u32,
    },
    /// An operation of a batch can't be applied; nothing of the batch was.
    #[error("{source}")]
    Refused {
        /// The place of the operation in the batch, from 0.
        index: usize,
        /// Why.
        source: OperationError,
    },
    /// The batch has more operations than a store takes at once.
    #[error("the batch has {count} operations; the limit is {limit}")]
    BatchTooLarge {
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The number an issue shall get is taken.
    #[error("{number} is taken by {key}")]
    NumberTaken {
        /// The number.
        number: tickety_core::ident::IssueNumber,
        /// The issue that has it.
        key: IssueKey,
    },
    /// The number an issue shall get is the last there is.
    #[error("{number} is the last number there is: no issue could be created after it")]
    LastNumber {
        /// The number.
        number: tickety_core::ident::IssueNumber,
    },
    /// The cursor belongs to another query, or is damaged.
    #[error("the cursor doesn't fit this query: start again without it")]
    BadCursor,
    /// The log of events no longer has all that came after a cursor, or it never gave the cursor out.
    #[error("the log has not all that came after {cursor}: it goes on from {oldest}")]
    EventsGone {
        /// The cursor.
        cursor: crate::events::EventCursor,
        /// After what the log still has everything.
        oldest: crate::events::EventCursor,
    },
    /// The key of a request was used for another one.
    #[error("the key `{key}` was used for another request at {at}")]
    KeyReused {
        /// The key.
        key: String,
        /// When.
        at: jiff::Timestamp,
    },
    /// An operation of a request that is sent again could not be applied the first time.
    #[error("{message}")]
    RefusedBefore {
        /// What was wrong.
        message: String,
    },
    /// No home was found.
    #[error("there is no .tickety in {} or above it", start.display())]
    NoHome {
        /// Where the search began.
        start: PathBuf,
    },
    /// The home lacks its configuration.
    #[error("{} is missing", path.display())]
    NoConfig {
        /// Where it should be.
        path: PathBuf,
    },
    /// The home was moved, or made again, since it was opened.
    #[error("{} is not the home any more that was opened: it was moved, or made again", path.display())]
    HomeMoved {
        /// Where it was.
        path: PathBuf,
    },
    /// The home can't be made there, or moved; nothing was changed.
    #[error("{message}")]
    HomeRefused {
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The configuration says that the issues are in a later format.
    #[error("{}{}: made by a newer Tickety (format {found}, and this program knows format {known}): update this program", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    NewerHome {
        /// The configuration.
        path: PathBuf,
        /// The line that says so, from 1.
        line: Option<u32>,
        /// The format.
        found: i64,
        /// The latest format that is known.
        known: i64,
    },
    /// The configuration of the home can't be used.
    #[error("{}{}: {message}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where one is to blame.
        line: Option<u32>,
        /// What is wrong and what to do.
        message: String,
    },
    /// The configuration of the home is in the midst of a merge.
    #[error("{}:{line}: unresolved merge conflict in the settings", path.display())]
    ConfigConflict {
        /// The file.
        path: PathBuf,
        /// The line of the first marker, from 1.
        line: u32,
        /// The work tree of the home's own branch, for a home that all work trees of a clone share.
        shared: Option<PathBuf>,
    },
    /// There is no such setting, or it can't have the value; nothing was changed.
    #[error("{message}")]
    Setting {
        /// The dotted key.
        key: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The write was handed to a thread that has ended, or failed unexpectedly. It may have been made.
    #[error("the write was interrupted: look whether it was made")]
    Interrupted,
    /// Somebody else holds the write lock.
    #[error("{message}")]
    Locked {
        /// Who holds it, since when, and what to do.
        message: String,
    },
    /// Files of the home can't be written.
    #[error("{} can't be written: {source}", path.display())]
    HomeReadOnly {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state directory can't be written, so nothing can be acknowledged.
    #[error("{} can't be written: {source}", path.display())]
    StateReadOnly {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system is full, or a quota is used up.
    #[error("no space left to {action} {}", path.display())]
    NoSpace {
        /// What was being done, as in `write`.
        action: &'static str,
        /// To which file.
        path: PathBuf,
    },
    /// The journal, counter or another file of the state can't be used.
    #[error("{}: {message}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// A file that should be a backup can't be restored from; nothing was changed.
    #[error("{} {message}", path.display())]
    BadBackup {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The server that keeps the issues can't be reached. A write may have been made.
    #[error("cannot reach {url}: {message}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why it can't be reached.
        message: String,
    },
    /// The server that keeps the issues refuses what no store would.
    #[error("{message}")]
    Remote {
        /// What programs tell its errors apart by.
        code: String,
        /// What is wrong.
        message: String,
        /// What to do next, where that is known.
        hint: Option<String>,
    },
    /// Another error of the system.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as in `read`.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn shortage(count: u32) -> String {
    match count {
        1 => "no number is left for another issue".to_owned(),
        _ => format!("fewer numbers than {count} are left"),
    }
}

fn contest(field: &ContestedField) -> String {
    let ContestedField { field, base: _, ours, theirs } = field;
    format!("{field} is {theirs} now, and this would make it {ours}")
}

impl StorageError {
    /// Whether it says what is wrong with one operation of a batch, so that another one may succeed.
    pub(crate) fn is_about_operation(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Ambiguous { .. }
            | Self::Unreadable { .. }
            | Self::Conflict { .. }
            | Self::RefusedBefore { .. }
            | Self::FieldConflict { .. }
            | Self::Refused { .. } => true,
            Self::Overtaken { .. }
            | Self::Pending { .. }
            | Self::Git { .. }
            | Self::NoReference { .. }
            | Self::NumbersExhausted { .. }
            | Self::LastNumber { .. }
            | Self::BatchTooLarge { .. }
            | Self::NumberTaken { .. }
            | Self::BadCursor
            | Self::EventsGone { .. }
            | Self::KeyReused { .. }
            | Self::NoHome { .. }
            | Self::NoConfig { .. }
            | Self::HomeMoved { .. }
            | Self::HomeRefused { .. }
            | Self::NewerHome { .. }
            | Self::Config { .. }
            | Self::ConfigConflict { .. }
            | Self::Setting { .. }
            | Self::Interrupted
            | Self::Locked { .. }
            | Self::HomeReadOnly { .. }
            | Self::StateReadOnly { .. }
            | Self::NoSpace { .. }
            | Self::Damaged { .. }
            | Self::BadBackup { .. }
            | Self::Unreachable { .. }
            | Self::Remote { .. }
            | Self::Io { .. } => false,
        }
    }
}

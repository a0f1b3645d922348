//! Where issues are kept: the storage traits, one contract suite for each, and the stores.
//!
//! The traits stand without features. Every store is a feature of its own, so that a client of the
//! traits compiles no database: `memory` is always there (the reference that the contract is read
//! from), `repo` is the store in a repository. This crate decides nothing about caching, events or
//! presentation, and never prints.

pub mod contract;
pub mod difference;
pub mod error;
pub mod events;
pub mod history;
pub mod ids;
pub mod memory;
mod plan;
pub mod storage;

#[cfg(feature = "repo")]
pub mod repo;

pub use difference::{Difference, Parts};
pub use error::StorageError;
pub use events::{EventCursor, EventLog, EventPage, EventStats, GroupId, LoggedEvent, Position};
pub use history::{Authorship, Commit, History, Part, Step};
pub use memory::MemoryStore;
pub use storage::{
    Batch, BatchMode, BatchOutcome, BatchPreview, ChangedIssue, Changes, Checked, Effect, Freshness, FreshnessMode,
    GraphScope, Identity, IssueStorage, IssueSummary, IssueText, Look, MAX_OPERATIONS, OperationFailure,
    OperationOutcome, Page, RecordProblem, Request, RequestKeyError, Stamp, Stamped, Stats, StoredIssue,
};

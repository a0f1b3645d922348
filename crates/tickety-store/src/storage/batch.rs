//! Operations that are applied together, and what became of them.

use jiff::Timestamp;
use tickety_core::ident::{IssueId, IssueKey, Version};
use tickety_core::issue::Issue;
use tickety_core::operation::Operation;

use crate::error::StorageError;

/// The most operations of one batch. A store keeps the issues of a batch in memory until it is written.
pub const MAX_OPERATIONS: usize = 1_000_000;

/// Operations that are applied together: at most [`MAX_OPERATIONS`].
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    /// What to do, in order.
    pub operations: Vec<Operation>,
    /// Who acts.
    pub actor: Option<String>,
    /// When; new times are taken from here.
    pub now: Timestamp,
    /// From where an import brings the issues: the name of the format.
    pub source: Option<String>,
    /// What tells the write from others, so that it isn't done twice.
    pub request: Option<Request>,
}

impl Batch {
    /// Makes a batch of operations that somebody asks for at a time.
    pub fn new(operations: Vec<Operation>, actor: Option<String>, now: Timestamp) -> Self {
        Self { operations, actor, now, source: None, request: None }
    }

    /// Says that the batch is an import from this format.
    #[must_use]
    pub fn imported_from(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }

    /// Has the batch done once only, however often it is sent.
    #[must_use]
    pub fn once(mut self, request: Option<Request>) -> Self {
        self.request = request;
        self
    }
}

/// What tells a write from others. Who sends the same request again gets what became of it the first time, as long as
/// the store remembers it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    key: String,
    digest: [u8; 16],
}

impl Request {
    /// The longest key, in bytes.
    pub const MAX_KEY: usize = 200;

    /// Names a request. `digest` is a hash of all that it asks for: a key with another one is refused.
    pub fn new(key: &str, digest: [u8; 16]) -> Result<Self, RequestKeyError> {
        let fits = !key.is_empty() && key.len() <= Self::MAX_KEY && !key.chars().any(char::is_control);
        if fits { Ok(Self { key: key.to_owned(), digest }) } else { Err(RequestKeyError) }
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the hash of what is asked for.
    pub fn digest(&self) -> [u8; 16] {
        self.digest
    }
}

/// A text that can't be the key of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a key has 1 to {} bytes, without line breaks and other control characters", Request::MAX_KEY)]
pub struct RequestKeyError;

/// What becomes of a batch if one of its operations can't be applied.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BatchMode {
    /// None of it is applied. Links may point at issues that later operations create, and circles of links are
    /// judged by the state after the whole batch.
    #[default]
    Atomic,
    /// The others are applied, as if each came in a batch of its own, one after the other: an operation that refers
    /// to one that failed fails too, and a circle of links is refused for the operation that closes it. The versions
    /// that operations expect are, as always, those before the batch.
    Each,
}

/// What a batch did.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    /// What the operations that were applied did, in order. None were if the batch was rolled back.
    pub outcomes: Vec<OperationOutcome>,
    /// The operations that couldn't be applied, in order.
    pub failures: Vec<OperationFailure>,
    /// Whether nothing was written because of the failures.
    pub rolled_back: bool,
    /// Whether this is what became of the same request before, and nothing was done now.
    pub replayed: bool,
}

impl BatchOutcome {
    /// Counts the operations that came out a certain way.
    pub fn count(&self, effect: Effect) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.effect == effect).count()
    }

    /// Returns the error of the first operation that couldn't be applied, if there is any.
    pub fn or_first_failure(self) -> Result<Self, StorageError> {
        let Self { outcomes, failures, rolled_back, replayed } = self;
        match failures.into_iter().next() {
            None => Ok(Self { outcomes, failures: Vec::new(), rolled_back, replayed }),
            Some(failure) => Err(failure.error),
        }
    }
}

/// What an operation did.
#[derive(Clone, PartialEq, Debug)]
pub struct OperationOutcome {
    /// The place of the operation in the batch, from 0.
    pub index: usize,
    /// The issue it was about.
    pub key: IssueKey,
    /// The identity of that issue.
    pub id: IssueId,
    /// What became of it.
    pub effect: Effect,
    /// Its version after the whole batch; `None` once deleted.
    pub version: Option<Version>,
    /// Where its record lies, or lay.
    pub path: String,
}

/// Why an operation couldn't be applied.
#[derive(Debug)]
pub struct OperationFailure {
    /// The place of the operation in the batch, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: StorageError,
}

/// What became of the issue of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// It was made.
    Created,
    /// It changed.
    Updated,
    /// It already was as asked.
    Unchanged,
    /// It is gone.
    Deleted,
}

impl Effect {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}

/// What a batch would do.
#[derive(Debug, Default)]
pub struct BatchPreview {
    /// What would become of each operation. An issue that would change has no version.
    pub outcome: BatchOutcome,
    /// The issues that would differ afterwards, by name; none if the batch would be rolled back.
    pub changes: Vec<ChangedIssue>,
}

/// An issue before and after a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangedIssue {
    /// Its name; that of an issue which would be made is not its own yet.
    pub key: IssueKey,
    /// As it is; `None` if the batch creates it.
    pub before: Option<Issue>,
    /// As it would be; `None` if the batch deletes it.
    pub after: Option<Issue>,
}

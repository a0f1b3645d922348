//! What is wrong, so that it is the same error at the other end.

use serde::{Deserialize, Serialize};
use tickety_core::issue::PartParseError;
use tickety_core::operation::{ContestedField, OperationError};
use tickety_store::StorageError;

use super::answer::RecordProblem;
use super::event::FieldState;
use super::{Exact, Malformed, exact_enum, exact_struct};
use crate::error::ErrorCode;

/// An error, as every program can show it, and as the same program has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactErrorDocument))]
pub struct ErrorDocument {
    /// What programs tell errors apart by.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
    /// The error itself, where it means the same to whoever asked as to the store.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub exact: Option<StorageFailure>,
}

impl ErrorDocument {
    /// Reads the error.
    pub fn into_error(self) -> StorageError {
        let Self { code, message, hint, exact } = self;
        match exact.map(StorageFailure::into_error) {
            Some(Ok(error)) => error,
            // A newer server knows more.
            Some(Err(_)) | None => StorageError::Remote { code, message, hint },
        }
    }
}

impl Exact for StorageError {
    type Wire = ErrorDocument;

    fn to_wire(&self) -> ErrorDocument {
        let code = ErrorCode::from(self).as_str().to_owned();
        let hint = match self {
            Self::Remote { hint, .. } => hint.clone(),
            _ => None,
        };
        ErrorDocument { code, message: self.to_string(), hint, exact: StorageFailure::of(self) }
    }

    fn from_wire(wire: ErrorDocument) -> Result<Self, Malformed> {
        Ok(wire.into_error())
    }
}

/// Something, or why it isn't there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactAnswered))]
#[serde(rename_all = "snake_case")]
pub enum Answered<T> {
    /// It.
    Found(T),
    /// Why it isn't there.
    Failed(ErrorDocument),
}

impl<T: Exact> Exact for Result<T, StorageError> {
    type Wire = Answered<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Ok(found) => Answered::Found(found.to_wire()),
            Err(error) => Answered::Failed(error.to_wire()),
        }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        match wire {
            Answered::Found(found) => T::from_wire(found).map(Ok),
            Answered::Failed(error) => Ok(Err(error.into_error())),
        }
    }
}

/// The errors of a store that are about issues and requests, and not about the place where the store lies.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants and fields are those of StorageError")]
pub enum StorageFailure {
    NotFound { selector: String },
    Ambiguous { selector: String, candidates: Vec<(String, String)> },
    Unreadable { problem: RecordProblem },
    Conflict { key: String, expected: String, actual: String },
    FieldConflict { key: String, fields: Vec<Contested> },
    Git { message: String },
    NumbersExhausted { count: u32 },
    Refused { index: usize, source: Refusal },
    BatchTooLarge { count: usize, limit: usize },
    NumberTaken { number: u32, key: String },
    LastNumber { number: u32 },
    BadCursor,
    EventsGone { cursor: String, oldest: String },
    KeyReused { key: String, at: String },
    RefusedBefore { message: String },
    Interrupted,
    Locked { message: String },
}

/// Writes the variants that have a place above; the others have none.
macro_rules! storage_failures {
    ($($variant:ident $({ $($field:ident),* })?),*; not $($other:ident),*) => {
        impl StorageFailure {
            /// Writes an error; `None` for one about the place where the store lies.
            pub fn of(error: &StorageError) -> Option<Self> {
                match error {
                    $(StorageError::$variant $({ $($field),* })? => {
                        Some(Self::$variant $({ $($field: $field.to_wire()),* })?)
                    })*
                    $(StorageError::$other { .. } => None,)*
                }
            }

            fn into_error(self) -> Result<StorageError, Malformed> {
                Ok(match self {
                    $(Self::$variant $({ $($field),* })? => {
                        StorageError::$variant $({ $($field: Exact::from_wire($field)?),* })?
                    })*
                })
            }
        }
    };
}

storage_failures! {
    NotFound { selector },
    Ambiguous { selector, candidates },
    Unreadable { problem },
    Conflict { key, expected, actual },
    FieldConflict { key, fields },
    Git { message },
    NumbersExhausted { count },
    Refused { index, source },
    BatchTooLarge { count, limit },
    NumberTaken { number, key },
    LastNumber { number },
    BadCursor,
    EventsGone { cursor, oldest },
    KeyReused { key, at },
    RefusedBefore { message },
    Interrupted,
    Locked { message };
    not Overtaken, Pending, NoReference, NoHome, NoConfig, HomeMoved, HomeRefused, NewerHome, Config, ConfigConflict,
    Setting, HomeReadOnly, StateReadOnly, NoSpace, Damaged, BadBackup, Unreachable, Remote, Io
}

impl<A: Exact, B: Exact> Exact for (A, B)
where
    (A, B): Pair,
{
    type Wire = (A::Wire, B::Wire);

    fn to_wire(&self) -> Self::Wire {
        (self.0.to_wire(), self.1.to_wire())
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        Ok((A::from_wire(wire.0)?, B::from_wire(wire.1)?))
    }
}

/// Pairs that are lists of two on the wire.
pub trait Pair {}

impl Pair for (tickety_core::ident::IssueKey, String) {}
impl Pair for (tickety_core::ident::IssueKey, tickety_core::ident::IssueKey) {}

/// A field that somebody else has changed to something else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contested {
    /// Which.
    pub field: String,
    /// What it was.
    pub base: FieldState,
    /// What the changes would make of it.
    pub ours: FieldState,
    /// What it is now.
    pub theirs: FieldState,
}

exact_struct!(ContestedField as Contested { field, base, ours, theirs });

/// Why an operation can't be applied to an issue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants and fields are those of OperationError")]
pub enum Refusal {
    Text { what: String, problem: String },
    TooMany { what: String, limit: usize },
    UnknownStatus { status: String, known: Vec<String> },
    UnknownKind { kind: String, known: Vec<String> },
    ClosureOfOpen { status: String },
    NotClosed { issue: String },
    FieldKey { key: String },
    FieldValue { key: String, source: BadPart },
    SelfLink { issue: String },
    Cycle { kind: String, walk: Vec<String> },
    NoComment { issue: String, comment: String },
    IdTaken { id: String },
    NotCreated { index: usize },
    NeedsFailed { index: usize, reason: String },
    NoTarget { selector: String },
    AmbiguousTarget { selector: String, candidates: Vec<String> },
}

exact_enum!(OperationError as Refusal {
    Text { what, problem },
    TooMany { what, limit },
    UnknownStatus { status, known },
    UnknownKind { kind, known },
    ClosureOfOpen { status },
    NotClosed { issue },
    FieldKey { key },
    FieldValue { key, source },
    SelfLink { issue },
    Cycle { kind, walk },
    NoComment { issue, comment },
    IdTaken { id },
    NotCreated { index },
    NeedsFailed { index, reason },
    NoTarget { selector },
    AmbiguousTarget { selector, candidates },
});

/// Why a text is no value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadPart {
    Priority { text: String },
    CloseReason { text: String },
    Minutes { text: String },
    FieldValue { text: String, expected: String },
}

exact_enum!(PartParseError as BadPart {
    Priority { text },
    CloseReason { text },
    Minutes { text },
    FieldValue { text, expected },
});

/// What texts and lists are called in errors.
const CALLED: [&str; 17] = [
    "the title",
    "the body",
    "the note",
    "the value of a field",
    "the comment",
    "the reporter",
    "the milestone",
    "the author",
    "a label",
    "an assignee",
    "a reference",
    "labels",
    "assignees",
    "references",
    "custom fields",
    "links",
    "comments",
];

impl Exact for &'static str {
    type Wire = String;

    fn to_wire(&self) -> String {
        (*self).to_owned()
    }

    fn from_wire(wire: String) -> Result<Self, Malformed> {
        CALLED.into_iter().find(|known| *known == wire).ok_or_else(|| Malformed::new("part of an issue", wire))
    }
}

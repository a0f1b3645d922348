//! How issues change: operations, the changes an update consists of, and how each is applied.
//!
//! Applying is a function from an issue to an issue. What it needs from outside (the time, who
//! acts, new ids, what a name means) comes in with an [`ApplyContext`]. Conditions on several
//! issues, such as cycles of links, are checked by stores with [`graph::path`](crate::graph::path).

mod apply;
mod contested;
mod diff;
mod field_change;
pub mod limits;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

pub use apply::{ApplyContext, apply, create};
pub use contested::{ContestedField, contested};
pub use diff::diff;
pub(crate) use field_change::state;
pub use field_change::{FieldChange, FieldState, field_changes, field_states};

use crate::graph::Relation;
use crate::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Version};
use crate::issue::{
    CloseReason, Closure, CommentId, FieldValue, Issue, Kind, LinkKind, Minutes, PartParseError, Priority, Status,
};

/// A step of a batch.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// Makes an issue.
    Create(Box<Draft>),
    /// Changes an issue.
    Update {
        /// Which.
        target: Target,
        /// The state the changes are based on; where given and the issue has moved on from it in a
        /// way that matters, the batch is refused as a conflict.
        expected: Option<Expected>,
        /// What to change, in order.
        changes: Vec<Change>,
    },
    /// Removes an issue with its comments, and the links of other issues to it.
    Delete {
        /// Which.
        target: Target,
        /// The version that is to be removed; where given and the issue has moved on, the batch is
        /// refused as a conflict.
        expected: Option<Version>,
    },
}

/// What changes are based on.
#[derive(Clone, PartialEq, Debug)]
pub enum Expected {
    /// A version: nothing of the record may have changed since, whatever the changes are about.
    Version(Version),
    /// The issue as it was: the fields that the changes touch may not have become something else since. See
    /// [`contested`].
    Base(Box<Issue>),
}

impl From<Version> for Expected {
    fn from(version: Version) -> Self {
        Self::Version(version)
    }
}

impl Operation {
    /// Makes the update that links `from` to `to`, at the end where that relation is stored.
    pub fn link(from: Target, relation: Relation, to: Target) -> Self {
        let (kind, stored_here) = relation.link();
        let (holder, target) = if stored_here { (from, to) } else { (to, from) };
        Self::Update { target: holder, expected: None, changes: vec![Change::AddLink { kind, target }] }
    }
}

/// The issue an operation is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An issue that exists before the batch.
    Existing(IssueSelector),
    /// The issue that the operation at this index of the same batch creates.
    Created(usize),
}

impl<T: Into<IssueSelector>> From<T> for Target {
    fn from(selector: T) -> Self {
        Self::Existing(selector.into())
    }
}

/// An issue to be made. What is left out gets its default when the draft is applied.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draft {
    /// The number to use if it is free; the next one otherwise, and where absent.
    pub number: Option<IssueNumber>,
    /// The identity to use; a new one where absent. Must not exist yet.
    pub id: Option<IssueId>,
    /// See [`limits::TITLE`].
    pub title: String,
    /// See [`limits::BODY`].
    pub body: String,
    /// The first configured status that counts as open where absent.
    pub status: Option<Status>,
    /// How it was closed; only with a status that counts as closed.
    pub closure: Option<Closure>,
    /// How urgent it is.
    pub priority: Priority,
    /// The schema's default where absent.
    pub kind: Option<Kind>,
    /// The labels.
    pub labels: BTreeSet<String>,
    /// Who works on it.
    pub assignees: BTreeSet<String>,
    /// The actor where absent and no time is given either; unknown with a time alone.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<Date>,
    /// The estimate.
    pub estimate: Option<Minutes>,
    /// The time spent.
    pub spent: Option<Minutes>,
    /// The comments.
    pub comments: Vec<DraftComment>,
    /// The links, each from the new issue.
    pub links: Vec<(LinkKind, Target)>,
    /// The external references.
    pub references: BTreeSet<String>,
    /// The custom fields.
    pub fields: BTreeMap<String, FieldValue>,
    /// The time of the batch where absent.
    pub created: Option<Timestamp>,
    /// When another tracker last changed it.
    pub imported_updated: Option<Timestamp>,
}

impl Draft {
    /// Makes a draft that has only a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
}

/// A comment to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DraftComment {
    /// The identity to use; a new one where absent.
    pub id: Option<CommentId>,
    /// The actor where absent and no time is given either; unknown with a time alone.
    pub author: Option<String>,
    /// The time of the batch where absent.
    pub created: Option<Timestamp>,
    /// See [`limits::COMMENT`].
    pub body: String,
}

impl DraftComment {
    /// Makes a comment of the actor, now.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }
}

/// A change to one field of an issue. Setting what is already so is no change.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Sets the title.
    Title(String),
    /// Sets the body.
    Body(String),
    /// Sets the status. One that counts as closed closes the issue as completed, any other
    /// reopens it.
    Status(Status),
    /// Closes the issue, or changes how a closed one was closed.
    Close {
        /// Why.
        reason: CloseReason,
        /// What to say about it; a closed issue keeps its note where absent.
        note: Option<String>,
    },
    /// Reopens a closed issue.
    Reopen,
    /// Sets status and closure as another tracker recorded them.
    Imported {
        /// The status.
        status: Status,
        /// How it was closed; only with a status that counts as closed.
        closure: Option<Closure>,
    },
    /// Sets the priority.
    Priority(Priority),
    /// Sets the kind.
    Kind(Kind),
    /// Adds a label.
    AddLabel(String),
    /// Removes a label.
    RemoveLabel(String),
    /// Adds an assignee.
    AddAssignee(String),
    /// Removes an assignee.
    RemoveAssignee(String),
    /// Sets or clears the reporter.
    Reporter(Option<String>),
    /// Sets or clears the milestone.
    Milestone(Option<String>),
    /// Sets or clears the due date.
    Due(Option<Date>),
    /// Sets or clears the estimate.
    Estimate(Option<Minutes>),
    /// Sets or clears the time spent.
    Spent(Option<Minutes>),
    /// Sets or clears a custom field.
    Field {
        /// Which: lower-case ASCII letters, digits, `-` and `_`.
        key: String,
        /// The value; it is checked against the declared type.
        value: Option<FieldValue>,
    },
    /// Adds a link. A second parent replaces the first.
    AddLink {
        /// What the updated issue becomes to the other.
        kind: LinkKind,
        /// The other.
        target: Target,
    },
    /// Removes a link.
    RemoveLink {
        /// What the updated issue is to the other.
        kind: LinkKind,
        /// The other.
        target: Target,
    },
    /// Adds an external reference.
    AddReference(String),
    /// Removes an external reference.
    RemoveReference(String),
    /// Adds a comment.
    AddComment(DraftComment),
    /// Replaces the text of a comment.
    EditComment {
        /// Which.
        id: CommentId,
        /// The new text.
        body: String,
    },
    /// Removes a comment.
    RemoveComment(CommentId),
    /// Sets when the issue was created, as another tracker recorded it.
    Created(Timestamp),
    /// Sets when another tracker last changed the issue.
    ImportedUpdated(Option<Timestamp>),
}

/// Why an operation can't be applied to an issue.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum OperationError {
    /// A text is empty, too long, or has characters that it can't have.
    #[error("{what} {problem}")]
    Text {
        /// Which text, as in `the title`.
        what: &'static str,
        /// What is wrong with it, as in `is empty`.
        problem: String,
    },
    /// There are too many of something.
    #[error("an issue has at most {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The status isn't configured.
    #[error("there is no status `{status}`: use {}", known.join(", "))]
    UnknownStatus {
        /// What was given.
        status: Status,
        /// What is configured.
        known: Vec<String>,
    },
    /// The kind isn't configured.
    #[error("there is no kind `{kind}`: use {}", known.join(", "))]
    UnknownKind {
        /// What was given.
        kind: Kind,
        /// What is configured.
        known: Vec<String>,
    },
    /// The status doesn't count as closed but the issue is said to be closed somehow.
    #[error("status `{status}` is not a closed one, so the issue can't have a reason or a time of closing")]
    ClosureOfOpen {
        /// The status.
        status: Status,
    },
    /// Reopening an issue that isn't closed.
    #[error("{issue} is not closed")]
    NotClosed {
        /// Which.
        issue: IssueKey,
    },
    /// The key of a custom field has characters that it can't have.
    #[error(
        "`{key}` can't be a custom field: use a-z, 0-9, `-` and `_`, starting with a letter, at most 64 characters"
    )]
    FieldKey {
        /// What was given.
        key: String,
    },
    /// The value doesn't fit the type the config declares.
    #[error("field `{key}`: {source}")]
    FieldValue {
        /// The field.
        key: String,
        /// Why it doesn't.
        source: PartParseError,
    },
    /// A link from an issue to itself.
    #[error("{issue} can't be linked to itself")]
    SelfLink {
        /// Which.
        issue: IssueKey,
    },
    /// A link that would close a circle.
    #[error("{kind} would go in a circle: {}", join_keys(walk))]
    Cycle {
        /// Of which kind.
        kind: LinkKind,
        /// The circle, its first issue again at its end.
        walk: Vec<IssueKey>,
    },
    /// The comment doesn't exist.
    #[error("{issue} has no comment {comment}")]
    NoComment {
        /// The issue.
        issue: IssueKey,
        /// The comment.
        comment: CommentId,
    },
    /// The id exists already.
    #[error("an issue with id {id} exists already")]
    IdTaken {
        /// Which.
        id: IssueId,
    },
    /// A target that refers to an operation which creates nothing.
    #[error("operation {index} of the batch creates no issue before this one")]
    NotCreated {
        /// The index referred to.
        index: usize,
    },
    /// A target that refers to an operation which failed itself.
    #[error("operation {index} of the batch, which this one needs, failed: {reason}")]
    NeedsFailed {
        /// The index referred to.
        index: usize,
        /// Why that one failed.
        reason: String,
    },
    /// A target that names no issue.
    #[error("there is no issue {selector}")]
    NoTarget {
        /// What was given.
        selector: IssueSelector,
    },
    /// A target that names several issues.
    #[error("{selector} is ambiguous: use one of {}", candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    AmbiguousTarget {
        /// What was given.
        selector: IssueSelector,
        /// What it could mean.
        candidates: Vec<IssueKey>,
    },
}

fn join_keys(keys: &[IssueKey]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ")
}

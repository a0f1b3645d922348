//! What is to be done to issues.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickety_core::operation;

use super::issue::{Closure, FieldValue, Issue};
use super::{Exact, Malformed, exact_enum, exact_struct};

/// A step of a batch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactOperation))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Makes an issue.
    Create(Box<Draft>),
    /// Changes an issue.
    #[serde(rename_all = "snake_case")]
    Update {
        /// Which.
        target: Target,
        /// What the changes are based on.
        expected: Option<Expected>,
        /// What to change, in order.
        changes: Vec<Change>,
    },
    /// Removes an issue.
    #[serde(rename_all = "snake_case")]
    Delete {
        /// Which.
        target: Target,
        /// The version that is to be removed.
        expected: Option<String>,
    },
}

exact_enum!(operation::Operation as Operation {
    Create(draft),
    Update { target, expected, changes },
    Delete { target, expected },
});

/// What changes are based on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactExpected))]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A version.
    Version(String),
    /// The issue as it was.
    Base(Box<Issue>),
}

exact_enum!(operation::Expected as Expected { Version(version), Base(issue) });

/// The issue that a step is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactTarget))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An issue that exists before the batch: its number, name or id.
    Existing(String),
    /// The issue that the step at this place of the batch makes, from 0.
    Created(usize),
}

exact_enum!(operation::Target as Target { Existing(selector), Created(index) });

/// An issue to be made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactDraft))]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The number to use if it is free.
    pub number: Option<u32>,
    /// The identity to use.
    pub id: Option<String>,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The first configured status that counts as open where absent.
    pub status: Option<String>,
    /// How it was closed.
    pub closure: Option<Closure>,
    /// How urgent it is.
    pub priority: String,
    /// The default where absent.
    pub kind: Option<String>,
    /// The labels.
    pub labels: Vec<String>,
    /// Who works on it.
    pub assignees: Vec<String>,
    /// The actor where absent and no time is given either.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<String>,
    /// The estimate, in minutes.
    pub estimate: Option<u32>,
    /// The time spent, in minutes.
    pub spent: Option<u32>,
    /// The comments.
    pub comments: Vec<DraftComment>,
    /// The links, each from the new issue.
    pub links: Vec<DraftLink>,
    /// The external references.
    pub references: Vec<String>,
    /// The custom fields.
    pub fields: BTreeMap<String, FieldValue>,
    /// The time of the batch where absent.
    pub created: Option<String>,
    /// When another tracker last changed it.
    pub imported_updated: Option<String>,
}

exact_struct!(operation::Draft as Draft {
    number,
    id,
    title,
    body,
    status,
    closure,
    priority,
    kind,
    labels,
    assignees,
    reporter,
    milestone,
    due,
    estimate,
    spent,
    comments,
    links,
    references,
    fields,
    created,
    imported_updated,
});

/// A link of an issue to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactDraftLink))]
#[serde(deny_unknown_fields)]
pub struct DraftLink {
    /// What the issue is to the other.
    pub kind: String,
    /// The other.
    pub target: Target,
}

impl Exact for (tickety_core::issue::LinkKind, operation::Target) {
    type Wire = DraftLink;

    fn to_wire(&self) -> DraftLink {
        let (kind, target) = self;
        DraftLink { kind: kind.to_wire(), target: target.to_wire() }
    }

    fn from_wire(wire: DraftLink) -> Result<Self, Malformed> {
        let DraftLink { kind, target } = wire;
        Ok((Exact::from_wire(kind)?, Exact::from_wire(target)?))
    }
}

/// A comment to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactDraftComment))]
#[serde(deny_unknown_fields)]
pub struct DraftComment {
    /// The identity to use.
    pub id: Option<String>,
    /// The actor where absent and no time is given either.
    pub author: Option<String>,
    /// The time of the batch where absent.
    pub created: Option<String>,
    /// Markdown.
    pub body: String,
}

exact_struct!(operation::DraftComment as DraftComment { id, author, created, body });

/// A change to one field of an issue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactChange))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Sets the title.
    Title(String),
    /// Sets the body.
    Body(String),
    /// Sets the status.
    Status(String),
    /// Closes the issue, or changes how a closed one was closed.
    Close {
        /// Why.
        reason: String,
        /// What to say about it.
        note: Option<String>,
    },
    /// Reopens a closed issue.
    Reopen,
    /// Sets status and closure as another tracker recorded them.
    Imported {
        /// The status.
        status: String,
        /// How it was closed.
        closure: Option<Closure>,
    },
    /// Sets the priority.
    Priority(String),
    /// Sets the kind.
    Kind(String),
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
    Due(Option<String>),
    /// Sets or clears the estimate.
    Estimate(Option<u32>),
    /// Sets or clears the time spent.
    Spent(Option<u32>),
    /// Sets or clears a custom field.
    Field {
        /// Which.
        key: String,
        /// The value.
        value: Option<FieldValue>,
    },
    /// Adds a link.
    AddLink {
        /// What the issue becomes to the other.
        kind: String,
        /// The other.
        target: Target,
    },
    /// Removes a link.
    RemoveLink {
        /// What the issue is to the other.
        kind: String,
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
        id: String,
        /// The new text.
        body: String,
    },
    /// Removes a comment.
    RemoveComment(String),
    /// Sets when the issue was created.
    Created(String),
    /// Sets when another tracker last changed the issue.
    ImportedUpdated(Option<String>),
}

exact_enum!(operation::Change as Change {
    Title(text),
    Body(text),
    Status(status),
    Close { reason, note },
    Reopen,
    Imported { status, closure },
    Priority(priority),
    Kind(kind),
    AddLabel(name),
    RemoveLabel(name),
    AddAssignee(name),
    RemoveAssignee(name),
    Reporter(name),
    Milestone(name),
    Due(date),
    Estimate(minutes),
    Spent(minutes),
    Field { key, value },
    AddLink { kind, target },
    RemoveLink { kind, target },
    AddReference(reference),
    RemoveReference(reference),
    AddComment(comment),
    EditComment { id, body },
    RemoveComment(id),
    Created(at),
    ImportedUpdated(at),
});

//! Issues and the vocabulary of a home.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickety_core::{graph, issue, schema};
use tickety_store::storage;

use super::answer::RecordProblem;
use super::{exact_enum, exact_struct};

/// What a status counts as: `open`, `in-progress` or `closed`.
pub type Category = String;

/// An issue as a store returns it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactStoredIssue))]
pub struct StoredIssue {
    /// What is stored.
    pub issue: Issue,
    /// What is derived.
    pub derived: Derived,
    /// What the status counts as.
    pub category: Category,
    /// The version of the record.
    pub version: String,
    /// Where the record lies, relative to the root.
    pub path: String,
    /// The comments that can't be read and are missing.
    pub problems: Vec<RecordProblem>,
}

exact_struct!(storage::StoredIssue as StoredIssue { issue, derived, category, version, path, problems });

/// What is stored of an issue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactIssue))]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// The number.
    pub number: u32,
    /// The UUID.
    pub id: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The status.
    pub status: String,
    /// How it was closed.
    pub closure: Option<Closure>,
    /// The priority.
    pub priority: String,
    /// The kind.
    pub kind: String,
    /// The labels.
    pub labels: Vec<String>,
    /// Who works on it.
    pub assignees: Vec<String>,
    /// Who reported it.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<String>,
    /// The estimate, in minutes.
    pub estimate: Option<u32>,
    /// The time spent, in minutes.
    pub spent: Option<u32>,
    /// The comments, oldest first.
    pub comments: Vec<Comment>,
    /// The links that are stored with it.
    pub links: Vec<Link>,
    /// The external references.
    pub references: Vec<String>,
    /// The custom fields.
    pub fields: BTreeMap<String, FieldValue>,
    /// When it was created.
    pub created: String,
    /// When another tracker last changed it.
    pub imported_updated: Option<String>,
}

exact_struct!(issue::Issue as Issue {
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

/// How an issue was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactClosure))]
#[serde(deny_unknown_fields)]
pub struct Closure {
    /// When.
    pub at: Option<String>,
    /// Why.
    pub reason: String,
    /// What was said about it.
    pub note: Option<String>,
}

exact_struct!(issue::Closure as Closure { at, reason, note });

/// A comment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactComment))]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// The UUID.
    pub id: String,
    /// Who said it.
    pub author: Option<String>,
    /// When.
    pub created: String,
    /// Markdown.
    pub body: String,
}

exact_struct!(issue::Comment as Comment { id, author, created, body });

/// A link that is stored with an issue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactLink))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What the issue is to the other.
    pub kind: String,
    /// The other.
    pub target: String,
}

exact_struct!(issue::Link as Link { kind, target });

/// The value of a custom field, with its type.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFieldValue))]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// A text.
    Text(String),
    /// A number, in decimal digits.
    Number(String),
    /// A date.
    Date(String),
    /// True or false.
    Bool(bool),
}

exact_enum!(issue::FieldValue as FieldValue { Text(text), Number(number), Date(date), Bool(value) });

/// What is derived of an issue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactDerived))]
pub struct Derived {
    /// When it last changed.
    pub updated: String,
    /// Both ends of its links.
    pub links: Vec<LinkEnd>,
    /// Where it is closed, though it isn't here.
    pub elsewhere: Vec<ClosedElsewhere>,
}

exact_struct!(issue::Derived as Derived { updated, links, elsewhere });

/// One end of a link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactLinkEnd))]
pub struct LinkEnd {
    /// What the issue is to the other.
    pub relation: String,
    /// The other, as the link names it.
    pub name: String,
    /// The other; `null` where no issue, or more than one, has the name.
    pub target: Option<LinkTarget>,
}

exact_struct!(graph::LinkEnd as LinkEnd { relation, name, target });

/// The issue at the other end of a link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactLinkTarget))]
pub struct LinkTarget {
    /// Its unambiguous name.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// What the status counts as.
    pub category: Category,
}

exact_struct!(graph::LinkTarget as LinkTarget { key, title, status, category });

/// That an issue is closed on another branch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactClosedElsewhere))]
pub struct ClosedElsewhere {
    /// The branch; `null` where a commit is checked out without one.
    pub branch: Option<String>,
    /// When.
    pub at: Option<String>,
    /// Who closed it.
    pub by: Option<String>,
}

exact_struct!(issue::ClosedElsewhere as ClosedElsewhere { branch, at, by });

/// The configured vocabulary of a home.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactSchema))]
pub struct Schema {
    /// The prefix of names.
    pub prefix: String,
    /// The statuses, in order.
    pub statuses: Vec<StatusDef>,
    /// The kinds.
    pub kinds: Vec<String>,
    /// The kind of an issue that names none.
    pub default_kind: String,
    /// The declared custom fields.
    pub fields: Vec<FieldDef>,
}

exact_struct!(schema::Schema as Schema { prefix, statuses, kinds, default_kind, fields });

/// A status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactStatus))]
pub struct StatusDef {
    /// What it is called.
    pub name: String,
    /// What it counts as.
    pub category: Category,
}

exact_struct!(schema::StatusDef as StatusDef { name, category });

/// A custom field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactField))]
pub struct FieldDef {
    /// The key.
    pub key: String,
    /// What it holds.
    pub field_type: FieldType,
}

exact_struct!(schema::FieldDef as FieldDef { key, field_type });

/// What a custom field holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFieldType))]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A date.
    Date,
    /// True or false.
    Bool,
    /// One of these.
    Choice(Vec<String>),
}

exact_enum!(schema::FieldType as FieldType { Text, Number, Date, Bool, Choice(choices) });

//! The issue as a file has it: between the entries of front matter and the domain's type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use tickety_core::ident::{IssueId, IssueKey, IssueName};
use tickety_core::issue::{
    CloseReason, Closure, Comment, CommentId, FieldValue, Issue, Kind, Link, LinkKind, Minutes, Priority, Status,
};
use tickety_core::schema::{Category, FieldType, Schema};

use super::key::Key;
use super::scalar;

/// What the file of an issue says. What a file may leave out is an `Option`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct IssueRecord<'a> {
    pub(super) title: Cow<'a, str>,
    pub(super) id: IssueId,
    pub(super) updated: Option<Timestamp>,
    /// Which state of the file `updated` belongs to; see [`seal`](super::seal).
    pub(super) updated_state: Option<Cow<'a, str>>,
    pub(super) created: Timestamp,
    pub(super) reporter: Option<Cow<'a, str>>,
    pub(super) status: Option<Cow<'a, str>>,
    pub(super) closed: Option<Timestamp>,
    pub(super) close_reason: Option<CloseReason>,
    pub(super) close_note: Option<Cow<'a, str>>,
    pub(super) priority: Option<Priority>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) labels: Vec<Cow<'a, str>>,
    pub(super) assignees: Vec<Cow<'a, str>>,
    pub(super) milestone: Option<Cow<'a, str>>,
    pub(super) due: Option<Date>,
    pub(super) estimate: Option<Minutes>,
    pub(super) spent: Option<Minutes>,
    /// Of all kinds, in order.
    pub(super) links: Vec<Link>,
    pub(super) references: Vec<Cow<'a, str>>,
    pub(super) fields: BTreeMap<Cow<'a, str>, FieldText<'a>>,
    pub(super) body: Cow<'a, str>,
}

/// The value of a custom field before its declared type is read into it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct FieldText<'a> {
    /// The value as text.
    pub(super) text: Cow<'a, str>,
    /// Whether it has to be written so that YAML takes it for text.
    pub(super) textual: bool,
}

impl<'a> IssueRecord<'a> {
    /// Takes the record of an issue. Comments have records of their own.
    pub(super) fn of(issue: &'a Issue) -> Self {
        let Issue {
            number: _,
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
            comments: _,
            links,
            references,
            fields,
            created,
            imported_updated,
        } = issue;
        let borrow = |text: &'a String| Cow::Borrowed(text.as_str());
        Self {
            title: borrow(title),
            id: *id,
            updated: *imported_updated,
            updated_state: None,
            created: *created,
            reporter: reporter.as_ref().map(borrow),
            status: Some(Cow::Borrowed(status.as_str())),
            closed: closure.as_ref().and_then(|closure| closure.at),
            close_reason: closure.as_ref().map(|closure| closure.reason),
            close_note: closure.as_ref().and_then(|closure| closure.note.as_ref()).map(borrow),
            priority: Some(*priority),
            kind: Some(Cow::Borrowed(kind.as_str())),
            labels: labels.iter().map(borrow).collect(),
            assignees: assignees.iter().map(borrow).collect(),
            milestone: milestone.as_ref().map(borrow),
            due: *due,
            estimate: *estimate,
            spent: *spent,
            links: links.iter().copied().collect(),
            references: references.iter().map(borrow).collect(),
            fields: fields.iter().map(|(key, value)| (borrow(key), FieldText::of(value))).collect(),
            body: borrow(body),
        }
    }

    /// Makes the issue that the record means, without comments.
    pub(super) fn into_issue(self, key: IssueKey, schema: &Schema) -> Issue {
        let Self {
            title,
            id,
            updated,
            updated_state: _,
            created,
            reporter,
            status,
            closed,
            close_reason,
            close_note,
            priority,
            kind,
            labels,
            assignees,
            milestone,
            due,
            estimate,
            spent,
            links,
            references,
            fields,
            body,
        } = self;
        let status = status.map_or_else(|| schema.first_of(Category::Open), |name| Status::new(&name));
        // What is left of a closure after somebody reopened by hand means nothing.
        let closure = schema.category(&status).is_closed().then(|| Closure {
            at: closed,
            reason: close_reason.unwrap_or_default(),
            note: close_note.map(Cow::into_owned),
        });
        Issue {
            number: key.number,
            id,
            title: title.into_owned(),
            body: body.into_owned(),
            status,
            closure,
            priority: priority.unwrap_or_default(),
            kind: kind.map_or_else(|| schema.default_kind.clone(), |name| Kind::new(&name)),
            labels: labels.into_iter().map(Cow::into_owned).collect(),
            assignees: assignees.into_iter().map(Cow::into_owned).collect(),
            reporter: reporter.map(Cow::into_owned),
            milestone: milestone.map(Cow::into_owned),
            due,
            estimate,
            spent,
            comments: Vec::new(),
            links: links.into_iter().collect(),
            references: references.into_iter().map(Cow::into_owned).collect(),
            fields: fields
                .into_iter()
                .map(|(key, value)| {
                    let value = value.into_value(&schema.field_type(&key));
                    (key.into_owned(), value)
                })
                .collect(),
            created,
            imported_updated: updated,
        }
    }

    /// Whether the same surely stands behind a key; links of all kinds are compared together.
    pub(super) fn has_same(&self, key: Key, other: &Self) -> bool {
        match key {
            Key::Title => self.title == other.title,
            Key::Id => self.id == other.id,
            Key::Updated => self.updated == other.updated,
            Key::UpdatedState => self.updated_state == other.updated_state,
            Key::Created => self.created == other.created,
            Key::Reporter => self.reporter == other.reporter,
            Key::Status => self.status == other.status,
            Key::Closed => self.closed == other.closed,
            Key::CloseReason => self.close_reason == other.close_reason,
            Key::CloseNote => self.close_note == other.close_note,
            Key::Priority => self.priority == other.priority,
            Key::Kind => self.kind == other.kind,
            Key::Labels => self.labels == other.labels,
            Key::Assignees => self.assignees == other.assignees,
            Key::Milestone => self.milestone == other.milestone,
            Key::Due => self.due == other.due,
            Key::Estimate => self.estimate == other.estimate,
            Key::Spent => self.spent == other.spent,
            Key::Parent | Key::BlockedBy | Key::Relates | Key::DuplicateOf | Key::DiscoveredFrom => {
                self.links == other.links
            }
            Key::References => self.references == other.references,
            Key::Fields => self.fields == other.fields,
        }
    }

    /// Returns what stands behind a key.
    pub(super) fn written(&self, key: Key) -> Written<'_> {
        let optional = |text: Option<String>| text.map_or(Written::Nothing, Written::Scalar);
        let text = |text: &Option<Cow<'_, str>>| optional(text.as_deref().map(scalar::text));
        let list = |items: &[Cow<'_, str>]| Written::List(items.iter().map(|item| scalar::text(item)).collect());
        match key {
            Key::Title => Written::Scalar(scalar::text(&self.title)),
            Key::Id => Written::Scalar(self.id.to_string()),
            Key::Updated => self.updated.map_or(Written::Absent, |time| Written::Scalar(time.to_string())),
            Key::UpdatedState => {
                self.updated_state.as_deref().map_or(Written::Absent, |state| Written::Scalar(scalar::text(state)))
            }
            Key::Created => Written::Scalar(self.created.to_string()),
            Key::Reporter => text(&self.reporter),
            Key::Status => text(&self.status),
            Key::Closed => self.closed.map_or(Written::Absent, |time| Written::Scalar(time.to_string())),
            Key::CloseReason => {
                self.close_reason.map_or(Written::Absent, |reason| Written::Scalar(reason.as_str().to_owned()))
            }
            Key::CloseNote => {
                self.close_note.as_deref().map_or(Written::Absent, |note| Written::Scalar(scalar::paragraphs(note, 2)))
            }
            Key::Priority => optional(self.priority.map(|priority| priority.as_str().to_owned())),
            Key::Kind => text(&self.kind),
            Key::Labels => list(&self.labels),
            Key::Assignees => list(&self.assignees),
            Key::Milestone => text(&self.milestone),
            Key::Due => optional(self.due.map(|due| due.to_string())),
            Key::Estimate => optional(self.estimate.map(|estimate| estimate.to_string())),
            Key::Spent => optional(self.spent.map(|spent| spent.to_string())),
            Key::Parent => {
                let mut parents = self.link_items(LinkKind::Parent);
                if parents.len() == 1 { optional(parents.pop()) } else { Written::List(parents) }
            }
            Key::BlockedBy => Written::List(self.link_items(LinkKind::BlockedBy)),
            Key::Relates => Written::List(self.link_items(LinkKind::Relates)),
            Key::DuplicateOf => Written::List(self.link_items(LinkKind::DuplicateOf)),
            Key::DiscoveredFrom => Written::List(self.link_items(LinkKind::DiscoveredFrom)),
            Key::References => list(&self.references),
            Key::Fields => Written::Map(
                self.fields
                    .iter()
                    .map(|(key, value)| {
                        (
                            key.as_ref(),
                            if value.textual { scalar::paragraphs(&value.text, 4) } else { value.text.to_string() },
                        )
                    })
                    .collect(),
            ),
        }
    }

    fn link_items(&self, kind: LinkKind) -> Vec<String> {
        self.links.iter().filter(|link| link.kind == kind).map(|link| link_item(link.target)).collect()
    }
}

impl<'a> FieldText<'a> {
    fn of(value: &'a FieldValue) -> Self {
        match value {
            FieldValue::Text(text) => Self { text: Cow::Borrowed(text), textual: true },
            FieldValue::Number(_) | FieldValue::Date(_) | FieldValue::Bool(_) => {
                Self { text: Cow::Owned(value.to_string()), textual: false }
            }
        }
    }

    /// Reads the declared type into the text. What doesn't fit it stays text: a changed
    /// declaration must not make issues unreadable.
    fn into_value(self, field_type: &FieldType) -> FieldValue {
        match field_type {
            FieldType::Text => FieldValue::Text(self.text.into_owned()),
            declared => {
                FieldValue::parse(&self.text, declared).unwrap_or_else(|_| FieldValue::Text(self.text.into_owned()))
            }
        }
    }
}

/// What stands behind a key in a file.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Written<'a> {
    /// The key itself isn't there.
    Absent,
    /// The key alone.
    Nothing,
    /// A value as it is written, quoted where it has to be; a block goes over several lines.
    Scalar(String),
    /// Items as they are written.
    List(Vec<String>),
    /// Custom fields by key, with values as they are written.
    Map(Vec<(&'a str, String)>),
}

/// Writes the name of another issue: always quoted, so that no reader takes one for a number.
pub(super) fn link_item(name: IssueName) -> String {
    format!("\"{name}\"")
}

/// What the file of a comment says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct CommentRecord<'a> {
    pub(super) id: CommentId,
    pub(super) author: Option<Cow<'a, str>>,
    pub(super) created: Timestamp,
    pub(super) body: Cow<'a, str>,
}

impl<'a> CommentRecord<'a> {
    /// Takes the record of a comment.
    pub(super) fn of(comment: &'a Comment) -> Self {
        let Comment { id, author, created, body } = comment;
        Self { id: *id, author: author.as_deref().map(Cow::Borrowed), created: *created, body: Cow::Borrowed(body) }
    }

    /// Makes the comment that the record means.
    pub(super) fn into_comment(self) -> Comment {
        let Self { id, author, created, body } = self;
        Comment { id, author: author.map(Cow::into_owned), created, body: body.into_owned() }
    }

    /// Returns the keys in order with what stands behind them.
    pub(super) fn written(&self) -> [(&'static str, Written<'_>); 3] {
        let author = self.author.as_deref().map_or(Written::Absent, |author| Written::Scalar(scalar::text(author)));
        [
            ("id", Written::Scalar(self.id.to_string())),
            ("author", author),
            ("created", Written::Scalar(self.created.to_string())),
        ]
    }
}

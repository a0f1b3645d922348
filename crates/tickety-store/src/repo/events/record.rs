//! Events as they are written down, in JSON.

use serde::{Deserialize, Serialize};
use tickety_core::event::{Event, ExternalOutcome};
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::issue::{CloseReason, Comment, CommentId, LinkKind};
use tickety_core::operation::{FieldChange, FieldState};
use uuid::Uuid;

/// An event on the disk. Which of the parts there are depends on the type; a reader passes over parts and types that
/// it doesn't know.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EventRecord {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<CommentRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<CountsRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct FieldRecord {
    field: String,
    #[serde(default)]
    before: StateRecord,
    #[serde(default)]
    after: StateRecord,
}

/// A text, a list, `null` for nothing, and `false` for what isn't known.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(untagged)]
enum StateRecord {
    #[default]
    Absent,
    Value(String),
    List(Vec<String>),
    Unknown(bool),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct CommentRecord {
    id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct LinkRecord {
    kind: String,
    target: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct CountsRecord {
    created: u32,
    updated: u32,
    deleted: u32,
}

impl EventRecord {
    pub(crate) fn new(event: &Event) -> Self {
        let mut record = Self {
            event_type: event.event_type().as_str().to_owned(),
            issue: event.issue().map(|issue| issue.to_string()),
            ..Self::default()
        };
        match event {
            Event::IssueCreated { issue: _, title } | Event::IssueDeleted { issue: _, title } => {
                record.title = Some(title.clone());
            }
            Event::IssueUpdated { issue: _, fields } | Event::IssueReopened { issue: _, fields } => {
                record.fields = fields.iter().map(FieldRecord::new).collect();
            }
            Event::IssueClosed { issue: _, reason, fields } => {
                record.reason = reason.map(|reason| reason.as_str().to_owned());
                record.fields = fields.iter().map(FieldRecord::new).collect();
            }
            Event::CommentAdded { issue: _, comment } | Event::CommentEdited { issue: _, comment } => {
                let Comment { id, author, created, body } = comment;
                record.comment = Some(CommentRecord {
                    id: id.uuid(),
                    author: author.clone(),
                    created: Some(created.to_string()),
                    body: Some(body.clone()),
                });
            }
            Event::CommentRemoved { issue: _, comment } => {
                record.comment = Some(CommentRecord { id: comment.uuid(), author: None, created: None, body: None });
            }
            Event::LinkAdded { issue: _, kind, target } | Event::LinkRemoved { issue: _, kind, target } => {
                record.link = Some(LinkRecord { kind: kind.as_str().to_owned(), target: target.to_string() });
            }
            Event::BatchCommitted { created, updated, deleted } => {
                record.counts = Some(CountsRecord { created: *created, updated: *updated, deleted: *deleted });
            }
            Event::ImportFinished { source, created, updated } => {
                record.counts = Some(CountsRecord { created: *created, updated: *updated, deleted: 0 });
                record.source = Some(source.clone());
            }
            Event::ExternalChanged { issue: _, outcome, fields } => {
                record.outcome = Some(outcome.as_str().to_owned());
                record.fields = fields.iter().map(FieldRecord::new).collect();
            }
        }
        record
    }

    /// Returns the event; `None` if it is none that this build knows.
    pub(crate) fn event(self) -> Option<Event> {
        let Self { event_type, issue, title, reason, outcome, fields, comment, link, counts, source } = self;
        let key = || key_of(issue.as_deref()?);
        let fields = || fields.into_iter().map(FieldRecord::change).collect::<Option<Vec<_>>>();
        let counts = counts.unwrap_or_default();
        let link = || {
            let LinkRecord { kind, target } = link?;
            let kind = LinkKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
            Some((kind, IssueName::parse(&target, "").ok()?))
        };
        let whole_comment = |comment: Option<CommentRecord>| {
            let CommentRecord { id, author, created, body } = comment?;
            Some(Comment { id: CommentId::new(id), author, created: created?.parse().ok()?, body: body? })
        };
        Some(match event_type.as_str() {
            "issue.created" => Event::IssueCreated { issue: key()?, title: title? },
            "issue.updated" => Event::IssueUpdated { issue: key()?, fields: fields()? },
            "issue.closed" => Event::IssueClosed {
                issue: key()?,
                reason: CloseReason::ALL.into_iter().find(|known| Some(known.as_str()) == reason.as_deref()),
                fields: fields()?,
            },
            "issue.reopened" => Event::IssueReopened { issue: key()?, fields: fields()? },
            "issue.deleted" => Event::IssueDeleted { issue: key()?, title: title? },
            "comment.added" => Event::CommentAdded { issue: key()?, comment: whole_comment(comment)? },
            "comment.edited" => Event::CommentEdited { issue: key()?, comment: whole_comment(comment)? },
            "comment.removed" => Event::CommentRemoved { issue: key()?, comment: CommentId::new(comment?.id) },
            "link.added" => {
                let (kind, target) = link()?;
                Event::LinkAdded { issue: key()?, kind, target }
            }
            "link.removed" => {
                let (kind, target) = link()?;
                Event::LinkRemoved { issue: key()?, kind, target }
            }
            "batch.committed" => {
                let CountsRecord { created, updated, deleted } = counts;
                Event::BatchCommitted { created, updated, deleted }
            }
            "import.finished" => {
                let CountsRecord { created, updated, deleted: _ } = counts;
                Event::ImportFinished { source: source?, created, updated }
            }
            "external.changed" => Event::ExternalChanged {
                issue: key()?,
                outcome: ExternalOutcome::ALL.into_iter().find(|known| Some(known.as_str()) == outcome.as_deref())?,
                fields: fields()?,
            },
            _ => return None,
        })
    }
}

fn key_of(text: &str) -> Option<IssueKey> {
    let IssueName { number, suffix } = IssueName::parse(text, "").ok()?;
    Some(IssueKey { number, suffix: suffix? })
}

impl FieldRecord {
    fn new(change: &FieldChange) -> Self {
        let FieldChange { field, before, after } = change;
        Self { field: field.to_string(), before: StateRecord::new(before), after: StateRecord::new(after) }
    }

    fn change(self) -> Option<FieldChange> {
        let Self { field, before, after } = self;
        Some(FieldChange { field: field.parse().ok()?, before: before.state(), after: after.state() })
    }
}

impl StateRecord {
    fn new(state: &FieldState) -> Self {
        match state {
            FieldState::Absent => Self::Absent,
            FieldState::Value(value) => Self::Value(value.clone()),
            FieldState::List(values) => Self::List(values.clone()),
            FieldState::Unknown => Self::Unknown(false),
        }
    }

    fn state(self) -> FieldState {
        match self {
            Self::Absent => FieldState::Absent,
            Self::Value(value) => FieldState::Value(value),
            Self::List(values) => FieldState::List(values),
            Self::Unknown(_) => FieldState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickety_core::event::events_between;
    use tickety_core::query::arbitrary::{issues, schema};

    use super::*;

    proptest! {
        #[test]
        fn events_are_read_back_as_they_were(pair in issues(2..3)) {
            let (before, after) = (&pair[0], &pair[1]);
            let key = before.key();
            let mut events = events_between(key, Some(before), Some(after), &schema());
            events.extend(events_between(key, None, Some(after), &schema()));
            events.extend(events_between(key, Some(after), None, &schema()));
            let mut fields = tickety_core::operation::field_changes(before, after);
            fields.truncate(3);
            fields.iter_mut().for_each(|change| change.before = FieldState::Unknown);
            events.extend(ExternalOutcome::ALL.map(|outcome| {
                Event::ExternalChanged { issue: key, outcome, fields: fields.clone() }
            }));
            events.push(Event::BatchCommitted { created: 1, updated: 2, deleted: 3 });
            events.push(Event::ImportFinished { source: "beads".to_owned(), created: 1, updated: 2 });
            for event in events {
                let text = serde_json::to_string(&EventRecord::new(&event)).unwrap();
                prop_assert!(!text.contains('\n'));
                let read: EventRecord = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read.event(), Some(event));
            }
        }
    }
}

//! Events on the wire.

use serde::Serialize;
use serde_json::Value;
use tickety_core::event;
use tickety_core::operation::{self, FieldState};
use tickety_store::events;

use crate::issue::Comment;

/// Something that happened, in the log.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its place in the log: `--since` goes on after it.
    pub cursor: String,
    /// What it was written with; all events of one write have the same.
    pub group: String,
    /// When it happened, or was noticed.
    pub time: String,
    /// Who did it; `null` for a change from outside.
    pub actor: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What happened. What doesn't belong to its type is `null` or an empty list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Happening {
    /// As in `issue.created`.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// The name of the issue, `42-k3f9`.
    pub issue: Option<String>,
    /// The title of an issue that was created or deleted.
    pub title: Option<String>,
    /// Why an issue was closed.
    pub reason: Option<&'static str>,
    /// What a change from outside did: `appeared`, `edited` or `vanished`.
    pub outcome: Option<&'static str>,
    /// The fields that changed.
    pub fields: Vec<FieldChange>,
    /// The comment that was added or edited.
    pub comment: Option<Comment>,
    /// The id of the comment, of one that was removed too.
    pub comment_id: Option<String>,
    /// The link that was added or removed.
    pub link: Option<Link>,
    /// How many issues a batch or an import touched.
    pub counts: Option<Counts>,
    /// The format that an import read.
    pub source: Option<String>,
}

/// A field that changed.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = EventFieldChange))]
pub struct FieldChange {
    /// As queries call it.
    pub field: String,
    /// What it was: a text, a list, or `null` for nothing.
    pub before: Value,
    /// Whether that is known.
    pub before_known: bool,
    /// What it is.
    pub after: Value,
}

/// A link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = EventLink))]
pub struct Link {
    /// What the issue is, or was, to the other.
    pub kind: &'static str,
    /// The other.
    pub target: String,
}

/// How many issues were touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = EventCounts))]
pub struct Counts {
    /// Made.
    pub created: u32,
    /// Changed.
    pub updated: u32,
    /// Removed.
    pub deleted: u32,
}

impl From<&events::LoggedEvent> for Event {
    fn from(logged: &events::LoggedEvent) -> Self {
        let events::LoggedEvent { cursor, group, time, actor, event } = logged;
        Self {
            cursor: cursor.to_string(),
            group: group.to_string(),
            time: time.to_string(),
            actor: actor.clone(),
            happening: event.into(),
        }
    }
}

impl From<&event::Event> for Happening {
    fn from(event: &event::Event) -> Self {
        let mut wire = Self {
            event_type: event.event_type().as_str(),
            issue: event.issue().map(|issue| issue.to_string()),
            title: None,
            reason: None,
            outcome: None,
            fields: Vec::new(),
            comment: None,
            comment_id: None,
            link: None,
            counts: None,
            source: None,
        };
        let changes = |fields: &[operation::FieldChange]| fields.iter().map(FieldChange::from).collect();
        match event {
            event::Event::IssueCreated { issue: _, title } | event::Event::IssueDeleted { issue: _, title } => {
                wire.title = Some(title.clone());
            }
            event::Event::IssueUpdated { issue: _, fields } | event::Event::IssueReopened { issue: _, fields } => {
                wire.fields = changes(fields);
            }
            event::Event::IssueClosed { issue: _, reason, fields } => {
                wire.reason = reason.map(|reason| reason.as_str());
                wire.fields = changes(fields);
            }
            event::Event::CommentAdded { issue: _, comment } | event::Event::CommentEdited { issue: _, comment } => {
                wire.comment_id = Some(comment.id.to_string());
                wire.comment = Some(comment.into());
            }
            event::Event::CommentRemoved { issue: _, comment } => wire.comment_id = Some(comment.to_string()),
            event::Event::LinkAdded { issue: _, kind, target }
            | event::Event::LinkRemoved { issue: _, kind, target } => {
                wire.link = Some(Link { kind: kind.as_str(), target: target.to_string() });
            }
            event::Event::BatchCommitted { created, updated, deleted } => {
                wire.counts = Some(Counts { created: *created, updated: *updated, deleted: *deleted });
            }
            event::Event::ImportFinished { source, created, updated } => {
                wire.counts = Some(Counts { created: *created, updated: *updated, deleted: 0 });
                wire.source = Some(source.clone());
            }
            event::Event::ExternalChanged { issue: _, outcome, fields } => {
                wire.outcome = Some(outcome.as_str());
                wire.fields = changes(fields);
            }
        }
        wire
    }
}

impl From<&operation::FieldChange> for FieldChange {
    fn from(change: &operation::FieldChange) -> Self {
        let operation::FieldChange { field, before, after } = change;
        Self {
            field: field.to_string(),
            before: field_value(before),
            before_known: *before != FieldState::Unknown,
            after: field_value(after),
        }
    }
}

/// Returns what a field holds: a text, a list, or `null` for nothing and for what isn't known.
pub(crate) fn field_value(state: &FieldState) -> Value {
    match state {
        FieldState::Absent | FieldState::Unknown => Value::Null,
        FieldState::Value(value) => value.as_str().into(),
        FieldState::List(values) => values.clone().into(),
    }
}

/// Some events of a log.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Events {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The cursor to go on from.
    pub next: String,
    /// Whether there are more by now.
    pub more: bool,
    /// How many entries between these can't be read any more.
    pub damaged: u64,
}

impl From<&events::EventPage> for Events {
    fn from(page: &events::EventPage) -> Self {
        let events::EventPage { events, next, more, damaged } = page;
        Self { events: events.iter().map(Into::into).collect(), next: next.to_string(), more: *more, damaged: *damaged }
    }
}

/// What a log holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventStats {
    /// How many events can be read.
    pub events: u64,
    /// In how many groups.
    pub groups: u64,
    /// When the oldest happened.
    pub oldest: Option<String>,
    /// When the newest happened.
    pub newest: Option<String>,
    /// The cursor behind all of them.
    pub end: String,
    /// How many bytes the log takes.
    pub bytes: u64,
    /// How many entries can't be read.
    pub damaged: u64,
    /// How many events are kept at the most.
    pub keeps_events: u64,
    /// For how many days.
    pub keeps_days: u32,
}

impl From<&events::EventStats> for EventStats {
    fn from(stats: &events::EventStats) -> Self {
        let events::EventStats { events, groups, oldest, newest, end, bytes, damaged, keeps_events, keeps_days } =
            stats;
        Self {
            events: *events,
            groups: *groups,
            oldest: oldest.map(|time| time.to_string()),
            newest: newest.map(|time| time.to_string()),
            end: end.to_string(),
            bytes: *bytes,
            damaged: *damaged,
            keeps_events: *keeps_events,
            keeps_days: *keeps_days,
        }
    }
}

//! Events.

use serde::{Deserialize, Serialize};
use tickety_core::{event, operation};
use tickety_store::events;

use super::issue::Comment;
use super::{exact_enum, exact_struct};

/// Some events of a log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactEventPage))]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: String,
    /// Whether there are more by now.
    pub more: bool,
    /// How many entries between these can't be read any more.
    pub damaged: u64,
}

exact_struct!(events::EventPage as EventPage { events, next, more, damaged });

/// An event in its log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactEvent))]
pub struct Event {
    /// Its place.
    pub cursor: String,
    /// What it was written with.
    pub group: String,
    /// When it happened, or was noticed.
    pub time: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What happened.
    pub event: Happening,
}

exact_struct!(events::LoggedEvent as Event { cursor, group, time, actor, event });

/// What a log holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactEventStats))]
pub struct EventStats {
    /// How many events can be read.
    pub events: u64,
    /// In how many groups.
    pub groups: u64,
    /// When the oldest happened.
    pub oldest: Option<String>,
    /// When the newest happened.
    pub newest: Option<String>,
    /// Where the log ends.
    pub end: String,
    /// How many bytes it takes.
    pub bytes: u64,
    /// How many entries can't be read.
    pub damaged: u64,
    /// How many events are kept at the most.
    pub keeps_events: u64,
    /// For how many days.
    pub keeps_days: u32,
}

exact_struct!(events::EventStats as EventStats {
    events,
    groups,
    oldest,
    newest,
    end,
    bytes,
    damaged,
    keeps_events,
    keeps_days,
});

/// Something that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactHappening))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants and fields are those of Event in tickety-core")]
pub enum Happening {
    IssueCreated { issue: String, title: String },
    IssueUpdated { issue: String, fields: Vec<FieldChange> },
    IssueClosed { issue: String, reason: Option<String>, fields: Vec<FieldChange> },
    IssueReopened { issue: String, fields: Vec<FieldChange> },
    IssueDeleted { issue: String, title: String },
    CommentAdded { issue: String, comment: Comment },
    CommentEdited { issue: String, comment: Comment },
    CommentRemoved { issue: String, comment: String },
    LinkAdded { issue: String, kind: String, target: String },
    LinkRemoved { issue: String, kind: String, target: String },
    BatchCommitted { created: u32, updated: u32, deleted: u32 },
    ImportFinished { source: String, created: u32, updated: u32 },
    ExternalChanged { issue: String, outcome: String, fields: Vec<FieldChange> },
}

exact_enum!(event::Event as Happening {
    IssueCreated { issue, title },
    IssueUpdated { issue, fields },
    IssueClosed { issue, reason, fields },
    IssueReopened { issue, fields },
    IssueDeleted { issue, title },
    CommentAdded { issue, comment },
    CommentEdited { issue, comment },
    CommentRemoved { issue, comment },
    LinkAdded { issue, kind, target },
    LinkRemoved { issue, kind, target },
    BatchCommitted { created, updated, deleted },
    ImportFinished { source, created, updated },
    ExternalChanged { issue, outcome, fields },
});

/// A field that changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFieldChange))]
pub struct FieldChange {
    /// Which, as queries call it.
    pub field: String,
    /// What it was.
    pub before: FieldState,
    /// What it is.
    pub after: FieldState,
}

exact_struct!(operation::FieldChange as FieldChange { field, before, after });

/// What a field holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFieldState))]
#[serde(rename_all = "snake_case")]
pub enum FieldState {
    /// Nothing.
    Absent,
    /// One value.
    Value(String),
    /// Several.
    List(Vec<String>),
    /// Something that isn't known any more.
    Unknown,
}

exact_enum!(operation::FieldState as FieldState { Absent, Value(value), List(values), Unknown });

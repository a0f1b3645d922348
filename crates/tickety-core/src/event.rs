//! What happened to issues, for those who want to hear of it.
//!
//! Events are made from the states of an issue before and after a write, so a write that changes nothing makes none and
//! no way of changing an issue can forget its event. What is written together is one [`EventGroup`].

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::ident::{IssueKey, IssueName};
use crate::issue::{CloseReason, Comment, CommentId, Issue, LinkKind};
use crate::operation::{FieldChange, FieldState, field_changes};
use crate::schema::Schema;

/// Something that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// An issue was made.
    IssueCreated {
        /// Which.
        issue: IssueKey,
        /// Its title.
        title: String,
    },
    /// Fields of an issue changed, and it was neither closed nor reopened by that.
    IssueUpdated {
        /// Which.
        issue: IssueKey,
        /// What changed.
        fields: Vec<FieldChange>,
    },
    /// An issue was closed.
    IssueClosed {
        /// Which.
        issue: IssueKey,
        /// Why, if that was said.
        reason: Option<CloseReason>,
        /// What changed, the status among it.
        fields: Vec<FieldChange>,
    },
    /// A closed issue was opened again.
    IssueReopened {
        /// Which.
        issue: IssueKey,
        /// What changed, the status among it.
        fields: Vec<FieldChange>,
    },
    /// An issue was removed with its comments.
    IssueDeleted {
        /// Which.
        issue: IssueKey,
        /// The title it had.
        title: String,
    },
    /// Somebody commented on an issue.
    CommentAdded {
        /// The issue.
        issue: IssueKey,
        /// What was said.
        comment: Comment,
    },
    /// The text of a comment changed.
    CommentEdited {
        /// The issue.
        issue: IssueKey,
        /// What is said now.
        comment: Comment,
    },
    /// A comment was removed.
    CommentRemoved {
        /// The issue.
        issue: IssueKey,
        /// Which.
        comment: CommentId,
    },
    /// An issue was linked to another.
    LinkAdded {
        /// The issue that holds the link.
        issue: IssueKey,
        /// What it is to the other.
        kind: LinkKind,
        /// The other.
        target: IssueName,
    },
    /// A link of an issue to another was removed.
    LinkRemoved {
        /// The issue that held the link.
        issue: IssueKey,
        /// What it was to the other.
        kind: LinkKind,
        /// The other.
        target: IssueName,
    },
    /// Several operations were written together. The last of its group.
    BatchCommitted {
        /// How many issues were made.
        created: u32,
        /// How many changed.
        updated: u32,
        /// How many were removed.
        deleted: u32,
    },
    /// Issues were brought in from elsewhere. The last of its group.
    ImportFinished {
        /// From where: the name of the format.
        source: String,
        /// How many issues were made.
        created: u32,
        /// How many changed.
        updated: u32,
    },
    /// The record of an issue was changed by something else than Tickety: an editor, git, a script.
    ExternalChanged {
        /// Which.
        issue: IssueKey,
        /// What became of it.
        outcome: ExternalOutcome,
        /// What changed, as far as is known.
        fields: Vec<FieldChange>,
    },
}

/// What a change from outside did to an issue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExternalOutcome {
    /// It wasn't there before.
    Appeared,
    /// It was there and is.
    Edited,
    /// It is gone, or can't be read any more.
    Vanished,
}

impl ExternalOutcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Appeared, Self::Edited, Self::Vanished];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Edited => "edited",
            Self::Vanished => "vanished",
        }
    }
}

/// What sort of event one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventType {
    /// See [`Event::IssueCreated`].
    IssueCreated,
    /// See [`Event::IssueUpdated`].
    IssueUpdated,
    /// See [`Event::IssueClosed`].
    IssueClosed,
    /// See [`Event::IssueReopened`].
    IssueReopened,
    /// See [`Event::IssueDeleted`].
    IssueDeleted,
    /// See [`Event::CommentAdded`].
    CommentAdded,
    /// See [`Event::CommentEdited`].
    CommentEdited,
    /// See [`Event::CommentRemoved`].
    CommentRemoved,
    /// See [`Event::LinkAdded`].
    LinkAdded,
    /// See [`Event::LinkRemoved`].
    LinkRemoved,
    /// See [`Event::BatchCommitted`].
    BatchCommitted,
    /// See [`Event::ImportFinished`].
    ImportFinished,
    /// See [`Event::ExternalChanged`].
    ExternalChanged,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 13] = [
        Self::IssueCreated,
        Self::IssueUpdated,
        Self::IssueClosed,
        Self::IssueReopened,
        Self::IssueDeleted,
        Self::CommentAdded,
        Self::CommentEdited,
        Self::CommentRemoved,
        Self::LinkAdded,
        Self::LinkRemoved,
        Self::BatchCommitted,
        Self::ImportFinished,
        Self::ExternalChanged,
    ];

    /// Returns the name, as in `issue.created`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IssueCreated => "issue.created",
            Self::IssueUpdated => "issue.updated",
            Self::IssueClosed => "issue.closed",
            Self::IssueReopened => "issue.reopened",
            Self::IssueDeleted => "issue.deleted",
            Self::CommentAdded => "comment.added",
            Self::CommentEdited => "comment.edited",
            Self::CommentRemoved => "comment.removed",
            Self::LinkAdded => "link.added",
            Self::LinkRemoved => "link.removed",
            Self::BatchCommitted => "batch.committed",
            Self::ImportFinished => "import.finished",
            Self::ExternalChanged => "external.changed",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = EventTypeParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim().to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|known| known.as_str() == wanted);
        found.ok_or_else(|| EventTypeParseError { text: text.to_owned() })
    }
}

/// A text that is no type of event.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a type of event: use {}", EventType::ALL.map(EventType::as_str).join(", "))]
pub struct EventTypeParseError {
    text: String,
}

impl Event {
    /// Returns its type.
    pub fn event_type(&self) -> EventType {
        match self {
            Self::IssueCreated { .. } => EventType::IssueCreated,
            Self::IssueUpdated { .. } => EventType::IssueUpdated,
            Self::IssueClosed { .. } => EventType::IssueClosed,
            Self::IssueReopened { .. } => EventType::IssueReopened,
            Self::IssueDeleted { .. } => EventType::IssueDeleted,
            Self::CommentAdded { .. } => EventType::CommentAdded,
            Self::CommentEdited { .. } => EventType::CommentEdited,
            Self::CommentRemoved { .. } => EventType::CommentRemoved,
            Self::LinkAdded { .. } => EventType::LinkAdded,
            Self::LinkRemoved { .. } => EventType::LinkRemoved,
            Self::BatchCommitted { .. } => EventType::BatchCommitted,
            Self::ImportFinished { .. } => EventType::ImportFinished,
            Self::ExternalChanged { .. } => EventType::ExternalChanged,
        }
    }

    /// Returns the issue it is about, if it is about one.
    pub fn issue(&self) -> Option<IssueKey> {
        match self {
            Self::IssueCreated { issue, .. }
            | Self::IssueUpdated { issue, .. }
            | Self::IssueClosed { issue, .. }
            | Self::IssueReopened { issue, .. }
            | Self::IssueDeleted { issue, .. }
            | Self::CommentAdded { issue, .. }
            | Self::CommentEdited { issue, .. }
            | Self::CommentRemoved { issue, .. }
            | Self::LinkAdded { issue, .. }
            | Self::LinkRemoved { issue, .. }
            | Self::ExternalChanged { issue, .. } => Some(*issue),
            Self::BatchCommitted { .. } | Self::ImportFinished { .. } => None,
        }
    }
}

/// What was written together.
#[derive(Clone, PartialEq, Debug)]
pub struct EventGroup {
    /// When.
    pub time: Timestamp,
    /// Who did it; unknown for what came from outside.
    pub actor: Option<String>,
    /// What happened, in order; never nothing.
    pub events: Vec<Event>,
}

/// The longest text in an event, in bytes; longer ones are cut there.
pub const TEXT: usize = 4_000;

/// Cuts a text for an event; what was cut ends with `…`.
pub fn abridged(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT)])
}

fn abridged_fields(before: &Issue, after: &Issue) -> Vec<FieldChange> {
    let mut fields = field_changes(before, after);
    let states = fields.iter_mut().flat_map(|change| [&mut change.before, &mut change.after]);
    for state in states {
        if let FieldState::Value(value) = state
            && value.len() > TEXT
        {
            *value = abridged(value);
        }
    }
    fields
}

fn abridged_comment(comment: &Comment) -> Comment {
    Comment { body: abridged(&comment.body), ..comment.clone() }
}

/// Returns what happened to an issue between two states, of which one may be its absence. Long texts are cut.
pub fn events_between(key: IssueKey, before: Option<&Issue>, after: Option<&Issue>, schema: &Schema) -> Vec<Event> {
    match (before, after) {
        (None, None) => Vec::new(),
        (Some(before), None) => vec![Event::IssueDeleted { issue: key, title: before.title.clone() }],
        (None, Some(after)) => {
            let mut events = vec![Event::IssueCreated { issue: key, title: after.title.clone() }];
            events.extend(parts(key, None, after));
            events
        }
        (Some(before), Some(after)) => {
            let fields = abridged_fields(before, after);
            let mut events = Vec::new();
            let closed = |issue: &Issue| schema.category(&issue.status).is_closed();
            match (closed(before), closed(after)) {
                _ if fields.is_empty() => {}
                (false, true) => {
                    let reason = after.closure.as_ref().map(|closure| closure.reason);
                    events.push(Event::IssueClosed { issue: key, reason, fields });
                }
                (true, false) => events.push(Event::IssueReopened { issue: key, fields }),
                _ => events.push(Event::IssueUpdated { issue: key, fields }),
            }
            events.extend(parts(key, Some(before), after));
            events
        }
    }
}

/// Returns what happened to the links and comments of an issue.
fn parts(issue: IssueKey, before: Option<&Issue>, after: &Issue) -> Vec<Event> {
    let mut events = Vec::new();
    let had_link = |link| before.is_some_and(|before| before.links.contains(link));
    let lost = before.into_iter().flat_map(|before| before.links.difference(&after.links));
    events.extend(lost.map(|link| Event::LinkRemoved { issue, kind: link.kind, target: link.target }));
    let new = after.links.iter().filter(|link| !had_link(link));
    events.extend(new.map(|link| Event::LinkAdded { issue, kind: link.kind, target: link.target }));

    events.extend(comment_events(issue, before.map_or(&[], |before| &before.comments), &after.comments));
    events
}

/// Returns what happened to the comments of an issue. Long texts are cut.
pub fn comment_events(issue: IssueKey, before: &[Comment], after: &[Comment]) -> Vec<Event> {
    let mut events = Vec::new();
    let find = |comments: &[Comment], id: CommentId| comments.iter().position(|comment| comment.id == id);
    let gone = before.iter().filter(|comment| find(after, comment.id).is_none());
    events.extend(gone.map(|comment| Event::CommentRemoved { issue, comment: comment.id }));
    events.extend(after.iter().filter_map(|comment| match find(before, comment.id) {
        None => Some(Event::CommentAdded { issue, comment: abridged_comment(comment) }),
        Some(place) if before[place] != *comment => {
            Some(Event::CommentEdited { issue, comment: abridged_comment(comment) })
        }
        Some(_) => None,
    }));
    events
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::issue::{Link, Status};
    use crate::operation::diff;
    use crate::query::FieldName;
    use crate::query::arbitrary::{issues, schema};

    fn types(before: Option<&Issue>, after: Option<&Issue>) -> Vec<&'static str> {
        let key = before.or(after).unwrap().key();
        events_between(key, before, after, &schema()).iter().map(|event| event.event_type().as_str()).collect()
    }

    #[test]
    fn names_parse_back() {
        for event_type in EventType::ALL {
            assert_eq!(event_type.as_str().parse(), Ok(event_type));
        }
        assert!("issue.touched".parse::<EventType>().unwrap_err().to_string().contains("issue.updated"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(abridged("short"), "short");
        let long = format!("x{}", "é".repeat(TEXT));
        let cut = abridged(&long);
        assert!(cut.len() <= TEXT + '…'.len_utf8() && cut.ends_with("é…"), "{}", cut.len());
    }

    proptest! {
        #[test]
        fn only_what_differs_makes_events(pair in issues(2..3)) {
            let (before, mut after) = (&pair[0], pair[1].clone());
            after.imported_updated = before.imported_updated;
            prop_assert_eq!(types(Some(before), Some(&after)).is_empty(), diff(before, &after).is_empty());
            prop_assert!(types(Some(before), Some(before)).is_empty());
            prop_assert_eq!(types(Some(before), None), ["issue.deleted"]);
            prop_assert_eq!(types(None, Some(&after)).len(), 1 + after.links.len() + after.comments.len());
        }

        #[test]
        fn the_status_decides_what_an_update_is_called(pair in issues(1..2)) {
            let mut open = pair[0].clone();
            (open.status, open.closure) = (Status::new("open"), None);
            let mut closed = open.clone();
            (closed.status, closed.title) = (Status::new("closed"), "x".to_owned());
            let mut begun = open.clone();
            begun.status = Status::new("in-progress");
            prop_assert_eq!(types(Some(&open), Some(&closed)), ["issue.closed"]);
            prop_assert_eq!(types(Some(&closed), Some(&begun)), ["issue.reopened"]);
            prop_assert_eq!(types(Some(&open), Some(&begun)), ["issue.updated"]);
            let Some(Event::IssueUpdated { fields, .. }) =
                events_between(open.key(), Some(&open), Some(&begun), &schema()).pop() else { unreachable!() };
            prop_assert_eq!(fields.into_iter().map(|change| change.field).collect::<Vec<_>>(), [FieldName::Status]);
        }

        #[test]
        fn links_and_comments_have_events_of_their_own(pair in issues(1..2)) {
            let mut before = pair[0].clone();
            before.links = [Link { kind: LinkKind::Relates, target: before.key().into() }].into();
            let mut after = before.clone();
            after.links = [Link { kind: LinkKind::BlockedBy, target: before.key().into() }].into();
            prop_assert_eq!(types(Some(&before), Some(&after)), ["link.removed", "link.added"]);
            after.links = before.links.clone();
            let removed = after.comments.pop();
            let expected = if removed.is_some() { vec!["comment.removed"] } else { Vec::new() };
            prop_assert_eq!(types(Some(&before), Some(&after)), expected);
            let added = before.comments.last().map(|_| "comment.added");
            prop_assert_eq!(types(Some(&after), Some(&before)), added.into_iter().collect::<Vec<_>>());
            if let Some(comment) = after.comments.first_mut() {
                comment.body.push('x');
                let whole = Issue { comments: after.comments.clone(), ..pair[0].clone() };
                let earlier = Issue { comments: before.comments[..after.comments.len()].to_vec(), ..pair[0].clone() };
                prop_assert_eq!(types(Some(&earlier), Some(&whole)), ["comment.edited"]);
            }
        }
    }
}

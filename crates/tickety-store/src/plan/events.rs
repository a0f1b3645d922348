//! What a plan does, as events.

use std::collections::BTreeMap;

use tickety_core::event::{Event, events_between};
use tickety_core::ident::IssueKey;
use tickety_core::operation::{FieldChange, FieldState};
use tickety_core::query::FieldName;
use tickety_core::schema::Schema;

use super::PlannedChange;

/// Tells the events of planned changes, in the order of the issues, and of all of them together at the end. `moves` are
/// the issues that get another name, with the one they had; `source` is the format of an import.
pub(crate) fn tell(
    changes: &BTreeMap<IssueKey, PlannedChange>,
    moves: &BTreeMap<IssueKey, IssueKey>,
    schema: &Schema,
    source: Option<&str>,
    mut hear: impl FnMut(Event),
) {
    for (key, change) in changes {
        events_of(*key, change, moves, schema).into_iter().for_each(&mut hear);
    }
    event_of_all(changes, moves, source).into_iter().for_each(hear);
}

/// Returns the events of one of the planned changes.
pub(crate) fn events_of(
    key: IssueKey,
    change: &PlannedChange,
    moves: &BTreeMap<IssueKey, IssueKey>,
    schema: &Schema,
) -> Vec<Event> {
    if is_left_behind(key, change, moves) {
        return Vec::new();
    }
    match (moves.get(&key), &change.after) {
        (Some(old), Some(_)) => vec![renumbered(*old, key)],
        (_, after) => {
            let before = change.before.as_ref().map(|(issue, _)| &**issue);
            events_between(key, before, after.as_deref(), schema)
        }
    }
}

/// Returns the event of all planned changes together, where there is one.
pub(crate) fn event_of_all(
    changes: &BTreeMap<IssueKey, PlannedChange>,
    moves: &BTreeMap<IssueKey, IssueKey>,
    source: Option<&str>,
) -> Option<Event> {
    let (mut created, mut updated, mut deleted) = (0, 0, 0);
    for (key, change) in changes.iter().filter(|(key, change)| !is_left_behind(**key, change, moves)) {
        match (&change.before, &change.after) {
            (None, Some(_)) if !moves.contains_key(key) => created += 1,
            (Some(_), None) => deleted += 1,
            _ => updated += 1,
        }
    }
    match source {
        Some(source) => Some(Event::ImportFinished { source: source.to_owned(), created, updated }),
        None if created + updated + deleted > 1 => Some(Event::BatchCommitted { created, updated, deleted }),
        None => None,
    }
}

/// Whether this is the name that an issue had before it got another one. The change of the number tells of both names.
fn is_left_behind(key: IssueKey, change: &PlannedChange, moves: &BTreeMap<IssueKey, IssueKey>) -> bool {
    change.after.is_none() && moves.values().any(|old| *old == key)
}

/// Returns the event of an issue that got another number.
fn renumbered(old: IssueKey, new: IssueKey) -> Event {
    let value = |key: IssueKey| FieldState::Value(key.to_string());
    let change = FieldChange { field: FieldName::Number, before: value(old), after: value(new) };
    Event::IssueUpdated { issue: new, fields: vec![change] }
}

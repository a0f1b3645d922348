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
    let (mut created, mut updated, mut deleted) = (0, 0, 0);
    for (key, change) in changes {
        // Where an issue gets another number, the change of the number tells of both names.
        if moves.values().any(|old| old == key) && change.after.is_none() {
            continue;
        }
        let before = change.before.as_ref().map(|(issue, _)| &**issue);
        let events = match (moves.get(key), &change.after) {
            (Some(old), Some(_)) => vec![renumbered(*old, *key)],
            (_, after) => events_between(*key, before, after.as_deref(), schema),
        };
        match (before, &change.after) {
            (None, Some(_)) if !moves.contains_key(key) => created += 1,
            (Some(_), None) => deleted += 1,
            _ => updated += 1,
        }
        events.into_iter().for_each(&mut hear);
    }
    match source {
        Some(source) => hear(Event::ImportFinished { source: source.to_owned(), created, updated }),
        None if created + updated + deleted > 1 => hear(Event::BatchCommitted { created, updated, deleted }),
        None => {}
    }
}

/// Returns the event of an issue that got another number.
fn renumbered(old: IssueKey, new: IssueKey) -> Event {
    let value = |key: IssueKey| FieldState::Value(key.to_string());
    let change = FieldChange { field: FieldName::Number, before: value(old), after: value(new) };
    Event::IssueUpdated { issue: new, fields: vec![change] }
}

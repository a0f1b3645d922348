//! Events.

use std::borrow::Cow;

use tickety_core::event::{Event, ExternalOutcome};
use tickety_core::operation::{FieldChange, FieldState};
use tickety_core::query::FieldName;
use tickety_store::{EventStats, LoggedEvent};

use super::palette;
use super::screen::Screen;
use super::table::{self, Cell, Column, Width};

const COLUMNS: [Column; 5] = [
    Column { header: Cow::Borrowed("when"), width: Width::UpTo(16), right: true, importance: 3, stays: false },
    Column { header: Cow::Borrowed("who"), width: Width::UpTo(16), right: false, importance: 2, stays: false },
    Column { header: Cow::Borrowed("event"), width: Width::UpTo(16), right: false, importance: u8::MAX, stays: false },
    Column { header: Cow::Borrowed("issue"), width: Width::UpTo(16), right: true, importance: u8::MAX, stays: false },
    Column { header: Cow::Borrowed("what"), width: Width::Rest, right: false, importance: u8::MAX, stays: false },
];

/// Writes events: a table on a terminal; elsewhere one line an event, its cells separated by tabs, the cursor first.
pub fn write(screen: &mut Screen<'_>, events: &[LoggedEvent]) {
    if !screen.is_terminal() {
        for logged in events {
            let LoggedEvent { cursor, group: _, time, actor, event } = logged;
            let cells = [
                cursor.to_string(),
                time.to_string(),
                actor.clone().unwrap_or_default(),
                event.event_type().to_string(),
                event.issue().map(|issue| issue.to_string()).unwrap_or_default(),
                summary(event),
            ];
            for (place, cell) in cells.iter().enumerate() {
                if place > 0 {
                    screen.raw("\t");
                }
                screen.put(palette::PLAIN, cell);
            }
            screen.raw("\n");
        }
        return;
    }
    if events.is_empty() {
        return;
    }
    let rows: Vec<Vec<Cell>> = events
        .iter()
        .map(|LoggedEvent { cursor: _, group: _, time, actor, event }| {
            vec![
                Cell::new(palette::FAINT, screen.when(*time)),
                Cell::new(palette::PLAIN, actor.as_deref().unwrap_or_default()),
                Cell::new(palette::PLAIN, event.event_type().as_str()),
                Cell::new(palette::NAME, event.issue().map(|issue| issue.number.to_string()).unwrap_or_default()),
                Cell::new(palette::PLAIN, summary(event)),
            ]
        })
        .collect();
    table::write(screen, &COLUMNS, &rows);
}

/// Says on one line what happened.
pub(super) fn summary(event: &Event) -> String {
    match event {
        Event::IssueCreated { title, .. } | Event::IssueDeleted { title, .. } => title.clone(),
        Event::IssueUpdated { fields, .. } | Event::IssueReopened { fields, .. } => changes(fields),
        Event::IssueClosed { reason, fields, .. } => {
            let rest: Vec<FieldChange> = fields
                .iter()
                .filter(|change| !matches!(change.field, FieldName::Status | FieldName::Closed | FieldName::Reason))
                .cloned()
                .collect();
            let reason = reason.map(|reason| reason.as_str().to_owned());
            let parts = reason.into_iter().chain((!rest.is_empty()).then(|| changes(&rest)));
            parts.collect::<Vec<_>>().join("; ")
        }
        Event::CommentAdded { comment, .. } | Event::CommentEdited { comment, .. } => first_line(&comment.body),
        Event::CommentRemoved { comment, .. } => comment.to_string(),
        Event::LinkAdded { kind, target, .. } | Event::LinkRemoved { kind, target, .. } => format!("{kind} {target}"),
        Event::BatchCommitted { created, updated, deleted } => {
            format!("{created} created, {updated} updated, {deleted} deleted")
        }
        Event::ImportFinished { source, created, updated } => {
            format!("from {source}: {created} created, {updated} updated")
        }
        Event::ExternalChanged { outcome: ExternalOutcome::Edited, fields, .. } if !fields.is_empty() => {
            changes(fields)
        }
        Event::ExternalChanged { outcome: ExternalOutcome::Appeared, fields, .. } => match fields.first() {
            Some(title) => format!("{}: {}", ExternalOutcome::Appeared.as_str(), state(&title.after)),
            None => ExternalOutcome::Appeared.as_str().to_owned(),
        },
        Event::ExternalChanged { outcome, .. } => outcome.as_str().to_owned(),
    }
}

fn changes(fields: &[FieldChange]) -> String {
    fields.iter().map(change).collect::<Vec<_>>().join("; ")
}

/// Says on one line how a field changed.
pub(super) fn change(change: &FieldChange) -> String {
    let FieldChange { field, before, after } = change;
    match (field, before) {
        // Two texts would hide everything else.
        (FieldName::Body | FieldName::Note, _) => format!("{field} changed"),
        (_, FieldState::Unknown) => format!("{field} → {}", state(after)),
        _ => format!("{field} {} → {}", state(before), state(after)),
    }
}

/// Says on one line what a field holds.
pub(super) fn state(state: &FieldState) -> String {
    match state {
        FieldState::Absent => "–".to_owned(),
        FieldState::Value(value) => first_line(value),
        FieldState::List(values) => values.join(", "),
        FieldState::Unknown => "?".to_owned(),
    }
}

fn first_line(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => text.to_owned(),
    }
}

/// Writes what the log holds.
pub fn write_stats(screen: &mut Screen<'_>, stats: &EventStats) {
    let EventStats { events, groups, oldest, newest, end, bytes, damaged, keeps_events, keeps_days } = stats;
    let when = |time: &Option<jiff::Timestamp>, screen: &Screen<'_>| {
        time.map_or_else(|| "nothing has happened yet".to_owned(), |time| screen.when_exactly(time))
    };
    let lines = [
        ("events", events.to_string()),
        ("groups", groups.to_string()),
        ("oldest", when(oldest, screen)),
        ("newest", when(newest, screen)),
        ("cursor", end.to_string()),
        ("size", format!("{} KiB", bytes.div_ceil(1024))),
        ("unreadable", damaged.to_string()),
        ("kept", format!("the last {keeps_events} or somewhat more, for {keeps_days} days")),
    ];
    for (name, value) in lines {
        screen.put(palette::FAINT, name);
        if screen.is_terminal() {
            screen.space(12_usize.saturating_sub(name.len()));
        } else {
            screen.raw("\t");
        }
        screen.put(palette::PLAIN, value).raw("\n");
    }
}

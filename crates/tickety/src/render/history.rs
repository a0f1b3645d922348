//! The history of an issue.

use std::borrow::Cow;

use tickety_core::event::Event;
use tickety_core::ident::IssueKey;
use tickety_store::{Authorship, Commit, History, RecordProblem, Step};

use super::events::{change, state, summary};
use super::palette;
use super::screen::{Screen, width};
use super::table::{self, Cell, Column, Width};
use crate::compose::IssueChange;

/// How many digits of a commit are shown on a terminal.
const SHORT: usize = 10;

/// What stands in place of a commit where there is none.
const UNCOMMITTED: &str = "not committed";

/// Writes the steps, oldest first: a paragraph each on a terminal. Elsewhere one line for each thing that happened, its
/// cells separated by tabs: commit, time, author, event, what, subject.
pub fn write(screen: &mut Screen<'_>, history: &History) {
    for (place, step) in history.steps.iter().enumerate() {
        if !screen.is_terminal() {
            write_lines(screen, step);
            continue;
        }
        if place > 0 {
            screen.end();
        }
        write_head(screen, step.commit.as_ref());
        for (_, what) in told(step.renumbered, &step.events, &step.problems) {
            screen.space(4).put(palette::PLAIN, what).end();
        }
    }
}

fn write_head(screen: &mut Screen<'_>, commit: Option<&Commit>) {
    let Some(Commit { id, authored, author, subject, .. }) = commit else {
        screen.put(palette::MIDDLING, UNCOMMITTED).end();
        return;
    };
    let when = screen.when_exactly(*authored);
    screen.put(palette::NAME, short(id)).space(2).put(palette::FAINT, &when).space(2);
    screen.put(palette::STRONG, author).end();
    let subject = screen.fitted(subject, 4);
    screen.space(4).put(palette::FAINT, subject).end();
}

fn write_lines(screen: &mut Screen<'_>, step: &Step) {
    for (event, what) in told(step.renumbered, &step.events, &step.problems) {
        let (id, when, author, subject) = match &step.commit {
            Some(Commit { id, authored, author, subject, .. }) => {
                (id.as_str(), authored.to_string(), author.as_str(), subject.as_str())
            }
            None => ("", String::new(), "", ""),
        };
        for cell in [id, &when, author, event, &what] {
            screen.put(palette::PLAIN, cell).raw("\t");
        }
        screen.put(palette::PLAIN, subject).raw("\n");
    }
}

/// Writes the issues that differ between two states: a paragraph each on a terminal; elsewhere one line for each
/// difference, with tabs between name, event, what and title.
pub fn write_comparison(screen: &mut Screen<'_>, changes: &[IssueChange]) {
    for (place, IssueChange { key, id: _, title, renumbered, events }) in changes.iter().enumerate() {
        let told = told(*renumbered, events, &[]);
        if !screen.is_terminal() {
            for (event, what) in told {
                for cell in [&key.to_string(), event, &what] {
                    screen.put(palette::PLAIN, cell).raw("\t");
                }
                screen.put(palette::PLAIN, title).raw("\n");
            }
            continue;
        }
        if place > 0 {
            screen.end();
        }
        let name = key.to_string();
        let title = screen.fitted(title, width(&name) + 2);
        screen.put(palette::NAME, name).space(2).put(palette::STRONG, title).end();
        for (_, what) in told {
            screen.space(4).put(palette::PLAIN, what).end();
        }
    }
}

/// Returns what happened: the type of each event, and what it was. One line for each field.
fn told(
    renumbered: Option<(IssueKey, IssueKey)>,
    events: &[Event],
    problems: &[RecordProblem],
) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    if let Some((from, to)) = renumbered {
        told.push(("renumbered", format!("{from} is now {to}")));
    }
    for event in events {
        let name = event.event_type().as_str();
        match event {
            Event::IssueUpdated { fields, .. }
            | Event::IssueClosed { fields, .. }
            | Event::IssueReopened { fields, .. } => told.extend(fields.iter().map(|field| (name, change(field)))),
            Event::IssueCreated { title, .. } => told.push((name, format!("created: {title}"))),
            Event::IssueDeleted { .. } => told.push((name, "deleted".to_owned())),
            Event::CommentAdded { .. } => told.push((name, format!("comment: {}", summary(event)))),
            Event::CommentEdited { .. } => told.push((name, format!("comment edited: {}", summary(event)))),
            Event::CommentRemoved { .. } => told.push((name, format!("comment removed: {}", summary(event)))),
            Event::LinkAdded { .. } => told.push((name, format!("link added: {}", summary(event)))),
            Event::LinkRemoved { .. } => told.push((name, format!("link removed: {}", summary(event)))),
            Event::BatchCommitted { .. } | Event::ImportFinished { .. } | Event::ExternalChanged { .. } => {
                told.push((name, summary(event)));
            }
        }
    }
    told.extend(problems.iter().map(|problem| ("unreadable", format!("can't be read: {problem}"))));
    told
}

const COLUMNS: [Column; 5] = [
    Column { header: Cow::Borrowed("commit"), width: Width::UpTo(13), right: false, importance: 4, stays: false },
    Column { header: Cow::Borrowed("when"), width: Width::UpTo(16), right: true, importance: 3, stays: false },
    Column { header: Cow::Borrowed("who"), width: Width::UpTo(20), right: false, importance: 5, stays: false },
    Column { header: Cow::Borrowed("field"), width: Width::UpTo(20), right: false, importance: u8::MAX, stays: false },
    Column { header: Cow::Borrowed("value"), width: Width::Rest, right: false, importance: u8::MAX, stays: false },
];

/// Writes who last changed each field: a table on a terminal, elsewhere lines with tabs.
pub fn write_authorship(screen: &mut Screen<'_>, history: &History) {
    let authorship = history.authorship();
    if !screen.is_terminal() {
        for Authorship { part, state: value, step } in &authorship {
            let commit = step.and_then(|step| step.commit.as_ref());
            let (id, when, author) = match commit {
                Some(commit) => (commit.id.as_str(), commit.authored.to_string(), commit.author.as_str()),
                None => ("", String::new(), ""),
            };
            for cell in [id, &when, author, &part.name()] {
                screen.put(palette::PLAIN, cell).raw("\t");
            }
            screen.put(palette::PLAIN, state(value)).raw("\n");
        }
        return;
    }
    if authorship.is_empty() {
        return;
    }
    let rows: Vec<Vec<Cell>> = authorship
        .iter()
        .map(|Authorship { part, state: value, step }| {
            let commit = step.and_then(|step| step.commit.as_ref());
            let id = match (commit, step) {
                (Some(commit), _) => short(&commit.id).to_owned(),
                (None, Some(_)) => UNCOMMITTED.to_owned(),
                (None, None) => "?".to_owned(),
            };
            vec![
                Cell::new(palette::NAME, id),
                Cell::new(palette::FAINT, commit.map(|commit| screen.when(commit.authored)).unwrap_or_default()),
                Cell::new(palette::PLAIN, commit.map(|commit| commit.author.clone()).unwrap_or_default()),
                Cell::new(palette::STRONG, part.name()),
                Cell::new(palette::PLAIN, state(value)),
            ]
        })
        .collect();
    table::write(screen, &COLUMNS, &rows);
}

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

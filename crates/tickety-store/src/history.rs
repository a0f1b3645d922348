//! What became of an issue, commit by commit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tickety_core::event::{Event, abridged};
use tickety_core::ident::{IssueId, IssueKey, IssueName};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::{FieldState, field_states};
use tickety_core::query::FieldName;

use crate::storage::RecordProblem;

/// The history of an issue.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    /// The name that it has, or had last.
    pub key: IssueKey,
    /// Its identity; unknown where no version of it can be read.
    pub id: Option<IssueId>,
    /// The title that it has, or had last.
    pub title: String,
    /// The issue as it is; `None` if it is gone or can't be read.
    pub current: Option<Box<Issue>>,
    /// What became of it, oldest first.
    pub steps: Vec<Step>,
    /// Whether there are older steps.
    pub more: bool,
    /// Whether the clone lacks older commits, so that the oldest step may tell of more than its commit did.
    pub is_shallow: bool,
}

/// What one commit did to an issue, or what isn't committed yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// The commit; `None` for what differs between the commit that is checked out and the files.
    pub commit: Option<Commit>,
    /// The names before and after, if the issue got another number.
    pub renumbered: Option<(IssueKey, IssueKey)>,
    /// What happened. Long texts are cut.
    pub events: Vec<Event>,
    /// The files that can't be read as they were after it.
    pub problems: Vec<RecordProblem>,
}

/// A commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// Its id, as hexadecimal digits.
    pub id: String,
    /// When it was written.
    pub authored: Timestamp,
    /// When it was committed.
    pub committed: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// The address of who wrote it.
    pub email: String,
    /// The first line of its message.
    pub subject: String,
}

/// Who last changed a part of an issue.
#[derive(Clone, PartialEq, Debug)]
pub struct Authorship<'h> {
    /// Which part.
    pub part: Part,
    /// What it is now; [`FieldState::Absent`] for what was there once and isn't now.
    pub state: FieldState,
    /// The step that made it so; `None` if it is older than what is known.
    pub step: Option<&'h Step>,
}

/// A part of an issue that somebody changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A field.
    Field(FieldName),
    /// A link to another issue.
    Link(LinkKind, IssueName),
}

impl History {
    /// Tells for each part of the issue as it is, and for those that were emptied, which step made it so. Of two
    /// branches that were merged the one counts whose value is there now. Needs the whole history to know of all.
    pub fn authorship(&self) -> Vec<Authorship<'_>> {
        let Some(issue) = &self.current else { return Vec::new() };
        let mut parts: Vec<(Part, FieldState)> =
            field_states(issue).into_iter().map(|(field, state)| (Part::Field(field), cut(state))).collect();
        let known: BTreeSet<String> = parts.iter().map(|(part, _)| part.name()).collect();
        let changes = self.steps.iter().flat_map(|step| &step.events).flat_map(changes_of);
        let mut emptied: Vec<FieldName> = Vec::new();
        for change in changes {
            let is_new = !known.contains(&change.field.to_string()) && !emptied.contains(&change.field);
            emptied.extend(is_new.then(|| change.field.clone()));
        }
        parts.extend(emptied.into_iter().map(|field| (Part::Field(field), FieldState::Absent)));
        let value = |target: IssueName| FieldState::Value(target.to_string());
        parts.extend(issue.links.iter().map(|link| (Part::Link(link.kind, link.target), value(link.target))));
        let author = |(part, state): (Part, FieldState)| {
            let step = self.steps.iter().rev().find(|step| step.made(&part, &state));
            let step = step.or_else(|| self.steps.iter().rev().find(|step| step.touched(&part)));
            Authorship { step, part, state }
        };
        parts.into_iter().map(author).collect()
    }
}

impl Part {
    /// Returns what queries and commands call it.
    pub fn name(&self) -> String {
        match self {
            Self::Field(field) => field.to_string(),
            Self::Link(kind, _) => kind.as_str().to_owned(),
        }
    }
}

impl Step {
    /// Whether a part became what it is by this step.
    fn made(&self, part: &Part, state: &FieldState) -> bool {
        self.events.iter().any(|event| match (part, event) {
            (Part::Link(kind, target), Event::LinkAdded { kind: added, target: to, .. }) => {
                (kind, target) == (added, to)
            }
            (Part::Link(..), _) => false,
            (Part::Field(_), Event::IssueCreated { .. }) => *state != FieldState::Absent,
            (Part::Field(field), event) => {
                changes_of(event).iter().any(|change| change.field == *field && change.after == *state)
            }
        })
    }

    /// Whether a part was changed by this step at all.
    fn touched(&self, part: &Part) -> bool {
        let Part::Field(field) = part else { return false };
        self.events.iter().flat_map(changes_of).any(|change| change.field == *field)
    }
}

/// Returns the fields that an event tells of.
fn changes_of(event: &Event) -> &[tickety_core::operation::FieldChange] {
    match event {
        Event::IssueUpdated { fields, .. }
        | Event::IssueClosed { fields, .. }
        | Event::IssueReopened { fields, .. }
        | Event::ExternalChanged { fields, .. } => fields,
        _ => &[],
    }
}

/// Cuts a value as events do.
fn cut(state: FieldState) -> FieldState {
    match state {
        FieldState::Value(value) => FieldState::Value(abridged(&value)),
        other => other,
    }
}

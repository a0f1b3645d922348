//! What differs between two states of an issue, with both values as people write them.

use std::fmt;

use crate::issue::{Closure, Issue};
use crate::query::FieldName;

/// A field that differs between two states of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldChange {
    /// Which, as queries call it.
    pub field: FieldName,
    /// What it was.
    pub before: FieldState,
    /// What it is.
    pub after: FieldState,
}

/// What a field holds, as commands and queries write it. The order has no meaning, but is always the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FieldState {
    /// Nothing.
    Absent,
    /// One value.
    Value(String),
    /// Several, sorted; never none.
    List(Vec<String>),
    /// Something that isn't known any more. Two states of an issue that are both at hand never have it.
    Unknown,
}

impl fmt::Display for FieldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Unknown => f.write_str("something that isn't known any more"),
            Self::Value(value) => brief(value, f),
            Self::List(values) => brief(&values.join(", "), f),
        }
    }
}

/// The longest value that messages show as it is, in characters.
const SHOWN: usize = 60;

/// Writes what messages have room for: the first line, and not too much of it.
fn brief(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let line = value.lines().next().unwrap_or_default();
    let shown: String = line.chars().take(SHOWN).collect();
    let more = if shown.len() < value.trim_end().len() { "…" } else { "" };
    write!(f, "`{shown}{more}`")
}

impl FieldState {
    fn of(value: Option<impl fmt::Display>) -> Self {
        value.map_or(Self::Absent, |value| Self::Value(value.to_string()))
    }

    fn of_text(text: &str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Value(text.to_owned()) }
    }

    fn of_list<'t>(values: impl IntoIterator<Item = &'t String>) -> Self {
        let values: Vec<String> = values.into_iter().cloned().collect();
        if values.is_empty() { Self::Absent } else { Self::List(values) }
    }
}

/// Returns the fields in which two states of an issue differ, in the order of the file. Comments and links are no
/// fields, and neither are number and id.
pub fn field_changes(before: &Issue, after: &Issue) -> Vec<FieldChange> {
    // Most changes touch one field: a text is copied only if it differs.
    let fields = before.fields.keys().chain(after.fields.keys().filter(|key| !before.fields.contains_key(*key)));
    PLAIN
        .iter()
        .cloned()
        .chain(fields.cloned().map(FieldName::Custom))
        .filter(|field| !is_same(field, before, after))
        .map(|field| FieldChange { before: state(&field, before), after: state(&field, after), field })
        .collect()
}

/// Returns the fields that an issue has, in the order of the file, with what they hold.
pub fn field_states(issue: &Issue) -> Vec<(FieldName, FieldState)> {
    let fields = PLAIN.iter().cloned().chain(issue.fields.keys().cloned().map(FieldName::Custom));
    let states = fields.map(|field| (state(&field, issue), field));
    states.filter(|(state, _)| *state != FieldState::Absent).map(|(state, field)| (field, state)).collect()
}

/// The fields every issue may have, in the order of the file, and the body.
static PLAIN: [FieldName; 17] = [
    FieldName::Title,
    FieldName::Created,
    FieldName::Reporter,
    FieldName::Status,
    FieldName::Closed,
    FieldName::Reason,
    FieldName::Note,
    FieldName::Priority,
    FieldName::Kind,
    FieldName::Label,
    FieldName::Assignee,
    FieldName::Milestone,
    FieldName::Due,
    FieldName::Estimate,
    FieldName::Spent,
    FieldName::Reference,
    FieldName::Body,
];

fn is_same(field: &FieldName, before: &Issue, after: &Issue) -> bool {
    match field {
        FieldName::Body => before.body == after.body,
        FieldName::Title => before.title == after.title,
        FieldName::Created => before.created == after.created,
        FieldName::Reporter => before.reporter == after.reporter,
        FieldName::Status => before.status == after.status,
        FieldName::Closed => closure(before, |closure| closure.at) == closure(after, |closure| closure.at),
        FieldName::Reason => {
            closure(before, |closure| Some(closure.reason)) == closure(after, |closure| Some(closure.reason))
        }
        FieldName::Priority => before.priority == after.priority,
        FieldName::Kind => before.kind == after.kind,
        FieldName::Milestone => before.milestone == after.milestone,
        FieldName::Due => before.due == after.due,
        FieldName::Estimate => before.estimate == after.estimate,
        FieldName::Spent => before.spent == after.spent,
        FieldName::Label => before.labels == after.labels,
        FieldName::Assignee => before.assignees == after.assignees,
        FieldName::Reference => before.references == after.references,
        FieldName::Note => {
            closure(before, |closure| closure.note.as_ref()) == closure(after, |closure| closure.note.as_ref())
        }
        FieldName::Custom(key) => before.fields.get(key) == after.fields.get(key),
        _ => state(field, before) == state(field, after),
    }
}

fn closure<'i, T>(issue: &'i Issue, part: impl FnOnce(&'i Closure) -> Option<T>) -> Option<T> {
    issue.closure.as_ref().and_then(part)
}

/// Returns what a field of an issue holds. What isn't stored with the issue itself is [`FieldState::Absent`].
pub(crate) fn state(field: &FieldName, issue: &Issue) -> FieldState {
    match field {
        FieldName::Number => FieldState::of(Some(issue.number)),
        FieldName::Id => FieldState::of(Some(issue.id)),
        FieldName::Title => FieldState::of_text(&issue.title),
        FieldName::Body => FieldState::of_text(&issue.body),
        FieldName::Status => FieldState::of(Some(&issue.status)),
        FieldName::Reason => FieldState::of(closure(issue, |closure| Some(closure.reason))),
        FieldName::Note => FieldState::of(closure(issue, |closure| closure.note.as_ref())),
        FieldName::Closed => FieldState::of(closure(issue, |closure| closure.at)),
        FieldName::Priority => FieldState::of(Some(issue.priority)),
        FieldName::Kind => FieldState::of(Some(&issue.kind)),
        FieldName::Label => FieldState::of_list(&issue.labels),
        FieldName::Assignee => FieldState::of_list(&issue.assignees),
        FieldName::Reporter => FieldState::of(issue.reporter.as_ref()),
        FieldName::Milestone => FieldState::of(issue.milestone.as_ref()),
        FieldName::Due => FieldState::of(issue.due),
        FieldName::Estimate => FieldState::of(issue.estimate),
        FieldName::Spent => FieldState::of(issue.spent),
        FieldName::Reference => FieldState::of_list(&issue.references),
        FieldName::Created => FieldState::of(Some(issue.created)),
        FieldName::Custom(key) => FieldState::of(issue.fields.get(key)),
        FieldName::Comment
        | FieldName::Updated
        | FieldName::Related(_)
        | FieldName::Link
        | FieldName::Fields
        | FieldName::Version => FieldState::Absent,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::issue::{FieldValue, Minutes, Priority, Status};
    use crate::operation::diff;
    use crate::query::arbitrary::issues;

    fn shown(state: FieldState) -> String {
        match state {
            FieldState::Absent => "-".to_owned(),
            FieldState::Value(value) => value,
            FieldState::List(values) => values.join("+"),
            FieldState::Unknown => "?".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn whatever_differs_is_told(pair in issues(2..3)) {
            let (before, mut after) = (&pair[0], pair[1].clone());
            (after.comments, after.links) = (before.comments.clone(), before.links.clone());
            after.imported_updated = before.imported_updated;
            prop_assert_eq!(field_changes(before, &after).is_empty(), diff(before, &after).is_empty());
            prop_assert!(field_changes(before, before).is_empty());
            for change in field_changes(before, &after) {
                prop_assert_ne!(change.before, change.after);
            }
        }

        #[test]
        fn both_values_are_told_as_people_write_them(pair in issues(2..3)) {
            let mut before = pair[0].clone();
            before.labels.clear();
            before.fields.clear();
            (before.estimate, before.priority, before.status) = (None, Priority::Medium, Status::new("open"));
            let mut after = before.clone();
            after.labels = ["a".to_owned(), "b".to_owned()].into();
            (after.estimate, after.priority) = (Some(Minutes(90)), Priority::High);
            after.status = Status::new("closed");
            after.fields.insert("size".to_owned(), FieldValue::Text("L".to_owned()));
            let told = field_changes(&before, &after).into_iter();
            let told: Vec<_> =
                told.map(|change| (change.field.to_string(), shown(change.before), shown(change.after))).collect();
            let expected = [
                ("status", "open", "closed"),
                ("priority", "medium", "high"),
                ("label", "-", "a+b"),
                ("estimate", "-", "1h30m"),
                ("field.size", "-", "L"),
            ];
            let expected = expected.map(|(field, before, after)| (field.to_owned(), before.to_owned(), after.to_owned()));
            prop_assert_eq!(told, expected);
        }
    }
}

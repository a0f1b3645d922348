//! Issues on the wire.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Number, Value};
use tickety_core::graph::{LinkEnd, LinkTarget};
use tickety_core::issue::{self, Closure, Derived, FieldValue, Minutes};
use tickety_core::schema::{Category, Decimal};
use tickety_store::storage;

/// A whole issue, with its comments and both ends of its links.
///
/// Times are RFC 3339 in UTC, dates `2026-11-30`, lengths of work in minutes. A field without a
/// value is `null` or an empty list; none is ever left out.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Issue {
    /// The number; ambiguous only after a merge of two branches that each created one.
    pub number: u32,
    /// The name that always means this issue, `42-k3f9`.
    pub key: String,
    /// The UUID.
    pub id: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The status as stored.
    pub status: String,
    /// What the status counts as: `open`, `in-progress` or `closed`.
    pub category: &'static str,
    /// How it was closed.
    pub closed: Option<Closed>,
    /// `critical`, `high`, `medium`, `low` or `lowest`.
    pub priority: &'static str,
    /// What sort of issue it is.
    pub kind: String,
    /// The labels, sorted.
    pub labels: Vec<String>,
    /// Who works on it, sorted.
    pub assignees: Vec<String>,
    /// Who reported it.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<String>,
    /// The estimate.
    pub estimate_minutes: Option<u32>,
    /// The time spent.
    pub spent_minutes: Option<u32>,
    /// How many comments it has.
    pub comment_count: u32,
    /// The comments, oldest first.
    pub comments: Vec<Comment>,
    /// Both ends of its links.
    pub links: Vec<LinkedIssue>,
    /// What it is called elsewhere.
    pub references: Vec<String>,
    /// Custom fields: texts, numbers, booleans; dates as texts.
    pub fields: BTreeMap<String, Value>,
    /// When it was created.
    pub created: String,
    /// When it last changed.
    pub updated: String,
    /// Whether an issue that isn't closed blocks it.
    pub blocked: bool,
    /// Whether somebody could begin now.
    pub ready: bool,
    /// The branches of the clone on which it is closed, though it isn't here; empty for one that is closed here.
    pub closed_elsewhere: Vec<ClosedElsewhere>,
    /// The version of the record, for conditional writes.
    pub version: String,
    /// Where the record lies, relative to the root.
    pub path: String,
}

impl From<&storage::StoredIssue> for Issue {
    fn from(stored: &storage::StoredIssue) -> Self {
        let view = stored.view();
        let (blocked, ready) = (view.derived.is_blocked(), view.is_ready());
        // What can't be read is told beside the data.
        let storage::StoredIssue { issue, derived, category, version, path, problems: _ } = stored;
        let Derived { updated, links: link_ends, elsewhere } = derived;
        let key = issue.key().to_string();
        let issue::Issue {
            number,
            id,
            title,
            body,
            status,
            closure,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            comments,
            // What is stored is one end of what is derived.
            links: _,
            references,
            fields,
            created,
            // A part of `updated`.
            imported_updated: _,
        } = issue;
        Self {
            number: number.get(),
            key,
            id: id.to_string(),
            title: title.clone(),
            body: body.clone(),
            status: status.to_string(),
            category: category.as_str(),
            closed: closed(*category, closure.as_ref()),
            priority: priority.as_str(),
            kind: kind.to_string(),
            labels: list(labels),
            assignees: list(assignees),
            reporter: reporter.clone(),
            milestone: milestone.clone(),
            due: due.map(|due| due.to_string()),
            estimate_minutes: minutes(*estimate),
            spent_minutes: minutes(*spent),
            comment_count: u32::try_from(comments.len()).unwrap_or(u32::MAX),
            comments: comments.iter().map(Comment::from).collect(),
            links: link_ends.iter().map(LinkedIssue::from).collect(),
            references: list(references),
            fields: fields.iter().map(|(key, value)| (key.clone(), field_value(value))).collect(),
            created: created.to_string(),
            updated: updated.to_string(),
            blocked,
            ready,
            closed_elsewhere: elsewhere.iter().map(ClosedElsewhere::from).collect(),
            version: version.to_string(),
            path: path.clone(),
        }
    }
}

/// That an issue is closed on another branch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClosedElsewhere {
    /// The branch; `null` where a commit is checked out without one.
    pub branch: Option<String>,
    /// When it was closed there, if that is known.
    pub at: Option<String>,
    /// Who closed it, if that is known.
    pub by: Option<String>,
}

impl From<&issue::ClosedElsewhere> for ClosedElsewhere {
    fn from(elsewhere: &issue::ClosedElsewhere) -> Self {
        let issue::ClosedElsewhere { branch, at, by } = elsewhere;
        Self { branch: branch.clone(), at: at.map(|at| at.to_string()), by: by.clone() }
    }
}

/// How an issue was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Closed {
    /// When, if that is known.
    pub at: Option<String>,
    /// `completed`, `cancelled` or `duplicate`.
    pub reason: Option<&'static str>,
    /// What was said about it.
    pub note: Option<String>,
}

fn closed(category: Category, closure: Option<&Closure>) -> Option<Closed> {
    match closure {
        Some(Closure { at, reason, note }) => {
            Some(Closed { at: at.map(|at| at.to_string()), reason: Some(reason.as_str()), note: note.clone() })
        }
        // A file closed by hand may say no more than its status.
        None => category.is_closed().then_some(Closed { at: None, reason: None, note: None }),
    }
}

/// A comment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comment {
    /// The UUID.
    pub id: String,
    /// Who said it.
    pub author: Option<String>,
    /// When.
    pub created: String,
    /// Markdown.
    pub body: String,
}

impl From<&issue::Comment> for Comment {
    fn from(comment: &issue::Comment) -> Self {
        let issue::Comment { id, author, created, body } = comment;
        Self { id: id.to_string(), author: author.clone(), created: created.to_string(), body: body.clone() }
    }
}

/// The other end of a link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedIssue {
    /// What the issue is to the other.
    pub relation: &'static str,
    /// The other as the link names it.
    pub key: String,
    /// Whether no issue, or more than one, has that name; the rest is `null` then.
    pub missing: bool,
    /// The title of the other.
    pub title: Option<String>,
    /// The status of the other.
    pub status: Option<String>,
    /// What that status counts as.
    pub category: Option<&'static str>,
}

impl From<&LinkEnd> for LinkedIssue {
    fn from(end: &LinkEnd) -> Self {
        let LinkEnd { relation, name, target } = end;
        match target {
            Some(LinkTarget { key, title, status, category }) => Self {
                relation: relation.as_str(),
                key: key.to_string(),
                missing: false,
                title: Some(title.clone()),
                status: Some(status.to_string()),
                category: Some(category.as_str()),
            },
            None => Self {
                relation: relation.as_str(),
                key: name.to_string(),
                missing: true,
                title: None,
                status: None,
                category: None,
            },
        }
    }
}

/// An issue as a list has it: all but its texts, links and custom fields.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssueSummary {
    /// See [`Issue::number`].
    pub number: u32,
    /// See [`Issue::key`].
    pub key: String,
    /// See [`Issue::id`].
    pub id: String,
    /// See [`Issue::title`].
    pub title: String,
    /// See [`Issue::status`].
    pub status: String,
    /// See [`Issue::category`].
    pub category: &'static str,
    /// When and why it was closed; the note is in the whole issue.
    pub closed: Option<ClosedSummary>,
    /// See [`Issue::priority`].
    pub priority: &'static str,
    /// See [`Issue::kind`].
    pub kind: String,
    /// See [`Issue::labels`].
    pub labels: Vec<String>,
    /// See [`Issue::assignees`].
    pub assignees: Vec<String>,
    /// See [`Issue::reporter`].
    pub reporter: Option<String>,
    /// See [`Issue::milestone`].
    pub milestone: Option<String>,
    /// See [`Issue::due`].
    pub due: Option<String>,
    /// See [`Issue::estimate_minutes`].
    pub estimate_minutes: Option<u32>,
    /// See [`Issue::spent_minutes`].
    pub spent_minutes: Option<u32>,
    /// See [`Issue::comment_count`].
    pub comment_count: u32,
    /// See [`Issue::created`].
    pub created: String,
    /// See [`Issue::updated`].
    pub updated: String,
    /// See [`Issue::blocked`].
    pub blocked: bool,
    /// See [`Issue::ready`].
    pub ready: bool,
    /// See [`Issue::closed_elsewhere`].
    pub closed_elsewhere: Vec<ClosedElsewhere>,
    /// See [`Issue::version`].
    pub version: String,
    /// See [`Issue::path`].
    pub path: String,
}

/// When and why an issue was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClosedSummary {
    /// When, if that is known.
    pub at: Option<String>,
    /// `completed`, `cancelled` or `duplicate`.
    pub reason: Option<&'static str>,
}

impl From<&storage::IssueSummary> for IssueSummary {
    fn from(summary: &storage::IssueSummary) -> Self {
        let storage::IssueSummary {
            key,
            id,
            title,
            status,
            category,
            reason,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            created,
            closed,
            updated,
            comments,
            blocked,
            elsewhere,
            version,
            path,
        } = summary;
        Self {
            number: key.number.get(),
            key: key.to_string(),
            id: id.to_string(),
            title: title.clone(),
            status: status.to_string(),
            category: category.as_str(),
            closed: category.is_closed().then(|| ClosedSummary {
                at: closed.map(|at| at.to_string()),
                reason: reason.map(|reason| reason.as_str()),
            }),
            priority: priority.as_str(),
            kind: kind.to_string(),
            labels: list(labels),
            assignees: list(assignees),
            reporter: reporter.clone(),
            milestone: milestone.clone(),
            due: due.map(|due| due.to_string()),
            estimate_minutes: minutes(*estimate),
            spent_minutes: minutes(*spent),
            comment_count: *comments,
            created: created.to_string(),
            updated: updated.to_string(),
            blocked: *blocked,
            ready: *category == Category::Open && !*blocked && elsewhere.is_empty(),
            closed_elsewhere: elsewhere.iter().map(ClosedElsewhere::from).collect(),
            version: version.to_string(),
            path: path.clone(),
        }
    }
}

fn list(names: &BTreeSet<String>) -> Vec<String> {
    names.iter().cloned().collect()
}

fn minutes(length: Option<Minutes>) -> Option<u32> {
    length.map(|Minutes(minutes)| minutes)
}

/// Returns a custom field's value as JSON has it; a whole number without a decimal point.
pub fn field_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Text(text) => Value::String(text.clone()),
        FieldValue::Number(number) => Value::Number(json_number(*number)),
        FieldValue::Date(date) => Value::String(date.to_string()),
        FieldValue::Bool(value) => Value::Bool(*value),
    }
}

fn json_number(number: Decimal) -> Number {
    /// Up to here every whole number is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = number.get();
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return Number::from(value as i64);
    }
    Number::from_f64(value).expect("a decimal is finite")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_point() {
        let number = |text: &str| json_number(text.parse().expect("a number")).to_string();
        assert_eq!(number("3"), "3");
        assert_eq!(number("-2.50"), "-2.5");
        assert_eq!(number("1e300"), "1e+300");
    }
}

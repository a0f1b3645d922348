//! Issues of Linear: the CSV of its export, and what its GraphQL interface answers.
//!
//! | Linear (CSV, JSON) | Tickety |
//! |---|---|
//! | `ID`, `identifier` | the reference `linear:ENG-12` |
//! | `Title`, `Description`, `Status` or `state`, `Priority`, `Labels`, `Assignee`, `Creator` | title, body, status, priority (`No priority` is medium), labels, assignee, reporter |
//! | `Created`, `Updated`, `Completed` or `Canceled`, `Due Date` | created, the imported time of the last change, closed, due |
//! | `Project Milestone` | the milestone |
//! | `Parent issue`, `Blocked by`, `Related to`, `Duplicate of`; `parent`, `relations`, `inverseRelations` | links |
//! | `comments` | comments |
//! | `url` | a reference |
//! | `Estimate` (points, not time), `Project`, `Cycle …`, `Team` and every other column | a custom field |
//! | `UUID`, `… ID`, `Time in status`, `branchName`, `number` | left out and counted |

use serde_json::{Map, Value};
use tickety_core::issue::{LinkKind, Priority};
use tickety_core::schema::{Category, Schema};

use super::Imported;
use super::assembly::{Assembly, Profile, names, text_of};
use super::csv::Dialect;
use super::objects::Kind;
use super::part::{Part, ReadOptions};
use super::report::{NoteKind, Place, Report};
use super::words;

const INTERNAL: &str = "a name that only its own programs use";

const PROFILE: Profile = Profile {
    system: "linear",
    parts: &[
        ("id", Part::Id),
        ("identifier", Part::Id),
        ("title", Part::Title),
        ("description", Part::Body),
        ("status", Part::Status),
        ("priority", Part::Priority),
        ("labels", Part::Labels),
        ("assignee", Part::Assignees),
        ("creator", Part::Reporter),
        ("created", Part::Created),
        ("createdat", Part::Created),
        ("updated", Part::Updated),
        ("updatedat", Part::Updated),
        ("completed", Part::Closed),
        ("completedat", Part::Closed),
        ("canceled", Part::Closed),
        ("canceledat", Part::Closed),
        ("due-date", Part::Due),
        ("duedate", Part::Due),
        ("project-milestone", Part::Milestone),
        ("projectmilestone", Part::Milestone),
        ("parent-issue", Part::Parent),
        ("parent", Part::Parent),
        ("blocked-by", Part::BlockedBy),
        ("related-to", Part::Relates),
        ("duplicate-of", Part::DuplicateOf),
        ("children", Part::Children),
        ("comments", Part::Comment),
        ("url", Part::References),
    ],
    statuses: &[],
    priorities: &[
        ("0", Priority::Medium),
        ("1", Priority::Critical),
        ("2", Priority::High),
        ("3", Priority::Medium),
        ("4", Priority::Low),
    ],
    left_out: &[
        ("uuid", INTERNAL),
        ("project-id", INTERNAL),
        ("project-milestone-id", INTERNAL),
        ("time-in-status-(minutes)", "it grows without anybody's doing"),
        ("prioritylabel", "it follows from the priority"),
        ("branchname", "it follows from the title"),
        ("number", "it is in the reference"),
        ("sortorder", INTERNAL),
        ("boardorder", INTERNAL),
        ("subissuesortorder", INTERNAL),
    ],
    separators: &[',', '\n'],
    names_are_whole: false,
    canonical: str::to_owned,
};

pub(super) const KIND: Kind = Kind { expected: "issues of Linear", wrappers: &["data", "issues", "nodes"], read };

pub(super) const DIALECT: Dialect = Dialect { profile: &PROFILE, take };

/// Takes the columns that the header could not say everything about.
fn take(assembly: &mut Assembly<'_>, column: &str, values: Vec<String>) -> Vec<String> {
    if matches!(column, "Completed" | "Canceled") && assembly.options.part_of(column).is_none() {
        for value in values {
            assembly.put_as(column, &Part::Closed, value.into());
        }
        return Vec::new();
    }
    values
}

fn read(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let mut place = Place::line(line);
    let Some(name) = record.get("identifier").and_then(text_of) else {
        report.note(NoteKind::Skipped, &place, "the record has no identifier: ask for it in the query");
        return None;
    };
    place.name = Some(name.clone());
    let internal = record.shift_remove("id");
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    assembly.leave_out("id", &internal.unwrap_or_default(), INTERNAL);
    if let Some(state) = record.shift_remove("state") {
        let word = text_of(&state).unwrap_or_default();
        match state.get("type").and_then(Value::as_str) {
            Some("completed") => assembly.hint(Category::Closed),
            Some("canceled") => {
                assembly.hint(Category::Closed);
                if words::reason(&word).is_none() {
                    assembly.put_as("state.type", &Part::Reason, "canceled".into());
                }
            }
            Some("started") => assembly.hint(Category::InProgress),
            Some(_) => assembly.hint(Category::Open),
            None => {}
        }
        assembly.put_as("state", &Part::Status, word.into());
    }
    for (key, other, reversed) in [("relations", "relatedIssue", false), ("inverseRelations", "issue", true)] {
        for relation in nodes(record.shift_remove(key)) {
            let end = relation.get(other).and_then(|end| end.get("identifier")).and_then(text_of);
            let (kind, holds) = match relation.get("type").and_then(Value::as_str) {
                // What an issue blocks, the other one waits for.
                Some("blocks") => (LinkKind::BlockedBy, !reversed),
                Some("duplicate") => (LinkKind::DuplicateOf, reversed),
                _ => (LinkKind::Relates, reversed),
            };
            match end {
                Some(end) => assembly.link_to(key, kind, holds, end),
                None => assembly.cleaner.note(NoteKind::Dropped, format!("{key}: a relation names no issue")),
            }
        }
    }
    for (key, value) in record {
        let value = match (key.as_str(), value) {
            ("parent" | "children", value) => names_of_issues(value),
            ("project" | "cycle" | "team", value @ Value::Object(_)) => match text_of(&value) {
                Some(name) => name.into(),
                None => value,
            },
            (_, value) => value,
        };
        assembly.put(&key, value);
    }
    assembly.finish(Some(&name))
}

fn nodes(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list,
        Some(Value::Object(mut map)) => nodes(map.remove("nodes")),
        _ => Vec::new(),
    }
}

/// Returns what issues are called that are given as objects.
fn names_of_issues(value: Value) -> Value {
    let identifier = |value: Value| match value {
        Value::Object(mut map) if map.contains_key("identifier") => map.remove("identifier").unwrap_or_default(),
        other => other,
    };
    match value {
        Value::Object(map) if map.contains_key("nodes") => {
            nodes(Some(Value::Object(map))).into_iter().map(identifier).collect()
        }
        Value::Array(list) => list.into_iter().map(identifier).collect(),
        other => Value::Array(names(identifier(other), &[], |_| {}).into_iter().map(Value::String).collect()),
    }
}

//! Issues of Jira: the CSV of a search, and what its REST interface answers.
//!
//! | Jira (CSV, JSON) | Tickety |
//! |---|---|
//! | `Issue key`, `key` | the reference `jira:HARB-12` |
//! | `Summary`, `Description` | title, body; a description in Atlassian's document format becomes Markdown, wiki markup stays as it is |
//! | `Status` (in JSON by its category), `Resolution`, `Priority`, `Issue Type` | status, why it was closed, priority, kind |
//! | `Labels`, `Assignee`, `Reporter`, the first `Fix versions` | labels, assignee, reporter, milestone |
//! | `Created`, `Updated`, `Resolved`, `Due date` | created, the imported time of the last change, closed, due |
//! | `Original estimate`, `Time Spent` | estimate, time spent |
//! | `Parent key`, `parent`, `Inward issue link (Blocks)` and the other links, `subtasks` | links: blocks, duplicates; every other kind as related |
//! | `Comment`: `time;author;text` | comments |
//! | internal numbers, addresses, what repeats the project, sums | left out and counted |
//! | `Custom field (Story Points)`, `customfield_10016`, `Sprint`, `Components` and every other one | a custom field |

mod document;

use serde_json::{Map, Value};
use tickety_core::issue::LinkKind;
use tickety_core::schema::{Category, Schema};

use super::Imported;
use super::assembly::{Assembly, FoundComment, Profile, fold_name, text_of};
use super::csv::Dialect;
use super::objects::Kind;
use super::part::{Part, ReadOptions, Unit};
use super::report::{NoteKind, Place, Report};
use super::times;

const INTERNAL: &str = "a name that only its own programs use";
const REPEATS: &str = "it repeats what others say";

const PROFILE: Profile = Profile {
    system: "jira",
    parts: &[
        ("issue-key", Part::Id),
        ("key", Part::Id),
        ("summary", Part::Title),
        ("description", Part::Body),
        ("status", Part::Status),
        ("resolution", Part::Reason),
        ("priority", Part::Priority),
        ("issue-type", Part::Kind),
        ("issuetype", Part::Kind),
        ("labels", Part::Labels),
        ("assignee", Part::Assignees),
        ("reporter", Part::Reporter),
        ("fix-versions", Part::Milestone),
        ("fix-version/s", Part::Milestone),
        ("fixversions", Part::Milestone),
        ("created", Part::Created),
        ("updated", Part::Updated),
        ("resolved", Part::Closed),
        ("resolutiondate", Part::Closed),
        ("due-date", Part::Due),
        ("duedate", Part::Due),
        ("original-estimate", Part::Estimate(Unit::Seconds)),
        ("timeoriginalestimate", Part::Estimate(Unit::Seconds)),
        ("time-spent", Part::Spent(Unit::Seconds)),
        ("timespent", Part::Spent(Unit::Seconds)),
        ("parent-key", Part::Parent),
        ("epic-link", Part::Parent),
        ("custom-field-(epic-link)", Part::Parent),
    ],
    statuses: &[],
    priorities: &[],
    left_out: &[
        ("id", INTERNAL),
        ("self", INTERNAL),
        ("expand", INTERNAL),
        ("issue-id", INTERNAL),
        ("parent-id", INTERNAL),
        ("assignee-id", INTERNAL),
        ("reporter-id", INTERNAL),
        ("creator-id", INTERNAL),
        ("project-lead-id", INTERNAL),
        ("watchers-id", INTERNAL),
        ("custom-field-(rank)", INTERNAL),
        ("project-key", REPEATS),
        ("project-name", REPEATS),
        ("project-type", REPEATS),
        ("project-lead", REPEATS),
        ("project-description", REPEATS),
        ("project-url", REPEATS),
        ("project", REPEATS),
        ("parent-summary", REPEATS),
        ("status-category", REPEATS),
        ("statuscategory", REPEATS),
        ("statuscategorychangedate", REPEATS),
        ("status-category-changed", REPEATS),
        ("last-viewed", REPEATS),
        ("lastviewed", REPEATS),
        ("votes", REPEATS),
        ("watches", REPEATS),
        ("work-ratio", REPEATS),
        ("workratio", REPEATS),
        ("progress", REPEATS),
        ("aggregateprogress", REPEATS),
        ("timetracking", REPEATS),
        ("aggregatetimespent", REPEATS),
        ("aggregatetimeestimate", REPEATS),
        ("aggregatetimeoriginalestimate", REPEATS),
        ("σ-original-estimate", REPEATS),
        ("σ-remaining-estimate", REPEATS),
        ("σ-time-spent", REPEATS),
    ],
    separators: &['\n'],
    names_are_whole: false,
    canonical: str::to_uppercase,
};

pub(super) const KIND: Kind = Kind { expected: "issues of Jira", wrappers: &["issues", "values"], read };

pub(super) const DIALECT: Dialect = Dialect { profile: &PROFILE, take };

/// Takes the columns of links and comments.
fn take(assembly: &mut Assembly<'_>, column: &str, values: Vec<String>) -> Vec<String> {
    if assembly.options.part_of(column).is_some() {
        return values;
    }
    let link = |direction: &str| column.strip_prefix(direction)?.strip_suffix(')');
    let (name, outward) = match (link("Outward issue link ("), link("Inward issue link (")) {
        (Some(name), _) => (name, true),
        (_, Some(name)) => (name, false),
        _ if column == "Comment" => {
            for value in values {
                assembly.comment(comment(&value));
            }
            return Vec::new();
        }
        // In some exports the internal number of the parent, in others its key.
        _ if column == "Parent" => {
            let (keys, numbers): (Vec<String>, Vec<String>) = values.into_iter().partition(|value| value.contains('-'));
            for key in keys {
                assembly.link_to(column, LinkKind::Parent, false, key);
            }
            for number in numbers {
                assembly.leave_out(
                    column,
                    &number.into(),
                    "an internal number: the column `Parent key` tells the parent",
                );
            }
            return Vec::new();
        }
        // Read by the names that people gave them.
        _ if assembly.is_field(column) => match link("Custom field (") {
            Some(name) if !name.is_empty() => {
                let part = Part::Field(fold_name(name));
                assembly.put_as(column, &part, values.join(", ").into());
                return Vec::new();
            }
            _ => return vec![values.join(", ")],
        },
        _ => return values,
    };
    let (kind, reversed) = link_kind(name, outward);
    for end in values {
        assembly.link_to(column, kind, reversed, end);
    }
    Vec::new()
}

/// Returns what a kind of link is here, and whether the other issue holds it.
fn link_kind(name: &str, outward: bool) -> (LinkKind, bool) {
    match name.to_lowercase().as_str() {
        // `depends on` is the outward name, `blocks` is one as well.
        "dependency" | "depend" | "depends" => (LinkKind::BlockedBy, !outward),
        "blocks" | "blocker" | "blocked" => (LinkKind::BlockedBy, outward),
        "duplicate" | "duplicates" => (LinkKind::DuplicateOf, !outward),
        _ => (LinkKind::Relates, false),
    }
}

/// Reads `05/Sep/26 11:00 AM;author;text`; what isn't of that form is all text.
fn comment(cell: &str) -> FoundComment {
    let mut parts = cell.splitn(3, ';');
    let (time, author, body) = (parts.next(), parts.next(), parts.next());
    match (time.and_then(times::time), author, body) {
        (Some(read), Some(author), Some(body)) => FoundComment {
            author: Some(author.to_owned()),
            created: Some(read.time),
            body: body.to_owned(),
            ..FoundComment::default()
        },
        _ => FoundComment { body: cell.to_owned(), ..FoundComment::default() },
    }
}

fn read(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let mut place = Place::line(line);
    let Some(name) = record.get("key").and_then(text_of) else {
        report.note(NoteKind::Skipped, &place, "the record has no key");
        return None;
    };
    place.name = Some(name.clone());
    let fields = record.shift_remove("fields");
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    for (key, value) in record {
        assembly.put(&key, value);
    }
    let Some(Value::Object(fields)) = fields else {
        assembly.cleaner.note(NoteKind::Skipped, "the record has no fields");
        return None;
    };
    for (key, value) in fields {
        field(&mut assembly, &key, value);
    }
    assembly.finish(Some(&name))
}

fn field(assembly: &mut Assembly<'_>, key: &str, value: Value) {
    match (key, value) {
        ("status", value @ Value::Object(_)) => {
            match value.pointer("/statusCategory/key").and_then(Value::as_str) {
                Some("new" | "undefined") => assembly.hint(Category::Open),
                Some("indeterminate") => assembly.hint(Category::InProgress),
                Some("done") => assembly.hint(Category::Closed),
                _ => {}
            }
            assembly.put(key, value);
        }
        ("parent", Value::Object(mut parent)) => {
            assembly.put_as(key, &Part::Parent, parent.remove("key").unwrap_or_default());
        }
        ("subtasks", Value::Array(list)) => {
            let keys = list.into_iter().filter_map(|task| task.get("key").cloned());
            assembly.put_as(key, &Part::Children, keys.collect());
        }
        ("issuelinks", Value::Array(links)) => {
            for link in links {
                let name = link.pointer("/type/name").and_then(Value::as_str).unwrap_or_default().to_owned();
                for (end, outward) in [("/outwardIssue/key", true), ("/inwardIssue/key", false)] {
                    if let Some(end) = link.pointer(end).and_then(Value::as_str) {
                        let (kind, reversed) = link_kind(&name, outward);
                        assembly.link_to(&format!("issuelinks {name}"), kind, reversed, end.to_owned());
                    }
                }
            }
        }
        ("comment", Value::Object(mut answer)) => {
            for comment in answer.remove("comments").and_then(|list| list.as_array().cloned()).unwrap_or_default() {
                assembly.comment(FoundComment {
                    name: comment.get("id").cloned().unwrap_or_default(),
                    author: comment.get("author").and_then(text_of),
                    created: comment
                        .get("created")
                        .and_then(text_of)
                        .and_then(|text| times::time(&text))
                        .map(|t| t.time),
                    body: comment.get("body").map(document::text).unwrap_or_default(),
                    own_id: None,
                });
            }
        }
        ("description" | "environment", value @ Value::Object(_)) => {
            assembly.put(key, document::text(&value).into());
        }
        ("worklog" | "attachment", value) => {
            assembly.leave_out(key, &value, "files and logs of work are not imported");
        }
        // A list of versions, components or sprints is one of names.
        (_, Value::Array(list)) if assembly.is_field(key) && list.iter().all(|item| text_of(item).is_some()) => {
            let names: Vec<String> = list.iter().filter_map(text_of).collect();
            assembly.keep(key, names.join(", ").into());
        }
        (_, value @ Value::Object(_)) if assembly.is_field(key) => match text_of(&value) {
            Some(text) => assembly.keep(key, text.into()),
            None => assembly.keep(key, value),
        },
        (_, value) => assembly.put(key, value),
    }
}

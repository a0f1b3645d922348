//! Issues of GitLab: the list that the REST interface answers, and `tree/project/issues.ndjson` of a project export.
//!
//! | GitLab | Tickety |
//! |---|---|
//! | `iid` with the project from `references.full` or `web_url` | the reference `gitlab:GROUP/PROJECT#12` |
//! | `title`, `description`, `state`, `labels` or `label_links`, `milestone` | title, body, status, labels, milestone |
//! | `author`, `assignees` | reporter, assignees, by their user names |
//! | `issue_type` | the kind |
//! | `created_at`, `updated_at`, `closed_at`, `due_date` | created, the imported time of the last change, closed, due |
//! | `time_stats`, or `time_estimate` and `timelogs` | estimate, time spent |
//! | `notes`, where they were added or exported; those of the system are counted | comments |
//! | addresses, counts, internal numbers | left out and counted |
//! | `weight`, `confidential`, `severity` and every other key | a custom field |

use serde_json::{Map, Value};
use tickety_core::schema::{Category, Schema};

use super::Imported;
use super::assembly::{Assembly, Profile, text_of};
use super::objects::Kind;
use super::part::{Part, ReadOptions, Unit};
use super::report::{NoteKind, Place, Report};

const COUNTED: &str = "a count, or who may do what there";
const INTERNAL: &str = "a number that only its own programs use";
const ADDRESS: &str = "an address that follows from the number";

const PROFILE: Profile = Profile {
    system: "gitlab",
    parts: &[
        ("iid", Part::Id),
        ("title", Part::Title),
        ("description", Part::Body),
        ("state", Part::Status),
        ("labels", Part::Labels),
        ("milestone", Part::Milestone),
        ("author", Part::Reporter),
        ("assignees", Part::Assignees),
        ("issue-type", Part::Kind),
        ("created-at", Part::Created),
        ("updated-at", Part::Updated),
        ("closed-at", Part::Closed),
        ("due-date", Part::Due),
        ("time-estimate", Part::Estimate(Unit::Seconds)),
        ("notes", Part::Comment),
    ],
    statuses: &[("opened", Category::Open), ("closed", Category::Closed)],
    priorities: &[],
    left_out: &[
        ("id", INTERNAL),
        ("project-id", INTERNAL),
        ("author-id", INTERNAL),
        ("closed-by-id", INTERNAL),
        ("updated-by-id", INTERNAL),
        ("last-edited-by-id", INTERNAL),
        ("issue-assignees", INTERNAL),
        ("relative-position", INTERNAL),
        ("work-item-type-id", INTERNAL),
        ("type", INTERNAL),
        ("web-url", ADDRESS),
        ("-links", ADDRESS),
        ("links", ADDRESS),
        ("references", ADDRESS),
        ("assignee", "the first of the assignees"),
        ("user-notes-count", COUNTED),
        ("merge-requests-count", COUNTED),
        ("upvotes", COUNTED),
        ("downvotes", COUNTED),
        ("blocking-issues-count", COUNTED),
        ("task-completion-status", COUNTED),
        ("task-status", COUNTED),
        ("has-tasks", COUNTED),
        ("subscribed", COUNTED),
        ("discussion-locked", COUNTED),
        ("imported", COUNTED),
        ("imported-from", COUNTED),
        ("events", COUNTED),
        ("resource-label-events", COUNTED),
        ("resource-milestone-events", COUNTED),
        ("resource-state-events", COUNTED),
        ("lock-version", INTERNAL),
        ("closed", "it follows from the state"),
    ],
    separators: &[],
    names_are_whole: true,
    canonical: str::to_owned,
};

pub(super) const KIND: Kind = Kind { expected: "a list of issues of GitLab", wrappers: &["issues"], read };

fn read(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let mut place = Place::line(line);
    let Some(number) = record.get("iid").and_then(Value::as_u64) else {
        report.note(NoteKind::Skipped, &place, "the record has no iid");
        return None;
    };
    place.name = Some(format!("#{number}"));
    let name = full_name(&record)
        .or_else(|| options.source.as_ref().map(|source| format!("{source}#{number}")))
        .unwrap_or_else(|| format!("#{number}"));
    let notes = record.shift_remove("notes");
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    if let Some(Value::Array(notes)) = notes {
        let (system, notes): (Vec<Value>, Vec<Value>) =
            notes.into_iter().partition(|note| note.get("system") == Some(&Value::Bool(true)));
        for _ in system {
            assembly.cleaner.report.count_other("notes of the system");
        }
        let notes = notes.into_iter().map(|mut note| {
            // An export calls the text of a note `note`; what is beside it names things of theirs.
            if let Some(note) = note.as_object_mut() {
                note.retain(|key, _| matches!(key.as_str(), "id" | "body" | "note" | "author" | "created_at"));
            }
            note
        });
        assembly.put("notes", notes.collect());
    }
    if let Some(Value::Object(mut times)) = record.shift_remove("time_stats") {
        let (estimate, spent) = (times.remove("time_estimate"), times.remove("total_time_spent"));
        assembly.put_as("time_stats.time_estimate", &Part::Estimate(Unit::Seconds), estimate.unwrap_or_default());
        assembly.put_as("time_stats.total_time_spent", &Part::Spent(Unit::Seconds), spent.unwrap_or_default());
    }
    if let Some(Value::Array(logs)) = record.shift_remove("timelogs") {
        let spent: i64 = logs.iter().filter_map(|log| log.get("time_spent")?.as_i64()).sum();
        assembly.put_as("timelogs", &Part::Spent(Unit::Seconds), spent.max(0).into());
    }
    if let Some(Value::Array(links)) = record.shift_remove("label_links") {
        let labels: Vec<Value> = links.iter().filter_map(|link| link.get("label").cloned()).collect();
        assembly.put_as("label_links", &Part::Labels, labels.into());
    }
    for (key, value) in record {
        match (key.as_str(), value) {
            ("closed_by", value @ Value::Object(_)) => {
                let name = text_of(&value).map_or(value, Value::String);
                assembly.keep(&key, name);
            }
            ("confidential", Value::Bool(false)) => assembly.cleaner.report.pass_over("confidential = false"),
            ("severity", Value::String(word)) if word == "UNKNOWN" => {
                assembly.cleaner.report.pass_over("severity = UNKNOWN");
            }
            ("discussion_locked", Value::Bool(true)) => assembly.keep(&key, Value::Bool(true)),
            (_, value) => assembly.put(&key, value),
        }
    }
    assembly.finish(Some(&name))
}

/// Returns `group/project#12`.
fn full_name(record: &Map<String, Value>) -> Option<String> {
    if let Some(full) = record.get("references").and_then(|references| references.get("full")?.as_str()) {
        return Some(full.to_owned());
    }
    let address = record.get("web_url")?.as_str()?;
    let (before, number) = address.split_once("/-/issues/").or_else(|| address.split_once("/-/work_items/"))?;
    let (_, path) = before.split_once("://").and_then(|(_, rest)| rest.split_once('/'))?;
    Some(format!("{path}#{number}"))
}

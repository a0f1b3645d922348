//! Bugs of git-bug: `git bug --format json` lists them, `git bug show -f json ID` adds their texts.
//!
//! | git-bug | Tickety |
//! |---|---|
//! | `id` | the reference `git-bug:ID` |
//! | `title`, `status`, `labels`, `author` | title, status, labels, reporter |
//! | `create_time`, `edit_time` | created, the imported time of the last change |
//! | `comments` of `show`: the first is the body, the others are comments; they have no times there | body, comments |
//! | addresses in `metadata` | references |
//! | `actors`, `participants`, `human_id` | left out and counted: they follow from the rest |
//! | every other key | a custom field |

use serde_json::{Map, Value};
use tickety_core::schema::{Category, Schema};

use super::Imported;
use super::assembly::{Assembly, Profile};
use super::objects::Kind;
use super::part::{Part, ReadOptions};
use super::report::{NoteKind, Place, Report};

const FOLLOWS: &str = "it follows from the rest";

const PROFILE: Profile = Profile {
    system: "git-bug",
    parts: &[
        ("id", Part::Id),
        ("title", Part::Title),
        ("status", Part::Status),
        ("labels", Part::Labels),
        ("author", Part::Reporter),
        ("comments", Part::Comment),
    ],
    statuses: &[("open", Category::Open), ("closed", Category::Closed)],
    priorities: &[],
    left_out: &[
        ("human-id", FOLLOWS),
        ("actors", FOLLOWS),
        ("participants", FOLLOWS),
        ("create-lamport", FOLLOWS),
        ("edit-lamport", FOLLOWS),
    ],
    separators: &[],
    names_are_whole: true,
    canonical: str::to_owned,
};

pub(super) const KIND: Kind = Kind { expected: "a list of bugs of git-bug", wrappers: &[], read };

fn read(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let mut place = Place::line(line);
    let Some(id) = record.get("id").and_then(Value::as_str).map(str::to_owned) else {
        report.note(NoteKind::Skipped, &place, "the record has no id");
        return None;
    };
    place.name = Some(record.get("human_id").and_then(Value::as_str).unwrap_or(&id).to_owned());
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    for (key, part) in [("create_time", Part::Created), ("edit_time", Part::Updated)] {
        if let Some(time) = record.shift_remove(key) {
            let said = time.get("time").or(time.get("timestamp")).cloned().unwrap_or(time);
            assembly.put_as(key, &part, said);
        }
    }
    if let Some(Value::Object(metadata)) = record.shift_remove("metadata") {
        let (addresses, others): (Map<String, Value>, Map<String, Value>) =
            metadata.into_iter().partition(|(_, value)| value.as_str().is_some_and(|text| text.starts_with("http")));
        assembly.put_as("metadata", &Part::References, addresses.into_iter().map(|(_, value)| value).collect());
        assembly.keep("metadata", Value::Object(others));
    }
    if let Some(Value::Array(comments)) = record.get_mut("comments") {
        for comment in comments.iter_mut().filter_map(Value::as_object_mut) {
            comment.shift_remove("human_id");
        }
        if !comments.is_empty() {
            let first = comments.remove(0);
            let body = first.get("message").cloned().unwrap_or_default();
            assembly.put_as("comments[0]", &Part::Body, body);
        }
    }
    for (key, value) in record {
        assembly.put(&key, value);
    }
    assembly.finish(Some(&id))
}

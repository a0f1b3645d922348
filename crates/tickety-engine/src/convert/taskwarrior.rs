//! Tasks of taskwarrior: `task export`.
//!
//! | taskwarrior | Tickety |
//! |---|---|
//! | `uuid` | the reference `taskwarrior:UUID` |
//! | `description` | the title |
//! | `status`: `pending` is open, with a `start` in progress; `completed` closed; `deleted` cancelled; `waiting` and `recurring` open and also kept as a field | status |
//! | `priority` `H`, `M`, `L` | priority |
//! | `tags`, `entry`, `modified`, `end`, `due` | labels, created, the imported time of the last change, closed, due |
//! | `depends` | blocked by |
//! | `annotations` | comments |
//! | `urgency`, `id` | left out and counted |
//! | `project`, `recur`, `wait`, `scheduled`, attributes of one's own and every other key | a custom field |

use serde_json::{Map, Value};
use tickety_core::schema::{Category, Schema};

use super::Imported;
use super::assembly::{Assembly, Profile, text_of};
use super::objects::Kind;
use super::part::{Part, ReadOptions};
use super::report::{NoteKind, Place, Report};

const PROFILE: Profile = Profile {
    system: "taskwarrior",
    parts: &[
        ("uuid", Part::Id),
        ("description", Part::Title),
        ("status", Part::Status),
        ("priority", Part::Priority),
        ("tags", Part::Labels),
        ("entry", Part::Created),
        ("modified", Part::Updated),
        ("end", Part::Closed),
        ("due", Part::Due),
        ("depends", Part::BlockedBy),
        ("annotations", Part::Comment),
    ],
    statuses: &[("pending", Category::Open), ("active", Category::InProgress), ("completed", Category::Closed)],
    priorities: &[],
    left_out: &[
        ("urgency", "it follows from the rest"),
        ("id", "a place in a list, which changes"),
        ("imask", "a place in a list, which changes"),
        ("mask", "it follows from the tasks that recur"),
    ],
    // Old versions write the tasks that one depends on as one text.
    separators: &[','],
    names_are_whole: true,
    canonical: str::to_lowercase,
};

pub(super) const KIND: Kind = Kind { expected: "tasks of `task export`", wrappers: &[], read };

fn read(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let mut place = Place::line(line);
    let Some(id) = record.get("uuid").and_then(text_of) else {
        report.note(NoteKind::Skipped, &place, "the task has no uuid");
        return None;
    };
    place.name = Some(id.get(..8).unwrap_or(&id).to_owned());
    let is_started = record.contains_key("start");
    let status = record.get("status").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    match status.as_str() {
        "pending" if is_started => drop(record.insert("status".to_owned(), "active".into())),
        "deleted" => drop(record.insert("status".to_owned(), "cancelled".into())),
        _ => {}
    }
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    for (key, value) in record {
        // The template of a task that recurs is no issue of which it is a part.
        match key.as_str() {
            "parent" => assembly.keep("recurs-from", value),
            _ => assembly.put(&key, value),
        }
    }
    assembly.finish(Some(&id))
}

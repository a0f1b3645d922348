//! What the fuzz targets do with their input. Each takes any bytes and panics where a promise is broken.
//!
//! `cargo xtask fuzz` feeds them with what libFuzzer makes up, and a test with the files of `fuzz/corpus` and
//! `fuzz/found`, so that what was found once is tried in every run of the pipeline.

mod batch;
mod config;
mod events;
mod home;
mod imports;
mod journal;
mod query;
mod records;

use jiff::Timestamp;
use tickety_core::issue::{Kind, Status};
use tickety_core::query::Moment;
use tickety_core::schema::{Category, FieldDef, FieldType, Schema, StatusDef};
use tickety_engine::sample::Sample;

pub use batch::batch_file;
pub use config::config;
pub use events::event_log;
pub use imports::{import_beads, import_json, import_jsonl, import_trackers};
pub use journal::journal;
pub use query::query;
pub use records::{comment_file, issue_file};

/// A name and what is done.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("issue_file", issue_file),
    ("comment_file", comment_file),
    ("config", config),
    ("query", query),
    ("journal", journal),
    ("event_log", event_log),
    ("batch_file", batch_file),
    ("import_beads", import_beads),
    ("import_jsonl", import_jsonl),
    ("import_json", import_json),
    ("import_trackers", import_trackers),
];

/// A vocabulary with a field of each type.
fn schema() -> Schema {
    let mut schema = Schema::default();
    schema.statuses.push(StatusDef { name: Status::new("review"), category: Category::InProgress });
    schema.kinds.push(Kind::new("spike"));
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    let choices = ["s1", "s2", "s3"].map(str::to_owned);
    schema.fields = vec![
        field("size", FieldType::Number),
        field("released", FieldType::Date),
        field("flaky", FieldType::Bool),
        field("severity", FieldType::Choice(choices.into())),
        field("team", FieldType::Text),
    ];
    schema
}

/// The time it is.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("it lies within the calendar")
}

/// When and by whom questions are asked.
fn moment() -> Moment {
    Moment { now: now(), zone: jiff::tz::TimeZone::UTC, me: Some("ann".to_owned()) }
}

/// Issues with links, comments and everything else, always the same.
fn sample(issues: u32) -> Sample {
    Sample::new(7, issues, now())
}

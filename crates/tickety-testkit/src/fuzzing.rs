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
mod merging;
mod query;
mod records;

use std::path::Path;

use jiff::Timestamp;
use tickety_core::query::Moment;
use tickety_core::schema::Schema;
use tickety_engine::sample::Sample;
use tickety_store::repo::Config;

pub use batch::batch_file;
pub use config::config;
pub use events::event_log;
pub use imports::{import_beads, import_json, import_jsonl, import_trackers};
pub use journal::journal;
pub use merging::merged_files;
pub use query::query;
pub use records::{comment_file, issue_file};

/// A name and what is done.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 12] = [
    ("issue_file", issue_file),
    ("comment_file", comment_file),
    ("merged_files", merged_files),
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

/// Settings with a field of each type.
const CONFIG: &str = r#"format = 1
prefix = "TIK"
kinds = ["bug", "feature", "task", "chore", "epic", "spike"]

[statuses]
review = "in-progress"

[fields]
size = "number"
released = "date"
flaky = "bool"
severity = ["s1", "s2", "s3"]
team = "text"
"#;

/// The vocabulary of these settings.
fn schema() -> Schema {
    Config::parse(CONFIG, Path::new("config.toml")).expect("the settings can be read").schema
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

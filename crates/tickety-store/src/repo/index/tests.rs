//! Claims about the whole index.

mod agreement;
mod maintenance;

use std::path::Path;

use jiff::Timestamp;
use tickety_core::ident::Version;
use tickety_core::issue::Issue;
use tickety_core::query::arbitrary::schema;

use super::{Fingerprint, Index, RecordState};

fn fingerprint() -> Fingerprint {
    Fingerprint::new(&schema(), "boot")
}

fn record(issue: &Issue) -> RecordState {
    let hash = blake3::hash(format!("{issue:?}").as_bytes());
    RecordState { version: Version::new(*hash.as_bytes().first_chunk().unwrap()), written: Some(Timestamp::UNIX_EPOCH) }
}

/// Makes an index in memory of the issues.
fn built(issues: &[Issue]) -> Index {
    let mut builder = Index::build_in_memory(&schema(), &fingerprint()).unwrap();
    issues.iter().for_each(|issue| builder.put_issue(issue, &record(issue)).unwrap());
    builder.finish().unwrap()
}

/// Makes an index file of the issues.
fn built_at(path: &Path, issues: &[Issue]) -> Index {
    let mut builder = Index::build(path, &schema(), &fingerprint()).unwrap();
    issues.iter().for_each(|issue| builder.put_issue(issue, &record(issue)).unwrap());
    builder.finish().unwrap()
}

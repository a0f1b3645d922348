//! Claims about the whole index.

mod agreement;
mod maintenance;
mod opening;
mod plans;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_core::ident::{IssueId, IssueNumber, Version};
use tickety_core::issue::{Issue, Kind, Priority, Status};
use tickety_core::query::Moment;
use tickety_core::query::arbitrary::{now, schema};
use uuid::Uuid;

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

fn moment() -> Moment {
    Moment { now: now(), zone: TimeZone::UTC, me: None }
}

/// Makes an issue that has nothing but a number and a title.
pub(super) fn plain_issue(number: u32) -> Issue {
    let created = Timestamp::UNIX_EPOCH;
    Issue {
        number: IssueNumber::new(number).unwrap(),
        id: IssueId::new(Uuid::from_u128(u128::from(number).wrapping_mul(0x9_e375))),
        title: format!("Issue {number}"),
        body: String::new(),
        status: Status::new("open"),
        closure: None,
        priority: Priority::Medium,
        kind: Kind::new("task"),
        labels: BTreeSet::new(),
        assignees: BTreeSet::new(),
        reporter: None,
        milestone: None,
        due: None,
        estimate: None,
        spent: None,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: BTreeMap::new(),
        created,
        imported_updated: None,
    }
}

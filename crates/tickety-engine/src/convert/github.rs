//! Issues of GitHub: the list that the REST interface answers, and what `gh issue list --json …` writes.
//!
//! | GitHub (REST, `gh`) | Tickety |
//! |---|---|
//! | `number` with the repository from `html_url`, `url` or `repository_url` | the reference `github:OWNER/REPO#17`, by which a repeated import knows the issue again |
//! | `title`, `body` | title, body |
//! | `state`, `state_reason` | status and why it was closed: `not_planned` is cancelled |
//! | `labels`, `assignees` or `assignee`, `user` or `author`, `milestone` | labels, assignees, reporter, milestone |
//! | `type` | the kind |
//! | `created_at`, `updated_at`, `closed_at` | created, the imported time of the last change, closed |
//! | `parent_issue_url` | the parent |
//! | `comments` where they are a list; REST gives their number only | comments |
//! | an entry with `pull_request` | passed over and counted |
//! | addresses of the interface, `node_id`, counts and what follows from the number | left out and counted |
//! | every other key | a custom field of that name |

mod writer;

use std::io::BufRead;

use serde_json::{Map, Value};
use tickety_core::issue::LinkKind;
use tickety_core::schema::{Category, Schema};

use super::assembly::{Assembly, Profile, text_of};
use super::part::{Part, ReadOptions};
use super::records::Records;
use super::report::{NoteKind, Place, Report};
use super::{Imported, ReadError, Reader};

pub use writer::GithubWriter;

/// The system in references and fields.
const SYSTEM: &str = "github";

const ADDRESS: &str = "an address that follows from the number";
const COUNTED: &str = "a count, or who may do what there";
const INTERNAL: &str = "a name that only its own programs use";

const PROFILE: Profile = Profile {
    system: SYSTEM,
    parts: &[
        ("number", Part::Id),
        ("title", Part::Title),
        ("body", Part::Body),
        ("state", Part::Status),
        ("state-reason", Part::Reason),
        ("statereason", Part::Reason),
        ("labels", Part::Labels),
        ("assignees", Part::Assignees),
        ("user", Part::Reporter),
        ("author", Part::Reporter),
        ("milestone", Part::Milestone),
        ("type", Part::Kind),
        ("issuetype", Part::Kind),
        ("created-at", Part::Created),
        ("createdat", Part::Created),
        ("updated-at", Part::Updated),
        ("updatedat", Part::Updated),
        ("closed-at", Part::Closed),
        ("closedat", Part::Closed),
        ("comments", Part::Comment),
    ],
    statuses: &[("open", Category::Open), ("closed", Category::Closed)],
    priorities: &[],
    left_out: &[
        ("id", INTERNAL),
        ("node-id", INTERNAL),
        ("url", ADDRESS),
        ("html-url", ADDRESS),
        ("repository-url", ADDRESS),
        ("labels-url", ADDRESS),
        ("comments-url", ADDRESS),
        ("events-url", ADDRESS),
        ("timeline-url", ADDRESS),
        ("repository", ADDRESS),
        ("closed", "it follows from the state"),
        ("assignee", "the first of the assignees"),
        ("author-association", COUNTED),
        ("reactions", COUNTED),
        ("reactiongroups", COUNTED),
        ("sub-issues-summary", COUNTED),
        ("issue-dependencies-summary", COUNTED),
        ("score", COUNTED),
        ("active-lock-reason", COUNTED),
        ("performed-via-github-app", INTERNAL),
        ("issue-field-values", INTERNAL),
        ("locked", COUNTED),
        ("ispinned", COUNTED),
        ("pinned-comment", COUNTED),
    ],
    separators: &[],
    names_are_whole: true,
    canonical: str::to_owned,
};

/// Reads issues of GitHub.
#[derive(Debug)]
pub struct GithubReader<'a, R> {
    records: Records<R>,
    schema: &'a Schema,
    options: &'a ReadOptions,
}

impl<'a, R: BufRead> GithubReader<'a, R> {
    /// Reads from a stream.
    pub fn new(input: R, schema: &'a Schema, options: &'a ReadOptions) -> Self {
        Self { records: Records::new(input, "a list of issues of GitHub", &["items"]), schema, options }
    }
}

impl<R: BufRead> Reader for GithubReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        while let Some((line, record)) = self.records.next(report)? {
            if is_pull_request(&record) {
                report.count_other("pull requests");
                continue;
            }
            report.records += 1;
            if let Some(imported) = read_record(line, record, self.schema, self.options, report) {
                return Ok(Some(imported));
            }
        }
        Ok(None)
    }
}

fn is_pull_request(record: &Map<String, Value>) -> bool {
    record.get("pull_request").is_some_and(|value| !value.is_null())
        || ["html_url", "url"].iter().any(|key| {
            record
                .get(*key)
                .and_then(Value::as_str)
                .is_some_and(|url| url.contains("/pull/") || url.contains("/pulls/"))
        })
        || record.contains_key("headRefName")
}

fn read_record(
    line: u64,
    mut record: Map<String, Value>,
    schema: &Schema,
    options: &ReadOptions,
    report: &mut Report,
) -> Option<Imported> {
    let number = record.get("number").and_then(Value::as_u64);
    let mut place = Place::line(line);
    let Some(number) = number else {
        report.note(NoteKind::Skipped, &place, "the record has no number");
        return None;
    };
    place.name = Some(format!("#{number}"));
    let repository = repository(&record).or_else(|| options.source.clone());
    let own = record.shift_remove("tickety");
    let mut assembly = Assembly::new(&PROFILE, options, schema, &place, report);
    if let Some(Value::Object(own)) = own {
        super::own::put(&mut assembly, own);
    }
    let state = record.shift_remove("state").as_ref().and_then(text_of).map(|state| state.to_lowercase());
    let reason = ["state_reason", "stateReason"].iter().find_map(|key| record.shift_remove(*key));
    if let Some(state) = state.clone().filter(|_| !assembly.has_status()) {
        assembly.put("state", Value::String(state));
    }
    // An open issue has `reopened`, or an empty one.
    match reason.as_ref().and_then(text_of) {
        Some(reason) if state.as_deref() == Some("closed") => {
            assembly.put("state_reason", Value::String(reason.to_lowercase()));
        }
        Some(reason) => assembly.leave_out("state_reason", &Value::String(reason), "the issue is open"),
        None => {}
    }
    if let Some(parent) = record.shift_remove("parent_issue_url") {
        match parent.as_str().and_then(name_in_address) {
            Some(parent) => assembly.link_to("parent_issue_url", LinkKind::Parent, false, parent),
            None => assembly.keep("parent_issue_url", parent),
        }
    }
    if !record.contains_key("assignees")
        && let Some(assignee) = record.shift_remove("assignee")
    {
        assembly.put_as("assignee", &Part::Assignees, assignee);
    }
    if let Some(Value::Object(author)) = record.get("closed_by") {
        let author = author.get("login").cloned().unwrap_or_default();
        record.insert("closed_by".to_owned(), author);
    }
    for (key, value) in record {
        match (key.as_str(), &value) {
            ("closedByPullRequestsReferences" | "projectItems" | "projectCards", Value::Array(list))
                if list.is_empty() => {}
            ("draft", Value::Bool(false)) => assembly.leave_out(&key, &value, "only pull requests are drafts"),
            ("isPinned" | "locked", Value::Bool(true)) => assembly.keep(&key, value),
            ("active_lock_reason", Value::String(_)) => assembly.keep(&key, value),
            _ => assembly.put(&key, value),
        }
    }
    let name = match repository {
        Some(repository) => format!("{repository}#{number}"),
        None => format!("#{number}"),
    };
    // What was made here and never was at GitHub has no name there.
    let is_ours = assembly.is_own() && !name.contains('/');
    assembly.finish(Some(name.as_str()).filter(|_| !is_ours))
}

/// Returns the repository that an issue belongs to, as `owner/name`.
fn repository(record: &Map<String, Value>) -> Option<String> {
    let named = record.get("repository").and_then(|repository| {
        let name = repository.get("nameWithOwner").or(repository.get("full_name"))?;
        name.as_str().map(str::to_owned)
    });
    named.or_else(|| {
        ["html_url", "url"].iter().find_map(|key| {
            let name = name_in_address(record.get(*key)?.as_str()?)?;
            Some(name.split_once('#')?.0.to_owned())
        })
    })
}

/// Returns `owner/name#17` of the address of an issue.
fn name_in_address(address: &str) -> Option<String> {
    let (before, number) = address.trim_end_matches('/').rsplit_once("/issues/")?;
    let number: u64 = number.split(['#', '?']).next()?.parse().ok()?;
    let mut parts = before.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}#{number}")).filter(|_| !name.is_empty() && !owner.is_empty())
}

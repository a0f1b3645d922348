//! Writing issues as GitHub's REST interface does.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tickety_core::issue::{CloseReason, Closure, Comment, Issue, Priority};
use tickety_core::schema::Schema;

use super::SYSTEM;
use crate::convert::identity::comment_number;
use crate::convert::left_out::LeftOut;
use crate::convert::{Memory, Writer};

/// Writes a list as GitHub answers it, with the comments in it. What GitHub calls differently or has no place for, as
/// far as its kind is small (the identity, a status of one's own, what was said on closing), goes into one further key,
/// `tickety`.
#[derive(Debug)]
pub struct GithubWriter<'a, W> {
    output: W,
    schema: &'a Schema,
    count: u64,
    left_out: LeftOut,
}

impl<'a, W: Write> GithubWriter<'a, W> {
    /// Writes one list to a stream.
    pub fn new(output: W, schema: &'a Schema) -> Self {
        Self { output, schema, count: 0, left_out: LeftOut::default() }
    }

    fn record(&mut self, issue: &Issue, updated: Timestamp) -> Value {
        let Issue {
            number,
            id,
            title,
            body,
            status,
            closure,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            comments,
            links,
            references,
            fields,
            created,
            imported_updated,
        } = issue;
        let there = references.iter().find_map(|reference| {
            let (repository, number) = reference.strip_prefix(SYSTEM)?.strip_prefix(':')?.rsplit_once('#')?;
            Some((repository.to_owned(), number.parse::<u64>().ok()?))
        });
        let left_out = &mut self.left_out;
        left_out.count("priorities", usize::from(*priority != Priority::default()));
        left_out.count("due dates", usize::from(due.is_some()));
        left_out.count("estimates", usize::from(estimate.is_some()));
        left_out.count("times spent", usize::from(spent.is_some()));
        left_out.count("links", links.len());
        left_out.count("references", references.len() - usize::from(there.is_some()));
        left_out.count("custom fields", fields.keys().filter(|key| !Memory::is_in(key)).count());

        let mut own = Map::new();
        own.insert("id".to_owned(), id.to_string().into());
        own.insert("number".to_owned(), number.get().into());
        let category = self.schema.category(status);
        if *status != self.schema.first_of(category) || !(closure.is_some() || status.as_str() == "open") {
            own.insert("status".to_owned(), status.as_str().into());
        }
        if let Some(note) = closure.as_ref().and_then(|closure| closure.note.as_ref()) {
            own.insert("note".to_owned(), note.as_str().into());
        }
        let (state, reason, closed) = match closure {
            None => ("open", None, None),
            Some(Closure { at, reason, note: _ }) => {
                let reason = match reason {
                    CloseReason::Completed => "completed",
                    CloseReason::Cancelled => "not_planned",
                    CloseReason::Duplicate => "duplicate",
                };
                ("closed", Some(reason), *at)
            }
        };
        let comments: Vec<Value> = comments
            .iter()
            .map(|Comment { id, author, created, body }| {
                json!({
                    "id": comment_number(*id),
                    "user": author.as_ref().map(|name| json!({"login": name})),
                    "created_at": created.to_string(),
                    "body": body,
                    "tickety": id.to_string(),
                })
            })
            .collect();
        let mut record = Map::new();
        if let Some((repository, number)) = &there
            && repository.contains('/')
        {
            let address = format!("https://github.com/{repository}/issues/{number}");
            record.insert("html_url".to_owned(), address.into());
        }
        let rest = json!({
            "number": there.map_or(u64::from(number.get()), |(_, number)| number),
            "title": title,
            "body": body,
            "state": state,
            "state_reason": reason,
            "labels": labels.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
            "assignees": assignees.iter().map(|name| json!({"login": name})).collect::<Vec<_>>(),
            "user": reporter.as_ref().map(|name| json!({"login": name})),
            "milestone": milestone.as_ref().map(|title| json!({"title": title})),
            "type": {"name": kind.as_str()},
            "created_at": created.to_string(),
            "updated_at": imported_updated.unwrap_or(updated).to_string(),
            "closed_at": closed.map(|at| at.to_string()),
            "comments": comments,
            "tickety": own,
        });
        if let Value::Object(rest) = rest {
            record.extend(rest);
        }
        Value::Object(record)
    }
}

impl<W: Write> Writer for GithubWriter<'_, W> {
    fn write(&mut self, issue: &Issue, updated: Timestamp) -> io::Result<()> {
        let record = self.record(issue, updated);
        self.output.write_all(if self.count == 0 { b"[\n" } else { b",\n" })?;
        self.count += 1;
        serde_json::to_writer(&mut self.output, &record)?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?;
        self.output.flush()
    }

    fn left_out(&self) -> BTreeMap<&'static str, u64> {
        self.left_out.counts()
    }
}

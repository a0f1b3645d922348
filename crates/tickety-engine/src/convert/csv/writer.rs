//! Writing a table.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tickety_core::issue::{Closure, FieldValue, Issue, LinkKind};
use tickety_core::schema::Schema;

use super::header::{OWN, looks_like_formula};
use crate::convert::left_out::LeftOut;
use crate::convert::{Memory, Writer};

/// The columns behind the first ones, but for those of declared fields.
const REST: [&str; 20] = [
    "labels",
    "assignees",
    "reporter",
    "milestone",
    "due",
    "estimate",
    "spent",
    "created",
    "updated",
    "closed",
    "close-reason",
    "close-note",
    "parent",
    "blocked-by",
    "relates",
    "duplicate-of",
    "discovered-from",
    "references",
    "body",
    "fields",
];

/// Writes a table with an issue a row. Fields that are declared have columns of their own, the others are JSON in one.
///
/// A text that a spreadsheet would take for a formula has a `'` before it, which an import takes away again.
pub struct CsvWriter<'a, W: Write> {
    output: csv::Writer<W>,
    schema: &'a Schema,
    begun: bool,
    left_out: LeftOut,
}

impl<W: Write> std::fmt::Debug for CsvWriter<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvWriter").finish_non_exhaustive()
    }
}

impl<'a, W: Write> CsvWriter<'a, W> {
    /// Writes to a stream.
    pub fn new(output: W, schema: &'a Schema) -> Self {
        let output = csv::WriterBuilder::new().from_writer(output);
        Self { output, schema, begun: false, left_out: LeftOut::default() }
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let fields = self.schema.fields.iter().map(|field| format!("field.{}", field.key));
        let names = OWN.iter().chain(&REST).map(|name| (*name).to_owned()).chain(fields);
        self.output.write_record(names).map_err(io::Error::from)
    }
}

impl<W: Write> Writer for CsvWriter<'_, W> {
    fn write(&mut self, issue: &Issue, updated: Timestamp) -> io::Result<()> {
        self.begin()?;
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
        self.left_out.count("comments", comments.len());
        let of_kind = |kind: LinkKind| {
            let targets = links.iter().filter(|link| link.kind == kind);
            list(targets.map(|link| link.target.to_string()))
        };
        let declared: Vec<&str> = self.schema.fields.iter().map(|field| field.key.as_str()).collect();
        let others: Map<String, Value> = fields
            .iter()
            .filter(|(key, _)| !Memory::is_in(key) && !declared.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), field(value)))
            .collect();
        let others = if others.is_empty() { String::new() } else { Value::Object(others).to_string() };
        let Closure { at, reason, note } =
            closure.clone().unwrap_or(Closure { at: None, reason: Default::default(), note: None });
        let own = [
            number.to_string(),
            id.to_string(),
            title.clone(),
            status.to_string(),
            kind.to_string(),
            priority.to_string(),
            list(labels),
            list(assignees),
            reporter.clone().unwrap_or_default(),
            milestone.clone().unwrap_or_default(),
            due.map(|day| day.to_string()).unwrap_or_default(),
            estimate.map(|minutes| minutes.0.to_string()).unwrap_or_default(),
            spent.map(|minutes| minutes.0.to_string()).unwrap_or_default(),
            created.to_string(),
            imported_updated.unwrap_or(updated).to_string(),
            at.map(|at| at.to_string()).unwrap_or_default(),
            closure.as_ref().map(|_| reason.to_string()).unwrap_or_default(),
            note.unwrap_or_default(),
            of_kind(LinkKind::Parent),
            of_kind(LinkKind::BlockedBy),
            of_kind(LinkKind::Relates),
            of_kind(LinkKind::DuplicateOf),
            of_kind(LinkKind::DiscoveredFrom),
            list(references),
            body.clone(),
            others,
        ];
        let values = declared.iter().map(|key| fields.get(*key).map(ToString::to_string).unwrap_or_default());
        let cells = own.into_iter().chain(values).map(|cell| match looks_like_formula(&cell) {
            true => format!("'{cell}"),
            false => cell,
        });
        self.output.write_record(cells).map_err(io::Error::from)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        self.output.flush()
    }

    fn left_out(&self) -> BTreeMap<&'static str, u64> {
        self.left_out.counts()
    }
}

/// Writes a list `;` apart, or as JSON where that wouldn't be read back.
fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
    if items.iter().any(|item| item.contains([',', ';', '|', '\n']) || item.starts_with('[')) {
        return json!(items).to_string();
    }
    items.join("; ")
}

/// Returns a value with its type.
fn field(value: &FieldValue) -> Value {
    match value {
        FieldValue::Text(text) => Value::String(text.clone()),
        FieldValue::Number(number) => json!(number.get()),
        FieldValue::Date(date) => json!({ "date": date.to_string() }),
        FieldValue::Bool(value) => Value::Bool(*value),
    }
}

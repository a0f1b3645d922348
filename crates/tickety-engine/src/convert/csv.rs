//! Tables: CSV with a header, from any tracker or spreadsheet, and as we write them.
//!
//! | column | Tickety |
//! |---|---|
//! | `--map PART=COLUMN` | what was asked for |
//! | one with a usual name (`Summary`, `State`, `Assigned To`, `Due Date`, …) | the part that it names; where several name the same, the most usual one |
//! | the id (`ID`, `Key`, `Issue key`, `Number`, `#`) | the reference `csv:ID`; without one, rows are known again by their titles |
//! | `field.KEY` | the custom field |
//! | every other one | a custom field of that name |
//!
//! Comma, semicolon or tab, whichever the header has most of. Items of a list stand `;`, `|` or a line break apart,
//! those of labels and links also a comma, or are a JSON array.

mod header;
mod rows;
mod writer;

use std::collections::HashMap;
use std::io::BufRead;

use serde_json::Value;
use tickety_core::issue::Priority;
use tickety_core::schema::Schema;

use super::assembly::{Assembly, Profile};
use super::fields::show;
use super::part::{Part, ReadOptions, Unit};
use super::report::{NoteKind, Place, Report};
use super::{Imported, ReadError, Reader};
use header::Header;
use rows::{Row, Rows};

pub use writer::CsvWriter;

/// The names that columns usually have; of several for the same part the first counts.
const PROFILE: Profile = Profile {
    system: "csv",
    parts: &[
        ("id", Part::Id),
        ("key", Part::Id),
        ("issue-key", Part::Id),
        ("identifier", Part::Id),
        ("issue-id", Part::Id),
        ("ticket-id", Part::Id),
        ("task-id", Part::Id),
        ("number", Part::Id),
        ("#", Part::Id),
        ("no", Part::Id),
        ("issue", Part::Id),
        ("title", Part::Title),
        ("summary", Part::Title),
        ("subject", Part::Title),
        ("name", Part::Title),
        ("task-name", Part::Title),
        ("task", Part::Title),
        ("headline", Part::Title),
        ("body", Part::Body),
        ("description", Part::Body),
        ("details", Part::Body),
        ("content", Part::Body),
        ("text", Part::Body),
        ("notes", Part::Body),
        ("status", Part::Status),
        ("state", Part::Status),
        ("close-reason", Part::Reason),
        ("resolution", Part::Reason),
        ("reason", Part::Reason),
        ("close-note", Part::Note),
        ("note", Part::Note),
        ("priority", Part::Priority),
        ("prio", Part::Priority),
        ("kind", Part::Kind),
        ("type", Part::Kind),
        ("issue-type", Part::Kind),
        ("tracker", Part::Kind),
        ("labels", Part::Labels),
        ("label", Part::Labels),
        ("tags", Part::Labels),
        ("tag", Part::Labels),
        ("assignees", Part::Assignees),
        ("assignee", Part::Assignees),
        ("assigned-to", Part::Assignees),
        ("owner", Part::Assignees),
        ("reporter", Part::Reporter),
        ("author", Part::Reporter),
        ("creator", Part::Reporter),
        ("created-by", Part::Reporter),
        ("opened-by", Part::Reporter),
        ("milestone", Part::Milestone),
        ("target-version", Part::Milestone),
        ("due", Part::Due),
        ("due-date", Part::Due),
        ("deadline", Part::Due),
        ("estimate", Part::Estimate(Unit::Minutes)),
        ("estimate-minutes", Part::Estimate(Unit::Minutes)),
        ("estimated-time", Part::Estimate(Unit::Hours)),
        ("estimated-hours", Part::Estimate(Unit::Hours)),
        ("spent", Part::Spent(Unit::Minutes)),
        ("spent-minutes", Part::Spent(Unit::Minutes)),
        ("spent-time", Part::Spent(Unit::Hours)),
        ("created", Part::Created),
        ("created-at", Part::Created),
        ("created-at-(utc)", Part::Created),
        ("created-date", Part::Created),
        ("date-created", Part::Created),
        ("creation-date", Part::Created),
        ("opened", Part::Created),
        ("updated", Part::Updated),
        ("updated-at", Part::Updated),
        ("updated-at-(utc)", Part::Updated),
        ("last-updated", Part::Updated),
        ("modified", Part::Updated),
        ("changed", Part::Updated),
        ("closed", Part::Closed),
        ("closed-at", Part::Closed),
        ("closed-at-(utc)", Part::Closed),
        ("closed-date", Part::Closed),
        ("resolved", Part::Closed),
        ("completed", Part::Closed),
        ("completed-at", Part::Closed),
        ("references", Part::References),
        ("url", Part::References),
        ("link", Part::References),
        ("parent", Part::Parent),
        ("parent-id", Part::Parent),
        ("parent-issue", Part::Parent),
        ("parent-task", Part::Parent),
        ("blocked-by", Part::BlockedBy),
        ("depends-on", Part::BlockedBy),
        ("dependencies", Part::BlockedBy),
        ("blocks", Part::Blocks),
        ("blocking", Part::Blocks),
        ("relates", Part::Relates),
        ("related-to", Part::Relates),
        ("related", Part::Relates),
        ("duplicate-of", Part::DuplicateOf),
        ("discovered-from", Part::DiscoveredFrom),
        ("comment", Part::Comment),
        ("comments", Part::Comment),
        ("fields", Part::Fields),
    ],
    statuses: &[],
    priorities: &[
        ("1 critical", Priority::Critical),
        ("2 high", Priority::High),
        ("3 medium", Priority::Medium),
        ("4 low", Priority::Low),
    ],
    left_out: &[],
    separators: &[';', '|', '\n'],
    names_are_whole: false,
    canonical: str::to_owned,
};

/// What a tracker writes in its tables that others don't.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) profile: &'static Profile,
    /// Takes the values of a column that needs more than a part; gives back the others.
    pub(super) take: fn(&mut Assembly<'_>, &str, Vec<String>) -> Vec<String>,
}

const PLAIN: Dialect = Dialect { profile: &PROFILE, take: |_, _, values| values };

/// Returns the names of the columns of a table that begins like this.
pub(super) fn header_of(begin: &[u8]) -> Vec<String> {
    let row = Rows::new(begin).next().ok().flatten();
    let names = row.as_ref().and_then(|row| row.texts().ok()).unwrap_or_default();
    names.into_iter().map(|name| name.trim().to_owned()).collect()
}

/// Whether one of these columns is a title.
pub(super) fn has_title(names: &[String]) -> bool {
    let names = names.iter().map(String::as_str).collect();
    Header::read(names, &PROFILE, &ReadOptions::default()).is_ok()
}

/// Reads tables.
#[derive(Debug)]
pub struct CsvReader<'a, R: BufRead> {
    rows: Rows<R>,
    dialect: Dialect,
    header: Option<Header>,
    titles: HashMap<String, u32>,
    schema: &'a Schema,
    options: &'a ReadOptions,
}

impl<'a, R: BufRead> CsvReader<'a, R> {
    /// Reads from a stream.
    pub fn new(input: R, schema: &'a Schema, options: &'a ReadOptions) -> Self {
        Self::of(PLAIN, input, schema, options)
    }

    /// Reads what a certain tracker writes.
    pub(super) fn of(dialect: Dialect, input: R, schema: &'a Schema, options: &'a ReadOptions) -> Self {
        Self { rows: Rows::new(input), dialect, header: None, titles: HashMap::new(), schema, options }
    }

    /// Makes the issue of a row.
    fn read_row(&mut self, row: &Row, report: &mut Report) -> Option<Imported> {
        let header = self.header.as_ref()?;
        let mut place = Place::line(row.line);
        let cells = match row.texts() {
            Ok(cells) => cells,
            Err(column) => {
                let problem = format!("column {column} is not UTF-8: save the table as UTF-8");
                report.note(NoteKind::Skipped, &place, problem);
                return None;
            }
        };
        let id = header.id.and_then(|column| cells.get(column)).map(|cell| header.plain(cell).trim().to_owned());
        let id = id.filter(|id| !id.is_empty());
        let is_own = header.is_own && id.as_ref().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
        let title = header.title.and_then(|column| cells.get(column)).map(|cell| header.plain(cell).trim().to_owned());
        let name = id.or_else(|| {
            let title = title.filter(|title| !title.is_empty())?;
            let number = self.titles.entry(title.clone()).and_modify(|number| *number += 1).or_insert(1);
            Some(if *number == 1 { format!("title:{title}") } else { format!("title:{title} ({number})") })
        });
        let Some(name) = name else {
            report.note(NoteKind::Skipped, &place, "the row has neither an id nor a title");
            return None;
        };
        place.name = Some(name.clone());
        if cells.len() < header.columns.len() {
            let problem = format!("the row has {} columns of {}", cells.len(), header.columns.len());
            report.note(NoteKind::Changed, &place, problem);
        }
        for extra in cells.iter().skip(header.columns.len()).filter(|cell| !cell.trim().is_empty()) {
            let problem = format!("{} stands behind the last column", show(&Value::String(extra.to_string())));
            report.note(NoteKind::Dropped, &place, problem);
        }
        let mut assembly = Assembly::new(self.dialect.profile, self.options, self.schema, &place, report);
        if header.id.is_some() && name.starts_with("title:") {
            assembly.cleaner.note(NoteKind::Changed, "has no id: it is known again by its title");
        }
        for column in &header.groups {
            let values = column.places.iter().filter_map(|place| cells.get(*place));
            let values = values.map(|cell| header.plain(cell)).filter(|cell| !cell.trim().is_empty());
            let values = (self.dialect.take)(&mut assembly, &column.name, values.collect());
            let value = match <[String; 1]>::try_from(values) {
                Ok([value]) => list(&column.part, value),
                Err(values) => values.into_iter().map(Value::String).collect(),
            };
            match &column.part {
                Some(Part::Id) if is_own => assembly.put_as(&column.name, &Part::OwnId, value),
                Some(part) => assembly.put_as(&column.name, part, value),
                None => assembly.put_rest(&column.name, value),
            }
        }
        assembly.finish(Some(name.as_str()).filter(|_| !is_own))
    }
}

/// Reads a cell that is a list in JSON.
fn list(part: &Option<Part>, cell: String) -> Value {
    let is_list = matches!(
        part,
        Some(
            Part::Labels
                | Part::Assignees
                | Part::References
                | Part::Parent
                | Part::BlockedBy
                | Part::Relates
                | Part::DuplicateOf
                | Part::DiscoveredFrom
        )
    );
    if is_list
        && cell.starts_with("[\"")
        && cell.ends_with("\"]")
        && let Ok(items @ Value::Array(_)) = serde_json::from_str::<Value>(&cell)
    {
        return items;
    }
    Value::String(cell)
}

impl<R: BufRead> Reader for CsvReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        if self.header.is_none() {
            let Some(row) = self.rows.next()? else {
                let message = "the input is empty: a table begins with the names of its columns".to_owned();
                return Err(ReadError::NotTheFormat { line: 1, message });
            };
            let names = row.texts().map_err(|column| ReadError::NotTheFormat {
                line: row.line,
                message: format!("the name of column {column} is not UTF-8: save the table as UTF-8"),
            })?;
            let header = Header::read(names, self.dialect.profile, self.options)
                .map_err(|message| ReadError::NotTheFormat { line: row.line, message })?;
            if header.id.is_none() {
                let note = "no column is an id: rows are known again by their titles; --map id=COLUMN names one";
                report.note(NoteKind::Changed, &Place::line(row.line), note);
            }
            self.header = Some(header);
        }
        while let Some(row) = self.rows.next()? {
            if row.is_empty() {
                continue;
            }
            report.records += 1;
            if let Some(imported) = self.read_row(&row, report) {
                return Ok(Some(imported));
            }
        }
        Ok(None)
    }
}

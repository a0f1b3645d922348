//! Tickety's own format, one issue a line: docs/interchange.md.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::lines::{Line, Lines, json_problem};
use super::record::{Header, IssueRecord};
use super::report::{NoteKind, Place, Report};
use super::{Imported, MAX_RECORD, ReadError, Reader, Writer};

/// Reads one issue a line. A header may stand anywhere, so that files can be joined; an input
/// without one counts as version 1, so that lines can be taken out of a file.
#[derive(Debug)]
pub struct JsonlReader<'a, R> {
    lines: Lines<R>,
    schema: &'a Schema,
    begun: bool,
}

impl<'a, R: BufRead> JsonlReader<'a, R> {
    /// Reads from a stream of lines.
    pub fn new(input: R, schema: &'a Schema) -> Self {
        Self { lines: Lines::new(input), schema, begun: false }
    }
}

impl<R: BufRead> Reader for JsonlReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        while let Some((line, text)) = self.lines.next()? {
            let place = Place::line(line);
            let text = match text {
                Line::Text(text) => text.trim_ascii(),
                Line::TooLong(length) => {
                    report.records += 1;
                    let note = format!("the line has {length} bytes; the limit is {MAX_RECORD}");
                    report.note(NoteKind::Skipped, &place, note);
                    continue;
                }
            };
            if text.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut self.begun, true) && begins_document(text) {
                let message =
                    "this is a document of several issues, not one issue a line: import it as json".to_owned();
                return Err(ReadError::NotTheFormat { line, message });
            }
            if let Ok(header) = serde_json::from_slice::<Header>(text) {
                header.check(line)?;
                continue;
            }
            report.records += 1;
            match serde_json::from_slice::<IssueRecord>(text) {
                Ok(record) => {
                    if let Some(imported) = record.imported(line, text, self.schema, report) {
                        return Ok(Some(imported));
                    }
                }
                Err(error) => report.note(NoteKind::Skipped, &place, json_problem(text, &error)),
            }
        }
        Ok(None)
    }
}

/// Whether the first line is that of the `json` format, which has all issues in one list.
fn begins_document(line: &[u8]) -> bool {
    let has_issues = |text: &[u8]| {
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text)
            .is_ok_and(|members| members.contains_key("issues"))
    };
    line == b"{" || has_issues(line) || (line.ends_with(b"[") && has_issues(&[line, b"]}"].concat()))
}

/// Writes a header and then one issue a line.
#[derive(Debug)]
pub struct JsonlWriter<W> {
    output: W,
    begun: bool,
}

impl<W: Write> JsonlWriter<W> {
    /// Writes lines to a stream.
    pub fn new(output: W) -> Self {
        Self { output, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            serde_json::to_writer(&mut self.output, &Header::current())?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }
}

impl<W: Write> Writer for JsonlWriter<W> {
    fn write(&mut self, issue: &Issue, _updated: Timestamp) -> io::Result<()> {
        self.begin()?;
        serde_json::to_writer(&mut self.output, &IssueRecord::from(issue))?;
        self.output.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        self.output.flush()
    }
}

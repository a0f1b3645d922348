//! Tickety's own format, one document: docs/interchange.md.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde_json::Value;
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::lines::json_problem;
use super::record::{Header, IssueRecord};
use super::report::{NoteKind, Place, Report};
use super::scanner::Scanner;
use super::{Imported, MAX_RECORD, ReadError, Reader, Writer};

/// Reads a document `{"format": "tickety", "version": 1, "issues": [ … ]}`, an issue at a time.
#[derive(Debug)]
pub struct JsonReader<'a, R> {
    scanner: Scanner<R>,
    schema: &'a Schema,
    state: State,
    format: Option<Value>,
    version: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Start,
    /// Between issues; whether there was one before.
    Issues(bool),
    Ended,
}

impl<'a, R: BufRead> JsonReader<'a, R> {
    /// Reads from a stream.
    pub fn new(input: R, schema: &'a Schema) -> Self {
        Self {
            scanner: Scanner::new(input, "a document of tickety"),
            schema,
            state: State::Start,
            format: None,
            version: None,
        }
    }

    /// Reads the keys of the document up to its issues, or up to its end.
    fn keys(&mut self, mut first: bool) -> Result<State, ReadError> {
        loop {
            match self.scanner.peek()? {
                Some(b'}') => {
                    self.scanner.skip_byte();
                    return Ok(State::Ended);
                }
                Some(b',') if !first => self.scanner.skip_byte(),
                _ if first => {}
                _ => return Err(self.scanner.unexpected("`,` or `}`")),
            }
            first = false;
            if self.scanner.peek()? != Some(b'"') {
                return Err(self.scanner.unexpected("a key"));
            }
            let line = self.scanner.line;
            self.scanner.value()?;
            let key: String = self.scanner.parse(line)?;
            if self.scanner.peek()? != Some(b':') {
                return Err(self.scanner.unexpected("`:`"));
            }
            self.scanner.skip_byte();
            let next = self.scanner.peek()?;
            if key == "issues" {
                if next != Some(b'[') {
                    return Err(self.scanner.unexpected("the list of issues"));
                }
                self.scanner.skip_byte();
                return Ok(State::Issues(false));
            }
            let line = self.scanner.line;
            self.scanner.value()?;
            let value: Value = self.scanner.parse(line)?;
            match key.as_str() {
                "format" => self.format = Some(value),
                "version" => self.version = Some(value),
                _ => {}
            }
            if let (Some(format), Some(version)) = (&self.format, &self.version) {
                let header = serde_json::json!({ "format": format, "version": version });
                let header: Header = serde_json::from_value(header).map_err(|error| ReadError::NotTheFormat {
                    line,
                    message: format!("format or version can't be read: {error}"),
                })?;
                header.check(line)?;
            }
        }
    }

    /// Moves to the next issue; whether there is one.
    fn advance(&mut self) -> Result<bool, ReadError> {
        if self.state == State::Start {
            if self.scanner.peek()? != Some(b'{') {
                return Err(self.scanner.unexpected("a document `{\"format\": \"tickety\", …}`"));
            }
            self.scanner.skip_byte();
            self.state = self.keys(true)?;
            if self.state == State::Ended {
                let message =
                    "the document has no `issues`; if there is one issue a line, import it as jsonl".to_owned();
                return Err(ReadError::NotTheFormat { line: self.scanner.line, message });
            }
        }
        if let State::Issues(had_one) = self.state {
            match self.scanner.peek()? {
                Some(b']') => {
                    self.scanner.skip_byte();
                    self.state = self.keys(false)?;
                    if self.state != State::Ended {
                        return Err(self.scanner.unexpected("one list of issues only"));
                    }
                    if self.format.is_none() || self.version.is_none() {
                        let message = "the document says no `format` and `version`".to_owned();
                        return Err(ReadError::NotTheFormat { line: self.scanner.line, message });
                    }
                    if self.scanner.peek()?.is_some() {
                        return Err(self.scanner.unexpected("nothing after the document"));
                    }
                }
                Some(b',') if had_one => self.scanner.skip_byte(),
                Some(_) if !had_one => {}
                _ => return Err(self.scanner.unexpected("`,` or `]`")),
            }
        }
        Ok(self.state != State::Ended)
    }
}

impl<R: BufRead> Reader for JsonReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        while self.advance()? {
            self.scanner.peek()?;
            let line = self.scanner.line;
            let length = self.scanner.value()?;
            self.state = State::Issues(true);
            report.records += 1;
            let place = Place::line(line);
            if length > MAX_RECORD as u64 {
                let note = format!("the issue has {length} bytes; the limit is {MAX_RECORD}");
                report.note(NoteKind::Skipped, &place, note);
                continue;
            }
            match serde_json::from_slice::<IssueRecord>(&self.scanner.buffer) {
                Ok(record) => {
                    if let Some(imported) = record.imported(line, &self.scanner.buffer, self.schema, report) {
                        return Ok(Some(imported));
                    }
                }
                Err(error) => report.note(NoteKind::Skipped, &place, json_problem(&self.scanner.buffer, &error)),
            }
        }
        Ok(None)
    }
}

/// Writes one document, an issue a line.
#[derive(Debug)]
pub struct JsonWriter<W> {
    output: W,
    count: u64,
}

impl<W: Write> JsonWriter<W> {
    /// Writes a document to a stream.
    pub fn new(output: W) -> Self {
        Self { output, count: 0 }
    }

    /// Writes what comes before the next issue.
    fn separate(&mut self) -> io::Result<()> {
        if self.count > 0 {
            return self.output.write_all(b",\n");
        }
        let header = serde_json::to_string(&Header::current())?;
        let open = header.strip_suffix('}').unwrap_or(&header);
        writeln!(self.output, "{open},\"issues\":[")
    }
}

impl<W: Write> Writer for JsonWriter<W> {
    fn write(&mut self, issue: &Issue, _updated: Timestamp) -> io::Result<()> {
        self.separate()?;
        self.count += 1;
        serde_json::to_writer(&mut self.output, &IssueRecord::from(issue))?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.count == 0 {
            self.separate()?;
            self.output.write_all(b"]}\n")?;
        } else {
            self.output.write_all(b"\n]}\n")?;
        }
        self.output.flush()
    }
}

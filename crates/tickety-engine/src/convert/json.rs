//! Tickety's own format, one document: docs/interchange.md.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde_json::Value;
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::lines::json_problem;
use super::record::{Header, IssueRecord};
use super::report::{NoteKind, Place, Report};
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
        let scanner = Scanner { input, line: 1, buffer: Vec::new(), limit: MAX_RECORD };
        Self { scanner, schema, state: State::Start, format: None, version: None }
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
            let place = Place { line, name: None };
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

/// Cuts a document into its values without understanding them, so that one that is wrong inside
/// doesn't hide the next.
#[derive(Debug)]
struct Scanner<R> {
    input: R,
    line: u64,
    buffer: Vec<u8>,
    limit: usize,
}

impl<R: BufRead> Scanner<R> {
    fn chunk(&mut self) -> Result<&[u8], ReadError> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { line: self.line, source }),
            }
        }
        // The buffer is filled: asking again neither reads nor fails.
        self.input.fill_buf().map_err(|source| ReadError::Io { line: self.line, source })
    }

    /// Returns the next byte that is no white space, without taking it.
    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
            let (skipped, found) = match chunk.iter().position(|byte| !blank(byte)) {
                Some(place) => (place, Some(chunk[place])),
                None => (chunk.len(), None),
            };
            let lines = chunk[..skipped].iter().filter(|byte| **byte == b'\n').count();
            self.line += lines as u64;
            self.input.consume(skipped);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn skip_byte(&mut self) {
        self.input.consume(1);
    }

    /// Takes the next value into the buffer, no more of it than the limit, and returns its length.
    fn value(&mut self) -> Result<u64, ReadError> {
        self.buffer.clear();
        let mut length = 0_u64;
        let mut depth = 0_u64;
        let (mut in_text, mut escaped, mut done) = (false, false, false);
        while !done {
            let room = (self.limit + 1).saturating_sub(self.buffer.len());
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                if length > 0 && depth == 0 && !in_text {
                    break;
                }
                return Err(self.unexpected("more: the document ends in the middle"));
            }
            let mut taken = 0;
            let mut lines = 0;
            for &byte in chunk {
                if in_text {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => {
                            in_text = false;
                            done = depth == 0;
                        }
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => in_text = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' | b',' | b':' if depth == 0 => {
                            done = true;
                            break;
                        }
                        b'}' | b']' => {
                            depth -= 1;
                            done = depth == 0;
                        }
                        _ => {}
                    }
                }
                lines += u64::from(byte == b'\n');
                taken += 1;
                if done {
                    break;
                }
            }
            let bytes = chunk[..taken.min(room)].to_vec();
            self.buffer.extend_from_slice(&bytes);
            self.input.consume(taken);
            self.line += lines;
            length += taken as u64;
        }
        Ok(length)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, line: u64) -> Result<T, ReadError> {
        serde_json::from_slice(&self.buffer)
            .map_err(|error| ReadError::NotTheFormat { line, message: json_problem(&self.buffer, &error) })
    }

    fn unexpected(&self, expected: &str) -> ReadError {
        ReadError::NotTheFormat { line: self.line, message: format!("not a document of tickety: expected {expected}") }
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

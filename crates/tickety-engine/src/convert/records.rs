//! Records in JSON, however they are wrapped.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::duplicates::note_duplicate_keys;
use super::lines::json_problem;
use super::report::{NoteKind, Place, Report};
use super::scanner::Scanner;
use super::{MAX_RECORD, ReadError};

/// How deep lists of records may lie in each other.
const DEPTH: usize = 8;

/// Takes the objects out of a list, out of several lists one after the other (as pages are), out of lists in lists, out
/// of objects that hold such a list under one of `wrappers`, or out of lines; a single object is a record, too.
#[derive(Debug)]
pub(super) struct Records<R> {
    scanner: Scanner<R>,
    wrappers: &'static [&'static str],
    frames: Vec<Frame>,
}

/// A record and the line that it begins in.
pub(super) type Found = (u64, Map<String, Value>);

/// What a record lies in.
#[derive(Debug)]
enum Frame {
    /// A list; whether it had an item.
    List { had_one: bool },
    /// An object.
    Object(Open),
}

/// An object that may be a record, or hold records.
#[derive(Debug)]
struct Open {
    line: u64,
    /// Its members so far, as they are written.
    text: Vec<u8>,
    had_one: bool,
    holds_records: bool,
    length: u64,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, expected: &'static str, wrappers: &'static [&'static str]) -> Self {
        Self { scanner: Scanner::new(input, expected), wrappers, frames: Vec::new() }
    }

    /// Returns the next record that is an object, with its line. Others are reported.
    pub(super) fn next(&mut self, report: &mut Report) -> Result<Option<Found>, ReadError> {
        while let Some(Open { line, text, length, .. }) = self.advance()? {
            let place = Place::line(line);
            if length > MAX_RECORD as u64 {
                report.records += 1;
                let note = format!("the record has {length} bytes; the limit is {MAX_RECORD}");
                report.note(NoteKind::Skipped, &place, note);
                continue;
            }
            match serde_json::from_slice::<Map<String, Value>>(&text) {
                Ok(record) => {
                    note_duplicate_keys(&text, &place, report);
                    return Ok(Some((line, record)));
                }
                Err(error) => {
                    report.records += 1;
                    report.note(NoteKind::Skipped, &place, json_problem(&text, &error));
                }
            }
        }
        Ok(None)
    }

    /// Moves to the end of the next record.
    fn advance(&mut self) -> Result<Option<Open>, ReadError> {
        loop {
            let next = self.scanner.peek()?;
            match self.frames.pop() {
                None => match next {
                    None => return Ok(None),
                    Some(_) => drop(self.open(next)?),
                },
                Some(Frame::List { had_one }) => match next {
                    Some(b']') => self.scanner.skip_byte(),
                    Some(b',') if had_one => {
                        self.scanner.skip_byte();
                        self.frames.push(Frame::List { had_one: false });
                        // A comma before the end is forgiven: nothing hangs on it.
                    }
                    Some(_) if !had_one => {
                        self.frames.push(Frame::List { had_one: true });
                        if let Some(odd) = self.open(next)? {
                            return Ok(Some(odd));
                        }
                    }
                    _ => return Err(self.scanner.unexpected("`,` or `]`")),
                },
                Some(Frame::Object(open)) => {
                    if let Some(record) = self.member(open, next)? {
                        return Ok(Some(record));
                    }
                }
            }
        }
    }

    /// Begins a list or an object; anything else in a list is returned as it is.
    fn open(&mut self, next: Option<u8>) -> Result<Option<Open>, ReadError> {
        let line = self.scanner.line;
        if self.frames.len() >= DEPTH {
            return Err(self.scanner.unexpected("lists that lie less deep in each other"));
        }
        match next {
            Some(b'[') => {
                self.scanner.skip_byte();
                self.frames.push(Frame::List { had_one: false });
            }
            Some(b'{') => {
                self.scanner.skip_byte();
                let open = Open { line, text: b"{".to_vec(), had_one: false, holds_records: false, length: 1 };
                self.frames.push(Frame::Object(open));
            }
            Some(_) if !self.frames.is_empty() => {
                let length = self.scanner.value()?;
                let text = self.scanner.buffer.clone();
                return Ok(Some(Open { line, text, had_one: true, holds_records: false, length }));
            }
            _ => return Err(self.scanner.unexpected("a list `[…]` or objects `{…}`")),
        }
        Ok(None)
    }

    /// Reads the next member of an object. Returns the object at its end, if it is a record.
    fn member(&mut self, mut open: Open, next: Option<u8>) -> Result<Option<Open>, ReadError> {
        match next {
            Some(b'}') => {
                self.scanner.skip_byte();
                open.text.push(b'}');
                return Ok(Some(open).filter(|open| !open.holds_records));
            }
            Some(b',') if open.had_one => {
                self.scanner.skip_byte();
                open.had_one = false;
                self.frames.push(Frame::Object(open));
                return Ok(None);
            }
            Some(b'"') if !open.had_one => {}
            _ => return Err(self.scanner.unexpected("`,`, `}` or the name of a member")),
        }
        open.had_one = true;
        self.scanner.value()?;
        let key = self.scanner.buffer.clone();
        if self.scanner.peek()? != Some(b':') {
            return Err(self.scanner.unexpected("`:`"));
        }
        self.scanner.skip_byte();
        let value = self.scanner.peek()?;
        let in_list = self.frames.iter().any(|frame| matches!(frame, Frame::List { .. }));
        let wraps = serde_json::from_slice::<String>(&key).is_ok_and(|key| self.wrappers.contains(&key.as_str()))
            && (value == Some(b'[') || value == Some(b'{') && !in_list);
        if wraps {
            open.holds_records = true;
            self.frames.push(Frame::Object(open));
            self.open(value)?;
            return Ok(None);
        }
        let length = self.scanner.value()?;
        open.length += length + key.len() as u64 + 2;
        if open.length <= MAX_RECORD as u64 {
            if open.text.len() > 1 {
                open.text.push(b',');
            }
            open.text.extend_from_slice(&key);
            open.text.push(b':');
            open.text.extend_from_slice(&self.scanner.buffer);
        }
        self.frames.push(Frame::Object(open));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records with their lines, and the notes.
    type Outcome = (Vec<(u64, String)>, Vec<String>);

    fn found(text: &str) -> Result<Outcome, String> {
        let mut records = Records::new(text.as_bytes(), "a list of issues", &["data", "issues", "nodes"]);
        let (mut report, mut found) = (Report::default(), Vec::new());
        while let Some((line, record)) = records.next(&mut report).map_err(|error| error.to_string())? {
            found.push((line, Value::Object(record).to_string()));
        }
        Ok((found, report.notes.into_iter().map(|note| note.to_string()).collect()))
    }

    #[test]
    fn records_are_found_however_they_are_wrapped() {
        let wanted = ["{\"a\":1}", "{\"b\":[{\"c\":2}]}"];
        for text in [
            r#"[{"a":1},{"b":[{"c":2}]}]"#,
            "[{\"a\":1}]\n[{\"b\":[{\"c\":2}]}]",
            r#"[[{"a":1}],[{"b":[{"c":2}]}]]"#,
            "{\"a\":1}\n{\"b\":[{\"c\":2}]}\n",
            r#"{"total":2,"issues":[{"a":1},{"b":[{"c":2}]}],"next":null}"#,
            r#"[{"issues":[{"a":1}]},{"issues":[{"b":[{"c":2}]}]}]"#,
            r#"{"data":{"issues":{"nodes":[{"a":1},{"b":[{"c":2}]}],"pageInfo":{}}}}"#,
        ] {
            let (records, notes) = found(text).unwrap();
            let records: Vec<_> = records.into_iter().map(|(_, record)| record).collect();
            assert_eq!((records, notes), (wanted.map(str::to_owned).to_vec(), Vec::new()), "{text}");
        }
        for empty in ["", "[]", "\u{feff} [ ]\n", "{\"issues\":[]}"] {
            assert_eq!(found(empty).unwrap().0, [], "{empty}");
        }
    }

    #[test]
    fn a_bad_record_hides_no_other() {
        let (records, notes) = found("[{\"a\":tru},\n3,\n{\"a\":1,\"a\":2}]").unwrap();
        assert_eq!(records, [(3, "{\"a\":2}".to_owned())]);
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[0].starts_with("line 1: not JSON") && notes[1].starts_with("line 2: not a record"), "{notes:?}");
    }

    #[test]
    fn what_is_cut_off_or_no_json_is_refused() {
        for text in ["[{\"a\":1},", "[{\"a\":1}", "<html>", "{\"a\":1", "[{\"a\" 1}]", "{\"a\":1 \"b\":2}"] {
            assert!(found(text).is_err(), "{text}");
        }
        assert!(found(&"[".repeat(1000)).unwrap_err().contains("less deep"));
    }
}

//! Cutting a table into its rows, with a bound on each.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use crate::convert::{MAX_RECORD, ReadError};

/// How much of a table is looked at to find out what separates its columns.
const LOOK: usize = 64 << 10;

/// The rows of a table.
pub(super) struct Rows<R: BufRead> {
    state: State<R>,
    read: Rc<Cell<u64>>,
    unclosed: Rc<Cell<Option<u64>>>,
}

enum State<R: BufRead> {
    Start(Option<R>),
    Reading(Box<csv::Reader<Bounded<R>>>),
}

impl<R: BufRead> std::fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// A row of a table.
pub(super) struct Row {
    pub(super) line: u64,
    cells: ByteRecord,
}

impl Row {
    /// Returns the cells; an error is the column, from 1, of one that is no text.
    pub(super) fn texts(&self) -> Result<Vec<&str>, usize> {
        let texts = self.cells.iter().enumerate().map(|(place, cell)| str::from_utf8(cell).map_err(|_| place + 1));
        texts.collect()
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim_ascii().is_empty())
    }
}

/// A stream that ends in an error where more is read at once than a row may have, and where it ends within quotes.
struct Bounded<R> {
    input: R,
    read: Rc<Cell<u64>>,
    quotes: Quotes,
    /// The line of the quote that is open at the end.
    unclosed: Rc<Cell<Option<u64>>>,
}

/// Follows which quotes are open, as the rows are cut.
struct Quotes {
    delimiter: u8,
    line: u64,
    opened: u64,
    within: Within,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// At the beginning of a cell, where alone a quote opens.
    Start,
    Plain,
    Quoted,
    /// Behind a quote that closes, or is the first of two.
    Closing,
}

impl Quotes {
    fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.within = match (self.within, byte) {
                (Within::Start, b'"') => {
                    self.opened = self.line;
                    Within::Quoted
                }
                (Within::Closing, b'"') => Within::Quoted,
                (Within::Quoted, b'"') => Within::Closing,
                (Within::Quoted, _) => Within::Quoted,
                (_, b'\n' | b'\r') => Within::Start,
                (_, byte) if byte == self.delimiter => Within::Start,
                _ => Within::Plain,
            };
            self.line += u64::from(byte == b'\n');
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.quotes.pass(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.quotes.within == Within::Quoted {
            self.unclosed.set(Some(self.quotes.opened));
            let message = "a quote `\"` opens here and is never closed: the rows behind it would be part of the cell";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.read.set(self.read.get() + count as u64);
        if self.read.get() > 2 * MAX_RECORD as u64 {
            let message = format!("a row has more than {MAX_RECORD} bytes: is a quote `\"` missing?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(count)
    }
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self { state: State::Start(Some(input)), read: Rc::default(), unclosed: Rc::default() }
    }

    /// Returns the next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ReadError> {
        if let State::Start(input) = &mut self.state {
            let Some(mut input) = input.take() else { return Ok(None) };
            let begin = input.fill_buf().map_err(|source| ReadError::Io { line: 1, source })?;
            if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
                let message = "the table is in UTF-16: save it as CSV in UTF-8".to_owned();
                return Err(ReadError::NotTheFormat { line: 1, message });
            }
            let mark = if begin.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let delimiter = delimiter(&begin[mark..begin.len().min(LOOK)]);
            input.consume(mark);
            let quotes = Quotes { delimiter, line: 1, opened: 1, within: Within::Start };
            let bounded = Bounded { input, read: Rc::clone(&self.read), quotes, unclosed: Rc::clone(&self.unclosed) };
            let reader =
                ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bounded);
            self.state = State::Reading(Box::new(reader));
        }
        let State::Reading(reader) = &mut self.state else { return Ok(None) };
        let mut cells = ByteRecord::new();
        self.read.set(0);
        match reader.read_byte_record(&mut cells) {
            Ok(true) => {
                let line = cells.position().map_or(0, csv::Position::line);
                Ok(Some(Row { line, cells }))
            }
            Ok(false) => Ok(None),
            Err(error) => {
                let line = error.position().map_or_else(|| reader.position().line(), csv::Position::line);
                let line = self.unclosed.get().unwrap_or(line);
                Err(match error.into_kind() {
                    ErrorKind::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                        ReadError::NotTheFormat { line, message: source.to_string() }
                    }
                    ErrorKind::Io(source) => ReadError::Io { line, source },
                    other => ReadError::NotTheFormat { line, message: format!("not a table: {other:?}") },
                })
            }
        }
    }
}

/// Returns what separates the columns: of comma, semicolon and tab the one that the first line has most of.
fn delimiter(begin: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; 3];
    for byte in begin {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    match counts {
        [commas, ..] if commas == most => b',',
        [_, semicolons, _] if semicolons == most => b';',
        _ => b'\t',
    }
}

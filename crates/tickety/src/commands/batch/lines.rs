//! The lines of a file that a batch is made of.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tickety_api::ErrorCode;

use crate::exit::CliError;
use crate::input;

/// The most operations of a batch that a file or a query makes.
pub const MOST_OPERATIONS: usize = 100_000;
/// The longest file, in bytes.
const FILE_BYTES: u64 = 256 << 20;
/// The longest line, in bytes: room for the longest body, whatever it has to be written with.
const LINE_BYTES: u64 = 8 << 20;

/// A file that is read line by line.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead>,
    number: u64,
    bytes: u64,
    lines: usize,
    text: Vec<u8>,
}

/// A line that isn't empty.
pub struct Line<'a> {
    /// Which it is, from 1.
    pub number: u64,
    /// What it says, without white space at its ends.
    pub text: &'a str,
}

impl Lines {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let input: Box<dyn BufRead> = if input::is_standard_input(path) {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| CliError::io("open", path, &error))?;
            if file.metadata().is_ok_and(|found| found.is_dir()) {
                return Err(CliError::new(ErrorCode::BadInput, "is a directory, not a file").about(path.display()));
            }
            Box::new(BufReader::with_capacity(1 << 16, file))
        };
        Ok(Self { path: path.to_owned(), input, number: 0, bytes: 0, lines: 0, text: Vec::new() })
    }

    /// Returns the next line that isn't empty.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, CliError> {
        loop {
            self.number += 1;
            self.text.clear();
            let read = (&mut self.input).take(LINE_BYTES + 2).read_until(b'\n', &mut self.text);
            let length = read.map_err(|error| CliError::io("read", input::name_of(&self.path), &error))? as u64;
            self.bytes += length;
            if length == 0 {
                return Ok(None);
            }
            let content = self.text.strip_suffix(b"\n").unwrap_or(&self.text).len() as u64;
            if content > LINE_BYTES {
                let message = format!("the line has more than {LINE_BYTES} bytes, which is the limit");
                return Err(self.fault(ErrorCode::BadInput, message));
            }
            if self.bytes > FILE_BYTES {
                let message = format!("the file has more than {FILE_BYTES} bytes, which is the limit");
                return Err(self.fault(ErrorCode::BadInput, message).hint("do it in several batches"));
            }
            if self.text.trim_ascii().is_empty() {
                continue;
            }
            self.lines += 1;
            if self.lines > MOST_OPERATIONS {
                let message =
                    format!("there are more than {MOST_OPERATIONS} operations, which is the limit of a batch");
                return Err(self.fault(ErrorCode::TooMany, message).hint("do it in several batches"));
            }
            break;
        }
        let number = self.number;
        let bytes =
            if number == 1 { self.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.text) } else { &self.text };
        match str::from_utf8(bytes.trim_ascii()) {
            Ok(text) => Ok(Some(Line { number, text })),
            Err(error) => {
                Err(self.fault(ErrorCode::BadInput, format!("not UTF-8 at byte {}", error.valid_up_to() + 1)))
            }
        }
    }

    /// Says what is wrong with the line that was read last.
    pub fn fault(&self, code: ErrorCode, message: impl std::fmt::Display) -> CliError {
        fault_in(&self.path, self.number, code, message)
    }

    /// Returns what people call the file.
    pub fn name(&self) -> String {
        input::name_of(&self.path).display().to_string()
    }
}

/// Reads a line of JSON. An error says where, without the line that the reader counts in it.
pub fn json<T: DeserializeOwned>(line: &Line<'_>) -> Result<T, String> {
    serde_json::from_str(line.text).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        match error.is_data() {
            true => message,
            false => format!("not JSON: {message} at column {}", error.column()),
        }
    })
}

fn fault_in(path: &Path, line: u64, code: ErrorCode, message: impl std::fmt::Display) -> CliError {
    CliError::new(code, message).about(format_args!("{}:{line}", input::name_of(path).display()))
}

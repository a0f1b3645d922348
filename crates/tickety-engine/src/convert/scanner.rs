//! Cutting a stream of JSON into its values.

use std::io::{self, BufRead};

use super::lines::json_problem;
use super::{MAX_RECORD, ReadError};

/// Cuts a document into its values without understanding them, so that one that is wrong inside
/// doesn't hide the next.
#[derive(Debug)]
pub(super) struct Scanner<R> {
    input: R,
    /// The line of the next byte, from 1.
    pub(super) line: u64,
    /// The value that was taken last, no more of it than the limit.
    pub(super) buffer: Vec<u8>,
    limit: usize,
    expected: &'static str,
}

impl<R: BufRead> Scanner<R> {
    /// Reads from a stream that should hold `expected`.
    pub(super) fn new(input: R, expected: &'static str) -> Self {
        Self { input, line: 1, buffer: Vec::new(), limit: MAX_RECORD, expected }
    }

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
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
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

    pub(super) fn skip_byte(&mut self) {
        self.input.consume(1);
    }

    /// Takes the next value into the buffer, no more of it than the limit, and returns its length.
    pub(super) fn value(&mut self) -> Result<u64, ReadError> {
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

    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self, line: u64) -> Result<T, ReadError> {
        serde_json::from_slice(&self.buffer)
            .map_err(|error| ReadError::NotTheFormat { line, message: json_problem(&self.buffer, &error) })
    }

    pub(super) fn unexpected(&self, expected: &str) -> ReadError {
        ReadError::NotTheFormat { line: self.line, message: format!("not {}: expected {expected}", self.expected) }
    }
}

//! Lines of a bounded length.

use std::io::{self, BufRead};

use super::ReadError;

/// The longest record that is read, in bytes: room for the longest body and hundreds of long
/// comments. A longer one is passed over and reported.
pub const MAX_RECORD: usize = 64 << 20;

/// Reads lines and counts them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    limit: usize,
    line: u64,
}

/// A line without its end.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Line<'a> {
    /// A line.
    Text(&'a [u8]),
    /// A line beyond the limit, of this length.
    TooLong(u64),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_limit(input, MAX_RECORD)
    }

    fn with_limit(input: R, limit: usize) -> Self {
        Self { input, buffer: Vec::new(), limit, line: 0 }
    }

    /// Returns the next line and its number, without the byte order mark of a file's first line;
    /// `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Line<'_>)>, ReadError> {
        self.buffer.clear();
        let line = self.line + 1;
        let mut length = 0_u64;
        let mut ended = false;
        while !ended {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(ReadError::Io { line, source }),
            };
            if chunk.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            let room = self.limit.saturating_sub(self.buffer.len());
            self.buffer.extend_from_slice(&chunk[..taken.min(room)]);
            let consumed = taken + usize::from(end.is_some());
            length += consumed as u64;
            ended = end.is_some();
            self.input.consume(consumed);
        }
        self.line = line;
        let content = length - u64::from(ended);
        if content > self.limit as u64 {
            return Ok(Some((line, Line::TooLong(content))));
        }
        let text = self.buffer.as_slice();
        let text = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        Ok(Some((line, Line::Text(text.strip_suffix(b"\r").unwrap_or(text)))))
    }
}

/// Says why a record is not JSON, in words that help whoever has to mend it.
pub(super) fn json_problem(text: &[u8], error: &serde_json::Error) -> String {
    let marker = [&b"<<<<<<<"[..], b"=======", b">>>>>>>", b"|||||||"];
    if marker.iter().any(|marker| text.starts_with(marker)) {
        return "a merge conflict: settle it and import again".to_owned();
    }
    if let Err(invalid) = str::from_utf8(text) {
        return format!("not UTF-8 at byte {}", invalid.valid_up_to() + 1);
    }
    // The line that serde_json counts is the one within the record.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    if error.is_data() {
        return format!("not a record: {message}");
    }
    if error.line() <= 1 {
        format!("not JSON: {message} at column {}", error.column())
    } else {
        format!("not JSON: {message} on its line {} at column {}", error.line(), error.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_the_limit_does_not_hide_the_next() {
        let mut lines = Lines::with_limit(&b"\xef\xbb\xbfone\r\n0123456789\n\nfour"[..], 8);
        assert_eq!(lines.next().unwrap(), Some((1, Line::Text(b"one"))));
        assert_eq!(lines.next().unwrap(), Some((2, Line::TooLong(10))));
        assert_eq!(lines.next().unwrap(), Some((3, Line::Text(b""))));
        assert_eq!(lines.next().unwrap(), Some((4, Line::Text(b"four"))));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn a_merge_marker_is_called_one() {
        let text = b"<<<<<<< HEAD";
        let error = serde_json::from_slice::<serde_json::Value>(text).unwrap_err();
        assert!(json_problem(text, &error).contains("merge conflict"));
    }
}

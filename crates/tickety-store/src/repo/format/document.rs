//! The parts of a file: front matter and body, found without looking into either.

use std::borrow::Cow;
use std::ops::Range;

use super::FRONT_MATTER_BYTES;
use super::error::{FormatError, FormatProblem};

/// What begins the line that git puts before our side of a conflict.
const CONFLICT: &str = "<<<<<<<";

/// A file taken apart. All offsets are into `text`.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// The whole file.
    pub(super) text: &'a str,
    /// The lines between the two `---`.
    pub(super) front: Range<usize>,
    /// Where the line behind the second `---` begins.
    pub(super) body_start: usize,
}

impl<'a> Document<'a> {
    /// Takes a file apart, which may have at most `limit` bytes.
    pub(super) fn split(bytes: &'a [u8], limit: usize) -> Result<Self, FormatError> {
        if bytes.len() > limit {
            return Err(FormatError::whole(FormatProblem::TooLarge { bytes: bytes.len(), limit }));
        }
        let text = str::from_utf8(bytes).map_err(|error| {
            let valid = str::from_utf8(&bytes[..error.valid_up_to()]).expect("the text is valid up to there");
            FormatError::line_at(valid, valid.len(), FormatProblem::NotUtf8)
        })?;
        // Before all else: a conflict may have swallowed any of the lines that follow.
        if let Some(at) = conflict(text) {
            return Err(FormatError::line_at(text, at, FormatProblem::MergeConflict));
        }
        let first = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first_at = text.len() - first.len();
        let front_start = line_end(text, first_at);
        if !is_fence(&text[first_at..front_start]) {
            return Err(FormatError::line_at(text, 0, FormatProblem::NoFrontMatter));
        }
        let mut at = front_start;
        while at < text.len() {
            let end = line_end(text, at);
            let line = &text[at..end];
            match line.as_bytes()[0] {
                b'-' if is_fence(line) => {
                    if at - front_start > FRONT_MATTER_BYTES {
                        let bytes = at - front_start;
                        let problem = FormatProblem::FrontMatterTooLarge { bytes, limit: FRONT_MATTER_BYTES };
                        return Err(FormatError::whole(problem));
                    }
                    return Ok(Self { text, front: front_start..at, body_start: end });
                }
                b'=' | b'>' | b'|'
                    if ["=======", ">>>>>>>", "|||||||"].iter().any(|marker| is_marker(line, marker)) =>
                {
                    return Err(FormatError::line_at(text, at, FormatProblem::MergeConflict));
                }
                _ => at = end,
            }
        }
        Err(FormatError::line_at(text, first_at, FormatProblem::Unclosed))
    }

    /// Returns the body as issues and comments hold it: line breaks plain, none before or behind.
    pub(super) fn body(&self) -> String {
        let raw = &self.text[self.body_start..];
        let plain = if raw.contains('\r') {
            Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(raw)
        };
        unescape(plain.trim_start_matches('\n').trim_end()).into_owned()
    }

    /// Returns the line break that the file uses.
    pub(super) fn newline(&self) -> &'static str {
        if self.text[..self.front.start].ends_with("\r\n") { "\r\n" } else { "\n" }
    }
}

/// Writes a body behind the second `---`; nothing where it is empty.
pub(super) fn write_body(out: &mut String, body: &str, newline: &str) {
    if body.is_empty() {
        return;
    }
    out.push_str(newline);
    for line in escape(body).split('\n') {
        out.push_str(line);
        out.push_str(newline);
    }
}

/// Returns where the line that has the byte at `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Returns where the line behind the one at `at` begins.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    // Lines are short: a plain loop is quicker than a search that begins by aligning itself.
    let newline = text.as_bytes()[at..].iter().position(|&byte| byte == b'\n');
    newline.map_or(text.len(), |newline| at + newline + 1)
}

/// Whether a line is `---`; white space may follow.
fn is_fence(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.trim_ascii().is_empty())
}

/// Whether a line is one that git marks conflicts with: the marker alone or with a label.
fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
}

fn conflict(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find('<') {
        let at = from + found;
        let starts_line = at == 0 || text[..at].ends_with(['\n', '\u{feff}']);
        if starts_line && is_marker(&text[at..], CONFLICT) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Puts a backslash before what would be taken for the marker of a conflict. Markdown shows the
/// line as it was.
fn escape(body: &str) -> Cow<'_, str> {
    map_markers(body, |line| Cow::Owned(format!("\\{line}")))
}

/// Undoes [`escape`].
fn unescape(body: &str) -> Cow<'_, str> {
    map_markers(body, |line| Cow::Borrowed(line.strip_prefix('\\').unwrap_or(line)))
}

fn map_markers<'a>(body: &'a str, map: impl Fn(&'a str) -> Cow<'a, str>) -> Cow<'a, str> {
    if !body.contains('<') || !body.contains(CONFLICT) {
        return Cow::Borrowed(body);
    }
    let lines = body
        .split('\n')
        .map(|line| if line.trim_start_matches('\\').starts_with(CONFLICT) { map(line) } else { Cow::Borrowed(line) });
    let mut out = String::with_capacity(body.len() + 8);
    for (index, line) in lines.enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&line);
    }
    Cow::Owned(out)
}

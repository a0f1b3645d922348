//! The quick reader for the front matter that Tickety writes and people mostly keep: lines of
//! `key: value`, lists of one line an item, one level of keys below a key, literal blocks.
//!
//! It reads a part of YAML exactly as the full reader does and answers `None` for all the rest, so
//! it never decides what is wrong. docs/benchmarks.md has what it saves.

use std::borrow::Cow;
use std::ops::Range;

use super::value::{Entry, List, Map, Scalar, Style, Value};

/// The longest key that is read here, well below where YAML ends.
const KEY: usize = 128;

/// The most lines that are read here; below the full reader's limit on keys and values.
const LINES: usize = 5_000;

/// Reads the front matter at `front` of `text`, if it is of the simple sort.
pub(super) fn read(text: &str, front: Range<usize>) -> Option<Vec<Entry<'_>>> {
    if !is_simple(text[front.clone()].as_bytes()) {
        return None;
    }
    let mut reader = Reader::new(text, front);
    let entries = reader.entries(0)?;
    // What is left begins deeper than its surroundings allow.
    reader.line.is_none().then_some(entries)
}

/// Whether all characters are such that every reader takes them for themselves and every line
/// break for one.
fn is_simple(front: &[u8]) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    // Nearly always; and a loop without branches is quick.
    if front.iter().fold(true, |all, &byte| all & plain(byte)) {
        return true;
    }
    front.iter().enumerate().all(|(index, &byte)| match byte {
        b'\r' => front.get(index + 1) == Some(&b'\n'),
        0xc2 => !matches!(front.get(index + 1), Some(0x80..=0x9f)),
        0xe2 | 0xef => !matches!(
            front[index..],
            [0xe2, 0x80, 0xa8 | 0xa9, ..] | [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..]
        ),
        0x80.. => true,
        byte => plain(byte),
    })
}

struct Reader<'a> {
    text: &'a str,
    end: usize,
    /// The line that is read next.
    line: Option<Line<'a>>,
    /// How many lines were read.
    lines: usize,
}

/// A line with its break taken off.
#[derive(Clone, Copy)]
struct Line<'a> {
    start: usize,
    indent: usize,
    /// What follows the indentation.
    rest: &'a str,
    next: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, front: Range<usize>) -> Self {
        let mut reader = Self { text, end: front.end, line: None, lines: 0 };
        reader.line = reader.line_at(front.start);
        reader
    }

    fn line_at(&self, start: usize) -> Option<Line<'a>> {
        if start >= self.end {
            return None;
        }
        let bytes = &self.text.as_bytes()[start..self.end];
        // Lines are short: a plain loop is quicker than a search that begins by aligning itself.
        let len = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let next = (start + len + 1).min(self.end);
        let len = if len > 0 && bytes[len - 1] == b'\r' { len - 1 } else { len };
        let indent = bytes[..len].iter().position(|&byte| byte != b' ').unwrap_or(len);
        Some(Line { start, indent, rest: &self.text[start + indent..start + len], next })
    }

    /// Moves to the next line that has more than a comment, and returns it.
    fn significant(&mut self) -> Option<Line<'a>> {
        while let Some(line) = self.line {
            if !line.rest.is_empty() && !line.rest.starts_with('#') {
                return Some(line);
            }
            self.line = self.line_at(line.next);
        }
        None
    }

    fn advance(&mut self, line: Line<'_>) -> Option<()> {
        self.line = self.line_at(line.next);
        self.lines += 1;
        (self.lines <= LINES).then_some(())
    }

    /// Reads the keys that are indented by `indent`, up to a line that is indented less.
    fn entries(&mut self, indent: usize) -> Option<Vec<Entry<'a>>> {
        let mut entries = Vec::with_capacity(if indent == 0 { 24 } else { 4 });
        while let Some(line) = self.significant() {
            if line.indent < indent {
                break;
            }
            if line.indent > indent {
                return None;
            }
            let key_start = line.start + indent;
            let key_len = line
                .rest
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                .count();
            if key_len == 0 || key_len > KEY || !line.rest.as_bytes()[0].is_ascii_alphabetic() {
                return None;
            }
            let (key, behind) = line.rest.split_at(key_len);
            let behind = behind.strip_prefix(':')?;
            if !behind.is_empty() && !behind.starts_with(' ') {
                return None;
            }
            let value_start = key_start + key_len + 1;
            self.advance(line)?;
            let inline = behind.trim_start_matches(' ');
            let inline_at = value_start + behind.len() - inline.len();
            let value = if inline.is_empty() || inline.starts_with('#') {
                self.below(indent, value_start)?
            } else if let Some(header) = inline.strip_prefix('|') {
                Value::Scalar(self.block(indent, header, inline_at)?)
            } else {
                let scalar = scalar(inline, inline_at)?;
                if self.significant().is_some_and(|next| next.indent > indent) {
                    return None;
                }
                Value::Scalar(scalar)
            };
            entries.push(Entry {
                key: Cow::Borrowed(key),
                key_span: key_start..key_start + key_len,
                value_start,
                value,
            });
        }
        Some(entries)
    }

    /// Reads what stands in the lines below a key: a list, keys or nothing.
    fn below(&mut self, indent: usize, value_start: usize) -> Option<Value<'a>> {
        let nothing =
            Value::Scalar(Scalar { text: Cow::Borrowed(""), style: Style::Plain, span: value_start..value_start });
        let Some(first) = self.significant() else { return Some(nothing) };
        let start = first.start + first.indent;
        if first.rest.starts_with("- ") && first.indent >= indent {
            return Some(Value::List(List { start, block: true, items: self.items(first.indent)? }));
        }
        if first.indent <= indent {
            return Some(nothing);
        }
        if indent > 0 {
            return None;
        }
        Some(Value::Map(Map { start, block: true, entries: self.entries(first.indent)? }))
    }

    fn items(&mut self, indent: usize) -> Option<Vec<Value<'a>>> {
        let mut items = Vec::new();
        while let Some(line) = self.significant() {
            if line.indent > indent {
                return None;
            }
            let Some(behind) = line.rest.strip_prefix("- ").filter(|_| line.indent == indent) else { break };
            let item = behind.trim_start_matches(' ');
            items.push(Value::Scalar(scalar(item, line.start + indent + 2 + behind.len() - item.len())?));
            self.advance(line)?;
        }
        Some(items)
    }

    /// Reads the lines of a literal block behind its `|`.
    fn block(&mut self, indent: usize, header: &str, at: usize) -> Option<Scalar<'a>> {
        let (step, strip) = match header.as_bytes() {
            [] => (None, false),
            b"-" => (None, true),
            [digit @ b'1'..=b'9'] => (Some(digit - b'0'), false),
            [digit @ b'1'..=b'9', b'-'] => (Some(digit - b'0'), true),
            _ => return None,
        };
        let mut text = String::new();
        let mut content = step.map(|step| indent + usize::from(step));
        let mut end = at;
        while let Some(line) = self.line {
            if line.rest.is_empty() {
                // White space alone may be content, or not: let the full reader say.
                if line.indent > 0 {
                    return None;
                }
                text.push('\n');
                self.advance(line)?;
                continue;
            }
            let content = *content.get_or_insert(line.indent);
            if content <= indent || line.indent < content {
                break;
            }
            text.extend(std::iter::repeat_n(' ', line.indent - content));
            text.push_str(line.rest);
            text.push('\n');
            self.advance(line)?;
            end = line.next;
        }
        if self.significant().is_some_and(|next| next.indent > indent) {
            return None;
        }
        let kept = text.trim_end_matches('\n').len();
        if kept == 0 {
            return None;
        }
        text.truncate(if strip { kept } else { kept + 1 });
        Some(Scalar { text: Cow::Owned(text), style: Style::Block, span: at..end })
    }
}

/// Reads a scalar that is written on one line; a comment may follow.
fn scalar(line: &str, at: usize) -> Option<Scalar<'_>> {
    let (text, style, len) = match line.as_bytes().first()? {
        b'"' => {
            let (text, len) = double_quoted(line)?;
            (text, Style::Quoted, len)
        }
        b'\'' => {
            let (text, len) = single_quoted(line)?;
            (text, Style::Quoted, len)
        }
        // A negative number, or a word that begins like one.
        b'-' if !line.as_bytes().get(1)?.is_ascii_alphanumeric() => return None,
        b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@'
        | b'`' => {
            return None;
        }
        _ => {
            let len = bare(line.as_bytes())?;
            (Cow::Borrowed(&line[..len]), Style::Plain, len)
        }
    };
    let rest = &line[len..];
    let behind = rest.trim_start_matches(' ');
    if !behind.is_empty() && (!behind.starts_with('#') || behind.len() == rest.len()) {
        return None;
    }
    Some(Scalar { text, style, span: at..at + len })
}

/// Returns how long a text without quotes is; `None` if it is a key.
fn bare(line: &[u8]) -> Option<usize> {
    let mut len = 0;
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            b' ' => continue,
            b'#' if index > len => break,
            b':' if matches!(line.get(index + 1), None | Some(b' ')) => return None,
            _ => len = index + 1,
        }
    }
    Some(len)
}

fn single_quoted(line: &str) -> Option<(Cow<'_, str>, usize)> {
    let end = 1 + line[1..].find('\'')?;
    // Two quotes are one, which is rare enough to leave to the full reader.
    (!line[end + 1..].starts_with('\'')).then(|| (Cow::Borrowed(&line[1..end]), end + 1))
}

fn double_quoted(line: &str) -> Option<(Cow<'_, str>, usize)> {
    let inside = &line[1..];
    let stop = inside.find(['"', '\\'])?;
    if inside[stop..].starts_with('"') {
        return Some((Cow::Borrowed(&inside[..stop]), stop + 2));
    }
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        let stop = rest.find(['"', '\\'])?;
        text.push_str(&rest[..stop]);
        if rest[stop..].starts_with('"') {
            return Some((Cow::Owned(text), line.len() - rest.len() + stop + 1));
        }
        let mut escaped = rest[stop + 1..].chars();
        let (c, digits) = match escaped.next()? {
            '"' => ('"', 0),
            '\\' => ('\\', 0),
            'n' => ('\n', 0),
            'r' => ('\r', 0),
            't' => ('\t', 0),
            'x' => (hexadecimal(escaped.as_str(), 2)?, 2),
            'u' => (hexadecimal(escaped.as_str(), 4)?, 4),
            _ => return None,
        };
        text.push(c);
        rest = &escaped.as_str()[digits..];
    }
}

fn hexadecimal(text: &str, digits: usize) -> Option<char> {
    let text = text.get(..digits)?;
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

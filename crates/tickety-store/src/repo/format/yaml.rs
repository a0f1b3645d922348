//! The reader for all of YAML that records may have: a bounded tree out of the parser's events.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StrInput, StructureStyle};

use super::document::line_end;
use super::error::{Fault, FormatProblem};
use super::value::{Entry, List, Map, Scalar, Style, Value};

/// How deep values may go.
pub(super) const DEPTH: usize = 32;

/// How many keys and values there may be.
pub(super) const NODES: usize = 20_000;

/// Reads the front matter at `front` of `text`.
pub(super) fn read(text: &str, front: Range<usize>) -> Result<Vec<Entry<'_>>, Fault> {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(&text[front.clone()], options);
    Reader { text, front, parser, nodes: 0 }.document()
}

struct Reader<'a> {
    text: &'a str,
    front: Range<usize>,
    parser: Parser<'a, StrInput<'a>>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Vec<Entry<'a>>, Fault> {
        let entries = loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return Ok(Vec::new()),
                (Event::MappingStart(StructureStyle::Block, 0, None), _) => break self.entries(1)?,
                (Event::Scalar(_, ScalarStyle::Plain, 0, None), span) if span.is_empty() => break Vec::new(),
                (_, span) => return Err(Fault::at(span.start, FormatProblem::NotMapping)),
            }
        };
        // A key that isn't first on its line can't be told apart from the line when it is edited.
        let first_column = |at: usize| at == self.front.start || self.text.as_bytes()[at - 1] == b'\n';
        if let Some(entry) = entries.iter().find(|entry| !first_column(entry.key_span.start)) {
            return Err(Fault::at(entry.key_span.start, FormatProblem::NotMapping));
        }
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(entries),
                (_, span) => return Err(Fault::at(span.start, FormatProblem::SeveralDocuments)),
            }
        }
    }

    /// Reads up to the end of a mapping that has begun.
    fn entries(&mut self, depth: usize) -> Result<Vec<Entry<'a>>, Fault> {
        let mut entries = Vec::new();
        loop {
            let (key, key_span) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(_, _, anchor, _), span) if anchor != 0 => {
                    return Err(Fault::at(span.start, FormatProblem::Alias));
                }
                (Event::Scalar(key, ScalarStyle::Literal | ScalarStyle::Folded, ..), span) => {
                    return Err(Fault::value(span.start, &key, "a key has to be on one line"));
                }
                (Event::Scalar(key, ..), span) => (key, span),
                (Event::Alias(_), span) => return Err(Fault::at(span.start, FormatProblem::Alias)),
                (_, span) => return Err(Fault::at(span.start, FormatProblem::NotMapping)),
            };
            let value_start = self.behind_colon(key_span.end);
            let next = self.next()?;
            let value = match self.value(next, depth)? {
                // The parser puts a missing value where the next token is.
                Value::Scalar(scalar) if scalar.is_empty() => {
                    Value::Scalar(Scalar { span: value_start..value_start, ..scalar })
                }
                // The parser has a list that isn't indented begin behind its first `-`.
                Value::List(list) if list.block => Value::List(List { start: self.token(value_start), ..list }),
                value => value,
            };
            entries.push(Entry { key, key_span, value_start, value });
        }
    }

    fn value(&mut self, (event, span): (Event<'a>, Range<usize>), depth: usize) -> Result<Value<'a>, Fault> {
        match event {
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _)
                if anchor != 0 =>
            {
                Err(Fault::at(span.start, FormatProblem::Alias))
            }
            Event::Scalar(text, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                // The parser's word for a value that isn't there is `~`.
                let text = if style == Style::Plain && span.is_empty() { Cow::Borrowed("") } else { text };
                Ok(Value::Scalar(Scalar { text, style, span }))
            }
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        next => {
                            self.check_depth(depth, next.1.start)?;
                            items.push(self.value(next, depth + 1)?);
                        }
                    }
                }
                Ok(Value::List(List { start: span.start, block: style == StructureStyle::Block, items }))
            }
            Event::MappingStart(style, ..) => {
                self.check_depth(depth, span.start)?;
                let entries = self.entries(depth + 1)?;
                Ok(Value::Map(Map { start: span.start, block: style == StructureStyle::Block, entries }))
            }
            Event::Alias(_) => Err(Fault::at(span.start, FormatProblem::Alias)),
            _ => Err(Fault::at(span.start, FormatProblem::NotMapping)),
        }
    }

    fn check_depth(&self, depth: usize, at: usize) -> Result<(), Fault> {
        if depth < DEPTH { Ok(()) } else { Err(Fault::at(at, FormatProblem::TooDeep { limit: DEPTH })) }
    }

    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Fault> {
        self.nodes += 1;
        let base = self.front.start;
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, self.front.end..self.front.end)),
            Some(Ok((event, span))) => {
                let range = span.byte_range().expect("a parser over a string knows its offsets");
                let range = base + range.start..base + range.end;
                if self.nodes > NODES {
                    return Err(Fault::at(range.start, FormatProblem::TooMany { limit: NODES }));
                }
                Ok((event, range))
            }
            Some(Err(error)) => {
                let at = base + error.marker().byte_offset().unwrap_or(0);
                let problem = match error.kind() {
                    ErrorKind::RecursionLimitExceeded => FormatProblem::TooDeep { limit: DEPTH },
                    ErrorKind::UnknownAnchor => FormatProblem::Alias,
                    _ => FormatProblem::Yaml { message: error.info() },
                };
                Err(Fault::at(at.min(self.front.end), problem))
            }
        }
    }

    /// Returns where the colon behind a key ends; where a `?` is before the key, it may lack one.
    fn behind_colon(&self, key_end: usize) -> usize {
        let at = self.token(key_end);
        if self.text[at..self.front.end].starts_with(':') { at + 1 } else { key_end }
    }

    /// Returns where what follows white space and comments begins.
    fn token(&self, at: usize) -> usize {
        let mut rest = &self.text[at..self.front.end];
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            if !rest.starts_with('#') {
                return self.front.end - rest.len();
            }
            rest = &rest[line_end(rest, 0)..];
        }
    }
}

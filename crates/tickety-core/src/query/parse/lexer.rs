//! Cutting a query into operators, words and fields with their values.

use std::borrow::Cow;
use std::ops::Range;

use super::super::error::{QueryParseError, QueryProblem};

/// A part of a query and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lexeme<'q> {
    pub(super) kind: LexemeKind<'q>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum LexemeKind<'q> {
    Open,
    Close,
    Or,
    And,
    /// `-` or `NOT`, as written.
    Not(&'static str),
    /// Text without a field: a bare word with the sign it may have, or a phrase.
    Text(Operand<'q>),
    Field(Field<'q>),
}

/// `label:a,b`
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field<'q> {
    pub(super) name: &'q str,
    pub(super) name_span: Range<usize>,
    /// At least one.
    pub(super) values: Vec<Value<'q>>,
}

/// One of the values after a colon: `x`, `>x`, `a..b`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Value<'q> {
    pub(super) comparison: Option<Comparison>,
    pub(super) first: Operand<'q>,
    /// What stands after `..`.
    pub(super) last: Option<Operand<'q>>,
    /// The whole value as it was written.
    pub(super) raw: &'q str,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A piece of text, quoted or bare.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Operand<'q> {
    pub(super) text: Cow<'q, str>,
    pub(super) quoted: bool,
    pub(super) span: Range<usize>,
}

/// Cuts the whole query.
pub(super) fn lex(query: &str) -> Result<Vec<Lexeme<'_>>, QueryParseError> {
    let mut lexer = Lexer { query, at: 0 };
    let mut lexemes = Vec::new();
    while let Some(lexeme) = lexer.next()? {
        lexemes.push(lexeme);
    }
    Ok(lexemes)
}

struct Lexer<'q> {
    query: &'q str,
    at: usize,
}

impl<'q> Lexer<'q> {
    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn fail<T>(&self, span: Range<usize>, problem: QueryProblem) -> Result<T, QueryParseError> {
        Err(QueryParseError::new(self.query, span, problem))
    }

    fn next(&mut self) -> Result<Option<Lexeme<'q>>, QueryParseError> {
        self.at = self.query.len() - self.rest().trim_start().len();
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let kind = match first {
            '(' => self.sign(LexemeKind::Open),
            ')' => self.sign(LexemeKind::Close),
            '"' => LexemeKind::Text(self.quoted()?),
            // A dash between two spaces is punctuation.
            '-' if self.rest()[1..].starts_with(|next: char| !next.is_whitespace()) => self.sign(LexemeKind::Not("-")),
            _ => match self.field_name() {
                Some(name) => LexemeKind::Field(self.field(name)?),
                None => self.word(),
            },
        };
        Ok(Some(Lexeme { kind, span: start..self.at }))
    }

    fn sign(&mut self, kind: LexemeKind<'q>) -> LexemeKind<'q> {
        self.at += 1;
        kind
    }

    fn word(&mut self) -> LexemeKind<'q> {
        let operand = self.bare(|rest| rest.starts_with(is_word_end));
        match operand.text.as_ref() {
            "OR" => LexemeKind::Or,
            "AND" => LexemeKind::And,
            "NOT" => LexemeKind::Not("NOT"),
            _ => LexemeKind::Text(operand),
        }
    }

    /// Returns the name before a colon, if the next word is a field. `std::fs` and
    /// `https://…` are text, and so is what can't be a name (`12:30`).
    fn field_name(&self) -> Option<&'q str> {
        let rest = self.rest();
        if !rest.starts_with(|char: char| char.is_ascii_alphabetic()) {
            return None;
        }
        let part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        let length = rest.find(|char| !part(char))?;
        let after = rest[length..].strip_prefix(':')?;
        let is_text = after.starts_with(':') || after.starts_with("//");
        (!is_text).then_some(&rest[..length])
    }

    fn field(&mut self, name: &'q str) -> Result<Field<'q>, QueryParseError> {
        let name_span = self.at..self.at + name.len();
        self.at = name_span.end + 1;
        let mut values = Vec::new();
        loop {
            values.push(self.value(name)?);
            if self.peek() != Some(',') {
                break;
            }
            self.at += 1;
        }
        // `label:a"b"` would otherwise be a label and a phrase.
        if self.peek() == Some('"') {
            return self.fail(self.at..self.at + 1, QueryProblem::StrayQuote);
        }
        Ok(Field { name, name_span, values })
    }

    fn value(&mut self, name: &str) -> Result<Value<'q>, QueryParseError> {
        let start = self.at;
        let comparison = self.comparison();
        let first = self.operand(name).map_err(|error| match self.rest().starts_with("..") {
            true => error.suggest(open_end("*", self.rest().split(is_value_end).next().unwrap_or_default())),
            false => error,
        })?;
        let mut last = None;
        if self.rest().starts_with("..") {
            self.at += 2;
            let end = self.operand(name);
            last = Some(end.map_err(|error| error.suggest(open_end(&self.query[start..self.at], "*")))?);
        }
        let span = start..self.at;
        if !self.peek().is_none_or(|char| is_value_end(char) || char == '"') {
            return self.fail(span, QueryProblem::StrayQuote);
        }
        Ok(Value { comparison, first, last, raw: &self.query[span.clone()], span })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let signs = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        let (sign, comparison) = signs.into_iter().find(|(sign, _)| self.rest().starts_with(sign))?;
        self.at += sign.len();
        Some(comparison)
    }

    fn operand(&mut self, name: &str) -> Result<Operand<'q>, QueryParseError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let operand =
            self.bare(|rest| rest.starts_with("..") || rest.starts_with(|char| is_value_end(char) || char == '"'));
        if operand.text.is_empty() {
            // At the end of the query the caret stands behind it.
            let length = self.peek().map_or(0, char::len_utf8);
            let field = format!("{name}:");
            return self.fail(self.at..self.at + length, QueryProblem::MissingValue { field });
        }
        Ok(operand)
    }

    fn bare(&mut self, ends: impl Fn(&str) -> bool) -> Operand<'q> {
        let start = self.at;
        while let Some(char) = self.peek() {
            if ends(self.rest()) {
                break;
            }
            self.at += char.len_utf8();
        }
        let span = start..self.at;
        Operand { text: Cow::Borrowed(&self.query[span.clone()]), quoted: false, span }
    }

    /// Reads what stands in quotation marks; `\"` and `\\` are the only escapes.
    fn quoted(&mut self) -> Result<Operand<'q>, QueryParseError> {
        let start = self.at;
        let content = &self.query[start + 1..];
        let mut escaped = false;
        let mut text = String::new();
        for (offset, char) in content.char_indices() {
            match (escaped, char) {
                (true, '"' | '\\') => text.push(char),
                (true, _) => text.extend(['\\', char]),
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (false, '"') => {
                    self.at = start + 1 + offset + 1;
                    return Ok(Operand { text: Cow::Owned(text), quoted: true, span: start..self.at });
                }
                (false, _) => text.push(char),
            }
            escaped = false;
        }
        self.fail(start..start + 1, QueryProblem::UnclosedQuote)
    }
}

/// Says how a range goes on without an end.
fn open_end(from: &str, to: &str) -> String {
    format!("write `{from}{to}` for a range without an end on that side")
}

fn is_word_end(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '(' | ')')
}

fn is_value_end(char: char) -> bool {
    char.is_whitespace() || matches!(char, ',' | '(' | ')')
}

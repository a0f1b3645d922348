//! Reading a query.

mod key;
mod lexer;
mod modifier;
mod value;

use std::ops::Range;

use self::key::Key;
use self::lexer::{Field, Lexeme, LexemeKind, Operand, lex};
use self::modifier::Modifiers;
use super::ast::{CustomTest, Expr, Query, Term, TextScope};
use super::error::{QueryParseError, QueryProblem, closest, did_you_mean};
use crate::schema::Schema;

/// The longest query, in bytes.
pub const MAX_LENGTH: usize = 32 << 10;
/// The deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 32;
/// The most conditions and values of a query.
pub const MAX_TERMS: usize = 1_000;

impl Query {
    /// Reads a query and returns its [canonical](Query::canonical) form. The language is described
    /// in `docs/queries.md`; the schema tells the prefix of names, the statuses and kinds there are,
    /// and the types of custom fields.
    ///
    /// Costs are bounded by [`MAX_LENGTH`], [`MAX_DEPTH`] and [`MAX_TERMS`]. Fails on the first
    /// problem with its place; what the query asks for is unknown then.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, QueryParseError> {
        if text.len() > MAX_LENGTH {
            let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_LENGTH).last().unwrap_or(0);
            return Err(QueryParseError::new(&text[..end], end..end, QueryProblem::TooLong));
        }
        let lexemes = lex(text)?;
        let mut parser = Parser { text, schema, lexemes: &lexemes, at: 0, terms: 0, modifiers: Modifiers::default() };
        let (filter, _) = parser.any(0)?;
        if let Some(lexeme) = parser.peek() {
            return Err(parser.error(lexeme.span.clone(), QueryProblem::UnopenedParenthesis).suggest(quote_hint()));
        }
        let terms = parser.terms;
        let query = std::mem::take(&mut parser.modifiers).finish(text, filter)?;
        check_printed_length(text, terms, &query)?;
        Ok(query)
    }
}

/// Refuses a query whose canonical form couldn't be read again. Spelling out aliases, relative
/// months and quotation marks makes a term longer by a few dozen bytes, and escapes at most double it,
/// so nearly all queries are spared the printing.
fn check_printed_length(text: &str, terms: usize, query: &Query) -> Result<(), QueryParseError> {
    if 3 * text.len() + 64 * (terms + 1) > MAX_LENGTH && query.to_string().len() > MAX_LENGTH {
        return Err(QueryParseError::new(text, text.len()..text.len(), QueryProblem::TooLong));
    }
    Ok(())
}

fn quote_hint() -> String {
    "to search for the text itself, put it in quotation marks".to_owned()
}

struct Parser<'q> {
    text: &'q str,
    schema: &'q Schema,
    lexemes: &'q [Lexeme<'q>],
    at: usize,
    terms: usize,
    modifiers: Modifiers,
}

impl<'q> Parser<'q> {
    fn peek(&self) -> Option<&'q Lexeme<'q>> {
        self.lexemes.get(self.at)
    }

    fn error(&self, span: Range<usize>, problem: QueryProblem) -> QueryParseError {
        QueryParseError::new(self.text, span, problem)
    }

    /// Reads conditions with `OR` between them, and whether there was one.
    fn any(&mut self, depth: usize) -> Result<(Expr, bool), QueryParseError> {
        let mut branches = Vec::new();
        loop {
            let (branch, has_condition) = self.all(depth)?;
            let or = self.peek().filter(|lexeme| lexeme.kind == LexemeKind::Or);
            if !has_condition && (or.is_some() || !branches.is_empty()) {
                let (span, place) = match or {
                    Some(lexeme) => (lexeme.span.clone(), "before it"),
                    None => (self.span_before(), "after it"),
                };
                return Err(self.error(span, QueryProblem::MissingOperand { operator: "OR", place }));
            }
            branches.push(branch);
            if or.is_none() {
                return Ok((Expr::Any(branches), has_condition));
            }
            self.at += 1;
        }
    }

    /// Reads conditions side by side, and whether there was one.
    fn all(&mut self, depth: usize) -> Result<(Expr, bool), QueryParseError> {
        let mut parts = Vec::new();
        let mut last_and = None;
        while let Some(lexeme) = self.peek() {
            match &lexeme.kind {
                LexemeKind::Or | LexemeKind::Close => break,
                LexemeKind::And => {
                    self.and(!parts.is_empty() && last_and.is_none(), lexeme)?;
                    last_and = Some(lexeme);
                }
                _ => {
                    if let Some(part) = self.unary(depth)? {
                        parts.push(part);
                        last_and = None;
                    }
                }
            }
        }
        // What concerns the whole query is no condition.
        if let Some(lexeme) = last_and {
            return Err(self.missing_operand("AND", lexeme, "after it"));
        }
        let has_condition = !parts.is_empty();
        Ok((Expr::All(parts), has_condition))
    }

    /// Skips an `AND`, which says the same as nothing.
    fn and(&mut self, has_left: bool, lexeme: &Lexeme<'q>) -> Result<(), QueryParseError> {
        self.at += 1;
        let next = self.peek().map(|lexeme| &lexeme.kind);
        let has_right = !matches!(next, None | Some(LexemeKind::Or | LexemeKind::And | LexemeKind::Close));
        if has_left && has_right {
            return Ok(());
        }
        let place = if has_left { "after it" } else { "before it" };
        Err(self.missing_operand("AND", lexeme, place))
    }

    fn missing_operand(&self, operator: &'static str, lexeme: &Lexeme<'q>, place: &'static str) -> QueryParseError {
        self.error(lexeme.span.clone(), QueryProblem::MissingOperand { operator, place })
    }

    /// Reads a condition with the negations before it; `None` for what concerns the whole query.
    fn unary(&mut self, depth: usize) -> Result<Option<Expr>, QueryParseError> {
        let mut negated = false;
        let mut last_not: Option<(Range<usize>, &'static str)> = None;
        while let Some(Lexeme { kind: LexemeKind::Not(sign), span }) = self.peek() {
            negated = !negated;
            last_not = Some((span.clone(), *sign));
            self.at += 1;
        }
        let operand = match self.peek() {
            Some(lexeme) => self.primary(lexeme, depth, last_not.is_some())?,
            None => Primary::Missing,
        };
        match (operand, last_not) {
            (Primary::Condition(expr), _) if negated => Ok(Some(Expr::Not(Box::new(expr)))),
            (Primary::Condition(expr), _) => Ok(Some(expr)),
            (Primary::Modifier, _) => Ok(None),
            (Primary::Missing, Some((span, operator))) => {
                let error = self.error(span, QueryProblem::MissingOperand { operator, place: "after it" });
                Err(if operator == "-" { error.suggest(quote_hint()) } else { error })
            }
            (Primary::Missing, None) => unreachable!("the caller saw the start of a condition"),
        }
    }

    fn primary(&mut self, lexeme: &'q Lexeme<'q>, depth: usize, negated: bool) -> Result<Primary, QueryParseError> {
        let condition = match &lexeme.kind {
            LexemeKind::Open => self.parenthesis(lexeme, depth)?,
            LexemeKind::Text(operand) => {
                self.at += 1;
                let condition = self.word(operand)?;
                self.admit(condition, &lexeme.span, depth)?
            }
            LexemeKind::Field(field) => {
                self.at += 1;
                let key = self.key(field)?;
                if let Some(name) = key.modifier_name() {
                    if depth > 0 || negated {
                        let what = if negated { "the negation" } else { "the parentheses" };
                        let error = self.error(field.name_span.clone(), QueryProblem::Misplaced { field: name });
                        return Err(error.suggest(format!("take it out of {what}")));
                    }
                    self.modifiers.read(self.text, &key, field)?;
                    return Ok(Primary::Modifier);
                }
                let condition = value::condition(self.text, self.schema, &key, field)?;
                self.admit(condition, &lexeme.span, depth)?
            }
            LexemeKind::Or | LexemeKind::And | LexemeKind::Close | LexemeKind::Not(_) => return Ok(Primary::Missing),
        };
        Ok(Primary::Condition(condition))
    }

    fn parenthesis(&mut self, open: &Lexeme<'q>, depth: usize) -> Result<Expr, QueryParseError> {
        if depth == MAX_DEPTH {
            return Err(self.error(open.span.clone(), QueryProblem::TooDeep));
        }
        self.at += 1;
        let (inner, _) = self.any(depth + 1)?;
        if self.peek().is_none() {
            return Err(self.error(open.span.clone(), QueryProblem::UnclosedParenthesis).suggest(quote_hint()));
        }
        self.at += 1;
        Ok(inner)
    }

    fn key(&self, field: &Field<'q>) -> Result<Key, QueryParseError> {
        key::find(field.name).ok_or_else(|| {
            let name = field.name.to_owned();
            let declared = self.schema.fields.iter().find(|def| def.key.eq_ignore_ascii_case(field.name));
            let suggestion = match (declared, closest(field.name, key::names())) {
                (Some(def), _) => did_you_mean(&format!("field.{}", def.key)),
                (None, Some(known)) => did_you_mean(known),
                (None, None) => quote_hint(),
            };
            self.error(field.name_span.clone(), QueryProblem::UnknownField { name }).suggest(suggestion)
        })
    }

    /// Reads text without a field: `#42` is a number, everything else is searched for.
    fn word(&self, operand: &Operand<'q>) -> Result<Expr, QueryParseError> {
        let digits = operand.text.strip_prefix('#').filter(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
        if digits.is_some() && !operand.quoted {
            return value::number(self.text, self.schema, operand).map(Expr::Term);
        }
        value::text(self.text, TextScope::Any, operand)
    }

    /// Counts a condition that one lexeme stands for. Several values may print as a group, so they
    /// need room for its parentheses.
    fn admit(&mut self, condition: Expr, span: &Range<usize>, depth: usize) -> Result<Expr, QueryParseError> {
        self.terms += condition.weight();
        if self.terms > MAX_TERMS {
            return Err(self.error(span.clone(), QueryProblem::TooManyTerms));
        }
        if depth == MAX_DEPTH && condition.is_group() {
            return Err(self.error(span.clone(), QueryProblem::TooDeep));
        }
        Ok(condition)
    }

    fn span_before(&self) -> Range<usize> {
        self.at.checked_sub(1).map_or(0..0, |index| self.lexemes[index].span.clone())
    }
}

/// What follows the negations.
enum Primary {
    Condition(Expr),
    /// What concerns the whole query: it is kept elsewhere.
    Modifier,
    Missing,
}

impl Expr {
    /// Returns how many conditions and values there are.
    fn weight(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::weight).sum(),
            Self::Not(part) => part.weight(),
            Self::Term(Term::Name(_, values) | Term::Custom(_, CustomTest::Is(values))) => values.len(),
            Self::Term(Term::Status(values)) => values.len(),
            Self::Term(Term::Kind(values)) => values.len(),
            Self::Term(Term::Reason(values)) => values.len(),
            Self::Term(Term::Related(_, names)) => names.len(),
            Self::Term(Term::Id(ids)) => ids.len(),
            Self::Term(_) => 1,
        }
    }

    fn is_group(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.len() > 1 || parts.iter().any(Self::is_group),
            Self::Not(part) => part.is_group(),
            Self::Term(_) => false,
        }
    }
}

impl From<Term> for Expr {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

#[cfg(test)]
mod tests;

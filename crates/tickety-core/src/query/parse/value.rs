//! What the values after a colon mean.

use std::fmt::Display;
use std::str::FromStr;

use super::super::ast::{
    Bounds, Count, CustomTest, Expr, FieldName, Is, NameField, Term, TextMatch, TextScope, TimeField, TimeSpec,
};
use super::super::error::{QueryParseError, QueryProblem, closest, did_you_mean};
use super::super::time;
use super::key::Key;
use super::lexer::{Comparison, Field, Operand, Value};
use crate::ident::IssueName;
use crate::issue::{CloseReason, FieldValue, Kind, Minutes, Priority, Status};
use crate::schema::{FieldType, Schema};
use crate::text::tokens;

/// Reads a field with its values as a condition: one of the values has to fit.
pub(super) fn condition(query: &str, schema: &Schema, key: &Key, field: &Field<'_>) -> Result<Expr, QueryParseError> {
    let reader = Reader { query, schema, field: field.name.to_ascii_lowercase() };
    let values = field.values.as_slice();
    if let [value] = values
        && value.raw == "*"
        && let Some(field) = key.presence()
    {
        return Ok(Expr::Term(Term::Has(field)));
    }
    let term = match key {
        Key::Is => return reader.any(values, |value| reader.state(value)),
        Key::Has => return reader.any(values, |value| Ok(Term::Has(field_name(query, "has", value)?).into())),
        Key::No => {
            let absent = |value: &Value<'_>| {
                let field = field_name(query, "no", value)?;
                Ok(Expr::Not(Box::new(Term::Has(field).into())))
            };
            return reader.any(values, absent);
        }
        Key::Text(scope) => return reader.any(values, |value| reader.text(*scope, value)),
        Key::Priority => return reader.any(values, |value| reader.priority(value)),
        Key::Count(count) => return reader.any(values, |value| reader.count(*count, value)),
        Key::Time(time) => return reader.any(values, |value| reader.time(*time, value)),
        Key::Custom(name) => return reader.custom(name, values),
        Key::Status => Term::Status(reader.each(values, |value| reader.status(value))?),
        Key::Kind => Term::Kind(reader.each(values, |value| reader.kind(value))?),
        Key::Reason => Term::Reason(reader.each(values, |value| reader.reason(value))?),
        Key::Name(name) => Term::Name(*name, reader.each(values, |value| reader.plain(value).map(str::to_owned))?),
        Key::Related(relation) => Term::Related(*relation, reader.each(values, |value| reader.issue(value))?),
        Key::Id => Term::Id(reader.each(values, |value| reader.parsed(value))?),
        Key::Sort | Key::Fields | Key::Limit | Key::After => unreachable!("the caller keeps modifiers apart"),
    };
    Ok(Expr::Term(term))
}

impl Key {
    /// Returns the field that `KEY:*` asks to be there.
    fn presence(&self) -> Option<FieldName> {
        match self {
            Self::Text(_)
            | Self::Status
            | Self::Kind
            | Self::Reason
            | Self::Priority
            | Self::Name(_)
            | Self::Count(_)
            | Self::Time(_)
            | Self::Related(_)
            | Self::Custom(_) => self.field_name(),
            Self::Is | Self::Has | Self::No | Self::Id | Self::Sort | Self::Fields | Self::Limit | Self::After => None,
        }
    }

    fn field_name(&self) -> Option<FieldName> {
        match self {
            Self::Text(scope) => scope.as_str()?.parse().ok(),
            Self::Name(field) => field.as_str().parse().ok(),
            Self::Count(count) => count.as_str().parse().ok(),
            Self::Time(field) => field.as_str().parse().ok(),
            Self::Related(relation) => Some(FieldName::Related(*relation)),
            Self::Custom(key) => Some(FieldName::Custom(key.clone())),
            Self::Status => Some(FieldName::Status),
            Self::Kind => Some(FieldName::Kind),
            Self::Reason => Some(FieldName::Reason),
            Self::Priority => Some(FieldName::Priority),
            _ => None,
        }
    }
}

/// Reads the name of a field as a value of `has:`, `no:` or `fields:`.
pub(super) fn field_name(query: &str, field: &str, value: &Value<'_>) -> Result<FieldName, QueryParseError> {
    value.raw.parse().map_err(|error: super::super::FieldNameParseError| {
        let problem = QueryProblem::BadValue {
            field: field.to_owned(),
            value: value.raw.to_owned(),
            expected: "write the name of a field, such as label or field.NAME".to_owned(),
        };
        QueryParseError::new(query, value.span.clone(), problem).suggest(error.suggestion().map(did_you_mean))
    })
}

/// Reads `#42` as the number of an issue.
pub(super) fn number(query: &str, schema: &Schema, operand: &Operand<'_>) -> Result<Term, QueryParseError> {
    let number = Reader { query, schema, field: "number".to_owned() }.number(operand)?;
    Ok(Term::Count(Count::Number, exactly(number)))
}

/// Reads a word, a phrase or a prefix to search for.
pub(super) fn text(query: &str, scope: TextScope, operand: &Operand<'_>) -> Result<Expr, QueryParseError> {
    let mut words: Vec<String> = tokens(&operand.text).map(|token| token.text.into_owned()).collect();
    let Some(last) = words.last().cloned() else {
        let word = operand.text.clone().into_owned();
        let error = QueryParseError::new(query, operand.span.clone(), QueryProblem::NotSearchable { word });
        return Err(error.suggest("leave it out".to_owned()));
    };
    // The star belongs to the token right before it only: `C++*` is no prefix.
    let is_prefix = !operand.quoted
        && operand.text.strip_suffix('*').is_some_and(|stem| stem.ends_with(|char: char| char.is_alphanumeric()));
    let as_term = |wanted| Expr::Term(Term::Text(scope, wanted));
    match TextMatch::prefix(last) {
        prefix @ TextMatch::Prefix(_) if is_prefix => {
            words.pop();
            let mut parts = vec![as_term(prefix)];
            if !words.is_empty() {
                parts.push(as_term(TextMatch::Phrase(words)));
            }
            Ok(Expr::All(parts))
        }
        _ => Ok(as_term(TextMatch::Phrase(words))),
    }
}

fn exactly<T: Clone>(value: T) -> Bounds<T> {
    Bounds { from: Some((value.clone(), true)), to: Some((value, true)) }
}

/// What is told of a comparison where there is nothing to compare.
const ORDERED: &str = "number, priority, comments, estimate, spent, created, updated, closed, due and fields with a type do; \
                       put the text itself in quotation marks";

/// Reads the values of one field.
struct Reader<'a> {
    query: &'a str,
    schema: &'a Schema,
    /// The field as it was written, for errors.
    field: String,
}

impl Reader<'_> {
    fn any(
        &self,
        values: &[Value<'_>],
        read: impl Fn(&Value<'_>) -> Result<Expr, QueryParseError>,
    ) -> Result<Expr, QueryParseError> {
        values.iter().map(read).collect::<Result<_, _>>().map(Expr::Any)
    }

    fn each<T>(
        &self,
        values: &[Value<'_>],
        read: impl Fn(&Value<'_>) -> Result<T, QueryParseError>,
    ) -> Result<Vec<T>, QueryParseError> {
        values.iter().map(read).collect()
    }

    /// Returns the value of a field whose values have no order, as it was written; what looks like a range is part of
    /// it, since texts have dots in them, but not where people number things.
    fn plain<'v>(&self, value: &'v Value<'_>) -> Result<&'v str, QueryParseError> {
        let has_quotes = value.first.quoted || value.last.as_ref().is_some_and(|last| last.quoted);
        let is_range = value.last.is_some() && (has_quotes || self.field == NameField::Milestone.as_str());
        if value.comparison.is_some() || is_range {
            let problem = QueryProblem::NoOrder { field: self.field.clone() };
            return Err(QueryParseError::new(self.query, value.span.clone(), problem).suggest(ORDERED.to_owned()));
        }
        let text = if value.last.is_some() { value.raw } else { &value.first.text };
        if text.is_empty() {
            let problem = QueryProblem::MissingValue { field: format!("{}:", self.field) };
            return Err(QueryParseError::new(self.query, value.span.clone(), problem));
        }
        Ok(text)
    }

    fn bad(&self, operand: &Operand<'_>, expected: impl Into<String>) -> QueryParseError {
        let problem = QueryProblem::BadValue {
            field: self.field.clone(),
            value: operand.text.clone().into_owned(),
            expected: expected.into(),
        };
        QueryParseError::new(self.query, operand.span.clone(), problem)
    }

    fn unknown(&self, value: &Value<'_>, known: Vec<String>) -> QueryParseError {
        let suggestion = closest(&value.first.text, known.iter().map(String::as_str)).map(did_you_mean);
        let problem = QueryProblem::UnknownValue {
            field: self.field.clone(),
            value: value.first.text.clone().into_owned(),
            known,
        };
        QueryParseError::new(self.query, value.span.clone(), problem).suggest(suggestion)
    }

    fn parsed<T: FromStr<Err: Display>>(&self, value: &Value<'_>) -> Result<T, QueryParseError> {
        self.plain(value)?.parse().map_err(|error: T::Err| self.bad(&value.first, error.to_string()))
    }

    /// Reads `is:open`, or a configured status.
    fn state(&self, value: &Value<'_>) -> Result<Expr, QueryParseError> {
        let status = Status::new(self.plain(value)?);
        match status.as_str() {
            "all" => return Ok(Term::Is(Is::Any).into()),
            // GitHub's queries say so, and here everything is one.
            "issue" => return Ok(Expr::All(Vec::new())),
            _ => {}
        }
        if let Some(state) = Is::ALL.into_iter().find(|state| state.as_str() == status.as_str()) {
            return Ok(Term::Is(state).into());
        }
        if self.schema.has_status(&status) {
            return Ok(Term::Status(vec![status]).into());
        }
        let statuses = self.schema.statuses.iter().map(|def| def.name.as_str());
        let own = statuses.filter(|name| Is::ALL.iter().all(|state| state.as_str() != *name));
        Err(self.unknown(value, Is::ALL.iter().map(|state| state.as_str()).chain(own).map(str::to_owned).collect()))
    }

    fn status(&self, value: &Value<'_>) -> Result<Status, QueryParseError> {
        let status = Status::new(self.plain(value)?);
        if self.schema.has_status(&status) {
            return Ok(status);
        }
        Err(self.unknown(value, self.schema.statuses.iter().map(|def| def.name.to_string()).collect()))
    }

    fn kind(&self, value: &Value<'_>) -> Result<Kind, QueryParseError> {
        let kind = Kind::new(self.plain(value)?);
        if self.schema.has_kind(&kind) {
            return Ok(kind);
        }
        Err(self.unknown(value, self.schema.kinds.iter().map(ToString::to_string).collect()))
    }

    fn reason(&self, value: &Value<'_>) -> Result<CloseReason, QueryParseError> {
        let text = self.plain(value)?;
        let known = || CloseReason::ALL.iter().map(ToString::to_string).collect();
        CloseReason::from_words(text).map_err(|_| self.unknown(value, known()))
    }

    fn issue(&self, value: &Value<'_>) -> Result<IssueName, QueryParseError> {
        let name = IssueName::parse(self.plain(value)?, &self.schema.prefix);
        name.map_err(|_| self.bad(&value.first, format!("write 42, {}-42 or 42-k3f9", self.schema.prefix)))
    }

    fn text(&self, scope: TextScope, value: &Value<'_>) -> Result<Expr, QueryParseError> {
        let plain = self.plain(value)?;
        let operand = Operand { text: plain.into(), quoted: value.first.quoted, span: value.span.clone() };
        text(self.query, scope, &operand)
    }

    fn priority(&self, value: &Value<'_>) -> Result<Expr, QueryParseError> {
        let read = |operand: &Operand<'_>| {
            let known = || Priority::ALL.iter().map(ToString::to_string).collect();
            let whole = Value { first: operand.clone(), span: operand.span.clone(), ..value.clone() };
            let priority: Priority = operand.text.parse().map_err(|_| self.unknown(&whole, known()))?;
            Ok((priority, priority))
        };
        let urgent_is_greater = self.bounds(value, read, |from, to| from < to)?;
        let bounds = Bounds { from: urgent_is_greater.to, to: urgent_is_greater.from };
        Ok(Term::Priority(bounds).into())
    }

    fn number(&self, operand: &Operand<'_>) -> Result<u32, QueryParseError> {
        match IssueName::parse(&operand.text, &self.schema.prefix) {
            Ok(IssueName { number, suffix: None }) => Ok(number.get()),
            Ok(IssueName { suffix: Some(_), .. }) => Err(self
                .bad(operand, "a query asks for the number alone")
                .suggest("give the whole id with `id:` to tell issues of one number apart".to_owned())),
            Err(error) => Err(self.bad(operand, error.to_string())),
        }
    }

    fn count(&self, count: Count, value: &Value<'_>) -> Result<Expr, QueryParseError> {
        let read = |operand: &Operand<'_>| {
            let read = match count {
                Count::Number => self.number(operand)?,
                Count::Comments => operand.text.parse().map_err(|_| {
                    let error = self.bad(operand, "it counts them");
                    error.suggest(format!(
                        "to search in comments write comment:{}",
                        super::super::print::quoted(&operand.text)
                    ))
                })?,
                Count::Estimate | Count::Spent => {
                    let minutes: Result<Minutes, _> = operand.text.parse();
                    minutes.map_err(|_| self.bad(operand, "write minutes, or 1h30m, 2d, 1w"))?.0
                }
            };
            Ok((read, read))
        };
        Ok(Term::Count(count, self.bounds(value, read, |from, to| from > to)?).into())
    }

    fn time(&self, field: TimeField, value: &Value<'_>) -> Result<Expr, QueryParseError> {
        let read = |operand: &Operand<'_>| time::parse(&operand.text).ok_or_else(|| self.bad(operand, time::EXPECTED));
        let bounds = self.bounds(value, read, |from: &TimeSpec, to| from.is_surely_after(*to))?;
        Ok(Term::Time(field, bounds).into())
    }

    fn custom(&self, key: &str, values: &[Value<'_>]) -> Result<Expr, QueryParseError> {
        let field_type = self.schema.field_type(key);
        let mut parts = Vec::new();
        let mut texts = Vec::new();
        for value in values {
            let is_range = value.comparison.is_some() || value.last.is_some();
            let test = match field_type {
                FieldType::Date => self.custom_date(value)?,
                _ if is_range => CustomTest::Within(self.custom_bounds(&field_type, value)?),
                _ => CustomTest::Is(vec![self.custom_value(&field_type, &value.first)?.to_string()]),
            };
            match test {
                CustomTest::Is(values) => texts.extend(values),
                test => parts.push(Term::Custom(key.to_owned(), test).into()),
            }
        }
        if !texts.is_empty() {
            parts.push(Term::Custom(key.to_owned(), CustomTest::Is(texts)).into());
        }
        Ok(Expr::Any(parts))
    }

    /// Reads dates as those of the built-in fields are read.
    fn custom_date(&self, value: &Value<'_>) -> Result<CustomTest, QueryParseError> {
        let read = |operand: &Operand<'_>| time::parse(&operand.text).ok_or_else(|| self.bad(operand, time::EXPECTED));
        let bounds = self.bounds(value, read, |from: &TimeSpec, to| from.is_surely_after(*to))?;
        let is_range = value.comparison.is_some() || value.last.is_some();
        Ok(match CustomTest::dates(bounds) {
            CustomTest::Within(Bounds { from: Some((from, _)), to: Some((to, _)) }) if from == to && !is_range => {
                CustomTest::Is(vec![from.to_string()])
            }
            test => test,
        })
    }

    fn custom_bounds(&self, field_type: &FieldType, value: &Value<'_>) -> Result<Bounds<FieldValue>, QueryParseError> {
        if *field_type == FieldType::Bool {
            let problem = QueryProblem::NoOrder { field: self.field.clone() };
            return Err(QueryParseError::new(self.query, value.span.clone(), problem));
        }
        let read = |operand: &Operand<'_>| {
            let read = self.custom_value(field_type, operand)?;
            Ok((read.clone(), read))
        };
        let fold = |value: &FieldValue| super::super::fold_name(&value.to_string());
        self.bounds(value, read, |from, to| match (from, to) {
            (FieldValue::Text(_), FieldValue::Text(_)) => fold(from) > fold(to),
            _ => from > to,
        })
    }

    fn custom_value(&self, field_type: &FieldType, operand: &Operand<'_>) -> Result<FieldValue, QueryParseError> {
        FieldValue::parse(&operand.text, field_type).map_err(|_| {
            let expected = match field_type {
                FieldType::Text => "write any text".to_owned(),
                FieldType::Number => "write a number such as 2.5".to_owned(),
                FieldType::Date => "write a date such as 2026-11-30".to_owned(),
                FieldType::Bool => "write true or false".to_owned(),
                FieldType::Choice(choices) => format!("use {}", choices.join(", ")),
            };
            self.bad(operand, expected)
        })
    }

    /// Reads a value, a comparison or a range, where `read` returns the first and the last of what
    /// an operand means.
    fn bounds<T: Clone + Display>(
        &self,
        value: &Value<'_>,
        read: impl Fn(&Operand<'_>) -> Result<(T, T), QueryParseError>,
        is_backwards: impl Fn(&T, &T) -> bool,
    ) -> Result<Bounds<T>, QueryParseError> {
        if let Some(last) = &value.last {
            if value.comparison.is_some() {
                return Err(self.bad(&value.first, "write a comparison or a range, not both"));
            }
            let is_open = |operand: &Operand<'_>| !operand.quoted && operand.text == "*";
            let from = if is_open(&value.first) { None } else { Some(read(&value.first)?.0) };
            let to = if is_open(last) { None } else { Some(read(last)?.1) };
            if let (Some(from), Some(to)) = (&from, &to)
                && is_backwards(from, to)
            {
                let problem = QueryProblem::Backwards { from: from.to_string(), to: to.to_string() };
                let error = QueryParseError::new(self.query, value.span.clone(), problem);
                return Err(error.suggest("swap the two".to_owned()));
            }
            return Ok(Bounds { from: from.map(|from| (from, true)), to: to.map(|to| (to, true)) });
        }
        let (first, last) = read(&value.first)?;
        Ok(match value.comparison {
            None => Bounds { from: Some((first, true)), to: Some((last, true)) },
            Some(Comparison::AtLeast) => Bounds { from: Some((first, true)), to: None },
            Some(Comparison::Greater) => Bounds { from: Some((last, false)), to: None },
            Some(Comparison::AtMost) => Bounds { from: None, to: Some((last, true)) },
            Some(Comparison::Less) => Bounds { from: None, to: Some((first, false)) },
        })
    }
}

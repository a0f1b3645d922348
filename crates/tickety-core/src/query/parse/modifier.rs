//! What concerns the whole query: order, fields, limit and cursor.

use std::ops::Range;

use super::super::ast::{Cursor, Expr, FieldName, Query, SortBy, SortKey, Term};
use super::super::error::{QueryParseError, QueryProblem, closest, did_you_mean};
use super::key::Key;
use super::lexer::{Field, Value};

impl Key {
    /// Returns the name of what concerns the whole query; `None` for conditions.
    pub(super) fn modifier_name(&self) -> Option<&'static str> {
        match self {
            Self::Sort => Some("sort"),
            Self::Fields => Some("fields"),
            Self::Limit => Some("limit"),
            Self::After => Some("after"),
            _ => None,
        }
    }
}

/// What was said about the whole query so far.
#[derive(Default)]
pub(super) struct Modifiers {
    sort: Vec<SortKey>,
    relevance: Option<Range<usize>>,
    limit: Option<u32>,
    after: Option<(Cursor, Range<usize>)>,
    fields: Vec<FieldName>,
}

impl Modifiers {
    /// Takes in `sort:…`, `fields:…`, `limit:…` or `after:…`.
    pub(super) fn read(&mut self, query: &str, key: &Key, field: &Field<'_>) -> Result<(), QueryParseError> {
        match key {
            Key::Sort => {
                for value in &field.values {
                    let key = sort_key(query, value)?;
                    if key.by == SortBy::Relevance {
                        self.relevance = Some(value.span.clone());
                    }
                    self.sort.push(key);
                }
            }
            Key::Fields => {
                for value in &field.values {
                    self.fields.push(super::value::field_name(query, "fields", value)?);
                }
            }
            Key::Limit => {
                let limit = only_value(query, "limit", field, self.limit.is_some())?;
                let bad = || QueryProblem::BadValue {
                    field: "limit".to_owned(),
                    value: limit.raw.to_owned(),
                    expected: "write a number from 1 on".to_owned(),
                };
                let number = limit.raw.parse().ok().filter(|number| *number > 0);
                self.limit = Some(number.ok_or_else(|| QueryParseError::new(query, limit.span.clone(), bad()))?);
            }
            Key::After => {
                let after = only_value(query, "after", field, self.after.is_some())?;
                let cursor = after.raw.parse().map_err(|_| {
                    QueryParseError::new(query, after.span.clone(), QueryProblem::DamagedCursor)
                        .suggest("take the one the page before returned, or leave it out".to_owned())
                })?;
                self.after = Some((cursor, after.span.clone()));
            }
            _ => unreachable!("the caller asked for modifiers only"),
        }
        Ok(())
    }

    /// Joins what was said with the filter.
    pub(super) fn finish(self, text: &str, filter: Expr) -> Result<Query, QueryParseError> {
        let after = self.after.as_ref().map(|(cursor, _)| cursor.clone());
        let query = Query { filter, sort: self.sort, limit: self.limit, after, fields: self.fields }.canonical();
        if let Some(span) = self.relevance
            && !query.filter.asks_for_text()
        {
            return Err(QueryParseError::new(text, span, QueryProblem::NothingRanked));
        }
        if let Some((cursor, span)) = self.after
            && !cursor.fits(&query.sort)
        {
            let error = QueryParseError::new(text, span, QueryProblem::ForeignCursor);
            return Err(error.suggest("give the query the order it had when it returned the cursor".to_owned()));
        }
        Ok(query)
    }
}

impl Expr {
    /// Whether there is text to search for that isn't negated, so that an order by relevance has something to go by.
    pub fn asks_for_text(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_for_text),
            Self::Not(_) => false,
            Self::Term(term) => matches!(term, Term::Text(..)),
        }
    }
}

fn only_value<'f, 'q>(
    query: &str,
    name: &'static str,
    field: &'f Field<'q>,
    repeated: bool,
) -> Result<&'f Value<'q>, QueryParseError> {
    match field.values.as_slice() {
        [value] if !repeated => Ok(value),
        _ => Err(QueryParseError::new(query, field.name_span.clone(), QueryProblem::Repeated { field: name })),
    }
}

/// Reads `updated`, `updated-desc`, `newest` or `oldest`.
fn sort_key(query: &str, value: &Value<'_>) -> Result<SortKey, QueryParseError> {
    let folded = value.raw.to_ascii_lowercase().replace('_', "-");
    let (name, direction) = match folded.strip_suffix("-desc") {
        Some(name) => (name, Some(true)),
        None => match folded.strip_suffix("-asc") {
            Some(name) => (name, Some(false)),
            None => (folded.as_str(), None),
        },
    };
    match (folded.as_str(), name) {
        ("newest", _) => return Ok(SortKey { by: SortBy::Number, descending: true }),
        ("oldest", _) => return Ok(SortKey { by: SortBy::Number, descending: false }),
        _ => {}
    }
    let found = SortBy::ALL.into_iter().find(|by| by.as_str() == name);
    let Some(by) = found.filter(|by| *by != SortBy::Relevance || direction != Some(false)) else {
        let known: Vec<&str> = SortBy::ALL.iter().map(SortBy::as_str).chain(["newest", "oldest"]).collect();
        let suggestion = closest(name, known.iter().copied()).map(did_you_mean);
        let problem = QueryProblem::UnknownValue {
            field: "sort".to_owned(),
            value: value.raw.to_owned(),
            known: known.into_iter().map(str::to_owned).collect(),
        };
        return Err(QueryParseError::new(query, value.span.clone(), problem).suggest(suggestion));
    };
    let descending = direction.unwrap_or_else(|| by.is_naturally_descending());
    Ok(SortKey { by, descending })
}

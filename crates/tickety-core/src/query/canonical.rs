//! The one form of queries that ask the same.

use std::collections::BTreeSet;

use super::ast::{
    Bounds, Count, CustomTest, Expr, FieldName, Query, SortBy, SortKey, Term, TextMatch, TimeField, TimeSpec,
};
use super::moment::fold_name;
use super::print;
use crate::issue::FieldValue;
use crate::text::tokens;

impl Query {
    /// Returns the query in the form that parsing gives and printing shows: values are folded,
    /// sorted and free of duplicates, conditions flattened, freed of double negation and sorted; a
    /// sort key that can decide nothing is gone. Two queries that differ only in such
    /// things become equal.
    pub fn canonical(self) -> Self {
        Self {
            filter: self.filter.canonical(),
            sort: canonical_sort(self.sort),
            limit: self.limit,
            after: self.after,
            fields: first_of_each(self.fields),
        }
    }
}

impl Expr {
    /// Returns the condition in the form that parsing gives; see [`Query::canonical`]. What is always
    /// true becomes `All([])`, what never is `Any([])`.
    pub fn canonical(self) -> Self {
        match self {
            Self::All(parts) => {
                let mut kept = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.canonical() {
                        Self::All(inner) => kept.extend(inner),
                        never if never.is_never() => return never,
                        other => kept.push(other),
                    }
                }
                group(kept, Self::All)
            }
            Self::Any(parts) => {
                let mut kept = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.canonical() {
                        Self::Any(inner) => kept.extend(inner),
                        always if always.is_always() => return always,
                        other => kept.push(other),
                    }
                }
                group(kept, Self::Any)
            }
            Self::Not(part) => match part.canonical() {
                Self::Not(inner) => *inner,
                always if always.is_always() => Self::Any(Vec::new()),
                never if never.is_never() => Self::All(Vec::new()),
                other => Self::Not(Box::new(other)),
            },
            Self::Term(term) => term.canonical(),
        }
    }

    /// Whether this is `All([])`.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    /// Where a condition stands among its neighbours: states, fields, groups, text.
    fn rank(&self) -> u8 {
        match self {
            Self::Term(Term::Is(_)) => 0,
            Self::Term(Term::Text(..)) => 3,
            Self::Term(_) => 1,
            Self::Not(inner) => inner.rank(),
            Self::All(_) | Self::Any(_) => 2,
        }
    }
}

/// Sorts the conditions of a group, drops duplicates and unwraps a single one.
fn group(mut parts: Vec<Expr>, wrap: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() > 1 {
        parts.sort_by_cached_key(|part| (part.rank(), print::nested(part)));
        parts.dedup();
    }
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => wrap(parts),
    }
}

impl Term {
    fn canonical(self) -> Expr {
        let always = || Expr::All(Vec::new());
        let term = match self {
            Self::Text(scope, wanted) => match canonical_text(wanted) {
                Some(wanted) => Self::Text(scope, wanted),
                None => return Expr::Any(Vec::new()),
            },
            Self::Status(values) => return one_of(values, Self::Status),
            Self::Kind(values) => return one_of(values, Self::Kind),
            Self::Reason(values) => return one_of(values, Self::Reason),
            Self::Related(relation, names) => return one_of(names, |names| Self::Related(relation, names)),
            Self::Id(ids) => return one_of(ids, Self::Id),
            Self::Name(field, names) => return one_of(fold_all(names), |names| Self::Name(field, names)),
            Self::Custom(key, CustomTest::Is(values)) => {
                return one_of(fold_all(values), |values| Self::Custom(key, CustomTest::Is(values)));
            }
            Self::Custom(key, CustomTest::Within(bounds)) => {
                let bounds = bounds.map(|value| match value {
                    FieldValue::Text(text) => FieldValue::Text(fold_name(&text)),
                    other => other,
                });
                let any_value = Self::Has(FieldName::Custom(key.clone()));
                let wrap = |bounds| Self::Custom(key.clone(), CustomTest::Within(bounds));
                return ranged(bounds, Expr::Term(any_value), wrap);
            }
            Self::Custom(key, CustomTest::During(bounds)) => {
                let any_value = Self::Has(FieldName::Custom(key.clone()));
                let wrap = |bounds| Self::Custom(key.clone(), CustomTest::dates(bounds));
                return ranged(bounds.map(TimeSpec::canonical), Expr::Term(any_value), wrap);
            }
            Self::Priority(bounds) => return ranged(bounds, always(), Self::Priority),
            Self::Count(count, bounds) => {
                let any_value = match count {
                    Count::Number | Count::Comments => always(),
                    Count::Estimate => Expr::Term(Self::Has(FieldName::Estimate)),
                    Count::Spent => Expr::Term(Self::Has(FieldName::Spent)),
                };
                return ranged(bounds, any_value, |bounds| Self::Count(count, bounds));
            }
            Self::Time(field, bounds) => {
                let any_value = match field {
                    TimeField::Created | TimeField::Updated => always(),
                    TimeField::Closed => Expr::Term(Self::Has(FieldName::Closed)),
                    TimeField::Due => Expr::Term(Self::Has(FieldName::Due)),
                };
                let bounds = bounds.map(TimeSpec::canonical);
                return ranged(bounds, any_value, |bounds| Self::Time(field, bounds));
            }
            Self::Is(_) | Self::Has(_) => self,
        };
        Expr::Term(term)
    }
}

/// Makes tokens of what may not be any; `None` if nothing is left to look for.
fn canonical_text(wanted: TextMatch) -> Option<TextMatch> {
    match wanted {
        TextMatch::Phrase(words) => {
            let words: Vec<String> =
                words.iter().flat_map(|word| tokens(word)).map(|token| token.text.into_owned()).collect();
            (!words.is_empty()).then_some(TextMatch::Phrase(words))
        }
        TextMatch::Prefix(start) => {
            let token = tokens(&start).next()?.text.into_owned();
            Some(TextMatch::prefix(token))
        }
    }
}

impl TextMatch {
    /// Looks for tokens that start with a token. A character that is always a token of its own is
    /// only itself.
    pub(super) fn prefix(token: String) -> Self {
        if crate::text::is_unspaced_token(&token) { Self::Phrase(vec![token]) } else { Self::Prefix(token) }
    }
}

fn fold_all(values: Vec<String>) -> Vec<String> {
    values.iter().map(|value| fold_name(value)).collect()
}

fn one_of<T: Ord>(values: Vec<T>, wrap: impl FnOnce(Vec<T>) -> Term) -> Expr {
    let values: BTreeSet<T> = values.into_iter().collect();
    if values.is_empty() { Expr::Any(Vec::new()) } else { Expr::Term(wrap(values.into_iter().collect())) }
}

impl CustomTest {
    /// Makes the test for dates; one that depends on when is asked only if they do.
    pub(super) fn dates(bounds: Bounds<TimeSpec>) -> Self {
        let day = |end: Option<(TimeSpec, bool)>| match end {
            None => Some(None),
            Some((TimeSpec::Day(date), inclusive)) => Some(Some((FieldValue::Date(date), inclusive))),
            Some(_) => None,
        };
        match (day(bounds.from), day(bounds.to)) {
            (Some(from), Some(to)) => Self::Within(Bounds { from, to }),
            _ => Self::During(bounds),
        }
    }
}

impl<T> Bounds<T> {
    /// Returns the same range of other values.
    pub(super) fn map<U>(self, convert: impl Fn(T) -> U) -> Bounds<U> {
        let end = |end: Option<(T, bool)>| end.map(|(value, inclusive)| (convert(value), inclusive));
        Bounds { from: end(self.from), to: end(self.to) }
    }
}

/// Writes a range as conditions that can be printed: `a..b` has both its ends, so a range without
/// one of them is two conditions; one without ends asks for any value.
fn ranged<T>(bounds: Bounds<T>, any_value: Expr, wrap: impl Fn(Bounds<T>) -> Term) -> Expr {
    match bounds {
        Bounds { from: None, to: None } => any_value,
        Bounds { from: Some((from, from_inclusive)), to: Some((to, to_inclusive)) }
            if !(from_inclusive && to_inclusive) =>
        {
            let above = Bounds { from: Some((from, from_inclusive)), to: None };
            let below = Bounds { from: None, to: Some((to, to_inclusive)) };
            group(vec![Expr::Term(wrap(above)), Expr::Term(wrap(below))], Expr::All)
        }
        bounds => Expr::Term(wrap(bounds)),
    }
}

fn canonical_sort(sort: Vec<SortKey>) -> Vec<SortKey> {
    let mut seen = BTreeSet::new();
    let mut sort: Vec<SortKey> = sort.into_iter().filter(|key| seen.insert(key.by.clone())).collect();
    for key in &mut sort {
        key.descending |= key.by == SortBy::Relevance;
    }
    // Equal issues are ordered like this anyway.
    while sort.last().is_some_and(|key| key.by == SortBy::Number && key.descending) {
        sort.pop();
    }
    sort
}

fn first_of_each(fields: Vec<FieldName>) -> Vec<FieldName> {
    let mut seen = BTreeSet::new();
    fields.into_iter().filter(|field| seen.insert(field.clone())).collect()
}

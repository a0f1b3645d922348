//! Printing a query in its canonical form.

use std::fmt::{self, Display};

use super::ast::{Bounds, Count, CustomTest, Expr, Query, Term, TextMatch};
use crate::issue::{FieldValue, Minutes, Priority};

impl fmt::Display for Query {
    /// Prints the [canonical](Query::canonical) form on one line unless a value has several. It
    /// parses to an equal query, and queries that are equal print alike: a cache key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filter, sort, limit, after, fields } = self.clone().canonical();
        let mut parts = Vec::new();
        if !filter.is_always() {
            let mut text = String::new();
            write_expr(&mut text, &filter, Place::Top)?;
            parts.push(text);
        }
        if !sort.is_empty() {
            parts.push(format!("sort:{}", join(&sort)));
        }
        if !fields.is_empty() {
            parts.push(format!("fields:{}", join(&fields)));
        }
        if let Some(limit) = limit {
            parts.push(format!("limit:{limit}"));
        }
        if let Some(after) = after {
            parts.push(format!("after:{after}"));
        }
        f.write_str(&parts.join(" "))
    }
}

impl fmt::Display for Expr {
    /// Prints the [canonical](Expr::canonical) form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_expr(f, &self.clone().canonical(), Place::Top)
    }
}

/// Prints a canonical condition as it stands in a group, to sort by.
pub(super) fn nested(expr: &Expr) -> String {
    let mut text = String::new();
    write_expr(&mut text, expr, Place::Operand).expect("writing to a string never fails");
    text
}

/// What stands around a condition, which decides whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    /// A branch of `OR`: side by side binds tighter.
    Branch,
    /// Beside others or behind `-`.
    Operand,
}

fn write_expr(out: &mut impl fmt::Write, expr: &Expr, place: Place) -> fmt::Result {
    match expr {
        Expr::All(parts) if parts.is_empty() => match place {
            Place::Top => Ok(()),
            Place::Branch | Place::Operand => out.write_str("()"),
        },
        Expr::Any(parts) if parts.is_empty() => out.write_str("-()"),
        Expr::All(parts) => write_group(out, parts, " ", Place::Operand, place == Place::Operand),
        Expr::Any(parts) => write_group(out, parts, " OR ", Place::Branch, place != Place::Top),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::Term(Term::Has(field)) => write!(out, "no:{field}"),
            inner => {
                out.write_char('-')?;
                write_expr(out, inner, Place::Operand)
            }
        },
        Expr::Term(term) => write_term(out, term),
    }
}

fn write_group(
    out: &mut impl fmt::Write,
    parts: &[Expr],
    separator: &str,
    place: Place,
    enclosed: bool,
) -> fmt::Result {
    if enclosed {
        out.write_char('(')?;
    }
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.write_str(separator)?;
        }
        write_expr(out, part, place)?;
    }
    if enclosed {
        out.write_char(')')?;
    }
    Ok(())
}

fn write_term(out: &mut impl fmt::Write, term: &Term) -> fmt::Result {
    match term {
        Term::Is(state) => write!(out, "is:{}", state.as_str()),
        Term::Has(field) => write!(out, "has:{field}"),
        Term::Text(scope, wanted) => {
            if let Some(field) = scope.as_str() {
                write!(out, "{field}:")?;
            }
            match wanted {
                TextMatch::Prefix(start) => write!(out, "{start}*"),
                TextMatch::Phrase(words) if words.len() == 1 => out.write_str(&words[0]),
                TextMatch::Phrase(words) => write!(out, "\"{}\"", words.join(" ")),
            }
        }
        Term::Status(values) => write!(out, "status:{}", list(values)),
        Term::Kind(values) => write!(out, "kind:{}", list(values)),
        Term::Reason(values) => write!(out, "reason:{}", join(values)),
        Term::Priority(bounds) => {
            // More urgent is greater in a query, and less in the order of the type.
            let flipped = Bounds { from: bounds.to, to: bounds.from };
            write!(out, "priority:{}", range(&flipped, Priority::to_string))
        }
        Term::Name(field, values) => write!(out, "{}:{}", field.as_str(), list(values)),
        Term::Count(count, bounds) => {
            let value = |value: &u32| match count {
                Count::Number | Count::Comments => value.to_string(),
                Count::Estimate | Count::Spent => Minutes(*value).to_string(),
            };
            write!(out, "{}:{}", count.as_str(), range(bounds, value))
        }
        Term::Time(field, bounds) => write!(out, "{}:{}", field.as_str(), range(bounds, ToString::to_string)),
        Term::Related(relation, names) => write!(out, "{relation}:{}", join(names)),
        Term::Id(ids) => write!(out, "id:{}", join(ids)),
        Term::Custom(key, CustomTest::Is(values)) => write!(out, "field.{key}:{}", list(values)),
        Term::Custom(key, CustomTest::During(bounds)) => {
            write!(out, "field.{key}:{}", range(bounds, ToString::to_string))
        }
        Term::Custom(key, CustomTest::Within(bounds)) => {
            write!(out, "field.{key}:{}", custom_range(bounds))
        }
    }
}

/// A single value of a custom field asks for that very text, so a range of one value is written as
/// a range.
fn custom_range(bounds: &Bounds<FieldValue>) -> String {
    let value = |value: &FieldValue| quoted(&value.to_string());
    match (&bounds.from, &bounds.to) {
        (Some((from, true)), Some((to, true))) => format!("{}..{}", value(from), value(to)),
        _ => range(bounds, value),
    }
}

fn range<T: PartialEq>(bounds: &Bounds<T>, value: impl Fn(&T) -> String) -> String {
    match (&bounds.from, &bounds.to) {
        (Some((from, _)), Some((to, _))) if from == to => value(from),
        (Some((from, _)), Some((to, _))) => format!("{}..{}", value(from), value(to)),
        (Some((from, inclusive)), None) => format!(">{}{}", if *inclusive { "=" } else { "" }, value(from)),
        (None, Some((to, inclusive))) => format!("<{}{}", if *inclusive { "=" } else { "" }, value(to)),
        (None, None) => "*".to_owned(),
    }
}

fn join<T: Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn list<T: Display>(values: &[T]) -> String {
    values.iter().map(|value| quoted(&value.to_string())).collect::<Vec<_>>().join(",")
}

/// Writes a value, in quotation marks where it would be read as something else.
pub(super) fn quoted(value: &str) -> String {
    let special = |char: char| char.is_whitespace() || matches!(char, '"' | ',' | '(' | ')');
    let plain = !value.is_empty()
        && !value.starts_with(['<', '>', '='])
        // As in `std::fs` and `https://…`, which are text.
        && !value.starts_with(':')
        && !value.starts_with("//")
        && value != "*"
        && !value.contains("..")
        && !value.contains(special);
    if plain {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

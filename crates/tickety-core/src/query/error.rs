//! Why a text is no query, and where.

use std::fmt;
use std::ops::Range;

/// A text that is no query: what is wrong, where, and what might be meant.
///
/// `Display` is one line with the column; [`render`](Self::render) shows the place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryParseError(Box<Place>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    query: String,
    span: Range<usize>,
    problem: QueryProblem,
    suggestion: Option<String>,
}

impl QueryParseError {
    pub(super) fn new(query: &str, span: Range<usize>, problem: QueryProblem) -> Self {
        Self(Box::new(Place { query: query.to_owned(), span, problem, suggestion: None }))
    }

    pub(super) fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.0.suggestion = suggestion.into();
        self
    }

    /// Returns what is wrong.
    pub fn problem(&self) -> &QueryProblem {
        &self.0.problem
    }

    /// Returns where it is wrong, in bytes of the query.
    pub fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// Returns where it is wrong: the column of the first character, from 1.
    pub fn column(&self) -> usize {
        self.0.query[..self.0.span.start].chars().count() + 1
    }

    /// Returns what to do about it, as a sentence without its full stop.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }

    /// Shows the problem, the query with a line of carets under the place, and the suggestion.
    /// Control characters are shown as spaces, and of a long query the part around the place.
    ///
    /// ```text
    /// unknown field `lable`
    ///   is:open lable:cache
    ///           ^^^^^
    /// did you mean `label`?
    /// ```
    pub fn render(&self) -> String {
        const BEFORE: usize = 40;
        const AFTER: usize = 40;
        let visible = |char: char| if char.is_control() { ' ' } else { char };
        let before: Vec<char> = self.0.query[..self.0.span.start].chars().map(visible).collect();
        let rest: Vec<char> = self.0.query[self.0.span.start..].chars().map(visible).collect();
        let shown_before = &before[before.len().saturating_sub(BEFORE)..];
        let width = self.0.query[self.0.span.clone()].chars().count().clamp(1, AFTER);
        let shown_rest = &rest[..rest.len().min(width + AFTER)];
        let head = if shown_before.len() < before.len() { "…" } else { "" };
        let tail = if shown_rest.len() < rest.len() { "…" } else { "" };

        let line: String = shown_before.iter().chain(shown_rest).collect();
        let indent = " ".repeat(head.chars().count() + shown_before.len());
        let mut out = format!("{}\n  {head}{line}{tail}\n  {indent}{}", self.0.problem, "^".repeat(width));
        if let Some(suggestion) = &self.0.suggestion {
            out.push('\n');
            out.push_str(suggestion);
        }
        out
    }
}

impl fmt::Display for QueryParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column(), self.0.problem)?;
        match &self.0.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryParseError {}

/// What can be wrong with a query.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryProblem {
    /// It is longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    #[error("the query is too long: the limit is {} bytes", super::MAX_LENGTH)]
    TooLong,
    /// Its parentheses go deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("the parentheses are nested too deeply: the limit is {}", super::MAX_DEPTH)]
    TooDeep,
    /// It has more than [`MAX_TERMS`](super::MAX_TERMS) conditions and values.
    #[error("the query has too many conditions: the limit is {}", super::MAX_TERMS)]
    TooManyTerms,
    /// A quotation mark has no partner.
    #[error("the quotation mark is not closed")]
    UnclosedQuote,
    /// A value is quoted in part only.
    #[error("quotation marks have to enclose the whole value")]
    StrayQuote,
    /// `(` without `)`.
    #[error("the parenthesis is not closed")]
    UnclosedParenthesis,
    /// `)` without `(`.
    #[error("the parenthesis was never opened")]
    UnopenedParenthesis,
    /// `OR`, `AND`, `NOT` or `-` without a condition where one belongs.
    #[error("`{operator}` needs a condition {place}")]
    MissingOperand {
        /// The operator.
        operator: &'static str,
        /// Where: `before it`, `after it`.
        place: &'static str,
    },
    /// Nothing after the colon, a comma or an operator.
    #[error("`{field}` needs a value here")]
    MissingValue {
        /// The field with its colon.
        field: String,
    },
    /// Not a field of queries.
    #[error("unknown field `{name}`")]
    UnknownField {
        /// What was given.
        name: String,
    },
    /// Not one of the values the field can have.
    #[error("`{value}` is not a value of `{field}`: use {}", known.join(", "))]
    UnknownValue {
        /// The field.
        field: String,
        /// What was given.
        value: String,
        /// The values there are.
        known: Vec<String>,
    },
    /// A value of the wrong form.
    #[error("`{value}` is not a value of `{field}`: {expected}")]
    BadValue {
        /// The field.
        field: String,
        /// What was given.
        value: String,
        /// What would be one.
        expected: String,
    },
    /// A range or comparison of values that have no order.
    #[error("the values of `{field}` have no order")]
    NoOrder {
        /// The field.
        field: String,
    },
    /// A range whose end comes before its start.
    #[error("the range runs backwards: nothing lies from {from} to {to}")]
    Backwards {
        /// The start.
        from: String,
        /// The end.
        to: String,
    },
    /// A word without a letter or digit.
    #[error("{}", not_searchable(word))]
    NotSearchable {
        /// The word.
        word: String,
    },
    /// What can be said once was said again.
    #[error("`{field}` is given twice")]
    Repeated {
        /// The field.
        field: &'static str,
    },
    /// What concerns the whole query stands in a part of it.
    #[error("`{field}` is about the whole query")]
    Misplaced {
        /// The field.
        field: &'static str,
    },
    /// An order by relevance of a query without text.
    #[error("an order by relevance needs a word or phrase to search for")]
    NothingRanked,
    /// A cursor that was damaged or made up.
    #[error("the cursor is damaged")]
    DamagedCursor,
    /// A cursor from another order.
    #[error("the cursor belongs to a query with another order")]
    ForeignCursor,
}

fn not_searchable(word: &str) -> String {
    match word.trim() {
        "" => "an empty text can't be searched for".to_owned(),
        _ => format!("`{word}` has no letter or digit that could be searched for"),
    }
}

/// Returns the word out of `known` that `given` is probably a slip of.
pub(super) fn closest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    let allowed = (given.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&given, word), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Returns the question that suggests a word.
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

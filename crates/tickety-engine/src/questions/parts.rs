//! A query, and what is said about it beside it: in options of a command, or in parameters of an address.

use std::borrow::Cow;

use tickety_core::query::{Query, QueryParseError, SortBy};
use tickety_core::schema::Schema;

/// A question as it is put: a query, and parts that stand beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Question<'a> {
    /// The query.
    pub query: &'a str,
    /// What it is to be ordered by, several keys with commas between them.
    pub sort: Option<&'a str>,
    /// Whether those come first that fit best, whatever order the query has.
    pub ranked: bool,
    /// How many issues are wanted at the most.
    pub limit: Option<u32>,
    /// Which fields are wanted, with commas between them.
    pub fields: Option<&'a str>,
    /// Where the page before ended.
    pub after: Option<&'a str>,
}

/// Why a question is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QuestionError {
    /// Something is wrong in the query.
    Query(QueryParseError),
    /// Something is wrong in a part beside it.
    Part {
        /// The part: `sort`, `ranked`, `limit`, `fields` or `after`.
        name: &'static str,
        /// What is wrong with it. Its column means nothing.
        error: QueryParseError,
    },
    /// A part beside the query is more than one value, or than several with commas between them.
    NotOneValue {
        /// The part.
        name: &'static str,
        /// What would go on as conditions of the query.
        value: String,
    },
}

/// The part that is called `sort:` in a query and says nothing but that.
const RANKED: &str = "ranked";

impl Question<'_> {
    /// Reads the question. What is wrong is told of what was written: of the query as it was, or of a part.
    pub fn parse(&self, schema: &Schema) -> Result<Query, QuestionError> {
        let Self { query: written, sort, ranked, limit, fields, after } = *self;
        let parts = [
            ("sort", sort.map(Cow::Borrowed)),
            (RANKED, ranked.then_some(Cow::Borrowed(SortBy::Relevance.as_str()))),
            ("limit", limit.map(|limit| Cow::Owned(limit.to_string()))),
            ("fields", fields.map(Cow::Borrowed)),
            ("after", after.map(Cow::Borrowed)),
        ];
        let mut text = written.to_owned();
        let mut places: Vec<(usize, &'static str)> = Vec::new();
        for (name, value) in &parts {
            let Some(value) = value else { continue };
            places.push((text.len(), name));
            let values: Vec<&str> = value.split(',').map(str::trim).collect();
            // Anything else would go on as conditions of the query.
            let is_odd = |value: &&&str| value.contains(|c: char| c.is_whitespace() || "()\"".contains(c));
            if let Some(odd) = values.iter().find(is_odd) {
                return Err(QuestionError::NotOneValue { name, value: (*odd).to_owned() });
            }
            let key = if *name == RANKED { "sort" } else { name };
            text.push_str(&format!(" {key}:{}", values.join(",")));
        }
        let mut query = Query::parse(&text, schema).map_err(|error| {
            // A part that was put after a parenthesis that isn't closed is not to blame.
            if let Err(error) = Query::parse(written, schema) {
                return QuestionError::Query(error);
            }
            match places.iter().rev().find(|(place, _)| *place <= error.span().start) {
                Some((_, name)) => QuestionError::Part { name, error },
                None => QuestionError::Query(error),
            }
        })?;
        if ranked {
            query.sort.retain(|key| key.by == SortBy::Relevance);
        }
        Ok(query)
    }
}

/// Returns a query about all issues that fit: it has no use for their order, nor for a part of them. Fails with what says
/// something about that.
pub fn for_all(query: Query) -> Result<Query, &'static str> {
    let Query { filter: _, sort, limit, after, fields } = &query;
    let unused = [
        ("sort", !sort.is_empty()),
        ("limit", limit.is_some()),
        ("after", after.is_some()),
        ("fields", !fields.is_empty()),
    ];
    match unused.into_iter().find(|(_, given)| *given) {
        None => Ok(query),
        Some((name, _)) => Err(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blamed(question: Question<'_>) -> Option<&'static str> {
        match question.parse(&Schema::default()) {
            Ok(_) => None,
            Err(QuestionError::Query(_)) => Some("query"),
            Err(QuestionError::Part { name, .. } | QuestionError::NotOneValue { name, .. }) => Some(name),
        }
    }

    #[test]
    fn what_is_wrong_is_told_of_the_part_that_says_it() {
        let question = Question { query: "label:a", sort: Some("title, due"), ..Question::default() };
        assert_eq!(blamed(question), None);
        assert_eq!(blamed(Question { query: "(label:a", sort: Some("title"), ..question }), Some("query"));
        assert_eq!(blamed(Question { query: "lable:a", sort: Some("titel"), ..question }), Some("query"));
        assert_eq!(blamed(Question { sort: Some("titel"), ..question }), Some("sort"));
        assert_eq!(blamed(Question { fields: Some("title label:b"), ..question }), Some("fields"));
        assert_eq!(blamed(Question { query: "limit:5", limit: Some(3), ..question }), Some("limit"));
        assert_eq!(blamed(Question { ranked: true, sort: None, ..question }), Some("ranked"));
        assert_eq!(blamed(Question { after: Some("x"), ..question }), Some("after"));
    }

    #[test]
    fn what_fits_best_comes_first_whatever_order_was_asked_for() {
        let question = Question { query: "words sort:title", ranked: true, ..Question::default() };
        let sort = question.parse(&Schema::default()).map(|query| query.sort);
        assert!(sort.is_ok_and(|sort| sort.iter().all(|key| key.by == SortBy::Relevance) && sort.len() == 1));
    }
}

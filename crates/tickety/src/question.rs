//! Queries as commands take them.

use std::convert::Infallible;

use tickety_api::ErrorCode;
use tickety_core::query::{FieldName, Query, QueryParseError, QueryProblem};
use tickety_engine::questions::{self, Question, QuestionError};

use crate::args;
use crate::exit::CliError;
use crate::session::Session;

/// A query in free arguments.
#[derive(Debug, Default, clap::Args)]
pub struct QueryArgs {
    /// Which issues: `is:open label:cache -label:wontfix assignee:me priority:>=high words`
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// Which part of the answer is wanted, and how.
#[derive(Debug, Default, clap::Args)]
pub struct PageArgs {
    /// Show at most N issues [default: 50]
    #[arg(short = 'n', long, value_name = "N", value_parser = args::count)]
    limit: Option<u32>,

    /// Order by KEY: number, created, updated, closed, due, priority, title, …; `-asc` or `-desc`
    /// may follow; several with commas
    #[arg(short, long, value_name = "KEY")]
    sort: Option<String>,

    /// Show these fields, with commas between them
    #[arg(short, long, value_name = "FIELDS")]
    fields: Option<String>,

    /// Go on where a page ended: its `next` in the JSON answer
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,

    /// Whether `search --ranked` asks.
    #[arg(skip)]
    ranked: bool,
}

impl PageArgs {
    /// Returns the same part of the answer in which those come first that fit best, whatever order the query has.
    pub fn ranked(self) -> Self {
        Self { ranked: true, ..self }
    }
}

impl QueryArgs {
    /// Whether no query was given.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Reads the query of a command that is about all issues that fit: it has no use for their order, nor for a
    /// part of them.
    pub fn parse(&self, session: &Session) -> Result<Query, CliError> {
        questions::for_all(self.parse_page(&PageArgs::default(), session)?).map_err(|name| {
            let message =
                format!("`{name}:` says nothing to `tickety {}`, which takes all issues that fit", session.command);
            CliError::usage(message).hint("leave it out; `list`, `search` and `ready` use it")
        })
    }

    /// Reads the query together with the options that say more about it.
    pub fn parse_page(&self, page: &PageArgs, session: &Session) -> Result<Query, CliError> {
        let written = self.words.iter().map(|word| unescape(word)).collect::<Vec<_>>().join(" ");
        let PageArgs { limit, sort, fields, after, ranked } = page;
        let question = Question {
            query: written.trim(),
            sort: sort.as_deref().map(unescape),
            ranked: *ranked,
            limit: *limit,
            fields: fields.as_deref().map(unescape),
            after: after.as_deref().map(unescape),
        };
        let query = question.parse(&*session.schema()?).map_err(|error| refused(&error))?;
        if query.issue_names().is_empty() {
            return Ok(query);
        }
        Ok(pollster::block_on(questions::with_current_names(query, session.storage()?)))
    }
}

/// What stands before a word that only looks like options. No argument can hold this character.
const ESCAPE: char = '\0';

/// Marks an argument that begins with a hyphen but is a negated condition: `-label:x`, `-parser`.
/// What is one letter long, or a letter and a number, is an option: `-n 5`, `-n5`.
///
/// clap can let words pass that begin with a hyphen, but takes every option after the first word of
/// the query for one, too.
pub fn escape(argument: &str) -> Option<String> {
    let rest = argument.strip_prefix('-')?;
    let mut chars = rest.chars();
    let first = chars.next()?;
    let negates = first == '('
        || first == '"'
        || (first.is_alphanumeric() && !chars.as_str().bytes().all(|byte| byte.is_ascii_digit()));
    negates.then(|| format!("{ESCAPE}{argument}"))
}

fn unescape(word: &str) -> &str {
    word.strip_prefix(ESCAPE).unwrap_or(word)
}

/// Reads the value of an option that may begin with a hyphen, where a command takes a query, too.
pub fn unescaped(word: &str) -> Result<String, Infallible> {
    Ok(unescape(word).to_owned())
}

/// Reads a query.
pub fn parse(text: &str, session: &Session) -> Result<Query, CliError> {
    let schema = session.schema()?;
    Query::parse(text, &schema).map_err(|error| in_query(&error))
}

/// Reads the value of `--fields`.
pub fn fields(text: &str, session: &Session) -> Result<Vec<FieldName>, CliError> {
    let question = Question { fields: Some(text), ..Question::default() };
    Ok(question.parse(&*session.schema()?).map_err(|error| refused(&error))?.fields)
}

/// Says what is wrong with a question, and where: in the query as it was written, or in an option.
fn refused(error: &QuestionError) -> CliError {
    match error {
        QuestionError::Query(error) => in_query(error),
        QuestionError::Part { name, error } => in_option(name, error),
        QuestionError::NotOneValue { name, value } => {
            let message = format!("--{name}: `{value}` is not one value: several have commas between them");
            CliError::new(ErrorCode::BadQuery, message)
        }
    }
}

/// Says what is wrong with a query, and where.
fn in_query(error: &QueryParseError) -> CliError {
    let failed = CliError::new(ErrorCode::from(error), format!("column {}: {}", error.column(), error.problem()));
    let mut shown = error.render();
    if let QueryProblem::UnknownField { .. } = error.problem()
        && error.suggestion().is_some_and(|suggestion| suggestion.contains("quotation marks"))
    {
        // A shell takes the outer marks for its own.
        shown.push_str(" (in a shell: '\"text\"')\n`tickety list --help` lists the fields");
    }
    with_suggestion(failed.shown_as(shown), error)
}

/// Says what is wrong with an option.
fn in_option(name: &str, error: &QueryParseError) -> CliError {
    let message = match error.problem() {
        QueryProblem::Repeated { field } => format!("--{name}: the query has `{field}:` too; leave one of them out"),
        problem => format!("--{name}: {problem}"),
    };
    with_suggestion(CliError::new(ErrorCode::from(error), message), error)
}

fn with_suggestion(failed: CliError, error: &QueryParseError) -> CliError {
    match error.suggestion() {
        Some(suggestion) => failed.hint(suggestion),
        None => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negation_is_no_cluster_of_options() {
        for word in ["-label:x", "-quick", "-\"a phrase\"", "-(a OR b)", "-größe"] {
            assert_eq!(escape(word).as_deref().map(unescape), Some(word), "{word}");
        }
        for option in ["-n", "-n5", "--limit", "--", "-", "label:x"] {
            assert_eq!(escape(option), None, "{option}");
        }
    }
}

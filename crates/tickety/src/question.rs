//! Queries as commands take them.

use tickety_api::ErrorCode;
use tickety_core::query::Query;

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
    #[arg(short = 'n', long, value_name = "N")]
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
}

impl QueryArgs {
    /// Reads the query.
    pub fn parse(&self, session: &Session) -> Result<Query, CliError> {
        self.parse_page(&PageArgs::default(), session)
    }

    /// Reads the query together with the options that say more about it.
    pub fn parse_page(&self, page: &PageArgs, session: &Session) -> Result<Query, CliError> {
        let mut text = self.words.iter().map(|word| unescape(word)).collect::<Vec<_>>().join(" ");
        let PageArgs { limit, sort, fields, after } = page;
        let limit = limit.map(|limit| limit.to_string());
        for (name, value) in [("sort", sort), ("limit", &limit), ("fields", fields), ("after", after)] {
            if let Some(value) = value {
                text.push_str(&format!(" {name}:{value}"));
            }
        }
        parse(text.trim(), session)
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

/// Reads a query.
pub fn parse(text: &str, session: &Session) -> Result<Query, CliError> {
    let schema = session.schema()?;
    Query::parse(text, &schema).map_err(|error| {
        let failed = CliError::new(ErrorCode::from(&error), format!("column {}: {}", error.column(), error.problem()));
        let failed = failed.shown_as(error.render());
        match error.suggestion() {
            Some(suggestion) => failed.hint(suggestion),
            None => failed,
        }
    })
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

//! Which issues a batch is about: those that a query selects, or those that a file names.

use std::path::PathBuf;

use serde::Deserialize;
use tickety_api::ErrorCode;
use tickety_api::batch::Origin;
use tickety_api::operation::WireName;
use tickety_core::ident::{IssueSelector, Version};
use tickety_core::query::Query;
use tickety_store::IssueSummary;

use super::lines::{Line, Lines, MOST_OPERATIONS, json};
use crate::exit::CliError;
use crate::question::QueryArgs;
use crate::session::Session;

/// Which issues.
#[derive(Debug, clap::Args)]
pub struct SelectArgs {
    #[command(flatten)]
    query: QueryArgs,

    /// Take the issues from FILE, `-` is standard input: one name a line, or JSON lines such as
    /// {"issue": 42, "version": "…"}
    #[arg(long, value_name = "FILE", conflicts_with = "words")]
    from: Option<PathBuf>,
}

/// The issues of a batch.
pub struct Selection {
    /// They, in order.
    pub issues: Vec<Selected>,
    /// The file that names them, as people call it.
    pub file: Option<String>,
}

/// An issue of a batch.
pub struct Selected {
    /// Its name.
    pub selector: IssueSelector,
    /// The version that it was selected at, or that the file names.
    pub version: Option<Version>,
    /// Where the name stands.
    pub origin: Origin,
    /// What the query found.
    pub summary: Option<IssueSummary>,
}

impl SelectArgs {
    /// Whether a query selects the issues: then it can be asked again.
    pub fn is_query(&self) -> bool {
        self.from.is_none()
    }

    /// Returns the issues, and fails if there are more than a batch can have.
    pub fn select(&self, session: &Session) -> Result<Selection, CliError> {
        match &self.from {
            Some(file) => from_lines(Lines::open(file)?, session),
            None if self.query.is_empty() => Err(CliError::usage("nothing says which issues")
                .hint("give a query such as `is:open label:x`, or --from FILE; `is:any` means all")),
            None => self.ask_query(session),
        }
    }

    fn ask_query(&self, session: &Session) -> Result<Selection, CliError> {
        let query = self.query.parse(session)?.open_by_default();
        let query = Query { limit: u32::try_from(MOST_OPERATIONS).ok(), ..query };
        let moment = session.moment(&query)?;
        let page = pollster::block_on(session.storage()?.list(&query, &moment))?;
        if page.next.is_some() {
            let message =
                format!("the query selects more than {MOST_OPERATIONS} issues, which is the limit of a batch");
            return Err(CliError::new(ErrorCode::TooMany, message).hint("select fewer, as with `created:2026-10`"));
        }
        session.warn_of_problems(page.problems)?;
        let selected = |summary: IssueSummary| Selected {
            selector: summary.key.into(),
            version: Some(summary.version),
            origin: Origin { line: None, name: Some(summary.key.to_string()) },
            summary: Some(summary),
        };
        Ok(Selection { issues: page.issues.into_iter().map(selected).collect(), file: None })
    }
}

/// A line in JSON. The rest of an answer of `list --json` does no harm.
#[derive(Deserialize)]
struct WireIssue {
    #[serde(alias = "key", alias = "number")]
    issue: WireName,
    version: Option<String>,
}

fn from_lines(mut lines: Lines, session: &Session) -> Result<Selection, CliError> {
    let schema = session.schema()?;
    let mut issues = Vec::new();
    while let Some(line) = lines.next()? {
        let (number, read) = (line.number, read(&line, &schema.prefix));
        let (name, selector, version) = read.map_err(|(code, message)| lines.fault(code, message))?;
        let origin = Origin { line: Some(number), name: Some(name) };
        issues.push(Selected { selector, version, origin, summary: None });
    }
    Ok(Selection { issues, file: Some(lines.name()) })
}

fn read(line: &Line<'_>, prefix: &str) -> Result<(String, IssueSelector, Option<Version>), (ErrorCode, String)> {
    let (name, version) = if line.text.starts_with('{') {
        let WireIssue { issue, version } = json(line).map_err(|message| (ErrorCode::BadInput, message))?;
        (issue.0, version)
    } else {
        // What follows the name is for people, as in the lines of `list`.
        let word = line.text.split_whitespace().next().unwrap_or(line.text);
        (word.trim_matches('"').to_owned(), None)
    };
    let selector = IssueSelector::parse(&name, prefix).map_err(|error| ((&error).into(), error.to_string()))?;
    let version = version.map(|version| version.parse::<Version>()).transpose();
    let version = version.map_err(|error| (ErrorCode::from(&error), error.to_string()))?;
    Ok((name, selector, version))
}

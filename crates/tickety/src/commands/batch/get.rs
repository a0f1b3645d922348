//! `tickety batch get`

use tickety_api::answer::Found;
use tickety_api::batch::BatchFailure;
use tickety_api::{Freshness, Issue, Meta};
use tickety_core::ident::IssueSelector;
use tickety_store::{FreshnessMode, IssueSummary, OperationFailure, StoredIssue};

use super::selection::SelectArgs;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render;
use crate::render::list::Row;
use crate::session::Session;

/// Show issues that a query or a file chooses: a line each, or whole in JSON
///
/// What isn't there is named, and the exit status is 1 then.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    select: SelectArgs,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    let selection = args.select.select(session)?;
    let selectors: Vec<IssueSelector> = selection.issues.iter().map(|selected| selected.selector).collect();
    let origins: Vec<_> = selection.issues.into_iter().map(|selected| selected.origin).collect();
    let found = pollster::block_on(session.storage()?.get_many(&selectors));
    let mut issues: Vec<StoredIssue> = Vec::with_capacity(found.len());
    let mut failures = Vec::new();
    for (index, found) in found.into_iter().enumerate() {
        match found {
            Ok(stored) => issues.push(stored),
            Err(error) => failures.push(BatchFailure::new(&OperationFailure { index, error }, &origins)),
        }
    }
    let ended = if failures.is_empty() { Ended::Done } else { Ended::No };
    if session.json() {
        let trusted = session.global.freshness == Some(FreshnessMode::Trust);
        let freshness = Freshness::of_whole_issues(trusted, issues.len());
        let meta = Meta { freshness: Some(freshness), ..Meta::default() };
        let issues = issues.iter().map(Issue::from).collect();
        session.answer(Found { issues, failures }, meta)?;
        return Ok(ended);
    }
    for failure in &failures {
        match (&selection.file, failure.line) {
            (Some(file), Some(line)) => output::complain(&format!("{file}:{line}: {}", failure.message), None),
            _ => output::complain(&failure.message, None),
        }
    }
    let rows: Vec<Row> = issues.iter().map(|stored| Row { summary: IssueSummary::of(stored), whole: None }).collect();
    let mut screen = session.screen();
    if !rows.is_empty() {
        render::list::write(&mut screen, &rows);
    }
    session.show(screen)?;
    Ok(ended)
}

//! `tickety delete`

use std::collections::BTreeMap;

use tickety_api::ErrorCode;
use tickety_core::ident::IssueSelector;
use tickety_core::operation::Operation;

use crate::editor;
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::output;
use crate::session::Session;

/// Delete issues with their comments and the links to them: all of them or none
///
/// What was done with an issue is usually worth keeping: close it instead.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Don't ask
    #[arg(short, long, short_alias = 'f', alias = "force")]
    yes: bool,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    if let Some(outcome) = session.recalled()? {
        return issues::tell(session, &outcome, &BTreeMap::new(), "deleted");
    }
    let selectors = session.selectors(&args.issues)?;
    let found = issues::read(session, &selectors)?;
    if !args.yes {
        if !session.context.can_ask() {
            let message = "deleting has to be agreed to, and nobody can be asked";
            return Err(CliError::new(ErrorCode::ConfirmationRequired, message).hint("repeat the command with --yes"));
        }
        for stored in &found {
            let comments = stored.issue.comments.len();
            output::note(format_args!("{} {} ({comments} comments)", stored.issue.key(), stored.issue.title));
        }
        if !editor::confirm("Delete?", false)? {
            return Err(CliError::new(ErrorCode::Aborted, "nothing was deleted"));
        }
    }
    let operations = found
        .iter()
        .map(|stored| Operation::Delete {
            target: IssueSelector::from(stored.issue.key()).into(),
            // What was shown is what is deleted.
            expected: Some(stored.version),
        })
        .collect();
    issues::write(session, operations, "deleted")
}

//! `tickety close`

use tickety_core::ident::IssueSelector;
use tickety_core::issue::CloseReason;
use tickety_core::operation::{Operation, Target};
use tickety_engine::writes;
use tickety_store::StoredIssue;

use crate::exit::{CliError, Ended};
use crate::input;
use crate::issues;
use crate::session::Session;

/// Close issues: all of them or none
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<String>,

    /// Why: completed, cancelled or duplicate [default: completed]
    #[arg(short, long, value_name = "REASON")]
    reason: Option<String>,

    /// Say something about it; `-` reads standard input
    #[arg(short, long, short_alias = 'm', aliases = ["message", "comment"], value_name = "TEXT", allow_hyphen_values = true)]
    note: Option<String>,

    /// Link to the issue that says the same; the reason is duplicate then
    #[arg(short, long, value_name = "ISSUE")]
    duplicate_of: Option<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let reason: Option<CloseReason> = args.reason.as_deref().map(CloseReason::from_words).transpose()?;
    let reason = match (reason, &args.duplicate_of) {
        (Some(reason), Some(_)) if reason != CloseReason::Duplicate => {
            return Err(CliError::usage(format!("--duplicate-of closes as duplicate, not as {reason}")));
        }
        (reason, _) => reason,
    };
    let note = input::argument_or_file(args.note.as_deref(), None)?;
    let original: Option<Target> = match &args.duplicate_of {
        Some(name) => Some(session.selector(name)?.into()),
        None => None,
    };
    let found = issues::read(session, &session.selectors(&args.issues)?)?;
    let close = |stored: &StoredIssue| Operation::Update {
        target: IssueSelector::from(stored.issue.key()).into(),
        expected: None,
        changes: writes::close(stored, reason, note.clone(), original.clone()),
    };
    let operations = found.iter().map(close).collect();
    issues::write(session, operations, "closed")
}

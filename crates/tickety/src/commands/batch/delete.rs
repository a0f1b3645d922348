//! `tickety batch delete`

use tickety_core::operation::Operation;

use super::confirm;
use super::selection::{SelectArgs, Selected};
use super::work::{HowArgs, Work};
use crate::exit::{CliError, Ended};
use crate::session::Session;

/// Delete the issues that a query or a file chooses, with their comments and the links to them
///
/// What was done with an issue is usually worth keeping: close it instead. What is shown is what is deleted: if one of
/// the issues changes meanwhile, nothing is.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    how: HowArgs,

    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    args.how.run("deleted", session, false, || {
        let selection = args.select.select(session)?;
        if !args.yes && !args.how.is_dry_run() && !selection.issues.is_empty() {
            confirm::ask(&selection, "deleting", "deleted", session)?;
        }
        let mut work = Work { file: selection.file, ..Work::default() };
        for Selected { selector, version, origin, .. } in selection.issues {
            work.operations.push(Operation::Delete { target: selector.into(), expected: version });
            work.origins.push(origin);
        }
        Ok(work)
    })
}

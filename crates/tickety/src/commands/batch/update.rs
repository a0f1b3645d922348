//! `tickety batch update`

use tickety_core::ident::IssueSelector;
use tickety_core::operation::{Expected, Operation};

use super::confirm;
use super::selection::{SelectArgs, Selected};
use super::work::{HowArgs, Work};
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::session::Session;
use crate::values::FieldArgs;

/// Change fields of the issues that a query or a file chooses
///
/// `tickety batch update 'is:open label:x' --priority high --label +y`. Values are written as for `edit`. An issue that
/// has changed between being selected and being written is selected again, three times at most.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    how: HowArgs,

    /// Don't ask, however many issues there are
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    fields: FieldArgs,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    if !args.fields.clears_list() && args.fields.changes(None, session)?.is_empty() {
        return Err(CliError::usage("nothing to change").hint("`tickety help batch update` lists the options"));
    }
    let mut asked = args.yes || args.how.is_dry_run();
    let again = args.select.is_query();
    args.how.run("updated", session, again, || {
        let selection = args.select.select(session)?;
        if !asked && confirm::is_much(&selection) {
            confirm::ask(&selection, "updating", "changed", session)?;
        }
        asked = true;
        let held = if args.fields.clears_list() {
            let selectors: Vec<IssueSelector> = selection.issues.iter().map(|selected| selected.selector).collect();
            Some(issues::read(session, &selectors)?)
        } else {
            None
        };
        let mut work = Work { file: selection.file, ..Work::default() };
        for (place, Selected { selector, version, origin, .. }) in selection.issues.into_iter().enumerate() {
            let changes = args.fields.changes(held.as_ref().map(|held| &held[place].issue), session)?;
            let target = selector.into();
            work.operations.push(Operation::Update { target, expected: version.map(Expected::from), changes });
            work.origins.push(origin);
        }
        Ok(work)
    })
}

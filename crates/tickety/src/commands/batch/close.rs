//! `tickety batch close`

use tickety_core::ident::IssueSelector;
use tickety_core::issue::CloseReason;
use tickety_core::operation::{Change, Expected, Operation};
use tickety_core::schema::Category;

use super::confirm;
use super::selection::{SelectArgs, Selected, Selection};
use super::work::{HowArgs, Work};
use crate::exit::{CliError, Ended};
use crate::input;
use crate::session::Session;

/// Close the issues that a query or a file chooses
///
/// `tickety batch close 'label:stale' --reason cancelled`. How a closed issue was closed stays as it is unless a reason
/// or a note is given. An issue that has changed between being selected and being written is selected again, three
/// times at most.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    select: SelectArgs,

    /// Why: completed, cancelled or duplicate [default: completed]
    #[arg(short, long, value_name = "REASON")]
    reason: Option<String>,

    /// Say something about it; `-` reads standard input
    #[arg(short = 'm', long, value_name = "TEXT", allow_hyphen_values = true, value_parser = crate::question::unescaped)]
    note: Option<String>,

    #[command(flatten)]
    how: HowArgs,

    /// Don't ask, however many issues there are
    #[arg(short, long)]
    yes: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<Ended, CliError> {
    let reason = args.reason.as_deref().map(str::parse::<CloseReason>).transpose()?;
    let note = input::argument_or_file(args.note.as_deref(), None)?;
    let mut asked = args.yes || args.how.is_dry_run();
    let again = args.select.is_query();
    args.how.run("closed", session, again, || {
        let selection = args.select.select(session)?;
        if !asked && confirm::is_much(&selection) {
            confirm::ask(&selection, "closing", "closed", session)?;
        }
        asked = true;
        let closed = if reason.is_none() { closed(&selection, session)? } else { Vec::new() };
        let mut work = Work { file: selection.file, ..Work::default() };
        for (place, Selected { selector, version, origin, .. }) in selection.issues.into_iter().enumerate() {
            let before = closed.get(place).copied().flatten();
            let changes = match before {
                Some(_) if note.is_none() => Vec::new(),
                _ => vec![Change::Close { reason: reason.or(before).unwrap_or_default(), note: note.clone() }],
            };
            work.operations.push(Operation::Update {
                target: selector.into(),
                expected: version.map(Expected::from),
                changes,
            });
            work.origins.push(origin);
        }
        Ok(work)
    })
}

/// Tells of each issue how it was closed, if it is. What can't be read, the write reports.
fn closed(selection: &Selection, session: &Session) -> Result<Vec<Option<CloseReason>>, CliError> {
    let known: Option<Vec<_>> = selection
        .issues
        .iter()
        .map(|selected| {
            let summary = selected.summary.as_ref()?;
            Some((summary.category == Category::Closed).then(|| summary.reason.unwrap_or_default()))
        })
        .collect();
    if let Some(known) = known {
        return Ok(known);
    }
    let selectors: Vec<IssueSelector> = selection.issues.iter().map(|selected| selected.selector).collect();
    let found = pollster::block_on(session.storage()?.get_many(&selectors));
    let reason = |issue: &tickety_core::issue::Issue| issue.closure.as_ref().map(|closure| closure.reason);
    let closed = found.iter().map(|found| {
        let stored = found.as_ref().ok().filter(|stored| stored.category.is_closed())?;
        Some(reason(&stored.issue).unwrap_or_default())
    });
    Ok(closed.collect())
}

//! `tickety log`

use tickety_api::{Authorships, ErrorCode, History, Meta};

use crate::args;
use crate::exit::{CliError, Ended};
use crate::output;
use crate::render;
use crate::session::Session;

/// Show what each commit did to an issue, field by field, oldest first
///
/// From git: commits up to the one that is checked out, and what isn't committed yet. The issue may be deleted, and may
/// have had other numbers. `tickety events` shows what was done here, committed or not.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which: 42, #42, TIK-42 or 42-k3f9
    #[arg(value_name = "ISSUE")]
    issue: String,

    /// Show the last N steps only
    #[arg(short = 'n', long, value_name = "N", value_parser = args::count, conflicts_with = "fields")]
    limit: Option<u32>,

    /// Show for each field of the issue which commit last changed it
    #[arg(short, long)]
    fields: bool,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let selector = session.selector(&args.issue)?;
    let limit = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let history = session.history(selector, limit).map_err(|error| match error.is(ErrorCode::Git) {
        true => error.hint_instead("`tickety events` shows what happened to the issues here, without git"),
        false => error,
    })?;
    if session.json() {
        return match args.fields {
            true => session.answer(Authorships::from(&history), Meta::default()),
            false => session.answer(History::from(&history), Meta::default()),
        };
    }
    let mut screen = session.screen();
    match args.fields {
        true => render::history::write_authorship(&mut screen, &history),
        false => render::history::write(&mut screen, &history),
    }
    let is_committed = history.steps.iter().any(|step| step.commit.is_some());
    if args.fields && history.current.is_none() {
        session.note("the issue isn't there now, or can't be read: without --fields its history is shown");
    } else if !is_committed && !history.more {
        session.note("no commit has changed this issue; `tickety events` shows what was done here");
    }
    let ended = session.show(screen)?;
    if history.more {
        session.note("there are older steps; a larger --limit shows more");
    }
    if history.is_shallow {
        output::note("warning: this clone lacks older commits; `git fetch --unshallow` gets them");
    }
    Ok(ended)
}

//! `tickety renumber`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_core::ident::{IssueNumber, IssueSelector};

use crate::compose::Renumbered;
use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Give issues new numbers: all of them or none
///
/// Links follow, and the old name stays known. With --against, the issues that need it so that none shares a number
/// with another, here or in REF: those that REF doesn't have move out of the way of those it has. Of several that are all
/// in REF, as after a sync, or all not, the one that was created first keeps the number.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issues
    #[arg(value_name = "ISSUE", required_unless_present = "against", conflicts_with = "against")]
    issues: Vec<String>,

    /// The number for one issue [default: the next free one]
    #[arg(long, value_name = "NUMBER", conflicts_with = "against")]
    to: Option<u32>,

    /// Compare with a branch or commit
    #[arg(long, value_name = "REF")]
    against: Option<String>,

    /// Say which issues would get new numbers and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    renumbered: Vec<WireMove>,
}

/// An issue with a new number.
#[derive(Serialize)]
struct WireMove {
    from: String,
    to: String,
    relinked: Vec<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let repo = session.opened()?;
    let selectors: Vec<IssueSelector> = match &args.against {
        Some(commit) => repo.collisions(commit)?.into_iter().map(Into::into).collect(),
        None => session.selectors(&args.issues)?,
    };
    let wanted = match args.to {
        Some(_) if selectors.len() != 1 => return Err(CliError::usage("--to is a number for one issue")),
        Some(number) => {
            Some(IssueNumber::new(number).ok_or_else(|| CliError::new(ErrorCode::BadValue, "numbers begin at 1"))?)
        }
        None => None,
    };
    let moves: Vec<_> = selectors.iter().map(|selector| (*selector, wanted)).collect();
    let moved = match args.dry_run {
        true => repo.preview_renumber(&moves),
        false => repo.renumber(&moves, (session.context.actor()?, session.context.time_of_writing())),
    };
    let moves: Vec<_> = moved
        .map_err(|error| session.explain(error))?
        .into_iter()
        .map(|Renumbered { from, to, relinked }| WireMove {
            from: from.to_string(),
            to: to.to_string(),
            relinked: relinked.iter().map(ToString::to_string).collect(),
        })
        .collect();
    if session.json() {
        return session.answer(Answer { dry_run: args.dry_run, renumbered: moves }, Meta::default());
    }
    if moves.is_empty() {
        session.note("no issue needs another number");
    }
    let mut screen = session.screen();
    for WireMove { from, to, relinked } in &moves {
        let (becomes, followed) = if args.dry_run {
            (" would be ", "; links would follow in ")
        } else {
            (" is now ", "; links followed in ")
        };
        screen.put(palette::NAME, from).raw(becomes).put(palette::NAME, to);
        if !relinked.is_empty() {
            screen.raw(followed).put(palette::PLAIN, relinked.join(", "));
        }
        screen.end();
    }
    session.show(screen)
}

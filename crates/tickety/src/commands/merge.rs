//! `tickety merge`

use serde::Serialize;
use tickety_api::Meta;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::CloseReason;
use tickety_core::operation::{Change, Operation};

use crate::compose::{Fate, Merged};
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::render::{palette, short};
use crate::session::Session;

/// Close an issue whose branch was merged into the one that is checked out: 0 it was, 1 it wasn't
///
/// However it was merged: with a merge commit, by a fast forward, rebased, or squashed into one commit. Merging itself is
/// git's: this only looks.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issue
    #[arg(value_name = "ISSUE")]
    issue: String,

    /// Its branch, if that isn't named for it
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    key: String,
    /// `null` where it is gone.
    branch: Option<String>,
    into: Option<String>,
    /// `merged`, `rebased`, `squashed`, `named` (the branch is gone, and a merge commit names it) or `null`.
    how: Option<&'static str>,
    /// The commit that did it, if it was one.
    commit: Option<String>,
    /// Whether the issue was closed just now.
    closed: bool,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let selector = session.selector(&args.issue)?;
    let found = issues::read(session, &[selector])?;
    let stored = found.first().expect("one was asked for");
    let key = stored.issue.key();
    let fate = session.opened()?.fate_of_branch(&stored.issue, args.branch.as_deref()).map_err(|error| {
        CliError::from(error).hint_too(format_args!("`tickety close {key}` closes it whatever became of a branch"))
    })?;
    let is_closed = stored.category.is_closed();
    let closes = fate.merged.is_some() && !is_closed;
    if closes {
        let changes = vec![Change::Close { reason: CloseReason::Completed, note: Some(note(&fate)) }];
        let target = IssueSelector::from(key).into();
        session.apply(vec![Operation::Update { target, expected: None, changes }])?;
    }
    let ended = if fate.merged.is_some() { Ended::Done } else { Ended::No };
    if session.json() {
        session.answer(answer(key, fate, closes), Meta::default())?;
        return Ok(ended);
    }
    let into = fate.into.as_deref().unwrap_or("what is checked out");
    match (&fate.merged, &fate.branch) {
        (None, Some(branch)) => session.note(format_args!(
            "{branch} isn't merged into {into}, or has no commits of its own; `tickety close {key}` closes the issue all the same"
        )),
        (None, None) => session.note(format_args!(
            "{key} has no branch, and no merge commit of {into} names one; `tickety close {key}` closes it all the same"
        )),
        (Some(_), _) if !session.global.quiet => {
            let mut screen = session.screen();
            let done = if closes { "closed" } else { "unchanged: it is closed already" };
            screen.show(palette::NAME, key).space(1).line(done);
            session.show(screen)?;
        }
        (Some(_), _) => {}
    }
    Ok(ended)
}

/// Says how the issue was closed.
fn note(fate: &Fate) -> String {
    let branch = fate.branch.as_deref().unwrap_or_default();
    let into = fate.into.as_ref().map(|into| format!(" into {into}")).unwrap_or_default();
    match &fate.merged {
        Some(Merged::Squashed { commit }) => format!("{branch} was merged{into} as commit {}.", short(commit)),
        Some(Merged::Named { commit, subject }) => format!("Merged by commit {}: {subject}", short(commit)),
        Some(Merged::Whole | Merged::Rebased) | None => {
            let tip = fate.tip.as_deref().map(|tip| format!(" ({})", short(tip))).unwrap_or_default();
            format!("{branch}{tip} was merged{into}.")
        }
    }
}

fn answer(key: IssueKey, fate: Fate, closed: bool) -> Answer {
    let Fate { branch, tip: _, into, merged } = fate;
    let (how, commit) = match merged {
        Some(Merged::Whole) => (Some("merged"), None),
        Some(Merged::Rebased) => (Some("rebased"), None),
        Some(Merged::Squashed { commit }) => (Some("squashed"), Some(commit)),
        Some(Merged::Named { commit, subject: _ }) => (Some("named"), Some(commit)),
        None => (None, None),
    };
    Answer { key: key.to_string(), branch, into, how, commit, closed }
}

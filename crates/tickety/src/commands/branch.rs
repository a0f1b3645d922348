//! `tickety branch`

use serde::Serialize;
use tickety_api::Meta;
use tickety_core::ident::IssueKey;

use crate::compose::Started;
use crate::exit::{CliError, Ended};
use crate::issues;
use crate::render::palette;
use crate::session::Session;

/// Start a branch named for an issue, or go back to it
///
/// The branch is called like `42-k3f9-slow-cache`. It begins at what is checked out, with what isn't committed, as `git
/// switch --create` does; git refuses what would lose changes. Hooks are not run. `tickety current` tells the issue of a
/// branch.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which issue
    #[arg(value_name = "ISSUE")]
    issue: String,

    /// Begin at another branch or commit
    #[arg(long, value_name = "REF")]
    from: Option<String>,
}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    key: String,
    branch: String,
    created: bool,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    let selector = session.selector(&args.issue)?;
    let found = issues::read(session, &[selector])?;
    let issue = &found.first().expect("one was asked for").issue;
    let key: IssueKey = issue.key();
    let Started { branch, is_new } = session.opened()?.start_branch(issue, args.from.as_deref())?;
    if session.json() {
        return session.answer(Answer { key: key.to_string(), branch, created: is_new }, Meta::default());
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    screen.raw(if is_new { "new branch " } else { "branch " }).put(palette::NAME, branch).end();
    session.show(screen)
}

//! `tickety status`

use serde::Serialize;
use tickety_api::Meta;

use crate::compose::SyncStatus;
use crate::exit::{CliError, Ended};
use crate::render::{counted, palette};
use crate::session::Session;

/// How many issues are named.
const NAMED: usize = 10;

/// Tell which issues aren't committed, and how far the branch and that of the remote are apart
///
/// No remote is asked: it is as of the last fetch.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    /// `tree`, `branch` or `local`.
    home: &'static str,
    branch: Option<String>,
    /// The branch at a remote, as in `origin/main`.
    upstream: Option<String>,
    uncommitted: Vec<String>,
    /// `null` where nothing was fetched yet.
    ahead: Option<usize>,
    behind: Option<usize>,
}

pub fn run(_args: Args, session: &Session) -> Result<Ended, CliError> {
    let SyncStatus { home, branch, upstream, uncommitted, distance } = session.opened()?.sync_status()?;
    let upstream = upstream.map(|upstream| format!("{}/{}", upstream.remote, upstream.branch));
    if session.json() {
        let uncommitted = uncommitted.iter().map(ToString::to_string).collect();
        let (ahead, behind) = (distance.map(|distance| distance.ahead), distance.map(|distance| distance.behind));
        let home = home.as_str();
        return session.answer(Answer { home, branch, upstream, uncommitted, ahead, behind }, Meta::default());
    }
    let mut screen = session.screen();
    screen.raw("home ").raw(home.as_str());
    if let Some(branch) = &branch {
        screen.raw(", branch ").put(palette::PLAIN, branch);
    }
    if let Some(upstream) = &upstream {
        screen.raw(", exchanged with ").put(palette::PLAIN, upstream);
    }
    screen.end();
    match uncommitted.len() {
        0 => screen.line("nothing to commit"),
        count => {
            let issues = counted(count, "issue");
            let named: Vec<String> = uncommitted.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if count > NAMED { ", …" } else { "" };
            screen.line(format!("{issues} not committed: {}{more}", named.join(", ")))
        }
    };
    if let Some(distance) = distance {
        screen.line(format!(
            "{} not pushed, {} not merged, as of the last fetch",
            counted(distance.ahead, "commit"),
            counted(distance.behind, "commit")
        ));
    }
    session.show(screen)
}

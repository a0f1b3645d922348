//! `tickety status`

use std::collections::BTreeSet;

use serde::Serialize;
use tickety_api::Meta;
use tickety_core::issue::ClosedElsewhere;
use tickety_core::query::{Expr, Is, Query, SortBy, SortKey, Term};
use tickety_store::IssueSummary;
use tickety_store::storage::MAX_LIMIT;

use crate::compose::{HomeKind, SyncStatus};
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
    /// The issues that are open here and closed on another branch of the clone.
    closed_elsewhere: Vec<String>,
    /// What would keep a sync from exchanging the issues.
    held_back: Option<String>,
}

pub fn run(_args: Args, session: &Session) -> Result<Ended, CliError> {
    let SyncStatus { home, branch, upstream, uncommitted, distance, held_back } = session.opened()?.sync_status()?;
    let upstream = upstream.map(|upstream| format!("{}/{}", upstream.remote, upstream.branch));
    let elsewhere = if home == HomeKind::Tree { closed_elsewhere(session)? } else { Vec::new() };
    if session.json() {
        let uncommitted = uncommitted.iter().map(ToString::to_string).collect();
        let closed_elsewhere = elsewhere.iter().map(|issue| issue.key.to_string()).collect();
        let (ahead, behind) = (distance.map(|distance| distance.ahead), distance.map(|distance| distance.behind));
        let home = home.as_str();
        let answer = Answer { home, branch, upstream, uncommitted, ahead, behind, closed_elsewhere, held_back };
        return session.answer(answer, Meta::default());
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
        count => screen.line(format!("{} not committed: {}", counted(count, "issue"), named(uncommitted.iter()))),
    };
    if let Some(distance) = distance {
        screen.line(format!(
            "{} not pushed, {} not merged, as of the last fetch",
            counted(distance.ahead, "commit"),
            counted(distance.behind, "commit")
        ));
    }
    if !elsewhere.is_empty() {
        let places: BTreeSet<&str> =
            elsewhere.iter().flat_map(|issue| &issue.elsewhere).map(ClosedElsewhere::place).collect();
        screen.line(format!(
            "{} closed on {}, not merged here: {}",
            counted(elsewhere.len(), "issue"),
            places.into_iter().collect::<Vec<_>>().join(", "),
            named(elsewhere.iter().map(|issue| issue.key))
        ));
    }
    if let Some(why) = held_back {
        screen.raw("a sync would stop: ").line(why);
    }
    session.show(screen)
}

/// Returns the issues that are open here and closed on another branch, by number.
fn closed_elsewhere(session: &Session) -> Result<Vec<IssueSummary>, CliError> {
    let query = Query {
        filter: Expr::Term(Term::Is(Is::Elsewhere)),
        sort: vec![SortKey { by: SortBy::Number, descending: false }],
        limit: Some(MAX_LIMIT),
        ..Query::default()
    };
    let moment = session.moment(&query)?;
    Ok(pollster::block_on(session.storage()?.list(&query, &moment))?.issues)
}

/// Names the first of some issues.
fn named(keys: impl ExactSizeIterator<Item = impl ToString>) -> String {
    let more = if keys.len() > NAMED { ", …" } else { "" };
    let named: Vec<String> = keys.take(NAMED).map(|key| key.to_string()).collect();
    format!("{}{more}", named.join(", "))
}

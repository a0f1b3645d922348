//! `tickety current`

use serde::Serialize;
use tickety_api::{IssueSummary, Meta};
use tickety_store::{StorageError, storage};

use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Tell the issue of the branch that is checked out: 0 there is one, 1 there is none
///
/// That is the one the branch is named for: 42-k3f9-slow-cache, TIK-42 or ann/TIK-42-slow-cache. In each work tree of a
/// clone it is that of its own branch.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// The `data` of the answer.
#[derive(Serialize)]
struct Answer {
    /// `null` where a commit is checked out without a branch.
    branch: Option<String>,
    /// `null` where the branch isn't named for one, or for none that there is.
    issue: Option<IssueSummary>,
}

pub fn run(_: Args, session: &Session) -> Result<Ended, CliError> {
    let (branch, name) = session.opened()?.current_branch()?;
    let storage = session.storage()?;
    let found = match name.map(|name| pollster::block_on(storage.get(name.into()))) {
        Some(Err(StorageError::NotFound { .. })) | None => None,
        Some(found) => Some(found.map_err(|error| session.explain(error))?),
    };
    let ended = if found.is_some() { Ended::Done } else { Ended::No };
    if session.json() {
        let issue = found.as_ref().map(|stored| IssueSummary::from(&storage::IssueSummary::of(stored)));
        session.answer(Answer { branch, issue }, Meta::default())?;
        return Ok(ended);
    }
    match (found, branch) {
        (Some(stored), _) => {
            let mut screen = session.screen();
            screen.show(palette::NAME, stored.issue.key()).space(2).put(palette::STRONG, &stored.issue.title).end();
            session.show(screen)?;
        }
        (None, Some(branch)) if name.is_some() => {
            session.note(format_args!("{branch} is named for an issue that isn't here"));
        }
        (None, Some(branch)) => {
            session.note(format_args!("{branch} is not named for an issue; `tickety branch ISSUE` starts one that is"));
        }
        (None, None) => session.note("no branch is checked out: HEAD is detached"),
    }
    Ok(ended)
}

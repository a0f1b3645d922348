//! Reading the issues that arguments name, and telling what was done to them.

use std::collections::BTreeMap;

use tickety_api::answer::Written;
use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::operation::Operation;
use tickety_engine::writes::Parents;
use tickety_store::{BatchOutcome, Effect, StoredIssue};

use crate::exit::{CliError, Ended};
use crate::render::palette;
use crate::session::Session;

/// Returns the issues that were chosen, in order, or the error about the first that isn't there.
pub fn read(session: &Session, selectors: &[IssueSelector]) -> Result<Vec<StoredIssue>, CliError> {
    let found = pollster::block_on(session.storage()?.get_many(selectors));
    found.into_iter().map(|found| found.map_err(|error| session.explain(error))).collect()
}

/// Applies operations, all or none, and tells for each issue that it was changed: `42-k3f9 closed`.
pub fn write(session: &Session, operations: Vec<Operation>, done: &str) -> Result<Ended, CliError> {
    let parents = pollster::block_on(Parents::before(session.storage()?, &operations))?;
    let outcome = session.apply(operations)?;
    let replaced = pollster::block_on(parents.replaced(session.storage()?));
    tell(session, &outcome, &replaced, done)
}

/// Tells of each issue of a write that it was changed.
pub fn tell(
    session: &Session,
    outcome: &BatchOutcome,
    replaced: &BTreeMap<IssueKey, IssueName>,
    done: &str,
) -> Result<Ended, CliError> {
    let meta = session.meta_of(outcome);
    if session.json() {
        return session.answer(Written::new(outcome, replaced), meta);
    }
    if session.global.quiet {
        return Ok(Ended::Done);
    }
    let mut screen = session.screen();
    for outcome in &outcome.outcomes {
        screen.show(palette::NAME, outcome.key).space(1);
        match outcome.effect {
            Effect::Unchanged => screen.line("unchanged"),
            Effect::Created | Effect::Updated | Effect::Deleted => match replaced.get(&outcome.key) {
                Some(parent) => screen.line(format!("{done}; its parent was {parent}")),
                None => screen.line(done),
            },
        };
    }
    session.show(screen)
}

//! The one parent that an issue has.

use tickety_core::issue::LinkKind;
use tickety_core::operation::Draft;
use tickety_engine::writes::SeveralParents;

use crate::exit::CliError;

/// Fails if a new issue is to have several parents.
pub fn check(draft: &Draft) -> Result<(), CliError> {
    let given = draft.links.iter().filter(|(kind, _)| *kind == LinkKind::Parent).count();
    if given > 1 { Err(SeveralParents.into()) } else { Ok(()) }
}

impl From<SeveralParents> for CliError {
    fn from(error: SeveralParents) -> Self {
        Self::usage(error).hint("name one; `relates` links to several")
    }
}

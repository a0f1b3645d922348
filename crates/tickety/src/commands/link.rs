//! `tickety link`

use tickety_core::graph::Relation;
use tickety_core::operation::Operation;
use tickety_engine::writes;

use crate::exit::{CliError, Ended};
use crate::issues;
use crate::session::Session;

/// Link issues: `tickety link 5 blocked-by 3`
///
/// Relations: blocked-by, blocks, parent, child, relates, duplicate-of, duplicated-by,
/// discovered-from, discovered. Circles of blocked-by and parent are refused. An issue has one parent: a new one
/// takes the place of the other.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The issue
    #[arg(value_name = "ISSUE")]
    issue: String,

    /// What it is to the others
    #[arg(value_name = "RELATION")]
    relation: String,

    /// The others
    #[arg(required = true, value_name = "OTHER")]
    others: Vec<String>,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    issues::write(session, operations(&args, session, true)?, "linked")
}

/// Makes the operations that add links, or remove them.
pub(super) fn operations(args: &Args, session: &Session, add: bool) -> Result<Vec<Operation>, CliError> {
    let relation: Relation = args.relation.parse()?;
    let issue = session.selector(&args.issue)?;
    let others = session.selectors(&args.others)?;
    Ok(match add {
        true => writes::link(issue, relation, &others),
        false => pollster::block_on(writes::unlink(session.storage()?, issue, relation, &others)),
    })
}

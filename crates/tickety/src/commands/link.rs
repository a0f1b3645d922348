//! `tickety link`

use tickety_core::graph::Relation;
use tickety_core::operation::{Change, Operation, Target};
use tickety_store::StorageError;

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
    let (kind, stored_here) = relation.link();
    let issue: Target = session.selector(&args.issue)?.into();
    let others = session.selectors(&args.others)?.into_iter().map(Target::from);
    let change = |target| if add { Change::AddLink { kind, target } } else { Change::RemoveLink { kind, target } };
    let update = |target, changes| Operation::Update { target, expected: None, changes };
    // The link of two related issues may be stored with either of them.
    let both_ends = relation == Relation::Relates && !add;
    let mut operations = Vec::new();
    if stored_here {
        operations.push(update(issue.clone(), others.clone().map(change).collect()));
    }
    if !stored_here || both_ends {
        operations.extend(others.map(|other| update(other, vec![change(issue.clone())])));
    }
    if both_ends {
        // One end that is gone keeps nobody from removing the link from the other.
        let there: Vec<Operation> =
            operations.iter().filter(|operation| is_there(operation, session)).cloned().collect();
        operations = if there.is_empty() { operations } else { there };
    }
    Ok(operations)
}

fn is_there(operation: &Operation, session: &Session) -> bool {
    match operation {
        Operation::Update { target: Target::Existing(selector), .. } => {
            let lacks =
                |error: &StorageError| matches!(error, StorageError::NotFound { .. } | StorageError::Unreadable { .. });
            let found = session.storage().map(|storage| pollster::block_on(storage.get(*selector)));
            !found.is_ok_and(|found| found.as_ref().is_err_and(lacks))
        }
        _ => true,
    }
}

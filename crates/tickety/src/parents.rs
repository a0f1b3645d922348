//! The one parent that an issue has: another one takes its place, and nobody should miss that.

use std::collections::BTreeMap;

use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation, Target};

use crate::exit::CliError;
use crate::session::Session;

/// The parents of the issues that get one.
#[derive(Debug, Default)]
pub struct Parents(BTreeMap<IssueKey, IssueName>);

impl Parents {
    /// Looks at the issues that operations give a parent.
    pub fn before(session: &Session, operations: &[Operation]) -> Result<Self, CliError> {
        let mut children = Vec::new();
        for operation in operations {
            let Operation::Update { target: Target::Existing(selector), changes, .. } = operation else { continue };
            let given =
                changes.iter().filter(|change| matches!(change, Change::AddLink { kind: LinkKind::Parent, .. }));
            match given.count() {
                0 => {}
                1 => children.push(*selector),
                _ => return Err(several()),
            }
        }
        Self::of(session, &children)
    }

    /// Returns which of them other ones took the place of, by the issue.
    pub fn replaced(self, session: &Session) -> Result<BTreeMap<IssueKey, IssueName>, CliError> {
        let children: Vec<IssueSelector> = self.0.keys().map(|key| (*key).into()).collect();
        let Self(now) = Self::of(session, &children)?;
        let Self(before) = self;
        Ok(before.into_iter().filter(|(key, parent)| now.get(key).is_some_and(|now| now != parent)).collect())
    }

    fn of(session: &Session, children: &[IssueSelector]) -> Result<Self, CliError> {
        if children.is_empty() {
            return Ok(Self::default());
        }
        let found = pollster::block_on(session.storage()?.get_many(children));
        // What can't be read, the write reports.
        let found = found.into_iter().flatten().map(|stored| stored.issue);
        Ok(Self(found.filter_map(|issue| Some((issue.key(), issue.links_of(LinkKind::Parent).next()?))).collect()))
    }
}

/// Fails if a new issue is to have several parents.
pub fn check(draft: &Draft) -> Result<(), CliError> {
    let given = draft.links.iter().filter(|(kind, _)| *kind == LinkKind::Parent).count();
    if given > 1 { Err(several()) } else { Ok(()) }
}

fn several() -> CliError {
    CliError::usage("an issue has one parent").hint("name one; `relates` links to several")
}

//! Refusing links that would go in a circle.

use tickety_core::graph;
use tickety_core::ident::IssueKey;
use tickety_core::issue::LinkKind;
use tickety_core::operation::OperationError;

use super::planner::{NewLink, Planner};
use crate::error::StorageError;

/// Refuses the batch if one of its new links closes a circle.
///
/// One walk over all that the new links reach tells which of them lie on a circle, however many there are and
/// whatever circles were there before, from a merge.
pub(super) fn refuse(planner: &mut Planner<'_>) -> Result<(), StorageError> {
    for kind in LinkKind::ALL.into_iter().filter(|kind| kind.is_acyclic()) {
        let new: Vec<NewLink> = planner.new_links.iter().filter(|link| link.kind == kind).copied().collect();
        let components = graph::components(new.iter().map(|link| link.holder), |key| targets(planner, key, kind))?;
        for link in new {
            // A link that the batch took away again may lead to what wasn't reached.
            if components.get(&link.holder) != components.get(&link.target)
                || !targets(planner, link.holder, kind)?.contains(&link.target)
            {
                continue;
            }
            if let Err(error) = refuse_closing(planner, link) {
                planner.fail(link.index, error);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Refuses a link from whose target a way leads back.
pub(super) fn refuse_closing(planner: &mut Planner<'_>, link: NewLink) -> Result<(), StorageError> {
    let NewLink { index, holder, kind, target } = link;
    match graph::path(target, holder, |key| targets(planner, key, kind))? {
        None => Ok(()),
        Some(walk) => {
            let walk = [holder].into_iter().chain(walk).collect();
            Err(StorageError::Refused { index, source: OperationError::Cycle { kind, walk } })
        }
    }
}

/// Returns what an issue's links point at once the batch is applied.
fn targets(planner: &mut Planner<'_>, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, StorageError> {
    let Some(slot) = planner.slots.get(&key) else {
        return planner.snapshot.targets(key, kind);
    };
    let Some(issue) = &slot.after else { return Ok(Vec::new()) };
    let names: Vec<_> = issue.links_of(kind).collect();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        match name.suffix {
            Some(suffix) => found.push(IssueKey { number: name.number, suffix }),
            None => {
                if let [only] = planner.snapshot.candidates(name.into())?.as_slice() {
                    found.push(*only);
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use tickety_core::ident::{IssueName, IssueNumber, IssueSelector, Version};
    use tickety_core::issue::Issue;
    use tickety_core::operation::{Change, Draft, Operation, Target};
    use tickety_core::schema::Schema;
    use uuid::Uuid;

    use super::*;
    use crate::plan::{Snapshot, plan};
    use crate::storage::{Batch, BatchMode};

    /// Issues 1 to `circle` block each other in a circle, as two merged branches may leave them.
    struct Merged {
        circle: u32,
        asked: usize,
        links: BTreeMap<IssueKey, IssueKey>,
    }

    fn key(number: u32) -> IssueKey {
        let id = tickety_core::IssueId::new(Uuid::from_u128(u128::from(number)));
        IssueKey { number: IssueNumber::new(number).unwrap(), suffix: id.suffix() }
    }

    impl Merged {
        fn new(circle: u32) -> Self {
            let links = (1..=circle).map(|number| (key(number), key(number % circle + 1))).collect();
            Self { circle, asked: 0, links }
        }

        /// Plans new issues that each wait for one of the circle and the one made before.
        fn plan(&mut self, count: usize, closing: bool) -> Result<(), StorageError> {
            let now = jiff::Timestamp::UNIX_EPOCH;
            let mut operations = Vec::new();
            for place in 0..count {
                let old = key(1 + u32::try_from(place).unwrap() % self.circle);
                let mut draft = Draft::new("new");
                draft.links.push((LinkKind::BlockedBy, old.into()));
                if place > 0 {
                    draft.links.push((LinkKind::BlockedBy, Target::Created(place - 1)));
                }
                operations.push(Operation::Create(Box::new(draft)));
            }
            if closing {
                let change = Change::AddLink { kind: LinkKind::BlockedBy, target: Target::Created(count - 1) };
                operations.push(Operation::Update {
                    target: Target::Created(0),
                    expected: None,
                    changes: vec![change],
                });
            }
            let batch = Batch::new(operations, None, now);
            let plan = plan(&batch, BatchMode::Atomic, &Schema::default(), self)?;
            plan.failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
        }
    }

    impl Snapshot for Merged {
        fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError> {
            match selector {
                IssueSelector::Name(IssueName { number, .. }) => Ok(vec![key(number.get())]),
                IssueSelector::Id(_) => Ok(Vec::new()),
            }
        }

        fn load(&mut self, key: IssueKey) -> Result<(Arc<Issue>, Version), StorageError> {
            Err(StorageError::NotFound { selector: key.into() })
        }

        fn referrers(&mut self, _key: IssueKey) -> Result<Vec<IssueKey>, StorageError> {
            Ok(Vec::new())
        }

        fn targets(&mut self, key: IssueKey, _kind: LinkKind) -> Result<Vec<IssueKey>, StorageError> {
            self.asked += 1;
            Ok(self.links.get(&key).copied().into_iter().collect())
        }

        fn allocate(&mut self, _count: u32, _above: Option<IssueNumber>) -> Result<IssueNumber, StorageError> {
            Ok(IssueNumber::new(10_000).unwrap())
        }

        fn give_back(&mut self, _number: IssueNumber) {}

        fn new_id(&mut self) -> Uuid {
            Uuid::nil()
        }
    }

    #[test]
    fn a_circle_that_was_there_is_walked_once_however_many_links_lead_to_it() {
        let mut merged = Merged::new(300);
        merged.plan(300, false).unwrap();
        assert_eq!(merged.asked, 300);
    }

    #[test]
    fn a_circle_that_was_there_is_not_blamed_on_new_links() {
        match Merged::new(3).plan(3, true).unwrap_err() {
            StorageError::Refused { source: OperationError::Cycle { walk, .. }, .. } => {
                assert!(walk.iter().all(|key| key.number.get() >= 10_000), "{walk:?}");
                assert_eq!((walk.len(), walk.first()), (4, walk.last()));
            }
            other => panic!("{other}"),
        }
    }
}

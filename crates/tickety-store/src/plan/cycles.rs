//! Refusing links that would go in a circle.

use std::collections::HashMap;

use tickety_core::graph;
use tickety_core::ident::IssueKey;
use tickety_core::issue::LinkKind;
use tickety_core::operation::OperationError;

use super::Planner;
use crate::error::StorageError;

/// Refuses the batch if one of its new links closes a circle.
///
/// One walk over all that the new links reach settles the common case, however many links there
/// are. Only where it meets a circle (which may have been there before, from a merge) is every
/// new link checked by itself.
pub(super) fn refuse(planner: &mut Planner<'_>) -> Result<(), StorageError> {
    for kind in LinkKind::ALL.into_iter().filter(|kind| kind.is_acyclic()) {
        let new: Vec<_> = planner.new_links.iter().filter(|link| link.2 == kind).copied().collect();
        if new.is_empty() || !reaches_circle(planner, kind, new.iter().map(|link| link.1))? {
            continue;
        }
        for (index, holder, _, target) in new {
            let still_there = targets(planner, holder, kind)?.contains(&target);
            let walk = graph::path(target, holder, |key| targets(planner, key, kind))?;
            if let Some(mut walk) = walk.filter(|_| still_there) {
                walk.insert(0, holder);
                return Err(StorageError::Refused { index, source: OperationError::Cycle { kind, walk } });
            }
        }
    }
    Ok(())
}

/// Whether a circle can be reached from any of the starts: depth first, each issue once, without
/// recursion, because chains may be as long as the repository.
fn reaches_circle(
    planner: &mut Planner<'_>,
    kind: LinkKind,
    starts: impl Iterator<Item = IssueKey>,
) -> Result<bool, StorageError> {
    let mut finished: HashMap<IssueKey, bool> = HashMap::new();
    for start in starts {
        if finished.contains_key(&start) {
            continue;
        }
        finished.insert(start, false);
        let mut stack = vec![(start, targets(planner, start, kind)?.into_iter())];
        while let Some((key, rest)) = stack.last_mut() {
            let key = *key;
            match rest.next() {
                None => {
                    finished.insert(key, true);
                    stack.pop();
                }
                Some(next) => match finished.get(&next) {
                    Some(true) => {}
                    Some(false) => return Ok(true),
                    None => {
                        finished.insert(next, false);
                        let further = targets(planner, next, kind)?.into_iter();
                        stack.push((next, further));
                    }
                },
            }
        }
    }
    Ok(false)
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

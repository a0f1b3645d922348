//! Which issue of the store each record is.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_core::ident::{IssueId, IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_store::{IssueStorage, StorageError, StoredIssue};

use super::Candidate;
use crate::convert::{NoteKind, Origin, Report};

/// Leaves one record of each issue: the one that changed last, of equal ones the last.
pub(super) fn without_doubles(candidates: Vec<Candidate>, report: &mut Report) -> Vec<Candidate> {
    let mut kept: Vec<Option<Candidate>> = Vec::with_capacity(candidates.len());
    let mut places: HashMap<IssueId, usize> = HashMap::with_capacity(candidates.len());
    for candidate in candidates {
        let id = candidate.theirs.id;
        let Some(&place) = places.get(&id) else {
            places.insert(id, kept.len());
            kept.push(Some(candidate));
            continue;
        };
        let before = kept[place].as_ref().expect("only the last of a list of doubles is kept in place");
        let wins = candidate.theirs.imported_updated >= before.theirs.imported_updated;
        let (lost, won) = if wins { (&before.place, &candidate.place) } else { (&candidate.place, &before.place) };
        report.note(NoteKind::Skipped, lost, format!("the same issue stands in line {} again", won.line));
        report.readable -= 1;
        if wins {
            kept[place] = Some(candidate);
        }
    }
    kept.into_iter().flatten().collect()
}

/// Finds the issues that are there. A record that can't be told apart from another issue is left
/// out.
pub(super) async fn with_existing(
    store: &dyn IssueStorage,
    candidates: Vec<Candidate>,
    now: Timestamp,
    report: &mut Report,
) -> Result<Vec<Candidate>, StorageError> {
    let moment = Moment { now, zone: TimeZone::UTC, me: None };
    if candidates.is_empty() || store.count(&Query::default(), &moment).await? == 0 {
        return Ok(candidates);
    }
    let references: Vec<String> =
        candidates.iter().filter_map(|candidate| candidate.reference().map(str::to_owned)).collect();
    let by_reference = if references.is_empty() { BTreeMap::new() } else { store.by_reference(&references).await? };
    let selectors: Vec<IssueSelector> = candidates.iter().map(|candidate| selector(candidate, &by_reference)).collect();
    let found = store.get_many(&selectors).await;

    let mut kept = Vec::with_capacity(candidates.len());
    let mut taken: HashSet<IssueKey> = HashSet::new();
    for (mut candidate, found) in candidates.into_iter().zip(found) {
        let several =
            candidate.reference().and_then(|reference| by_reference.get(reference)).filter(|keys| keys.len() > 1);
        let problem = match (several, found) {
            (Some(keys), _) => {
                let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
                Some(format!("several issues have its reference: {}; leave it with one of them", names.join(", ")))
            }
            (None, Ok(existing)) => match &candidate.origin {
                _ if !taken.insert(existing.issue.key()) => {
                    Some(format!("another record is {} as well", existing.issue.key()))
                }
                Origin::Own | Origin::Foreign { .. } => {
                    candidate.existing = Some(existing);
                    None
                }
            },
            (None, Err(StorageError::NotFound { .. })) => None,
            (None, Err(error @ StorageError::Unreadable { .. })) => Some(error.to_string()),
            (None, Err(error)) => return Err(error),
        };
        match problem {
            Some(problem) => {
                report.readable -= 1;
                report.note(NoteKind::Skipped, &candidate.place, problem);
            }
            None => kept.push(candidate),
        }
    }
    Ok(kept)
}

fn selector(candidate: &Candidate, by_reference: &BTreeMap<String, Vec<IssueKey>>) -> IssueSelector {
    let keys = candidate.reference().and_then(|reference| by_reference.get(reference));
    match keys.and_then(|keys| keys.first()) {
        Some(key) => (*key).into(),
        None => IssueSelector::Id(candidate.theirs.id),
    }
}

impl Candidate {
    /// Returns what another tracker calls it.
    pub(super) fn reference(&self) -> Option<&str> {
        match &self.origin {
            Origin::Own => None,
            Origin::Foreign { reference, .. } => Some(reference),
        }
    }

    /// Returns the issue that is there, and what it is called.
    pub(super) fn existing_key(&self) -> Option<IssueKey> {
        self.existing.as_ref().map(|StoredIssue { issue, .. }| issue.key())
    }
}

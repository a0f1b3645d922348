//! Which issue of the store each record is.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_core::ident::{IssueId, IssueKey, IssueSelector, Suffix};
use tickety_core::issue::Issue;
use tickety_core::query::{Moment, Query};
use tickety_store::{Identity, IssueStorage, RecordProblem, StorageError, StoredIssue};

use super::Candidate;
use crate::convert::{NoteKind, Origin, Report};

/// Leaves one record of each issue: the one that changed last, of equal ones the last.
pub(super) fn without_doubles(candidates: Vec<Candidate>, report: &mut Report) -> Vec<Candidate> {
    let mut kept: Vec<Option<Candidate>> = Vec::with_capacity(candidates.len());
    let mut places: HashMap<Name, usize> = HashMap::with_capacity(candidates.len());
    for candidate in candidates {
        let name = Name::of(&candidate);
        let Some(&place) = places.get(&name) else {
            places.insert(name, kept.len());
            kept.push(Some(candidate));
            continue;
        };
        let before = kept[place].as_ref().expect("only the last of a list of doubles is kept in place");
        let wins = candidate.theirs.imported_updated >= before.theirs.imported_updated;
        let (lost, won) = if wins { (&before.place, &candidate.place) } else { (&candidate.place, &before.place) };
        report.note(NoteKind::Skipped, lost, format!("the same issue stands in {} again", won.unnamed()));
        report.readable -= 1;
        if wins {
            kept[place] = Some(candidate);
        }
    }
    kept.into_iter().flatten().collect()
}

/// What tells the records of one input apart. The id of a foreign one follows from its time of creation too,
/// and that may differ between two records of one issue.
#[derive(PartialEq, Eq, Hash)]
enum Name {
    Reference(String),
    Id(IssueId),
}

impl Name {
    fn of(candidate: &Candidate) -> Self {
        match candidate.reference() {
            Some(reference) => Self::Reference(reference.to_owned()),
            None => Self::Id(candidate.theirs.id),
        }
    }
}

/// What became of the records of an input.
pub(super) struct Matched {
    /// Those that are imported.
    pub(super) candidates: Vec<Candidate>,
    /// What the issues that can't be read are called in the input, and the end of their names here.
    pub(super) hidden: HashMap<String, Suffix>,
}

/// Finds the issues that are there. A record that can't be told apart from another issue is left
/// out, and so is one whose issue can't be read: to make it would make it twice. Where that leaves
/// nothing, fails with [`StorageError::Unreadable`].
pub(super) async fn with_existing(
    store: &dyn IssueStorage,
    candidates: Vec<Candidate>,
    now: Timestamp,
    report: &mut Report,
) -> Result<Matched, StorageError> {
    if candidates.is_empty() {
        return Ok(Matched { candidates, hidden: HashMap::new() });
    }
    let mut hidden = Vec::new();
    let kept = match_readable(store, candidates, now, &mut hidden, report).await?;
    let kept = without_unreadable(store, kept, &mut hidden).await?;
    if let (true, Some((_, problem))) = (kept.is_empty(), hidden.first()) {
        return Err(StorageError::Unreadable { problem: problem.clone() });
    }
    for (candidate, problem) in &hidden {
        let message = format!("unreadable: the issue is there, in a file that can't be read: {problem}");
        skip(candidate, message, report);
    }
    let names = hidden
        .iter()
        .filter_map(|(candidate, _)| Some((candidate.reference()?.to_owned(), candidate.theirs.id.suffix())));
    Ok(Matched { candidates: kept, hidden: names.collect() })
}

/// The records whose issues can't be read, with the files in which those are.
type Hidden = Vec<(Candidate, RecordProblem)>;

async fn match_readable(
    store: &dyn IssueStorage,
    candidates: Vec<Candidate>,
    now: Timestamp,
    hidden: &mut Hidden,
    report: &mut Report,
) -> Result<Vec<Candidate>, StorageError> {
    let moment = Moment { now, zone: TimeZone::UTC, me: None };
    if store.count(&Query::default(), &moment).await? == 0 {
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
        match (several, found) {
            (Some(keys), _) => {
                let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                skip(
                    &candidate,
                    format!("several issues have its reference: {names}; leave it with one of them"),
                    report,
                );
            }
            (None, Ok(mut existing)) => {
                if !taken.insert(existing.issue.key()) {
                    skip(&candidate, format!("another record is {} as well", existing.issue.key()), report);
                } else if !existing.problems.is_empty() {
                    // A comment that can't be seen would be made a second time, too.
                    hidden.push((candidate, existing.problems.swap_remove(0)));
                } else {
                    candidate.forget_own_name(&existing.issue);
                    candidate.existing = Some(existing);
                    kept.push(candidate);
                }
            }
            (None, Err(StorageError::NotFound { .. })) => kept.push(candidate),
            (None, Err(StorageError::Ambiguous { candidates, .. })) => {
                let names: Vec<String> = candidates.iter().map(|(key, _)| key.to_string()).collect();
                let names = names.join(", ");
                skip(&candidate, format!("several issues have its id: {names}; delete the copy"), report);
            }
            (None, Err(StorageError::Unreadable { problem })) => hidden.push((candidate, problem)),
            (None, Err(error)) => return Err(error),
        }
    }
    Ok(kept)
}

/// Leaves out what wasn't found because its record can't be read.
async fn without_unreadable(
    store: &dyn IssueStorage,
    candidates: Vec<Candidate>,
    hidden: &mut Hidden,
) -> Result<Vec<Candidate>, StorageError> {
    let wanted: Vec<Identity> = candidates
        .iter()
        .filter(|candidate| candidate.existing.is_none())
        .map(|candidate| Identity { id: candidate.theirs.id, reference: candidate.reference().map(str::to_owned) })
        .collect();
    if wanted.is_empty() {
        return Ok(candidates);
    }
    let mut found = store.find_unreadable(&wanted).await?.into_iter();
    let mut kept = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match if candidate.existing.is_none() { found.next().flatten() } else { None } {
            Some(problem) => hidden.push((candidate, problem)),
            None => kept.push(candidate),
        }
    }
    Ok(kept)
}

fn skip(candidate: &Candidate, problem: String, report: &mut Report) {
    report.readable -= 1;
    report.note(NoteKind::Skipped, &candidate.place, problem);
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

    /// Takes away the name that an export of ours gave an issue which has none there.
    fn forget_own_name(&mut self, here: &Issue) {
        if let (true, Origin::Foreign { reference, .. }) = (self.is_own, &self.origin)
            && !here.references.contains(reference)
        {
            self.theirs.references.remove(reference);
        }
    }

    /// Returns the issue that is there, and what it is called.
    pub(super) fn existing_key(&self) -> Option<IssueKey> {
        self.existing.as_ref().map(|StoredIssue { issue, .. }| issue.key())
    }
}

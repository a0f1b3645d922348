//! Import: bringing the records of a [`Reader`] into a store.
//!
//! The whole import is one batch: all of it or nothing, however many issues there are. Importing the same
//! input again changes nothing. Where somebody makes, changes or deletes one of the issues meanwhile, the store is
//! asked and everything planned once more.
//!
//! # Which issue a record is
//!
//! A record of another tracker is the issue that has its reference (`beads:bd-42`), else the one
//! with the id that is derived from it; a record in Tickety's own format the one with its id. What matches nothing is created: records
//! of Tickety's own format under their number where that is free, others in the order of
//! their creation, so that a lower number is an older issue.
//!
//! # What a repeated import does
//!
//! A record of Tickety's own format is the whole truth: the issue becomes what the record says, only comments
//! made here stay.
//!
//! A record of another tracker is merged by parts (title, body, status, labels and so on). What each part was at the
//! last import is remembered with the issue, as a short hash in the custom field `beads-import`. A part that
//! changed on one side only is taken from that side: edits made here survive, and so do labels,
//! links and fields added here, while one that the source removed goes. A part that changed on both sides is
//! taken from the side whose issue changed last, and reported; sets (labels, assignees, references, links, fields) are
//! merged item by item, so that what was removed on one side stays away. Comments are only
//! added; one that was deleted here doesn't come back. An issue that was deleted here does: its memory went with it. A record older than the last one
//! imported is passed over. The hash, not the time, tells that the source changed: a copied file or a
//! tool that doesn't bump its times makes no difference.
//!
//! # Links
//!
//! A link to an issue that neither the input nor the store has, a second parent, and the link that
//! would close a circle are left out and reported with their line; the memory keeps them for
//! an export, and the next import tries them again.

mod base;
mod cycles;
mod items;
mod links;
mod matching;
mod merge;
mod reversed;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueNumber};
use tickety_core::issue::Issue;
use tickety_core::operation::{self, ApplyContext, Operation, OperationError, Target};
use tickety_core::schema::Schema;
use tickety_store::{Batch, Effect, IssueStorage, StorageError, StoredIssue};

use crate::convert::{ForeignLink, Imported, NoteKind, Origin, Place, ReadError, Reader, Report};
use links::{End, Links};
use matching::Matched;

/// How to import.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportOptions {
    /// Whether to work out what would happen and write nothing.
    pub dry_run: bool,
    /// Who imports. Nothing is attributed to this person that the source attributes to nobody.
    pub actor: Option<String>,
    /// When.
    pub now: Timestamp,
    /// From where: the name of the format.
    pub source: &'static str,
    /// The columns or keys that whoever imports has said something of, in lower case: the input has to have each.
    pub mapped: Vec<String>,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportReport {
    /// What became of the parts of the input.
    pub report: Report,
    /// The records that were imported, in the order of the input.
    pub issues: Vec<ImportedIssue>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

impl ImportReport {
    /// Returns how many issues came out like this.
    pub fn count(&self, effect: Effect) -> usize {
        self.issues.iter().filter(|issue| issue.effect == effect).count()
    }
}

/// A record that was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedIssue {
    /// Where it stood in the input.
    pub place: Place,
    /// The issue; `None` for one that a dry run would create.
    pub key: Option<IssueKey>,
    /// What became of it.
    pub effect: Effect,
}

/// How far an import is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// How many records are done.
    pub done: u64,
    /// Of how many; unknown while reading.
    pub total: Option<u64>,
}

/// The stages of an import.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Reading the input.
    Read,
    /// Finding the issues that are there, and working out what to change.
    Plan,
    /// Writing the batch.
    Write,
}

impl Stage {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Plan => "planning",
            Self::Write => "writing",
        }
    }
}

/// Why an import failed; nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input can't be read to its end.
    #[error("nothing was imported: {0}")]
    Read(#[from] ReadError),
    /// The input has nothing of a name that was said to mean something.
    #[error("nothing was imported: no record has a column or key `{column}`, which --map names")]
    NoColumn {
        /// The name.
        column: String,
    },
    /// The store refused one record.
    #[error("nothing was imported: {place}: {source}")]
    Record {
        /// Where the record stands.
        place: Box<Place>,
        /// Why.
        source: OperationError,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A record that can become an issue, with what was found out about it.
#[derive(Clone)]
struct Candidate {
    place: Place,
    /// The issue as the source has it, checked against the schema; without its links, and with a
    /// number that means nothing.
    theirs: Issue,
    /// The number it had, in Tickety's own format.
    number: Option<IssueNumber>,
    /// Whether the source tells when it was created.
    has_created: bool,
    links: Vec<ForeignLink>,
    origin: Origin,
    /// The parts that the source says nothing of.
    unsaid: Vec<&'static str>,
    /// Whether an export of ours wrote it.
    is_own: bool,
    /// The issue that it is, where that is there already.
    existing: Option<StoredIssue>,
}

/// Imports everything a reader gives.
///
/// `progress` is called after every record; how much of that is shown is its business.
pub async fn import(
    store: &dyn IssueStorage,
    reader: &mut dyn Reader,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, ImportError> {
    let schema = store.schema().await?;
    let mut report = Report::default();
    let mut candidates = Vec::new();
    while let Some(record) = reader.read(&mut report)? {
        candidates.extend(candidate(record, &schema, options, &mut report));
        progress(Progress { stage: Stage::Read, done: report.records, total: None });
    }
    if let Some(column) = options.mapped.iter().find(|column| !report.found.contains(*column))
        && report.records > 0
    {
        return Err(ImportError::NoColumn { column: column.clone() });
    }
    candidates = matching::without_doubles(candidates, &mut report);
    reversed::turn(&mut candidates, &mut report);
    let mut attempt = 1;
    loop {
        // Only what is planned once more has to be there once more.
        let again = (attempt < ATTEMPTS && !options.dry_run).then(|| (candidates.clone(), report.clone()));
        match (bring_in(store, candidates, report, options, progress).await, again) {
            (Err(error), Some(spare)) if is_overtaken(&error) => (candidates, report) = spare,
            (result, _) => return result,
        }
        attempt += 1;
    }
}

/// How often an import is planned, where others write to the same issues meanwhile.
const ATTEMPTS: u32 = 3;

/// Whether one of the issues was made, changed or deleted since the store was asked for it.
fn is_overtaken(error: &ImportError) -> bool {
    matches!(
        error,
        ImportError::Record { source: OperationError::IdTaken { .. }, .. }
            | ImportError::Storage(
                StorageError::Refused { source: OperationError::IdTaken { .. }, .. }
                    | StorageError::Conflict { .. }
                    | StorageError::NotFound { .. }
            )
    )
}

/// Works out what to change and writes it.
async fn bring_in(
    store: &dyn IssueStorage,
    candidates: Vec<Candidate>,
    mut report: Report,
    options: &ImportOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, ImportError> {
    let total = candidates.len() as u64;
    progress(Progress { stage: Stage::Plan, done: 0, total: Some(total) });
    let Matched { mut candidates, hidden } =
        matching::with_existing(store, candidates, options.now, &mut report).await?;
    // The order of their numbers, where they get new ones.
    candidates.sort_by_key(|candidate| (candidate.number, candidate.theirs.created, candidate.place.line));

    let mut links = Links::resolve(store, &candidates, hidden, &mut report).await?;
    links.drop_second_parents(&candidates, &mut report);
    links.merge(&candidates);
    links.drop_circles(store, &candidates, &mut report).await?;

    let planned = operations(candidates, &links, &mut report);
    drop(links);
    progress(Progress { stage: Stage::Write, done: 0, total: Some(total) });
    let mut issues = write(store, planned, options, &mut report).await?;
    progress(Progress { stage: Stage::Write, done: total, total: Some(total) });
    issues.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(ImportReport { report, issues, dry_run: options.dry_run })
}

/// Checks a record against the limits and the schema, as the store will, so that one that would be
/// refused doesn't take the whole batch with it.
fn candidate(record: Imported, schema: &Schema, options: &ImportOptions, report: &mut Report) -> Option<Candidate> {
    let Imported { place, draft, links, origin, unsaid, is_own } = record;
    debug_assert!(draft.links.is_empty(), "readers keep links apart");
    let id = draft.id.expect("readers give an id");
    let mut context = ApplyContext {
        schema,
        now: options.now,
        actor: None,
        new_id: &mut || uuid::Uuid::nil(),
        resolve: &mut |_| Err(OperationError::NotCreated { index: 0 }),
    };
    match operation::create(&draft, IssueNumber::FIRST, id, &mut context) {
        Ok(theirs) => Some(Candidate {
            place,
            theirs,
            number: draft.number,
            has_created: draft.created.is_some(),
            links,
            origin,
            unsaid,
            is_own,
            existing: None,
        }),
        Err(problem) => {
            report.readable -= 1;
            report.note(NoteKind::Skipped, &place, problem.to_string());
            None
        }
    }
}

/// The batch of an import, and what is known of each candidate before it is applied.
struct Planned {
    operations: Vec<Operation>,
    /// For each candidate its operation; `None` if it already is as it should be.
    places: Vec<Option<usize>>,
    known: Vec<Known>,
}

/// What is known of a candidate.
struct Known {
    /// Where it stood.
    place: Place,
    /// The issue that it is.
    existing: Option<IssueKey>,
    /// The number it had.
    number: Option<IssueNumber>,
}

fn operations(candidates: Vec<Candidate>, links: &Links, report: &mut Report) -> Planned {
    let known = candidates.iter().map(|candidate| Known {
        place: candidate.place.clone(),
        existing: candidate.existing_key(),
        number: candidate.number,
    });
    let known: Vec<Known> = known.collect();
    let mut places = vec![None; candidates.len()];
    // Those to be created come first, so that the place of each is known to the links of all.
    let new = places.iter_mut().zip(&known).filter(|(_, known)| known.existing.is_none());
    for (created, (place, _)) in new.enumerate() {
        *place = Some(created);
    }
    let target = |end: End| match end {
        End::Issue(key) => Target::from(key),
        End::Record(index) => {
            let place: Option<usize> = places[index];
            Target::Created(place.expect("links point at issues that are there or made"))
        }
    };
    let mut operations = Vec::with_capacity(candidates.len());
    let mut updates = Vec::new();
    for (index, candidate) in candidates.into_iter().enumerate() {
        let Some(existing) = &candidate.existing else {
            operations.push(Operation::Create(Box::new(merge::draft(candidate, links, index, &target))));
            continue;
        };
        let changes = merge::changes(&candidate, existing, links, index, &target, report);
        if !changes.is_empty() {
            let (target, expected) = (existing.issue.key().into(), Some(existing.version.into()));
            updates.push((index, Operation::Update { target, expected, changes }));
        }
    }
    for (index, operation) in updates {
        places[index] = Some(operations.len());
        operations.push(operation);
    }
    Planned { operations, places, known }
}

/// Applies the batch and says what became of each candidate.
async fn write(
    store: &dyn IssueStorage,
    planned: Planned,
    options: &ImportOptions,
    report: &mut Report,
) -> Result<Vec<ImportedIssue>, ImportError> {
    let Planned { operations, places, known } = planned;
    let outcomes = if options.dry_run || operations.is_empty() {
        Vec::new()
    } else {
        let batch = Batch::new(operations, options.actor.clone(), options.now).imported_from(options.source);
        let refused = |error| match error {
            StorageError::Refused { index, source } => {
                match places.iter().position(|place| *place == Some(index)).map(|index| &known[index]) {
                    Some(Known { place, .. }) => ImportError::Record { place: Box::new(place.clone()), source },
                    None => ImportError::Storage(StorageError::Refused { index, source }),
                }
            }
            other => ImportError::Storage(other),
        };
        store.apply(batch).await.map_err(refused)?.outcomes
    };
    let issues = known.into_iter().zip(places).map(|(Known { place: record, existing, number }, place)| {
        let (key, effect) = match place.and_then(|place| outcomes.get(place)) {
            Some(outcome) => (Some(outcome.key), outcome.effect),
            None if place.is_none() => (existing, Effect::Unchanged),
            None if existing.is_some() => (existing, Effect::Updated),
            None => (None, Effect::Created),
        };
        if let (Effect::Created, Some(key), Some(number)) = (effect, key, number)
            && key.number != number
        {
            report.note(NoteKind::Changed, &record, format!("number {number} isn't free here: it became {key}"));
        }
        ImportedIssue { place: record, key, effect }
    });
    Ok(issues.collect())
}

//! Writing several batches with one sync.
//!
//! Each is a transaction of its own in the journal, with its own events, so that nobody can tell afterwards that they were
//! written together. They are about different issues: what two of them change is planned in two rounds.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;

use tickety_core::ident::{IssueKey, Version};

use super::commit::{About, LoadedIssues, Moves, Work, outcomes_of};
use super::events::Note;
use super::journal::{Appended, Applied, Journal, JournalError};
use super::ledger;
use super::lock::WriteLock;
use super::store::RepoStore;
use super::waiting;
use crate::error::StorageError;
use crate::plan::{Plan, PlannedChange};
use crate::storage::{Batch, BatchMode, BatchOutcome};

/// What came of a batch.
type Came = Result<BatchOutcome, StorageError>;

/// A batch that is in the journal.
struct Written {
    /// Its place in the group.
    place: usize,
    versions: BTreeMap<IssueKey, Version>,
    note: Note,
}

impl RepoStore {
    /// Applies batches, as many at once as are about different issues.
    pub(super) fn apply_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Came> {
        let mut waiting: VecDeque<(Batch, BatchMode)> = batches.into();
        let mut came = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            // A request that was done before isn't planned, and what is reopened may have to be so for other branches.
            let free =
                waiting.iter().take_while(|(batch, _)| batch.request.is_none() && !ledger::reopens(batch)).count();
            match (free > 1).then(|| self.apply_group(&mut waiting.make_contiguous()[..free])) {
                Some(Ok(group)) => {
                    waiting.drain(..group.len());
                    came.extend(group);
                }
                // What is wrong with one of them, or with all, each is told by itself.
                Some(Err(_)) | None => {
                    came.extend(waiting.pop_front().map(|(batch, mode)| self.apply_batch(batch, mode)));
                }
            }
        }
        came
    }

    /// Applies the first of the batches and those that don't have to wait for it. Fails before anything is written.
    fn apply_group(&self, batches: &mut [(Batch, BatchMode)]) -> Result<Vec<Came>, StorageError> {
        let mut bases = Vec::new();
        let held = || bases = batches.iter().map(|(batch, _)| self.bases_of(batch)).collect();
        let lock = WriteLock::acquire_noting(&self.layout, &self.lock_options(), held)?;
        for ((batch, _), bases) in batches.iter_mut().zip(bases) {
            waiting::set_bases(batch, bases);
        }
        let batches: Vec<(&Batch, BatchMode)> = batches.iter().map(|(batch, mode)| (batch, *mode)).collect();
        let mut journal = self.open_journal(&lock)?;
        let (plans, loaded, drawn) = self.plan_batches(&lock, &batches)?;
        if let Some(draw) = drawn {
            draw.keep()?;
        }
        let taken_ns = super::os::now_ns();
        let mut came: Vec<Option<StorageError>> = plans.iter().map(|_| None).collect();
        let mut written = Vec::new();
        let mut appended = journal.together();
        for (place, (plan, (batch, _))) in plans.iter().zip(&batches).enumerate() {
            if plan.changes.is_empty() {
                continue;
            }
            let about = About::of(batch);
            match self.append(&mut journal, &mut appended, &plan.changes, &loaded, about) {
                Ok((versions, note)) => written.push(Written { place, versions, note }),
                Err(error) => came[place] = Some(error),
            }
        }
        self.home.meter.note_sync();
        match journal.sync(appended) {
            Ok(committed) => {
                self.home.meter.note_durable();
                self.has_written.store(true, std::sync::atomic::Ordering::Relaxed);
                let ids: Vec<Option<u64>> = committed.iter().map(super::journal::Committed::id).collect();
                match journal.apply_all(&self.home, committed) {
                    Ok(applied) => {
                        for (written, applied) in written.iter().zip(&applied) {
                            came[written.place] = applied.kept.first().map(|kept| StorageError::Overtaken {
                                path: self.layout.home.join(kept.path.as_str()),
                            });
                        }
                        self.index_group(&lock, &plans, &loaded, &written, applied, taken_ns);
                        for (written, id) in written.iter().zip(ids) {
                            // The journal has the events too, and the next write makes up for what fails here.
                            let _ = id.map(|id| self.log_write(&lock, &journal, id, &written.note));
                        }
                    }
                    Err(error) => tell_all(&mut came, &written, &self.layout.journal(), error),
                }
            }
            Err(error) => tell_all(&mut came, &written, &self.layout.journal(), error),
        }
        let mut versions: Vec<BTreeMap<IssueKey, Version>> = plans.iter().map(|_| BTreeMap::new()).collect();
        for Written { place, versions: known, .. } in written {
            versions[place] = known;
        }
        let outcome = |((plan, error), versions): ((Plan, Option<StorageError>), BTreeMap<IssueKey, Version>)| {
            let Plan { changes, outcomes, failures, rolled_back } = plan;
            match error {
                Some(error) => Err(error),
                None => {
                    let outcomes = outcomes_of(&outcomes, &changes, &loaded, &versions);
                    Ok(BatchOutcome { outcomes, failures, rolled_back, replayed: false })
                }
            }
        };
        Ok(plans.into_iter().zip(came).zip(versions).map(outcome).collect())
    }

    /// Puts a batch into the journal, as a transaction that isn't durable yet.
    fn append(
        &self,
        journal: &mut Journal<'_>,
        appended: &mut Appended,
        changes: &BTreeMap<IssueKey, PlannedChange>,
        loaded: &LoadedIssues,
        about: About<'_>,
    ) -> Result<(BTreeMap<IssueKey, Version>, Note), StorageError> {
        let moves = Moves::new();
        let note = self.note_of(changes, &moves, about);
        let mut transaction = journal.begin(&self.home, about.now)?;
        let versions = self.write_changes(&mut transaction, Work { changes, loaded, moves: &moves })?;
        transaction.check_room()?;
        transaction.note(&note.to_bytes())?;
        transaction.add_to(appended)?;
        Ok((versions, note))
    }

    /// Brings the index up to date with a group, in one transaction.
    fn index_group(
        &self,
        lock: &WriteLock,
        plans: &[Plan],
        loaded: &LoadedIssues,
        written: &[Written],
        applied: Vec<Applied>,
        taken_ns: i64,
    ) {
        let changes = written.iter().flat_map(|written| &plans[written.place].changes);
        let changes: BTreeMap<IssueKey, &PlannedChange> = changes.map(|(key, change)| (*key, change)).collect();
        let versions = written.iter().flat_map(|written| written.versions.clone()).collect();
        let records = applied.into_iter().flat_map(|applied| applied.records).collect();
        let applied = Applied { records, kept: Vec::new() };
        // The writes stand whatever becomes of the index, which is only derived.
        if self.index_changes(lock, &changes, loaded, &versions, &applied, taken_ns).is_err() {
            self.discard_index();
        }
    }
}

/// Tells all whose batches are in the journal what became of them together.
fn tell_all(came: &mut [Option<StorageError>], written: &[Written], journal: &Path, error: JournalError) {
    let error = StorageError::from(error);
    for written in written {
        came[written.place] = Some(match &error {
            StorageError::Pending { path, message, is_full } => {
                StorageError::Pending { path: path.clone(), message: message.clone(), is_full: *is_full }
            }
            StorageError::Io { action, path, source } => {
                let source = io::Error::new(source.kind(), source.to_string());
                StorageError::Io { action, path: path.clone(), source }
            }
            other => StorageError::Damaged { path: journal.to_owned(), message: other.to_string() },
        });
    }
}

//! Applying a batch: plan, journal, files, index, in this order and under the lock.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, Version};
use tickety_core::issue::{Comment, CommentId, Issue};
use tickety_core::operation::{Change, Operation};

use super::contents;
use super::counter::Draw;
use super::events;
use super::failure::Failure;
use super::files::RECORD_LIMIT;
use super::format::{self, FormatError};
use super::index::{RecordState, TrackedFile};
use super::journal::{Applied, CheckpointPolicy, Journal, JournalError, JournalStatus, NewRecord, Transaction};
use super::layout::{CommentStamp, HomePath, RecordPath};
use super::load::{Loaded, LoadedFile, shown};
use super::lock::WriteLock;
use super::recovery;
use super::remains;
use super::requests::Remembered;
use super::snapshot::RepoSnapshot;
use super::store::RepoStore;
use super::waiting;
use super::workers;
use crate::error::StorageError;
use crate::plan::{self, Plan, PlannedChange, PlannedOutcome};
use crate::storage::{Batch, BatchMode, BatchOutcome, BatchPreview, OperationOutcome};

/// The issues a plan has read, as their files are.
pub(super) type LoadedIssues = BTreeMap<IssueKey, Box<Loaded>>;

/// The issues that get another name, with the one they had.
pub(super) type Moves = BTreeMap<IssueKey, IssueKey>;

/// What is written together.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// What becomes of each issue.
    pub(super) changes: &'a BTreeMap<IssueKey, PlannedChange>,
    /// The issues as their files are.
    pub(super) loaded: &'a LoadedIssues,
    /// The issues that get another name.
    pub(super) moves: &'a Moves,
}

/// What is told of a write besides its changes.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// Who writes.
    pub(super) actor: Option<&'a str>,
    /// When.
    pub(super) now: Timestamp,
    /// From where an import brings the issues.
    pub(super) source: Option<&'a str>,
}

impl<'a> About<'a> {
    pub(super) fn of(batch: &'a Batch) -> Self {
        Self { actor: batch.actor.as_deref(), now: batch.now, source: batch.source.as_deref() }
    }
}

/// Makes what is remembered of a write, given the versions that it leaves.
type Remember<'a> = &'a dyn Fn(&BTreeMap<IssueKey, Version>) -> Option<Remembered>;

/// What is written of an issue.
struct RecordsOfIssue {
    records: Vec<NewRecord>,
    /// The version that its own record gets, if that is written.
    version: Option<Version>,
}

/// Where the bytes of a record come from.
#[derive(Clone, Copy)]
enum Origin<'a> {
    /// There are none yet.
    New,
    /// It is edited where it is.
    Here(&'a Loaded),
    /// It comes from another name, with its comments.
    Moved(&'a Loaded),
}

impl RepoStore {
    pub(super) fn apply_batch(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        // What can't be looked at before a write can't be written either.
        self.apply_looking(batch, mode).map_err(|error| match error {
            StorageError::Io { path, source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied && path.starts_with(&self.layout.issues) =>
            {
                StorageError::HomeReadOnly { path, source }
            }
            other => other,
        })
    }

    fn apply_looking(&self, mut batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        let mut bases = Vec::new();
        let held = || bases = self.bases_of(&batch);
        let lock = WriteLock::acquire_noting(&self.layout, &self.lock_options(), held)?;
        waiting::set_bases(&mut batch, bases);
        let mut journal = self.open_journal(&lock)?;
        let reopened = self.take_reopenings(&lock, &mut batch)?;
        let batch = &batch;
        if let Some(request) = &batch.request
            && let Some(outcome) = self.recall_request(request)?
        {
            return Ok(outcome);
        }
        let (plan, loaded, drawn) = self.plan_batch(&lock, batch, mode)?;
        let Plan { changes, outcomes, failures, rolled_back } = plan;
        let work = Work { changes: &changes, loaded: &loaded, moves: &Moves::new() };
        let told = |versions: &BTreeMap<IssueKey, Version>| outcomes_of(&outcomes, &changes, &loaded, versions);
        let remember = |versions: &BTreeMap<IssueKey, Version>| {
            let request = batch.request.as_ref()?;
            Remembered::new(request, batch.now, &told(versions), &failures, rolled_back)
        };
        let versions = self.commit(&lock, &mut journal, work, drawn, About::of(batch), &remember)?;
        let mut outcome = BatchOutcome { outcomes: told(&versions), failures, rolled_back, replayed: false };
        self.reopen_elsewhere(&reopened, batch.now, &mut outcome)?;
        Ok(outcome)
    }

    pub(super) fn preview_batch(&self, mut batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        drop(self.open_journal(&lock)?);
        self.take_reopenings(&lock, &mut batch)?;
        let (mut plan, loaded, _) = self.plan_batch(&lock, &batch, mode)?;
        let outcomes = std::mem::take(&mut plan.outcomes);
        let outcomes = outcomes.iter().map(|planned| {
            let is_unchanged = !plan.changes.contains_key(&planned.key);
            let version = loaded.get(&planned.key).map(|loaded| loaded.version).filter(|_| is_unchanged);
            outcome(planned, version)
        });
        let outcomes = outcomes.collect();
        let failures = std::mem::take(&mut plan.failures);
        let outcome = BatchOutcome { outcomes, failures, rolled_back: plan.rolled_back, replayed: false };
        Ok(BatchPreview { outcome, changes: plan.into_changed_issues() })
    }

    /// Plans a batch on the issues as they are, and says which numbers have to be given out for it.
    fn plan_batch(
        &self,
        lock: &WriteLock,
        batch: &Batch,
        mode: BatchMode,
    ) -> Result<(Plan, LoadedIssues, Option<Draw>), StorageError> {
        let (plans, loaded, drawn) = self.plan_batches(lock, &[(batch, mode)])?;
        let plan = plans.into_iter().next().expect("nothing keeps the only batch waiting");
        Ok((plan, loaded, drawn))
    }

    /// Plans batches one after the other: the first, and those of the others that don't have to wait for it.
    pub(super) fn plan_batches(
        &self,
        lock: &WriteLock,
        batches: &[(&Batch, BatchMode)],
    ) -> Result<(Vec<Plan>, LoadedIssues, Option<Draw>), StorageError> {
        let is_single = batches.iter().map(|(batch, _)| batch.operations.len()).sum::<usize>() == 1;
        let now = batches.iter().map(|(batch, _)| batch.now).max().unwrap_or_default();
        self.ask(Some(lock), |handle| {
            if batches.iter().any(|(batch, _)| reaches_others(batch)) {
                let mode = self.freshness(&handle.index)?;
                self.refresh(handle, mode)?;
            }
            let mut snapshot = RepoSnapshot::new(self, handle, is_single, now);
            let operations = batches.iter().flat_map(|(batch, _)| &batch.operations);
            let planned = snapshot
                .read_ahead(operations)
                .and_then(|()| plan::plan_together(batches, &self.schema, &mut snapshot));
            match planned {
                Ok(plans) => {
                    let plans: Vec<Plan> = plans.into_iter().map(Plan::without_unchanged).collect();
                    let (loaded, drawn) = snapshot.finish(&plans);
                    Ok((plans, loaded, drawn))
                }
                Err(error) => Err(snapshot.failure(error)),
            }
        })
    }

    /// Opens the journal and finishes what a killed writer has left.
    pub(super) fn open_journal<'lock>(&self, lock: &'lock WriteLock) -> Result<Journal<'lock>, StorageError> {
        if !self.home.is_in_place() {
            return Err(StorageError::HomeMoved { path: self.layout.home.clone() });
        }
        let mut journal = Journal::open(&self.layout, lock)?;
        remains::hold(&self.layout, &journal);
        if journal.needs_recovery() {
            let past = journal.past_after(None)?;
            if journal.forgets_in_recovery() {
                // Writing goes on without.
                let _ = contents::keep(&self.layout, &journal);
            }
            let report = recovery::recover(&mut journal, &self.home).map_err(|error| match error {
                // The write that is about to be made isn't recorded, only the one before.
                JournalError::Apply { source, .. } => source.into(),
                error => StorageError::from(error),
            })?;
            // What recovery wrote, the index finds by itself, but for one that isn't asked to look.
            self.ask(Some(lock), |handle| self.refresh_recovered(handle, events::own(&past)))?;
            // Writing goes on without: `doctor` tells what is wrong with the log.
            let _ = self.log_recovered(&past, report.rebooted);
        }
        Ok(journal)
    }

    pub(super) fn recover_locked(&self, lock: &WriteLock) -> Result<(), StorageError> {
        self.open_journal(lock).map(drop)
    }

    /// Writes planned changes: durable when the journal has them, visible when the files have
    /// them. The numbers of new issues are given out as late as can be. Returns the new versions of the
    /// records that were written.
    pub(super) fn commit(
        &self,
        lock: &WriteLock,
        journal: &mut Journal<'_>,
        work: Work<'_>,
        drawn: Option<Draw>,
        about: About<'_>,
        remember: Remember<'_>,
    ) -> Result<BTreeMap<IssueKey, Version>, StorageError> {
        let Work { changes, loaded, moves } = work;
        if changes.is_empty() {
            // What led here is the failure to report.
            let _ = drawn.map(Draw::keep);
            let versions = BTreeMap::new();
            remember(&versions).map_or(Ok(()), |remembered| remembered.write(&self.layout))?;
            return Ok(versions);
        }
        let taken_ns = super::os::now_ns();
        let mut note = self.note_of(changes, moves, about);
        let mut transaction = journal.begin(&self.home, about.now)?;
        let written = self.write_changes(&mut transaction, work);
        if written.is_ok() {
            transaction.check_room()?;
        }
        // What can't be written is told by the name of its file, which nothing else may have then.
        if let (Some(draw), Ok(_) | Err(StorageError::Unreadable { .. })) = (drawn, &written) {
            draw.keep()?;
        }
        let versions = written?;
        note.request = remember(&versions);
        transaction.note(&note.to_bytes())?;
        self.home.meter.note_sync();
        let committed = transaction.commit()?;
        self.home.meter.note_durable();
        self.has_written.store(true, Ordering::Relaxed);
        let id = committed.id();
        let applied = journal.apply(&self.home, committed)?;
        // The write stands whatever becomes of the index, which is only derived.
        let changes = changes.iter().map(|(key, change)| (*key, change)).collect();
        if self.index_changes(lock, &changes, loaded, &versions, &applied, taken_ns).is_err() {
            self.discard_index();
        }
        if let Some(id) = id {
            // The journal has the events too, and the next write makes up for what fails here.
            let _ = self.log_write(lock, journal, id, &note);
        }
        match applied.kept.first() {
            None => Ok(versions),
            Some(kept) => Err(StorageError::Overtaken { path: self.layout.home.join(kept.path.as_str()) }),
        }
    }

    pub(super) fn write_changes(
        &self,
        transaction: &mut Transaction<'_, '_>,
        work: Work<'_>,
    ) -> Result<BTreeMap<IssueKey, Version>, StorageError> {
        let Work { changes, loaded, moves } = work;
        let mut versions = BTreeMap::new();
        let changes: Vec<(&IssueKey, &PlannedChange)> = changes.iter().collect();
        let make = |(key, change): &(&IssueKey, &PlannedChange)| {
            let origin = match (moves.get(key).and_then(|from| loaded.get(from)), loaded.get(key)) {
                (Some(from), _) => Origin::Moved(from),
                (None, Some(here)) => Origin::Here(here),
                (None, None) => Origin::New,
            };
            (**key, self.records_of(**key, change, origin))
        };
        workers::each_in_order(&changes, make, |(key, made)| {
            let RecordsOfIssue { records, version } = made?;
            for record in &records {
                transaction.append(record)?;
            }
            versions.extend(version.map(|version| (key, version)));
            Ok::<_, StorageError>(())
        })?;
        Ok(versions)
    }

    /// Makes what a change writes.
    fn records_of(
        &self,
        key: IssueKey,
        change: &PlannedChange,
        origin: Origin<'_>,
    ) -> Result<RecordsOfIssue, StorageError> {
        let mut records = Vec::with_capacity(1);
        let path = RecordPath::issue(key);
        let unwritable =
            |error: FormatError| StorageError::Unreadable { problem: error.into_record_problem(shown(path)) };
        let Some(after) = &change.after else {
            if let Origin::Here(loaded) = origin {
                records.extend(loaded.files.iter().map(|file| {
                    match file.path == path && file.hash == loaded.version {
                        true => NewRecord::removal(path.home_path(), file.hash, loaded.bytes.clone()),
                        false => self.removal_of(file.path, file.hash),
                    }
                }));
            }
            return Ok(RecordsOfIssue { records, version: None });
        };
        let edit = |loaded: &Loaded| format::edit_issue(&loaded.bytes, after, &self.schema).map_err(unwritable);
        let written = match origin {
            Origin::New => Some((None, format::print_issue(after, &self.schema).map_err(unwritable)?)),
            Origin::Here(loaded) if !after.has_same_record(&loaded.issue) => {
                Some((Some(loaded.version), edit(loaded)?))
            }
            Origin::Here(_) => None,
            Origin::Moved(loaded) => Some((None, edit(loaded)?)),
        };
        let mut version = None;
        if let Some((before, bytes)) = written {
            let record = NewRecord::new(path.home_path(), before, bytes);
            version = record.version();
            records.push(record);
        }
        match origin {
            Origin::New => self.comments_of(&mut records, key, after, None)?,
            Origin::Here(loaded) => self.comments_of(&mut records, key, after, Some(loaded))?,
            Origin::Moved(loaded) => self.moved_comments(&mut records, key, loaded)?,
        }
        Ok(RecordsOfIssue { records, version })
    }

    fn moved_comments(&self, records: &mut Vec<NewRecord>, key: IssueKey, loaded: &Loaded) -> Result<(), StorageError> {
        for path in loaded.files.iter().map(|file| file.path) {
            let Some(stamp) = path.comment else { continue };
            let bytes = self.read_again(path)?;
            records.push(NewRecord::new(RecordPath::comment(key, stamp).home_path(), None, bytes));
        }
        Ok(())
    }

    /// Reads the file of a comment that was read a moment before.
    fn read_again(&self, path: RecordPath) -> Result<Vec<u8>, StorageError> {
        let path = path.home_path();
        match self.home.read(&path, format::COMMENT_BYTES as u64)? {
            Some(content) => Ok(content.bytes),
            None => Err(StorageError::Overtaken { path: self.layout.home.join(path.as_str()) }),
        }
    }

    /// Makes the record of a file that is removed, with what it holds: somebody else may have written that.
    fn removal_of(&self, path: RecordPath, version: Version) -> NewRecord {
        let path = path.home_path();
        let content = self.home.read(&path, RECORD_LIMIT).ok().flatten().filter(|content| content.version() == version);
        NewRecord::removal(path, version, content.map(|content| content.bytes).unwrap_or_default())
    }

    fn comments_of(
        &self,
        records: &mut Vec<NewRecord>,
        key: IssueKey,
        after: &Issue,
        loaded: Option<&Loaded>,
    ) -> Result<(), StorageError> {
        let before: BTreeMap<CommentId, &Comment> =
            loaded.iter().flat_map(|loaded| &loaded.issue.comments).map(|comment| (comment.id, comment)).collect();
        let files = loaded.iter().flat_map(|loaded| &loaded.files);
        let files: BTreeMap<CommentId, _> = files.filter_map(|file| Some((file.comment?, file))).collect();
        for comment in &after.comments {
            let known = files.get(&comment.id);
            if before.get(&comment.id).is_some_and(|before| *before == comment) {
                continue;
            }
            let path = comment_path(key, comment, known.map(|file| file.path));
            let unwritable =
                |error: FormatError| StorageError::Unreadable { problem: error.into_record_problem(shown(path)) };
            let bytes = match known {
                None => format::print_comment(comment).map_err(unwritable)?,
                Some(file) => format::edit_comment(&self.read_again(file.path)?, comment).map_err(unwritable)?,
            };
            records.push(NewRecord::new(path.home_path(), known.map(|file| file.hash), bytes));
        }
        for (id, file) in &files {
            if !after.comments.iter().any(|comment| comment.id == *id) {
                records.push(self.removal_of(file.path, file.hash));
            }
        }
        Ok(())
    }

    pub(super) fn index_changes(
        &self,
        lock: &WriteLock,
        changes: &BTreeMap<IssueKey, &PlannedChange>,
        loaded: &LoadedIssues,
        versions: &BTreeMap<IssueKey, Version>,
        applied: &Applied,
        taken_ns: i64,
    ) -> Result<(), StorageError> {
        let written: BTreeMap<&HomePath, &super::journal::AppliedRecord> =
            applied.records.iter().map(|record| (&record.path, record)).collect();
        self.ask(Some(lock), |handle| {
            if handle.in_memory {
                return Err(Failure::Store(StorageError::Damaged {
                    path: self.layout.index(),
                    message: "is not in use".to_owned(),
                }));
            }
            let mut writer = handle.index.write(&self.schema)?;
            for (key, change) in changes {
                let Some(after) = &change.after else {
                    writer.remove_issue(*key)?;
                    continue;
                };
                let before = loaded.get(key);
                let modified = match written.get(&RecordPath::issue(*key).home_path()) {
                    Some(record) => record.stat.and_then(|stat| Timestamp::from_nanosecond(stat.mtime_ns.into()).ok()),
                    None => before.and_then(|loaded| loaded.modified),
                };
                let version = versions.get(key).copied().or_else(|| before.map(|loaded| loaded.version));
                let version = version.expect("a record that stays was written now or read before");
                writer.put_issue(after, &RecordState { version, written: modified })?;
                let record = before.and_then(|loaded| loaded.files.iter().find(|file| file.comment.is_none()));
                if let Some(file) = record
                    && !written.contains_key(&file.path.home_path())
                {
                    // Somebody may have looked meanwhile and found it gone: then the next look does, too.
                    let LoadedFile { path, comment: _, stat, taken_ns, hash } = *file;
                    writer.put_file(&TrackedFile { path, stat, taken_ns, hash })?;
                }
                // A comment that could not be read now is missing from what was put: the next look reads it again.
                for (path, _) in before.iter().flat_map(|loaded| &loaded.problems) {
                    writer.remove_file(path)?;
                }
            }
            for record in &applied.records {
                let Some(path) = record.path.record() else { continue };
                match record.version {
                    // What somebody removed or replaced at once has a state that nothing has: the next look sees that.
                    Some(hash) => {
                        let stat = record.stat.unwrap_or_default();
                        writer.put_file(&TrackedFile { path, stat, taken_ns, hash })?;
                    }
                    None => writer.remove_file(&path)?,
                }
                writer.remove_problem(&shown(path))?;
            }
            // The directories are left as known: what others put there meanwhile is found by the next look.
            writer.commit()?;
            Ok(())
        })
    }

    /// Takes the index away, so that it is made afresh.
    pub(super) fn discard_index(&self) {
        self.forget_index();
        // Where it can't be removed, it can't be trusted to be current; `index verify` tells.
        let _ = std::fs::remove_file(self.layout.index());
    }

    /// Makes applied writes durable in their files and empties the journal, if this store has written and it is due: by
    /// default after 4 MiB or 10 minutes. Takes as long as the file system needs, so it belongs after
    /// the answer. Another writer at work does it later.
    pub fn maintain(&self, now: Timestamp) -> Result<(), StorageError> {
        if !self.has_written.load(Ordering::Relaxed) {
            return Ok(());
        }
        let policy = CheckpointPolicy::default();
        if !JournalStatus::read(&self.layout)?.is_checkpoint_due(policy, now) {
            return Ok(());
        }
        let Some(lock) = WriteLock::try_acquire(&self.layout, &self.options.command)? else { return Ok(()) };
        let mut journal = self.open_journal(&lock)?;
        if journal.is_checkpoint_due(policy, now) {
            self.settle_events(&lock, &journal)?;
            journal.checkpoint(&self.home)?;
        }
        Ok(())
    }
}

/// Says what became of operations, with the versions that their issues have now.
pub(super) fn outcomes_of(
    planned: &[PlannedOutcome],
    changes: &BTreeMap<IssueKey, PlannedChange>,
    loaded: &LoadedIssues,
    versions: &BTreeMap<IssueKey, Version>,
) -> Vec<OperationOutcome> {
    let outcome = |planned: &PlannedOutcome| {
        // Whatever this operation did to it, a later one may have deleted it.
        let is_gone = changes.get(&planned.key).is_some_and(|change| change.after.is_none());
        let unchanged = || loaded.get(&planned.key).map(|loaded| loaded.version).filter(|_| !is_gone);
        let version = versions.get(&planned.key).copied().or_else(unchanged);
        outcome(planned, version)
    };
    planned.iter().map(outcome).collect()
}

fn outcome(planned: &PlannedOutcome, version: Option<Version>) -> OperationOutcome {
    let PlannedOutcome { index, key, id, effect } = *planned;
    OperationOutcome { index, key, id, effect, version, path: shown(RecordPath::issue(key)) }
}

/// Whether a batch depends on more than the issues it names, so that the index has to be up to date:
/// deleting finds the links to an issue, a new link may close a circle, and an id may be taken.
fn reaches_others(batch: &Batch) -> bool {
    batch.operations.iter().any(|operation| match operation {
        Operation::Delete { .. } => true,
        // New issues are the end of no link yet, but for those of the same batch. One that brings its id along
        // must not be there under any name.
        Operation::Create(draft) => draft.id.is_some(),
        Operation::Update { changes, .. } => {
            changes.iter().any(|change| matches!(change, Change::AddLink { kind, .. } if kind.is_acyclic()))
        }
    })
}

fn comment_path(key: IssueKey, comment: &Comment, known: Option<RecordPath>) -> RecordPath {
    known.unwrap_or_else(|| RecordPath::comment(key, CommentStamp::new(comment.created, comment.id.suffix())))
}

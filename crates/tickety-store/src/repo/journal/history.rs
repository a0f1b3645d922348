//! What the transactions since the last checkpoint say, for the log of events.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use tickety_core::ident::Version;
use uuid::Uuid;

use super::super::events;
use super::super::layout::{HomePath, Layout};
use super::super::os::{self, BootId};
use super::super::state;
use super::format::{Mark, START};
use super::log::{After, Extent, Log, Record};
use super::{Journal, JournalError, Standing, read_mark};

/// A transaction, whether or not it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// What it is called in the log of events.
    pub(crate) name: String,
    /// What it carries behind its records.
    pub(crate) note: Vec<u8>,
    /// The versions that it leaves; `None` for a file that it removes.
    pub(crate) leaves: BTreeMap<HomePath, Option<Version>>,
}

/// Returns what a transaction is called. Generations differ in their last bits, which are random.
fn name(generation: Uuid, id: u64) -> String {
    format!("{:012x}-{id}", generation.as_u128() & 0xffff_ffff_ffff)
}

impl Journal<'_> {
    /// Returns what the transaction of a number is called.
    pub(crate) fn name_of(&self, id: u64) -> String {
        name(self.log.generation(), id)
    }

    /// Returns the transactions after the one of a name, oldest first; all since the last checkpoint if that isn't
    /// among them.
    pub(crate) fn past_after(&self, last: Option<&str>) -> Result<Vec<Past>, JournalError> {
        let extent = match self.standing {
            Standing::Behind { mark_known: false } => Extent::Unknown,
            _ => Extent::Known { from: START, to: self.mark.end },
        };
        past_after(&self.log, extent, last)
    }
}

/// Does the same without the lock: whoever holds it may be about to add one, which is in no file yet.
pub(crate) fn look_back(layout: &Layout, last: Option<&str>) -> Result<Vec<Past>, JournalError> {
    let Some(log) = Log::open_existing(&layout.journal())? else { return Ok(Vec::new()) };
    past_after(&log, extent(&log, mark(layout)?), last)
}

/// Returns the name of the last transaction since the last checkpoint, if there is one; without the lock.
pub(crate) fn last_name(layout: &Layout) -> Result<Option<String>, JournalError> {
    let known = mark(layout)?.filter(|mark| mark.boot.is_same(BootId::current()));
    if let Some(mark) = known {
        return Ok((mark.last_id > 0).then(|| name(mark.generation, mark.last_id)));
    }
    Ok(look_back(layout, None)?.pop().map(|past| past.name))
}

/// Returns the records of the transactions that may not be applied, as far as that is known without the lock.
pub(crate) fn unapplied(layout: &Layout) -> Result<Vec<Record>, JournalError> {
    let Some(log) = Log::open_existing(&layout.journal())? else { return Ok(Vec::new()) };
    let mark = mark(layout)?;
    let extent = match (extent(&log, mark), mark) {
        (Extent::Known { to, .. }, Some(mark)) => Extent::Known { from: mark.applied, to },
        (extent, _) => extent,
    };
    let mut records = Vec::new();
    for found in &log.transactions(extent)? {
        log.visit_records(found, |record| {
            records.push(record);
            Ok::<_, JournalError>(())
        })?;
    }
    Ok(records)
}

impl Journal<'_> {
    /// Whether recovery ends with a checkpoint.
    pub(crate) fn forgets_in_recovery(&self) -> bool {
        self.standing == Standing::Behind { mark_known: false }
    }

    /// Copies the transactions since the last checkpoint to a file, which can be read as a journal is; `None` if there
    /// are none.
    pub(crate) fn copy_into(&self, directory: &Path) -> Result<Option<PathBuf>, JournalError> {
        let extent = match self.standing {
            Standing::Behind { mark_known: false } => Extent::Unknown,
            _ => Extent::Known { from: START, to: self.mark.end },
        };
        let (found, _) = self.log.walk(extent)?;
        let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(None) };
        state::make_directory(directory).map_err(JournalError::of_state)?;
        // Names sort by time.
        let name = format!("{:020}-{}", first.header.time_ns.max(0), name(self.log.generation(), last.header.id));
        let path = directory.join(name);
        let new = state::unfinished(&path);
        let failed = |source| JournalError::access("write", &path, source);
        // The last page of a large transaction isn't filled up.
        let end = last.end.min(self.log.length());
        let copied = self.copy_up_to(end, &new).and_then(|()| std::fs::rename(&new, &path).map_err(failed));
        if copied.is_err() {
            // What is left of it would only take room.
            let _ = std::fs::remove_file(&new);
        }
        copied.map(|()| Some(path))
    }
}

impl Journal<'_> {
    fn copy_up_to(&self, end: u64, to: &Path) -> Result<(), JournalError> {
        let failed = |source| JournalError::access("write", to, source);
        let file = state::open_or_make(to).map_err(JournalError::of_state)?;
        os::set_length(&file, 0).map_err(failed)?;
        let mut position = 0;
        while position < end {
            let bytes = self.log.read_part(position, end.min(position + COPIED))?;
            os::write_at(&file, &bytes, position).map_err(failed)?;
            position += bytes.len() as u64;
        }
        os::sync_data(&file).map_err(failed)
    }
}

/// How much is copied at once.
const COPIED: u64 = 1 << 20;

/// What was acknowledged for files, by several journals.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    logs: Vec<Log>,
    files: BTreeMap<HomePath, Last>,
    /// All that was ever written, the last content included.
    versions: HashSet<(HomePath, Version)>,
    /// All that something was written in place of.
    replaced: HashSet<(HomePath, Version)>,
    /// All that was written to settle a merge.
    settled: HashSet<(HomePath, Version)>,
}

/// What was acknowledged last for a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    /// When.
    pub(crate) time_ns: i64,
    /// Whether the file was removed.
    pub(crate) removed: bool,
    /// The last content, which a removal leaves as it was.
    content: Option<(usize, After)>,
}

impl Last {
    /// Returns the version of the last content, if it is known.
    pub(crate) fn version(&self) -> Option<Version> {
        self.content.map(|(_, after)| after.version)
    }
}

impl Acknowledged {
    /// Takes a journal into account that is later than those before. One that is damaged counts up to the damage.
    fn add(&mut self, path: &Path, extent: Extent) -> Result<(), JournalError> {
        let Some(log) = Log::open_existing(path)? else { return Ok(()) };
        let (found, _) = log.walk(extent)?;
        let place = self.logs.len();
        self.logs.push(log);
        let Self { logs, files, versions, replaced, settled } = self;
        let log = &logs[place];
        for found in &found {
            let time_ns = found.header.time_ns;
            let settles = events::settles(&log.note(found)?);
            log.visit_records(found, |record| {
                let earlier = files.get(&record.path).and_then(|last| last.content);
                let (removed, content) = match record.after {
                    Some(after) => (false, Some((place, after))),
                    None => (true, record.removed.map(|removed| (place, removed)).or(earlier)),
                };
                replaced.extend(record.before.map(|before| (record.path.clone(), before)));
                let after = record.after.map(|after| (record.path.clone(), after.version));
                settled.extend(after.filter(|_| settles));
                versions.extend(record.after.map(|after| (record.path.clone(), after.version)));
                files.insert(record.path, Last { time_ns, removed, content });
                Ok::<_, JournalError>(())
            })?;
        }
        Ok(())
    }

    /// Takes a journal into account that was kept.
    pub(crate) fn add_kept(&mut self, path: &Path) -> Result<(), JournalError> {
        self.add(path, Extent::Unknown)
    }

    /// Takes the journal in use into account, as it is at this moment.
    pub(crate) fn add_current(&mut self, layout: &Layout) -> Result<(), JournalError> {
        let path = layout.journal();
        let Some(log) = Log::open_existing(&path)? else { return Ok(()) };
        let extent = extent(&log, mark(layout)?);
        self.add(&path, extent)
    }

    /// Returns all files, by path.
    pub(crate) fn files(&self) -> &BTreeMap<HomePath, Last> {
        &self.files
    }

    /// Whether a file had a content once, as far as that is known.
    pub(crate) fn has_written(&self, path: &HomePath, version: Version) -> bool {
        self.versions.contains(&(path.clone(), version))
    }

    /// Whether a content of a file was there when something was written in its place.
    pub(crate) fn has_replaced(&self, path: &HomePath, version: Version) -> bool {
        self.replaced.contains(&(path.clone(), version))
    }

    /// Whether a file got a content when a merge was settled.
    pub(crate) fn has_settled(&self, path: &HomePath, version: Version) -> bool {
        self.settled.contains(&(path.clone(), version))
    }

    /// Reads the last content of a file.
    pub(crate) fn read(&self, last: &Last) -> Result<Option<Vec<u8>>, JournalError> {
        last.content.map(|(place, after)| self.logs[place].read_bytes(after.bytes)).transpose()
    }
}

/// Whether a journal that was kept is as it was copied: whole transactions up to its end.
pub(crate) fn is_whole_copy(path: &Path) -> Result<bool, JournalError> {
    let log = match Log::open_existing(path) {
        Err(JournalError::Damaged { .. }) => return Ok(false),
        log => log?,
    };
    let Some(log) = log else { return Ok(false) };
    let (found, damage) = log.walk(Extent::Unknown)?;
    Ok(damage.is_none() && found.last().is_some_and(|last| last.end == log.length()))
}

fn mark(layout: &Layout) -> Result<Option<Mark>, JournalError> {
    let path = layout.journal_mark();
    let Some(file) = state::open(&path).map_err(JournalError::of_state)? else { return Ok(None) };
    read_mark(&file).map_err(|source| JournalError::access("read", &path, source))
}

fn extent(log: &Log, mark: Option<Mark>) -> Extent {
    match mark.filter(|mark| mark.boot.is_same(BootId::current()) && mark.generation == log.generation()) {
        Some(mark) => Extent::Known { from: START, to: mark.end },
        None => Extent::Unknown,
    }
}

fn past_after(log: &Log, extent: Extent, last: Option<&str>) -> Result<Vec<Past>, JournalError> {
    // What lies behind damage is nobody's to tell of.
    let (found, _) = log.walk(extent)?;
    let known = found.iter().position(|found| last == Some(&*name(log.generation(), found.header.id)));
    let mut past = Vec::new();
    for found in &found[known.map_or(0, |place| place + 1)..] {
        let mut leaves = BTreeMap::new();
        log.visit_records(found, |record| {
            leaves.insert(record.path, record.after.map(|after| after.version));
            Ok::<_, JournalError>(())
        })?;
        past.push(Past { name: name(log.generation(), found.header.id), note: log.note(found)?, leaves });
    }
    Ok(past)
}

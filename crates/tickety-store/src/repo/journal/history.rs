//! What the transactions since the last checkpoint say, for the log of events.

use std::collections::BTreeMap;

use tickety_core::ident::Version;
use uuid::Uuid;

use super::super::layout::{HomePath, Layout};
use super::super::os::BootId;
use super::super::state;
use super::format::{Mark, START};
use super::log::{Extent, Log, Record};
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

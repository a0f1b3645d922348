//! What happened in a home, kept so that whoever was away can read on.
//!
//! The events of a write are part of its transaction in the journal: they are durable with it, and there is exactly one
//! group for each. When the write is visible and in the index they are appended to the [log](self::log). A process that
//! dies before that leaves it to the next one, and the journal forgets nothing that the log doesn't have durably.
//!
//! A change from outside is noticed when the index is brought up to date, and logged while the transaction on the index
//! keeps everybody else from noticing it too. What the journal has and the log hasn't yet is no change from outside.

mod brought;
pub(super) mod line;
mod log;
mod noticed;
mod record;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tickety_core::ident::{IssueKey, Version};
use tickety_core::schema::Schema;

use super::commit::{About, Moves};
use super::contents;
use super::journal::{Journal, Past, last_name, look_back};
use super::layout::{HomePath, Layout};
use super::lock::{LockError, WriteLock};
use super::requests;
use super::store::RepoStore;
use super::workers;
use crate::error::StorageError;
use crate::events::{EventCursor, EventLog, EventPage, EventStats, GroupId, LoggedEvent, MAX_EVENTS, Position};
use crate::plan::{self, PlannedChange};
use crate::storage::{BatchOutcome, Request};

pub(super) use brought::{bring_log, has_log};
pub(super) use line::{Note, settles};
use log::{Appender, KEPT_DAYS, KEPT_EVENTS, NOTICED, Read, Reader};
pub(super) use noticed::Noticed;

/// How long to wait for somebody who appends to the log. It takes some microseconds; a process that is stopped in
/// between leaves its successors the rest.
const WAIT: Duration = Duration::from_secs(2);

/// The files that transactions left, by the versions they left them in.
pub(super) type Own = BTreeMap<HomePath, Vec<Option<Version>>>;

/// Collects what transactions left.
pub(super) fn own(past: &[Past]) -> Own {
    let mut own = Own::new();
    for (path, version) in past.iter().flat_map(|past| &past.leaves) {
        own.entry(path.clone()).or_default().push(*version);
    }
    own
}

/// Returns the events of planned changes, in the order of the issues.
fn note_of(changes: &BTreeMap<IssueKey, PlannedChange>, moves: &Moves, schema: &Schema, about: About<'_>) -> Note {
    let mut note = Note::new(about.now, about.actor.map(str::to_owned));
    let changed: Vec<(&IssueKey, &PlannedChange)> = changes.iter().collect();
    let lines = |(key, change): &(&IssueKey, &PlannedChange)| -> Vec<_> {
        plan::events::events_of(**key, change, moves, schema).iter().map(line::event_line).collect()
    };
    workers::each_in_order(&changed, lines, |lines| {
        note.extend(lines);
        Ok::<_, Infallible>(())
    })
    .unwrap_or_else(|never| match never {});
    let last = plan::events::event_of_all(changes, moves, about.source);
    note.extend(last.iter().map(line::event_line));
    note
}

impl RepoStore {
    /// Returns what a transaction tells: the events of its changes, and what they close and reopen.
    pub(super) fn note_of(&self, changes: &BTreeMap<IssueKey, PlannedChange>, moves: &Moves, about: About<'_>) -> Note {
        let mut note = note_of(changes, moves, &self.schema, about);
        note.ledger = self.told_of(changes, moves, about);
        note
    }

    /// Appends the events of the transaction that was just made visible, and those of earlier ones that died before.
    ///
    /// What fails here is made up for by the next write: the journal keeps the events until then.
    pub(super) fn log_write(
        &self,
        lock: &WriteLock,
        journal: &Journal<'_>,
        id: u64,
        note: &Note,
    ) -> Result<(), StorageError> {
        let name = journal.name_of(id);
        if let Some(request) = &note.request {
            request.write(&self.layout)?;
        }
        if let Some(told) = &note.ledger {
            // A ledger that can't be written keeps no event waiting.
            let _ = told.write(&self.layout, false);
        }
        let before = id.checked_sub(1).filter(|id| *id > 0).map(|id| journal.name_of(id));
        let mut log = Appender::open(&self.layout, WAIT)?;
        // A generation of the journal begins when the log has all of the one before.
        if before.is_none() || log.tail().transaction == before {
            return log.append_transaction(name, note);
        }
        drop(log);
        self.catch_up(lock, journal)
    }

    /// Brings the log up to the journal. The index comes first: it takes what a writer left behind for a change from
    /// outside once the log knows of it.
    pub(super) fn catch_up(&self, lock: &WriteLock, journal: &Journal<'_>) -> Result<(), StorageError> {
        // Nobody else adds a transaction while the lock is held.
        let past = journal.past_after(self.last_logged()?.as_deref())?;
        if past.is_empty() {
            return Ok(());
        }
        self.ask(Some(lock), |handle| {
            self.refresh(handle, crate::storage::FreshnessMode::Verify)?;
            Ok(())
        })?;
        append_all(&self.layout, &mut Appender::open(&self.layout, WAIT)?, &past)
    }

    /// Makes sure that the log has, durably, all that the journal is about to forget.
    pub(super) fn settle_events(&self, lock: &WriteLock, journal: &Journal<'_>) -> Result<(), StorageError> {
        self.catch_up(lock, journal)?;
        requests::settle(&self.layout)?;
        let _ = self.settle_ledger();
        // Without room for it, nothing can be put back later; the journal may not grow for that.
        let _ = contents::keep(&self.layout, journal);
        Appender::open(&self.layout, WAIT)?.sync()
    }

    /// Returns what became of a request that was sent before, if it is remembered.
    pub(super) fn recall_request(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        if let Some(outcome) = requests::recall(&self.layout, request)? {
            return Ok(Some(outcome));
        }
        // A writer may have died before it was written down.
        remember_all(&self.layout, &look_back(&self.layout, self.last_logged()?.as_deref())?)?;
        requests::recall(&self.layout, request)
    }

    /// Appends what a journal had that was recovered from. After a restart of the system, what was noticed from outside
    /// may be lost.
    pub(super) fn log_recovered(&self, past: &[Past], is_restart: bool) -> Result<(), StorageError> {
        if is_restart {
            // A restart may take the file of a request and leave its events.
            remember_all(&self.layout, past)?;
        }
        let mut log = Appender::open(&self.layout, WAIT)?;
        if is_restart {
            log.pass_over()?;
        }
        let known = log.tail().transaction.clone();
        let from = past.iter().position(|past| Some(&past.name) == known.as_ref()).map_or(0, |place| place + 1);
        append_all(&self.layout, &mut log, &past[from..])?;
        if is_restart { log.sync() } else { Ok(()) }
    }

    /// Appends what was noticed from outside, while nobody else can notice it. `generation` is that of the index once it
    /// knows.
    pub(super) fn log_noticed(&self, note: &Note, generation: u64) -> Result<(), StorageError> {
        let hash = blake3::hash(&[&note.to_bytes()[..], &generation.to_le_bytes()].concat());
        let group = format!("{NOTICED}{}", &hash.to_hex()[..16]);
        if let Some(told) = &note.ledger {
            let _ = told.write(&self.layout, true);
        }
        let mut log = Appender::open(&self.layout, WAIT)?;
        // A process died before the index knew.
        if log.tail().group == group { Ok(()) } else { log.append_noticed(&group, note) }
    }

    /// Returns what transactions left that the log doesn't tell of yet.
    pub(super) fn unlogged(&self) -> Result<Own, StorageError> {
        let last = self.last_logged()?;
        Ok(own(&look_back(&self.layout, last.as_deref())?))
    }

    /// Counts the entries of the log that can't be read.
    pub(super) fn damaged_events(&self) -> Result<u64, StorageError> {
        let mut damaged = 0;
        if let Some(log) = Reader::open(&self.layout)? {
            log.visit(0, |read| {
                damaged += u64::from(matches!(read, Read::Damaged));
                true
            })?;
        }
        Ok(damaged)
    }

    /// Keeps others from appending to the log until what is returned is dropped.
    pub(super) fn hold_events(&self) -> Result<impl Sized + use<>, StorageError> {
        Appender::open(&self.layout, WAIT)
    }

    /// Returns the files of the log whose beginning can't be read; the one that grows last.
    pub(super) fn unreadable_logs(&self) -> Result<Vec<PathBuf>, StorageError> {
        Ok(log::unreadable(&self.layout)?)
    }

    /// Puts a log aside whose beginning can't be read, and begins another.
    pub(super) fn begin_log_again(&self) -> Result<(), StorageError> {
        Appender::open(&self.layout, WAIT).map(drop)
    }

    /// Returns the last transaction that the log tells of.
    fn last_logged(&self) -> Result<Option<String>, StorageError> {
        Ok(Reader::open(&self.layout)?.map(|log| log.tail()).transpose()?.and_then(|tail| tail.transaction))
    }

    /// Sees that the log has all that has happened, as far as that can be written.
    fn bring_log_up(&self) -> Result<(), StorageError> {
        self.recover();
        self.ask(None, |handle| {
            let mode = self.freshness(&handle.index)?;
            self.refresh(handle, mode)?;
            Ok(())
        })?;
        self.bring_journal_to_log()
    }

    /// Appends to the log what a writer that died has left in the journal.
    pub(super) fn bring_journal_to_log(&self) -> Result<(), StorageError> {
        let Ok(Some(last)) = last_name(&self.layout) else { return Ok(()) };
        if self.last_logged()?.as_ref() == Some(&last) {
            return Ok(());
        }
        // A living writer appends itself.
        match WriteLock::try_acquire(&self.layout, &self.options.command) {
            Ok(Some(lock)) => {
                let journal = self.open_journal(&lock)?;
                self.catch_up(&lock, &journal)
            }
            Ok(None) | Err(LockError::ReadOnly { .. } | LockError::File(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Writes down what became of the requests of transactions, and what these closed.
fn remember_all(layout: &Layout, past: &[Past]) -> Result<(), StorageError> {
    for note in past.iter().filter_map(|past| Note::from_bytes(&past.note)) {
        if let Some(request) = &note.request {
            request.write(layout)?;
        }
        if let Some(told) = &note.ledger {
            let _ = told.write(layout, true);
        }
    }
    Ok(())
}

/// Tells of transactions.
fn append_all(layout: &Layout, log: &mut Appender, past: &[Past]) -> Result<(), StorageError> {
    remember_all(layout, past)?;
    for Past { name, note, .. } in past {
        // An older Tickety wrote no events.
        if let Some(note) = Note::from_bytes(note) {
            log.append_transaction(name.clone(), &note)?;
        }
    }
    Ok(())
}

#[async_trait]
impl EventLog for RepoStore {
    async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        self.bring_log_up()?;
        self.read_log(from, limit)
    }

    async fn event_stats(&self) -> Result<EventStats, StorageError> {
        self.bring_log_up()?;
        self.log_stats()
    }
}

/// The log as it is, for who has looked himself or has somebody look all the time.
#[derive(Debug)]
struct Told(Arc<RepoStore>);

#[async_trait]
impl EventLog for Told {
    async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        self.0.read_log(from, limit)
    }

    async fn event_stats(&self) -> Result<EventStats, StorageError> {
        self.0.log_stats()
    }
}

impl RepoStore {
    /// Returns the log of events as it answers without comparing the index with the files first: what nobody has noticed
    /// yet is missing. What is written is there when it is acknowledged.
    pub fn told(self: Arc<Self>) -> Arc<dyn EventLog> {
        Arc::new(Told(self))
    }

    pub(super) fn read_log(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
        let limit = limit.min(MAX_EVENTS);
        let Some(log) = Reader::open(&self.layout)? else { return empty_page(from) };
        let (epoch, first) = (log.epoch, log.first());
        let last = log.tail()?.sequence;
        let cursor = |sequence| EventCursor { epoch, sequence };
        let after = match from {
            Position::Oldest => first - 1,
            Position::Newest => last,
            Position::Last(count) => log.before_last(count)?,
            Position::After(after) if after.epoch == epoch && (first - 1..=last).contains(&after.sequence) => {
                after.sequence
            }
            // Nothing had happened when it was given out.
            Position::After(EventCursor { epoch: 0, sequence: 0 }) if first == 1 => 0,
            Position::After(after) => {
                return Err(StorageError::EventsGone { cursor: after, oldest: cursor(first - 1) });
            }
        };
        let mut page = EventPage { events: Vec::new(), next: cursor(after), more: false, damaged: 0 };
        log.visit(after, |read| {
            if page.events.len() >= limit {
                page.more = true;
                return false;
            }
            match read {
                Read::Damaged => page.damaged += 1,
                Read::Event(line) => {
                    page.next = cursor(line.sequence);
                    // A newer Tickety may tell of what this build doesn't know.
                    if let Some(event) = line.event.event() {
                        let (group, time, actor) = (GroupId::new(line.group), line.at, line.actor);
                        page.events.push(LoggedEvent { cursor: cursor(line.sequence), group, time, actor, event });
                    }
                }
            }
            true
        })?;
        Ok(page)
    }

    fn log_stats(&self) -> Result<EventStats, StorageError> {
        let mut stats = EventStats {
            events: 0,
            groups: 0,
            oldest: None,
            newest: None,
            end: EventCursor { epoch: 0, sequence: 0 },
            bytes: 0,
            damaged: 0,
            keeps_events: KEPT_EVENTS,
            keeps_days: KEPT_DAYS,
        };
        let Some(log) = Reader::open(&self.layout)? else { return Ok(stats) };
        (stats.end, stats.bytes) = (EventCursor { epoch: log.epoch, sequence: log.tail()?.sequence }, log.bytes());
        log.visit(0, |read| {
            match read {
                Read::Damaged => stats.damaged += 1,
                Read::Event(line) => {
                    stats.events += 1;
                    stats.groups += u64::from(line.is_last());
                    stats.oldest = Some(stats.oldest.map_or(line.at, |oldest| oldest.min(line.at)));
                    stats.newest = stats.newest.max(Some(line.at));
                }
            }
            true
        })?;
        Ok(stats)
    }
}

/// Returns the page of a log in which nothing was ever written.
fn empty_page(from: Position) -> Result<EventPage, StorageError> {
    let nothing = EventCursor { epoch: 0, sequence: 0 };
    match from {
        Position::After(cursor) if cursor != nothing => Err(StorageError::EventsGone { cursor, oldest: nothing }),
        _ => Ok(EventPage { events: Vec::new(), next: nothing, more: false, damaged: 0 }),
    }
}

#[cfg(test)]
mod tests;

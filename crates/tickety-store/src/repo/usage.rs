//! What the index was good for, over all processes that used it.
//!
//! A process counts in memory and adds that to a [log](self::log) beside the index when it is done with the store, and
//! now and then where it stays. So a command pays for a few calls of the system, whatever it asked; nobody waits for
//! anybody, and nothing is synced. What can't be written isn't counted: where the state directory is read-only, and
//! where a process was killed.

mod log;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::lock::WriteLock;
use super::store::RepoStore;
use super::{os, state};
use crate::error::StorageError;

/// How many answers a process that stays counts at the most before it adds them to the log.
const BATCH: u64 = 256;

/// What the index of a home was good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// How many questions were answered.
    pub answers: u64,
    /// How many of them had to wait until issues were read again or the index was made afresh.
    pub delayed: u64,
    /// How many files, and directories of them, were looked at to see if they have changed.
    pub verified: u64,
    /// How many issues were read again because one of their files had changed, or was too young to tell.
    pub read_again: u64,
    /// How often the index was made afresh.
    pub rebuilds: u64,
    /// Since when that is counted; absent where nothing was.
    pub since: Option<Timestamp>,
    /// How many bytes of the log make no sense: damaged, or written by a newer Tickety.
    pub unreadable_bytes: u64,
}

impl Usage {
    /// Returns how many answers the index gave as it was.
    pub fn hits(&self) -> u64 {
        self.answers.saturating_sub(self.delayed)
    }

    /// Returns the share of [`hits`](Self::hits) among the answers, from 0 to 1, if there are any.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.hits() as f64 / self.answers as f64)
    }

    /// Adds what was counted besides. The earlier beginning stays.
    fn add(&mut self, other: &Self) {
        let Self { answers, delayed, verified, read_again, rebuilds, since, unreadable_bytes } = *other;
        let counters = [
            (&mut self.answers, answers),
            (&mut self.delayed, delayed),
            (&mut self.verified, verified),
            (&mut self.read_again, read_again),
            (&mut self.rebuilds, rebuilds),
            (&mut self.unreadable_bytes, unreadable_bytes),
        ];
        for (sum, count) in counters {
            *sum = sum.saturating_add(count);
        }
        self.since = self.since.into_iter().chain(since).min();
    }
}

/// What this process has counted and not added to the log yet.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answers: AtomicU64,
    delayed: AtomicU64,
    verified: AtomicU64,
    read_again: AtomicU64,
    rebuilds: AtomicU64,
}

impl Tally {
    /// Counts files and directories that were looked at.
    pub(super) fn verify(&self, count: usize) {
        self.verified.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts issues that were read again.
    pub(super) fn read_again(&self, count: usize) {
        self.read_again.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts an index that was made afresh.
    pub(super) fn rebuild(&self) {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often something was done that an answer has to wait for.
    fn work(&self) -> u64 {
        self.read_again.load(Ordering::Relaxed) + self.rebuilds.load(Ordering::Relaxed)
    }

    fn take(&self) -> Usage {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Usage {
            answers: take(&self.answers),
            delayed: take(&self.delayed),
            verified: take(&self.verified),
            read_again: take(&self.read_again),
            rebuilds: take(&self.rebuilds),
            ..Usage::default()
        }
    }
}

impl RepoStore {
    /// Gives an answer and counts it.
    pub(super) fn counted<T>(&self, answer: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        let before = self.tally.work();
        let answered = answer()?;
        if self.tally.work() != before {
            self.tally.delayed.fetch_add(1, Ordering::Relaxed);
        }
        if self.tally.answers.fetch_add(1, Ordering::Relaxed) + 1 >= BATCH {
            self.record_usage();
        }
        Ok(answered)
    }

    /// Adds what this process has counted to what all have. Dropping the store does it too.
    pub fn record_usage(&self) {
        let counted = self.tally.take();
        if counted == Usage::default() {
            return;
        }
        // A link in place of the state directory leads to somebody else's; who uses an index in it has looked.
        if !self.uses_index_file() && state::checked_directory(&self.layout.state).is_err() {
            return;
        }
        let counted = Usage { since: Some(self.now()), ..counted };
        // Where nothing can be written, nothing is counted: no answer depends on it.
        let Ok(full) = log::append(&self.layout, &counted) else { return };
        if full && let Ok(Some(lock)) = WriteLock::try_acquire(&self.layout, &self.options.command) {
            // Else the log goes on growing until somebody else comes to it.
            let _ = log::sum_up(&self.layout, &lock);
        }
    }

    /// Returns what all processes have counted, this one included.
    pub fn usage(&self) -> Result<Usage, StorageError> {
        self.record_usage();
        state::checked_directory(&self.layout.state)?;
        Ok(log::read(&self.layout)?)
    }

    /// Begins to count anew. Returns what was counted until then.
    pub fn clear_usage(&self) -> Result<Usage, StorageError> {
        self.record_usage();
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        log::clear(&self.layout, &lock, self.now(), self.options.lock_wait)
    }

    /// Returns the time it is, to the second.
    pub(super) fn now(&self) -> Timestamp {
        let second = |nanoseconds: i64| Timestamp::from_second(nanoseconds.div_euclid(1_000_000_000));
        self.options.now.unwrap_or_else(|| second(os::now_ns()).unwrap_or_default())
    }
}

impl Drop for RepoStore {
    fn drop(&mut self) {
        self.record_usage();
    }
}

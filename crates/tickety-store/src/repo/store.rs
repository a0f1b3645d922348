//! The store itself: an open home with its index.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tickety_core::schema::Schema;

use super::config::Config;
use super::discovery;
use super::failure::Failure;
use super::files::HomeDir;
use super::index::{Fingerprint, Index, IndexError, Opened};
use super::journal::{JournalError, JournalStatus};
use super::layout::{CONFIG_FILE, HomeKind, Layout};
use super::ledger::Elsewhere;
use super::lock::{DEFAULT_WAIT, LockOptions, WriteLock};
use super::os::BootId;
use super::recovery;
use super::state;
use super::usage::Tally;
use crate::error::StorageError;
use crate::ids::IdSource;
use crate::storage::FreshnessMode;

/// The longest configuration that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// How many records are checked one by one before every answer where nobody says otherwise; with
/// more, directories are checked and the records in the answer.
pub const VERIFY_LIMIT: u64 = 20_000;

/// What a store does where the caller has a say.
#[derive(Debug)]
pub struct RepoOptions {
    /// What answers are checked against; by the config, or by size, where absent.
    pub freshness: Option<FreshnessMode>,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// What the process does, for those who wait for it, such as `tickety new`.
    pub command: String,
    /// Where new ids come from.
    pub ids: IdSource,
    /// The time it is, to tell since when [`Usage`](super::Usage) is counted; the clock's where absent.
    pub now: Option<Timestamp>,
}

impl Default for RepoOptions {
    fn default() -> Self {
        let command = "tickety".to_owned();
        Self { freshness: None, lock_wait: DEFAULT_WAIT, command, ids: IdSource::random(), now: None }
    }
}

/// The issues of one home.
///
/// Answers are ready when first polled. One store serves one thread at a time; the operating system's
/// locks order processes among each other.
#[derive(Debug)]
pub struct RepoStore {
    pub(super) layout: Layout,
    pub(super) home: HomeDir,
    pub(super) config: Config,
    pub(super) schema: Arc<Schema>,
    pub(super) options: RepoOptions,
    index: Mutex<Option<Handle>>,
    /// How many indexes were opened so far.
    opened: AtomicU64,
    /// What was counted of the use of the index.
    pub(super) tally: Tally,
    /// Whether anything was written with it.
    pub(super) has_written: AtomicBool,
    /// What could not be finished before the last answer.
    unfinished: Mutex<Option<String>>,
    /// What a sparse checkout leaves out, once it was asked for.
    pub(super) left_out: Mutex<super::sparse::Known>,
}

/// The index in use.
#[derive(Debug)]
pub(super) struct Handle {
    /// The index.
    pub(super) index: Index,
    /// Whether it lives in memory, because no file can be written or waited for.
    pub(super) in_memory: bool,
    /// Which of the indexes it is that the store has used, for stamps.
    pub(super) series: u64,
    /// What was closed on other branches at the last look.
    pub(super) elsewhere: Option<Arc<Elsewhere>>,
}

impl Handle {
    /// Asks a question of one state of the index, unless it brings the index up to date itself.
    fn hear<T>(&mut self, question: &mut impl FnMut(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        self.index.hold()?;
        let answer = question(self);
        self.index.release();
        answer
    }
}

impl RepoStore {
    /// Opens the home of a folder: the nearest one there or above.
    pub fn open(start: &Path, options: RepoOptions) -> Result<Self, StorageError> {
        Self::open_layout(discovery::discover(start)?, options)
    }

    /// Opens the home of a layout.
    pub fn open_layout(layout: Layout, options: RepoOptions) -> Result<Self, StorageError> {
        let home = HomeDir::open(&layout)?;
        let text = read_config(&home, &layout)?;
        let config = Config::parse(&text, &layout.config()).map_err(|error| merging(error, &text, &layout))?;
        Ok(Self::with_config(layout, home, config, options))
    }

    pub(super) fn with_config(layout: Layout, home: HomeDir, config: Config, options: RepoOptions) -> Self {
        let schema = Arc::new(config.schema.clone());
        let (index, opened, tally) = (Mutex::new(None), AtomicU64::new(0), Tally::default());
        let (has_written, unfinished) = (AtomicBool::new(false), Mutex::new(None));
        let left_out = Mutex::new(None);
        Self { layout, home, config, schema, options, index, opened, tally, has_written, unfinished, left_out }
    }

    /// Returns where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the settings of the home.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn lock_options(&self) -> LockOptions {
        LockOptions::new(self.options.command.as_str()).wait(self.options.lock_wait)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let boot: String = BootId::current().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Fingerprint::new(&self.schema, &boot)
    }

    /// Returns what answers are checked against.
    pub(super) fn freshness(&self, index: &Index) -> Result<FreshnessMode, IndexError> {
        match self.options.freshness.or(self.config.freshness) {
            Some(mode) => Ok(mode),
            // Files are counted by the shard, 1,000 issues each: counting rows would cost more
            // than it decides.
            None if index.has_more_shards_than(VERIFY_LIMIT / u64::from(super::layout::SHARD_SIZE))? => {
                Ok(FreshnessMode::Shards)
            }
            None => Ok(FreshnessMode::Verify),
        }
    }

    /// Tells whether answers come from the index whatever the files say.
    pub(super) fn trusts_index(&self) -> bool {
        self.options.freshness.or(self.config.freshness) == Some(FreshnessMode::Trust)
    }

    /// Asks the index. Opens it first, and makes it afresh where it has to be; a question that finds
    /// it replaced or damaged is asked once more.
    ///
    /// Making an index afresh takes the lock: who holds it already hands it in.
    pub(super) fn ask<T>(
        &self,
        lock: Option<&WriteLock>,
        question: impl FnMut(&mut Handle) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        self.ask_as(lock, question, Handle::hear)
    }

    /// Does the same for a question of a single statement.
    pub(super) fn ask_one<T>(
        &self,
        question: impl FnMut(&mut Handle) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        self.ask_as(None, question, |handle, question| question(handle))
    }

    fn ask_as<T, Q: FnMut(&mut Handle) -> Result<T, Failure>>(
        &self,
        lock: Option<&WriteLock>,
        mut question: Q,
        hear: fn(&mut Handle, &mut Q) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        let mut slot = self.slot();
        for _ in 0..2 {
            let handle = match slot.as_mut() {
                Some(handle) => handle,
                None => slot.insert(self.open_index(lock)?),
            };
            match hear(handle, &mut question) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Store(error)) => return Err(error),
                Err(Failure::Index(IndexError::Replaced { .. })) => *slot = None,
                Err(Failure::Index(error)) if error.is_cured_by_rebuild() => {
                    *slot = None;
                    *slot = Some(self.rebuild_index(lock)?);
                }
                // The file can't be brought up to date: answer without it.
                Err(Failure::Index(
                    IndexError::Busy { .. } | IndexError::ReadOnly { .. } | IndexError::NoSpace { .. },
                )) if !handle.in_memory => *slot = Some(self.index_in_memory()?),
                Err(Failure::Index(error)) => return Err(error.into()),
            }
        }
        let handle = match slot.as_mut() {
            Some(handle) => handle,
            None => slot.insert(self.open_index(lock)?),
        };
        hear(handle, &mut question).map_err(StorageError::from)
    }

    /// Returns what the store has done so far.
    #[cfg(feature = "effort")]
    pub fn effort(&self) -> super::Effort {
        self.home.meter.effort()
    }

    /// Returns when a write of this store was last durable.
    #[cfg(feature = "effort")]
    pub fn last_durable(&self) -> Option<super::Durable> {
        self.home.meter.durable()
    }

    pub(super) fn handle(&self, index: Index, in_memory: bool) -> Handle {
        #[cfg(feature = "effort")]
        let index = {
            let mut index = index;
            index.count_statements(self.home.meter.statements());
            index
        };
        Handle { index, in_memory, series: self.next_series(), elsewhere: None }
    }

    /// Begins another series of stamps.
    pub(super) fn next_series(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Handle>> {
        // A panic while it is held leaves a transaction that is rolled back by the next one.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the text of the configuration.
    pub(super) fn config_text(&self) -> Result<String, StorageError> {
        read_config(&self.home, &self.layout)
    }

    /// Makes the index afresh and uses that from now on.
    pub(super) fn replace_index(&self, lock: &WriteLock) -> Result<(), StorageError> {
        let mut slot = self.slot();
        *slot = None;
        *slot = Some(self.rebuild_index_locked(lock)?);
        Ok(())
    }

    /// Whether answers come from an index that has a file.
    pub(super) fn uses_index_file(&self) -> bool {
        self.slot().as_ref().is_some_and(|handle| !handle.in_memory)
    }

    pub(super) fn forget_index(&self) {
        *self.slot() = None;
    }

    fn open_index(&self, lock: Option<&WriteLock>) -> Result<Handle, StorageError> {
        // SQLite would wait for a pipe, and follow a link.
        if state::index_obstacles(&self.layout.index()).next().is_some() {
            return self.rebuild_index(lock);
        }
        match Index::open(&self.layout.index(), &self.fingerprint()) {
            Ok(Opened::Ready(index)) => Ok(self.handle(index, false)),
            Ok(Opened::Rebuild(_)) => self.rebuild_index(lock),
            // Whatever keeps the file from being used: the answer can be had without it.
            Err(_) => self.index_in_memory(),
        }
    }

    /// Finishes what a writer that was killed has acknowledged but not made visible. A living
    /// writer is left alone: it finishes itself.
    ///
    /// Reading doesn't depend on it: what is visible is answered from, and what isn't is noted for
    /// [`unfinished`](Self::unfinished).
    pub(super) fn recover(&self) {
        self.recover_from(JournalStatus::read(&self.layout));
    }

    /// Does the same, with what the journal was found to be. Tells whether a living writer is at work.
    pub(super) fn recover_from(&self, status: Result<JournalStatus, JournalError>) -> bool {
        let error = match status {
            Ok(JournalStatus { needs_recovery: false, .. }) => None,
            Ok(_) => match WriteLock::try_acquire(&self.layout, &self.options.command) {
                Ok(Some(lock)) => self.recover_locked(&lock).err(),
                Ok(None) => return true,
                Err(error) => Some(error.into()),
            },
            Err(error) => Some(error.into()),
        };
        self.note_unfinished(error);
        false
    }

    /// Notes what answers lack because of what kept a write from being finished.
    pub(super) fn note_unfinished(&self, error: Option<StorageError>) {
        let unfinished = error.and_then(|error| match recovery::find_behind(&self.layout, &self.home) {
            Ok(None) => None,
            Ok(Some(path)) => {
                let path = self.layout.home.join(path.as_str());
                Some(format!("{} is not as it was written last, and can't be completed: {error}", path.display()))
            }
            Err(_) => Some(format!("what was written last may be missing: {error}")),
        });
        *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = unfinished;
    }

    /// Says what is missing from answers because a writer that was killed has acknowledged it and it can't be
    /// finished: where nothing can be written, or the disk is full.
    pub fn unfinished(&self) -> Option<String> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads the text of the configuration of an open home.
pub(super) fn read_config(home: &HomeDir, layout: &Layout) -> Result<String, StorageError> {
    let path = layout.config();
    let name = CONFIG_FILE.parse().expect("the name of the configuration is a plain one");
    let bytes = match home.read(&name, MAX_CONFIG_BYTES)? {
        Some(content) => content.bytes,
        None => return Err(StorageError::NoConfig { path }),
    };
    String::from_utf8(bytes).map_err(|error| StorageError::Config {
        line: Some(line_of(error.as_bytes(), error.utf8_error().valid_up_to())),
        path,
        message: "is not UTF-8: convert it".to_owned(),
    })
}

/// Says of settings that can't be read that a merge has left both sides in them, where it has.
pub(super) fn merging(error: StorageError, text: &str, layout: &Layout) -> StorageError {
    let marker = text.lines().position(|line| line == MARKER || line.starts_with(&format!("{MARKER} ")));
    match (error, marker) {
        (StorageError::Config { path, .. }, Some(at)) => {
            let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let shared = (layout.kind == HomeKind::Branch).then(|| layout.root.clone());
            StorageError::ConfigConflict { path, line, shared }
        }
        (error, _) => error,
    }
}

/// What git writes before our side of a conflict.
const MARKER: &str = "<<<<<<<";

/// Returns the line of a byte, from 1.
fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let breaks = bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

//! The journal: what makes a write durable before its files are.
//!
//! A [`Transaction`] is appended and synced once, however many files it changes; then it is
//! acknowledged. [`Journal::apply`] makes it visible, file by file, with renames that are not
//! synced. The journal keeps every transaction until a [checkpoint](Journal::checkpoint) has made
//! the whole file system durable, so what a crash takes is [redone](super::recovery).
//!
//! A [`Journal`] is opened under the lock, for as long as the lock is held: other processes append
//! to the same file.

mod apply;
#[cfg(feature = "fuzzing")]
pub(super) mod forge;
mod format;
mod history;
mod log;
mod transaction;

use std::fs::{self, File};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tickety_core::ident::IssueNumber;
use uuid::Uuid;

use super::files::{FileError, HomeDir, is_read_only};
use super::layout::{HomePath, Layout};
use super::lock::WriteLock;
use super::os::{self, BootId};
use super::state;

pub use apply::{Applied, AppliedRecord, Kept, KeptReason};
pub(crate) use apply::{Current, Parents, write_record};
use format::{MARK_SIZE, Mark, START};
pub(crate) use history::{Acknowledged, Past, is_whole_copy, last_name, look_back, unapplied};
pub(crate) use log::{After, Extent, Found, Record};
use log::{Log, read_up_to};
pub(crate) use transaction::Appended;
pub use transaction::{Committed, NewRecord, Transaction};

/// When a checkpoint is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckpointPolicy {
    /// From this size of the journal on.
    pub bytes: u64,
    /// From this age of its first transaction on.
    pub age: Duration,
}

impl Default for CheckpointPolicy {
    /// 4 MiB or 10 minutes.
    fn default() -> Self {
        Self { bytes: 4 * 1024 * 1024, age: Duration::from_secs(600) }
    }
}

/// What a look at the journal tells without the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalStatus {
    /// Whether files may be behind what was acknowledged: a writer died, the machine was restarted,
    /// or a writer is at work this moment (it then holds the lock, and the files are as they were
    /// before its write).
    pub needs_recovery: bool,
    /// The size of the transactions since the last checkpoint, in bytes.
    pub bytes: u64,
    /// When the first of them was written, if there are any.
    pub since: Option<Timestamp>,
    /// What the sizes are counted from: two looks that are equal had no write between them.
    generation: Option<Uuid>,
}

impl JournalStatus {
    /// Looks at the journal of a checkout: two opens and two reads, none of them of the journal.
    pub fn read(layout: &Layout) -> Result<Self, JournalError> {
        let path = layout.journal_mark();
        let mark = match state::open(&path).map_err(JournalError::of_state)? {
            Some(file) => read_mark(&file).map_err(|source| JournalError::access("read", &path, source))?,
            None => None,
        };
        Ok(match mark {
            Some(mark) if mark.boot.is_same(BootId::current()) => Self {
                needs_recovery: mark.applied != mark.end,
                bytes: mark.end.saturating_sub(START),
                since: (mark.end > START).then(|| timestamp(mark.since_ns)),
                generation: Some(mark.generation),
            },
            Some(_) => Self { needs_recovery: true, bytes: 0, since: None, generation: None },
            None => {
                // An empty one was never written to, and anything else in its place could not be recovered from.
                let is_journal = |found: fs::Metadata| found.is_file() && found.len() > 0;
                let needs_recovery = layout.journal().symlink_metadata().is_ok_and(is_journal);
                Self { needs_recovery, bytes: 0, since: None, generation: None }
            }
        })
    }

    /// Whether a checkpoint is due.
    pub fn is_checkpoint_due(&self, policy: CheckpointPolicy, now: Timestamp) -> bool {
        self.bytes >= policy.bytes
            || self.since.is_some_and(|since| now.duration_since(since).unsigned_abs() >= policy.age)
    }
}

/// Checks the sums of all transactions of a checkout and returns how many there are; without the
/// lock.
pub fn verify(layout: &Layout) -> Result<usize, JournalError> {
    look_through(&layout.journal(), |_, found| Ok(found.len())).map(Option::unwrap_or_default)
}

/// Returns the highest number of an issue in a journal, if there is any; without the lock, and
/// whether or not its transactions were applied.
pub(crate) fn highest_number(path: &Path) -> Result<Option<IssueNumber>, JournalError> {
    let highest = look_through(path, |log, found| {
        let mut highest = None;
        for transaction in found {
            log.visit_records(transaction, |record| {
                highest = highest.max(record.path.record().map(|path| path.issue.number));
                Ok::<_, JournalError>(())
            })?;
        }
        Ok(highest)
    })?;
    Ok(highest.flatten())
}

/// Looks at all transactions without the lock; `None` if there is no journal.
///
/// A checkpoint and a write meanwhile look like damage, but bring another generation: the journal is
/// damaged only if it looks so twice in the same one.
fn look_through<T>(
    path: &Path,
    look: impl Fn(&Log, &[Found]) -> Result<T, JournalError>,
) -> Result<Option<T>, JournalError> {
    let mut generation = None;
    loop {
        let Some(log) = Log::open_existing(path)? else { return Ok(None) };
        match log.transactions(Extent::Unknown).and_then(|found| look(&log, &found)) {
            Err(JournalError::Damaged { .. }) if generation != Some(log.generation()) => {
                generation = Some(log.generation());
            }
            looked => return looked.map(Some),
        }
    }
}

/// Takes the room for further transactions from a journal that has one name left, so that nobody writes to it any more.
/// Returns when the last was written, in nanoseconds, if there is one.
pub(crate) fn trim(path: &Path) -> Result<Option<i64>, JournalError> {
    let Some(file) = state::open_to_write(path).map_err(JournalError::of_state)? else { return Ok(None) };
    let Some(mut log) = Log::open_existing(path)? else { return Ok(None) };
    let (found, damage) = log.walk(Extent::Unknown)?;
    let end = found.last().map_or(START, |last| last.end);
    if damage.is_none() && log.names() == 1 && end < log.length() {
        log.cut_in(&file, end);
    }
    Ok(found.last().map(|last| last.header.time_ns))
}

/// Moves a damaged journal out of the way and returns its new path. What it still holds is not
/// redone: [`salvage`](super::recovery::salvage) does that first.
pub(crate) fn set_aside(layout: &Layout, _lock: &WriteLock) -> Result<PathBuf, JournalError> {
    let path = layout.journal();
    let aside = (1..)
        .map(|number| path.with_extension(format!("damaged-{number}")))
        .find(|aside| !aside.exists())
        .expect("there are fewer damaged journals than numbers");
    let failed = |source| JournalError::access("move away", &path, source);
    fs::rename(&path, &aside).map_err(failed)?;
    os::sync_directory(&layout.state).map_err(failed)?;
    Ok(aside)
}

/// Whether transactions can be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Ready,
    /// Files may be behind: behind the mark if it is known, anywhere if not.
    Behind {
        mark_known: bool,
    },
    /// A sync failed: what is on the disk is unknown.
    Poisoned,
}

/// What came between a write and its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interruption {
    /// The writer died. What it had applied is known.
    Writer,
    /// The mark was lost, so what is applied is not known; but all that was written is there.
    Mark,
    /// The kernel was restarted. What it hadn't written back is lost.
    Kernel,
}

/// The journal of one checkout, under its lock.
#[derive(Debug)]
pub struct Journal<'lock> {
    log: Log,
    mark_file: File,
    mark_path: PathBuf,
    mark: Mark,
    kept: PathBuf,
    standing: Standing,
    lock: PhantomData<&'lock WriteLock>,
}

impl<'lock> Journal<'lock> {
    /// Opens the journal of a checkout, making it if need be.
    pub fn open(layout: &Layout, _lock: &'lock WriteLock) -> Result<Self, JournalError> {
        let log = Log::open_or_create(layout)?;
        let mark_path = layout.journal_mark();
        let mark_file = state::open_or_make(&mark_path).map_err(JournalError::of_state)?;
        let boot = BootId::current();
        let known = read_mark(&mark_file)
            .map_err(|source| JournalError::access("read", &mark_path, source))?
            .filter(|mark| mark.boot.is_same(boot) && mark.generation == log.generation());
        let standing = match &known {
            Some(mark) if mark.applied == mark.end => Standing::Ready,
            Some(_) => Standing::Behind { mark_known: true },
            None => Standing::Behind { mark_known: false },
        };
        let mark = known.unwrap_or_else(|| fresh_mark(&log, boot));
        let lock = PhantomData;
        Ok(Self { log, mark_file, mark_path, mark, kept: layout.kept(), standing, lock })
    }

    /// Whether files may be behind: then [`recover`](super::recovery::recover) comes first.
    pub fn needs_recovery(&self) -> bool {
        matches!(self.standing, Standing::Behind { .. })
    }

    /// Returns how many names its file had when it was opened.
    pub(crate) fn names(&self) -> u64 {
        self.log.names()
    }

    /// Returns the size of the transactions since the last checkpoint, in bytes.
    pub fn bytes(&self) -> u64 {
        self.mark.end - START
    }

    /// Whether a checkpoint is due.
    pub fn is_checkpoint_due(&self, policy: CheckpointPolicy, now: Timestamp) -> bool {
        let since = (self.bytes() > 0).then(|| timestamp(self.mark.since_ns));
        let generation = Some(self.mark.generation);
        JournalStatus { needs_recovery: false, bytes: self.bytes(), since, generation }.is_checkpoint_due(policy, now)
    }

    /// Makes all applied files durable and forgets their transactions.
    ///
    /// Takes as long as the file system needs for everything that any program wrote to it, so it
    /// belongs behind the answer to a user. A failed sync poisons the journal; the transactions
    /// then stay.
    pub fn checkpoint(&mut self, home: &HomeDir) -> Result<(), JournalError> {
        self.check_ready()?;
        if self.bytes() == 0 {
            return Ok(());
        }
        self.forget_all(home)
    }

    /// Syncs the files of all transactions, then starts a new generation.
    fn forget_all(&mut self, home: &HomeDir) -> Result<(), JournalError> {
        let synced = match os::sync_file_system(home.fd()) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.sync_each(home)?,
            synced => synced,
        };
        if let Err(source) = synced.and_then(|()| self.log.reset()) {
            self.standing = Standing::Poisoned;
            return Err(JournalError::Sync { path: self.log.path().to_owned(), source });
        }
        self.mark = fresh_mark(&self.log, self.mark.boot);
        self.write_mark()?;
        self.standing = Standing::Ready;
        Ok(())
    }

    /// Syncs file by file, where whole file systems can't be.
    fn sync_each(&self, home: &HomeDir) -> Result<io::Result<()>, JournalError> {
        let mut paths = std::collections::BTreeSet::new();
        for found in self.log.transactions(Extent::Unknown)? {
            self.log.visit_records(&found, |record| {
                paths.insert(record.path);
                Ok::<_, JournalError>(())
            })?;
        }
        Ok(paths.iter().try_for_each(|path| home.sync(path)))
    }

    fn check_ready(&self) -> Result<(), JournalError> {
        match self.standing {
            Standing::Ready => Ok(()),
            Standing::Behind { .. } => Err(JournalError::Unrecovered { path: self.log.path().to_owned() }),
            Standing::Poisoned => Err(JournalError::Poisoned { path: self.log.path().to_owned() }),
        }
    }

    fn write_mark(&self) -> Result<(), JournalError> {
        os::write_at(&self.mark_file, &self.mark.encode(), 0)
            .map_err(|source| JournalError::access("write", &self.mark_path, source))
    }

    /// Says that everything up to the end is applied.
    fn mark_applied(&mut self) -> Result<(), JournalError> {
        let behind = self.mark.applied;
        self.mark.applied = self.mark.end;
        if let Err(error) = self.write_mark() {
            self.mark.applied = behind;
            return Err(error);
        }
        self.standing = Standing::Ready;
        Ok(())
    }

    /// Returns the transactions that may not be applied, and why not.
    pub(crate) fn unsettled(&self) -> Result<(Vec<Found>, Interruption), JournalError> {
        match self.standing {
            Standing::Poisoned => Err(JournalError::Poisoned { path: self.log.path().to_owned() }),
            Standing::Ready => Ok((Vec::new(), Interruption::Writer)),
            Standing::Behind { mark_known: true } => {
                let extent = Extent::Known { from: self.mark.applied, to: self.mark.end };
                Ok((self.log.transactions(extent)?, Interruption::Writer))
            }
            Standing::Behind { mark_known: false } => {
                let found = self.log.transactions(Extent::Unknown)?;
                let interruption = self.interruption(&found);
                Ok((found, interruption))
            }
        }
    }

    /// Returns the transactions before the first damaged one.
    pub(crate) fn salvageable(&self) -> Result<(Vec<Found>, Interruption), JournalError> {
        let (found, _) = self.log.walk(Extent::Unknown)?;
        let interruption = self.interruption(&found);
        Ok((found, interruption))
    }

    /// Returns what came between transactions of which nothing is known but themselves.
    fn interruption(&self, found: &[Found]) -> Interruption {
        let same_boot = !found.is_empty() && found.iter().all(|found| found.header.boot.is_same(self.mark.boot));
        if same_boot { Interruption::Mark } else { Interruption::Kernel }
    }

    /// Notes that all transactions are settled, as [`unsettled`](Self::unsettled) found them.
    pub(crate) fn settle(
        &mut self,
        home: &HomeDir,
        found: &[Found],
        interruption: Interruption,
    ) -> Result<(), JournalError> {
        if interruption == Interruption::Writer || found.is_empty() {
            self.mark_applied()
        } else {
            self.forget_all(home)
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the directory where contents that gave way to an outside edit are kept.
    pub(crate) fn kept_directory(&self) -> &Path {
        &self.kept
    }
}

fn fresh_mark(log: &Log, boot: BootId) -> Mark {
    Mark { generation: log.generation(), boot, last_id: 0, end: START, applied: START, since_ns: 0 }
}

fn read_mark(file: &File) -> io::Result<Option<Mark>> {
    let mut bytes = [0; MARK_SIZE];
    read_up_to(file, &mut bytes, 0)?;
    Ok(Mark::decode(&bytes))
}

fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A transaction that was acknowledged is damaged.
    #[error("{} {}", path.display(), self.reason())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where the damage begins.
        position: u64,
    },
    /// The journal is of another version of the format.
    #[error("{} {}", path.display(), self.reason())]
    Format {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version this build knows.
        supported: u32,
    },
    /// A sync failed; nothing of the transaction counts.
    #[error("can't make {} durable: the write is not acknowledged, check the disk", path.display())]
    Sync {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A sync failed before: what is on the disk has to be read again.
    #[error("{} {}", path.display(), self.reason())]
    Poisoned {
        /// The journal.
        path: PathBuf,
    },
    /// Transactions wait for recovery.
    #[error("{} {}", path.display(), self.reason())]
    Unrecovered {
        /// The journal.
        path: PathBuf,
    },
    /// Writing isn't allowed.
    #[error("can't {action} {}: writing needs that path; reading doesn't", path.display())]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The path to allow.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no room for the files of a transaction; nothing of it counts.
    #[error("no room on the disk of {}: the write needs about {needed} bytes, {free} are free", path.display())]
    Full {
        /// The home.
        path: PathBuf,
        /// About how many bytes the files take.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A transaction names a file in a way that the journal can't keep.
    #[error("{path} {}", self.reason())]
    PathTooLong {
        /// The path.
        path: HomePath,
    },
    /// The transaction is durable but a file can't be written.
    #[error(
        "the write is recorded but {path} can't be written yet: it is completed by the next command once that is possible"
    )]
    Apply {
        /// The file.
        path: HomePath,
        /// Why.
        source: FileError,
    },
    /// A file of the home or of the state can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The operating system refused.
    #[error("can't {action} {}", path.display())]
    Access {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl JournalError {
    /// Says what is wrong with the path, without naming it.
    pub fn reason(&self) -> String {
        match self {
            Self::Damaged { position, .. } => format!("is damaged at byte {position}"),
            Self::Format { found, supported, .. } => format!(
                "has format {found}, this version of tickety writes {supported}: use the version that wrote it once, it leaves an empty journal"
            ),
            Self::Sync { .. } => "can't be made durable: the write is not acknowledged, check the disk".to_owned(),
            Self::Poisoned { .. } => "could not be made durable before: start again".to_owned(),
            Self::Unrecovered { .. } => "has transactions that are not applied: recovery comes first".to_owned(),
            Self::ReadOnly { action, source, .. } | Self::Access { action, source, .. } => {
                format!("can't {action} it: {source}")
            }
            Self::Full { needed, free, .. } => format!("the write needs about {needed} bytes, {free} are free"),
            Self::PathTooLong { .. } => "is too long a path for the journal".to_owned(),
            Self::Apply { source, .. } | Self::File(source) => source.reason(),
        }
    }

    /// Sorts an error about a file of the state.
    pub(crate) fn of_state(error: FileError) -> Self {
        match error {
            FileError::Access { action, path, source } => Self::access(action, &path, source),
            error => Self::File(error),
        }
    }

    pub(crate) fn access(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_read_only(&source) {
            Self::ReadOnly { action, path, source }
        } else {
            Self::Access { action, path, source }
        }
    }
}

#[cfg(test)]
mod tests;

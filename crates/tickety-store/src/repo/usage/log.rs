//! The log of what processes have counted: a file beside the index, of records that are appended and never changed.
//!
//! The system puts one append after the other, so nobody waits for anybody, and a process that is stopped or killed at
//! any point keeps no other from anything. A full log is replaced, under the write lock, by one that begins with its
//! sums. The one before stays until the next time: who had it open may append to it after it was summed up, and that
//! is counted too. A shared lock of the file tells that somebody is about to append: such a file isn't removed.
//!
//! A record says what it is and bears a check, so damage hides nothing but itself. Bytes that are no record are
//! passed over and counted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::Usage;
use crate::error::StorageError;
use crate::repo::files::{FileError, is_missing};
use crate::repo::layout::Layout;
use crate::repo::lock::{LockError, WriteLock, wait_for};
use crate::repo::{os, state};

/// The bytes of a record: 8 that say what it is, 6 numbers of 8, and 8 of their hash.
const RECORD: usize = 64;

/// After how many bytes a log is summed up: a thousand commands.
const FULL: u64 = 64 << 10;

/// For how many bytes from there on those who append try it; then again after as many bytes more. It takes the write
/// lock, which somebody may hold for long.
const TRIES: u64 = 16 * RECORD as u64;

/// How much of a log is read. None becomes that long unless the write lock was held for 260,000 commands.
const MOST: u64 = 16 << 20;

/// What records begin with: a name and the version of their form.
const MAGIC: [u8; 7] = *b"tkyuse\x01";

/// How often a log is opened again because it was replaced meanwhile.
const ROUNDS: usize = 4;

/// What a record tells.
enum Record {
    /// What one process has counted, or the sums of the logs before.
    Counts(Usage),
    /// The beginning of a log that took the place of another.
    Turn(Turn),
}

/// How a log follows another.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// How many logs there were before this one.
    generation: u64,
    /// How many bytes of the one before are in the sums.
    taken: u64,
    /// How many bytes of all before made no sense.
    unreadable: u64,
}

/// What a log holds.
#[derive(Debug, Default)]
struct Log {
    turn: Turn,
    sums: Usage,
}

/// Appends what was counted. Tells whether the log should be [summed up](sum_up) now.
pub(super) fn append(layout: &Layout, counted: &Usage) -> io::Result<bool> {
    let path = layout.usage();
    let record = Record::Counts(*counted).encode();
    for _ in 0..ROUNDS {
        let mut file = match open_to_append(&path, false) {
            // The first one. Looking for it first is cheaper than asking every time that it be made.
            Err(error) if is_missing(&error) => open_to_append(&path, true)?,
            opened => opened?,
        };
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            // It was replaced since, and is about to be removed.
            continue;
        }
        file.write_all(&record)?;
        let (names, length) = os::names_and_length(file.as_fd())?;
        // One without a name was removed before the lock was taken: nobody will read that. Some systems don't tell.
        if names > 0 || is_at(&file, &path) {
            return Ok(length >= FULL && length % FULL < TRIES);
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

fn open_to_append(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().append(true).create(create).custom_flags(os::NO_FOLLOW).open(path)
}

/// Returns the sums of what was appended.
pub(super) fn read(layout: &Layout) -> Result<Usage, FileError> {
    Ok(read_all(layout)?.0)
}

/// Replaces a full log by its sums; later, if somebody may be about to append to the one before.
pub(super) fn sum_up(layout: &Layout, lock: &WriteLock) -> Result<(), StorageError> {
    match fs::metadata(layout.usage()) {
        Ok(metadata) if metadata.len() >= FULL => turn(layout, lock, None, Duration::ZERO).map(drop),
        // Somebody else has done it.
        _ => Ok(()),
    }
}

/// Replaces a log by an empty one. Returns the sums of what was appended until then.
pub(super) fn clear(layout: &Layout, lock: &WriteLock, now: Timestamp, wait: Duration) -> Result<Usage, StorageError> {
    turn(layout, lock, Some(now), wait)
}

/// Replaces a log by one that begins with its sums, or with none. Returns the sums. Who holds the lock is the only one to
/// do that.
fn turn(layout: &Layout, _lock: &WriteLock, anew: Option<Timestamp>, wait: Duration) -> Result<Usage, StorageError> {
    let (path, before) = (layout.usage(), before(layout));
    let new = state::unfinished(&path);
    let failed = |source| FileError::Access { action: "write", path: path.clone(), source };
    // As long as it is held, nobody appends to the one before.
    let _before = lock_before(&path, &before, wait)?;
    let (sums, taken, generation) = read_all(layout)?;
    let (begin, unreadable) = match anew {
        Some(now) => (Usage { since: Some(now), ..Usage::default() }, 0),
        None => (sums, sums.unreadable_bytes),
    };
    let turn = Turn { generation: generation + 1, taken, unreadable };
    // Left behind by a process that was killed.
    state::clear(&new)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&new).map_err(failed)?;
    let records = [Record::Turn(turn).encode(), Record::Counts(begin).encode()];
    file.write_all(records.as_flattened()).map_err(failed)?;
    let _ = fs::remove_file(&before);
    // Where a file can't have a second name, what comes late is lost.
    let _ = fs::hard_link(&path, &before);
    fs::rename(&new, &path).map_err(failed)?;
    Ok(sums)
}

/// Locks the log before the one in use, so that it can be removed.
fn lock_before(path: &Path, before: &Path, wait: Duration) -> Result<Option<File>, LockError> {
    let Ok(Some(file)) = state::open(before) else { return Ok(None) };
    // A process was killed before the new one had taken its place: it is the one in use.
    if is_at(&file, path) {
        return Ok(None);
    }
    match wait_for(&file, wait, before) {
        Err(error @ LockError::Held { .. }) => Err(error),
        // Locks may be unknown here; then what comes very late is lost.
        _ => Ok(Some(file)),
    }
}

/// Returns the sums of a log and of what came to the one before after it was summed up, with the length and the
/// generation of the log.
fn read_all(layout: &Layout) -> Result<(Usage, u64, u64), FileError> {
    let mut round = 1;
    loop {
        let Some(Bytes { bytes, left }) = read_file(&layout.usage())? else { return Ok(Default::default()) };
        let Log { turn, mut sums } = Log::of(&bytes);
        sums.unreadable_bytes += turn.unreadable + left;
        // Whatever is wrong with the one before, it can hold only what came late.
        if let Ok(Some(before)) = read_file(&before(layout)) {
            let generation = Log::of(&before.bytes).turn.generation;
            if generation >= turn.generation && round < ROUNDS {
                round += 1;
                continue;
            }
            let taken = usize::try_from(turn.taken).unwrap_or(usize::MAX);
            if generation + 1 == turn.generation
                && let Some(late) = before.bytes.get(taken..)
            {
                let late = Log::of(late).sums;
                sums.add(&Usage { since: sums.since, ..late });
            }
        }
        return Ok((sums, bytes.len() as u64, turn.generation));
    }
}

/// The log before the one in use.
fn before(layout: &Layout) -> PathBuf {
    layout.usage().with_extension("old")
}

/// Whether a path leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

/// The beginning of a file, and how many bytes more it has.
struct Bytes {
    bytes: Vec<u8>,
    left: u64,
}

/// Reads a file, if there is one.
fn read_file(path: &Path) -> Result<Option<Bytes>, FileError> {
    let Some(file) = state::open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = <&File>::take(&file, MOST).read_to_end(&mut bytes).and_then(|_| file.metadata());
    let length = read.map_err(|source| FileError::Access { action: "read", path: path.to_owned(), source })?.len();
    Ok(Some(Bytes { left: length.saturating_sub(MOST), bytes }))
}

impl Log {
    /// Reads records.
    fn of(mut bytes: &[u8]) -> Self {
        let mut log = Self::default();
        while let Some(next) = bytes.first_chunk() {
            let length = match Record::decode(next) {
                Some(Record::Counts(counted)) => {
                    log.sums.add(&counted);
                    RECORD
                }
                Some(Record::Turn(turn)) => {
                    log.turn = turn;
                    RECORD
                }
                None => {
                    log.sums.unreadable_bytes += 1;
                    1
                }
            };
            bytes = &bytes[length..];
        }
        log.sums.unreadable_bytes += bytes.len() as u64;
        log
    }
}

impl Record {
    fn encode(&self) -> [u8; RECORD] {
        let (kind, numbers) = match *self {
            // Bytes that make no sense are counted by whoever reads them.
            Self::Counts(Usage { answers, delayed, verified, read_again, rebuilds, since, unreadable_bytes: _ }) => {
                let since = since.map_or(i64::MIN, Timestamp::as_second).cast_unsigned();
                (b'c', [answers, delayed, verified, read_again, rebuilds, since])
            }
            Self::Turn(Turn { generation, taken, unreadable }) => (b't', [generation, taken, unreadable, 0, 0, 0]),
        };
        let mut bytes = [0; RECORD];
        bytes[..7].copy_from_slice(&MAGIC);
        bytes[7] = kind;
        for (place, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let check = check(&bytes);
        bytes[RECORD - 8..].copy_from_slice(&check);
        bytes
    }

    fn decode(bytes: &[u8; RECORD]) -> Option<Self> {
        if !bytes.starts_with(&MAGIC) || !bytes.ends_with(&check(bytes)) {
            return None;
        }
        let mut numbers = bytes[8..].as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().unwrap_or_default();
        match bytes[7] {
            b'c' => Some(Self::Counts(Usage {
                answers: next(),
                delayed: next(),
                verified: next(),
                read_again: next(),
                rebuilds: next(),
                since: Timestamp::from_second(next().cast_signed()).ok(),
                unreadable_bytes: 0,
            })),
            b't' => Some(Self::Turn(Turn { generation: next(), taken: next(), unreadable: next() })),
            _ => None,
        }
    }
}

/// The beginning of the hash of a record without its end.
fn check(record: &[u8; RECORD]) -> [u8; 8] {
    let hash = blake3::hash(&record[..RECORD - 8]);
    *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests;

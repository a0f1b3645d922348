//! Appends a transaction: records as they come, in bounded memory, and one sync at the end.

use std::io;
use std::os::fd::AsFd as _;

use jiff::Timestamp;
use tickety_core::ident::Version;

use super::super::files::{FileError, HomeDir, hash};
use super::super::layout::HomePath;
use super::super::os;
use super::format::{HEADER_SIZE, Header, RecordHeader, hasher, page_after};
use super::log::CHUNK;
use super::{Found, Journal, JournalError, Mark, Standing};

/// How much of a transaction is held in memory.
const BUFFER: usize = 256 * 1024;

/// What a file of a few bytes takes on the disk.
const BLOCK: u64 = 4096;

/// A transaction that is being written. Dropping it aborts it: nothing of it counts.
#[derive(Debug)]
pub struct Transaction<'journal, 'lock> {
    journal: &'journal mut Journal<'lock>,
    home: &'journal HomeDir,
    /// The time that the writer goes by.
    time_ns: i64,
    /// When it began, by the clock that stamps files: what recovery compares with their times.
    began_ns: i64,
    hasher: blake3::Hasher,
    /// What isn't written yet; at the beginning with the room for the header.
    buffer: Vec<u8>,
    /// How much of the buffer went through the hasher; the header goes last.
    hashed: usize,
    written: u64,
    records: u32,
    /// About what the files take on the disk.
    needed: u64,
    /// How long the journal was before.
    length: u64,
    /// The directory that was checked last.
    checked: Option<String>,
}

/// What becomes of one file, ready to be appended to a [`Transaction`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRecord {
    path: HomePath,
    before: Option<Version>,
    after: Option<Version>,
    bytes: Vec<u8>,
}

impl NewRecord {
    /// Makes the record of a file that is written: `before` is the version it had when it was read, `None` if there was
    /// none.
    pub fn new(path: HomePath, before: Option<Version>, bytes: Vec<u8>) -> Self {
        Self { path, before, after: Some(hash(&bytes)), bytes }
    }

    /// Makes the record of a file that is removed. The bytes it had are kept as long as the journal is, and as a copy of it;
    /// without any, what the journal has of it before.
    pub fn removal(path: HomePath, before: Version, bytes: Vec<u8>) -> Self {
        Self { path, before: Some(before), after: None, bytes }
    }

    /// Returns the version that the file gets; `None` if it is removed.
    pub fn version(&self) -> Option<Version> {
        self.after
    }
}

/// A transaction that is durable. [`Journal::apply`] makes it visible.
#[derive(Debug)]
#[must_use = "an acknowledged transaction is visible only once it is applied"]
pub struct Committed {
    pub(super) found: Option<Found>,
}

impl Committed {
    /// Returns the number of the transaction in its generation; `None` if it changes nothing.
    pub fn id(&self) -> Option<u64> {
        self.found.map(|found| found.header.id)
    }
}

impl<'lock> Journal<'lock> {
    /// Begins a transaction. `time` is the time that its writer goes by, from which the age of the journal is counted.
    ///
    /// Fails with [`JournalError::Unrecovered`] if an earlier one isn't applied.
    pub fn begin<'journal>(
        &'journal mut self,
        home: &'journal HomeDir,
        time: Timestamp,
    ) -> Result<Transaction<'journal, 'lock>, JournalError> {
        self.check_ready()?;
        let hasher = hasher(self.log.generation());
        Ok(Transaction {
            time_ns: i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX),
            began_ns: os::now_ns(),
            hasher,
            buffer: vec![0; HEADER_SIZE],
            hashed: HEADER_SIZE,
            written: 0,
            records: 0,
            needed: 0,
            length: self.log.length(),
            checked: None,
            home,
            journal: self,
        })
    }
}

impl Transaction<'_, '_> {
    /// Writes a file: `before` is the version it had when it was read, `None` if there was none.
    /// Returns the version it gets.
    ///
    /// The directory is made and has to be writable, so that a write which can't become visible is
    /// refused before it is acknowledged.
    pub fn put(&mut self, path: &HomePath, before: Option<Version>, bytes: &[u8]) -> Result<Version, JournalError> {
        let after = hash(bytes);
        self.record(path, before, Some(after), bytes)?;
        Ok(after)
    }

    /// Removes a file: `before` is the version it had when it was read. Its bytes are kept, so that they can be put back.
    pub fn remove(&mut self, path: &HomePath, before: Version, bytes: &[u8]) -> Result<(), JournalError> {
        self.record(path, Some(before), None, bytes)
    }

    /// Writes or removes a file, as [`put`](Self::put) and [`remove`](Self::remove) do.
    pub fn append(&mut self, record: &NewRecord) -> Result<(), JournalError> {
        let NewRecord { path, before, after, bytes } = record;
        self.record(path, *before, *after, bytes)
    }

    fn record(
        &mut self,
        path: &HomePath,
        before: Option<Version>,
        after: Option<Version>,
        bytes: &[u8],
    ) -> Result<(), JournalError> {
        self.check_directory(path)?;
        let path_length =
            u16::try_from(path.as_str().len()).map_err(|_| JournalError::PathTooLong { path: path.clone() })?;
        let head = RecordHeader { path_length, length: bytes.len() as u64, before, after };
        self.buffer.extend_from_slice(&head.encode());
        self.buffer.extend_from_slice(path.as_str().as_bytes());
        self.push(bytes)?;
        self.records += 1;
        if after.is_some() {
            self.needed += (bytes.len() as u64).next_multiple_of(BLOCK);
        }
        Ok(())
    }

    /// Carries bytes along that are no record, behind all of them. They are durable with the transaction, and stay until
    /// the next checkpoint.
    pub fn note(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.push(bytes)
    }

    fn check_directory(&mut self, path: &HomePath) -> Result<(), JournalError> {
        let parent = path.split().0.unwrap_or_default();
        if self.checked.as_deref() != Some(parent) {
            let dir = self.home.make_parent(path)?;
            os::check_writable(dir.as_fd()).map_err(|source| {
                let path = self.home.path().join(parent);
                FileError::Access { action: "write to", path, source }
            })?;
            self.checked = Some(parent.to_owned());
        }
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Hashes what is in the buffer and wasn't yet.
    fn hash_buffer(&mut self) {
        self.hasher.update(&self.buffer[self.hashed..]);
        self.hashed = self.buffer.len();
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        self.hash_buffer();
        let position = self.journal.mark.end + self.written;
        if let Err(source) = self.journal.log.write(&self.buffer, position) {
            self.journal.log.cut(self.length);
            return Err(JournalError::access("write", self.journal.log.path(), source));
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.hashed = 0;
        Ok(())
    }

    /// Makes the transaction durable with one sync: when this returns, it is acknowledged.
    ///
    /// If it fails, nothing of the transaction counts. After a failed sync the journal is poisoned:
    /// nobody knows what reached the disk.
    pub fn commit(self) -> Result<Committed, JournalError> {
        let mut appended = self.journal.together();
        let journal = self.append_to(&mut appended)?;
        Ok(journal.sync(appended)?.pop().unwrap_or(Committed { found: None }))
    }

    /// Appends the transaction to others that are made durable together, by [`Journal::sync`].
    pub(crate) fn add_to(self, appended: &mut Appended) -> Result<(), JournalError> {
        self.append_to(appended).map(drop)
    }
}

/// Transactions that are written, but not durable yet.
#[derive(Debug)]
pub(crate) struct Appended {
    /// Where the journal ended before them.
    before: Mark,
    transactions: Vec<Committed>,
}

impl<'journal, 'lock> Transaction<'journal, 'lock> {
    fn append_to(mut self, appended: &mut Appended) -> Result<&'journal mut Journal<'lock>, JournalError> {
        if self.records == 0 {
            appended.transactions.push(Committed { found: None });
            return Ok(self.journal);
        }
        self.check_room()?;
        let start = self.journal.mark.end;
        let total = self.written + self.buffer.len() as u64;
        let end = page_after(start + total).expect("a disk is smaller than the numbers go");
        self.hash_buffer();
        let mark = self.journal.mark;
        let id = mark.last_id + 1;
        // Those that are made durable together are applied only after the last of them has begun: they have one time.
        let first = appended.transactions.iter().find_map(|transaction| transaction.found);
        let began_ns = first.map_or(self.began_ns, |first| first.header.time_ns);
        let header = Header::encode(
            self.journal.log.generation(),
            (id, began_ns, mark.boot),
            (self.records, total - HEADER_SIZE as u64),
            self.hasher.clone(),
        );
        if self.written == 0 {
            self.buffer[..HEADER_SIZE].copy_from_slice(&header);
            self.flush()?;
        } else {
            self.flush()?;
            let log = &mut self.journal.log;
            log.write(&header, start).map_err(|source| JournalError::access("write", log.path(), source))?;
        }
        if total < CHUNK {
            self.journal.log.extend(end);
        }
        self.journal.mark.last_id = id;
        self.journal.mark.end = end;
        if mark.end == super::START {
            self.journal.mark.since_ns = self.time_ns;
        }
        if let Err(error) = self.journal.write_mark() {
            self.journal.withdraw(mark, start);
            return Err(error);
        }
        let header = Header::decode(&header, self.journal.log.generation());
        let found = header.map(|header| Found { position: start, end, header });
        appended.transactions.push(Committed { found });
        Ok(self.journal)
    }
}

impl Journal<'_> {
    /// Begins to collect transactions that are made durable together.
    pub(crate) fn together(&self) -> Appended {
        Appended { before: self.mark, transactions: Vec::new() }
    }

    /// Makes transactions durable with one sync, all or none, and returns them in their order.
    pub(crate) fn sync(&mut self, appended: Appended) -> Result<Vec<Committed>, JournalError> {
        let Appended { before, transactions } = appended;
        if transactions.iter().all(|transaction| transaction.found.is_none()) {
            return Ok(transactions);
        }
        if let Err(source) = self.log.sync() {
            for found in transactions.iter().filter_map(|transaction| transaction.found.as_ref()) {
                self.withdraw(before, found.position);
            }
            self.standing = Standing::Poisoned;
            return Err(JournalError::Sync { path: self.log.path().to_owned(), source });
        }
        self.standing = Standing::Behind { mark_known: true };
        Ok(transactions)
    }

    /// Takes a transaction back that isn't acknowledged, so that no recovery redoes it while this
    /// kernel runs. Errors change nothing: the failure that led here is the one to report.
    fn withdraw(&mut self, mark: Mark, start: u64) {
        self.mark = mark;
        let _ = self.log.write(&[0; HEADER_SIZE], start);
        let _ = self.write_mark();
    }
}

impl Transaction<'_, '_> {
    /// Fails if the disk has no room for the files, as [`commit`](Self::commit) does.
    pub(crate) fn check_room(&mut self) -> Result<(), JournalError> {
        let path = self.home.path();
        let free = os::free_bytes(self.home.fd())
            .map_err(|source: io::Error| JournalError::access("look at", path, source))?;
        if free < self.needed {
            self.journal.log.cut(self.length);
            return Err(JournalError::Full { path: path.to_owned(), needed: self.needed, free });
        }
        Ok(())
    }
}

//! Reads the transactions of a journal file and says where they end.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tickety_core::ident::Version;
use uuid::Uuid;

use super::super::layout::{HomePath, Layout};
use super::super::{os, state};
use super::JournalError;
use super::format::{
    FORMAT, HEADER_SIZE, Header, PAGE, RECORD_SIZE, RecordHeader, SLOT_SIZE, SLOTS, START, Slot, SlotState, hasher,
    page_after,
};

/// What the file grows by and is made with: enough for about 250 small transactions.
///
/// It is filled with zeros rather than allocated: a sync that has to note which blocks were
/// written for the first time takes 96 instead of 85 µs here.
pub(crate) const CHUNK: u64 = if cfg!(test) { 64 } else { 1024 } * 1024;

/// How much is read at once to check a sum.
const BUFFER: usize = 64 * 1024;

/// An open journal file.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    slot: Slot,
    /// Whether the other slot is damaged. If the write of it was torn by a crash, the transactions
    /// of this one are still there; if they aren't, the other was the newer.
    suspect: bool,
    length: u64,
    /// How many names the file had when it was opened.
    names: u64,
}

/// What the first page says.
struct FirstPage {
    slot: Slot,
    suspect: bool,
    length: u64,
    names: u64,
}

/// Where a transaction lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) position: u64,
    pub(crate) end: u64,
    pub(crate) header: Header,
}

impl Found {
    /// Returns where the records begin and where they and the note end.
    fn records(&self) -> (u64, u64) {
        let start = self.position + HEADER_SIZE as u64;
        (start, start + self.header.length)
    }
}

/// Where a record's bytes lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Location {
    position: u64,
    length: u64,
}

/// One change of one file, as the journal has it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) path: HomePath,
    pub(crate) before: Option<Version>,
    pub(crate) after: Option<After>,
    /// The content that a removal takes away, where it is kept.
    pub(crate) removed: Option<After>,
}

/// The content that a record leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct After {
    pub(crate) version: Version,
    pub(crate) bytes: Location,
}

/// From where to look for transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// All there are from the start on; the last may be torn.
    Unknown,
    /// Those between two positions, all of which are known to be whole.
    Known {
        /// The position of the first.
        from: u64,
        /// The position after the last.
        to: u64,
    },
}

impl Log {
    /// Opens the journal of a checkout, making it if it is missing or was never written to.
    pub(crate) fn open_or_create(layout: &Layout) -> Result<Self, JournalError> {
        let path = &layout.journal();
        let file = state::open_or_make(path).map_err(JournalError::of_state)?;
        match Self::read(&file, path)? {
            Some(first) => Ok(Self::new(file, path, first)),
            None => Self::create(file, layout),
        }
    }

    /// Opens a journal to look at it; `None` if it is missing or was never written to.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, JournalError> {
        let Some(file) = state::open(path).map_err(JournalError::of_state)? else { return Ok(None) };
        Ok(Self::read(&file, path)?.map(|first| Self::new(file, path, first)))
    }

    fn new(file: File, path: &Path, FirstPage { slot, suspect, length, names }: FirstPage) -> Self {
        Self { file, path: path.to_owned(), slot, suspect, length, names }
    }

    /// Reads the first page. `None` for a file that was made but whose first sync didn't return,
    /// so that nothing in it was acknowledged.
    fn read(file: &File, path: &Path) -> Result<Option<FirstPage>, JournalError> {
        let failed = |source| JournalError::access("read", path, source);
        let (names, length) = os::names_and_length(file.as_fd()).map_err(failed)?;
        let mut pages = [0; 2 * PAGE as usize];
        let read = read_up_to(file, &mut pages, 0).map_err(failed)?;
        let mut found: Option<Slot> = None;
        let mut foreign = None;
        let mut suspect = false;
        for start in SLOTS {
            let start = start as usize;
            let bytes: &[u8; SLOT_SIZE] =
                pages[start..start + SLOT_SIZE].try_into().expect("both slots lie in the first page");
            match Slot::decode(bytes) {
                SlotState::Valid(slot) => {
                    if found.is_none_or(|found| found.sequence < slot.sequence) {
                        found = Some(slot);
                    }
                }
                SlotState::Version(version) => foreign = Some(version),
                SlotState::Invalid => suspect |= bytes.iter().any(|&byte| byte != 0),
            }
        }
        match (found, foreign) {
            (_, Some(found)) => Err(JournalError::Format { path: path.to_owned(), found, supported: FORMAT }),
            (Some(slot), None) => Ok(Some(FirstPage { slot, suspect, length, names })),
            (None, None) if pages[..read].iter().all(|&byte| byte == 0) => Ok(None),
            (None, None) => Err(JournalError::Damaged { path: path.to_owned(), position: 0 }),
        }
    }

    fn create(file: File, layout: &Layout) -> Result<Self, JournalError> {
        let path = &layout.journal();
        let slot = Slot { sequence: 1, generation: Uuid::now_v7() };
        let mut chunk = vec![0; CHUNK as usize];
        let place = slot_place(slot.sequence) as usize;
        chunk[place..place + SLOT_SIZE].copy_from_slice(&slot.encode());
        // The file itself becomes durable with the sync of its first transaction. Whether an earlier
        // process that made the directories came to sync them isn't known.
        let length = write_what_fits(&file, &chunk)
            .and_then(|length| layout.state_directories().try_for_each(os::sync_directory).map(|()| length))
            .map_err(|source| JournalError::access("make", path, source))?;
        Ok(Self::new(file, path, FirstPage { slot, suspect: false, length, names: 1 }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn generation(&self) -> Uuid {
        self.slot.generation
    }

    /// Returns how many names the file had when it was opened.
    pub(crate) fn names(&self) -> u64 {
        self.names
    }

    /// Writes at a position; the length follows.
    pub(crate) fn write(&mut self, bytes: &[u8], position: u64) -> io::Result<()> {
        os::write_at(&self.file, bytes, position)?;
        self.length = self.length.max(position + bytes.len() as u64);
        Ok(())
    }

    /// Returns how long the file is.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Gives the room behind a position back. Errors change nothing: the failure that led here is the one to report.
    pub(crate) fn cut(&mut self, length: u64) {
        if os::set_length(&self.file, length).is_ok() {
            self.length = length;
        }
    }

    /// Does the same through a file that may be written to.
    pub(crate) fn cut_in(&mut self, file: &File, length: u64) {
        if os::set_length(file, length).is_ok() {
            self.length = length;
        }
    }

    /// Fills the file with zeros beyond a position that was just written, so that the next
    /// transactions find written blocks. Large transactions pay for their own blocks.
    pub(crate) fn extend(&mut self, end: u64) {
        if end >= self.length && end.is_multiple_of(PAGE) {
            // Only a matter of speed: a disk without the room needs what is left for other things.
            if self.write(&vec![0; CHUNK as usize], end).is_err() {
                self.cut(end);
            }
        }
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        os::sync_data(&self.file)
    }

    /// Begins a new generation, durably: all transactions of the old one are forgotten.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        let slot = Slot { sequence: self.slot.sequence + 1, generation: Uuid::now_v7() };
        os::write_at(&self.file, &slot.encode(), slot_place(slot.sequence))?;
        os::sync_data(&self.file)?;
        self.slot = slot;
        self.suspect = false;
        // What a large batch needed; the rest keeps its written blocks.
        if self.length > 8 * CHUNK {
            os::set_length(&self.file, CHUNK)?;
            self.length = CHUNK;
        }
        Ok(())
    }

    /// Finds the transactions in an extent, in order, and checks their sums.
    ///
    /// Behind the last one there may be the beginning of one that was never acknowledged. One that
    /// is damaged and followed by others was: that is [`JournalError::Damaged`].
    pub(crate) fn transactions(&self, extent: Extent) -> Result<Vec<Found>, JournalError> {
        match self.walk(extent)? {
            (found, None) => Ok(found),
            (_, Some(position)) => Err(JournalError::Damaged { path: self.path.clone(), position }),
        }
    }

    /// Finds the transactions in an extent up to the first damaged one, and where that is.
    pub(crate) fn walk(&self, extent: Extent) -> Result<(Vec<Found>, Option<u64>), JournalError> {
        let (mut position, end) = match extent {
            Extent::Unknown => (START, None),
            Extent::Known { from, to } => (from, Some(to)),
        };
        let mut found: Vec<Found> = Vec::new();
        while end.is_none_or(|end| position < end) {
            let expected = match (found.last(), extent) {
                (Some(last), _) => Some(last.header.id.wrapping_add(1)),
                (None, Extent::Unknown) => Some(1),
                (None, Extent::Known { .. }) => None,
            };
            let next = self.transaction_at(position)?;
            match next.filter(|next| expected.is_none_or(|id| next.header.id == id)) {
                Some(next) => {
                    position = next.end;
                    found.push(next);
                }
                None if end.is_some() || self.is_followed(position, expected.unwrap_or(1))? => {
                    return Ok((found, Some(position)));
                }
                None => break,
            }
        }
        let lost = found.is_empty() && self.suspect && end.is_none();
        Ok((found, lost.then_some(0)))
    }

    /// Returns the transaction that starts at a position, if it is whole.
    fn transaction_at(&self, position: u64) -> Result<Option<Found>, JournalError> {
        let failed = |source| JournalError::access("read", &self.path, source);
        let mut bytes = [0; HEADER_SIZE];
        if read_up_to(&self.file, &mut bytes, position).map_err(failed)? < HEADER_SIZE {
            return Ok(None);
        }
        let Some(header) = Header::decode(&bytes, self.generation()) else { return Ok(None) };
        let start = position + HEADER_SIZE as u64;
        let end = match start.checked_add(header.length).and_then(|end| Some((end, page_after(end)?))) {
            Some((end, padded)) if end <= self.length => padded,
            _ => return Ok(None),
        };
        let mut hasher = hasher(self.generation());
        let mut buffer = vec![0; BUFFER.min(header.length as usize)];
        let mut done = 0;
        while done < header.length {
            let step = buffer.len().min((header.length - done) as usize);
            self.file.read_exact_at(&mut buffer[..step], start + done).map_err(failed)?;
            hasher.update(&buffer[..step]);
            done += step as u64;
        }
        Ok(header.is_intact(&bytes, hasher).then_some(Found { position, end, header }))
    }

    /// Whether a whole transaction with at least this id lies behind a position.
    fn is_followed(&self, position: u64, id: u64) -> Result<bool, JournalError> {
        let mut next = position + PAGE;
        while next + HEADER_SIZE as u64 <= self.length {
            if self.transaction_at(next)?.is_some_and(|found| found.header.id >= id) {
                return Ok(true);
            }
            next += PAGE;
        }
        Ok(false)
    }

    /// Calls `visit` for each record of a transaction, in order.
    pub(crate) fn visit_records<E: From<JournalError>>(
        &self,
        found: &Found,
        mut visit: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut position, end) = found.records();
        for _ in 0..found.header.records {
            let (record, next) = self.record_at(position, end)?;
            position = next;
            visit(record)?;
        }
        Ok(())
    }

    /// Returns what a transaction carries behind its records.
    pub(crate) fn note(&self, found: &Found) -> Result<Vec<u8>, JournalError> {
        let (mut position, end) = found.records();
        for _ in 0..found.header.records {
            (_, position) = self.record_at(position, end)?;
        }
        self.read_bytes(Location { position, length: end - position })
    }

    /// Returns the record at a position and where the next one is, in a transaction whose records end somewhere: what
    /// doesn't lie before that isn't one.
    fn record_at(&self, position: u64, end: u64) -> Result<(Record, u64), JournalError> {
        // A guess that has room for the path of every record; longer ones take a second read.
        let mut bytes = [0; RECORD_SIZE + 128];
        let read = read_up_to(&self.file, &mut bytes, position)
            .map_err(|source| JournalError::access("read", &self.path, source))?;
        let damaged = || JournalError::Damaged { path: self.path.clone(), position };
        let (head, rest) = bytes[..read].split_first_chunk::<RECORD_SIZE>().ok_or_else(damaged)?;
        let head = RecordHeader::decode(head);
        let path_start = position + RECORD_SIZE as u64;
        let path_length = usize::from(head.path_length);
        let text = match rest.get(..path_length) {
            Some(path) => path.to_vec(),
            None => self.read_bytes(Location { position: path_start, length: path_length as u64 })?,
        };
        let path = String::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
        let bytes = Location { position: path_start + u64::from(head.path_length), length: head.length };
        let next = bytes.position.checked_add(bytes.length).filter(|next| *next <= end).ok_or_else(damaged)?;
        let after = head.after.map(|version| After { version, bytes });
        let removed =
            head.before.filter(|_| after.is_none() && bytes.length > 0).map(|version| After { version, bytes });
        Ok((Record { path, before: head.before, after, removed }, next))
    }

    /// Reads the bytes between two positions.
    pub(crate) fn read_part(&self, from: u64, to: u64) -> Result<Vec<u8>, JournalError> {
        self.read_bytes(Location { position: from, length: to - from })
    }

    /// Reads the bytes of a record.
    pub(crate) fn read_bytes(&self, location: Location) -> Result<Vec<u8>, JournalError> {
        let mut bytes = vec![0; location.length as usize];
        self.file
            .read_exact_at(&mut bytes, location.position)
            .map_err(|source| JournalError::access("read", &self.path, source))?;
        Ok(bytes)
    }
}

/// Writes the first chunk of a journal; where there is no room for it, its first page, and where there is none for that,
/// nothing. Returns the length of the file.
fn write_what_fits(file: &File, chunk: &[u8]) -> io::Result<u64> {
    let Err(error) = os::write_at(file, chunk, 0) else { return Ok(CHUNK) };
    os::set_length(file, 0)?;
    if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
        match os::write_at(file, &chunk[..START as usize], 0) {
            Ok(()) => return Ok(START),
            Err(_) => os::set_length(file, 0)?,
        }
    }
    Err(error)
}

/// Returns where the slot with a sequence number is: not where the one before it is.
fn slot_place(sequence: u64) -> u64 {
    SLOTS[(sequence % 2) as usize]
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_up_to(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], position + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

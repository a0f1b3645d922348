//! The files of the log: one that grows, and full ones before it.
//!
//! Who appends holds the lock of the directory; readers hold none. A full file gets the name of its first event and the
//! number of its events, and a new one takes its place. Nothing is synced before a checkpoint of the journal, which has
//! the same events until then: what a crash takes is appended again. Where events may have been lost that no journal
//! has, numbers are passed over, so that no cursor that somebody was given ever means another event.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::CWD;
use uuid::Uuid;

use super::line::{self, FORMAT, Header, Line, Note};
use super::record::EventRecord;
use crate::error::StorageError;
use crate::repo::files::FileError;
use crate::repo::layout::Layout;
use crate::repo::{lock, os, state};

/// From which size on a file is full.
const FULL: u64 = if cfg!(test) { 4 << 10 } else { 1 << 20 };

/// How many events are kept; some more, as whole files are dropped.
pub(crate) const KEPT_EVENTS: u64 = if cfg!(test) { 100 } else { 50_000 };

/// For how many days events are kept, by when the file they are in was last appended to.
pub(crate) const KEPT_DAYS: u32 = 90;

/// What the names of groups begin with that no transaction has.
pub(crate) const NOTICED: &str = "seen-";

/// The numbers after a possible loss begin at the next multiple of this.
pub(crate) const STRIDE: u64 = 1_000_000;

/// The highest number. No log ever gets there: what has a higher one was not written by Tickety.
const HIGHEST: u64 = u64::MAX / 2;

/// How much of the end of a file is read to find its last line.
const END: u64 = 16 << 10;

/// A line as it lies in the log.
pub(crate) type LogLine = Line<EventRecord>;

/// What the end of the log says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tail {
    /// The number of the last event.
    pub(crate) sequence: u64,
    /// The group of that event; empty where the file has none.
    pub(crate) group: String,
    /// The last transaction whose events are in the log.
    pub(crate) transaction: Option<String>,
}

impl Tail {
    /// That of a file without events.
    fn before(header: &Header) -> Self {
        Self { sequence: header.first - 1, group: String::new(), transaction: header.transaction.clone() }
    }

    fn of(last: &LogLine) -> Self {
        Self { sequence: last.sequence, group: last.group.clone(), transaction: last.transaction() }
    }
}

/// The log, open to append to it. Nobody else appends meanwhile.
#[derive(Debug)]
pub(crate) struct Appender {
    directory: PathBuf,
    file: File,
    length: u64,
    header: Header,
    tail: Tail,
    /// Whether there was none before, so that nobody was given a number of it.
    is_new: bool,
    _lock: File,
}

fn access(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Access { action, path: path.to_owned(), source }
}

/// The file that grows.
fn current(directory: &Path) -> PathBuf {
    directory.join("log")
}

impl Appender {
    /// Opens the log, making it if there is none and repairing its end if a process died while it appended.
    pub(crate) fn open(layout: &Layout, wait: Duration) -> Result<Self, StorageError> {
        let directory = layout.events();
        let guard = match os::open_directory(&directory) {
            Ok(found) => found,
            Err(_) => {
                state::make_directory(&directory)?;
                os::open_directory(&directory).map_err(access("open", &directory))?
            }
        };
        let guard = File::from(guard);
        lock::wait_for(&guard, wait, &directory)?;
        let path = current(&directory);
        let (file, is_new) = match state::open_to_write(&path)? {
            Some(file) => (file, false),
            None => Self::begin(&directory)?,
        };
        Self::read(directory, file, is_new, guard)
    }

    fn read(directory: PathBuf, file: File, is_new: bool, guard: File) -> Result<Self, StorageError> {
        let path = current(&directory);
        let length = file.metadata().map_err(access("look at", &path))?.len();
        let Some(header) = read_header(&file) else {
            // Not a line of it can be placed: what it holds is left for people to look at.
            set_aside(&path)?;
            let (file, is_new) = Self::begin(&directory)?;
            return Self::read(directory, file, is_new, guard);
        };
        let tail = Tail::before(&header);
        let mut appender = Self { directory, file, length, header, tail, is_new, _lock: guard };
        match read_tail(&appender.file, length, &appender.tail).map_err(access("read", &path))? {
            Some(tail) => appender.tail = tail,
            None => appender.repair()?,
        }
        Ok(appender)
    }

    /// Makes the file that grows where there is none, and tells whether a log begins with it: a process may have died
    /// while it replaced the file.
    fn begin(directory: &Path) -> Result<(File, bool), StorageError> {
        let (path, new) = (current(directory), state::unfinished(&current(directory)));
        let is_new = state::open(&new)?.is_none_or(|file| read_header(&file).is_none());
        if is_new {
            let epoch = Uuid::now_v7().as_u64_pair().1;
            write_header(&new, &Header { events: FORMAT, epoch, first: 1, transaction: None })?;
        }
        fs::rename(&new, &path).map_err(access("make", &path))?;
        let opened = state::open_to_write(&path)?;
        let file = opened.ok_or_else(|| access("open", &path)(io::ErrorKind::NotFound.into()))?;
        Ok((file, is_new))
    }

    /// Cuts off what stands behind the last whole group, and passes numbers over.
    fn repair(&mut self) -> Result<(), StorageError> {
        let path = current(&self.directory);
        let mut end = 0;
        let mut position = 0;
        let mut tail = self.tail.clone();
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0)).map_err(access("read", &path))?;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes).map_err(access("read", &path))?;
            if read == 0 {
                break;
            }
            let is_header = position == 0;
            position += read as u64;
            let Some(text) = bytes.strip_suffix(b"\n") else { break };
            match LogLine::read(text) {
                Some(last) if last.is_last() => {
                    tail = Tail::of(&last);
                    end = position;
                }
                _ if is_header => end = position,
                _ => {}
            }
        }
        os::set_length(&self.file, end).map_err(access("write", &path))?;
        (self.length, self.tail) = (end, tail);
        self.pass_over()
    }

    pub(crate) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Appends the group of a transaction.
    pub(crate) fn append_transaction(&mut self, transaction: String, note: &Note) -> Result<(), StorageError> {
        self.append(&transaction, note, None)?;
        self.tail.transaction = Some(transaction);
        Ok(())
    }

    /// Appends a group that no transaction has.
    pub(crate) fn append_noticed(&mut self, group: &str, note: &Note) -> Result<(), StorageError> {
        let after = self.tail.transaction.clone();
        self.append(group, note, after.as_deref())
    }

    fn append(&mut self, group: &str, note: &Note, after: Option<&str>) -> Result<(), StorageError> {
        if note.is_empty() {
            return Ok(());
        }
        if self.length >= FULL {
            self.turn(self.tail.sequence + 1)?;
        }
        let mut text = String::new();
        note.push_lines(&mut text, group, self.tail.sequence + 1, after);
        if let Err(source) = os::write_at(&self.file, text.as_bytes(), self.length) {
            // Half a group would be cut off by the next who appends.
            let _ = os::set_length(&self.file, self.length);
            return Err(access("write", &current(&self.directory))(source).into());
        }
        self.length += text.len() as u64;
        self.tail.sequence += note.len();
        self.tail.group = group.to_owned();
        Ok(())
    }

    /// Passes numbers over, because events may have been lost that somebody was given.
    pub(crate) fn pass_over(&mut self) -> Result<(), StorageError> {
        if self.is_new {
            return Ok(());
        }
        self.turn((self.tail.sequence.max(self.header.first) / STRIDE + 1) * STRIDE)
    }

    /// Puts the file aside as a full one and begins another, and drops what is too old or too much.
    fn turn(&mut self, first: u64) -> Result<(), StorageError> {
        let (path, new) = (current(&self.directory), state::unfinished(&current(&self.directory)));
        let header = Header { first, transaction: self.tail.transaction.clone(), ..self.header.clone() };
        state::clear(&new)?;
        self.length = write_header(&new, &header)?;
        let count = self.count().map_err(access("read", &path))?;
        let full = Full { first: self.header.first, count, path: PathBuf::new() };
        fs::rename(&path, self.directory.join(full.name())).map_err(access("move", &path))?;
        fs::rename(&new, &path).map_err(access("make", &path))?;
        self.file =
            state::open_to_write(&path)?.ok_or_else(|| access("open", &path)(io::ErrorKind::NotFound.into()))?;
        self.tail.sequence = first - 1;
        self.header = header;
        self.drop_surplus();
        Ok(())
    }

    /// Counts the events of the file that grows.
    fn count(&self) -> io::Result<u64> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0))?;
        let lines = reader.split(b'\n').try_fold(0_u64, |count, line| line.map(|_| count + 1))?;
        Ok(lines.saturating_sub(1))
    }

    /// Drops full files: what can't be dropped now is tried again with the next.
    fn drop_surplus(&self) {
        let Ok(full) = full_files(&self.directory) else { return };
        let oldest_ns = os::now_ns().saturating_sub(i64::from(KEPT_DAYS) * 24 * 60 * 60 * 1_000_000_000);
        let is_old = |path: &Path| os::stat_at(CWD, path).is_ok_and(|found| found.key.mtime_ns < oldest_ns);
        let mut kept = 0;
        let mut drop_rest = false;
        for file in full.iter().rev() {
            drop_rest |= kept >= KEPT_EVENTS || is_old(&file.path);
            if drop_rest {
                let _ = fs::remove_file(&file.path);
            }
            // Files may have any name.
            kept = kept.saturating_add(file.count);
        }
    }

    /// Makes durable what was appended, and the names of the files.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let path = current(&self.directory);
        os::sync_data(&self.file).map_err(access("sync", &path))?;
        Ok(os::sync_directory(&self.directory).map_err(access("sync", &self.directory))?)
    }
}

impl LogLine {
    /// Reads a line without its line break; `None` if it isn't as it was written.
    fn read(text: &[u8]) -> Option<Self> {
        line::read(text).filter(|line: &Self| (1..=HIGHEST).contains(&line.sequence))
    }

    /// Returns the last transaction whose events are in the log up to this line.
    pub(crate) fn transaction(&self) -> Option<String> {
        if self.group.starts_with(NOTICED) { self.after.clone() } else { Some(self.group.clone()) }
    }
}

/// Returns what the last line says, or `start` where there is none; `None` if the file doesn't end with a whole group.
fn read_tail(file: &File, length: u64, start: &Tail) -> io::Result<Option<Tail>> {
    let mut wanted = END;
    loop {
        let from = length.saturating_sub(wanted);
        let mut bytes = vec![0; (length - from) as usize];
        file.read_exact_at(&mut bytes, from)?;
        let Some(text) = bytes.strip_suffix(b"\n") else { return Ok(None) };
        match text.iter().rposition(|byte| *byte == b'\n') {
            Some(place) => {
                let last = LogLine::read(&text[place + 1..]).filter(LogLine::is_last);
                return Ok(last.as_ref().map(Tail::of));
            }
            // Nothing but the header.
            None if from == 0 => return Ok(Some(start.clone())),
            None => wanted *= 8,
        }
    }
}

fn write_header(path: &Path, header: &Header) -> Result<u64, StorageError> {
    let mut text = String::new();
    line::push(&mut text, header);
    let file = state::open_or_make(path)?;
    os::set_length(&file, 0).map_err(access("write", path))?;
    os::write_at(&file, text.as_bytes(), 0).map_err(access("write", path))?;
    Ok(text.len() as u64)
}

/// Reads the first line.
fn read_header(file: &File) -> Option<Header> {
    let mut bytes = [0; 512];
    let read = file.read_at(&mut bytes, 0).ok()?;
    let end = bytes[..read].iter().position(|byte| *byte == b'\n')?;
    line::read(&bytes[..end]).filter(|header: &Header| header.events == FORMAT && (1..=HIGHEST).contains(&header.first))
}

fn set_aside(path: &Path) -> Result<(), StorageError> {
    let aside = (1..).map(|number| path.with_extension(format!("damaged-{number}"))).find(|aside| !aside.exists());
    let aside = aside.expect("there are fewer damaged files than numbers");
    Ok(fs::rename(path, aside).map_err(access("move", path))?)
}

/// Returns the files whose first line can't be read, so that none of their events is told; the one that grows last.
pub(crate) fn unreadable(layout: &Layout) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for path in full_files_of(layout).into_iter().chain([current(&layout.events())]) {
        if state::open(&path)?.is_some_and(|file| read_header(&file).is_none()) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A file that is full.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Full {
    /// The number of its first event.
    first: u64,
    /// How many events it has.
    count: u64,
    path: PathBuf,
}

impl Full {
    fn name(&self) -> String {
        format!("{:020}.{}.log", self.first, self.count)
    }
}

/// Returns the full files, oldest first.
fn full_files(directory: &Path) -> io::Result<Vec<Full>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.strip_suffix(".log")?.split_once('.'));
        let numbers = parts.and_then(|(first, count)| Some((first.parse().ok()?, count.parse().ok()?)));
        if let Some((first @ 1..=HIGHEST, count)) = numbers {
            found.push(Full { first, count, path: entry.path() });
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the paths of the full files, oldest first.
pub(crate) fn full_files_of(layout: &Layout) -> Vec<PathBuf> {
    full_files(&layout.events()).unwrap_or_default().into_iter().map(|full| full.path).collect()
}

/// A log, open to read it as it was at one moment.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The files, oldest first, with the number of their first event.
    files: Vec<(u64, File, PathBuf)>,
    pub(crate) epoch: u64,
}

/// What reading lines found.
pub(crate) enum Read {
    /// A line of an event.
    Event(Box<LogLine>),
    /// One that can't be read.
    Damaged,
}

impl Reader {
    /// Opens the log; `None` if there is none.
    pub(crate) fn open(layout: &Layout) -> Result<Option<Self>, StorageError> {
        let directory = layout.events();
        let path = current(&directory);
        let growing = match state::open(&path)? {
            Some(file) => match read_header(&file) {
                Some(header) => Some((header, file)),
                None => return Ok(None),
            },
            // None yet, or it is being replaced at this moment, or who did that died.
            None => None,
        };
        let full = match full_files(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            listed => listed.map_err(access("list", &directory))?,
        };
        let mut epoch = growing.as_ref().map(|(header, _)| header.epoch);
        let end = growing.as_ref().map_or(u64::MAX, |(header, _)| header.first);
        let mut files = Vec::with_capacity(full.len() + 1);
        for Full { first, path, .. } in full.into_iter().rev().filter(|full| full.first < end) {
            // Somebody may drop old files at this moment.
            let Some(file) = state::open(&path)? else { break };
            let header = read_header(&file).filter(|header| *epoch.get_or_insert(header.epoch) == header.epoch);
            // Events that can't be read any more are gone, and so is what came before them: nobody shall go on behind
            // them unsaid.
            if header.is_none() {
                break;
            }
            files.push((first, file, path));
        }
        files.reverse();
        files.extend(growing.map(|(header, file)| (header.first, file, path)));
        Ok(epoch.map(|epoch| Self { files, epoch }))
    }

    /// Returns the number of the oldest event that may be there.
    pub(crate) fn first(&self) -> u64 {
        self.files.first().map_or(1, |(first, ..)| *first)
    }

    /// Returns what the end of the log says.
    pub(crate) fn tail(&self) -> Result<Tail, StorageError> {
        let Some((_, file, path)) = self.files.last() else { return Ok(Tail::default()) };
        let header = read_header(file).ok_or_else(|| access("read", path)(io::ErrorKind::InvalidData.into()))?;
        let start = Tail::before(&header);
        let length = file.metadata().map_err(access("look at", path))?.len();
        if let Some(tail) = read_tail(file, length, &start).map_err(access("read", path))? {
            return Ok(tail);
        }
        // Somebody is appending, or died while he did.
        let mut tail = start;
        self.visit(header.first - 1, |read| {
            if let Read::Event(line) = read {
                tail = Tail::of(&line);
            }
            true
        })?;
        Ok(tail)
    }

    /// Returns how many bytes the files have.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|(_, file, _)| file.metadata().ok()).map(|found| found.len()).sum()
    }

    /// Returns the number before the last so many events.
    pub(crate) fn before_last(&self, count: usize) -> Result<u64, StorageError> {
        let mut last: VecDeque<u64> = VecDeque::new();
        for place in (0..self.files.len()).rev() {
            last.clear();
            // The files from this one on, which are few where few are wanted.
            self.visit(self.files[place].0 - 1, |read| {
                if let Read::Event(line) = read {
                    last.push_back(line.sequence);
                    if last.len() > count {
                        last.pop_front();
                    }
                }
                true
            })?;
            if last.len() >= count {
                break;
            }
        }
        Ok(match last.front() {
            Some(first) => first - 1,
            None => self.tail()?.sequence,
        })
    }

    /// Calls `visit` for the lines of the events after a number, in order, until it says that it has enough. Passes
    /// over a group at the end that somebody is writing.
    pub(crate) fn visit(&self, after: u64, mut visit: impl FnMut(Read) -> bool) -> Result<(), StorageError> {
        let begin = self.files.iter().rposition(|(first, ..)| *first <= after.saturating_add(1)).unwrap_or(0);
        let mut last = after;
        for (place, (_, file, path)) in self.files.iter().enumerate().skip(begin) {
            let is_growing = place + 1 == self.files.len();
            if !visit_lines(file, path, is_growing, (after, &mut last), &mut visit)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Visits the lines of one file after a number, of which those up to `last` were visited before. Returns whether more
/// is wanted.
fn visit_lines(
    file: &File,
    path: &Path,
    is_growing: bool,
    (after, last): (u64, &mut u64),
    visit: &mut impl FnMut(Read) -> bool,
) -> Result<bool, StorageError> {
    let mut reader = BufReader::with_capacity(64 << 10, file);
    reader.seek(SeekFrom::Start(0)).map_err(access("read", path))?;
    let mut bytes = Vec::new();
    let mut held: Vec<Read> = Vec::new();
    let mut is_header = true;
    loop {
        bytes.clear();
        let read = reader.by_ref().read_until(b'\n', &mut bytes).map_err(access("read", path))?;
        let Some(text) = bytes.strip_suffix(b"\n") else {
            if read > 0 && !is_growing {
                held.push(Read::Damaged);
            }
            break;
        };
        if std::mem::take(&mut is_header) {
            continue;
        }
        let (read, is_last) = match LogLine::read(text) {
            Some(line) if line.sequence <= after => {
                held.clear();
                continue;
            }
            // Nothing that is appended has a number again: somebody put files together.
            Some(line) if line.sequence <= *last => (Read::Damaged, line.is_last()),
            Some(line) => {
                *last = line.sequence;
                let is_last = line.is_last();
                (Read::Event(Box::new(line)), is_last)
            }
            None => (Read::Damaged, false),
        };
        held.push(read);
        if is_last {
            for read in held.drain(..) {
                if !visit(read) {
                    return Ok(false);
                }
            }
        }
    }
    // What is left of a full file has lost its end.
    if !is_growing {
        for read in held {
            if !visit(read) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

//! The files of the ledger: one for each branch, or checkout without one, on which an issue was closed.
//!
//! Lines are only ever appended, each with the hash of the rest, under the lock of the directory; readers hold none.
//! A line that can't be read is passed over: who made it died, or the system did before it was durable, and the journal
//! has it still. What is outdated is dropped when the journal is emptied, which waits for the disk anyway.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tickety_core::ident::{IssueKey, IssueName};
use uuid::Uuid;

use crate::error::StorageError;
use crate::repo::events::line;
use crate::repo::files::FileError;
use crate::repo::layout::Layout;
use crate::repo::{lock, os, state};

/// The version of the format that this build writes.
const FORMAT: u32 = 1;

/// How many closings of a branch are kept: the latest.
const KEPT: usize = if cfg!(test) { 8 } else { 10_000 };

/// Up to which size a file isn't looked through for what is outdated.
const SMALL: u64 = if cfg!(test) { 1 << 10 } else { 16 << 10 };

/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// The length of the name of a file.
const NAME: usize = 32;

/// How long to wait for somebody who appends.
const WAIT: Duration = Duration::from_secs(2);

/// Where an issue was closed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::repo) enum Place {
    /// A branch.
    Branch(String),
    /// A checkout without a branch, by the name that git has for it.
    Checkout(String),
}

impl Place {
    fn file_name(&self) -> String {
        let text = match self {
            Self::Branch(name) => format!("branch:{name}"),
            Self::Checkout(name) => format!("checkout:{name}"),
        };
        blake3::hash(text.as_bytes()).to_hex()[..NAME].to_owned()
    }

    pub(super) fn path(&self, layout: &Layout) -> PathBuf {
        layout.ledger().join(self.file_name())
    }
}

/// That an issue was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::repo) struct Closing {
    pub(super) id: Uuid,
    /// What it is called there.
    pub(super) issue: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// The checkout in which that was done: where the record is that isn't committed yet.
    pub(super) checkout: String,
    /// Where that is, if git's files don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) root: Option<String>,
}

impl Closing {
    pub(super) fn key(&self) -> Option<IssueKey> {
        let IssueName { number, suffix } = IssueName::parse(&self.issue, "").ok()?;
        Some(IssueKey { number, suffix: suffix? })
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    ledger: u32,
    place: Place,
}

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// An issue was closed.
    Closed(Closing),
    /// It counts as open again, though it may be closed there still.
    Reopened(Uuid),
    /// What the commit at the tip of the branch says of issues.
    Seen { tip: String, closed: Vec<Uuid>, open: Vec<Uuid> },
}

/// What the ledger knows of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) closing: Closing,
    /// Whether somebody reopened the issue since.
    pub(super) reopened: bool,
    /// The tip at which the branch was looked at, and whether the issue is closed there.
    pub(super) seen: Option<(String, bool)>,
}

/// A file of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Closed {
    pub(super) place: Place,
    /// By id.
    pub(super) entries: BTreeMap<Uuid, Entry>,
}

/// What reading a file found.
#[derive(Debug)]
pub(super) enum Read {
    Known(Closed),
    /// There is none.
    Missing,
    /// Its first line can't be read.
    Damaged,
    /// A newer Tickety made it.
    Newer(u32),
}

fn access(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Access { action, path: path.to_owned(), source }
}

/// The right to change the ledger.
#[derive(Debug)]
pub(super) struct Writing<'l> {
    layout: &'l Layout,
    _lock: File,
}

impl<'l> Writing<'l> {
    /// Waits for others who write.
    pub(super) fn begin(layout: &'l Layout) -> Result<Self, StorageError> {
        let directory = layout.ledger();
        state::make_directory(&directory)?;
        Self::lock(layout, WAIT)
    }

    /// Doesn't wait, and makes nothing: for who only notes what he has found out.
    pub(super) fn begin_at_once(layout: &'l Layout) -> Result<Self, StorageError> {
        Self::lock(layout, Duration::ZERO)
    }

    fn lock(layout: &'l Layout, wait: Duration) -> Result<Self, StorageError> {
        let directory = layout.ledger();
        let guard = File::from(os::open_directory(&directory).map_err(access("open", &directory))?);
        lock::wait_for(&guard, wait, &directory)?;
        Ok(Self { layout, _lock: guard })
    }

    /// Appends lines to the file of a place, making it if there is none. What can't be read is put aside first.
    pub(super) fn append(&self, place: &Place, lines: &[Line]) -> Result<(), StorageError> {
        let path = place.path(self.layout);
        match read_header(&path)? {
            // What it says is for those who know it.
            Some(Err(Some(_))) => return Ok(()),
            Some(Err(None)) => set_aside(&path)?,
            Some(Ok(_)) | None => {}
        }
        let file = state::open_or_make(&path)?;
        let length = file.metadata().map_err(access("look at", &path))?.len();
        let mut text = String::new();
        if length == 0 {
            line::push(&mut text, &Header { ledger: FORMAT, place: place.clone() });
        } else if !ends_with_line(&file, length).map_err(access("read", &path))? {
            text.push('\n');
        }
        lines.iter().for_each(|entry| line::push(&mut text, entry));
        Ok(os::write_at(&file, text.as_bytes(), length).map_err(access("write", &path))?)
    }

    /// Writes a file anew with what counts in it, if most of it doesn't.
    fn tidy(&self, path: &Path) -> Result<(), StorageError> {
        let bytes = read_bytes(path)?;
        let (Read::Known(Closed { place, entries }), _) = parse(&bytes) else { return Ok(()) };
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
        if lines <= 2 * entries.len() + 16 && entries.len() <= KEPT + KEPT / 4 {
            return Ok(());
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.closing.at, entry.closing.id)));
        entries.truncate(KEPT);
        let mut text = String::new();
        line::push(&mut text, &Header { ledger: FORMAT, place });
        let mut seen: BTreeMap<String, (Vec<Uuid>, Vec<Uuid>)> = BTreeMap::new();
        for Entry { closing, reopened, seen: known } in entries.into_iter().rev() {
            let id = closing.id;
            line::push(&mut text, &Line::Closed(closing));
            if reopened {
                line::push(&mut text, &Line::Reopened(id));
            }
            if let Some((tip, is_closed)) = known {
                let (closed, open) = seen.entry(tip).or_default();
                if is_closed { closed.push(id) } else { open.push(id) }
            }
        }
        for (tip, (closed, open)) in seen {
            line::push(&mut text, &Line::Seen { tip, closed, open });
        }
        let new = state::unfinished(path);
        let file = state::open_or_make(&new)?;
        let written = os::set_length(&file, 0).and_then(|()| os::write_at(&file, text.as_bytes(), 0));
        written.and_then(|()| os::sync_data(&file)).map_err(access("write", path))?;
        Ok(fs::rename(&new, path).map_err(access("write", path))?)
    }

    /// Removes the file of a place.
    pub(super) fn remove(&self, place: &Place) -> Result<(), StorageError> {
        Ok(state::clear(&place.path(self.layout))?)
    }
}

fn set_aside(path: &Path) -> Result<(), StorageError> {
    let aside = (1..).map(|number| path.with_extension(format!("damaged-{number}"))).find(|aside| !aside.exists());
    let aside = aside.expect("there are fewer damaged files than numbers");
    Ok(fs::rename(path, aside).map_err(access("move", path))?)
}

fn ends_with_line(file: &File, length: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let mut last = [0];
    file.read_exact_at(&mut last, length - 1)?;
    Ok(last == *b"\n")
}

/// Reads the first line of a file: `None` if there is no file or nothing in it, the version of a newer Tickety or nothing
/// known where it isn't one of ours.
fn read_header(path: &Path) -> Result<Option<Result<Place, Option<u32>>>, StorageError> {
    let Some(file) = state::open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    // A branch's name has at most a few hundred bytes.
    file.take(16 << 10).read_to_end(&mut bytes).map_err(access("read", path))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(header(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default())))
}

fn header(text: &[u8]) -> Result<Place, Option<u32>> {
    #[derive(Deserialize)]
    struct Version {
        ledger: u32,
    }
    match line::read::<Version>(text) {
        Some(Version { ledger: FORMAT }) => line::read::<Header>(text).map(|header| header.place).ok_or(None),
        Some(Version { ledger }) => Err(Some(ledger)),
        None => Err(None),
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Read, StorageError> {
    Ok(read_counting(path)?.0)
}

/// Reads a file, and tells how many of its lines can't be read.
pub(super) fn read_counting(path: &Path) -> Result<(Read, usize), StorageError> {
    Ok(parse(&read_bytes(path)?))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, StorageError> {
    let mut bytes = Vec::new();
    if let Some(file) = state::open(path)? {
        file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(access("read", path))?;
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> (Read, usize) {
    if bytes.is_empty() {
        return (Read::Missing, 0);
    }
    // What stands behind the last line break was never whole.
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end);
    let mut lines = bytes[..whole].split(|&byte| byte == b'\n');
    let place = match header(lines.next().unwrap_or_default()) {
        Ok(place) => place,
        Err(Some(version)) => return (Read::Newer(version), 0),
        Err(None) => return (Read::Damaged, 0),
    };
    let mut damaged = 0;
    let mut entries: BTreeMap<Uuid, Entry> = BTreeMap::new();
    for text in lines.filter(|text| !text.is_empty()) {
        match line::read::<Line>(text) {
            Some(Line::Closed(closing)) => {
                entries.insert(closing.id, Entry { closing, reopened: false, seen: None });
            }
            Some(Line::Reopened(id)) => {
                if let Some(entry) = entries.get_mut(&id) {
                    entry.reopened = true;
                }
            }
            Some(Line::Seen { tip, closed, open }) => {
                let verdicts = closed.iter().map(|id| (id, true)).chain(open.iter().map(|id| (id, false)));
                for (id, is_closed) in verdicts {
                    if let Some(entry) = entries.get_mut(id) {
                        entry.seen = Some((tip.clone(), is_closed));
                    }
                }
            }
            None => damaged += 1,
        }
    }
    (Read::Known(Closed { place, entries }), damaged)
}

/// Lists the files of the ledger.
pub(super) fn files(layout: &Layout) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(layout.ledger()) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_name(&path.file_name().unwrap_or_default().to_string_lossy()))
        .collect();
    found.sort();
    found
}

/// Whether a name is that of a file of the ledger.
fn is_name(name: &str) -> bool {
    name.len() == NAME && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Drops what is outdated, and makes all files durable.
pub(super) fn settle(layout: &Layout) -> Result<(), StorageError> {
    let large = |path: &&PathBuf| path.metadata().is_ok_and(|found| found.len() > SMALL);
    for path in files(layout).iter().filter(large) {
        // It is only larger than it had to be.
        let _ = Writing::begin(layout).and_then(|writing| writing.tidy(path));
    }
    sync(layout)
}

/// Makes all files durable.
pub(super) fn sync(layout: &Layout) -> Result<(), StorageError> {
    let files = files(layout);
    if files.is_empty() {
        return Ok(());
    }
    for path in files {
        if let Some(file) = state::open(&path)? {
            os::sync_data(&file).map_err(access("sync", &path))?;
        }
    }
    let directory = layout.ledger();
    Ok(os::sync_directory(&directory).map_err(access("sync", &directory))?)
}

#[cfg(test)]
mod tests;

//! Lists the records of a home and looks at each, without opening any.
//!
//! A shard costs one open, one look, two or three calls that list it and one look for each record.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tickety_core::ident::IssueNumber;

use super::files::{FileError, HomeDir, is_missing};
use super::layout::{HOME_DIR, ISSUES_DIR, RecordPath, Shard, TEMPORARY_PREFIX};
use super::os;
use super::stat::{FileKind, StatKey};

/// A record that was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it lies.
    pub path: RecordPath,
    /// Its state.
    pub stat: StatKey,
}

/// One directory of records as it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardScan {
    /// Which one.
    pub shard: Shard,
    /// The directory's own state, taken before it was listed: a change during the listing shows
    /// in the next look.
    pub stat: StatKey,
    /// Its records, in no particular order.
    pub entries: Vec<Entry>,
    /// What is in it and is no record.
    pub strays: Vec<Stray>,
}

/// All that was seen of a home.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// The time by the wall clock before the first look, in nanoseconds since 1970: what
    /// [`StatKey::is_racy`] asks for.
    pub taken_ns: i64,
    /// The directories, by number.
    pub shards: Vec<ShardScan>,
    /// What is beside them and is none.
    pub strays: Vec<Stray>,
}

impl Scan {
    /// Returns how many records there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.entries.len()).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Something among the records that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stray {
    /// Where, relative to the home.
    pub path: PathBuf,
    /// Why it is no record.
    pub reason: StrayReason,
}

/// Why a thing among the records is none, and what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StrayReason {
    /// Its name is none that a record in this directory has.
    #[error("not the name of a record in this directory: move it elsewhere")]
    Name,
    /// It is a record by its name, in a directory where none looks for it.
    #[error("a record in the wrong directory: move it to {HOME_DIR}/{ISSUES_DIR}/{}, or delete it if that has it", .0.shard())]
    Elsewhere(RecordPath),
    /// It has the name of a record but is no regular file.
    #[error("{} where a record is expected: {}", .0.name(), .0.advice())]
    Kind(FileKind),
    /// It has the name of a shard but is no directory.
    #[error("{} where a directory of records is expected: {}", .0.name(), .0.advice())]
    ShardKind(FileKind),
    /// It is a directory of records that may not be listed.
    #[error("a directory of records that you have no permission to list: give yourself read and search permission")]
    ShardLocked,
    /// It can't be looked at.
    #[error("can't be looked at: {0}")]
    Unreadable(io::ErrorKind),
}

/// The records of a home, directory by directory.
#[derive(Debug)]
pub struct Scanner<'home> {
    home: &'home HomeDir,
    shards: Vec<Shard>,
    strays: Vec<Stray>,
    taken_ns: i64,
}

impl<'home> Scanner<'home> {
    /// Lists the directories of records. A home without `issues` has none.
    pub fn open(home: &'home HomeDir) -> Result<Self, FileError> {
        let mut scanner = Self { home, shards: Vec::new(), strays: Vec::new(), taken_ns: os::now_ns() };
        let Some(issues) = home.open_directory(ISSUES_DIR)? else { return Ok(scanner) };
        let (shards, strays) = (&mut scanner.shards, &mut scanner.strays);
        let listed = os::visit_entries(issues.as_fd(), |name, kind| {
            let kind = kind.or_else(|| os::stat_at(issues.as_fd(), name).ok().map(|stat| stat.kind));
            let stray = |reason| Stray { path: Path::new(ISSUES_DIR).join(path_of(name.to_bytes())), reason };
            match (Shard::parse(name.to_bytes()), kind) {
                _ if is_temporary(name.to_bytes()) => {}
                (Some(_), Some(FileKind::Directory)) if os::is_denied(issues.as_fd(), name) => {
                    strays.push(stray(StrayReason::ShardLocked));
                }
                (Some(shard), Some(FileKind::Directory)) => shards.push(shard),
                (Some(_), Some(kind)) => strays.push(stray(StrayReason::ShardKind(kind))),
                // Vanished since it was listed.
                (Some(_), None) => {}
                (None, Some(FileKind::Regular)) => strays.push(stray(reason_of(name.to_bytes()))),
                (None, _) => strays.push(stray(StrayReason::Name)),
            }
        });
        listed.map_err(|source| scanner.error(Path::new(ISSUES_DIR), source))?;
        scanner.shards.sort_unstable();
        scanner.strays.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(scanner)
    }

    /// Returns the directories, by number.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Returns what is beside the directories and is none.
    pub fn strays(&self) -> &[Stray] {
        &self.strays
    }

    /// Lists one directory and looks at each of its records. `None` if there is no such directory; what
    /// stands in its place is a stray, and so is one that may not be listed.
    pub fn scan_shard(&self, shard: Shard) -> Result<Option<ShardScan>, FileError> {
        let path = shard_path(shard);
        let dir = match self.home.open_directory(&path) {
            Ok(Some(dir)) => dir,
            Ok(None) => return Ok(None),
            Err(FileError::NotADirectory { path: found, .. }) if found.ends_with(&path) => return Ok(None),
            Err(_) if is_locked(self.home, shard) => return Ok(None),
            Err(error) => return Err(error),
        };
        let scan = look_through(dir.as_fd(), shard).map_err(|source| self.error(Path::new(&path), source))?;
        self.home.meter.note_looks(scan.entries.len());
        Ok(Some(scan))
    }

    /// Scans all directories, on up to `threads` threads. A thread is worth its start from about
    /// 1,000 records on, so there is at most one for each directory.
    pub fn scan_all(mut self, threads: usize) -> Result<Scan, FileError> {
        let threads = threads.clamp(1, self.shards.len().max(1));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut scanned = Vec::new();
            while let Some(&shard) = self.shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                scanned.extend(self.scan_shard(shard)?);
            }
            Ok::<_, FileError>(scanned)
        };
        let mut shards = if threads == 1 {
            work()?
        } else {
            std::thread::scope(|scope| {
                let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
                let mut scanned = work()?;
                for other in others {
                    scanned.append(&mut other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
                }
                Ok::<_, FileError>(scanned)
            })?
        };
        shards.sort_unstable_by_key(|scan| scan.shard);
        Ok(Scan { taken_ns: self.taken_ns, shards, strays: std::mem::take(&mut self.strays) })
    }

    fn error(&self, path: &Path, source: io::Error) -> FileError {
        FileError::Access { action: "list", path: self.home.path().join(path), source }
    }
}

/// Looks at a shard's directory without listing it; `None` if there is none. An entry that came or
/// went changes the key, an edit in place doesn't.
pub fn stat_shard(home: &HomeDir, shard: Shard) -> Result<Option<StatKey>, FileError> {
    let path = shard_path(shard);
    match os::stat_at(home.fd(), path.as_str()) {
        Ok(stat) => Ok((stat.kind == FileKind::Directory).then_some(stat.key)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(source) => Err(FileError::Access { action: "look at", path: home.path().join(path), source }),
    }
}

/// Lists the names of the records of one directory, which costs a quarter of looking at each: all, or those of the
/// issues of one number. The directory's own state is from before. `None` where the names don't tell all: there is no
/// such directory, it may not be listed, something in it may be no regular file or is the record of another directory.
pub fn list_shard(
    home: &HomeDir,
    shard: Shard,
    only: Option<IssueNumber>,
) -> Result<Option<(StatKey, Vec<RecordPath>)>, FileError> {
    let path = shard_path(shard);
    let dir = match home.open_directory(&path) {
        Ok(Some(dir)) => dir,
        Ok(None) | Err(FileError::NotADirectory { .. }) => return Ok(None),
        Err(_) if is_locked(home, shard) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Most names are those of others: they are passed over without being read.
    let prefix = only.map(|number| format!("{:06}-", number.get())).unwrap_or_default();
    let mut records = Vec::new();
    let mut are_files = true;
    let listed = os::stat_open(dir.as_fd()).and_then(|stat| {
        os::visit_entries(dir.as_fd(), |name, kind| {
            let name = name.to_bytes();
            if name.starts_with(prefix.as_bytes())
                && let Some(path) = RecordPath::parse_name(name)
            {
                are_files &= kind == Some(FileKind::Regular) && path.shard() == shard;
                records.push(path);
            }
        })?;
        Ok(stat.key)
    });
    let stat = listed.map_err(|source| FileError::Access { action: "list", path: home.path().join(path), source })?;
    Ok(are_files.then_some((stat, records)))
}

/// Looks for the records of an issue's number in the directories of others, by the names alone.
pub fn find_elsewhere(home: &HomeDir, number: IssueNumber) -> Result<Vec<Stray>, FileError> {
    let scanner = Scanner::open(home)?;
    let prefix = format!("{:06}-", number.get());
    let mut found = Vec::new();
    for &shard in scanner.shards().iter().filter(|&&shard| shard != Shard::of(number)) {
        let path = shard_path(shard);
        let Some(dir) = home.open_directory(&path)? else { continue };
        let listed = os::visit_entries(dir.as_fd(), |name, kind| {
            let name = name.to_bytes();
            if name.starts_with(prefix.as_bytes())
                && kind.is_none_or(|kind| kind == FileKind::Regular)
                && let Some(record) = RecordPath::parse_name(name)
            {
                found
                    .push(Stray { path: Path::new(&path).join(path_of(name)), reason: StrayReason::Elsewhere(record) });
            }
        });
        listed.map_err(|source| scanner.error(Path::new(&path), source))?;
    }
    Ok(found)
}

/// The highest number of an issue, as far as it can be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Highest {
    /// The highest that was seen.
    pub number: Option<IssueNumber>,
    /// What keeps the last of the directories from being listed that may hold higher ones.
    pub hidden: Option<(Shard, Stray)>,
}

/// Returns the highest number of an issue by the names of the records, without looking at any.
pub fn highest_number(home: &HomeDir) -> Result<Highest, FileError> {
    let scanner = Scanner::open(home)?;
    let shard_of = |stray: &Stray| Shard::parse(stray.path.file_name()?.as_encoded_bytes());
    let hidden = scanner.strays().iter().filter_map(|stray| Some((shard_of(stray)?, stray.clone())));
    let hidden = hidden.max_by_key(|(shard, _)| *shard);
    let number = highest_listed(home, &scanner)?;
    let hidden = hidden.filter(|(shard, _)| number.is_none_or(|number| *shard > Shard::of(number)));
    Ok(Highest { number, hidden })
}

fn highest_listed(home: &HomeDir, scanner: &Scanner<'_>) -> Result<Option<IssueNumber>, FileError> {
    for &shard in scanner.shards().iter().rev() {
        let path = shard_path(shard);
        let mut highest = None;
        let Some(dir) = home.open_directory(&path)? else { continue };
        let listed = os::visit_entries(dir.as_fd(), |name, _| {
            let record = RecordPath::parse_file_name(shard, name.to_bytes());
            highest = highest.max(record.map(|record| record.issue.number));
        });
        listed.map_err(|source| scanner.error(Path::new(&path), source))?;
        if highest.is_some() {
            return Ok(highest);
        }
    }
    Ok(None)
}

/// Whether a directory of records is there and may not be listed or searched.
pub(super) fn is_locked(home: &HomeDir, shard: Shard) -> bool {
    os::is_denied(home.fd(), shard_path(shard).as_str())
}

fn shard_path(shard: Shard) -> String {
    format!("{ISSUES_DIR}/{shard}")
}

fn look_through(dir: BorrowedFd<'_>, shard: Shard) -> io::Result<ShardScan> {
    let mut scan = ShardScan { shard, stat: os::stat_open(dir)?.key, entries: Vec::new(), strays: Vec::new() };
    os::visit_entries(dir, |name, kind| {
        let bytes = name.to_bytes();
        let found = match (RecordPath::parse_file_name(shard, bytes), kind) {
            (None, _) if is_temporary(bytes) => return,
            (None, kind) => match (reason_of(bytes), kind) {
                (StrayReason::Name, _) => Err(StrayReason::Name),
                (reason, Some(FileKind::Regular)) => Err(reason),
                (_, Some(_)) => Err(StrayReason::Name),
                (reason, None) => match os::stat_at(dir, name) {
                    Ok(stat) if stat.kind == FileKind::Regular => Err(reason),
                    _ => Err(StrayReason::Name),
                },
            },
            (Some(_), Some(kind)) if kind != FileKind::Regular => Err(StrayReason::Kind(kind)),
            (Some(path), _) => match os::stat_at(dir, name) {
                Ok(stat) if stat.kind == FileKind::Regular => Ok(Entry { path, stat: stat.key }),
                Ok(stat) => Err(StrayReason::Kind(stat.kind)),
                // Vanished since it was listed.
                Err(error) if is_missing(&error) => return,
                Err(error) => Err(StrayReason::Unreadable(error.kind())),
            },
        };
        match found {
            Ok(entry) => scan.entries.push(entry),
            Err(reason) => {
                let path = Path::new(ISSUES_DIR).join(shard.to_string()).join(path_of(bytes));
                scan.strays.push(Stray { path, reason });
            }
        }
    })?;
    scan.strays.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(scan)
}

/// Why a regular file is none of the records of a directory, by a name that none of those has.
fn reason_of(name: &[u8]) -> StrayReason {
    RecordPath::parse_name(name).map_or(StrayReason::Name, StrayReason::Elsewhere)
}

fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(TEMPORARY_PREFIX.as_bytes())
}

fn path_of(name: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::repo::layout::Layout;

    fn home() -> (TempDir, HomeDir) {
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::new(temp.path().to_owned(), None);
        fs::create_dir_all(&layout.home).unwrap();
        (temp, HomeDir::open(&layout).unwrap())
    }

    fn write(home: &HomeDir, path: &str) {
        let path = home.path().join("issues").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }

    fn names(scan: &Scan) -> Vec<String> {
        let mut names: Vec<_> =
            scan.shards.iter().flat_map(|shard| &shard.entries).map(|entry| entry.path.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_home_without_records_is_empty() {
        let (_temp, home) = home();
        let scan = Scanner::open(&home).unwrap().scan_all(2).unwrap();
        assert!(scan.is_empty() && scan.shards.is_empty() && scan.strays.is_empty());
    }

    #[test]
    fn threads_see_the_same() {
        let (_temp, home) = home();
        for number in 1..=40_u32 {
            let number = number * 150;
            write(&home, &format!("{:03}/{number:06}-k3f9.md", number / 1000));
            write(&home, &format!("{:03}/{number:06}-k3f9_20261121T024857Z-7q2x.md", number / 1000));
        }
        let scan = |threads| {
            let scan = Scanner::open(&home).unwrap().scan_all(threads).unwrap();
            (names(&scan), scan.shards.iter().map(|shard| (shard.shard, shard.stat)).collect::<Vec<_>>())
        };
        let one = scan(1);
        assert_eq!(one.0.len(), 80);
        assert_eq!(one.1.len(), 7);
        assert_eq!(scan(2), one);
        assert_eq!(scan(100), one);
    }

    #[test]
    fn the_state_is_that_of_the_file() {
        let (_temp, home) = home();
        write(&home, "000/000042-k3f9.md");
        let scan = Scanner::open(&home).unwrap().scan_shard(Shard::new(0)).unwrap().unwrap();
        let [entry] = scan.entries[..] else { panic!("{scan:?}") };
        assert_eq!(Some(entry.stat), home.stat(&entry.path.home_path()).unwrap().map(|stat| stat.key));
        assert_eq!(Some(scan.stat), stat_shard(&home, Shard::new(0)).unwrap());
        assert_eq!(stat_shard(&home, Shard::new(1)).unwrap(), None);
        assert_eq!(Scanner::open(&home).unwrap().scan_shard(Shard::new(1)).unwrap(), None);
    }

    #[test]
    fn strays_are_reported_and_temporary_files_are_not() {
        let (_temp, home) = home();
        write(&home, "000/000042-k3f9.md");
        write(&home, "000/.tmp-000042-k3f9.md");
        write(&home, ".tmp-000");
        write(&home, "000/000042-k3f9.md.orig");
        write(&home, "000/001042-k3f9.md");
        write(&home, "notes.txt");
        write(&home, "001");
        let shard = home.path().join("issues/000");
        fs::create_dir(shard.join("000043-k3f9.md")).unwrap();
        symlink("000042-k3f9.md", shard.join("000044-k3f9.md")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, shard.join("000045-k3f9.md"), rustix::fs::Mode::RWXU).unwrap();
        symlink("000", home.path().join("issues/002")).unwrap();
        let scan = Scanner::open(&home).unwrap().scan_all(1).unwrap();
        assert_eq!(names(&scan), ["000/000042-k3f9.md"]);
        let strays: Vec<_> = scan
            .strays
            .iter()
            .chain(&scan.shards[0].strays)
            .map(|stray| (stray.path.to_str().unwrap(), stray.reason))
            .collect();
        assert_eq!(
            strays,
            [
                ("issues/001", StrayReason::ShardKind(FileKind::Regular)),
                ("issues/002", StrayReason::ShardKind(FileKind::Symlink)),
                ("issues/notes.txt", StrayReason::Name),
                ("issues/000/000042-k3f9.md.orig", StrayReason::Name),
                ("issues/000/000043-k3f9.md", StrayReason::Kind(FileKind::Directory)),
                ("issues/000/000044-k3f9.md", StrayReason::Kind(FileKind::Symlink)),
                ("issues/000/000045-k3f9.md", StrayReason::Kind(FileKind::Fifo)),
                ("issues/000/001042-k3f9.md", StrayReason::Elsewhere("001/001042-k3f9.md".parse().unwrap())),
            ]
        );
    }

    #[test]
    fn a_linked_issues_directory_is_an_error() {
        let (temp, home) = home();
        fs::create_dir_all(temp.path().join("outside/000")).unwrap();
        symlink(temp.path().join("outside"), home.path().join("issues")).unwrap();
        let error = Scanner::open(&home).unwrap_err();
        assert!(error.path().ends_with(".tickety/issues"), "{error}");
    }
}

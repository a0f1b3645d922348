//! The stored answers on the disk, from one process to the next.
//!
//! The folder holds a snapshot, `answers`, and `epoch`: a number that each invalidation makes greater, and whose lock is
//! held by whoever changes something. A process writes a snapshot only if nobody else has written one or has invalidated
//! anything since it read: so no snapshot holds what somebody had invalidated before it was written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::codec::Answers;
use crate::error::DiskError;
use crate::rules::Rules;
use crate::store::Store;

/// A folder with stored answers.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    /// How large a snapshot may be, in bytes.
    largest: u64,
    known: Mutex<Known>,
    refused: Option<DiskError>,
}

/// What this process knows of the folder.
#[derive(Debug, Default)]
struct Known {
    /// The snapshot that it read or wrote last.
    snapshot: Option<Identity>,
    epoch: u64,
    /// Whether others have invalidated what this process may have.
    outdated: bool,
}

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    length: u64,
    written: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        Some(Self {
            length: found.len(),
            written: found.modified().ok(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&found),
        })
    }
}

impl Disk {
    pub(crate) fn open(folder: PathBuf, largest: u64) -> Self {
        Self { folder, largest, known: Mutex::default(), refused: None }
    }

    pub(crate) fn refused(&self) -> Option<&DiskError> {
        self.refused.as_ref()
    }

    fn snapshot(&self) -> PathBuf {
        self.folder.join("answers")
    }

    /// Fills a store with what is there. What can't be used is noted and left out.
    pub(crate) fn load(mut self, store: &Store, rules: &Rules, now: Duration) -> Self {
        if let Err(error) = self.read(store, rules, now) {
            self.refused = Some(error);
        }
        self
    }

    fn read(&self, store: &Store, rules: &Rules, now: Duration) -> Result<(), DiskError> {
        let mut lock = self.lock()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.snapshot();
        if lock.is_damaged {
            // What was invalidated since the snapshot was written, nobody can tell.
            let epoch = self.folder.join("epoch");
            remove(&path)?;
            known.epoch = lock.advance().map_err(failed("write", &epoch))?;
            return Err(DiskError::Refused { path: epoch, reason: "it is no number".to_owned() });
        }
        known.epoch = lock.epoch;
        known.snapshot = Identity::of(&path);
        let Some(identity) = known.snapshot else { return Ok(()) };
        let refused = |reason: &str| DiskError::Refused { path: path.clone(), reason: reason.to_owned() };
        if identity.length > self.largest {
            return Err(refused("it is larger than the cache may be"));
        }
        if !is_private(&path) {
            return Err(refused("it is no file, or not this user's alone"));
        }
        let file = File::open(&path).map_err(failed("read", &path))?;
        let answers = Answers::new(rules, now);
        match store.entries.read_snapshot(file, &answers, now) {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(&chain(&error))),
        }
    }

    /// Writes what is stored; see [`crate::Client::save`].
    pub(crate) fn save(&self, store: &Store, rules: &Rules, now: Duration) -> Result<Option<u64>, DiskError> {
        let lock = self.lock()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.snapshot();
        if known.outdated || lock.is_damaged || lock.epoch != known.epoch || Identity::of(&path) != known.snapshot {
            return Ok(None);
        }
        let new = self.folder.join("answers.new");
        drop(fs::remove_file(&new));
        let written = write(&new, store, rules, now);
        if written.is_err() {
            drop(fs::remove_file(&new));
        }
        let count = written?;
        fs::rename(&new, &path).map_err(failed("replace", &path))?;
        known.snapshot = Identity::of(&path);
        Ok(Some(count))
    }

    /// Removes the snapshot, since something in it isn't true any more, and sees that nobody writes what was read before. If that
    /// can't be done this process writes nothing more; what others read is then up to the file system.
    pub(crate) fn forget(&self) {
        let forgotten = || -> Result<(), DiskError> {
            let mut lock = self.lock()?;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.outdated |= lock.is_damaged || lock.epoch != known.epoch;
            known.epoch = lock.advance().map_err(failed("write", &self.folder.join("epoch")))?;
            known.snapshot = None;
            remove(&self.snapshot())
        };
        if forgotten().is_err() {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).outdated = true;
        }
    }

    /// Waits for the lock of the folder, which is made if it isn't there.
    fn lock(&self) -> Result<Lock, DiskError> {
        make_private(&self.folder).map_err(failed("make", &self.folder))?;
        let path = self.folder.join("epoch");
        let mut file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .open(&path)
            .map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed("read", &path))?;
        let epoch = if text.is_empty() { Some(0) } else { text.parse().ok() };
        // One that can't be read is followed by one that nobody knows.
        Ok(Lock { file, epoch: epoch.unwrap_or_else(|| fastrand::u64(1 << 32..1 << 62)), is_damaged: epoch.is_none() })
    }
}

/// The lock of a folder, and its epoch.
struct Lock {
    file: File,
    epoch: u64,
    /// Whether what was there is no number.
    is_damaged: bool,
}

impl Lock {
    /// Begins the next epoch.
    fn advance(&mut self) -> io::Result<u64> {
        let next = self.epoch + 1;
        let text = next.to_string();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)?;
        Ok(next)
    }
}

fn remove(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn write(path: &Path, store: &Store, rules: &Rules, now: Duration) -> Result<u64, DiskError> {
    let file = private(OpenOptions::new().write(true).create_new(true)).open(path).map_err(failed("write", path))?;
    let answers = Answers::new(rules, now);
    let count = store.entries.write_snapshot(&file, &answers, now).map_err(|error| {
        let source = io::Error::other(error);
        failed("write", path)(source)
    })?;
    file.sync_data().map_err(failed("sync", path))?;
    Ok(count)
}

fn failed(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError::Io { attempted, path, source }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Whether it is a file that nobody else may write to or read.
#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn is_private(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

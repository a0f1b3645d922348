//! A home in a temporary folder, for the tests of what writes to it.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use tempfile::TempDir;

use super::files::{HomeDir, hash};
use super::journal::{Applied, Journal, JournalError};
use super::layout::{HomePath, Layout};
use super::lock::{LockOptions, WriteLock};
use super::os::fault;
use super::recovery::{RecoveryReport, recover};

/// The contents of a home's files, by path.
pub(crate) type Contents = BTreeMap<String, Vec<u8>>;

/// A change: the path, and what it gets; `None` removes it.
pub(crate) type Edit<'a> = (&'a str, Option<&'a [u8]>);

pub(crate) struct Scene {
    _temp: TempDir,
    pub(crate) layout: Layout,
    pub(crate) home: HomeDir,
}

impl Scene {
    /// Makes an empty home, seen by a thread that lives and whose kernel is number 1.
    pub(crate) fn new() -> Self {
        fault::revive();
        fault::fail_syncs(false);
        fault::set_boot(1);
        fault::set_free(None);
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::new(temp.path().to_owned(), None);
        fs::create_dir_all(&layout.issues).unwrap();
        let home = HomeDir::open(&layout).unwrap();
        Self { _temp: temp, layout, home }
    }

    pub(crate) fn lock(&self) -> WriteLock {
        WriteLock::acquire(&self.layout, &LockOptions::new("test")).unwrap()
    }

    pub(crate) fn path(path: &str) -> HomePath {
        path.parse().unwrap()
    }

    /// Reads all files of the home but its state.
    pub(crate) fn contents(&self) -> Contents {
        let mut contents = Contents::new();
        let mut dirs = vec![self.layout.home.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path == self.layout.state {
                } else if path.is_dir() {
                    dirs.push(path);
                } else {
                    let name = path.strip_prefix(&self.layout.home).unwrap().to_str().unwrap().to_owned();
                    contents.insert(name, fs::read(path).unwrap());
                }
            }
        }
        contents
    }

    /// Writes behind the journal's back, as an editor or a crash does.
    pub(crate) fn write_outside(&self, path: &str, bytes: Option<&[u8]>) {
        let path = self.layout.home.join(path);
        match bytes {
            Some(bytes) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            None => drop(fs::remove_file(path)),
        }
    }

    /// Recovers.
    pub(crate) fn recover(&self) -> Result<RecoveryReport, JournalError> {
        let lock = self.lock();
        recover(&mut Journal::open(&self.layout, &lock)?, &self.home)
    }

    /// Commits the edits as one transaction, based on the files as they are, and applies it if
    /// `visible`. Tells whether it was acknowledged and whether it came to its end.
    pub(crate) fn write(&self, edits: &[Edit<'_>], visible: bool) -> (bool, Result<Applied, JournalError>) {
        let mut acknowledged = false;
        let mut write = || {
            let lock = self.lock();
            let mut journal = Journal::open(&self.layout, &lock)?;
            recover(&mut journal, &self.home)?;
            let mut transaction = journal.begin(&self.home, now())?;
            for (path, after) in edits {
                let path = Self::path(path);
                let before = self.home.read(&path, u64::MAX - 1)?.map(|content| content.version());
                match (after, before) {
                    (Some(bytes), _) => drop(transaction.put(&path, before, bytes)?),
                    (None, Some(before)) => transaction.remove(&path, before, &[])?,
                    (None, None) => {}
                }
            }
            let committed = transaction.commit()?;
            acknowledged = true;
            if visible { journal.apply(&self.home, committed) } else { Ok(Applied::default()) }
        };
        let result = write();
        (acknowledged, result)
    }

    /// Makes one file and sees it through.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Applied {
        self.write(&[(path, Some(bytes))], true).1.unwrap()
    }

    pub(crate) fn version(bytes: &[u8]) -> Option<tickety_core::ident::Version> {
        Some(hash(bytes))
    }
}

/// The time that a writer goes by: the program's is in whole seconds.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(super::os::now_ns() / 1_000_000_000).unwrap()
}

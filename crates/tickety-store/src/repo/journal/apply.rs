//! Makes transactions visible: compares each file with what a record expects, then replaces or
//! removes it.

use std::os::fd::{AsFd as _, OwnedFd};

use tickety_core::ident::Version;

use super::super::files::{Content, FileError, HomeDir, RECORD_LIMIT, is_missing, replace, replace_journaled};
use super::super::layout::HomePath;
use super::super::os;
use super::super::stat::{FileKind, StatKey};
use super::log::{Log, Record};
use super::{Committed, Found, Journal, JournalError};

/// What applying a transaction did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// The files as they are now, in the order of the transaction.
    pub records: Vec<AppliedRecord>,
    /// The files that somebody else changed since they were read: kept as they are.
    pub kept: Vec<Kept>,
}

/// A file as a transaction left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppliedRecord {
    /// Which file.
    pub path: HomePath,
    /// Its version; `None` if it was removed.
    pub version: Option<Version>,
    /// Its state; `None` if it was removed, or if somebody removed or replaced it since.
    pub stat: Option<StatKey>,
}

/// A file that was left as it is instead of being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Which file.
    pub path: HomePath,
    /// Why.
    pub reason: KeptReason,
    /// The version that the transaction would have left; `None` for a removal.
    pub wanted: Option<Version>,
}

/// Why a file was left as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeptReason {
    /// It has a content that is neither the one before nor the one after.
    Edited,
    /// Somebody removed it.
    Removed,
    /// Somebody put an earlier content back after it was written.
    Restored,
    /// Something that is no file stands there.
    NotAFile(FileKind),
}

/// What stands at the path of a record.
pub(crate) enum Current {
    Absent,
    File(Content),
    NotAFile(FileKind),
    /// A file that can't be compared: too large to be a record, or changing all the time.
    Unknown,
}

impl Current {
    pub(crate) fn read(home: &HomeDir, path: &HomePath) -> Result<Self, JournalError> {
        match home.read(path, RECORD_LIMIT.saturating_mul(4)) {
            Ok(Some(content)) => Ok(Self::File(content)),
            Ok(None) => Ok(Self::Absent),
            Err(FileError::NotAFile { kind, .. }) => Ok(Self::NotAFile(kind)),
            Err(FileError::TooLarge { .. } | FileError::Changing { .. }) => Ok(Self::Unknown),
            Err(source) => Err(JournalError::Apply { path: path.clone(), source }),
        }
    }

    /// Returns why a file in this state is kept if it isn't what was expected.
    pub(crate) fn reason_to_keep(&self) -> KeptReason {
        match self {
            Self::Absent => KeptReason::Removed,
            Self::NotAFile(kind) => KeptReason::NotAFile(*kind),
            Self::File(_) | Self::Unknown => KeptReason::Edited,
        }
    }

    pub(crate) fn mode(&self) -> Option<u32> {
        match self {
            Self::File(content) => Some(content.mode),
            _ => None,
        }
    }
}

/// The directories that files are written to. Records come directory by directory, so the last one
/// is at hand.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    last: Option<(String, OwnedFd)>,
}

impl Parents {
    fn open(&mut self, home: &HomeDir, path: &HomePath) -> Result<&OwnedFd, FileError> {
        let parent = path.split().0.unwrap_or_default();
        if self.last.as_ref().is_none_or(|(last, _)| last != parent) {
            self.last = Some((parent.to_owned(), home.make_parent(path)?));
        }
        Ok(&self.last.as_ref().expect("it was just opened").1)
    }
}

/// Leaves what a record wants at its path, whatever is there now.
pub(crate) fn write_record(
    home: &HomeDir,
    parents: &mut Parents,
    log: &Log,
    record: &Record,
    mode: Option<u32>,
) -> Result<AppliedRecord, JournalError> {
    let failed = |source| JournalError::Apply { path: record.path.clone(), source };
    let access =
        |action, source| failed(FileError::Access { action, path: home.path().join(record.path.as_str()), source });
    let (_, name) = record.path.split();
    let Some(after) = record.after else {
        let dir = parents.open(home, &record.path).map_err(failed)?;
        match os::unlink(dir.as_fd(), name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(access("remove", error)),
            _ => {}
        }
        return Ok(AppliedRecord { path: record.path.clone(), version: None, stat: None });
    };
    let bytes = log.read_bytes(after.bytes)?;
    let mut dir = parents.open(home, &record.path).map_err(failed)?;
    // A mode tells that there is a file.
    let put = if mode.is_some() { replace_journaled } else { replace };
    let mut done = put(dir.as_fd(), name, &bytes, mode);
    if done.as_ref().is_err_and(is_missing) {
        // Git removed the directory, which was empty, after it was opened.
        parents.last = None;
        dir = parents.open(home, &record.path).map_err(failed)?;
        done = put(dir.as_fd(), name, &bytes, mode);
    }
    let written = done.map_err(|source| access("write", source))?;
    // The rename has changed the change time; and somebody may have put another file there since.
    let is_ours = |found: &StatKey| StatKey { ctime_ns: written.ctime_ns, ..*found } == written;
    let stat = os::stat_at(dir.as_fd(), name).ok().map(|stat| stat.key).filter(is_ours);
    Ok(AppliedRecord { path: record.path.clone(), version: Some(after.version), stat })
}

impl Journal<'_> {
    /// Makes a committed transaction visible, file by file.
    ///
    /// A file that is no longer what the transaction was based on is kept and reported. If a file
    /// can't be written, the transaction stays in the journal and is completed by the next
    /// recovery: [`JournalError::Apply`].
    pub fn apply(&mut self, home: &HomeDir, committed: Committed) -> Result<Applied, JournalError> {
        Ok(self.apply_all(home, vec![committed])?.pop().unwrap_or_default())
    }

    /// Does the same for transactions that were made durable together, in their order. All of them count as applied only
    /// once all are: recovery looks at each again.
    pub(crate) fn apply_all(
        &mut self,
        home: &HomeDir,
        committed: Vec<Committed>,
    ) -> Result<Vec<Applied>, JournalError> {
        let mut all = Vec::with_capacity(committed.len());
        let mut parents = Parents::default();
        let is_nothing = committed.iter().all(|committed| committed.found.is_none());
        for committed in committed {
            let mut applied = Applied::default();
            if let Some(found) = committed.found {
                self.apply_one(home, &found, &mut parents, &mut applied)?;
            }
            all.push(applied);
        }
        if !is_nothing {
            // The files are as they should be. A mark that can't say so costs the next writer a recovery, and nothing else.
            let _ = self.mark_applied();
        }
        Ok(all)
    }

    fn apply_one(
        &self,
        home: &HomeDir,
        found: &Found,
        parents: &mut Parents,
        applied: &mut Applied,
    ) -> Result<(), JournalError> {
        self.log.visit_records(found, |record| {
            let current = Current::read(home, &record.path)?;
            let version = match &current {
                Current::File(content) => Some(Some(content.version())),
                Current::Absent => Some(None),
                _ => None,
            };
            let wanted = record.after.map(|after| after.version);
            if version == Some(wanted) {
                let stat = match current {
                    Current::File(content) => Some(content.stat),
                    _ => None,
                };
                applied.records.push(AppliedRecord { path: record.path, version: wanted, stat });
            } else if version == Some(record.before) {
                applied.records.push(write_record(home, parents, &self.log, &record, current.mode())?);
            } else {
                applied.kept.push(Kept { path: record.path, reason: current.reason_to_keep(), wanted });
            }
            Ok::<_, JournalError>(())
        })
    }
}

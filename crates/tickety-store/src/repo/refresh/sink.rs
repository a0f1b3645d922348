//! Putting what was read of an issue into an index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tickety_core::ident::IssueKey;

use crate::repo::index::{IndexBuilder, IndexError, IndexWriter, RecordState, TrackedFile};
use crate::repo::layout::RecordPath;
use crate::repo::load::{Found, Loaded, LoadedFile, shown};
use crate::storage::RecordProblem;

/// Both ways to fill an index: row by row, and all at once.
pub(super) trait Sink {
    fn issue(&mut self, loaded: &Loaded, state: &RecordState) -> Result<(), IndexError>;
    fn no_issue(&mut self, key: IssueKey) -> Result<(), IndexError>;
    fn file(&mut self, file: &TrackedFile) -> Result<(), IndexError>;
    fn no_file(&mut self, path: &RecordPath) -> Result<(), IndexError>;
    fn problem(&mut self, problem: &RecordProblem) -> Result<(), IndexError>;
    fn no_problem(&mut self, path: &str) -> Result<(), IndexError>;
}

impl Sink for IndexWriter<'_> {
    fn issue(&mut self, loaded: &Loaded, state: &RecordState) -> Result<(), IndexError> {
        self.put_issue(&loaded.issue, state)
    }

    fn no_issue(&mut self, key: IssueKey) -> Result<(), IndexError> {
        self.remove_issue(key)
    }

    fn file(&mut self, file: &TrackedFile) -> Result<(), IndexError> {
        self.put_file(file)
    }

    fn no_file(&mut self, path: &RecordPath) -> Result<(), IndexError> {
        self.remove_file(path)
    }

    fn problem(&mut self, problem: &RecordProblem) -> Result<(), IndexError> {
        self.put_problem(problem)
    }

    fn no_problem(&mut self, path: &str) -> Result<(), IndexError> {
        self.remove_problem(path)
    }
}

impl Sink for IndexBuilder {
    fn issue(&mut self, loaded: &Loaded, state: &RecordState) -> Result<(), IndexError> {
        self.put_issue(&loaded.issue, state)
    }

    fn no_issue(&mut self, _key: IssueKey) -> Result<(), IndexError> {
        Ok(())
    }

    fn file(&mut self, file: &TrackedFile) -> Result<(), IndexError> {
        self.put_file(file)
    }

    fn no_file(&mut self, _path: &RecordPath) -> Result<(), IndexError> {
        Ok(())
    }

    fn problem(&mut self, problem: &RecordProblem) -> Result<(), IndexError> {
        self.put_problem(problem)
    }

    fn no_problem(&mut self, _path: &str) -> Result<(), IndexError> {
        Ok(())
    }
}

/// Puts what was read of an issue into an index.
pub(super) fn put(
    sink: &mut impl Sink,
    key: IssueKey,
    found: &Found,
    written: &BTreeMap<RecordPath, Timestamp>,
) -> Result<(), IndexError> {
    match found {
        Found::Issue(loaded) => {
            let written = written.get(&RecordPath::issue(key)).copied().or(loaded.modified);
            sink.issue(loaded, &RecordState { version: loaded.version, written })?;
        }
        Found::Broken { .. } => sink.no_issue(key)?,
        Found::Missing { .. } => {
            sink.no_issue(key)?;
            sink.no_problem(&shown(RecordPath::issue(key)))?;
        }
    }
    put_files(sink, found.files())?;
    for file in found.files() {
        sink.no_problem(&shown(file.path))?;
    }
    for (path, problem) in found.problems() {
        // What could not be read at all has no state to compare with.
        if !found.files().iter().any(|file| file.path == *path) {
            sink.no_file(path)?;
        }
        sink.problem(problem)?;
    }
    Ok(())
}

pub(super) fn put_files(sink: &mut impl Sink, files: &[LoadedFile]) -> Result<(), IndexError> {
    for file in files {
        sink.file(&TrackedFile { path: file.path, stat: file.stat, taken_ns: file.taken_ns, hash: file.hash })?;
    }
    Ok(())
}

//! What is wrong with what the state keeps besides the journal and the index.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::files::FileError;
use super::super::layout::TEMPORARY_PREFIX;
use super::super::ledger::LedgerProblem;
use super::super::store::RepoStore;
use super::super::{contents, counter, os, requests, state};
use super::{Check, Report};
use crate::error::StorageError;

impl RepoStore {
    /// Finds what writers that were killed have left in the home and the state. Under the lock nobody else is writing.
    pub(super) fn examine_state_leftovers(&self, report: &mut Report) -> Result<(), StorageError> {
        let state = &self.layout.state;
        let folders = [
            self.layout.home.clone(),
            state.clone(),
            self.layout.requests(),
            self.layout.contents(),
            self.layout.ledger(),
        ];
        for folder in folders {
            for path in files_in(&folder)? {
                let name = path.file_name().unwrap_or_default().as_encoded_bytes();
                let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
                if is_file && name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
                    self.examine_leftover(report, &path)?;
                }
            }
        }
        // It takes the place of a log that is missing.
        let log = self.layout.events().join("log");
        let next = state::unfinished(&log);
        if log.exists() && next.exists() { self.examine_leftover(report, &next) } else { Ok(()) }
    }

    fn examine_leftover(&self, report: &mut Report, path: &Path) -> Result<(), StorageError> {
        if report.fix {
            state::clear(path)?;
        }
        let message = "a writer was killed while it wrote this".to_owned();
        report.fixable(Check::Leftover, self.shown_path(path), message);
        Ok(())
    }

    /// Returns a path as people are told it: relative to the root, where it lies in the home.
    fn shown_path(&self, path: &Path) -> String {
        let in_home = !path.starts_with(&self.layout.state);
        path.strip_prefix(&self.layout.root).ok().filter(|_| in_home).unwrap_or(path).display().to_string()
    }

    /// One that is damaged starts again above all numbers there are; it was not necessarily above those alone.
    pub(super) fn examine_counter_file(&self, report: &mut Report) -> Result<(), StorageError> {
        if !counter::is_damaged(&self.layout) {
            return Ok(());
        }
        let path = self.layout.counter();
        let mut message =
            "is damaged: numbers go on above those of all checkouts and branches, and issues that none of them has may have had the next ones"
                .to_owned();
        if report.fix {
            message = format!("{message}; a copy is in {}", copy_aside(&path)?.display());
            counter::start_again(&self.layout)?;
        }
        report.fixable(Check::Counter, path.display().to_string(), message);
        Ok(())
    }

    /// One that can't be read doesn't keep its request from being done again.
    pub(super) fn examine_requests(&self, report: &mut Report) -> Result<(), StorageError> {
        for path in requests::damaged(&self.layout)? {
            let mut message = "can't be read: what was done for this request would be done again".to_owned();
            if report.fix {
                message = format!("{message}; it was moved to {}", self.move_aside(&path)?.display());
            }
            report.fixable(Check::Request, path.display().to_string(), message);
        }
        Ok(())
    }

    /// One that can't be read hides nothing: what is closed on its branch is shown as open.
    pub(super) fn examine_ledger(&self, report: &mut Report) -> Result<(), StorageError> {
        for (path, problem) in self.ledger_problems()? {
            let subject = path.display().to_string();
            match problem {
                LedgerProblem::Lines(count) => {
                    let lines = if count == 1 { "a line" } else { &format!("{count} lines") };
                    let message =
                        format!("{lines} of it can't be read: `ready` may list what is closed on that branch");
                    report.note(Check::Ledger, subject, message);
                }
                LedgerProblem::Newer(version) => {
                    let message = format!(
                        "made by a newer Tickety (format {version}): it is left alone, and `ready` may list what is closed on that branch"
                    );
                    report.note(Check::Ledger, subject, message);
                }
                LedgerProblem::Unreadable => {
                    let mut message = "can't be read: `ready` lists what is closed on that branch".to_owned();
                    if report.fix {
                        message = format!("{message}; it was moved to {}", self.move_aside(&path)?.display());
                    }
                    report.fixable(Check::Ledger, subject, message);
                }
            }
        }
        Ok(())
    }

    /// Moves a file or a directory to those that are kept for people.
    pub(in crate::repo) fn move_aside(&self, path: &Path) -> Result<PathBuf, StorageError> {
        let aside = self.free_name_aside(path)?;
        fs::rename(path, &aside).map_err(|source| access("move", path, source))?;
        Ok(aside)
    }

    /// Returns where a file or a directory can be kept.
    pub(in crate::repo) fn free_name_aside(&self, path: &Path) -> Result<PathBuf, StorageError> {
        let directory = self.layout.kept();
        state::make_directory(&directory)?;
        Ok(free_name(&directory.join(path.file_name().unwrap_or_default())))
    }

    /// Finds files of the log that tell nothing because their beginning can't be read.
    pub(super) fn examine_log_files(&self, report: &mut Report) -> Result<(), StorageError> {
        for path in self.unreadable_logs()? {
            let subject = path.display().to_string();
            if path != self.layout.events().join("log") {
                let message = "its beginning can't be read: its events and earlier ones are told no more, and a cursor among them is gone";
                report.note(Check::Events, subject, message.to_owned());
                continue;
            }
            if report.fix {
                self.begin_log_again()?;
            }
            let message = "its beginning can't be read, so that no event is told: another log begins, and this one is kept beside";
            report.fixable(Check::Events, subject, message.to_owned());
        }
        Ok(())
    }

    /// What lies before the damage can still be put back, so nothing is moved.
    pub(super) fn examine_contents(&self, report: &mut Report) {
        for path in contents::damaged(&self.layout) {
            let message = "is damaged: some of what was written in its time can't be put back by `tickety restore`; it goes with the contents of its time";
            report.note(Check::Contents, path.display().to_string(), message.to_owned());
        }
    }

    pub(super) fn examine_usage(&self, report: &mut Report) {
        let path = self.layout.usage().display().to_string();
        match self.usage() {
            Ok(usage) if usage.unreadable_bytes > 0 => {
                let bytes = usage.unreadable_bytes;
                let message = format!("{bytes} of its bytes make no sense: `tickety cache stats` counts without them");
                report.note(Check::Usage, path, message);
            }
            Ok(_) => {}
            Err(error) => report.note(Check::Usage, path, format!("can't be read: {error}")),
        }
    }
}

/// Lists a directory, if there is one.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // What stands there instead is told of as such.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(access("list", folder, source)),
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    Ok(found)
}

/// Copies a file beside itself, under a name that says why.
fn copy_aside(path: &Path) -> Result<PathBuf, StorageError> {
    let aside = free_name(&path.with_extension("damaged"));
    let bytes = fs::read(path).map_err(|source| access("read", path, source))?;
    let file = state::open_private(&aside)?;
    os::write_at(&file, &bytes, 0)
        .and_then(|()| os::sync_all(&file))
        .map_err(|source| access("write", &aside, source))?;
    Ok(aside)
}

/// Returns a path with a number behind it that nothing has.
fn free_name(path: &Path) -> PathBuf {
    let with = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    };
    (1..).map(with).find(|path| !path.exists()).expect("there are fewer files than numbers")
}

fn access(action: &'static str, path: &Path, source: std::io::Error) -> StorageError {
    FileError::Access { action, path: path.to_owned(), source }.into()
}

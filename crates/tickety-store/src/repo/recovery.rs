//! Brings the files up to what the journal acknowledged, after a writer died or the machine did.
//!
//! While the kernel runs, only what the last writer left unapplied is redone. After a reboot the
//! renames of everything since the last checkpoint may be lost, so all of it is looked at.
//!
//! A file is touched only if it is in a state that the journal knows as an earlier one, or, after a
//! reboot, if it is missing or torn. Any other content is somebody's edit: it is kept and reported.
//! Nor is a file touched that was put into an earlier state on purpose after it was written, say by
//! `git switch`: that shows in its time, or in that of its directory, as long as it lies before the
//! reboot. Whoever recovers twice changes nothing the second time.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tickety_core::ident::Version;

use super::files::{HomeDir, remove_leftover};
use super::journal::{
    After, Current, Found, Interruption, Journal, JournalError, Kept, KeptReason, Parents, Record, set_aside,
    unapplied, write_record,
};
use super::layout::{HomePath, Layout};
use super::lock::WriteLock;
use super::{os, state};

/// What a recovery did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    /// Whether the machine was restarted since the last write.
    pub rebooted: bool,
    /// How many transactions were looked at.
    pub transactions: usize,
    /// The files that were written or removed.
    pub redone: Vec<HomePath>,
    /// How many files were as they should be.
    pub intact: usize,
    /// The files that were left as somebody else made them.
    pub kept: Vec<Kept>,
    /// Where the acknowledged contents of edited files were saved instead.
    pub saved: Vec<PathBuf>,
}

/// Recovers, if need be. Afterwards the journal takes transactions again.
///
/// After a reboot it ends with a checkpoint, so that the same is not looked at again.
pub fn recover(journal: &mut Journal<'_>, home: &HomeDir) -> Result<RecoveryReport, JournalError> {
    let (found, interruption) = journal.unsettled()?;
    let report = redo(journal, home, &found, interruption)?;
    journal.settle(home, &found, interruption)?;
    Ok(report)
}

/// Recovers as far as a damaged journal allows, then moves it out of the way. Returns its new path.
///
/// What lies behind the damage is not redone: without what came before, it isn't known what it was
/// based on.
pub fn salvage(layout: &Layout, lock: &WriteLock, home: &HomeDir) -> Result<(RecoveryReport, PathBuf), JournalError> {
    let redone = Journal::open(layout, lock).and_then(|journal| {
        let (found, interruption) = journal.salvageable()?;
        redo(&journal, home, &found, interruption)
    });
    let report = match redone {
        Err(JournalError::Damaged { .. }) => RecoveryReport::default(),
        redone => redone?,
    };
    match os::sync_file_system(home.fd()) {
        // File by file isn't worth it: what is redone here would otherwise be lost anyway.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {}
        synced => synced.map_err(|source| JournalError::Sync { path: layout.journal(), source })?,
    }
    Ok((report, set_aside(layout, lock)?))
}

/// Looks for a file that is still in a state that a transaction which may not be applied was to change; without the lock.
pub(crate) fn find_behind(layout: &Layout, home: &HomeDir) -> Result<Option<HomePath>, JournalError> {
    let mut states: BTreeMap<HomePath, (Vec<Option<Version>>, Option<Version>)> = BTreeMap::new();
    for Record { path, before, after, removed: _ } in unapplied(layout)? {
        let (earlier, last) = states.entry(path).or_default();
        earlier.push(before);
        *last = after.map(|after| after.version);
    }
    for (path, (earlier, last)) in states {
        let version = match Current::read(home, &path) {
            Ok(Current::Absent) => None,
            Ok(Current::File(content)) => Some(content.version()),
            Ok(Current::NotAFile(_) | Current::Unknown) => continue,
            Err(_) => return Ok(Some(path)),
        };
        if version != last && earlier.contains(&version) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Brings the files up to what transactions left.
fn redo(
    journal: &Journal<'_>,
    home: &HomeDir,
    found: &[Found],
    interruption: Interruption,
) -> Result<RecoveryReport, JournalError> {
    let rebooted = interruption == Interruption::Kernel;
    let mut report = RecoveryReport { rebooted, transactions: found.len(), ..RecoveryReport::default() };
    let evidence = Evidence { interruption, booted_ns: os::booted_ns() };
    let mut parents = Parents::default();
    let histories = histories(journal, found)?;
    let directories = DirectoryTimes::look(home, histories.keys());
    for (path, history) in histories {
        let current = Current::read(home, &path)?;
        match judge(journal, &directories, &history, &path, &current, evidence)? {
            Verdict::Intact => report.intact += 1,
            Verdict::Redo => {
                let record = Record { path: path.clone(), before: None, after: history.last().after, removed: None };
                report.redone.push(write_record(home, &mut parents, journal.log(), &record, current.mode())?.path);
            }
            Verdict::Keep(reason) => {
                if let (KeptReason::Edited, Some(after)) = (reason, history.last().after) {
                    report.saved.push(save(journal, &path, after)?);
                }
                report.kept.push(Kept { path: path.clone(), reason, wanted: history.last().version() });
            }
        }
        remove_leftover(home, &path);
    }
    Ok(report)
}

/// What the journal did to one file: its changes, in order, at least one.
#[derive(Default)]
struct History(Vec<Change>);

/// One change of a file.
struct Change {
    before: Option<Version>,
    after: Option<After>,
    /// When its transaction began: the same for all that were made durable together.
    time_ns: i64,
    /// When it was applied at the latest, if a later transaction tells.
    applied_by_ns: Option<i64>,
}

/// How long applying a transaction may take when no later one tells that it was done.
const APPLY_MARGIN_NS: i64 = 60_000_000_000;

impl Change {
    fn version(&self) -> Option<Version> {
        self.after.map(|after| after.version)
    }

    /// Returns when it was applied at the latest.
    fn applied_by_ns(&self) -> i64 {
        self.applied_by_ns.unwrap_or_else(|| self.time_ns.saturating_add(APPLY_MARGIN_NS))
    }
}

impl History {
    fn last(&self) -> &Change {
        self.0.last().expect("a history begins with a change")
    }

    /// Returns when the file left a state for the last time; `None` if it never was in it.
    fn left_ns(&self, state: Option<Version>) -> Option<i64> {
        let left = |(place, change): (usize, &Change)| {
            let made_it = place.checked_sub(1).map(|place| &self.0[place]).filter(|one| one.version() == state);
            match made_it {
                // Made and left by transactions that were applied together, so after both had begun.
                Some(one) if one.time_ns == change.time_ns => Some(change.applied_by_ns()),
                Some(_) => Some(change.time_ns),
                None => (change.before == state).then_some(change.time_ns),
            }
        };
        self.0.iter().enumerate().filter_map(left).max()
    }
}

fn histories(journal: &Journal<'_>, found: &[Found]) -> Result<BTreeMap<HomePath, History>, JournalError> {
    let mut histories: BTreeMap<HomePath, History> = BTreeMap::new();
    for (transaction, applied_by_ns) in found.iter().zip(next_times(found)) {
        let time_ns = transaction.header.time_ns;
        journal.log().visit_records(transaction, |Record { path, before, after, removed: _ }| {
            histories.entry(path).or_default().0.push(Change { before, after, time_ns, applied_by_ns });
            Ok::<_, JournalError>(())
        })?;
    }
    Ok(histories)
}

/// Returns for each transaction when the first one began that wasn't made durable together with it.
fn next_times(found: &[Found]) -> Vec<Option<i64>> {
    let mut times = vec![None; found.len()];
    for place in (1..found.len()).rev() {
        let [time_ns, next_ns] = [place - 1, place].map(|place| found[place].header.time_ns);
        times[place - 1] = if time_ns == next_ns { times[place] } else { Some(next_ns) };
    }
    times
}

/// What tells a lost write from a change that somebody made later.
#[derive(Clone, Copy)]
struct Evidence {
    interruption: Interruption,
    booted_ns: Option<i64>,
}

impl Evidence {
    /// Whether something that changed at `changed_ns` surely changed after it had been written at
    /// `since_ns`.
    fn shows_later_change(self, changed_ns: i64, since_ns: i64) -> bool {
        match self.interruption {
            // Known not to be applied, so what is there is what was there before.
            Interruption::Writer => false,
            Interruption::Mark => changed_ns > since_ns,
            // What changed after the reboot may have covered up a loss.
            Interruption::Kernel => changed_ns > since_ns && self.booted_ns.is_some_and(|booted| changed_ns < booted),
        }
    }
}

enum Verdict {
    /// The file is as it was left.
    Intact,
    /// The file is behind.
    Redo,
    /// Somebody else changed it.
    Keep(KeptReason),
}

fn judge(
    journal: &Journal<'_>,
    directories: &DirectoryTimes,
    history: &History,
    path: &HomePath,
    current: &Current,
    evidence: Evidence,
) -> Result<Verdict, JournalError> {
    let last = history.last();
    Ok(match current {
        Current::Absent if last.after.is_none() => Verdict::Intact,
        Current::Absent => {
            let known = history.left_ns(None).is_some() || evidence.interruption == Interruption::Kernel;
            // Removing the file changed its directory after the directory had got it: had the
            // write been lost, so had the removal.
            let removed =
                directories.changed_ns(path).is_some_and(|at| evidence.shows_later_change(at, last.applied_by_ns()));
            if known && !removed { Verdict::Redo } else { Verdict::Keep(KeptReason::Removed) }
        }
        Current::File(content) => {
            let version = content.version();
            if Some(version) == last.version() {
                Verdict::Intact
            } else if let Some(left_ns) = history.left_ns(Some(version)) {
                if evidence.shows_later_change(content.stat.ctime_ns, left_ns) {
                    Verdict::Keep(KeptReason::Restored)
                } else {
                    Verdict::Redo
                }
            } else if evidence.interruption == Interruption::Kernel && is_torn(journal, history, &content.bytes)? {
                Verdict::Redo
            } else {
                Verdict::Keep(KeptReason::Edited)
            }
        }
        Current::NotAFile(_) | Current::Unknown => Verdict::Keep(current.reason_to_keep()),
    })
}

/// When the entries of directories last changed, as it was before a recovery changed any.
#[derive(Debug)]
struct DirectoryTimes(BTreeMap<String, Option<i64>>);

/// The home itself, as a path in it.
const HOME: &str = ".";

impl DirectoryTimes {
    /// Looks at all directories above some paths.
    fn look<'p>(home: &HomeDir, paths: impl Iterator<Item = &'p HomePath>) -> Self {
        let mut times = BTreeMap::new();
        for path in paths {
            let mut parent = path.split().0.unwrap_or(HOME);
            while !times.contains_key(parent) {
                let stat = os::stat_at(home.fd(), parent).ok();
                times.insert(parent.to_owned(), stat.map(|stat| stat.key.mtime_ns));
                parent = above(parent);
            }
        }
        Self(times)
    }

    /// Returns when the entries of the nearest directory above a path changed that was there.
    fn changed_ns(&self, path: &HomePath) -> Option<i64> {
        let mut parent = path.split().0.unwrap_or(HOME);
        loop {
            match self.0.get(parent)? {
                Some(changed_ns) => return Some(*changed_ns),
                None if parent == HOME => return None,
                None => parent = above(parent),
            }
        }
    }
}

fn above(directory: &str) -> &str {
    directory.rsplit_once('/').map_or(HOME, |(above, _)| above)
}

/// Whether a content is what a crash can leave of one that was being written: nothing, zeros, or
/// its beginning up to a block and then at most zeros.
fn is_torn(journal: &Journal<'_>, history: &History, content: &[u8]) -> Result<bool, JournalError> {
    if content.iter().all(|&byte| byte == 0) {
        return Ok(true);
    }
    for after in history.0.iter().filter_map(|change| change.after) {
        if is_torn_version(content, &journal.log().read_bytes(after.bytes)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The smallest block of a file system.
const BLOCK: usize = 512;

fn is_torn_version(content: &[u8], whole: &[u8]) -> bool {
    let same = content.iter().zip(whole).take_while(|(found, wanted)| found == wanted).count();
    let blocks = same - same % BLOCK;
    content.len() <= whole.len() && content != whole && content[blocks..].iter().all(|&byte| byte == 0)
}

/// Saves a content that gave way to an edit from outside.
fn save(journal: &Journal<'_>, path: &HomePath, after: After) -> Result<PathBuf, JournalError> {
    let dir = journal.kept_directory();
    let version = after.version.to_string();
    let saved = dir.join(format!("{}.{}", path.split().1, &version[..8]));
    let bytes = journal.log().read_bytes(after.bytes)?;
    state::make_directory(dir).map_err(JournalError::of_state)?;
    let file = state::open_private(&saved).map_err(JournalError::of_state)?;
    os::write_at(&file, &bytes, 0).map_err(|source| JournalError::access("save", &saved, source))?;
    Ok(saved)
}

#[cfg(test)]
mod tests;

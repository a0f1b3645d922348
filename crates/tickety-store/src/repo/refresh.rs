//! Bringing the index up to date with the files, and making it afresh.
//!
//! Files are read inside the index's transaction. A writer changes its files first and the index
//! after, in a transaction of its own, so whichever transaction comes last has seen the last state of
//! the files: the index never goes back.

mod sink;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueNumber};

use super::events::{Noticed, Own};
use super::failure::Failure;
use super::git::Git;
use super::index::{Changes, Index, IndexBuilder, IndexError, Location, TrackedShard};
use super::layout::{HomePath, RecordPath, Shard};
use super::load::{Found, load, shown};
use super::lock::WriteLock;
use super::scan::{self, Entry, Scan, Scanner, ShardScan, Stray};
use super::store::{Handle, RepoStore};
use super::unreadable::{directory_of, path_of, record_at};
use crate::error::StorageError;
use crate::storage::{Freshness, FreshnessMode, RecordProblem};
use sink::{put, put_files};

/// How many threads look at files. A second one halves the time; the machine's disk cache is the
/// limit after that.
const SCAN_THREADS: usize = 2;

/// What a look at the files found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How many records were looked at.
    checked: usize,
    /// The shards that were listed, with their state before.
    shards: Vec<TrackedShard>,
    /// The shards that are gone.
    removed_shards: Vec<Shard>,
    /// The issues whose files changed, with all their comments that exist now.
    stale: BTreeMap<IssueKey, Vec<RecordPath>>,
    /// The files of those issues that are gone.
    removed: Vec<RecordPath>,
    /// What stands where a record or a directory of records should, and isn't known yet.
    problems: Vec<RecordProblem>,
    /// The paths where such a thing is gone.
    mended: Vec<String>,
}

impl Findings {
    fn is_empty(&self) -> bool {
        self.stale.is_empty()
            && self.removed.is_empty()
            && self.removed_shards.is_empty()
            && self.problems.is_empty()
            && self.mended.is_empty()
    }
}

impl RepoStore {
    /// Brings the index up to date as far as a mode asks for before a question.
    pub(super) fn refresh(&self, handle: &mut Handle, mode: FreshnessMode) -> Result<Freshness, Failure> {
        let findings = match mode {
            FreshnessMode::Trust => return Ok(Freshness { mode, checked: 0, changed: 0 }),
            FreshnessMode::Verify => self.look_at_all(&handle.index)?,
            FreshnessMode::Shards => self.look_at_directories(&handle.index)?,
        };
        let checked = findings.checked;
        let changed = self.take_over(handle, findings, None)?;
        Ok(Freshness { mode, checked: saturate(checked), changed: saturate(changed) })
    }

    /// Brings the index up to date after a recovery. What the transactions left that were recovered is no change from
    /// outside.
    pub(super) fn refresh_recovered(&self, handle: &mut Handle, own: Own) -> Result<(), Failure> {
        let findings = self.look_at_all(&handle.index)?;
        self.take_over(handle, findings, Some(own))?;
        Ok(())
    }

    /// Brings one directory of the index up to date, if entries came or went since it was listed. That
    /// nothing did is written down, unless the directory is about to change.
    pub(super) fn refresh_shard(&self, handle: &mut Handle, shard: Shard, to_change: bool) -> Result<(), Failure> {
        let Some(known) = self.changed_shard(handle, shard)? else { return Ok(()) };
        let mut findings = Findings::default();
        let taken_ns = super::os::now_ns();
        // A directory that the index was never told the state of may hold what Tickety itself has written, and no more.
        let listed = match known || to_change {
            true => scan::list_shard(&self.home, shard, None).map_err(StorageError::from)?,
            false => None,
        };
        match listed {
            // An edit in place doesn't show in the names: the records that are asked for are looked at anyway.
            Some((stat, records)) if handle.index.files(shard)?.are(&records) => {
                if to_change || stat.is_racy(taken_ns) {
                    return Ok(());
                }
                findings.shards.push(TrackedShard { shard, stat, taken_ns });
            }
            _ => {
                let scanner = Scanner::open(&self.home).map_err(StorageError::from)?;
                self.look_at_shard(&handle.index, &scanner, shard, &mut findings)?;
            }
        }
        self.take_over(handle, findings, None)?;
        Ok(())
    }

    /// Brings what a read of the issues of one number has to know of its directory up to date. Right after a change of
    /// the directory, a look at it could not be written down as one to rely on, so it goes no further than that number.
    pub(super) fn refresh_to_read(&self, handle: &mut Handle, number: IssueNumber) -> Result<(), Failure> {
        let shard = Shard::of(number);
        let now_ns = super::os::now_ns();
        match scan::stat_shard(&self.home, shard).map_err(StorageError::from)? {
            Some(stat) if stat.is_racy(now_ns) => self.refresh_number(handle, number),
            _ => self.refresh_shard(handle, shard, false),
        }
    }

    /// Brings the issues of one number up to date, if entries of theirs came or went: what a write to one of them has
    /// to know of its directory, which it changes next.
    pub(super) fn refresh_number(&self, handle: &mut Handle, number: IssueNumber) -> Result<(), Failure> {
        let shard = Shard::of(number);
        let listed = match self.changed_shard(handle, shard)? {
            None => return Ok(()),
            Some(_) => scan::list_shard(&self.home, shard, Some(number)).map_err(StorageError::from)?,
        };
        match listed {
            Some((_, records)) if handle.index.files_around(number)?.are_of(number, &records) => Ok(()),
            _ => self.refresh_shard(handle, shard, true),
        }
    }

    /// Whether the index knows a directory that changed since it was listed; `None` if it didn't change.
    fn changed_shard(&self, handle: &Handle, shard: Shard) -> Result<Option<bool>, Failure> {
        let known = handle.index.shard(shard)?;
        let stat = scan::stat_shard(&self.home, shard).map_err(StorageError::from)?;
        Ok(match (known, stat) {
            (None, None) => None,
            (Some(known), Some(stat)) if known.stat == stat && !stat.is_racy(known.taken_ns) => None,
            (known, _) => Some(known.is_some()),
        })
    }

    /// Brings issues of the index up to date whose files differ from what it knows. Returns how many
    /// did. Their directories are not listed: see [`refresh_shard`](Self::refresh_shard).
    pub(super) fn refresh_issues(&self, handle: &mut Handle, keys: &[IssueKey]) -> Result<usize, Failure> {
        let locations = handle.index.locate(keys)?;
        self.refresh_located(handle, &locations)
    }

    /// Looks again at the records of a number that couldn't be read. Returns whether that was worth it.
    pub(super) fn refresh_unreadable(&self, handle: &mut Handle, number: IssueNumber) -> Result<bool, Failure> {
        let problems = handle.index.problems()?;
        let records = problems.iter().filter_map(|problem| record_at(&problem.path));
        let keys: BTreeSet<IssueKey> = records.map(|record| record.issue).filter(|key| key.number == number).collect();
        Ok(!keys.is_empty() && self.refresh_issues(handle, &keys.into_iter().collect::<Vec<_>>())? > 0)
    }

    /// The same for issues whose files the index has just named.
    pub(super) fn refresh_located(&self, handle: &mut Handle, locations: &[Location]) -> Result<usize, Failure> {
        let checked = locations.iter().map(|location| location.files.len()).sum();
        let mut findings = Findings { checked, ..Findings::default() };
        for location in locations {
            // What couldn't be read at all left no state to compare with.
            let mut same = location.files.iter().any(|file| file.path.comment.is_none());
            let mut comments = Vec::new();
            for file in &location.files {
                let stat = self.home.stat(&file.path.home_path());
                same &= stat.as_ref().is_ok_and(|stat| {
                    stat.is_some_and(|stat| stat.key == file.stat && !stat.key.is_racy(file.taken_ns))
                });
                match stat {
                    Ok(None) => findings.removed.push(file.path),
                    _ if file.path.comment.is_some() => comments.push(file.path),
                    _ => {}
                }
            }
            if !same {
                findings.stale.insert(location.key, comments);
            }
        }
        self.take_over(handle, findings, None)
    }

    fn look_at_all(&self, index: &Index) -> Result<Findings, Failure> {
        let scan = self.scan()?;
        let known = index.all_files()?;
        let changes = known.compare(scan.shards.iter().flat_map(|shard| &shard.entries));
        let mut findings = Findings { checked: scan.len(), ..Findings::default() };
        let strays = scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays);
        let is_record = |path: &RecordPath| {
            let shard = scan.shards.iter().find(|shard| shard.shard == path.shard());
            shard.is_some_and(|shard| shard.entries.iter().any(|entry| entry.path == *path))
        };
        note_strays(index.problems()?, strays, |_| true, is_record, &mut findings);
        if changes.is_empty() {
            return Ok(findings);
        }
        let seen: BTreeSet<Shard> = scan.shards.iter().map(|shard| shard.shard).collect();
        let known_shards = index.shards()?;
        findings.removed_shards =
            known_shards.iter().map(|known| known.shard).filter(|shard| !seen.contains(shard)).collect();
        let is_known = |found: &TrackedShard| {
            let mut known = known_shards.iter().filter(|known| known.shard == found.shard);
            known.any(|known| known.stat == found.stat && !found.stat.is_racy(known.taken_ns))
        };
        findings.shards = scan.shards.iter().map(|shard| tracked_shard(shard, scan.taken_ns)).collect();
        findings.shards.retain(|shard| !is_known(shard));
        let all: BTreeMap<Shard, &ShardScan> = scan.shards.iter().map(|shard| (shard.shard, shard)).collect();
        note_changes(&changes, &mut findings, |shard| all.get(&shard).map_or(&[][..], |scan| &scan.entries));
        Ok(findings)
    }

    fn look_at_directories(&self, index: &Index) -> Result<Findings, Failure> {
        let scanner = Scanner::open(&self.home).map_err(StorageError::from)?;
        let known: BTreeMap<Shard, TrackedShard> =
            index.shards()?.into_iter().map(|shard| (shard.shard, shard)).collect();
        let mut findings = Findings::default();
        for &shard in scanner.shards() {
            let stat = scan::stat_shard(&self.home, shard).map_err(StorageError::from)?;
            findings.checked += 1;
            let same = known
                .get(&shard)
                .is_some_and(|known| stat.is_some_and(|stat| stat == known.stat && !stat.is_racy(known.taken_ns)));
            if !same {
                self.look_at_shard(index, &scanner, shard, &mut findings)?;
            }
        }
        for &shard in known.keys().filter(|shard| scanner.shards().binary_search(shard).is_err()) {
            self.look_at_shard(index, &scanner, shard, &mut findings)?;
        }
        let problems = index.problems()?;
        // What a look at the names alone didn't miss in a directory that is known since.
        let gone = problems.iter().filter(|problem| directory_of(&problem.path).is_some());
        let gone = gone.filter(|problem| record_at(&problem.path).is_none());
        let gone = gone.filter(|problem| path_of(problem).is_some_and(|path| !self.is_there(&path)));
        findings.mended.extend(gone.map(|problem| problem.path.clone()));
        note_strays(problems, scanner.strays(), |shard| shard.is_none(), |_| false, &mut findings);
        Ok(findings)
    }

    fn look_at_shard(
        &self,
        index: &Index,
        scanner: &Scanner<'_>,
        shard: Shard,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let taken_ns = super::os::now_ns();
        let known = index.files(shard)?;
        let found = scanner.scan_shard(shard).map_err(StorageError::from)?;
        let entries = found.as_ref().map_or(&[][..], |scan| &scan.entries);
        findings.checked += entries.len();
        match &found {
            Some(found) => findings.shards.push(tracked_shard(found, taken_ns)),
            None => findings.removed_shards.push(shard),
        }
        note_changes(&known.compare(entries), findings, |_| entries);
        let strays = found.iter().flat_map(|found| &found.strays);
        let is_record = |path: &RecordPath| entries.iter().any(|entry| entry.path == *path);
        note_strays(index.problems()?, strays, |place| place == Some(shard), is_record, findings);
        Ok(())
    }

    /// Looks at every file.
    pub(super) fn scan(&self) -> Result<Scan, StorageError> {
        Ok(Scanner::open(&self.home)?.scan_all(SCAN_THREADS)?)
    }

    /// Writes what was found into the index, in one transaction. Returns how many issues differ from
    /// what the index had. Those that something else than Tickety changed are told of in the log of events: what isn't
    /// `own`, or, if that isn't given, isn't in the journal and not in the log yet.
    fn take_over(&self, handle: &mut Handle, findings: Findings, own: Option<Own>) -> Result<usize, Failure> {
        self.tally.verify(findings.checked);
        if findings.is_empty() && findings.shards.is_empty() {
            return Ok(0);
        }
        let head = self.head();
        let moved = !findings.stale.is_empty() && handle.index.head()? != head;
        let mut changed = 0;
        let mut writer = handle.index.write(&self.schema)?;
        // Whoever wrote between the look and this transaction has told the index of files that the look didn't see.
        let mut stale = findings.stale;
        let is_there = |path: &RecordPath| matches!(self.home.stat(&path.home_path()), Ok(Some(_)));
        let (back, removed): (Vec<_>, Vec<_>) = findings.removed.into_iter().partition(is_there);
        for path in back {
            stale.entry(path.issue).or_default().extend(path.comment.map(|_| path));
        }
        let mut known: BTreeMap<IssueKey, Location> = BTreeMap::new();
        for location in writer.index().locate(&stale.keys().copied().collect::<Vec<_>>())? {
            let comments = stale.entry(location.key).or_default();
            let tracked = location.files.iter().map(|file| file.path).filter(|path| path.comment.is_some());
            comments.extend(tracked);
            comments.sort_unstable();
            comments.dedup();
            // A record may be known as one that couldn't be read.
            if !writer.index().resolve(location.key.into())?.is_empty() {
                known.insert(location.key, location);
            }
        }
        let stale: Vec<_> = stale.into_iter().collect();
        let mut noticed = (!handle.in_memory && !stale.is_empty()).then(|| Noticed::new(own, self.now()));
        for path in &removed {
            writer.remove_file(path)?;
            writer.remove_problem(&shown(*path))?;
        }
        for path in &findings.mended {
            writer.remove_problem(path)?;
        }
        for problem in &findings.problems {
            writer.put_problem(problem)?;
        }
        for chunk in stale.chunks(RELOAD_CHUNK) {
            let mut reloaded: Vec<_> =
                chunk.iter().map(|(key, comments)| (*key, load(&self.home, &self.schema, *key, comments))).collect();
            // Written again with the same bytes, or looked at too soon after a write: only the state
            // of the files is news.
            for (key, found) in &reloaded {
                if known.get(key).is_some_and(|known| has_same_bytes(known, found)) {
                    put_files(&mut writer, found.files())?;
                }
            }
            reloaded.retain(|(key, found)| !known.remove(key).is_some_and(|known| has_same_bytes(&known, found)));
            changed += reloaded.len();
            let written = if moved { self.written_times(&reloaded) } else { BTreeMap::new() };
            for (key, found) in reloaded {
                // What a sparse checkout leaves out, nobody removed.
                let is_left_out = matches!(found, Found::Missing { .. }) && self.left_out().issues().contains(&key);
                if let Some(noticed) = noticed.as_mut().filter(|_| !is_left_out) {
                    noticed.see(self, &writer, key, &found)?;
                }
                put(&mut writer, key, &found, &written)?;
            }
        }
        for shard in &findings.shards {
            writer.put_shard(shard)?;
        }
        for &shard in &findings.removed_shards {
            writer.remove_shard(shard)?;
        }
        if moved {
            writer.set_head(head.as_deref());
        }
        if let Some(Noticed { note, .. }) = noticed.filter(|noticed| !noticed.note.is_empty()) {
            match self.log_noticed(&note, writer.next_generation()) {
                // Somebody who is stopped keeps it from being told: it is noticed again later.
                Err(StorageError::Locked { .. }) => {
                    return Err(IndexError::Busy { action: "tell of a change", path: self.layout.events() }.into());
                }
                // Answers don't depend on the log.
                _ => writer.commit()?,
            }
        } else {
            writer.commit()?
        };
        self.tally.read_again(stale.len());
        Ok(changed)
    }

    /// Makes the index afresh from the files.
    pub(super) fn rebuild_index(&self, lock: Option<&WriteLock>) -> Result<Handle, StorageError> {
        let rebuilt = match lock {
            Some(lock) => self.rebuild_index_locked(lock),
            None => WriteLock::acquire(&self.layout, &self.lock_options())
                .map_err(StorageError::from)
                .and_then(|lock| self.rebuild_index_locked(&lock)),
        };
        // Whatever keeps a new file from being made: the answer can be had without it.
        rebuilt.or_else(|_| self.index_in_memory())
    }

    /// Makes the index afresh while the lock is held.
    pub(super) fn rebuild_index_locked(&self, _lock: &WriteLock) -> Result<Handle, StorageError> {
        let built = Index::build(&self.layout.index(), &self.schema, &self.fingerprint())
            .map_err(Failure::from)
            .and_then(|builder| self.fill(builder));
        match built {
            Ok(index) => {
                self.tally.rebuild();
                Ok(self.handle(index, false))
            }
            Err(Failure::Index(IndexError::ReadOnly { .. } | IndexError::NoSpace { .. })) => self.index_in_memory(),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Makes an index that lives as long as the process, to answer from.
    pub(super) fn index_in_memory(&self) -> Result<Handle, StorageError> {
        let handle = self.fresh_index()?;
        self.tally.rebuild();
        Ok(handle)
    }

    /// Makes an index in memory.
    pub(super) fn fresh_index(&self) -> Result<Handle, StorageError> {
        let builder = Index::build_in_memory(&self.schema, &self.fingerprint()).map_err(StorageError::from)?;
        let index = self.fill(builder)?;
        Ok(self.handle(index, true))
    }

    fn fill(&self, mut builder: IndexBuilder) -> Result<Index, Failure> {
        let head = self.head();
        let scan = self.scan()?;
        let strays = scan.shards.iter().flat_map(|shard| &shard.strays).chain(&scan.strays);
        for stray in strays.filter(|stray| stray.hides_records()) {
            builder.put_problem(&stray.problem())?;
        }
        for shard in &scan.shards {
            builder.put_shard(&tracked_shard(shard, scan.taken_ns))?;
            let mut issues: BTreeMap<IssueKey, Vec<RecordPath>> = BTreeMap::new();
            for Entry { path, .. } in &shard.entries {
                let comments = issues.entry(path.issue).or_default();
                if path.comment.is_some() {
                    comments.push(*path);
                }
            }
            let loaded: Vec<_> = issues
                .into_iter()
                .map(|(key, comments)| (key, load(&self.home, &self.schema, key, &comments)))
                .collect();
            let written = if head.is_some() { self.written_times(&loaded) } else { BTreeMap::new() };
            for (key, found) in loaded {
                put(&mut builder, key, &found, &written)?;
            }
        }
        builder.set_head(head.as_deref())?;
        Ok(builder.finish()?)
    }

    fn head(&self) -> Option<String> {
        Git::of(&self.layout).and_then(|git| git.checked_out().ok().flatten())
    }

    /// Returns when records were last committed, for those that are as they were committed. The
    /// modification time of the others says more: a checkout sets it to its own time.
    fn written_times(&self, loaded: &[(IssueKey, Found)]) -> BTreeMap<RecordPath, Timestamp> {
        let paths: BTreeSet<RecordPath> = loaded
            .iter()
            .filter_map(|(key, found)| match found {
                Found::Issue(loaded) if loaded.issue.imported_updated.is_none() => Some(RecordPath::issue(*key)),
                _ => None,
            })
            .collect();
        let Some(git) = Git::of(&self.layout).filter(|_| !paths.is_empty()) else { return BTreeMap::new() };
        // Where git can't be asked, the modification times have to do.
        let dirty = git.dirty_paths().unwrap_or_default();
        let clean: BTreeSet<HomePath> =
            paths.iter().map(RecordPath::home_path).filter(|path| !dirty.contains(path)).collect();
        let times = git.commit_times(Some(&clean)).unwrap_or_default();
        clean.iter().filter_map(|path| Some((path.record()?, *times.get(path)?))).collect()
    }
}

/// How many issues are held in memory while they are read again.
const RELOAD_CHUNK: usize = 1000;

/// Whether an issue was found in the bytes the index knows.
fn has_same_bytes(known: &Location, found: &Found) -> bool {
    let Found::Issue(loaded) = found else { return false };
    loaded.problems.is_empty()
        && known.files.len() == loaded.files.len()
        && loaded
            .files
            .iter()
            .all(|file| known.files.iter().any(|known| known.path == file.path && known.hash == file.hash))
}

fn tracked_shard(scan: &ShardScan, taken_ns: i64) -> TrackedShard {
    TrackedShard { shard: scan.shard, stat: scan.stat, taken_ns }
}

/// Groups what changed by issue, each with all of its comments.
fn note_changes<'e>(changes: &Changes, findings: &mut Findings, entries: impl Fn(Shard) -> &'e [Entry]) {
    let Changes { added, changed, racy, removed } = changes;
    let mut stale: BTreeSet<IssueKey> =
        [added, changed, racy].into_iter().flatten().map(|entry| entry.path.issue).collect();
    stale.extend(removed.iter().map(|path| path.issue));
    findings.removed.extend(removed);
    let shards: BTreeSet<Shard> = stale.iter().map(|key| Shard::of(key.number)).collect();
    for key in stale {
        findings.stale.insert(key, Vec::new());
    }
    for shard in shards {
        for Entry { path, .. } in entries(shard) {
            if path.comment.is_some()
                && let Some(comments) = findings.stale.get_mut(&path.issue)
            {
                comments.push(*path);
            }
        }
    }
}

/// Notes what stands where records should, among the `known` problems of the directories that were looked
/// at. `is_in` tells those: a directory of records, or `None` for what lies beside them.
fn note_strays<'s>(
    known: Vec<RecordProblem>,
    strays: impl IntoIterator<Item = &'s Stray>,
    is_in: impl Fn(Option<Shard>) -> bool,
    is_record: impl Fn(&RecordPath) -> bool,
    findings: &mut Findings,
) {
    let strays = strays.into_iter().filter(|stray| stray.hides_records());
    let mut strays: BTreeMap<String, RecordProblem> =
        strays.map(Stray::problem).map(|problem| (problem.path.clone(), problem)).collect();
    for problem in known {
        let same = strays.get(&problem.path).map(|stray| *stray == problem);
        let record = record_at(&problem.path);
        match same {
            Some(true) => drop(strays.remove(&problem.path)),
            Some(false) => {}
            // A record that can't be read has a file, which is looked at like every other.
            None if is_in(directory_of(&problem.path)) && !record.is_some_and(|path| is_record(&path)) => {
                findings.mended.push(problem.path);
            }
            None => {}
        }
    }
    findings.problems.extend(strays.into_values());
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

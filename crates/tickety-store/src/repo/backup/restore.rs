//! Bringing a home back from a backup, into an empty place or over what is there.
//!
//! All files of the home change in one transaction of the journal: killed at any moment, the next command finds all of
//! them as they were or completes them. What surrounds it can be done again: the counter only rises, a log of events is
//! only brought where there is none, and files of the state that are there stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tickety_core::ident::{IssueId, IssueKey, Version};
use tickety_core::issue::Issue;

use super::super::commit::{About, Moves};
use super::super::config::Config;
use super::super::discovery::{self, DiscoveryError};
use super::super::events;
use super::super::files::{Content, FileError, HomeDir, RECORD_LIMIT};
use super::super::format;
use super::super::init::{make_home, usual_root};
use super::super::journal::AppliedRecord;
use super::super::layout::{HomePath, Layout, RecordPath};
use super::super::load::{Found, load};
use super::super::lock::WriteLock;
use super::super::os::{self, Target};
use super::super::store::{RepoOptions, RepoStore};
use super::super::{counter, requests};
use super::archive::Archive;
use super::member::Member;
use super::{put_file, shown_member};
use crate::error::StorageError;
use crate::plan::PlannedChange;

/// What a restore from a backup does, or would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FromBackup {
    /// The folder of the home.
    pub root: PathBuf,
    /// When the backup was made.
    pub taken: Timestamp,
    /// Whether there was no home.
    pub is_new: bool,
    /// The files of the home that aren't as in the backup, by path.
    pub files: Vec<RestoredFile>,
    /// How many are.
    pub unchanged: usize,
    /// Whether the log of events comes from the backup, with new cursors: there was none.
    pub brings_events: bool,
}

/// A file that isn't as in the backup.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RestoredFile {
    /// The path, relative to the root.
    pub path: String,
    /// What becomes of it.
    pub effect: FileEffect,
}

/// What becomes of a file that isn't as in the backup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileEffect {
    /// It was missing and is made.
    Created,
    /// It gets the content of the backup; the one it had is kept in the state directory.
    Replaced,
    /// The backup doesn't have it: it is removed, and kept in the state directory.
    Removed,
    /// The backup doesn't have it: it stays.
    Stays,
    /// It belongs to an issue that has another name now: it is left out.
    Renamed,
}

impl FileEffect {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Stays => "stays",
            Self::Renamed => "renamed",
        }
    }
}

/// A file to change.
struct Step {
    path: HomePath,
    /// Its member; `None` for one to remove.
    place: Option<usize>,
}

/// What is to be done.
#[derive(Default)]
struct Steps {
    files: Vec<RestoredFile>,
    unchanged: usize,
    /// The settings, before anything else.
    settings: Vec<Step>,
    /// The issues and comments.
    issues: BTreeMap<IssueKey, Vec<Step>>,
    /// The records that the home has.
    present: BTreeSet<RecordPath>,
}

impl Steps {
    /// Returns the comments that an issue has.
    fn comments_of(&self, key: IssueKey) -> Vec<RecordPath> {
        let records = self.present.range(RecordPath::issue(key)..).take_while(|record| record.issue == key);
        records.filter(|record| record.comment.is_some()).copied().collect()
    }
}

impl RepoStore {
    /// Says what [`restore_from`](Self::restore_from) would do; changes nothing.
    pub fn preview_restore_from(
        start: &Path,
        backup: &Path,
        is_exact: bool,
        options: RepoOptions,
    ) -> Result<FromBackup, StorageError> {
        let archive = Archive::open(backup)?;
        let (layout, config) = (layout(start)?, config_of(&archive)?);
        let is_new = !layout.home.exists();
        let store = match is_new {
            true => None,
            false => Some(Self::with_config(layout.clone(), HomeDir::open(&layout)?, config, options)),
        };
        if let Some(store) = &store {
            store.recover();
        }
        let steps = plan(store.as_ref(), &archive, is_exact)?;
        let brings_events = !events::has_log(&layout)? && archive.members().any(|(_, member, _)| is_events(member));
        Ok(report(&layout, &archive, (is_new, brings_events), steps))
    }

    /// Brings the home of a folder to what a backup holds, or makes one there. Files that the backup doesn't have stay,
    /// unless it is to be exact. `who` does it, now.
    ///
    /// An archive that isn't whole, or holds anything that no backup has, is refused with
    /// [`StorageError::BadBackup`] before anything changes.
    pub fn restore_from(
        start: &Path,
        backup: &Path,
        is_exact: bool,
        who: (Option<&str>, Timestamp),
        options: RepoOptions,
    ) -> Result<FromBackup, StorageError> {
        let archive = Archive::open(backup)?;
        let (layout, config) = (layout(start)?, config_of(&archive)?);
        let is_new = !layout.home.exists();
        if !is_new {
            // A link in its place leads elsewhere.
            HomeDir::open(&layout)?;
        }
        let anew = is_new.then(|| plan(None, &archive, is_exact)).transpose()?;
        // With a configuration, the next command finds the home, and its journal, whenever this is killed.
        make_home(&layout, &text_of(&archive, &Member::Config)?, &text_of(&archive, &Member::Ignore)?)?;
        let home = HomeDir::open(&layout)?;
        let store = Self::with_config(layout, home, config, options);
        let (steps, brings_events) = store.take_over_backup(&archive, is_exact, who)?;
        Ok(report(&store.layout, &archive, (is_new, brings_events), anew.unwrap_or(steps)))
    }

    fn take_over_backup(
        &self,
        archive: &Archive,
        is_exact: bool,
        (actor, now): (Option<&str>, Timestamp),
    ) -> Result<(Steps, bool), StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        // A journal that is new begins a log where there is none.
        let brings_events = self.bring_events(archive)?;
        let mut journal = self.open_journal(&lock)?;
        let steps = plan(Some(self), archive, is_exact)?;
        counter::raise_above(&self.layout, archive.manifest.next_number)?;
        // What changed before is told before.
        self.look_again(Some(&lock))?;
        let mut changes = BTreeMap::new();
        let mut kept = Vec::new();
        let mut transaction = journal.begin(&self.home, now)?;
        let all = steps.settings.iter().map(|step| (None, std::slice::from_ref(step)));
        for (key, changed) in all.chain(steps.issues.iter().map(|(key, changed)| (Some(*key), &changed[..]))) {
            let before = key.and_then(|key| self.issue_before(key, &steps.comments_of(key)));
            for Step { path, place } in changed {
                let current = self.home.read(path, RECORD_LIMIT)?;
                if let Some(current) = &current {
                    kept.push(self.keep_aside(path, &current.bytes)?);
                }
                let version = current.as_ref().map(Content::version);
                match (place, version) {
                    (Some(place), before) => drop(transaction.put(path, before, &archive.read(*place)?)?),
                    (None, Some(before)) => {
                        let bytes = current.as_ref().map(|current| current.bytes.as_slice()).unwrap_or_default();
                        transaction.remove(path, before, bytes)?;
                    }
                    (None, None) => {}
                }
            }
            let Some(key) = key else { continue };
            let after = self.issue_after(key, before.as_ref().map(|(issue, _)| &**issue), changed, archive)?;
            let is_removed = |step: &Step| step.place.is_none() && step.path == RecordPath::issue(key).home_path();
            // One that can't be read afterwards is noticed as such.
            if after.is_some() || changed.iter().any(is_removed) {
                changes.insert(key, PlannedChange { before, after: after.map(Arc::new) });
            }
        }
        self.sync_kept(&kept)?;
        let note = self.note_of(&changes, &Moves::new(), About { actor, now, source: None });
        drop(changes);
        transaction.note(&note.to_bytes())?;
        let committed = transaction.commit()?;
        self.has_written.store(true, Ordering::Relaxed);
        let id = committed.id();
        let applied = journal.apply(&self.home, committed)?;
        self.put_times_back(archive, &applied.records);
        self.look_again(Some(&lock))?;
        if let Some(id) = id {
            // The journal has the events too, and the next write makes up for what fails here.
            let _ = self.log_write(&lock, &journal, id, &note);
        }
        self.bring_state(archive)?;
        match applied.kept.first() {
            None => Ok((steps, brings_events)),
            Some(kept) => Err(StorageError::Overtaken { path: self.layout.home.join(kept.path.as_str()) }),
        }
    }

    /// Brings the log of events, where there is none. What cursors of it were given out elsewhere, and what the other
    /// log goes on with, nobody knows: it begins a new epoch, in which none of them is valid.
    fn bring_events(&self, archive: &Archive) -> Result<bool, StorageError> {
        let files = archive.members().filter_map(|(place, member, listed)| match member {
            Member::Events(name) => Some((name.as_str(), listed.modified, place)),
            _ => None,
        });
        let files: Vec<(&str, Timestamp, usize)> = files.collect();
        events::bring_log(&self.layout, &files, |place| archive.read(place))
    }

    /// Brings what else the state held and holds no more.
    fn bring_state(&self, archive: &Archive) -> Result<(), StorageError> {
        let mut is_written = false;
        for (place, member, listed) in archive.members() {
            let path = match member {
                Member::Request(name) => self.layout.requests().join(name),
                Member::Contents(name) => self.layout.contents().join(name),
                Member::Kept(name) => self.layout.kept().join(name),
                Member::Ledger(name) => self.layout.ledger().join(name),
                Member::Config | Member::Ignore | Member::Record(_) | Member::Events(_) => continue,
            };
            let bytes = archive.read(place)?;
            if matches!(member, Member::Request(name) if !requests::is_whole(name, &bytes)) {
                continue;
            }
            is_written |= put_file(&path, &bytes, listed.modified)?;
        }
        if !is_written {
            return Ok(());
        }
        let path = &self.layout.state;
        let failed = |source| FileError::Access { action: "sync", path: path.clone(), source };
        let opened = os::open_directory(path).map_err(failed)?;
        match os::sync_file_system(opened.as_fd()) {
            // Where whole file systems can't be synced, a crash takes what the backup still has.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            synced => Ok(synced.map_err(failed)?),
        }
    }

    /// Gives files the times they had: they tell when an issue was last changed.
    fn put_times_back(&self, archive: &Archive, written: &[AppliedRecord]) {
        let times: BTreeMap<HomePath, Timestamp> =
            archive.members().filter_map(|(_, member, listed)| Some((member.home_path()?, listed.modified))).collect();
        for record in written {
            if let (Some(modified), Some(_)) = (times.get(&record.path), record.version)
                && let Ok(file) = os::open_beneath(self.home.fd(), record.path.as_str(), Target::File)
            {
                // Without, it counts as changed now.
                let _ = fs::File::from(file).set_modified((*modified).into());
            }
        }
    }

    /// Reads an issue as it is, if there is one that can be read.
    fn issue_before(&self, key: IssueKey, comments: &[RecordPath]) -> Option<(Arc<Issue>, Version)> {
        match load(&self.home, &self.schema, key, comments) {
            Found::Issue(loaded) => Some((loaded.issue, loaded.version)),
            Found::Missing { .. } | Found::Broken { .. } => None,
        }
    }

    /// Returns an issue as it is once its files are changed; `None` where there is none then, or it can't be read.
    fn issue_after(
        &self,
        key: IssueKey,
        before: Option<&Issue>,
        steps: &[Step],
        archive: &Archive,
    ) -> Result<Option<Issue>, StorageError> {
        let mut issue = before.cloned();
        let mut comments = issue.as_mut().map(|issue| std::mem::take(&mut issue.comments)).unwrap_or_default();
        for Step { path, place } in steps {
            let Some(record) = path.record() else { continue };
            let bytes = place.map(|place| archive.read(place)).transpose()?;
            match record.comment {
                None => {
                    issue = bytes.and_then(|bytes| format::parse_issue(&bytes, key, &self.schema).ok());
                }
                Some(stamp) => {
                    comments.retain(|comment| comment.id.suffix() != stamp.suffix());
                    comments.extend(bytes.and_then(|bytes| format::parse_comment(&bytes, stamp.suffix()).ok()));
                }
            }
        }
        comments.sort_by_key(|comment| (comment.created, comment.id));
        Ok(issue.map(|issue| Issue { comments, ..issue }))
    }
}

/// Compares the files of a home, or of none, with what an archive holds.
fn plan(store: Option<&RepoStore>, archive: &Archive, is_exact: bool) -> Result<Steps, StorageError> {
    let mut steps = Steps::default();
    let mut present = BTreeSet::new();
    if let Some(store) = store {
        present.extend(store.scan()?.shards.iter().flat_map(|shard| &shard.entries).map(|entry| entry.path));
    }
    let held: BTreeSet<RecordPath> = archive
        .members()
        .filter_map(|(_, member, _)| if let Member::Record(record) = member { Some(*record) } else { None })
        .collect();
    let others: Vec<RecordPath> = present.difference(&held).copied().collect();
    let renamed = match (store, is_exact) {
        (Some(store), false) => renamed(store, archive, &present, &others)?,
        _ => BTreeSet::new(),
    };
    for (place, member, _) in archive.members() {
        let Some(path) = member.home_path() else { continue };
        let wanted = archive.version(place)?;
        let current = match store {
            Some(store) => store.home.read(&path, RECORD_LIMIT)?.map(|content| content.version()),
            None => None,
        };
        let effect = match current {
            Some(current) if current == wanted => {
                steps.unchanged += 1;
                continue;
            }
            Some(_) => FileEffect::Replaced,
            None if matches!(member, Member::Record(record) if renamed.contains(&record.issue)) => FileEffect::Renamed,
            None => FileEffect::Created,
        };
        steps.files.push(RestoredFile { path: shown_member(member), effect });
        let step = Step { path, place: Some(place) };
        match member {
            _ if effect == FileEffect::Renamed => {}
            Member::Record(record) => steps.issues.entry(record.issue).or_default().push(step),
            _ => steps.settings.push(step),
        }
    }
    for record in others {
        let effect = if is_exact { FileEffect::Removed } else { FileEffect::Stays };
        steps.files.push(RestoredFile { path: shown_member(&Member::Record(record)), effect });
        if is_exact {
            let step = Step { path: record.home_path(), place: None };
            steps.issues.entry(record.issue).or_default().push(step);
        }
    }
    steps.files.sort();
    steps.present = present;
    Ok(steps)
}

/// Returns the issues of an archive that have another name in the home: with both, an id would be there twice.
fn renamed(
    store: &RepoStore,
    archive: &Archive,
    present: &BTreeSet<RecordPath>,
    others: &[RecordPath],
) -> Result<BTreeSet<IssueKey>, StorageError> {
    let mut ids: BTreeSet<IssueId> = BTreeSet::new();
    for record in others.iter().filter(|record| record.comment.is_none()) {
        if let Some(content) = store.home.read(&record.home_path(), RECORD_LIMIT)?
            && let Ok(issue) = format::parse_issue(&content.bytes, record.issue, &store.schema)
        {
            ids.insert(issue.id);
        }
    }
    let mut renamed = BTreeSet::new();
    for (place, member, _) in archive.members() {
        if let Member::Record(record @ RecordPath { issue: key, comment: None }) = member
            && !ids.is_empty()
            && !present.contains(record)
            && let Ok(issue) = format::parse_issue(&archive.read(place)?, *key, &store.schema)
            && ids.contains(&issue.id)
        {
            renamed.insert(*key);
        }
    }
    Ok(renamed)
}

fn is_events(member: &Member) -> bool {
    matches!(member, Member::Events(_))
}

fn report(layout: &Layout, archive: &Archive, (is_new, brings_events): (bool, bool), steps: Steps) -> FromBackup {
    let Steps { files, unchanged, settings: _, issues: _, present: _ } = steps;
    FromBackup { root: layout.root.clone(), taken: archive.manifest.taken, is_new, files, unchanged, brings_events }
}

/// Finds the home of a folder, or where one would be made.
fn layout(start: &Path) -> Result<Layout, StorageError> {
    match discovery::discover(start) {
        Err(DiscoveryError::NoHome { .. }) => Ok(discovery::layout_at(&usual_root(start)?)?),
        Err(DiscoveryError::NoConfig { home }) => Ok(discovery::layout_at(home.parent().unwrap_or(&home))?),
        found => Ok(found?),
    }
}

/// Reads the configuration that an archive holds.
fn config_of(archive: &Archive) -> Result<Config, StorageError> {
    let text = text_of(archive, &Member::Config)?;
    Config::parse(&text, Path::new("config.toml"))
        .map_err(|error| archive.bad(&format!("has a configuration that can't be used: {error}")))
}

/// Reads a text of an archive; an empty one where it has none.
fn text_of(archive: &Archive, wanted: &Member) -> Result<String, StorageError> {
    let found = archive.members().find(|(_, member, _)| *member == wanted);
    let place = match (found, wanted) {
        (Some((place, ..)), _) => place,
        (None, Member::Config) => return Err(archive.bad("has no configuration")),
        (None, _) => return Ok(String::new()),
    };
    String::from_utf8(archive.read(place)?).map_err(|_| archive.bad(&format!("{wanted} is not UTF-8")))
}

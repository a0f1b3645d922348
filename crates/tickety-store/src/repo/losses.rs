//! What was acknowledged and isn't there as it was left: because git, an editor or a script made it so, or because it was
//! deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueSelector, Version, alias_reference};
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::contents;
use super::files::RECORD_LIMIT;
use super::format;
use super::git::Git;
use super::journal::Acknowledged;
use super::layout::{HomePath, RecordPath};
use super::lock::WriteLock;
use super::remains::{self, Gone};
use super::restore::{Loss, Restorable};
use super::store::RepoStore;
use crate::error::StorageError;

const NS: i64 = 1_000_000_000;

/// A file that isn't as it was left.
pub(super) struct Lost {
    pub(super) path: HomePath,
    pub(super) record: RecordPath,
    pub(super) loss: Loss,
    /// When it was written last, or removed.
    pub(super) time_ns: i64,
    /// What was acknowledged last, and what is there instead.
    pub(super) last: Version,
    pub(super) current: Option<Version>,
    /// The work tree that is gone in which it was written, by its place among them.
    pub(super) gone: Option<usize>,
}

/// The files that aren't as they were left, with what was acknowledged.
pub(super) struct Losses {
    pub(super) files: Vec<Lost>,
    acknowledged: Acknowledged,
    gone: Vec<Gone>,
}

impl Losses {
    /// Returns what was acknowledged where a file was written.
    fn acknowledged_for(&self, lost: &Lost) -> &Acknowledged {
        lost.gone.map_or(&self.acknowledged, |place| &self.gone[place].acknowledged)
    }

    /// Whether a record that is there was removed by Tickety, as the old one of an issue is that gets another number: then
    /// something else has brought it back.
    fn came_back(&self, lost: &Lost, issue: IssueKey) -> bool {
        let path = RecordPath::issue(issue).home_path();
        self.acknowledged_for(lost).files().get(&path).is_some_and(|last| last.removed)
    }

    /// Returns the files under the names that an issue had before: where they are there, something else has brought them
    /// back.
    pub(super) fn old_files(&self, lost: &Lost, issue: &Issue) -> Vec<HomePath> {
        let acknowledged = self.acknowledged_for(lost);
        let is_old = |path: &RecordPath| issue.references.contains(&alias_reference(path.issue));
        let removed = acknowledged.files().iter().filter(|(_, last)| last.removed).map(|(path, _)| path);
        removed.filter(|path| path.record().as_ref().is_some_and(is_old)).cloned().collect()
    }

    /// Whether a content of a file is known: written by Tickety, or there when Tickety wrote in its place.
    pub(super) fn knows(&self, lost: &Lost, path: &HomePath, version: Version) -> bool {
        let acknowledged = self.acknowledged_for(lost);
        acknowledged.has_written(path, version) || acknowledged.has_replaced(path, version)
    }

    /// Reads what was acknowledged last for a file.
    pub(super) fn last_content(&self, lost: &Lost) -> Result<Option<Vec<u8>>, StorageError> {
        let acknowledged = self.acknowledged_for(lost);
        let Some(last) = acknowledged.files().get(&lost.path) else { return Ok(None) };
        Ok(acknowledged.read(last)?)
    }

    /// Whether Tickety wrote a content once.
    pub(super) fn has_written(&self, path: &HomePath, version: Version) -> bool {
        self.acknowledged.has_written(path, version)
    }

    /// Whether the last content of a file is how a merge was settled: what it was made of, git has.
    pub(super) fn is_settled(&self, lost: &Lost) -> bool {
        lost.gone.is_none() && self.acknowledged.has_settled(&lost.path, lost.last)
    }

    /// Returns the issues of all files that are known to have been written.
    pub(super) fn known(&self) -> impl Iterator<Item = IssueKey> {
        let all = [&self.acknowledged].into_iter().chain(self.gone.iter().map(|gone| &gone.acknowledged));
        let files = all.flat_map(|acknowledged| acknowledged.files().keys());
        files.filter_map(HomePath::record).map(|record| record.issue)
    }

    fn last_issue(&self, lost: &Lost, schema: &Schema) -> Result<Option<Issue>, StorageError> {
        let bytes = self.last_content(lost)?;
        Ok(bytes.and_then(|bytes| format::parse_issue(&bytes, lost.record.issue, schema).ok()))
    }
}

impl RepoStore {
    /// Compares all that was acknowledged with what is there. The index, which tells what has another name now, is to be
    /// up to date.
    pub(super) fn losses(&self, lock: Option<&WriteLock>) -> Result<Losses, StorageError> {
        let acknowledged = contents::acknowledged(&self.layout)?;
        let mut files = Vec::new();
        let left_out = self.left_out();
        for (path, last) in acknowledged.files() {
            let (Some(record), Some(version)) = (path.record(), last.version()) else { continue };
            // What can't be read is there, and for people to look at.
            let Ok(current) = self.home.read(path, RECORD_LIMIT) else { continue };
            let current = current.map(|current| current.version());
            if current.is_none() && left_out.has(path) {
                continue;
            }
            let loss = match (current, last.removed) {
                (None, true) => Loss::Deleted,
                (None, false) => Loss::Missing,
                // It was made again by something else.
                (Some(_), true) => continue,
                (Some(current), false) if current == version => continue,
                (Some(_), false) => Loss::Changed,
            };
            let (path, time_ns) = (path.clone(), last.time_ns);
            files.push(Lost { path, record, loss, time_ns, last: version, current, gone: None });
        }
        let gone = remains::gone(&self.layout)?;
        let mut losses = Losses { files, acknowledged, gone };
        if !losses.gone.is_empty() {
            self.add_gone(&mut losses)?;
        }
        // What has another name now is not lost.
        let mut moved = BTreeSet::new();
        for lost @ Lost { record, loss, .. } in &losses.files {
            if *loss != Loss::Changed
                && record.comment.is_none()
                && let Some(issue) = losses.last_issue(lost, &self.schema)?
                && self
                    .ask(lock, |handle| Ok(handle.index.resolve(IssueSelector::Id(issue.id))?))?
                    .iter()
                    .any(|known| *known != record.issue && !losses.came_back(lost, *known))
            {
                moved.insert(record.issue);
            }
        }
        losses.files.retain(|lost| !moved.contains(&lost.record.issue));
        Ok(losses)
    }

    /// Adds what was acknowledged in work trees that are gone and is neither in git nor in a work tree that is there.
    fn add_gone(&self, losses: &mut Losses) -> Result<(), StorageError> {
        // Without it nobody knows what is lost.
        let Some(git) = Git::of(&self.layout) else { return Ok(()) };
        let mut found: BTreeMap<HomePath, Lost> = BTreeMap::new();
        for (place, Gone { acknowledged, .. }) in losses.gone.iter().enumerate() {
            for (path, last) in acknowledged.files() {
                let (Some(record), Some(version), false) = (path.record(), last.version(), last.removed) else {
                    continue;
                };
                let is_older = |other: &Lost| last.time_ns < other.time_ns;
                if losses.acknowledged.has_written(path, version) || found.get(path).is_some_and(is_older) {
                    continue;
                }
                let Ok(current) = self.home.read(path, RECORD_LIMIT) else { continue };
                let current = current.map(|current| current.version());
                if current == Some(version) {
                    found.remove(path);
                    continue;
                }
                let loss = if current.is_some() { Loss::Changed } else { Loss::Missing };
                let (time_ns, gone) = (last.time_ns, Some(place));
                let lost = Lost { path: path.clone(), record, loss, time_ns, last: version, current, gone };
                found.insert(path.clone(), lost);
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        for path in git.has_contents(&found.iter().map(|(path, lost)| (path.clone(), lost.last)).collect())? {
            found.remove(&path);
        }
        let others = if found.is_empty() { Vec::new() } else { remains::others(&self.layout)? };
        found.retain(|path, lost| !others.iter().any(|other| other.has_written(path, lost.last)));
        // Who committed something of their own later went on from it, in an editor.
        if let Some(since) = found.values().map(|lost| lost.time_ns.div_euclid(NS)).min() {
            for committed in git.committed_anywhere(since)? {
                let is_later = |lost: &Lost| {
                    let written = &losses.gone[lost.gone.unwrap_or_default()].acknowledged;
                    committed.time > lost.time_ns.div_euclid(NS)
                        && committed.version.is_none_or(|version| {
                            let path = &committed.path;
                            !written.has_written(path, version) && !written.has_replaced(path, version)
                        })
                };
                if found.get(&committed.path).is_some_and(is_later) {
                    found.remove(&committed.path);
                }
            }
        }
        // Of two contents of a file one can be put back: that which git doesn't have, and the later.
        let twice = losses.files.iter().filter(|lost| found.contains_key(&lost.path));
        let committed = git.has_contents(&twice.map(|lost| (lost.path.clone(), lost.last)).collect())?;
        losses.files.retain(|lost| match found.get(&lost.path) {
            Some(gone) if !committed.contains(&lost.path) && gone.time_ns < lost.time_ns => {
                found.remove(&lost.path);
                true
            }
            gone => gone.is_none(),
        });
        losses.files.extend(found.into_values());
        losses.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }

    /// Returns the issues of lost files, by name.
    pub(super) fn issues_of(&self, losses: &Losses) -> Result<Vec<Restorable>, StorageError> {
        let mut found: BTreeMap<IssueKey, Restorable> = BTreeMap::new();
        for lost @ Lost { record, loss, time_ns, gone, .. } in &losses.files {
            let written = Timestamp::from_second(time_ns / NS).unwrap_or_default();
            let key = record.issue;
            let work_tree = gone.map(|place| losses.gone[place].work_tree.clone());
            let new = Restorable { key, title: None, written, loss: *loss, files: 0, work_tree: None, settled: true };
            let issue = found.entry(key).or_insert(new);
            issue.work_tree = issue.work_tree.take().or(work_tree);
            issue.files += 1;
            issue.settled &= losses.is_settled(lost);
            issue.written = issue.written.max(written);
            issue.loss = issue.loss.min(*loss);
            if record.comment.is_none() {
                issue.title = losses.last_issue(lost, &self.schema)?.map(|issue| issue.title);
            }
        }
        Ok(found.into_values().collect())
    }
}

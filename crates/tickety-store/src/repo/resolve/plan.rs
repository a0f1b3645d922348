//! What becomes of each file that git left unmerged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector, Suffix};
use tickety_core::issue::{Comment, Issue};
use tickety_core::merge::Side;

use super::super::files::Content;
use super::super::format::{self, FormatProblem, IssueFile, conflict};
use super::super::git::{Git, SideChange, SideChanges, Stage, Staged};
use super::super::layout::{CommentStamp, HOME_DIR, HomePath, RecordPath};
use super::super::load::shown;
use super::super::restore::names;
use super::super::store::RepoStore;
use super::super::unreadable::record_at;
use super::{FileChange, LeftFile, ResolvedIssue, Work};
use crate::error::StorageError;
use crate::storage::RecordProblem;

/// The mode of a file that is no program.
pub(super) const PLAIN_FILE: &str = "100644";

/// Makes up what is written.
pub(super) struct Planner<'s> {
    pub(super) store: &'s RepoStore,
    pub(super) git: Option<Git>,
    /// What names the other side of an unfinished merge.
    pub(super) other: Option<&'static str>,
    wanted: Option<&'s [IssueSelector]>,
    changes: SideChanges,
    /// The records as they will be.
    pub(super) records: BTreeSet<RecordPath>,
    /// The files that git has as unmerged.
    pub(super) unmerged: BTreeSet<RecordPath>,
    /// An id of the repository, if anything is unmerged: what is written then goes into git's index, too.
    pub(super) staging: Option<String>,
    resolved: BTreeMap<IssueKey, ResolvedIssue>,
    pub(super) work: Work,
}

/// A version of a file.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) path: RecordPath,
    mode: String,
    pub(super) bytes: Vec<u8>,
}

impl Version {
    /// Makes one of a file that is no program.
    pub(super) fn plain(path: RecordPath, bytes: Vec<u8>) -> Self {
        Self { path, mode: PLAIN_FILE.to_owned(), bytes }
    }

    fn file(&self) -> IssueFile<'_> {
        IssueFile { bytes: &self.bytes, key: self.path.issue }
    }
}

/// The versions of one file, which may have several names.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) base: Option<Version>,
    pub(super) ours: Option<Version>,
    pub(super) theirs: Option<Version>,
}

impl Group {
    pub(super) fn slot(&mut self, number: u8) -> &mut Option<Version> {
        match number {
            1 => &mut self.base,
            2 => &mut self.ours,
            _ => &mut self.theirs,
        }
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        [&self.base, &self.ours, &self.theirs].into_iter().flatten()
    }

    pub(super) fn paths(&self) -> BTreeSet<RecordPath> {
        self.versions().map(|version| version.path).collect()
    }

    /// Takes what another group has, if each has what the other lacks.
    fn join(&mut self, other: &Self) -> bool {
        let pairs = [(&self.base, &other.base), (&self.ours, &other.ours), (&self.theirs, &other.theirs)];
        if pairs.iter().any(|(one, other)| one.is_some() && other.is_some()) {
            return false;
        }
        let Self { base, ours, theirs } = other.clone();
        self.base = self.base.take().or(base);
        self.ours = self.ours.take().or(ours);
        self.theirs = self.theirs.take().or(theirs);
        true
    }

    /// Where both sides have renamed a file, git merges it first and gives both the result, with its markers.
    fn take_apart(&mut self) {
        let Self { base: _, ours: Some(ours), theirs: Some(theirs) } = self else { return };
        if ours.path != theirs.path
            && ours.bytes == theirs.bytes
            && let Some(versions) = str::from_utf8(&ours.bytes).ok().and_then(conflict::versions)
        {
            (ours.bytes, theirs.bytes) = (versions.ours.into_bytes(), versions.theirs.into_bytes());
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.ours.is_some() && self.theirs.is_some()
    }
}

impl<'s> Planner<'s> {
    pub(super) fn new(store: &'s RepoStore, wanted: Option<&'s [IssueSelector]>) -> Result<Self, StorageError> {
        let scan = store.scan()?;
        let records = scan.shards.iter().flat_map(|shard| &shard.entries).map(|entry| entry.path).collect();
        Ok(Self {
            store,
            git: Git::of(&store.layout),
            other: None,
            wanted,
            changes: SideChanges::default(),
            records,
            unmerged: BTreeSet::new(),
            staging: None,
            resolved: BTreeMap::new(),
            work: Work::default(),
        })
    }

    /// Settles what git has several versions of.
    pub(super) fn merge_stages(&mut self) -> Result<(), StorageError> {
        let Some(git) = self.git.clone() else { return Ok(()) };
        let stages = git.unmerged()?;
        self.other = git.other_head()?;
        if let Some(other) = self.other
            && !stages.is_empty()
        {
            self.changes = git.side_changes(other)?;
        }
        let contents = git.contents(stages.iter().map(|stage| stage.id.as_str()))?;
        self.staging = stages.first().map(|stage| stage.id.clone());
        let mut by_path: BTreeMap<RecordPath, Group> = BTreeMap::new();
        for (stage, bytes) in stages.into_iter().zip(contents) {
            let Stage { path, number, mode, id: _ } = stage;
            match (path.record(), bytes) {
                (Some(record), Some(bytes)) => {
                    self.unmerged.insert(record);
                    *by_path.entry(record).or_default().slot(number) = Some(Version { path: record, mode, bytes });
                }
                (Some(record), None) => {
                    self.unmerged.insert(record);
                    self.leave(shown(record), "is too large, or no file: settle it by hand".to_owned());
                }
                (None, _) => self
                    .leave(format!("{HOME_DIR}/{path}"), "is no issue: settle it by hand, and `git add` it".to_owned()),
            }
        }
        let (issues, comments): (Vec<Group>, Vec<Group>) = join(self.part(&git, by_path.into_values())?.into_iter())
            .into_iter()
            .partition(|group| group.paths().iter().all(is_issue));
        for group in issues {
            if self.is_wanted(&group) {
                self.settle_issue(group)?;
            }
        }
        for group in comments {
            if self.is_wanted(&group) {
                self.settle_comment(group)?;
            }
        }
        Ok(())
    }

    fn is_wanted(&self, group: &Group) -> bool {
        group.paths().iter().any(|path| self.wants(path.issue))
    }

    pub(super) fn wants(&self, key: IssueKey) -> bool {
        self.wanted.is_none_or(|wanted| wanted.iter().any(|selector| names(*selector, key)))
    }

    pub(super) fn settle_issue(&mut self, mut group: Group) -> Result<(), StorageError> {
        if self.is_settled_by_hand(&group)? {
            return Ok(());
        }
        if !group.is_whole() {
            self.find_renumbered(&mut group)?;
        }
        group.take_apart();
        self.find_common(&mut group)?;
        let (our_time, their_time) = (self.time(&group, true), self.time(&group, false));
        let Group { base, ours, theirs } = &group;
        let (ours, theirs) = match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (Some(left), None) | (None, Some(left)) => {
                let (left, is_ours, was_there) = (left.clone(), ours.is_some(), base.is_some());
                return self.keep_issue(&group, &left, is_ours, was_there);
            }
            (None, None) => {
                group.paths().into_iter().try_for_each(|path| self.drop_file(path))?;
                return Ok(());
            }
        };
        let merged = match format::merge_issue_files(
            base.as_ref().map(Version::file),
            Side::new(ours.file(), our_time),
            Side::new(theirs.file(), their_time),
            &self.store.schema,
        ) {
            Ok(merged) => merged,
            Err(error) => {
                for path in group.paths() {
                    self.leave(shown(path), format!("{error}: settle it by hand, and `git add` it"));
                }
                return Ok(());
            }
        };
        let before = self.store.issue_in(ours.path, &ours.bytes);
        self.take(&group, merged, before, &ours.mode.clone())
    }

    /// Takes over a merged issue: its file, under the name that it has now, and the notes.
    fn take(
        &mut self,
        group: &Group,
        merged: format::MergedIssueFile,
        before: Option<Issue>,
        mode: &str,
    ) -> Result<(), StorageError> {
        let format::MergedIssueFile { bytes, merged } = merged;
        let issue = merged.issue.expect("both sides have the issue");
        let path = RecordPath::issue(issue.key());
        let paths = group.paths();
        self.put_file(path, bytes, mode, &paths)?;
        for other in paths.into_iter().filter(|other| *other != path) {
            self.drop_file(other)?;
            self.report(path.issue).renumbered_from = Some(other.issue);
        }
        let report = self.report(path.issue);
        report.title = Some(issue.title.clone());
        report.overruled = merged.overruled;
        report.body_conflict = merged.body_conflict;
        for note in &merged.notes {
            self.put_note(path.issue, note)?;
        }
        let after = Issue { comments: merged.notes, ..issue };
        let before = before.map(|before| Issue { comments: Vec::new(), number: after.number, ..before });
        self.work.issues.insert(path.issue, (before, Some(after)));
        Ok(())
    }

    fn put_note(&mut self, key: IssueKey, note: &Comment) -> Result<(), StorageError> {
        let path = RecordPath::comment(key, CommentStamp::new(note.created, note.id.suffix()));
        let bytes = format::print_comment(note)
            .map_err(|error| StorageError::Unreadable { problem: error.into_record_problem(shown(path)) })?;
        // Whoever merged the same before has made the same note.
        match self.store.read_record(&path.home_path())? {
            Some(known) => self.stage(path, Some(known.bytes), PLAIN_FILE),
            None => self.put_file(path, bytes, PLAIN_FILE, &BTreeSet::new())?,
        }
        Ok(())
    }

    /// Keeps an issue that only one side has.
    fn keep_issue(
        &mut self,
        group: &Group,
        left: &Version,
        is_ours: bool,
        was_there: bool,
    ) -> Result<(), StorageError> {
        if !was_there && self.is_torn(left.path, &left.bytes) {
            let message = "has two issues between its markers: settle it by hand, and `git add` it";
            self.leave(shown(left.path), message.to_owned());
            return Ok(());
        }
        self.put_file(left.path, left.bytes.clone(), &left.mode, &group.paths())?;
        for other in group.paths().into_iter().filter(|other| *other != left.path) {
            self.drop_file(other)?;
        }
        let issue = self.store.issue_in(left.path, &left.bytes);
        let report = self.report(left.path.issue);
        report.undeleted = was_there;
        report.title = issue.as_ref().map(|issue| issue.title.clone());
        let before = issue.clone().filter(|_| is_ours);
        self.work.issues.insert(left.path.issue, (before, issue));
        let commit = if is_ours { Some("HEAD") } else { self.other };
        match commit.filter(|_| was_there) {
            Some(commit) => self.bring_back(commit, left.path.issue),
            None => Ok(()),
        }
    }

    /// Brings back the files of an issue that a commit has and nobody else.
    pub(super) fn bring_back(&mut self, commit: &str, key: IssueKey) -> Result<(), StorageError> {
        let Some(git) = &self.git else { return Ok(()) };
        let files = git.files_at(commit, RecordPath::issue(key))?;
        let missing: Vec<_> = files
            .into_iter()
            .filter(|(path, _)| !self.records.contains(path) && !self.unmerged.contains(path))
            .collect();
        let contents = git.contents(missing.iter().map(|(_, id)| id.as_str()))?;
        for ((path, _), bytes) in missing.into_iter().zip(contents) {
            let Some(bytes) = bytes else { continue };
            if is_issue(&path) {
                let issue = self.store.issue_in(path, &bytes);
                let report = self.report(key);
                report.undeleted = true;
                report.title = issue.as_ref().map(|issue| issue.title.clone());
                self.work.issues.insert(key, (None, issue));
            }
            self.put_file(path, bytes, PLAIN_FILE, &BTreeSet::new())?;
        }
        Ok(())
    }

    /// Looks for the side of an issue that seems to be deleted and has got another number.
    fn find_renumbered(&mut self, group: &mut Group) -> Result<(), StorageError> {
        let Some(known) = group.versions().next().cloned() else { return Ok(()) };
        let Some(issue) = self.store.issue_in(known.path, &known.bytes) else { return Ok(()) };
        for key in self.twins(known.path.issue.suffix) {
            let path = RecordPath::issue(key);
            if group.paths().contains(&path) || self.unmerged.contains(&path) {
                continue;
            }
            let Some(content) = self.store.read_record(&path.home_path())? else { continue };
            if self.store.issue_in(path, &content.bytes).is_some_and(|twin| twin.id == issue.id) {
                let version = Some(Version { path, mode: PLAIN_FILE.to_owned(), bytes: content.bytes });
                match (&group.ours, &group.theirs) {
                    (Some(_), None) => group.theirs = version,
                    (None, Some(_)) => group.ours = version,
                    _ => {}
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lists the records whose names end alike.
    pub(super) fn twins(&self, suffix: Suffix) -> Vec<IssueKey> {
        let twins = self.records.iter().filter(|path| is_issue(path) && path.issue.suffix == suffix);
        twins.map(|path| path.issue).collect()
    }

    fn settle_comment(&mut self, mut group: Group) -> Result<(), StorageError> {
        if self.is_settled_by_hand(&group)? {
            return Ok(());
        }
        self.find_common(&mut group)?;
        let (our_time, their_time) = (self.time(&group, true), self.time(&group, false));
        let Group { base, ours, theirs } = &group;
        let number = |version: &Version| version.path.issue;
        let (path, bytes, mode, conflict) = match (ours, theirs) {
            (None, None) => return group.paths().into_iter().try_for_each(|path| self.drop_file(path)),
            (Some(left), None) | (None, Some(left)) => (left.path, left.bytes.clone(), left.mode.clone(), false),
            (Some(ours), Some(theirs)) => {
                let issue = match base.as_ref().map(number) {
                    Some(base) if base == number(ours) => number(theirs),
                    Some(base) if base == number(theirs) => number(ours),
                    _ => number(ours).min(number(theirs)),
                };
                let stamp = ours.path.comment.expect("it is the file of a comment");
                let base = base.as_ref().map(|base| base.bytes.as_slice());
                let (our, their) = (Side::new(&*ours.bytes, our_time), Side::new(&*theirs.bytes, their_time));
                match format::merge_comment_files(base, our, their, stamp.suffix()) {
                    Ok(merged) => (RecordPath::comment(issue, stamp), merged.bytes, ours.mode.clone(), merged.conflict),
                    Err(error) => {
                        for path in group.paths() {
                            self.leave(shown(path), format!("{error}: settle it by hand, and `git add` it"));
                        }
                        return Ok(());
                    }
                }
            }
        };
        self.put_file(path, bytes, &mode, &group.paths())?;
        for other in group.paths().into_iter().filter(|other| *other != path) {
            self.drop_file(other)?;
        }
        let report = self.report(path.issue);
        report.comment_conflicts.extend(conflict.then(|| shown(path)));
        Ok(())
    }

    /// Settles files that have markers and no versions in git.
    pub(super) fn merge_marked(&mut self, problems: &[RecordProblem]) -> Result<(), StorageError> {
        let paths: BTreeSet<RecordPath> = problems.iter().filter_map(|problem| record_at(&problem.path)).collect();
        for path in paths {
            if self.unmerged.contains(&path) || !self.wants(path.issue) {
                continue;
            }
            let Some(content) = self.store.read_record(&path.home_path())? else { continue };
            if self.has_markers(path, &content.bytes) {
                self.merge_marked_file(path, &content)?;
            }
        }
        Ok(())
    }

    fn has_markers(&self, path: RecordPath, bytes: &[u8]) -> bool {
        let problem = match path.comment {
            None => format::parse_issue(bytes, path.issue, &self.store.schema).err().map(|error| error.problem),
            Some(stamp) => format::parse_comment(bytes, stamp.suffix()).err().map(|error| error.problem),
        };
        problem == Some(FormatProblem::MergeConflict)
    }

    fn merge_marked_file(&mut self, path: RecordPath, content: &Content) -> Result<(), StorageError> {
        let text = String::from_utf8_lossy(&content.bytes);
        let Some(conflict::Versions { ours, base, theirs }) = conflict::versions(&text) else {
            self.leave(shown(path), "its markers can't be told from its text: settle it by hand".to_owned());
            return Ok(());
        };
        let version = |text: String| Version { path, mode: PLAIN_FILE.to_owned(), bytes: text.into_bytes() };
        let group = Group { base: base.map(version), ours: Some(version(ours)), theirs: Some(version(theirs)) };
        // Git knows nothing of these.
        let staging = self.staging.take();
        let settled = if is_issue(&path) { self.settle_issue(group) } else { self.settle_comment(group) };
        self.staging = staging;
        settled
    }

    /// Whether somebody has settled a file that git still has as unmerged: it can be read and is none of the versions.
    fn is_settled_by_hand(&mut self, group: &Group) -> Result<bool, StorageError> {
        let paths = group.paths();
        let (Some(path), 1) = (paths.first().copied(), paths.len()) else { return Ok(false) };
        let Some(content) = self.store.read_record(&path.home_path())? else { return Ok(false) };
        let plain = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<u8>>();
        let is_version = || group.versions().any(|version| plain(&version.bytes) == plain(&content.bytes));
        let is_torn = || is_issue(&path) && self.is_torn(path, &content.bytes);
        if self.has_markers(path, &content.bytes) || is_torn() || is_version() {
            return Ok(false);
        }
        self.leave(shown(path), "has been settled by hand: `git add` it".to_owned());
        Ok(true)
    }

    fn time(&self, group: &Group, is_ours: bool) -> Option<Timestamp> {
        let changes = if is_ours { &self.changes.ours } else { &self.changes.theirs };
        group.paths().iter().filter_map(|path| changes.get(&path.home_path())).map(|change| change.last).max()
    }

    /// Takes the last content that a file had on both sides for what both come from. After a squash merge git doesn't
    /// know that one side is what the other was, and takes what was done before for done twice.
    fn find_common(&self, group: &mut Group) -> Result<(), StorageError> {
        let (Some(git), Some("MERGE_HEAD"), Some(ours)) = (&self.git, self.other, &group.ours) else { return Ok(()) };
        let path = ours.path;
        if group.paths().len() > 1 || !group.is_whole() {
            return Ok(());
        }
        let of = |changes: &BTreeMap<HomePath, SideChange>| {
            changes.get(&path.home_path()).map(|change| change.contents.clone()).unwrap_or_default()
        };
        let theirs = of(&self.changes.theirs);
        // Where a file was removed, it has an id of zeros.
        let is_common = |id: &&String| theirs.contains(id) && id.bytes().any(|byte| byte != b'0');
        let Some(common) = of(&self.changes.ours).iter().find(is_common).cloned() else { return Ok(()) };
        if let Some(Some(bytes)) = git.contents([common.as_str()])?.pop() {
            group.base = Some(Version { path, mode: PLAIN_FILE.to_owned(), bytes });
        }
        Ok(())
    }

    /// Gives a file a content, which is as the repository has it; its line breaks here are those of the files in
    /// whose place it comes.
    pub(super) fn put_file(
        &mut self,
        path: RecordPath,
        bytes: Vec<u8>,
        mode: &str,
        instead_of: &BTreeSet<RecordPath>,
    ) -> Result<(), StorageError> {
        let home_path = path.home_path();
        let before = self.store.read_record(&home_path)?;
        let mut here = bytes.clone();
        if !bytes.contains(&b'\r') {
            let first_line = |content: &Content| content.bytes.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec);
            let mut model = before.as_ref().and_then(first_line);
            for other in instead_of {
                if model.is_none() {
                    model = self.store.read_record(&other.home_path())?.as_ref().and_then(first_line);
                }
            }
            // A marker has the line breaks of what it stands in.
            if model.is_some_and(|line| line.ends_with(b"\r")) {
                here = String::from_utf8_lossy(&bytes).replace('\n', "\r\n").into_bytes();
            }
        }
        self.report(path.issue).files += 1;
        self.records.insert(path);
        self.stage(path, Some(bytes), mode);
        if before.as_ref().is_none_or(|before| before.bytes != here) {
            self.work.files.insert(home_path, FileChange { before, after: Some(here) });
        }
        Ok(())
    }

    /// Removes a file whose content is elsewhere now, or that nobody wants.
    pub(super) fn drop_file(&mut self, path: RecordPath) -> Result<(), StorageError> {
        let home_path = path.home_path();
        self.records.remove(&path);
        self.stage(path, None, PLAIN_FILE);
        if let Some(before) = self.store.read_record(&home_path)? {
            self.work.files.insert(home_path, FileChange { before: Some(before), after: None });
        }
        Ok(())
    }

    fn stage(&mut self, path: RecordPath, content: Option<Vec<u8>>, mode: &str) {
        if let Some(id) = &self.staging {
            let path: HomePath = path.home_path();
            self.work.staged.push(Staged { path, content, mode: mode.to_owned(), id: id.clone() });
        }
    }

    /// Returns what a file will have.
    pub(super) fn content_of(&self, path: RecordPath) -> Result<Option<Vec<u8>>, StorageError> {
        let path = path.home_path();
        match self.work.files.get(&path) {
            Some(change) => Ok(change.after.clone()),
            None => Ok(self.store.read_record(&path)?.map(|content| content.bytes)),
        }
    }

    pub(super) fn report(&mut self, key: IssueKey) -> &mut ResolvedIssue {
        self.resolved.entry(key).or_insert_with(|| ResolvedIssue::new(key))
    }

    pub(super) fn leave(&mut self, path: String, message: String) {
        let left = LeftFile { path, message };
        if !self.work.resolution.left.contains(&left) {
            self.work.resolution.left.push(left);
        }
    }

    /// Returns what is to be written and told.
    pub(super) fn finish(mut self) -> Work {
        let mut numbers: BTreeMap<IssueNumber, BTreeSet<IssueKey>> = BTreeMap::new();
        for path in self.records.iter().filter(|path| is_issue(path)) {
            numbers.entry(path.issue.number).or_default().insert(path.issue);
        }
        numbers.retain(|_, keys| keys.len() > 1 && keys.iter().any(|key| self.wants(*key)));
        self.work.is_merging = self.other.is_some();
        self.work.resolution.ambiguous = numbers;
        self.work.resolution.resolved = self.resolved.into_values().collect();
        self.work.resolution.staged = self.work.staged.len();
        self.work
    }
}

pub(super) fn is_issue(path: &RecordPath) -> bool {
    path.comment.is_none()
}

/// Puts versions together that have several names: an issue may have got another number on one side.
fn join(groups: impl Iterator<Item = Group>) -> Vec<Group> {
    let mut whole = Vec::new();
    let mut parts: BTreeMap<(Suffix, Option<CommentStamp>), Vec<Group>> = BTreeMap::new();
    for group in groups {
        let Some(path) = group.paths().first().copied() else { continue };
        if group.is_whole() {
            whole.push(group);
            continue;
        }
        let known = parts.entry((path.issue.suffix, path.comment)).or_default();
        if !known.iter_mut().any(|known| known.join(&group)) {
            known.push(group);
        }
    }
    whole.extend(parts.into_values().flatten());
    whole
}

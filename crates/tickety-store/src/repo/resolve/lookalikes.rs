//! Issues that git took for one another: it tells by likeness what was renamed, and short issues are alike in most of
//! their lines. An edit of one that the other side deleted is then merged into one that the other side made.

use std::collections::BTreeMap;

use tickety_core::ident::Suffix;

use super::super::format::{self, FormatProblem, conflict};
use super::super::git::Git;
use super::super::layout::RecordPath;
use super::super::load::shown;
use super::plan::{Group, PLAIN_FILE, Planner, Version, is_issue};
use crate::error::StorageError;

/// Two sides of a merge and what both come from, by what git calls them.
pub(super) struct Parents {
    /// Several where two branches were merged into each other.
    pub(super) bases: Vec<String>,
    sides: [&'static str; 2],
    /// Whether the merge is the commit that is checked out.
    is_committed: bool,
}

/// How a merge put an edit of one issue into another one.
struct Mixture {
    /// The issue or comment that is gone, and the side that has edited it.
    lost: RecordPath,
    editor: &'static str,
    /// The one that has the edit now, as the side has it that made it, and as the merge has it.
    holder: RecordPath,
    whole: Vec<u8>,
    mixed: Vec<u8>,
}

impl Planner<'_> {
    /// Gives each issue the versions that are its own, where git has put those of several under one name.
    pub(super) fn part(&self, git: &Git, groups: impl Iterator<Item = Group>) -> Result<Vec<Group>, StorageError> {
        let mut parted = Vec::new();
        for group in groups {
            parted.extend(self.part_group(git, group)?);
        }
        Ok(parted)
    }

    fn part_group(&self, git: &Git, group: Group) -> Result<Vec<Group>, StorageError> {
        let Some(path) = group.paths().first().copied().filter(is_issue) else { return Ok(vec![group]) };
        let foreign = |version: &Option<Version>| version.as_ref().and_then(|version| self.other_suffix(version));
        let suffixes = [foreign(&group.ours), foreign(&group.theirs)];
        let mut own = group.clone();
        if suffixes == [None, None] {
            if own.base.is_some() || own.is_whole() || self.other.is_none() {
                return Ok(vec![own]);
            }
            // Of two that were made where both sides deleted one, each has both, between markers.
            for (side, commit) in [(&mut own.ours, Some("HEAD")), (&mut own.theirs, self.other)] {
                let Some(version) = side.as_mut().filter(|version| self.is_torn(path, &version.bytes)) else {
                    continue;
                };
                if let Some(commit) = commit
                    && let Some(bytes) = content_at(git, commit, path)?
                {
                    version.bytes = bytes;
                }
            }
            return Ok(vec![own]);
        }
        let mut others: BTreeMap<Suffix, Group> = BTreeMap::new();
        let sides = [(&mut own.ours, Some("HEAD"), 2), (&mut own.theirs, self.other, 3)];
        for ((side, commit, number), suffix) in sides.into_iter().zip(suffixes) {
            let Some(suffix) = suffix else { continue };
            let (Some(commit), Some(mut version)) = (commit, side.take()) else { return Ok(vec![group]) };
            let listed = git.records_of(commit)?;
            let known = listed.iter().find(|listed| {
                listed.is_in_place() && is_issue(&listed.record) && listed.record.issue.suffix == suffix
            });
            let Some(known) = known else { return Ok(vec![group]) };
            version.path = known.record;
            *others.entry(suffix).or_default().slot(number) = Some(version);
        }
        if let Some(suffix) = foreign(&own.base) {
            let base = own.base.take();
            if let (Some(other), Some(mut base)) = (others.get_mut(&suffix), base) {
                base.path = other.paths().first().copied().unwrap_or(path);
                other.base = Some(base);
            }
        }
        Ok(others.into_values().chain([own].into_iter().filter(|own| !own.paths().is_empty())).collect())
    }

    /// Whether the file of an issue has markers of git's, of whichever length, and can't be read for them.
    pub(super) fn is_torn(&self, path: RecordPath, bytes: &[u8]) -> bool {
        format::parse_issue(bytes, path.issue, &self.store.schema).is_err()
            && str::from_utf8(bytes).ok().and_then(conflict::versions).is_some()
    }

    /// Returns what the id in a version ends with, if it is the id of another issue than the name of the file says.
    fn other_suffix(&self, version: &Version) -> Option<Suffix> {
        let problem = format::parse_issue(&version.bytes, version.path.issue, &self.store.schema).err()?.problem;
        match problem {
            FormatProblem::OtherRecord { found, .. } => found.parse().ok(),
            _ => None,
        }
    }

    /// Takes back what a merge without conflicts has mixed up: the one that is checked out, or one that isn't committed.
    pub(super) fn undo_mixtures(&mut self) -> Result<(), StorageError> {
        let Some(git) = self.git.clone() else { return Ok(()) };
        let Some(parents) = self.parents(&git)? else { return Ok(()) };
        let mixtures = self.mixtures(&git, &parents)?;
        // What is committed is corrected by the next commit, and staged by whoever makes that.
        let staging = self.staging.take();
        if !parents.is_committed {
            self.staging = staging.clone().or(parents.bases.first().cloned());
        }
        for mixture in mixtures {
            if self.wants(mixture.lost.issue) || self.wants(mixture.holder.issue) {
                self.undo(mixture)?;
            }
        }
        self.staging = staging;
        Ok(())
    }

    pub(super) fn parents(&self, git: &Git) -> Result<Option<Parents>, StorageError> {
        let (sides, is_committed) = match self.other {
            Some(other @ "MERGE_HEAD") => (["HEAD", other], false),
            Some(_) => return Ok(None),
            None => (["HEAD^1", "HEAD^2"], true),
        };
        if git.commit_of(sides[1])?.is_none() || (is_committed && git.commit_of("HEAD^3")?.is_some()) {
            return Ok(None);
        }
        let bases = git.merge_bases(sides[0], sides[1])?;
        Ok((!bases.is_empty()).then_some(Parents { bases, sides, is_committed }))
    }

    /// Names what a merge has mixed up and nobody has put right: what is gone, and what has its edit.
    pub(super) fn find_mixtures(&mut self) -> Result<Vec<(RecordPath, RecordPath)>, StorageError> {
        let Some(git) = self.git.clone() else { return Ok(Vec::new()) };
        self.other = git.other_head()?;
        let Some(parents) = self.parents(&git)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for Mixture { lost, holder, whole, .. } in self.mixtures(&git, &parents)? {
            if self.content_of(holder)?.is_some_and(|now| !edit(&whole, &now).is_empty()) {
                found.push((lost, holder));
            }
        }
        Ok(found)
    }

    /// Finds what was mixed up: an issue that one side edited and the other deleted is gone, and one that only the other
    /// has differs from what that has by nothing but the edit.
    fn mixtures(&self, git: &Git, parents: &Parents) -> Result<Vec<Mixture>, StorageError> {
        let mut mixtures: Vec<Mixture> = Vec::new();
        for base in &parents.bases {
            for is_wanted in [is_issue, |path: &RecordPath| !is_issue(path)] {
                for mixture in self.mixtures_since(git, parents, base, is_wanted)? {
                    if !mixtures.iter().any(|known| known.holder == mixture.holder) {
                        mixtures.push(mixture);
                    }
                }
            }
        }
        Ok(mixtures)
    }

    /// Does so for one of the commits that both sides come from, and for issues or for comments.
    fn mixtures_since(
        &self,
        git: &Git,
        Parents { sides, is_committed, .. }: &Parents,
        base: &str,
        is_wanted: fn(&RecordPath) -> bool,
    ) -> Result<Vec<Mixture>, StorageError> {
        let mut changes: [BTreeMap<RecordPath, char>; 2] = Default::default();
        for (changes, side) in changes.iter_mut().zip(sides) {
            let changed = git.changed_files(base, side)?.into_iter();
            let records = changed.filter_map(|(how, path)| Some((path.record().filter(is_wanted)?, how)));
            changes.extend(records);
        }
        let mut mixtures = Vec::new();
        for (here, there) in [(0, 1), (1, 0)] {
            let of = |how: char| changes[here].iter().filter(move |(_, is)| **is == how).map(|(path, _)| *path);
            let lost: Vec<RecordPath> = of('D')
                .filter(|path| changes[there].get(path) == Some(&'M'))
                .filter(|path| match path.comment {
                    None => self.twins(path.issue.suffix).is_empty(),
                    Some(_) => !self.records.contains(path),
                })
                .filter(|path| !of('A').any(|new| new.issue.suffix == path.issue.suffix && new.comment == path.comment))
                .collect();
            if lost.is_empty() {
                continue;
            }
            let new: Vec<RecordPath> = of('A')
                .filter(|path| !changes[there].contains_key(path))
                .filter(|path| self.records.contains(path) && !self.unmerged.contains(path))
                .collect();
            let edits = contents_at(git, &[base, sides[there]], &lost)?;
            let commits = [sides[here], "HEAD"];
            let made = contents_at(git, if *is_committed { &commits } else { &commits[..1] }, &new)?;
            for (holder, versions) in new.into_iter().zip(made) {
                let mixed = match is_committed {
                    true => versions.get(1).cloned().flatten(),
                    false => self.content_of(holder)?,
                };
                let (Some(Some(whole)), Some(mixed)) = (versions.first().cloned(), mixed) else { continue };
                let edit = edit(&whole, &mixed);
                let is_source = |(_, versions): &(&RecordPath, &Vec<Option<Vec<u8>>>)| match &versions[..] {
                    [Some(before), Some(after)] => is_part(&edit, &self::edit(before, after)),
                    _ => false,
                };
                if let Some((lost, _)) = lost.iter().zip(&edits).find(is_source).filter(|_| !edit.is_empty()) {
                    mixtures.push(Mixture { lost: *lost, editor: sides[there], holder, whole, mixed });
                }
            }
        }
        Ok(mixtures)
    }

    fn undo(&mut self, mixture: Mixture) -> Result<(), StorageError> {
        let Mixture { lost, editor, holder, whole, mixed } = mixture;
        let Some(now) = self.content_of(holder)? else { return Ok(()) };
        if edit(&whole, &now).is_empty() {
            // Somebody has taken it back, and deleted the other one.
            return Ok(());
        }
        match (lost.comment, &self.git) {
            (Some(_), Some(git)) => {
                if let Some(bytes) = content_at(git, editor, lost)? {
                    self.put_file(lost, bytes, PLAIN_FILE, &[holder].into())?;
                }
            }
            _ => self.bring_back(editor, lost.issue)?,
        }
        if !edit(&mixed, &now).is_empty() {
            let message = format!(
                "has an edit of {}, for which git took it, and was changed since: take that out by hand",
                name_of(lost)
            );
            self.leave(shown(holder), message);
            return Ok(());
        }
        if holder.comment.is_some() {
            return self.put_file(holder, whole, PLAIN_FILE, &[holder].into());
        }
        let (before, after) = (self.store.issue_in(holder, &now), self.store.issue_in(holder, &whole));
        self.put_file(holder, whole, PLAIN_FILE, &[holder].into())?;
        self.report(holder.issue).title = after.as_ref().map(|issue| issue.title.clone());
        self.work.issues.insert(holder.issue, (before, after));
        Ok(())
    }
}

/// Returns what people call a record.
pub(in crate::repo) fn name_of(path: RecordPath) -> String {
    if is_issue(&path) { path.issue.to_string() } else { shown(path) }
}

/// Reads a record of a commit.
pub(super) fn content_at(git: &Git, commit: &str, path: RecordPath) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(contents_at(git, &[commit], &[path])?.into_iter().flatten().flatten().next())
}

/// Reads records of commits: of each all versions, in the order of the commits.
fn contents_at(git: &Git, commits: &[&str], paths: &[RecordPath]) -> Result<Vec<Vec<Option<Vec<u8>>>>, StorageError> {
    let names: Vec<String> =
        paths.iter().flat_map(|path| commits.iter().map(|commit| git.name_in(commit, *path))).collect();
    let contents = git.contents(names.iter().map(String::as_str))?;
    Ok(contents.chunks(commits.len()).map(<[_]>::to_vec).collect())
}

/// Returns how many more or fewer of each line a text has than another one, whichever line breaks they have.
fn edit<'t>(before: &'t [u8], after: &'t [u8]) -> BTreeMap<&'t [u8], i64> {
    let mut lines = BTreeMap::new();
    for (text, count) in [(before, -1), (after, 1)] {
        for line in text.split(|byte| *byte == b'\n') {
            *lines.entry(line.strip_suffix(b"\r").unwrap_or(line)).or_default() += count;
        }
    }
    lines.retain(|_, count| *count != 0);
    lines
}

/// Whether an edit does nothing that another one doesn't.
fn is_part(edit: &BTreeMap<&[u8], i64>, whole: &BTreeMap<&[u8], i64>) -> bool {
    edit.iter().all(|(line, count)| {
        whole.get(line).is_some_and(|other| other.signum() == count.signum() && other.abs() >= count.abs())
    })
}

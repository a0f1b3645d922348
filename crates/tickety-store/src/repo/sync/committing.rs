//! What of the home is committed, and what the commit says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tickety_core::Issue;
use tickety_core::ident::{IssueKey, Suffix, alias_reference};

use super::super::files::RECORD_LIMIT;
use super::super::format::{self, FormatError};
use super::super::git::{Git, Object, Objects};
use super::super::layout::{HOME_DIR, HomePath, RecordPath};
use super::super::resolve::LeftFile;
use super::super::store::RepoStore;
use super::credits::{Committer, Credit};
use crate::error::StorageError;

/// How many issues the first line of a commit's message names.
const NAMED: usize = 3;

/// How many issues the rest of it lists.
const DETAILED: usize = 100;

/// What differs from what is committed.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// What can be committed: how each file differs, and where it is.
    pub(super) changed: Vec<(char, HomePath)>,
    /// What nobody could read if it was.
    pub(super) left_out: Vec<LeftFile>,
}

impl RepoStore {
    /// Tells what can be committed from what can't be read: that would make an issue unreadable for everybody.
    pub(super) fn pending(&self, git: &Git) -> Result<Pending, StorageError> {
        let mut pending = Pending::default();
        let mut without_issue = BTreeSet::new();
        for (how, path) in git.home_changes()? {
            match path.record().filter(|_| how != 'D').map(|record| self.flaw_of(record)).transpose()?.flatten() {
                None => pending.changed.push((how, path)),
                Some(flaw) => {
                    if how == 'A' {
                        without_issue.extend(path.record().filter(|record| record.comment.is_none()));
                    }
                    let place = flaw.line.map(|line| format!(":{line}")).unwrap_or_default();
                    let message = format!("isn't committed: {}", flaw.problem);
                    pending.left_out.push(LeftFile { path: format!("{HOME_DIR}/{path}{place}"), message });
                }
            }
        }
        // A comment comes with its issue.
        let is_alone = |path: &HomePath| {
            path.record().is_some_and(|record| without_issue.contains(&RecordPath::issue(record.issue)))
        };
        pending.changed.retain(|(_, path)| !is_alone(path));
        Ok(pending)
    }

    /// Says what is wrong with a record, if it can't be read.
    pub(super) fn flaw_of(&self, record: RecordPath) -> Result<Option<FormatError>, StorageError> {
        let Some(content) = self.home.read(&record.home_path(), RECORD_LIMIT)? else { return Ok(None) };
        Ok(match record.comment {
            None => format::parse_issue(&content.bytes, record.issue, &self.schema).err(),
            Some(stamp) => format::parse_comment(&content.bytes, stamp.suffix()).err(),
        })
    }

    /// Commits the files of the home that can be read. Returns the first line of the message, and the other files.
    pub(super) fn commit_files(
        &self,
        git: &Git,
        who: Committer<'_>,
    ) -> Result<(Option<String>, Vec<LeftFile>), StorageError> {
        let Pending { changed, left_out } = self.pending(git)?;
        if changed.is_empty() {
            return Ok((None, left_out));
        }
        let whole = subject(&self.by_issue(git, &changed));
        let mut is_committed = false;
        let (credits, end) = self.credits(git, who, changed)?;
        for Credit { author, others, changed } in credits {
            let issues = self.by_issue(git, &changed);
            let mut message = format!("{}\n\n{}", subject(&issues), self.details(&issues));
            for (place, other) in others.iter().enumerate() {
                let before = if place == 0 { "\n" } else { "" };
                writeln!(message, "{before}Co-authored-by: {}", other.ident()).expect("writing to a string succeeds");
            }
            let paths: Vec<HomePath> = changed.into_iter().map(|(_, path)| path).collect();
            is_committed |= git.commit_home(&paths, message.trim_end(), &author)?;
        }
        if let Some(end) = end {
            self.note_committed(end);
        }
        Ok((is_committed.then_some(whole), left_out))
    }

    /// Says what a commit does to each issue.
    fn details(&self, issues: &BTreeMap<IssueKey, Done>) -> String {
        let mut text = String::new();
        for (key, done) in issues.iter().take(DETAILED) {
            let title = self.committed_issue(*key).map(|issue| format!(": {}", issue.title)).unwrap_or_default();
            let from = match done {
                Done::Renumbered { from } => format!(" from {from}"),
                _ => String::new(),
            };
            writeln!(text, "{key} {}{from}{title}", done.as_str()).expect("writing to a string succeeds");
        }
        if issues.len() > DETAILED {
            writeln!(text, "and {} more", issues.len() - DETAILED).expect("writing to a string succeeds");
        }
        text
    }

    fn committed_issue(&self, key: IssueKey) -> Option<Issue> {
        let content = self.home.read(&RecordPath::issue(key).home_path(), RECORD_LIMIT).ok()??;
        format::parse_issue(&content.bytes, key, &self.schema).ok()
    }

    /// Says what happens to each issue of a commit.
    pub(super) fn by_issue(&self, git: &Git, changed: &[(char, HomePath)]) -> BTreeMap<IssueKey, Done> {
        let records = changed.iter().filter_map(|(how, path)| Some((*how, path.record()?)));
        let mut issues = BTreeMap::new();
        for (how, record) in records {
            let done = match (record.comment, how) {
                (None, 'A') => Done::Created,
                (None, 'D') => Done::Deleted,
                (None, _) => Done::Updated,
                (Some(_), _) => Done::Commented,
            };
            let known = issues.entry(record.issue).or_insert(done);
            // What happens to the issue itself says more.
            if record.comment.is_none() {
                *known = done;
            }
        }
        let of = |done| issues.iter().filter(move |(_, known)| **known == done).map(|(key, _)| *key);
        let gone: BTreeMap<Suffix, IssueKey> = of(Done::Deleted).map(|key| (key.suffix, key)).collect();
        let moved: Vec<(IssueKey, IssueKey)> = of(Done::Created)
            .filter_map(|key| {
                let from = *gone.get(&key.suffix)?;
                self.committed_issue(key)?.references.contains(&alias_reference(from)).then_some((from, key))
            })
            .collect();
        for (from, to) in moved {
            issues.remove(&from);
            issues.insert(to, Done::Renumbered { from });
        }
        // A message that says less than it might is no reason not to commit.
        let _ = self.tell_closings(git, &mut issues);
        issues
    }

    /// Tells the updates that close or reopen an issue from the others. Starts git once, however many there are.
    fn tell_closings(&self, git: &Git, issues: &mut BTreeMap<IssueKey, Done>) -> Result<(), StorageError> {
        let updated: Vec<(IssueKey, &mut Done)> =
            issues.iter_mut().filter(|(_, done)| **done == Done::Updated).map(|(key, done)| (*key, done)).collect();
        if updated.is_empty() {
            return Ok(());
        }
        let is_closed = |issue: &Issue| self.schema.category(&issue.status).is_closed();
        let names: Vec<String> = updated.iter().map(|(key, _)| git.name_in("HEAD", RecordPath::issue(*key))).collect();
        let wanted: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), RECORD_LIMIT)).collect();
        let mut before = vec![None; updated.len()];
        Objects::start(git)?.blobs(&wanted, |place, object| {
            if let Object::Blob(bytes) = object {
                before[place] =
                    format::parse_issue(&bytes, updated[place].0, &self.schema).ok().as_ref().map(is_closed);
            }
        })?;
        for ((key, done), before) in updated.into_iter().zip(before) {
            let Some(before) = before else { continue };
            let Some(after) = self.committed_issue(key).as_ref().map(is_closed) else { continue };
            *done = match (before, after) {
                (false, true) => Done::Closed,
                (true, false) => Done::Reopened,
                _ => Done::Updated,
            };
        }
        Ok(())
    }
}

/// What happens to an issue in a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Done {
    Created,
    Updated,
    Closed,
    Reopened,
    Commented,
    Deleted,
    /// It had another number.
    Renumbered {
        from: IssueKey,
    },
}

impl Done {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Commented => "commented",
            Self::Deleted => "deleted",
            Self::Renumbered { .. } => "renumbered",
        }
    }
}

/// Says in a line what a commit does.
pub(super) fn subject(issues: &BTreeMap<IssueKey, Done>) -> String {
    if issues.is_empty() {
        return "Issues: settings".to_owned();
    }
    if issues.len() <= NAMED {
        let named: Vec<String> = issues.iter().map(|(key, done)| format!("{key} {}", done.as_str())).collect();
        return format!("Issues: {}", named.join(", "));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for done in issues.values() {
        *counts.entry(done.as_str()).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(done, count)| format!("{count} {done}")).collect();
    format!("Issues: {}", counted.join(", "))
}

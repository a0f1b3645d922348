//! The history of an issue, from git.
//!
//! One git lists the commits that changed files with the four characters of the issue's name, whatever number it had;
//! a second one is asked for their contents. Each commit is compared with its own parents, so branches that were merged
//! need no order among each other. Whether a file is one of the issue decides the id in it, not its likeness.

mod versions;

use std::collections::BTreeSet;

use tickety_core::event::{Event, comment_events, events_between};
use tickety_core::ident::{IssueId, IssueKey, IssueSelector};
use tickety_core::issue::{Comment, Issue};

use super::git::{Change, FileChange, Git, Objects, Which};
use super::layout::{CommentStamp, HomeKind, RecordPath};
use super::load::shown;
use super::store::RepoStore;
use super::whole::limit;
use crate::error::StorageError;
use crate::history::{History, Step};
use crate::storage::{RecordProblem, StoredIssue};
pub(super) use versions::why_unread;
use versions::{Read, Versions};

/// The most commits of one issue that are looked at.
const COMMITS: usize = 50_000;

impl RepoStore {
    /// Returns git for this home. Fails outside of a repository.
    pub(super) fn git(&self) -> Result<Git, StorageError> {
        Git::of(&self.layout).ok_or_else(|| {
            let message = match self.layout.kind {
                HomeKind::Local => "the issues of this clone are on no branch: git has no history of them".to_owned(),
                HomeKind::Tree | HomeKind::Branch => {
                    format!("{} is not in a git repository", self.layout.root.display())
                }
            };
            StorageError::Git { message }
        })
    }

    /// Returns what became of an issue in the commits up to the one that is checked out, and after it: the last `limit`
    /// steps. The issue may be gone, and may have had other numbers.
    ///
    /// Starts git twice, or one time more if no issue has the name now.
    pub fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, StorageError> {
        let git = self.git()?;
        let current = match self.get_now(selector) {
            Ok(current) => Some(current),
            Err(StorageError::NotFound { .. } | StorageError::Unreadable { .. }) => None,
            Err(error) => return Err(error),
        };
        let head = git.checked_out()?;
        let mut versions = Versions::new(Objects::start(&git)?, std::sync::Arc::clone(&self.schema));
        let (key, id) = match (&current, &head) {
            (Some(stored), _) => (stored.issue.key(), Some(stored.issue.id)),
            (None, Some(head)) => find_in(&git, head, &mut versions, selector)?,
            (None, None) => return Err(StorageError::NotFound { selector }),
        };
        let changes = match &head {
            Some(head) => git.changes(head, Which::Suffix(key.suffix), COMMITS)?,
            None => Vec::new(),
        };
        let names = names_of(&changes, key, id, &mut versions)?;
        let mut walk = Walk { versions, names, id, changes: &changes };
        let mut steps: Vec<Step> = Vec::new();
        steps.extend(walk.uncommitted(head.as_deref(), current.as_ref(), &git)?);
        let mut more = false;
        for place in 0..changes.len() {
            if steps.len() >= limit {
                more = true;
                break;
            }
            steps.extend(walk.step(place)?);
        }
        more |= changes.len() == COMMITS;
        steps.reverse();
        let current = current.map(|stored| Box::new(stored.issue));
        let (key, title) = match &current {
            Some(issue) => (key, issue.title.clone()),
            None => walk.last_known(key)?,
        };
        Ok(History { key, id, title, current, steps, more, is_shallow: git.is_shallow() })
    }

    fn get_now(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.recover();
        self.counted(|| self.ask(None, |handle| self.read_issue(handle, selector)))
    }
}

/// Finds the issue that a selector means in the history of a commit.
fn find_in(
    git: &Git,
    head: &str,
    versions: &mut Versions,
    selector: IssueSelector,
) -> Result<(IssueKey, Option<IssueId>), StorageError> {
    let which = match selector {
        IssueSelector::Name(name) => Which::Named(name),
        IssueSelector::Id(id) => Which::Suffix(id.suffix()),
    };
    let changes = git.changes(head, which, COMMITS)?;
    let mut found: Vec<(IssueKey, Option<Issue>)> = Vec::new();
    for file in changes.iter().flat_map(|change| &change.files).filter(|file| file.path.comment.is_none()) {
        let key = file.path.issue;
        if found.iter().any(|(known, issue)| *known == key && issue.is_some()) {
            continue;
        }
        let issue = versions.first_readable(file)?;
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = issue,
            None => found.push((key, issue)),
        }
    }
    if let IssueSelector::Id(id) = selector {
        found.retain(|(_, issue)| issue.as_ref().is_some_and(|issue| issue.id == id));
        found.truncate(1);
    }
    let id_of = |issue: &Option<Issue>| issue.as_ref().map(|issue| issue.id);
    match found.as_slice() {
        [] => Err(StorageError::NotFound { selector }),
        [(key, issue)] => Ok((*key, id_of(issue))),
        several => {
            let title = |issue: &Option<Issue>| issue.as_ref().map(|issue| issue.title.clone()).unwrap_or_default();
            let candidates = several.iter().map(|(key, issue)| (*key, title(issue))).collect();
            Err(StorageError::Ambiguous { selector, candidates })
        }
    }
}

/// Returns the names that the issue had: those of records with its id.
fn names_of(
    changes: &[Change],
    key: IssueKey,
    id: Option<IssueId>,
    versions: &mut Versions,
) -> Result<BTreeSet<IssueKey>, StorageError> {
    let mut names = BTreeSet::from([key]);
    let Some(id) = id else { return Ok(names) };
    let mut others = BTreeSet::new();
    let records = changes.iter().flat_map(|change| &change.files).filter(|file| file.path.comment.is_none());
    for file in records {
        let name = file.path.issue;
        if names.contains(&name) || others.contains(&name) {
            continue;
        }
        if let Some(issue) = versions.first_readable(file)? {
            if issue.id == id { &mut names } else { &mut others }.insert(name);
        }
    }
    Ok(names)
}

/// A walk through the commits, newest first.
struct Walk<'c> {
    versions: Versions,
    names: BTreeSet<IssueKey>,
    id: Option<IssueId>,
    changes: &'c [Change],
}

impl Walk<'_> {
    /// Returns what a commit did to the issue; `None` if nothing that shows.
    fn step(&mut self, place: usize) -> Result<Option<Step>, StorageError> {
        let Change { commit, files } = &self.changes[place];
        let ours: Vec<&FileChange> = files.iter().filter(|file| self.names.contains(&file.path.issue)).collect();
        let (records, comments): (Vec<&FileChange>, Vec<&FileChange>) =
            ours.into_iter().partition(|file| file.path.comment.is_none());
        let mut problems = Vec::new();
        let mut events = Vec::new();
        let mut renumbered = None;
        let parents = files.first().map_or(1, |file| file.before.len());
        let mut after: Option<(IssueKey, Read)> = None;
        let mut before: Vec<Option<(IssueKey, Issue)>> = vec![None; parents];
        for file in &records {
            if let Some(blob) = &file.after
                && let Some(read) = self.ours(self.id, file.path, blob)?
            {
                after = Some((file.path.issue, read));
            }
            for (parent, blob) in file.before.iter().enumerate() {
                let Some(blob) = blob else { continue };
                if let Some(issue) = self.known(place, file.path, blob)? {
                    before[parent] = Some((file.path.issue, issue));
                }
            }
        }
        match after {
            Some((key, Read::Issue(issue))) => {
                renumbered = before.iter().flatten().map(|(old, _)| (*old, key)).find(|(old, key)| old != key);
                events.extend(made_by(key, &before, Some(&issue), &self.versions));
            }
            Some((_, Read::Broken(problem))) => problems.push(problem),
            None if !records.is_empty() && before.iter().any(Option::is_some) => {
                let key = before.iter().flatten().next().map_or(records[0].path.issue, |(key, _)| *key);
                events.extend(made_by(key, &before, None, &self.versions));
            }
            None => {}
        }
        let is_gone = events.iter().any(|event| matches!(event, Event::IssueDeleted { .. }));
        if !is_gone {
            events.extend(self.of_comments(&comments, parents, &mut problems)?);
        }
        let is_shown = !events.is_empty() || !problems.is_empty() || renumbered.is_some();
        Ok(is_shown.then(|| Step { commit: Some(commit.clone()), renumbered, events, problems }))
    }

    /// Returns what a commit did to comments. Their names tell them apart, whatever number the issue had.
    fn of_comments(
        &mut self,
        files: &[&FileChange],
        parents: usize,
        problems: &mut Vec<RecordProblem>,
    ) -> Result<Vec<Event>, StorageError> {
        let stamps: BTreeSet<CommentStamp> = files.iter().filter_map(|file| file.path.comment).collect();
        let mut events = Vec::new();
        for stamp in stamps {
            let files = files.iter().filter(|file| file.path.comment == Some(stamp));
            let mut after: Vec<Comment> = Vec::new();
            let mut before: Vec<Vec<Comment>> = vec![Vec::new(); parents];
            let mut is_broken = false;
            let mut key = None;
            for file in files {
                if let Some(blob) = &file.after {
                    key = Some(file.path.issue);
                    match self.versions.comment(file.path, blob)? {
                        Ok(comment) => after.push(comment),
                        Err(problem) => {
                            problems.push(problem);
                            is_broken = true;
                        }
                    }
                }
                for (parent, blob) in file.before.iter().enumerate() {
                    let Some(blob) = blob else { continue };
                    key = key.or(Some(file.path.issue));
                    before[parent].extend(self.versions.comment(file.path, blob)?.ok());
                }
            }
            let (Some(key), false) = (key, is_broken) else { continue };
            let mut told = before.iter().map(|before| comment_events(key, before, &after));
            let first = told.next().unwrap_or_default();
            let rest: Vec<Vec<Event>> = told.collect();
            events.extend(first.into_iter().filter(|event| rest.iter().all(|events| events.contains(event))));
        }
        Ok(events)
    }

    /// Reads a record, unless it is one of another issue with these four characters.
    fn ours(
        &mut self,
        id: Option<IssueId>,
        path: RecordPath,
        blob: &super::git::Blob,
    ) -> Result<Option<Read>, StorageError> {
        Ok(match self.versions.record(path, blob)? {
            Read::Issue(issue) if id.is_some_and(|id| issue.id != id) => None,
            read => Some(read),
        })
    }

    /// Returns the issue as a record has it; where that can't be read, as it was before that.
    fn known(
        &mut self,
        place: usize,
        path: RecordPath,
        blob: &super::git::Blob,
    ) -> Result<Option<Issue>, StorageError> {
        let mut wanted = (path, blob.clone());
        let mut from = place + 1;
        loop {
            match self.ours(self.id, wanted.0, &wanted.1)? {
                None => return Ok(None),
                Some(Read::Issue(issue)) => return Ok(Some(*issue)),
                Some(Read::Broken(_)) => {}
            }
            // Which commit made it so, and what it was before.
            let older = self.changes[from.min(self.changes.len())..].iter().enumerate().find_map(|(ahead, change)| {
                let is_it = |file: &&FileChange| file.path == wanted.0 && file.after.as_ref() == Some(&wanted.1);
                let file = change.files.iter().find(is_it)?;
                Some((from + ahead + 1, file.before.iter().flatten().next()?.clone()))
            });
            let Some((next, before)) = older else { return Ok(None) };
            (from, wanted.1) = (next, before);
        }
    }

    /// Returns what differs between the commit that is checked out and the files as they are.
    fn uncommitted(
        &mut self,
        head: Option<&str>,
        current: Option<&StoredIssue>,
        git: &Git,
    ) -> Result<Option<Step>, StorageError> {
        let mut committed = None;
        let mut comments = Vec::new();
        if let Some(head) = head {
            let mut stamps: BTreeSet<CommentStamp> =
                self.changes.iter().flat_map(|change| &change.files).filter_map(|file| file.path.comment).collect();
            let now = current.iter().flat_map(|stored| &stored.issue.comments);
            stamps.extend(now.map(|comment| CommentStamp::new(comment.created, comment.id.suffix())));
            for &name in &self.names {
                let path = git.name_in(head, RecordPath::issue(name));
                let Some(Read::Issue(issue)) = self.versions.named(&path, RecordPath::issue(name))? else { continue };
                if self.id.is_some_and(|id| issue.id != id) {
                    continue;
                }
                committed = Some((name, *issue));
                for &stamp in &stamps {
                    let path = RecordPath::comment(name, stamp);
                    comments.extend(self.versions.comment_named(&git.name_in(head, path), path)?);
                }
            }
        }
        let problems: Vec<RecordProblem> = current.map(|stored| stored.problems.clone()).unwrap_or_default();
        let Some(stored) = current else {
            // Whether it is gone or can't be read, it isn't what was committed.
            let Some((key, before)) = committed else { return Ok(None) };
            let events = events_between(key, Some(&before), None, self.versions.schema());
            return Ok(Some(Step { commit: None, renumbered: None, events, problems }));
        };
        let key = stored.issue.key();
        let renumbered = committed.as_ref().map(|(old, _)| (*old, key)).filter(|(old, key)| old != key);
        let mut before = committed.map(|(_, issue)| issue);
        if let Some(before) = &mut before {
            before.comments = comments;
        }
        let events = events_between(key, before.as_ref(), Some(&stored.issue), self.versions.schema());
        let is_shown = !events.is_empty() || renumbered.is_some() || !problems.is_empty();
        Ok(is_shown.then_some(Step { commit: None, renumbered, events, problems }))
    }

    /// Returns the last name and title that the issue had.
    fn last_known(&mut self, key: IssueKey) -> Result<(IssueKey, String), StorageError> {
        let changes = self.changes;
        for file in changes.iter().flat_map(|change| &change.files) {
            if file.path.comment.is_none()
                && self.names.contains(&file.path.issue)
                && let Some(issue) = self.versions.first_readable(file)?
                && self.id.is_none_or(|id| id == issue.id)
            {
                return Ok((file.path.issue, issue.title));
            }
        }
        Ok((key, String::new()))
    }
}

/// Returns what a commit itself did to a record: of a merge, that in which the result differs from every parent that has
/// the issue.
fn made_by(
    key: IssueKey,
    before: &[Option<(IssueKey, Issue)>],
    after: Option<&Issue>,
    versions: &Versions,
) -> Vec<Event> {
    let had: Vec<&Issue> = before.iter().flatten().map(|(_, issue)| issue).collect();
    let Some((first, rest)) = had.split_first() else {
        return events_between(key, None, after, versions.schema());
    };
    let mut events = events_between(key, Some(first), after, versions.schema());
    for other in rest {
        let others = events_between(key, Some(other), after, versions.schema());
        keep_common(&mut events, &others);
    }
    events
}

/// Keeps of the events of a merge, seen from one parent, what they are seen from another one, too.
fn keep_common(events: &mut Vec<Event>, others: &[Event]) {
    let others_change = |field: &tickety_core::query::FieldName| {
        others.iter().any(|event| match event {
            Event::IssueUpdated { fields, .. }
            | Event::IssueClosed { fields, .. }
            | Event::IssueReopened { fields, .. } => fields.iter().any(|change| change.field == *field),
            _ => false,
        })
    };
    events.retain_mut(|event| match event {
        Event::IssueUpdated { fields, .. }
        | Event::IssueClosed { fields, .. }
        | Event::IssueReopened { fields, .. } => {
            fields.retain(|change| others_change(&change.field));
            !fields.is_empty()
        }
        Event::IssueDeleted { .. } => true,
        other => others.contains(other),
    });
}

/// Says of a record of a commit what is wrong with it.
fn problem(path: RecordPath, message: String) -> RecordProblem {
    RecordProblem { path: shown(path), line: None, message }
}

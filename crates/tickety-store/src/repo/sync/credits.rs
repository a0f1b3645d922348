//! Whose commits changes go into, where several people have written through one server.
//!
//! Each who wrote gets a commit of his own; what several have written to one file goes into a commit of the first of them,
//! which names the others (`Co-authored-by`). What nobody is known to have written is the server's. Git says in each who
//! committed it: that stays who runs the server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use jiff::Timestamp;
use tickety_core::event::Event;
use tickety_core::ident::{IssueKey, Suffix};

use super::super::git::{Author, Git};
use super::super::layout::HomePath;
use super::super::lock::WriteLock;
use super::super::state;
use super::super::store::RepoStore;
use crate::error::StorageError;
use crate::events::{EventCursor, Position};

/// The file that says up to which event all was committed, for the next process.
const COMMITTED: &str = "committed";

/// The most commits of one sync: what more people have written goes into the last.
const MOST: usize = 100;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// Who commits, when, and whose names stand in the commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committer<'a> {
    /// Who does it, if not whom git names.
    pub actor: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// Whether what others have written through this store is committed as theirs.
    pub credits: bool,
}

/// What is committed as somebody's.
#[derive(Debug)]
pub(super) struct Credit {
    pub(super) author: Author,
    /// Who wrote along.
    pub(super) others: Vec<Author>,
    /// How files differ from what is committed.
    pub(super) changed: Vec<(char, HomePath)>,
}

/// A file, or all of an issue: what is committed together.
type Part = (IssueKey, Option<Suffix>);

/// Who wrote something, the first one first.
#[derive(Default)]
struct Writers(BTreeMap<Part, Vec<String>>);

impl Writers {
    fn note(&mut self, event: &Event, actor: &str) {
        let Some(issue) = event.issue() else { return };
        let comment = match event {
            Event::CommentAdded { comment, .. } | Event::CommentEdited { comment, .. } => Some(comment.id.suffix()),
            Event::CommentRemoved { comment, .. } => Some(comment.suffix()),
            _ => None,
        };
        let writers = self.0.entry((issue, comment)).or_default();
        if !writers.iter().any(|known| known == actor) {
            writers.push(actor.to_owned());
        }
    }

    /// Who wrote to an issue or its comments.
    fn of_issue(&self, issue: IssueKey) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for writer in self.0.range((issue, None)..).take_while(|((key, _), _)| *key == issue).flat_map(|(_, who)| who) {
            if !all.contains(writer) {
                all.push(writer.clone());
            }
        }
        all
    }
}

/// Who has written files, and these with how each was changed.
type Group = (Vec<String>, Vec<(char, HomePath)>);

impl RepoStore {
    /// Divides what is to be committed by who wrote it since the last commit. Says up to which event that goes.
    pub(super) fn credits(
        &self,
        git: &Git,
        who: Committer<'_>,
        changed: Vec<(char, HomePath)>,
    ) -> Result<(Vec<Credit>, Option<EventCursor>), StorageError> {
        if !who.credits || changed.is_empty() {
            let author = git.author(who.actor, who.now)?;
            return Ok((vec![Credit { author, others: Vec::new(), changed }], None));
        }
        let (writers, end) = self.writers()?;
        let own = git.own_name(who.actor)?;
        // An issue that is new, or is gone, comes and goes as a whole.
        let whole: BTreeSet<IssueKey> = changed
            .iter()
            .filter(|(how, _)| *how != 'M')
            .filter_map(|(_, path)| path.record().filter(|record| record.comment.is_none()))
            .map(|record| record.issue)
            .collect();
        let mut groups: Vec<Group> = Vec::new();
        for (how, path) in changed {
            let written_by = match path.record() {
                None => Vec::new(),
                Some(record) if whole.contains(&record.issue) => writers.of_issue(record.issue),
                Some(record) => {
                    let part = (record.issue, record.comment.map(|stamp| stamp.suffix()));
                    writers.0.get(&part).cloned().unwrap_or_default()
                }
            };
            let written_by = if written_by.is_empty() { vec![own.clone()] } else { written_by };
            let known = groups.iter().position(|(by, _)| *by == written_by);
            match known.or((groups.len() >= MOST).then_some(MOST - 1)) {
                Some(place) => {
                    let (by, paths) = &mut groups[place];
                    by.extend(written_by.into_iter().filter(|writer| !by.contains(writer)).collect::<Vec<_>>());
                    paths.push((how, path));
                }
                None => groups.push((written_by, vec![(how, path)])),
            }
        }
        let mut credits = Vec::with_capacity(groups.len());
        for (written_by, changed) in groups {
            let called = |name: &String| match *name == own {
                true => git.author(who.actor, who.now),
                false => git.author_called(name, who.now),
            };
            let mut authors = written_by.iter().map(called);
            // There is one at least.
            let Some(author) = authors.next() else { continue };
            credits.push(Credit { author: author?, others: authors.collect::<Result<_, _>>()?, changed });
        }
        Ok((credits, Some(end)))
    }

    /// Keeps others from writing while the files are committed.
    pub(super) fn lock_to_commit(&self, who: Committer<'_>) -> Result<WriteLock, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let journal = self.open_journal(&lock)?;
        if who.credits {
            // What is committed has its events in the log.
            self.catch_up(&lock, &journal)?;
        }
        drop(journal);
        Ok(lock)
    }

    /// Has what is written from now on be committed as whose it is, if that hasn't begun before.
    pub fn begin_credits(&self) -> Result<(), StorageError> {
        if self.committed_to().is_none() {
            self.note_committed(self.read_log(Position::Newest, 0)?.next);
        }
        Ok(())
    }

    /// Returns who wrote what since the last commit that was divided.
    fn writers(&self) -> Result<(Writers, EventCursor), StorageError> {
        let mut writers = Writers::default();
        let mut from = self.committed_to().map_or(Position::Newest, Position::After);
        loop {
            let page = match self.read_log(from, PAGE) {
                // The log was begun again meanwhile.
                Err(StorageError::EventsGone { .. }) => {
                    from = Position::Oldest;
                    continue;
                }
                page => page?,
            };
            for logged in &page.events {
                if let Some(actor) = &logged.actor {
                    writers.note(&logged.event, actor);
                }
            }
            if !page.more {
                return Ok((writers, page.next));
            }
            from = Position::After(page.next);
        }
    }

    /// Returns up to which event all was committed.
    fn committed_to(&self) -> Option<EventCursor> {
        let mut text = String::new();
        let file = state::open(&self.layout.state.join(COMMITTED)).ok()??;
        file.take(64).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    /// Notes up to which event all is committed. Where that can't be done, more may be named in the next commit.
    pub(super) fn note_committed(&self, end: EventCursor) {
        let written = state::open_private(&self.layout.state.join(COMMITTED));
        let written = written.map(|mut file| file.write_all(end.to_string().as_bytes()));
        drop(written);
    }
}

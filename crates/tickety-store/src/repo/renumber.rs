//! Giving issues other numbers, on request only.
//!
//! The issue keeps its identity and the four characters of its name; links to it follow in the same
//! transaction, and the old name stays as an alias.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector, alias_reference};
use tickety_core::issue::{Issue, Link};

use super::commit::{About, LoadedIssues, Moves, Work};
use super::counter::Draw;
use super::files::RECORD_LIMIT;
use super::format;
use super::layout::RecordPath;
use super::load::Found;
use super::lock::WriteLock;
use super::store::{Handle, RepoStore};
use crate::error::StorageError;
use crate::plan::PlannedChange;

/// An issue that got another number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renumbered {
    /// The name it had.
    pub from: IssueKey,
    /// The name it has.
    pub to: IssueKey,
    /// The other issues whose links followed.
    pub relinked: BTreeSet<IssueKey>,
}

impl RepoStore {
    /// Gives issues other numbers: the one asked for, which has to be free, or the next one. `actor` does it, now.
    pub fn renumber(
        &self,
        moves: &[(IssueSelector, Option<IssueNumber>)],
        (actor, now): (Option<&str>, Timestamp),
    ) -> Result<Vec<Renumbered>, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        let mut journal = self.open_journal(&lock)?;
        let (targets, draw) = self.choose_targets(moves, &lock)?;
        let (changes, loaded, moves, renumbered) = self.ask(Some(&lock), |handle| self.plan_moves(handle, &targets))?;
        let work = Work { changes: &changes, loaded: &loaded, moves: &moves };
        let about = About { actor, now, source: None };
        self.commit(&lock, &mut journal, work, Some(draw), about, &|_| None)?;
        Ok(renumbered)
    }

    /// Returns what [`renumber`](Self::renumber) would do, and changes nothing.
    pub fn preview_renumber(
        &self,
        moves: &[(IssueSelector, Option<IssueNumber>)],
    ) -> Result<Vec<Renumbered>, StorageError> {
        let lock = WriteLock::acquire(&self.layout, &self.lock_options())?;
        self.recover_locked(&lock)?;
        let (targets, _unused) = self.choose_targets(moves, &lock)?;
        let (.., renumbered) = self.ask(Some(&lock), |handle| self.plan_moves(handle, &targets))?;
        Ok(renumbered)
    }

    /// Finds the issues and the number that each of them gets. The numbers are set aside.
    fn choose_targets(
        &self,
        moves: &[(IssueSelector, Option<IssueNumber>)],
        lock: &WriteLock,
    ) -> Result<(Vec<(IssueKey, IssueNumber)>, Draw), StorageError> {
        let mut targets: Vec<(IssueKey, IssueNumber)> = Vec::new();
        let mut draw = Draw::begin(&self.layout)?;
        for (selector, wanted) in moves {
            let from = self.ask_fresh(Some(lock), |handle| self.only(handle, *selector))?;
            if targets.iter().any(|(key, _)| *key == from) {
                continue;
            }
            let number = match wanted {
                Some(number) => {
                    if number.next().is_none() {
                        return Err(StorageError::LastNumber { number: *number });
                    }
                    self.check_free(*number, from, &targets, lock)?;
                    draw.skip(*number);
                    *number
                }
                None => {
                    let known = self.ask(Some(lock), |handle| Ok(handle.index.max_number()?))?;
                    draw.take(1, known)?
                }
            };
            targets.push((from, number));
        }
        Ok((targets, draw))
    }

    /// Returns the issues that have to move so that no two of this checkout and a commit have one number: those that the
    /// commit doesn't have, whose number another issue has there; and where all or none of several are there, those that
    /// were not created first.
    ///
    /// So whoever asks, with the same issues and about the same commit, is told the same.
    pub fn collisions(&self, commit: &str) -> Result<Vec<IssueKey>, StorageError> {
        let theirs = self.git()?.issues_at(commit)?;
        let taken: BTreeSet<IssueNumber> = theirs.iter().map(|key| key.number).collect();
        let mut moved = Vec::new();
        for (number, ours) in self.keys_by_number()? {
            let (known, strange): (BTreeSet<IssueKey>, BTreeSet<IssueKey>) =
                ours.into_iter().partition(|key| theirs.contains(key));
            let stay = if taken.contains(&number) {
                moved.extend(strange);
                known
            } else {
                strange
            };
            if stay.len() > 1 {
                let first = stay.iter().min_by_key(|key| (self.birth_of(**key), **key)).copied();
                moved.extend(stay.into_iter().filter(|key| Some(*key) != first));
            }
        }
        moved.sort_unstable();
        Ok(moved)
    }

    /// Returns the numbers that several issues have.
    pub(super) fn ambiguous_numbers(&self) -> Result<BTreeMap<IssueNumber, BTreeSet<IssueKey>>, StorageError> {
        let mut numbers = self.keys_by_number()?;
        numbers.retain(|_, keys| keys.len() > 1);
        Ok(numbers)
    }

    fn keys_by_number(&self) -> Result<BTreeMap<IssueNumber, BTreeSet<IssueKey>>, StorageError> {
        let mut numbers: BTreeMap<IssueNumber, BTreeSet<IssueKey>> = BTreeMap::new();
        for entry in self.scan()?.shards.iter().flat_map(|shard| &shard.entries) {
            if entry.path.comment.is_none() {
                numbers.entry(entry.path.issue.number).or_default().insert(entry.path.issue);
            }
        }
        Ok(numbers)
    }

    /// Returns what tells when an issue was created: its time, and its id for those of one time. What can't be read
    /// can't be moved, and comes first.
    fn birth_of(&self, key: IssueKey) -> Option<(Timestamp, IssueId)> {
        let content = self.home.read(&RecordPath::issue(key).home_path(), RECORD_LIMIT).ok()??;
        let issue = format::parse_issue(&content.bytes, key, &self.schema).ok()?;
        Some((issue.created, issue.id))
    }

    fn check_free(
        &self,
        number: IssueNumber,
        mover: IssueKey,
        planned: &[(IssueKey, IssueNumber)],
        lock: &WriteLock,
    ) -> Result<(), StorageError> {
        let taken = |key| StorageError::NumberTaken { number, key };
        if let Some((key, _)) = planned.iter().find(|(_, other)| *other == number) {
            return Err(taken(*key));
        }
        let found = self.ask_fresh(Some(lock), |handle| self.candidates(handle, number.into()))?;
        // Its own old number is nobody else's.
        if let Some(key) = found.into_iter().find(|key| *key != mover || key.number == number) {
            return Err(taken(key));
        }
        match self.ask(Some(lock), |handle| self.why_not_found(handle, number.into()))? {
            StorageError::NotFound { .. } => Ok(()),
            hidden => Err(hidden),
        }
    }

    fn plan_moves(
        &self,
        handle: &mut Handle,
        targets: &[(IssueKey, IssueNumber)],
    ) -> Result<MovePlan, super::failure::Failure> {
        let names: BTreeMap<IssueKey, IssueKey> =
            targets.iter().map(|(from, number)| (*from, IssueKey { number: *number, suffix: from.suffix })).collect();
        let mut loaded = LoadedIssues::new();
        let mut states: BTreeMap<IssueKey, Issue> = BTreeMap::new();
        let mut relinked: BTreeMap<IssueKey, BTreeSet<IssueKey>> = BTreeMap::new();
        for &(from, number) in targets {
            let mut issue = self.current(handle, &mut loaded, &states, from)?;
            issue.number = number;
            issue.references.remove(&alias_reference(names[&from]));
            issue.references.insert(alias_reference(from));
            issue.imported_updated = None;
            states.insert(from, issue);
        }
        for &(from, _) in targets {
            let alone = handle.index.resolve(from.number.into())? == [from];
            for referrer in handle.index.referrers(from)? {
                let mut issue = self.current(handle, &mut loaded, &states, referrer)?;
                let points_here = |link: &Link| match link.target.suffix {
                    Some(suffix) => link.target.number == from.number && suffix == from.suffix,
                    None => alone && link.target.number == from.number,
                };
                let (here, mut links): (BTreeSet<Link>, BTreeSet<Link>) =
                    issue.links.iter().partition(|link| points_here(link));
                if here.is_empty() {
                    continue;
                }
                links.extend(here.iter().map(|link| Link { kind: link.kind, target: IssueName::from(names[&from]) }));
                issue.links = links;
                issue.imported_updated = None;
                states.insert(referrer, issue);
                relinked.entry(from).or_default().insert(*names.get(&referrer).unwrap_or(&referrer));
            }
        }
        let mut changes = BTreeMap::new();
        let mut moves = Moves::new();
        for (key, issue) in states {
            let before = loaded.get(&key).map(|loaded| (Arc::clone(&loaded.issue), loaded.version));
            match names.get(&key) {
                Some(to) => {
                    moves.insert(*to, key);
                    changes.insert(key, PlannedChange { before, after: None });
                    changes.insert(*to, PlannedChange { before: None, after: Some(Arc::new(issue)) });
                }
                None => {
                    changes.insert(key, PlannedChange { before, after: Some(Arc::new(issue)) });
                }
            }
        }
        let renumbered = names
            .iter()
            .map(|(from, to)| Renumbered { from: *from, to: *to, relinked: relinked.remove(from).unwrap_or_default() })
            .collect();
        Ok((changes, loaded, moves, renumbered))
    }

    /// Returns an issue as the moves so far have left it.
    fn current(
        &self,
        handle: &Handle,
        loaded: &mut LoadedIssues,
        states: &BTreeMap<IssueKey, Issue>,
        key: IssueKey,
    ) -> Result<Issue, super::failure::Failure> {
        if let Some(issue) = states.get(&key) {
            return Ok(issue.clone());
        }
        match self.load_issue(handle, key)? {
            Found::Issue(found) => Ok(Issue::clone(&loaded.entry(key).or_insert(found).issue)),
            Found::Broken { problems, .. } => {
                let (_, problem) = problems.into_iter().next().expect("a broken record has a problem");
                Err(StorageError::Unreadable { problem }.into())
            }
            Found::Missing { .. } => Err(StorageError::NotFound { selector: key.into() }.into()),
        }
    }
}

type MovePlan = (BTreeMap<IssueKey, PlannedChange>, LoadedIssues, Moves, Vec<Renumbered>);

//! The ledger: which issues are closed on another branch of the clone, and not here.
//!
//! Where the issues lie with the code, every branch has files of its own, and what is closed on one is open on the
//! others until it is merged. The ledger lies in the clone's git directory and says where to look; whether an issue is
//! closed there, the files of that branch say: those of the work tree that has it checked out, else those of the commit
//! at its tip. So nothing that is undone there (by an edit, by `reset`, by removing the branch) hides an issue here, and
//! losing the ledger loses no issue.
//!
//! That issues were closed or reopened rides in the note of the transaction, like its events, and is written down when
//! it is visible: a process that dies before leaves it to the next one. What something else than Tickety closed is noticed
//! with the index, and what was committed to a branch without Tickety by its tip ([`scout`](self::scout)). [`file`](self::file) is what lies on the disk, [`look`](self::look) what is closed elsewhere now.

mod file;
mod look;
mod scout;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tickety_core::ident::IssueKey;
use tickety_core::issue::Issue;
use tickety_core::operation::{Change, Operation, Target};
use uuid::Uuid;

use super::commit::{About, Moves};
use super::git::{self, Git};
use super::layout::{HomeKind, Layout};
use super::lock::WriteLock;
use super::store::RepoStore;
use crate::error::StorageError;
use crate::plan::PlannedChange;
use crate::storage::{Batch, BatchOutcome, Effect};

use file::{Closed, Closing, Line, Place, Read, Writing};
pub(super) use look::Elsewhere;

/// In place of the name of a checkout: what was found in a commit. Git gives no checkout this name.
const NOWHERE: &str = ":";

/// What a transaction closed and reopened, or what was noticed to be closed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    place: Place,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closed: Vec<Closing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reopened: Vec<Uuid>,
}

impl Told {
    /// Writes it into the ledger. With `again`, it may have been written already, and other things since.
    pub(super) fn write(&self, layout: &Layout, again: bool) -> Result<(), StorageError> {
        let Self { place, at, closed, reopened } = self;
        let writing = Writing::begin(layout)?;
        let is_known = |known: &Closed, closing: &Closing| {
            known.entries.get(&closing.id).is_some_and(|entry| match entry.reopened {
                true => entry.closing.at == closing.at,
                false => entry.closing.issue == closing.issue,
            })
        };
        let known = match again && !closed.is_empty() {
            true => file::read(&place.path(layout))?,
            false => Read::Missing,
        };
        let news = closed.iter().filter(|closing| !matches!(&known, Read::Known(known) if is_known(known, closing)));
        let news: Vec<Line> = news.cloned().map(Line::Closed).collect();
        if !news.is_empty() {
            writing.append(place, &news)?;
        }
        if reopened.is_empty() {
            return Ok(());
        }
        for path in file::files(layout) {
            let Read::Known(Closed { place, entries }) = file::read(&path)? else { continue };
            let hides = |id: &&Uuid| {
                entries.get(id).is_some_and(|entry| {
                    // One that was closed after it was reopened is closed.
                    !entry.reopened && entry.closing.at.is_none_or(|closed| closed <= *at)
                })
            };
            let ids: Vec<Uuid> = reopened.iter().filter(hides).copied().collect();
            if !ids.is_empty() {
                writing.append(&place, &ids.into_iter().map(Line::Reopened).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

impl RepoStore {
    /// Returns git, if the home is one whose branches may differ.
    fn branching(&self) -> Option<Git> {
        if self.layout.kind == HomeKind::Tree { Git::of(&self.layout) } else { None }
    }

    /// Returns where issues are closed that are closed here.
    fn place(&self, git: &Git) -> Place {
        match git.branch_here() {
            Ok(Some(branch)) => Place::Branch(branch),
            // Whoever looks later looks into this checkout.
            Ok(None) | Err(_) => Place::Checkout(self.checkout_name()),
        }
    }

    fn checkout_name(&self) -> String {
        self.layout.git.as_ref().map(git::checkout_name).unwrap_or_default()
    }

    /// Returns what planned changes close and reopen.
    pub(super) fn told_of(
        &self,
        changes: &BTreeMap<IssueKey, PlannedChange>,
        moves: &Moves,
        about: About<'_>,
    ) -> Option<Told> {
        let git = self.branching()?;
        let is_closed = |issue: &Issue| self.schema.category(&issue.status).is_closed();
        let (mut closed, mut reopened) = (Vec::new(), Vec::new());
        for (key, change) in changes {
            let Some(after) = &change.after else { continue };
            let from = moves.get(key);
            let before = match from {
                Some(from) => changes.get(from).and_then(|change| change.before.as_ref()),
                None => change.before.as_ref(),
            };
            // A new issue is on no other branch.
            let Some((before, _)) = before else { continue };
            match (is_closed(before), is_closed(after)) {
                (false, true) => closed.push(self.closing(*key, after, Some(about.now), about.actor)),
                (true, true) if from.is_some() => closed.push(self.closing(*key, after, None, None)),
                (true, false) => reopened.push(after.id.uuid()),
                _ => {}
            }
        }
        if closed.is_empty() && reopened.is_empty() {
            return None;
        }
        Some(Told { place: self.place(&git), at: about.now, closed, reopened })
    }

    /// Adds to what was noticed that something else than Tickety closed an issue.
    pub(super) fn tell_closed(&self, told: &mut Option<Told>, key: IssueKey, issue: &Issue) {
        let Some(git) = self.branching() else { return };
        let told = told.get_or_insert_with(|| Told {
            place: self.place(&git),
            at: self.now(),
            closed: Vec::new(),
            reopened: Vec::new(),
        });
        told.closed.push(self.closing(key, issue, None, None));
    }

    fn closing(&self, key: IssueKey, issue: &Issue, now: Option<Timestamp>, by: Option<&str>) -> Closing {
        let at = issue.closure.as_ref().and_then(|closure| closure.at).or(now);
        let by = by.map(str::to_owned);
        let dirs =
            self.layout.git.as_ref().filter(|dirs| dirs.main_root().is_none() && dirs.git_dir == dirs.common_dir);
        let root = dirs.map(|dirs| dirs.work_tree.to_string_lossy().into_owned());
        Closing { id: issue.id.uuid(), issue: key.to_string(), at, by, checkout: self.checkout_name(), root }
    }

    /// Takes out of a batch what reopens issues that are open here and closed on another branch: there is nothing to change
    /// in their files. Returns the places of these operations.
    pub(super) fn take_reopenings(&self, lock: &WriteLock, batch: &mut Batch) -> Result<Vec<usize>, StorageError> {
        let mut taken = Vec::new();
        if !reopens(batch) || self.branching().is_none() || file::files(&self.layout).is_empty() {
            return Ok(taken);
        }
        let reopenings = batch.operations.iter_mut().enumerate().filter(|(_, operation)| is_reopening(operation));
        for (index, operation) in reopenings {
            let Operation::Update { target: Target::Existing(selector), changes, .. } = operation else { continue };
            let selector = *selector;
            let is_closed_elsewhere = self.ask(Some(lock), |handle| {
                let keys = self.candidates(handle, selector)?;
                let [key] = keys[..] else { return Ok(false) };
                self.refresh_issues(handle, &[key])?;
                Ok(!self.look_elsewhere(handle)?.of(key).is_empty())
            })?;
            if is_closed_elsewhere {
                changes.retain(|change| *change != Change::Reopen);
                taken.push(index);
            }
        }
        Ok(taken)
    }

    /// Has issues that were reopened, and that weren't closed here, hidden by no other branch.
    pub(super) fn reopen_elsewhere(
        &self,
        taken: &[usize],
        now: Timestamp,
        outcome: &mut BatchOutcome,
    ) -> Result<(), StorageError> {
        let Some(git) = self.branching().filter(|_| !taken.is_empty() && !outcome.rolled_back) else { return Ok(()) };
        let reopened = outcome.outcomes.iter_mut().filter(|outcome| taken.contains(&outcome.index));
        let reopened = reopened.map(|outcome| {
            if outcome.effect == Effect::Unchanged {
                outcome.effect = Effect::Updated;
            }
            outcome.id.uuid()
        });
        let reopened = reopened.collect();
        Told { place: self.place(&git), at: now, closed: Vec::new(), reopened }.write(&self.layout, true)?;
        file::sync(&self.layout)
    }

    /// Makes the ledger durable, without what is outdated.
    pub(super) fn settle_ledger(&self) -> Result<(), StorageError> {
        if self.branching().is_some() { file::settle(&self.layout) } else { Ok(()) }
    }

    /// Returns what is wrong with the files of the ledger.
    pub(super) fn ledger_problems(&self) -> Result<Vec<(PathBuf, LedgerProblem)>, StorageError> {
        let mut found = Vec::new();
        if self.branching().is_none() {
            return Ok(found);
        }
        for path in file::files(&self.layout) {
            let problem = match file::read_counting(&path)? {
                (Read::Known(_) | Read::Missing, 0) => continue,
                (Read::Known(_) | Read::Missing, count) => LedgerProblem::Lines(count),
                (Read::Newer(version), _) => LedgerProblem::Newer(version),
                (Read::Damaged, _) => LedgerProblem::Unreadable,
            };
            found.push((path, problem));
        }
        Ok(found)
    }
}

/// What is wrong with a file of the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LedgerProblem {
    /// Some of its lines can't be read.
    Lines(usize),
    /// It is of a newer Tickety, in this format.
    Newer(u32),
    /// It can't be read at all.
    Unreadable,
}

/// Whether a batch asks for issues to be reopened.
pub(super) fn reopens(batch: &Batch) -> bool {
    batch.operations.iter().any(is_reopening)
}

fn is_reopening(operation: &Operation) -> bool {
    matches!(operation, Operation::Update { changes, .. } if changes.contains(&Change::Reopen))
}

//! The state of a plan that is being made, one operation after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Suffix, Version};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::{self, ApplyContext, Change, Draft, Expected, Operation, OperationError, Target};
use tickety_core::schema::Schema;
use uuid::Uuid;

use super::names::NewName;
use super::{PlannedChange, PlannedOutcome, Snapshot, cycles, shows_number_from};
use crate::error::StorageError;
use crate::storage::{Batch, BatchMode, Effect, OperationFailure};

/// What came of an operation: the issue, its identity and the effect.
type Done = (IssueKey, IssueId, Effect);

pub(super) struct Planner<'a> {
    pub(super) batch: &'a Batch,
    mode: BatchMode,
    schema: &'a Schema,
    pub(super) snapshot: &'a mut dyn Snapshot,
    /// The names of the issues to be created, by the index of their operation: of all beforehand, or each once it is
    /// made.
    pub(super) created: HashMap<usize, (IssueKey, IssueId)>,
    /// The first number that was free before any was set aside for the batch.
    pub(super) drawn: Option<IssueNumber>,
    /// The issues that were made so far.
    born: BTreeMap<IssueKey, IssueId>,
    pub(super) slots: BTreeMap<IssueKey, PlannedChange>,
    /// The issues that batches before this one change.
    settled: BTreeSet<IssueKey>,
    /// Whether the batch is about one of these.
    must_wait: bool,
    /// How to take back what the batch has done so far.
    undo: Vec<(IssueKey, Undo)>,
    /// Links of the kinds that must not go in circles, with the index of their operation.
    pub(super) new_links: Vec<NewLink>,
    /// What such links of the batch point at.
    pointed_at: BTreeSet<IssueKey>,
    outcomes: Vec<PlannedOutcome>,
    /// Why operations failed, by their index.
    failed: BTreeMap<usize, StorageError>,
}

/// A link that must not close a circle.
#[derive(Clone, Copy)]
pub(super) struct NewLink {
    pub(super) index: usize,
    pub(super) holder: IssueKey,
    pub(super) kind: LinkKind,
    pub(super) target: IssueKey,
}

/// What to do with an issue so that an operation never was.
enum Undo {
    /// It was not known before.
    Remove,
    /// It was so.
    Restore(Option<Arc<Issue>>),
}

/// What planning a batch came to.
pub(super) struct Member {
    /// The issues that it may change.
    pub(super) keys: BTreeSet<IssueKey>,
    pub(super) outcomes: Vec<PlannedOutcome>,
    pub(super) failures: Vec<OperationFailure>,
    pub(super) rolled_back: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(batch: &'a Batch, mode: BatchMode, schema: &'a Schema, snapshot: &'a mut dyn Snapshot) -> Self {
        Self {
            batch,
            mode,
            schema,
            snapshot,
            created: HashMap::new(),
            drawn: None,
            born: BTreeMap::new(),
            slots: BTreeMap::new(),
            settled: BTreeSet::new(),
            must_wait: false,
            undo: Vec::new(),
            new_links: Vec::new(),
            pointed_at: BTreeSet::new(),
            outcomes: Vec::with_capacity(batch.operations.len()),
            failed: BTreeMap::new(),
        }
    }

    /// Plans the batch at hand. `None` if it has to wait for the batches before it, because it is about an issue that
    /// one of them changes; then nothing of it is planned.
    pub(super) fn run(&mut self) -> Result<Option<Member>, StorageError> {
        let batch = self.batch;
        if self.mode == BatchMode::Atomic {
            self.name_new_issues()?;
        }
        for (index, operation) in batch.operations.iter().enumerate() {
            self.step(index, operation)?;
            if self.must_wait {
                self.forget_batch(&[]);
                return Ok(None);
            }
        }
        if self.mode == BatchMode::Atomic && self.failed.is_empty() {
            cycles::refuse(self)?;
        }
        let failures = mem::take(&mut self.failed).into_iter();
        let failures: Vec<_> = failures.map(|(index, error)| OperationFailure { index, error }).collect();
        if self.mode == BatchMode::Atomic && !failures.is_empty() {
            self.forget_batch(&failures);
            return Ok(Some(Member { keys: BTreeSet::new(), outcomes: Vec::new(), failures, rolled_back: true }));
        }
        let keys: BTreeSet<IssueKey> = self.undo.drain(..).map(|(key, _)| key).collect();
        Ok(Some(Member { keys, outcomes: mem::take(&mut self.outcomes), failures, rolled_back: false }))
    }

    /// Goes on with another batch, once the changes of the one before are settled.
    pub(super) fn begin(&mut self, batch: &'a Batch, mode: BatchMode, settled: &BTreeSet<IssueKey>) {
        (self.batch, self.mode) = (batch, mode);
        self.settled.extend(settled);
        self.created.clear();
        self.drawn = None;
        self.new_links.clear();
        self.pointed_at.clear();
        self.outcomes.clear();
        self.failed.clear();
        self.undo.clear();
    }

    /// Notes from which number on numbers are set aside for the batch. Where none is left, drawing one tells.
    pub(super) fn note_first_number(&mut self) {
        if self.drawn.is_none() {
            self.drawn = self.snapshot.allocate(0, None).ok();
        }
    }

    /// Leaves everything to the next batch as it was. Numbers that were set aside are there for it, unless a failure
    /// shows one.
    fn forget_batch(&mut self, failures: &[OperationFailure]) {
        if let Some(first) = self.drawn.take()
            && !failures.iter().any(|failure| shows_number_from(&failure.error, first))
        {
            self.snapshot.give_back(first);
        }
        self.take_back(0, 0);
        for (key, _) in self.created.values() {
            self.born.remove(key);
        }
    }

    pub(super) fn into_changes(self) -> BTreeMap<IssueKey, PlannedChange> {
        self.slots
    }

    /// Plans an operation, or notes why it can't be applied and leaves everything as it was.
    pub(super) fn step(&mut self, index: usize, operation: &Operation) -> Result<(), StorageError> {
        if self.failed.contains_key(&index) {
            return Ok(());
        }
        let (done, links) = (self.undo.len(), self.new_links.len());
        match self.plan_one(index, operation, links) {
            Ok((key, id, effect)) => self.outcomes.push(PlannedOutcome { index, key, id, effect }),
            Err(error) if error.is_about_operation() => {
                self.take_back(done, links);
                self.fail(index, error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn fail(&mut self, index: usize, error: StorageError) {
        self.failed.insert(index, error);
    }

    /// Takes back what was done to issues, and the links that were noted, from two places on.
    fn take_back(&mut self, done: usize, links: usize) {
        for (key, undo) in self.undo.drain(done..).rev() {
            match undo {
                Undo::Remove => {
                    self.slots.remove(&key);
                }
                Undo::Restore(after) => {
                    self.slots.get_mut(&key).expect("what was changed is known").after = after;
                }
            }
        }
        self.new_links.truncate(links);
    }

    fn plan_one(&mut self, index: usize, operation: &Operation, links: usize) -> Result<Done, StorageError> {
        match operation {
            Operation::Create(draft) => self.create(index, draft, links),
            Operation::Update { target, expected, changes } => {
                let done = self.update(index, target, expected.as_ref(), changes)?;
                self.check_links(links)?;
                Ok(done)
            }
            Operation::Delete { target, expected } => self.delete(index, target, *expected),
        }
    }

    fn create(&mut self, index: usize, draft: &Draft, links: usize) -> Result<Done, StorageError> {
        let (key, id) = match self.created.get(&index) {
            Some(name) => *name,
            None => return self.create_alone(index, draft, links),
        };
        self.make(index, key, id, draft)?;
        self.born.insert(key, id);
        Ok((key, id, Effect::Created))
    }

    /// Makes an issue that nothing before could refer to, and uses no number if it can't be made.
    fn create_alone(&mut self, index: usize, draft: &Draft, links: usize) -> Result<Done, StorageError> {
        let NewName { key, id, is_drawn } = self.name_new_issue(index, draft)?;
        if let Err(error) = self.make(index, key, id, draft).and_then(|()| self.check_links(links)) {
            if is_drawn && !shows_number_from(&error, key.number) {
                self.snapshot.give_back(key.number);
            }
            return Err(error);
        }
        if !is_drawn {
            self.snapshot.allocate(0, Some(key.number))?;
        }
        self.created.insert(index, (key, id));
        self.born.insert(key, id);
        Ok((key, id, Effect::Created))
    }

    fn make(&mut self, index: usize, key: IssueKey, id: IssueId, draft: &Draft) -> Result<(), StorageError> {
        let issue = self.apply(index, |context| operation::create(draft, key.number, id, context))?;
        self.note_links(index, None, &issue);
        let issue = Arc::new(issue);
        // The name may be that of an issue which an operation before has deleted.
        match self.slots.contains_key(&key) {
            true => self.set(key, Some(issue)),
            false => {
                self.slots.insert(key, PlannedChange { before: None, after: Some(issue) });
                self.undo.push((key, Undo::Remove));
            }
        }
        Ok(())
    }

    fn update(
        &mut self,
        index: usize,
        target: &Target,
        expected: Option<&Expected>,
        changes: &[Change],
    ) -> Result<Done, StorageError> {
        let key = self.target(index, target)?;
        let version = match expected {
            Some(Expected::Version(version)) => Some(*version),
            Some(Expected::Base(_)) | None => None,
        };
        let current = self.current(key, version)?;
        if let Some(Expected::Base(base)) = expected {
            self.refuse_contested(index, key, base, changes)?;
        }
        let next = self.apply(index, |context| operation::apply(&current, changes, context))?;
        let effect = match next {
            None => Effect::Unchanged,
            Some(next) => {
                self.note_links(index, Some(&current), &next);
                self.set(key, Some(Arc::new(next)));
                Effect::Updated
            }
        };
        Ok((key, current.id, effect))
    }

    fn delete(&mut self, index: usize, target: &Target, expected: Option<Version>) -> Result<Done, StorageError> {
        let key = self.target(index, target)?;
        let current = self.current(key, expected)?;
        self.set(key, None);
        let mut referrers: BTreeSet<IssueKey> = self.snapshot.referrers(key)?.into_iter().collect();
        referrers.extend(
            self.slots
                .iter()
                .filter(|(_, slot)| {
                    slot.after.as_ref().is_some_and(|issue| issue.links.iter().any(|link| link.target.names(key)))
                })
                .map(|(referrer, _)| *referrer),
        );
        referrers.remove(&key);
        for referrer in referrers {
            // A referrer that was deleted before, or was not changed yet.
            if self.slots.get(&referrer).is_some_and(|slot| slot.after.is_none()) {
                continue;
            }
            let mut holder = Arc::unwrap_or_clone(self.current(referrer, None)?);
            holder.links.retain(|link| !link.target.names(key));
            self.set(referrer, Some(Arc::new(holder)));
        }
        Ok((key, current.id, Effect::Deleted))
    }

    /// Finds the issue an operation is about.
    fn target(&mut self, index: usize, target: &Target) -> Result<IssueKey, StorageError> {
        match target {
            Target::Created(at) if *at >= index => {
                Err(StorageError::Refused { index, source: OperationError::NotCreated { index: *at } })
            }
            Target::Created(at) => {
                created(&self.created, &self.failed, *at).map_err(|source| StorageError::Refused { index, source })
            }
            Target::Existing(selector) => self.only(*selector),
        }
    }

    fn only(&mut self, selector: IssueSelector) -> Result<IssueKey, StorageError> {
        let candidates = self.candidates(selector)?;
        match candidates.as_slice() {
            [key] => Ok(*key),
            [] => Err(StorageError::NotFound { selector }),
            several => {
                let mut candidates = Vec::with_capacity(several.len());
                for key in several {
                    let title = match self.slots.get(key).and_then(|slot| slot.after.as_ref()) {
                        Some(issue) => issue.title.clone(),
                        None => self.snapshot.load(*key)?.0.title.clone(),
                    };
                    candidates.push((*key, title));
                }
                Err(StorageError::Ambiguous { selector, candidates })
            }
        }
    }

    /// Returns the issues that a selector could mean after the operations so far.
    pub(super) fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError> {
        candidates(self.snapshot, &self.slots, &self.born, selector)
    }

    /// Returns an issue as the operations so far have left it, and sees that it is loaded.
    fn current(&mut self, key: IssueKey, expected: Option<Version>) -> Result<Arc<Issue>, StorageError> {
        self.must_wait |= self.settled.contains(&key);
        if !self.slots.contains_key(&key) {
            let (issue, version) = self.snapshot.load(key)?;
            self.slots.insert(key, PlannedChange { before: Some((Arc::clone(&issue), version)), after: Some(issue) });
        }
        let slot = &self.slots[&key];
        if let (Some(expected), Some((_, actual))) = (expected, &slot.before)
            && *actual != expected
        {
            return Err(StorageError::Conflict { key, expected, actual: *actual });
        }
        slot.after.clone().ok_or(StorageError::NotFound { selector: key.into() })
    }

    /// Refuses changes to fields that somebody else has changed since they were made up.
    fn refuse_contested(
        &mut self,
        index: usize,
        key: IssueKey,
        base: &Issue,
        changes: &[Change],
    ) -> Result<(), StorageError> {
        // What the batch itself does to the issue contradicts nobody.
        let Some((before, _)) = &self.slots[&key].before else { return Ok(()) };
        if **before == *base {
            return Ok(());
        }
        let before = Arc::clone(before);
        let fields = self.apply(index, |context| Ok(operation::contested(base, &before, changes, context)))?;
        if fields.is_empty() { Ok(()) } else { Err(StorageError::FieldConflict { key, fields }) }
    }

    /// Sets what becomes of an issue that is loaded.
    fn set(&mut self, key: IssueKey, after: Option<Arc<Issue>>) {
        let slot = self.slots.get_mut(&key).expect("an issue is loaded before it is changed");
        self.undo.push((key, Undo::Restore(mem::replace(&mut slot.after, after))));
    }

    fn apply<T>(
        &mut self,
        index: usize,
        run: impl FnOnce(&mut ApplyContext<'_>) -> Result<T, OperationError>,
    ) -> Result<T, StorageError> {
        let Self { batch, schema, snapshot, created: names, failed, slots, born, .. } = self;
        // Ids of comments and names of targets come from the same snapshot, one at a time.
        let snapshot = std::cell::RefCell::new(snapshot);
        let mut broken: Option<StorageError> = None;
        let mut resolve = |target: &Target| match target {
            Target::Created(at) => match created(names, failed, *at)? {
                // An operation before this one has deleted it again.
                gone if slots.get(&gone).is_some_and(|slot| slot.after.is_none()) => {
                    Err(OperationError::NoTarget { selector: gone.into() })
                }
                key => Ok(key),
            },
            Target::Existing(selector) => {
                let found = candidates(&mut ***snapshot.borrow_mut(), slots, born, *selector).unwrap_or_else(|error| {
                    broken = Some(error);
                    Vec::new()
                });
                match found.as_slice() {
                    [key] => Ok(*key),
                    [] => Err(OperationError::NoTarget { selector: *selector }),
                    _ => Err(OperationError::AmbiguousTarget { selector: *selector, candidates: found }),
                }
            }
        };
        let mut new_id = || -> Uuid { snapshot.borrow_mut().new_id() };
        let result = run(&mut ApplyContext {
            schema,
            now: batch.now,
            actor: batch.actor.as_deref(),
            new_id: &mut new_id,
            resolve: &mut resolve,
        });
        match (result, broken) {
            // A link is removed whether or not its other end can be read.
            (Ok(done), _) => Ok(done),
            (Err(_), Some(error)) => Err(error),
            (Err(source), None) => Err(StorageError::Refused { index, source }),
        }
    }

    fn note_links(&mut self, index: usize, before: Option<&Issue>, after: &Issue) {
        for link in after.links.iter().filter(|link| link.kind.is_acyclic()) {
            let Some(suffix) = link.target.suffix else { continue };
            if before.is_some_and(|before| before.links.contains(link)) {
                continue;
            }
            let target = IssueKey { number: link.target.number, suffix };
            self.new_links.push(NewLink { index, holder: after.key(), kind: link.kind, target });
        }
    }

    /// Where operations stand for themselves, refuses the links from a place on that close a circle with what is there
    /// so far.
    fn check_links(&mut self, from: usize) -> Result<(), StorageError> {
        if self.mode == BatchMode::Atomic {
            return Ok(());
        }
        for place in from..self.new_links.len() {
            let link = self.new_links[place];
            // What was just made is the end of no link yet.
            let may_be_reached = self.slots.get(&link.holder).is_none_or(|slot| slot.before.is_some())
                || self.pointed_at.contains(&link.holder);
            if may_be_reached {
                cycles::refuse_closing(self, link)?;
            }
        }
        self.pointed_at.extend(self.new_links[from..].iter().map(|link| link.target));
        Ok(())
    }
}

/// Returns the issue that an operation makes.
fn created(
    names: &HashMap<usize, (IssueKey, IssueId)>,
    failed: &BTreeMap<usize, StorageError>,
    at: usize,
) -> Result<IssueKey, OperationError> {
    match (failed.get(&at), names.get(&at)) {
        (Some(error), _) => Err(OperationError::NeedsFailed { index: at, reason: error.to_string() }),
        (None, Some((key, _))) => Ok(*key),
        (None, None) => Err(OperationError::NotCreated { index: at }),
    }
}

/// Returns the issues that a selector could mean, with those that were made and without those that were deleted.
fn candidates(
    snapshot: &mut dyn Snapshot,
    slots: &BTreeMap<IssueKey, PlannedChange>,
    born: &BTreeMap<IssueKey, IssueId>,
    selector: IssueSelector,
) -> Result<Vec<IssueKey>, StorageError> {
    let is_there = |key: &IssueKey| slots.get(key).is_none_or(|slot| slot.after.is_some());
    let mut found = snapshot.candidates(selector)?;
    found.retain(is_there);
    if born.is_empty() {
        return Ok(found);
    }
    let made: Vec<IssueKey> = match selector {
        IssueSelector::Id(id) => born.iter().filter(|(_, made)| **made == id).map(|(key, _)| *key).collect(),
        IssueSelector::Name(name) => {
            let lowest = IssueKey { number: name.number, suffix: Suffix::of(Uuid::nil()) };
            let same_number = born.range(lowest..).map(|(key, _)| *key).take_while(|key| key.number == name.number);
            same_number.filter(|key| name.names(*key)).collect()
        }
    };
    for key in made {
        if is_there(&key) && !found.contains(&key) {
            found.push(key);
        }
    }
    Ok(found)
}

//! Working out what a batch does, before any of it is written.
//!
//! Every store plans its batches here, so that what an operation means is said once. A store tells
//! what is there (a [`Snapshot`]) and writes what the [`Plan`] says.

mod cycles;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::{self, ApplyContext, Change, Draft, Operation, OperationError, Target};
use tickety_core::schema::Schema;
use uuid::Uuid;

use crate::error::StorageError;
use crate::storage::{Batch, Effect};

/// What planning has to know of the issues as they are, under the writer's lock.
pub(crate) trait Snapshot {
    /// Returns the issues a selector could mean: none, one, or several.
    fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError>;
    /// Returns an issue with its comments, and its version.
    fn load(&mut self, key: IssueKey) -> Result<(Issue, Version), StorageError>;
    /// Returns the issues that store a link to this one.
    fn referrers(&mut self, key: IssueKey) -> Result<Vec<IssueKey>, StorageError>;
    /// Returns what an issue's stored links of one kind point at.
    fn targets(&mut self, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, StorageError>;
    /// Sets numbers aside that were never given before, above all of `above`: the first of
    /// `count` in a row. They are given only if the plan is carried out.
    fn allocate(&mut self, count: u32, above: Option<IssueNumber>) -> Result<IssueNumber, StorageError>;
    /// Makes a new UUID of version 7.
    fn new_id(&mut self) -> Uuid;
}

/// What a batch does to each issue it touches, and how each operation came out.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The issues that change, by name.
    pub(crate) changes: BTreeMap<IssueKey, PlannedChange>,
    /// For every operation its issue, identity and effect.
    pub(crate) outcomes: Vec<(IssueKey, IssueId, Effect)>,
}

/// An issue before and after a batch.
#[derive(Debug)]
pub(crate) struct PlannedChange {
    /// As it was; `None` if the batch creates it.
    pub(crate) before: Option<(Issue, Version)>,
    /// As it shall be; `None` if the batch deletes it.
    pub(crate) after: Option<Issue>,
}

/// Plans a batch.
pub(crate) fn plan(batch: &Batch, schema: &Schema, snapshot: &mut dyn Snapshot) -> Result<Plan, StorageError> {
    let created = name_new_issues(batch, snapshot)?;
    let mut planner = Planner {
        batch,
        schema,
        snapshot,
        created,
        slots: BTreeMap::new(),
        new_links: Vec::new(),
        outcomes: Vec::with_capacity(batch.operations.len()),
    };
    for (index, operation) in batch.operations.iter().enumerate() {
        planner.plan_one(index, operation)?;
    }
    cycles::refuse(&mut planner)?;
    Ok(Plan { changes: planner.slots, outcomes: planner.outcomes })
}

/// Whether the refusal of a plan names an issue of this number or a higher one: one that isn't made.
pub(crate) fn shows_number_from(error: &StorageError, first: IssueNumber) -> bool {
    let StorageError::Refused { source, .. } = error else { return false };
    let named: &[IssueKey] = match source {
        OperationError::SelfLink { issue }
        | OperationError::NotClosed { issue }
        | OperationError::NoComment { issue, .. } => std::slice::from_ref(issue),
        OperationError::Cycle { walk, .. } => walk,
        OperationError::AmbiguousTarget { candidates, .. } => candidates,
        OperationError::Text { .. }
        | OperationError::TooMany { .. }
        | OperationError::UnknownStatus { .. }
        | OperationError::UnknownKind { .. }
        | OperationError::ClosureOfOpen { .. }
        | OperationError::FieldKey { .. }
        | OperationError::FieldValue { .. }
        | OperationError::IdTaken { .. }
        | OperationError::NotCreated { .. }
        | OperationError::NoTarget { .. } => &[],
    };
    named.iter().any(|key| key.number >= first)
}

struct Planner<'a> {
    batch: &'a Batch,
    schema: &'a Schema,
    snapshot: &'a mut dyn Snapshot,
    /// The names of the issues to be created, by the index of their operation.
    created: HashMap<usize, (IssueKey, IssueId)>,
    slots: BTreeMap<IssueKey, PlannedChange>,
    /// Links of the kinds that must not go in circles, with the index of their operation.
    new_links: Vec<(usize, IssueKey, LinkKind, IssueKey)>,
    outcomes: Vec<(IssueKey, IssueId, Effect)>,
}

/// Chooses number and id of every issue to be created, so that operations can refer to each other
/// whatever their order.
fn name_new_issues(
    batch: &Batch,
    snapshot: &mut dyn Snapshot,
) -> Result<HashMap<usize, (IssueKey, IssueId)>, StorageError> {
    let drafts: Vec<(usize, &Draft)> = batch
        .operations
        .iter()
        .enumerate()
        .filter_map(|(index, operation)| match operation {
            Operation::Create(draft) => Some((index, &**draft)),
            Operation::Update { .. } | Operation::Delete { .. } => None,
        })
        .collect();
    if drafts.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    let mut kept: HashMap<usize, IssueNumber> = HashMap::new();
    for &(index, draft) in &drafts {
        if let Some(id) = draft.id
            && (!ids.insert(id) || !snapshot.candidates(IssueSelector::Id(id))?.is_empty())
        {
            return Err(StorageError::Refused { index, source: OperationError::IdTaken { id } });
        }
        // The last number there is would leave none for those that come.
        if let Some(number) = draft.number
            && number.next().is_some()
            && !numbers.contains(&number)
            && is_free(number, snapshot)?
        {
            numbers.insert(number);
            kept.insert(index, number);
        }
    }
    let wanted = u32::try_from(drafts.len() - kept.len()).unwrap_or(u32::MAX);
    let mut next = Some(snapshot.allocate(wanted, numbers.last().copied())?);
    let mut names = HashMap::with_capacity(drafts.len());
    for (index, draft) in drafts {
        let number = match kept.get(&index) {
            Some(number) => *number,
            None => {
                let number = next.expect("as many numbers were set aside as there are drafts without one");
                next = number.next();
                number
            }
        };
        let id = draft.id.unwrap_or_else(|| IssueId::new(snapshot.new_id()));
        names.insert(index, (IssueKey { number, suffix: id.suffix() }, id));
    }
    Ok(names)
}

/// Whether no issue has a number, not even one that can't be read.
fn is_free(number: IssueNumber, snapshot: &mut dyn Snapshot) -> Result<bool, StorageError> {
    match snapshot.candidates(number.into()) {
        Ok(found) => Ok(found.is_empty()),
        Err(StorageError::Unreadable { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

impl Planner<'_> {
    fn plan_one(&mut self, index: usize, operation: &Operation) -> Result<(), StorageError> {
        match operation {
            Operation::Create(draft) => self.create(index, draft),
            Operation::Update { target, expected, changes } => self.update(index, target, *expected, changes),
            Operation::Delete { target, expected } => self.delete(index, target, *expected),
        }
    }

    fn create(&mut self, index: usize, draft: &Draft) -> Result<(), StorageError> {
        let (key, id) = self.created[&index];
        let issue = self.apply(index, |context| operation::create(draft, key.number, id, context))?;
        self.note_links(index, None, &issue);
        self.slots.insert(key, PlannedChange { before: None, after: Some(issue) });
        self.outcomes.push((key, id, Effect::Created));
        Ok(())
    }

    fn update(
        &mut self,
        index: usize,
        target: &Target,
        expected: Option<Version>,
        changes: &[Change],
    ) -> Result<(), StorageError> {
        let key = self.target(index, target)?;
        let current = self.current(key, expected)?;
        let next = self.apply(index, |context| operation::apply(&current, changes, context))?;
        let effect = match next {
            None => Effect::Unchanged,
            Some(next) => {
                self.note_links(index, Some(&current), &next);
                self.slot(key).after = Some(next);
                Effect::Updated
            }
        };
        self.outcomes.push((key, current.id, effect));
        Ok(())
    }

    fn delete(&mut self, index: usize, target: &Target, expected: Option<Version>) -> Result<(), StorageError> {
        let key = self.target(index, target)?;
        let current = self.current(key, expected)?;
        self.slot(key).after = None;
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
            let mut holder = self.current(referrer, None)?;
            holder.links.retain(|link| !link.target.names(key));
            self.slot(referrer).after = Some(holder);
        }
        self.outcomes.push((key, current.id, Effect::Deleted));
        Ok(())
    }

    /// Finds the issue an operation is about.
    fn target(&mut self, index: usize, target: &Target) -> Result<IssueKey, StorageError> {
        match target {
            Target::Created(at) if *at < index && self.created.contains_key(at) => Ok(self.created[at].0),
            Target::Created(at) => {
                Err(StorageError::Refused { index, source: OperationError::NotCreated { index: *at } })
            }
            Target::Existing(selector) => self.only(*selector),
        }
    }

    fn only(&mut self, selector: IssueSelector) -> Result<IssueKey, StorageError> {
        let candidates = self.snapshot.candidates(selector)?;
        match (candidates.as_slice(), selector) {
            ([key], _) => Ok(*key),
            ([], _) | (_, IssueSelector::Id(_)) => Err(StorageError::NotFound { selector }),
            (several, IssueSelector::Name(name)) => {
                let mut candidates = Vec::with_capacity(several.len());
                for key in several {
                    candidates.push((*key, self.snapshot.load(*key)?.0.title));
                }
                Err(StorageError::Ambiguous { name, candidates })
            }
        }
    }

    /// Returns an issue as the operations so far have left it, and sees that it is loaded.
    fn current(&mut self, key: IssueKey, expected: Option<Version>) -> Result<Issue, StorageError> {
        if !self.slots.contains_key(&key) {
            let (issue, version) = self.snapshot.load(key)?;
            self.slots.insert(key, PlannedChange { before: Some((issue.clone(), version)), after: Some(issue) });
        }
        let slot = self.slot(key);
        if let (Some(expected), Some((_, actual))) = (expected, &slot.before)
            && *actual != expected
        {
            return Err(StorageError::Conflict { key, expected, actual: *actual });
        }
        slot.after.clone().ok_or(StorageError::NotFound { selector: key.into() })
    }

    fn slot(&mut self, key: IssueKey) -> &mut PlannedChange {
        self.slots.get_mut(&key).expect("an issue is loaded before it is changed")
    }

    fn apply<T>(
        &mut self,
        index: usize,
        run: impl FnOnce(&mut ApplyContext<'_>) -> Result<T, OperationError>,
    ) -> Result<T, StorageError> {
        let Self { batch, schema, snapshot, created, slots, .. } = self;
        // Ids of comments and names of targets come from the same snapshot, one at a time.
        let snapshot = std::cell::RefCell::new(snapshot);
        let mut broken: Option<StorageError> = None;
        let mut resolve = |target: &Target| match target {
            Target::Created(at) => {
                created.get(at).map(|(key, _)| *key).ok_or(OperationError::NotCreated { index: *at })
            }
            Target::Existing(selector) => {
                let found = snapshot.borrow_mut().candidates(*selector).unwrap_or_else(|error| {
                    broken = Some(error);
                    Vec::new()
                });
                let found: Vec<IssueKey> =
                    found.into_iter().filter(|key| slots.get(key).is_none_or(|slot| slot.after.is_some())).collect();
                match found.as_slice() {
                    [key] => Ok(*key),
                    [] => Err(OperationError::NoTarget { selector: *selector }),
                    _ => Err(OperationError::AmbiguousTarget { selector: *selector, candidates: found }),
                }
            }
        };
        let mut new_id = || snapshot.borrow_mut().new_id();
        let result = run(&mut ApplyContext {
            schema,
            now: batch.now,
            actor: batch.actor.as_deref(),
            new_id: &mut new_id,
            resolve: &mut resolve,
        });
        match broken {
            Some(error) => Err(error),
            None => result.map_err(|source| StorageError::Refused { index, source }),
        }
    }

    fn note_links(&mut self, index: usize, before: Option<&Issue>, after: &Issue) {
        for link in after.links.iter().filter(|link| link.kind.is_acyclic()) {
            let Some(suffix) = link.target.suffix else { continue };
            if before.is_some_and(|before| before.links.contains(link)) {
                continue;
            }
            let target = IssueKey { number: link.target.number, suffix };
            self.new_links.push((index, after.key(), link.kind, target));
        }
    }
}

impl Plan {
    /// Drops what turned out to be as it was before.
    pub(crate) fn without_unchanged(mut self) -> Self {
        self.changes.retain(|_, change| match (&change.before, &change.after) {
            (Some((before, _)), Some(after)) => before != after,
            (None, None) => false,
            _ => true,
        });
        self
    }
}

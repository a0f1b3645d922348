//! What planning sees of a home while the lock is held: records read from their files, names and
//! links from the index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueName, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::{Operation, Target};
use uuid::Uuid;

use super::counter::Draw;
use super::failure::Failure;
use super::index::IndexError;
use super::layout::{RecordPath, Shard};
use super::load::{Found, Loaded, load};
use super::read::known_candidates;
use super::store::{Handle, RepoStore};
use super::unreadable::Hidden;
use super::workers::{self, MANY};
use crate::error::StorageError;
use crate::plan::{Plan, Snapshot};
use crate::storage::RecordProblem;

pub(super) struct RepoSnapshot<'a> {
    store: &'a RepoStore,
    handle: &'a mut Handle,
    /// Whether there is one operation alone.
    is_single: bool,
    now: Timestamp,
    /// The issues that were read, as their files are.
    loaded: BTreeMap<IssueKey, Box<Loaded>>,
    /// What was read before it is asked for.
    ahead: BTreeMap<IssueKey, Found>,
    /// What the index knows of the directories that many operations are about.
    known: BTreeMap<Shard, Vec<IssueKey>>,
    /// The directories that were looked at, or the numbers in them.
    seen: BTreeSet<(Shard, Option<IssueNumber>)>,
    /// What can't be read of the directories that were asked about; of all under `None`.
    hidden: BTreeMap<Option<Shard>, Vec<Hidden>>,
    /// The numbers that are set aside for new issues.
    drawn: Option<Draw>,
    /// The first of them.
    first: Option<IssueNumber>,
    /// What the index could not do, where the plan fails for that.
    trouble: Option<IndexError>,
}

impl<'a> RepoSnapshot<'a> {
    pub(super) fn new(store: &'a RepoStore, handle: &'a mut Handle, is_single: bool, now: Timestamp) -> Self {
        Self {
            store,
            handle,
            is_single,
            now,
            loaded: BTreeMap::new(),
            ahead: BTreeMap::new(),
            known: BTreeMap::new(),
            seen: BTreeSet::new(),
            hidden: BTreeMap::new(),
            drawn: None,
            first: None,
            trouble: None,
        }
    }

    /// Reads the issues that operations are about, where these are many: each directory is asked of the index once, and
    /// the files are read by several threads. What can't be found or read is left to those who ask for it.
    pub(super) fn read_ahead<'b>(
        &mut self,
        operations: impl Iterator<Item = &'b Operation>,
    ) -> Result<(), StorageError> {
        let names: BTreeSet<IssueName> = operations.filter_map(named_in).collect();
        if names.len() < MANY {
            return Ok(());
        }
        let names: Vec<IssueName> = names.into_iter().collect();
        let mut wanted: Vec<(IssueKey, Vec<RecordPath>)> = Vec::with_capacity(names.len());
        for names in names.chunk_by(|one, other| Shard::of(one.number) == Shard::of(other.number)) {
            let shard = Shard::of(names[0].number);
            match self.look_at(names[0].number) {
                Ok(()) => {}
                Err(error) if self.trouble.is_some() => return Err(error),
                Err(_) => {
                    self.seen.remove(&(shard, None));
                    continue;
                }
            }
            let known = self.handle.index.keys(shard).map_err(Failure::from);
            let known = self.checked(known)?;
            let files = self.handle.index.files(shard).map_err(Failure::from);
            let files = self.checked(files)?;
            for name in names {
                if let [key] = candidates_among(&known, *name) {
                    let files = files.of_issue(*key).into_iter().map(|file| file.path);
                    wanted.push((*key, files.filter(|path| path.comment.is_some()).collect()));
                }
            }
            self.known.insert(shard, known);
        }
        // A number and the name with its suffix are the same issue.
        wanted.dedup_by_key(|(key, _)| *key);
        let (home, schema) = (&self.store.home, &*self.store.schema);
        let read = |(key, comments): &(IssueKey, Vec<RecordPath>)| (*key, load(home, schema, *key, comments));
        workers::each_in_order(&wanted, read, |(key, found)| {
            self.ahead.insert(key, found);
            Ok(())
        })
    }

    /// Returns why planning failed. The numbers that were set aside are free again.
    pub(super) fn failure(self, error: StorageError) -> Failure {
        match self.trouble {
            Some(trouble) => Failure::Index(trouble),
            None => Failure::Store(error),
        }
    }

    /// Returns the issues that were read, and the numbers that are to be given out: if one of the batches isn't rolled
    /// back or its failures show one of them. What somebody has seen never means another issue.
    pub(super) fn finish(self, plans: &[Plan]) -> (BTreeMap<IssueKey, Box<Loaded>>, Option<Draw>) {
        let is_shown = |plan: &Plan| !plan.rolled_back || self.first.is_some_and(|first| plan.shows_number_from(first));
        let is_shown = plans.iter().any(is_shown);
        (self.loaded, self.drawn.filter(|_| is_shown))
    }

    /// Returns the record that can't be read and may be the issue a selector means. The directories are
    /// looked through once, however many issues are asked for.
    fn hidden(&mut self, selector: IssueSelector) -> Result<Option<RecordProblem>, StorageError> {
        let shard = match selector {
            IssueSelector::Name(name) => Some(Shard::of(name.number)),
            IssueSelector::Id(_) => None,
        };
        if !self.hidden.contains_key(&shard) {
            let hidden = self.store.hidden_issues(self.handle, shard);
            let mut hidden = self.checked(hidden)?;
            if let (IssueSelector::Name(name), true) = (selector, self.is_single) {
                hidden.extend(self.store.elsewhere(name.number)?);
            }
            self.hidden.insert(shard, hidden);
        }
        let may_be_it = |hidden: &&Hidden| match (hidden.key, selector) {
            (None, _) => true,
            (Some(key), IssueSelector::Name(name)) => name.names(key),
            (Some(key), IssueSelector::Id(id)) => id.suffix() == key.suffix,
        };
        Ok(self.hidden[&shard].iter().find(may_be_it).map(|hidden| hidden.problem.clone()))
    }

    /// Brings the issues of a number up to date in the index, once: nobody who keeps to the lock changes them meanwhile.
    fn look_at(&mut self, number: IssueNumber) -> Result<(), StorageError> {
        let shard = Shard::of(number);
        let only = self.is_single.then_some(number);
        if !self.seen.insert((shard, only)) {
            return Ok(());
        }
        let refreshed = match only {
            Some(number) => self.store.refresh_number(self.handle, number),
            None => self.store.refresh_shard(self.handle, shard, true),
        };
        self.checked(refreshed)
    }

    fn checked<T>(&mut self, result: Result<T, Failure>) -> Result<T, StorageError> {
        result.map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Index(error) => {
                let shown = StorageError::Damaged { path: self.store.layout.index(), message: error.to_string() };
                self.trouble = Some(error);
                shown
            }
        })
    }
}

impl Snapshot for RepoSnapshot<'_> {
    fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError> {
        if let IssueSelector::Name(name) = selector {
            let known = self.known.get(&Shard::of(name.number)).map(|known| candidates_among(known, name));
            if let Some(found) = known.filter(|found| !found.is_empty()) {
                return Ok(found.to_vec());
            }
            self.look_at(name.number)?;
        }
        let found = known_candidates(self.handle, selector);
        let mut found = self.checked(found)?;
        if let (true, IssueSelector::Name(name)) = (found.is_empty(), selector) {
            let refreshed = self.store.refresh_unreadable(self.handle, name.number);
            if self.checked(refreshed)? {
                self.known.clear();
                let again = known_candidates(self.handle, selector);
                found = self.checked(again)?;
            }
        }
        if found.is_empty()
            && let Some(problem) = self.hidden(selector)?
        {
            // One whose record can't be read is there all the same: nobody should make it again.
            return Err(StorageError::Unreadable { problem });
        }
        Ok(found)
    }

    fn load(&mut self, key: IssueKey) -> Result<(Arc<Issue>, Version), StorageError> {
        if let Some(loaded) = self.loaded.get(&key) {
            return Ok((Arc::clone(&loaded.issue), loaded.version));
        }
        let found = match self.ahead.remove(&key) {
            Some(found) => found,
            None => {
                self.look_at(key.number)?;
                let found = self.store.load_issue(self.handle, key);
                self.checked(found)?
            }
        };
        match found {
            Found::Issue(loaded) => {
                let (issue, version) = (Arc::clone(&loaded.issue), loaded.version);
                self.loaded.insert(key, loaded);
                Ok((issue, version))
            }
            Found::Broken { problems, .. } => {
                let (_, problem) = problems.into_iter().next().expect("a broken record has a problem");
                Err(StorageError::Unreadable { problem })
            }
            Found::Missing { .. } => Err(StorageError::NotFound { selector: key.into() }),
        }
    }

    fn referrers(&mut self, key: IssueKey) -> Result<Vec<IssueKey>, StorageError> {
        let found = self.handle.index.referrers(key).map_err(Failure::from);
        self.checked(found)
    }

    fn targets(&mut self, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, StorageError> {
        let found = self.handle.index.targets(key, kind).map_err(Failure::from);
        self.checked(found)
    }

    fn allocate(&mut self, count: u32, above: Option<IssueNumber>) -> Result<IssueNumber, StorageError> {
        if let Some(draw) = &mut self.drawn {
            return Ok(draw.take(count, above)?);
        }
        let known = self.handle.index.max_number().map_err(Failure::from);
        let known = self.checked(known)?;
        let mut draw = Draw::begin(&self.store.layout)?;
        let first = draw.take(count, above.max(known))?;
        (self.drawn, self.first) = (Some(draw), Some(first));
        Ok(first)
    }

    fn give_back(&mut self, number: IssueNumber) {
        if let Some(draw) = &mut self.drawn {
            draw.give_back(number);
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.store.options.ids.next(self.now)
    }
}

/// Returns the name of an issue that an operation is about, if it gives one.
fn named_in(operation: &Operation) -> Option<IssueName> {
    match operation {
        Operation::Update { target: Target::Existing(IssueSelector::Name(name)), .. }
        | Operation::Delete { target: Target::Existing(IssueSelector::Name(name)), .. } => Some(*name),
        Operation::Update { .. } | Operation::Delete { .. } | Operation::Create(_) => None,
    }
}

/// Returns those of some issues, which are given by name, that a name could mean.
fn candidates_among(known: &[IssueKey], name: IssueName) -> &[IssueKey] {
    let from = known.partition_point(|key| key.number < name.number);
    let of_number = &known[from..];
    let of_number = &of_number[..of_number.partition_point(|key| key.number == name.number)];
    match name.suffix {
        None => of_number,
        Some(suffix) => match of_number.binary_search_by_key(&suffix, |key| key.suffix) {
            Ok(place) => &of_number[place..=place],
            Err(_) => &[],
        },
    }
}

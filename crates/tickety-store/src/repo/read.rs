//! Answering from the index, as fresh as the mode asks for.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::Derived;
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;

use super::failure::Failure;
use super::index::Location;
use super::layout::RecordPath;
use super::ledger::Elsewhere;
use super::load::{Found, Loaded, load, shown};
use super::lock::WriteLock;
use super::store::{Handle, RepoStore};
use super::unlooking::Unlooking;
use crate::error::StorageError;
use crate::storage::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, Freshness, FreshnessMode, GraphScope, Identity,
    IssueStorage, IssueSummary, IssueText, Look, Page, RecordProblem, Request, Stamp, Stamped, Stats, StoredIssue,
};

/// How often a list is asked again because records of its answer changed meanwhile.
const MAX_ROUNDS: usize = 4;

#[async_trait]
impl IssueStorage for RepoStore {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        Ok(Arc::clone(&self.schema))
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.recover();
        self.counted(|| self.ask(None, |handle| self.read_issue(handle, selector)))
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        self.settled(|lock| self.answer_list(lock, None, query, moment))
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.settled(|lock| self.answer_count(lock, None, query, moment))
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.ask(None, |handle| {
            let mut texts = Vec::with_capacity(keys.len());
            for &key in keys {
                if let Found::Issue(loaded) = self.load_issue(handle, key)? {
                    texts.push(Arc::unwrap_or_clone(loaded.issue).into());
                }
            }
            Ok(texts)
        })
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.recover();
        self.counted(|| self.ask_fresh(None, |handle| Ok(handle.index.by_reference(references)?)))
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.recover();
        self.find_hidden(wanted)
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.settled(|lock| self.answer_graph(lock, None, scope))
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.settled(|lock| self.answer_stats(lock, None, query, moment))
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.recover();
        let mut problems = self.counted(|| self.ask_fresh(None, |handle| Ok(handle.index.problems()?)))?;
        problems.extend(self.left_out().problems());
        Ok(problems)
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.apply_batch(batch, mode)
    }

    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        self.apply_together(batches)
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.recall_request(request)
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.preview_batch(batch, mode)
    }

    async fn stamp(&self, look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        let mut tell = |handle: &mut Handle| {
            let freshness = self.look(handle, look)?;
            let stamp = Stamp { series: handle.series, generation: handle.index.generation()? };
            Ok(Some(Stamped { stamp, freshness }))
        };
        // What is asked before and after every other question is one statement, which needs no transaction.
        match look {
            Look::Nothing => self.ask_one(tell),
            Look::Issue { .. } => {
                self.recover();
                self.ask(None, &mut tell)
            }
            Look::List(_) => self.settled(|lock| self.ask(lock, &mut tell)),
        }
    }

    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        self.ask_one(|handle| {
            let (generation, keys) = handle.index.changes_since(since.generation)?;
            let keys = keys.filter(|_| since.series == handle.series);
            Ok(Some(Changes { now: Stamp { series: handle.series, generation }, keys }))
        })
    }

    fn without_looking(self: Arc<Self>) -> Option<Arc<dyn IssueStorage>> {
        Some(Arc::new(Unlooking(self)))
    }
}

impl RepoStore {
    /// Looks at what an answer depends on, as the answer itself does.
    fn look(&self, handle: &mut Handle, look: Look<'_>) -> Result<Freshness, Failure> {
        let mode = self.freshness(&handle.index)?;
        let unchecked = Freshness { mode, checked: 0, changed: 0 };
        match look {
            Look::Nothing => Ok(unchecked),
            Look::Issue { .. } if self.options.freshness == Some(FreshnessMode::Trust) => Ok(unchecked),
            Look::Issue { key, ends } => {
                self.refresh_to_read(handle, key.number)?;
                let keys: Vec<IssueKey> = iter::once(key).chain(ends.iter().copied()).collect();
                let changed = self.refresh_issues(handle, &keys)?;
                self.look_elsewhere(handle)?;
                Ok(Freshness { mode, checked: saturate(keys.len()), changed: saturate(changed) })
            }
            Look::List(keys) => {
                let mut freshness = self.refresh(handle, mode)?;
                if mode == FreshnessMode::Shards {
                    freshness.checked += saturate(keys.len());
                    freshness.changed += saturate(self.refresh_issues(handle, keys)?);
                }
                self.look_elsewhere(handle)?;
                Ok(freshness)
            }
        }
    }

    pub(super) fn answer_list(
        &self,
        lock: Option<&WriteLock>,
        mode: Option<FreshnessMode>,
        query: &Query,
        moment: &Moment,
    ) -> Result<Page, StorageError> {
        self.counted(|| self.ask(lock, |handle| self.read_page(handle, mode, query, moment)))
    }

    pub(super) fn answer_count(
        &self,
        lock: Option<&WriteLock>,
        mode: Option<FreshnessMode>,
        query: &Query,
        moment: &Moment,
    ) -> Result<u64, StorageError> {
        let count = |handle: &mut Handle| {
            self.bring_up_to_date(handle, mode)?;
            let elsewhere = self.closed_elsewhere(handle, mode)?;
            Ok(handle.index.count(&elsewhere.narrow(query), moment)?)
        };
        self.counted(|| self.ask(lock, count))
    }

    pub(super) fn answer_graph(
        &self,
        lock: Option<&WriteLock>,
        mode: Option<FreshnessMode>,
        scope: &GraphScope,
    ) -> Result<Checked<Graph>, StorageError> {
        self.counted(|| self.ask_checked(lock, mode, |handle| Ok(handle.index.graph(scope)?)))
    }

    pub(super) fn answer_stats(
        &self,
        lock: Option<&WriteLock>,
        mode: Option<FreshnessMode>,
        query: &Query,
        moment: &Moment,
    ) -> Result<Checked<Stats>, StorageError> {
        self.counted(|| {
            self.ask_checked(lock, mode, |handle| {
                let elsewhere = self.closed_elsewhere(handle, mode)?;
                let mut stats = handle.index.stats(&elsewhere.narrow(query), moment)?;
                stats.ready -= elsewhere.count_hidden(&handle.index, query, moment)?;
                Ok(stats)
            })
        })
    }

    /// Compares the index with the files as far as a mode goes: the store's own where none is given.
    fn bring_up_to_date(&self, handle: &mut Handle, mode: Option<FreshnessMode>) -> Result<Freshness, Failure> {
        let mode = match mode {
            Some(mode) => mode,
            None => self.freshness(&handle.index)?,
        };
        self.refresh(handle, mode)
    }

    /// Returns what is closed on other branches: as it is known where nothing is looked at.
    fn closed_elsewhere(&self, handle: &mut Handle, mode: Option<FreshnessMode>) -> Result<Arc<Elsewhere>, Failure> {
        if mode == Some(FreshnessMode::Trust) { self.known_elsewhere(handle) } else { self.look_elsewhere(handle) }
    }

    /// Asks the index after it has been brought up to date as far as the mode goes.
    pub(super) fn ask_fresh<T>(
        &self,
        lock: Option<&WriteLock>,
        mut question: impl FnMut(&mut Handle) -> Result<T, Failure>,
    ) -> Result<T, StorageError> {
        self.ask(lock, |handle| {
            self.bring_up_to_date(handle, None)?;
            question(handle)
        })
    }

    /// Asks the index after it has been brought up to date, and tells how far that went.
    fn ask_checked<T>(
        &self,
        lock: Option<&WriteLock>,
        mode: Option<FreshnessMode>,
        mut question: impl FnMut(&mut Handle) -> Result<T, Failure>,
    ) -> Result<Checked<T>, StorageError> {
        self.ask(lock, |handle| {
            let freshness = self.bring_up_to_date(handle, mode)?;
            Ok(Checked { value: question(handle)?, problems: self.count_problems(handle)?, freshness })
        })
    }

    /// Finds the issues a selector could mean. A number that no issue has may be one that an issue
    /// had before it was renumbered.
    pub(super) fn candidates(&self, handle: &mut Handle, selector: IssueSelector) -> Result<Vec<IssueKey>, Failure> {
        if let IssueSelector::Name(name) = selector
            && self.options.freshness != Some(FreshnessMode::Trust)
        {
            self.refresh_to_read(handle, name.number)?;
            let known = known_candidates(handle, selector)?;
            if !known.is_empty() || !self.refresh_unreadable(handle, name.number)? {
                return Ok(known);
            }
        }
        known_candidates(handle, selector)
    }

    /// Finds the one issue a selector means.
    pub(super) fn only(&self, handle: &mut Handle, selector: IssueSelector) -> Result<IssueKey, Failure> {
        let candidates = self.candidates(handle, selector)?;
        match candidates.as_slice() {
            [key] => Ok(*key),
            [] => Err(self.why_not_found(handle, selector)?.into()),
            several => {
                let summaries = handle.index.summaries(several)?;
                let titles = summaries.into_iter().map(|summary| summary.map(|issue| issue.title).unwrap_or_default());
                let candidates = several.iter().copied().zip(titles).collect();
                Err(StorageError::Ambiguous { selector, candidates }.into())
            }
        }
    }

    /// Reads an issue and the comments the index knows of. [`refresh_shard`](Self::refresh_shard)
    /// sees to it that those are all.
    pub(super) fn load_issue(&self, handle: &Handle, key: IssueKey) -> Result<Found, Failure> {
        Ok(self.load_located(&handle.index.locate(&[key])?, key))
    }

    fn load_located(&self, locations: &[Location], key: IssueKey) -> Found {
        let files = locations.iter().flat_map(|location| &location.files);
        let comments: Vec<RecordPath> = files.map(|file| file.path).filter(|path| path.comment.is_some()).collect();
        load(&self.home, &self.schema, key, &comments)
    }

    fn read_page(
        &self,
        handle: &mut Handle,
        mode: Option<FreshnessMode>,
        query: &Query,
        moment: &Moment,
    ) -> Result<Page, Failure> {
        let mut freshness = self.bring_up_to_date(handle, mode)?;
        let mut round = 1;
        loop {
            let elsewhere = self.closed_elsewhere(handle, mode)?;
            let listed = handle.index.list(&elsewhere.narrow(query), moment)?;
            let mut issues = listed.issues;
            if freshness.mode == FreshnessMode::Shards && round < MAX_ROUNDS {
                let keys: Vec<IssueKey> = issues.iter().map(|issue| issue.key).collect();
                freshness.checked += u32::try_from(keys.len()).unwrap_or(u32::MAX);
                let changed = self.refresh_issues(handle, &keys)?;
                if changed > 0 {
                    freshness.changed += u32::try_from(changed).unwrap_or(u32::MAX);
                    round += 1;
                    continue;
                }
            }
            issues.iter_mut().for_each(|issue| issue.elsewhere = elsewhere.of(issue.key));
            let problems = self.count_problems(handle)?;
            return Ok(Page { issues, next: listed.next, problems, freshness });
        }
    }

    pub(super) fn read_issue(&self, handle: &mut Handle, selector: IssueSelector) -> Result<StoredIssue, Failure> {
        let key = self.only(handle, selector)?;
        let trusted = self.options.freshness == Some(FreshnessMode::Trust);
        let mut locations = handle.index.locate(&[key])?;
        if !trusted && self.refresh_located(handle, &locations)? > 0 {
            locations = handle.index.locate(&[key])?;
        }
        let mut found = self.load_located(&locations, key);
        // Written again since the look. Lists are answered from the index: an issue that were ahead of it would never
        // seem to change to those who keep both.
        for _ in 1..MAX_ROUNDS {
            let Found::Issue(loaded) = &found else { break };
            if trusted || is_as_known(&locations, loaded) {
                break;
            }
            self.refresh_located(handle, &locations)?;
            locations = handle.index.locate(&[key])?;
            found = self.load_located(&locations, key);
        }
        let mut links = handle.index.link_ends(key)?;
        if !trusted && !links.is_empty() {
            let ends: Vec<IssueKey> =
                links.iter().filter_map(|end| end.target.as_ref()).map(|target| target.key).collect();
            let mut changed = self.refresh_issues(handle, &ends)? > 0;
            for end in links.iter().filter(|end| end.target.is_none()) {
                changed |= self.refresh_unreadable(handle, end.name.number)?;
            }
            if changed {
                links = handle.index.link_ends(key)?;
            }
        }
        match found {
            Found::Issue(loaded) => {
                let updated = handle.index.summaries(&[key])?.pop().flatten().map(|summary| summary.updated);
                let updated = updated.unwrap_or_else(|| loaded.issue.last_recorded());
                let elsewhere = self.look_elsewhere(handle)?.of(key);
                Ok(self.stored_issue(key, *loaded, Derived { updated, links, elsewhere }))
            }
            Found::Broken { problems, .. } => {
                let (_, problem) = problems.into_iter().next().expect("a broken record has a problem");
                Err(StorageError::Unreadable { problem }.into())
            }
            Found::Missing { .. } => Err(StorageError::NotFound { selector }.into()),
        }
    }

    /// Reads an issue without looking whether anything has changed: `None` if its files aren't what the index knows, or if
    /// the index knows of none or of several.
    pub(super) fn read_known(&self, selector: IssueSelector) -> Result<Option<StoredIssue>, StorageError> {
        self.ask(None, |handle| {
            let mut found = match selector {
                IssueSelector::Name(name) => handle.index.named(name)?,
                IssueSelector::Id(_) => {
                    let keys = handle.index.resolve(selector)?;
                    handle.index.summaries(&keys)?.into_iter().flatten().collect()
                }
            };
            let (Some(IssueSummary { key, updated, .. }), true) = (found.pop(), found.is_empty()) else {
                return Ok(None);
            };
            let locations = handle.index.locate(&[key])?;
            let Found::Issue(loaded) = self.load_located(&locations, key) else { return Ok(None) };
            if !is_as_known(&locations, &loaded) {
                return Ok(None);
            }
            let links = handle.index.link_ends(key)?;
            let elsewhere = self.known_elsewhere(handle)?.of(key);
            Ok(Some(self.stored_issue(key, *loaded, Derived { updated, links, elsewhere })))
        })
    }

    /// Adds to an issue what follows from others and from its record.
    fn stored_issue(&self, key: IssueKey, loaded: Loaded, derived: Derived) -> StoredIssue {
        StoredIssue {
            category: self.schema.category(&loaded.issue.status),
            derived,
            version: loaded.version,
            path: shown(RecordPath::issue(key)),
            problems: loaded.problems.into_iter().map(|(_, problem)| problem).collect(),
            issue: Arc::unwrap_or_clone(loaded.issue),
        }
    }
}

/// Whether an issue was read from the bytes that the index knows.
fn is_as_known(locations: &[Location], loaded: &Loaded) -> bool {
    let mut known = locations.iter().flat_map(|location| &location.files);
    known.clone().count() == loaded.files.len()
        && known.all(|known| loaded.files.iter().any(|file| file.path == known.path && file.hash == known.hash))
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Finds the issues a selector could mean in the index as it is.
pub(super) fn known_candidates(handle: &Handle, selector: IssueSelector) -> Result<Vec<IssueKey>, Failure> {
    let found = handle.index.resolve(selector)?;
    match selector {
        IssueSelector::Name(name) if found.is_empty() => Ok(handle.index.resolve_alias(name)?),
        _ => Ok(found),
    }
}

//! The store in memory: the reference for the contract, and the store of tests.
//!
//! It answers queries by asking every issue, so it is right by the definition of
//! [`Query::matches`] and no faster than that.

mod log;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;
use tickety_core::graph::{Graph, GraphNode, LinkEnd, LinkTarget, Relation};
use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector, Suffix, Version};
use tickety_core::issue::{Derived, Issue, LinkKind};
use tickety_core::query::{Cursor, Moment, Query};
use tickety_core::schema::{Category, Schema};
use uuid::Uuid;

use crate::difference::{Difference, Parts};
use crate::error::StorageError;
use crate::ids::IdSource;
use crate::plan::{self, PlannedChange, PlannedOutcome, Snapshot};
use crate::storage::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, DEFAULT_LIMIT, Freshness, FreshnessMode,
    GraphScope, Identity, IssueStorage, IssueSummary, IssueText, Look, MAX_LIMIT, OperationFailure, OperationOutcome,
    Page, RecordProblem, Request, Stamp, Stamped, Stats, StoredIssue,
};

/// There is nothing that answers could lag behind.
const FRESHNESS: Freshness = Freshness { mode: FreshnessMode::Verify, checked: 0, changed: 0 };

/// A store whose issues live as long as it does.
#[derive(Debug)]
pub struct MemoryStore {
    schema: Arc<Schema>,
    ids: IdSource,
    state: Mutex<State>,
    /// What can't be read of the state that it was made of.
    problems: Vec<RecordProblem>,
}

/// An issue of another store at some time.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The issue with its comments.
    pub issue: Issue,
    /// The version of its record.
    pub version: Version,
    /// When it was last written.
    pub written: Timestamp,
    /// Where its record lies.
    pub path: String,
}

#[derive(Debug, Default)]
struct State {
    issues: BTreeMap<IssueKey, Record>,
    by_id: BTreeMap<IssueId, IssueKey>,
    last_number: u32,
    last_version: u128,
    log: log::Log,
    /// What became of requests, by key.
    requests: BTreeMap<String, Done>,
    /// How many batches changed something.
    generation: u64,
    /// What the last of them changed, at most [`REMEMBERED`].
    written: VecDeque<Vec<(IssueKey, Difference)>>,
}

/// How many batches it is remembered for what they changed.
const REMEMBERED: usize = 64;

/// What became of a request.
#[derive(Debug)]
struct Done {
    digest: [u8; 16],
    at: Timestamp,
    outcomes: Vec<OperationOutcome>,
    failures: Vec<(usize, String)>,
}

#[derive(Clone, Debug)]
struct Record {
    issue: Issue,
    version: Version,
    written: Timestamp,
    /// Where it lies, if it comes from elsewhere.
    path: Option<String>,
}

impl MemoryStore {
    /// Makes an empty store under a schema.
    pub fn new(schema: Schema) -> Self {
        let (ids, state, problems) = (IdSource::seeded(0), Mutex::default(), Vec::new());
        Self { schema: Arc::new(schema), ids, state, problems }
    }

    /// Makes a store of issues as another one had them, with what couldn't be read of that.
    pub fn holding(schema: Arc<Schema>, issues: Vec<Taken>, problems: Vec<RecordProblem>) -> Self {
        let mut state = State::default();
        for Taken { issue, version, written, path } in issues {
            let key = issue.key();
            state.by_id.insert(issue.id, key);
            state.last_number = state.last_number.max(key.number.get());
            state.issues.insert(key, Record { issue, version, written, path: Some(path) });
        }
        Self { schema, ids: IdSource::seeded(0), state: Mutex::new(state), problems }
    }

    fn count_problems(&self) -> u32 {
        u32::try_from(self.problems.len()).unwrap_or(u32::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves whole issues behind: the batch is planned first.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn all(&self) -> Vec<StoredIssue> {
        let state = self.state();
        let ends = state.link_ends(&self.schema);
        state
            .issues
            .iter()
            .map(|(key, record)| state.stored(record, ends.get(key).cloned().unwrap_or_default(), &self.schema))
            .collect()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Schema::default())
    }
}

impl State {
    fn resolve(&self, selector: IssueSelector) -> Vec<IssueKey> {
        match selector {
            IssueSelector::Id(id) => self.by_id.get(&id).copied().into_iter().collect(),
            IssueSelector::Name(name) => {
                let lowest = IssueKey { number: name.number, suffix: Suffix::of(Uuid::nil()) };
                let same_number = self.issues.range(lowest..).map(|(key, _)| *key);
                same_number.take_while(|key| key.number == name.number).filter(|key| name.names(*key)).collect()
            }
        }
    }

    fn resolve_name(&self, name: IssueName) -> Option<IssueKey> {
        match self.resolve(name.into()).as_slice() {
            [key] => Some(*key),
            _ => None,
        }
    }

    fn link_ends(&self, schema: &Schema) -> BTreeMap<IssueKey, Vec<LinkEnd>> {
        let mut ends: BTreeMap<IssueKey, Vec<LinkEnd>> = BTreeMap::new();
        let target_of = |key: IssueKey| {
            let issue = &self.issues[&key].issue;
            LinkTarget {
                key,
                title: issue.title.clone(),
                status: issue.status.clone(),
                category: schema.category(&issue.status),
            }
        };
        for (&holder, record) in &self.issues {
            for link in &record.issue.links {
                let target = self.resolve_name(link.target);
                ends.entry(holder).or_default().push(LinkEnd {
                    relation: Relation::stored(link.kind),
                    name: target.map_or(link.target, IssueName::from),
                    target: target.map(target_of),
                });
                if let Some(target) = target {
                    ends.entry(target).or_default().push(LinkEnd {
                        relation: Relation::derived(link.kind),
                        name: holder.into(),
                        target: Some(target_of(holder)),
                    });
                }
            }
        }
        for ends in ends.values_mut() {
            ends.sort_by_key(|end| (end.relation, end.name));
            // Two issues that each say they relate to the other are related once.
            ends.dedup();
        }
        ends
    }

    fn find(
        &self,
        selector: IssueSelector,
        ends: &BTreeMap<IssueKey, Vec<LinkEnd>>,
        schema: &Schema,
    ) -> Result<StoredIssue, StorageError> {
        match self.resolve(selector).as_slice() {
            [key] => {
                let links = ends.get(key).cloned().unwrap_or_default();
                Ok(self.stored(&self.issues[key], links, schema))
            }
            several @ [_, ..] => Err(StorageError::Ambiguous {
                selector,
                candidates: several.iter().map(|key| (*key, self.issues[key].issue.title.clone())).collect(),
            }),
            [] => Err(StorageError::NotFound { selector }),
        }
    }

    fn stored(&self, record: &Record, links: Vec<LinkEnd>, schema: &Schema) -> StoredIssue {
        let issue = record.issue.clone();
        let updated = match issue.imported_updated {
            Some(_) => issue.last_recorded(),
            None => issue.last_recorded().max(record.written),
        };
        StoredIssue {
            category: schema.category(&issue.status),
            derived: Derived { updated, links, elsewhere: Vec::new() },
            version: record.version,
            path: record.path.clone().unwrap_or_else(|| format!("memory:{}", issue.key())),
            problems: Vec::new(),
            issue,
        }
    }

    fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        let Some(done) = self.requests.get(request.key()) else { return Ok(None) };
        if done.digest != request.digest() {
            return Err(StorageError::KeyReused { key: request.key().to_owned(), at: done.at });
        }
        let failures = done.failures.iter().map(|(index, message)| OperationFailure {
            index: *index,
            error: StorageError::RefusedBefore { message: message.clone() },
        });
        let (outcomes, failures) = (done.outcomes.clone(), failures.collect());
        Ok(Some(BatchOutcome { outcomes, failures, rolled_back: false, replayed: true }))
    }

    fn stamp(&self) -> Stamp {
        Stamp { series: 0, generation: self.generation }
    }

    fn note(&mut self, keys: Vec<(IssueKey, Difference)>) {
        if keys.is_empty() {
            return;
        }
        self.generation += 1;
        self.written.push_back(keys);
        if self.written.len() > REMEMBERED {
            self.written.pop_front();
        }
    }

    fn changes_since(&self, since: Stamp) -> Option<BTreeMap<IssueKey, Difference>> {
        let count = usize::try_from(self.generation.checked_sub(since.generation)?).ok()?;
        let skipped = self.written.len().checked_sub(count)?;
        let mut keys: BTreeMap<IssueKey, Difference> = BTreeMap::new();
        for &(key, difference) in self.written.iter().skip(skipped).flatten() {
            keys.entry(key).and_modify(|earlier| *earlier = earlier.then(difference)).or_insert(difference);
        }
        Some(keys)
    }

    fn next_version(&mut self) -> Version {
        self.last_version += 1;
        Version::new(self.last_version.to_be_bytes())
    }
}

#[async_trait]
impl IssueStorage for MemoryStore {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        Ok(Arc::clone(&self.schema))
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        let state = self.state();
        let ends = state.link_ends(&self.schema);
        state.find(selector, &ends, &self.schema)
    }

    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let state = self.state();
        let ends = state.link_ends(&self.schema);
        selectors.iter().map(|selector| state.find(*selector, &ends, &self.schema)).collect()
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        if let Some(Cursor::After { values, .. }) = &query.after
            && values.len() != query.sort.len()
        {
            return Err(StorageError::BadCursor);
        }
        let all = self.all();
        let query = Query { limit: Some(query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)), ..query.clone() };
        let selection = query.select(all.iter().map(StoredIssue::view), moment);
        Ok(Page {
            issues: selection.places.iter().map(|place| IssueSummary::of(&all[*place])).collect(),
            next: selection.next,
            problems: self.count_problems(),
            freshness: FRESHNESS,
        })
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        Ok(self.all().iter().filter(|stored| query.matches(&stored.view(), moment)).count() as u64)
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        let state = self.state();
        let found = keys.iter().filter_map(|key| state.issues.get(key));
        Ok(found.map(|Record { issue, .. }| issue.clone().into()).collect())
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        let wanted: BTreeSet<&String> = references.iter().collect();
        let mut found: BTreeMap<String, Vec<IssueKey>> = BTreeMap::new();
        for (key, record) in &self.state().issues {
            for reference in record.issue.references.iter().filter(|reference| wanted.contains(reference)) {
                found.entry(reference.clone()).or_default().push(*key);
            }
        }
        Ok(found)
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        Ok(vec![None; wanted.len()])
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        let all: BTreeMap<IssueKey, StoredIssue> =
            self.all().into_iter().map(|stored| (stored.issue.key(), stored)).collect();
        for root in &scope.roots {
            if !all.contains_key(root) {
                return Err(StorageError::NotFound { selector: (*root).into() });
            }
        }
        let followed = |key: &IssueKey| {
            all[key].derived.links.iter().filter_map(|end| {
                let target = end.target.as_ref()?;
                let enter = scope.closed || !target.category.is_closed();
                (enter && scope.follow.contains(&end.relation)).then_some((end.relation, target.key))
            })
        };
        let mut level: BTreeSet<IssueKey> = scope.roots.iter().copied().collect();
        if level.is_empty() {
            level = all
                .iter()
                .filter(|(key, stored)| {
                    let is_lost = |end: &LinkEnd| end.target.is_none() && scope.follow.contains(&end.relation);
                    let leads_on = followed(key).next().is_some() || stored.derived.links.iter().any(is_lost);
                    !stored.category.is_closed() && leads_on
                })
                .map(|(key, _)| *key)
                .collect();
        }
        let mut graph = Graph::default();
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = BTreeSet::new();
            for key in level {
                let stored = &all[&key];
                graph.nodes.insert(
                    key,
                    GraphNode {
                        title: stored.issue.title.clone(),
                        status: stored.issue.status.clone(),
                        category: stored.category,
                        priority: stored.issue.priority,
                    },
                );
                if scope.depth.is_some_and(|limit| depth >= limit) {
                    continue;
                }
                next.extend(
                    followed(&key).map(|(_, target)| target).filter(|target| !graph.nodes.contains_key(target)),
                );
            }
            next.retain(|key| !graph.nodes.contains_key(key));
            level = next;
            depth += 1;
        }
        let kinds: BTreeSet<LinkKind> = scope.follow.iter().map(|relation| relation.link().0).collect();
        let state = self.state();
        for holder in graph.nodes.keys() {
            for link in state.issues[holder].issue.links.iter().filter(|link| kinds.contains(&link.kind)) {
                match state.resolve_name(link.target) {
                    Some(target) if graph.nodes.contains_key(&target) => {
                        graph.edges.insert((*holder, link.kind, target));
                    }
                    None if scope.follow.contains(&Relation::stored(link.kind)) => {
                        graph.lost.insert((*holder, link.kind, link.target));
                    }
                    _ => {}
                }
            }
        }
        Ok(Checked { value: graph, problems: self.count_problems(), freshness: FRESHNESS })
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        let mut stats = Stats::default();
        for stored in self.all() {
            let view = stored.view();
            if !query.matches(&view, moment) {
                continue;
            }
            let Issue { status, kind, priority, labels, assignees, comments, .. } = &stored.issue;
            stats.total += 1;
            stats.comments += comments.len() as u64;
            *stats.by_status.entry(status.to_string()).or_default() += 1;
            *stats.by_category.entry(stored.category).or_default() += 1;
            *stats.by_kind.entry(kind.to_string()).or_default() += 1;
            if stored.category == Category::Closed {
                continue;
            }
            *stats.open_by_priority.entry(*priority).or_default() += 1;
            for label in labels {
                *stats.open_by_label.entry(label.clone()).or_default() += 1;
            }
            for assignee in assignees {
                *stats.open_by_assignee.entry(assignee.clone()).or_default() += 1;
            }
            if assignees.is_empty() {
                *stats.open_by_assignee.entry(String::new()).or_default() += 1;
            }
            stats.ready += u64::from(view.is_ready());
            stats.blocked += u64::from(stored.derived.is_blocked());
            stats.overdue += u64::from(stored.issue.due.is_some_and(|due| due < moment.today()));
        }
        Ok(Checked { value: stats, problems: self.count_problems(), freshness: FRESHNESS })
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        Ok(self.problems.clone())
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        let mut state = self.state();
        if let Some(request) = &batch.request
            && let Some(outcome) = state.recall(request)?
        {
            return Ok(outcome);
        }
        let mut locked = Locked { state: &mut state, ids: &self.ids, now: batch.now, drawn: None };
        let plan = plan::plan(&batch, mode, &self.schema, &mut locked)?;
        if let Some((first, last)) = locked.drawn
            // What a refusal shows never means another issue.
            && (!plan.rolled_back || plan.shows_number_from(first))
        {
            state.last_number = last;
        }
        let plan = plan.without_unchanged();
        state.log.tell(&plan.changes, &self.schema, &batch);
        let differences = plan.changes.iter().map(|(key, change)| (*key, difference(change)));
        state.note(differences.collect());
        for (key, change) in plan.changes {
            let Some(issue) = change.after else {
                if let Some(gone) = state.issues.remove(&key) {
                    state.by_id.remove(&gone.issue.id);
                }
                continue;
            };
            let (version, written) = match state.issues.get(&key).cloned() {
                Some(record) if issue.has_same_record(&record.issue) => (record.version, record.written),
                _ => (state.next_version(), batch.now),
            };
            state.by_id.insert(issue.id, key);
            let issue = Arc::unwrap_or_clone(issue);
            state.issues.insert(key, Record { issue, version, written, path: None });
        }
        let version = |key| state.issues.get(&key).map(|record| record.version);
        let outcomes: Vec<_> = plan.outcomes.iter().map(|planned| outcome(planned, version)).collect();
        if let Some(request) = batch.request.filter(|_| !plan.rolled_back) {
            let failures = plan.failures.iter().map(|failure| (failure.index, failure.error.to_string())).collect();
            let done = Done { digest: request.digest(), at: batch.now, outcomes: outcomes.clone(), failures };
            state.requests.insert(request.key().to_owned(), done);
        }
        Ok(BatchOutcome { outcomes, failures: plan.failures, rolled_back: plan.rolled_back, replayed: false })
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.state().recall(request)
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        let mut state = self.state();
        let mut locked = Locked { state: &mut state, ids: &self.ids, now: batch.now, drawn: None };
        let mut plan = plan::plan(&batch, mode, &self.schema, &mut locked)?.without_unchanged();
        let version = |key| match plan.changes.contains_key(&key) {
            true => None,
            false => state.issues.get(&key).map(|record| record.version),
        };
        let outcomes = std::mem::take(&mut plan.outcomes).iter().map(|planned| outcome(planned, version)).collect();
        let failures = std::mem::take(&mut plan.failures);
        let outcome = BatchOutcome { outcomes, failures, rolled_back: plan.rolled_back, replayed: false };
        Ok(BatchPreview { outcome, changes: plan.into_changed_issues() })
    }

    async fn stamp(&self, _look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        Ok(Some(Stamped { stamp: self.state().stamp(), freshness: FRESHNESS }))
    }

    fn stamp_at_hand(&self, _look: Look<'_>) -> Option<Stamp> {
        Some(self.state().stamp())
    }

    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        let state = self.state();
        Ok(Some(Changes { now: state.stamp(), keys: state.changes_since(since) }))
    }
}

fn difference(change: &PlannedChange) -> Difference {
    match (&change.before, &change.after) {
        (None, _) => Difference::NEW,
        (Some(_), None) => Difference::UNKNOWN,
        (Some((before, _)), Some(after)) => Difference { is_new: false, parts: Parts::between(before, after) },
    }
}

fn outcome(planned: &PlannedOutcome, version: impl Fn(IssueKey) -> Option<Version>) -> OperationOutcome {
    let PlannedOutcome { index, key, id, effect } = *planned;
    OperationOutcome { index, key, id, effect, version: version(key), path: format!("memory:{key}") }
}

struct Locked<'a> {
    state: &'a mut State,
    ids: &'a IdSource,
    now: Timestamp,
    /// The first of the numbers that are set aside, and the last.
    drawn: Option<(IssueNumber, u32)>,
}

impl Snapshot for Locked<'_> {
    fn candidates(&mut self, selector: IssueSelector) -> Result<Vec<IssueKey>, StorageError> {
        Ok(self.state.resolve(selector))
    }

    fn load(&mut self, key: IssueKey) -> Result<(Arc<Issue>, Version), StorageError> {
        self.state
            .issues
            .get(&key)
            .map(|record| (Arc::new(record.issue.clone()), record.version))
            .ok_or(StorageError::NotFound { selector: key.into() })
    }

    fn referrers(&mut self, key: IssueKey) -> Result<Vec<IssueKey>, StorageError> {
        Ok(self
            .state
            .issues
            .iter()
            .filter(|(_, record)| record.issue.links.iter().any(|link| link.target.names(key)))
            .map(|(referrer, _)| *referrer)
            .collect())
    }

    fn targets(&mut self, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, StorageError> {
        let Some(record) = self.state.issues.get(&key) else { return Ok(Vec::new()) };
        Ok(record.issue.links_of(kind).filter_map(|name| self.state.resolve_name(name)).collect())
    }

    fn allocate(&mut self, count: u32, above: Option<IssueNumber>) -> Result<IssueNumber, StorageError> {
        let last = self.drawn.map_or(self.state.last_number, |(_, last)| last).max(above.map_or(0, IssueNumber::get));
        let number = IssueNumber::new(last.saturating_add(1)).expect("one more than a number is above zero");
        let first = self.drawn.map_or(number, |(first, _)| first);
        self.drawn = Some((first, last.saturating_add(count)));
        Ok(number)
    }

    fn give_back(&mut self, number: IssueNumber) {
        if let Some((_, last)) = &mut self.drawn {
            *last = number.get() - 1;
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.ids.next(self.now)
    }
}

#[cfg(test)]
mod tests {
    crate::contract_tests!((crate::MemoryStore::default(), ()));
    crate::event_contract_tests!((crate::MemoryStore::default(), ()));
}

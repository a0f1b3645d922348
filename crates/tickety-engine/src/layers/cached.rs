//! A layer that keeps issues and answers in memory, and drops what a change makes wrong.

mod sync;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tickety_cache::keys::CanonicalKey;
use tickety_cache::{Cache, Class, ClassId, Clock, Entry, EntrySummary};
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, Freshness, FreshnessMode, GraphScope, Identity,
    IssueStorage, IssueText, Look, Page, RecordProblem, Request, Stamp, Stamped, Stats, StorageError, StoredIssue,
};

use self::sync::Doubts;
use super::clock::Monotonic;
use super::queries::{Answer, Asked, KeptAnswer};
use super::settings::CacheSettings;

/// Keeps issues and answers of the store beneath it.
///
/// **What is kept.** Issues by name and id (class `get`); lists, counts, statistics and graphs under
/// the canonical form of the question (classes `search.keyword` where it looks for text, `search.filter`, `graph`).
/// Failures are not kept, nor is what depends on the minute (`updated:>2h`). A query that depends on the day or on who
/// asks is another one on another day or for another person.
///
/// **How fresh it is.** Before a kept answer is given, the store beneath is asked to
/// [look](IssueStorage::stamp) at what it would look at to answer itself, at most once in
/// [`check_every`](CacheSettings::check_every) for all entries together where the store looks at every record, and
/// for each entry elsewhere. If anything differs, what it changes is dropped first. So an answer is older than one
/// of the store beneath by at most that time; writes through this layer are seen by every read that begins after them.
/// The freshness that an answer tells is that of the last look.
///
/// **What a change drops.** The issues that changed, were linked to them or are now; and the answers that fit one of
/// those issues as it was or as it is, unless it is certain that they show no difference. What an issue was is known
/// if it was written here or was kept; otherwise all answers go.
///
/// A store that can't give [stamps](IssueStorage::stamp) is asked every time. Each layer has its memory for
/// itself, which is how projects are kept apart.
pub struct CachedIssueStorage {
    inner: Arc<dyn IssueStorage>,
    /// The same store, for who has looked himself.
    unlooking: Option<Arc<dyn IssueStorage>>,
    clock: Arc<dyn Clock>,
    settings: CacheSettings,
    issues: Cache<IssueSelector, Arc<KeptIssue>>,
    answers: Cache<CanonicalKey, Arc<KeptAnswer>>,
    classes: Classes,
    state: Mutex<State>,
    /// When everything was last compared with the truth, in nanoseconds of the clock; 0 for never.
    all_checked: AtomicU64,
    doubts: Doubts,
}

#[derive(Clone, Copy, Debug)]
struct Classes {
    get: ClassId,
    keyword: ClassId,
    filter: ClassId,
    graph: ClassId,
}

/// An issue with texts of more bytes than this counts as several.
const USUAL_TEXT: usize = 16 << 10;

/// What the entries are valid for.
#[derive(Debug, Default)]
struct State {
    /// The state of the store beneath; absent as long as nothing is kept.
    known: Option<Stamp>,
    /// How that was last checked.
    freshness: Option<Freshness>,
}

/// How something was read that is to be kept.
struct Read {
    /// The state it was to be read in.
    begun: Option<Stamp>,
    /// When it was compared with the truth, in nanoseconds of the clock.
    checked: u64,
    /// Whether the store beneath has looked for this very answer.
    has_looked: bool,
}

/// A kept issue.
#[derive(Debug)]
struct KeptIssue {
    stored: Arc<StoredIssue>,
    /// The other ends of its links.
    ends: Vec<IssueKey>,
    checked: AtomicU64,
}

impl CachedIssueStorage {
    /// Wraps a store.
    pub fn new(inner: Arc<dyn IssueStorage>, settings: CacheSettings) -> Self {
        Self::with_clock(inner, settings, Arc::new(Monotonic::new()))
    }

    /// Wraps a store, with another clock.
    pub fn with_clock<C: Clock>(inner: Arc<dyn IssueStorage>, settings: CacheSettings, clock: Arc<C>) -> Self {
        let ttl = |usual: u64| settings.ttl.unwrap_or(Duration::from_secs(usual));
        let issues = Cache::weighted(settings.issues, settings.issues)
            .class(Class::new("get").ttl(ttl(300)))
            .weigher(|_, kept: &Arc<KeptIssue>| kept.weight())
            .clock(Arc::clone(&clock))
            .build();
        let answers = Cache::weighted(settings.answers, settings.answers)
            .class(Class::new("search.keyword").ttl(ttl(600)))
            .class(Class::new("search.filter").ttl(ttl(300)))
            .class(Class::new("graph").ttl(ttl(300)))
            .weigher(|_, kept: &Arc<KeptAnswer>| kept.weight())
            .clock(Arc::clone(&clock))
            .build();
        let classes = Classes {
            get: issues.class("get").unwrap_or_default(),
            keyword: answers.class("search.keyword").unwrap_or_default(),
            filter: answers.class("search.filter").unwrap_or_default(),
            graph: answers.class("graph").unwrap_or_default(),
        };
        let unlooking = Arc::clone(&inner).without_looking();
        Self {
            inner,
            unlooking,
            clock,
            settings,
            issues,
            answers,
            classes,
            state: Mutex::default(),
            all_checked: AtomicU64::new(0),
            doubts: Doubts::default(),
        }
    }

    /// Returns what happened in each class, by name.
    pub fn stats(&self) -> BTreeMap<&'static str, tickety_cache::Stats> {
        let Classes { get, keyword, filter, graph } = self.classes;
        BTreeMap::from([
            ("get", self.issues.stats_of(get)),
            ("search.keyword", self.answers.stats_of(keyword)),
            ("search.filter", self.answers.stats_of(filter)),
            ("graph", self.answers.stats_of(graph)),
        ])
    }

    /// Lists at most so many entries, those in most demand first, each with the name of its class and what it is kept
    /// under.
    pub fn entries(&self, most: usize) -> Vec<(String, EntrySummary<String>)> {
        let named = |class, cache: &[(ClassId, &'static str)]| {
            cache.iter().find(|(id, _)| *id == class).map_or_else(String::new, |(_, name)| (*name).to_owned())
        };
        let Classes { get, keyword, filter, graph } = self.classes;
        let answers = [(keyword, "search.keyword"), (filter, "search.filter"), (graph, "graph")];
        let issues = self.issues.entries_summary(most).into_iter();
        let issues = issues.map(|entry| (named(entry.class, &[(get, "get")]), entry.map_key(|key| key.to_string())));
        let kept = self.answers.entries_summary(most).into_iter();
        let kept = kept.map(|entry| (named(entry.class, &answers), entry.map_key(|key| key.to_string())));
        let mut entries: Vec<_> = issues.chain(kept).collect();
        entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.hits));
        entries.truncate(most);
        entries
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut state = self.state();
        self.issues.clear();
        self.answers.clear();
        state.known = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It holds two values that are set together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Option<Stamp> {
        self.state().known
    }

    /// Returns the time in nanoseconds, never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Looks for a kept issue.
    fn kept(&self, selector: IssueSelector) -> Option<Arc<KeptIssue>> {
        if let Some(bare) = self.bare(selector) {
            return self.issues.get_in(self.classes.get, &bare);
        }
        self.issues.get_in(self.classes.get, &selector)
    }

    /// Does the same for the layer's own use, which is no use of the entry.
    fn peek(&self, selector: IssueSelector) -> Option<Arc<KeptIssue>> {
        self.issues.peek(&self.bare(selector).unwrap_or(selector))
    }

    /// Most issues are kept under their bare number, which serves the whole name too.
    fn bare(&self, selector: IssueSelector) -> Option<IssueSelector> {
        let IssueSelector::Name(name) = selector else { return None };
        name.suffix?;
        let bare = IssueSelector::from(name.number);
        self.issues.peek(&bare).filter(|kept| name.names(kept.stored.issue.key())).map(|_| bare)
    }

    /// Whether something that was checked then needs no check now.
    fn is_recent(&self, checked: u64, now: u64) -> bool {
        let limit = u64::try_from(self.settings.check_every.as_nanos()).unwrap_or(u64::MAX);
        let checked = checked.max(self.all_checked.load(Ordering::Acquire));
        !self.doubts.are_open() && checked != 0 && now.saturating_sub(checked) < limit
    }

    /// Whether an entry that was found when `known` held is as good as what the store beneath would say. If it isn't,
    /// what has changed is dropped.
    async fn is_current(
        &self,
        known: Option<Stamp>,
        checked: &AtomicU64,
        look: Look<'_>,
    ) -> Result<bool, StorageError> {
        let now = self.now();
        if self.is_recent(checked.load(Ordering::Acquire), now) {
            return Ok(true);
        }
        let same = self.look(look).await?.is_some_and(|stamp| Some(stamp) == known);
        if same {
            checked.fetch_max(now, Ordering::AcqRel);
        }
        Ok(same)
    }

    /// Has the store beneath look, and drops what has changed. Returns the state that was found.
    async fn look(&self, look: Look<'_>) -> Result<Option<Stamp>, StorageError> {
        let now = self.now();
        let doubts = self.doubts.raised();
        let Some(stamped) = self.inner.stamp(look).await? else { return Ok(None) };
        if self.known() != Some(stamped.stamp) {
            self.take_changes().await?;
        }
        self.doubts.settle(doubts);
        self.note_check(look, stamped.freshness, now);
        Ok(Some(stamped.stamp))
    }

    fn note_check(&self, look: Look<'_>, freshness: Freshness, now: u64) {
        if matches!(look, Look::List(_)) {
            self.state().freshness = Some(freshness);
            if freshness.mode != FreshnessMode::Shards {
                self.all_checked.fetch_max(now, Ordering::AcqRel);
            }
        }
    }

    /// Returns the state that something is read in to be kept, if it still is the state then. `None` if nothing can be
    /// kept.
    async fn begin(&self) -> Result<Option<Stamp>, StorageError> {
        if let Some(known) = self.known() {
            return Ok(Some(known));
        }
        self.take_changes().await?;
        Ok(self.known())
    }

    /// Keeps what was read, if nothing has changed since the state that it was to be read in.
    async fn keep(&self, begun: Option<Stamp>, keep: impl FnOnce() + Send) -> Result<bool, StorageError> {
        let now = match begun {
            Some(_) => self.inner.stamp(Look::Nothing).await?.map(|stamped| stamped.stamp),
            None => None,
        };
        if now.is_none() || now != begun {
            // A layer above that keeps what was read asks for the stamp next: that must not be an older one.
            self.take_changes().await?;
            return Ok(false);
        }
        let state = self.state();
        let same = state.known == now;
        if same {
            keep();
        }
        Ok(same)
    }

    /// Returns whom to ask for issues, and when what is read then counts as checked: while all files have been looked at
    /// within the time allowed, nobody looks at single ones again.
    fn for_issues(&self) -> (&Arc<dyn IssueStorage>, u64) {
        let now = self.now();
        match &self.unlooking {
            Some(store) if self.is_recent(0, now) => (store, self.all_checked.load(Ordering::Acquire)),
            _ => (&self.inner, now),
        }
    }

    /// Reads several issues at once and keeps them.
    async fn read_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let Ok(begun) = self.begin().await else { return self.inner.get_many(selectors).await };
        let (store, checked) = self.for_issues();
        let found = store.get_many(selectors).await;
        let read = selectors.iter().zip(&found).filter_map(|(selector, found)| {
            let stored = Arc::new(found.as_ref().ok()?.clone());
            Some((*selector, Arc::new(KeptIssue::new(stored, checked))))
        });
        let read: Vec<_> = read.collect();
        let keep = || read.iter().for_each(|(selector, kept)| self.keep_issue(*selector, kept));
        if self.keep(begun, keep).await.is_err() {
            self.forget(None);
        }
        found
    }

    /// Returns an issue that is kept, if that is as good as asking.
    async fn current(&self, selector: IssueSelector) -> Result<Option<Arc<KeptIssue>>, StorageError> {
        for _ in 0..2 {
            let known = self.known();
            let Some(kept) = self.kept(selector) else { break };
            let look = Look::Issue { key: kept.stored.issue.key(), ends: &kept.ends };
            if self.is_current(known, &kept.checked, look).await? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// Stores an issue, unless it was found under a number that it had once: whose that is depends on others. The caller
    /// holds the lock of the state.
    fn keep_issue(&self, selector: IssueSelector, kept: &Arc<KeptIssue>) {
        let own = kept.stored.issue.number;
        if matches!(selector, IssueSelector::Name(name) if name.number != own) {
            return;
        }
        let mut numbers: Vec<IssueNumber> = kept.stored.derived.links.iter().map(|end| end.name.number).collect();
        numbers.push(own);
        numbers.sort_unstable();
        numbers.dedup();
        let entry = Entry::new(Arc::clone(kept)).class(self.classes.get).tags(numbers.into_iter().map(tag));
        self.issues.insert_with(selector, entry);
    }

    /// Answers a question from memory or by asking.
    async fn answer(&self, asked: Asked) -> Result<Answer, StorageError> {
        let Some(key) = asked.key(&self.settings.namespace) else {
            return Ok(self.ask(&asked).await?.0);
        };
        let class = match &asked {
            Asked::Graph(_) => self.classes.graph,
            asked if asked.has_text() => self.classes.keyword,
            _ => self.classes.filter,
        };
        for _ in 0..2 {
            let known = self.known();
            let Some(kept) = self.answers.get_in(class, &key) else { break };
            let recent = self.is_recent(kept.checked.load(Ordering::Acquire), self.now());
            if recent || self.is_current(known, &kept.checked, Look::List(&kept.shown())).await? {
                return Ok(self.with_freshness(kept.answer.clone()));
            }
        }
        let (answer, read) = self.ask(&asked).await?;
        let kept = KeptAnswer { asked, answer: answer.clone(), checked: AtomicU64::new(read.checked) };
        let entry = Entry::new(Arc::new(kept)).class(class);
        let kept = self.keep(read.begun, || self.answers.insert_with(key, entry)).await?;
        // What the look for this answer has found, if anything, isn't taken into account yet.
        if let (true, true, Some(freshness)) = (kept, read.has_looked, answer.freshness()) {
            self.note_check(Look::List(&[]), freshness, read.checked);
        }
        Ok(answer)
    }

    /// Asks the store beneath. Where it looks at everything before it answers, that is done once for all answers of
    /// the time that they may lag behind, and not for each.
    async fn ask(&self, asked: &Asked) -> Result<(Answer, Read), StorageError> {
        let looks_at_all = self.state().freshness.is_some_and(|last| last.mode != FreshnessMode::Shards);
        if let Some(store) = self.unlooking.as_ref().filter(|_| looks_at_all) {
            if !self.is_recent(self.all_checked.load(Ordering::Acquire), self.now()) {
                self.look(Look::List(&[])).await?;
            }
            let read = Read {
                begun: self.begin().await?,
                checked: self.all_checked.load(Ordering::Acquire),
                has_looked: false,
            };
            return Ok((self.with_freshness(asked.ask(&**store).await?), read));
        }
        let read = Read { begun: self.begin().await?, checked: self.now(), has_looked: true };
        Ok((asked.ask(&*self.inner).await?, read))
    }

    /// Puts the freshness of the last look into an answer.
    fn with_freshness(&self, mut answer: Answer) -> Answer {
        let last = self.state().freshness;
        if let (Some(freshness), Some(last)) = (answer.freshness_mut(), last) {
            *freshness = Freshness { changed: 0, ..last };
        }
        answer
    }
}

impl KeptIssue {
    fn new(stored: Arc<StoredIssue>, checked: u64) -> Self {
        let ends = stored.derived.links.iter().filter_map(|end| Some(end.target.as_ref()?.key)).collect();
        Self { stored, ends, checked: AtomicU64::new(checked) }
    }

    /// Returns how many entries of usual texts the issue takes.
    fn weight(&self) -> u32 {
        let issue = &self.stored.issue;
        let comments: usize = issue.comments.iter().map(|comment| comment.body.len()).sum();
        u32::try_from((issue.body.len() + comments) / USUAL_TEXT).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// The tag of the entries that an issue of a number has a part in.
fn tag(number: IssueNumber) -> String {
    number.to_string()
}

impl Answer {
    fn freshness(&self) -> Option<Freshness> {
        match self {
            Self::Page(page) => Some(page.freshness),
            Self::Stats(stats) => Some(stats.freshness),
            Self::Graph(graph) => Some(graph.freshness),
            Self::Count(_) => None,
        }
    }

    fn freshness_mut(&mut self) -> Option<&mut Freshness> {
        match self {
            Self::Page(page) => Some(&mut page.freshness),
            Self::Stats(stats) => Some(&mut stats.freshness),
            Self::Graph(graph) => Some(&mut graph.freshness),
            Self::Count(_) => None,
        }
    }
}

impl fmt::Debug for CachedIssueStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedIssueStorage").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[async_trait]
impl IssueStorage for CachedIssueStorage {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.inner.schema().await
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        if let Some(kept) = self.current(selector).await? {
            return Ok((*kept.stored).clone());
        }
        let begun = self.begin().await?;
        let (store, checked) = self.for_issues();
        let stored = Arc::new(store.get(selector).await?);
        let kept = Arc::new(KeptIssue::new(Arc::clone(&stored), checked));
        self.keep(begun, || self.keep_issue(selector, &kept)).await?;
        Ok((*stored).clone())
    }

    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let mut found = Vec::with_capacity(selectors.len());
        let mut missing = Vec::new();
        for &selector in selectors {
            let current = self.current(selector).await;
            if matches!(current, Ok(None)) {
                missing.push(selector);
            }
            found.push(current.transpose());
        }
        let mut read = match missing.is_empty() {
            true => Vec::new(),
            false => self.read_many(&missing).await,
        }
        .into_iter();
        let found = found.into_iter().map(|kept| match kept {
            Some(kept) => kept.map(|kept| (*kept.stored).clone()),
            None => read.next().expect("a store answers for each issue"),
        });
        found.collect()
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        match self.answer(Asked::List(query.clone(), moment.clone())).await? {
            Answer::Page(page) => Ok(page),
            _ => self.inner.list(query, moment).await,
        }
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        match self.answer(Asked::Count(query.clone(), moment.clone())).await? {
            Answer::Count(count) => Ok(count),
            _ => self.inner.count(query, moment).await,
        }
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.inner.texts(keys).await
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.inner.by_reference(references).await
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.inner.find_unreadable(wanted).await
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        match self.answer(Asked::Graph(scope.clone())).await? {
            Answer::Graph(graph) => Ok(graph),
            _ => self.inner.graph(scope).await,
        }
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        match self.answer(Asked::Stats(query.clone(), moment.clone())).await? {
            Answer::Stats(stats) => Ok(stats),
            _ => self.inner.stats(query, moment).await,
        }
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.inner.problems().await
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.write(batch, mode).await
    }

    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        self.write_together(batches).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.inner.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.inner.preview(batch, mode).await
    }

    /// Tells the state that this layer answers from, which is that of its last look.
    async fn stamp(&self, look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        let now = self.now();
        let Some(stamped) = self.inner.stamp(look).await? else { return Ok(None) };
        if look == Look::Nothing
            && let Some(stamp) = self.known()
        {
            return Ok(Some(Stamped { stamp, ..stamped }));
        }
        if self.known() != Some(stamped.stamp) {
            self.take_changes().await?;
        }
        self.note_check(look, stamped.freshness, now);
        Ok(self.known().map(|stamp| Stamped { stamp, ..stamped }))
    }

    /// Within the time that answers may lag behind, what was checked counts as it is. Nobody is asked.
    fn stamp_at_hand(&self, look: Look<'_>) -> Option<Stamp> {
        let checked = match look {
            Look::Nothing => return self.known().filter(|_| !self.doubts.are_open()),
            Look::Issue { key, .. } => self.peek(key.into()).map_or(0, |kept| kept.checked.load(Ordering::Acquire)),
            Look::List(_) => 0,
        };
        // Before the state: a change that is taken into account in between is one that the caller doesn't know.
        let recent = self.is_recent(checked, self.now());
        self.known().filter(|_| recent)
    }

    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        self.take_changes().await?;
        let (Some(changes), Some(known)) = (self.inner.changes(since).await?, self.known()) else { return Ok(None) };
        // If more has changed meanwhile, this layer hasn't taken it into account.
        Ok(Some(if changes.now == known { changes } else { Changes { now: known, keys: None } }))
    }
}

//! The layer that caches keeps the contract by itself and in any order with the other one, over every store, and keeps
//! no more than it may.

use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, Operation, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage, OperationKind};
use tickety_store::{Batch, GraphScope, IssueStorage, MemoryStore, StorageError, StoredIssue};

use super::home::Home;

mod over_memory {
    use super::*;
    tickety_store::contract_tests!((cached(Arc::new(MemoryStore::default())), ()));
}

mod over_a_repository {
    use super::*;
    tickety_store::contract_tests!({
        let home = Home::new();
        (cached(Arc::new(home.open(None))), home)
    });
}

mod twice_with_the_counting_layer_between {
    use super::*;
    tickety_store::contract_tests!({
        let home = Home::new();
        let counted = Arc::new(InstrumentedIssueStorage::new(Arc::new(cached(Arc::new(home.open(None))))));
        (InstrumentedIssueStorage::new(Arc::new(cached(counted))), home)
    });
}

mod without_room {
    use super::*;
    tickety_store::contract_tests!((
        CachedIssueStorage::new(Arc::new(MemoryStore::default()), CacheSettings::default().max_entries(0)),
        ()
    ));
}

fn cached(store: Arc<dyn IssueStorage>) -> CachedIssueStorage {
    CachedIssueStorage::new(store, CacheSettings::default())
}

/// A cache over a store that counts what it is asked.
struct World {
    layer: CachedIssueStorage,
    beneath: Arc<InstrumentedIssueStorage>,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

fn moment() -> Moment {
    Moment { now: "2026-06-01T12:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC, me: Some("ann".to_owned()) }
}

fn number(number: u32) -> IssueSelector {
    IssueNumber::new(number).unwrap().into()
}

fn update(target: u32, change: Change) -> Operation {
    Operation::Update { target: Target::from(number(target)), expected: None, changes: vec![change] }
}

fn apply(store: &dyn IssueStorage, operations: Vec<Operation>) {
    block_on(store.apply(Batch::new(operations, None, moment().now))).unwrap();
}

impl World {
    fn with(titles: &[&str]) -> Self {
        let store = Arc::new(MemoryStore::default());
        let beneath = Arc::new(InstrumentedIssueStorage::new(store.clone()));
        let clock = Arc::new(ManualClock::new());
        clock.advance(Duration::from_secs(1));
        let layer = CachedIssueStorage::with_clock(beneath.clone(), CacheSettings::default(), clock.clone());
        apply(&*store, titles.iter().map(|title| Operation::Create(Box::new(Draft::new(*title)))).collect());
        Self { layer, beneath, store, clock }
    }

    fn get(&self, wanted: u32) -> Result<StoredIssue, StorageError> {
        block_on(self.layer.get(number(wanted)))
    }

    fn list(&self, text: &str) -> Vec<u32> {
        let query = Query::parse(text, &Schema::default()).unwrap();
        let page = block_on(self.layer.list(&query, &moment())).unwrap();
        page.issues.iter().map(|issue| issue.key.number.get()).collect()
    }

    /// Returns how often the store beneath was asked for issues and for lists since this was last called.
    fn asked(&self) -> (u64, u64) {
        let counted = self.beneath.snapshot();
        self.beneath.reset();
        let count = |kind: OperationKind| counted[&kind].latency.count;
        (count(OperationKind::Read), count(OperationKind::List) + count(OperationKind::Search))
    }

    /// Asks lists and returns which of them the store beneath was asked for.
    fn asked_for<'t>(&self, texts: &[&'t str]) -> Vec<&'t str> {
        self.asked();
        let asks = |text: &&&str| {
            self.list(text);
            self.asked().1 > 0
        };
        texts.iter().filter(asks).copied().collect()
    }
}

#[test]
fn what_was_asked_is_not_asked_again() {
    let world = World::with(&["one", "two"]);
    for _ in 0..3 {
        assert_eq!(world.get(1).unwrap().issue.title, "one");
        assert_eq!(world.list("is:open"), [2, 1]);
        assert_eq!(world.list("  is:open "), [2, 1]);
    }
    assert_eq!(world.asked(), (1, 1));
    let key = world.get(1).unwrap().issue.key();
    block_on(world.layer.get(key.into())).unwrap();
    assert_eq!(world.asked(), (0, 0), "the whole name is served by the number");
    world.get(3).unwrap_err();
    world.get(3).unwrap_err();
    assert_eq!(world.asked(), (2, 0), "what is missing is not kept");
}

#[test]
fn a_time_to_live_ends_what_is_kept() {
    let world = World::with(&["one"]);
    let ask = || {
        world.get(1).unwrap();
        world.list("is:open");
        world.list("one");
        world.asked()
    };
    assert_eq!(ask(), (1, 2));
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(ask(), (0, 0));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(), (1, 1), "words are kept longer");
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(ask(), (1, 2));
}

#[test]
fn a_write_drops_what_it_makes_wrong_and_nothing_else() {
    let world = World::with(&["one", "two", "three", "four"]);
    let lists = ["is:open", "label:x", "is:ready", "is:blocked", "priority:high", "three", "is:closed"];
    assert_eq!(world.asked_for(&lists), lists);
    assert_eq!(world.asked_for(&lists), [""; 0]);
    apply(&world.layer, vec![update(3, Change::AddLabel("x".to_owned()))]);
    assert_eq!(world.asked_for(&lists), ["is:open", "label:x", "is:ready", "three"]);
    apply(&world.layer, vec![update(2, Change::Priority(Priority::High))]);
    assert_eq!(world.asked_for(&lists), ["is:open", "is:ready", "priority:high"]);
    apply(&world.layer, vec![update(1, Change::AddLink { kind: LinkKind::BlockedBy, target: number(4).into() })]);
    assert_eq!(world.asked_for(&lists), ["is:open", "is:ready", "is:blocked"]);
    apply(&world.layer, vec![update(4, Change::Close { reason: CloseReason::Completed, note: None })]);
    assert_eq!(world.asked_for(&lists), ["is:open", "is:ready", "is:blocked", "is:closed"]);
    assert_eq!(world.list("is:ready"), [3, 2, 1], "a dependent is ready");
    apply(&world.layer, vec![Operation::Create(Box::new(Draft::new("five")))]);
    assert_eq!(world.asked_for(&lists), ["is:open", "is:ready"]);
}

#[test]
fn what_comes_after_a_page_does_not_change_it() {
    let world = World::with(&["one", "two", "three", "four"]);
    let page = ["is:open limit:2"];
    assert_eq!(world.asked_for(&page), page);
    apply(&world.layer, vec![update(1, Change::Title("first".to_owned()))]);
    assert_eq!(world.asked_for(&page), [""; 0]);
    apply(&world.layer, vec![update(3, Change::Title("third".to_owned()))]);
    assert_eq!(world.asked_for(&page), page);
    apply(&world.layer, vec![update(1, Change::Close { reason: CloseReason::Completed, note: None })]);
    assert_eq!(world.asked_for(&page), page, "it may have been the only one on the next page");
}

#[test]
fn a_rank_depends_on_all_texts() {
    let world = World::with(&["cache one", "two"]);
    let lists = ["cache sort:relevance", "cache"];
    world.asked_for(&lists);
    apply(&world.layer, vec![update(2, Change::AddLabel("x".to_owned()))]);
    assert_eq!(world.asked_for(&lists), [""; 0]);
    apply(&world.layer, vec![update(2, Change::Body("longer".to_owned()))]);
    assert_eq!(world.asked_for(&lists), ["cache sort:relevance"]);
}

#[test]
fn what_others_write_is_seen_after_the_time_allowed() {
    let world = World::with(&["one", "two"]);
    world.get(1).unwrap();
    world.get(2).unwrap();
    world.list("is:open");
    world.asked();
    apply(&*world.store, vec![update(1, Change::Title("other".to_owned()))]);
    assert_eq!(world.get(1).unwrap().issue.title, "one", "within the time allowed");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.get(1).unwrap().issue.title, "other");
    assert_eq!(world.get(2).unwrap().issue.title, "two");
    assert_eq!(world.asked(), (1, 0), "only what changed is read again");
    world.list("is:open");
    assert_eq!(world.asked(), (0, 1));
}

#[test]
fn the_other_end_of_a_link_is_dropped_too() {
    let world = World::with(&["one", "two", "three"]);
    let see = |wanted| world.get(wanted).unwrap().derived.links.len();
    assert_eq!([see(1), see(2), see(3)], [0, 0, 0]);
    apply(&world.layer, vec![update(1, Change::AddLink { kind: LinkKind::Relates, target: number(2).into() })]);
    assert_eq!([see(1), see(2), see(3)], [1, 1, 0]);
    apply(&world.layer, vec![update(2, Change::Title("second".to_owned()))]);
    let ends = world.get(1).unwrap().derived.links;
    assert_eq!(ends[0].target.as_ref().unwrap().title, "second");
    world.asked();
    apply(&world.layer, vec![Operation::Delete { target: number(2).into(), expected: None }]);
    assert_eq!([see(1), see(3)], [0, 0]);
}

#[test]
fn a_scan_leaves_what_is_hot() {
    let titles: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let world = World::with(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    let small = CachedIssueStorage::new(world.beneath.clone(), CacheSettings::default().max_entries(100));
    let hot: Vec<IssueSelector> = (1..=40).map(number).collect();
    for _ in 0..10 {
        block_on(small.get_many(&hot));
    }
    let all: Vec<IssueSelector> = (41..=1_000).map(number).collect();
    block_on(small.get_many(&all));
    world.asked();
    block_on(small.get_many(&hot));
    assert!(world.asked().0 <= 8, "at most a fifth of what is hot was displaced");
}

#[test]
fn a_cache_can_be_left_out() {
    let store: Arc<dyn IssueStorage> = Arc::new(MemoryStore::default());
    let without = CacheSettings { enabled: false, ..CacheSettings::default() }.over(store.clone());
    assert!(Arc::ptr_eq(&store, &without));
}

#[test]
fn each_class_counts_what_it_was_good_for() {
    let world = World::with(&["one", "two"]);
    let counted = || {
        let stats = world.layer.stats();
        ["get", "search.filter", "search.keyword", "graph"].map(|class| {
            let stats = &stats[class];
            (stats.hits, stats.misses, stats.entries)
        })
    };
    assert_eq!(counted(), [(0, 0, 0); 4]);
    let ask = || {
        world.get(1).unwrap();
        world.list("is:open");
        world.list("label:x");
        world.list("one");
        let scope = GraphScope { roots: Vec::new(), follow: [].into(), closed: false, depth: None };
        block_on(world.layer.graph(&scope)).unwrap();
    };
    ask();
    assert_eq!(counted(), [(0, 1, 1), (0, 2, 2), (0, 1, 1), (0, 1, 1)]);
    ask();
    assert_eq!(counted(), [(1, 1, 1), (2, 2, 2), (1, 1, 1), (1, 1, 1)]);
    world.layer.clear();
    assert_eq!(counted(), [(1, 1, 0), (2, 2, 0), (1, 1, 0), (1, 1, 0)], "what was counted stays");
    world.asked();
    ask();
    assert_eq!(world.asked(), (1, 4), "nothing was left");
    assert_eq!(counted(), [(1, 2, 1), (2, 4, 2), (1, 2, 1), (1, 2, 1)]);
}

#[test]
fn a_write_whose_caller_went_away_is_seen_at_once() {
    let world = World::with(&["one"]);
    assert_eq!(world.get(1).unwrap().issue.title, "one");
    /// A store that has written when its answer is first asked for, and gives it later.
    struct Slow(Arc<MemoryStore>);
    impl Slow {
        async fn write(
            &self,
            batch: Batch,
            mode: tickety_store::BatchMode,
        ) -> Result<tickety_store::BatchOutcome, StorageError> {
            let outcome = self.0.submit(batch, mode).await;
            std::future::pending::<()>().await;
            outcome
        }
    }
    #[async_trait::async_trait]
    impl IssueStorage for Slow {
        async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
            self.0.schema().await
        }
        async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
            self.0.get(selector).await
        }
        async fn list(&self, query: &Query, moment: &Moment) -> Result<tickety_store::Page, StorageError> {
            self.0.list(query, moment).await
        }
        async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
            self.0.count(query, moment).await
        }
        async fn texts(
            &self,
            keys: &[tickety_core::ident::IssueKey],
        ) -> Result<Vec<tickety_store::IssueText>, StorageError> {
            self.0.texts(keys).await
        }
        async fn by_reference(
            &self,
            references: &[String],
        ) -> Result<std::collections::BTreeMap<String, Vec<tickety_core::ident::IssueKey>>, StorageError> {
            self.0.by_reference(references).await
        }
        async fn find_unreadable(
            &self,
            wanted: &[tickety_store::Identity],
        ) -> Result<Vec<Option<tickety_store::RecordProblem>>, StorageError> {
            self.0.find_unreadable(wanted).await
        }
        async fn graph(
            &self,
            scope: &tickety_store::GraphScope,
        ) -> Result<tickety_store::Checked<tickety_core::graph::Graph>, StorageError> {
            self.0.graph(scope).await
        }
        async fn stats(
            &self,
            query: &Query,
            moment: &Moment,
        ) -> Result<tickety_store::Checked<tickety_store::Stats>, StorageError> {
            self.0.stats(query, moment).await
        }
        async fn problems(&self) -> Result<Vec<tickety_store::RecordProblem>, StorageError> {
            self.0.problems().await
        }
        async fn submit(
            &self,
            batch: Batch,
            mode: tickety_store::BatchMode,
        ) -> Result<tickety_store::BatchOutcome, StorageError> {
            self.write(batch, mode).await
        }
        async fn recall(
            &self,
            request: &tickety_store::Request,
        ) -> Result<Option<tickety_store::BatchOutcome>, StorageError> {
            self.0.recall(request).await
        }
        async fn preview(
            &self,
            batch: Batch,
            mode: tickety_store::BatchMode,
        ) -> Result<tickety_store::BatchPreview, StorageError> {
            self.0.preview(batch, mode).await
        }
        async fn stamp(&self, look: tickety_store::Look<'_>) -> Result<Option<tickety_store::Stamped>, StorageError> {
            self.0.stamp(look).await
        }
        async fn changes(&self, since: tickety_store::Stamp) -> Result<Option<tickety_store::Changes>, StorageError> {
            self.0.changes(since).await
        }
    }
    let layer = CachedIssueStorage::with_clock(
        Arc::new(Slow(world.store.clone())),
        CacheSettings::default(),
        Arc::new(ManualClock::new()),
    );
    assert_eq!(block_on(layer.get(number(1))).unwrap().issue.title, "one");
    let operations = vec![update(1, Change::Title("new".to_owned()))];
    let mut write = layer.apply(Batch::new(operations, None, moment().now));
    let waker = std::task::Waker::noop();
    assert!(write.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    drop(write);
    assert_eq!(block_on(layer.get(number(1))).unwrap().issue.title, "new");
}

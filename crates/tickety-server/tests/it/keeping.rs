use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use serde_json::json;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage, OperationKind};
use tickety_server::{Historian, Limits, Project, request_id};
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, GraphScope, History, Identity, IssueStorage, IssueText,
    MemoryStore, Page, RecordProblem, Request, Stats, StorageError, StoredIssue,
};
use tokio::sync::Notify;

use crate::world::{JSON, World, problem, server};

#[tokio::test]
async fn what_is_kept_is_given_without_asking_until_something_changes() {
    let store = Arc::<MemoryStore>::default();
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::clone(&store) as _));
    let world = World::over(Arc::clone(&counted) as _, store, Limits::default());
    world.create(&["One", "Two"]).await;
    let asked = || {
        let snapshot = counted.snapshot();
        (snapshot[&OperationKind::Read].latency.count, snapshot[&OperationKind::List].latency.count)
    };
    let (reads, lists) = asked();
    for _ in 0..3 {
        world.data("/api/v1/issues/1").await;
        world.data("/api/v1/issues?total=false").await;
    }
    assert_eq!(asked(), (reads + 1, lists + 1));
    world.send(Method::PATCH, "/api/v1/issues/2", &[JSON], r#"{"title": "Second"}"#).await;
    let (reads, lists) = asked();
    let titles = world.data("/api/v1/issues?total=false").await["issues"][0]["title"].take();
    assert_eq!((titles, asked()), (json!("Second"), (reads, lists + 1)));
    world.post("/api/v1/cache/clear", "").await;
    world.data("/api/v1/issues?total=false").await;
    assert_eq!(asked(), (reads, lists + 2));
}

#[tokio::test]
async fn what_depends_on_who_asks_is_kept_for_each() {
    let store = Arc::<MemoryStore>::default();
    let cached = Arc::new(CachedIssueStorage::new(Arc::clone(&store) as _, CacheSettings::default()));
    let project = Arc::new(Project::new("main", cached as _, store).unwrap());
    let of = |name: &str| World::with(server().caller(tickety_server::Caller::new(name)).project(Arc::clone(&project)));
    let (ann, bob) = (of("Ann"), of("Bob"));
    ann.post("/api/v1/issues", r#"{"title": "Hers", "assignees": ["Ann"]}"#).await;
    for _ in 0..2 {
        assert_eq!(ann.data("/api/v1/issues?q=assignee:me").await["total"], 1);
        assert_eq!(bob.data("/api/v1/issues?q=assignee:me").await["total"], 0);
    }
}

#[tokio::test]
async fn a_route_that_panics_is_answered_for_and_the_next_is_well() {
    async fn panics() -> &'static str {
        panic!("as it should")
    }
    let store = Arc::<MemoryStore>::default();
    let project = Arc::new(Project::new("main", Arc::clone(&store) as _, store).unwrap());
    let world = World::with(server().project(project).merge(Router::new().route("/panics", get(panics))));
    assert_eq!(world.get("/panics").await.problem(), problem(500, "internal"));
    assert_eq!(world.get("/api/v1/issues").await.status, StatusCode::OK);
}

/// What tells which request is worked on where its store is asked.
struct Asked(Mutex<Vec<String>>);

impl Historian for Asked {
    fn history(&self, _: IssueSelector, _: usize) -> Result<History, StorageError> {
        self.0.lock().unwrap().extend(request_id::current().map(|id| id.as_str().to_owned()));
        Err(StorageError::Interrupted)
    }
}

#[tokio::test]
async fn whatever_panics_knows_the_request_that_it_is_for() {
    let store = Arc::<MemoryStore>::default();
    let asked = Arc::new(Asked(Mutex::default()));
    let project = Project::new("main", Arc::clone(&store) as _, store).unwrap().historian(Arc::clone(&asked) as _);
    let here = get(|| async { request_id::current().map(|id| id.as_str().to_owned()).unwrap_or_default() });
    let world = World::with(server().project(Arc::new(project)).merge(Router::new().route("/here", here)));
    let answer = world.send(Method::GET, "/here", &["x-request-id: mine"], "").await;
    assert_eq!(answer.body, b"mine");
    world.create(&["One"]).await;
    world.send(Method::GET, "/api/v1/issues/1/history", &["x-request-id: theirs"], "").await;
    assert_eq!(*asked.0.lock().unwrap(), ["theirs"]);
    assert_eq!(request_id::current(), None);
}

/// A store whose lists take until somebody says so.
struct Slow {
    store: MemoryStore,
    go_on: Arc<Notify>,
}

#[async_trait]
impl IssueStorage for Slow {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.store.schema().await
    }
    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.store.get(selector).await
    }
    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        // As a slow disk does: the thread can do nothing else meanwhile.
        let go_on = Arc::clone(&self.go_on);
        tokio::runtime::Handle::current().spawn(async move { go_on.notified().await }).await.ok();
        self.store.list(query, moment).await
    }
    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.store.count(query, moment).await
    }
    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.store.texts(keys).await
    }
    async fn by_reference(
        &self,
        references: &[String],
    ) -> Result<std::collections::BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.store.by_reference(references).await
    }
    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.store.find_unreadable(wanted).await
    }
    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.store.graph(scope).await
    }
    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.store.stats(query, moment).await
    }
    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.store.problems().await
    }
    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.store.submit(batch, mode).await
    }
    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.store.recall(request).await
    }
    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.store.preview(batch, mode).await
    }
}

#[tokio::test]
async fn a_slow_question_keeps_nobody_else_waiting_and_is_given_up_in_time() {
    let go_on = Arc::new(Notify::new());
    let slow = Slow { store: MemoryStore::default(), go_on: Arc::clone(&go_on) };
    let limits = Limits { time: Duration::from_secs(1), ..Limits::default() };
    let world = World::over(Arc::new(slow), Arc::<MemoryStore>::default(), limits);
    let (late, others) = tokio::join!(world.get("/api/v1/issues"), async {
        world.create(&["One", "Two"]).await;
        world.get("/api/v1/issues/1").await.status
    });
    assert_eq!((late.problem(), others), (problem(504, "timeout"), StatusCode::OK));
    go_on.notify_waiters();
}

//! What waits at the same time is written together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pollster::block_on;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::operation::{Draft, Operation};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::GroupedIssueStorage;
use tickety_store::repo::lock::{LockOptions, WriteLock};
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, GraphScope, Identity, IssueStorage, IssueText, MemoryStore,
    Page, RecordProblem, Stats, StorageError, StoredIssue,
};

use super::home::Home;

fn moment() -> Moment {
    Moment { now: "2026-06-10T12:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC, me: None }
}

tickety_store::contract_tests!((GroupedIssueStorage::start(Arc::new(MemoryStore::default())).unwrap(), ()));

fn batch(title: &str) -> Batch {
    let operations = vec![Operation::Create(Box::new(Draft::new(title)))];
    Batch::new(operations, Some("ann".to_owned()), moment().now)
}

fn titles(store: &dyn IssueStorage) -> Vec<String> {
    let query = Query::parse("is:any sort:title-asc limit:1000", &Schema::default()).unwrap();
    let page = block_on(store.list(&query, &moment())).unwrap();
    page.issues.into_iter().map(|issue| issue.title).collect()
}

/// Polls a future once.
fn poll_once<T>(future: std::pin::Pin<&mut (impl Future<Output = T> + ?Sized)>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.poll(&mut context).is_ready()
}

#[test]
fn eight_writers_share_syncs_and_every_acknowledged_write_is_there() {
    const WRITERS: usize = 8;
    const WRITES: usize = 25;
    let home = Home::new();
    let store = Arc::new(home.open(None));
    let layer = GroupedIssueStorage::start(store.clone()).unwrap();
    let before = store.effort().synced;
    // While nothing can be written, the thread has taken the first of these, or several: the others wait together.
    let held = WriteLock::acquire(store.layout(), &LockOptions::new("test")).unwrap();
    let mut early: Vec<_> = (0..3).map(|turn| layer.apply(batch(&format!("early {turn}")))).collect();
    for write in &mut early {
        assert!(!poll_once(write.as_mut()));
    }
    drop(held);
    let mut acknowledged: Vec<String> = thread::scope(|scope| {
        let write = |writer: usize| {
            let titles: Vec<String> = (0..WRITES).map(|turn| format!("{turn:02} by {writer}")).collect();
            for title in &titles {
                block_on(layer.apply(batch(title))).unwrap();
            }
            titles
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    for (turn, write) in early.into_iter().enumerate() {
        block_on(write).unwrap();
        acknowledged.push(format!("early {turn}"));
    }
    let syncs = store.effort().synced - before;
    assert!(syncs < acknowledged.len() as u64, "{syncs} syncs");
    acknowledged.sort();
    assert_eq!(titles(&home.open(None)), acknowledged);
}

#[test]
fn a_write_that_nobody_waits_for_is_made_and_so_is_what_waits_at_the_end() {
    let store = Arc::new(MemoryStore::default());
    let layer = GroupedIssueStorage::start(store.clone()).unwrap();
    for title in ["one", "two", "three"] {
        let mut write = layer.submit(batch(title), BatchMode::Atomic);
        poll_once(write.as_mut());
    }
    drop(layer);
    assert_eq!(titles(&*store), ["one", "three", "two"]);
}

/// A store that panics when it writes, as long as it is told to.
struct Failing {
    inner: MemoryStore,
    fails: AtomicBool,
}

#[async_trait::async_trait]
impl IssueStorage for Failing {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.inner.schema().await
    }
    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.inner.get(selector).await
    }
    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        self.inner.list(query, moment).await
    }
    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.inner.count(query, moment).await
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
        self.inner.graph(scope).await
    }
    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.inner.stats(query, moment).await
    }
    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.inner.problems().await
    }
    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        assert!(!self.fails.load(Ordering::Acquire), "told to fail");
        self.inner.submit(batch, mode).await
    }
    async fn recall(&self, request: &tickety_store::Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.inner.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.inner.preview(batch, mode).await
    }
}

#[test]
fn a_group_that_fails_unexpectedly_leaves_the_next_to_be_written() {
    let failing = Arc::new(Failing { inner: MemoryStore::default(), fails: AtomicBool::new(true) });
    let layer = GroupedIssueStorage::start(failing.clone()).unwrap();
    let error = block_on(layer.apply(batch("lost"))).unwrap_err();
    assert_eq!(error.to_string(), "the write was interrupted: look whether it was made");
    failing.fails.store(false, Ordering::Release);
    block_on(layer.apply(batch("kept"))).unwrap();
    assert_eq!(titles(&layer), ["kept"]);
}

//! A layer that counts what is asked of a store and how long it takes.

mod histogram;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tickety_cache::Clock;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::operation::{Change, Operation};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, GraphScope, Identity, IssueStorage, IssueText,
    Look, Page, RecordProblem, Request, Stamp, Stamped, Stats, StorageError, StoredIssue,
};

pub use histogram::Latency;

use self::histogram::Histogram;
use super::clock::Monotonic;
use crate::questions;

/// Counts the operations of the store beneath it, their errors and how long they took.
///
/// Threads count without a lock: four additions to memory and two looks at the clock an operation. An operation
/// whose future is dropped before its end isn't counted, nor is what asks nothing of the issues
/// (`schema`, `stamp`, `changes`).
pub struct InstrumentedIssueStorage {
    inner: Arc<dyn IssueStorage>,
    clock: Arc<dyn Clock>,
    meters: Arc<Meters>,
}

/// What is asked of a store, by what it costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OperationKind {
    /// A batch of one operation that makes an issue.
    Create,
    /// Issues or their texts by name, one call however many.
    Read,
    /// A batch of one operation that changes an issue without closing it.
    Update,
    /// A batch of one operation that closes an issue, also by giving it a status that counts as closed.
    Close,
    /// A batch of one operation that removes an issue.
    Delete,
    /// Lists, counts, graphs and other answers about several issues.
    List,
    /// Lists and counts that look for text.
    Search,
    /// A batch of several operations.
    Batch,
    /// A look at what a batch would do.
    Preview,
}

impl OperationKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Close,
        Self::Delete,
        Self::List,
        Self::Search,
        Self::Batch,
        Self::Preview,
    ];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Close => "close",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Search => "search",
            Self::Batch => "batch",
            Self::Preview => "preview",
        }
    }

    fn of_query(query: &Query) -> Self {
        if questions::has_text(&query.filter) { Self::Search } else { Self::List }
    }

    fn of_batch(batch: &Batch, schema: &Schema) -> Self {
        let closes = |change: &Change| match change {
            Change::Close { .. } => true,
            Change::Status(status) => schema.category(status).is_closed(),
            _ => false,
        };
        match batch.operations.as_slice() {
            [Operation::Create(_)] => Self::Create,
            [Operation::Update { changes, .. }] if changes.iter().any(closes) => Self::Close,
            [Operation::Update { .. }] => Self::Update,
            [Operation::Delete { .. }] => Self::Delete,
            _ => Self::Batch,
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was counted of the operations of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OperationStats {
    /// How many of them failed. A call for several issues, and a batch, fails if nothing of it succeeds.
    pub errors: u64,
    /// How many there were and how long they took.
    pub latency: Latency,
}

type Meters = [Meter; OperationKind::ALL.len()];

#[derive(Debug, Default)]
struct Meter {
    errors: AtomicU64,
    histogram: Histogram,
}

impl fmt::Debug for InstrumentedIssueStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedIssueStorage").field("meters", &self.snapshot()).finish_non_exhaustive()
    }
}

impl InstrumentedIssueStorage {
    /// Wraps a store.
    pub fn new(inner: Arc<dyn IssueStorage>) -> Self {
        Self::with_clock(inner, Arc::new(Monotonic::new()))
    }

    /// Wraps a store, with another clock.
    pub fn with_clock(inner: Arc<dyn IssueStorage>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock, meters: Arc::default() }
    }

    /// Returns what was counted since the layer was made or reset. While threads count on, an operation may be
    /// seen in one figure and not yet in another.
    pub fn snapshot(&self) -> BTreeMap<OperationKind, OperationStats> {
        let stats = |kind: OperationKind| {
            let meter = self.meter(kind);
            OperationStats { errors: meter.errors.load(Ordering::Relaxed), latency: meter.histogram.snapshot() }
        };
        OperationKind::ALL.into_iter().map(|kind| (kind, stats(kind))).collect()
    }

    /// Begins anew. What ends while it does may be counted or not.
    pub fn reset(&self) {
        for meter in &*self.meters {
            meter.errors.store(0, Ordering::Relaxed);
            meter.histogram.reset();
        }
    }

    fn meter(&self, kind: OperationKind) -> &Meter {
        &self.meters[kind as usize]
    }

    async fn measure<T, E>(
        &self,
        kind: OperationKind,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let begun = self.clock.elapsed();
        let result = operation.await;
        self.note(kind, self.clock.elapsed().saturating_sub(begun), result.is_err());
        result
    }

    fn note(&self, kind: OperationKind, took: Duration, has_failed: bool) {
        let meter = self.meter(kind);
        meter.histogram.record(took);
        if has_failed {
            meter.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl IssueStorage for InstrumentedIssueStorage {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.inner.schema().await
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.measure(OperationKind::Read, self.inner.get(selector)).await
    }

    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let read = async {
            let found = self.inner.get_many(selectors).await;
            if found.is_empty() || found.iter().any(Result::is_ok) { Ok(found) } else { Err(found) }
        };
        self.measure(OperationKind::Read, read).await.unwrap_or_else(|found| found)
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        self.measure(OperationKind::of_query(query), self.inner.list(query, moment)).await
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.measure(OperationKind::of_query(query), self.inner.count(query, moment)).await
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.measure(OperationKind::Read, self.inner.texts(keys)).await
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.measure(OperationKind::List, self.inner.by_reference(references)).await
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.measure(OperationKind::List, self.inner.find_unreadable(wanted)).await
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.measure(OperationKind::List, self.inner.graph(scope)).await
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.measure(OperationKind::of_query(query), self.inner.stats(query, moment)).await
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.measure(OperationKind::List, self.inner.problems()).await
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        let kind = OperationKind::of_batch(&batch, &*self.inner.schema().await?);
        let write = async {
            let outcome = self.inner.submit(batch, mode).await.map_err(Err)?;
            if outcome.outcomes.is_empty() && !outcome.failures.is_empty() { Err(Ok(outcome)) } else { Ok(outcome) }
        };
        self.measure(kind, write).await.or_else(|refused| refused)
    }

    /// Counts each batch as one that took as long as all of them.
    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        // Without the schema, closing by a status counts as an update.
        let schema = self.inner.schema().await.unwrap_or_default();
        let kinds = batches.iter().map(|(batch, _)| OperationKind::of_batch(batch, &schema));
        let kinds: Vec<OperationKind> = kinds.collect();
        let begun = self.clock.elapsed();
        let outcomes = self.inner.submit_together(batches).await;
        let took = self.clock.elapsed().saturating_sub(begun);
        for (kind, outcome) in kinds.into_iter().zip(&outcomes) {
            let is_refused = |outcome: &BatchOutcome| outcome.outcomes.is_empty() && !outcome.failures.is_empty();
            self.note(kind, took, outcome.as_ref().map_or(true, is_refused));
        }
        outcomes
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.inner.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.measure(OperationKind::Preview, self.inner.preview(batch, mode)).await
    }

    async fn stamp(&self, look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        self.inner.stamp(look).await
    }

    fn stamp_at_hand(&self, look: Look<'_>) -> Option<Stamp> {
        self.inner.stamp_at_hand(look)
    }

    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        self.inner.changes(since).await
    }

    /// Counts with the same meters.
    fn without_looking(self: Arc<Self>) -> Option<Arc<dyn IssueStorage>> {
        let inner = Arc::clone(&self.inner).without_looking()?;
        Some(Arc::new(Self { inner, clock: Arc::clone(&self.clock), meters: Arc::clone(&self.meters) }))
    }
}

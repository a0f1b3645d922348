//! A store that requests with a key meet in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, GraphScope, Identity, IssueStorage, IssueText, MemoryStore,
    Page, RecordProblem, Request, Stats, StorageError, StoredIssue,
};
use tokio::sync::Barrier;

/// Where so many requests have asked what became of them before, all of them go on, and none earlier.
pub(super) struct Meeting {
    store: MemoryStore,
    met: Barrier,
    asked: AtomicUsize,
    most: usize,
}

impl Meeting {
    pub(super) fn of(most: usize) -> Self {
        Self { store: MemoryStore::default(), met: Barrier::new(most), asked: AtomicUsize::new(0), most }
    }
}

#[async_trait]
impl IssueStorage for Meeting {
    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        let found = self.store.recall(request).await;
        if self.asked.fetch_add(1, Ordering::Relaxed) < self.most {
            self.met.wait().await;
        }
        found
    }
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.store.schema().await
    }
    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.store.get(selector).await
    }
    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        self.store.list(query, moment).await
    }
    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.store.count(query, moment).await
    }
    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.store.texts(keys).await
    }
    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
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
    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.store.preview(batch, mode).await
    }
}

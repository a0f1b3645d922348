//! The store as it answers without comparing its index with the files first.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;

use super::store::RepoStore;
use crate::error::StorageError;
use crate::storage::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, FreshnessMode, GraphScope, Identity, IssueStorage,
    IssueText, Look, Page, RecordProblem, Request, Stamp, Stamped, Stats, StoredIssue,
};

/// What is asked of it: nothing of the files.
const MODE: Option<FreshnessMode> = Some(FreshnessMode::Trust);

/// A store whose answers are the index as it is, and issues whose files are what it knows. What is asked rarely is the
/// store's own business, and so is what the index doesn't know.
#[derive(Debug)]
pub(super) struct Unlooking(pub(super) Arc<RepoStore>);

#[async_trait]
impl IssueStorage for Unlooking {
    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        self.0.answer_list(None, MODE, query, moment)
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.0.answer_count(None, MODE, query, moment)
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.0.answer_graph(None, MODE, scope)
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.0.answer_stats(None, MODE, query, moment)
    }

    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.0.schema().await
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        match self.0.read_known(selector)? {
            Some(issue) => self.0.counted(|| Ok(issue)),
            None => self.0.get(selector).await,
        }
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.0.texts(keys).await
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.0.by_reference(references).await
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.0.find_unreadable(wanted).await
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.0.problems().await
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.0.submit(batch, mode).await
    }

    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        self.0.submit_together(batches).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.0.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.0.preview(batch, mode).await
    }

    async fn stamp(&self, look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        self.0.stamp(look).await
    }

    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        self.0.changes(since).await
    }
}

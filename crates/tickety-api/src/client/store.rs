//! The traits of stores, asked of a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, EventLog, EventPage, EventStats, GraphScope, History,
    Identity, IssueStorage, IssueText, Page, Position, RecordProblem, Request, Stats, StorageError, StoredIssue,
};

use super::{Health, Identity as Who, Remote};
use crate::cache::{CacheEntries, CacheStats};

impl Remote {
    async fn not_asked<T>(&self) -> Result<T, StorageError> {
        let _ = self.0.worker.read(async {}).await;
        let _ = self.0.worker.write(async {}).await;
        let core = &self.0.core;
        let _ = (&core.token, &core.user_agent, core.offline, core.clock.now(), &core.place.server);
        Err(StorageError::Unreachable { url: self.url().to_owned(), message: "it is not asked yet".to_owned() })
    }

    /// Returns what became of an issue commit by commit, the last steps of it.
    ///
    /// # Errors
    ///
    /// As [`IssueStorage::get`], and where the server's store knows no history.
    pub async fn history(&self, _selector: IssueSelector, _limit: usize) -> Result<History, StorageError> {
        self.not_asked().await
    }

    /// Returns what the caches of the server are good for.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn cache_stats(&self) -> Result<CacheStats, StorageError> {
        self.not_asked().await
    }

    /// Returns what the caches of the server hold.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn cache_entries(&self, _limit: Option<u32>) -> Result<CacheEntries, StorageError> {
        self.not_asked().await
    }

    /// Has the server forget what it keeps in memory, and returns how many entries that were. It takes the scope `admin`.
    ///
    /// # Errors
    ///
    /// If the server can't be asked, or refuses.
    pub async fn clear_caches(&self) -> Result<u64, StorageError> {
        self.not_asked().await
    }

    /// Returns how the server is doing; it is an answer that it isn't well.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn health(&self) -> Result<Health, StorageError> {
        self.not_asked().await
    }

    /// Returns whom the server takes one for.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub async fn identity(&self) -> Result<Who, StorageError> {
        self.not_asked().await
    }
}

#[async_trait]
impl IssueStorage for Remote {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.not_asked().await
    }

    async fn get(&self, _selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.not_asked().await
    }

    async fn list(&self, _query: &Query, _moment: &Moment) -> Result<Page, StorageError> {
        self.not_asked().await
    }

    async fn count(&self, _query: &Query, _moment: &Moment) -> Result<u64, StorageError> {
        self.not_asked().await
    }

    async fn texts(&self, _keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.not_asked().await
    }

    async fn by_reference(&self, _references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        self.not_asked().await
    }

    async fn find_unreadable(&self, _wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        self.not_asked().await
    }

    async fn graph(&self, _scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.not_asked().await
    }

    async fn stats(&self, _query: &Query, _moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.not_asked().await
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.not_asked().await
    }

    async fn submit(&self, _batch: Batch, _mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.not_asked().await
    }

    async fn recall(&self, _request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.not_asked().await
    }

    async fn preview(&self, _batch: Batch, _mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.not_asked().await
    }
}

#[async_trait]
impl EventLog for Remote {
    async fn events(&self, _from: Position, _limit: usize) -> Result<EventPage, StorageError> {
        self.not_asked().await
    }

    async fn event_stats(&self) -> Result<EventStats, StorageError> {
        self.not_asked().await
    }
}

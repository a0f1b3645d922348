//! A store with records that can't be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, GraphScope, Identity, IssueStorage, IssueText, MemoryStore,
    Page, RecordProblem, Stats, StorageError, StoredIssue,
};

/// A store in memory some of whose issues can't be read, as if their files were damaged.
pub(crate) struct Damaged<'a> {
    pub(crate) store: &'a MemoryStore,
    /// The issues whose records can't be read.
    pub(crate) issues: Vec<StoredIssue>,
    /// The issues with a comment that can't be read.
    pub(crate) comments: BTreeSet<IssueKey>,
}

impl Damaged<'_> {
    fn hides(&self, key: IssueKey) -> bool {
        self.issues.iter().any(|stored| stored.issue.key() == key)
    }

    fn look(&self, selector: IssueSelector, found: StoredIssue) -> Result<StoredIssue, StorageError> {
        let key = found.issue.key();
        match selector {
            _ if self.comments.contains(&key) => {
                let mut found = found;
                found.problems = vec![problem(key)];
                found.issue.comments.pop();
                Ok(found)
            }
            IssueSelector::Name(_) if self.hides(key) => Err(StorageError::Unreadable { problem: problem(key) }),
            // The id is in the record.
            IssueSelector::Id(_) if self.hides(key) => Err(StorageError::NotFound { selector }),
            _ => Ok(found),
        }
    }
}

fn problem(key: IssueKey) -> RecordProblem {
    RecordProblem { path: format!("{key}.md"), line: Some(7), message: "is damaged".to_owned() }
}

#[async_trait]
impl IssueStorage for Damaged<'_> {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.store.schema().await
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.look(selector, self.store.get(selector).await?)
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        let mut page = self.store.list(query, moment).await?;
        page.issues.retain(|issue| !self.hides(issue.key));
        page.problems = u32::try_from(self.issues.len() + self.comments.len()).unwrap();
        Ok(page)
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        Ok(self.list(query, moment).await?.issues.len() as u64)
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        self.store.texts(keys).await
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        let mut found = self.store.by_reference(references).await?;
        found.values_mut().for_each(|keys| keys.retain(|key| !self.hides(*key)));
        found.retain(|_, keys| !keys.is_empty());
        Ok(found)
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        let is = |stored: &&StoredIssue, one: &Identity| {
            stored.issue.id == one.id || one.reference.iter().any(|it| stored.issue.references.contains(it))
        };
        let find = |one: &Identity| self.issues.iter().find(|stored| is(stored, one));
        Ok(wanted.iter().map(|one| find(one).map(|stored| problem(stored.issue.key()))).collect())
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        self.store.graph(scope).await
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        self.store.stats(query, moment).await
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        let issues = self.issues.iter().map(|stored| stored.issue.key());
        Ok(issues.chain(self.comments.iter().copied()).map(problem).collect())
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        self.store.submit(batch, mode).await
    }

    async fn recall(&self, request: &tickety_store::Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.store.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.store.preview(batch, mode).await
    }
}

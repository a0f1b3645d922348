//! A layer that writes what waits at the same time together: group commit, for processes that stay.

mod answer;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{io, mem, thread};

use async_trait::async_trait;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Changes, Checked, GraphScope, Identity, IssueStorage, IssueText,
    Look, Page, RecordProblem, Request, Stamp, Stamped, Stats, StorageError, StoredIssue,
};

use self::answer::{Answer, Question, block_on};

/// The most operations that are written together. One batch may have more: then it is written alone.
const GROUP: usize = 10_000;

/// Hands batches to a thread of its own, which writes those that wait together, with one sync where the store can.
///
/// Reading doesn't go through the thread. Dropping the future of a write doesn't abort it once it was polled, and dropping
/// the layer waits until everything that was handed in is written.
pub struct GroupedIssueStorage {
    inner: Arc<dyn IssueStorage>,
    waiting: Arc<AtomicUsize>,
    /// `None` once no more batches are taken.
    sender: Mutex<Option<Sender<Waiting>>>,
    writer: Option<JoinHandle<()>>,
}

/// A batch that waits to be written.
struct Waiting {
    batch: Batch,
    mode: BatchMode,
    answer: Answer<Result<BatchOutcome, StorageError>>,
}

impl GroupedIssueStorage {
    /// Starts the thread that writes. Fails where the system has none left.
    pub fn start(inner: Arc<dyn IssueStorage>) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (store, count) = (Arc::clone(&inner), Arc::clone(&waiting));
        let writer = thread::Builder::new().name("tickety-writer".to_owned());
        let writer = writer.spawn(move || write(&*store, &receiver, &count))?;
        Ok(Self { inner, waiting, sender: Mutex::new(Some(sender)), writer: Some(writer) })
    }

    /// Returns how many batches wait, without those that are being written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Hands a batch in. Where nobody takes it any more, the answer comes at once.
    fn hand_in(&self, batch: Batch, mode: BatchMode) -> Question<Result<BatchOutcome, StorageError>> {
        let (answer, question) = answer::pair();
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*sender
            && sender.send(Waiting { batch, mode, answer }).is_err()
        {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        question
    }
}

/// Writes until nobody can hand anything in any more and everything is written.
fn write(store: &dyn IssueStorage, receiver: &Receiver<Waiting>, count: &AtomicUsize) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| receiver.recv().ok()) {
        let mut operations = first.batch.operations.len();
        let mut group = vec![first];
        while let Ok(another) = receiver.try_recv() {
            operations = operations.saturating_add(another.batch.operations.len());
            if operations > GROUP {
                next = Some(another);
                break;
            }
            group.push(another);
        }
        count.fetch_sub(group.len(), Ordering::AcqRel);
        let (mut batches, mut answers) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for Waiting { batch, mode, answer } in group {
            batches.push((batch, mode));
            answers.push(answer);
        }
        // A panic is that of the group: its callers are told as if the process had ended, and the next one is written.
        let outcomes = catch_unwind(AssertUnwindSafe(|| block_on(store.submit_together(batches))));
        for (answer, outcome) in answers.into_iter().zip(outcomes.into_iter().flatten()) {
            answer.give(outcome);
        }
    }
}

impl Drop for GroupedIssueStorage {
    fn drop(&mut self) {
        // Without a sender the thread ends when it has written what was handed in.
        mem::take(self.sender.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(writer) = self.writer.take() {
            // Its panics were caught.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for GroupedIssueStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupedIssueStorage").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

#[async_trait]
impl IssueStorage for GroupedIssueStorage {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        self.inner.schema().await
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.inner.get(selector).await
    }

    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        self.inner.get_many(selectors).await
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

    async fn by_reference(
        &self,
        references: &[String],
    ) -> Result<std::collections::BTreeMap<String, Vec<IssueKey>>, StorageError> {
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
        self.hand_in(batch, mode).await.unwrap_or(Err(StorageError::Interrupted))
    }

    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        let questions: Vec<_> = batches.into_iter().map(|(batch, mode)| self.hand_in(batch, mode)).collect();
        let mut outcomes = Vec::with_capacity(questions.len());
        for question in questions {
            outcomes.push(question.await.unwrap_or(Err(StorageError::Interrupted)));
        }
        outcomes
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.inner.recall(request).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.inner.preview(batch, mode).await
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

    /// Writes go around the thread.
    fn without_looking(self: Arc<Self>) -> Option<Arc<dyn IssueStorage>> {
        Arc::clone(&self.inner).without_looking()
    }
}

//! What every route has at hand.

use std::sync::Arc;

use jiff::Timestamp;
use tickety_api::ErrorCode;
use tickety_core::ident::IssueSelector;
use tickety_core::schema::Schema;
use tickety_store::{IssueStorage, StorageError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::caller::Caller;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::project::Project;
use crate::representations::Terms;
use crate::request_id;

/// Tells the time.
pub(crate) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// What the routes of one project have at hand. They reach no other.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) project: Arc<Project>,
    /// What the addresses of the project begin with.
    pub(crate) base: Arc<str>,
    pub(crate) shared: Arc<Shared>,
}

/// What all projects share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) caller: Caller,
    pub(crate) clock: Clock,
    pub(crate) terms: Terms,
    /// One permit for each thread that may ask a store.
    threads: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(limits: Limits, caller: Caller, clock: Clock, terms: Terms) -> Self {
        let threads = Arc::new(Semaphore::new(limits.threads.clamp(1, Semaphore::MAX_PERMITS)));
        Self { limits, caller, clock, terms, threads }
    }
}

impl State {
    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    /// Asks the store on a thread where waiting for a disk keeps nobody else from being answered. The question is asked
    /// to its end, whoever stops waiting for the answer.
    pub(crate) async fn ask<T, E, F>(&self, question: F) -> Result<T, Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let storage = Arc::clone(&self.project.storage);
        let answer = self.work(move || Handle::current().block_on(question(&*storage))).await?;
        answer.map_err(Into::into)
    }

    /// Does what may wait for a disk.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let threads = Arc::clone(&self.shared.threads);
        // The semaphore is never closed.
        let permit = threads.acquire_owned().await.map_err(|_| Problem::internal())?;
        let id = request_id::current();
        let done = tokio::task::spawn_blocking(move || {
            let done = request_id::scope_of_thread(id, work);
            drop(permit);
            done
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime ends.
            Err(_) => Err(StorageError::Interrupted.into()),
        }
    }

    /// Returns the vocabulary of the issues, which a store has at hand.
    pub(crate) async fn schema(&self) -> Result<Arc<Schema>, Problem> {
        Ok(self.project.storage.schema().await?)
    }

    /// Reads the name or the id of an issue.
    pub(crate) async fn selector(&self, name: &str) -> Result<IssueSelector, Problem> {
        Ok(IssueSelector::parse(name, &self.schema().await?.prefix)?)
    }

    /// Reads several names or ids with commas between them.
    pub(crate) async fn selectors(&self, names: &str) -> Result<Vec<IssueSelector>, Problem> {
        let schema = self.schema().await?;
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let selectors: Vec<_> =
            names.map(|name| IssueSelector::parse(name, &schema.prefix)).collect::<Result<_, _>>()?;
        let most = self.shared.limits.page as usize;
        match selectors.len() > most {
            true => Err(Problem::new(ErrorCode::TooMany, format_args!("a question names at most {most} issues"))),
            false => Ok(selectors),
        }
    }
}

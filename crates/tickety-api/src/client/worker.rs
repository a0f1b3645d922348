//! Where requests run: in a runtime, whoever waits for them, and however.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime, given or its own.
pub(super) struct Worker {
    handle: Handle,
    own: Option<Runtime>,
    writes: Arc<Writes>,
}

/// How many writes are on their way.
#[derive(Debug, Default)]
struct Writes {
    count: Mutex<usize>,
    done: Condvar,
}

/// A write on its way.
struct Begun(Arc<Writes>);

impl Worker {
    pub(super) fn new(given: Option<Handle>) -> io::Result<Self> {
        let writes = Arc::default();
        if let Some(handle) = given {
            return Ok(Self { handle, own: None, writes });
        }
        let own = Builder::new_multi_thread().worker_threads(1).thread_name("tickety-remote").enable_all().build()?;
        Ok(Self { handle: own.handle().clone(), own: Some(own), writes })
    }

    /// Runs a question. `None` if the runtime ends before it does.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        ended(self.handle.spawn(question).await)
    }

    /// Runs a write to its end, also if nobody waits for it any more. `None` if the runtime ends before it does.
    pub(super) async fn write<T: Send + 'static>(&self, write: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let begun = Begun::new(&self.writes);
        let done = self.handle.spawn(async move {
            let outcome = write.await;
            drop(begun);
            outcome
        });
        ended(done.await)
    }

    /// Waits until no write is on its way, up to this time.
    pub(super) fn finish(&self, bound: Duration) {
        let count = self.writes.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.writes.done.wait_timeout_while(count, bound, |count| *count > 0));
    }

    /// Whether it runs in a runtime of its own, which ends with it.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            // Waiting for its thread isn't allowed where another runtime runs.
            own.shutdown_background();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("own", &self.own.is_some()).finish_non_exhaustive()
    }
}

impl Begun {
    fn new(writes: &Arc<Writes>) -> Self {
        *writes.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(writes))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.done.notify_all();
    }
}

/// Returns what a task came to; a panic goes on where it is waited for.
fn ended<T>(done: Result<T, tokio::task::JoinError>) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

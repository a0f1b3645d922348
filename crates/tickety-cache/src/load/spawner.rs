//! Work in the background, by somebody the user brings.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::sync::Bed;

/// A future that is done after some time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Somebody who runs tasks: a runtime, or a pool of threads. The cache starts none itself.
///
/// A function that takes a [`Task`] is one:
///
/// ```
/// use tickety_cache::{Cache, Task};
///
/// let cache = Cache::<u32, u32>::builder(10)
///     .spawner(|task: Task| drop(std::thread::spawn(move || task.run())))
///     .build();
/// ```
///
/// With tokio that is `|task| drop(tokio::spawn(task))`, for asynchronous loads, or
/// `|task| drop(tokio::task::spawn_blocking(move || task.run()))` for those that block.
pub trait Spawner: Send + Sync + 'static {
    /// Sees that a task is run. One that is dropped instead is done by those who wait for its result.
    fn spawn(&self, task: Task);

    /// Returns a future that is done after some time; without it the timeouts of asynchronous loads don't count.
    fn sleep(&self, time: Duration) -> Option<Sleep> {
        let _ = time;
        None
    }
}

impl<F: Fn(Task) + Send + Sync + 'static> Spawner for F {
    fn spawn(&self, task: Task) {
        self(task);
    }
}

/// Work in the background: a future that is to be polled to its end, or run on a thread.
pub struct Task(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Task {
    pub(crate) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }

    /// Does the work, blocking the thread.
    pub fn run(mut self) {
        let bed = Arc::new(Sleeper(Bed::default()));
        let waker = Waker::from(bed.clone());
        let mut context = Context::from_waker(&waker);
        while self.0.as_mut().poll(&mut context).is_pending() {
            bed.0.sleep(None);
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Task")
    }
}

struct Sleeper(Bed);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

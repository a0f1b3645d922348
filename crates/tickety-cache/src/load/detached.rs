//! Loading in the background, by the spawner.

use std::future::Future;
use std::hash::Hash;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use equivalent::Equivalent;

use super::blocking::Waited;
use super::flight::{End, Flight, Pilot, Role};
use super::{Caller, Lead, LoadError, LoadOptions, Outcome, Run, Seat, Step, Task};
use crate::cache::{Cache, Inner};
use crate::entry::Entry;
use crate::lookup::Lookup;

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns what is stored under a key or has it loaded by the [`Spawner`](crate::Spawner), waiting for
    /// that unless something stale may be served meanwhile. Both timeouts hold, entries are refreshed ahead of
    /// their time if their class asks for it, and the load goes on when the caller has given up.
    ///
    /// Without a spawner this is [`load_with`](Self::load_with).
    ///
    /// # Errors
    ///
    /// If the loader fails or takes longer than the hard timeout, and nothing stale may be served.
    ///
    /// # Panics
    ///
    /// With what the loader panics with.
    pub fn load_detached<Q, E>(
        &self,
        key: &Q,
        options: LoadOptions,
        load: impl FnOnce() -> Result<Entry<V>, E> + Send + 'static,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let inner = self.inner();
        if inner.spawner().is_none() {
            return self.load_with(key, options, load);
        }
        let caller = Caller { options, pilot: Pilot::Spawned { anywhere: true }, blocks: true };
        let hash = inner.hash(key);
        let mut step = inner.first_step(key, hash, caller);
        loop {
            let step = step.take().unwrap_or_else(|| inner.step(key, hash, caller, false));
            match step {
                Step::Serve { lookup, ahead } => {
                    if ahead && let Some((seat, run)) = inner.enter_ahead(key, hash, caller) {
                        self.spawn_load(key.to_owned(), &seat, run, async move { load() });
                    }
                    return Ok(lookup);
                }
                Step::Lead { lead: Lead::Here(run), fallback } => {
                    return inner.load_here(key, run, caller, fallback, load);
                }
                Step::Lead { lead: Lead::Driven(seat, run), fallback } => {
                    self.spawn_load(key.to_owned(), &seat, run, async move { load() });
                    if let Some(fallback) = fallback.as_ref().filter(|fallback| fallback.live) {
                        return Ok(fallback.clone().serve());
                    }
                    return match inner.wait(&seat, seat.flight.began, caller, true, fallback) {
                        Waited::Done(result) => result,
                        Waited::Again | Waited::Alone(_) => resume(&seat.flight),
                    };
                }
                Step::Alone { began, fallback } => return inner.load_alone(key, caller, began, fallback, load),
                Step::Failed { reason, fallback } => match reason.downcast::<E>() {
                    Ok(reason) => return inner.failed(caller, LoadError::Failed(reason), fallback),
                    Err(_) => return inner.load_alone(key, caller, inner.sequence(), fallback, load),
                },
                Step::Wait { seat, joined, fallback } => match inner.wait(&seat, joined, caller, true, fallback) {
                    Waited::Done(result) => return result,
                    Waited::Again => {}
                    Waited::Alone(fallback) => {
                        return inner.load_alone(key, caller, inner.sequence(), fallback, load);
                    }
                },
            }
        }
    }

    /// Gives a flight its work and, if there is a spawner, a task to do it.
    pub(super) fn spawn_load<E: Send + Sync + 'static>(
        &self,
        key: K,
        seat: &Seat<'_, K, V>,
        run: Run,
        load: impl Future<Output = Result<Entry<V>, E>> + Send + 'static,
    ) {
        let flight = seat.flight.clone();
        let watch = Watch { inner: self.inner().clone(), run, done: false };
        let work = async move {
            let mut watch = watch;
            match load.await {
                Ok(entry) => drop(watch.inner.complete(key, run, entry)),
                Err(reason) => watch.inner.fail(key, run, Arc::new(reason)),
            }
            watch.done = true;
        };
        flight.load(Box::pin(work));
        if let Some(spawner) = self.inner().spawner() {
            let place = flight.board();
            let driver = Driver { inner: self.inner().clone(), flight, run, seat: Some(place) };
            spawner.spawn(Task::new(driver));
        }
    }
}

/// Goes on with the panic of a load that this caller has begun.
pub(super) fn resume<V: Clone>(flight: &Arc<Flight<Outcome<V>>>) -> ! {
    match flight.payload() {
        Some(payload) => resume_unwind(payload),
        None => unreachable!("a load that somebody waits for ends with a result or a panic"),
    }
}

/// Sees that the lane forgets a load that panics or is dropped. Whoever drives it tells those who wait.
struct Watch<K: Hash + Eq, V: Clone + Send + 'static> {
    inner: Arc<Inner<K, V>>,
    run: Run,
    done: bool,
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Drop for Watch<K, V> {
    fn drop(&mut self) {
        if !self.done {
            self.inner.forget(self.run);
        }
    }
}

/// The task that drives a load.
struct Driver<K, V: Clone + Send + 'static> {
    inner: Arc<Inner<K, V>>,
    flight: Arc<Flight<Outcome<V>>>,
    run: Run,
    seat: Option<usize>,
}

impl<K, V: Clone + Send + 'static> Future for Driver<K, V> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(seat) = self.seat else { return Poll::Ready(()) };
        self.flight.poll(seat, context, Role::Spawned).map(|end: End<_>| drop(end))
    }
}

impl<K, V: Clone + Send + 'static> Drop for Driver<K, V> {
    fn drop(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        let Run { hash, id, .. } = self.run;
        drop(Seat { inner: &*self.inner, flight: self.flight.clone(), hash, id, seat });
        self.flight.unman();
    }
}

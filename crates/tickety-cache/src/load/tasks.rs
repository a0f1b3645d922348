//! Loading by futures.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::task::Poll;

use equivalent::Equivalent;

use super::detached::resume;
use super::flight::{End, Pilot, Role};
use super::{Caller, Fallback, Lead, LoadError, LoadOptions, Outcome, Seat, Sleep, Step, served};
use crate::cache::{Cache, Inner};
use crate::entry::Entry;
use crate::lookup::Lookup;

/// The asynchronous face. It needs the feature `async`, and no runtime.
///
/// A load is a future of its own, which the spawner drives or, without one, whoever waits for it: it comes
/// to its end although the caller that began it is dropped, panics, or is never polled again. Without a spawner
/// it is dropped when nobody waits for it any more.
impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns what is stored under a key or loads it. Of all who ask for the key at a time one loads.
    pub async fn get_or_load_async<Q, F>(&self, key: &Q, load: impl FnOnce() -> F) -> V
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        F: Future<Output = V> + Send + 'static,
    {
        let options = LoadOptions { negatives: false, ..LoadOptions::default() };
        let load = || {
            let load = load();
            async move { Ok::<_, Infallible>(Entry::new(load.await)) }
        };
        match self.load_in_tasks(key, options, false, load).await.map(Lookup::into_value) {
            Ok(Some(value)) => value,
            _ => unreachable!("a load that can't fail and isn't negative has a value"),
        }
    }

    /// Does the same with a loader that may fail. All who wait get the same error.
    ///
    /// # Errors
    ///
    /// If the loader fails, or another's for which this call waits, and nothing stale may be served.
    pub async fn get_or_try_load_async<Q, E, F>(&self, key: &Q, load: impl FnOnce() -> F) -> Result<V, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let options = LoadOptions { negatives: false, ..LoadOptions::default() };
        let load = || {
            let load = load();
            async move { load.await.map(Entry::new) }
        };
        let lookup = self.load_in_tasks(key, options, true, load).await?;
        Ok(lookup.into_value().expect("a load that isn't negative has a value"))
    }

    /// Does the same with a loader that may find nothing; that is remembered too.
    ///
    /// # Errors
    ///
    /// If the loader fails, or another's for which this call waits, and nothing stale may be served.
    pub async fn get_or_find_async<Q, E, F>(&self, key: &Q, find: impl FnOnce() -> F) -> Result<Option<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
    {
        let find = || {
            let find = find();
            async move { Ok(find.await?.map_or_else(Entry::negative, Entry::new)) }
        };
        Ok(self.load_in_tasks(key, LoadOptions::new(), true, find).await?.into_value())
    }

    /// Does the same with all there is to say: the class and the timeouts, and a loader that returns an
    /// entry with its time to live, weight and tags. Returns how fresh the value is.
    ///
    /// With a spawner stale values are served at once and refreshed in the background, and both timeouts
    /// hold if it can [sleep](crate::Spawner::sleep). Without one, the first who asks for a stale value refreshes it.
    ///
    /// # Errors
    ///
    /// If the loader fails or takes longer than the hard timeout, and nothing stale may be served.
    pub async fn load_with_async<Q, E, F>(
        &self,
        key: &Q,
        options: LoadOptions,
        load: impl FnOnce() -> F,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<Entry<V>, E>> + Send + 'static,
    {
        self.load_in_tasks(key, options, true, load).await
    }

    async fn load_in_tasks<Q, E, F>(
        &self,
        key: &Q,
        options: LoadOptions,
        limited: bool,
        load: impl FnOnce() -> F,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<Entry<V>, E>> + Send + 'static,
    {
        let inner = &**self.inner();
        let spawned = inner.spawner().is_some();
        let pilot = if spawned { Pilot::Spawned { anywhere: false } } else { Pilot::Tasks };
        let caller = Caller { options, pilot, blocks: false };
        let hash = inner.hash(key);
        let mut step = inner.first_step(key, hash, caller);
        loop {
            let step = step.take().unwrap_or_else(|| inner.step(key, hash, caller, false));
            match step {
                Step::Serve { lookup, ahead } => {
                    if ahead
                        && spawned
                        && let Some((seat, run)) = inner.enter_ahead(key, hash, caller)
                    {
                        self.spawn_load(key.to_owned(), &seat, run, load());
                    }
                    return Ok(lookup);
                }
                Step::Lead { lead: Lead::Here(_), .. } => unreachable!("a load by a future is driven"),
                Step::Lead { lead: Lead::Driven(seat, run), fallback } => {
                    self.spawn_load(key.to_owned(), &seat, run, load());
                    if let Some(fallback) = fallback.as_ref().filter(|fallback| fallback.live && spawned) {
                        return Ok(fallback.clone().serve());
                    }
                    let end = inner.wait_in_task(&seat, caller, limited, fallback.is_some()).await;
                    let outcome = match end {
                        Wait::Over(limit) => return inner.failed(caller, LoadError::TimedOut(limit), fallback),
                        Wait::Ended(End::Lost) => resume(&seat.flight),
                        Wait::Ended(End::Landed(outcome)) => outcome,
                    };
                    let negatives = true;
                    return match served(outcome, seat.flight.began, seat.flight.began, negatives) {
                        Some(Ok(lookup)) => Ok(lookup),
                        Some(Err(reason)) => match reason.downcast::<E>() {
                            Ok(reason) => inner.failed(caller, LoadError::Failed(reason), fallback),
                            Err(_) => unreachable!("the load that failed was this caller's"),
                        },
                        None => unreachable!("whoever begins a load may have what it brings"),
                    };
                }
                Step::Wait { seat, joined, fallback } => {
                    match inner.wait_in_task(&seat, caller, limited, fallback.is_some()).await {
                        Wait::Over(limit) => return inner.failed(caller, LoadError::TimedOut(limit), fallback),
                        Wait::Ended(End::Lost) => {}
                        Wait::Ended(End::Landed(outcome)) => {
                            match served(outcome, seat.flight.began, joined, options.negatives) {
                                None => {}
                                Some(Ok(lookup)) => return Ok(lookup),
                                Some(Err(reason)) => match reason.downcast::<E>() {
                                    Ok(reason) => return inner.failed(caller, LoadError::Failed(reason), fallback),
                                    Err(_) => return inner.await_alone(key, caller, fallback, load()).await,
                                },
                            }
                        }
                    }
                }
                Step::Failed { reason, fallback } => match reason.downcast::<E>() {
                    Ok(reason) => return inner.failed(caller, LoadError::Failed(reason), fallback),
                    Err(_) => return inner.await_alone(key, caller, fallback, load()).await,
                },
                Step::Alone { fallback, .. } => return inner.await_alone(key, caller, fallback, load()).await,
            }
        }
    }
}

/// How a task's waiting ended.
enum Wait<V> {
    Ended(End<Outcome<V>>),
    Over(std::time::Duration),
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Inner<K, V> {
    async fn wait_in_task(&self, seat: &Seat<'_, K, V>, caller: Caller, limited: bool, fallback: bool) -> Wait<V> {
        let soft = self.soft_timeout(caller).filter(|_| limited && fallback);
        let hard = self.hard_timeout(caller).filter(|_| limited);
        let mut limit = soft.into_iter().chain(hard).min().and_then(|limit| {
            let sleep: Sleep = self.spawner()?.sleep(limit)?;
            Some((limit, sleep))
        });
        poll_fn(|context| {
            if let Poll::Ready(end) = seat.flight.poll(seat.seat, context, Role::Task) {
                return Poll::Ready(Wait::Ended(end));
            }
            if let Some((limit, sleep)) = &mut limit {
                return sleep.as_mut().poll(context).map(|()| Wait::Over(*limit));
            }
            Poll::Pending
        })
        .await
    }

    /// Loads for this caller alone: the load on its way has errors of another type.
    async fn await_alone<Q, E>(
        &self,
        key: &Q,
        caller: Caller,
        fallback: Option<Fallback<V>>,
        load: impl Future<Output = Result<Entry<V>, E>>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: ToOwned<Owned = K> + ?Sized,
    {
        let began = self.sequence();
        let result = load.await;
        self.load_alone(key, caller, began, fallback, || result)
    }
}

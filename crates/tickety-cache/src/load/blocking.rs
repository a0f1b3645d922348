//! Loading on the caller's thread.

use std::any::Any;
use std::cell::Cell;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use equivalent::Equivalent;

use super::flight::{End, Pilot};
use super::{Caller, Fallback, Glanced, Lead, LoadError, LoadOptions, Run, Seat, Step, loaded, served};
use crate::cache::{Cache, Inner};
use crate::entry::Entry;
use crate::lookup::Lookup;
use crate::stats::Count;

impl<K: Hash + Eq, V: Clone + Send + 'static> Cache<K, V> {
    /// Returns what is stored under a key or loads it, on this thread. Of all who ask for the key at a time
    /// one loads; the others wait for it. If it panics, the next one loads.
    ///
    /// ```
    /// use tickety_cache::Cache;
    ///
    /// let cache = Cache::<String, usize>::builder(100).build();
    /// let length = cache.get_or_load("text", || "text".len());
    /// assert_eq!((length, cache.get("text")), (4, Some(4)));
    /// ```
    ///
    /// # Panics
    ///
    /// If the loader asks for the key that it is loading.
    pub fn get_or_load<Q>(&self, key: &Q, load: impl FnOnce() -> V) -> V
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let options = LoadOptions { negatives: false, ..LoadOptions::default() };
        // There is no time limit where there is no way to say that it is over.
        let result = self.load_blocking(key, options, false, || Ok::<_, Infallible>(Entry::new(load())));
        match result.map(Lookup::into_value) {
            Ok(Some(value)) => value,
            _ => unreachable!("a load that can't fail and isn't negative has a value"),
        }
    }

    /// Does the same with a loader that may fail. All who wait get the same error, and the next call tries
    /// again.
    ///
    /// # Errors
    ///
    /// If the loader fails, or another's for which this call waits, and nothing stale may be served.
    pub fn get_or_try_load<Q, E>(&self, key: &Q, load: impl FnOnce() -> Result<V, E>) -> Result<V, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let options = LoadOptions { negatives: false, ..LoadOptions::default() };
        let lookup = self.load_blocking(key, options, true, || load().map(Entry::new))?;
        Ok(lookup.into_value().expect("a load that isn't negative has a value"))
    }

    /// Does the same with a loader that may find nothing; that is remembered too.
    ///
    /// # Errors
    ///
    /// If the loader fails, or another's for which this call waits, and nothing stale may be served.
    pub fn get_or_find<Q, E>(
        &self,
        key: &Q,
        find: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let find = || Ok(find()?.map_or_else(Entry::negative, Entry::new));
        Ok(self.load_blocking(key, LoadOptions::new(), true, find)?.into_value())
    }

    /// Does the same with all there is to say: the class and the timeouts, and a loader that returns an
    /// entry with its time to live, weight and tags. Returns how fresh the value is.
    ///
    /// A value that is stale is refreshed by the first who asks for it; others get the stale one meanwhile. The
    /// timeouts hold for those who wait; one's own loader is run to its end. See
    /// [`load_detached`](Self::load_detached) for more.
    ///
    /// # Errors
    ///
    /// If the loader fails, or another's for which this call waits, and nothing stale may be served.
    pub fn load_with<Q, E>(
        &self,
        key: &Q,
        options: LoadOptions,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        self.load_blocking(key, options, true, load)
    }

    fn load_blocking<Q, E>(
        &self,
        key: &Q,
        options: LoadOptions,
        limited: bool,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let inner = &**self.inner();
        match inner.glance(key, options) {
            Glanced::Fresh(lookup) => Ok(lookup),
            Glanced::Absent => inner.load_missing(key, true, options, limited, load),
            Glanced::Else => inner.load_missing(key, false, options, limited, load),
        }
    }
}

/// How waiting ended.
pub(super) enum Waited<V, E> {
    Done(Result<Lookup<V>, LoadError<E>>),
    Again,
    /// The other's error is of another type.
    Alone(Option<Fallback<V>>),
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Inner<K, V> {
    /// Loads what isn't there or isn't fresh. If nothing at all is there, that has been counted.
    #[inline(never)]
    fn load_missing<Q, E>(
        &self,
        key: &Q,
        absent: bool,
        options: LoadOptions,
        limited: bool,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let caller = Caller { options, pilot: Pilot::Caller, blocks: true };
        let hash = self.hash(key);
        if absent && let Some(run) = self.begin_alone(key, hash, caller) {
            return self.load_here(key, run, caller, None, load);
        }
        self.load_or_wait(key, hash, absent, caller, limited, load)
    }

    /// Begins a load within the call if nothing else concerns the lane.
    fn begin_alone<Q>(&self, key: &Q, hash: u64, caller: Caller) -> Option<Run>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let mut lane = self.lane(hash).lock();
        if !lane.is_idle() {
            return None;
        }
        let begun = self.unless_fresh(key, caller)?;
        Some(self.begin(&mut lane, key.to_owned(), hash, begun, caller).0)
    }

    /// Loads, or waits for others who do.
    #[cold]
    fn load_or_wait<Q, E>(
        &self,
        key: &Q,
        hash: u64,
        absent: bool,
        caller: Caller,
        limited: bool,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let mut step =
            if absent { self.enter(key, hash, caller, None) } else { Some(self.step(key, hash, caller, true)) };
        loop {
            let step = step.take().unwrap_or_else(|| self.step(key, hash, caller, false));
            match step {
                Step::Serve { lookup, .. } => return Ok(lookup),
                Step::Lead { lead: Lead::Here(run), fallback } => {
                    return self.load_here(key, run, caller, fallback, load);
                }
                Step::Lead { lead: Lead::Driven(..), .. } => unreachable!("the caller is the one who loads"),
                Step::Alone { began, fallback } => return self.load_alone(key, caller, began, fallback, load),
                Step::Failed { reason, fallback } => match reason.downcast::<E>() {
                    Ok(reason) => return self.failed(caller, LoadError::Failed(reason), fallback),
                    Err(_) => return self.load_alone(key, caller, self.sequence(), fallback, load),
                },
                Step::Wait { seat, joined, fallback } => match self.wait(&seat, joined, caller, limited, fallback) {
                    Waited::Done(result) => return result,
                    Waited::Again => {}
                    Waited::Alone(fallback) => {
                        return self.load_alone(key, caller, self.sequence(), fallback, load);
                    }
                },
            }
        }
    }

    /// Runs the loader for all who wait.
    pub(super) fn load_here<Q, E>(
        &self,
        key: &Q,
        run: Run,
        caller: Caller,
        fallback: Option<Fallback<V>>,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let watch = Watch { inner: self, run };
        match load() {
            Ok(entry) => {
                let (value, age) = (entry.value.clone(), entry.terms.age);
                let stale = self.complete(key.to_owned(), run, entry);
                watch.dismiss();
                Ok(loaded(value, age, stale))
            }
            Err(reason) => {
                let reason = Arc::new(reason);
                self.fail(key.to_owned(), run, reason.clone());
                watch.dismiss();
                self.failed(caller, LoadError::Failed(reason), fallback)
            }
        }
    }

    /// Runs the loader for this caller alone.
    pub(super) fn load_alone<Q, E>(
        &self,
        key: &Q,
        caller: Caller,
        began: u64,
        fallback: Option<Fallback<V>>,
        load: impl FnOnce() -> Result<Entry<V>, E>,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        Q: ToOwned<Owned = K> + ?Sized,
    {
        let begun = self.world.time.now();
        let result = load();
        let ticks = self.world.time.now().since(begun);
        match result {
            Ok(mut entry) => {
                self.counters.add_all(caller.class(), [(Count::Load, 1), (Count::LoadTicks, ticks)]);
                let stale = self.is_stale(&entry.terms, caller.options.class);
                let lookup = loaded(entry.value.clone(), entry.terms.age, stale);
                entry.terms.class = entry.terms.class.or(Some(caller.options.class));
                self.put_since(began, key.to_owned(), entry);
                Ok(lookup)
            }
            Err(reason) => {
                self.counters.add_all(caller.class(), [(Count::LoadFailure, 1), (Count::LoadTicks, ticks)]);
                self.failed(caller, LoadError::Failed(Arc::new(reason)), fallback)
            }
        }
    }

    /// Waits for a load, blocking the thread.
    pub(super) fn wait<E: Send + Sync + 'static>(
        &self,
        seat: &Seat<'_, K, V>,
        joined: u64,
        caller: Caller,
        limited: bool,
        fallback: Option<Fallback<V>>,
    ) -> Waited<V, E> {
        let begun = self.world.time.now();
        let soft = self.soft_timeout(caller).filter(|_| limited && fallback.is_some());
        let hard = self.hard_timeout(caller).filter(|_| limited);
        let limit = soft.into_iter().chain(hard).min();
        let waited = Cell::new(Duration::ZERO);
        let patience = || {
            waited.set(crate::clock::duration(self.world.time.now().since(begun)));
            match limit {
                None => Some(None),
                Some(limit) => limit.checked_sub(waited.get()).filter(|left| !left.is_zero()).map(Some),
            }
        };
        match seat.flight.wait(seat.seat, patience) {
            None => {
                let over = hard.filter(|hard| waited.get() >= *hard).or(limit).unwrap_or_default();
                Waited::Done(self.failed(caller, LoadError::TimedOut(over), fallback))
            }
            Some(End::Lost) => Waited::Again,
            Some(End::Landed(outcome)) => match served(outcome, seat.flight.began, joined, caller.options.negatives) {
                None => Waited::Again,
                Some(Ok(lookup)) => Waited::Done(Ok(lookup)),
                Some(Err(reason)) => match Arc::<dyn Any + Send + Sync>::downcast::<E>(reason) {
                    Ok(reason) => Waited::Done(self.failed(caller, LoadError::Failed(reason), fallback)),
                    Err(_) => Waited::Alone(fallback),
                },
            },
        }
    }
}

/// Ends the load of a loader that panics.
struct Watch<'a, K: Hash + Eq, V: Clone + Send + 'static> {
    inner: &'a Inner<K, V>,
    run: Run,
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Watch<'_, K, V> {
    fn dismiss(self) {
        std::mem::forget(self);
    }
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Drop for Watch<'_, K, V> {
    fn drop(&mut self) {
        self.inner.abandon(self.run);
    }
}

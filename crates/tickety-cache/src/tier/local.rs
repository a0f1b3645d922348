//! A second level and a backplane within a process.

use std::collections::HashMap;
use std::future::ready;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::{Backplane, BoxFuture, Ear, Kept, Message, Position, Read, SecondLevel, Subscription, TierError};
use crate::clock::{Clock, Tick, Time, duration};

/// A second level in this process's memory, without a limit: for tests, and to see how one works.
pub struct InProcess<K, V> {
    time: Time,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    entries: HashMap<K, (Kept<V>, Tick)>,
    sequence: u64,
    /// The number of the last invalidation of keys, of tags, and of everything.
    keys: HashMap<K, u64>,
    tags: HashMap<Arc<str>, u64>,
    all: u64,
}

impl<K, V> InProcess<K, V> {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Time::machine())
    }

    /// Makes one with another source of time.
    #[must_use]
    pub fn with_clock(clock: Arc<impl Clock>) -> Self {
        Self::at(Time::Given(clock))
    }

    fn at(time: Time) -> Self {
        let state = State { entries: HashMap::new(), sequence: 0, keys: HashMap::new(), tags: HashMap::new(), all: 0 };
        Self { time, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for InProcess<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> std::fmt::Debug for InProcess<K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl<K, V> State<K, V> {
    fn stamp(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

fn done<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, TierError>> {
    Box::pin(ready(Ok(value)))
}

impl<K, V> SecondLevel<K, V> for InProcess<K, V>
where
    K: Hash + Eq + Clone + Send + Sync,
    V: Clone + Send + Sync,
{
    fn read<'a>(&'a self, key: &'a K) -> BoxFuture<'a, Result<Read<V>, TierError>> {
        let state = self.state();
        let aged = state.entries.get(key).map(|(kept, written)| {
            let age = kept.age.saturating_add(duration(self.time.now().since(*written)));
            Kept { age, ..kept.clone() }
        });
        let live = aged.filter(|kept| kept.ttl.is_none_or(|ttl| kept.age < ttl));
        let position = Position(state.sequence);
        done(live.map_or(Read::Missing(position), |kept| Read::Found(kept, position)))
    }

    fn write<'a>(&'a self, key: &'a K, entry: Kept<V>, since: Position) -> BoxFuture<'a, Result<bool, TierError>> {
        let mut state = self.state();
        let newest = entry.tags.iter().filter_map(|tag| state.tags.get(tag)).chain(state.keys.get(key)).max();
        let outdated = newest.copied().unwrap_or_default().max(state.all) > since.0;
        if !outdated && entry.ttl != Some(Duration::ZERO) {
            let now = self.time.now();
            state.entries.insert(key.clone(), (entry, now));
        }
        done(!outdated)
    }

    fn remove<'a>(&'a self, key: &'a K) -> BoxFuture<'a, Result<(), TierError>> {
        let mut state = self.state();
        let stamp = state.stamp();
        state.keys.insert(key.clone(), stamp);
        state.entries.remove(key);
        done(())
    }

    fn invalidate_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), TierError>> {
        let mut state = self.state();
        let stamp = state.stamp();
        state.tags.insert(tag.into(), stamp);
        state.entries.retain(|_, (kept, _)| kept.tags.iter().all(|other| **other != *tag));
        done(())
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), TierError>> {
        let mut state = self.state();
        state.all = state.stamp();
        state.entries.clear();
        state.keys.clear();
        state.tags.clear();
        done(())
    }
}

/// A backplane for the caches of this process.
pub struct LocalBackplane<K> {
    ears: Arc<Mutex<Ears<K>>>,
}

struct Ears<K> {
    next: u64,
    known: Vec<(u64, Ear<K>)>,
}

impl<K> LocalBackplane<K> {
    /// Makes one that nobody listens to.
    #[must_use]
    pub fn new() -> Self {
        Self { ears: Arc::new(Mutex::new(Ears { next: 0, known: Vec::new() })) }
    }
}

impl<K> Default for LocalBackplane<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> std::fmt::Debug for LocalBackplane<K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalBackplane")
    }
}

impl<K: Clone + Send + Sync + 'static> Backplane<K> for LocalBackplane<K> {
    fn publish(&self, message: Message<K>) -> BoxFuture<'_, Result<(), TierError>> {
        let known = self.ears.lock().unwrap_or_else(PoisonError::into_inner).known.clone();
        known.into_iter().for_each(|(_, ear)| ear(message.clone()));
        done(())
    }

    fn subscribe(&self, ear: Ear<K>) -> Subscription {
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        ears.next += 1;
        let number = ears.next;
        ears.known.push((number, ear));
        let ears = self.ears.clone();
        Subscription::new(move || {
            ears.lock().unwrap_or_else(PoisonError::into_inner).known.retain(|(known, _)| *known != number);
        })
    }
}

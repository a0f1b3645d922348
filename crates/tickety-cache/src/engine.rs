//! The engine: a quick_cache, sized and told what to do with what it drops.

use std::hash::Hash;

use equivalent::Equivalent;
use quick_cache::sync::Cache as Quick;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use crate::probe::Probe;
use crate::slot::Slot;

/// How many entries each of several shards has at least: fewer cost hit ratio, since each shard evicts for itself. A cache
/// for which there would be fewer than two such shards has one.
const SHARD: u64 = 5_000;

/// The entries of a space.
#[derive(Debug)]
pub(crate) struct Engine<K, V> {
    entries: Quick<Slot<K>, Option<V>, ByWeight, DefaultHashBuilder, Collect>,
    /// Asked for once: the engine would lock each shard to tell.
    capacity: u64,
    heaviest: u64,
}

/// What a space holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// In entries, or in weight.
    pub(crate) capacity: u64,
    /// In entries.
    pub(crate) expected: u64,
    pub(crate) weighted: bool,
    pub(crate) room: Option<usize>,
}

impl<K: Hash + Eq, V: Clone> Engine<K, V> {
    pub(crate) fn new(size: Size, hasher: DefaultHashBuilder) -> Self {
        let expected = usize::try_from(size.expected.max(1)).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .shards(shards(size.expected))
            .estimated_items_capacity(expected)
            .weight_capacity(size.capacity)
            .build()
            .expect("both capacities are set");
        let entries = Quick::with_options(options, ByWeight(size.weighted), hasher, Collect);
        if let Some(room) = size.room {
            entries.reserve(room);
        }
        // The engine keeps a part of each shard for entries on trial and admits none heavier than the rest.
        let capacity = entries.capacity();
        let heaviest = ((entries.shard_capacity() as f64 * HOT) as u64).max(size.capacity.min(1));
        let heaviest = if capacity == 0 { 0 } else { heaviest };
        Self { entries, capacity, heaviest }
    }

    pub(crate) fn heaviest(&self) -> u64 {
        self.heaviest
    }

    #[inline]
    pub(crate) fn get<P>(&self, probe: &P) -> Option<Option<V>>
    where
        P: Hash + Equivalent<Slot<K>>,
    {
        self.entries.get(probe)
    }

    pub(crate) fn peek<P>(&self, probe: &P) -> Option<Option<V>>
    where
        P: Hash + Equivalent<Slot<K>>,
    {
        self.entries.peek(probe)
    }

    pub(crate) fn contains<P>(&self, probe: &P) -> bool
    where
        P: Hash + Equivalent<Slot<K>>,
    {
        self.entries.contains_key(probe)
    }

    /// Stores, and adds what had to go.
    #[inline]
    pub(crate) fn insert(&self, slot: Slot<K>, value: Option<V>, dropped: &mut Dropped<K, V>) {
        self.entries.insert_with_lifecycle(slot, value, dropped);
    }

    pub(crate) fn remove<Q>(&self, probe: &Probe<'_, Q>) -> Option<(Slot<K>, Option<V>)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.entries.remove_if(probe, |_| true)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<K>, Option<V>)>
    where
        K: Clone,
    {
        self.entries.iter()
    }

    pub(crate) fn drain(&self) -> impl Iterator<Item = (Slot<K>, Option<V>)> {
        self.entries.drain()
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn weight(&self) -> u64 {
        self.entries.weight()
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn memory(&self) -> u64 {
        self.entries.memory_used().total() as u64
    }
}

/// The part of a shard that proven entries may fill; quick_cache's default.
const HOT: f64 = 0.97;

fn shards(entries: u64) -> usize {
    let by_size = (entries / SHARD).max(1);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let most = (threads * 8).next_power_of_two();
    // The engine rounds up to a power of two, and fewer shards were wanted.
    1 << by_size.min(most).ilog2()
}

/// Weighs entries: all alike, or as they say.
#[derive(Clone, Debug)]
struct ByWeight(bool);

impl<K, V> Weighter<Slot<K>, Option<V>> for ByWeight {
    #[inline]
    fn weight(&self, slot: &Slot<K>, _: &Option<V>) -> u64 {
        if self.0 { u64::from(slot.facts.weight()) } else { 1 }
    }
}

/// Collects what the engine drops, for the time when no lock is held.
#[derive(Clone, Debug)]
struct Collect;

impl<K, V> Lifecycle<Slot<K>, Option<V>> for Collect {
    type RequestState = Dropped<K, V>;

    fn on_evict(&self, dropped: &mut Dropped<K, V>, slot: Slot<K>, value: Option<V>) {
        dropped.push(slot, value);
    }
}

/// Entries that an insertion has driven out; most often there is at most one.
#[derive(Debug)]
pub(crate) struct Dropped<K, V> {
    first: Option<(Slot<K>, Option<V>)>,
    others: Vec<(Slot<K>, Option<V>)>,
}

impl<K, V> Default for Dropped<K, V> {
    fn default() -> Self {
        Self { first: None, others: Vec::new() }
    }
}

impl<K, V> Dropped<K, V> {
    #[inline]
    pub(crate) fn push(&mut self, slot: Slot<K>, value: Option<V>) {
        if self.first.is_none() {
            self.first = Some((slot, value));
        } else {
            self.others.push((slot, value));
        }
    }

    /// Hands out all of them.
    #[inline]
    pub(crate) fn each(&mut self, mut take: impl FnMut(Slot<K>, Option<V>)) {
        if let Some((slot, value)) = self.first.take() {
            take(slot, value);
        }
        for (slot, value) in self.others.drain(..) {
            take(slot, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shards;

    #[test]
    fn shards_are_few() {
        assert_eq!([0, 1, 5_000, 9_999].map(shards), [1; 4]);
        assert_eq!([10_000, 19_999].map(shards), [2; 2]);
        assert!(
            (1..10_000_000)
                .step_by(997)
                .all(|entries| shards(entries) == 1 || entries / shards(entries) as u64 >= 5_000)
        );
    }
}

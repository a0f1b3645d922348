//! Storing and removing entries, and settling what has to go for it.

use std::hash::Hash;

use equivalent::Equivalent;

use crate::cache::Inner;
use crate::class::ClassId;
use crate::clock::Tick;
use crate::engine::Dropped;
use crate::entry::{Entry, Terms};
use crate::probe::Wanted;
use crate::removal::{Cause, Removed};
use crate::slot::{Facts, Slot, Start, Tally, Verdict};
use crate::stats::{Count, random};
use crate::sync::Ordering;

impl<K: Hash + Eq, V: Clone> Inner<K, V> {
    /// Stores a value, whatever is on its way.
    pub(crate) fn put(&self, key: K, entry: Entry<V>) {
        let Entry { value, ref terms } = entry;
        let hash = self.hash(&key);
        let now = self.world.time.now();
        let class = terms.class.unwrap_or_default();
        // What is invalidated from now on is newer than this value.
        let since = self.sequence();
        let facts = self.facts(&key, value.as_ref(), terms, class, since, now);
        let mut dropped = Dropped::default();
        let mut lane = self.lane(hash).lock();
        // Taken under the lock, so that the stamps of a key only grow.
        lane.stamp(hash, &key, self.stamp());
        match facts {
            Some(facts) => {
                let stored = self.store(hash, Slot { key, facts }, value, &mut dropped);
                drop(lane);
                self.settle(stored, now, &mut dropped);
            }
            None => {
                let taken = self.take(&self.probe(&key, Wanted::Any, Tally::None));
                drop(lane);
                self.count(Count::Rejected, class.0);
                if let Some((slot, value)) = taken {
                    self.gone(slot, value, Cause::Replaced);
                }
            }
        }
    }

    /// Stores a value unless something has been invalidated since.
    pub(crate) fn put_since(&self, since: u64, key: K, entry: Entry<V>) -> bool {
        let Entry { value, ref terms } = entry;
        let hash = self.hash(&key);
        let now = self.world.time.now();
        let class = terms.class.unwrap_or_default();
        let Some(facts) = self.facts(&key, value.as_ref(), terms, class, since, now) else {
            self.count(Count::Rejected, class.0);
            return false;
        };
        let mut dropped = Dropped::default();
        let lane = self.lane(hash).lock();
        let outdated = self.floor.load(Ordering::Acquire) > since
            || lane.stamp_of(hash) > since
            || facts.outdated(&self.world.tags);
        if outdated {
            drop(lane);
            self.count(Count::Refused, class.0);
            return false;
        }
        let stored = self.store(hash, Slot { key, facts }, value, &mut dropped);
        drop(lane);
        self.settle(stored, now, &mut dropped);
        true
    }

    /// Removes an entry and returns its value, if it could have been served.
    pub(crate) fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        let mut lane = self.lane(hash).lock();
        lane.stamp(hash, key, self.stamp());
        let taken = self.take(&self.probe(key, Wanted::Any, Tally::None));
        drop(lane);
        let (slot, value) = taken?;
        let live = slot.facts.judge(self.world.time.now(), &self.world).is_live();
        let served = value.clone().filter(|_| live);
        self.gone(slot, value, Cause::Invalidated);
        served
    }

    /// Makes the particulars of an entry; `None` if it would be over at once or is too heavy.
    ///
    /// It is inlined, and with it what it calls: an entry that is put together on its way into the engine is copied half
    /// as often.
    #[inline]
    pub(crate) fn facts(
        &self,
        key: &K,
        value: Option<&V>,
        terms: &Terms,
        class: ClassId,
        since: u64,
        now: Tick,
    ) -> Option<Facts> {
        let class = terms.class.unwrap_or(class);
        let class = if usize::from(class.0) < self.world.classes.len() { class } else { ClassId::DEFAULT };
        let rules = self.rules(class.0);
        let born = if terms.age.is_zero() { now } else { now.before(terms.age) };
        let spans = rules.spans(terms, value.is_none(), random());
        let weight = match (terms.weight, &self.settings.weigher, value) {
            (Some(weight), ..) => weight,
            (None, Some(weigher), Some(value)) => weigher(key, value),
            _ => 1,
        };
        let (negative, idles) = (value.is_none(), rules.idle.is_some());
        let tags = self.world.tags.tagged(&terms.tags);
        let facts = Facts::new(Start { born, since, class: class.0, negative, idles, spans, weight, tags });
        if !facts.timeless() && !self.world.timed.load(Ordering::Relaxed) {
            self.world.timed.store(true, Ordering::Relaxed);
        }
        let heaviest = self.space(rules.space).heaviest();
        let too_heavy = u64::from(facts.weight()) > heaviest && (self.settings.weighted || heaviest == 0);
        let over = facts.hard.ticks() <= facts.age(now);
        (!over && !too_heavy).then_some(facts)
    }

    /// Stores a slot; its lane is locked. What has to go is to be settled when it no longer is.
    #[inline]
    pub(crate) fn store(&self, hash: u64, slot: Slot<K>, value: Option<V>, dropped: &mut Dropped<K, V>) -> Stored {
        let (class, weight) = (slot.facts.class(), slot.facts.weight());
        let space = self.rules(class).space;
        if !self.others.is_empty() {
            let probe = self.probe(&slot.key, Wanted::Any, Tally::None);
            let mut others = self.spaces().enumerate().filter(|(index, _)| *index != space);
            if let Some((slot, value)) = others.find_map(|(_, space)| space.remove(&probe)) {
                dropped.push(slot, value);
            }
        }
        self.space(space).insert(slot, value, dropped);
        Stored { hash, class, weight }
    }

    /// Counts a stored entry and settles what it drove out; no lock is held.
    pub(crate) fn settle(&self, stored: Stored, now: Tick, dropped: &mut Dropped<K, V>) {
        let Stored { hash, class, weight } = stored;
        self.count(Count::Insert, class);
        if weight > 1 {
            self.counters.add(Count::HeavyIn, class, u64::from(weight - 1));
        }
        dropped.each(|slot, value| {
            let replaced = self.hash(&slot.key) == hash;
            self.gone_at(now, slot, value, if replaced { Cause::Replaced } else { Cause::Capacity });
        });
    }

    /// Counts an entry that left and tells the listener; no lock is held.
    pub(crate) fn gone(&self, slot: Slot<K>, value: Option<V>, cause: Cause) {
        self.gone_at(self.world.time.now(), slot, value, cause);
    }

    #[inline]
    fn gone_at(&self, now: Tick, slot: Slot<K>, value: Option<V>, cause: Cause) {
        let cause = match (cause, slot.facts.judge(now, &self.world)) {
            (Cause::Invalidated, _) | (_, Verdict::Invalidated) => Cause::Invalidated,
            (_, Verdict::Expired | Verdict::Over) => Cause::Expired,
            (cause, _) => cause,
        };
        let class = slot.facts.class();
        let count = match cause {
            Cause::Capacity => Count::Capacity,
            Cause::Expired => Count::Expired,
            Cause::Replaced => Count::Replaced,
            Cause::Invalidated => Count::Invalidated,
        };
        self.count(count, class);
        let weight = slot.facts.weight();
        if weight > 1 {
            self.counters.add(Count::HeavyOut, class, u64::from(weight - 1));
        }
        if let Some(listener) = &self.settings.listener {
            listener(Removed { key: slot.key, value, class: ClassId(class), cause });
        }
    }
}

/// An entry that was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    hash: u64,
    class: u16,
    weight: u32,
}

//! The cache: looking up, storing and removing.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicBool;

use equivalent::Equivalent;
use quick_cache::DefaultHashBuilder;

use crate::builder::Builder;
use crate::class::{ClassId, Rules};
use crate::clock::{Tick, Time, duration};
use crate::engine::{Dropped, Engine};
use crate::entry::{Entry, Terms};
use crate::lane::{LANES, Lane, lane_of};
use crate::load::{Outcome, Reason, Spawner, flight::Flight};
use crate::lookup::Lookup;
use crate::removal::{Cause, Listener, Removed, Weigher};
use crate::slot::{Facts, Found, Glance, Probe, Slot, Start, Tally, Verdict, Wanted, World};
use crate::stats::{Count, Counters, random, sampled};
use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::tag::Tags;

/// A cache. See the [crate's page](crate) for what it does.
///
/// A clone is another handle to the same cache. Values are cloned when they are handed out, under a
/// lock of a part of the cache: take an `Arc` for what is costly to clone.
pub struct Cache<K, V> {
    inner: Arc<Inner<K, V>>,
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<K, V> Cache<K, V> {
    pub(crate) fn new(inner: Inner<K, V>) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner<K, V>> {
        &self.inner
    }

    /// Starts a cache of so many entries.
    pub fn builder(entries: u64) -> Builder<K, V> {
        Builder::new(entries, entries, false)
    }

    /// Starts a cache of so much weight, in any unit, that is expected to hold about so many entries.
    /// An entry that is heavier than 97 % of a shard (see the crate's page) is not stored.
    pub fn weighted(weight: u64, entries: u64) -> Builder<K, V> {
        Builder::new(weight, entries, true)
    }

    /// Returns the class of a name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<ClassId> {
        let position = self.inner.world.classes.iter().position(|class| class.name == name)?;
        u16::try_from(position).ok().map(ClassId)
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Returns what is stored under a key, fresh or stale. It never changes how long that lives.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_in(ClassId::DEFAULT, key)
    }

    /// Does the same, and counts a miss in a class. Hits are counted in the class of the entry.
    #[inline]
    pub fn get_in<Q>(&self, class: ClassId, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let inner = &*self.inner;
        let glance = Glance::new(key, inner.tally(), &inner.world);
        let value = inner.find(&glance);
        match glance.seen() {
            Some(seen) if value.is_some() => inner.count(seen.hit(), seen.class()),
            _ => inner.count(Count::Miss, class.0),
        }
        value.flatten()
    }

    /// Returns what is stored under a key, how old it is and what it is worth.
    pub fn lookup<Q>(&self, key: &Q) -> Lookup<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.lookup_in(ClassId::DEFAULT, key)
    }

    /// Does the same, and counts a miss in a class.
    pub fn lookup_in<Q>(&self, class: ClassId, key: &Q) -> Lookup<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let inner = &*self.inner;
        let probe = inner.probe(key, Wanted::Live, inner.tally());
        let value = inner.find(&probe);
        inner.count_lookup(value.is_some(), probe.found(), class);
        let (Some(value), Some(found)) = (value, probe.found()) else { return Lookup::Absent };
        let age = duration(found.age);
        match value {
            None => Lookup::Negative { age },
            Some(value) if found.verdict == Verdict::Stale => Lookup::Stale { value, age },
            Some(value) => Lookup::Fresh { value, age },
        }
    }

    /// Whether something may be served for a key: a value, fresh or stale. It counts nothing and does not
    /// keep the entry from being evicted.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let glance = Glance::new(key, Tally::None, &self.inner.world);
        self.inner.spaces().any(|space| space.contains(&glance))
            && glance.seen().is_some_and(|seen| !seen.is_negative())
    }

    /// Returns what [`get`](Self::get) would, counts nothing and does not keep the entry from being evicted.
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let glance = Glance::new(key, Tally::None, &self.inner.world);
        self.inner.spaces().find_map(|space| space.peek(&glance)).flatten()
    }

    /// Stores a value under the terms of the default class.
    pub fn insert(&self, key: K, value: V) {
        self.insert_with(key, Entry::new(value));
    }

    /// Stores a value under terms of its own. What loads of this key bring that have already begun will not
    /// replace it.
    pub fn insert_with(&self, key: K, entry: Entry<V>) {
        self.inner.put(key, entry);
    }

    /// Takes a ticket: a mark of what has been invalidated so far. Take one before you read from the source,
    /// and store with [`insert_since`](Self::insert_since).
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket(self.inner.sequence())
    }

    /// Stores what was read since a ticket was taken, unless it may be outdated: nothing is stored if since then
    /// the key, one of the tags, or wholesale something was invalidated. Returns whether it was stored.
    ///
    /// ```
    /// use tickety_cache::{Cache, Entry};
    ///
    /// let cache = Cache::<u32, &str>::builder(10).build();
    /// let ticket = cache.ticket();
    /// let read = "read from the source";
    /// cache.remove(&1); // somebody changes the source
    /// assert!(!cache.insert_since(ticket, 1, Entry::new(read)));
    /// ```
    pub fn insert_since(&self, ticket: Ticket, key: K, entry: Entry<V>) -> bool {
        self.inner.put_since(ticket.0, key, entry)
    }

    /// Removes what is stored under a key and returns the value, if it could still have been served.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.inner.remove(key)
    }

    /// Returns how many entries are stored, those past their time included until they are swept or displaced.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.spaces().map(Engine::len).sum()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// A mark of what had been invalidated when it was taken; see [`Cache::ticket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What the handles of a cache share.
pub(crate) struct Inner<K, V> {
    /// The entries of the classes without a capacity of their own.
    first: Engine<K, V>,
    /// Those of the others.
    others: Box<[Engine<K, V>]>,
    pub(crate) world: World,
    pub(crate) counters: Counters,
    lanes: Box<[OneLane<K, V>]>,
    /// Counts invalidations. A load notes it when it begins; what is stamped with more is newer.
    sequence: AtomicU64,
    /// The newest invalidation that no key or tag could be named for.
    floor: AtomicU64,
    hasher: DefaultHashBuilder,
    settings: Settings<K, V>,
}

/// Where entries lie.
pub(crate) struct Spaces<K, V> {
    pub(crate) first: Engine<K, V>,
    pub(crate) others: Box<[Engine<K, V>]>,
    /// The same in all of them.
    pub(crate) hasher: DefaultHashBuilder,
}

/// What was said when the cache was built.
pub(crate) struct Settings<K, V> {
    pub(crate) listener: Option<Listener<K, V>>,
    pub(crate) weigher: Option<Weigher<K, V>>,
    pub(crate) spawner: Option<Arc<dyn Spawner>>,
    /// Whether capacities are weights.
    pub(crate) weighted: bool,
    /// One hit in so many is counted on its entry.
    pub(crate) sampling: u32,
}

/// A lane, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct OneLane<K, V> {
    /// How often something was stored: whoever has looked since need not look again.
    pub(crate) stores: AtomicU64,
    lane: Mutex<Lane<K, Flight<Outcome<V>>, Reason>>,
}

impl<K, V> OneLane<K, V> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Lane<K, Flight<Outcome<V>>, Reason>> {
        self.lane.lock()
    }
}

impl<K, V> Default for OneLane<K, V> {
    fn default() -> Self {
        Self { stores: AtomicU64::new(0), lane: Mutex::new(Lane::default()) }
    }
}

impl<K, V> Inner<K, V> {
    pub(crate) fn new(spaces: Spaces<K, V>, classes: Box<[Rules]>, time: Time, settings: Settings<K, V>) -> Self {
        Self {
            counters: Counters::new(classes.len()),
            first: spaces.first,
            others: spaces.others,
            hasher: spaces.hasher,
            world: World {
                ahead: classes.iter().any(|class| class.refresh_ahead.is_some()),
                time,
                timed: AtomicBool::new(false),
                tags: Tags::default(),
                classes,
            },
            lanes: (0..LANES).map(|_| OneLane::default()).collect(),
            sequence: AtomicU64::new(1),
            floor: AtomicU64::new(0),
            settings,
        }
    }

    /// Returns all spaces.
    pub(crate) fn spaces(&self) -> impl Iterator<Item = &Engine<K, V>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns a space by its number.
    pub(crate) fn space(&self, number: usize) -> &Engine<K, V> {
        number.checked_sub(1).and_then(|number| self.others.get(number)).unwrap_or(&self.first)
    }

    pub(crate) fn lane(&self, hash: u64) -> &OneLane<K, V> {
        &self.lanes[lane_of(hash)]
    }

    /// Returns the number of the last invalidation.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Returns the number of a new invalidation.
    pub(crate) fn stamp(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn count(&self, count: Count, class: u16) {
        self.counters.add(count, class, 1);
    }

    /// Returns the rules of a class, or those of the default class if it isn't one of this cache.
    pub(crate) fn rules(&self, class: u16) -> &Rules {
        self.world.classes.get(usize::from(class)).unwrap_or(&self.world.classes[0])
    }

    /// Makes a probe for a key.
    #[inline]
    pub(crate) fn probe<'a, Q: ?Sized>(&'a self, key: &'a Q, wanted: Wanted, tally: Tally) -> Probe<'a, Q> {
        Probe::new(key, wanted, tally, &self.world)
    }

    /// Returns how a lookup is to count on its entry.
    #[inline]
    pub(crate) fn tally(&self) -> Tally {
        if sampled(self.settings.sampling) { Tally::Hits } else { Tally::Touch }
    }

    pub(crate) fn spawner(&self) -> Option<&Arc<dyn Spawner>> {
        self.settings.spawner.as_ref()
    }

    /// Returns for how many hits each one counted stands.
    pub(crate) fn sampling(&self) -> u32 {
        self.settings.sampling
    }

    #[inline]
    pub(crate) fn count_lookup(&self, hit: bool, found: Option<Found>, class: ClassId) {
        match found {
            Some(found) if hit => {
                let count = match found.verdict {
                    _ if found.negative => Count::NegativeHit,
                    Verdict::Fresh => Count::Hit,
                    _ => Count::StaleHit,
                };
                self.count(count, found.class);
            }
            _ => self.count(Count::Miss, class.0),
        }
    }

    /// Detaches loads that are on their way from chosen keys, so that what they bring is not stored, and
    /// refuses older tickets. When it returns, everything that was about to be stored is.
    pub(crate) fn detach(&self, mut chosen: impl FnMut(&K) -> bool) {
        let stamp = self.stamp();
        self.floor.fetch_max(stamp, Ordering::AcqRel);
        for lane in &self.lanes {
            lane.lock().detach(&mut chosen);
        }
    }
}

impl<K: Hash + Eq, V: Clone> Inner<K, V> {
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Looks in all spaces.
    #[inline]
    pub(crate) fn find<P>(&self, probe: &P) -> Option<Option<V>>
    where
        P: Hash + Equivalent<Slot<K>>,
    {
        let found = self.first.get(probe);
        if found.is_some() || self.others.is_empty() {
            return found;
        }
        self.others.iter().find_map(|space| space.get(probe))
    }

    /// Whether something more fits into the space of a class without displacing what is there.
    pub(crate) fn has_room(&self, class: ClassId) -> bool {
        let space = self.space(self.rules(class.0).space);
        space.weight() < space.capacity()
    }

    /// Takes out of all spaces.
    pub(crate) fn take<Q>(&self, probe: &Probe<'_, Q>) -> Option<(Slot<K>, Option<V>)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.spaces().find_map(|space| space.remove(probe))
    }

    /// Makes a slot of a key and terms; `None` if it would be over at once or is too heavy.
    pub(crate) fn slot(
        &self,
        key: K,
        value: Option<&V>,
        terms: &Terms,
        class: ClassId,
        since: u64,
        now: Tick,
    ) -> Result<Slot<K>, K> {
        let class = terms.class.unwrap_or(class);
        let class = if usize::from(class.0) < self.world.classes.len() { class } else { ClassId::DEFAULT };
        let rules = self.rules(class.0);
        let weigh = |weigher: &Weigher<K, V>| value.map(|value| weigher(&key, value));
        let facts = Facts::new(Start {
            born: now.before(terms.age),
            since,
            class: class.0,
            negative: value.is_none(),
            idles: rules.idle.is_some(),
            spans: rules.spans(terms, value.is_none(), random()),
            weight: terms.weight.or_else(|| self.settings.weigher.as_ref().and_then(weigh)).unwrap_or(1).max(1),
            tags: self.world.tags.tagged(&terms.tags),
        });
        if !facts.timeless() && !self.world.timed.load(Ordering::Relaxed) {
            self.world.timed.store(true, Ordering::Relaxed);
        }
        let heaviest = self.space(rules.space).heaviest();
        let too_heavy = u64::from(facts.weight()) > heaviest && (self.settings.weighted || heaviest == 0);
        let over = facts.hard.ticks() <= facts.age(now);
        if over || too_heavy { Err(key) } else { Ok(Slot { key, facts }) }
    }

    /// Stores a slot; its lane is locked. Returns what to settle when it no longer is.
    pub(crate) fn store(&self, hash: u64, slot: Slot<K>, value: Option<V>, now: Tick) -> Stored<K, V> {
        let space = self.rules(slot.facts.class()).space;
        let mut moved = None;
        if !self.others.is_empty() {
            let probe = self.probe(&slot.key, Wanted::Any, Tally::None);
            let mut others = self.spaces().enumerate().filter(|(index, _)| *index != space);
            moved = others.find_map(|(_, space)| space.remove(&probe));
        }
        let (class, weight) = (slot.facts.class(), slot.facts.weight());
        let dropped = self.space(space).insert(slot, value);
        // Only who holds the lane writes this. Not before the entry is there: who sees this count sees the entry, and who
        // saw the one before looks again.
        let stores = &self.lane(hash).stores;
        stores.store(stores.load(Ordering::Relaxed) + 1, Ordering::Release);
        Stored { now, hash, class, weight, moved, dropped }
    }

    /// Counts a stored entry and settles what it drove out; no lock is held.
    pub(crate) fn settle(&self, stored: Stored<K, V>) {
        self.count(Count::Insert, stored.class);
        if stored.weight > 1 {
            self.counters.add(Count::HeavyIn, stored.class, u64::from(stored.weight - 1));
        }
        if let Some((slot, value)) = stored.moved {
            self.gone_at(stored.now, slot, value, Cause::Replaced);
        }
        for (slot, value) in stored.dropped {
            let replaced = self.hash(&slot.key) == stored.hash;
            self.gone_at(stored.now, slot, value, if replaced { Cause::Replaced } else { Cause::Capacity });
        }
    }

    /// Counts an entry that left and tells the listener; no lock is held.
    pub(crate) fn gone(&self, slot: Slot<K>, value: Option<V>, cause: Cause) {
        self.gone_at(self.world.time.now(), slot, value, cause);
    }

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

    fn put(&self, key: K, entry: Entry<V>) {
        let Entry { value, terms } = entry;
        let hash = self.hash(&key);
        let now = self.world.time.now();
        let class = terms.class.unwrap_or_default();
        // What is invalidated from now on is newer than this value.
        let since = self.sequence();
        let slot = self.slot(key, value.as_ref(), &terms, class, since, now);
        let mut lane = self.lane(hash).lock();
        // Taken under the lock, so that the stamps of a key only grow.
        let stamp = self.stamp();
        match slot {
            Ok(slot) => {
                lane.stamp(hash, &slot.key, stamp);
                let stored = self.store(hash, slot, value, now);
                drop(lane);
                self.settle(stored);
            }
            Err(key) => {
                lane.stamp(hash, &key, stamp);
                let taken = self.take(&self.probe(&key, Wanted::Any, Tally::None));
                drop(lane);
                self.count(Count::Rejected, class.0);
                if let Some((slot, value)) = taken {
                    self.gone(slot, value, Cause::Replaced);
                }
            }
        }
    }

    pub(crate) fn put_since(&self, since: u64, key: K, entry: Entry<V>) -> bool {
        let Entry { value, terms } = entry;
        let hash = self.hash(&key);
        let now = self.world.time.now();
        let class = terms.class.unwrap_or_default();
        let Ok(slot) = self.slot(key, value.as_ref(), &terms, class, since, now) else {
            self.count(Count::Rejected, class.0);
            return false;
        };
        let lane = self.lane(hash).lock();
        let outdated = self.floor.load(Ordering::Acquire) > since
            || lane.stamp_of(hash) > since
            || slot.facts.outdated(&self.world.tags);
        if outdated {
            drop(lane);
            self.count(Count::Refused, class.0);
            return false;
        }
        let stored = self.store(hash, slot, value, now);
        drop(lane);
        self.settle(stored);
        true
    }

    fn remove<Q>(&self, key: &Q) -> Option<V>
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
}

/// An entry that was stored, and what had to go for it.
pub(crate) struct Stored<K, V> {
    now: Tick,
    hash: u64,
    class: u16,
    weight: u32,
    moved: Option<(Slot<K>, Option<V>)>,
    dropped: Dropped<K, V>,
}

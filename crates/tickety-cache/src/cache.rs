//! The cache: looking up, storing and removing.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use equivalent::Equivalent;
use quick_cache::DefaultHashBuilder;

use crate::builder::Builder;
use crate::class::{ClassId, Rules};
use crate::clock::{Time, duration};
use crate::engine::Engine;
use crate::entry::Entry;
use crate::lane::{LANES, Lane, lane_of};
use crate::load::{Outcome, Reason, Spawner, flight::Flight};
use crate::lookup::Lookup;
use crate::probe::{Found, Glance, Probe, Seen, Wanted};
use crate::removal::{Listener, Weigher};
use crate::slot::{Slot, Tally, Verdict, World};
use crate::stats::{Count, Counters, sampled};
use crate::sync::{Apart, AtomicU64, Mutex, Ordering};
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

    /// Starts a cache of so many entries, with one shard below 10,000 (see the crate's page).
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
        let glance = Glance::new(key, inner.samples(), &inner.world);
        match inner.first.get(&glance) {
            Some(value) => {
                inner.count_glance(glance.seen());
                value
            }
            None => inner.get_elsewhere(class, key),
        }
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
        let glance = Glance::unseen(key, &self.inner.world);
        self.inner.spaces().any(|space| space.contains(&glance)) && !glance.seen().is_negative()
    }

    /// Returns what [`get`](Self::get) would, counts nothing and does not keep the entry from being evicted.
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let glance = Glance::unseen(key, &self.inner.world);
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
    pub(crate) first: Engine<K, V>,
    /// Those of the others.
    pub(crate) others: Box<[Engine<K, V>]>,
    pub(crate) world: World,
    pub(crate) counters: Counters,
    lanes: Box<[OneLane<K, V>]>,
    /// Counts invalidations. A load notes it when it begins; what is stamped with more is newer.
    sequence: Apart<AtomicU64>,
    /// The newest invalidation that no key or tag could be named for.
    pub(crate) floor: AtomicU64,
    hasher: DefaultHashBuilder,
    pub(crate) settings: Settings<K, V>,
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
    /// One hit in so many is counted on its entry, a power of two.
    pub(crate) sampling: u32,
}

/// A lane, on cache lines of its own.
pub(crate) type OneLane<K, V> = Apart<Mutex<Lane<K, Flight<Outcome<V>>, Reason>>>;

impl<K, V> Inner<K, V> {
    pub(crate) fn new(spaces: Spaces<K, V>, classes: Box<[Rules]>, time: Time, settings: Settings<K, V>) -> Self {
        Self {
            counters: Counters::new(classes.len()),
            first: spaces.first,
            others: spaces.others,
            hasher: spaces.hasher,
            world: World {
                closely: if classes.iter().any(|class| class.idle.is_some()) { u64::MAX - 1 } else { 0 },
                ahead: classes.iter().any(|class| class.refresh_ahead.is_some()),
                time,
                unsampled: settings.sampling - 1,
                timed: AtomicBool::new(false),
                tags: Tags::default(),
                classes,
            },
            lanes: (0..LANES).map(|_| OneLane::default()).collect(),
            sequence: Apart(AtomicU64::new(1)),
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

    #[inline]
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
        if self.samples() { Tally::Hits } else { Tally::Touch }
    }

    /// Whether a lookup is to be counted on its entry.
    #[inline]
    pub(crate) fn samples(&self) -> bool {
        sampled(self.world.unsampled)
    }

    /// Counts a hit.
    #[inline]
    pub(crate) fn count_glance(&self, seen: Seen) {
        if !self.counters.hit(seen.brief()) {
            self.count_other(seen);
        }
    }

    #[cold]
    #[inline(never)]
    fn count_other(&self, seen: Seen) {
        self.count(seen.hit(), seen.class());
    }

    pub(crate) fn spawner(&self) -> Option<&Arc<dyn Spawner>> {
        self.settings.spawner.as_ref()
    }

    /// Returns for how many hits each one counted stands.
    pub(crate) fn sampling(&self) -> u32 {
        self.world.unsampled + 1
    }

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

    /// Looks for a value in the spaces of the classes with a capacity of their own.
    #[inline(never)]
    fn get_elsewhere<Q>(&self, class: ClassId, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        for space in &self.others {
            let probe = self.probe(key, Wanted::Live, self.tally());
            let value = space.get(&probe);
            if value.is_some() {
                self.count_lookup(true, probe.found(), class);
                return value.flatten();
            }
        }
        self.count(Count::Miss, class.0);
        None
    }

    /// Looks in all spaces.
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
}

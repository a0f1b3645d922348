//! Statistics: counted by each thread for itself, added up when asked for.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::duration;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Hit,
    StaleHit,
    NegativeHit,
    Miss,
    Load,
    LoadFailure,
    LoadTicks,
    Coalesced,
    Refresh,
    StaleOnError,
    Refused,
    Rejected,
    Insert,
    /// Of entries that weigh more than 1 what they weigh more.
    HeavyIn,
    Capacity,
    Expired,
    Replaced,
    Invalidated,
    HeavyOut,
}

const COUNTS: usize = 19;

/// How many threads may have counters of their own; the others share one more set.
const OWNED: usize = 64;

/// The counters of a cache: a set for each of the first threads and one for all others.
#[derive(Debug)]
pub(crate) struct Counters {
    classes: usize,
    /// Those of the first threads, then those of the others; each set has one of each class.
    sets: Box<[Class]>,
    /// What the first threads count most: hits of the first classes.
    hits: Box<[Hits]>,
    owned: usize,
}

/// How many classes have their hits counted apart.
const APART: usize = 16;

/// Hits of the first classes counted by a thread, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Hits([AtomicU64; APART]);

/// The counters of a thread for a class, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Class([AtomicU64; COUNTS]);

impl Counters {
    pub(crate) fn new(classes: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let owned = (processors * 2).clamp(4, OWNED);
        let sets = (0..(owned + 1) * classes).map(|_| Class::default()).collect();
        Self { classes, sets, hits: (0..owned).map(|_| Hits::default()).collect(), owned }
    }

    /// Counts a hit of something fresh if that can be done at once: nobody else writes there.
    #[inline]
    pub(crate) fn hit(&self, class: usize) -> bool {
        let Some(hits) = self.hits.get(NUMBER.get()) else { return false };
        let Some(cell) = hits.0.get(class) else { return false };
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        true
    }

    #[inline]
    pub(crate) fn add(&self, count: Count, class: u16, number: u64) {
        self.add_all(class, [(count, number)]);
    }

    #[inline]
    pub(crate) fn add_all<const N: usize>(&self, class: u16, counts: [(Count, u64); N]) {
        let (seat, class) = (NUMBER.get(), usize::from(class));
        if seat >= self.owned || class >= self.classes {
            return counts.into_iter().for_each(|(count, number)| self.add_shared(count, class, number));
        }
        let set = &self.sets[seat * self.classes + class];
        for (count, number) in counts {
            // Nobody else writes here, and a locked addition would cost a quarter of a hit.
            let cell = &set.0[count as usize];
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
        }
    }

    /// Does the same for a thread that has no seat yet or none of its own.
    #[cold]
    #[inline(never)]
    fn add_shared(&self, count: Count, class: usize, number: u64) {
        if class < self.classes {
            let seat = Seat::number().min(self.owned);
            self.sets[seat * self.classes + class].0[count as usize].fetch_add(number, Ordering::Relaxed);
        }
    }

    /// Adds up a class.
    pub(crate) fn sum(&self, class: u16) -> Sums {
        let mut sums = Sums([0; COUNTS]);
        for set in self.sets.iter().skip(usize::from(class)).step_by(self.classes) {
            for (sum, count) in sums.0.iter_mut().zip(&set.0) {
                *sum = sum.wrapping_add(count.load(Ordering::Relaxed));
            }
        }
        let hits = self.hits.iter().filter_map(|hits| hits.0.get(usize::from(class)));
        sums.0[Count::Hit as usize] += hits.map(|hits| hits.load(Ordering::Relaxed)).sum::<u64>();
        sums
    }
}

pub(crate) struct Sums([u64; COUNTS]);

impl Sums {
    fn get(&self, count: Count) -> u64 {
        self.0[count as usize]
    }
}

/// A thread's place among the sets, given back when the thread ends.
struct Seat(usize);

static FREE: Mutex<Seats> = Mutex::new(Seats { next: 0, free: BTreeSet::new() });

struct Seats {
    next: usize,
    free: BTreeSet<usize>,
}

thread_local! {
    static SEAT: Seat = Seat::take();
    /// The number of the seat, once taken, or `OWNED`: the seat itself has a destructor, which makes it dearer to reach.
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    static TURN: Cell<u32> = const { Cell::new(0) };
}

impl Seat {
    fn take() -> Self {
        let mut seats = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // The first ones are the best: a cache has sets for as many threads as the machine is good for.
        if let Some(number) = seats.free.pop_first() {
            return Self(number);
        }
        let number = seats.next;
        if number < OWNED {
            seats.next += 1;
        }
        Self(number)
    }

    fn number() -> usize {
        if NUMBER.get() == usize::MAX {
            NUMBER.set(SEAT.try_with(|seat| seat.0).unwrap_or(OWNED));
        }
        NUMBER.get()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Destructors that run after this one count with the others.
        NUMBER.set(OWNED);
        if self.0 < OWNED {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).free.insert(self.0);
        }
    }
}

/// Says whether this is one in `mask + 1` (a power of two) of the calling thread's turns, at random.
#[inline]
pub(crate) fn sampled(mask: u32) -> bool {
    random() >> 16 & mask == 0
}

/// Returns the next number of the calling thread's sequence.
#[inline]
pub(crate) fn random() -> u32 {
    TURN.with(|turn| {
        let next = turn.get().wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        turn.set(next);
        next
    })
}

/// What has happened in a cache, or in one of its classes, since it was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Lookups that found something: fresh, stale or negative.
    pub hits: u64,
    /// Those of the hits that were stale.
    pub stale_hits: u64,
    /// Those of the hits that said there is no such thing.
    pub negative_hits: u64,
    /// Lookups that found nothing. A lookup that names no class misses in the default class.
    pub misses: u64,
    /// Loads that came to a result.
    pub loads: u64,
    /// Loads that failed, panicked or were given up.
    pub load_failures: u64,
    /// The time that loads took, failed ones included: by the cache's clock, so of each to a few milliseconds, and of
    /// many right on average.
    pub load_time: Duration,
    /// Callers that waited for a load that another had begun.
    pub coalesced: u64,
    /// Loads of what was still there: stale or about to be.
    pub refreshes: u64,
    /// Stale or expired values served because loading failed or took too long.
    pub stale_on_error: u64,
    /// Loaded values that weren't stored since something was invalidated meanwhile.
    pub refused: u64,
    /// Values that weren't stored since they are too heavy or already over.
    pub rejected: u64,
    /// Entries stored.
    pub inserts: u64,
    /// Entries that left, by cause.
    pub removals: Removals,
    /// Entries stored now, those past their time included until they are swept or displaced.
    pub entries: u64,
    /// Their weight.
    pub weight: u64,
    /// How many entries fit, or how much weight.
    pub capacity: u64,
}

/// Entries that left a cache, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removals {
    /// There was no room.
    pub capacity: u64,
    /// Their time was over.
    pub expired: u64,
    /// Another entry was stored under their key.
    pub replaced: u64,
    /// They were removed or invalidated.
    pub invalidated: u64,
}

impl Stats {
    /// Returns the share of lookups that found something, from 0 to 1, if there were any.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups > 0).then(|| self.hits as f64 / lookups as f64)
    }

    pub(crate) fn of(sums: &Sums) -> Self {
        let removals = Removals {
            capacity: sums.get(Count::Capacity),
            expired: sums.get(Count::Expired),
            replaced: sums.get(Count::Replaced),
            invalidated: sums.get(Count::Invalidated),
        };
        let gone = removals.capacity + removals.expired + removals.replaced + removals.invalidated;
        Self {
            hits: sums.get(Count::Hit) + sums.get(Count::StaleHit) + sums.get(Count::NegativeHit),
            stale_hits: sums.get(Count::StaleHit),
            negative_hits: sums.get(Count::NegativeHit),
            misses: sums.get(Count::Miss),
            loads: sums.get(Count::Load),
            load_failures: sums.get(Count::LoadFailure),
            load_time: duration(sums.get(Count::LoadTicks)),
            coalesced: sums.get(Count::Coalesced),
            refreshes: sums.get(Count::Refresh),
            stale_on_error: sums.get(Count::StaleOnError),
            refused: sums.get(Count::Refused),
            rejected: sums.get(Count::Rejected),
            inserts: sums.get(Count::Insert),
            removals,
            // Threads count on while they are added up, so a removal may be seen before its insertion.
            entries: sums.get(Count::Insert).saturating_sub(gone),
            weight: (sums.get(Count::Insert) + sums.get(Count::HeavyIn))
                .saturating_sub(gone + sums.get(Count::HeavyOut)),
            capacity: 0,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            hits,
            stale_hits,
            negative_hits,
            misses,
            loads,
            load_failures,
            load_time,
            coalesced,
            refreshes,
            stale_on_error,
            refused,
            rejected,
            inserts,
            removals,
            entries,
            weight,
            capacity: _,
        } = self;
        *hits += other.hits;
        *stale_hits += other.stale_hits;
        *negative_hits += other.negative_hits;
        *misses += other.misses;
        *loads += other.loads;
        *load_failures += other.load_failures;
        *load_time += other.load_time;
        *coalesced += other.coalesced;
        *refreshes += other.refreshes;
        *stale_on_error += other.stale_on_error;
        *refused += other.refused;
        *rejected += other.rejected;
        *inserts += other.inserts;
        removals.capacity += other.removals.capacity;
        removals.expired += other.removals.expired;
        removals.replaced += other.removals.replaced;
        removals.invalidated += other.removals.invalidated;
        *entries += other.entries;
        *weight += other.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_threads_than_stripes_lose_no_count() {
        let counters = Counters::new(1);
        std::thread::scope(|scope| {
            for _ in 0..OWNED * 2 {
                scope.spawn(|| (0..1000).for_each(|_| counters.add(Count::Hit, 0, 1)));
            }
        });
        assert_eq!(Stats::of(&counters.sum(0)).hits, OWNED as u64 * 2000);
    }
}

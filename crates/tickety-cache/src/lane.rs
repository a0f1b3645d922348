//! Lanes: what has to happen one after the other for a key.
//!
//! Each key belongs to one of a few lanes. Under the lane's lock it is decided who loads the key, whether
//! what was loaded may still be stored, and it is stored, removed and stamped. Readers take no lane.

use std::sync::Arc;

use equivalent::Equivalent;

use crate::clock::Tick;

/// How many lanes a cache has.
pub(crate) const LANES: usize = 32;

/// How many stamps of keys a lane keeps. Keys that share a stamp are invalidated together for loads that
/// carry a ticket; what was stored doesn't care.
const STAMPS: usize = 16;

/// How many failures a lane remembers.
const FAILURES: usize = 64;

/// Loads on their way, failures that are remembered, and stamps of keys.
///
/// In the order of its fields, so that a load touches the front of it only.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Lane<K, F, R> {
    next: u64,
    /// A load on its way, here because there is seldom more than one.
    first: Option<Running<K, F>>,
    /// Other loads on their way.
    others: Vec<Running<K, F>>,
    failed: Vec<Failed<K, R>>,
    stamps: [u64; STAMPS],
}

/// A load on its way.
#[derive(Debug)]
pub(crate) struct Running<K, F> {
    /// The sequence number at which it began.
    pub(crate) began: u64,
    /// The number of the thread that does it within its call; 0 if none does.
    pub(crate) leader: u64,
    /// Where those wait who came after the first; made when the second comes.
    pub(crate) flight: Option<Arc<F>>,
    pub(crate) id: u64,
    hash: u64,
    key: K,
    /// Whether something newer is known: then it is not joined, and what it brings is not stored.
    detached: bool,
}

#[derive(Debug)]
struct Failed<K, R> {
    hash: u64,
    key: K,
    reason: R,
    until: Tick,
}

/// How a load ended.
#[derive(Debug)]
pub(crate) struct Ended<F> {
    /// Whether it was still the load of its key: only then may its result be stored.
    pub(crate) current: bool,
    /// Where others wait for it.
    pub(crate) flight: Option<Arc<F>>,
}

impl<K, F, R> Default for Lane<K, F, R> {
    fn default() -> Self {
        Self { first: None, others: Vec::new(), failed: Vec::new(), stamps: [0; STAMPS], next: 0 }
    }
}

/// Returns the lane of a hash. The engine takes its shards from other bits.
pub(crate) fn lane_of(hash: u64) -> usize {
    (hash >> 8) as usize % LANES
}

impl<K, F, R> Lane<K, F, R> {
    fn all(&mut self) -> impl Iterator<Item = &mut Running<K, F>> {
        self.first.iter_mut().chain(&mut self.others)
    }

    /// Returns the load of a key that is on its way.
    pub(crate) fn running<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<&mut Running<K, F>> {
        self.all().find(|running| !running.detached && running.hash == hash && key.equivalent(&running.key))
    }

    /// Returns the failure of a key that is remembered.
    pub(crate) fn failure<Q: Equivalent<K> + ?Sized>(
        &mut self,
        hash: u64,
        key: &Q,
        now: impl Fn() -> Tick,
    ) -> Option<&R> {
        if self.failed.is_empty() {
            return None;
        }
        let now = now();
        self.failed.retain(|failed| failed.until > now);
        let failed = self.failed.iter().find(|failed| failed.hash == hash && key.equivalent(&failed.key));
        failed.map(|failed| &failed.reason)
    }

    /// Begins a load and returns its number.
    pub(crate) fn begin(&mut self, hash: u64, key: K, began: u64, leader: u64, flight: Option<Arc<F>>) -> u64 {
        self.next += 1;
        let id = self.next;
        let running = Running { began, leader, flight, id, hash, key, detached: false };
        if self.first.is_none() {
            self.first = Some(running);
        } else {
            self.others.push(running);
        }
        id
    }

    /// Ends a load.
    pub(crate) fn end(&mut self, id: u64) -> Ended<F> {
        let ended = match self.first.take_if(|first| first.id == id) {
            None => {
                let position = self.others.iter().position(|running| running.id == id);
                position.map(|position| self.others.swap_remove(position))
            }
            first => first,
        };
        ended.map_or(Ended { current: false, flight: None }, |running| Ended {
            current: !running.detached,
            flight: running.flight,
        })
    }

    /// Remembers a failure.
    pub(crate) fn fail(&mut self, hash: u64, key: K, reason: R, until: Tick) {
        if self.failed.len() >= FAILURES {
            self.failed.swap_remove(0);
        }
        self.failed.push(Failed { hash, key, reason, until });
    }

    /// Stamps a key: no load of it that is on its way will be stored, nor joined.
    pub(crate) fn stamp<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q, stamp: u64) {
        self.stamps[stamp_of(hash)] = stamp;
        if let Some(running) = self.running(hash, key) {
            running.detached = true;
        }
        if !self.failed.is_empty() {
            self.failed.retain(|failed| failed.hash != hash || !key.equivalent(&failed.key));
        }
    }

    /// Whether nothing is on its way or remembered that a key might be concerned by.
    pub(crate) fn is_idle(&self) -> bool {
        self.first.is_none() && self.others.is_empty() && self.failed.is_empty()
    }

    /// Forgets the loads of the keys that are chosen.
    pub(crate) fn detach(&mut self, mut chosen: impl FnMut(&K) -> bool) {
        for running in self.all() {
            running.detached = running.detached || chosen(&running.key);
        }
        self.failed.retain(|failed| !chosen(&failed.key));
    }

    /// Returns the newest stamp that a key may have.
    pub(crate) fn stamp_of(&self, hash: u64) -> u64 {
        self.stamps[stamp_of(hash)]
    }
}

fn stamp_of(hash: u64) -> usize {
    (hash >> 16) as usize % STAMPS
}

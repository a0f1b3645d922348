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
#[derive(Debug)]
pub(crate) struct Lane<K, F> {
    running: Vec<Running<K, F>>,
    failed: Vec<(Running<K, F>, Tick)>,
    stamps: [u64; STAMPS],
}

#[derive(Debug)]
struct Running<K, F> {
    hash: u64,
    key: K,
    flight: Arc<F>,
}

impl<K, F> Running<K, F> {
    fn is<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> bool {
        self.hash == hash && key.equivalent(&self.key)
    }
}

impl<K, F> Default for Lane<K, F> {
    fn default() -> Self {
        Self { running: Vec::new(), failed: Vec::new(), stamps: [0; STAMPS] }
    }
}

/// Returns the lane of a hash. The engine takes its shards from other bits.
pub(crate) fn lane_of(hash: u64) -> usize {
    (hash >> 8) as usize % LANES
}

impl<K, F> Lane<K, F> {
    /// Returns the load of a key that is on its way.
    pub(crate) fn flight<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<&Arc<F>> {
        self.running.iter().find(|running| running.is(hash, key)).map(|running| &running.flight)
    }

    /// Returns the failure of a key that is remembered.
    pub(crate) fn failure<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q, now: Tick) -> Option<&Arc<F>> {
        if self.failed.is_empty() {
            return None;
        }
        self.failed.retain(|(_, until)| *until > now);
        self.failed.iter().find(|(failed, _)| failed.is(hash, key)).map(|(failed, _)| &failed.flight)
    }

    /// Begins a load.
    pub(crate) fn begin(&mut self, hash: u64, key: K, flight: Arc<F>) {
        self.running.push(Running { hash, key, flight });
    }

    /// Ends a load and says whether it was still the one for its key: only then may its result be stored.
    pub(crate) fn end(&mut self, flight: &Arc<F>) -> bool {
        let position = self.running.iter().position(|running| Arc::ptr_eq(&running.flight, flight));
        position.map(|position| self.running.swap_remove(position)).is_some()
    }

    /// Remembers a failure.
    pub(crate) fn fail(&mut self, hash: u64, key: K, flight: Arc<F>, until: Tick) {
        if self.failed.len() >= FAILURES {
            self.failed.swap_remove(0);
        }
        self.failed.push((Running { hash, key, flight }, until));
    }

    /// Stamps a key: no load of it that is on its way will be stored, nor joined.
    pub(crate) fn stamp<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q, stamp: u64) {
        self.stamps[stamp_of(hash)] = stamp;
        self.running.retain(|running| !running.is(hash, key));
        self.failed.retain(|(failed, _)| !failed.is(hash, key));
    }

    /// Forgets the loads of the keys that are chosen.
    pub(crate) fn detach(&mut self, mut chosen: impl FnMut(&K) -> bool) {
        self.running.retain(|running| !chosen(&running.key));
        self.failed.retain(|(failed, _)| !chosen(&failed.key));
    }

    /// Returns the newest stamp that a key may have.
    pub(crate) fn stamp_of(&self, hash: u64) -> u64 {
        self.stamps[stamp_of(hash)]
    }
}

fn stamp_of(hash: u64) -> usize {
    (hash >> 16) as usize % STAMPS
}

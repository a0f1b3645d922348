//! A cache with a clock that stands still, and an ear for what leaves it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tickety_cache::{Builder, Cache, Cause, ManualClock};

/// A key, a value, and why they left.
pub(crate) type Left = (String, Option<u32>, Cause);

/// A cache under test.
pub(crate) struct World {
    pub(crate) cache: Cache<String, u32>,
    clock: Arc<ManualClock>,
    left: Arc<Mutex<Vec<Left>>>,
}

impl World {
    /// Builds a cache of ten entries.
    pub(crate) fn new(build: impl FnOnce(Builder<String, u32>) -> Builder<String, u32>) -> Self {
        Self::of(Cache::builder(10), build)
    }

    /// Builds a cache.
    pub(crate) fn of(
        builder: Builder<String, u32>,
        build: impl FnOnce(Builder<String, u32>) -> Builder<String, u32>,
    ) -> Self {
        let clock = Arc::new(ManualClock::new());
        let left = Arc::new(Mutex::new(Vec::new()));
        let ear = left.clone();
        let listen = move |removed: tickety_cache::Removed<String, u32>| {
            ear.lock().unwrap().push((removed.key, removed.value, removed.cause));
        };
        let cache = build(builder.clock(clock.clone()).hit_sampling(1).listener(listen)).build();
        Self { cache, clock, left }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Returns what has left since the last time.
    pub(crate) fn left(&self) -> Vec<Left> {
        std::mem::take(&mut *self.left.lock().unwrap())
    }

    /// Returns the time that the clock shows.
    pub(crate) fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

//! The time that layers measure by.

use std::time::{Duration, Instant};

use tickety_cache::Clock;

/// The machine's monotonic clock, to the nanosecond.
#[derive(Debug)]
pub(super) struct Monotonic(Instant);

impl Monotonic {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

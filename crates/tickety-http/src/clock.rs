//! Time: what freshness is judged by, and waiting before a request is tried again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A wait.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
///
/// The default is the machine's clock and tokio's timer. Tests take a [`ManualClock`].
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the time of day.
    fn now(&self) -> SystemTime;

    /// Waits.
    fn wait(&self, time: Duration) -> Wait;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others are given")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&self, time: Duration) -> Wait {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A clock that stands still until it is told otherwise. Whoever waits moves it forward and waits no longer.
///
/// ```
/// use std::time::Duration;
/// use tickety_http::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), before + Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    /// Nanoseconds since the start.
    passed: Arc<AtomicU64>,
}

/// Sunday, 1 March 2026, 12:00:00 UTC: where manual clocks start.
const START: Duration = Duration::from_secs(1_772_366_400);

impl ManualClock {
    /// Makes a clock that shows noon (UTC) of the 1st of March 2026.
    #[must_use]
    pub fn new() -> Self {
        Self { passed: Arc::default() }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.passed.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Returns how far it has been moved.
    #[must_use]
    pub fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + START + self.passed()
    }

    fn wait(&self, time: Duration) -> Wait {
        self.advance(time);
        Box::pin(std::future::ready(()))
    }
}

/// A clock as the cache sees it.
pub(crate) struct CacheClock(pub(crate) Arc<dyn Clock>);

impl tickety_cache::Clock for CacheClock {
    fn elapsed(&self) -> Duration {
        since_epoch(self.0.now())
    }
}

/// Returns the time since the Unix epoch, none if it was before.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

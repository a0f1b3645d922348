//! Time as entries see it: coarse, and settable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of time.
///
/// The default reads the machine's monotonic clock at a resolution of a few milliseconds. Tests take
/// a [`ManualClock`].
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since some fixed moment. It never goes back.
    fn elapsed(&self) -> Duration;
}

/// A clock that stands still until it is told otherwise.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tickety_cache::{Cache, ManualClock};
///
/// let clock = Arc::new(ManualClock::new());
/// let cache = Cache::<u32, &str>::builder(10).ttl(Duration::from_secs(60)).clock(clock.clone()).build();
/// cache.insert(1, "one");
/// clock.advance(Duration::from_secs(59));
/// assert!(cache.contains(&1));
/// clock.advance(Duration::from_secs(1));
/// assert!(!cache.contains(&1));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    nanoseconds: AtomicU64,
}

impl ManualClock {
    /// Makes a clock that shows zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.nanoseconds.fetch_add(nanoseconds(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::SeqCst))
    }
}

/// The clock of a cache.
#[derive(Clone)]
pub(crate) enum Time {
    /// The machine's, counted from some moment before.
    Machine(machine::Origin),
    /// One that was given.
    Given(Arc<dyn Clock>),
}

impl Time {
    pub(crate) fn machine() -> Self {
        Self::Machine(machine::Origin::now())
    }

    /// Returns the time in ticks.
    #[inline]
    pub(crate) fn now(&self) -> Tick {
        match self {
            Self::Machine(origin) => Tick(origin.nanoseconds() >> TICK_BITS),
            Self::Given(clock) => Tick(nanoseconds(clock.elapsed()) >> TICK_BITS),
        }
    }
}

/// A tick is 2^20 ns, a little more than a millisecond: a shift instead of a division, on every hit.
const TICK_BITS: u32 = 20;

/// A moment, in ticks since the clock's origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// The clock's origin.
    pub(crate) const ORIGIN: Self = Self(0);

    /// Returns the ticks since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment so long ago, rounded down, or 417 days ago if that is later. It may lie before the origin: births
    /// and ages don't mind.
    pub(crate) fn before(self, by: Duration) -> Self {
        let ticks = nanoseconds(by).saturating_add((1 << TICK_BITS) - 1) >> TICK_BITS;
        Self(self.0.wrapping_sub(ticks.min(u64::from(LONGEST) << 10)))
    }

    /// Returns the moment so much later, rounded down.
    pub(crate) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(by) >> TICK_BITS))
    }
}

/// The moment an entry was made, in four bytes: units of 16 ticks (17 ms), rounded down, so that an entry is
/// never younger than it says. They begin again after 834 days, and spans are shorter than that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth(u32);

impl Birth {
    const BITS: u32 = 4;

    #[inline]
    pub(crate) fn new(tick: Tick) -> Self {
        Self((tick.0 >> Self::BITS) as u32)
    }

    #[inline]
    pub(crate) fn age(self, now: Tick) -> u64 {
        now.0.wrapping_sub(u64::from(self.0) << Self::BITS) & ((1 << (u32::BITS + Self::BITS)) - 1)
    }
}

/// A number of ticks as a duration.
pub(crate) fn duration(ticks: u64) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(1 << TICK_BITS))
}

/// A length of time in four bytes: ticks up to 26 days, above that units of 1,024 ticks (about a second), at
/// most 417 days; always rounded down, so that nothing lives longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(u32);

const COARSE: u32 = 1 << 31;

/// Half of the time after which births begin again.
const LONGEST: u32 = 1 << 25;

impl Span {
    /// Longer than any clock shows.
    pub(crate) const NEVER: Self = Self(u32::MAX);

    pub(crate) fn new(time: Duration) -> Self {
        // A tick is 2^20 ns: whole seconds and the rest apart, so that no number is wider than it has to be.
        let whole = time.as_secs().min(u64::MAX >> 32).saturating_mul(1_000_000_000);
        Self::of_ticks(whole.saturating_add(u64::from(time.subsec_nanos())) >> TICK_BITS)
    }

    fn of_ticks(ticks: u64) -> Self {
        match u32::try_from(ticks) {
            Ok(ticks) if ticks < COARSE => Self(ticks),
            _ => Self(u32::try_from(ticks >> 10).unwrap_or(u32::MAX).min(LONGEST) | COARSE),
        }
    }

    #[inline]
    pub(crate) fn ticks(self) -> u64 {
        // Without a branch. What never ends comes out as more than any age.
        u64::from(self.0 & !COARSE) << ((self.0 >> 31) * 10)
    }

    /// Returns it without a part, in 2^32ths of it, if it ends.
    #[inline]
    pub(crate) fn shorter(self, part: u64) -> Self {
        if self == Self::NEVER || part == 0 {
            return self;
        }
        let ticks = self.ticks();
        Self::of_ticks(ticks - ((u128::from(ticks) * u128::from(part)) >> 32) as u64)
    }

    /// Returns it as a duration, if it ends.
    pub(crate) fn duration(self) -> Option<Duration> {
        (self != Self::NEVER).then(|| duration(self.ticks()))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The machine's clock at the price of a hit: 3 ns for the coarse one, 25 for the exact one. By way of libc the coarse one
/// takes 5 ns, with nix 9.
#[cfg(target_os = "linux")]
mod machine {
    use rustix::time::{ClockId, clock_gettime};

    /// The system's own: one subtraction less.
    #[derive(Clone, Copy)]
    pub(crate) struct Origin;

    impl Origin {
        pub(crate) fn now() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn nanoseconds(self) -> u64 {
            let time = clock_gettime(ClockId::MonotonicCoarse);
            (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    use std::time::Instant;

    #[derive(Clone, Copy)]
    pub(crate) struct Origin(Instant);

    impl Origin {
        pub(crate) fn now() -> Self {
            Self(Instant::now())
        }

        pub(crate) fn nanoseconds(self) -> u64 {
            super::nanoseconds(self.0.elapsed())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_never_longer_than_what_it_was_made_of() {
        for time in [0, 1, 59, 300, 86_400, 2_250_000, 2_260_000, 40_000_000, 3_000_000_000].map(Duration::from_secs) {
            let kept = Span::new(time).duration().unwrap();
            assert!(kept <= time, "{kept:?} {time:?}");
            assert!(
                kept + Duration::from_secs(2) > time || time > Duration::from_secs(36_000_000),
                "{kept:?} {time:?}"
            );
        }
        assert_ne!(Span::new(Duration::MAX), Span::NEVER);
    }
}

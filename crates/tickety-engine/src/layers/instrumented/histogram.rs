//! How long operations take, in buckets that threads count into without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each doubling is cut into so many buckets of equal width, `2^BITS`.
const BITS: u32 = 4;

/// What takes longer counts as this: `2^42` ns, 73 minutes.
const LONGEST: u64 = (1 << 42) - 1;

const BUCKETS: usize = ((42 - BITS as usize) << BITS) + (1 << BITS);

/// A histogram of durations in nanoseconds: 624 counters, 5 KB.
///
/// Up to 16 ns every value has a bucket of its own; above, a bucket is a sixteenth of the power of two below it
/// wide. What is read from it is the upper end of a bucket, so it is never below the true value and less than
/// 6.25 % above it. Mean and maximum are exact.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    longest: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0), longest: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(super) fn record(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(LONGEST).min(LONGEST);
        self.buckets[bucket_of(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
        self.longest.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    /// Returns what was counted so far.
    pub(super) fn snapshot(&self) -> Latency {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let longest = self.longest.load(Ordering::Relaxed);
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Latency::default();
        }
        let quantile = |percent: u64| {
            let rank = (count * percent).div_ceil(100);
            let mut seen = 0;
            let bucket = counts.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            Duration::from_nanos(bucket.map_or(longest, end_of).min(longest))
        };
        Latency {
            count,
            mean: Duration::from_nanos(self.sum.load(Ordering::Relaxed) / count),
            p50: quantile(50),
            p95: quantile(95),
            p99: quantile(99),
            max: Duration::from_nanos(longest),
        }
    }

    pub(super) fn reset(&self) {
        for counter in self.buckets.iter().chain([&self.sum, &self.longest]) {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// How long the operations of a kind took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    /// How many there were, failed ones included.
    pub count: u64,
    /// The mean.
    pub mean: Duration,
    /// What half of them didn't exceed; like the other quantiles less than 6.25 % too much.
    pub p50: Duration,
    /// What 95 % of them didn't exceed.
    pub p95: Duration,
    /// What 99 % of them didn't exceed.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

fn bucket_of(nanoseconds: u64) -> usize {
    let doublings = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(BITS + 1);
    ((doublings as usize) << BITS) + (nanoseconds >> doublings) as usize
}

/// Returns the greatest value of a bucket.
fn end_of(bucket: usize) -> u64 {
    let doublings = (bucket >> BITS).saturating_sub(1);
    let first = (bucket - (doublings << BITS)) as u64;
    ((first + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(next), bucket);
            assert_eq!(bucket_of(end_of(bucket)), bucket);
            next = end_of(bucket) + 1;
        }
        assert_eq!(next - 1, LONGEST);
    }

    proptest! {
        #[test]
        fn what_is_read_is_at_most_a_sixteenth_too_much(nanoseconds in 0..=LONGEST) {
            let read = end_of(bucket_of(nanoseconds));
            prop_assert!(read >= nanoseconds && (read - nanoseconds) * 16 <= nanoseconds);
        }
    }

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot(), Latency::default());
        for micros in 1..=100 {
            histogram.record(Duration::from_micros(micros));
        }
        let Latency { count, mean, p50, p95, p99, max } = histogram.snapshot();
        assert_eq!((count, mean, max), (100, Duration::from_nanos(50_500), Duration::from_micros(100)));
        for (read, exact) in [(p50, 50), (p95, 95), (p99, 99)] {
            let exact = Duration::from_micros(exact);
            assert!(exact <= read && read <= exact.mul_f64(1.0625), "{read:?} {exact:?}");
        }
        histogram.record(Duration::MAX);
        assert_eq!(histogram.snapshot().max, Duration::from_nanos(LONGEST));
        histogram.reset();
        assert_eq!(histogram.snapshot(), Latency::default());
    }

    #[test]
    fn threads_lose_no_count() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|micros| histogram.record(Duration::from_micros(micros))));
            }
        });
        assert_eq!(histogram.snapshot().count, 4000);
    }
}

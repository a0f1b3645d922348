//! How often somebody may ask: a bucket of tokens for each who asks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many are told apart. Whoever hasn't asked for the longest time begins anew, with a full bucket.
const MOST: usize = 10_000;

/// How often one may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many times at once.
    pub burst: u32,
    /// In which time as many come back.
    pub per: Duration,
}

impl Rate {
    /// As many times in a second, and ten times as many at once.
    pub fn per_second(times: u32) -> Self {
        Self { burst: times.saturating_mul(10), per: Duration::from_secs(10) }
    }

    fn refill(self, passed: Duration) -> f64 {
        f64::from(self.burst) * passed.as_secs_f64() / self.per.as_secs_f64()
    }

    /// How long it takes until there are so many.
    fn wait(self, missing: f64) -> Duration {
        Duration::from_secs_f64((missing.max(0.0) / f64::from(self.burst) * self.per.as_secs_f64()).min(86_400.0))
    }
}

/// What is left to one who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Left {
    pub(crate) rate: Rate,
    /// How many times he may ask at once; `None` where this was once too often.
    pub(crate) times: Option<u32>,
    /// When to ask again if it was too often; else, when everything is as if he hadn't asked.
    pub(crate) wait: Duration,
}

/// The buckets, and a bound on how many.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    kept: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    times: f64,
    at: Duration,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, kept: Mutex::default() }
    }

    /// Counts a request, unless it is once too often. `now` is since any moment in the past.
    pub(crate) fn take(&self, key: K, now: Duration) -> Left {
        let rate = self.rate;
        let full = f64::from(rate.burst);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&key) {
            make_room(&mut kept, rate, now);
        }
        let bucket = kept.entry(key).or_insert(Bucket { times: full, at: now });
        bucket.times = (bucket.times + rate.refill(now.saturating_sub(bucket.at))).min(full);
        bucket.at = bucket.at.max(now);
        if bucket.times < 1.0 {
            return Left { rate, times: None, wait: rate.wait(1.0 - bucket.times) };
        }
        bucket.times -= 1.0;
        Left { rate, times: Some(bucket.times as u32), wait: rate.wait(full - bucket.times) }
    }
}

/// Forgets who may ask as if he never had, and if that isn't enough, the half that hasn't asked for the longest time.
fn make_room<K: Hash + Eq>(kept: &mut HashMap<K, Bucket>, rate: Rate, now: Duration) {
    kept.retain(|_, bucket| bucket.times + rate.refill(now.saturating_sub(bucket.at)) < f64::from(rate.burst));
    if kept.len() < MOST {
        return;
    }
    let mut times: Vec<Duration> = kept.values().map(|bucket| bucket.at).collect();
    let (_, middle, _) = times.select_nth_unstable(MOST / 2);
    let middle = *middle;
    kept.retain(|_, bucket| bucket.at > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, per: Duration::from_secs(30) };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = Buckets::new(RATE);
        let times: Vec<_> = (0..4).map(|_| buckets.take("a", at(0)).times).collect();
        assert_eq!(times, [Some(2), Some(1), Some(0), None]);
        assert_eq!(buckets.take("a", at(4)).wait, at(6));
        assert_eq!(buckets.take("b", at(4)).times, Some(2));
        assert_eq!(buckets.take("a", at(10)).times, Some(0));
        assert_eq!(buckets.take("a", at(11)).times, None);
        assert_eq!(buckets.take("a", at(1_000)).times, Some(2));
    }

    #[test]
    fn the_table_is_bounded_and_who_asks_most_is_not_forgotten() {
        let buckets = Buckets::new(RATE);
        for second in 0..100_000 {
            // Somebody asks all the time among a hundred thousand that ask once, within a moment.
            let now = Duration::from_micros(second);
            let left = buckets.take(0, now).times;
            assert_eq!(left.is_some(), second < 3, "{second}");
            buckets.take(second + 1, now);
            assert!(buckets.kept.lock().unwrap().len() <= MOST);
        }
    }
}

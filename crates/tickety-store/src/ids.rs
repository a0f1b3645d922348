//! Where new ids come from.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// A source of UUIDs of version 7.
#[derive(Debug)]
pub struct IdSource(Source);

#[derive(Debug)]
enum Source {
    Random,
    Seeded(AtomicU64),
}

impl IdSource {
    /// Takes randomness from the operating system.
    pub fn random() -> Self {
        Self(Source::Random)
    }

    /// Makes the same ids for the same seed and times, for tests and samples.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(AtomicU64::new(seed)))
    }

    /// Makes an id whose time is `now`.
    pub fn next(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0; 10];
        match &self.0 {
            Source::Random => bytes.copy_from_slice(&Uuid::new_v4().as_bytes()[6..]),
            Source::Seeded(state) => {
                let (high, low) = (splitmix(state), splitmix(state));
                bytes[..8].copy_from_slice(&high.to_be_bytes());
                bytes[8..].copy_from_slice(&low.to_be_bytes()[..2]);
            }
        }
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn splitmix(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_seven_and_differ() {
        for source in [IdSource::random(), IdSource::seeded(1)] {
            let now = Timestamp::from_second(1_790_000_000).unwrap();
            let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| source.next(now)).collect();
            assert_eq!(ids.len(), 1000);
            assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.as_u128() >> 80 == 1_790_000_000_000));
        }
    }

    #[test]
    fn a_seed_makes_the_same_ids_again() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(IdSource::seeded(7).next(now), IdSource::seeded(7).next(now));
    }
}

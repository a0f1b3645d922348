//! What the cache promises.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[cfg(all(feature = "macros", feature = "async"))]
mod attribute;
mod bounds;
/// The time of the lanes that `interleavings` includes.
mod clock {
    pub(crate) type Tick = u64;
}
#[cfg(feature = "contract")]
mod contract;
mod entries;
mod interleavings;
mod invalidation;
#[cfg(feature = "keys")]
mod keys;
mod loads;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
#[cfg(feature = "serde")]
mod snapshots;
mod sync;
#[cfg(feature = "async")]
mod tasks;
#[cfg(feature = "async")]
mod tiers;
mod times;
mod world;

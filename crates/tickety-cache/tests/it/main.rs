//! What the cache promises.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bounds;
/// The time of the lanes that `interleavings` includes.
mod clock {
    pub(crate) type Tick = u64;
}
mod entries;
mod interleavings;
mod invalidation;
mod loads;
mod model;
mod sync;
#[cfg(feature = "async")]
mod tasks;
mod times;
mod world;

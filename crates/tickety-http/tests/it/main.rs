//! What the client promises, against an origin in the same process.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod coalescing;
mod disk;
mod invalidation;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
mod origin;
mod retries;
mod rfc5861;
mod rfc9111;
mod table;
mod world;

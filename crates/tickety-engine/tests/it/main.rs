//! What the engine does over a store.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod beads;
mod damaged;
mod github;
mod interchange;
mod layers;
mod merging;
mod racing;
mod real_data;
mod roundtrip;
mod tables;
mod trackers;
mod unreadable;
mod world;

//! The store in a repository, seen from outside.
#![cfg(feature = "repo")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod backup;
mod batches;
mod contract;
mod doctor;
#[cfg(feature = "effort")]
mod effort;
mod events;
mod home;
mod many;
mod merge;
mod outside;
mod racing;
mod resolve;
mod restore;
mod unreadable;
mod usage;
mod worktrees;

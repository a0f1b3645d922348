//! What the tests of Tickety share: worlds for the program under test.
//!
//! Core and cache never use this crate, and nothing of it is published.

pub mod env;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use env::{Output, TestEnv};
pub use tickety_engine::sample::{self, Sample};

//! Policy over the storage traits: what a question means by default, layers over stores, and how
//! issues come in from other trackers and go out again.
//!
//! The engine asks stores through their traits and knows no concrete one, no wire format, no
//! protocol and no command line. It reads and writes streams that it is given, never a file by
//! name, and never asks what time it is.

pub mod convert;
pub mod events;
pub mod export;
pub mod import;
pub mod layers;
pub mod questions;
pub mod requests;
pub mod sample;
pub mod writes;

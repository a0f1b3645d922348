//! Policy over the storage traits: what a question means by default, and layers over stores.
//!
//! The engine asks stores through their traits and knows no concrete one, no wire format, no
//! protocol and no command line.

pub mod questions;

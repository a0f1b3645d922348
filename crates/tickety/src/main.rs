//! The command line of Tickety.
//!
//! One file per command in [`commands`]: its doc comment is its help, then come its arguments and
//! `run`. Commands ask a storage trait and hand what they learnt to [`render`] or, as wire types, to
//! JSON. [`compose`] alone names a concrete store, [`context`] alone reads the environment, the
//! clock and the terminal.

#![expect(
    unreachable_pub,
    reason = "nothing of a binary can be reached from outside, so `pub` says what a module offers"
)]

mod args;
mod caching;
mod commands;
mod compose;
mod context;
mod editor;
mod exit;
mod form;
mod identity;
mod input;
mod issues;
mod mistakes;
mod output;
mod parents;
mod progress;
mod question;
mod remote;
mod render;
#[cfg(feature = "server")]
mod serving;
mod session;
#[cfg(feature = "server")]
mod tokens;
mod user_config;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    exit::finish(&arguments, commands::run(&arguments))
}

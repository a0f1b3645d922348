//! The caching library beside others: its own bench program prints the tables.

use anyhow::Result;

use super::{Options, machine, scratch};
use crate::program::{self, cargo};

/// Says where the figures come from, and runs the program.
pub(super) fn run(options: &Options) -> Result<()> {
    let folder = scratch("cache")?;
    println!("{}.", machine::describe(&folder));
    let mut command = cargo(&[
        "bench",
        "--quiet",
        "--locked",
        "--profile",
        "dist",
        "--package",
        "tickety-cache",
        "--bench",
        "cache",
        "--",
    ]);
    if options.quick {
        command.arg("--quick");
    }
    program::run(&mut command)
}

//! Benchmarks that are bench targets of the crates: those print the tables.

use std::process::Command;

use anyhow::Result;

use super::{Options, machine, scratch};
use crate::program::{self, cargo};

/// Measures the caching library beside others, and says where the figures come from.
pub(super) fn cache(options: &Options) -> Result<()> {
    let folder = scratch("cache")?;
    let mut command = bench("tickety-cache", "cache");
    if options.quick {
        command.arg("--quick");
    }
    program::run(&mut command)?;
    println!("\n{}.", machine::describe(&folder));
    Ok(())
}

/// Measures batches against what the disk and SQLite take for the same bytes, and says where the figures come from.
pub(super) fn batch(options: &Options) -> Result<()> {
    let folder = scratch("batch")?;
    for size in &options.sizes {
        let mut command = cargo(&["bench", "--quiet", "--locked", "--profile", "dist", "--package", "tickety-store"]);
        command.args(["--features", "effort", "--bench", "batch", "--"]);
        command.arg("--dir").arg(&folder).args(["--size", &size.to_string()]);
        if options.quick {
            command.arg("--quick");
        }
        program::run(&mut command)?;
    }
    println!("\n{}.", machine::describe(&folder));
    Ok(())
}

/// Measures the layers over a store in a repository, once a size, and says where the figures come from.
pub(super) fn storage(options: &Options) -> Result<()> {
    let folder = scratch("storage")?;
    for size in &options.sizes {
        let mut command = bench("tickety-engine", "storage");
        command.arg("--dir").arg(&folder).args(["--size", &size.to_string(), "--seed", &options.seed.to_string()]);
        if options.quick {
            command.arg("--quick");
        }
        program::run(&mut command)?;
    }
    println!("\n{}.", machine::describe(&folder));
    Ok(())
}

/// Measures the server, and says where the figures come from.
pub(super) fn http(options: &Options) -> Result<()> {
    let folder = scratch("http")?;
    let program = options.binary()?;
    let mut command = bench("tickety-server", "http");
    command.arg("--dir").arg(&folder).arg("--program").arg(program);
    if options.quick {
        command.arg("--quick");
    }
    program::run(&mut command)?;
    println!("\n{}.", machine::describe(&folder));
    Ok(())
}

/// Measures single operations of storage with Criterion, which keeps the figures and compares them with the last ones.
pub(super) fn criterion(words: &[&str]) -> Result<()> {
    program::run(bench("tickety-engine", "operations").args(words))?;
    println!("\n{}.", machine::describe(&scratch("criterion")?));
    Ok(())
}

/// Prepares a bench target of a crate, built as the distributed binary is.
fn bench(package: &str, target: &str) -> Command {
    cargo(&["bench", "--quiet", "--locked", "--profile", "dist", "--package", package, "--bench", target, "--"])
}

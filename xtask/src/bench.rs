//! Benchmarks.

use anyhow::{Result, bail};

/// Runs one of the benchmarks.
pub(crate) fn run(which: &str, _options: &[&str]) -> Result<()> {
    bail!("there is no benchmark `{which}`")
}

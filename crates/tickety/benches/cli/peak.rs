//! The most memory a command holds.
//!
//! The kernel counts a child's peak from before it becomes another program, when it still is its
//! parent. So the parent has to be small: this program, started anew for each command.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::process::Place;

/// Makes this program run the rest of its arguments and print the peak, in kilobytes.
pub(crate) const ARGUMENT: &str = "--peak-of";

/// Returns the peak of a command, in megabytes.
pub(crate) fn measure(place: &Place, program: &Path, arguments: &[String]) -> Result<f64> {
    let own = std::env::current_exe()?;
    let mut words = vec![ARGUMENT.to_owned(), program.to_str().context("the program's path is not UTF-8")?.to_owned()];
    words.extend_from_slice(arguments);
    let printed = place.read(&own, &words)?;
    let kilobytes: f64 = printed.trim().parse().with_context(|| format!("no number: {printed}"))?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Runs a command and prints its peak.
pub(crate) fn print(command: &[String]) -> Result<()> {
    let (program, arguments) = command.split_first().context("no program was given")?;
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}

//! How often a command asks the kernel to make something durable.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::process::Place;

const CALLS: &str = "fsync,fdatasync,sync,syncfs,sync_file_range,msync";

/// Runs a command under strace and counts its sync calls, those of its threads and children included.
pub(crate) fn count(place: &Place, program: &Path, arguments: &[String]) -> Result<f64> {
    let trace = place.home.join("trace");
    let mut words =
        ["-f", "-qq", "-e", "signal=none", "-e", &format!("trace={CALLS}"), "-o"].map(str::to_owned).to_vec();
    words.push(trace.to_str().context("the trace's path is not UTF-8")?.to_owned());
    words.push(program.to_str().context("the program's path is not UTF-8")?.to_owned());
    words.extend_from_slice(arguments);
    let status = place.command(Path::new("strace"), &words).status().context("could not start strace; install it")?;
    ensure!(status.success(), "{program:?} {arguments:?} under strace ended with {status}");
    let text = std::fs::read_to_string(&trace)?;
    // A call that another thread interrupts is printed as two lines.
    let calls = text.lines().filter(|line| line.contains('(') && !line.contains(" resumed>"));
    Ok(calls.count() as f64)
}

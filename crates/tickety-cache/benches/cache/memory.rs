//! How much memory entries take: measured by the system, each cache in a process of its own.

use std::process::Command;

use crate::peers::{Moka, Ours, Peer, Quick};
use crate::{Effort, head, row, verdict};

const ENTRIES: u64 = 100_000;

/// A key and a value.
const PAYLOAD: f64 = 16.0;

/// Prints the table.
pub(crate) fn print(effort: Effort) {
    let churn = effort.draws as u64;
    head(
        &format!("Memory (room for 100,000 entries of 16 bytes; churn: {churn} insertions of new keys)"),
        &["", "overhead, bytes an entry", "at most", "peak under churn, of what it took when full", "at most", ""],
    );
    for (name, ours) in [("raw quick_cache", false), ("moka", false), ("ours", true)] {
        let (empty, full, peak) = figures(name, churn);
        let overhead = (full - empty) / ENTRIES as f64 - PAYLOAD;
        let growth = (peak - empty) / (full - empty);
        let (most, times) = if ours { ("190", "1.2") } else { ("", "") };
        let reached = if ours { verdict(overhead <= 190.0 && growth <= 1.2) } else { String::new() };
        row(&[
            name.to_owned(),
            format!("{overhead:.0}"),
            most.to_owned(),
            format!("{growth:.2}"),
            times.to_owned(),
            reached,
        ]);
    }
}

fn figures(name: &str, churn: u64) -> (f64, f64, f64) {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["--memory-of", name, &churn.to_string()]).output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = printed.split_whitespace().map(|number| number.parse::<f64>().expect("it prints numbers"));
    let mut next = || numbers.next().expect("it prints three numbers");
    (next(), next(), next())
}

/// Fills a cache and prints the bytes taken before, when full, and at most under churn.
pub(crate) fn measure(name: &str, churn: &str) {
    let churn: u64 = churn.parse().expect("a number");
    let empty = status("VmRSS:");
    let peer: Box<dyn Peer> = match name {
        "raw quick_cache" => Box::new(Quick::<u64>::new(ENTRIES)),
        "moka" => Box::new(Moka::new(ENTRIES)),
        _ => Box::new(Ours::new(ENTRIES)),
    };
    // More than fit, so that every part is full.
    (0..ENTRIES + ENTRIES / 2).for_each(|key| peer.put(key));
    let full = status("VmRSS:");
    (0..churn).for_each(|key| peer.put(key + 2 * ENTRIES));
    println!("{empty} {full} {}", status("VmHWM:"));
}

fn status(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it has the line");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}

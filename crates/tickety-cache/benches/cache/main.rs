//! What the cache costs beside others: raw quick_cache, moka, and a map with a scan for the oldest entry.
//!
//! `cargo bench -p tickety-cache --bench cache -- [--quick]` prints tables. Time to live, statistics and a
//! tag on every entry are on in ours; moka has a time to live; the others have nothing of it.
#![expect(clippy::print_stdout, reason = "it prints tables")]
#![expect(clippy::disallowed_methods, reason = "memory is measured in processes of their own")]

mod memory;
mod peers;
mod workloads;
mod zipf;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peers::{Moka, Ours, Peer, Quick, Scan};
use tickety_cache::{Cache, Entry};
use zipf::Zipf;

/// How much to measure.
#[derive(Clone, Copy)]
struct Effort {
    /// How long a figure is measured.
    time: Duration,
    /// How often; the median counts.
    rounds: usize,
    /// How many keys are drawn for the hit ratio.
    draws: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--memory") {
        return memory::measure(&arguments[at + 1], &arguments[at + 2]);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let effort = if quick {
        Effort { time: Duration::from_millis(50), rounds: 1, draws: 1_000_000 }
    } else {
        Effort { time: Duration::from_millis(500), rounds: 7, draws: 20_000_000 }
    };
    hits(effort);
    read_through(effort);
    mixed(effort);
    hit_ratio(effort);
    invalidation(effort);
    memory::print(if quick { 1_000_000 } else { 10_000_000 });
}

fn head(title: &str, columns: &[&str]) {
    println!("\n{title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len()));
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

fn verdict(reached: bool) -> String {
    if reached { "reached" } else { "**missed**" }.to_owned()
}

/// Lookups of keys that are there, by one thread.
fn hits(effort: Effort) {
    head(
        "A hit (one thread, keys drawn evenly, all of them there), nanoseconds",
        &["entries", "raw quick_cache", "moka", "scan", "ours", "ours / raw", "at most", "moka / ours", "at least", ""],
    );
    for entries in [5_000, 50_000, 500_000] {
        let keys = workloads::even(entries, 1 << 20);
        let measure = |peer: &dyn Peer| {
            (0..entries).for_each(|key| peer.put(key));
            workloads::nanoseconds(effort, &keys, &|key| assert!(black_box(peer.get(key)).is_some()))
        };
        // Room for twice as many, so that the parts of the cache need not be filled evenly.
        let capacity = entries * 2;
        let raw = measure(&Quick::new(capacity));
        let moka = measure(&Moka::new(capacity));
        let scan = measure(&Scan::new(capacity));
        let ours = measure(&Ours::new(capacity));
        let reached = ours <= 1.6 * raw && moka >= 3.5 * ours;
        row(&[
            entries.to_string(),
            format!("{raw:.1}"),
            format!("{moka:.1}"),
            format!("{scan:.1}"),
            format!("{ours:.1}"),
            format!("{:.2}", ours / raw),
            "1.6".to_owned(),
            format!("{:.1}", moka / ours),
            "3.5".to_owned(),
            verdict(reached),
        ]);
    }
}

/// Two threads that look up and store what they miss.
fn read_through(effort: Effort) {
    head(
        "Read-through (two threads, Zipf(0.99) over a million keys, room for 100,000), million operations a second",
        &["raw quick_cache", "moka", "ours", "ours / raw", "at least", "ours / moka", "at least", ""],
    );
    let streams: Vec<Vec<u64>> = (1..=2).map(|seed| Zipf::new(1_000_000, 0.99).draw(seed, 1 << 21)).collect();
    let measure = |peer: &dyn Peer| workloads::throughput(effort, &streams, &|key, _| peer.read_through(key));
    let raw = measure(&Quick::new(100_000));
    let moka = measure(&Moka::new(100_000));
    let ours = measure(&Ours::new(100_000));
    row(&[
        format!("{raw:.2}"),
        format!("{moka:.2}"),
        format!("{ours:.2}"),
        format!("{:.2}", ours / raw),
        "0.65".to_owned(),
        format!("{:.1}", ours / moka),
        "4.5".to_owned(),
        verdict(ours >= 0.65 * raw && ours >= 4.5 * moka),
    ]);
}

/// Two threads, nine reads to a write.
fn mixed(effort: Effort) {
    head(
        "Nine reads to a write (two threads, Zipf(0.99) over 100,000 keys, room for 10,000), million operations a second",
        &["raw quick_cache", "moka", "scan", "ours", "ours / scan", "at least", ""],
    );
    let streams: Vec<Vec<u64>> = (1..=2).map(|seed| Zipf::new(100_000, 0.99).draw(seed, 1 << 20)).collect();
    let measure = |peer: &dyn Peer| {
        workloads::throughput(effort, &streams, &|key, turn| {
            if turn % 10 == 0 {
                peer.put(key);
            } else {
                black_box(peer.get(key));
            }
        })
    };
    let raw = measure(&Quick::new(10_000));
    let moka = measure(&Moka::new(10_000));
    let scan = measure(&Scan::new(10_000));
    let ours = measure(&Ours::new(10_000));
    row(&[
        format!("{raw:.2}"),
        format!("{moka:.2}"),
        format!("{scan:.3}"),
        format!("{ours:.2}"),
        format!("{:.0}", ours / scan),
        "20".to_owned(),
        verdict(ours >= 20.0 * scan),
    ]);
}

/// How much of a skewed stream is answered.
fn hit_ratio(effort: Effort) {
    head(
        "Hit ratio (Zipf(0.99) over a million keys, room for 100,000; at best 83.0 %), per cent",
        &["raw quick_cache", "moka", "ours", "at least", ""],
    );
    let keys = Zipf::new(1_000_000, 0.99).draw(7, effort.draws);
    let measure = |peer: &dyn Peer| {
        let (warm, counted) = keys.split_at(keys.len() / 2);
        warm.iter().for_each(|key| peer.read_through(*key));
        let mut hits = 0_u64;
        for key in counted {
            match peer.get(*key) {
                Some(_) => hits += 1,
                None => peer.put(*key),
            }
        }
        hits as f64 * 100.0 / counted.len() as f64
    };
    let ours = measure(&Ours::new(100_000));
    row(&[
        format!("{:.2}", measure(&Quick::new(100_000))),
        format!("{:.2}", measure(&Moka::new(100_000))),
        format!("{ours:.2}"),
        "80.5".to_owned(),
        verdict(ours >= 80.5),
    ]);
}

/// What it costs to invalidate a tag, by how many entries carry it.
fn invalidation(effort: Effort) {
    head("Invalidating a tag, nanoseconds", &["entries that carry it", "ours", "at most", ""]);
    for entries in [0_u64, 1_000, 1_000_000] {
        let cache: Cache<u64, u64> = Cache::builder(1_000_000).build();
        let tag: Arc<str> = "tag".into();
        (0..entries).for_each(|key| cache.insert_with(key, Entry::new(key).tag(tag.clone())));
        let mut turns = 0_u32;
        let begin = Instant::now();
        while begin.elapsed() < effort.time {
            (0..100).for_each(|_| cache.invalidate_tag("tag"));
            turns += 100;
        }
        let nanoseconds = begin.elapsed().as_nanos() as f64 / f64::from(turns);
        row(&[entries.to_string(), format!("{nanoseconds:.0}"), "1,000".to_owned(), verdict(nanoseconds <= 1000.0)]);
    }
}

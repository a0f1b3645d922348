//! What the cache costs beside others: raw quick_cache, moka, and a map with a scan for the oldest entry.
//!
//! `cargo bench -p tickety-cache --bench cache -- [--quick] [--only PART]` prints tables. Time to live, statistics and a
//! tag on every entry are on in ours; moka has a time to live; the others have nothing of it. With `--loop WHAT PEER ROOM`
//! it does one thing a million times, for a profiler.
#![expect(clippy::print_stdout, reason = "it prints tables")]
#![expect(clippy::disallowed_methods, reason = "memory is measured in processes of their own")]

mod memory;
mod peers;
mod workloads;
mod zipf;

use std::hint::black_box;
use std::time::{Duration, Instant};

use peers::{Large, Moka, Ours, Peer, Quick, Scan};
use tickety_cache::{Cache, Entry};
use workloads::Operation;
use zipf::Zipf;

/// How much to measure.
#[derive(Clone, Copy)]
struct Effort {
    /// How long a turn is.
    turn: Duration,
    /// How many turns there are for a figure.
    turns: usize,
    /// How many keys are drawn for the hit ratio.
    draws: usize,
}

/// A part of the program, and the table it prints.
type Part = (&'static str, fn(Effort));

const PARTS: [Part; 6] = [
    ("hits", hits),
    ("read-through", read_through),
    ("writes", writes),
    ("ratio", hit_ratio),
    ("tags", invalidation),
    ("memory", memory::print),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--memory-of", name, churn, ..] => return memory::measure(name, churn),
        ["--loop", what, name, room, ..] => return looped(what, name, room.parse().expect("a number")),
        _ => {}
    }
    let effort = if arguments.contains(&"--quick") {
        Effort { turn: Duration::from_millis(1), turns: 5, draws: 1_000_000 }
    } else {
        Effort { turn: Duration::from_millis(4), turns: 91, draws: 10_000_000 }
    };
    let only = arguments.iter().position(|argument| *argument == "--only").map(|at| arguments[at + 1]);
    for (name, part) in PARTS {
        if only.is_none_or(|only| only == name) {
            part(effort);
        }
    }
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
        "A hit (one thread, keys drawn evenly from those that are there, caches that have long been full), nanoseconds",
        &[
            "room",
            "raw quick_cache",
            "raw, entries as large as ours",
            "moka",
            "scan",
            "ours",
            "ours / raw",
            "at most",
            "moka / ours",
            "at least",
            "",
        ],
    );
    for room in [1_000, 5_000, 50_000, 500_000] {
        let (raw, large) = (Quick::<u64>::new(room), Quick::<Large>::new(room));
        let (moka, ours) = (Moka::new(room), Ours::new(room));
        let peers: [&dyn Peer; 4] = [&raw, &large, &moka, &ours];
        let [of_raw, of_large, of_moka, of_ours] = peers.map(|peer| settle(peer, room));
        // It is given more room than it needs: filling it by searching it would take hours.
        let scan = Scan::new(room * 2);
        of_ours[0].iter().for_each(|key| scan.put(*key));
        let [raw, large, moka, scan, ours] = workloads::rates(
            effort,
            [
                (lookups(&raw), &of_raw),
                (lookups(&large), &of_large),
                (lookups(&moka), &of_moka),
                (lookups(&scan), &of_ours),
                (lookups(&ours), &of_ours),
            ],
        )
        .map(|rate| 1e3 / rate);
        row(&[
            room.to_string(),
            format!("{raw:.1}"),
            format!("{large:.1}"),
            format!("{moka:.1}"),
            format!("{scan:.1}"),
            format!("{ours:.1}"),
            format!("{:.2}", ours / raw),
            "1.6".to_owned(),
            format!("{:.1}", moka / ours),
            "3.5".to_owned(),
            verdict(ours <= 1.6 * raw && moka >= 3.5 * ours),
        ]);
    }
}

/// Lets a cache evict and remember for a while, then asks it for a little less than fits until it has most of that. Returns
/// keys drawn evenly from those that are in it.
fn settle(peer: &dyn Peer, room: u64) -> [Vec<u64>; 1] {
    let wanted = 2 * room..2 * room + room * 9 / 10;
    (0..2 * room).for_each(|key| peer.put(key));
    (0..6).for_each(|_| wanted.clone().for_each(|key| peer.read_through(key)));
    let there: Vec<u64> = (0..wanted.end).filter(|key| peer.get(*key).is_some()).collect();
    [workloads::even(&there, 1 << 20)]
}

/// Looks up, and expects to find.
fn lookups<P: Peer>(peer: &P) -> Operation<'_> {
    Box::new(|keys, _| keys.iter().for_each(|key| assert!(black_box(peer.get(*key)).is_some())))
}

/// Two threads that look up and store what they miss.
fn read_through(effort: Effort) {
    head(
        "Read-through (two threads, Zipf(0.99) over ten times as many keys as there is room for), million operations a second",
        &[
            "room",
            "raw quick_cache",
            "raw, entries as large as ours",
            "moka",
            "ours",
            "ours / raw",
            "at least",
            "ours / moka",
            "at least",
            "",
        ],
    );
    for room in [10_000, 100_000] {
        let streams = streams(room * 10);
        let (raw, large) = (Quick::<u64>::new(room), Quick::<Large>::new(room));
        let (moka, ours) = (Moka::new(room), Ours::new(room));
        fill(&[&raw, &large, &moka, &ours], &streams, room);
        let operations = [through(&raw), through(&large), through(&moka), through(&ours)];
        let [raw, large, moka, ours] = workloads::rates(effort, operations.map(|operation| (operation, &streams[..])));
        row(&[
            room.to_string(),
            format!("{raw:.2}"),
            format!("{large:.2}"),
            format!("{moka:.2}"),
            format!("{ours:.2}"),
            format!("{:.2}", ours / raw),
            "0.65".to_owned(),
            format!("{:.1}", ours / moka),
            "4.5".to_owned(),
            verdict(ours >= 0.65 * raw && ours >= 4.5 * moka),
        ]);
    }
}

fn through<P: Peer>(peer: &P) -> Operation<'_> {
    Box::new(|keys, _| keys.iter().for_each(|key| peer.read_through(*key)))
}

/// Keys for two threads.
fn streams(keys: u64) -> Vec<Vec<u64>> {
    let law = Zipf::new(keys, 0.99);
    (1..=2).map(|seed| law.draw(seed, 1 << 21)).collect()
}

/// Fills caches with what they will be asked for.
fn fill(peers: &[&dyn Peer], streams: &[Vec<u64>], room: u64) {
    let count = usize::try_from(room * 6).unwrap_or(usize::MAX);
    peers.iter().for_each(|peer| streams[1].iter().rev().take(count).for_each(|key| peer.read_through(*key)));
}

/// Two threads, nine reads to a write.
fn writes(effort: Effort) {
    head(
        "Nine reads to a write (two threads, Zipf(0.99) over ten times as many keys as there is room for), million operations a second",
        &["room", "raw quick_cache", "moka", "scan", "ours", "ours / raw", "ours / scan", "at least", ""],
    );
    for room in [1_000, 10_000, 100_000] {
        let streams = streams(room * 10);
        let (raw, moka, scan, ours) = (Quick::<u64>::new(room), Moka::new(room), Scan::new(room), Ours::new(room));
        fill(&[&raw, &moka, &ours], &streams, room);
        // Filling it by searching it would take minutes.
        (0..room).for_each(|key| scan.put(key));
        let operations = [nine(&raw), nine(&moka), nine(&scan), nine(&ours)];
        let [raw, moka, scan, ours] = workloads::rates(effort, operations.map(|operation| (operation, &streams[..])));
        row(&[
            room.to_string(),
            format!("{raw:.2}"),
            format!("{moka:.2}"),
            format!("{scan:.3}"),
            format!("{ours:.2}"),
            format!("{:.2}", ours / raw),
            format!("{:.1}", ours / scan),
            "20".to_owned(),
            verdict(ours >= 20.0 * scan),
        ]);
    }
}

fn nine<P: Peer>(peer: &P) -> Operation<'_> {
    Box::new(|keys, before| {
        for (turn, key) in keys.iter().enumerate() {
            if (before + turn).is_multiple_of(10) {
                peer.put(*key);
            } else {
                black_box(peer.get(*key));
            }
        }
    })
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
        format!("{:.2}", measure(&Quick::<u64>::new(100_000))),
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
        (0..entries).for_each(|key| cache.insert_with(key, Entry::new(key).tag("tag")));
        let mut turns = 0_u32;
        let begin = Instant::now();
        while begin.elapsed() < effort.turn * 20 {
            (0..100).for_each(|_| cache.invalidate_tag("tag"));
            turns += 100;
        }
        let nanoseconds = begin.elapsed().as_nanos() as f64 / f64::from(turns);
        row(&[entries.to_string(), format!("{nanoseconds:.0}"), "1,000".to_owned(), verdict(nanoseconds <= 1000.0)]);
    }
}

/// Does one thing a million times.
fn looped(what: &str, name: &str, room: u64) {
    match name {
        "raw" => counted(what, &Quick::<u64>::new(room), room),
        "large" => counted(what, &Quick::<Large>::new(room), room),
        "moka" => counted(what, &Moka::new(room), room),
        _ => counted(what, &Ours::new(room), room),
    }
}

fn counted<P: Peer>(what: &str, peer: &P, room: u64) {
    let [there] = settle(peer, room);
    let new = || (3 * room..3 * room + (1 << 20)).collect::<Vec<_>>();
    let skewed = || Zipf::new(room * 10, 0.99).draw(1, 1 << 20);
    match what {
        "get" => profiled(lookups(peer), &there),
        "replace" => profiled(puts(peer), &there),
        "insert" => profiled(puts(peer), &new()),
        "load" => profiled(through(peer), &new()),
        "through" => profiled(through(peer), &skewed()),
        _ => profiled(nine(peer), &skewed()),
    }
}

fn puts<P: Peer>(peer: &P) -> Operation<'_> {
    Box::new(|keys, _| keys.iter().for_each(|key| peer.put(*key)))
}

/// Not inlined, so that a profiler can be told its name.
#[inline(never)]
fn profiled(operation: Operation<'_>, keys: &[u64]) {
    operation(keys, 0);
}

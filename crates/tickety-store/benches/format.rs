//! What reading, writing and editing the file of an issue costs, in nanoseconds on the CPU a file.
//!
//! Run with `cargo bench -p tickety-store --features repo --bench format`.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber};
use tickety_core::schema::Schema;
use tickety_store::repo::format::{edit_issue, parse_issue, print_issue};

/// A file of 1 KB as Tickety writes it: closed, labelled, with a note, a link and a field.
const FILE: &str = include_str!("../../../docs/format/v1/closed.md");

fn main() {
    let id: IssueId = "01a1fc01-c5a8-7c3e-9b1d-0000000a0602".parse().expect("an id");
    let key = IssueKey { number: IssueNumber::new(42).expect("a number"), suffix: id.suffix() };
    let schema = Schema::default();
    // A list in brackets is left to the reader for all of YAML, which makes the two comparable.
    let by_hand = FILE.replacen("labels:\n  - cache\n  - storage", "labels: [cache, storage]", 1);
    assert_ne!(by_hand, FILE, "the sample has the labels that are rewritten here");

    let issue = parse_issue(FILE.as_bytes(), key, &schema).expect("the sample is readable");
    let mut closed = issue.clone();
    closed.title.push('!');
    report("parse, as written", FILE.len(), || drop(black_box(parse_issue(black_box(FILE.as_bytes()), key, &schema))));
    report("parse, by hand", by_hand.len(), || {
        drop(black_box(parse_issue(black_box(by_hand.as_bytes()), key, &schema)));
    });
    report("print", FILE.len(), || drop(black_box(print_issue(black_box(&issue), &schema))));
    report("edit", FILE.len(), || drop(black_box(edit_issue(FILE.as_bytes(), black_box(&closed), &schema))));
}

/// Prints the median of several rounds.
#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn report(name: &str, bytes: usize, mut run: impl FnMut()) {
    const CALLS: u32 = 2_000;
    let mut rounds: Vec<u128> = (0..25)
        .map(|_| {
            let start = on_cpu();
            for _ in 0..CALLS {
                run();
            }
            (on_cpu() - start) / u128::from(CALLS)
        })
        .collect();
    rounds.sort_unstable();
    println!("{name:<20} {:>8} ns  ({bytes} bytes)", rounds[rounds.len() / 2]);
}

/// Returns the nanoseconds this thread has run, which other work on the machine doesn't prolong;
/// those that have passed where the system doesn't tell.
fn on_cpu() -> u128 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|line| line.split(' ').next()?.parse().ok());
    told.unwrap_or_else(|| START.elapsed().as_nanos())
}

//! Nothing is staler than promised: random writes through layers, by another store on the same directory and by edits
//! of files, beside reads through every layer, each compared with a store that keeps nothing.
//!
//! The usual form is short. `TICKETY_DIFFERENTIAL_STEPS` says how many steps to take, each of some twenty operations, and
//! `TICKETY_DIFFERENTIAL_SEED` which. The long form is a million operations in memory, or over files with `over_files` in
//! the place of `over_memory`; with `--nocapture` it says how many they were.
//!
//! ```text
//! TICKETY_DIFFERENTIAL_STEPS=50000 cargo test -p tickety-engine --test it over_memory_no_answer
//! ```

#![expect(clippy::disallowed_methods, reason = "how long the test takes is said by the environment")]

mod questions;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::ident::{IssueId, IssueKey};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage};
use tickety_store::{FreshnessMode, IssueStorage, MemoryStore};

use self::questions::Question;
use self::writes::{any_batch, edit_outside};
use super::home::Home;

/// Up to which number issues are made. Few, so that writes meet what is kept.
const ISSUES: u32 = 24;

fn steps(usual: u64) -> u64 {
    std::env::var("TICKETY_DIFFERENTIAL_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(usual)
}

fn seed() -> u64 {
    std::env::var("TICKETY_DIFFERENTIAL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7)
}

/// Returns the issues there are, by both names.
fn names(store: &dyn IssueStorage, moment: &Moment) -> Vec<(IssueKey, IssueId)> {
    let query = Query::parse("is:any limit:1000", &Schema::default()).unwrap();
    block_on(store.list(&query, moment)).unwrap().issues.iter().map(|issue| (issue.key, issue.id)).collect()
}

/// A stack of layers, and how many seconds an answer may lag behind.
struct Stack {
    name: &'static str,
    top: Arc<dyn IssueStorage>,
    lag: Duration,
}

fn stacks(base: &dyn Fn() -> Arc<dyn IssueStorage>, clock: &Arc<ManualClock>) -> Vec<Stack> {
    let cached = |inner: Arc<dyn IssueStorage>, seconds: u64, entries: u64| -> Arc<dyn IssueStorage> {
        let settings = CacheSettings { check_every: Duration::from_secs(seconds), ..CacheSettings::default() }
            .max_entries(entries);
        Arc::new(CachedIssueStorage::with_clock(inner, settings, clock.clone()))
    };
    let counted =
        |inner: Arc<dyn IssueStorage>| -> Arc<dyn IssueStorage> { Arc::new(InstrumentedIssueStorage::new(inner)) };
    let stack = |name, top, seconds| Stack { name, top, lag: Duration::from_secs(seconds) };
    vec![
        stack("looks every time", cached(base(), 0, 10_000), 0),
        stack("looks now and then", cached(base(), 2, 10_000), 2),
        stack("has little room", counted(cached(base(), 0, 10)), 0),
        stack("two caches", cached(counted(cached(counted(base()), 1, 10_000)), 1, 10_000), 2),
    ]
}

/// Asks random questions of every stack and of a store that keeps nothing, while all of them write and `outside`
/// changes the issues otherwise. Returns how many operations it were.
fn run(
    steps: u64,
    stacks: &[Stack],
    clock: &ManualClock,
    bare: &dyn Fn() -> Arc<dyn IssueStorage>,
    outside: &dyn Fn(&mut Rng, Timestamp),
) -> u64 {
    let mut rng = Rng::with_seed(seed());
    let mut now: Timestamp = "2026-06-10T12:00:00Z".parse().unwrap();
    let reference = bare();
    let mut writers: Vec<Arc<dyn IssueStorage>> = stacks.iter().map(|stack| stack.top.clone()).collect();
    writers.push(bare());
    let (mut lagged, mut operations) = (0_u64, 0_u64);
    for step in 0..steps {
        let moment = Moment { now, zone: TimeZone::UTC, me: None };
        let known = names(&*reference, &moment);
        match rng.u32(..10) {
            0..5 => {
                let writer = &writers[rng.usize(..writers.len())];
                operations += 1;
                if let Ok(outcome) = block_on(writer.apply(any_batch(&mut rng, &known, now))) {
                    operations += outcome.outcomes.len() as u64;
                    for outcome in outcome.outcomes {
                        let seen = block_on(writer.get(outcome.key.into())).ok().map(|stored| stored.version);
                        assert_eq!(seen, outcome.version, "step {step}: {} was just written", outcome.key);
                    }
                }
            }
            5 => outside(&mut rng, now),
            6 => clock.advance(Duration::from_secs(1)),
            7 if rng.u32(..20) == 0 => now = now.saturating_add(SignedDuration::from_hours(24)).unwrap(),
            _ => {}
        }
        let known = names(&*reference, &moment);
        for _ in 0..4 {
            let question = Question::random(&mut rng, &moment, &known, &*reference);
            let expected = question.ask(&*reference);
            operations += 1 + stacks.len() as u64;
            for Stack { name, top, lag } in stacks {
                let mut seen = question.ask(&**top);
                if seen != expected && !lag.is_zero() {
                    lagged += 1;
                    clock.advance(*lag);
                    seen = question.ask(&**top);
                }
                assert_eq!(seen, expected, "step {step}: {name}: {question:?}");
            }
        }
    }
    assert!(lagged > 0, "something was kept");
    operations
}

#[test]
fn over_memory_no_answer_is_staler_than_promised() {
    let store: Arc<dyn IssueStorage> = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new());
    let base = || store.clone();
    println!("{} operations", run(steps(1_500), &stacks(&base, &clock), &clock, &base, &|_, _| {}));
}

fn run_over_files(freshness: FreshnessMode) -> u64 {
    let home = Home::new();
    let clock = Arc::new(ManualClock::new());
    let base = || -> Arc<dyn IssueStorage> { Arc::new(home.open(Some(freshness))) };
    run(steps(200), &stacks(&base, &clock), &clock, &base, &|rng, now| edit_outside(rng, &home, now))
}

#[test]
fn over_files_no_answer_is_staler_than_promised() {
    println!("{} operations", run_over_files(FreshnessMode::Verify));
}

/// Nobody looks at files, so nobody edits them here: the writes are those of the layers and of another process.
#[test]
fn over_a_trusted_index_no_answer_is_staler_than_promised() {
    let home = Home::new();
    let clock = Arc::new(ManualClock::new());
    let base = || -> Arc<dyn IssueStorage> { Arc::new(home.open(Some(FreshnessMode::Trust))) };
    println!("{} operations", run(steps(200), &stacks(&base, &clock), &clock, &base, &|_, _| {}));
}

#[test]
fn over_directories_no_answer_is_staler_than_promised() {
    println!("{} operations", run_over_files(FreshnessMode::Shards));
}

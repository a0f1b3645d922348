//! Threads beside each other on one stack of layers, and another process on the same issues: what one of them has seen
//! or written, nobody sees older afterwards.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jiff::tz::TimeZone;
use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::operation::{Change, Draft, Operation};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage};
use tickety_store::{Batch, FreshnessMode, IssueStorage, MemoryStore};

use super::home::Home;

const SECOND: Duration = Duration::from_secs(1);

/// How many threads write through the layers, and then one as another process. Each has issues of its own.
const WRITERS: usize = 3;

const READERS: usize = 3;

/// How many issues a writer has.
const OWN: usize = 2;

const ISSUES: usize = (WRITERS + 1) * OWN;

fn moment() -> Moment {
    Moment { now: "2026-06-01T12:00:00Z".parse().unwrap(), zone: TimeZone::UTC, me: None }
}

fn number(place: usize) -> IssueSelector {
    IssueNumber::new(u32::try_from(place + 1).unwrap()).unwrap().into()
}

fn apply(store: &dyn IssueStorage, operations: Vec<Operation>) {
    block_on(store.apply(Batch::new(operations, None, moment().now))).unwrap();
}

fn rename(store: &dyn IssueStorage, place: usize, title: u32) {
    let change = Change::Title(title.to_string());
    apply(store, vec![Operation::Update { target: number(place).into(), expected: None, changes: vec![change] }]);
}

/// What everybody has to see by now: the least that the title of each issue counts.
#[derive(Default)]
struct Floor([AtomicU32; ISSUES]);

impl Floor {
    fn now(&self) -> [u32; ISSUES] {
        array::from_fn(|place| self.0[place].load(Ordering::SeqCst))
    }

    fn raise(&self, place: usize, title: u32) {
        self.0[place].fetch_max(title, Ordering::SeqCst);
    }
}

/// Reads an issue or all of them, and returns what their titles count.
fn read(store: &dyn IssueStorage, rng: &mut Rng) -> Vec<(usize, u32)> {
    let place = rng.usize(..ISSUES);
    if rng.bool() {
        let title = block_on(store.get(number(place))).unwrap().issue.title;
        return vec![(place, title.parse().unwrap())];
    }
    let query = ["is:open", "is:any sort:updated-desc", "is:ready limit:100"][rng.usize(..3)];
    let query = Query::parse(query, &Schema::default()).unwrap();
    let issues = block_on(store.list(&query, &moment())).unwrap().issues;
    assert_eq!(issues.len(), ISSUES);
    issues.iter().map(|issue| (issue.key.number.get() as usize - 1, issue.title.parse().unwrap())).collect()
}

fn run(writes: u32, base: &dyn Fn() -> Arc<dyn IssueStorage>) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(SECOND);
    let other = base();
    let drafts = (0..ISSUES).map(|_| Operation::Create(Box::new(Draft::new("0")))).collect();
    apply(&*other, drafts);
    let cached = CachedIssueStorage::with_clock(base(), CacheSettings::default(), clock.clone());
    let layers: Arc<dyn IssueStorage> = Arc::new(InstrumentedIssueStorage::new(Arc::new(cached)));
    let floor = Floor::default();
    let writing = AtomicUsize::new(WRITERS + 1);
    thread::scope(|scope| {
        for writer in 0..=WRITERS {
            let (layers, other, floor, clock, writing) = (&*layers, &*other, &floor, &*clock, &writing);
            scope.spawn(move || {
                for title in 1..=writes {
                    let place = writer * OWN + title as usize % OWN;
                    if writer < WRITERS {
                        rename(layers, place, title);
                    } else {
                        rename(other, place, title);
                        clock.advance(SECOND);
                    }
                    floor.raise(place, title);
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for reader in 0..READERS {
            let (layers, floor, writing) = (&*layers, &floor, &writing);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(reader as u64);
                while writing.load(Ordering::SeqCst) > 0 {
                    let least = floor.now();
                    for (place, title) in read(layers, &mut rng) {
                        assert!(title >= least[place], "{place}: {title} after {}", least[place]);
                        floor.raise(place, title);
                    }
                }
            });
        }
    });
    clock.advance(SECOND);
    let last = floor.now();
    for seed in 0..20 {
        let [seen, expected] = [&layers, &other].map(|store| read(&**store, &mut Rng::with_seed(seed)));
        assert_eq!(seen, expected);
        assert!(seen.iter().all(|(place, title)| *title == last[*place]));
    }
}

#[test]
fn over_memory_nobody_sees_older_than_another() {
    let store: Arc<dyn IssueStorage> = Arc::new(MemoryStore::default());
    run(1_000, &|| store.clone());
}

#[test]
fn over_files_nobody_sees_older_than_another() {
    let home = Home::new();
    run(40, &|| Arc::new(home.open(Some(FreshnessMode::Verify))));
}

#[test]
fn over_directories_nobody_sees_older_than_another() {
    let home = Home::new();
    run(40, &|| Arc::new(home.open(Some(FreshnessMode::Shards))));
}

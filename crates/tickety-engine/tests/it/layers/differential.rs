//! Nothing is staler than promised: random writes through layers, by another store on the same directory and by edits
//! of files, beside reads through every layer, each compared with a store that keeps nothing.
//!
//! `TICKETY_DIFFERENTIAL_STEPS` says how many steps to take; the usual is short. `TICKETY_DIFFERENTIAL_SEED` says which.

#![expect(clippy::disallowed_methods, reason = "how long the test takes is said by the environment")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::graph::{Graph, Relation};
use tickety_core::ident::{IssueKey, IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage};
use tickety_store::repo::RepoStore;
use tickety_store::{
    Batch, FreshnessMode, GraphScope, IssueStorage, IssueSummary, MemoryStore, Stats, StorageError, StoredIssue,
};

use super::home::Home;

/// How many issues there are at the most. Few, so that writes meet what is kept.
const ISSUES: u32 = 24;

const QUERIES: [&str; 16] = [
    "is:open",
    "is:open limit:3",
    "is:ready sort:priority-desc,due-asc,number-asc limit:4",
    "is:blocked",
    "is:closed sort:closed-desc",
    "is:any sort:updated-desc limit:5",
    "label:x",
    "-label:x is:open sort:title limit:3",
    "assignee:me",
    "alpha",
    "alpha sort:relevance limit:3",
    "-comment:alpha is:open",
    "priority:>=high is:any",
    "has:blocked-by OR has:parent",
    "is:overdue",
    "created:>7d is:any",
];

/// What was answered. Only what an answer says of the issues counts, not how it was checked.
#[derive(Clone, PartialEq, Debug)]
enum Seen {
    Issue(Box<Result<StoredIssue, String>>),
    Page(Vec<IssueSummary>, Option<String>, u32),
    Count(u64),
    Stats(Stats),
    Graph(Graph),
    Failed(String),
}

/// A question.
#[derive(Clone, Debug)]
enum Question {
    Get(IssueSelector),
    List(Query, Moment),
    Count(Query, Moment),
    Stats(Query, Moment),
    Graph(GraphScope),
}

impl Question {
    fn random(rng: &mut Rng, moment: &Moment, keys: &[IssueKey]) -> Self {
        let query = Query::parse(QUERIES[rng.usize(..QUERIES.len())], &Schema::default()).unwrap();
        let me = ["ann", "bo"][rng.usize(..2)];
        let moment = Moment { me: Some(me.to_owned()), ..moment.clone() };
        match rng.u32(..10) {
            0..4 => Self::Get(any_selector(rng, keys)),
            4..7 => Self::List(query, moment),
            7 => Self::Count(query, moment),
            8 => Self::Stats(query, moment),
            _ => {
                let roots = if rng.bool() { keys.get(rng.usize(..keys.len().max(1))).copied() } else { None };
                Self::Graph(GraphScope {
                    roots: roots.into_iter().collect(),
                    follow: [Relation::BlockedBy, Relation::Blocks].into(),
                    closed: rng.bool(),
                    depth: rng.bool().then_some(1),
                })
            }
        }
    }

    fn ask(&self, store: &dyn IssueStorage) -> Seen {
        let failed = |error: StorageError| Seen::Failed(error.to_string());
        match self {
            Self::Get(selector) => {
                Seen::Issue(Box::new(block_on(store.get(*selector)).map_err(|error| error.to_string())))
            }
            Self::List(query, moment) => block_on(store.list(query, moment)).map_or_else(failed, |page| {
                Seen::Page(page.issues, page.next.map(|next| next.to_string()), page.problems)
            }),
            Self::Count(query, moment) => block_on(store.count(query, moment)).map_or_else(failed, Seen::Count),
            Self::Stats(query, moment) => {
                block_on(store.stats(query, moment)).map_or_else(failed, |stats| Seen::Stats(stats.value))
            }
            Self::Graph(scope) => block_on(store.graph(scope)).map_or_else(failed, |graph| Seen::Graph(graph.value)),
        }
    }
}

fn any_selector(rng: &mut Rng, keys: &[IssueKey]) -> IssueSelector {
    match keys.get(rng.usize(..keys.len().max(1))) {
        Some(key) if rng.bool() => (*key).into(),
        Some(key) if rng.u32(..10) > 0 => key.number.into(),
        _ => IssueNumber::new(rng.u32(1..=ISSUES)).unwrap().into(),
    }
}

fn any_change(rng: &mut Rng, keys: &[IssueKey]) -> Change {
    let word = ["alpha", "beta alpha", "gamma"][rng.usize(..3)].to_owned();
    let kind = [LinkKind::BlockedBy, LinkKind::Parent, LinkKind::Relates][rng.usize(..3)];
    let other = Target::from(any_selector(rng, keys));
    match rng.u32(..14) {
        0 => Change::Title(word),
        1 => Change::Body(word),
        2..4 => Change::Close { reason: CloseReason::Completed, note: None },
        4 => Change::Reopen,
        5 => Change::Priority(Priority::ALL[rng.usize(..5)]),
        6 => Change::AddLabel("x".to_owned()),
        7 => Change::RemoveLabel("x".to_owned()),
        8 => Change::AddAssignee(["ann", "bo"][rng.usize(..2)].to_owned()),
        9 => Change::Due(rng.bool().then(|| jiff::civil::date(2026, 6, rng.i8(1..28)))),
        10 => Change::AddComment(DraftComment::new(word)),
        11 => Change::RemoveLink { kind, target: other },
        _ => Change::AddLink { kind, target: other },
    }
}

fn any_batch(rng: &mut Rng, keys: &[IssueKey], now: Timestamp) -> Batch {
    let operation = |rng: &mut Rng| match rng.u32(..12) {
        0..3 if keys.len() < ISSUES as usize => Operation::Create(Box::new(Draft::new("alpha new"))),
        0 => Operation::Delete { target: any_selector(rng, keys).into(), expected: None },
        _ => Operation::Update {
            target: any_selector(rng, keys).into(),
            expected: None,
            changes: vec![any_change(rng, keys)],
        },
    };
    let count = if rng.u32(..8) == 0 { rng.usize(2..5) } else { 1 };
    Batch { operations: (0..count).map(|_| operation(rng)).collect(), actor: Some("ann".to_owned()), now }
}

/// Edits, damages, mends or removes a file, as an editor or git would.
fn edit_outside(rng: &mut Rng, home: &Home) {
    let records = home.records();
    let Some(path) = records.get(rng.usize(..records.len().max(1))) else { return };
    let text = fs::read_to_string(path).unwrap();
    match rng.u32(..8) {
        0 => fs::remove_file(path).unwrap(),
        1 => fs::write(path, format!("title: [broken\n{text}")).unwrap(),
        2 => fs::write(path, text.replacen("title: [broken\n", "", 9)).unwrap(),
        3 => {
            // A merge brought another issue with the same number.
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let id = uuid::Uuid::from_u128(rng.u128(..) & !(0xf << 76) | (7 << 76));
            let suffix = tickety_core::ident::IssueId::new(id).suffix();
            let old = text.lines().find_map(|line| line.strip_prefix("id: "));
            let Some(old) = old else { return };
            let twin = path.with_file_name(format!("{}-{suffix}.md", &name[..6]));
            fs::write(twin, text.replace(old, &id.to_string())).unwrap();
        }
        _ => {
            let word = ["alpha", "delta"][rng.usize(..2)];
            fs::write(path, format!("{text}\n{word} {}\n", rng.u32(..))).unwrap();
        }
    }
}

fn steps(usual: u64) -> u64 {
    std::env::var("TICKETY_DIFFERENTIAL_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(usual)
}

fn seed() -> u64 {
    std::env::var("TICKETY_DIFFERENTIAL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7)
}

fn keys(store: &dyn IssueStorage, moment: &Moment) -> Vec<IssueKey> {
    let query = Query::parse("is:any limit:1000", &Schema::default()).unwrap();
    block_on(store.list(&query, moment)).unwrap().issues.iter().map(|issue| issue.key).collect()
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
/// changes the issues otherwise.
fn run(
    steps: u64,
    stacks: &[Stack],
    clock: &ManualClock,
    bare: &dyn Fn() -> Arc<dyn IssueStorage>,
    outside: &dyn Fn(&mut Rng),
) {
    let mut rng = Rng::with_seed(seed());
    let mut now: Timestamp = "2026-06-10T12:00:00Z".parse().unwrap();
    let reference = bare();
    let mut writers: Vec<Arc<dyn IssueStorage>> = stacks.iter().map(|stack| stack.top.clone()).collect();
    writers.push(bare());
    let mut lagged = 0_u64;
    for step in 0..steps {
        let moment = Moment { now, zone: TimeZone::UTC, me: None };
        let known = keys(&*reference, &moment);
        match rng.u32(..10) {
            0..5 => {
                let writer = &writers[rng.usize(..writers.len())];
                if let Ok(outcome) = block_on(writer.apply(any_batch(&mut rng, &known, now))) {
                    for outcome in outcome.outcomes {
                        let seen = block_on(writer.get(outcome.key.into())).ok().map(|stored| stored.version);
                        assert_eq!(seen, outcome.version, "step {step}: {} was just written", outcome.key);
                    }
                }
            }
            5 => outside(&mut rng),
            6 => clock.advance(Duration::from_secs(1)),
            7 if rng.u32(..20) == 0 => now = now.saturating_add(jiff::SignedDuration::from_hours(24)).unwrap(),
            _ => {}
        }
        let known = keys(&*reference, &moment);
        for _ in 0..4 {
            let question = Question::random(&mut rng, &moment, &known);
            let expected = question.ask(&*reference);
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
}

fn open(home: &Home, freshness: FreshnessMode) -> Arc<dyn IssueStorage> {
    let store: RepoStore = home.open(Some(freshness));
    Arc::new(store)
}

#[test]
fn over_memory_no_answer_is_staler_than_promised() {
    let store: Arc<dyn IssueStorage> = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new());
    let base = || store.clone();
    run(steps(1_500), &stacks(&base, &clock), &clock, &base, &|_| {});
}

#[test]
fn over_files_no_answer_is_staler_than_promised() {
    let home = Home::new();
    let clock = Arc::new(ManualClock::new());
    let base = || open(&home, FreshnessMode::Verify);
    run(steps(200), &stacks(&base, &clock), &clock, &base, &|rng| edit_outside(rng, &home));
}

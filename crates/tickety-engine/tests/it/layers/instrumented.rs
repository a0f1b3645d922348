//! The layer that counts keeps the contract, and counts.

use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, Status};
use tickety_core::operation::{Change, Draft, Operation, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{InstrumentedIssueStorage, OperationKind, OperationStats};
use tickety_store::{Batch, BatchMode, IssueStorage as _, MemoryStore};

tickety_store::contract_tests!((InstrumentedIssueStorage::new(Arc::new(MemoryStore::default())), ()));

fn number(number: u32) -> IssueSelector {
    IssueNumber::new(number).unwrap().into()
}

fn update(changes: Vec<Change>) -> Operation {
    Operation::Update { target: Target::from(number(1)), expected: None, changes }
}

#[test]
fn every_operation_is_counted_as_what_it_is() {
    let layer = InstrumentedIssueStorage::new(Arc::new(MemoryStore::default()));
    let moment = Moment { now: "2026-06-01T12:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC, me: None };
    let apply = |operations| block_on(layer.apply(Batch::new(operations, None, moment.now)));
    let list = |text: &str| {
        let query = Query::parse(text, &Schema::default()).unwrap();
        block_on(layer.list(&query, &moment)).unwrap();
        block_on(layer.count(&query, &moment)).unwrap();
    };
    let create = || Operation::Create(Box::new(Draft::new("one")));
    apply(vec![create()]).unwrap();
    apply(vec![create(), create()]).unwrap();
    apply(vec![update(vec![Change::Title("two".to_owned())])]).unwrap();
    apply(vec![update(vec![Change::Close { reason: CloseReason::Completed, note: None }])]).unwrap();
    apply(vec![update(vec![Change::Status(Status::new("open"))])]).unwrap();
    apply(vec![update(vec![Change::Status(Status::new("closed"))])]).unwrap();
    apply(vec![Operation::Delete { target: Target::from(number(3)), expected: None }]).unwrap();
    apply(vec![Operation::Delete { target: Target::from(number(3)), expected: None }]).unwrap_err();
    let submit = |operations, mode| {
        let batch = Batch::new(operations, None, moment.now);
        block_on(layer.submit(batch, mode)).unwrap().failures.len()
    };
    let half = || vec![create(), Operation::Create(Box::new(Draft::new(" ")))];
    assert_eq!(submit(half(), BatchMode::Each), 1);
    assert_eq!(submit(half(), BatchMode::Atomic), 1);
    let batch = Batch::new(half(), None, moment.now);
    assert!(block_on(layer.preview(batch, BatchMode::Atomic)).unwrap().changes.is_empty());
    block_on(layer.get(number(1))).unwrap();
    block_on(layer.get(number(3))).unwrap_err();
    assert_eq!(block_on(layer.get_many(&[number(1), number(3)])).len(), 2);
    list("is:open");
    list("label:x -word");
    let counted: Vec<(String, u64, u64)> = layer
        .snapshot()
        .into_iter()
        .map(|(kind, stats)| (kind.to_string(), stats.latency.count, stats.errors))
        .collect();
    let counted: Vec<(&str, u64, u64)> =
        counted.iter().map(|(kind, count, errors)| (kind.as_str(), *count, *errors)).collect();
    assert_eq!(
        counted,
        [
            ("create", 1, 0),
            ("read", 3, 1),
            ("update", 2, 0),
            ("close", 2, 0),
            ("delete", 2, 1),
            ("list", 2, 0),
            ("search", 2, 0),
            ("batch", 3, 1),
            ("preview", 1, 0)
        ]
    );
    layer.reset();
    assert!(layer.snapshot().values().all(|stats| *stats == OperationStats::default()));
}

#[test]
fn latencies_are_those_of_the_store_beneath() {
    /// A clock that moves on by a millisecond whenever it is looked at.
    struct Ticking(ManualClock);
    impl tickety_cache::Clock for Ticking {
        fn elapsed(&self) -> Duration {
            self.0.advance(Duration::from_millis(1));
            self.0.elapsed()
        }
    }
    let clock = Arc::new(Ticking(ManualClock::new()));
    let layer = InstrumentedIssueStorage::with_clock(Arc::new(MemoryStore::default()), clock);
    block_on(layer.get(number(1))).unwrap_err();
    let read = layer.snapshot()[&OperationKind::Read];
    assert_eq!((read.errors, read.latency.count, read.latency.max), (1, 1, Duration::from_millis(1)));
    assert_eq!(read.latency.mean, read.latency.p99);
}

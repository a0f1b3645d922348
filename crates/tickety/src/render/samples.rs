//! Issues for the tests of rendering.

use jiff::Timestamp;
use pollster::block_on;
use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, FieldValue, Kind, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_store::{Batch, IssueStorage, MemoryStore, StoredIssue};

/// Makes the key of a number.
pub fn key(number: u32) -> IssueKey {
    let number = IssueNumber::new(number).expect("not zero");
    let id: IssueId =
        format!("01a1fc34-e780-7220-a839-0000000{:05x}", to_suffix(number.get())).parse().expect("a UUID");
    IssueKey { number, suffix: id.suffix() }
}

/// Spreads the decimal digits of a number over the groups of five bits that make a suffix.
fn to_suffix(number: u32) -> u32 {
    (0..4).map(|place| (number / 10_u32.pow(place) % 10) << (5 * place)).sum()
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Makes three issues: one with everything, one that blocks it and whose texts are hostile, one
/// closed.
pub fn issues() -> Vec<StoredIssue> {
    let store = MemoryStore::default();
    let id = |number: u32| {
        Some(format!("01a1fc34-e780-7220-a839-0000000{:05x}", to_suffix(number)).parse().expect("a UUID"))
    };
    let mut full = Draft {
        id: id(1),
        body: "The index is read twice.\n\n```\n\tfn main() {}\n```".to_owned(),
        priority: Priority::High,
        kind: Some(Kind::new("bug")),
        labels: ["cache", "performance"].map(str::to_owned).into(),
        assignees: ["Ann", "Bob"].map(str::to_owned).into(),
        reporter: Some("Cleo".to_owned()),
        milestone: Some("1.0".to_owned()),
        due: Some("2026-11-30".parse().expect("a date")),
        estimate: Some("1h30m".parse().expect("a length")),
        references: ["https://example.org/1".to_owned()].into(),
        created: Some(time("2026-11-18T09:30:00Z")),
        links: vec![(LinkKind::BlockedBy, Target::Created(0)), (LinkKind::Relates, Target::Created(1))],
        ..Draft::new("The cache is slow on the first call after a rebuild of the whole index")
    };
    full.fields.insert("severity".to_owned(), FieldValue::Text("s1".to_owned()));
    let blocker = Draft {
        id: id(2),
        created: Some(time("2026-10-01T00:00:00Z")),
        ..Draft::new("Größe: 日本語の題名 user\u{202e}gnp.exe")
    };
    let closed = Draft { id: id(3), created: Some(time("2026-11-21T11:58:00Z")), ..Draft::new("Done already") };
    let create = |draft: Draft| Operation::Create(Box::new(draft));
    let apply = |operations: Vec<Operation>, now: &str| {
        let batch = Batch { operations, actor: Some("Ann".to_owned()), now: time(now) };
        block_on(store.apply(batch)).expect("the batch fits")
    };
    let outcome = apply(vec![create(blocker), create(closed), create(full)], "2026-11-20T08:00:00Z");
    let [blocker, closed, full] = &outcome.outcomes[..] else { unreachable!("three were created") };
    let comment = Change::AddComment(DraftComment::new("It is the *second* read that costs."));
    let close = Change::Close { reason: CloseReason::Cancelled, note: Some("Not worth it.".to_owned()) };
    let update = |key: IssueKey, change| Operation::Update {
        target: IssueName::from(key).into(),
        expected: None,
        changes: vec![change],
    };
    apply(vec![update(full.key, comment), update(closed.key, close)], "2026-11-21T11:00:00Z");
    let selectors: Vec<IssueSelector> = [full, blocker, closed].map(|made| made.key.into()).to_vec();
    block_on(store.get_many(&selectors)).into_iter().map(|found| found.expect("it was created")).collect()
}

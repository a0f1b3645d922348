//! Issues for the tests of rendering.

use jiff::Timestamp;
use tickety_core::graph::{LinkEnd, LinkTarget, Relation};
use tickety_core::ident::{IssueId, IssueKey, IssueNumber, Version};
use tickety_core::issue::{CloseReason, Closure, Derived, FieldValue, Issue, Kind, Priority, Status};
use tickety_core::operation::{self, ApplyContext, Draft, DraftComment, OperationError};
use tickety_core::schema::Schema;
use tickety_store::StoredIssue;

/// Makes the key of a number.
pub fn key(number: u32) -> IssueKey {
    IssueKey { number: IssueNumber::new(number).expect("not zero"), suffix: id(number).suffix() }
}

/// Makes an id whose suffix shows the decimal digits of a number: each is five bits of it.
fn id(number: u32) -> IssueId {
    let suffix: u32 = (0..4).map(|place| (number / 10_u32.pow(place) % 10) << (5 * place)).sum();
    format!("01a1fc34-e780-7220-a839-0000000{suffix:05x}").parse().expect("a UUID")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn stored(number: u32, draft: Draft, updated: &str, others: &[(Relation, &Issue)]) -> StoredIssue {
    let schema = Schema::default();
    let issue = make(number, draft);
    let links = others
        .iter()
        .map(|(relation, other)| LinkEnd {
            relation: *relation,
            name: other.key().into(),
            target: Some(LinkTarget {
                key: other.key(),
                title: other.title.clone(),
                status: other.status.clone(),
                category: schema.category(&other.status),
            }),
        })
        .collect();
    StoredIssue {
        derived: Derived { updated: time(updated), links, elsewhere: Vec::new() },
        category: schema.category(&issue.status),
        version: Version::new([number as u8; 16]),
        path: format!(".tickety/issues/000/{number:06}-{}.md", issue.id.suffix()),
        problems: Vec::new(),
        issue,
    }
}

fn make(number: u32, draft: Draft) -> Issue {
    let mut context = ApplyContext {
        schema: &Schema::default(),
        now: time("2026-11-21T11:00:00Z"),
        actor: Some("Ann"),
        new_id: &mut || id(9_999).uuid(),
        resolve: &mut |_| Err(OperationError::NotCreated { index: 0 }),
    };
    let id = id(number);
    let number = IssueNumber::new(number).expect("not zero");
    operation::create(&draft, number, id, &mut context).expect("the draft fits")
}

/// Makes three issues: one with everything, one that blocks it and has a hostile title, one closed.
pub fn issues() -> Vec<StoredIssue> {
    let mut full = Draft {
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
        comments: vec![DraftComment::new("It is the *second* read that costs.")],
        ..Draft::new("The cache is slow on the first call after a rebuild of the whole index")
    };
    full.fields.insert("severity".to_owned(), FieldValue::Text("s1".to_owned()));
    let blocker = Draft {
        created: Some(time("2026-10-01T00:00:00Z")),
        ..Draft::new("Größe: 日本語の題名 user\u{202e}gnp.exe")
    };
    let closed = Draft {
        created: Some(time("2026-11-20T00:00:00Z")),
        status: Some(Status::new("closed")),
        closure: Some(Closure {
            at: Some(time("2026-11-21T11:00:00Z")),
            reason: CloseReason::Cancelled,
            note: Some("Not worth it.".to_owned()),
        }),
        ..Draft::new("Done already")
    };
    let [one, two, three] =
        [(3, &full), (1, &blocker), (2, &closed)].map(|(number, draft)| make(number, draft.clone()));
    vec![
        stored(3, full, "2026-11-21T11:00:00Z", &[(Relation::BlockedBy, &two), (Relation::Relates, &three)]),
        stored(1, blocker, "2026-11-20T08:00:00Z", &[(Relation::Blocks, &one)]),
        stored(2, closed, "2026-11-21T11:58:00Z", &[(Relation::Relates, &one)]),
    ]
}

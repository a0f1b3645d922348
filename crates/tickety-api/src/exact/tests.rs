//! What is written comes back as it was.

use std::collections::BTreeSet;
use std::fmt::Debug;

use jiff::Timestamp;
use proptest::prelude::*;
use tickety_core::event::events_between;
use tickety_core::graph::{Graph, GraphNode};
use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{
    CloseReason, ClosedElsewhere, Closure, CommentId, Derived, FieldValue, Issue, IssueView, Kind, Link, LinkKind,
    Minutes, Priority, Status,
};
use tickety_core::operation::{Change, Draft, DraftComment, Expected, Operation, Target, diff};
use tickety_core::query::arbitrary::{records, schema};
use tickety_core::query::{Position, SortKey};
use tickety_core::schema::{Category, Decimal};
use tickety_store::storage::{
    Batch, BatchMode, BatchOutcome, BatchPreview, ChangedIssue, Checked, Effect, Freshness, FreshnessMode, Identity,
    IssueSummary, IssueText, OperationOutcome, Page, RecordProblem, Request, Stats, StoredIssue,
};
use tickety_store::{Commit, EventCursor, EventPage, EventStats, GroupId, History, LoggedEvent, Step};

use super::Exact;

/// Writes a value as JSON and reads it again.
fn there_and_back<T: Exact>(value: &T) -> T {
    let json = serde_json::to_string(&value.to_wire()).unwrap();
    T::from_wire(serde_json::from_str(&json).unwrap()).unwrap()
}

fn is_same<T: Exact + PartialEq + Debug>(value: &T) {
    assert_eq!(&there_and_back(value), value);
}

fn at() -> Timestamp {
    "2026-11-20T12:00:00.123456789Z".parse().unwrap()
}

fn problems() -> Vec<RecordProblem> {
    let path = "000/000001-abcd.md".to_owned();
    vec![
        RecordProblem { path: path.clone(), line: Some(3), message: "no \"end\"\n".to_owned() },
        RecordProblem { path, line: None, message: String::new() },
    ]
}

/// Issues with what the generator leaves out: keys that no schema declares, times to the nanosecond, links of all sorts.
fn stored() -> impl Strategy<Value = Vec<StoredIssue>> {
    (records(1..4), any::<(u128, f64, bool, Option<i64>)>()).prop_map(|(records, (bits, number, value, when))| {
        let stored = |(mut issue, mut derived): (Issue, Derived)| {
            let number = Decimal::new(number).unwrap_or_else(|| Decimal::new(0.1).unwrap());
            issue.fields.insert("x-any".to_owned(), FieldValue::Number(number));
            issue.fields.insert("beads-import".to_owned(), FieldValue::Text(format!("{{\"n\": {bits}}}\n")));
            issue.fields.insert("day".to_owned(), FieldValue::Date(jiff::civil::date(2026, 11, 30)));
            issue.fields.insert("text-day".to_owned(), FieldValue::Text("2026-11-30".to_owned()));
            issue.fields.insert("yes".to_owned(), FieldValue::Bool(value));
            issue.imported_updated = when.and_then(|when| Timestamp::from_nanosecond(when.into()).ok());
            derived.updated = at();
            let branch = value.then(|| "feat/ä".to_owned());
            derived.elsewhere = vec![ClosedElsewhere { branch, at: issue.imported_updated, by: None }];
            let category = schema().category(&issue.status);
            let version = Version::new(bits.to_be_bytes());
            StoredIssue {
                issue,
                derived,
                category,
                version,
                path: "000/000001-abcd.md".to_owned(),
                problems: problems(),
            }
        };
        records.into_iter().map(stored).collect()
    })
}

fn freshness() -> Freshness {
    Freshness { mode: FreshnessMode::Shards, checked: 7, changed: 3 }
}

proptest! {
    #[test]
    fn issues_and_what_is_made_of_them_come_back(stored in stored()) {
        let whole: Vec<Result<StoredIssue, _>> = stored.iter().cloned().map(Ok).collect();
        let read: Vec<Result<StoredIssue, tickety_store::StorageError>> = there_and_back(&whole);
        prop_assert_eq!(read.into_iter().map(Result::unwrap).collect::<Vec<_>>(), stored.clone());
        let issues: Vec<IssueSummary> = stored.iter().map(IssueSummary::of).collect();
        let view = IssueView { issue: &stored[0].issue, derived: &stored[0].derived, category: stored[0].category };
        let next = Some(Position::of(&view, &Vec::<SortKey>::new()).into_cursor());
        is_same(&Page { issues, next, problems: 2, freshness: freshness() });
        let texts: Vec<Option<IssueText>> =
            stored.iter().map(|stored| Some(stored.issue.clone().into())).chain([None]).collect();
        is_same(&texts);
        let keys: Vec<IssueKey> = stored.iter().map(|stored| stored.issue.key()).collect();
        let node = |stored: &StoredIssue| GraphNode {
            title: stored.issue.title.clone(),
            status: stored.issue.status.clone(),
            category: stored.category,
            priority: stored.issue.priority,
        };
        let links = |key: IssueKey| LinkKind::ALL.map(|kind| (key, kind));
        let graph = Graph {
            nodes: keys.iter().copied().zip(stored.iter().map(node)).collect(),
            edges: links(keys[0]).into_iter().map(|(key, kind)| (key, kind, key)).collect(),
            lost: links(keys[0]).into_iter().map(|(key, kind)| (key, kind, key.number.into())).collect(),
        };
        is_same(&Checked { value: graph, problems: 1, freshness: freshness() });
    }

    #[test]
    fn batches_and_events_come_back(stored in stored(), others in stored()) {
        let (before, after) = (&stored[0].issue, &others[0].issue);
        let key = before.key();
        let changes = [diff(before, after), diff(after, before), rare_changes(key)].concat();
        let update = |expected| Operation::Update { target: key.into(), expected, changes: changes.clone() };
        let operations = vec![
            Operation::Create(Box::new(draft(before))),
            update(Some(Expected::Base(Box::new(before.clone())))),
            update(Some(Expected::Version(stored[0].version))),
            Operation::Delete { target: IssueSelector::Id(before.id).into(), expected: Some(stored[0].version) },
            Operation::Delete { target: Target::Created(0), expected: None },
        ];
        for mode in [BatchMode::Atomic, BatchMode::Each] {
            let mut batch = Batch::new(operations.clone(), Some("Ann".to_owned()), at()).imported_from("beads");
            batch.request = Some(Request::new("a \"key\" ä", stored[0].version.to_bytes()).unwrap());
            let json = serde_json::to_string(&super::Batch::new(&batch, mode)).unwrap();
            let read: super::Batch = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.read().unwrap(), (batch, mode));
        }
        let change = ChangedIssue { key, before: Some(before.clone()), after: None };
        let preview = BatchPreview { outcome: BatchOutcome::default(), changes: vec![change] };
        prop_assert_eq!(there_and_back(&preview).changes, preview.changes);
        let events = [(Some(before), Some(after)), (None, Some(before)), (Some(before), None)];
        let events = events.into_iter().flat_map(|(before, after)| events_between(key, before, after, &schema()));
        let logged = |event| LoggedEvent {
            cursor: EventCursor { epoch: 1, sequence: u64::MAX },
            group: GroupId::new("g".to_owned()),
            time: at(),
            actor: None,
            event,
        };
        let events: Vec<LoggedEvent> = events.map(logged).collect();
        let commit = Commit {
            id: "abc".to_owned(),
            authored: at(),
            committed: at(),
            author: "Ann".to_owned(),
            email: String::new(),
            subject: "ä".to_owned(),
        };
        let step = Step {
            commit: Some(commit),
            renumbered: Some((key, after.key())),
            events: events.iter().map(|logged| logged.event.clone()).collect(),
            problems: problems(),
        };
        is_same(&EventPage { events, next: EventCursor { epoch: 0, sequence: 0 }, more: true, damaged: 4 });
        let history = History {
            key,
            id: Some(before.id),
            title: before.title.clone(),
            current: Some(Box::new(before.clone())),
            steps: vec![step, Step { commit: None, renumbered: None, events: Vec::new(), problems: Vec::new() }],
            more: true,
            is_shallow: true,
        };
        is_same(&history);
    }
}

/// A draft with everything in it.
fn draft(issue: &Issue) -> Draft {
    let comment = |comment: &tickety_core::issue::Comment| DraftComment {
        id: Some(comment.id),
        author: comment.author.clone(),
        created: Some(comment.created),
        body: comment.body.clone(),
    };
    Draft {
        number: Some(issue.number),
        id: Some(issue.id),
        title: issue.title.clone(),
        body: issue.body.clone(),
        status: Some(issue.status.clone()),
        closure: issue.closure.clone(),
        priority: issue.priority,
        kind: Some(issue.kind.clone()),
        labels: issue.labels.clone(),
        assignees: issue.assignees.clone(),
        reporter: issue.reporter.clone(),
        milestone: issue.milestone.clone(),
        due: issue.due,
        estimate: issue.estimate,
        spent: issue.spent,
        comments: issue.comments.iter().map(comment).chain([DraftComment::new("x")]).collect(),
        links: vec![(LinkKind::Parent, Target::Created(3)), (LinkKind::Relates, issue.number.into())],
        references: issue.references.clone(),
        fields: issue.fields.clone(),
        created: Some(issue.created),
        imported_updated: issue.imported_updated,
    }
}

/// Changes that no difference of two issues needs.
fn rare_changes(key: IssueKey) -> Vec<Change> {
    let id = CommentId::new(uuid::Uuid::from_u128(7));
    let closure = Closure { at: Some(at()), reason: CloseReason::Duplicate, note: Some("n".to_owned()) };
    vec![
        Change::Status(Status::new("in-progress")),
        Change::Close { reason: CloseReason::Cancelled, note: None },
        Change::Reopen,
        Change::Imported { status: Status::new("closed"), closure: Some(closure) },
        Change::Priority(Priority::Lowest),
        Change::Kind(Kind::new("bug")),
        Change::Reporter(None),
        Change::Due(None),
        Change::Estimate(Some(Minutes(90))),
        Change::Field { key: "k".to_owned(), value: None },
        Change::AddLink { kind: LinkKind::DiscoveredFrom, target: key.into() },
        Change::RemoveLink { kind: LinkKind::DuplicateOf, target: Target::Created(1) },
        Change::EditComment { id, body: "b".to_owned() },
        Change::RemoveComment(id),
        Change::Created(at()),
        Change::ImportedUpdated(None),
    ]
}

#[test]
fn counts_vocabularies_and_names_come_back() {
    is_same(&schema());
    let counts = [("a".to_owned(), 1)];
    let stats = Stats {
        total: u64::MAX,
        by_status: counts.clone().into(),
        by_category: Category::ALL.map(|category| (category, 2)).into(),
        by_kind: counts.clone().into(),
        open_by_priority: Priority::ALL.map(|priority| (priority, 3)).into(),
        open_by_label: counts.into(),
        open_by_assignee: [(String::new(), 4)].into(),
        ready: 5,
        blocked: 6,
        overdue: 7,
        comments: 8,
    };
    is_same(&Checked { value: stats, problems: 0, freshness: freshness() });
    let end = EventCursor { epoch: 2, sequence: 3 };
    let (oldest, newest) = (Some(at()), None);
    is_same(&EventStats {
        events: 1,
        groups: 2,
        oldest,
        newest,
        end,
        bytes: 3,
        damaged: 4,
        keeps_events: 5,
        keeps_days: 6,
    });
    let id = IssueId::new(uuid::Uuid::from_u128(7));
    is_same(&vec![Identity { id, reference: Some("gh:1,2".to_owned()) }, Identity { id, reference: None }]);
    let number = IssueNumber::new(u32::MAX).unwrap();
    let key = IssueKey { number, suffix: id.suffix() };
    for effect in [Effect::Created, Effect::Updated, Effect::Unchanged, Effect::Deleted] {
        is_same(&OperationOutcome { index: 1, key, id, effect, version: None, path: String::new() });
    }
    is_same(&BTreeSet::from([Link { kind: LinkKind::Relates, target: number.into() }]));
    is_same(&vec![IssueSelector::Id(id), key.into(), number.into()]);
}

#[test]
fn what_is_malformed_is_told() {
    let batch = |operation: &str, digest: &str| {
        let text = format!(
            r#"{{"operations": [{operation}], "mode": "each", "asked": {{"now": "2026-11-20T12:00:00Z"}},
                "request": {{"key": "k", "digest": "{digest}"}}}}"#
        );
        let read = serde_json::from_str::<super::Batch>(&text).map_err(|error| error.to_string());
        read.and_then(|read| read.read().map_err(|error| error.to_string())).map(drop)
    };
    let delete = |name: &str| format!(r#"{{"delete": {{"target": {{"existing": "{name}"}}}}}}"#);
    let digest = "0".repeat(32);
    assert_eq!(batch(&delete("42-k3f9"), &digest), Ok(()));
    for (operation, digest, says) in [
        (delete("x y"), digest.as_str(), "`x y` is no name or id of an issue"),
        (delete("42"), "+0", "`+0` is no digest"),
        (r#"{"destroy": {}}"#.to_owned(), &digest, "unknown variant `destroy`"),
        (r#"{"create": {"title": "x", "colour": "red"}}"#.to_owned(), &digest, "unknown field `colour`"),
    ] {
        let told = batch(&operation, digest).unwrap_err();
        assert!(told.contains(says), "{told}");
    }
}

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::ident::{IssueName, IssueNumber};
use crate::issue::{Issue, Link};
use crate::schema::{Decimal, FieldDef, FieldType, Schema};

/// A small world: a schema, a clock that stands still, and issues 1 to 3 to link to.
struct World {
    schema: Schema,
    now: Timestamp,
    next: u128,
}

impl World {
    fn new() -> Self {
        let fields = vec![
            FieldDef { key: "points".to_owned(), field_type: FieldType::Number },
            FieldDef { key: "size".to_owned(), field_type: FieldType::Choice(vec!["S".to_owned(), "L".to_owned()]) },
        ];
        let schema = Schema { fields, ..Schema::default() };
        Self { schema, now: Timestamp::from_second(1_790_000_000).unwrap(), next: 100 }
    }

    fn run<T>(&mut self, run: impl FnOnce(&mut ApplyContext<'_>) -> T) -> T {
        let Self { schema, now, next } = self;
        let mut new_id = || {
            *next += 1;
            Uuid::from_u128(*next)
        };
        let mut resolve = |target: &Target| match target {
            Target::Existing(IssueSelector::Name(name)) if name.number.get() <= 3 => Ok(key(name.number.get())),
            Target::Existing(selector) => Err(OperationError::NoTarget { selector: *selector }),
            Target::Created(index) => Err(OperationError::NotCreated { index: *index }),
        };
        run(&mut ApplyContext { schema, now: *now, actor: Some("ann"), new_id: &mut new_id, resolve: &mut resolve })
    }

    fn create(&mut self, draft: Draft) -> Result<Issue, OperationError> {
        self.run(|context| create(&draft, number(1), IssueId::new(Uuid::from_u128(1)), context))
    }

    fn apply(&mut self, issue: &Issue, changes: &[Change]) -> Result<Option<Issue>, OperationError> {
        self.run(|context| apply(issue, changes, context))
    }
}

fn number(number: u32) -> IssueNumber {
    IssueNumber::new(number).unwrap()
}

fn key(value: u32) -> IssueKey {
    let id = IssueId::new(Uuid::from_u128(u128::from(value)));
    IssueKey { number: number(value), suffix: id.suffix() }
}

fn link(kind: LinkKind, to: u32) -> Change {
    Change::AddLink { kind, target: number(to).into() }
}

#[test]
fn closing_twice_keeps_when_and_what_was_said() {
    let mut world = World::new();
    let open = world.create(Draft::new("x")).unwrap();
    let close = |reason, note: Option<&str>| Change::Close { reason, note: note.map(str::to_owned) };
    let closed = world.apply(&open, &[close(CloseReason::Completed, Some("said\n"))]).unwrap().unwrap();
    let first = closed.closure.clone().unwrap();
    assert_eq!((first.at, first.note.as_deref()), (Some(world.now), Some("said")));
    world.now = Timestamp::from_second(1_790_000_999).unwrap();
    let again = world.apply(&closed, &[close(CloseReason::Cancelled, None)]).unwrap().unwrap();
    assert_eq!(again.closure, Some(Closure { reason: CloseReason::Cancelled, ..first }));
    assert_eq!(world.apply(&again, &[close(CloseReason::Cancelled, None)]), Ok(None));
}

#[test]
fn a_status_that_counts_as_closed_closes_and_another_reopens() {
    let mut world = World::new();
    let open = world.create(Draft::new("x")).unwrap();
    let closed = world.apply(&open, &[Change::Status(Status::new("Closed"))]).unwrap().unwrap();
    assert_eq!(closed.closure.as_ref().map(|closure| closure.at), Some(Some(world.now)));
    let begun = world.apply(&closed, &[Change::Status(Status::new("in_progress"))]).unwrap().unwrap();
    assert_eq!((begun.status.as_str(), begun.closure), ("in-progress", None));
}

#[test]
fn a_link_edited_by_hand_is_replaced_by_its_full_name() {
    let mut world = World::new();
    let mut issue = world.create(Draft::new("x")).unwrap();
    issue.links.insert(Link { kind: LinkKind::BlockedBy, target: IssueName::from(number(2)) });
    let linked = world.apply(&issue, &[link(LinkKind::BlockedBy, 2)]).unwrap().unwrap();
    assert_eq!(linked.links.iter().map(|link| link.target).collect::<Vec<_>>(), [key(2).into()]);
    let removal = Change::RemoveLink { kind: LinkKind::BlockedBy, target: number(2).into() };
    assert!(world.apply(&issue, &[removal]).unwrap().unwrap().links.is_empty());
}

#[test]
fn a_link_to_an_issue_that_is_gone_is_removed() {
    let mut world = World::new();
    let mut issue = world.create(Draft::new("x")).unwrap();
    let link = |to: u32| Link { kind: LinkKind::BlockedBy, target: key(to).into() };
    issue.links.extend([link(8), link(9)]);
    let mut remove = |target: Target| world.apply(&issue, &[Change::RemoveLink { kind: LinkKind::BlockedBy, target }]);
    for name in [Target::from(key(9)), number(9).into()] {
        let left: Vec<Link> = remove(name).unwrap().unwrap().links.into_iter().collect();
        assert_eq!(left, [link(8)]);
    }
    let selector = IssueSelector::from(number(7));
    assert_eq!(remove(number(7).into()), Err(OperationError::NoTarget { selector }));
}

#[test]
fn declared_fields_read_text_and_refuse_what_does_not_fit() {
    let mut world = World::new();
    let issue = world.create(Draft::new("x")).unwrap();
    let set =
        |key: &str, value: &str| Change::Field { key: key.to_owned(), value: Some(FieldValue::Text(value.to_owned())) };
    let changed =
        world.apply(&issue, &[set("points", " 3.50 "), set("size", "s"), set("note", "free")]).unwrap().unwrap();
    let expected = BTreeMap::from([
        ("note".to_owned(), FieldValue::Text("free".to_owned())),
        ("points".to_owned(), FieldValue::Number(Decimal::new(3.5).unwrap())),
        ("size".to_owned(), FieldValue::Text("S".to_owned())),
    ]);
    assert_eq!(changed.fields, expected);
    for bad in [set("points", "many"), set("size", "XL"), set("Not a key", "x")] {
        assert!(world.apply(&issue, &[bad]).is_err());
    }
}

#[test]
fn an_edit_drops_the_imported_time_and_a_comment_keeps_it() {
    let mut world = World::new();
    let kept = Some(Timestamp::from_second(1_700_000_000).unwrap());
    let issue = world.create(Draft { imported_updated: kept, ..Draft::new("x") }).unwrap();
    let said = world.apply(&issue, &[Change::AddComment(DraftComment::new("hm"))]).unwrap().unwrap();
    assert_eq!(said.imported_updated, kept);
    let edited = world.apply(&said, &[Change::Title("y".to_owned())]).unwrap().unwrap();
    assert_eq!(edited.imported_updated, None);
}

#[test]
fn texts_are_cleaned_at_their_ends_only() {
    let mut world = World::new();
    let issue = world.create(Draft { body: "\n\r\n  code\r\n\tx\n\n".to_owned(), ..Draft::new(" t ") }).unwrap();
    assert_eq!((issue.title.as_str(), issue.body.as_str()), ("t", "  code\n\tx"));
}

#[test]
fn a_word_is_the_same_however_its_accents_are_written() {
    let mut world = World::new();
    let (one, two) = ("caf\u{e9}".to_owned(), "cafe\u{301}".to_owned());
    type Words = fn(&mut Issue) -> &mut BTreeSet<String>;
    type Edit = fn(String) -> Change;
    let words: [(Edit, Edit, Words); 3] = [
        (Change::AddLabel, Change::RemoveLabel, |issue| &mut issue.labels),
        (Change::AddAssignee, Change::RemoveAssignee, |issue| &mut issue.assignees),
        (Change::AddReference, Change::RemoveReference, |issue| &mut issue.references),
    ];
    for (add, remove, of) in words {
        let bare = world.create(Draft::new("x")).unwrap();
        let mut first = world.apply(&bare, &[add(one.clone())]).unwrap().unwrap();
        assert_eq!(world.apply(&first, &[add(two.clone())]), Ok(None));
        assert_eq!(world.apply(&first, &[remove(two.clone())]), Ok(Some(bare.clone())));
        // A file edited by hand may hold both.
        let single = first.clone();
        of(&mut first).insert(two.clone());
        assert_eq!(world.apply(&first, &[remove(one.clone())]), Ok(Some(bare)));
        let changes = diff(&first, &single);
        assert_eq!(world.apply(&first, &changes), Ok(Some(single)));
    }
}

#[test]
fn a_closure_needs_a_closed_status() {
    let mut world = World::new();
    let closure = Some(Closure { at: None, reason: CloseReason::Completed, note: None });
    let error = world.create(Draft { closure, ..Draft::new("x") }).unwrap_err();
    assert!(matches!(error, OperationError::ClosureOfOpen { .. }), "{error}");
}

#[test]
fn applying_the_difference_leads_to_the_other_state() {
    let mut world = World::new();
    let states = [
        Draft::new("bare"),
        Draft {
            body: "text".to_owned(),
            status: Some(Status::new("closed")),
            closure: Some(Closure { at: None, reason: CloseReason::Duplicate, note: Some("of 2".to_owned()) }),
            priority: Priority::Lowest,
            kind: Some(Kind::new("bug")),
            labels: ["a".to_owned(), "b".to_owned()].into(),
            assignees: ["ann".to_owned()].into(),
            reporter: Some("bo".to_owned()),
            milestone: Some("m".to_owned()),
            due: Some(jiff::civil::date(2026, 1, 2)),
            estimate: Some(Minutes(5)),
            spent: Some(Minutes(6)),
            comments: vec![DraftComment::new("one"), DraftComment::new("two")],
            links: vec![(LinkKind::Parent, number(2).into()), (LinkKind::Relates, number(3).into())],
            references: ["r".to_owned()].into(),
            fields: [("points".to_owned(), FieldValue::Text("1".to_owned()))].into(),
            created: Some(Timestamp::UNIX_EPOCH),
            imported_updated: Some(Timestamp::UNIX_EPOCH),
            ..Draft::new("full")
        },
        Draft {
            labels: ["b".to_owned(), "c".to_owned()].into(),
            links: vec![(LinkKind::Parent, number(3).into())],
            imported_updated: Some(Timestamp::UNIX_EPOCH),
            ..Draft::new("other")
        },
    ]
    .map(|draft| world.create(draft).unwrap());
    for before in &states {
        for after in &states {
            let changes = diff(before, after);
            let reached = world.apply(before, &changes).unwrap();
            assert_eq!(reached.as_ref().unwrap_or(before), after);
            assert_eq!(changes.is_empty(), before == after);
        }
    }
}

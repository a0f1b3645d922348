use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::super::arbitrary::{derive, schema};
use super::*;
use crate::ident::{IssueId, IssueNumber};
use crate::issue::{
    CloseReason, Closure, Comment, CommentId, Derived, Kind, Link, LinkKind, Minutes, Priority, Status,
};
use crate::schema::Schema;

fn issue(number: u32, title: &str) -> Issue {
    Issue {
        number: IssueNumber::new(number).unwrap(),
        id: IssueId::new(Uuid::from_u128(u128::from(number))),
        title: title.to_owned(),
        body: String::new(),
        status: Status::new("open"),
        closure: None,
        priority: Priority::Medium,
        kind: Kind::new("task"),
        labels: BTreeSet::new(),
        assignees: BTreeSet::new(),
        reporter: None,
        milestone: None,
        due: None,
        estimate: None,
        spent: None,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: [].into(),
        created: "2026-11-01T12:00:00Z".parse().unwrap(),
        imported_updated: None,
    }
}

fn comment(author: &str, created: &str, body: &str) -> Comment {
    Comment {
        id: CommentId::new(Uuid::nil()),
        author: Some(author.to_owned()),
        created: created.parse().unwrap(),
        body: body.to_owned(),
    }
}

fn link(kind: LinkKind, target: u32) -> Link {
    Link { kind, target: IssueNumber::new(target).unwrap().into() }
}

/// 1 and 2 are open, and 2 waits for 1; 3 is in review and a part of 1; 4 is closed and was waited
/// for by 5, which also waits for an issue that doesn't exist.
fn world() -> Vec<Issue> {
    let mut cache = issue(1, "Cache the parse_file results");
    cache.body = "The index is slow.".to_owned();
    cache.labels = ["Perf".to_owned(), "cache".to_owned()].into();
    cache.priority = Priority::Critical;
    cache.kind = Kind::new("bug");
    cache.reporter = Some("Ann".to_owned());
    cache.due = Some("2026-11-20".parse().unwrap());
    cache.comments = vec![
        comment("Bob", "2026-11-20T23:30:00Z", "The parse"),
        comment("Ann", "2026-11-20T23:40:00Z", "file is large"),
    ];

    let mut second = issue(2, "Draw the graph");
    second.links = [link(LinkKind::BlockedBy, 1)].into();
    second.assignees = ["Ann".to_owned(), "bob".to_owned()].into();
    second.estimate = Some(Minutes(90));
    second.due = Some("2026-11-21".parse().unwrap());
    second.milestone = Some("v1.2".to_owned());

    let mut third = issue(3, "Größe der Datei");
    third.status = Status::new("review");
    third.links = [link(LinkKind::Parent, 1), link(LinkKind::Relates, 2)].into();
    third.priority = Priority::Low;
    third.fields = [
        ("size".to_owned(), FieldValue::Number("2.5".parse().unwrap())),
        ("team".to_owned(), FieldValue::Text("Core".to_owned())),
    ]
    .into();

    let mut fourth = issue(4, "Closed long ago");
    fourth.status = Status::new("closed");
    fourth.due = Some("2026-01-01".parse().unwrap());
    fourth.closure =
        Some(Closure { at: Some("2026-11-02T00:30:00Z".parse().unwrap()), reason: CloseReason::Cancelled, note: None });

    let mut fifth = issue(5, "検索を速くする");
    fifth.links = [link(LinkKind::BlockedBy, 4), link(LinkKind::BlockedBy, 99)].into();
    fifth.created = "2026-11-20T22:30:00Z".parse().unwrap();
    fifth.references = ["GH:12".to_owned()].into();
    vec![cache, second, third, fourth, fifth]
}

/// Checks which issues of the [`world`] fit, asked by Bob two hours east of Greenwich.
#[track_caller]
fn check(cases: &[(&str, &[u32])]) {
    let schema: Schema = schema();
    let issues = world();
    let derived: Vec<Derived> = derive(&issues, &schema);
    let moment = Moment {
        now: "2026-11-20T23:00:00Z".parse().unwrap(),
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        me: Some("BOB".to_owned()),
    };
    for (text, expected) in cases {
        let query = Query::parse(text, &schema).unwrap_or_else(|error| panic!("{}", error.render()));
        let fits = |(issue, derived): (&Issue, &Derived)| {
            query.matches(&IssueView::new(issue, derived, &schema), &moment).then(|| issue.number.get())
        };
        let found: Vec<u32> = issues.iter().zip(&derived).filter_map(fits).collect();
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn states_follow_from_status_links_and_dates() {
    check(&[
        ("", &[1, 2, 3, 4, 5]),
        ("is:any", &[1, 2, 3, 4, 5]),
        ("is:open", &[1, 2, 3, 5]),
        ("is:in-progress", &[3]),
        ("is:closed", &[4]),
        ("is:blocked", &[2]),
        ("is:ready", &[1, 5]),
        ("is:elsewhere", &[]),
        ("is:overdue", &[1]),
        ("status:review,closed", &[3, 4]),
        ("status:in-progress", &[]),
        ("reason:cancelled", &[4]),
        ("-()", &[]),
    ]);
}

#[test]
fn conditions_combine() {
    check(&[
        ("is:open -kind:bug", &[2, 3, 5]),
        ("kind:bug OR is:closed", &[1, 4]),
        ("is:ready (kind:bug OR ref:gh:12)", &[1, 5]),
        ("-(is:open kind:task)", &[1, 4]),
        ("kind:bug is:closed OR is:blocked", &[2]),
    ]);
}

#[test]
fn names_are_compared_without_case_and_me_is_who_asks() {
    check(&[
        ("label:perf", &[1]),
        ("label:CACHE,none", &[1]),
        ("assignee:me", &[2]),
        ("assignee:ann", &[2]),
        ("author:ann", &[1]),
        ("commenter:me", &[1]),
        ("milestone:V1.2", &[2]),
        ("-label:perf", &[2, 3, 4, 5]),
    ]);
}

#[test]
fn presence_is_having_a_value() {
    check(&[
        ("has:label", &[1]),
        ("no:assignee is:open", &[1, 3, 5]),
        ("has:body", &[1]),
        ("has:comment", &[1]),
        ("has:blocked-by", &[2, 5]),
        ("has:blocks", &[1, 4]),
        ("has:child", &[1]),
        ("has:link", &[1, 2, 3, 4, 5]),
        ("has:closed", &[4]),
        ("has:note", &[]),
        ("has:field.team", &[3]),
        ("has:fields", &[3]),
        ("has:version", &[1, 2, 3, 4, 5]),
    ]);
}

#[test]
fn relations_are_seen_from_both_ends() {
    check(&[
        ("blocked-by:1", &[2]),
        ("blocks:2", &[1]),
        ("blocks:2,5", &[1, 4]),
        ("blocked-by:99", &[5]),
        ("parent:1", &[3]),
        ("child:3", &[1]),
        ("relates:2", &[3]),
        ("relates:3", &[2]),
        ("blocked-by:1-0001", &[2]),
        ("blocked-by:1-0002", &[]),
        ("blocked-by:99-0003", &[]),
    ]);
}

#[test]
fn days_are_those_of_who_asks() {
    check(&[
        // The 20th ended at 22:00 in London.
        ("created:2026-11-21", &[5]),
        ("created:today", &[5]),
        ("created:2026-11-20", &[]),
        ("created:<2026-11-21", &[1, 2, 3, 4]),
        ("created:>2026-11-20", &[5]),
        ("created:>1h", &[5]),
        ("created:>30min", &[]),
        ("closed:2026-11-02", &[4]),
        ("closed:>2026-11-02T00:30:00Z", &[]),
        ("closed:>=2026-11-02T00:30:00Z", &[4]),
        ("updated:>=2026-11-20T23:40:00Z", &[1]),
        ("due:today", &[2]),
        ("due:yesterday", &[1]),
        ("due:<today", &[1, 4]),
        ("due:2026-11-20..2026-11-21", &[1, 2]),
        ("due:<=+1w", &[1, 2, 4]),
    ]);
}

#[test]
fn counts_and_priorities_have_ranges() {
    check(&[
        ("#2", &[2]),
        ("number:2..4", &[2, 3, 4]),
        ("comments:>0", &[1]),
        ("comments:0 is:open", &[2, 3, 5]),
        ("estimate:>1h", &[2]),
        ("estimate:<=90", &[2]),
        ("spent:>=0m", &[]),
        ("priority:>medium", &[1]),
        ("priority:>=medium", &[1, 2, 4, 5]),
        ("priority:<medium", &[3]),
        ("priority:low..high", &[2, 3, 4, 5]),
    ]);
}

#[test]
fn custom_fields_are_compared_by_type() {
    check(&[
        ("field.size:2.50", &[3]),
        ("field.size:>2", &[3]),
        ("field.size:<2.5", &[]),
        ("field.team:CORE", &[3]),
        ("field.team:a..core", &[3]),
        ("field.team:>core", &[]),
        ("-field.team:core", &[1, 2, 4, 5]),
        ("field.absent:>=a", &[]),
    ]);
}

#[test]
fn a_phrase_lies_within_one_text() {
    check(&[
        ("cache", &[1]),
        ("\"parse file\"", &[1]),
        ("title:\"parse file\"", &[1]),
        // `The parse` and `file is large` are two comments.
        ("comment:\"parse file\"", &[]),
        ("comment:parse comment:file", &[1]),
        ("\"results the index\"", &[]),
        ("body:index", &[1]),
        ("body:cache", &[]),
        ("gra*", &[2]),
        ("größ*", &[3]),
        ("検索", &[5]),
        ("索", &[5]),
        ("-cache", &[2, 3, 4, 5]),
    ]);
}

#[test]
fn values_of_another_type_lie_in_no_range() {
    let number = FieldValue::Number("2".parse().unwrap());
    let within = CustomTest::Within(Bounds { from: Some((number, true)), to: None });
    assert!(!within.matches(&FieldValue::Text("3".to_owned())));
    assert!(within.matches(&FieldValue::Number("3".parse().unwrap())));
}

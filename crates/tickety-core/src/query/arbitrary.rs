//! Generators of queries and of issues for them to be asked about, for property tests.
//!
//! Issues and queries draw on the same small vocabulary, so that many queries fit some of the
//! issues and not the others. Everything is valid under [`schema`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::{self, TimeZone};
use jiff::{Span, Timestamp};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::graph::{LinkEnd, LinkTarget, Relation};
use crate::ident::{IssueId, IssueKey, IssueName, IssueNumber};
use crate::issue::{
    CloseReason, Closure, Comment, CommentId, Derived, FieldValue, Issue, IssueView, Kind, Link, LinkKind, Minutes,
    Priority, Status,
};
use crate::schema::{Category, Decimal, FieldDef, FieldType, Schema, StatusDef};
use crate::text::tokens;

const LABELS: [&str; 11] =
    ["bug", ":bug:", "Area/Cache", "good first issue", "größe", "gro\u{308}ße", "a,b", "say \"x\"", "1..2", ">1", "me"];
const PEOPLE: [&str; 5] = ["ann", "Bob Ray", "me", "Zoë", "Zoe\u{308}"];
const MILESTONES: [&str; 3] = ["v1.2", "Next", "back\\log"];
const REFERENCES: [&str; 3] = ["gh:12", "https://example.org/i/7", "beads:bd-a1"];
const WORDS: [&str; 10] =
    ["cache", "Caching", "index", "parse_file", "v1.2", "größe", "Gro\u{308}ße", "検索", "slow", "the"];
const SEPARATORS: [&str; 5] = [" ", ", ", "-", "\n\n", " (the) "];
const TEXTS: [&str; 4] = ["Core", "web ui", "x", "10"];
const CHOICES: [&str; 3] = ["S1", "S2", "S3"];

/// The vocabulary everything here is valid under: besides the defaults a second status of each
/// category, a kind, and a custom field of each type (`size`, `released`, `flaky`, `severity`; `team` is not declared).
pub fn schema() -> Schema {
    let mut schema = Schema::default();
    for (name, category) in
        [("triage", Category::Open), ("review", Category::InProgress), ("shipped", Category::Closed)]
    {
        schema.statuses.push(StatusDef { name: Status::new(name), category });
    }
    schema.kinds.push(Kind::new("spike"));
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    schema.fields = vec![
        field("size", FieldType::Number),
        field("released", FieldType::Date),
        field("flaky", FieldType::Bool),
        field("severity", FieldType::Choice(CHOICES.map(str::to_owned).into())),
    ];
    schema
}

/// When, where and by whom a query is asked: always the same time, in several zones.
pub fn moments() -> impl Strategy<Value = Moment> {
    let zones = (-12_i8..=14).prop_map(|hours| TimeZone::fixed(tz::offset(hours)));
    (zones, option::of(select(&PEOPLE[..2]))).prop_map(|(zone, me)| Moment {
        now: now(),
        zone,
        me: me.map(str::to_owned),
    })
}

/// The time it is in [`moments`]; the issues' times lie around it.
pub fn now() -> Timestamp {
    Timestamp::new(1_795_264_496, 0).expect("a time within the calendar")
}

/// Queries as parsing returns them, without a cursor.
pub fn queries() -> impl Strategy<Value = Query> {
    loose_queries().prop_map(|query| {
        let mut query = query.canonical();
        if !query.filter.asks_for_text() {
            query.sort.retain(|key| key.by != SortBy::Relevance);
        }
        query.canonical()
    })
}

/// Queries as programs build them: with empty and repeated parts, values in any case and ranges
/// that have no spelling of their own.
pub fn loose_queries() -> impl Strategy<Value = Query> {
    let sort = vec((select(&SortBy::ALL[..]), any::<bool>()), 0..4);
    let sort = sort.prop_map(|keys| keys.into_iter().map(|(by, descending)| SortKey { by, descending }).collect());
    (conditions(), sort, option::weighted(0.3, 1_u32..20), vec(field_names(), 0..3))
        .prop_map(|(filter, sort, limit, fields)| Query { filter, sort, limit, after: None, fields })
}

/// Conditions as in [`loose_queries`].
pub fn conditions() -> impl Strategy<Value = Expr> {
    terms().prop_map(Expr::Term).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Expr::All),
            3 => vec(inner.clone(), 0..4).prop_map(Expr::Any),
            2 => inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

/// Single conditions as in [`loose_queries`].
pub fn terms() -> impl Strategy<Value = Term> {
    let schema = schema();
    let statuses: Vec<Status> = schema.statuses.into_iter().map(|def| def.name).collect();
    prop_oneof![
        2 => select(&Is::ALL[..]).prop_map(Term::Is),
        1 => field_names().prop_map(Term::Has),
        3 => (select(&TextScope::ALL[..]), text_matches()).prop_map(|(scope, wanted)| Term::Text(scope, wanted)),
        1 => vec(select(statuses), 0..3).prop_map(Term::Status),
        1 => vec(select(schema.kinds), 0..3).prop_map(Term::Kind),
        1 => vec(select(&CloseReason::ALL[..]), 0..3).prop_map(Term::Reason),
        1 => bounds(select(&Priority::ALL[..])).prop_map(Term::Priority),
        3 => named(),
        2 => counted(),
        2 => (select(&TimeField::ALL[..]), time_bounds()).prop_map(|(field, bounds)| Term::Time(field, bounds)),
        2 => (select(&Relation::ALL[..]), vec(issue_names(), 0..3)).prop_map(|(relation, names)| Term::Related(relation, names)),
        1 => vec((1_u32..20).prop_map(issue_id), 0..3).prop_map(Term::Id),
        2 => custom_terms(),
    ]
}

fn text_matches() -> impl Strategy<Value = TextMatch> {
    let tokens = |words: Vec<&str>| -> Vec<String> {
        words.into_iter().flat_map(tokens).map(|token| token.text.into_owned()).collect()
    };
    let phrases = vec(select(&WORDS[..]), 1..3).prop_map(tokens);
    let prefixes = (select(tokens(WORDS.to_vec())), 1_usize..5);
    prop_oneof![
        phrases.prop_map(TextMatch::Phrase),
        prefixes.prop_map(|(token, length)| TextMatch::Prefix(token.chars().take(length).collect())),
    ]
}

fn named() -> impl Strategy<Value = Term> {
    let values = |field: NameField| -> &'static [&'static str] {
        match field {
            NameField::Label => &LABELS,
            NameField::Milestone => &MILESTONES,
            NameField::Reference => &REFERENCES,
            NameField::Assignee | NameField::Reporter | NameField::Commenter => &PEOPLE,
        }
    };
    select(&NameField::ALL[..]).prop_flat_map(move |field| {
        let value = (select(values(field)), any::<bool>());
        let value = value.prop_map(|(value, upper)| if upper { value.to_uppercase() } else { value.to_owned() });
        vec(value, 0..3).prop_map(move |values| Term::Name(field, values))
    })
}

fn counted() -> impl Strategy<Value = Term> {
    select(&Count::ALL[..]).prop_flat_map(|count| {
        let value = match count {
            Count::Number => 1_u32..25,
            Count::Comments => 0..4,
            Count::Estimate | Count::Spent => 0..200,
        };
        bounds(value).prop_map(move |bounds| Term::Count(count, bounds))
    })
}

fn custom_terms() -> impl Strategy<Value = Term> {
    let (date_key, date) = ("released", dates());
    let is = |key: &'static str, value: BoxedStrategy<FieldValue>| {
        vec(value, 0..3)
            .prop_map(move |values| {
                Term::Custom(key.to_owned(), CustomTest::Is(values.iter().map(ToString::to_string).collect()))
            })
            .boxed()
    };
    let within = |key: &'static str, value: BoxedStrategy<FieldValue>| {
        bounds(value).prop_map(move |bounds| Term::Custom(key.to_owned(), CustomTest::Within(bounds))).boxed()
    };
    let text =
        |texts: &'static [&'static str]| select(texts).prop_map(|text| FieldValue::Text(fold_name(text))).boxed();
    let date = date.prop_map(FieldValue::Date).boxed();
    prop_oneof![
        is("size", decimals().boxed()),
        within("size", decimals().boxed()),
        is(date_key, date.clone()),
        within(date_key, date),
        time_bounds().prop_map(|bounds| Term::Custom(date_key.to_owned(), CustomTest::dates(bounds))),
        is("flaky", any::<bool>().prop_map(FieldValue::Bool).boxed()),
        is("severity", text(&CHOICES)),
        within("severity", text(&CHOICES)),
        is("team", text(&TEXTS)),
        within("team", text(&TEXTS)),
    ]
}

fn decimals() -> impl Strategy<Value = FieldValue> {
    (-8_i32..8).prop_map(|eighths| FieldValue::Number(Decimal::new(f64::from(eighths) / 8.0).expect("finite")))
}

/// Ranges whose ends are in order, where their type has one.
fn bounds<T: Ord + Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Bounds<T>> {
    let end = (value, any::<bool>());
    prop_oneof![
        1 => (option::of(end.clone()), option::of(end.clone())).prop_map(|(from, to)| match (from, to) {
            (Some(from), Some(to)) if from.0 > to.0 => Bounds { from: Some(to), to: Some(from) },
            (from, to) => Bounds { from, to },
        }),
        1 => end.prop_map(|(value, _)| Bounds { from: Some((value.clone(), true)), to: Some((value, true)) }),
    ]
}

fn time_bounds() -> impl Strategy<Value = Bounds<TimeSpec>> {
    let end = (time_specs(), any::<bool>());
    (option::of(end.clone()), option::of(end)).prop_map(|(from, to)| match (from, to) {
        (Some(from), Some(to)) if from.0.is_surely_after(to.0) => Bounds { from: Some(to), to: Some(from) },
        (from, to) => Bounds { from, to },
    })
}

fn time_specs() -> impl Strategy<Value = TimeSpec> + Clone {
    let units = select(&TimeUnit::ALL[..]);
    prop_oneof![
        dates().prop_map(TimeSpec::Day),
        times().prop_map(TimeSpec::Instant),
        (-3_i32..4).prop_map(TimeSpec::Today),
        (-3_i32..4, units.clone()).prop_map(|(amount, unit)| TimeSpec::Offset(amount, unit)),
        (any::<i32>(), units).prop_map(|(amount, unit)| TimeSpec::Offset(amount, unit)),
    ]
}

fn field_names() -> impl Strategy<Value = FieldName> {
    let custom = ["size", "team"].map(|key| FieldName::Custom(key.to_owned()));
    select(FieldName::all().chain(custom).collect::<Vec<_>>())
}

fn issue_names() -> impl Strategy<Value = IssueName> {
    (1_u32..20, any::<bool>()).prop_map(|(number, with_suffix)| {
        let number_part = number_of(number);
        IssueName { number: number_part, suffix: with_suffix.then(|| issue_id(number).suffix()) }
    })
}

/// Issues with distinct numbers and ids and with links among them, without cycles. Some links name
/// an issue that doesn't exist.
pub fn issues(count: Range<usize>) -> impl Strategy<Value = Vec<Issue>> {
    vec(drafts(), count).prop_map(|drafts| {
        let place = |(index, draft): (usize, Draft)| draft.finish(u32::try_from(index).expect("few issues") + 1);
        drafts.into_iter().enumerate().map(place).collect()
    })
}

/// Issues with what is derived for them, as [`derive()`] does.
pub fn records(count: Range<usize>) -> impl Strategy<Value = Vec<(Issue, Derived)>> {
    issues(count).prop_map(|issues| {
        let derived = derive(&issues, &schema());
        issues.into_iter().zip(derived).collect()
    })
}

/// Looks at [`records`] under [`schema`].
pub fn views<'a>(records: &'a [(Issue, Derived)], schema: &Schema) -> Vec<IssueView<'a>> {
    records.iter().map(|(issue, derived)| IssueView::new(issue, derived, schema)).collect()
}

/// Derives both ends of every link, and takes the last time a record tells of as that of its last change.
pub fn derive(issues: &[Issue], schema: &Schema) -> Vec<Derived> {
    let target = |issue: &Issue| LinkTarget {
        key: issue.key(),
        title: issue.title.clone(),
        status: issue.status.clone(),
        category: schema.category(&issue.status),
    };
    let mut ends: BTreeMap<IssueKey, Vec<LinkEnd>> = BTreeMap::new();
    for issue in issues {
        for link in &issue.links {
            let named: Vec<&Issue> = issues.iter().filter(|other| link.target.names(other.key())).collect();
            let other = if let [other] = named.as_slice() { Some(*other) } else { None };
            ends.entry(issue.key()).or_default().push(LinkEnd {
                relation: Relation::stored(link.kind),
                name: other.map_or(link.target, |other| other.key().into()),
                target: other.map(target),
            });
            if let Some(other) = other {
                ends.entry(other.key()).or_default().push(LinkEnd {
                    relation: Relation::derived(link.kind),
                    name: issue.key().into(),
                    target: Some(target(issue)),
                });
            }
        }
    }
    let sorted = |issue: &Issue| {
        let mut links = ends.remove(&issue.key()).unwrap_or_default();
        links.sort_by_key(|end| (end.relation, end.name));
        links.dedup();
        Derived { updated: issue.last_recorded(), links, elsewhere: Vec::new() }
    };
    issues.iter().map(sorted).collect()
}

/// An issue before it has its number and its links.
#[derive(Clone, Debug)]
struct Draft {
    issue: Issue,
    links: Vec<(LinkKind, u32, bool)>,
}

impl Draft {
    fn finish(self, number: u32) -> Issue {
        let Self { mut issue, links } = self;
        issue.number = number_of(number);
        issue.id = issue_id(number);
        for (kind, distance, with_suffix) in links {
            // Only to issues before this one, or far beyond the last: no cycles.
            let target = number.checked_sub(distance).filter(|target| *target > 0).unwrap_or(1_000 + distance);
            let has_parent = issue.links.iter().any(|link| link.kind == LinkKind::Parent);
            if kind == LinkKind::Parent && has_parent {
                continue;
            }
            let suffix = with_suffix.then(|| issue_id(target).suffix());
            issue.links.insert(Link { kind, target: IssueName { number: number_of(target), suffix } });
        }
        issue
    }
}

fn drafts() -> impl Strategy<Value = Draft> {
    let people = || option::of(select(&PEOPLE[..]).prop_map(str::to_owned));
    let names = |names: &'static [&'static str]| btree_set(select(names).prop_map(str::to_owned), 0..3);
    let minutes = || option::of((0_u32..200).prop_map(Minutes));
    let texts = (texts(1..4), prop_oneof![Just(String::new()), texts(1..12)], vec(comments(), 0..4));
    let state = (statuses(), select(&Priority::ALL[..]), select(schema().kinds));
    let name_sets = (names(&LABELS), names(&PEOPLE), names(&REFERENCES));
    let single = (people(), option::of(select(&MILESTONES[..])), option::of(dates()), minutes(), minutes());
    let times = (times(), option::weighted(0.2, times()));
    let links = vec((select(&LinkKind::ALL[..]), 1_u32..6, any::<bool>()), 0..4);
    (texts, state, name_sets, single, times, fields(), links).prop_map(
        |(
            (title, body, mut comments),
            ((status, closure), priority, kind),
            (labels, assignees, references),
            (reporter, milestone, due, estimate, spent),
            (created, imported_updated),
            fields,
            links,
        )| {
            for (index, comment) in comments.iter_mut().enumerate() {
                comment.id = CommentId::new(uuid(0xc0 + u32::try_from(index).expect("few comments")));
            }
            comments.sort_by_key(|comment| (comment.created, comment.id));
            let issue = Issue {
                number: IssueNumber::FIRST,
                id: issue_id(1),
                title: title.replace('\n', " "),
                body,
                status,
                closure,
                priority,
                kind,
                labels,
                assignees,
                reporter,
                milestone: milestone.map(str::to_owned),
                due,
                estimate,
                spent,
                comments,
                links: BTreeSet::new(),
                references,
                fields,
                created,
                imported_updated,
            };
            Draft { issue, links }
        },
    )
}

fn statuses() -> impl Strategy<Value = (Status, Option<Closure>)> {
    let closure = (option::weighted(0.9, times()), select(&CloseReason::ALL[..]), option::of(texts(1..4)));
    let closure = closure.prop_map(|(at, reason, note)| Closure { at, reason, note });
    (select(schema().statuses), closure)
        .prop_map(|(def, closure)| (def.name, def.category.is_closed().then_some(closure)))
}

fn comments() -> impl Strategy<Value = Comment> {
    let author = option::of(select(&PEOPLE[..]).prop_map(str::to_owned));
    (author, times(), texts(1..6)).prop_map(|(author, created, body)| Comment {
        id: CommentId::new(uuid(0)),
        author,
        created,
        body,
    })
}

fn fields() -> impl Strategy<Value = BTreeMap<String, FieldValue>> {
    let text =
        |texts: &'static [&'static str]| select(texts).prop_map(|text| FieldValue::Text(text.to_owned())).boxed();
    let values = (
        option::of(decimals()),
        option::of(dates().prop_map(FieldValue::Date)),
        option::of(any::<bool>().prop_map(FieldValue::Bool)),
        option::of(text(&CHOICES)),
        option::of(text(&TEXTS)),
    );
    values.prop_map(|(size, released, flaky, severity, team)| {
        let keyed = [("size", size), ("released", released), ("flaky", flaky), ("severity", severity), ("team", team)];
        keyed.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    })
}

/// Texts of some words, without white space at the ends.
fn texts(words: Range<usize>) -> impl Strategy<Value = String> {
    vec((select(&WORDS[..]), select(&SEPARATORS[..])), words).prop_map(|parts| {
        let mut text = String::new();
        for (index, (word, separator)) in parts.into_iter().enumerate() {
            if index > 0 {
                text.push_str(separator);
            }
            text.push_str(word);
        }
        text
    })
}

/// Days within a week of [`now`], and some further off.
fn dates() -> impl Strategy<Value = Date> + Clone {
    prop_oneof![4 => -7_i32..8, 1 => -800_i32..800].prop_map(|offset| {
        let today = now().to_zoned(TimeZone::UTC).date();
        today.saturating_add(Span::new().days(offset))
    })
}

/// Times within some days of [`now`]: full hours and their neighbours, some with parts of a second.
fn times() -> impl Strategy<Value = Timestamp> + Clone {
    let hours = prop_oneof![4 => -100_i64..100, 1 => -20_000_i64..20_000];
    (hours, -1_i64..2, select(&[0, 0, 500_000_000, 123_456_789][..])).prop_map(|(hours, seconds, nanoseconds)| {
        let hour = now().as_second().div_euclid(3600) + hours;
        Timestamp::new(hour * 3600 + seconds, nanoseconds).expect("a time within the calendar")
    })
}

fn number_of(number: u32) -> IssueNumber {
    IssueNumber::new(number).expect("numbers begin at 1")
}

fn issue_id(number: u32) -> IssueId {
    IssueId::new(uuid(number))
}

/// A UUID of version 7 whose suffix differs from those of its neighbours in every character.
fn uuid(seed: u32) -> Uuid {
    let random = u128::from(seed.wrapping_mul(0x9_e375) & 0xf_ffff);
    Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 | u128::from(seed) << 80 | random)
}

//! Canonical keys.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tickety_cache::keys::{Question, Value};

/// What a question means, for comparison.
#[derive(Clone, Debug, PartialEq)]
struct Meaning {
    namespace: String,
    operation: String,
    keywords: BTreeSet<String>,
    filters: BTreeMap<String, BTreeSet<Typed>>,
    sort: Vec<String>,
    limit: Option<u64>,
    offset: Option<Typed>,
    fields: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Typed {
    Nothing,
    Truth(bool),
    Whole(i64),
    Text(String),
    List(Vec<Typed>),
    Set(BTreeSet<Typed>),
    Bytes(Vec<u8>),
}

impl From<Typed> for Value {
    fn from(typed: Typed) -> Self {
        match typed {
            Typed::Nothing => ().into(),
            Typed::Truth(truth) => truth.into(),
            Typed::Whole(number) => number.into(),
            Typed::Text(text) => text.into(),
            Typed::List(values) => Value::list(values),
            Typed::Set(values) => Value::set(values),
            Typed::Bytes(bytes) => Value::bytes(&bytes),
        }
    }
}

/// Texts made of what separates the parts of a key.
fn text() -> impl Strategy<Value = String> {
    "[a1%:?&=,\\[\\]{}. fksnoc]{0,4}"
}

fn typed() -> impl Strategy<Value = Typed> {
    let leaf = prop_oneof![
        Just(Typed::Nothing),
        any::<bool>().prop_map(Typed::Truth),
        (-2..20_i64).prop_map(Typed::Whole),
        text().prop_map(Typed::Text),
        prop::collection::vec(0..3_u8, 0..3).prop_map(Typed::Bytes),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Typed::List),
            prop::collection::btree_set(inner, 0..3).prop_map(Typed::Set),
        ]
    })
}

fn meaning() -> impl Strategy<Value = Meaning> {
    let keyword = text().prop_map(|text| text.trim().to_lowercase());
    let keywords = prop::collection::btree_set(keyword, 0..3);
    let filters = prop::collection::btree_map(text(), prop::collection::btree_set(typed(), 1..3), 0..3);
    let sort = prop::collection::vec(text(), 0..3);
    let fields = prop::collection::btree_set(text(), 0..3);
    (text(), text(), keywords, filters, sort, prop::option::of(0..20_u64), prop::option::of(typed()), fields).prop_map(
        |(namespace, operation, mut keywords, filters, sort, limit, offset, fields)| {
            keywords.remove("");
            Meaning { namespace, operation, keywords, filters, sort, limit, offset, fields }
        },
    )
}

fn question(meaning: &Meaning, backwards: bool) -> Question {
    let mut question = Question::new(&meaning.namespace, &meaning.operation);
    let mut keywords: Vec<String> = meaning.keywords.iter().cloned().collect();
    let mut filters: Vec<(String, Typed)> = Vec::new();
    for (name, values) in &meaning.filters {
        filters.extend(values.iter().map(|value| (name.clone(), value.clone())));
    }
    let mut fields: Vec<&String> = meaning.fields.iter().collect();
    if backwards {
        keywords.reverse();
        filters.reverse();
        fields.reverse();
        keywords = keywords.iter().map(|keyword| format!(" {} ", keyword.to_uppercase())).collect();
        keywords.extend(keywords.clone());
    }
    question = question.keywords(&keywords).fields(fields);
    for (name, value) in filters {
        question = question.filter(name, value);
    }
    for by in &meaning.sort {
        question = question.sort(by);
    }
    if let Some(limit) = meaning.limit {
        question = question.limit(limit);
    }
    if let Some(offset) = &meaning.offset {
        question = question.offset(offset.clone());
    }
    question
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn different_questions_never_collide(one in meaning(), other in meaning()) {
        let same = question(&one, false).key() == question(&other, false).key();
        prop_assert_eq!(same, one == other);
    }

    #[test]
    fn nearly_equal_questions_never_collide(one in meaning(), part in 0..8_u8, other in meaning()) {
        let mut near = one.clone();
        match part {
            0 => near.namespace = other.namespace,
            1 => near.operation = other.operation,
            2 => near.keywords = other.keywords,
            3 => near.filters = other.filters,
            4 => near.sort = other.sort,
            5 => near.limit = other.limit,
            6 => near.offset = other.offset,
            _ => near.fields = other.fields,
        }
        let same = question(&one, false).key() == question(&near, false).key();
        prop_assert_eq!(same, one == near);
    }

    #[test]
    fn order_case_and_repetition_do_not_matter(meaning in meaning()) {
        prop_assert_eq!(question(&meaning, false).key(), question(&meaning, true).key());
    }

    #[test]
    fn values_of_one_filter_never_collide(one in typed(), other in typed()) {
        let key = |value: &Typed| Question::new("n", "o").filter("f", value.clone()).key();
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }

    #[test]
    fn keys_are_printable(meaning in meaning()) {
        let key = question(&meaning, false).key();
        prop_assert!(key.as_str().chars().all(|character| !character.is_control() && !character.is_whitespace()));
    }
}

#[test]
fn every_type_of_value_counts() {
    let values: Vec<Value> = vec![
        ().into(),
        false.into(),
        true.into(),
        0.into(),
        1_u8.into(),
        i128::MIN.into(),
        u128::MAX.into(),
        0.0.into(),
        1.5_f32.into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        "".into(),
        "1".into(),
        'a'.into(),
        Duration::from_millis(1).into(),
        Value::bytes(b""),
        Value::bytes(b"1"),
        Value::list([1, 2]),
        Value::list([2, 1]),
        Value::set([1, 2]),
        Value::list(["1,2"]),
        Value::list([[1], [2]]),
        Value::list::<u8>([]),
        vec![""].into(),
    ];
    let keys: BTreeSet<String> =
        values.iter().map(|value| Question::new("n", "o").filter("f", value.clone()).key().into()).collect();
    assert_eq!(keys.len(), values.len(), "{keys:#?}");
}

#[test]
fn equal_values_of_different_types_are_one() {
    let key = |value: Value| Question::new("n", "o").filter("f", value).key();
    assert_eq!(key(3_u8.into()), key(3_i64.into()));
    assert_eq!(key(0.0.into()), key((-0.0).into()));
    assert_eq!(key(1.5_f32.into()), key(1.5_f64.into()));
    assert_eq!(key(Some("a").into()), key("a".into()));
    assert_eq!(key(None::<u8>.into()), key(().into()));
    assert_eq!(key(Value::set([2, 1, 2])), key(Value::set([1, 2])));
}

#[test]
fn a_pattern_chooses_by_namespace_and_operation() {
    let cache = tickety_cache::Cache::builder(10).build();
    for (namespace, operation) in [("a", "list"), ("a", "search"), ("b", "search")] {
        cache.insert(Question::new(namespace, operation).limit(1).key(), 1);
    }
    assert_eq!(cache.invalidate_pattern(r"a:search\?*"), 1);
    assert_eq!(cache.invalidate_pattern(r"a:*"), 1);
}

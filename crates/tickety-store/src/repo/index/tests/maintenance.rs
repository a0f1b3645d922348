//! An index that is kept up to date is the index that would be made afresh.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickety_core::ident::{IssueKey, IssueName, IssueNumber};
use tickety_core::issue::{Issue, Link, LinkKind, Status};
use tickety_core::query::arbitrary::{issues, schema};

use super::agreement::merged_issues;
use super::{built, plain_issue, record};
use crate::repo::index::Index;
use crate::repo::index::schema::MERGED_TEXTS;

/// A step in the life of an index.
#[derive(Clone, Debug)]
enum Step {
    Put(Box<Issue>),
    Remove(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = issues(1..12).prop_flat_map(prop::sample::select).prop_map(|issue| Step::Put(Box::new(issue)));
    let remove = any::<prop::sample::Index>().prop_map(Step::Remove);
    prop::collection::vec(prop_oneof![3 => put, 1 => remove], 1..24)
}

fn apply(index: &mut Index, state: &mut BTreeMap<IssueKey, Issue>, steps: &[Step]) {
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    for step in steps {
        match step {
            Step::Put(issue) => {
                writer.put_issue(issue, &record(issue)).unwrap();
                state.insert(issue.key(), (**issue).clone());
            }
            Step::Remove(place) if !state.is_empty() => {
                let key = *state.keys().nth(place.index(state.len())).unwrap();
                writer.remove_issue(key).unwrap();
                state.remove(&key);
            }
            Step::Remove(_) => {}
        }
    }
    writer.commit().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn keeping_up_is_the_same_as_making_afresh(
        issues in merged_issues(),
        transactions in prop::collection::vec(steps(), 1..4),
    ) {
        let mut index = built(&issues);
        let mut state: BTreeMap<_, _> = issues.into_iter().map(|issue| (issue.key(), issue)).collect();
        for steps in transactions {
            apply(&mut index, &mut state, &steps);
            let afresh = built(&state.values().cloned().collect::<Vec<_>>());
            prop_assert_eq!(index.differences(&afresh, 5).unwrap(), []);
        }
    }
}

fn blocked_by(number: u32, target: u32) -> Issue {
    let target = IssueName::from(IssueNumber::new(target).unwrap());
    let mut issue = plain_issue(number);
    issue.links.insert(Link { kind: LinkKind::BlockedBy, target });
    issue
}

fn is_blocked(index: &Index, issue: &Issue) -> bool {
    index.summaries(&[issue.key()]).unwrap()[0].as_ref().unwrap().blocked
}

fn put(index: &mut Index, issue: &Issue) {
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    writer.put_issue(issue, &record(issue)).unwrap();
    writer.commit().unwrap();
}

fn remove(index: &mut Index, key: IssueKey) {
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    writer.remove_issue(key).unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_dependent_follows_its_blocker() {
    let dependent = blocked_by(2, 1);
    let mut index = built(std::slice::from_ref(&dependent));
    assert!(!is_blocked(&index, &dependent), "a blocker that doesn't exist blocks nothing");
    let mut blocker = plain_issue(1);
    put(&mut index, &blocker);
    assert!(is_blocked(&index, &dependent));
    blocker.status = Status::new("closed");
    put(&mut index, &blocker);
    assert!(!is_blocked(&index, &dependent));
    blocker.status = Status::new("review");
    put(&mut index, &blocker);
    assert!(is_blocked(&index, &dependent));
    let mut twin = plain_issue(7);
    twin.number = blocker.number;
    put(&mut index, &twin);
    assert!(!is_blocked(&index, &dependent), "a name that two issues have leads nowhere");
    remove(&mut index, twin.key());
    assert!(is_blocked(&index, &dependent));
    remove(&mut index, blocker.key());
    assert!(!is_blocked(&index, &dependent));
}

#[test]
fn a_transaction_that_is_dropped_changes_nothing() {
    let issue = plain_issue(1);
    let mut index = built(std::slice::from_ref(&issue));
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    writer.remove_issue(issue.key()).unwrap();
    writer.put_issue(&plain_issue(2), &record(&issue)).unwrap();
    drop(writer);
    assert_eq!(index.differences(&built(&[issue]), 5).unwrap(), []);
}

#[test]
fn differences_are_named() {
    let (here, there) = (plain_issue(1), plain_issue(2));
    let differences = built(&[here]).differences(&built(&[there]), 100).unwrap();
    let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
    for expected in ["issues: 1-", "cards: 2-", "texts: 1-"] {
        assert!(texts.iter().any(|text| text.starts_with(expected)), "{expected} in {texts:#?}");
    }
}

#[test]
fn changed_texts_leave_few_parts_of_the_text_index() {
    let mut index = built(&[plain_issue(1)]);
    let mut parts = Vec::new();
    for turn in 0..64 {
        let mut issue = plain_issue(turn % 9 + 1);
        issue.title = format!("A title of turn {turn}");
        put(&mut index, &issue);
        let count = "SELECT count(DISTINCT segid) FROM texts_idx";
        parts.push(index.connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap());
    }
    assert_eq!(parts[..4], [2, 3, 4, 5], "not after each");
    assert!(parts.iter().all(|parts| *parts <= MERGED_TEXTS + 4), "{parts:?}");
}

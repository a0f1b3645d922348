//! The index answers what the reference in core answers.

use proptest::prelude::*;
use tickety_core::graph::Relation;
use tickety_core::issue::{Derived, Issue, IssueView};
use tickety_core::query::arbitrary::{derive, issues, loose_queries, moments, queries, schema};
use tickety_core::query::{Cursor, Query};

use super::{built, record};
use crate::repo::index::Index;
use crate::storage::{IssueSummary, StoredIssue};

/// Issues some of which share their number with others, as after a merge.
fn merged_issues() -> impl Strategy<Value = Vec<Issue>> {
    (issues(1..20), prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4)).prop_map(
        |(mut issues, twins)| {
            for (one, other) in twins {
                let number = issues[one.index(issues.len())].number;
                let place = other.index(issues.len());
                issues[place].number = number;
            }
            issues
        },
    )
}

fn derived(issues: &[Issue]) -> Vec<Derived> {
    derive(issues, &schema())
}

fn stored(issues: &[Issue]) -> Vec<StoredIssue> {
    let schema = schema();
    let derived = derived(issues);
    issues
        .iter()
        .zip(derived)
        .map(|(issue, derived)| StoredIssue {
            category: schema.category(&issue.status),
            derived,
            version: record(issue).version,
            path: format!(".tickety/issues/{}", crate::repo::layout::RecordPath::issue(issue.key())),
            issue: issue.clone(),
        })
        .collect()
}

/// Asks for all pages and checks each against the reference.
fn check_pages(index: &Index, stored: &[StoredIssue], query: &Query, moment: &tickety_core::query::Moment) {
    let views: Vec<IssueView<'_>> = stored.iter().map(StoredIssue::view).collect();
    let mut query = query.clone();
    for _ in 0..stored.len() + 2 {
        let expected = query.select(views.iter().copied(), moment);
        let answer = index.list(&query, moment).unwrap();
        let mut found: Vec<IssueSummary> = answer.issues;
        let mut wanted: Vec<IssueSummary> =
            expected.places.iter().map(|place| IssueSummary::of(&stored[*place])).collect();
        if query.is_ranked() {
            // The order is the index's own; with a page of all, the issues are the same.
            found.sort_by_key(|issue| issue.key);
            wanted.sort_by_key(|issue| issue.key);
            assert_eq!(found.len(), wanted.len(), "{query}");
            if expected.next.is_none() && query.after.is_none() {
                assert_eq!(found, wanted, "{query}");
            }
        } else {
            assert_eq!(found, wanted, "{query}");
        }
        assert_eq!(answer.next, expected.next, "{query}");
        assert_eq!(index.count(&query, moment).unwrap(), expected.total as u64, "{query}");
        match expected.next {
            Some(next) => query.after = Some(next),
            None => return,
        }
    }
    panic!("the pages of {query} don't end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn pages_and_counts_are_those_of_the_reference(
        issues in merged_issues(),
        queries in prop::collection::vec(prop_oneof![queries().boxed(), loose_queries().boxed()], 1..20),
        moment in moments(),
    ) {
        let index = built(&issues);
        let stored = stored(&issues);
        for query in queries {
            check_pages(&index, &stored, &query, &moment);
        }
    }
}

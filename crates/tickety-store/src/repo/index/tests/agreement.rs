//! The index answers what the reference in core answers.

use proptest::prelude::*;
use tickety_core::issue::{Derived, Issue, IssueView};
use tickety_core::query::arbitrary::{derive, issues, loose_queries, moments, queries, schema};
use tickety_core::query::{Moment, Query, days};

use super::{built, record};
use crate::repo::index::Index;
use crate::repo::layout::RecordPath;
use crate::storage::{IssueSummary, Stats, StoredIssue};

/// Issues some of which share their number with others, as after a merge.
pub(super) fn merged_issues() -> impl Strategy<Value = Vec<Issue>> {
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
            path: format!(".tickety/issues/{}", RecordPath::issue(issue.key())),
            problems: Vec::new(),
            issue: issue.clone(),
        })
        .collect()
}

/// Asks for all pages and checks each against the reference.
fn check_pages(index: &Index, stored: &[StoredIssue], query: &Query, moment: &Moment) {
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
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

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

    #[test]
    fn counts_by_what_issues_are_are_those_of_the_reference(
        issues in merged_issues(),
        queries in prop::collection::vec(queries(), 1..6),
        moment in moments(),
    ) {
        let index = built(&issues);
        let stored = stored(&issues);
        for query in queries {
            prop_assert_eq!(index.stats(&query, &moment).unwrap(), counted(&stored, &query, &moment), "{}", query);
        }
    }

    #[test]
    fn links_are_seen_from_both_ends(issues in merged_issues()) {
        let index = built(&issues);
        for (issue, derived) in issues.iter().zip(derived(&issues)) {
            prop_assert_eq!(index.link_ends(issue.key()).unwrap(), derived.links);
            let referrers = issues.iter().filter(|other| other.links.iter().any(|link| link.target.names(issue.key())));
            let mut referrers: Vec<_> = referrers.map(Issue::key).collect();
            referrers.sort();
            prop_assert_eq!(index.referrers(issue.key()).unwrap(), referrers);
            let mut same_number: Vec<_> =
                issues.iter().map(Issue::key).filter(|key| key.number == issue.number).collect();
            same_number.sort();
            prop_assert_eq!(index.resolve(issue.number.into()).unwrap(), same_number);
            prop_assert_eq!(index.resolve(issue.key().into()).unwrap(), [issue.key()]);
        }
        let highest = issues.iter().map(|issue| issue.number).max();
        prop_assert_eq!(index.max_number().unwrap(), highest);
    }
}

fn counted(stored: &[StoredIssue], query: &Query, moment: &Moment) -> Stats {
    let mut stats = Stats::default();
    for issue in stored.iter().filter(|issue| query.matches(&issue.view(), moment)) {
        let count = |map: &mut std::collections::BTreeMap<String, u64>, name: &str| {
            *map.entry(name.to_owned()).or_default() += 1;
        };
        stats.total += 1;
        stats.comments += issue.issue.comments.len() as u64;
        count(&mut stats.by_status, issue.issue.status.as_str());
        count(&mut stats.by_kind, issue.issue.kind.as_str());
        *stats.by_category.entry(issue.category).or_default() += 1;
        if issue.category.is_closed() {
            continue;
        }
        *stats.open_by_priority.entry(issue.issue.priority).or_default() += 1;
        issue.issue.labels.iter().for_each(|label| count(&mut stats.open_by_label, label));
        issue.issue.assignees.iter().for_each(|name| count(&mut stats.open_by_assignee, name));
        if issue.issue.assignees.is_empty() {
            count(&mut stats.open_by_assignee, "");
        }
        stats.ready += u64::from(issue.view().is_ready());
        stats.blocked += u64::from(issue.derived.is_blocked());
        stats.overdue += u64::from(issue.issue.due.is_some_and(|due| days(due) < days(moment.today())));
    }
    stats
}

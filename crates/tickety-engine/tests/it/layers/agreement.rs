//! After any batches, whoever is asked answers the same: what is kept, the index, one that was made afresh, and all
//! issues looked at one by one.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;
use tickety_core::Issue;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::{Derived, IssueView};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target, diff};
use tickety_core::query::arbitrary::{derive, issues, moments, now, queries, schema};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage};
use tickety_store::{Batch, BatchMode, FreshnessMode, IssueStorage, IssueSummary};

use super::home::Home;

/// How many issues a home can come to have.
const ISSUES: usize = 12;

/// The vocabulary that generated issues have.
const CONFIG: &str = r#"format = 1
prefix = "TIK"
kinds = ["bug", "feature", "task", "chore", "epic", "spike"]

[statuses]
triage = "open"
review = "in-progress"
shipped = "closed"

[fields]
size = "number"
released = "date"
flaky = "bool"
severity = ["S1", "S2", "S3"]
"#;

/// An operation, in terms of the generated issues.
#[derive(Clone, Debug)]
enum Step {
    Create(Index),
    /// Makes an issue what another is, field by field.
    Become(Index, Index),
    Comment(Index, &'static str),
    Delete(Index),
}

/// Batches that are sent together, and by whom.
#[derive(Clone, Debug)]
struct Round {
    batches: Vec<(Vec<Step>, BatchMode)>,
    by_layer: bool,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let step = prop_oneof![
        3 => any::<Index>().prop_map(Step::Create),
        4 => (any::<Index>(), any::<Index>()).prop_map(|(issue, other)| Step::Become(issue, other)),
        1 => (any::<Index>(), select(&["cache", "an index: größe"][..])).prop_map(|(issue, text)| Step::Comment(issue, text)),
        1 => any::<Index>().prop_map(Step::Delete),
    ];
    let mode = prop_oneof![Just(BatchMode::Atomic), Just(BatchMode::Each)];
    let round = (vec((vec(step, 1..6), mode), 1..4), any::<bool>());
    vec(round.prop_map(|(batches, by_layer)| Round { batches, by_layer }), 1..4)
}

/// A new issue as a generated one; links lead to those that there may be.
fn draft(issue: &Issue) -> Draft {
    Draft {
        number: Some(issue.number),
        id: Some(issue.id),
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
        references: issue.references.clone(),
        fields: issue.fields.clone(),
        created: Some(issue.created),
        ..Draft::new(issue.title.clone())
    }
}

/// Makes an operation of a step. It is about what is there before the batch, so that most of them can be applied.
fn operation(step: &Step, pool: &[Issue], there: &BTreeSet<IssueKey>) -> Operation {
    let (present, absent): (Vec<&Issue>, Vec<&Issue>) = pool.iter().partition(|issue| there.contains(&issue.key()));
    let any = |index: &Index, some: &[&Issue]| -> Issue {
        let some = if some.is_empty() { &pool.iter().collect::<Vec<_>>() } else { some };
        some[index.index(some.len())].clone()
    };
    let update = |index: &Index, changes| Operation::Update {
        target: Target::from(any(index, &present).key()),
        expected: None,
        changes,
    };
    match step {
        Step::Create(index) => Operation::Create(Box::new(draft(&any(index, &absent)))),
        Step::Become(index, other) => {
            let mut changes = diff(&any(index, &present), &pool[other.index(pool.len())]);
            changes.retain(|change| match change {
                Change::AddComment(_) | Change::RemoveComment(_) => false,
                Change::AddLink { target, .. } | Change::RemoveLink { target, .. } => there
                    .iter()
                    .any(|key| matches!(target, Target::Existing(IssueSelector::Name(name)) if name.names(*key))),
                _ => true,
            });
            update(index, changes)
        }
        Step::Comment(index, text) => update(index, vec![Change::AddComment(DraftComment::new(*text))]),
        Step::Delete(index) => Operation::Delete { target: Target::from(any(index, &present).key()), expected: None },
    }
}

/// Returns the issues there are.
fn there(store: &dyn IssueStorage, moment: &Moment) -> Vec<IssueKey> {
    let all = Query::parse("is:any limit:1000 sort:number-asc", &Schema::default()).unwrap();
    block_on(store.list(&all, moment)).unwrap().issues.iter().map(|issue| issue.key).collect()
}

/// What an answer says, in its order but where that is each index's own.
type Answer = (Vec<IssueSummary>, bool, u64);

fn ask(store: &dyn IssueStorage, query: &Query, moment: &Moment) -> Answer {
    let page = block_on(store.list(query, moment)).unwrap();
    let count = block_on(store.count(query, moment)).unwrap();
    let mut issues = page.issues;
    if query.is_ranked() {
        issues.sort_by_key(|issue| issue.key);
    }
    (issues, page.next.is_some(), count)
}

/// Answers from the records alone: each is read and looked at.
fn look(store: &dyn IssueStorage, query: &Query, moment: &Moment) -> Result<Answer, TestCaseError> {
    let schema = block_on(store.schema()).unwrap();
    let selectors: Vec<IssueSelector> = there(store, moment).into_iter().map(IssueSelector::from).collect();
    let stored: Vec<_> = block_on(store.get_many(&selectors)).into_iter().map(Result::unwrap).collect();
    let records: Vec<Issue> = stored.iter().map(|stored| stored.issue.clone()).collect();
    let mut derived = derive(&records, &schema);
    for (derived, stored) in derived.iter_mut().zip(&stored) {
        // When a file was written is known to no record.
        derived.updated = stored.derived.updated;
        let Derived { links, .. } = &stored.derived;
        prop_assert_eq!(&derived.links, links, "the links of {}", stored.issue.key());
    }
    let views: Vec<_> =
        records.iter().zip(&derived).map(|(issue, derived)| IssueView::new(issue, derived, &schema)).collect();
    let selection = query.select(views, moment);
    let mut issues: Vec<IssueSummary> =
        selection.places.iter().map(|place| IssueSummary::of(&stored[*place])).collect();
    if query.is_ranked() {
        issues.sort_by_key(|issue| issue.key);
    }
    Ok((issues, selection.next.is_some(), selection.total as u64))
}

fn check(
    freshness: FreshnessMode,
    pool: &[Issue],
    rounds: &[Round],
    questions: &[(Query, Moment)],
) -> Result<(), TestCaseError> {
    let home = Home::with_config(CONFIG);
    let settings = CacheSettings { check_every: Duration::ZERO, ..CacheSettings::default() };
    let layer = CachedIssueStorage::new(Arc::new(home.open(Some(freshness))), settings);
    let other = home.open(Some(freshness));
    // But for the order of the statuses.
    let sorted = |mut schema: Schema| {
        schema.statuses.sort_by(|one, other| one.name.cmp(&other.name));
        schema
    };
    assert_eq!(sorted(block_on(other.schema()).unwrap().as_ref().clone()), sorted(schema()));
    let half = pool[..pool.len() / 2].iter().map(|issue| Operation::Create(Box::new(draft(issue)))).collect();
    block_on(layer.apply(Batch::new(half, None, now()))).unwrap();
    for Round { batches, by_layer } in rounds {
        // Kept, and known to be wrong if a batch makes it so.
        for (query, moment) in questions {
            ask(&layer, query, moment);
        }
        let there = there(&other, &questions[0].1).into_iter().collect();
        let batches = batches.iter().map(|(steps, mode)| {
            let operations = steps.iter().map(|step| operation(step, pool, &there)).collect();
            (Batch::new(operations, Some("ann".to_owned()), now()), *mode)
        });
        let store: &dyn IssueStorage = if *by_layer { &layer } else { &other };
        for outcome in block_on(store.submit_together(batches.collect())) {
            outcome.unwrap();
        }
        for (query, moment) in questions {
            // Of a page of the best, which they are is each index's own.
            let query = &Query { limit: query.limit.filter(|_| !query.is_ranked()), ..query.clone() };
            let expected = look(&other, query, moment)?;
            prop_assert_eq!(&ask(&other, query, moment), &expected, "the index, asked {}", query);
            prop_assert_eq!(&ask(&layer, query, moment), &expected, "what is kept, asked {}", query);
            prop_assert_eq!(&ask(&layer, query, moment), &expected, "what was kept now, asked {}", query);
        }
    }
    prop_assert_eq!(other.verify_index().unwrap(), []);
    fs::remove_file(other.layout().index()).unwrap();
    let fresh = home.open(Some(FreshnessMode::Verify));
    for (query, moment) in questions {
        let query = &Query { limit: query.limit.filter(|_| !query.is_ranked()), ..query.clone() };
        let expected = look(&fresh, query, moment)?;
        prop_assert_eq!(&ask(&fresh, query, moment), &expected, "an index made afresh, asked {}", query);
        prop_assert_eq!(&ask(&layer, query, moment), &expected, "what is kept over a lost index, asked {}", query);
    }
    Ok(())
}

fn questions() -> impl Strategy<Value = Vec<(Query, Moment)>> {
    vec((queries(), moments()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_batches_all_agree(pool in issues(ISSUES..ISSUES + 1), rounds in rounds(), questions in questions()) {
        check(FreshnessMode::Verify, &pool, &rounds, &questions)?;
    }

    #[test]
    fn after_batches_all_agree_where_the_index_is_trusted(
        pool in issues(ISSUES..ISSUES + 1),
        rounds in rounds(),
        questions in questions(),
    ) {
        check(FreshnessMode::Trust, &pool, &rounds, &questions)?;
    }
}

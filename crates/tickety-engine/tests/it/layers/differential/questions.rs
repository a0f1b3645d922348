//! What is asked, and what is compared of the answers.

use fastrand::Rng;
use pollster::block_on;
use tickety_core::graph::{Graph, Relation};
use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{GraphScope, IssueStorage, IssueSummary, Stats, StorageError, StoredIssue};

use super::ISSUES;

const QUERIES: [&str; 22] = [
    "is:open",
    "is:open limit:3",
    "is:ready sort:priority-desc,due-asc,number-asc limit:4",
    "is:blocked",
    "is:closed sort:closed-desc",
    "is:any sort:updated-desc limit:5",
    "is:any sort:comments-desc,status limit:4",
    "label:x",
    "-label:x is:open sort:title limit:3",
    "assignee:me",
    "alpha",
    "alpha sort:relevance limit:3",
    "alpha is:open sort:relevance limit:2",
    "is:any sort:milestone limit:3",
    "-comment:alpha is:open",
    "priority:>=high is:any",
    "has:blocked-by OR has:parent",
    "has:blocks OR -has:link",
    "blocks:3 OR blocked-by:5 OR parent:2",
    "has:comment limit:2 is:any",
    "is:overdue",
    "created:>7d is:any",
];

/// What was answered. Only what an answer says of the issues counts, not how it was checked.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Seen {
    Issues(Vec<Result<StoredIssue, String>>),
    Page(Vec<IssueSummary>, Option<String>, u32),
    Count(u64),
    Stats(Stats, u32),
    Graph(Graph, u32),
    Failed(String),
}

/// A question.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Get(IssueSelector),
    GetMany(Vec<IssueSelector>),
    List(Query, Moment),
    Count(Query, Moment),
    Stats(Query, Moment),
    Graph(GraphScope),
}

/// The issues there are, by both names.
pub(super) type Names = [(IssueKey, IssueId)];

impl Question {
    /// Asks for the first page of a list, or for the one after it, of which `store` knows where it begins.
    pub(super) fn random(rng: &mut Rng, moment: &Moment, names: &Names, store: &dyn IssueStorage) -> Self {
        let mut query = Query::parse(QUERIES[rng.usize(..QUERIES.len())], &Schema::default()).unwrap();
        let me = ["ann", "bo"][rng.usize(..2)];
        let moment = Moment { me: Some(me.to_owned()), ..moment.clone() };
        if query.limit.is_some() && rng.bool() {
            query.after = block_on(store.list(&query, &moment)).unwrap().next;
        }
        match rng.u32(..11) {
            0..4 => Self::Get(any_selector(rng, names)),
            4 => Self::GetMany((0..rng.usize(..5)).map(|_| any_selector(rng, names)).collect()),
            5..8 => Self::List(query, moment),
            8 => Self::Count(query, moment),
            9 => Self::Stats(query, moment),
            _ => {
                let roots = if rng.bool() { any(rng, names).map(|(key, _)| key) } else { None };
                let follow = [[Relation::BlockedBy, Relation::Blocks], [Relation::Parent, Relation::Blocks]];
                Self::Graph(GraphScope {
                    roots: roots.into_iter().collect(),
                    follow: follow[rng.usize(..2)].into(),
                    closed: rng.bool(),
                    depth: rng.bool().then_some(1),
                })
            }
        }
    }

    pub(super) fn ask(&self, store: &dyn IssueStorage) -> Seen {
        let failed = |error: StorageError| Seen::Failed(error.to_string());
        let seen = |issue: Result<StoredIssue, StorageError>| issue.map_err(|error| error.to_string());
        match self {
            Self::Get(selector) => Seen::Issues(vec![seen(block_on(store.get(*selector)))]),
            Self::GetMany(selectors) => {
                Seen::Issues(block_on(store.get_many(selectors)).into_iter().map(seen).collect())
            }
            Self::List(query, moment) => block_on(store.list(query, moment)).map_or_else(failed, |page| {
                Seen::Page(page.issues, page.next.map(|next| next.to_string()), page.problems)
            }),
            Self::Count(query, moment) => block_on(store.count(query, moment)).map_or_else(failed, Seen::Count),
            Self::Stats(query, moment) => {
                let stats = block_on(store.stats(query, moment));
                stats.map_or_else(failed, |stats| Seen::Stats(stats.value, stats.problems))
            }
            Self::Graph(scope) => {
                block_on(store.graph(scope)).map_or_else(failed, |graph| Seen::Graph(graph.value, graph.problems))
            }
        }
    }
}

fn any(rng: &mut Rng, names: &Names) -> Option<(IssueKey, IssueId)> {
    names.get(rng.usize(..names.len().max(1))).copied()
}

pub(super) fn any_selector(rng: &mut Rng, names: &Names) -> IssueSelector {
    match (any(rng, names), rng.u32(..10)) {
        (Some((key, _)), 0..4) => key.into(),
        (Some((_, id)), 4) => IssueSelector::Id(id),
        (Some((key, _)), 5..9) => key.number.into(),
        _ => IssueNumber::new(rng.u32(1..=ISSUES)).unwrap().into(),
    }
}

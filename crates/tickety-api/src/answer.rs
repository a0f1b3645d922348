//! The `data` of answers that consist of more than one issue.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tickety_core::graph::{self, GraphNode};
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::query::{Cursor, FieldName};
use tickety_store::storage;

use crate::batch::BatchFailure;
use crate::issue::{Issue, IssueSummary};
use crate::selection;

/// A page of issues.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssueList {
    /// The issues, in the order asked for: whole, summed up, or with the selected fields only.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::Row>))]
    pub issues: Vec<Value>,
    /// How many issues there are on all pages together, exactly; absent where nobody wanted to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What to pass as `--after` for the next page; `null` on the last.
    pub next: Option<String>,
}

impl IssueList {
    /// Makes a page.
    pub fn new(issues: Vec<Value>, total: Option<u64>, next: Option<&Cursor>) -> Self {
        Self { issues, total, next: next.map(ToString::to_string) }
    }
}

/// Whole issues.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shown {
    /// The issues, in the order asked for: whole, or with the selected fields only.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::Row>))]
    pub issues: Vec<Value>,
}

/// Whole issues of many, and why others can't be shown.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// The issues, in the order asked for.
    pub issues: Vec<Issue>,
    /// What isn't there, or has no room in the answer.
    pub failures: Vec<BatchFailure>,
}

/// Returns an issue of a list with the given fields only; no field at all means those that every list has.
pub fn row(summary: &storage::IssueSummary, whole: Option<&storage::StoredIssue>, fields: &[FieldName]) -> Value {
    match whole {
        Some(whole) => selection::value(&Issue::from(whole), fields),
        None => selection::value(&IssueSummary::from(summary), fields),
    }
}

/// What a write did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Written {
    /// The issues it was about, in the order given.
    pub issues: Vec<WrittenIssue>,
}

impl Written {
    /// Tells of a write, and of the parents that others took the place of.
    pub fn new(outcome: &storage::BatchOutcome, former_parents: &BTreeMap<IssueKey, IssueName>) -> Self {
        let mut written = Self::from(outcome);
        for (issue, outcome) in written.issues.iter_mut().zip(&outcome.outcomes) {
            issue.former_parent = former_parents.get(&outcome.key).map(ToString::to_string);
        }
        written
    }
}

impl From<&storage::BatchOutcome> for Written {
    fn from(outcome: &storage::BatchOutcome) -> Self {
        let storage::BatchOutcome { outcomes, failures: _, rolled_back: _, replayed: _ } = outcome;
        Self { issues: outcomes.iter().map(WrittenIssue::from).collect() }
    }
}

/// What a write did to one issue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WrittenIssue {
    /// The number.
    pub number: u32,
    /// The unambiguous name.
    pub key: String,
    /// The UUID.
    pub id: String,
    /// `created`, `updated`, `unchanged` or `deleted`.
    pub effect: &'static str,
    /// The version it has now; `null` once deleted.
    pub version: Option<String>,
    /// Where its record lies, or lay.
    pub path: String,
    /// The parent that another one took the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_parent: Option<String>,
}

impl From<&storage::OperationOutcome> for WrittenIssue {
    fn from(outcome: &storage::OperationOutcome) -> Self {
        let storage::OperationOutcome { index: _, key, id, effect, version, path } = outcome;
        Self {
            number: key.number.get(),
            key: key.to_string(),
            id: id.to_string(),
            effect: effect.as_str(),
            version: version.map(|version| version.to_string()),
            path: path.clone(),
            former_parent: None,
        }
    }
}

/// Counts of issues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stats {
    /// All that were asked for.
    pub total: u64,
    /// By stored status.
    pub by_status: BTreeMap<String, u64>,
    /// By what the status counts as.
    pub by_category: BTreeMap<&'static str, u64>,
    /// By kind.
    pub by_kind: BTreeMap<String, u64>,
    /// By priority, of the issues that aren't closed.
    pub open_by_priority: BTreeMap<&'static str, u64>,
    /// By label, of the issues that aren't closed.
    pub open_by_label: BTreeMap<String, u64>,
    /// By assignee, of the issues that aren't closed; the empty name counts those without one.
    pub open_by_assignee: BTreeMap<String, u64>,
    /// How many could be begun.
    pub ready: u64,
    /// How many are blocked.
    pub blocked: u64,
    /// How many are overdue.
    pub overdue: u64,
    /// How many comments they have together.
    pub comments: u64,
}

impl From<&storage::Stats> for Stats {
    fn from(stats: &storage::Stats) -> Self {
        let storage::Stats {
            total,
            by_status,
            by_category,
            by_kind,
            open_by_priority,
            open_by_label,
            open_by_assignee,
            ready,
            blocked,
            overdue,
            comments,
        } = stats;
        Self {
            total: *total,
            by_status: by_status.clone(),
            by_category: by_category.iter().map(|(category, count)| (category.as_str(), *count)).collect(),
            by_kind: by_kind.clone(),
            open_by_priority: open_by_priority.iter().map(|(priority, count)| (priority.as_str(), *count)).collect(),
            open_by_label: open_by_label.clone(),
            open_by_assignee: open_by_assignee.clone(),
            ready: *ready,
            blocked: *blocked,
            overdue: *overdue,
            comments: *comments,
        }
    }
}

/// A part of the graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Graph {
    /// The issues the walk began at.
    pub roots: Vec<String>,
    /// All issues in it.
    pub nodes: Vec<Node>,
    /// The stored links between them.
    pub edges: Vec<Edge>,
    /// The links that lead to no issue that can be read, or to one of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Edge>,
}

/// An issue in a graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    /// The unambiguous name.
    pub key: String,
    /// The number.
    pub number: u32,
    /// The title.
    pub title: String,
    /// The status as stored.
    pub status: String,
    /// What the status counts as.
    pub category: &'static str,
    /// The priority.
    pub priority: &'static str,
}

/// A link in a graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// The issue that stores it.
    pub from: String,
    /// What that issue is to the other.
    pub kind: &'static str,
    /// The other.
    pub to: String,
}

impl Graph {
    /// Makes the answer from a graph and the issues its walk began at.
    pub fn new(graph: &graph::Graph, roots: &[IssueKey]) -> Self {
        let graph::Graph { nodes, edges, lost } = graph;
        Self {
            roots: roots.iter().map(ToString::to_string).collect(),
            nodes: nodes
                .iter()
                .map(|(key, GraphNode { title, status, category, priority })| Node {
                    key: key.to_string(),
                    number: key.number.get(),
                    title: title.clone(),
                    status: status.to_string(),
                    category: category.as_str(),
                    priority: priority.as_str(),
                })
                .collect(),
            edges: edges
                .iter()
                .map(|(from, kind, to)| Edge { from: from.to_string(), kind: kind.as_str(), to: to.to_string() })
                .collect(),
            lost: lost
                .iter()
                .map(|(from, kind, to)| Edge { from: from.to_string(), kind: kind.as_str(), to: to.to_string() })
                .collect(),
        }
    }
}

//! Answers of a store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickety_core::graph;
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::issue::LinkKind;
use tickety_store::storage;

use super::issue::{Category, ClosedElsewhere, Comment};
use super::{Exact, Malformed, exact_struct};

/// A record that can't be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactProblem))]
pub struct RecordProblem {
    /// Where it lies, relative to the root.
    pub path: String,
    /// The line that is wrong, from 1.
    pub line: Option<u32>,
    /// What is wrong and what to do.
    pub message: String,
}

exact_struct!(storage::RecordProblem as RecordProblem { path, line, message });

/// What a list shows of an issue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactSummary))]
pub struct Summary {
    /// The unambiguous name.
    pub key: String,
    /// The UUID.
    pub id: String,
    /// The title.
    pub title: String,
    /// The status.
    pub status: String,
    /// What the status counts as.
    pub category: Category,
    /// Why it was closed.
    pub reason: Option<String>,
    /// The priority.
    pub priority: String,
    /// The kind.
    pub kind: String,
    /// The labels.
    pub labels: Vec<String>,
    /// Who works on it.
    pub assignees: Vec<String>,
    /// Who reported it.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<String>,
    /// The estimate, in minutes.
    pub estimate: Option<u32>,
    /// The time spent, in minutes.
    pub spent: Option<u32>,
    /// When it was created.
    pub created: String,
    /// When it was closed.
    pub closed: Option<String>,
    /// When it last changed.
    pub updated: String,
    /// How many comments it has.
    pub comments: u32,
    /// Whether an issue that isn't closed blocks it.
    pub blocked: bool,
    /// Where it is closed, though it isn't here.
    pub elsewhere: Vec<ClosedElsewhere>,
    /// The version of the record.
    pub version: String,
    /// Where the record lies, relative to the root.
    pub path: String,
}

exact_struct!(storage::IssueSummary as Summary {
    key,
    id,
    title,
    status,
    category,
    reason,
    priority,
    kind,
    labels,
    assignees,
    reporter,
    milestone,
    due,
    estimate,
    spent,
    created,
    closed,
    updated,
    comments,
    blocked,
    elsewhere,
    version,
    path,
});

/// How an answer was checked against the truth.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFreshness))]
pub struct Freshness {
    /// `verify`, `shards` or `trust`.
    pub mode: String,
    /// How many records were looked at.
    pub checked: u32,
    /// How many of them had changed.
    pub changed: u32,
}

exact_struct!(storage::Freshness as Freshness { mode, checked, changed });

/// One page of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactPage))]
pub struct Page {
    /// The issues, in the order of the query.
    pub issues: Vec<Summary>,
    /// Where the next page begins; `null` on the last.
    pub next: Option<String>,
    /// How many records can't be read.
    pub problems: u32,
    /// How the answer was checked.
    pub freshness: Freshness,
}

exact_struct!(storage::Page as Page { issues, next, problems, freshness });

/// An answer that sums up many issues.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactChecked))]
pub struct Checked<T> {
    /// The answer.
    pub value: T,
    /// How many records can't be read.
    pub problems: u32,
    /// How the answer was checked.
    pub freshness: Freshness,
}

impl<T: Exact> Exact for storage::Checked<T> {
    type Wire = Checked<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        let Self { value, problems, freshness } = self;
        Checked { value: value.to_wire(), problems: *problems, freshness: freshness.to_wire() }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        let Checked { value, problems, freshness } = wire;
        Ok(Self { value: T::from_wire(value)?, problems, freshness: Exact::from_wire(freshness)? })
    }
}

/// The texts of an issue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactText))]
pub struct IssueText {
    /// Which issue.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
    /// Its comments, oldest first.
    pub comments: Vec<Comment>,
    /// The note it was closed with.
    pub note: Option<String>,
}

exact_struct!(storage::IssueText as IssueText { key, title, body, comments, note });

/// A part of the graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactGraph))]
pub struct Graph {
    /// The issues, by name.
    pub nodes: BTreeMap<String, GraphNode>,
    /// The stored links between them.
    pub edges: Vec<HeldLink>,
    /// The stored links that lead to no issue that can be read, or to one of several.
    pub lost: Vec<HeldLink>,
}

exact_struct!(graph::Graph as Graph { nodes, edges, lost });

/// An issue in a graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactNode))]
pub struct GraphNode {
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// What the status counts as.
    pub category: Category,
    /// Its priority.
    pub priority: String,
}

exact_struct!(graph::GraphNode as GraphNode { title, status, category, priority });

/// A stored link, with the issue that holds it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactHeldLink))]
pub struct HeldLink {
    /// The issue that holds it.
    pub from: String,
    /// What that is to the other.
    pub kind: String,
    /// The other.
    pub to: String,
}

macro_rules! held_link {
    ($($to:ty),*) => {
        $(impl Exact for (IssueKey, LinkKind, $to) {
            type Wire = HeldLink;

            fn to_wire(&self) -> HeldLink {
                let (from, kind, to) = self;
                HeldLink { from: from.to_wire(), kind: kind.to_wire(), to: to.to_wire() }
            }

            fn from_wire(wire: HeldLink) -> Result<Self, Malformed> {
                let HeldLink { from, kind, to } = wire;
                Ok((Exact::from_wire(from)?, Exact::from_wire(kind)?, Exact::from_wire(to)?))
            }
        })*
    };
}

held_link!(IssueKey, IssueName);

/// Counts of issues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactStats))]
pub struct Stats {
    /// All that were asked for.
    pub total: u64,
    /// By stored status.
    pub by_status: BTreeMap<String, u64>,
    /// By what the status counts as.
    pub by_category: BTreeMap<String, u64>,
    /// By kind.
    pub by_kind: BTreeMap<String, u64>,
    /// By priority, of the issues that aren't closed.
    pub open_by_priority: BTreeMap<String, u64>,
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

exact_struct!(storage::Stats as Stats {
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
});

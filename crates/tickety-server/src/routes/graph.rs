//! How issues depend on each other.

use std::collections::BTreeSet;

use axum::extract::State as At;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::{Envelope, Meta, answer};
use tickety_core::graph::{Branches, Relation};
use tickety_core::ident::IssueKey;
use tickety_engine::questions;
use tickety_store::{Checked, GraphScope, IssueStorage};
use utoipa::IntoParams;

use super::lists::steady;
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::representations::Shown;
use crate::state::State;

/// The parameters of a graph.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GraphParameters {
    /// Where to begin: issues with commas between them; all open ones with links where absent.
    #[serde(default)]
    issues: String,
    /// The relations to follow, with commas between them.
    follow: Option<String>,
    /// How many links far to go at the most.
    depth: Option<u32>,
    /// Whether to go through closed issues too.
    #[serde(default)]
    closed: bool,
}

/// Tells how issues depend on each other.
#[utoipa::path(
    get,
    path = "/graph",
    tag = "issues",
    operation_id = "showGraph",
    params(GraphParameters),
    responses((status = 200, description = "The answer", body = Envelope<answer::Graph>))
)]
pub(crate) async fn graph(
    At(state): At<State>,
    reading: Reading,
    Parameters(parameters): Parameters<GraphParameters>,
) -> Result<Response, Problem> {
    let GraphParameters { issues, follow, depth, closed } = parameters;
    let follow: BTreeSet<Relation> = match &follow {
        None => BTreeSet::from([Relation::Child, Relation::BlockedBy]),
        Some(names) => names.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>()?,
    };
    let selectors = state.selectors(&issues).await?;
    let answer = async move |storage: &dyn IssueStorage| {
        let mut chosen: Vec<IssueKey> = Vec::with_capacity(selectors.len());
        for found in storage.get_many(&selectors).await {
            chosen.push(found?.issue.key());
        }
        let scope = GraphScope { roots: chosen.clone(), follow: follow.clone(), closed, depth };
        let Checked { value: graph, problems, freshness } = storage.graph(&scope).await?;
        let roots = if chosen.is_empty() { Branches::of(&graph, &follow).roots(&graph) } else { chosen };
        let problems = questions::problems(storage, problems).await?;
        let meta = Meta {
            freshness: Some(steady(freshness)),
            problems: problems.into_iter().map(Into::into).collect(),
            ..Meta::default()
        };
        let shown = graph.nodes.keys().copied().collect();
        Ok(Made::new(answer::Graph::new(&graph, &roots), meta).keep(Shown::List(shown), false))
    };
    reading.answer(&state, answer).await
}

//! Questions about many issues.

use std::collections::BTreeSet;

use axum::extract::State as At;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::exact;
use tickety_api::{Envelope, ErrorCode};
use tickety_core::graph::Relation;
use tickety_core::query::{Cursor, Moment, Needs, Query};
use tickety_store::{GraphScope, IssueStorage};
use utoipa::IntoParams;

use super::acting::Acting;
use super::issues::{few, keys};
use super::told;
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::representations::Shown;
use crate::routes::lists;
use crate::state::State;

/// A query as it is: nothing is added to it.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueryParameters {
    /// Which issues: a query; all of every status where empty.
    #[serde(default)]
    q: String,
    /// Where days begin: a name such as `Europe/Berlin`, or how far it is from UTC, such as `+02:00`.
    zone: Option<String>,
    /// Who `me` is, where the server believes it; otherwise it is the user of the credential.
    me: Option<String>,
}

/// A page of what a query finds.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// Which issues, and in which order: a query; all of every status where empty.
    #[serde(default)]
    q: String,
    /// How many issues at the most.
    #[param(minimum = 0, maximum = 1000)]
    limit: Option<u32>,
    /// Where the page before ended: its `next`.
    after: Option<String>,
    /// Where days begin: a name such as `Europe/Berlin`, or how far it is from UTC, such as `+02:00`.
    zone: Option<String>,
    /// Who `me` is, where the server believes it; otherwise it is the user of the credential.
    me: Option<String>,
}

/// Lists issues by a query.
#[utoipa::path(
    get,
    path = "/storage/list",
    tag = "storage",
    operation_id = "storedList",
    params(ListParameters),
    responses((status = 200, description = "A page", body = Envelope<exact::Page>))
)]
pub(crate) async fn list(
    At(state): At<State>,
    acting: Acting,
    reading: Reading,
    Parameters(ListParameters { q, limit, after, zone, me }): Parameters<ListParameters>,
) -> Result<Response, Problem> {
    let most = state.shared.limits.page;
    let limit = limit.unwrap_or(most.min(tickety_store::storage::DEFAULT_LIMIT));
    if limit > most {
        return Err(Problem::new(ErrorCode::BadValue, format_args!("a page has at most {most} issues"))
            .of_parameter("limit")
            .hint("ask for the next page with `after`"));
    }
    let after = after.as_deref().map(cursor).transpose()?;
    let asked = Question::read(&state, &acting, QueryParameters { q, zone, me }).await?;
    let Question { mut query, moment, needs } = asked;
    (query.limit, query.after) = (Some(limit), after);
    let answer = async move |storage: &dyn IssueStorage| {
        let page = storage.list(&query, &moment).await?;
        let shown = page.issues.iter().map(|issue| issue.key).collect();
        let made = told(&page);
        // What depends on the day or the minute is asked anew; and what was found to have changed has changed only once.
        let lasts = !needs.zone && page.freshness.changed == 0;
        Ok(if lasts { made.keep(Shown::List(shown), needs.actor) } else { made })
    };
    reading.answer(&state, answer).await
}

/// Counts issues by a query.
#[utoipa::path(
    get,
    path = "/storage/count",
    tag = "storage",
    operation_id = "storedCount",
    params(QueryParameters),
    responses((status = 200, description = "How many there are", body = Envelope<u64>))
)]
pub(crate) async fn count(
    At(state): At<State>,
    acting: Acting,
    reading: Reading,
    Parameters(parameters): Parameters<QueryParameters>,
) -> Result<Response, Problem> {
    let Question { query, moment, .. } = Question::read(&state, &acting, parameters).await?;
    reading.answer(&state, async move |storage| Ok(told(&storage.count(&query, &moment).await?))).await
}

/// Counts issues by what they are.
#[utoipa::path(
    get,
    path = "/storage/stats",
    tag = "storage",
    operation_id = "storedStats",
    params(QueryParameters),
    responses((status = 200, description = "The counts", body = Envelope<exact::Checked<exact::Stats>>))
)]
pub(crate) async fn stats(
    At(state): At<State>,
    acting: Acting,
    reading: Reading,
    Parameters(parameters): Parameters<QueryParameters>,
) -> Result<Response, Problem> {
    let Question { query, moment, .. } = Question::read(&state, &acting, parameters).await?;
    reading.answer(&state, async move |storage| Ok(told(&storage.stats(&query, &moment).await?))).await
}

/// A query and its circumstances.
struct Question {
    query: Query,
    moment: Moment,
    needs: Needs,
}

impl Question {
    async fn read(state: &State, acting: &Acting, parameters: QueryParameters) -> Result<Self, Problem> {
        let QueryParameters { q, zone, me } = parameters;
        let query = Query::parse(&q, &*state.schema().await?).map_err(|error| Problem::of_query(&error))?;
        let zone = lists::zone(zone.as_deref())?;
        let needs = Needs::of(&query.filter);
        Ok(Self { query, moment: Moment { now: state.now(), zone, me: acting.actor(me) }, needs })
    }
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|error| Problem::new(ErrorCode::BadCursor, error).of_parameter("after"))
}

/// A part of the graph.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScopeParameters {
    /// The unambiguous names of the issues to begin at, with commas between them; all open ones with links where empty.
    #[serde(default)]
    roots: String,
    /// The relations to follow, with commas between them.
    #[serde(default)]
    follow: String,
    /// Whether to go through closed issues too.
    #[serde(default)]
    closed: bool,
    /// How many links far to go at the most.
    depth: Option<u32>,
}

/// Returns a part of the graph.
#[utoipa::path(
    get,
    path = "/storage/graph",
    tag = "storage",
    operation_id = "storedGraph",
    params(ScopeParameters),
    responses((status = 200, description = "The graph", body = Envelope<exact::Checked<exact::Graph>>))
)]
pub(crate) async fn graph(
    At(state): At<State>,
    reading: Reading,
    Parameters(ScopeParameters { roots, follow, closed, depth }): Parameters<ScopeParameters>,
) -> Result<Response, Problem> {
    let roots = keys(&state, &roots).await?;
    few(roots.len(), "issues", &state)?;
    let names = follow.split(',').filter(|name| !name.is_empty());
    let follow: BTreeSet<Relation> = names.map(str::parse).collect::<Result<_, _>>()?;
    let scope = GraphScope { roots, follow, closed, depth };
    reading.answer(&state, async move |storage| Ok(told(&storage.graph(&scope).await?))).await
}

/// Lists the records that can't be read.
#[utoipa::path(
    get,
    path = "/storage/problems",
    tag = "storage",
    operation_id = "storedProblems",
    responses((status = 200, description = "The records, by path", body = Envelope<Vec<exact::RecordProblem>>))
)]
pub(crate) async fn problems(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    reading.answer(&state, async move |storage| Ok(told(&storage.problems().await?))).await
}

/// Tells the vocabulary of the issues.
#[utoipa::path(
    get,
    path = "/storage/schema",
    tag = "storage",
    operation_id = "storedSchema",
    responses((status = 200, description = "The vocabulary", body = Envelope<exact::Schema>))
)]
pub(crate) async fn schema(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    reading.answer(&state, async move |storage| Ok(told(&*storage.schema().await?))).await
}

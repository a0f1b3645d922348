//! What became of an issue, commit by commit.

use std::sync::Arc;

use axum::extract::State as At;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::{Authorships, Envelope, ErrorCode, History, Meta};
use tickety_store::IssueStorage;
use utoipa::IntoParams;

use crate::extract::{Parameters, Path};
use crate::problem::Problem;
use crate::project::Historian;
use crate::reading::{Made, Reading};
use crate::state::State;

/// The parameters of a history.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParameters {
    /// The last steps only, so many.
    #[param(minimum = 1)]
    limit: Option<u32>,
}

/// The parameters of an answer that has none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// Tells what each commit did to an issue, oldest first.
#[utoipa::path(
    get,
    path = "/issues/{issue}/history",
    tag = "history",
    operation_id = "showHistory",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42"), HistoryParameters),
    responses((status = 200, description = "The answer", body = Envelope<History>))
)]
pub(crate) async fn steps(
    At(state): At<State>,
    reading: Reading,
    Path(name): Path<String>,
    Parameters(HistoryParameters { limit }): Parameters<HistoryParameters>,
) -> Result<Response, Problem> {
    if limit == Some(0) {
        return Err(Problem::new(ErrorCode::BadValue, "a history has at least one step").of_parameter("limit"));
    }
    let (selector, historian) = (state.selector(&name).await?, historian(&state)?);
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let answer = async move |_: &dyn IssueStorage| {
        Ok(Made::new(History::from(&historian.history(selector, limit)?), Meta::default()))
    };
    reading.answer(&state, answer).await
}

/// Tells for each field of an issue which commit last changed it.
#[utoipa::path(
    get,
    path = "/issues/{issue}/history/fields",
    tag = "history",
    operation_id = "showFieldHistory",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    responses((status = 200, description = "The answer", body = Envelope<Authorships>))
)]
pub(crate) async fn fields(
    At(state): At<State>,
    reading: Reading,
    Path(name): Path<String>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let (selector, historian) = (state.selector(&name).await?, historian(&state)?);
    let answer = async move |_: &dyn IssueStorage| {
        Ok(Made::new(Authorships::from(&historian.history(selector, usize::MAX)?), Meta::default()))
    };
    reading.answer(&state, answer).await
}

pub(super) fn historian(state: &State) -> Result<Arc<dyn Historian>, Problem> {
    state.project.historian.clone().ok_or_else(|| {
        Problem::new(ErrorCode::Unsupported, "the issues of this project have no history")
            .hint("GET /events tells what was done here")
    })
}

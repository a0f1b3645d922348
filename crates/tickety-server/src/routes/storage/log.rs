//! What happened: the log, and the history of an issue.

use std::sync::Arc;

use axum::extract::State as At;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::exact;
use tickety_api::{Envelope, ErrorCode};
use tickety_store::{IssueStorage, Position};
use utoipa::IntoParams;

use super::told;
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::routes::history::historian;
use crate::state::State;

/// From where events are read.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParameters {
    /// `oldest`; `newest`, for none but a cursor; `last-50`, for so many before the end on; or the cursor after which.
    from: String,
    /// How many events at the most.
    #[param(minimum = 0, maximum = 1000)]
    limit: usize,
}

/// Returns events from a position on.
#[utoipa::path(
    get,
    path = "/storage/events",
    tag = "storage",
    operation_id = "storedEvents",
    params(LogParameters),
    responses((status = 200, description = "The events, oldest first", body = Envelope<exact::EventPage>))
)]
pub(crate) async fn events(
    At(state): At<State>,
    reading: Reading,
    Parameters(LogParameters { from, limit }): Parameters<LogParameters>,
) -> Result<Response, Problem> {
    let most = state.shared.limits.page as usize;
    if limit > most {
        return Err(Problem::new(ErrorCode::BadValue, format_args!("a page has at most {most} events"))
            .of_parameter("limit")
            .hint("ask for the next page with `from`"));
    }
    let from = position(&from)?;
    let log = Arc::clone(state.project.log());
    reading.answer(&state, async move |_: &dyn IssueStorage| Ok(told(&log.events(from, limit).await?))).await
}

fn position(text: &str) -> Result<Position, Problem> {
    Ok(match text {
        "oldest" => Position::Oldest,
        "newest" => Position::Newest,
        _ => match text.strip_prefix("last-").and_then(|count| count.parse().ok()) {
            Some(count) => Position::Last(count),
            None => Position::After(
                text.parse().map_err(|error| Problem::new(ErrorCode::BadCursor, error).of_parameter("from"))?,
            ),
        },
    })
}

/// Tells what the log holds.
#[utoipa::path(
    get,
    path = "/storage/events/stats",
    tag = "storage",
    operation_id = "storedEventLog",
    responses((status = 200, description = "What it holds", body = Envelope<exact::EventStats>))
)]
pub(crate) async fn stats(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    let log = Arc::clone(state.project.log());
    reading.answer(&state, async move |_: &dyn IssueStorage| Ok(told(&log.event_stats().await?))).await
}

/// Whose history is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryOfParameters {
    /// A number, a name or an id.
    issue: String,
    /// The last steps only, so many.
    #[param(minimum = 1)]
    limit: Option<u32>,
}

/// Tells what became of an issue, commit by commit.
#[utoipa::path(
    get,
    path = "/storage/history",
    tag = "storage",
    operation_id = "storedHistory",
    params(HistoryOfParameters),
    responses((status = 200, description = "The history", body = Envelope<exact::History>))
)]
pub(crate) async fn history(
    At(state): At<State>,
    reading: Reading,
    Parameters(HistoryOfParameters { issue, limit }): Parameters<HistoryOfParameters>,
) -> Result<Response, Problem> {
    if limit == Some(0) {
        return Err(Problem::new(ErrorCode::BadValue, "a history has at least one step").of_parameter("limit"));
    }
    let (selector, historian) = (state.selector(&issue).await?, historian(&state)?);
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let answer = async move |_: &dyn IssueStorage| Ok(told(&historian.history(selector, limit)?));
    reading.answer(&state, answer).await
}

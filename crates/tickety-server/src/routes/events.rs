//! What happened, as the log has it.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State as At;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::{Envelope, ErrorCode, EventStats, Events, Meta};
use tickety_core::event::EventType;
use tickety_engine::events;
use tickety_store::{EventCursor, IssueStorage, Position};
use utoipa::IntoParams;

use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::state::State;

/// How many events an answer has where nothing else is said.
const SHOWN: usize = 50;

/// How many it has after a cursor.
const AFTER_CURSOR: usize = 1000;

/// The parameters of events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParameters {
    /// What came after the event of this cursor; `start` for all that is kept. The last events where absent.
    since: Option<String>,
    /// These types only, with commas between them.
    types: Option<String>,
    /// How many events at the most.
    #[param(minimum = 0, maximum = 1000)]
    limit: Option<usize>,
}

/// Shows what happened, oldest first.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    operation_id = "listEvents",
    params(EventParameters),
    responses((status = 200, description = "The answer", body = Envelope<Events>))
)]
pub(crate) async fn page(
    At(state): At<State>,
    reading: Reading,
    Parameters(EventParameters { since, types, limit }): Parameters<EventParameters>,
) -> Result<Response, Problem> {
    let from = since.as_deref().map(position).transpose()?;
    let types: Vec<EventType> = match &types {
        None => Vec::new(),
        Some(names) => names.split(',').map(|name| event_type(name.trim())).collect::<Result<_, _>>()?,
    };
    let most = state.shared.limits.page as usize;
    let limit = limit.unwrap_or(if from.is_some() { AFTER_CURSOR } else { SHOWN }.min(most));
    if limit > most {
        return Err(Problem::new(ErrorCode::BadValue, format_args!("a page has at most {most} events"))
            .of_parameter("limit")
            .hint("ask for the next page with `since`"));
    }
    let log = Arc::clone(state.project.log());
    let answer = async move |_: &dyn IssueStorage| {
        let page = match from {
            None => events::last(&*log, limit, &types).await?,
            Some(from) => events::first(&*log, from, limit, &types).await?,
        };
        Ok(Made::new(Events::from(&page), Meta::default()))
    };
    reading.answer(&state, answer).await
}

/// Tells what the log holds.
#[utoipa::path(
    get,
    path = "/events/stats",
    tag = "events",
    operation_id = "showEventLog",
    responses((status = 200, description = "The answer", body = Envelope<EventStats>))
)]
pub(crate) async fn stats(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    let log = Arc::clone(state.project.log());
    let answer =
        async move |_: &dyn IssueStorage| Ok(Made::new(EventStats::from(&log.event_stats().await?), Meta::default()));
    reading.answer(&state, answer).await
}

fn position(text: &str) -> Result<Position, Problem> {
    if text == "start" {
        return Ok(Position::Oldest);
    }
    let cursor = EventCursor::from_str(text);
    cursor.map(Position::After).map_err(|error| Problem::new(ErrorCode::BadCursor, error).of_parameter("since"))
}

fn event_type(name: &str) -> Result<EventType, Problem> {
    name.parse().map_err(|error| Problem::new(ErrorCode::BadValue, error).of_parameter("types"))
}

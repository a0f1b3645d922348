//! What a store is asked, word for word: for programs of Tickety, which have the same types at the other end.

pub(crate) mod acting;
pub(crate) mod issues;
pub(crate) mod log;
pub(crate) mod questions;
pub(crate) mod writes;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use serde::Serialize;
use tickety_api::ErrorCode;
use tickety_api::Meta;
use tickety_api::exact::{Exact, Malformed};

use crate::problem::{self, Problem};
use crate::reading::Made;
use crate::state::State;

/// Returns the routes, without what their addresses begin with.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/storage/schema", get(questions::schema))
        .route("/storage/issues", get(issues::issues))
        .route("/storage/texts", get(issues::texts))
        .route("/storage/references", get(issues::references))
        .route("/storage/unreadable", post(issues::unreadable))
        .route("/storage/list", get(questions::list))
        .route("/storage/count", get(questions::count))
        .route("/storage/stats", get(questions::stats))
        .route("/storage/graph", get(questions::graph))
        .route("/storage/problems", get(questions::problems))
        .route("/storage/batch", post(writes::submit))
        .route("/storage/preview", post(writes::preview))
        .route("/storage/recall", post(writes::recall))
        .route("/storage/events", get(log::events))
        .route("/storage/events/stats", get(log::stats))
        .route("/storage/history", get(log::history))
        .layer(middleware::map_response(problem::say_exactly))
}

/// Makes an answer of what a store says.
fn told<T: Exact<Wire: Serialize>>(value: &T) -> Made {
    Made::new(value.to_wire(), Meta::default())
}

/// Says that a body isn't what it should be.
fn malformed(error: Malformed) -> Problem {
    Problem::new(ErrorCode::BadInput, format_args!("the body: {error}"))
}

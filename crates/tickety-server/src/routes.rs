//! The addresses of a project, one file a resource.

mod issues;
mod stream;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::state::State;

/// Returns the routes of a project, without what their addresses begin with.
pub(crate) fn of_project(state: State) -> Router {
    Router::new()
        .route("/issues", get(issues::list).post(issues::create))
        .route("/issues/{issue}", get(issues::show))
        .route("/events/stream", get(stream::follow))
        .layer(DefaultBodyLimit::max(state.shared.limits.body))
        .with_state(state)
}

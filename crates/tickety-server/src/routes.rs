//! The addresses of a project, one file a resource.

pub(crate) mod batch;
pub(crate) mod caches;
pub(crate) mod comments;
pub(crate) mod events;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod issues;
pub(crate) mod links;
pub(crate) mod lists;
pub(crate) mod stats;
pub(crate) mod storage;
pub(crate) mod stream;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, patch, post};

use crate::envelope::JSON;
use crate::server::API;
use crate::state::State;

/// The description of the API, which a test compares with the code.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// Returns the routes of a project, without what their addresses begin with.
pub(crate) fn of_project(state: State) -> Router {
    Router::new()
        .route("/batch", post(batch::apply))
        .route("/batch/get", post(batch::get))
        .route("/issues", get(lists::list).post(issues::create))
        .route("/issues/{issue}", get(issues::show).patch(issues::update).delete(issues::delete))
        .route("/issues/{issue}/close", post(issues::close))
        .route("/issues/{issue}/reopen", post(issues::reopen))
        .route("/issues/{issue}/comments", get(comments::list).post(comments::add))
        .route("/issues/{issue}/comments/{comment}", patch(comments::edit).delete(comments::remove))
        .route("/issues/{issue}/links", get(links::list).post(links::add))
        .route("/issues/{issue}/links/{relation}/{other}", delete(links::remove))
        .route("/issues/{issue}/history", get(history::steps))
        .route("/issues/{issue}/history/fields", get(history::fields))
        .route("/search", get(lists::search))
        .route("/ready", get(lists::ready))
        .route("/graph", get(graph::graph))
        .route("/stats", get(stats::stats))
        .route("/problems", get(stats::problems))
        .route("/schema", get(stats::schema))
        .route("/events", get(events::page))
        .route("/events/stream", get(stream::follow))
        .route("/events/stats", get(events::stats))
        .route("/cache/stats", get(caches::stats))
        .route("/cache/entries", get(caches::entries))
        .route("/cache/clear", post(caches::clear))
        .merge(storage::routes())
        // They were bounded when they arrived.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// Whether a route takes the body of a batch, which is longer than others.
pub(crate) fn is_batch(route: &str) -> bool {
    route.starts_with(API) && ["/batch", "/batch/get", "/storage/preview"].iter().any(|end| route.ends_with(end))
}

/// Returns the routes that belong to no project.
pub(crate) fn of_server() -> Router {
    Router::new().route(&format!("{API}/openapi.json"), get(openapi))
}

/// Describes the API.
async fn openapi() -> Response {
    let headers =
        [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))];
    (headers, OPENAPI).into_response()
}

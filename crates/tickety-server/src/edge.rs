//! What happens to every request before a route sees it, and to every answer after.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, OriginalUri, Request, State as Has};
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tickety_api::ErrorCode;
use tokio::sync::Semaphore;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _, SizeAbove};

use crate::bodies::Bodies;
use crate::guard::{self, Guard};
use crate::limits::Limits;
use crate::problem::Problem;
use crate::request_id::{self, RequestIds, X_REQUEST_ID};
use crate::state::Shared;
use crate::{compressed, conditional, routes};

/// What is at hand for every request.
struct Gate {
    ids: RequestIds,
    limits: Limits,
}

/// What a request comes by that is to be answered.
struct Entrance {
    bodies: Bodies,
    /// One permit for each request that is worked on.
    requests: Semaphore,
}

/// Puts all of it around routes, those that are there already included.
pub(crate) fn around(router: Router, guard: Arc<Guard>, shared: &Arc<Shared>) -> Router {
    let limits = shared.limits.clone();
    let requests = Semaphore::new(limits.requests.clamp(1, Semaphore::MAX_PERMITS));
    let entrance = Arc::new(Entrance { bodies: Bodies::new(limits.clone()), requests });
    let gate = Arc::new(Gate { ids: RequestIds::default(), limits });
    let router = router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(compression())
        .layer(middleware::from_fn_with_state(entrance, enter));
    guard::around(router, guard).layer(middleware::from_fn_with_state(gate, pass))
}

fn compression() -> CompressionLayer<impl tower_http::compression::Predicate> {
    let worthwhile = DefaultPredicate::new().and(SizeAbove::new(compressed::SHORTEST));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// Gives a request its id, and has it answered in time.
async fn pass(Has(gate): Has<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let id = gate.ids.of(request.headers());
    request.extensions_mut().insert(id.clone());
    let answer = request_id::scope(id.clone(), next.run(request));
    let response = match tokio::time::timeout(gate.limits.time, answer).await {
        Ok(response) => response,
        Err(_) => late(&gate.limits).into_response(),
    };
    let mut response = tag_compressed(Problem::write_into(response, &id));
    guard::secure(response.headers_mut());
    response.headers_mut().insert(X_REQUEST_ID, id.to_header());
    response
}

/// Has a request wait for its body, and only then for its turn: who sends slowly keeps nobody else waiting.
async fn enter(Has(entrance): Has<Arc<Entrance>>, request: Request, next: Next) -> Response {
    let is_batch = request.extensions().get::<MatchedPath>().is_some_and(|path| routes::is_batch(path.as_str()));
    let (request, _room) = match entrance.bodies.arrive(request, is_batch).await {
        Ok(arrived) => arrived,
        Err(problem) => return problem.into_response(),
    };
    // It is never closed.
    let _permit = entrance.requests.acquire().await.ok();
    next.run(request).await
}

/// Gives compressed bytes a tag of their own.
fn tag_compressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG).and_then(conditional::compressed)
    {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn late(limits: &Limits) -> Problem {
    let detail = format!("the answer took longer than {} s", limits.time.as_secs_f64());
    Problem::new(ErrorCode::Timeout, detail)
        .hint("ask for less; a write that has begun is finished: look before it is repeated")
}

async fn no_route(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(ErrorCode::NoRoute, format_args!("there is nothing at {}", uri.path()))
        .hint("GET /api/v1/openapi.json lists what there is")
}

async fn no_method(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(ErrorCode::BadMethod, format_args!("{} does not answer to {method}", uri.path()))
        .hint("the header `Allow` lists what it answers to")
}

/// Answers for a route that panicked. What it said has gone to standard error and is nobody's business.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::internal().into_response()
}

//! Batches as a store takes them.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Request, State as At};
use axum::http::StatusCode;
use axum::response::Response;
use tickety_api::exact::{self, Exact as _};
use tickety_api::{Envelope, ErrorCode};
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_engine::requests;
use tickety_store::{Batch, BatchMode, BatchOutcome, IssueStorage};

use super::acting::Acting;
use super::malformed;
use crate::cache_tag::{self, CACHE_TAG};
use crate::problem::Problem;
use crate::state::State;
use crate::writing::{self, WithBody};

/// A batch, and what becomes of it.
pub(crate) struct Submitted {
    batch: Batch,
    mode: BatchMode,
}

impl FromRequest<State> for Submitted {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(acting) = Acting::from_request_parts(&mut parts, state).await;
        let WithBody { writing, body } =
            WithBody::<exact::Batch>::from_request(Request::from_parts(parts, body), state).await?;
        let (batch, mode) = body.read().map_err(malformed)?;
        let most = state.shared.limits.operations;
        if batch.operations.len() > most {
            return Err(Problem::new(ErrorCode::TooMany, format_args!("a batch has at most {most} operations"))
                .hint("do it in several batches"));
        }
        acting.check(&batch.operations, batch.source.as_deref())?;
        let Batch { operations, actor, now, source, request } = batch;
        let request = match request {
            Some(request) => Some(of_one(&acting, &request)?),
            None => writing.request,
        };
        let (actor, now) = (acting.actor(actor), acting.time(now, state));
        Ok(Self { batch: Batch { operations, actor, now, source, request }, mode })
    }
}

/// Names a request of a store so that nobody learns by its key what became of that of another.
fn of_one(acting: &Acting, request: &tickety_store::Request) -> Result<tickety_store::Request, Problem> {
    let asked = [&b"storage"[..], acting.name().as_bytes(), &request.digest()];
    requests::request(request.key(), asked).map_err(|error| Problem::new(ErrorCode::BadValue, error))
}

/// Applies a batch, as a whole or as far as it goes.
#[utoipa::path(
    post,
    path = "/storage/batch",
    tag = "storage",
    operation_id = "submitBatch",
    request_body = exact::Batch,
    responses((status = 200, description = "What became of each operation, also where nothing was done", body = Envelope<exact::Outcome>))
)]
pub(crate) async fn submit(At(state): At<State>, Submitted { batch, mode }: Submitted) -> Result<Response, Problem> {
    let project = Arc::clone(&state.project);
    let (outcome, touched) = state
        .ask(async move |storage| {
            let outcome = storage.submit(batch, mode).await;
            project.announce().await;
            let outcome = outcome?;
            let touched = touched(storage, &outcome).await;
            Ok::<_, Problem>((outcome, touched))
        })
        .await?;
    let mut response = writing::respond(StatusCode::OK, outcome.to_wire(), outcome.replayed);
    if let Some(touched) = touched.and_then(cache_tag::value) {
        response.headers_mut().insert(CACHE_TAG, touched);
    }
    Ok(response)
}

/// Returns the issues that a batch has changed, and those that they are linked to; `None` where they are many.
async fn touched(storage: &dyn IssueStorage, outcome: &BatchOutcome) -> Option<Vec<IssueKey>> {
    if outcome.outcomes.len() > cache_tag::MOST {
        return None;
    }
    let mut touched: Vec<IssueKey> = outcome.outcomes.iter().map(|outcome| outcome.key).collect();
    let selectors: Vec<IssueSelector> = touched.iter().map(|key| (*key).into()).collect();
    // What was deleted is in none of the answers, or in those of the issues that were linked to it.
    for stored in storage.get_many(&selectors).await.into_iter().flatten() {
        touched.extend(stored.derived.links.iter().filter_map(|end| end.target.as_ref().map(|target| target.key)));
    }
    Some(touched)
}

/// Tells what a batch would do, and changes nothing.
#[utoipa::path(
    post,
    path = "/storage/preview",
    tag = "storage",
    operation_id = "previewBatch",
    request_body = exact::Batch,
    responses((status = 200, description = "What would become of each operation, and which issues would differ", body = Envelope<exact::Preview>))
)]
pub(crate) async fn preview(At(state): At<State>, Submitted { batch, mode }: Submitted) -> Result<Response, Problem> {
    let preview = state.ask(async move |storage| storage.preview(batch, mode).await).await?;
    Ok(writing::respond(StatusCode::OK, preview.to_wire(), false))
}

/// Tells what became of a request that was sent before.
#[utoipa::path(
    post,
    path = "/storage/recall",
    tag = "storage",
    operation_id = "recallRequest",
    request_body = exact::RequestKey,
    responses((status = 200, description = "What became of it, or `null` where it isn't remembered", body = Envelope<Option<exact::Outcome>>))
)]
pub(crate) async fn recall(
    At(state): At<State>,
    acting: Acting,
    WithBody { writing: _, body }: WithBody<exact::RequestKey>,
) -> Result<Response, Problem> {
    let request = of_one(&acting, &tickety_store::Request::from_wire(body).map_err(malformed)?)?;
    let outcome = state.ask(async move |storage| storage.recall(&request).await).await?;
    Ok(writing::respond(StatusCode::OK, outcome.to_wire(), false))
}

//! Requests that write: on conditions, and once only where they have a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tickety_api::answer::Written;
use tickety_api::{ErrorCode, Meta};
use tickety_core::ident::{IssueKey, IssueName, Version};
use tickety_core::operation::Operation;
use tickety_engine::requests;
use tickety_engine::writes::{Parents, SeveralParents};
use tickety_store::{Batch, BatchOutcome, IssueStorage, StoredIssue};
use tokio::sync::OwnedMutexGuard;

use crate::caller::Caller;
use crate::conditional::{Named, Preconditions};
use crate::envelope::answer;
use crate::extract;
use crate::problem::Problem;
use crate::reading::Made;
use crate::routes::issues;
use crate::state::State;

/// The header with the key of a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that says that an answer is an earlier one.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Makes what is read at an address of an issue; with whether answers are given from the index as it is.
pub(crate) type Target = fn(&StoredIssue, bool) -> Made;

/// The parents that others took the place of, by the issue.
type Replaced = BTreeMap<IssueKey, IssueName>;

/// A request that writes, without a body.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) caller: Caller,
    pub(crate) now: Timestamp,
    preconditions: Preconditions,
    /// What its conditions are about.
    target: Target,
    /// What is answered where it succeeds.
    status: StatusCode,
    /// What tells the request from others, if it has a key.
    pub(crate) request: Option<tickety_store::Request>,
}

/// A request that writes, with its body.
#[derive(Debug)]
pub(crate) struct WithBody<T> {
    pub(crate) writing: Writing,
    pub(crate) body: T,
}

impl Writing {
    pub(crate) async fn read(parts: &mut Parts, body: &[u8], state: &State) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, state).await;
        let preconditions = Preconditions::read(&parts.headers);
        let request = match parts.headers.get(IDEMPOTENCY_KEY) {
            None => None,
            Some(key) => Some(named(key, parts, &caller, body)?),
        };
        let target: Target = issues::representation;
        Ok(Self { caller, now: state.now(), preconditions, target, status: StatusCode::OK, request })
    }

    /// Sets what its conditions are about, where that isn't the issue.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets what is answered where it succeeds.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Refuses conditions that name tags, since there are none to compare them with. `exists` says whether there is
    /// something to read at the address.
    pub(crate) fn check_without_tags(&self, exists: bool) -> Result<(), Problem> {
        let Preconditions { matching, none_matching } = &self.preconditions;
        for (name, named, holds) in [("If-Match", matching, exists), ("If-None-Match", none_matching, !exists)] {
            match named {
                None => {}
                Some(Named::Anything) if holds => {}
                Some(Named::Anything) => {
                    let there = if exists { "there is something" } else { "there is nothing to read" };
                    let detail = format!("the condition of the request doesn't hold: {there} at the address");
                    return Err(Problem::new(ErrorCode::Conflict, detail).of_parameter(name));
                }
                Some(Named::Tags(_)) => {
                    let detail = format!("a request to this address can't depend on tags, as in `{name}`");
                    return Err(Problem::new(ErrorCode::BadValue, detail).of_parameter(name).hint(
                        "a write to one issue can, and `version` in an operation of a batch says what it is based on",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Makes a batch of who asks, now.
    pub(crate) fn batch(&self, operations: Vec<Operation>) -> Batch {
        Batch::new(operations, self.caller.actor(), self.now).once(self.request.clone())
    }

    /// Returns what became of the request before, if it has a key and was sent before.
    pub(crate) async fn recalled(&self, storage: &dyn IssueStorage) -> Result<Option<BatchOutcome>, Problem> {
        match &self.request {
            Some(request) => Ok(storage.recall(request).await?),
            None => Ok(None),
        }
    }

    /// Writes to no issue that is there already, all or nothing, and tells what was done. `make` says what is to be done.
    pub(crate) async fn apply<F>(self, state: &State, make: F) -> Result<Response, Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage) -> Result<Work, Problem> + Send + 'static,
    {
        self.check_without_tags(true)?;
        self.write(state, make).await
    }

    async fn write<F>(self, state: &State, make: F) -> Result<Response, Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage) -> Result<Work, Problem> + Send + 'static,
    {
        let (project, status) = (Arc::clone(&state.project), self.status);
        let (written, replayed) = state
            .ask(async move |storage| {
                let (outcome, replaced) = match self.recalled(storage).await? {
                    Some(outcome) => (outcome.or_first_failure()?, BTreeMap::new()),
                    None => match self.done(storage, make).await {
                        Ok(done) => done,
                        // The same request may have come first meanwhile, and left nothing to do for this one.
                        Err(problem) => match self.recalled(storage).await? {
                            Some(outcome) => (outcome.or_first_failure()?, BTreeMap::new()),
                            None => return Err(problem),
                        },
                    },
                };
                project.announce().await;
                Ok::<_, Problem>((Written::new(&outcome, &replaced), outcome.replayed))
            })
            .await?;
        let location = match written.issues.first() {
            Some(issue) if issue.effect == "created" => Some(format!("{}/issues/{}", state.base, issue.key)),
            _ => None,
        };
        let mut response = respond(status, written, replayed);
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    /// Does what `make` says, and returns also which parents others took the place of.
    async fn done<F>(&self, storage: &dyn IssueStorage, make: F) -> Result<(BatchOutcome, Replaced), Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage) -> Result<Work, Problem>,
    {
        let Work { operations, _gate } = make(storage).await?;
        let parents = Parents::before(storage, &operations).await?;
        let outcome = storage.apply(self.batch(operations)).await?;
        let replaced = parents.replaced(storage).await;
        Ok((outcome, replaced))
    }

    /// Writes to one issue, on the conditions of the request. `make` gets the issue as it is, and the version that it
    /// has to be at still.
    pub(crate) async fn apply_to<F>(self, name: &str, state: &State, make: F) -> Result<Response, Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage, &StoredIssue, Option<Version>) -> Result<Vec<Operation>, Problem>
            + Send
            + 'static,
    {
        let selector = state.selector(name).await?;
        let (preconditions, target, project) = (self.preconditions.clone(), self.target, Arc::clone(&state.project));
        self.write(state, async move |storage| {
            let number = storage.get(selector).await?.issue.number;
            // Between the comparison and the write nobody else writes to the issue through this server.
            let gate = project.gate(number).lock_owned().await;
            let stored = storage.get(selector).await?;
            let expected = preconditions.check(&stored, || target(&stored, project.trusts_index))?;
            Ok(Work { operations: make(storage, &stored, expected).await?, _gate: Some(gate) })
        })
        .await
    }
}

/// What a write is to do.
#[derive(Debug, Default)]
pub(crate) struct Work {
    operations: Vec<Operation>,
    /// What keeps others from writing to the same issue until it is done.
    _gate: Option<OwnedMutexGuard<()>>,
}

impl From<Vec<Operation>> for Work {
    fn from(operations: Vec<Operation>) -> Self {
        Self { operations, _gate: None }
    }
}

impl Preconditions {
    /// Compares what an issue has at the address of the request with the conditions, and returns the version that the
    /// issue has to be at when it is written.
    fn check(&self, stored: &StoredIssue, target: impl FnOnce() -> Made) -> Result<Option<Version>, Problem> {
        if self.is_empty() {
            return Ok(None);
        }
        let (representation, _) = target().into_representation(Timestamp::MAX);
        if self.allow(representation.tag()) {
            return Ok(Some(stored.version));
        }
        let detail = format!("{} is not as the condition of the request wants it", stored.issue.key());
        Err(Problem::new(ErrorCode::Conflict, detail)
            .hint("read the issue again, and repeat the write if it is still wanted"))
    }
}

/// Answers with what a write did.
pub(crate) fn respond(status: StatusCode, data: impl serde::Serialize, replayed: bool) -> Response {
    let mut response = answer(status, data, Meta { replayed, ..Meta::default() });
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Names a request by its key and all that it asks for. A key may stand in quotation marks, as in the draft of the IETF.
fn named(key: &HeaderValue, parts: &Parts, caller: &Caller, body: &[u8]) -> Result<tickety_store::Request, Problem> {
    let bad = |detail: String| Problem::new(ErrorCode::BadValue, detail).of_parameter("Idempotency-Key");
    let key = std::str::from_utf8(key.as_bytes()).map_err(|_| bad("the key of a request is text".to_owned()))?;
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let target = match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri,
        None => &parts.uri,
    };
    let conditions = [header::IF_MATCH, header::IF_NONE_MATCH].map(|name| parts.headers.get(name));
    let [matching, none_matching] = conditions.map(|value| value.map_or(&b""[..], HeaderValue::as_bytes));
    let target = target.path_and_query().map_or("/", |target| target.as_str());
    let actor = caller.name.as_deref().unwrap_or_default();
    let asked = [parts.method.as_str().as_bytes(), target.as_bytes(), actor.as_bytes(), matching, none_matching, body];
    requests::request(key, asked).map_err(|error| bad(error.to_string()))
}

impl FromRequestParts<State> for Writing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Self::read(parts, b"", state).await
    }
}

impl<T: DeserializeOwned> FromRequest<State> for WithBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        extract::check_type(&parts.headers, &[extract::JSON])?;
        let bytes = extract::read(Request::from_parts(parts.clone(), body), state).await?;
        let writing = Writing::read(&mut parts, &bytes, state).await?;
        Ok(Self { writing, body: extract::parse_object(&bytes)? })
    }
}

impl From<SeveralParents> for Problem {
    fn from(error: SeveralParents) -> Self {
        Self::new(ErrorCode::BadValue, error).hint("name one; `relates` links to several")
    }
}

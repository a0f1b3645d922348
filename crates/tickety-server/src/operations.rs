//! How the server is doing: `/health` and `/metrics`, for programs that look after it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State as Has;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value};
use tickety_api::ErrorCode;
use tokio::sync::Mutex;

use crate::closing::Closing;
use crate::envelope::JSON;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// How long an examination may take, or finding out figures.
const BOUND: Duration = Duration::from_secs(2);

/// How long what was found counts.
const COUNTS: Duration = Duration::from_millis(200);

/// The format of the metrics.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How well something does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should.
    Healthy,
    /// It answers, and something isn't as it should be.
    Degraded,
    /// It can't do what it is there for.
    Unhealthy,
}

/// What was found of a part.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Which part.
    pub component: &'static str,
    /// How well it does.
    pub status: Health,
    /// Why it isn't healthy.
    pub reason: Option<String>,
    /// What else there is to know.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

impl Check {
    /// A part that does as it should.
    pub fn healthy(component: &'static str) -> Self {
        Self { component, status: Health::Healthy, reason: None, facts: Map::new() }
    }

    /// Says that something isn't as it should be. Of several reasons the worst counts, of like ones the first.
    #[must_use]
    pub fn but(mut self, status: Health, reason: impl Into<String>) -> Self {
        if status > self.status {
            (self.status, self.reason) = (status, Some(reason.into()));
        }
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// Examines a project; may wait for a disk.
pub type Examine = Arc<dyn Fn() -> Vec<Check> + Send + Sync>;

/// What the routes have at hand.
pub struct Operations {
    /// The version of the program.
    pub version: &'static str,
    /// The projects, and who examines them.
    pub projects: Vec<(String, Examine)>,
    /// Tells when the server ends.
    pub closing: Closing,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Operations with what was found last.
struct Desk {
    operations: Operations,
    last: Arc<Mutex<Option<(Instant, Findings)>>>,
    /// Held by the one who finds out figures.
    rendering: Arc<Mutex<()>>,
}

/// What was found of each project.
type Findings = Vec<(String, Vec<Check>)>;

/// The answer of `/health`.
#[derive(Serialize)]
struct Summary<P> {
    status: Health,
    version: &'static str,
    projects: BTreeMap<String, P>,
}

/// What `/health/details` says of a project.
#[derive(Serialize)]
struct Details {
    status: Health,
    checks: Vec<Check>,
}

/// Returns the routes.
pub fn routes(operations: Operations) -> Router {
    let desk = Arc::new(Desk { operations, last: Arc::default(), rendering: Arc::default() });
    Router::new()
        .route("/health", get(summary))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health/details", get(details))
        .route("/metrics", get(metrics))
        .with_state(desk)
}

async fn summary(Has(desk): Has<Arc<Desk>>) -> Response {
    let found = desk.examine().await;
    let status = worst(found.iter().flat_map(|(_, checks)| checks));
    let projects = found.iter().map(|(name, checks)| (name.clone(), worst(checks))).collect();
    answer(status, &Summary { status, version: desk.operations.version, projects })
}

async fn details(Has(desk): Has<Arc<Desk>>) -> Response {
    let found = desk.examine().await;
    let status = worst(found.iter().flat_map(|(_, checks)| checks));
    let project = |(name, checks): (String, Vec<Check>)| (name, Details { status: worst(&checks), checks });
    let projects = found.into_iter().map(project).collect();
    answer(status, &Summary { status, version: desk.operations.version, projects })
}

/// Says that the process answers: who asks would start it again otherwise.
async fn live() -> Response {
    answer(Health::Healthy, &Map::from_iter([("status".to_owned(), "live".into())]))
}

/// Says whether requests are to be sent here.
async fn ready(Has(desk): Has<Arc<Desk>>) -> Response {
    let found = desk.examine().await;
    let status = worst(found.iter().flat_map(|(_, checks)| checks));
    let (status, said) = match desk.operations.closing.has_begun() {
        true => (Health::Unhealthy, "ending"),
        false if status == Health::Unhealthy => (status, "unhealthy"),
        false => (status, "ready"),
    };
    answer(status, &Map::from_iter([("status".to_owned(), said.into())]))
}

async fn metrics(Has(desk): Has<Arc<Desk>>) -> Response {
    let rendered = async {
        let turn = Arc::clone(&desk.rendering).lock_owned().await;
        let metrics = Arc::clone(&desk.operations.metrics);
        // The turn goes along: one that hangs is not joined by others.
        let rendering = tokio::task::spawn_blocking(move || {
            let text = metrics.render();
            drop(turn);
            text
        });
        rendering.await
    };
    let text = match tokio::time::timeout(BOUND, rendered).await {
        Ok(Ok(text)) => text,
        // It has panicked, and the log says why.
        Ok(Err(_)) => return Problem::internal().into_response(),
        Err(_) => {
            let detail = format!("the figures could not be found out within {} s", BOUND.as_secs());
            return Problem::new(ErrorCode::Timeout, detail).into_response();
        }
    };
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn worst<'c>(checks: impl IntoIterator<Item = &'c Check>) -> Health {
    checks.into_iter().map(|check| check.status).max().unwrap_or(Health::Healthy)
}

fn answer(status: Health, said: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(said).expect("what is said has text keys only");
    let mut response = Response::new(Body::from(bytes));
    if status == Health::Unhealthy {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Desk {
    /// Examines the projects, one examination at a time. What takes too long is found wanting.
    async fn examine(&self) -> Findings {
        let examined = async {
            let mut last = Arc::clone(&self.last).lock_owned().await;
            if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < COUNTS) {
                return found.clone();
            }
            let projects = self.operations.projects.clone();
            // The lock goes along: an examination that hangs is not joined by others.
            let found = tokio::task::spawn_blocking(move || {
                let found: Findings = projects.into_iter().map(|(name, examine)| (name, examine())).collect();
                *last = Some((Instant::now(), found.clone()));
                found
            });
            found.await.unwrap_or_else(|_| self.all("could not be examined"))
        };
        let late = || self.all(&format!("did not answer within {} s", BOUND.as_secs()));
        tokio::time::timeout(BOUND, examined).await.unwrap_or_else(|_| late())
    }

    fn all(&self, reason: &str) -> Findings {
        let check = || vec![Check::healthy("store").but(Health::Unhealthy, reason)];
        self.operations.projects.iter().map(|(name, _)| (name.clone(), check())).collect()
    }
}

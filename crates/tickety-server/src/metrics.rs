//! What is counted, in the text format of Prometheus.
//!
//! Nothing here is global: two servers of one process count apart.

mod exposition;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State as Has};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tickety_api::envelope::milliseconds;

use crate::request_id::X_REQUEST_ID;

pub use exposition::Exposition;

const REQUESTS: &str = "http_requests_total";
const DURATIONS: &str = "http_request_duration_seconds";

/// The upper ends of the buckets, in seconds: answers from memory take microseconds, those from disk milliseconds.
const BUCKETS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// How often what was measured is put into buckets, so that it takes no memory where nobody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);

/// The route of what has none.
const NO_ROUTE: &str = "none";

/// Says figures that are found out when somebody asks.
pub type Source = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// What is counted.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    sources: Mutex<Vec<Source>>,
    meters: RwLock<HashMap<String, Vec<Meter>>>,
}

/// Counts the requests of a route with one outcome.
#[derive(Clone)]
struct Meter {
    method: &'static str,
    status: u16,
    requests: Counter,
    durations: Histogram,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(DURATIONS.to_owned()), &BUCKETS)
            .expect("there are buckets");
        let recorder = builder.build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe_counter!(REQUESTS, Unit::Count, "Requests that were answered");
            describe_histogram!(DURATIONS, Unit::Seconds, "Time until an answer began to be sent");
        });
        Self { handle: recorder.handle(), recorder, sources: Mutex::default(), meters: RwLock::default() }
    }
}

impl Metrics {
    /// Adds who says figures when somebody asks.
    pub fn add(&self, source: Source) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }

    /// Writes everything.
    pub fn render(&self) -> String {
        let mut more = Exposition::default();
        for source in &*self.sources.lock().unwrap_or_else(PoisonError::into_inner) {
            source(&mut more);
        }
        let mut text = self.handle.render();
        more.write(&mut text);
        text
    }

    /// Sums up from time to time, until it is dropped.
    pub async fn keep_up(self: Arc<Self>) {
        let mut times = tokio::time::interval(UPKEEP);
        loop {
            times.tick().await;
            self.handle.run_upkeep();
        }
    }

    fn note(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let is_it = |meter: &&Meter| meter.method == method && meter.status == status;
        let known = |meters: &HashMap<String, Vec<Meter>>| meters.get(route)?.iter().find(is_it).cloned();
        let found = known(&self.meters.read().unwrap_or_else(PoisonError::into_inner));
        let meter = found.unwrap_or_else(|| {
            let mut meters = self.meters.write().unwrap_or_else(PoisonError::into_inner);
            known(&meters).unwrap_or_else(|| {
                let meter = self.meter(route, method, status);
                meters.entry(route.to_owned()).or_default().push(meter.clone());
                meter
            })
        });
        meter.requests.increment(1);
        meter.durations.record(took.as_secs_f64());
    }

    fn meter(&self, route: &str, method: &'static str, status: u16) -> Meter {
        let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
        metrics::with_local_recorder(&self.recorder, || Meter {
            method,
            status,
            requests: counter!(REQUESTS, &labels),
            durations: histogram!(DURATIONS, &labels),
        })
    }
}

/// Counts and logs what goes through a router.
pub fn observe(router: Router, metrics: Arc<Metrics>) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, note_request))
}

async fn note_request(Has(metrics): Has<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = name_of(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let logged = tracing::enabled!(tracing::Level::WARN).then(|| request.uri().clone());
    let response = next.run(request).await;
    let took = begun.elapsed();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let status = response.status().as_u16();
    metrics.note(route, method, status, took);
    if let Some(uri) = logged {
        let id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let (path, ms) = (uri.path(), milliseconds(took));
        match status {
            500.. => tracing::warn!(request_id = id, method, path, status, ms, "failed"),
            400.. => tracing::info!(request_id = id, method, path, status, ms, "refused"),
            _ => tracing::debug!(request_id = id, method, path, status, ms, "answered"),
        }
    }
    response
}

/// Returns the name of a method: of those that are known, since anybody can make up others.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let metrics = Metrics::default();
        let took = Duration::from_millis(3);
        for (route, status) in [("/issues/{issue}", 200), ("/issues/{issue}", 200), ("/issues/{issue}", 404)] {
            metrics.note(route, "GET", status, took);
        }
        metrics.add(Box::new(|more| more.gauge("open_files", "Open files", &[("project", "main")], 3.0)));
        let text = metrics.render();
        for line in [
            r#"http_requests_total{route="/issues/{issue}",method="GET",status="200"} 2"#,
            r#"http_request_duration_seconds_bucket{route="/issues/{issue}",method="GET",status="200",le="0.0025"} 0"#,
            r#"http_request_duration_seconds_bucket{route="/issues/{issue}",method="GET",status="200",le="0.005"} 2"#,
            r#"http_requests_total{route="/issues/{issue}",method="GET",status="404"} 1"#,
            r#"open_files{project="main"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}

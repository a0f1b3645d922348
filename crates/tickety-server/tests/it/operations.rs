//! Health and metrics.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tickety_server::Closing;
use tickety_server::metrics::{Metrics, observe};
use tickety_server::operations::{Check, Examine, Health, Operations, routes};
use tower::ServiceExt as _;

use crate::world::server;

fn router(closing: &Closing, projects: Vec<(&str, Vec<Check>)>) -> Router {
    router_of(closing, projects, Arc::default())
}

fn router_of(closing: &Closing, projects: Vec<(&str, Vec<Check>)>, metrics: Arc<Metrics>) -> Router {
    let examined = |(name, checks): (&str, Vec<Check>)| {
        let examine: Examine = Arc::new(move || checks.clone());
        (name.to_owned(), examine)
    };
    let projects = projects.into_iter().map(examined).collect();
    let operations = Operations { version: "1", projects, closing: closing.clone(), metrics: Arc::clone(&metrics) };
    observe(server().merge(routes(operations)).router(), metrics)
}

async fn get(router: &Router, path: &str) -> (u16, String) {
    let response = router
        .clone()
        .oneshot(Request::get(path).header("host", "localhost").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_worst_part_is_the_health_of_all() {
    let closing = Closing::default();
    let fine = Check::healthy("store").fact("home", "/h");
    let behind = Check::healthy("watcher").but(Health::Degraded, "behind").but(Health::Degraded, "too");
    let broken = Check::healthy("index").but(Health::Degraded, "slow").but(Health::Unhealthy, "broken");
    let cases = [
        (vec![fine.clone()], 200, "healthy", 200),
        (vec![fine.clone(), behind.clone()], 200, "degraded", 200),
        (vec![fine, behind, broken], 503, "unhealthy", 503),
    ];
    for (checks, status, health, ready) in cases {
        let router = router(&closing, vec![("one", checks.clone()), ("two", vec![Check::healthy("store")])]);
        let (found, body) = get(&router, "/health").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((found, &body["status"]), (status, &health.into()));
        assert_eq!((&body["projects"]["one"], &body["projects"]["two"]), (&health.into(), &"healthy".into()));
        assert_eq!(get(&router, "/health/ready").await.0, ready);
        assert_eq!(get(&router, "/health/live").await.0, 200);
        let (_, body) = get(&router, "/health/details").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let last = checks.last().unwrap();
        let told = &body["projects"]["one"]["checks"][checks.len() - 1];
        assert_eq!((&told["component"], &told["reason"]), (&last.component.into(), &last.reason.clone().into()));
    }
}

#[tokio::test]
async fn who_ends_takes_no_more_requests() {
    let closing = Closing::default();
    let router = router(&closing, vec![("one", vec![Check::healthy("store")])]);
    assert_eq!(get(&router, "/health/ready").await.0, 200);
    closing.begin();
    assert_eq!(get(&router, "/health/ready").await.0, 503);
    assert_eq!(get(&router, "/health/live").await.0, 200);
}

#[tokio::test]
async fn what_is_asked_is_counted_by_its_route() {
    let router = router(&Closing::default(), Vec::new());
    for _ in 0..2 {
        get(&router, "/health/live?x=1").await;
    }
    get(&router, "/nothing/here").await;
    let (status, text) = get(&router, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"http_requests_total{route="/health/live",method="GET",status="200"} 2"#,
        r#"http_requests_total{route="none",method="GET",status="404"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn figures_that_cannot_be_found_out_are_an_error_and_no_empty_answer() {
    let metrics = Arc::new(Metrics::default());
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    metrics.add(Box::new(move |_| assert!(!failing.load(Ordering::Relaxed), "as it should")));
    let router = router_of(&Closing::default(), Vec::new(), metrics);
    let (status, body) = get(&router, "/metrics").await;
    assert_eq!(status, 500);
    assert!(body.contains("\"internal\"") && !body.contains("as it should"), "{body}");
    fails.store(false, Ordering::Relaxed);
    assert_eq!(get(&router, "/metrics").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn figures_that_take_too_long_are_given_up_and_asked_for_once() {
    let metrics = Arc::new(Metrics::default());
    let (entered, (go_on, wait)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel::<()>());
    let (counted, wait) = (Arc::clone(&entered), Mutex::new(wait));
    metrics.add(Box::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        wait.lock().unwrap().recv().ok();
    }));
    let router = router_of(&Closing::default(), Vec::new(), metrics);
    for _ in 0..3 {
        let asked = tokio::spawn({
            let router = router.clone();
            async move { get(&router, "/metrics").await }
        });
        while entered.load(Ordering::Relaxed) == 0 || !asked.is_finished() {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!(asked.await.unwrap().0, 504);
    }
    assert_eq!(entered.load(Ordering::Relaxed), 1, "one thread waits, and no more");
    drop(go_on);
    assert_eq!(get(&router, "/metrics").await.0, 200);
}

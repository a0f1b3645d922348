use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::json;
use tickety_server::Limits;
use tickety_store::MemoryStore;

use crate::world::{JSON, World, problem};

const PLAN: &str = r#"[
    {"op": "create", "ref": "a", "title": "Parse"},
    {"op": "create", "title": "Print", "blocked_by": ["$a"]},
    {"op": "close", "issue": 1}
]"#;

#[tokio::test]
async fn a_batch_does_many_things_at_once() {
    let world = World::new();
    world.create(&["One"]).await;
    let foretold = world.post("/api/v1/batch?dry_run=true", PLAN).await.json()["data"].take();
    assert_eq!((&foretold["dry_run"], &foretold["counts"]["created"]), (&true.into(), &2.into()));
    assert_eq!(foretold["changes"].as_array().unwrap().len(), 3);
    assert_eq!(world.data("/api/v1/issues?q=is:any").await["total"], 1, "nothing was done");
    let done = world.post("/api/v1/batch", PLAN).await;
    assert_eq!(done.status, StatusCode::OK);
    let data = done.json()["data"].take();
    assert_eq!(data["counts"], json!({"created": 2, "updated": 1, "deleted": 0, "unchanged": 0, "failed": 0}));
    assert!(data["changes"].is_null() && data["duration_ms"].is_number());
    assert_eq!(world.data("/api/v1/issues?q=is:blocked").await["total"], 1);
}

#[tokio::test]
async fn lines_say_the_same_as_a_list() {
    let world = World::new();
    let lines = "{\"op\": \"create\", \"title\": \"One\"}\n\n{\"op\": \"comment\", \"issue\": 7, \"body\": \"x\"}\n";
    let jsonl = "content-type: application/jsonl";
    let send = async |path: &str, body: &str| world.send(Method::POST, path, &[jsonl], body).await;
    let refused = send("/api/v1/batch", lines).await;
    assert_eq!(refused.problem(), problem(404, "not_found"));
    let failure = &refused.json()["data"]["failures"][0];
    assert_eq!((&failure["line"], &failure["issue"], &failure["code"]), (&3.into(), &"7".into(), &"not_found".into()));
    assert_eq!(refused.json()["data"]["rolled_back"], true);
    let each = send("/api/v1/batch?atomic=false", lines).await;
    assert_eq!(each.status, StatusCode::OK);
    assert_eq!(
        (&each.json()["data"]["counts"]["created"], &each.json()["data"]["counts"]["failed"]),
        (&1.into(), &1.into())
    );
    let bad = send("/api/v1/batch", "{\"op\": \"create\", \"title\": \"x\"}\n{\"op\": \"make\"}").await;
    assert_eq!((bad.problem(), &bad.json()["line"]), (problem(422, "bad_input"), &2.into()));
}

#[tokio::test]
async fn a_batch_with_a_key_is_done_once() {
    let world = World::new();
    world.create(&["One"]).await;
    let send = async || world.send(Method::POST, "/api/v1/batch", &[JSON, "idempotency-key: b"], PLAN).await;
    let (first, second) = (send().await.json(), send().await.json());
    assert_eq!(first["data"]["created"][0]["key"], second["data"]["created"][0]["key"]);
    assert_eq!(second["meta"]["replayed"], true);
    assert_eq!(world.data("/api/v1/issues?q=is:any").await["total"], 3);
}

#[tokio::test]
async fn several_issues_are_read_at_once() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    let found = world.post("/api/v1/batch/get", r#"{"issues": [2, "TIK-1", 9]}"#).await.json()["data"].take();
    let titles: Vec<_> = found["issues"].as_array().unwrap().iter().map(|issue| issue["title"].clone()).collect();
    assert_eq!(titles, ["Two", "One"]);
    assert_eq!((&found["failures"][0]["index"], &found["failures"][0]["code"]), (&2.into(), &"not_found".into()));
}

#[tokio::test]
async fn every_type_of_lines_is_taken_and_by_a_batch_alone() {
    let world = World::new();
    let line = r#"{"op": "create", "title": "One"}"#;
    for kind in ["jsonl", "x-ndjson", "ndjson", "json-lines", "x-jsonlines", "JSONL; charset=utf-8"] {
        let header = format!("content-type: application/{kind}");
        let done = world.send(Method::POST, "/api/v1/batch", &[&header], &format!("{line}\n{line}\n")).await;
        assert_eq!(done.status, StatusCode::OK, "{kind}: {done:?}");
        assert_eq!(done.json()["data"]["counts"]["created"], 2, "{kind}");
        let other = world.send(Method::POST, "/api/v1/issues", &[&header], line).await;
        assert_eq!(other.problem(), problem(415, "unsupported_media_type"), "{kind}");
    }
}

#[tokio::test]
async fn of_a_batch_that_is_too_long_no_more_is_read_than_the_limit() {
    let limits = Limits { operations: 2, ..Limits::default() };
    let world = World::over(Arc::<MemoryStore>::default(), Arc::<MemoryStore>::default(), limits);
    let line = r#"{"op": "create", "title": "One"}"#;
    let jsonl = "content-type: application/jsonl";
    for (kind, body) in
        [(JSON, format!("[{line}, {line}, {line}, and so on")), (jsonl, format!("{line}\n\n{line}\n{line}\nand so on"))]
    {
        let refused = world.send(Method::POST, "/api/v1/batch", &[kind], &body).await;
        assert_eq!(refused.problem(), problem(422, "too_many"), "{kind}");
    }
    for (kind, body) in [(JSON, format!("[{line}, {line}]")), (jsonl, format!("{line}\n{line}\n\n"))] {
        assert_eq!(world.send(Method::POST, "/api/v1/batch", &[kind], &body).await.status, StatusCode::OK, "{kind}");
    }
    let after = world.send(Method::POST, "/api/v1/batch", &[JSON], &format!("[{line}] and more")).await;
    assert_eq!(after.problem(), problem(400, "bad_json"));
}

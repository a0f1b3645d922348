mod meeting;

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use tickety_server::Limits;
use tickety_store::MemoryStore;

use crate::world::{JSON, World, problem};
use meeting::Meeting;

const KEY: &str = "idempotency-key: k1";

#[tokio::test]
async fn a_request_with_a_key_is_done_once() {
    let world = World::new();
    let create = async |key: &str, body: &str| world.send(Method::POST, "/api/v1/issues", &[JSON, key], body).await;
    let first = create(KEY, r#"{"title": "One"}"#).await;
    let second = create("idempotency-key: \"k1\"", r#"{"title": "One"}"#).await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.json()["data"], second.json()["data"]);
    assert_eq!((&first.json()["meta"], &second.json()["meta"]["replayed"]), (&serde_json::json!({}), &true.into()));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(world.data("/api/v1/issues").await["total"], 1);
}

#[tokio::test]
async fn a_key_stands_for_method_address_body_and_conditions() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    let body = r#"{"comment": "x"}"#;
    let patch = async |path: &str, headers: &[&str], body: &str| world.send(Method::PATCH, path, headers, body).await;
    assert_eq!(patch("/api/v1/issues/1", &[JSON, KEY], body).await.status, StatusCode::OK);
    let reused = problem(422, "key_reused");
    assert_eq!(patch("/api/v1/issues/2", &[JSON, KEY], body).await.problem(), reused);
    assert_eq!(patch("/api/v1/issues/1", &[JSON, KEY], r#"{"comment": "y"}"#).await.problem(), reused);
    assert_eq!(patch("/api/v1/issues/1", &[JSON, KEY, "if-match: *"], body).await.problem(), reused);
    let other = world.send(Method::POST, "/api/v1/issues/1/comments", &[JSON, KEY], r#"{"body": "x"}"#).await;
    assert_eq!(other.problem(), reused);
    let long = format!("idempotency-key: {}", "k".repeat(201));
    assert_eq!(patch("/api/v1/issues/1", &[JSON, &long], body).await.problem(), problem(400, "bad_value"));
}

#[tokio::test]
async fn what_was_done_on_a_condition_is_told_again_although_that_no_longer_holds() {
    let world = World::new();
    world.create(&["One"]).await;
    let condition = format!("if-match: {}", world.get("/api/v1/issues/1").await.header("etag"));
    let headers = [KEY, condition.as_str()];
    let delete = async || world.send(Method::DELETE, "/api/v1/issues/1", &headers, "").await;
    let (first, second) = (delete().await, delete().await);
    assert_eq!(first.json()["data"]["issues"][0]["effect"], "deleted");
    assert_eq!(first.json()["data"], second.json()["data"]);
    assert_eq!(second.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn what_was_refused_can_be_tried_again_with_its_key() {
    let world = World::new();
    world.create(&["One"]).await;
    let reopen = async || world.send(Method::POST, "/api/v1/issues/1/reopen", &[JSON, KEY], "{}").await;
    assert_eq!(reopen().await.problem(), problem(422, "not_closed"));
    world.post("/api/v1/issues/1/close", "").await;
    assert_eq!(reopen().await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_with_one_key_at_the_same_time_are_one() {
    const TWINS: usize = 4;
    for (method, body) in [(Method::PATCH, r#"{"priority": "high"}"#), (Method::DELETE, "")] {
        let world = World::over(Arc::new(Meeting::of(TWINS)), Arc::<MemoryStore>::default(), Limits::default());
        world.create(&["One"]).await;
        let condition = format!("if-match: {}", world.get("/api/v1/issues/1").await.header("etag"));
        let headers = [JSON, KEY, condition.as_str()];
        let twins = (0..TWINS).map(|_| world.send(method.clone(), "/api/v1/issues/1", &headers, body));
        let answers = join_all(twins).await;
        for answer in &answers {
            assert_eq!(answer.status, StatusCode::OK, "{method}: {answer:?}");
            assert_eq!(answer.json()["data"], answers[0].json()["data"]);
        }
        let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
        assert_eq!(replayed, TWINS - 1, "{method}");
    }
}

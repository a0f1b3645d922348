use axum::http::{Method, StatusCode};

use crate::world::World;

#[tokio::test]
async fn an_issue_that_was_made_is_listed_and_shown() {
    let world = World::new();
    let made = world.post("/api/v1/issues", r#"{"title": "Parse the header", "labels": ["parser"]}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let key = made.json()["data"]["issues"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/issues/{key}"));

    let shown = world.get(made.header("location")).await.json();
    assert_eq!(shown["data"]["issues"][0]["title"], "Parse the header");
    assert_eq!(shown["data"]["issues"][0]["reporter"], "Ann");

    let listed = world.get("/api/v1/issues?q=label:parser&fields=title").await.json();
    assert_eq!(listed["data"]["issues"][0]["key"], key.as_str());
    assert_eq!((&listed["data"]["total"], &listed["data"]["next"]), (&1.into(), &serde_json::Value::Null));
    assert_eq!(listed["meta"]["query"], "is:open label:parser fields:title");
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let world = World::of(&["one", "two"]);
    world.post("/api/v1/projects/two/issues", r#"{"title": "Theirs"}"#).await;
    for (path, total) in [("/api/v1", 0), ("/api/v1/projects/one", 0), ("/api/v1/projects/two", 1)] {
        assert_eq!(world.get(&format!("{path}/issues")).await.json()["data"]["total"], total, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_a_problem() {
    let world = World::new();
    let json = "content-type: application/json";
    let problem = async |method: Method, path: &str, header: &str, body: &str| {
        world.send(method, &format!("/api/v1{path}"), &[header], body).await.problem()
    };
    let wrong = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(problem(Method::GET, "/nothing", json, "").await, wrong(404, "no_route"));
    assert_eq!(problem(Method::GET, "/issues/5", json, "").await, wrong(404, "not_found"));
    assert_eq!(problem(Method::GET, "/issues/x%20y", json, "").await, wrong(400, "bad_name"));
    assert_eq!(problem(Method::GET, "/issues?q=lable:x", json, "").await, wrong(400, "bad_query"));
    assert_eq!(problem(Method::GET, "/issues?limt=5", json, "").await, wrong(400, "usage"));
    assert_eq!(problem(Method::PUT, "/issues", json, "").await, wrong(405, "method_not_allowed"));
    assert_eq!(problem(Method::POST, "/issues", "accept: */*", "{}").await, wrong(415, "unsupported_media_type"));
    assert_eq!(problem(Method::POST, "/issues", json, "{").await, wrong(400, "bad_json"));
    assert_eq!(problem(Method::POST, "/issues", json, "{}").await, wrong(422, "bad_input"));
    assert_eq!(problem(Method::POST, "/issues", json, r#"{"title": ""}"#).await, wrong(422, "bad_text"));
    let long = format!(r#"{{"title": "{}"}}"#, "x".repeat(3 << 20));
    assert_eq!(problem(Method::POST, "/issues", json, &long).await, wrong(413, "too_large"));
}

#[tokio::test]
async fn a_sane_request_id_is_taken_over_and_another_replaced() {
    let world = World::new();
    let id = async |given: &str| {
        let answer = world.send(Method::GET, "/api/v1/issues", &[&format!("x-request-id: {given}")], "").await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(id("abc-1").await, "abc-1");
    for odd in ["a b", &"x".repeat(65), "<script>"] {
        let made = id(odd).await;
        assert!(made != odd && !made.is_empty(), "{made}");
    }
}

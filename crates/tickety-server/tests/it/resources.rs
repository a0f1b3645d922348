use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{JSON, World, problem};

#[tokio::test]
async fn an_issue_goes_through_its_life() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    let issue = async |field: &str| world.data("/api/v1/issues/1").await["issues"][0][field].take();
    let body = r#"{"title": "First", "add": {"labels": ["x"]}, "due": "2026-12-01", "comment": "So."}"#;
    let updated = world.send(Method::PATCH, "/api/v1/issues/1", &[JSON], body).await;
    assert_eq!(updated.json()["data"]["issues"][0]["effect"], "updated");
    assert_eq!((issue("title").await, issue("labels").await), (json!("First"), json!(["x"])));
    assert_eq!(issue("comment_count").await, 1);
    let cleared = world.send(Method::PATCH, "/api/v1/issues/1", &[JSON], r#"{"due": null}"#).await;
    assert_eq!((cleared.status, issue("due").await), (StatusCode::OK, Value::Null));

    let closed = world.post("/api/v1/issues/1/close", r#"{"duplicate_of": 2, "note": "The same."}"#).await;
    assert_eq!(closed.status, StatusCode::OK);
    assert_eq!(issue("closed").await["reason"], "duplicate");
    let again = world.post("/api/v1/issues/1/close", "{}").await.json();
    assert_eq!(again["data"]["issues"][0]["effect"], "unchanged", "nothing new was said");
    world.post("/api/v1/issues/1/reopen", r#"{"comment": "It is not."}"#).await;
    assert_eq!((issue("status").await, issue("comment_count").await), (json!("open"), json!(2)));

    let deleted = world.send(Method::DELETE, "/api/v1/issues/1", &[], "").await.json();
    assert_eq!(
        (&deleted["data"]["issues"][0]["effect"], &deleted["data"]["issues"][0]["version"]),
        (&json!("deleted"), &Value::Null)
    );
    assert_eq!(world.get("/api/v1/issues/1").await.problem(), problem(404, "not_found"));
}

#[tokio::test]
async fn comments_are_added_edited_and_removed() {
    let world = World::new();
    world.create(&["One"]).await;
    let path = "/api/v1/issues/1/comments";
    assert_eq!(world.post(path, r#"{"body": "Hm."}"#).await.status, StatusCode::CREATED);
    let comment = world.data(path).await["comments"][0].take();
    assert_eq!((&comment["body"], &comment["author"]), (&json!("Hm."), &json!("Ann")));
    let own = format!("{path}/{}", comment["id"].as_str().unwrap());
    world.send(Method::PATCH, &own, &[JSON], r#"{"body": "So."}"#).await;
    assert_eq!(world.data(path).await["comments"][0]["body"], "So.");
    assert_eq!(world.send(Method::DELETE, &own, &[], "").await.status, StatusCode::OK);
    assert_eq!(world.data(path).await["comments"], json!([]));
    assert_eq!(world.send(Method::DELETE, &own, &[], "").await.problem(), problem(422, "no_comment"));
    let odd = world.send(Method::DELETE, &format!("{path}/x"), &[], "").await;
    assert_eq!(odd.problem(), problem(400, "bad_name"));
}

#[tokio::test]
async fn links_are_seen_from_both_ends() {
    let world = World::new();
    world.create(&["One", "Two", "Three"]).await;
    let linked = world.post("/api/v1/issues/1/links", r#"{"relation": "blocks", "others": [2]}"#).await;
    assert_eq!(linked.status, StatusCode::CREATED);
    assert_eq!(world.data("/api/v1/issues/1/links").await["links"][0]["relation"], "blocks");
    assert_eq!(world.data("/api/v1/issues/2/links").await["links"][0]["relation"], "blocked-by");
    assert_eq!(world.data("/api/v1/ready").await["total"], 2);
    let graph = world.data("/api/v1/graph?issues=2").await;
    assert_eq!((graph["nodes"].as_array().unwrap().len(), graph["edges"].as_array().unwrap().len()), (2, 1));
    assert_eq!(world.data("/api/v1/graph").await["roots"], graph["roots"]);
    let circle = world.post("/api/v1/issues/2/links", r#"{"relation": "blocks", "others": [1]}"#).await;
    assert_eq!(circle.problem(), problem(422, "cycle"));
    world.send(Method::DELETE, "/api/v1/issues/2/links/blocked-by/1", &[], "").await;
    assert_eq!(world.data("/api/v1/issues/1/links").await["links"], json!([]));

    for parent in [2, 3] {
        let body = format!(r#"{{"relation": "parent", "others": [{parent}]}}"#);
        let linked = world.post("/api/v1/issues/1/links", &body).await.json()["data"]["issues"][0].take();
        let former = linked["former_parent"].as_str().map(|name| name.starts_with("2-"));
        assert_eq!(former, (parent == 3).then_some(true), "{linked}");
    }
}

#[tokio::test]
async fn a_list_has_pages_an_order_and_fields() {
    let world = World::new();
    world.create(&["One", "Two", "Three"]).await;
    let first = world.data("/api/v1/issues?sort=title&limit=2&fields=title,body").await;
    let title = |page: &Value, place: usize| page["issues"][place]["title"].as_str().unwrap().to_owned();
    assert_eq!((title(&first, 0), title(&first, 1), &first["total"]), ("One".into(), "Three".into(), &json!(3)));
    assert_eq!(first["issues"][0].as_object().unwrap().len(), 4, "number, key and what was asked for");
    let after = first["next"].as_str().unwrap();
    let last = world.data(&format!("/api/v1/issues?sort=title&limit=2&total=false&after={after}")).await;
    assert_eq!((title(&last, 0), last.get("total"), &last["next"]), ("Two".into(), None, &Value::Null));
    let foreign = world.get(&format!("/api/v1/issues?sort=created&after={after}")).await;
    assert_eq!((foreign.problem(), &foreign.json()["parameter"]), (problem(400, "bad_cursor"), &json!("after")));
    for (path, parameter) in
        [("limit=1001", "limit"), ("q=limit:1001", "limit"), ("zone=Mars/Base", "zone"), ("sort=x", "sort")]
    {
        let answer = world.get(&format!("/api/v1/issues?{path}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["parameter"]), (400, &json!(parameter)), "{path}");
    }
    let wrong = world.get("/api/v1/issues?q=is:open%20lable:x").await;
    assert_eq!((wrong.problem(), &wrong.json()["column"]), (problem(400, "bad_query"), &json!(9)));
}

#[tokio::test]
async fn a_search_tells_where_it_fits() {
    let world = World::new();
    world.create(&["Parse the header", "Print it"]).await;
    let found = world.data("/api/v1/search?q=header").await;
    assert_eq!(
        found["issues"][0]["snippets"][0],
        json!({"in": "title", "text": "Parse the header", "hits": [[10, 16]]})
    );
    assert_eq!(world.get("/api/v1/search?q=is:open").await.problem(), problem(400, "bad_query"));
    assert_eq!(world.data("/api/v1/search?q=parse&ranked=true").await["total"], 1);
}

#[tokio::test]
async fn the_project_tells_about_itself() {
    let world = World::new();
    world.create(&["One"]).await;
    world.post("/api/v1/issues/1/close", "{}").await;
    assert_eq!(world.data("/api/v1/stats").await["by_status"], json!({"closed": 1}));
    assert_eq!(world.get("/api/v1/stats?q=sort:title").await.problem(), problem(400, "usage"));
    assert_eq!(world.data("/api/v1/schema").await["prefix"], "TIK");
    assert_eq!(world.data("/api/v1/problems").await, json!({"problems": []}));
    let events = world.data("/api/v1/events?types=issue.closed").await;
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    let next = events["next"].as_str().unwrap();
    assert_eq!(world.data(&format!("/api/v1/events?since={next}")).await["events"], json!([]));
    assert_eq!(world.data("/api/v1/events?since=start&limit=1").await["more"], true);
    let gone = world.get("/api/v1/events?since=00000000000000ff-1").await;
    assert_eq!(gone.problem(), problem(410, "gone"));
    assert_eq!(world.get("/api/v1/events?since=x").await.problem(), problem(400, "bad_cursor"));
    assert_eq!(world.get("/api/v1/events?types=x").await.problem(), problem(400, "bad_value"));
    assert_eq!(world.data("/api/v1/events/stats").await["groups"], 2);
    assert_eq!(world.get("/api/v1/issues/1/history").await.problem(), problem(404, "unsupported"));
    assert_eq!(world.data("/api/v1/cache/stats").await["memory"][0]["class"], "http");
    assert_eq!(world.data("/api/v1/cache/entries").await, json!({"index": null, "memory": []}));
}

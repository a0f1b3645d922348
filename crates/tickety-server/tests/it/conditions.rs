use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};

use crate::world::{JSON, World, problem};

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    for path in
        ["/issues/1", "/issues", "/stats", "/graph", "/events", "/schema", "/issues/1/comments", "/search?q=one"]
    {
        let path = format!("/api/v1{path}");
        let first = world.get(&path).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "private, no-cache");
        for named in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = world.send(Method::GET, &path, &[&format!("if-none-match: {named}")], "").await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path} {named}");
            assert_eq!(again.header("etag"), tag);
            assert_eq!(again.header("vary"), first.header("vary"));
        }
        let other = world.send(Method::GET, &path, &["if-none-match: \"x\""], "").await;
        assert_eq!((other.status, other.body), (StatusCode::OK, first.body), "{path}");
    }
}

#[tokio::test]
async fn every_change_of_what_is_shown_has_another_tag() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    let mut tags = BTreeSet::new();
    let mut tag = async || tags.insert(world.get("/api/v1/issues/1").await.header("etag").to_owned());
    assert!(tag().await);
    world.send(Method::PATCH, "/api/v1/issues/1", &[JSON], r#"{"priority": "high"}"#).await;
    assert!(tag().await, "a field");
    world.post("/api/v1/issues/1/comments", r#"{"body": "Hm."}"#).await;
    assert!(tag().await, "a comment");
    world.post("/api/v1/issues/2/links", r#"{"relation": "blocked-by", "others": [1]}"#).await;
    assert!(tag().await, "the other end of a link");
    world.post("/api/v1/issues/2/close", "{}").await;
    assert!(tag().await, "what is at the other end");
    assert!(!tag().await, "nothing");
}

#[tokio::test]
async fn a_write_on_a_condition_is_refused_once_the_issue_has_changed() {
    let world = World::new();
    world.create(&["One", "Two", "Three"]).await;
    let comment = r#"{"body": "Hm."}"#;
    let writes = [
        (Method::PATCH, "", r#"{"priority": "high"}"#),
        (Method::POST, "/close", "{}"),
        (Method::POST, "/reopen", "{}"),
        (Method::POST, "/comments", comment),
        (Method::POST, "/links", r#"{"relation": "blocks", "others": [2]}"#),
        (Method::DELETE, "/links/blocks/2", ""),
        (Method::DELETE, "", ""),
    ];
    for (method, path, body) in writes {
        // Where nothing is read at the address, the condition is about the issue.
        let read = if ["/comments", "/links"].contains(&path) { path } else { "" };
        let read = format!("/api/v1/issues/1{read}");
        let path = format!("/api/v1/issues/1{path}");
        let old = world.get(&read).await.header("etag").to_owned();
        world.post("/api/v1/issues/1/comments", comment).await;
        world.post("/api/v1/issues/1/links", r#"{"relation": "blocked-by", "others": [3]}"#).await;
        world.post("/api/v1/issues/3/close", r#"{"reason": "completed"}"#).await;
        let with = async |condition: String| world.send(method.clone(), &path, &[JSON, &condition], body).await;
        assert_eq!(with(format!("if-match: {old}")).await.problem(), problem(412, "conflict"), "{method} {path}");
        let now = world.get(&read).await.header("etag").to_owned();
        assert_eq!(
            with(format!("if-match: W/{now}")).await.problem(),
            problem(412, "conflict"),
            "weak tags name nothing"
        );
        assert_eq!(with(format!("if-none-match: {now}")).await.problem(), problem(412, "conflict"));
        assert_eq!(with("if-none-match: *".to_owned()).await.problem(), problem(412, "conflict"));
        let done = with(format!("if-match: {old}, {now}")).await;
        assert!(done.status.is_success(), "{method} {path}: {done:?}");
        world.send(Method::DELETE, "/api/v1/issues/1/links/blocked-by/3", &[], "").await;
        world.post("/api/v1/issues/3/reopen", "{}").await;
    }
    let gone = world.send(Method::DELETE, "/api/v1/issues/1", &["if-match: *"], "").await;
    assert_eq!(gone.problem(), problem(404, "not_found"));
}

#[tokio::test]
async fn a_condition_is_about_what_is_read_at_the_address() {
    let world = World::new();
    world.create(&["One", "Two"]).await;
    let of_the_issue = format!("if-match: {}", world.get("/api/v1/issues/1").await.header("etag"));
    for (part, body) in [("comments", r#"{"body": "Hm."}"#), ("links", r#"{"relation": "blocks", "others": [2]}"#)] {
        let path = format!("/api/v1/issues/1/{part}");
        let tag = format!("if-match: {}", world.get(&path).await.header("etag"));
        world.send(Method::PATCH, "/api/v1/issues/1", &[JSON], &format!(r#"{{"title": "For {part}"}}"#)).await;
        let with = async |condition: &str| world.send(Method::POST, &path, &[JSON, condition], body).await;
        assert_eq!(with(&of_the_issue).await.problem(), problem(412, "conflict"), "{part}");
        assert_eq!(with(&tag).await.status, StatusCode::CREATED, "{part}: a title has no part in it");
        assert_eq!(with(&tag).await.problem(), problem(412, "conflict"), "{part}");
    }
}

#[tokio::test]
async fn a_condition_that_nothing_is_compared_with_is_refused() {
    let world = World::new();
    world.create(&["One"]).await;
    for (path, body, exists) in [
        ("/issues", r#"{"title": "Two"}"#, true),
        ("/batch", r#"[{"op": "create", "title": "Two"}]"#, false),
        ("/batch?dry_run=true", "[]", false),
        ("/batch/get", r#"{"issues": [1]}"#, false),
        ("/cache/clear", "{}", false),
    ] {
        let path = format!("/api/v1{path}");
        let with = async |condition: &str| world.send(Method::POST, &path, &[JSON, condition], body).await;
        let tag = world.get("/api/v1/issues/1").await.header("etag").to_owned();
        for (name, condition) in [("If-Match", "if-match"), ("If-None-Match", "if-none-match")] {
            let refused = with(&format!("{condition}: {tag}")).await;
            assert_eq!(refused.problem(), problem(400, "bad_value"), "{path}");
            assert_eq!(refused.json()["parameter"], name);
        }
        let [there, nothing] = ["if-match: *", "if-none-match: *"];
        let [holds, fails] = if exists { [there, nothing] } else { [nothing, there] };
        assert_eq!(with(fails).await.problem(), problem(412, "conflict"), "{path}");
        assert_eq!(world.data("/api/v1/issues").await["total"], 1, "{path}");
        assert!(with(holds).await.status.is_success(), "{path}");
        for number in [2, 3] {
            world.send(Method::DELETE, &format!("/api/v1/issues/{number}"), &[], "").await;
        }
    }
}

#[tokio::test]
async fn a_version_in_the_body_is_a_condition_that_comments_have_no_part_in() {
    let world = World::new();
    world.create(&["One"]).await;
    let version = world.data("/api/v1/issues/1").await["issues"][0]["version"].as_str().unwrap().to_owned();
    world.post("/api/v1/issues/1/comments", r#"{"body": "Hm."}"#).await;
    let body = |priority: &str| format!(r#"{{"priority": "{priority}", "version": "{version}"}}"#);
    let patch = async |body: String| world.send(Method::PATCH, "/api/v1/issues/1", &[JSON], &body).await;
    assert_eq!(patch(body("high")).await.status, StatusCode::OK);
    assert_eq!(patch(body("low")).await.problem(), problem(412, "conflict"));
}

#[tokio::test]
async fn of_two_who_edit_the_same_comment_one_is_refused() {
    let world = World::new();
    world.create(&["One"]).await;
    world.post("/api/v1/issues/1/comments", r#"{"body": "Hm."}"#).await;
    let id = world.data("/api/v1/issues/1/comments").await["comments"][0]["id"].as_str().unwrap().to_owned();
    let tag = format!("if-match: {}", world.get("/api/v1/issues/1").await.header("etag"));
    let path = format!("/api/v1/issues/1/comments/{id}");
    let headers = [JSON, tag.as_str()];
    let edits =
        [r#"{"body": "So."}"#, r#"{"body": "No."}"#].map(|body| world.send(Method::PATCH, &path, &headers, body));
    let [one, two] = edits;
    let (one, two) = tokio::join!(one, two);
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn compressed_answers_have_tags_of_their_own_that_mean_the_same() {
    let world = World::new();
    world.create(&["A long title, so that the answer is worth compressing"; 10]).await;
    let plain = world.get("/api/v1/issues").await;
    let zipped = world.send(Method::GET, "/api/v1/issues", &["accept-encoding: gzip"], "").await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(zipped.body.len() < plain.body.len() && plain.header("content-encoding").is_empty());
    assert_ne!(zipped.header("etag"), plain.header("etag"));
    let condition = format!("if-none-match: {}", zipped.header("etag"));
    let again = world.send(Method::GET, "/api/v1/issues", &["accept-encoding: gzip", &condition], "").await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // Who has one of both forms is told that it is this one, and what chooses between them.
    let both = format!("if-none-match: {}, {}", plain.header("etag"), zipped.header("etag"));
    for (condition, has) in [
        (condition, &zipped),
        (format!("if-none-match: W/{}", zipped.header("etag")), &zipped),
        (format!("if-none-match: {}", plain.header("etag")), &plain),
        (both, &plain),
    ] {
        for headers in [&["accept-encoding: gzip", condition.as_str()][..], &[condition.as_str()]] {
            let again = world.send(Method::GET, "/api/v1/issues", headers, "").await;
            assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, has.header("etag")));
            assert_eq!(
                again.headers.get_all("vary").iter().collect::<Vec<_>>(),
                ["authorization, cookie, accept-encoding"]
            );
            assert_eq!(again.header("vary"), has.header("vary"));
        }
    }
    let small = world.send(Method::GET, "/api/v1/issues?q=none", &["accept-encoding: gzip"], "").await;
    assert_eq!(small.header("content-encoding"), "", "too short to be worth it");
    assert_eq!(small.header("vary"), zipped.header("vary"));
}

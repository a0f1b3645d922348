//! How much an answer may take.

use std::sync::Arc;

use serde_json::{Value, json};
use tickety_engine::layers::{InstrumentedIssueStorage, OperationKind};
use tickety_server::Limits;
use tickety_store::MemoryStore;

use crate::world::World;

/// A server whose answers have some 5,000 bytes of issues, with this many issues of 2,000 bytes.
async fn world(issues: usize) -> (World, Arc<InstrumentedIssueStorage>) {
    let store = Arc::<MemoryStore>::default();
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::clone(&store) as _));
    let limits = Limits { answer_bytes: 5_000, ..Limits::default() };
    let world = World::over(Arc::clone(&counted) as _, store, limits);
    for number in 1..=issues {
        create(&world, &number.to_string(), 2_000).await;
    }
    (world, counted)
}

async fn create(world: &World, title: &str, bytes: usize) {
    let body = json!({ "title": title, "body": format!("word {}", "x".repeat(bytes)) });
    assert_eq!(world.post("/api/v1/issues", &body.to_string()).await.status, 201);
}

fn titles(data: &Value) -> Vec<String> {
    let issues = data["issues"].as_array().unwrap();
    issues.iter().map(|issue| issue["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_many_long_issues_that_are_named_those_are_told_that_fit() {
    let (world, counted) = world(3).await;
    let reads = || counted.snapshot()[&OperationKind::Read].latency.count;
    let before = reads();
    let names = vec![json!("3"); 1_000];
    let found = world.post("/api/v1/batch/get", &json!({ "issues": names }).to_string()).await.json()["data"].take();
    assert_eq!(titles(&found), ["3", "3"]);
    let failures = found["failures"].as_array().unwrap();
    assert_eq!((failures.len(), &failures[0]["index"], &failures[997]["index"]), (998, &2.into(), &999.into()));
    assert!(failures.iter().all(|failure| failure["code"] == "too_many" && failure["issue"] == "3"), "{failures:?}");
    assert_eq!(reads(), before + 1, "the others were not read");
    let all = world.post("/api/v1/batch/get", r#"{"issues": [2, 9, 1]}"#).await.json()["data"].take();
    assert_eq!(
        (titles(&all), &all["failures"][0]["code"]),
        (vec!["2".to_owned(), "1".to_owned()], &"not_found".into())
    );
}

#[tokio::test]
async fn a_page_of_long_issues_ends_earlier_and_the_next_one_begins_there() {
    let (world, _) = world(20).await;
    for path in ["/issues?fields=title,body", "/search?q=word&sort=number", "/search?q=word&ranked=true"] {
        let (mut told, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = world.data(&format!("/api/v1{path}&limit=1000{after}")).await;
            assert_eq!((page["total"].as_u64(), titles(&page).len()), (Some(20), 2), "{path}");
            told.extend(titles(&page));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        told.sort_by_key(|title| title.parse::<u32>().unwrap());
        let all: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
        assert_eq!((told, pages), (all, 10), "{path}");
    }
    assert_eq!(titles(&world.data("/api/v1/issues?limit=1000").await).len(), 20, "without their texts");
}

#[tokio::test]
async fn one_issue_is_told_however_long_it_is() {
    let (world, _) = world(0).await;
    for title in ["1", "2"] {
        create(&world, title, 9_000).await;
    }
    assert_eq!(titles(&world.data("/api/v1/issues/1").await), ["1"]);
    assert_eq!(titles(&world.data("/api/v1/issues?fields=title,body").await), ["2"]);
    let found = world.post("/api/v1/batch/get", r#"{"issues": [1, 2]}"#).await.json()["data"].take();
    assert_eq!((titles(&found), &found["failures"][0]["index"]), (vec!["1".to_owned()], &1.into()));
}

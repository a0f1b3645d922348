use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::world::{JSON, World, server, telling};

#[tokio::test]
async fn the_committed_description_is_that_of_the_code() {
    let served = World::new().get("/api/v1/openapi.json").await;
    assert_eq!(served.status, StatusCode::OK);
    assert!(
        String::from_utf8(served.body).unwrap() == tickety_server::openapi::document(),
        "cargo run -p tickety-server --example openapi > docs/openapi.json"
    );
}

#[tokio::test]
async fn every_operation_that_is_described_is_there() {
    let world = World::with(server().project(telling().await));
    let document: Value = serde_json::from_str(&tickety_server::openapi::document()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{relation}", "blocks").replace("{issue}", "1").replace("{other}", "2");
            let path = path.replace("{comment}", "01a200d8-3742-7220-a839-7b1dcdaf6e78");
            // One that began would not end.
            let path = path.replace("/stream", "/stream?types=none");
            let answer = world.send(method.clone(), &format!("/api/v1{path}"), &[JSON], "{}").await;
            let code = if answer.status.is_success() { String::new() } else { answer.problem().1 };
            assert!(!["no_route", "method_not_allowed"].contains(&code.as_str()), "{method} {path}: {code}");
            operations += 1;
        }
    }
    assert_eq!(operations, 46);
}

//! What a server counts.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serde_json::json;

use super::process::Server;
use crate::small_home;

/// Returns the families, with their kinds, after looking whether each sample belongs to one that is described once.
fn families(text: &str) -> BTreeMap<String, String> {
    let (mut kinds, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a kind");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            name.clone_into(&mut last);
        } else {
            let name = line.split(['{', ' ']).next().expect("a name");
            let suffix = name.strip_prefix(&last).unwrap_or_else(|| panic!("{line} stands among {last}"));
            assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line}");
            assert!(line.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok()), "{line}");
        }
    }
    assert_eq!(kinds.keys().cloned().collect::<BTreeSet<_>>(), helped);
    kinds
}

#[test]
fn every_metric_is_described_and_its_name_stable() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    for _ in 0..3 {
        server.get("/api/v1/issues");
    }
    let text = server.get("/metrics").body;
    let kinds = families(&text);
    // On other systems than Linux less is known of the process.
    let own = kinds.iter().filter(|(name, _)| !name.starts_with("process_"));
    assert_snapshot!(own.map(|(name, kind)| format!("{kind:<9} {name}")).collect::<Vec<_>>().join("\n"));
    for (name, kind) in &kinds {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(!name.contains("milli") && !name.contains("micro"), "{name}");
    }
}

#[test]
fn what_is_counted_is_what_was_done() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    let _events = server.follow("", None);
    for _ in 0..3 {
        assert_eq!(server.get("/api/v1/issues").status, 200);
    }
    assert_eq!(server.get("/api/v1/issues/77").status, 404);
    server.post("/api/v1/issues", &json!({ "title": "One more" }));
    server.follow("?since=start", None).next();
    let text = server.get("/metrics").body;
    let value = |line: &str| {
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{line}\n{text}")).to_owned()
    };
    assert_eq!(value(r#"http_requests_total{route="/api/v1/issues",method="GET",status="200"}"#), "3");
    assert_eq!(value(r#"http_requests_total{route="/api/v1/issues/{issue}",method="GET",status="404"}"#), "1");
    assert_eq!(value(r#"http_requests_total{route="/api/v1/issues",method="POST",status="201"}"#), "1");
    assert_eq!(value(r#"tickety_storage_operation_duration_seconds_count{project="main",operation="create"}"#), "1");
    assert_eq!(value(r#"tickety_watcher_watching{project="main"}"#), "1");
    assert_ne!(value(r#"tickety_event_clients{project="main"}"#), "0");
    assert!(value(r#"tickety_build_info{version="0.1.0"}"#) == "1");
}

#[test]
fn the_log_is_json_where_that_is_asked_for_and_has_the_ids_of_requests() {
    let env = small_home();
    let server = Server::start(&env, &["--log", "debug", "--log-format", "json"]);
    let id = "the-id-of-a-request";
    let host = server.address;
    let mut stream = server.connect();
    std::io::Write::write_all(
        &mut stream,
        format!("GET /api/v1/issues/77 HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {id}\r\n\r\n").as_bytes(),
    )
    .unwrap();
    let line = server.wait_for_log(id);
    let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&logged["status"], &logged["path"]), (&404.into(), &"/api/v1/issues/77".into()), "{line}");
    assert_eq!((&logged["level"], &logged["request_id"]), (&"INFO".into(), &id.into()), "{line}");
}

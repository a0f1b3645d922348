//! How a server says it is doing.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::Server;
use super::record;
use crate::{home, small_home};

/// Returns what is said of a part.
fn check(server: &Server, component: &str) -> Value {
    let details = server.get("/health/details").json();
    let checks = details["projects"]["main"]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["component"] == component).unwrap_or_else(|| panic!("{details}")).clone()
}

/// Asks until the answer is as it is to be.
pub(super) fn until(ask: impl Fn() -> Value, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if is_it(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{answer}");
    }
}

/// Asks until a part isn't healthy any more, and returns how it is and why.
fn worsened(server: &Server, component: &str) -> (String, String) {
    let check = until(|| check(server, component), |check| check["status"] != "healthy");
    let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

#[test]
fn a_server_is_healthy_as_long_as_nothing_is_wrong() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    assert_eq!(server.get("/health/live").status, 200);
    assert_eq!(server.get("/health/ready").status, 200);
    let health = server.get("/health").json();
    assert_eq!((&health["status"], &health["projects"]["main"]), (&"healthy".into(), &"healthy".into()));
    for component in ["store", "index", "watcher", "caches"] {
        assert_eq!(check(&server, component)["status"], "healthy");
    }
    assert_eq!(check(&server, "watcher")["mode"], "notices");
    assert_eq!(check(&server, "index")["place"], "file");
}

#[test]
fn a_record_that_cannot_be_read_degrades() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    env.write(&record(&env, "000002"), "no issue at all");
    let (status, reason) = worsened(&server, "store");
    assert_eq!((status.as_str(), reason.contains("1 record")), ("degraded", true), "{reason}");
    assert_eq!(server.get("/health").status, 200, "it answers all the same");
    assert_eq!(server.get("/health/ready").status, 200);
}

#[test]
fn a_new_configuration_degrades_until_the_server_is_started_again() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    env.write(".tickety/config.toml", env.read(".tickety/config.toml"));
    let (status, reason) = worsened(&server, "watcher");
    assert_eq!((status.as_str(), reason.contains("configuration")), ("degraded", true), "{reason}");
}

#[test]
fn a_home_that_is_gone_is_unhealthy() {
    let env = home();
    let server = Server::start(&env, &[]);
    fs::rename(env.work().join(".tickety"), env.work().join("elsewhere")).unwrap();
    let (status, reason) = worsened(&server, "store");
    assert_eq!((status.as_str(), reason.contains("moved")), ("unhealthy", true), "{reason}");
    assert_eq!(server.get("/health").status, 503);
    assert_eq!(server.get("/health/ready").status, 503);
    assert_eq!(server.get("/health/live").status, 200, "starting it again would not help");
}

#[test]
fn an_index_in_memory_degrades() {
    let env = small_home();
    fs::remove_file(env.work().join(".tickety/local/index.db")).unwrap();
    env.write(".tickety/local/index.db/in", "the way");
    let server = Server::start(&env, &[]);
    let (status, reason) = worsened(&server, "index");
    assert_eq!((status.as_str(), reason.contains("memory")), ("degraded", true), "{reason}");
    assert_eq!(server.get("/api/v1/issues").json()["data"]["total"], 3);
}

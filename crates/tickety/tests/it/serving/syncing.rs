//! A dedicated clone, which a server exchanges with its remote.

use std::fs;

use tickety_testkit::TestEnv;

use super::process::Server;

/// Returns a repository with a home and a bare remote.
fn clone() -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    let remote = env.home().join("remote.git");
    let remote = remote.to_str().unwrap();
    env.git(&["init", "--quiet", "--bare", "--initial-branch=main", remote]);
    env.git(&["config", "user.name", "Tester"]);
    env.git(&["config", "user.email", "tester@example.org"]);
    env.ok(&["init"]);
    env.git(&["add", "."]);
    env.git(&["commit", "--quiet", "-m", "A home"]);
    env.git(&["remote", "add", "origin", remote]);
    env.git(&["push", "--quiet", "-u", "origin", "main"]);
    env
}

#[test]
fn what_is_written_is_pushed_at_the_end_too() {
    let env = clone();
    let server = Server::start(&env, &["--sync", "1h"]);
    server.create("Pushed at last");
    assert_eq!(server.end(), 0);
    let pushed = env.git(&["log", "--format=%an: %s", "origin/main"]);
    assert!(
        pushed.lines().next().is_some_and(|line| line.contains("Issues: 1-") && line.starts_with("Tester")),
        "{pushed}"
    );
}

#[test]
fn what_others_have_pushed_comes_in_as_events() {
    let env = clone();
    let theirs = env.home().join("theirs");
    env.git(&["clone", "--quiet", env.home().join("remote.git").to_str().unwrap(), theirs.to_str().unwrap()]);
    let server = Server::start(&env, &["--sync", "1s"]);
    let mut events = server.follow("", None);
    let made = env.call(&["-C", theirs.to_str().unwrap(), "new", "From elsewhere"]).run();
    assert_eq!(made.status, 0, "{made}");
    let synced = env.call(&["-C", theirs.to_str().unwrap(), "sync"]).run();
    assert_eq!(synced.status, 0, "{synced}");
    let event = events.next().json();
    assert_eq!((&event["type"], &event["outcome"]), (&"external.changed".into(), &"appeared".into()), "{event}");
}

#[test]
fn a_remote_that_cannot_be_reached_degrades_and_is_counted() {
    let env = clone();
    fs::rename(env.home().join("remote.git"), env.home().join("moved.git")).unwrap();
    let server = Server::start(&env, &["--sync", "1h"]);
    server.wait_for_log("sync failed");
    let details = server.get("/health/details").json();
    let sync = details["projects"]["main"]["checks"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&sync["component"], &sync["status"]), (&"sync".into(), &"degraded".into()), "{sync}");
    let text = server.get("/metrics").body;
    assert!(text.contains(r#"tickety_syncs_total{project="main",result="failed"} 1"#), "{text}");
}

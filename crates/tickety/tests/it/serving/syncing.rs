//! A dedicated clone, which a server exchanges with its remote.

use std::fs;

use serde_json::json;
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

#[test]
fn who_wrote_through_the_server_is_the_author_of_a_commit() {
    let env = clone();
    env.git(&["commit", "--quiet", "--allow-empty", "--author=Bob <bob@example.org>", "-m", "Code"]);
    env.git(&["push", "--quiet"]);
    let token = |name: &str, user: &str| {
        env.ok(&["token", "create", name, "--user", user, "--scope", "write"]).trim().to_owned()
    };
    let (ann, bob) = (token("ann", "Ann <ann@example.org>"), token("bob", "Bob"));
    let robot = token("robot", "Build Robot");
    let commits = |range: &str| -> Vec<String> {
        let format = "--format=%an <%ae> | %cn | %(trailers:key=Co-authored-by,separator=%x2C) | %s";
        env.git(&["log", "--reverse", format, range]).lines().map(str::to_owned).collect()
    };
    let keys = |server: &Server| -> Vec<String> {
        let listed = server.get_as(&ann, "/api/v1/issues?q=is:any&fields=title&sort=number").json();
        listed["data"]["issues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["key"].as_str().unwrap().to_owned())
            .collect()
    };

    let before = env.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let server = Server::start(&env, &["--sync", "1h", "--require-token"]);
    for (who, title) in [(&ann, "Hers"), (&bob, "His"), (&robot, "Both")] {
        assert_eq!(server.post_as(who, "/api/v1/issues", &json!({ "title": title })).status, 201);
    }
    assert_eq!(server.post_as(&bob, "/api/v1/issues/3/comments", &json!({ "body": "I know" })).status, 201);
    let keys = keys(&server);
    assert_eq!(server.end(), 0);
    assert_eq!(
        commits(&format!("{before}..")),
        [
            format!("Ann <ann@example.org> | Tester |  | Issues: {} created", keys[0]),
            format!("Bob <bob@example.org> | Tester |  | Issues: {} created", keys[1]),
            format!(
                "Build Robot <build-robot@tickety.invalid> | Tester | Co-authored-by: Bob <bob@example.org> | Issues: {} created",
                keys[2]
            ),
        ]
    );

    // What another process of the server has committed is over.
    let before = env.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let server = Server::start(&env, &["--sync", "1h", "--require-token"]);
    assert_eq!(server.post_as(&bob, "/api/v1/issues/1/close", &json!({})).status, 200);
    assert_eq!(server.post_as(&ann, "/api/v1/issues/2/comments", &json!({ "body": "Mine too" })).status, 201);
    // In an editor, by nobody knows whom.
    let path = super::record(&env, "000003");
    fs::write(env.work().join(&path), env.read(&path).replace("Both", "All")).unwrap();
    assert_eq!(server.end(), 0);
    let mut found = commits(&format!("{before}.."));
    found.sort();
    assert_eq!(
        found,
        [
            format!("Ann <ann@example.org> | Tester |  | Issues: {} commented", keys[1]),
            format!("Bob <bob@example.org> | Tester |  | Issues: {} closed", keys[0]),
            format!("Tester <tester@example.org> | Tester |  | Issues: {} updated", keys[2]),
        ]
    );
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

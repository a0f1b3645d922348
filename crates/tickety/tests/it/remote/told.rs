//! What a server tells beside the issues: history, events, caches.

use serde_json::Value;
use tickety_testkit::TestEnv;

use super::{ask, asking, url};
use crate::serving::Server;
use crate::small_home;

#[test]
fn the_history_of_an_issue_is_that_of_the_repository_of_the_server() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    for (place, command) in [
        &["new", "First", "-l", "a", "-b", "Text"][..],
        &["edit", "1", "-p", "high", "--label", "-a", "--field", "cost=7"],
        &["comment", "1", "A comment"],
        &["new", "Second"],
        &["link", "1", "blocked-by", "2"],
        &["close", "1", "--note", "Done"],
        &["delete", "2", "--yes"],
    ]
    .into_iter()
    .enumerate()
    {
        env.ok(command);
        env.git(&["add", "--all"]);
        env.git(&["commit", "--quiet", "--message", &format!("Step {place}")]);
    }
    env.ok(&["reopen", "1"]);
    let server = Server::start(&env, &[]);
    for command in
        [&["log", "1"][..], &["log", "1", "-n", "2"], &["log", "1", "--fields"], &["log", "2"], &["log", "9"]]
    {
        for more in [&[][..], &["--json"]] {
            let command = [command, more].concat();
            let (here, there) = (env.run(&command), ask(&env, &url(&server), &command));
            assert_eq!(here, there, "{command:?}");
        }
    }
}

#[test]
fn a_home_without_git_has_no_history_there_either() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    let refused = ask(&env, &url(&server), &["log", "1"]);
    assert_eq!(refused.status, 14, "{refused}");
    assert!(refused.stderr.contains("events"), "{refused}");
}

#[test]
fn the_log_of_events_is_the_same_word_for_word() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    let url = url(&server);
    for command in [&["events"][..], &["events", "-n", "3"], &["events", "--since", "start"], &["events", "stats"]] {
        for more in [&[][..], &["--json"]] {
            let command = [command, more].concat();
            assert_eq!(env.run(&command), ask(&env, &url, &command), "{command:?}");
        }
    }
    let seen: Value = serde_json::from_str(&ask(&env, &url, &["events", "-n", "1", "--json"]).stdout).unwrap();
    let cursor = seen["data"]["next"].as_str().unwrap();
    ask(&env, &url, &["comment", "2", "After that"]);
    let after = ["events", "--since", cursor, "--json"];
    let there: Value = serde_json::from_str(&ask(&env, &url, &after).stdout).unwrap();
    assert_eq!(there["data"]["events"][0]["comment"]["body"], "After that");
    assert_eq!(env.ok(&after), ask(&env, &url, &after).stdout);
}

#[test]
fn the_caches_are_those_of_the_server() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    let url = url(&server);
    for _ in 0..3 {
        ask(&env, &url, &["show", "1"]);
        ask(&env, &url, &["list"]);
    }
    let stats: Value = serde_json::from_str(&ask(&env, &url, &["cache", "stats", "--json"]).stdout).unwrap();
    assert!(stats["data"]["index"]["rows"].as_u64().is_some_and(|rows| rows > 0), "{stats}");
    assert!(!stats["data"]["memory"].as_array().unwrap().is_empty(), "{stats}");
    let over_http = server.get("/api/v1/cache/stats").json();
    let classes = |stats: &Value| -> Vec<Value> {
        stats["data"]["memory"].as_array().unwrap().iter().map(|class| class["class"].clone()).collect()
    };
    assert_eq!(classes(&stats), classes(&over_http));
    assert_eq!(stats["data"]["settings"], over_http["data"]["settings"]);
    let shown = ask(&env, &url, &["cache", "stats"]);
    assert!(shown.status == 0 && shown.stdout.contains("http\t"), "{shown}");
    let entries = asking(&env, &url, &["cache", "entries"]).terminal(120, 40).run();
    assert!(entries.status == 0 && entries.stdout.contains("issues"), "{entries}");
    let cleared: Value = serde_json::from_str(&ask(&env, &url, &["cache", "clear", "--json"]).stdout).unwrap();
    assert!(cleared["data"]["entries"].as_u64().is_some_and(|entries| entries > 0), "{cleared}");
    assert_eq!(ask(&env, &url, &["cache", "stats", "--clear"]).status, 2);
    // Nothing is kept in memory where no server is asked.
    assert_eq!(env.ok(&["cache", "clear", "--quiet"]), "forgotten\t0 entries\n");
}

//! The program as its users meet it.

mod backup;
mod bad_input;
mod batches;
mod branches;
mod caching;
mod commits;
mod editing;
mod elsewhere;
mod events;
mod help;
mod history;
mod homes;
mod importing;
mod json;
mod merging;
mod reading;
mod remote;
mod restoring;
mod serving;
mod state;
mod sync_limits;
mod sync_merges;
mod sync_moves;
mod syncing;
mod terminal;
mod tour;
mod upkeep;
mod writing;

use tickety_testkit::TestEnv;

/// Returns a plain folder with a home in it.
fn home() -> TestEnv {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env
}

/// Returns a home with four issues: 1 is high, a bug, and blocked by 2; 3 is a part of 1; 4 is
/// closed. 1 has a comment.
fn small_home() -> TestEnv {
    let env = home();
    env.ok(&["new", "Slow cache", "-l", "cache,perf", "-p", "high", "-k", "bug", "-b", "The index is read twice."]);
    env.ok(&["new", "Read the index once", "-a", "Ann"]);
    env.ok(&["new", "Measure the cache", "--parent", "1", "--due", "2026-11-01"]);
    env.ok(&["new", "Old idea"]);
    env.ok(&["link", "1", "blocked-by", "2"]);
    env.ok(&["comment", "1", "Seen on Mondays only."]);
    env.ok(&["close", "4", "--reason", "cancelled", "--note", "Nobody wants it."]);
    env
}

/// Replaces what depends on the bytes of files, which these tests are not about.
fn without_versions(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\"version\":\"") {
        let (before, found) = rest.split_at(at + "\"version\":\"".len());
        out.push_str(before);
        out.push_str("[VERSION]");
        rest = &found[found.find('"').unwrap_or(0)..];
    }
    out.push_str(rest);
    out
}

/// Reads the one JSON document of an answer.
#[track_caller]
fn json(env: &TestEnv, arguments: &[&str]) -> serde_json::Value {
    let output = env.run(arguments);
    assert_eq!(output.stderr, "", "{arguments:?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{output}"))
}

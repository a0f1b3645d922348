//! Exchanging issues through git.

use std::collections::BTreeMap;
use std::fs;

use tickety_testkit::{Output, TestEnv};

use super::json;

/// Two clones, `one` and `two`, of a bare repository with a commit of code.
pub(super) fn clones(home: &[&str]) -> TestEnv {
    let env =
        TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().expect("a time"));
    env.git(&["init", "-q", "--bare", "--initial-branch=main", "remote"]);
    env.git(&["clone", "-q", "remote", "one"]);
    env.git(&["-C", "one", "switch", "-q", "-c", "main"]);
    env.write("one/code.txt", "code\n");
    git(&env, "one", &["add", "."]);
    git(&env, "one", &["commit", "-qm", "Begin"]);
    git(&env, "one", &["push", "-q", "-u", "origin", "main"]);
    run(&env, "one", &[&["init"], home].concat());
    if home.is_empty() {
        git(&env, "one", &["add", "."]);
        git(&env, "one", &["commit", "-qm", "Track issues"]);
        git(&env, "one", &["push", "-q"]);
    } else {
        ok(&env, "one", &["sync"]);
    }
    env.git(&["clone", "-q", "remote", "two"]);
    run(&env, "two", &["init"]);
    env
}

pub(super) fn git(env: &TestEnv, clone: &str, arguments: &[&str]) -> String {
    env.git(&[&["-C", clone], arguments].concat())
}

pub(super) fn run(env: &TestEnv, clone: &str, arguments: &[&str]) -> Output {
    env.call(arguments).within(clone).run()
}

pub(super) fn ok(env: &TestEnv, clone: &str, arguments: &[&str]) -> String {
    let output = run(env, clone, arguments);
    assert_eq!(output.status, 0, "{arguments:?}\n{output}");
    output.stdout
}

pub(super) fn titles(env: &TestEnv, clone: &str) -> Vec<String> {
    let listed: serde_json::Value =
        serde_json::from_str(&ok(env, clone, &["list", "is:any sort:title", "--json"])).expect("JSON");
    let issues = listed["data"]["issues"].as_array().expect("a list");
    issues.iter().map(|issue| issue["title"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_message_says_what_was_closed_and_reopened() {
    let env = clones(&["--home", "branch"]);
    for title in ["One", "Two"] {
        ok(&env, "one", &["new", title]);
    }
    ok(&env, "one", &["sync"]);
    ok(&env, "one", &["close", "1"]);
    ok(&env, "one", &["edit", "2", "--title", "Two more"]);
    let said = |arguments: &[&str]| {
        let said = run(&env, "one", arguments);
        let line = said.stdout.lines().chain(said.stderr.lines()).find(|line| line.contains("Issues:"));
        line.map(str::to_owned).unwrap_or_default()
    };
    let dry = said(&["sync", "--dry-run"]);
    assert!(dry.contains(" closed, 2-") && dry.ends_with(" updated"), "{dry}");
    let done = said(&["sync"]);
    assert!(done.contains(" closed, 2-") && done.ends_with(" updated"), "{done}");
    ok(&env, "one", &["reopen", "1"]);
    let reopened = said(&["sync"]);
    assert!(reopened.ends_with(" reopened"), "{reopened}");
}

#[test]
fn two_clones_exchange_issues_on_their_branch() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "From one"]);
    ok(&env, "two", &["new", "From two"]);
    let dry = ok(&env, "one", &["sync", "--dry-run"]);
    assert!(dry.contains("would be committed: Issues: 1-") && dry.contains("1 commit would be pushed"), "{dry}");
    let status = ok(&env, "one", &["status"]);
    assert!(status.contains("1 issue not committed: 1-") && status.contains("origin/tickety"), "{status}");
    let synced = ok(&env, "one", &["sync", "--as", "Ann"]);
    assert!(synced.contains("committed: Issues: 1-") && synced.contains("1 commit pushed"), "{synced}");
    let synced = ok(&env, "two", &["sync"]);
    assert!(synced.contains("1 commit merged") && synced.contains("2 commits pushed"), "{synced}");
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["From one", "From two"]);
    assert_eq!(titles(&env, "two"), ["From one", "From two"]);
    assert_eq!(ok(&env, "one", &["sync"]), "everything is committed, merged and pushed\n");
    // Two issues have the number; both names go on.
    assert_eq!(run(&env, "one", &["show", "1"]).status, 4);
    let log = git(&env, "one", &["log", "--format=%an %s%n%b", "origin/tickety"]);
    assert!(log.contains("Ann Issues: 1-") && log.contains("created: From one"), "{log}");
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "");
    assert_eq!(git(&env, "remote", &["ls-tree", "-r", "--name-only", "main"]), "code.txt\n");
}

#[test]
fn edits_of_one_issue_in_two_clones_are_merged_field_by_field() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "Shared", "-l", "a", "-b", "First line.\n"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["edit", "1", "-p", "high", "-l", "+b"]);
    ok(&env, "two", &["edit", "1", "-p", "low", "-l", "+c"]);
    ok(&env, "two", &["comment", "1", "From two"]);
    ok(&env, "one", &["sync"]);
    let merged = ok(&env, "two", &["sync"]);
    assert!(merged.contains("merged field by field"), "{merged}");
    ok(&env, "one", &["sync"]);
    // When each clone's files were written is no part of the issue.
    let is_content = |line: &&str| !line.starts_with("updated ") && !line.starts_with("file ");
    let shown = |clone: &str| -> String {
        ok(&env, clone, &["show", "1"]).lines().filter(is_content).map(|line| format!("{line}\n")).collect()
    };
    assert_eq!(shown("one"), shown("two"));
    let labels = json(&env, &["-C", "one", "show", "1", "--json"])["data"]["issues"][0]["labels"].clone();
    assert_eq!(labels, serde_json::json!(["a", "b", "c"]), "{}", shown("one"));
    assert!(shown("one").contains("From two"));
    // The value that gave way is kept.
    assert!(shown("one").contains("low") && shown("one").contains("high"), "{}", shown("one"));
    // A conflict that only a person can settle is in the text alone.
    ok(&env, "one", &["edit", "1", "-b", "Line of one.\n"]);
    ok(&env, "two", &["edit", "1", "-b", "Line of two.\n"]);
    ok(&env, "one", &["sync"]);
    let output = run(&env, "two", &["sync"]);
    assert!(output.status == 1 && output.stderr.contains("between markers"), "{output}");
    let text = ok(&env, "two", &["show", "1"]);
    assert!(text.contains("Line of one.") && text.contains("Line of two."), "{text}");
    ok(&env, "two", &["edit", "1", "-b", "Line of both.\n"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(shown("one"), shown("two"));
    assert_eq!(run(&env, "one", &["index", "verify"]).status, 0);
}

#[test]
fn who_is_offline_commits_and_pushes_later() {
    let env = clones(&["--home", "branch"]);
    fs::rename(env.work().join("remote"), env.work().join("away")).unwrap();
    ok(&env, "one", &["new", "Offline"]);
    let failed = run(&env, "one", &["sync"]);
    assert!(failed.status == 14 && failed.stderr.contains("committed here"), "{failed}");
    assert!(ok(&env, "one", &["status"]).contains("nothing to commit\n1 commit not pushed"));
    fs::rename(env.work().join("away"), env.work().join("remote")).unwrap();
    assert_eq!(ok(&env, "one", &["sync"]), "1 commit pushed\n");
}

#[test]
fn with_the_code_only_issues_are_committed_and_no_code_is_exchanged() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "With the code"]);
    env.write("one/staged.txt", "staged\n");
    git(&env, "one", &["add", "staged.txt"]);
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("1 commit pushed"), "{synced}");
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "A  staged.txt\n");
    // Also where a tag has the branch's name.
    git(&env, "one", &["tag", "main"]);
    assert!(ok(&env, "one", &["status"]).contains("home tree, branch main, exchanged with origin/main\n"));
    let committed = git(&env, "one", &["show", "--format=", "--name-only", "HEAD"]);
    assert!(committed.lines().all(|path| path.starts_with(".tickety/issues/")), "{committed}");
    // Code that isn't pushed holds the push back, and code of others the merge.
    git(&env, "one", &["commit", "-qm", "Code"]);
    ok(&env, "one", &["comment", "1", "again"]);
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("would push a commit of code: `git push`"), "{held}");
    git(&env, "one", &["push", "-q"]);
    ok(&env, "two", &["new", "In two"]);
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("would bring in a commit of code: `git pull`"), "{held}");
    git(&env, "two", &["pull", "-q", "--no-rebase", "--no-edit"]);
    assert_eq!(titles(&env, "two"), ["In two", "With the code"]);
    git(&env, "two", &["push", "-q"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["In two", "With the code"]);
}

#[test]
fn what_has_nowhere_to_go_says_so() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().unwrap());
    env.ok(&["init", "--home", "branch"]);
    env.ok(&["new", "Alone"]);
    let output = env.run(&["sync"]);
    assert!(output.status == 1 && output.stderr.contains("git remote add origin"), "{output}");
    assert_eq!(json(&env, &["status", "--json"])["data"]["uncommitted"], serde_json::json!([]));
    env.ok(&["home", "move", "local"]);
    assert_eq!(env.run(&["sync"]).status, 11);
    assert_eq!(json(&env, &["status", "--json"])["data"]["home"], "local");
    let plain = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    plain.ok(&["init"]);
    assert_eq!(plain.run(&["sync"]).status, 11);
    assert!(plain.ok(&["status"]).starts_with("home tree"));
}

#[test]
fn what_one_deleted_and_another_changed_stays_what_it_was() {
    let env = clones(&["--home", "branch"]);
    for title in ["First", "Second", "Third"] {
        ok(&env, "one", &["new", title]);
    }
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "two", &["close", "1", "--note", "Done in two."]);
    ok(&env, "two", &["comment", "2", "Important."]);
    ok(&env, "one", &["delete", "1", "2", "--yes"]);
    ok(&env, "one", &["new", "Fourth"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["sync"]);
    for clone in ["one", "two"] {
        assert_eq!(titles(&env, clone), ["First", "Fourth", "Second", "Third"], "{clone}");
        assert!(ok(&env, clone, &["list", "-q", "is:closed"]).contains("First"), "{clone}");
        assert!(ok(&env, clone, &["show", "2"]).contains("Important."), "{clone}");
        assert_eq!(run(&env, clone, &["check"]).status, 0, "{clone}");
    }
}

#[test]
fn files_that_wait_to_be_settled_are_never_committed() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "Title"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "one", &["edit", "1", "--title", "Stashed"]);
    git(&env, "one", &["stash", "-q"]);
    ok(&env, "one", &["edit", "1", "--title", "Committed"]);
    ok(&env, "one", &["sync"]);
    let popped = env.call_program("git", &["-C", "one", "stash", "pop"]);
    assert_ne!(popped.status, 0, "{popped}");
    let head = git(&env, "one", &["rev-parse", "HEAD"]);
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("`tickety resolve` settles issues"), "{held}");
    assert_eq!(git(&env, "one", &["rev-parse", "HEAD"]), head);
    ok(&env, "one", &["resolve"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "");
}

#[test]
fn who_is_overtaken_merges_and_pushes_again() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "From one"]);
    ok(&env, "two", &["new", "From two"]);
    // Somebody else is faster: when the remote is about to take the branch, and when git looks what it has.
    ok(&env, "two", &["sync", "--no-push"]);
    git(&env, "two", &["push", "-q", "origin", "tickety:ahead"]);
    executable(
        &env,
        "remote/hooks/update",
        "#!/bin/sh\nif test \"$1\" = refs/heads/tickety && mkdir tried 2>/dev/null; then git update-ref refs/heads/tickety refs/heads/ahead; fi\n",
    );
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("1 commit merged\n") && synced.contains("2 commits pushed\n"), "{synced}");
    assert!(env.work().join("remote/tried").exists(), "it was overtaken once");
    ok(&env, "two", &["sync"]);
    ok(&env, "two", &["new", "Also from two"]);
    ok(&env, "two", &["sync", "--no-push"]);
    git(&env, "two", &["push", "-q", "origin", "tickety:ahead"]);
    executable(
        &env,
        "receive",
        "#!/bin/sh\ngit -C \"$1\" update-ref refs/heads/tickety refs/heads/ahead\nexec git-receive-pack \"$1\"\n",
    );
    git(&env, "one", &["config", "remote.origin.receivepack", &env.work().join("receive").to_string_lossy()]);
    ok(&env, "one", &["new", "Also from one"]);
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("1 commit merged\n") && synced.contains("2 commits pushed\n"), "{synced}");
    git(&env, "one", &["config", "--unset", "remote.origin.receivepack"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["Also from one", "Also from two", "From one", "From two"]);
    assert_eq!(titles(&env, "two"), titles(&env, "one"));
}

/// Writes a script.
pub(super) fn executable(env: &TestEnv, path: &str, script: &str) {
    env.write(path, script);
    fs::set_permissions(env.work().join(path), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("it is there");
}

/// The titles of all issues by number, and their names by title.
fn names(env: &TestEnv, clone: &str) -> (BTreeMap<u64, Vec<String>>, BTreeMap<String, String>) {
    let listed = json(env, &["-C", clone, "list", "is:any sort:number limit:1000", "--json"]);
    let (mut titles, mut keys): (BTreeMap<u64, Vec<String>>, BTreeMap<String, String>) = Default::default();
    for issue in listed["data"]["issues"].as_array().expect("a list") {
        let title = issue["title"].as_str().expect("a text").to_owned();
        titles.entry(issue["number"].as_u64().expect("a number")).or_default().push(title.clone());
        keys.insert(title, issue["key"].as_str().expect("a text").to_owned());
    }
    (titles, keys)
}

#[test]
fn two_clones_with_a_hundred_new_issues_each_keep_all_names_until_somebody_settles_them() {
    const EACH: u64 = 100;
    let env = clones(&["--home", "branch"]);
    for clone in ["one", "two"] {
        let create = |number| format!("{{\"op\":\"create\",\"title\":\"{clone} {number}\"}}\n");
        let lines: String = (1..=EACH).map(create).collect();
        let made = env.call(&["batch", "apply", "-"]).within(clone).input(lines).run();
        assert_eq!(made.status, 0, "{made}");
    }
    let (_, of_one) = names(&env, "one");
    let (_, of_two) = names(&env, "two");
    ok(&env, "one", &["sync"]);
    let synced = json(&env, &["-C", "two", "sync", "--json"])["data"].clone();
    let ambiguous = synced["ambiguous"].as_array().expect("a list");
    assert_eq!(ambiguous.len() as u64, EACH);
    let mut both = [&of_one["one 7"], &of_two["two 7"]];
    both.sort();
    assert_eq!(ambiguous[6], serde_json::json!({"number": 7, "keys": both}));
    let told = run(&env, "one", &["sync"]);
    assert!(told.stdout.contains(&format!("7 names several issues: {}, {}\n", both[0], both[1])), "{told}");
    assert!(told.stdout.contains("90 more numbers name several issues\n"), "{told}");
    assert!(told.stderr.contains("`tickety renumber --against origin/tickety`"), "{told}");
    // Nothing has another name than before, and what was told once isn't told again.
    for clone in ["one", "two"] {
        let (titles, keys) = names(&env, clone);
        assert_eq!(keys, of_one.clone().into_iter().chain(of_two.clone()).collect(), "{clone}");
        assert!(titles.len() as u64 == EACH && titles.values().all(|titles| titles.len() == 2), "{clone}: {titles:?}");
        assert_eq!(run(&env, clone, &["show", "7"]).status, 4);
        assert_eq!(json(&env, &["-C", clone, "sync", "--json"])["data"]["ambiguous"], serde_json::json!([]));
    }
    // Both settle it at the same time, and come to the same: what was created first keeps its number.
    for clone in ["one", "two"] {
        let moved = json(&env, &["-C", clone, "renumber", "--against", "origin/tickety", "--json"]);
        assert_eq!(moved["data"]["renumbered"].as_array().expect("a list").len() as u64, EACH, "{clone}");
        assert_eq!(ok(&env, clone, &["renumber", "--against", "origin/tickety"]), "");
    }
    for clone in ["one", "two", "one"] {
        ok(&env, clone, &["sync"]);
    }
    let log = git(&env, "one", &["log", "--format=%s%n%b", "origin/tickety"]);
    assert!(log.contains(&format!("Issues: {EACH} renumbered\n")), "{log}");
    assert!(
        log.contains(&format!("107-{} renumbered from {}: two 7\n", &of_two["two 7"][2..], of_two["two 7"])),
        "{log}"
    );
    for clone in ["one", "two"] {
        let (titles, keys) = names(&env, clone);
        for number in 1..=EACH {
            assert_eq!(titles[&number], [format!("one {number}")], "{clone}");
            assert_eq!(titles[&(number + EACH)], [format!("two {number}")], "{clone}");
        }
        let shown = json(&env, &["-C", clone, "show", &of_two["two 7"], &of_one["one 7"], "--json"])["data"].clone();
        assert_eq!(shown["issues"][0]["key"], keys["two 7"].as_str(), "{clone}");
        assert_eq!(shown["issues"][1]["key"], of_one["one 7"].as_str(), "{clone}");
        assert_eq!(run(&env, clone, &["index", "verify"]).status, 0);
    }
    assert_eq!(ok(&env, "one", &["sync"]), "everything is committed, merged and pushed\n");
}

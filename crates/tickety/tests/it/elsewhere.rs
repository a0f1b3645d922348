//! Issues that are closed on another branch of the clone.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use tickety_testkit::TestEnv;

use crate::history::commit;
use crate::json;

/// Makes a clone with three issues on main and a second work tree, `side`, on the branch `feat/x`.
fn clone() -> TestEnv {
    let env =
        TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().expect("a time"));
    env.ok(&["init"]);
    for title in ["One", "Two", "Three"] {
        env.ok(&["new", title]);
    }
    env.write(".gitignore", "side*\n");
    commit(&env, "Issues");
    env.git(&["worktree", "add", "--quiet", "-b", "feat/x", "side"]);
    env
}

fn at_side(env: &TestEnv, arguments: &[&str]) -> String {
    let output = env.call(arguments).within("side").run();
    assert_eq!(output.status, 0, "{arguments:?}: {output}");
    output.stdout
}

fn git_at_side(env: &TestEnv, arguments: &[&str]) -> String {
    env.git(&[&["-C", "side"], arguments].concat())
}

fn commit_at_side(env: &TestEnv) {
    git_at_side(env, &["add", "--all"]);
    git_at_side(env, &["commit", "--quiet", "--message", "Issues"]);
}

fn numbers_of(answer: &Value) -> Vec<u64> {
    let issues = answer["data"]["issues"].as_array().expect("a list");
    issues.iter().map(|issue| issue["number"].as_u64().expect("a number")).collect()
}

/// The numbers of a list in the main work tree.
fn listed(env: &TestEnv, arguments: &[&str]) -> Vec<u64> {
    numbers_of(&json(env, &[arguments, &["--json"]].concat()))
}

fn ready(env: &TestEnv) -> Vec<u64> {
    listed(env, &["ready", "sort:number"])
}

fn ready_at_side(env: &TestEnv) -> Vec<u64> {
    numbers_of(&serde_json::from_str(&at_side(env, &["ready", "sort:number", "--json"])).expect("JSON"))
}

/// On which branches an issue is closed, as the main work tree sees it.
fn places(env: &TestEnv, issue: &str) -> Vec<String> {
    let shown = json(env, &["show", issue, "--json"])["data"]["issues"][0]["closed_elsewhere"].clone();
    let branch = |place: &Value| place["branch"].as_str().unwrap_or("none").to_owned();
    shown.as_array().expect("a list").iter().map(branch).collect()
}

fn ledger(env: &TestEnv) -> Vec<std::path::PathBuf> {
    let directory = env.work().join(".git/tickety/ledger");
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn what_a_branch_closed_is_ready_nowhere() {
    let env = clone();
    at_side(&env, &["close", "1", "--as", "ann"]);
    assert_eq!(ready(&env), [2, 3]);
    assert_eq!(ready_at_side(&env), [2, 3]);
    assert_eq!(listed(&env, &["list", "sort:number"]), [1, 2, 3], "it is open here");
    commit_at_side(&env);
    assert_eq!(ready(&env), [2, 3]);
    env.git(&["worktree", "remove", "side"]);
    assert_eq!(ready(&env), [2, 3], "the branch has it");
}

#[test]
fn an_issue_tells_where_it_is_closed() {
    let env = clone();
    at_side(&env, &["close", "1", "--as", "ann"]);
    let shown = env.ok(&["show", "1"]);
    let line = shown.lines().find(|line| line.starts_with("elsewhere")).expect("the line");
    assert_snapshot!(line, @"elsewhere   closed on feat/x, not merged here, 2026-11-21T12:08:00Z by ann");
    let line = env.ok(&["list", "is:elsewhere"]);
    assert_eq!(line.trim_end().split('\t').nth(8), Some("feat/x"), "{line}");
    assert!(env.call(&["list"]).terminal(100, 24).run().stdout.contains("feat/x"));
    let both = json(&env, &["show", "1", "--json"])["data"]["issues"][0].clone();
    let listed = json(&env, &["list", "#1", "--json"])["data"]["issues"][0].clone();
    assert_eq!(both["closed_elsewhere"], listed["closed_elsewhere"]);
    let expected = serde_json::json!([{ "branch": "feat/x", "at": "2026-11-21T12:08:00Z", "by": "ann" }]);
    assert_eq!(both["closed_elsewhere"], expected);
    assert_eq!([&both["ready"], &both["category"]], [&Value::from(false), &Value::from("open")]);
    assert_eq!(listed["ready"], false);
    assert!(env.ok(&["status"]).contains("1 issue closed on feat/x, not merged here: 1-"));
    assert_eq!(json(&env, &["status", "--json"])["data"]["closed_elsewhere"].as_array().expect("a list").len(), 1);
    let there: Value = serde_json::from_str(&at_side(&env, &["show", "1", "--json"])).expect("JSON");
    assert_eq!(there["data"]["issues"][0]["closed_elsewhere"], Value::Array(Vec::new()), "there it is just closed");
}

#[test]
fn queries_counts_and_stats_agree_about_what_is_ready() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    for query in [&["list", "is:ready", "sort:number"][..], &["ready", "sort:number"]] {
        let answer = json(&env, &[query, &["--json"]].concat());
        assert_eq!(answer["data"]["total"], 2, "{query:?}");
        assert_eq!(numbers_of(&answer), [2, 3]);
    }
    assert_eq!(listed(&env, &["list", "-is:ready", "sort:number"]), [1]);
    assert_eq!(listed(&env, &["list", "is:elsewhere OR #2", "sort:number"]), [1, 2]);
    assert_eq!(listed(&env, &["ready", "--limit", "1", "sort:number"]), [2]);
    assert_eq!(json(&env, &["stats", "--json"])["data"]["ready"], 2);
    assert_eq!(json(&env, &["stats", "is:ready", "--json"])["data"]["ready"], 2);
    assert_eq!(json(&env, &["stats", "is:elsewhere", "--json"])["data"]["total"], 1);
    assert_eq!(listed(&env, &["ready", "--all-branches", "sort:number"]), [1, 2, 3]);
}

#[test]
fn what_waits_for_an_issue_waits_until_the_close_is_here() {
    let env = clone();
    env.ok(&["link", "2", "blocked-by", "1"]);
    commit(&env, "Linked");
    git_at_side(&env, &["merge", "--quiet", "main"]);
    at_side(&env, &["close", "1"]);
    assert_eq!(ready_at_side(&env), [2, 3]);
    assert_eq!(ready(&env), [3], "what 2 needs is on the other branch");
    assert_eq!(listed(&env, &["list", "is:blocked"]), [2]);
}

#[test]
fn a_merge_settles_it_and_so_does_a_squash() {
    for options in [&["--no-ff", "--no-edit"][..], &["--squash"]] {
        let env = clone();
        at_side(&env, &["close", "1"]);
        commit_at_side(&env);
        env.git(&[&["merge", "--quiet"], options, &["feat/x"]].concat());
        assert!(listed(&env, &["list", "is:elsewhere"]).is_empty(), "{options:?}");
        assert_eq!(listed(&env, &["list", "is:closed"]), [1]);
        assert!(places(&env, "1").is_empty());
    }
}

#[test]
fn a_branch_that_is_deleted_unmerged_hides_nothing() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    commit_at_side(&env);
    assert_eq!(ready(&env), [2, 3]);
    env.git(&["worktree", "remove", "side"]);
    env.git(&["branch", "--quiet", "-D", "feat/x"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    assert!(ledger(&env).is_empty(), "nothing is left of it");
}

#[test]
fn a_branch_that_is_renamed_takes_it_along() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    git_at_side(&env, &["branch", "-m", "ünder/way"]);
    assert_eq!(places(&env, "1"), ["ünder/way"], "it isn't even committed");
    commit_at_side(&env);
    env.git(&["worktree", "remove", "side"]);
    assert_eq!(places(&env, "1"), ["ünder/way"]);
    env.git(&["branch", "-m", "ünder/way", "feat"]);
    assert_eq!(places(&env, "1"), ["feat"]);
    env.git(&["pack-refs", "--all"]);
    assert_eq!(places(&env, "1"), ["feat"]);
}

#[test]
fn what_was_merged_elsewhere_is_closed_there_when_the_branch_is_gone() {
    let env = clone();
    env.git(&["branch", "develop"]);
    at_side(&env, &["close", "1"]);
    commit_at_side(&env);
    git_at_side(&env, &["switch", "--quiet", "develop"]);
    git_at_side(&env, &["merge", "--quiet", "feat/x"]);
    env.git(&["worktree", "remove", "side"]);
    env.git(&["branch", "--quiet", "-D", "feat/x"]);
    assert_eq!(places(&env, "1"), ["develop"]);
    assert_eq!(ready(&env), [2, 3]);
}

#[test]
fn a_close_that_is_undone_there_hides_nothing() {
    let env = clone();
    // Not committed.
    at_side(&env, &["close", "1"]);
    assert_eq!(ready(&env), [2, 3]);
    git_at_side(&env, &["reset", "--quiet", "--hard"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    // Committed, and taken back with the commit.
    at_side(&env, &["close", "2"]);
    commit_at_side(&env);
    assert_eq!(ready(&env), [1, 3]);
    git_at_side(&env, &["reset", "--quiet", "--hard", "main"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    // The branch moved without a work tree.
    at_side(&env, &["close", "3"]);
    commit_at_side(&env);
    env.git(&["worktree", "remove", "side"]);
    assert_eq!(ready(&env), [1, 2]);
    env.git(&["branch", "--force", "feat/x", "main"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    env.git(&["branch", "--force", "feat/x", "feat/x@{1}"]);
    assert_eq!(ready(&env), [1, 2], "it is closed there again");
}

#[test]
fn reopening_there_shows_it_again() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    commit_at_side(&env);
    at_side(&env, &["reopen", "1"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    at_side(&env, &["close", "1"]);
    assert_eq!(ready(&env), [2, 3]);
}

#[test]
fn reopening_here_shows_it_in_all_work_trees() {
    let env = clone();
    env.git(&["worktree", "add", "--quiet", "-b", "third", "side3"]);
    let third = |arguments: &[&str]| env.call(arguments).within("side3").run().stdout;
    at_side(&env, &["close", "1"]);
    let before = env.files();
    assert!(!third(&["ready"]).contains("One"));
    assert_snapshot!(env.ok(&["reopen", "1"]), @"1-xfy8 reopened");
    assert_eq!(env.files(), before, "it was open here");
    assert_eq!(ready(&env), [1, 2, 3]);
    assert!(third(&["ready"]).contains("One"));
    // Once: now it is open in every sense.
    assert!(env.run(&["reopen", "1"]).stderr.contains("1-xfy8 is not closed"));
    // Seeing the same close again doesn't undo it.
    commit_at_side(&env);
    git_at_side(&env, &["switch", "--quiet", "--detach", "main"]);
    at_side(&env, &["list"]);
    git_at_side(&env, &["switch", "--quiet", "feat/x"]);
    at_side(&env, &["list"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    // Closing it anew does.
    at_side(&env, &["reopen", "1"]);
    at_side(&env, &["close", "1"]);
    assert_eq!(ready(&env), [2, 3]);
}

#[test]
fn reopening_says_why_in_a_comment() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    assert_snapshot!(env.ok(&["reopen", "1", "--comment", "Still broken on main"]), @"1-xfy8 reopened");
    assert!(env.ok(&["show", "1"]).contains("Still broken on main"));
    assert_eq!(ready(&env), [1, 2, 3]);
}

#[test]
fn what_is_closed_in_the_file_is_seen() {
    let env = clone();
    at_side(&env, &["list"]);
    let path = env.work().join("side/.tickety/issues/000/000001-xfy8.md");
    let text = fs::read_to_string(&path).expect("the record");
    fs::write(&path, text.replace("status: open", "status: closed")).expect("an edit");
    assert_eq!(ready(&env), [1, 2, 3], "nobody has looked there");
    at_side(&env, &["list"]);
    assert_eq!(ready(&env), [2, 3]);
    assert_eq!(places(&env, "1"), ["feat/x"]);
}

#[test]
fn what_a_pull_brings_to_main_is_not_ready_on_branches() {
    let env = clone();
    env.ok(&["list"]);
    git_at_side(&env, &["switch", "--quiet", "--create", "theirs"]);
    at_side(&env, &["close", "2"]);
    commit_at_side(&env);
    git_at_side(&env, &["switch", "--quiet", "feat/x"]);
    env.git(&["merge", "--quiet", "theirs"]);
    env.git(&["branch", "--quiet", "-D", "theirs"]);
    env.ok(&["list"]);
    assert_eq!(ready_at_side(&env), [1, 3]);
    assert!(at_side(&env, &["show", "2"]).contains("closed on main, not merged here"));
}

#[test]
fn one_work_tree_that_switches_is_enough() {
    let env = clone();
    env.git(&["worktree", "remove", "side"]);
    env.git(&["switch", "--quiet", "feat/x"]);
    env.ok(&["close", "1"]);
    commit(&env, "Closed");
    env.git(&["switch", "--quiet", "main"]);
    assert_eq!(ready(&env), [2, 3]);
    assert_eq!(places(&env, "1"), ["feat/x"]);
    env.git(&["switch", "--quiet", "feat/x"]);
    assert_eq!(listed(&env, &["list", "is:closed"]), [1]);
}

#[test]
fn what_was_closed_before_its_branch_began_is_closed_there() {
    let env = clone();
    env.ok(&["close", "1"]);
    env.git(&["switch", "--quiet", "--create", "topic"]);
    env.ok(&["list"]);
    commit(&env, "Close 1");
    env.ok(&["list"]);
    env.git(&["switch", "--quiet", "main"]);
    assert_eq!((ready(&env), places(&env, "1")), (vec![2, 3], vec!["topic".to_owned()]));
    assert_eq!(ready_at_side(&env), [2, 3]);
    env.ok(&["reopen", "1"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    env.git(&["switch", "--quiet", "topic"]);
    env.ok(&["list"]);
    env.git(&["switch", "--quiet", "main"]);
    assert_eq!(ready(&env), [1, 2, 3], "it was reopened");
}

#[test]
fn tickety_branch_takes_along_what_is_closed() {
    let env = clone();
    env.ok(&["close", "2"]);
    env.ok(&["branch", "2"]);
    commit(&env, "Close 2");
    env.git(&["switch", "--quiet", "main"]);
    assert_eq!(ready(&env), [1, 3]);
    assert_eq!(listed(&env, &["list", "is:elsewhere"]), [2]);
    let branches = env.git(&["branch", "--list", "2-*", "--format=%(refname:short)"]);
    env.git(&["branch", "--quiet", "-D", branches.trim()]);
    assert_eq!(ready(&env), [1, 2, 3], "the branch is gone");
}

#[test]
fn what_is_not_committed_goes_with_its_work_tree() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    git_at_side(&env, &["switch", "--quiet", "--create", "other"]);
    assert_eq!(places(&env, "1"), ["other"]);
    git_at_side(&env, &["switch", "--quiet", "--detach"]);
    assert_eq!(places(&env, "1"), ["none"]);
    assert_eq!(ready(&env), [2, 3]);
}

#[test]
fn a_detached_head_counts_as_long_as_it_has_it() {
    let env = clone();
    git_at_side(&env, &["switch", "--quiet", "--detach"]);
    at_side(&env, &["close", "1"]);
    commit_at_side(&env);
    assert_eq!(places(&env, "1"), ["none"]);
    assert!(env.ok(&["show", "1"]).contains("closed on a detached HEAD, not merged here"));
    assert_eq!(ready(&env), [2, 3]);
    git_at_side(&env, &["switch", "--quiet", "--create", "kept"]);
    assert_eq!(places(&env, "1"), ["kept"]);
    git_at_side(&env, &["switch", "--quiet", "feat/x"]);
    at_side(&env, &["list"]);
    assert_eq!(places(&env, "1"), ["kept"], "where it was done has it no more, and the branch has");
    git_at_side(&env, &["switch", "--quiet", "kept"]);
    at_side(&env, &["list"]);
    assert_eq!(places(&env, "1"), ["kept"], "and what is seen on a branch stays");
    git_at_side(&env, &["switch", "--quiet", "feat/x"]);
    assert_eq!(places(&env, "1"), ["kept"]);
}

#[test]
fn batches_imports_and_scans_close_like_close() {
    let env = clone();
    at_side(&env, &["batch", "close", "#1", "--yes"]);
    assert_eq!(ready(&env), [2, 3]);
    let exported: String = at_side(&env, &["export", "jsonl", "#2"]);
    let closed = exported.replace("\"status\":\"open\"", "\"status\":\"closed\"");
    assert_ne!(exported, closed);
    let imported = env.call(&["import", "jsonl", "-"]).within("side").input(closed).run();
    assert_eq!(imported.status, 0, "{imported}");
    assert_eq!(ready(&env), [3]);
    env.write("side/code", "code");
    git_at_side(&env, &["add", "--all"]);
    git_at_side(&env, &["commit", "--quiet", "--message", "Done (fixes TIK-3)"]);
    at_side(&env, &["scan"]);
    assert_eq!(places(&env, "3"), ["feat/x"]);
}

#[test]
fn a_close_whose_process_died_is_told_by_the_next_write() {
    let env = clone();
    at_side(&env, &["edit", "2", "--priority", "high"]);
    let events = env.work().join(".git/worktrees/side/tickety/events/log");
    let before = fs::read(&events).expect("the log");
    at_side(&env, &["close", "1"]);
    // As if it had died when the files were written, and neither the log nor the ledger.
    fs::write(&events, before).expect("a write");
    fs::remove_dir_all(env.work().join(".git/tickety/ledger")).expect("it is there");
    assert_eq!(ready(&env), [1, 2, 3]);
    at_side(&env, &["comment", "3", "Next"]);
    assert_eq!(ready(&env), [2, 3]);
    assert_eq!(places(&env, "1"), ["feat/x"]);
}

#[test]
fn a_renumbered_issue_is_the_same_issue() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    at_side(&env, &["renumber", "1", "--to", "70"]);
    assert_eq!(ready(&env), [2, 3], "renumbered there");
    env.ok(&["renumber", "1", "--to", "90"]);
    assert_eq!(places(&env, "90"), ["feat/x"], "renumbered here");
}

#[test]
fn a_repository_without_commits_has_branches_too() {
    let env =
        TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().expect("a time"));
    env.ok(&["init"]);
    env.ok(&["new", "One"]);
    env.ok(&["close", "1"]);
    assert_eq!(listed(&env, &["list", "is:closed"]), [1]);
    env.git(&["symbolic-ref", "HEAD", "refs/heads/other"]);
    assert_eq!(listed(&env, &["list", "is:closed"]), [1]);
    env.ok(&["reopen", "1"]);
    assert_eq!(ready(&env), [1]);
}

#[test]
fn other_homes_have_no_ledger() {
    for home in ["branch", "local"] {
        let env =
            TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().expect("a time"));
        env.write("code.txt", "code\n");
        commit(&env, "Begin");
        env.ok(&["init", "--home", home]);
        env.git(&["worktree", "add", "--quiet", "-b", "feat/x", "side"]);
        env.ok(&["new", "One"]);
        at_side(&env, &["close", "1"]);
        assert_eq!(listed(&env, &["list", "is:closed"]), [1], "one checkout serves all");
        assert!(ledger(&env).is_empty());
    }
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "One"]);
    env.ok(&["close", "1"]);
    assert!(!env.work().join(".tickety/local/ledger").exists());
}

#[test]
fn a_damaged_ledger_hides_nothing_and_is_mended() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    let [file] = ledger(&env).try_into().expect("one file");
    let whole = fs::read(&file).expect("the file");
    let checks = |env: &TestEnv| {
        let findings = json(env, &["doctor", "--json"])["data"]["findings"].clone();
        let of = |finding: &Value| (finding["check"] == "ledger").then(|| finding["remedy"].to_string());
        findings.as_array().expect("a list").iter().filter_map(of).collect::<Vec<_>>()
    };
    assert!(checks(&env).is_empty());
    // A line that was torn.
    fs::write(&file, &whole[..whole.len() - 9]).expect("a write");
    assert_eq!(ready(&env), [1, 2, 3]);
    at_side(&env, &["close", "2"]);
    assert_eq!(ready(&env), [1, 3], "the next ones are written behind it");
    assert_eq!(checks(&env), ["\"note\""]);
    // A file of something else, and one of a newer Tickety.
    fs::write(&file, "nonsense\n").expect("a write");
    assert_eq!(ready(&env), [1, 2, 3]);
    let findings = env.run(&["doctor", "--json"]);
    assert!(findings.stdout.contains("\"check\":\"ledger\""), "{findings}");
    env.ok(&["doctor", "--fix"]);
    assert!(checks(&env).is_empty());
    at_side(&env, &["close", "3"]);
    assert_eq!(ready(&env), [1, 2]);
}

#[test]
fn a_ledger_that_cannot_be_written_keeps_nobody_from_closing() {
    let env = clone();
    fs::write(env.work().join(".git/tickety/ledger"), "in the way").expect("a write");
    at_side(&env, &["close", "1"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    let findings = env.run(&["doctor"]);
    assert!(findings.stdout.contains("`ready` lists what is closed on other branches"), "{findings}");
}

#[test]
fn a_backup_has_the_ledger() {
    let env = clone();
    at_side(&env, &["close", "1"]);
    env.ok(&["backup", "saved.tar"]);
    fs::remove_dir_all(env.work().join(".git/tickety/ledger")).expect("it is there");
    assert_eq!(ready(&env), [1, 2, 3]);
    env.ok(&["restore", "--from", "saved.tar"]);
    assert_eq!(ready(&env), [2, 3]);
}

#[test]
fn branches_in_a_table_of_references_are_read_too() {
    let env = clone();
    let migrated = env.call_program("git", &["-C", ".", "worktree", "remove", "side"]);
    assert_eq!(migrated.status, 0);
    let migrated = env.call_program("git", &["refs", "migrate", "--ref-format=reftable"]);
    if migrated.status != 0 {
        eprintln!("skipped: git before 2.46 can't do it: {migrated}");
        return;
    }
    env.git(&["worktree", "add", "--quiet", "side", "feat/x"]);
    at_side(&env, &["close", "1"]);
    assert_eq!(places(&env, "1"), ["feat/x"]);
    commit_at_side(&env);
    env.git(&["worktree", "remove", "side"]);
    assert_eq!(places(&env, "1"), ["feat/x"]);
    assert_eq!(ready(&env), [2, 3]);
    env.git(&["branch", "--quiet", "-D", "feat/x"]);
    assert_eq!(ready(&env), [1, 2, 3]);
}

/// Has somebody do something in another clone, on a branch that then comes here without any command of Tickety.
fn bring_branch(env: &TestEnv, branch: &str, commands: &[&[&str]]) {
    let _ = fs::remove_dir_all(env.work().join("side-clone"));
    env.git(&["clone", "--quiet", ".", "side-clone"]);
    env.git(&["-C", "side-clone", "switch", "--quiet", "--create", branch]);
    for command in commands {
        let done = env.call(command).within("side-clone").run();
        assert_eq!(done.status, 0, "{command:?}: {done}");
    }
    env.git(&["-C", "side-clone", "commit", "--quiet", "--all", "--allow-empty", "--message", "Work"]);
    env.git(&["-C", "side-clone", "add", "--all"]);
    env.git(&["-C", "side-clone", "commit", "--quiet", "--amend", "--no-edit"]);
    env.git(&["fetch", "--quiet", "side-clone", &format!("+{branch}:{branch}")]);
}

#[test]
fn what_a_branch_closed_before_any_command_ran_on_it_is_known() {
    let env = clone();
    env.git(&["worktree", "remove", "side"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    bring_branch(&env, "feat/y", &[&["close", "1"]]);
    assert_eq!((ready(&env), places(&env, "1")), (vec![2, 3], vec!["feat/y".to_owned()]));
    // Asked of git once.
    let again = env.call(&["ready", "sort:number", "--json"]).variable("PATH", "/nowhere").run();
    assert_eq!(numbers_of(&serde_json::from_str(&again.stdout).expect("JSON")), [2, 3], "{again}");
    // The branch goes on, and takes it back.
    bring_branch(&env, "feat/y", &[&["close", "3"]]);
    assert_eq!(ready(&env), [1, 2]);
    // Somebody reopens it here, and another branch moves.
    env.ok(&["reopen", "3"]);
    env.git(&["branch", "elsewhere"]);
    assert_eq!(ready(&env), [1, 2, 3]);
    env.git(&["branch", "--quiet", "-D", "feat/y"]);
    assert_eq!(ready(&env), [1, 2, 3]);
}

#[test]
fn what_is_closed_under_another_number_there_is_known_by_its_id() {
    let env = clone();
    env.git(&["worktree", "remove", "side"]);
    bring_branch(&env, "feat/y", &[&["renumber", "2", "--to", "9"], &["close", "9"]]);
    assert_eq!((ready(&env), places(&env, "2")), (vec![1, 3], vec!["feat/y".to_owned()]));
    // And where it is renumbered here.
    env.ok(&["renumber", "2", "--to", "5"]);
    assert_eq!((ready(&env), places(&env, "5")), (vec![1, 3], vec!["feat/y".to_owned()]));
}

#[test]
fn what_a_branch_closed_is_looked_for_again_from_another_branch() {
    let env = clone();
    env.git(&["worktree", "remove", "side"]);
    env.ok(&["close", "1"]);
    commit(&env, "Closed");
    bring_branch(&env, "feat/y", &[&["edit", "2", "--title", "Two more"]]);
    assert_eq!(ready(&env), [2, 3]);
    env.git(&["switch", "--quiet", "--create", "old", "HEAD~1"]);
    assert_eq!((ready(&env), places(&env, "1")), (vec![2, 3], vec!["feat/y".to_owned(), "main".to_owned()]));
}

//! Looking after the home.

use insta::assert_snapshot;

use crate::{json, small_home};

#[test]
fn a_healthy_home_has_no_findings() {
    let env = small_home();
    let output = env.run(&["doctor"]);
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "", "nothing is wrong\n"));
}

#[test]
fn the_doctor_names_what_is_wrong_and_mends_what_is_safe() {
    let env = small_home();
    env.write(".tickety/issues/000/.tmp-1", "left over");
    env.write(".tickety/issues/000/notes.txt", "stray");
    assert_snapshot!(env.run(&["doctor"]), @"
    leftover .tickety/issues/000/.tmp-1: a writer was killed while it wrote this [--fix mends this]
    stray .tickety/issues/000/notes.txt: not the name of a record in this directory: move it elsewhere
    --- standard error
    `tickety doctor --fix` mends 1 of these
    --- status 1
    ");
    let fixed = env.run(&["doctor", "--fix"]);
    assert_eq!(fixed.status, 1, "{fixed}");
    assert!(!env.work().join(".tickety/issues/000/.tmp-1").exists());
    assert!(env.work().join(".tickety/issues/000/notes.txt").exists());
}

#[test]
fn the_index_can_be_examined_and_made_afresh() {
    let env = small_home();
    assert_eq!(env.run(&["index", "verify"]).status, 0);
    env.ok(&["index", "rebuild"]);
    let status = json(&env, &["index", "status", "--json"]);
    assert_eq!(status["data"]["issues"], 4);
}

#[test]
fn settings_are_read_and_changed() {
    let env = small_home();
    assert_eq!(env.ok(&["config", "get", "prefix"]), "TIK\n");
    env.ok(&["config", "set", "prefix", "AB"]);
    assert_eq!(env.ok(&["config", "get", "prefix"]), "AB\n");
    env.ok(&["config", "set", "statuses.review", "in-progress"]);
    env.ok(&["edit", "1", "--status", "review"]);
    assert_snapshot!(env.ok(&["config", "list"]), @"
    format = 1
    prefix = AB
    kinds = bug, feature, task, chore, epic
    default-kind = task
    freshness = by size
    statuses.open = open
    statuses.in-progress = in-progress
    statuses.review = in-progress
    statuses.closed = closed
    actor = tester
    ");
    let before = env.files();
    assert_eq!(env.run(&["config", "set", "prefix", "1"]).status, 12);
    assert_eq!(env.run(&["config", "set", "prefx", "AB"]).status, 12);
    assert_eq!(env.run(&["config", "get", "prefx"]).status, 12);
    assert_eq!(env.files(), before);
}

#[test]
fn an_issue_gets_another_number_and_links_follow() {
    let env = small_home();
    let moved = env.ok(&["renumber", "2", "--to", "20"]);
    assert!(moved.contains(" is now 20-"), "{moved}");
    assert!(env.ok(&["show", "1"]).contains("blocked-by  20-"));
    assert_eq!(env.run(&["renumber", "1", "--to", "3"]).status, 6);
}

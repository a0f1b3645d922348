//! What git destroyed of issues that have got another number.

use tickety_testkit::TestEnv;

use super::json;
use super::syncing::{clones, git, ok, run, titles};

/// An issue that got a number of 20 in a work tree, was changed then, and of which git knows nothing but the beginning.
fn renumbered(env: &TestEnv, work_tree: &str) {
    ok(env, work_tree, &["renumber", "1", "--to", "20"]);
    ok(env, work_tree, &["edit", "20", "--title", "Edited", "--body", "Much work."]);
    ok(env, work_tree, &["comment", "20", "A word"]);
}

/// It is named, and comes back whole, once.
fn is_put_back(env: &TestEnv) {
    let examined = run(env, "one", &["doctor"]);
    assert!(examined.stdout.contains("20-"), "{examined}");
    ok(env, "one", &["restore", "20", "--changed", "--deleted"]);
    assert_eq!(titles(env, "one"), ["Edited"]);
    let shown = json(env, &["-C", "one", "show", "1", "--json"])["data"]["issues"][0].clone();
    assert_eq!((&shown["number"], &shown["comment_count"]), (&20.into(), &1.into()), "{shown}");
    assert_eq!(run(env, "one", &["check"]).status, 0);
    assert_eq!(run(env, "one", &["index", "verify"]).status, 0);
}

#[test]
fn a_reset_takes_no_work_on_a_new_number() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "One"]);
    git(&env, "one", &["add", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "One"]);
    renumbered(&env, "one");
    git(&env, "one", &["reset", "-q", "--hard"]);
    git(&env, "one", &["clean", "-fdq"]);
    assert_eq!(titles(&env, "one"), ["One"]);
    is_put_back(&env);
}

#[test]
fn a_work_tree_that_is_removed_takes_no_work_on_a_new_number() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "One"]);
    git(&env, "one", &["add", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "One"]);
    git(&env, "one", &["worktree", "add", "-q", "../side", "-b", "side"]);
    renumbered(&env, "side");
    git(&env, "one", &["worktree", "remove", "--force", "../side"]);
    is_put_back(&env);
}

#[test]
fn a_number_that_another_branch_has_is_no_loss() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "One"]);
    git(&env, "one", &["add", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "One"]);
    git(&env, "one", &["switch", "-q", "-c", "side"]);
    renumbered(&env, "one");
    git(&env, "one", &["add", "-A", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "Twenty"]);
    git(&env, "one", &["switch", "-q", "main"]);
    assert_eq!(titles(&env, "one"), ["One"]);
    let examined = run(&env, "one", &["doctor"]);
    assert!(examined.status == 0 && !examined.stdout.contains("vanished"), "{examined}");
}

//! What `sync` makes of a home that others have moved.

use std::fs;

use tickety_testkit::TestEnv;

use super::json;
use super::syncing::{clones, git, ok, run, titles};

/// Two clones with an issue each has, which `one` has moved to a branch.
fn moved() -> TestEnv {
    let env = clones(&[]);
    ok(&env, "one", &["new", "First"]);
    ok(&env, "one", &["new", "Untouched"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["home", "move", "branch"]);
    git(&env, "one", &["add", "-A", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "Moved"]);
    git(&env, "one", &["push", "-q"]);
    ok(&env, "one", &["sync"]);
    env
}

/// Does in `two` what a sync says.
fn go_on(env: &TestEnv) {
    ok(env, "two", &["home", "move", "branch"]);
    git(env, "two", &["add", "-A", ".tickety"]);
    git(env, "two", &["commit", "-qm", "Move the issues"]);
    git(env, "two", &["pull", "-q", "--no-rebase", "--no-edit"]);
    let synced = ok(env, "two", &["sync"]);
    assert!(synced.contains("merged") && synced.contains("pushed"), "{synced}");
}

#[test]
fn a_home_that_others_moved_is_never_merged_away() {
    let env = moved();
    ok(&env, "two", &["new", "Second"]);
    ok(&env, "two", &["edit", "1", "--title", "First, edited"]);
    let remote = git(&env, "remote", &["rev-parse", "main"]);
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stdout.starts_with("committed: Issues: "), "{held}");
    assert!(held.stderr.contains("the issues of origin/main were moved to origin/tickety"), "{held}");
    assert_eq!(git(&env, "remote", &["rev-parse", "main"]), remote);
    assert_eq!(titles(&env, "two"), ["First, edited", "Second", "Untouched"]);
    // The same without asking.
    let told = json(&env, &["-C", "two", "status", "--json"])["data"]["held_back"].clone();
    assert!(told.as_str().is_some_and(|told| told.contains("were moved to origin/tickety")), "{told}");
    // As it says.
    go_on(&env);
    git(&env, "two", &["push", "-q"]);
    git(&env, "one", &["pull", "-q"]);
    ok(&env, "one", &["sync"]);
    for clone in ["one", "two"] {
        assert_eq!(titles(&env, clone), ["First, edited", "Second", "Untouched"], "{clone}");
        assert_eq!(json(&env, &["-C", clone, "home", "--json"])["data"]["home"], "branch");
        assert!(!env.work().join(clone).join(".tickety").exists(), "{clone}");
        assert_eq!(run(&env, clone, &["check"]).status, 0, "{clone}");
    }
    assert_eq!(git(&env, "remote", &["ls-tree", "-r", "--name-only", "main"]), "code.txt\n");
    assert_eq!(ok(&env, "two", &["sync"]), "everything is committed, merged and pushed\n");
}

#[test]
fn who_has_nothing_of_their_own_pulls_and_begins_anew() {
    let env = moved();
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("`git pull`, then `tickety init`"), "{held}");
    git(&env, "two", &["pull", "-q"]);
    assert!(ok(&env, "two", &["init"]).contains("origin/tickety"));
    assert_eq!(titles(&env, "two"), ["First", "Untouched"]);
}

#[test]
fn a_home_that_a_pull_has_removed_says_where_the_issues_are() {
    let env = moved();
    ok(&env, "two", &["new", "Second"]);
    ok(&env, "two", &["edit", "1", "--title", "First, edited"]);
    git(&env, "two", &["add", "-A", ".tickety"]);
    git(&env, "two", &["commit", "-qm", "Here"]);
    // As a clone has it that knows one branch.
    git(&env, "two", &["config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main"]);
    let pulled = env.call_program("git", &["-C", "two", "pull", "-q", "--no-rebase", "--no-edit"]);
    assert_ne!(pulled.status, 0, "{pulled}");
    let listed = run(&env, "two", &["list"]);
    assert!(listed.status == 12 && listed.stderr.contains("`git merge --abort`"), "{listed}");
    let made = run(&env, "two", &["init"]);
    assert!(made.status == 11 && made.stderr.contains("`git merge --abort`"), "{made}");
    git(&env, "two", &["add", "-A", ".tickety"]);
    git(&env, "two", &["commit", "-qm", "Merged by hand"]);
    let listed = run(&env, "two", &["list"]);
    assert!(listed.status == 12 && listed.stderr.contains("(Moved) removed the home"), "{listed}");
    assert!(listed.stderr.contains("`git fetch`"), "{listed}");
    let made = run(&env, "two", &["init"]);
    assert!(made.status == 11 && made.stderr.contains("`git fetch`"), "{made}");
    assert!(!env.work().join("two/.tickety/config.toml").exists());
    git(&env, "two", &["fetch", "-q", "origin", "tickety:refs/remotes/origin/tickety"]);
    let listed = run(&env, "two", &["list"]);
    assert!(listed.status == 12 && listed.stderr.contains("on the branch origin/tickety"), "{listed}");
    assert!(ok(&env, "two", &["init"]).contains("origin/tickety"));
    assert_eq!(titles(&env, "two"), ["First", "Untouched"]);
    let told = run(&env, "two", &["doctor"]);
    assert!(told.stdout.contains("1 issue that the home hasn't, such as 3-"), "{told}");
    assert!(fs::metadata(env.work().join("two/.tickety/issues")).is_ok(), "nothing is lost");
}

#[test]
fn a_pull_that_has_removed_the_home_can_be_undone_to_take_changes_along() {
    let env = moved();
    ok(&env, "two", &["new", "Second"]);
    git(&env, "two", &["pull", "-q"]);
    let listed = run(&env, "two", &["list"]);
    assert!(listed.status == 12 && listed.stderr.contains("`git reset --keep ORIG_HEAD`"), "{listed}");
    git(&env, "two", &["reset", "-q", "--keep", "ORIG_HEAD"]);
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("`tickety home move branch`"), "{held}");
    go_on(&env);
    assert_eq!(titles(&env, "two"), ["First", "Second", "Untouched"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["First", "Second", "Untouched"]);
}

#[test]
fn a_home_that_others_removed_is_kept() {
    let env = clones(&[]);
    ok(&env, "two", &["new", "Mine"]);
    git(&env, "one", &["rm", "-rq", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "No issues"]);
    git(&env, "one", &["push", "-q"]);
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("origin/main has the home of the issues no more"), "{held}");
    assert_eq!(titles(&env, "two"), ["Mine"]);
}

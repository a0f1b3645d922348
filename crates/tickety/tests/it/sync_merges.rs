//! Merges that git does without a conflict, beside merges of other things, and what `sync` makes sure of before it
//! commits them.

use super::json;
use super::syncing::{clones, git, ok, run, titles};
use tickety_testkit::TestEnv;

/// Leaves a merge of code in conflict in a clone.
fn begin_merge_of_code(env: &TestEnv, clone: &str) {
    git(env, clone, &["switch", "-q", "-c", "topic"]);
    env.write(&format!("{clone}/code.txt"), "topic\n");
    git(env, clone, &["commit", "-qam", "Topic"]);
    git(env, clone, &["switch", "-q", "main"]);
    env.write(&format!("{clone}/code.txt"), "main\n");
    git(env, clone, &["commit", "-qam", "Main"]);
    let merged = env.call_program("git", &["-C", clone, "merge", "-q", "topic"]);
    assert_eq!(merged.status, 1, "{merged}");
}

/// One clone deletes an issue while the other comments on it: git merges that without asking, into a comment alone.
fn delete_and_comment(env: &TestEnv) {
    ok(env, "one", &["new", "Kept"]);
    ok(env, "one", &["sync"]);
    ok(env, "two", &["sync"]);
    ok(env, "one", &["delete", "1", "--yes"]);
    ok(env, "one", &["sync"]);
    ok(env, "two", &["comment", "1", "Still needed"]);
}

#[test]
fn a_merge_of_code_beside_it_is_none_of_the_issues() {
    let env = clones(&["--home", "branch"]);
    delete_and_comment(&env);
    begin_merge_of_code(&env, "two");
    let synced = ok(&env, "two", &["sync"]);
    assert!(synced.contains("1 commit merged"), "{synced}");
    assert_eq!(titles(&env, "two"), ["Kept"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["Kept"], "what was repaired is what was pushed");
    assert!(git(&env, "two", &["status", "--porcelain"]).contains("UU code.txt"), "the other merge is as it was");
}

#[test]
fn a_merge_that_was_cut_short_is_looked_at_by_the_next_sync() {
    let env = clones(&["--home", "branch"]);
    delete_and_comment(&env);
    // As if the process had been killed when git had merged.
    let home = "two/.git/tickety/home";
    let issues = ["add", "-A", ".tickety"];
    git(&env, home, &issues);
    git(&env, home, &["commit", "-qm", "Comment"]);
    git(&env, "two", &["fetch", "-q"]);
    git(&env, home, &["merge", "-q", "--no-commit", "origin/tickety"]);
    ok(&env, "two", &["sync"]);
    assert_eq!(titles(&env, "two"), ["Kept"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["Kept"]);
}

#[test]
fn with_the_code_a_sync_that_was_cut_short_is_gone_on_with_and_no_other_merge() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "Shared"]);
    ok(&env, "one", &["sync"]);
    git(&env, "two", &["pull", "-q"]);
    ok(&env, "one", &["edit", "1", "-p", "high"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["edit", "1", "-p", "low"]);
    git(&env, "two", &["commit", "-qam", "Low"]);
    git(&env, "two", &["fetch", "-q"]);
    let merge = |message: &str| {
        let merged = env.call_program("git", &["-C", "two", "merge", "-q", "-m", message, "origin/main"]);
        assert_eq!(merged.status, 1, "{merged}");
    };
    merge("My own");
    let held = run(&env, "two", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("finish it with git"), "{held}");
    git(&env, "two", &["merge", "--abort"]);
    merge("Merge the issues of origin/main");
    assert!(ok(&env, "two", &["sync"]).contains("merged field by field"));
    git(&env, "one", &["pull", "-q"]);
    let shown = ok(&env, "one", &["show", "1"]);
    assert!(shown.contains("high") && shown.contains("low"), "{shown}");
}

#[test]
fn lines_that_attributes_have_git_put_together_are_merged_by_field() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "Shared"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "one", &["edit", "1", "-p", "high"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "two", &["edit", "1", "-p", "low"]);
    env.write("two/.git/info/attributes", "*.md merge=union\n");
    let synced = ok(&env, "two", &["sync"]);
    assert!(synced.contains("merged field by field"), "{synced}");
    ok(&env, "one", &["sync"]);
    for clone in ["one", "two"] {
        let shown = ok(&env, clone, &["show", "1"]);
        assert!(shown.contains("high") && shown.contains("low"), "{shown}");
        assert_eq!(run(&env, clone, &["doctor"]).status, 0);
    }
}

#[test]
fn code_that_a_merge_itself_brings_in_is_not_pushed() {
    let env = clones(&[]);
    let before = git(&env, "remote", &["rev-parse", "main"]);
    for (branch, title) in [("left", "Left"), ("right", "Right")] {
        git(&env, "one", &["switch", "-q", "-c", branch, "main"]);
        ok(&env, "one", &["new", title]);
        git(&env, "one", &["add", ".tickety"]);
        git(&env, "one", &["commit", "-qm", title]);
    }
    git(&env, "one", &["switch", "-q", "main"]);
    git(&env, "one", &["merge", "-q", "--no-ff", "--no-edit", "left"]);
    git(&env, "one", &["merge", "-q", "--no-commit", "right"]);
    env.write("one/code.txt", "changed in the merge\n");
    git(&env, "one", &["commit", "-qam", "Merge right"]);
    let synced = run(&env, "one", &["sync"]);
    assert!(synced.status == 1 && synced.stderr.contains("would push a commit of code"), "{synced}");
    assert_eq!(git(&env, "remote", &["rev-parse", "main"]), before);
}

#[test]
fn a_work_tree_elsewhere_commits_no_deletions() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "Here"]);
    ok(&env, "one", &["sync"]);
    let (before, elsewhere) = (git(&env, "one", &["rev-parse", "HEAD"]), env.work().join("elsewhere"));
    env.write("elsewhere/code.txt", "code\n");
    git(&env, "one", &["config", "core.worktree", &elsewhere.to_string_lossy()]);
    let synced = run(&env, "one", &["sync"]);
    assert!(synced.status == 1 && synced.stderr.contains("core.worktree"), "{synced}");
    assert_eq!(git(&env, "one", &["rev-parse", "HEAD"]), before);
    assert_eq!(titles(&env, "one"), ["Here"]);
}

#[test]
fn where_references_are_a_table_the_same_is_seen() {
    let env = clones(&["--home", "branch"]);
    delete_and_comment(&env);
    ok(&env, "two", &["sync"]);
    let migrated = env.call_program("git", &["init", "-q", "--ref-format=reftable", "table"]);
    if migrated.status != 0 {
        eprintln!("skipped: git before 2.45 can't do it: {migrated}");
        return;
    }
    env.git(&["clone", "-q", "--ref-format=reftable", "remote", "three"]);
    run(&env, "three", &["init"]);
    // What is in a file as it was committed is as old as the commit, whenever it was checked out.
    let updated =
        |clone: &str| json(&env, &["-C", clone, "show", "1", "--json"])["data"]["issues"][0]["updated"].clone();
    ok(&env, "one", &["sync"]);
    ok(&env, "one", &["index", "rebuild"]);
    assert_eq!(updated("three"), updated("one"));
    ok(&env, "three", &["comment", "1", "From a table"]);
    let status = json(&env, &["-C", "three", "status", "--json"]);
    assert_eq!(status["data"]["behind"], 0, "{status}");
    assert!(ok(&env, "three", &["sync"]).contains("1 commit pushed"));
    // Deleted there, commented on here.
    ok(&env, "three", &["delete", "1", "--yes"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "two", &["comment", "1", "Needed"]);
    ok(&env, "two", &["sync"]);
    ok(&env, "three", &["sync"]);
    assert_eq!(titles(&env, "three"), ["Kept"]);
}

#[test]
fn two_new_numbers_of_one_issue_become_the_smaller_one() {
    for home in [&["--home", "branch"][..], &[]] {
        let env = clones(home);
        ok(&env, "one", &["new", "Shared"]);
        ok(&env, "one", &["comment", "1", "Before"]);
        ok(&env, "one", &["sync"]);
        if home.is_empty() {
            git(&env, "two", &["pull", "-q"]);
        }
        ok(&env, "two", &["sync"]);
        ok(&env, "one", &["edit", "1", "--title", "Edited"]);
        ok(&env, "one", &["renumber", "1", "--to", "8"]);
        ok(&env, "one", &["comment", "8", "From one"]);
        ok(&env, "two", &["comment", "1", "From two"]);
        ok(&env, "two", &["renumber", "1", "--to", "7"]);
        ok(&env, "two", &["edit", "7", "-p", "high"]);
        for clone in ["one", "two", "one", "two"] {
            ok(&env, clone, &["sync"]);
        }
        for clone in ["one", "two"] {
            assert_eq!(titles(&env, clone), ["Edited"]);
            let shown = json(&env, &["-C", clone, "show", "7", "--json"])["data"]["issues"][0].clone();
            assert_eq!((&shown["priority"], &shown["number"]), (&"high".into(), &7.into()), "{shown}");
            let texts: Vec<&str> = shown["comments"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|comment| comment["body"].as_str().expect("a text").trim())
                .collect();
            assert!(["Before", "From one", "From two"].iter().all(|text| texts.contains(text)), "{texts:?}");
            assert_eq!(texts.len(), 3, "{texts:?}");
            for old in ["1", "8"] {
                assert!(ok(&env, clone, &["show", old]).contains("Edited"));
            }
            assert_eq!(run(&env, clone, &["check"]).status, 0);
        }
    }
}

#[test]
fn what_somebody_else_has_merged_is_whole_before_it_is_pushed() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "Kept"]);
    ok(&env, "one", &["sync"]);
    git(&env, "one", &["switch", "-q", "-c", "gone"]);
    ok(&env, "one", &["delete", "1", "--yes"]);
    git(&env, "one", &["commit", "-qam", "Delete it"]);
    git(&env, "one", &["switch", "-q", "main"]);
    ok(&env, "one", &["comment", "1", "Still needed"]);
    git(&env, "one", &["add", ".tickety"]);
    git(&env, "one", &["commit", "-qm", "Comment on it"]);
    git(&env, "one", &["merge", "-q", "--no-edit", "gone"]);
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("committed: Issues: 1-"), "{synced}");
    git(&env, "two", &["pull", "-q"]);
    assert_eq!(titles(&env, "two"), ["Kept"]);
}

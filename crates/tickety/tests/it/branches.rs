//! Issues and the branches and commits of the code.

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::history::{commit, repository};
use crate::json;

/// Commits a change of the code with a message, and returns the commit's id.
fn work(env: &TestEnv, message: &str) -> String {
    let name = message.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    env.write(&format!("src/{name}"), message);
    commit(env, message);
    env.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// Returns what a command says, with the ids of commits taken out.
fn told(env: &TestEnv, arguments: &[&str]) -> String {
    let mut text = env.run(arguments).to_string();
    for id in env.git(&["rev-list", "--all"]).lines() {
        text = text.replace(id, "[ID]").replace(&id[..12], "[ID]");
    }
    text
}

#[test]
fn a_scan_closes_what_commits_say_they_close_once() {
    let env = repository();
    for title in ["Two", "Three", "Four"] {
        env.ok(&["new", title]);
    }
    commit(&env, "Issues");
    work(&env, "Read once\n\nFixes TIK-1 and TIK-2.");
    work(&env, "Something of the forge (fixes #3)");
    work(&env, "Three, resolves TIK-3, closes TIK-99");
    work(&env, "Revert \"Four (fixes TIK-4)\"");
    let before = env.files();
    assert_snapshot!(told(&env, &["scan", "--dry-run"]), @"
    1-xfy8 would be closed by [ID]: Read once
    2-ng4q would be closed by [ID]: Read once
    3-0wj1 would be closed by [ID]: Three, resolves TIK-3, closes TIK-99
    --- standard error
    [ID] says it closes 99, which is the name of no issue
    ");
    assert_eq!(env.files(), before);
    assert_snapshot!(told(&env, &["scan", "HEAD~2.."]), @"
    3-0wj1 closed by [ID]: Three, resolves TIK-3, closes TIK-99
    --- standard error
    [ID] says it closes 99, which is the name of no issue
    ");
    assert_snapshot!(told(&env, &["scan", "-q"]), @"");
    let note = json(&env, &["show", "1", "--json"])["data"]["issues"][0]["closed"]["note"].to_string();
    assert!(note.starts_with("\"Closed by commit ") && note.ends_with(": Read once\""), "{note}");
    assert_snapshot!(told(&env, &["scan"]), @"
    --- standard error
    [ID] says it closes 99, which is the name of no issue
    no commit closes an open issue
    ");
    let left = json(&env, &["scan", "--json"]);
    let why = left["data"]["left"].as_array().expect("a list").iter().map(|left| left["why"].clone());
    assert_eq!(why.collect::<Vec<_>>(), ["closed", "closed", "closed", "unknown"]);
    assert_eq!(env.ok(&["list"]).lines().count(), 1);
    // One write for all.
    let events = json(&env, &["events", "--type", "issue.closed", "--json"]);
    let groups: std::collections::BTreeSet<String> =
        events["data"]["events"].as_array().expect("a list").iter().map(|event| event["group"].to_string()).collect();
    assert_eq!(groups.len(), 2);
}

#[test]
fn a_scan_leaves_what_was_reopened_or_made_after_the_commit() {
    let env = repository();
    work(&env, "Fixes TIK-1, and TIK-2 before there was one");
    env.ok(&["scan", "-q"]);
    commit(&env, "Closed");
    env.ok(&["reopen", "1"]);
    env.ok(&["new", "Two"]);
    assert_snapshot!(told(&env, &["scan"]), @"
    --- standard error
    [ID] says it closes 1, which was reopened after it
    [ID] says it closes 2, which was made after it
    no commit closes an open issue
    ");
    commit(&env, "Reopened");
    // A clone that has no log of events.
    env.git(&["clone", "--quiet", ".", "clone"]);
    let clone = env.call(&["scan", "--json"]).within("clone").run();
    assert!(clone.stdout.contains("\"closed\":[]"), "{clone}");
    work(&env, "Fixes TIK-1 this time");
    assert_eq!(env.ok(&["scan"]).lines().count(), 1);
}

#[test]
fn numbers_of_forges_count_where_one_says_so() {
    let env = repository();
    work(&env, "Fixes #1");
    assert_eq!(env.run(&["scan"]).stderr, "no commit closes an open issue\n");
    assert_eq!(env.ok(&["scan", "--bare"]).lines().count(), 1);
    assert_snapshot!(told(&env, &["scan", "nowhere.."]), @"
    --- standard error
    error: git knows no commits `nowhere..`
    hint: a range is two commits with .. between them, or one for all up to it; see `git help revisions`
    --- status 14
    ");
    assert_snapshot!(told(&env, &["scan", "--", "--output=x"]), @"
    --- standard error
    error: git knows no commits `--output=x`
    hint: a range is two commits with .. between them, or one for all up to it; see `git help revisions`
    --- status 14
    ");
    assert!(!env.work().join("x").exists());
}

#[test]
fn a_branch_is_started_for_an_issue_and_known_by_it() {
    let env = repository();
    assert_snapshot!(told(&env, &["current"]), @"
    --- standard error
    main is not named for an issue; `tickety branch ISSUE` starts one that is
    --- status 1
    ");
    env.write("code.txt", "not committed");
    assert_snapshot!(told(&env, &["branch", "1"]), @"new branch 1-xfy8-slow-cache");
    assert_eq!(env.git(&["branch", "--show-current"]).trim(), "1-xfy8-slow-cache");
    assert_eq!(env.read("code.txt"), "not committed");
    assert_snapshot!(told(&env, &["current"]), @"1-xfy8  Slow cache");
    env.ok(&["edit", "1", "--title", "Another title"]);
    commit(&env, "Work");
    env.git(&["switch", "--quiet", "main"]);
    assert_snapshot!(told(&env, &["branch", "TIK-1"]), @"branch 1-xfy8-slow-cache");
    let current = json(&env, &["current", "--json"]);
    assert_eq!(
        (current["data"]["branch"].as_str(), current["data"]["issue"]["number"].as_u64()),
        (Some("1-xfy8-slow-cache"), Some(1))
    );
    // In a linked work tree, its own branch counts.
    env.git(&["worktree", "add", "--quiet", "-b", "ann/TIK-1-too", "side", "main"]);
    assert_eq!(env.call(&["current"]).within("side").run().stdout, "1-xfy8  Slow cache\n");
    env.git(&["switch", "--quiet", "--detach"]);
    assert_snapshot!(told(&env, &["current"]), @"
    --- standard error
    no branch is checked out: HEAD is detached
    --- status 1
    ");
    env.git(&["switch", "--quiet", "-c", "TIK-99"]);
    assert_snapshot!(told(&env, &["current"]), @"
    --- standard error
    TIK-99 is named for an issue that isn't here
    --- status 1
    ");
    env.git(&["switch", "--quiet", "--detach"]);
    assert_eq!(env.run(&["current", "--json"]).stdout, "{\"data\":{\"branch\":null,\"issue\":null},\"meta\":{}}\n");
}

#[test]
fn a_branch_that_somebody_has_pushed_is_gone_on_with() {
    let env = repository();
    env.git(&["init", "--quiet", "--bare", "../remote.git"]);
    env.git(&["remote", "add", "origin", "../remote.git"]);
    env.ok(&["branch", "1", "-q"]);
    env.write("code.txt", "pushed");
    commit(&env, "Work");
    env.git(&["push", "--quiet", "origin", "1-xfy8-slow-cache"]);
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["branch", "--quiet", "-D", "1-xfy8-slow-cache"]);
    assert_snapshot!(told(&env, &["branch", "1", "--from", "main"]), @"
    --- standard error
    error: 1-xfy8-slow-cache is there already and doesn't begin anew at main
    --- status 14
    ");
    assert_snapshot!(told(&env, &["branch", "1"]), @"branch 1-xfy8-slow-cache");
    assert_eq!(env.read("code.txt"), "pushed");
    let follows = env.git(&["rev-parse", "--abbrev-ref", "HEAD@{upstream}"]);
    assert_eq!(follows, "origin/1-xfy8-slow-cache\n");
}

#[test]
fn a_branch_is_found_by_the_name_that_its_issue_had() {
    let env = repository();
    env.ok(&["branch", "1", "-q"]);
    env.write("code.txt", "work");
    commit(&env, "Work");
    env.git(&["switch", "--quiet", "main"]);
    env.ok(&["renumber", "1", "--to", "7"]);
    commit(&env, "Renumber");
    assert_snapshot!(told(&env, &["branch", "7"]), @"branch 1-xfy8-slow-cache");
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["merge", "--quiet", "--no-edit", "1-xfy8-slow-cache"]);
    assert_snapshot!(told(&env, &["merge", "7"]), @"7-xfy8 closed");
    env.ok(&["reopen", "7"]);
    env.git(&["branch", "--quiet", "-D", "1-xfy8-slow-cache"]);
    assert_snapshot!(told(&env, &["merge", "7"]), @"7-xfy8 closed");
}

#[test]
fn a_branch_that_another_work_tree_has_is_named_with_that() {
    let env = repository();
    env.git(&["worktree", "add", "--quiet", "-b", "1-xfy8-slow-cache", "../side", "main"]);
    let refused = env.run(&["branch", "1"]);
    assert!(refused.stderr.contains("[ROOT]/side") && !refused.stderr.contains("stash"), "{refused}");
}

#[test]
fn of_a_branch_at_two_remotes_that_of_the_default_one_is_taken() {
    let env = repository();
    let branch = "1-xfy8-slow-cache";
    for remote in ["fork", "origin"] {
        env.git(&["init", "--quiet", "--bare", &format!("{remote}.git")]);
        env.git(&["remote", "add", remote, &format!("{remote}.git")]);
    }
    env.ok(&["branch", "1", "-q"]);
    for remote in ["fork", "origin"] {
        env.write("code.txt", remote);
        env.git(&["add", "code.txt"]);
        env.git(&["commit", "--quiet", "--message", remote]);
        env.git(&["push", "--quiet", remote, branch]);
    }
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["branch", "--quiet", "-D", branch]);
    let refused = env.run(&["branch", "1"]);
    assert_eq!(refused.status, 14, "{refused}");
    for named in [format!("fork/{branch}"), format!("origin/{branch}"), "checkout.defaultRemote".to_owned()] {
        assert!(refused.stderr.contains(&named), "{refused}");
    }
    assert_eq!(env.git(&["branch", "--list", "1-*"]), "");
    // One that doesn't have it says nothing.
    env.git(&["config", "checkout.defaultRemote", "elsewhere"]);
    assert_eq!(env.run(&["branch", "1"]).status, 14);
    env.git(&["config", "checkout.defaultRemote", "fork"]);
    env.ok(&["branch", "1"]);
    assert_eq!(env.read("code.txt"), "fork");
    assert_eq!(env.git(&["rev-parse", "--abbrev-ref", "@{upstream}"]).trim(), format!("fork/{branch}"));
}

#[test]
fn git_s_refusal_to_lose_changes_is_told() {
    let env = repository();
    env.write("code.txt", "one");
    commit(&env, "One");
    env.git(&["branch", "old", "HEAD~1"]);
    env.write("code.txt", "not committed");
    let refused = env.run(&["branch", "1", "--from", "old"]);
    assert_eq!(refused.status, 14, "{refused}");
    assert!(
        refused.stderr.contains("code.txt") && refused.stderr.contains("commit your changes or stash them"),
        "{refused}"
    );
    assert_eq!(
        (env.read("code.txt").as_str(), env.git(&["branch", "--show-current"]).trim()),
        ("not committed", "main")
    );
    assert_eq!(env.git(&["branch", "--list", "1-*"]), "");
    assert_snapshot!(told(&env, &["branch", "1", "--from", "nowhere"]), @"
    --- standard error
    error: git knows no branch, tag or commit `nowhere`
    hint: `git rev-parse --verify REF` tells whether git knows a branch or commit
    --- status 14
    ");
    env.git(&["restore", "code.txt"]);
    env.ok(&["branch", "1", "-q"]);
    assert_snapshot!(told(&env, &["branch", "1", "--from", "old"]), @"
    --- standard error
    error: 1-xfy8-slow-cache is there already and doesn't begin anew at old
    --- status 14
    ");
}

#[test]
fn hooks_are_not_run() {
    let env = repository();
    env.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch ran\n");
    env.call_program("chmod", &["+x", ".git/hooks/post-checkout"]);
    env.ok(&["branch", "1"]);
    assert!(!env.work().join("ran").exists());
}

/// Returns a repository with a branch of issue 1 that has two commits, and main checked out.
fn with_branch() -> TestEnv {
    let env = repository();
    env.ok(&["branch", "1", "-q"]);
    work(&env, "One");
    work(&env, "Two");
    env.git(&["switch", "--quiet", "main"]);
    env
}

#[test]
fn an_issue_is_closed_when_its_branch_is_merged() {
    let env = with_branch();
    assert_snapshot!(told(&env, &["merge", "1"]), @"
    --- standard error
    1-xfy8-slow-cache isn't merged into main, or has no commits of its own; `tickety close 1-xfy8` closes the issue all the same
    --- status 1
    ");
    assert_eq!(env.ok(&["list"]).lines().count(), 1);
    work(&env, "Other");
    env.git(&["merge", "--quiet", "--no-edit", "1-xfy8-slow-cache"]);
    assert_snapshot!(told(&env, &["merge", "1"]), @"1-xfy8 closed");
    let note = json(&env, &["show", "1", "--json"])["data"]["issues"][0]["closed"]["note"].to_string();
    assert!(note.contains("1-xfy8-slow-cache (") && note.contains("was merged into main."), "{note}");
    assert_snapshot!(told(&env, &["merge", "1"]), @"1-xfy8 unchanged: it is closed already");
}

#[test]
fn every_way_to_merge_counts() {
    let how = |env: &TestEnv| json(env, &["merge", "1", "--json"])["data"]["how"].clone();
    let branch = "1-xfy8-slow-cache";
    let env = with_branch();
    env.git(&["merge", "--quiet", "--ff-only", branch]);
    assert_eq!(how(&env), "merged");

    let env = with_branch();
    work(&env, "Other");
    env.git(&["merge", "--quiet", "--squash", branch]);
    commit(&env, "Squashed");
    work(&env, "Later");
    assert_eq!(how(&env), "squashed");

    let env = with_branch();
    work(&env, "Other");
    env.git(&["cherry-pick", "--keep-redundant-commits", &format!("main..{branch}")]);
    assert_eq!(how(&env), "rebased");

    let env = with_branch();
    work(&env, "Other");
    env.git(&["merge", "--quiet", "--no-edit", branch]);
    env.git(&["branch", "--quiet", "--delete", "--force", branch]);
    assert_eq!(how(&env), "named");
}

#[test]
fn a_squash_is_known_whatever_git_is_told_of_how_patches_look() {
    let branch = "1-xfy8-slow-cache";
    for setting in [None, Some(("diff.noprefix", "true")), Some(("diff.context", "5")), Some(("color.ui", "always"))] {
        let env = repository();
        env.write("long.txt", "a line\n".repeat(20));
        commit(&env, "Long");
        env.ok(&["branch", "1", "-q"]);
        env.git(&["mv", "long.txt", "renamed.txt"]);
        env.write("renamed.txt", "a line\n".repeat(20) + "and one more\n");
        commit(&env, "Renamed");
        work(&env, "One");
        env.git(&["switch", "--quiet", "main"]);
        work(&env, "Other");
        env.git(&["merge", "--quiet", "--squash", branch]);
        commit(&env, "Squashed");
        if let Some((key, value)) = setting {
            env.git(&["config", key, value]);
        }
        assert_eq!(json(&env, &["merge", "1", "--json"])["data"]["how"], "squashed", "{setting:?}");
    }
}

#[test]
fn a_merge_into_the_branch_is_none_of_the_branch() {
    let env = with_branch();
    work(&env, "Other");
    env.git(&["switch", "--quiet", "1-xfy8-slow-cache"]);
    // `Merge branch 'main' into 1-xfy8-slow-cache`
    env.git(&["merge", "--quiet", "--no-edit", "main"]);
    env.git(&["switch", "--quiet", "-c", "further"]);
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["merge", "--quiet", "--no-ff", "--no-edit", "further"]);
    env.git(&["branch", "--quiet", "--delete", "--force", "1-xfy8-slow-cache"]);
    assert_eq!(env.run(&["merge", "1"]).status, 1);
}

#[test]
fn what_was_not_merged_closes_nothing() {
    let env = repository();
    assert_snapshot!(told(&env, &["merge", "1"]), @"
    --- standard error
    1-xfy8 has no branch, and no merge commit of main names one; `tickety close 1-xfy8` closes it all the same
    --- status 1
    ");
    env.ok(&["branch", "1", "-q"]);
    assert_snapshot!(told(&env, &["merge", "1"]), @"
    --- standard error
    error: 1-xfy8-slow-cache is checked out: switch to the branch that it was merged into, such as main
    hint: `tickety close 1-xfy8` closes it whatever became of a branch
    --- status 14
    ");
    env.git(&["switch", "--quiet", "main"]);
    work(&env, "Other");
    // It has no commits of its own, and all of them are there.
    assert_eq!(env.run(&["merge", "1"]).status, 1);
    env.git(&["switch", "--quiet", "1-xfy8-slow-cache"]);
    work(&env, "One");
    work(&env, "Two");
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["cherry-pick", "1-xfy8-slow-cache~1"]);
    assert_eq!(env.run(&["merge", "1"]).status, 1);
    assert_snapshot!(told(&env, &["merge", "1", "--branch", "nowhere"]), @"
    --- standard error
    error: git knows no branch `nowhere`
    hint: `git branch --all` lists them; `tickety close 1-xfy8` closes it whatever became of a branch
    --- status 14
    ");
    assert_eq!(env.ok(&["list"]).lines().count(), 1);
}

#[test]
fn before_the_first_commit_nothing_was_merged() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "Slow cache"]);
    assert_snapshot!(env.run(&["merge", "1"]), @"
    --- standard error
    1-xfy8 has no branch, and no merge commit of main names one; `tickety close 1-xfy8` closes it all the same
    --- status 1
    ");
    assert_eq!(env.ok(&["branch", "1"]), "new branch 1-xfy8-slow-cache\n");
    commit(&env, "First");
    env.git(&["switch", "--quiet", "--orphan", "another"]);
    env.git(&["restore", "--source", "1-xfy8-slow-cache", ".tickety"]);
    assert_snapshot!(env.run(&["merge", "1"]), @"
    --- standard error
    1-xfy8-slow-cache isn't merged into another, or has no commits of its own; `tickety close 1-xfy8` closes the issue all the same
    --- status 1
    ");
}

#[test]
fn nothing_that_a_configuration_names_is_started() {
    let env = with_branch();
    env.write("run", "#!/bin/sh\ntouch ../home/ran\ncat \"$@\" 2>/dev/null\n");
    env.call_program("chmod", &["+x", "run"]);
    env.write(".gitattributes", "* diff=odd\n");
    commit(&env, "Attributes");
    env.git(&["merge", "--quiet", "--squash", "1-xfy8-slow-cache"]);
    commit(&env, "Squashed: fixes TIK-1");
    env.ok(&["edit", "1", "--priority", "low"]);
    for key in ["core.pager", "pager.log", "diff.external", "diff.odd.command", "diff.odd.textconv", "core.fsmonitor"] {
        env.git(&["config", key, "./run"]);
    }
    for command in [
        &["log", "1"][..],
        &["log", "1", "--fields"],
        &["show", "1", "--at", "HEAD~1"],
        &["list", "--on", "HEAD~1"],
        &["diff", "HEAD~1"],
        &["check", "--base", "HEAD~1"],
        &["scan", "--dry-run"],
        &["current"],
        &["merge", "1"],
        &["branch", "1"],
    ] {
        let output = env.run(command);
        assert!(output.status <= 1, "{command:?}\n{output}");
        assert!(!env.home().join("ran").exists(), "{command:?}");
    }
}

#[test]
fn a_home_on_no_branch_has_branches_of_the_code_and_no_history() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    work(&env, "Code");
    env.ok(&["init", "--home", "local"]);
    env.ok(&["new", "Slow cache"]);
    env.ok(&["branch", "1", "-q"]);
    work(&env, "Fixes TIK-1");
    assert_eq!(env.ok(&["current"]).lines().count(), 1);
    assert_snapshot!(told(&env, &["log", "1"]), @"
    --- standard error
    error: the issues of this clone are on no branch: git has no history of them
    hint: `tickety events` shows what happened to the issues here, without git
    --- status 14
    ");
    assert_eq!(env.ok(&["scan"]).lines().count(), 1);
    env.ok(&["reopen", "1"]);
    assert_eq!(env.ok(&["scan"]), "", "the log of events tells that it was reopened");
    let branch = env.git(&["branch", "--show-current"]);
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["merge", "--quiet", "--ff-only", branch.trim()]);
    assert!(env.ok(&["merge", "1"]).ends_with(" closed\n"));
}

#[test]
fn a_home_in_a_folder_with_an_odd_name_has_a_history() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    let config = env.read(".tickety/config.toml");
    env.write("o[d]d *\\x/.tickety/config.toml", config);
    let call = |arguments: &[&str]| env.call(arguments).within("o[d]d *\\x").run();
    call(&["new", "Slow cache"]);
    commit(&env, "First");
    call(&["edit", "1", "--priority", "low"]);
    commit(&env, "Second");
    assert_eq!(call(&["log", "1"]).stdout.lines().count(), 2);
    assert_eq!(call(&["list", "--on", "HEAD~1", "priority:medium"]).stdout.lines().count(), 1);
    assert_eq!(call(&["diff", "HEAD~1"]).stdout.lines().count(), 1);
    assert_eq!(call(&["check", "--base", "HEAD"]).status, 0);
}

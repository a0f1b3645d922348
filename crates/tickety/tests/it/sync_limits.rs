//! What `sync` doesn't do, and says so: before it is done, too.

use tickety_testkit::{Output, TestEnv};

use super::json;
use super::syncing::{clones, executable, git, ok, run, titles};

/// What a sync would be held back by, told beforehand by both commands that can.
#[track_caller]
fn told_before(env: &TestEnv, clone: &str, why: &str) {
    let dry = run(env, clone, &["sync", "--dry-run"]);
    assert!(dry.status == 1 && dry.stderr.contains(why), "{dry}");
    let status = run(env, clone, &["status"]);
    assert!(
        status.status == 0 && status.stdout.contains(&format!("a sync would stop: {}", line_with(&dry, why))),
        "{status}"
    );
}

fn line_with(output: &Output, why: &str) -> String {
    let line = output.stderr.lines().find(|line| line.contains(why)).unwrap_or_default();
    line.trim_start_matches("note: ").to_owned()
}

#[test]
fn a_refusal_of_the_remote_is_told_in_its_words() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "First"]);
    executable(&env, "remote/hooks/pre-receive", "#!/bin/sh\necho tried >> log\necho 'ask Ann first' >&2\nexit 1\n");
    let refused = run(&env, "one", &["sync"]);
    assert_eq!(refused.status, 14, "{refused}");
    assert!(refused.stderr.contains("origin refuses the push: pre-receive hook declined: ask Ann first"), "{refused}");
    assert!(refused.stderr.contains("committed here (`Issues: 1-"), "{refused}");
    assert_eq!(env.read("remote/log"), "tried\n", "it is asked once");
    // A branch that is checked out where it would be pushed to.
    env.git(&["init", "-q", "--initial-branch=tickety", "busy"]);
    git(&env, "busy", &["commit", "-q", "--allow-empty", "-m", "Busy"]);
    let busy = env.work().join("busy").to_string_lossy().into_owned();
    git(&env, "one", &["remote", "set-url", "origin", &busy]);
    let refused = run(&env, "one", &["sync", "--json"]);
    assert!(refused.status == 14 && refused.stdout.contains("branch is currently checked out"), "{refused}");
}

#[test]
fn what_nobody_could_read_is_not_committed() {
    let env = clones(&["--home", "branch"]);
    for title in ["First", "Second"] {
        ok(&env, "one", &["new", title]);
    }
    ok(&env, "one", &["sync"]);
    let path = |number: u32| {
        let shown = json(&env, &["-C", "one", "show", &number.to_string(), "--json"]);
        let key = shown["data"]["issues"][0]["key"].as_str().expect("a name").to_owned();
        let (number, suffix) = key.split_once('-').expect("a full name");
        format!("one/.git/tickety/home/.tickety/issues/000/{number:0>6}-{suffix}.md")
    };
    let (first, second) = (path(1), path(2));
    let text = env.read(&first);
    env.write(&first, text.replace("title: First", "<<<<<<< HEAD\ntitle: First\n=======\ntitle: Other\n>>>>>>> topic"));
    ok(&env, "one", &["edit", "2", "--title", "Second, edited"]);
    ok(&env, "one", &["new", "Third"]);
    let third = path(3);
    ok(&env, "one", &["comment", "3", "A word"]);
    env.write(&third, "not an issue");
    let dry = run(&env, "one", &["sync", "--dry-run"]);
    let synced = run(&env, "one", &["sync"]);
    for output in [&dry, &synced] {
        assert_eq!(output.status, 1, "{output}");
        assert!(output.stdout.contains(": Issues: 2-"), "{output}");
        assert!(output.stderr.contains("isn't committed: unresolved merge conflict"), "{output}");
        assert_eq!(output.stderr.matches("isn't committed").count(), 2, "{output}");
    }
    assert!(synced.stdout.contains("1 commit pushed"), "{synced}");
    let name = |path: &str| path.trim_start_matches("one/.git/tickety/home/").to_owned();
    let pushed = git(&env, "remote", &["show", "--format=", "--name-only", "tickety"]);
    assert_eq!(pushed.trim(), name(&second));
    ok(&env, "two", &["sync"]);
    assert_eq!(titles(&env, "two"), ["First", "Second, edited"]);
    let left: Vec<String> = json_of(&run(&env, "one", &["sync", "--json"]))["data"]["left_out"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|left| left["path"].as_str().expect("a text").split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(left, [name(&first), name(&third)]);
    // Once it is settled, it goes.
    env.write(&first, text);
    ok(&env, "one", &["edit", "1", "-p", "high"]);
    assert!(run(&env, "one", &["sync"]).stdout.contains("committed: Issues: 1-"));
}

fn json_of(output: &Output) -> serde_json::Value {
    serde_json::from_str(&output.stdout).expect("JSON")
}

#[test]
fn nothing_is_committed_where_no_branch_would_have_it() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "First"]);
    ok(&env, "one", &["sync"]);
    git(&env, "one", &["bisect", "start", "HEAD", "HEAD~1"]);
    ok(&env, "one", &["new", "Second"]);
    let head = git(&env, "one", &["rev-parse", "HEAD"]);
    told_before(&env, "one", "in the midst of a bisect: `git bisect reset`");
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("in the midst of a bisect"), "{held}");
    git(&env, "one", &["bisect", "reset"]);
    assert_eq!(titles(&env, "one"), ["First", "Second"]);
    git(&env, "one", &["checkout", "-q", "--detach"]);
    told_before(&env, "one", "no branch is checked out: `git switch");
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("no branch is checked out: `git switch"), "{held}");
    assert_eq!(git(&env, "one", &["rev-parse", "HEAD"]), head);
    git(&env, "one", &["switch", "-q", "main"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "");
}

#[test]
fn what_would_hold_a_sync_back_is_told_before() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "First"]);
    env.write("one/.git/info/exclude", ".tickety\n");
    git(&env, "one", &["rm", "-rq", "--cached", ".tickety"]);
    told_before(&env, "one", "git ignores");
    env.write("one/.git/info/exclude", "");
    git(&env, "one", &["reset", "-q"]);
    // Code of one's own, and of others.
    env.write("one/code.txt", "changed\n");
    git(&env, "one", &["commit", "-qam", "Code"]);
    told_before(&env, "one", "would push a commit of code: `git push`");
    assert_eq!(run(&env, "one", &["sync", "--dry-run", "--no-push"]).status, 0);
    assert_eq!(run(&env, "one", &["sync"]).status, 1);
    git(&env, "one", &["push", "-q"]);
    ok(&env, "two", &["new", "Second"]);
    git(&env, "two", &["fetch", "-q"]);
    told_before(&env, "two", "would bring in a commit of code: `git pull`");
    // A merge of files.
    env.write("two/code.txt", "otherwise\n");
    git(&env, "two", &["commit", "-qam", "Other code"]);
    let merged = env.call_program("git", &["-C", "two", "merge", "-q", "origin/main"]);
    assert_ne!(merged.status, 0, "{merged}");
    told_before(&env, "two", "in the midst of a merge");
}

#[test]
fn settings_for_code_change_nothing() {
    let env = clones(&[]);
    for (key, value) in [
        ("merge.ff", "only"),
        ("pull.ff", "only"),
        ("pull.rebase", "true"),
        ("merge.autoStash", "true"),
        ("rerere.enabled", "true"),
        ("rerere.autoUpdate", "true"),
        ("commit.template", "/nowhere/template"),
        ("commit.cleanup", "scissors"),
        ("commit.verbose", "true"),
        ("core.editor", "false"),
        ("core.commentChar", "I"),
        ("push.followTags", "true"),
        ("push.default", "nothing"),
        ("push.recurseSubmodules", "check"),
        ("fetch.prune", "true"),
        ("color.ui", "always"),
        ("branch.main.mergeOptions", "--squash --no-commit"),
        ("status.short", "true"),
        ("diff.noprefix", "true"),
        ("i18n.commitEncoding", "latin1"),
    ] {
        git(&env, "one", &["config", key, value]);
    }
    git(&env, "one", &["tag", "-am", "Mine", "mine"]);
    for clone in ["one", "two"] {
        ok(&env, clone, &["new", &format!("From {clone} – é")]);
    }
    ok(&env, "two", &["sync"]);
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("1 commit merged\n") && synced.contains("2 commits pushed\n"), "{synced}");
    ok(&env, "two", &["sync"]);
    assert_eq!(titles(&env, "two").len(), 2);
    assert_eq!(git(&env, "remote", &["tag"]), "");
    let message = git(&env, "remote", &["log", "-2", "--format=%s%n%b", "main"]);
    assert!(message.contains("Issues: ") && message.contains("From one – é"), "{message}");
}

#[test]
fn only_what_is_signed_is_merged_where_git_is_told_so() {
    let env = clones(&["--home", "branch"]);
    git(&env, "one", &["config", "merge.verifySignatures", "true"]);
    ok(&env, "two", &["new", "From two"]);
    ok(&env, "two", &["sync"]);
    let failed = run(&env, "one", &["sync"]);
    assert!(failed.status == 14 && failed.stderr.contains("`merge.verifySignatures`"), "{failed}");
    assert!(titles(&env, "one").is_empty());
}

#[test]
fn a_commit_that_fails_leaves_the_index_as_it_was() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "First"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "one", &["edit", "1", "--title", "Staged"]);
    git(&env, "one", &["add", "."]);
    ok(&env, "one", &["edit", "1", "--title", "Edited again"]);
    ok(&env, "one", &["new", "Second"]);
    let index = || git(&env, "one", &["ls-files", "--stage"]);
    let before = index();
    git(&env, "one", &["config", "commit.gpgSign", "true"]);
    git(&env, "one", &["config", "gpg.program", "false"]);
    let failed = run(&env, "one", &["sync"]);
    assert!(failed.status == 14 && failed.stderr.contains("git could not sign"), "{failed}");
    assert_eq!(index(), before);
    git(&env, "one", &["config", "commit.gpgSign", "false"]);
    // Who one is, and another git at work.
    let unknown = env.call(&["sync"]).within("one");
    let unknown = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"]
        .iter()
        .fold(unknown, |call, name| call.without(name));
    git(&env, "one", &["config", "user.useConfigOnly", "true"]);
    let failed = unknown.run();
    assert!(failed.status == 14 && failed.stderr.contains("tell git who you are"), "{failed}");
    env.write("one/.git/index.lock", "");
    let failed = run(&env, "one", &["sync"]);
    assert!(failed.status == 14 && failed.stderr.contains("another git is at work here"), "{failed}");
    std::fs::remove_file(env.work().join("one/.git/index.lock")).expect("it is there");
    assert_eq!(index(), before);
    let failed = env.call(&["sync"]).within("one").variable("PATH", "/nowhere").run();
    assert!(failed.status == 14 && failed.stderr.contains("install git"), "{failed}");
    ok(&env, "one", &["sync"]);
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "");
}

#[test]
fn what_is_staged_stays_staged_also_where_it_keeps_git_from_merging() {
    let env = clones(&[]);
    for clone in ["one", "two"] {
        ok(&env, clone, &["new", &format!("From {clone}")]);
    }
    ok(&env, "two", &["sync"]);
    env.write("one/staged.txt", "staged\n");
    git(&env, "one", &["add", "staged.txt"]);
    let failed = run(&env, "one", &["sync"]);
    assert!(failed.status == 14 && failed.stderr.contains("nor while code is staged"), "{failed}");
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "A  staged.txt\n");
    git(&env, "one", &["commit", "-qm", "Code"]);
    git(&env, "one", &["pull", "-q", "--no-rebase", "--no-edit"]);
    git(&env, "one", &["push", "-q"]);
    assert_eq!(ok(&env, "one", &["sync"]), "everything is committed, merged and pushed\n");
}

#[test]
fn what_is_staged_and_gone_again_is_no_trouble() {
    let env = clones(&[]);
    ok(&env, "one", &["new", "First"]);
    ok(&env, "one", &["new", "Second"]);
    ok(&env, "one", &["sync"]);
    ok(&env, "one", &["new", "Third"]);
    git(&env, "one", &["add", "."]);
    ok(&env, "one", &["delete", "3", "2", "--yes"]);
    git(&env, "one", &["rm", "-rq", "--cached", ".tickety/issues"]);
    let synced = ok(&env, "one", &["sync"]);
    assert!(synced.contains("deleted"), "{synced}");
    assert_eq!(git(&env, "one", &["status", "--porcelain"]), "");
    assert_eq!(titles(&env, "one"), ["First"]);
}

#[test]
fn the_remote_is_the_one_that_the_issues_are_from() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "First"]);
    ok(&env, "one", &["sync"]);
    env.git(&["init", "-q", "--bare", "--initial-branch=main", "other"]);
    env.git(&["clone", "-q", "--origin", "first", "remote", "three"]);
    git(&env, "three", &["remote", "add", "second", "../other"]);
    assert!(ok(&env, "three", &["init"]).contains("first/tickety"));
    assert!(ok(&env, "three", &["status"]).contains("exchanged with first/tickety"));
    ok(&env, "three", &["new", "From three"]);
    assert!(ok(&env, "three", &["sync"]).contains("1 commit pushed"));
    // Nobody has chosen one.
    env.git(&["init", "-q", "--initial-branch=main", "four"]);
    for remote in ["first", "second"] {
        git(&env, "four", &["remote", "add", remote, "../other"]);
    }
    ok(&env, "four", &["init", "--home", "branch"]);
    ok(&env, "four", &["new", "Elsewhere"]);
    told_before(&env, "four", "several remotes (first, second): `git config branch.tickety.remote NAME`");
    git(&env, "four", &["config", "branch.tickety.remote", "second"]);
    // All commits of a new branch are counted.
    assert!(ok(&env, "four", &["sync", "--dry-run"]).contains("2 commits would be pushed"));
    assert!(ok(&env, "four", &["sync"]).contains("2 commits pushed"));
    assert_eq!(ok(&env, "four", &["sync"]), "everything is committed, merged and pushed\n");
}

#[test]
fn a_branch_is_pushed_where_git_would_push_it() {
    let env = clones(&[]);
    git(&env, "one", &["checkout", "-q", "-b", "feature", "origin/main"]);
    ok(&env, "one", &["new", "First"]);
    let main = git(&env, "remote", &["rev-parse", "main"]);
    told_before(&env, "one", "feature follows origin/main, a branch of another name");
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stdout.contains("committed: "), "{held}");
    assert!(held.stderr.contains("`git push -u origin feature`"), "{held}");
    assert_eq!(git(&env, "remote", &["rev-parse", "main"]), main);
    git(&env, "one", &["config", "push.default", "upstream"]);
    assert!(ok(&env, "one", &["sync"]).contains("1 commit pushed"));
    assert_ne!(git(&env, "remote", &["rev-parse", "main"]), main);
    git(&env, "one", &["checkout", "-q", "-b", "topic", "--track", "main"]);
    told_before(&env, "one", "the upstream of topic is main, a branch of this clone");
    // A fork to push to.
    git(&env, "one", &["checkout", "-q", "main"]);
    git(&env, "one", &["pull", "-q"]);
    git(&env, "one", &["config", "remote.pushDefault", "fork"]);
    ok(&env, "one", &["comment", "1", "again"]);
    told_before(&env, "one", "main is merged from origin/main and pushed to fork");
}

#[test]
fn a_checkout_of_the_issues_that_is_on_no_branch_goes_back_to_it_and_loses_nothing() {
    let env = clones(&["--home", "branch"]);
    ok(&env, "one", &["new", "One"]);
    ok(&env, "one", &["sync"]);
    let home = "one/.git/tickety/home";
    let tip = || git(&env, home, &["rev-parse", "tickety"]);
    // At the branch, with what isn't committed; and beyond it.
    git(&env, home, &["checkout", "-q", "--detach"]);
    ok(&env, "one", &["new", "Two"]);
    let status = ok(&env, "one", &["status"]);
    assert!(status.contains("a sync puts it back on tickety"), "{status}");
    ok(&env, "one", &["sync"]);
    assert_eq!(git(&env, home, &["branch", "--show-current"]).trim(), "tickety");
    git(&env, home, &["checkout", "-q", "--detach"]);
    ok(&env, "one", &["new", "Three"]);
    git(&env, home, &["add", "."]);
    git(&env, home, &["commit", "-qm", "On no branch"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["One", "Three", "Two"]);
    assert_eq!(git(&env, "remote", &["rev-parse", "tickety"]), tip());
    // Behind it.
    git(&env, home, &["checkout", "-q", "--detach", "HEAD~1"]);
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("switch tickety` comes first"), "{held}");
    // Beside it.
    ok(&env, "one", &["new", "Four"]);
    git(&env, home, &["add", "."]);
    git(&env, home, &["commit", "-qm", "Beside"]);
    let beside = git(&env, home, &["rev-parse", "HEAD"]);
    let held = run(&env, "one", &["sync"]);
    let told = format!("merge {}` for the commits that are on no branch", &beside[..12]);
    assert!(held.status == 1 && held.stderr.contains(&told), "{held}");
    git(&env, home, &["switch", "-q", "tickety"]);
    git(&env, home, &["merge", "-q", "--no-edit", &beside[..12]]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["Four", "One", "Three", "Two"]);
    // Somebody else has it.
    git(&env, home, &["checkout", "-q", "--detach"]);
    git(&env, "one", &["worktree", "add", "-q", "../taken", "tickety"]);
    let held = run(&env, "one", &["sync"]);
    assert!(held.status == 1 && held.stderr.contains("taken switch --detach` frees it"), "{held}");
}

#[test]
fn another_branch_in_the_checkout_of_the_issues_is_named() {
    let env = clones(&["--home", "branch"]);
    git(&env, "one/.git/tickety/home", &["switch", "-q", "-c", "weird"]);
    ok(&env, "one", &["new", "Astray"]);
    told_before(&env, "one", "the branch weird is checked out in");
    let home = "one/.git/tickety/home";
    git(&env, home, &["switch", "-q", "tickety"]);
    ok(&env, "one", &["sync"]);
    assert_eq!(titles(&env, "one"), ["Astray"]);
}

//! Where issues are kept, and moving them.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use super::json;

/// Returns a repository with a commit of code.
fn repository() -> TestEnv {
    let env =
        TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-11-21T12:00:00Z".parse().expect("a time"));
    env.write("code.txt", "code\n");
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "Begin"]);
    env
}

/// What all issues are, whatever the home.
fn issues(env: &TestEnv) -> String {
    env.ok(&["export", "jsonl"])
}

fn check_health(env: &TestEnv) {
    let findings = json(env, &["doctor", "--json"])["data"]["findings"].clone();
    let is_note = |finding: &serde_json::Value| finding["remedy"] == "note";
    assert!(findings.as_array().expect("a list").iter().all(is_note), "{findings}");
}

fn kind(env: &TestEnv) -> String {
    json(env, &["home", "--json"])["data"]["home"].as_str().expect("a text").to_owned()
}

#[test]
fn a_home_on_a_branch_serves_all_work_trees_and_shows_in_none() {
    let env = repository();
    let made = env.ok(&["init", "--home", "branch"]);
    assert!(made.contains("on the branch tickety"), "{made}");
    env.git(&["worktree", "add", "-q", "-b", "side", "side"]);
    env.ok(&["new", "Here"]);
    env.call(&["new", "There"]).within("side").run();
    let there = env.call(&["list", "-q"]).within("side").run();
    assert!(there.stdout.contains("Here") && there.stdout.contains("There"), "{there}");
    assert_eq!(json(&env, &["list", "--json"])["data"]["total"], 2);
    assert!(env.ok(&["show", "1"]).contains(".git/tickety/home/.tickety/issues/000/000001-"));
    assert_eq!(env.git(&["status", "--porcelain", "--ignored"]), "?? side/\n");
    assert!(!env.work().join(".tickety").exists() && !env.work().join(".gitignore").exists());
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", "main"]), "code.txt\n");
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", "tickety"]), ".tickety/.gitignore\n.tickety/config.toml\n");
    assert_eq!(env.git(&["log", "--format=%P", "tickety"]), "\n", "it has no parents");
    // What comes with the clone is its own.
    let again = env.run(&["init", "--home", "branch"]);
    assert!(again.stdout.contains("there is a home"), "{again}");
    assert_eq!(env.run(&["init", "--home", "local"]).status, 11);
    assert_eq!(env.run(&["init"]).status, 0, "it is the home of the repository");
    assert!(!env.work().join(".tickety").exists());
    check_health(&env);
}

#[test]
fn a_home_that_would_never_count_is_refused() {
    let env = repository();
    env.git(&["init", "-q", "--bare", "bare.git"]);
    let refused = |arguments: &[&str], folder: &str, why: &str| {
        let output = env.call(&[&["init"], arguments].concat()).within(folder).run();
        assert!(output.status == 11 && output.stderr.contains(why), "{folder}: {output}");
    };
    for arguments in [&[][..], &["--nested"], &["--home", "local"], &["--home", "branch"]] {
        refused(arguments, "bare.git", "bare.git is a directory of git's own");
        refused(arguments, "bare.git/refs", "bare.git is a directory of git's own");
    }
    refused(&[], ".git", ".git is a directory of git's own");
    refused(&["--nested"], ".git/hooks", ".git is a directory of git's own");
    // A work tree in there is one like any other.
    env.git(&["worktree", "add", "-q", "-b", "side", "bare.git/side"]);
    assert_eq!(env.call(&["init"]).within("bare.git/side").run().status, 0);

    env.ok(&["init", "--home", "local"]);
    for arguments in [&["--nested"][..], &["--home", "tree"], &["--home", "tree", "--nested"]] {
        refused(arguments, ".", "would count for nothing");
    }
    assert!(!env.work().join(".tickety").exists());
    env.write("below/code.txt", "code\n");
    assert_eq!(env.call(&["init", "--nested"]).within("below").run().status, 0);
    assert!(env.call(&["home"]).within("below").run().stdout.starts_with("tree, in "));
    assert_eq!(kind(&env), "local");
    assert_eq!(env.call(&["init"]).within(".git/tickety/home").run().status, 0, "it is there already");
}

#[test]
fn a_clone_finds_the_branch_that_somebody_else_made() {
    let env = repository();
    env.ok(&["init", "--home", "branch", "--prefix", "AB"]);
    env.ok(&["new", "Shared"]);
    let home = env.work().join(".git/tickety/home");
    let at_home = home.to_str().unwrap();
    env.git(&["-C", at_home, "add", "-A"]);
    env.git(&["-C", at_home, "commit", "-qm", "Issues"]);
    env.git(&["clone", "-q", ".", "clone"]);
    let missing = env.call(&["list"]).within("clone").run();
    assert!(missing.status == 11 && missing.stderr.contains("on the branch origin/tickety"), "{missing}");
    let found = env.call(&["init"]).within("clone").run();
    assert!(found.stdout.contains("origin/tickety"), "{found}");
    assert!(env.call(&["show", "AB-1"]).within("clone").run().stdout.contains("Shared"));
    assert_eq!(env.git(&["-C", "clone", "status", "--porcelain"]), "");
}

#[test]
fn a_home_in_the_clone_is_on_no_branch() {
    let env = repository();
    env.ok(&["init", "--home", "local"]);
    env.git(&["worktree", "add", "-q", "-b", "side", "side"]);
    env.call(&["new", "Secret"]).within("side").run();
    assert!(env.ok(&["list", "-q"]).contains("Secret"));
    assert_eq!(env.git(&["status", "--porcelain", "--ignored"]), "?? side/\n");
    assert_eq!(env.git(&["branch", "--format=%(refname:short)"]), "main\nside\n");
    check_health(&env);
    // Who commits is asked of the repository all the same.
    env.git(&["config", "user.name", "Own Name"]);
    env.call(&["comment", "1", "mine"]).without("TICKETY_ACTOR").run();
    assert!(env.ok(&["show", "1"]).contains("Own Name"), "{}", env.ok(&["show", "1"]));
}

#[test]
fn a_home_is_moved_with_its_history_and_its_events() {
    let env = repository();
    env.ok(&["init"]);
    env.ok(&["new", "First"]);
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "One issue"]);
    env.git(&["checkout", "-q", "-b", "topic"]);
    env.ok(&["new", "On a branch"]);
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "Another issue"]);
    env.git(&["checkout", "-q", "main"]);
    env.ok(&["edit", "1", "-p", "high"]);
    env.git(&["commit", "-qam", "More urgent"]);
    env.ok(&["comment", "1", "not committed"]);
    let (before, events) = (issues(&env), env.ok(&["events", "--json"]));
    let cursor = json(&env, &["events", "--json"])["data"]["next"].as_str().unwrap().to_owned();

    let told = env.ok(&["home", "move", "branch", "--dry-run"]);
    assert!(told.contains("would be moved") && told.contains("2-"), "{told}");
    assert_eq!(kind(&env), "tree");
    env.ok(&["home", "move", "branch"]);
    assert_eq!((kind(&env).as_str(), issues(&env)), ("branch", before.clone()));
    assert!(!env.work().join(".tickety").exists());
    let log = env.git(&["log", "--format=%s", "tickety"]);
    assert_eq!(log, "Keep the issues on a branch of their own\nMore urgent\nOne issue\n");
    assert!(env.git(&["ls-tree", "-r", "--name-only", "tickety~1"]).lines().all(|path| path.starts_with(".tickety/")));
    assert_eq!(env.ok(&["events", "--json"]), events);
    assert_eq!(json(&env, &["events", "--since", &cursor, "--json"])["data"]["events"].as_array().unwrap().len(), 0);
    check_health(&env);
    // An old branch still has the files, which count no more.
    env.git(&["checkout", "-q", "-f", "topic"]);
    assert!(env.work().join(".tickety").exists());
    assert_eq!(issues(&env), before);
    let told = env.ok(&["doctor"]);
    assert!(told.contains("counts no more") && told.contains("1 issue that the home hasn't, such as 2-"), "{told}");
    env.git(&["checkout", "-q", "main"]);
    env.git(&["rm", "-rq", ".tickety"]);
    env.git(&["commit", "-qm", "Moved"]);
    // Numbers go on behind those of all branches.
    assert!(env.ok(&["new", "Third"]).starts_with("3-"));
    let before = issues(&env);

    for to in ["local", "tree", "local", "branch", "tree"] {
        env.ok(&["home", "move", to]);
        assert_eq!((kind(&env).as_str(), issues(&env)), (to, before.clone()));
        check_health(&env);
        assert_eq!(env.work().join(".tickety").exists(), to == "tree", "{to}");
        assert!(env.ok(&["init"]).contains("already; nothing was changed"), "{to}");
    }
    assert_eq!(env.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(env.git(&["fsck", "--no-dangling"]), "");
    let leftovers: Vec<_> = fs::read_dir(env.work().join(".git/tickety")).unwrap().collect();
    assert!(!leftovers.iter().flatten().any(|entry| entry.file_name() == "making"));
}

/// Copies a home, as what a process that was killed has left of it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is the test's own");
    for entry in fs::read_dir(from).expect("the folder is the test's own") {
        let (path, to) = (
            entry.as_ref().expect("the folder is the test's own").path(),
            to.join(entry.expect("the folder is the test's own").file_name()),
        );
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("the folder is the test's own");
        }
    }
}

/// Returns a repository whose home was moved to the clone by a process that was killed before it had removed the old one.
fn half_moved(to: &str) -> (TestEnv, String) {
    let env = repository();
    env.ok(&["init"]);
    for title in ["First", "Second"] {
        env.ok(&["new", title]);
    }
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "Issues"]);
    let (home, before) = (env.work().join(".tickety"), issues(&env));
    copy(&home, &env.work().join("copy"));
    env.ok(&["home", "move", to]);
    fs::rename(env.work().join("copy"), &home).expect("the folder is the test's own");
    let making = env.work().join(".git/tickety/making");
    copy(&home, &making.join("root/.tickety"));
    fs::write(making.join("work-tree"), env.work().to_str().expect("it is UTF-8"))
        .expect("the folder is the test's own");
    // Half of it.
    let first = fs::read_dir(home.join("issues/000"))
        .expect("the folder is the test's own")
        .map(|entry| entry.expect("the folder is the test's own").path())
        .min()
        .expect("there is one");
    fs::remove_file(first).expect("the folder is the test's own");
    (env, before)
}

fn leftovers(env: &TestEnv) -> Vec<String> {
    let findings = json(env, &["doctor", "--json"])["data"]["findings"].clone();
    let findings = findings.as_array().expect("a list").iter().filter(|finding| finding["check"] == "leftover");
    findings.map(|finding| finding["subject"].as_str().expect("a text").replace("[ROOT]/work/", "")).collect()
}

#[test]
fn what_a_killed_move_has_left_is_cleared_away() {
    for (to, again) in [("local", &["doctor", "--fix"][..]), ("branch", &["home", "move", "branch"])] {
        let (env, before) = half_moved(to);
        let (home, making) = (env.work().join(".tickety"), env.work().join(".git/tickety/making"));
        fs::create_dir_all(env.work().join(".tmp-home/issues")).unwrap();
        assert_eq!(leftovers(&env), [".git/tickety/making", ".tickety", ".tmp-home"]);
        assert_eq!(env.run(&["doctor"]).status, 1);
        env.ok(again);
        assert_eq!((kind(&env).as_str(), issues(&env)), (to, before));
        assert!(!home.exists() && !making.exists() && !env.work().join(".tmp-home").exists(), "{to}");
        check_health(&env);
        // It is kept all the same.
        let kept = match to {
            "local" => ".git/tickety/home/.tickety/local/kept",
            _ => ".git/worktrees/tickety-home/tickety/kept",
        };
        assert_eq!(fs::read_dir(env.work().join(kept).join(".tickety-1/issues/000")).unwrap().count(), 1);
    }
}

#[test]
fn a_home_with_issues_of_its_own_is_no_leftover() {
    let (env, _) = half_moved("local");
    env.ok(&["delete", "2", "--yes"]);
    assert_eq!(leftovers(&env), [".git/tickety/making"]);
    env.ok(&["doctor", "--fix"]);
    assert!(env.work().join(".tickety").exists());
    assert!(env.ok(&["doctor"]).contains("1 issue that the home hasn't, such as 2-"));
}

#[test]
fn a_move_goes_on_where_git_knows_a_checkout_that_is_gone() {
    let env = repository();
    env.ok(&["init"]);
    env.ok(&["new", "First"]);
    let before = issues(&env);
    env.git(&["branch", "tickety"]);
    let refused = env.run(&["home", "move", "branch"]);
    assert!(refused.status == 11 && refused.stderr.contains("which has no issues"), "{refused}");
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "Issues"]);
    env.git(&["branch", "-f", "tickety"]);
    env.git(&["worktree", "add", "-q", "--lock", ".git/tickety/making/tickety-home", "tickety"]);
    fs::create_dir_all(env.work().join(".git/worktrees/tickety-home/tickety")).unwrap();
    fs::write(env.work().join(".git/worktrees/tickety-home/tickety/journal"), "").unwrap();
    assert_eq!(leftovers(&env), [".git/tickety/making"]);
    env.ok(&["home", "move", "branch"]);
    assert_eq!((kind(&env).as_str(), issues(&env)), ("branch", before));
    assert_eq!(env.git(&["worktree", "list"]).lines().count(), 2);
    check_health(&env);
}

#[test]
fn two_moves_at_once_are_not_made() {
    let env = repository();
    env.ok(&["init"]);
    let making = env.work().join(".git/tickety/making");
    fs::create_dir_all(&making).unwrap();
    let other = fs::File::open(&making).unwrap();
    other.lock().unwrap();
    let refused = env.run(&["home", "move", "local"]);
    assert!(refused.status == 8 && refused.stderr.contains("another process"), "{refused}");
    assert_eq!(leftovers(&env), [""; 0]);
    drop(other);
    env.ok(&["home", "move", "local"]);
    assert!(!making.exists());
}

#[test]
fn what_would_lose_issues_is_refused() {
    let env = repository();
    env.ok(&["init"]);
    env.ok(&["new", "First"]);
    env.git(&["add", "."]);
    env.git(&["commit", "-qm", "One issue"]);
    env.git(&["worktree", "add", "-q", "-b", "side", "side"]);
    env.call(&["new", "Not committed"]).within("side").run();
    let refused = env.run(&["home", "move", "branch"]);
    assert!(refused.status == 11 && refused.stderr.contains("side has issues that aren't committed"), "{refused}");
    assert_eq!(kind(&env), "tree");
    env.git(&["worktree", "remove", "--force", "side"]);
    std::os::unix::fs::symlink("/etc/passwd", env.work().join(".tickety/link")).unwrap();
    let refused = env.run(&["home", "move", "local"]);
    assert!(refused.status == 11 && refused.stderr.contains("link is no file"), "{refused}");
    fs::remove_file(env.work().join(".tickety/link")).unwrap();
    env.git(&["branch", "tickety"]);
    env.ok(&["home", "move", "branch"]);
    assert_eq!(kind(&env), "branch");

    let plain = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    plain.ok(&["init"]);
    assert_eq!(plain.run(&["home", "move", "branch"]).status, 11);
    assert_eq!(plain.call(&["init", "--home", "branch"]).within("..").run().status, 11);
}

#[test]
fn a_sparse_checkout_without_the_issues_gets_no_second_home() {
    let env = repository();
    env.ok(&["init", "-q"]);
    env.ok(&["new", "One"]);
    env.write("src/code.txt", "code");
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "Issues"]);
    env.git(&["sparse-checkout", "set", "src"]);
    assert!(!env.work().join(".tickety/config.toml").exists());
    let told = env.run(&["list"]);
    let said = "the issues are not part of this sparse checkout: `git sparse-checkout add .tickety` brings them";
    assert!(told.stderr.contains(said), "{told}");
    for init in [&["init"][..], &["init", "--home", "branch"], &["init", "--home", "tree"]] {
        let refused = env.run(init);
        assert_eq!(refused.status, 11, "{refused}");
        assert!(refused.stderr.contains("git sparse-checkout add .tickety"), "{refused}");
    }
    assert!(!env.work().join(".tickety/config.toml").exists());
    env.git(&["sparse-checkout", "add", ".tickety"]);
    assert!(env.ok(&["list"]).contains("One"));
}

#[test]
fn a_sparse_checkout_of_the_code_leaves_out_no_issues_of_another_branch() {
    let env = repository();
    env.ok(&["init", "-q", "--home", "branch"]);
    env.ok(&["new", "One"]);
    // There is no remote: it is committed.
    assert_eq!(env.run(&["sync"]).status, 1);
    env.write("src/code.txt", "code");
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "Code"]);
    env.git(&["clone", "--quiet", ".", "clone"]);
    env.git(&["-C", "clone", "sparse-checkout", "set", "src"]);
    let ok = |arguments: &[&str]| {
        let output = env.call(arguments).within("clone").run();
        assert_eq!(output.status, 0, "{output}");
        output.stdout
    };
    ok(&["init"]);
    assert!(ok(&["list"]).contains("One"));
    ok(&["new", "Two"]);
    assert_eq!(env.call(&["sync", "--no-push"]).within("clone").run().status, 0);
    assert_eq!(env.git(&["-C", "clone", "sparse-checkout", "list"]), "src\n");
    assert_eq!(env.git(&["-C", "clone/.git/tickety/home", "status", "--porcelain"]), "");
}

#[test]
fn a_clone_of_a_single_branch_is_told_where_the_issues_are() {
    let env = repository();
    env.ok(&["init", "-q", "--home", "branch"]);
    env.ok(&["new", "One"]);
    env.run(&["sync"]);
    let remote = format!("file://{}", env.work().display());
    env.git(&["clone", "--quiet", "--depth", "1", &remote, "../copy"]);
    let refused = env.call(&["init"]).within("../copy").run();
    assert_snapshot!(refused, @"
    --- standard error
    error: origin has a branch for issues, which this clone hasn't fetched
    hint: `git fetch origin tickety:refs/remotes/origin/tickety`, then `tickety init`; `tickety init --home tree` makes a home with the code all the same
    --- status 11
    ");
    assert!(!env.work().join("../copy/.tickety").exists());
    env.git(&["-C", "../copy", "fetch", "--quiet", "origin", "tickety:refs/remotes/origin/tickety"]);
    env.call(&["init"]).within("../copy").run();
    assert_eq!(kind_in(&env, "../copy"), "branch");
    assert!(env.call(&["list"]).within("../copy").run().stdout.contains("One"));
    std::fs::remove_dir_all(env.work().join("../copy")).expect("it was made");
    env.git(&["clone", "--quiet", ".", "../other"]);
    env.git(&["-C", "../other", "update-ref", "-d", "refs/remotes/origin/tickety"]);
    env.git(&["-C", "../other", "remote", "set-url", "origin", "../gone"]);
    let told = env.call(&["init"]).within("../other").run();
    assert_eq!(told.status, 0, "{told}");
    assert!(told.stderr.contains("it didn't answer"), "{told}");
}

fn kind_in(env: &TestEnv, folder: &str) -> String {
    let answer = env.call(&["home", "--json"]).within(folder).run().stdout;
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("answers are JSON");
    answer["data"]["home"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_branch_of_the_code_leaves_room_for_that_of_the_issues_or_is_named() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    env.git(&["init", "--quiet", "--initial-branch=tickety"]);
    assert_snapshot!(env.run(&["init", "--home", "branch"]), @"
    --- standard error
    error: the branch tickety, which has no commits yet, is that of the code here
    hint: rename it: git branch -m tickety NAME
    --- status 11
    ");
    assert_eq!(env.git(&["for-each-ref"]), "");
    env.git(&["branch", "-m", "tickety", "main"]);
    env.write("code.txt", "code");
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "Code"]);
    env.git(&["branch", "--quiet", "tickety/foo"]);
    assert_snapshot!(env.run(&["init", "--home", "branch"]), @"
    --- standard error
    error: beside a branch tickety/foo, git has no room for a branch tickety of the issues
    hint: rename it: git branch -m tickety/foo NAME
    --- status 11
    ");
    env.git(&["branch", "-m", "tickety/foo", "foo"]);
    env.ok(&["init", "-q", "--home", "branch"]);
}

#[test]
fn a_move_to_where_the_home_is_moves_nothing() {
    let env = repository();
    env.ok(&["init", "-q"]);
    let told = json(&env, &["home", "move", "tree", "--json"]);
    assert_eq!((&told["data"]["home"], &told["data"]["moved"]), (&"tree".into(), &serde_json::Value::Null));
}

#[test]
fn a_move_into_the_clone_keeps_when_issues_were_changed() {
    let env = repository();
    env.ok(&["init", "-q"]);
    env.ok(&["new", "One"]);
    env.ok(&["new", "Two"]);
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "Issues"]);
    env.ok(&["edit", "2", "--title", "Two more"]);
    let updated = || {
        let answer = json(&env, &["list", "--json"]);
        let issues = answer["data"]["issues"].as_array().expect("a list").clone();
        issues.iter().map(|issue| issue["updated"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let before = updated();
    env.ok(&["home", "move", "local"]);
    assert_eq!(updated(), before);
    env.ok(&["home", "move", "tree"]);
    assert_eq!(updated(), before);
}

/// A clone with issues in two directories of records, of which a sparse checkout leaves the first out.
fn half_sparse() -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    for title in ["One", "Two", "Last"] {
        env.ok(&["new", title]);
    }
    env.ok(&["renumber", "3", "--to", "1000"]);
    env.ok(&["link", "1000", "blocked-by", "1"]);
    env.write("src/code", "");
    env.git(&["add", "-A"]);
    env.git(&["commit", "-qm", "Issues"]);
    env.git(&["sparse-checkout", "set", ".tickety/issues/001", "src"]);
    env
}

#[test]
fn issues_that_a_sparse_checkout_leaves_out_are_told_and_neither_missing_nor_deleted() {
    let env = half_sparse();
    let listed = env.run(&["list"]);
    assert!(listed.stdout.contains("Last") && !listed.stdout.contains("One"), "{listed}");
    let told = ".tickety/issues/000: 2 issues are not part of this sparse checkout: `git sparse-checkout add .tickety` brings them";
    assert!(listed.stderr.contains(told), "{listed}");
    let shown = env.run(&["show", "1"]);
    assert_eq!(shown.status, 7, "{shown}");
    assert!(shown.stderr.contains("000001-xfy8.md: is not part of this sparse checkout"), "{shown}");
    assert_eq!(env.run(&["show", "7"]).status, 3);
    assert_eq!(env.run(&["edit", "1", "--title", "Other"]).status, 7);
    // Nobody removed them, and what leads to them leads somewhere.
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    assert!(!env.ok(&["events"]).contains("deleted"), "{}", env.ok(&["events"]));
    let doctor = env.run(&["doctor"]);
    assert!(doctor.status == 0 && doctor.stdout.contains("2 issues are not part of this sparse checkout"), "{doctor}");
    assert!(!doctor.stdout.contains("vanished") && !doctor.stdout.contains("doesn't exist"), "{doctor}");
    assert_eq!(env.run(&["restore"]).stdout, "");
    assert_eq!(env.run(&["diff", "HEAD"]).stdout, "");
    assert_eq!(env.run(&["check", "--base", "HEAD"]).status, 0);
    // What is written here takes none of them away.
    env.ok(&["edit", "1000", "--title", "Very last"]);
    env.git(&["commit", "-qam", "Edit"]);
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", "HEAD", ".tickety/issues"]).lines().count(), 3);
    let refused = env.run(&["home", "move", "branch"]);
    assert!(refused.status != 0 && refused.stderr.contains("not part of this sparse checkout"), "{refused}");
    env.git(&["sparse-checkout", "disable"]);
    assert_eq!(env.run(&["list"]).stderr, "");
    assert!(env.ok(&["show", "1"]).contains("One"));
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_not_imported_again_and_a_sync_commits_beside_it() {
    let env = half_sparse();
    env.git(&["sparse-checkout", "disable"]);
    let issue = "[{\"number\": 7, \"title\": \"Theirs\", \"html_url\": \"https://github.com/a/b/issues/7\"}]";
    env.write("theirs.json", issue);
    env.ok(&["import", "github", "theirs.json"]);
    env.git(&["init", "-q", "--bare", "../remote"]);
    env.git(&["remote", "add", "origin", "../remote"]);
    env.git(&["add", "-A"]);
    env.git(&["commit", "-qm", "More"]);
    env.git(&["push", "-qu", "origin", "main"]);
    let record = env.git(&["ls-files", ".tickety/issues"]).lines().count();
    env.git(&["sparse-checkout", "set", "--no-cone", "/src/", "/theirs.json", "/.tickety/config.toml"]);
    let again = env.run(&["import", "github", "theirs.json"]);
    assert!(!again.stdout.contains("1 created"), "{again}");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    // A new one lies where the checkout has nothing.
    env.ok(&["new", "Here"]);
    env.ok(&["sync"]);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", "HEAD", ".tickety/issues"]).lines().count(), record + 1);
}

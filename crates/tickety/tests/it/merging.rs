//! Merges of issues from the command line.

use std::path::Path;

use insta::assert_snapshot;
use tickety_testkit::{Output, TestEnv};

/// A repository with an issue, and a branch `topic` that edits it as the main branch does, differently.
fn conflict(ours: &[&str], theirs: &[&str]) -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init", "--quiet"]);
    env.ok(&["new", "Read the index once", "--label", "cache", "--body", "First.\n\nMiddle.\n\nLast."]);
    commit(&env);
    env.git(&["branch", "--quiet", "topic"]);
    env.ok(&[&["edit", "1"], ours].concat());
    commit(&env);
    env.git(&["checkout", "--quiet", "topic"]);
    env.ok(&[&["edit", "1"], theirs].concat());
    commit(&env);
    env.git(&["checkout", "--quiet", "main"]);
    env
}

fn commit(env: &TestEnv) {
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "change"]);
}

/// Merges `topic` with the program under test in git's path.
fn merge(env: &TestEnv) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tickety")).parent().expect("a program lies in a folder");
    env.call_program("sh", &["-c", &format!("PATH=\"{}:$PATH\" git merge --no-edit topic", program.display())])
}

fn json(env: &TestEnv, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&env.run(arguments).stdout).expect("answers are JSON")
}

#[test]
fn what_was_merged_and_what_gave_way_is_told() {
    let env = conflict(&["--title", "Ours", "--label", "one"], &["--title", "Theirs", "--label", "two"]);
    assert_ne!(merge(&env).status, 0);
    assert!(env.run(&["list"]).stderr.contains("`tickety resolve` settles it"));
    assert_snapshot!(env.run(&["resolve", "--dry-run"]), @"
    1-xfy8 would be merged: Theirs
      title: `Theirs` stands, `Ours` is kept in a comment
    ");
    assert_snapshot!(env.run(&["resolve"]), @"
    1-xfy8 merged: Theirs
      title: `Theirs` stands, `Ours` is kept in a comment
    --- standard error
    the issues are settled and staged: commit them to finish
    ");
    assert_eq!(env.git(&["ls-files", "--unmerged"]), "");
    assert_snapshot!(env.run(&["resolve"]), @"
    --- standard error
    there is nothing to settle
    ");
    commit(&env);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    let issue = &json(&env, &["show", "1", "--json"])["data"]["issues"][0];
    assert_eq!((&issue["title"], &issue["labels"]), (&"Theirs".into(), &serde_json::json!(["cache", "one", "two"])));
    assert_eq!(env.run(&["resolve", "7"]).status, 3);
}

#[test]
fn lines_that_are_left_to_a_person_are_told_by_the_status() {
    let env = conflict(&["--body", "First.\n\nOurs.\n\nLast."], &["--body", "First.\n\nTheirs.\n\nLast."]);
    merge(&env);
    let answer = json(&env, &["resolve", "--json", "--dry-run"]);
    assert_eq!(answer["data"]["resolved"][0]["body_conflict"], true);
    assert_snapshot!(env.run(&["resolve"]), @"
    1-xfy8 merged: Read the index once
      its body has both versions of some lines, between <<<<<<< and >>>>>>>
    --- standard error
    where both versions are in a text, `tickety edit ISSUE` or any editor decides
    --- status 1
    ");
    let checked = env.run(&["check"]);
    assert_snapshot!(checked, @"
    conflict .tickety/issues/000/000001-xfy8.md: the body has two versions of some lines, between `<<<<<<<` and `>>>>>>>`: edit it
    --- status 1
    ");
    assert_snapshot!(env.run(&["doctor"]), @"
    record 1-xfy8: its body has two versions of some lines, between `<<<<<<<` and `>>>>>>>`: edit it
    --- status 1
    ");
    env.ok(&["edit", "1", "--body", "First.\n\nBoth.\n\nLast."]);
    assert_eq!(env.run(&["doctor"]).status, 0);
}

#[test]
fn the_answer_for_programs_has_both_values() {
    let env = conflict(&["--priority", "high"], &["--priority", "low"]);
    merge(&env);
    assert_snapshot!(env.ok(&["resolve", "--json"]), @r#"{"data":{"dry_run":false,"resolved":[{"key":"1-xfy8","number":1,"title":"Read the index once","files":2,"overruled":[{"field":"priority","kept":"low","other":"high"}],"body_conflict":false,"comment_conflicts":[],"undeleted":false,"renumbered_from":null}],"left":[],"ambiguous":[],"staged":2,"unstaged":null},"meta":{}}"#);
}

#[test]
fn the_driver_merges_what_needs_no_note_and_leaves_the_rest_to_resolve() {
    let env = conflict(&["--label", "one"], &["--label", "two"]);
    assert_snapshot!(env.run(&["init", "--merge-driver"]), @"
    there is a home in [ROOT]/work already
    git merges issues by field in this clone: merge.tickety.driver is tickety merge-driver %O %A %B %P
      .tickety/.gitattributes says so; commit it: clones without the driver merge as before
    ");
    assert_eq!(env.read(".tickety/.gitattributes"), "issues/**/*.md merge=tickety\n");
    assert!(json(&env, &["init", "--merge-driver", "--json"])["data"]["merge_driver"].is_string());
    assert_eq!(env.read(".tickety/.gitattributes"), "issues/**/*.md merge=tickety\n");
    commit(&env);
    let merged = merge(&env);
    assert_eq!(merged.status, 0, "{merged}");
    let issue = &json(&env, &["show", "1", "--json"])["data"]["issues"][0];
    assert_eq!(issue["labels"], serde_json::json!(["cache", "one", "two"]));

    let env = conflict(&["--title", "Ours", "--label", "one"], &["--title", "Theirs", "--label", "two"]);
    env.ok(&["init", "--merge-driver"]);
    commit(&env);
    let merged = merge(&env);
    assert_ne!(merged.status, 0, "{merged}");
    assert!(env.git(&["diff"]).contains("<<<<<<< ours"));
    assert_eq!(env.run(&["resolve"]).status, 0);
    let issue = &json(&env, &["show", "1", "--json"])["data"]["issues"][0];
    assert_eq!((&issue["title"], &issue["labels"]), (&"Theirs".into(), &serde_json::json!(["cache", "one", "two"])));
}

#[test]
fn the_driver_is_for_git_alone() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    assert!(!env.ok(&["--help"]).contains("merge-driver"));
    assert_eq!(env.run(&["merge-driver", "a", "b", "c", ".tickety/issues/000/000001-k3f9.md"]).status, 14);
    env.ok(&["init", "--quiet"]);
    assert!(!env.home().join(".gitconfig").exists());
    assert!(!env.git(&["config", "--list"]).contains("merge."));
}

/// A repository whose branches `main` and `topic` have set another prefix each, and edited one issue.
fn conflict_of_settings() -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init", "--quiet"]);
    env.ok(&["new", "Read the index once"]);
    commit(&env);
    env.git(&["branch", "--quiet", "topic"]);
    for (branch, prefix) in [("topic", "BBB"), ("main", "AAA")] {
        env.git(&["checkout", "--quiet", branch]);
        env.ok(&["config", "set", "prefix", prefix]);
        env.ok(&["edit", "1", "--title", prefix]);
        commit(&env);
    }
    assert_ne!(merge(&env).status, 0);
    env
}

#[test]
fn a_conflict_in_the_settings_is_told_and_the_issues_are_settled() {
    let env = conflict_of_settings();
    for command in [&["list"][..], &["sync"], &["new", "x"]] {
        let told = env.run(command);
        assert!(told.stderr.contains("unresolved merge conflict in the settings"), "{told}");
        assert_eq!(told.status, 12);
    }
    assert_snapshot!(env.run(&["list"]), @"
    --- standard error
    error: [ROOT]/work/.tickety/config.toml:5: unresolved merge conflict in the settings
    hint: choose between the sides in an editor, then `git add [ROOT]/work/.tickety/config.toml`; `tickety resolve` settles the issues, before that or after
    --- status 12
    ");
    assert!(env.run(&["doctor"]).stdout.contains("unresolved merge conflict"));
    let told = env.run(&["resolve"]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("1-xfy8 merged: AAA\n"), "{told}");
    assert!(told.stdout.contains(".tickety/config.toml: is no issue: settle it by hand, and `git add` it"), "{told}");
    let unmerged = env.git(&["diff", "--name-only", "--diff-filter=U"]);
    assert_eq!(unmerged, ".tickety/config.toml\n");
    let config = env.read(".tickety/config.toml");
    let ours: Vec<&str> =
        config.lines().filter(|line| !line.starts_with(['<', '=', '>']) && !line.contains("BBB")).collect();
    env.write(".tickety/config.toml", ours.join("\n") + "\n");
    env.git(&["add", ".tickety/config.toml"]);
    assert_snapshot!(env.run(&["resolve"]), @"
    --- standard error
    there is nothing to settle
    ");
    commit(&env);
    assert!(env.ok(&["show", "AAA-1"]).contains("AAA"));
}

#[test]
fn settings_that_were_committed_with_markers_hinder_no_resolve() {
    let env = conflict_of_settings();
    commit(&env);
    let told = env.run(&["resolve"]);
    assert!(told.stdout.contains("1-xfy8 merged: "), "{told}");
    assert_eq!(env.run(&["list"]).status, 12);
}

#[test]
fn git_takes_a_merge_back_that_was_settled() {
    let env = conflict(&["--title", "Ours"], &["--title", "Theirs"]);
    let before = env.files();
    merge(&env);
    env.ok(&["resolve"]);
    env.git(&["merge", "--abort"]);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    assert_eq!(env.files(), before);
}

/// A repository in which `topic` has deleted the only issue and made another one that looks like it, and the main branch
/// has edited the first.
fn lookalikes(edit: &[&str]) -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init", "--quiet"]);
    env.ok(&["new", "The session cache forgets entries"]);
    commit(&env);
    env.git(&["checkout", "--quiet", "-b", "topic"]);
    env.ok(&["delete", "1", "--yes"]);
    env.ok(&["new", "Write a manual page"]);
    commit(&env);
    env.git(&["checkout", "--quiet", "main"]);
    env.ok(&[&["edit", "1"], edit].concat());
    commit(&env);
    env
}

/// Where the file of an issue lies.
fn record(env: &TestEnv, number: &str) -> String {
    let issue = &json(env, &["show", number, "--json"])["data"]["issues"][0];
    let key = issue["key"].as_str().expect("an issue has a name");
    format!(".tickety/issues/000/00000{key}.md")
}

fn has_nothing_to_settle(env: &TestEnv) -> bool {
    env.run(&["resolve"]).stderr.contains("there is nothing to settle")
}

#[test]
fn an_edit_that_a_merge_put_into_another_issue_goes_back_to_its_own() {
    for (here, there, commits) in [("main", "topic", true), ("topic", "main", true), ("main", "topic", false)] {
        let env = lookalikes(&["--priority", "critical", "--assignee", "ann"]);
        let first = record(&env, "1");
        let tips = ["main", "topic"].map(|branch| env.git(&["rev-parse", branch]).trim().to_owned());
        env.git(&["checkout", "--quiet", here]);
        env.git(&["merge", "--quiet", "--no-ff", if commits { "--commit" } else { "--no-commit" }, "--no-edit", there]);
        assert_eq!(env.git(&["ls-files", "--unmerged"]), "");
        assert_eq!(env.run(&["show", "1"]).status, 3, "git has taken it for the other one");
        let second = record(&env, "2");
        assert!(env.read(&second).contains("critical"));
        let before = env.files();
        assert!(env.ok(&["resolve", "--dry-run"]).contains("1-xfy8 would be kept, though one side had deleted it"));
        assert_eq!(env.files(), before);
        let told = env.ok(&["resolve"]);
        assert!(told.contains("1-xfy8 kept, though one side had deleted it: The session cache"), "{told}");
        assert!(told.contains(" merged: Write a manual page"), "{told}");
        assert_eq!(env.read(&first), env.git(&["show", &format!("{}:{first}", tips[0])]));
        assert_eq!(env.read(&second), env.git(&["show", &format!("{}:{second}", tips[1])]));
        assert_eq!(env.git(&["diff", "--name-only"]).is_empty(), !commits, "an unfinished merge has it staged");
        assert!(has_nothing_to_settle(&env));
        commit(&env);
        assert!(has_nothing_to_settle(&env));
    }
}

#[test]
fn a_check_names_what_a_merge_mixed_up() {
    let env = lookalikes(&["--priority", "critical"]);
    env.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
    let found = env.run(&["check", "--base", "HEAD^1", "--json"]);
    assert_eq!(found.status, 1, "{found}");
    let found: serde_json::Value = serde_json::from_str(&found.stdout).expect("JSON");
    let problems = found["data"]["problems"].as_array().expect("a list").clone();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((&problem["kind"], &problem["path"]), (&"mixture".into(), &record(&env, "2").into()));
    assert!(
        problem["message"].as_str().expect("a text").starts_with("has an edit of 1-xfy8, for which a merge took it")
    );
    env.ok(&["resolve"]);
    assert_eq!(env.run(&["check", "--base", "HEAD^1"]).status, 0);
    commit(&env);
    assert_eq!(env.run(&["check", "--base", "HEAD^1"]).status, 0);
}

#[test]
fn an_edit_that_a_merge_put_into_another_comment_goes_back_to_its_own() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init", "--quiet"]);
    env.ok(&["new", "One"]);
    let words: String = (1..20).map(|line| format!("Line {line} of what both say.\n\n")).collect();
    env.ok(&["comment", "1", "--message", &format!("{words}First.")]);
    commit(&env);
    let comments = |env: &TestEnv| -> Vec<String> {
        env.files().into_keys().filter(|path| path.starts_with(".tickety/issues") && path.contains('_')).collect()
    };
    let first = comments(&env).remove(0);
    env.git(&["checkout", "--quiet", "-b", "topic"]);
    env.git(&["rm", "--quiet", &first]);
    env.ok(&["comment", "1", "--message", &format!("{words}Second.")]);
    commit(&env);
    env.git(&["checkout", "--quiet", "main"]);
    env.write(&first, env.read(&first).replace("Line 3 of", "Line three of"));
    commit(&env);
    let tips = ["main", "topic"].map(|branch| env.git(&["rev-parse", branch]).trim().to_owned());
    env.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
    let second = comments(&env).remove(0);
    assert!(second != first && env.read(&second).contains("Line three of"), "git has taken it for the other one");
    assert_eq!(env.run(&["check", "--base", "HEAD^1"]).status, 1);
    env.ok(&["resolve"]);
    assert_eq!(env.read(&first), env.git(&["show", &format!("{}:{first}", tips[0])]));
    assert_eq!(env.read(&second), env.git(&["show", &format!("{}:{second}", tips[1])]));
    assert!(has_nothing_to_settle(&env));
    assert_eq!(env.run(&["check", "--base", "HEAD^1"]).status, 0);
}

#[test]
fn what_was_done_after_a_merge_stays_done() {
    let env = lookalikes(&["--priority", "critical"]);
    env.git(&["merge", "--quiet", "--no-edit", "topic"]);
    env.ok(&["edit", "2", "--kind", "bug"]);
    let second = record(&env, "2");
    let changed = env.read(&second);
    let told = env.run(&["resolve"]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("has an edit of 1-xfy8, for which git took it, and was changed since"), "{told}");
    assert_eq!(env.read(&second), changed);
    assert!(env.ok(&["show", "1"]).contains("critical"));
    assert!(has_nothing_to_settle(&env));

    let env = lookalikes(&["--priority", "critical"]);
    env.git(&["merge", "--quiet", "--no-edit", "topic"]);
    env.ok(&["resolve"]);
    env.ok(&["delete", "1", "--yes"]);
    assert!(has_nothing_to_settle(&env));
    assert_eq!(env.run(&["show", "1"]).status, 3);
}

#[test]
fn who_deleted_an_issue_in_a_merge_means_it() {
    let env = lookalikes(&["--priority", "critical"]);
    let first = record(&env, "1");
    let merged = env.call_program("git", &["merge", "--no-edit", "-Xfind-renames=100%", "topic"]);
    assert_ne!(merged.status, 0, "{merged}");
    env.git(&["rm", "--quiet", &first]);
    commit(&env);
    assert!(has_nothing_to_settle(&env));
    assert_eq!(env.run(&["show", "1"]).status, 3);
}

#[test]
fn versions_of_two_issues_in_one_file_are_taken_apart() {
    for (here, command) in
        [("main", &["merge", "topic"][..]), ("topic", &["merge", "main"]), ("topic", &["cherry-pick", "main"])]
    {
        let env = lookalikes(&["--title", "Sessions are forgotten"]);
        let (first, edited) = (record(&env, "1"), env.git(&["rev-parse", "main"]));
        env.git(&["checkout", "--quiet", here]);
        assert_ne!(env.call_program("git", command).status, 0);
        let told = env.ok(&["resolve"]);
        assert!(told.contains("1-xfy8 kept, though one side had deleted it: Sessions are forgotten"), "{told}");
        assert_eq!(env.git(&["ls-files", "--unmerged"]), "");
        assert_eq!(env.git(&["diff", "--name-only"]), "");
        let second = record(&env, "2");
        assert_eq!(env.read(&first), env.git(&["show", &format!("{}:{first}", edited.trim())]));
        assert_eq!(env.read(&second), env.git(&["show", &format!("topic:{second}")]));
        assert!(has_nothing_to_settle(&env));
        commit(&env);
        assert!(has_nothing_to_settle(&env));
    }
}

#[test]
fn two_issues_made_where_both_sides_deleted_one_stay_two() {
    let env = lookalikes(&["--priority", "high"]);
    env.ok(&["delete", "1", "--yes"]);
    env.ok(&["new", "Write a man page"]);
    let third = json(&env, &["list", "--json"])["data"]["issues"][0]["key"].as_str().expect("a name").to_owned();
    let third = record(&env, &third);
    commit(&env);
    let made = env.read(&third);
    let merged = env.call_program("git", &["merge", "topic"]);
    assert!(merged.stdout.contains("rename/rename"), "{merged}");
    env.ok(&["resolve"]);
    assert_eq!(env.git(&["ls-files", "--unmerged"]), "");
    assert_eq!(env.read(&third), made);
    let list = env.ok(&["list"]);
    assert!(list.contains("Write a man page") && list.contains("Write a manual page"), "{list}");
    assert_eq!(env.run(&["check"]).status, 0);
}

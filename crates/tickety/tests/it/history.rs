//! What git knows of issues: their history.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::json;

/// Returns a home in a git repository with one committed issue.
pub(crate) fn repository() -> TestEnv {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "Slow cache", "-l", "cache", "-p", "high", "-b", "The index is read twice."]);
    commit(&env, "First issue");
    env
}

/// Commits everything.
pub(crate) fn commit(env: &TestEnv, message: &str) {
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", message]);
}

/// Returns the file of the issue that has a number.
pub(crate) fn file_of(env: &TestEnv, number: u32) -> String {
    let begin = format!(".tickety/issues/000/{number:06}-");
    env.files().into_keys().find(|name| name.starts_with(&begin) && !name.contains('_')).expect("it has a file")
}

/// Returns the lines of a log without commit and time: who, event, what, subject.
#[track_caller]
fn told(env: &TestEnv, arguments: &[&str]) -> String {
    let lines = env.ok(arguments);
    let without =
        |line: &str| line.splitn(3, '\t').nth(2).unwrap_or_default().replace('\t', " | ").trim_end().to_owned();
    lines.lines().map(|line| without(line) + "\n").collect()
}

#[test]
fn each_commit_is_a_step_with_what_it_changed() {
    let env = repository();
    env.ok(&["edit", "1", "--priority", "low", "--label", "+perf", "--title", "Slower cache"]);
    env.ok(&["comment", "1", "Seen on Mondays only."]);
    commit(&env, "Less urgent");
    env.write("code.txt", "no issue");
    commit(&env, "Code");
    env.ok(&["close", "1", "--note", "Fixed."]);
    assert_snapshot!(told(&env, &["log", "1"]), @"
    Tester | issue.created | created: Slow cache | First issue
    Tester | issue.updated | title Slow cache → Slower cache | Less urgent
    Tester | issue.updated | priority high → low | Less urgent
    Tester | issue.updated | label cache → cache, perf | Less urgent
    Tester | comment.added | comment: Seen on Mondays only. | Less urgent
     | issue.closed | status open → closed |
     | issue.closed | closed – → 2126-11-21T12:11:00Z |
     | issue.closed | reason – → completed |
     | issue.closed | note changed |
    ");
    let log = json(&env, &["log", "1", "--json"]);
    let steps = log["data"]["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0]["commit"]["subject"], "First issue");
    assert_eq!(steps[1]["commit"]["author"], "Tester");
    assert_eq!(steps[1]["events"][0]["fields"][0]["before"], "Slow cache");
    assert_eq!(steps[1]["events"][0]["fields"][0]["after"], "Slower cache");
    assert!(steps[2]["commit"].is_null());
    let last = env.run(&["log", "1", "-n", "1"]);
    assert!(last.stdout.lines().all(|line| line.starts_with("\t")), "{last}");
    assert_eq!(last.stderr, "there are older steps; a larger --limit shows more\n");
    let page = env.call(&["log", "1", "--color", "never"]).terminal(80, 40).run().stdout;
    let paragraph: Vec<&str> = page.split("\n\n").nth(1).expect("the second step").lines().skip(1).collect();
    assert_snapshot!(paragraph.join("\n"), @"
    Less urgent
    title Slow cache → Slower cache
    priority high → low
    label cache → cache, perf
    comment: Seen on Mondays only.
    ");
}

#[test]
fn the_history_goes_on_behind_a_new_number_and_an_end() {
    let env = repository();
    env.ok(&["comment", "1", "One."]);
    commit(&env, "Comment");
    env.ok(&["renumber", "1", "--to", "7"]);
    env.ok(&["edit", "7", "--body", "All of it is new, so that no likeness is left.\n\nReally."]);
    commit(&env, "Renumber");
    env.ok(&["delete", "7", "--yes"]);
    commit(&env, "Delete");
    env.ok(&["new", "Another 8", "--priority", "low"]);
    let expected = told(&env, &["log", "7"]);
    assert_snapshot!(expected, @"
    Tester | issue.created | created: Slow cache | First issue
    Tester | comment.added | comment: One. | Comment
    Tester | renumbered | 1-xfy8 is now 7-xfy8 | Renumber
    Tester | issue.updated | reference – → tickety:1-xfy8 | Renumber
    Tester | issue.updated | body changed | Renumber
    Tester | issue.deleted | deleted | Delete
    ");
    assert_eq!(told(&env, &["log", "1"]), expected);
    assert_eq!(env.run(&["log", "99"]).status, 3);
}

#[test]
fn merged_branches_are_told_by_their_own_commits() {
    let env = repository();
    env.git(&["switch", "--quiet", "--create", "side"]);
    env.ok(&["edit", "1", "--milestone", "v1", "--priority", "lowest"]);
    commit(&env, "Side");
    env.git(&["switch", "--quiet", "main"]);
    env.ok(&["edit", "1", "--title", "Slower cache"]);
    commit(&env, "Main");
    env.git(&["merge", "--quiet", "--no-commit", "side"]);
    // What the merge itself decides.
    env.ok(&["edit", "1", "--priority", "medium", "--kind", "bug"]);
    commit(&env, "Merge");
    assert_snapshot!(told(&env, &["log", "1"]), @"
    Tester | issue.created | created: Slow cache | First issue
    Tester | issue.updated | priority high → lowest | Side
    Tester | issue.updated | milestone – → v1 | Side
    Tester | issue.updated | title Slow cache → Slower cache | Main
    Tester | issue.updated | priority high → medium | Merge
    Tester | issue.updated | kind task → bug | Merge
    ");
    assert_snapshot!(told(&env, &["log", "1", "--fields"]), @"
    Tester | title | Slower cache
    Tester | created | 2126-11-21T12:02:00Z
    Tester | reporter | tester
    Tester | status | open
    Tester | priority | medium
    Tester | kind | bug
    Tester | label | cache
    Tester | milestone | v1
    Tester | body | The index is read twice.
    ");
    let fields = json(&env, &["log", "1", "--fields", "--json"]);
    let subject = |name: &str| {
        let fields = fields["data"]["fields"].as_array().expect("a list");
        fields.iter().find(|field| field["field"] == name).expect("it is there")["commit"]["subject"].clone()
    };
    assert_eq!(
        [subject("title"), subject("milestone"), subject("priority"), subject("label")],
        ["Main", "Side", "Merge", "First issue"]
    );
}

#[test]
fn a_squash_merge_is_one_step_and_a_value_that_lost_is_nobodys() {
    let env = repository();
    env.git(&["switch", "--quiet", "--create", "side"]);
    for priority in ["low", "lowest"] {
        env.ok(&["edit", "1", "--priority", priority]);
        commit(&env, priority);
    }
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["merge", "--quiet", "--squash", "side"]);
    commit(&env, "Squashed");
    assert_snapshot!(told(&env, &["log", "1"]), @"
    Tester | issue.created | created: Slow cache | First issue
    Tester | issue.updated | priority high → lowest | Squashed
    ");
    env.git(&["switch", "--quiet", "--create", "other", "HEAD~1"]);
    env.ok(&["edit", "1", "--due", "2127-01-01"]);
    commit(&env, "Due on the other branch");
    env.git(&["switch", "--quiet", "main"]);
    env.ok(&["edit", "1", "--due", "2127-02-02"]);
    commit(&env, "Due");
    env.git(&["merge", "--quiet", "--strategy", "ours", "--message", "Ours", "other"]);
    let due = told(&env, &["log", "1", "--fields"]);
    assert!(due.contains("due | 2127-02-02"), "{due}");
    let fields = json(&env, &["log", "1", "--fields", "--json"]).to_string();
    assert!(!fields.contains("other branch"), "{fields}");
}

#[test]
fn versions_that_can_t_be_read_are_steps_too() {
    let env = repository();
    let path = file_of(&env, 1);
    let good = env.read(&path);
    env.write(&path, good.replace("priority: high", "<<<<<<< ours\npriority: high\n=======\n>>>>>>> theirs"));
    commit(&env, "Markers");
    env.write(&path, good.replace("priority: high", "priority: low"));
    commit(&env, "Settled");
    fs::remove_file(env.work().join(&path)).expect("it is there");
    symlink("/etc/passwd", env.work().join(&path)).expect("links can be made");
    commit(&env, "Link");
    fs::remove_file(env.work().join(&path)).expect("it is there");
    env.write(&path, "x".repeat(5 << 20));
    commit(&env, "Huge");
    env.write(&path, good.replace("priority: high", "priority: lowest"));
    commit(&env, "Back");
    assert_snapshot!(told(&env, &["log", "1"]), @"
    Tester | issue.created | created: Slow cache | First issue
    Tester | unreadable | can't be read: .tickety/issues/000/000001-xfy8.md:9: unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers | Markers
    Tester | issue.updated | priority high → low | Settled
    Tester | unreadable | can't be read: .tickety/issues/000/000001-xfy8.md: a link or another repository where a record is expected | Link
    Tester | unreadable | can't be read: .tickety/issues/000/000001-xfy8.md: the file has 5242880 bytes, and a record at most 4194304 | Huge
    Tester | issue.updated | priority low → lowest | Back
    ");
}

#[test]
fn another_issue_with_the_same_four_characters_is_no_part_of_it() {
    let env = repository();
    let path = file_of(&env, 1);
    let other = path.replace("000001-", "000005-");
    // Only the last 20 bits of the ids are the same.
    env.write(
        &other,
        env.read(&path).replacen("id: 8", "id: 9", 1).replacen("id: 0", "id: 1", 1).replace("Slow", "Other"),
    );
    env.write(".tickety/issues/000/odd\nname.md", "odd");
    commit(&env, "Twin");
    assert_snapshot!(told(&env, &["log", "1"]), @"Tester | issue.created | created: Slow cache | First issue");
    assert_snapshot!(told(&env, &["log", "5"]), @"Tester | issue.created | created: Other cache | Twin");
}

#[test]
fn two_gits_are_started_however_many_commits_there_are() {
    let env = repository();
    for priority in ["low", "high", "low", "high", "low"] {
        env.ok(&["edit", "1", "--priority", priority]);
        commit(&env, priority);
    }
    let (tools, calls) = (env.home().join("tools"), env.home().join("calls"));
    fs::create_dir(&tools).expect("it isn't there");
    let real = env.call_program("sh", &["-c", "command -v git"]).stdout;
    let script = format!("#!/bin/sh\necho call >> '{}'\nexec {} \"$@\"\n", calls.display(), real.trim());
    fs::write(tools.join("git"), script).expect("it can be written");
    fs::set_permissions(tools.join("git"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = env.call_program("sh", &["-c", "echo $PATH"]).stdout;
    env.ok(&["list"]);
    let output = env.call(&["log", "1"]).variable("PATH", &format!("{}:{}", tools.display(), path.trim())).run();
    assert_eq!(output.stdout.lines().count(), 6, "{output}");
    assert_eq!(fs::read_to_string(calls).expect("git was called").lines().count(), 2);
}

#[test]
fn where_git_knows_nothing_that_is_said() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "t"]);
    assert_snapshot!(env.run(&["log", "1"]), @"
    --- standard error
    error: [ROOT]/work is not in a git repository
    hint: `tickety events` shows what happened to the issues here, without git
    --- status 14
    ");
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "t"]);
    assert_snapshot!(env.run(&["log", "1"]).to_string().replace("\t\n", "\n"), @"
    			issue.created	created: t
    --- standard error
    no commit has changed this issue; `tickety events` shows what was done here
    ");
    commit(&env, "One");
    env.ok(&["edit", "1", "--priority", "low"]);
    commit(&env, "Two");
    env.git(&["clone", "--quiet", "--depth", "1", &format!("file://{}", env.work().display()), "shallow"]);
    let shallow = env.call(&["log", "1"]).within("shallow").run();
    assert_eq!(shallow.stderr, "warning: this clone lacks older commits; `git fetch --unshallow` gets them\n");
}

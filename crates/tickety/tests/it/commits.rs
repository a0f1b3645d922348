//! The issues of other commits, and what differs between two.

use std::fs;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::history::{commit, file_of, repository};
use crate::json;

/// Returns a repository of which the tag `then` has issue 1, high and open, and issue 2, blocked by it; now 1 is closed and
/// called 7, and 2 is gone, and 3 is new.
fn changed() -> TestEnv {
    let env = repository();
    env.ok(&["new", "Read the index once", "--blocked-by", "1", "-a", "Ann"]);
    env.ok(&["comment", "1", "Seen on Mondays only."]);
    commit(&env, "Second issue");
    env.git(&["tag", "then"]);
    env.ok(&["renumber", "1", "--to", "7"]);
    env.ok(&["close", "7"]);
    env.ok(&["delete", "2", "--yes"]);
    env.ok(&["new", "New"]);
    commit(&env, "Now");
    env
}

#[test]
fn a_list_asks_about_the_issues_of_another_commit() {
    let env = changed();
    assert_snapshot!(env.run(&["list", "--on", "then", "-q"]), @"
    2-ng4q	open	medium	task	Read the index once		Ann	2126-11-21T12:08:00Z
    1-xfy8	open	high	task	Slow cache	cache		2126-11-21T12:08:00Z
    ");
    assert_snapshot!(env.run(&["list", "--on", "then", "is:blocked", "assignee:ann", "--fields", "title,blocked-by", "-q"]), @"2-ng4q	Read the index once	1-xfy8");
    assert_snapshot!(env.run(&["list", "--on", "then", "is:ready", "priority:>=high", "mondays", "-q"]), @"1-xfy8	open	high	task	Slow cache	cache		2126-11-21T12:08:00Z");
    let hint = "hint: `git rev-parse --verify REF` tells whether git knows a branch or commit";
    for command in [
        &["list", "--on"][..],
        &["show", "1", "--at"],
        &["diff"],
        &["diff", "then"],
        &["check", "--base"],
        &["renumber", "--against"],
        &["branch", "1", "--from"],
    ] {
        for name in ["nowhere", "then^{tree}", "then:.tickety", "HEAD@{99}", "^then", "then..HEAD", ""] {
            let output = env.run(&[command, &[name]].concat());
            let expected = format!("error: git knows no branch, tag or commit `{name}`\n{hint}\n");
            assert_eq!((output.status, output.stderr.as_str()), (14, expected.as_str()), "{command:?}");
        }
    }
    let answer = json(&env, &["list", "--on", "then", "--sort", "updated-desc", "--json"]);
    let then = env.git(&["rev-parse", "then"]);
    assert_eq!(answer["meta"]["commit"], then.trim());
    assert_eq!(answer["meta"].get("freshness"), None);
    assert_eq!(answer["data"]["total"], 2);
    assert_snapshot!(env.run(&["list", "--on", "nowhere"]), @"
    --- standard error
    error: git knows no branch, tag or commit `nowhere`
    hint: `git rev-parse --verify REF` tells whether git knows a branch or commit
    --- status 14
    ");
    env.git(&["switch", "--quiet", "--orphan", "empty"]);
    env.git(&["commit", "--quiet", "--allow-empty", "--message", "Empty"]);
    env.git(&["switch", "--quiet", "main"]);
    assert_snapshot!(env.run(&["list", "--on", "empty"]).to_string().replace(env.git(&["rev-parse", "--short=10", "empty"]).trim(), "[ID]"), @"
    --- standard error
    error: empty ([ID]) has no .tickety
    --- status 14
    ");
}

#[test]
fn an_issue_is_shown_as_it_was_under_its_name_of_now_or_then() {
    let env = changed();
    let then = env.run(&["show", "7", "--at", "then"]);
    assert_snapshot!(then.to_string().replace(env.git(&["rev-parse", "--short=10", "then"]).trim(), "[ID]"), @"
    1-xfy8  Slow cache
    open · high · task · cache

    reporter    tester
    created     2126-11-21T12:02:00Z
    updated     2126-11-21T12:08:00Z
    file        .tickety/issues/000/000001-xfy8.md
    blocks      2-ng4q Read the index once (open)

    The index is read twice.

    ── tester, 2126-11-21T12:06:00Z
    Seen on Mondays only.
    --- standard error
    as of [ID]
    ");
    assert_eq!(env.ok(&["show", "1", "--at", "then"]), then.stdout);
    assert!(env.ok(&["show", "2", "--at", "HEAD~1"]).contains("Read the index once"));
    assert_snapshot!(env.run(&["show", "8", "--at", "then", "-q"]), @"
    --- standard error
    error: then has no issue 8-yn14, or it can't be read there
    hint: `tickety log 8-yn14` tells which commit made it
    --- status 3
    ");
    assert_snapshot!(env.run(&["show", "99", "--at", "then", "-q"]), @"
    --- standard error
    error: there is no issue 99, and none in then
    hint: `tickety list is:any --on then` shows the issues of that commit
    --- status 3
    ");
    let answer = json(&env, &["show", "7", "--at", "then", "--json", "--fields", "status,number"]);
    assert_eq!(answer["data"]["issues"][0]["number"], 1);
    assert_eq!(answer["meta"].get("freshness"), None);
}

#[test]
fn a_commit_is_looked_at_without_touching_the_checkout() {
    let env = changed();
    env.ok(&["edit", "7", "--priority", "low"]);
    let before = (env.files(), env.git(&["status", "--porcelain"]), env.git(&["rev-parse", "HEAD"]));
    for command in
        [&["list", "--on", "then"][..], &["show", "2", "--at", "then"], &["diff", "then"], &["check", "--base", "then"]]
    {
        env.run(command);
    }
    assert_eq!((env.files(), env.git(&["status", "--porcelain"]), env.git(&["rev-parse", "HEAD"])), before);
}

#[test]
fn what_differs_between_two_commits_is_told_field_by_field() {
    let env = changed();
    assert_snapshot!(env.ok(&["diff", "then"]), @"
    2-ng4q	issue.deleted	deleted	Read the index once
    7-xfy8	renumbered	1-xfy8 is now 7-xfy8	Slow cache
    7-xfy8	issue.closed	status open → closed	Slow cache
    7-xfy8	issue.closed	closed – → 2126-11-21T12:11:00Z	Slow cache
    7-xfy8	issue.closed	reason – → completed	Slow cache
    7-xfy8	issue.closed	reference – → tickety:1-xfy8	Slow cache
    8-yn14	issue.created	created: New	New
    ");
    assert_eq!(env.ok(&["diff", "then", "HEAD"]), env.ok(&["diff", "then"]));
    assert_eq!(env.run(&["diff", "HEAD"]).stderr, "no issue differs\n");
    env.ok(&["edit", "8", "--priority", "low"]);
    assert_eq!(env.ok(&["diff", "HEAD"]).lines().count(), 1);
    let answer = json(&env, &["diff", "then", "--json"]);
    let issues = answer["data"]["issues"].as_array().expect("a list");
    let effects: Vec<_> = issues.iter().map(|issue| (issue["key"].clone(), issue["effect"].clone())).collect();
    assert_eq!(
        effects,
        [("2-ng4q".into(), "removed".into()), ("7-xfy8".into(), "changed".into()), ("8-yn14".into(), "added".into())]
    );
    assert!(answer["data"]["to"].is_null());
    let path = file_of(&env, 8);
    env.write(&path, "broken");
    let broken = env.run(&["diff", "HEAD"]);
    assert_eq!(broken.stdout, "", "what can't be read isn't gone");
    assert!(broken.stderr.contains("000008-"), "{broken}");
}

#[test]
fn a_check_fails_on_what_a_change_has_brought_in() {
    let env = repository();
    for title in ["Two", "Three", "Four"] {
        env.ok(&["new", title]);
    }
    let path = file_of(&env, 4);
    let good = env.read(&path);
    env.write(&path, good.replace("blocked-by:", "blocked-by:\n  - \"77-zzzz\""));
    env.write(".tickety/issues/000/000009-zzzz.md", "broken before");
    commit(&env, "Base");
    assert_snapshot!(env.run(&["check"]), @"
    record .tickety/issues/000/000009-zzzz.md:1: the front matter is missing: a record begins with a line `---`
    link 4-e12c: blocked-by 77-zzzz, which doesn't exist: `tickety unlink 4-e12c blocked-by 77-zzzz`
    --- status 1
    ");
    assert_snapshot!(env.run(&["check", "--base", "HEAD"]), @"
    --- standard error
    nothing is wrong that isn't wrong in HEAD, too
    ");

    env.git(&["switch", "--quiet", "--create", "side"]);
    let three = file_of(&env, 3);
    let good = env.read(&three);
    env.write(
        &three,
        good.replace("priority: medium", "<<<<<<< ours\npriority: high\n=======\npriority: low\n>>>>>>> theirs"),
    );
    // 1 waits for 2 and 2 for 1, which no command allows.
    let (one, two) = (file_of(&env, 1), file_of(&env, 2));
    let name = |path: &str| {
        let name = path.rsplit('/').next().expect("a name").trim_end_matches(".md");
        format!("{}-{}", name[..6].trim_start_matches('0'), &name[7..])
    };
    env.write(&one, env.read(&one).replace("blocked-by:", &format!("blocked-by:\n  - \"{}\"", name(&two))));
    env.write(&two, env.read(&two).replace("blocked-by:", &format!("blocked-by:\n  - \"{}\"", name(&one))));
    // Another branch has made a 4, too.
    env.write(
        ".tickety/issues/000/000004-0000.md",
        env.read(&path)
            .lines()
            .map(|line| match line.starts_with("id: ") {
                true => "id: 01a1fc01-c5a8-7c3e-9b1d-000000000000\n".to_owned(),
                false => format!("{line}\n"),
            })
            .collect::<String>()
            .replace("  - \"77-zzzz\"\n", "  - \"88-zzzz\"\n"),
    );
    symlink("/etc/passwd", env.work().join(".tickety/issues/000/000008-zzzz.md")).expect("links can be made");
    assert_snapshot!(env.run(&["check", "--base", "main"]), @"
    conflict .tickety/issues/000/000003-0wj1.md:9: unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers
    record .tickety/issues/000/000008-zzzz.md: a symbolic link where a record is expected: put what it leads to in its place, links are not followed
    number 4-0000: several issues have the number 4: 4-0000, 4-e12c; see `tickety renumber`
    link 4-0000: blocked-by 88-zzzz, which doesn't exist: `tickety unlink 4-0000 blocked-by 88-zzzz`
    cycle 1-xfy8: blocked-by goes in a circle: 1-xfy8 -> 2-ng4q -> 1-xfy8
    --- status 1
    ");
    commit(&env, "Bad");
    let committed = env.run(&["check", "--base", "main"]);
    assert_eq!((committed.status, committed.stdout.lines().count()), (1, 5), "{committed}");
    assert_eq!(env.run(&["check", "--base", "side"]).status, 0);
    let answer: serde_json::Value =
        serde_json::from_str(&env.run(&["check", "--base", "main", "--json"]).stdout).expect("JSON");
    let kinds: Vec<_> =
        answer["data"]["problems"].as_array().expect("a list").iter().map(|flaw| flaw["kind"].clone()).collect();
    assert_eq!(kinds, ["conflict", "record", "number", "link", "cycle"]);
    fs::remove_file(env.work().join(".tickety/issues/000/000008-zzzz.md")).expect("it is there");
    assert_eq!(env.run(&["check", "--base", "nowhere"]).status, 14);
}

#[test]
fn markers_are_new_also_where_something_else_was_wrong() {
    let env = repository();
    let path = file_of(&env, 1);
    let good = env.read(&path);
    env.write(&path, good.replace("title:", "titel:"));
    commit(&env, "Bad");
    assert_eq!(env.run(&["check", "--base", "HEAD"]).status, 0);
    env.write(&path, format!("<<<<<<< ours\n{good}=======\n{good}>>>>>>> theirs\n"));
    let checked = env.run(&["check", "--base", "HEAD"]);
    assert!(checked.status == 1 && checked.stdout.starts_with("conflict "), "{checked}");
}

#[test]
fn a_copy_under_another_number_is_told_as_one() {
    let env = repository();
    let path = file_of(&env, 1);
    let copy = path.replace("000001-", "000009-");
    env.write(&copy, env.read(&path));
    let diff = json(&env, &["diff", "HEAD", "--json"]);
    let issues = diff["data"]["issues"].as_array().expect("a list");
    assert_eq!(issues.len(), 1, "{diff}");
    assert_eq!((&issues[0]["key"], &issues[0]["effect"]), (&"9-xfy8".into(), &"added".into()), "{diff}");
}

#[test]
fn a_comment_whose_issue_was_deleted_is_found() {
    let env = repository();
    env.git(&["switch", "--quiet", "--create", "side"]);
    env.ok(&["comment", "1", "Still there"]);
    commit(&env, "Comment");
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["rm", "--quiet", &file_of(&env, 1)]);
    commit(&env, "Delete");
    env.git(&["merge", "--quiet", "--no-edit", "side"]);
    let found = env.run(&["check", "--base", "HEAD~1"]);
    assert_snapshot!(found, @"
    comment .tickety/issues/000/000001-xfy8_21261121T120600Z-0wj1.md: is a comment of 1-xfy8, which has no record: put that back, or remove the comment
    --- status 1
    ");
    assert_eq!(env.run(&["check"]).stdout, found.stdout);
    assert_eq!(env.run(&["check", "--base", "HEAD"]).status, 0);
    let answer: serde_json::Value = serde_json::from_str(&env.run(&["check", "--json"]).stdout).expect("JSON");
    assert_eq!(answer["data"]["problems"][0]["kind"], "comment");
}

#[test]
fn deleting_an_issue_that_others_link_to_is_found() {
    let env = repository();
    env.ok(&["new", "Two", "--blocked-by", "1"]);
    commit(&env, "Base");
    env.git(&["rm", "--quiet", &file_of(&env, 1)]);
    assert_snapshot!(env.run(&["check", "--base", "HEAD"]), @"
    link 2-ng4q: blocked-by 1-xfy8, which doesn't exist: `tickety unlink 2-ng4q blocked-by 1-xfy8`
    --- status 1
    ");
}

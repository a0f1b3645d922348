//! Asking.

use insta::assert_snapshot;

use crate::{home, small_home};

/// Returns the numbers of a list.
fn numbers(text: &str) -> Vec<u32> {
    text.lines()
        .map(|line| {
            line.split('-').next().expect("a line has a first part").parse().expect("a name begins with a number")
        })
        .collect()
}

#[test]
fn list_shows_open_issues_unless_told_otherwise() {
    let env = small_home();
    assert_eq!(numbers(&env.ok(&["list"])), [3, 2, 1]);
    assert_eq!(numbers(&env.ok(&["ls", "is:any"])), [4, 3, 2, 1]);
    assert_eq!(numbers(&env.ok(&["list", "status:closed"])), [4]);
    assert_eq!(numbers(&env.ok(&["list", "label:cache", "priority:>=high"])), [1]);
    assert_eq!(numbers(&env.ok(&["list", "-label:cache", "--sort", "number-asc"])), [2, 3]);
    assert_eq!(numbers(&env.ok(&["list", "--limit", "1"])), [3]);
    assert_eq!(numbers(&env.ok(&["list", "-n", "1"])), [3]);
}

#[test]
fn a_list_in_a_pipe_is_one_issue_a_line() {
    assert_snapshot!(small_home().ok(&["list", "is:any"]));
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let env = small_home();
    let mut after: Option<String> = None;
    let mut seen = Vec::new();
    for _ in 0..10 {
        let mut arguments = vec!["list", "is:any", "--limit", "3", "--sort", "title", "--json"];
        arguments.extend(after.iter().flat_map(|cursor| ["--after", cursor.as_str()]));
        let answer = crate::json(&env, &arguments);
        assert_eq!(answer["data"]["total"], 4);
        let issues = answer["data"]["issues"].as_array().expect("a list").iter();
        seen.extend(issues.map(|issue| issue["number"].as_u64().expect("a number")));
        after = answer["data"]["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [3, 4, 2, 1]);
}

#[test]
fn pages_of_what_fits_best_follow_each_other() {
    let env = small_home();
    let whole = numbers(&env.ok(&["search", "cache", "--ranked"]));
    assert!(whole.len() > 1);
    let mut paged = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..10 {
        let mut arguments = vec!["search", "cache", "--ranked", "sort:title", "-n", "1", "--json"];
        arguments.extend(after.iter().flat_map(|cursor| ["--after", cursor.as_str()]));
        let answer = crate::json(&env, &arguments);
        assert_eq!(answer["meta"]["query"].as_str().unwrap().split(' ').nth(1), Some("sort:relevance-desc"));
        paged
            .extend(answer["data"]["issues"].as_array().unwrap().iter().map(|issue| issue["number"].as_u64().unwrap()));
        after = answer["data"]["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole.iter().copied().map(u64::from).collect::<Vec<_>>());
    let failed = env.run(&["search", "label:cache", "--ranked"]);
    assert!(failed.stderr.contains("--ranked: an order by relevance needs a word"), "{}", failed.stderr);
}

#[test]
fn the_note_of_a_closed_issue_is_searched() {
    let env = small_home();
    env.ok(&["close", "1", "--note", "Superseded by the zebra layout"]);
    for query in ["zebra", "comment:\"zebra layout\"", "zeb*"] {
        let answer = crate::json(&env, &["search", query, "fields:number", "--json"]);
        let issue = &answer["data"]["issues"][0];
        assert_eq!((&issue["number"], &issue["snippets"][0]["in"]), (&1.into(), &"note".into()), "{query}: {answer}");
        assert_eq!(issue["snippets"][0]["text"], "Superseded by the zebra layout");
    }
    assert_eq!(numbers(&env.ok(&["search", "body:zebra"])), [0_u32; 0]);
    env.ok(&["reopen", "1"]);
    assert_eq!(numbers(&env.ok(&["search", "zebra"])), [0_u32; 0]);
}

#[test]
fn queries_know_the_names_that_issues_had_before() {
    let env = small_home();
    let (asked, old) = (crate::json(&env, &["list", "#2", "--json"]), "2-xfy8");
    assert_eq!(asked["meta"]["query"], "number:2");
    assert_eq!(numbers(&env.ok(&["list", "blocked-by:2"])), [1]);
    env.ok(&["renumber", "2", "--to", "20"]);
    for query in ["#2", "number:2", "blocks:1 number:2"] {
        assert_eq!(numbers(&env.ok(&["list", query])), [20], "{query}");
    }
    for query in ["blocked-by:2", &format!("blocked-by:{old}"), "blocked-by:20"] {
        assert_eq!(numbers(&env.ok(&["list", query])), [1], "{query}");
    }
    assert_eq!(crate::json(&env, &["list", "number:2", "--json"])["meta"]["query"], "number:20");
    assert_eq!(crate::json(&env, &["stats", "-number:2", "is:any", "--json"])["data"]["total"], 3);
    assert_eq!(env.run(&["batch", "get", "--json", "blocked-by:2"]).status, 0);
}

#[test]
fn chosen_fields_follow_the_name() {
    let env = small_home();
    assert_snapshot!(env.ok(&["list", "--fields", "title,due,link"]), @"
    3-vct6	Measure the cache	2026-11-01	parent 1-3fqb
    2-xfy8	Read the index once		blocks 1-3fqb
    1-3fqb	Slow cache		blocked-by 2-xfy8, child 3-vct6
    ");
}

#[test]
fn show_tells_everything() {
    assert_snapshot!(small_home().ok(&["show", "1", "TIK-4"]));
}

#[test]
fn search_covers_every_status_and_every_text() {
    let env = small_home();
    assert_eq!(numbers(&env.ok(&["search", "cache"])), [3, 1]);
    assert_eq!(numbers(&env.ok(&["search", "idea"])), [4]);
    assert_eq!(numbers(&env.ok(&["search", "Mondays"])), [1]);
    assert_eq!(numbers(&env.ok(&["search", "\"read twice\""])), [1]);
    assert_eq!(numbers(&env.ok(&["search", "cache", "-perf", "--ranked"])), [3, 1]);
    assert_eq!(env.run(&["search", "is:open"]).status, 2);
    assert_eq!(env.ok(&["search", "cache"]), env.ok(&["list", "is:any", "cache"]), "in a pipe as in a list");
    assert_eq!(
        env.ok(&["search", "Mondays", "--fields", "title,body"]),
        "1-3fqb\tSlow cache\tThe index is read twice.\n"
    );
    let whole = &crate::json(&env, &["search", "Mondays", "--fields", "body", "--json"])["data"]["issues"][0];
    assert_eq!(whole["body"], "The index is read twice.");
}

#[test]
fn ready_is_what_nothing_blocks() {
    let env = small_home();
    assert_eq!(numbers(&env.ok(&["ready"])), [3, 2]);
    env.ok(&["close", "2"]);
    assert_eq!(numbers(&env.ok(&["ready"])), [1, 3]);
    env.ok(&["edit", "1", "--status", "in-progress"]);
    assert_eq!(numbers(&env.ok(&["ready"])), [3]);
}

#[test]
fn all_closed_answers_by_its_exit_status() {
    let env = small_home();
    assert_eq!(env.run(&["all-closed", "label:cache"]).status, 1);
    assert_eq!(env.run(&["all-closed", "old"]).status, 0);
    env.ok(&["close", "1", "2", "3"]);
    assert_eq!(env.run(&["all-closed"]).status, 0);
    let nothing = env.run(&["all-closed", "label:typo"]);
    assert_eq!((nothing.status, nothing.stderr.as_str()), (0, "no issue fits the query at all\n"));
}

#[test]
fn graph_draws_parts_and_blockers() {
    let env = small_home();
    assert_snapshot!(env.ok(&["graph"]), @"
    1-3fqb Slow cache (open, high)
    ├─ blocked-by 2-xfy8 Read the index once (open, medium)
    └─ 3-vct6 Measure the cache (open, medium)
    ");
    assert_snapshot!(env.ok(&["graph", "2", "--follow", "blocks"]), @"
    2-xfy8 Read the index once (open, medium)
    └─ blocks 1-3fqb Slow cache (open, high)
    ");
    assert_snapshot!(env.ok(&["graph", "--dot"]), @r#"
    digraph issues {
      node [shape=box];
      "1-3fqb" [label="1-3fqb Slow cache\nopen"];
      "2-xfy8" [label="2-xfy8 Read the index once\nopen"];
      "3-vct6" [label="3-vct6 Measure the cache\nopen"];
      "1-3fqb" -> "2-xfy8" [label="blocked-by"];
      "3-vct6" -> "1-3fqb" [label="parent"];
    }
    "#);
    env.ok(&["close", "2"]);
    assert_snapshot!(env.ok(&["graph", "1"]), @"
    1-3fqb Slow cache (open, high)
    └─ 3-vct6 Measure the cache (open, medium)
    ");
}

#[test]
fn stats_count() {
    assert_snapshot!(small_home().ok(&["stats"]), @"
    all	total	4
    all	ready	2
    all	blocked	1
    all	overdue	1
    all	comments	1
    category	open	3
    category	closed	1
    status	open	3
    status	closed	1
    kind	bug	1
    kind	task	3
    open by priority	high	1
    open by priority	medium	2
    open by label	cache	1
    open by label	perf	1
    open by assignee	(nobody)	2
    open by assignee	Ann	1
    ");
}

#[test]
fn an_empty_home_has_empty_answers() {
    let env = home();
    for command in [&["list"][..], &["search", "x"], &["ready"], &["graph"], &["list", "is:any", "--fields", "title"]] {
        let output = env.run(command);
        assert_eq!((output.status, output.stdout.as_str()), (0, ""), "{command:?}");
        assert!(!output.stderr.is_empty(), "{command:?} says that there is nothing");
        assert_eq!(env.call(command).run().stdout, "");
        let quiet = env.run(&[command, &["--quiet"]].concat());
        assert_eq!(quiet.stderr, "", "{command:?}");
    }
}

#[test]
fn a_home_is_found_from_below() {
    let env = small_home();
    env.write("src/deep/file", "");
    assert_eq!(numbers(&env.call(&["list"]).within("src/deep").run().stdout), [3, 2, 1]);
    assert_eq!(numbers(&env.call(&["list", "-C", "src"]).run().stdout), [3, 2, 1]);
}

#[test]
fn edits_from_outside_are_seen() {
    let env = small_home();
    env.ok(&["list"]);
    let path =
        crate::json(&env, &["show", "2", "--json"])["data"]["issues"][0]["path"].as_str().expect("a path").to_owned();
    let edited = env.read(&path).replace("Read the index once", "Read it never");
    env.write(&path, edited);
    assert!(env.ok(&["list"]).contains("Read it never"));
    assert!(env.ok(&["show", "2"]).contains("Read it never"));
    assert_eq!(numbers(&env.ok(&["search", "never"])), [2]);
}

#[test]
fn a_graph_shows_blockers_that_are_gone_or_unreadable() {
    let env = crate::home();
    env.ok(&["new", "waits"]);
    env.ok(&["new", "blocks"]);
    env.ok(&["link", "1", "blocked-by", "2"]);
    let record = env.files().into_keys().find(|name| name.contains("000002-")).expect("it was made");
    env.write(&record, "no record");
    for arguments in [&["graph"][..], &["graph", "1"], &["graph", "--dot"], &["graph", "--json"]] {
        let output = env.run(arguments);
        assert!(output.status == 0 && output.stdout.contains("blocked-by") && output.stdout.contains("2-"), "{output}");
    }
    std::fs::remove_file(env.work().join(&record)).expect("it is there");
    let drawn = env.ok(&["graph"]);
    assert!(drawn.contains("└─ blocked-by 2-") && drawn.contains("no issue that can be read"), "{drawn}");
}

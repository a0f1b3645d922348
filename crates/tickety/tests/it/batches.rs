//! Batches.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{home, small_home, without_versions};

/// The answer without what depends on time.
fn answer(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value["data"]["duration_ms"].is_number());
    value["data"]["duration_ms"] = json!("[TIME]");
    without_versions(&value.to_string())
}

const LINES: &str = r#"
{"op":"create","ref":"a","title":"Parse the header","labels":["parser"]}
{"op":"create","title":"Parse the body","blocked_by":["$a",2]}
{"op":"update","issue":"$a","priority":"high","add":{"labels":["urgent"]}}
{"op":"comment","issue":1,"body":"See $a."}
{"op":"close","issue":3,"reason":"cancelled"}
{"op":"delete","issue":4}
"#;

#[test]
fn lines_refer_to_issues_that_lines_before_create() {
    let env = small_home();
    let output = env.call(&["batch", "apply", "-", "--json"]).input(LINES).run();
    assert_eq!(output.status, 0, "{output}");
    assert_snapshot!(answer(&output.stdout));
    assert_snapshot!(env.ok(&["list", "is:any", "--fields", "title,status,priority,label,blocked-by"]), @"
    6-329y	Parse the body	open	medium		2-xfy8, 5-d758
    5-d758	Parse the header	open	high	parser, urgent	
    3-vct6	Measure the cache	closed	medium		
    2-xfy8	Read the index once	open	medium		
    1-3fqb	Slow cache	open	high	cache, perf	2-xfy8
    ");
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let env = small_home();
    let files = env.files();
    let output = env.call(&["batch", "apply", "-", "--dry-run"]).input(LINES).run();
    assert_snapshot!(output);
    let output = env.call(&["batch", "apply", "-", "--dry-run", "--json"]).input(LINES).run();
    assert_snapshot!(answer(&output.stdout));
    assert_eq!(env.files(), files);
    assert!(env.ok(&["new", "next"]).starts_with("5-"), "no number was used");
}

#[test]
fn the_documented_lines_can_be_applied() {
    let page = include_str!("../../../../docs/batches.md");
    let lines = page.split("```jsonl\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of lines");
    let env = small_home();
    let output = env.call(&["batch", "apply", "-"]).input(lines).run();
    assert_eq!((output.status, output.stdout.lines().count()), (0, lines.lines().count()), "{output}");
}

#[test]
fn one_failure_takes_everything_back_and_all_are_named() {
    let env = small_home();
    let files = env.files();
    let lines = concat!(
        r#"{"op":"create","ref":"a","title":"never"}"#,
        "\n\n",
        r#"{"op":"create","ref":"b","title":" "}"#,
        "\n",
        r#"{"op":"comment","issue":"$b","body":"x"}"#,
        "\n",
        r#"{"op":"delete","issue":99}"#,
        "\n",
    );
    env.write("plan.jsonl", lines);
    let plan = ["batch", "apply", "plan.jsonl"];
    assert_snapshot!(env.run(&plan), @"
    --- standard error
    error: plan.jsonl:3: the title is empty
    error: plan.jsonl:4: line 3, which this one needs, failed: the title is empty
    error: plan.jsonl:5: there is no issue 99
    3 failed: nothing was changed
    --- status 6
    ");
    let output = env.run(&["batch", "apply", "plan.jsonl", "--json"]);
    assert_eq!((output.status, output.stderr.as_str()), (6, ""));
    assert_snapshot!(answer(&output.stdout));
    std::fs::remove_file(env.work().join("plan.jsonl")).expect("it is there");
    assert_eq!(env.files(), files);
}

#[test]
fn without_atomic_the_rest_is_applied() {
    let env = small_home();
    let names = "1\n99\n{\"issue\":2,\"version\":\"00112233445566778899aabbccddeeff\"}\n3-vct6\tand more\n";
    let close = ["batch", "close", "--from", "-", "--no-atomic"];
    let output = env.call(&close).input(names).run();
    assert_eq!(output.status, 1);
    assert_snapshot!(output.stdout, @"
    1-3fqb closed
    3-vct6 closed
    ");
    let named: Vec<&str> = output.stderr.lines().collect();
    assert!(named[0].starts_with("error: standard input:2: there is no issue 99"), "{output}");
    assert!(named[1].starts_with("error: standard input:3: 2-xfy8 has changed"), "{output}");
    assert_eq!(named[2], "2 updated, 2 failed");
    let output = env.call(&close).input("1\n3\n").run();
    assert_snapshot!(output, @"
    1-3fqb unchanged
    3-vct6 unchanged
    ");
}

#[test]
fn a_query_chooses_as_it_does_for_list() {
    let env = small_home();
    let update =
        ["batch", "update", "label:cache", "OR", "has:due", "--priority", "low", "--label", "+y", "--label", "-perf"];
    assert_snapshot!(env.ok(&update), @"
    3-vct6 updated
    1-3fqb updated
    ");
    assert_snapshot!(env.ok(&["batch", "update", "is:any", "-label:y", "--milestone", "1.0", "-n"]), @"
    2-xfy8 Read the index once
      milestone: – → 1.0
    4-ns3m Old idea
      milestone: – → 1.0
    ");
    let lines = env.ok(&["list", "label:y"]);
    assert_eq!(env.call(&["batch", "get", "--from", "-"]).input(lines.clone()).run().stdout, lines);
    assert_eq!(env.ok(&["batch", "get", "label:y"]), lines);
}

#[test]
fn deleting_has_to_be_agreed_to() {
    let env = small_home();
    assert_snapshot!(env.run(&["batch", "delete", "is:any"]), @"
    --- standard error
    error: deleting 4 issues has to be agreed to, and nobody can be asked
    hint: --dry-run shows what would happen; repeat the command with --yes
    --- status 2
    ");
    assert_eq!(env.ok(&["batch", "delete", "is:any", "--yes"]).lines().count(), 4);
    assert_snapshot!(env.run(&["batch", "delete", "is:any", "--yes"]), @"
    --- standard error
    nothing to do
    ");
    assert_snapshot!(env.run(&["batch", "delete"]), @"
    --- standard error
    error: nothing says which issues
    hint: give a query such as `is:open label:x`, or --from FILE; `is:any` means all
    --- status 2
    ");
}

#[test]
fn bad_lines_name_file_and_line() {
    let env = home();
    for (command, line, says) in [
        ("create", r#"{"title":"x","lables":[]}"#, "unknown field `lables`"),
        ("create", r#"{"op":"delete","issue":1}"#, "`delete` doesn't create"),
        ("create", "{\"title\":", "not JSON: EOF while parsing a value at column 9"),
        ("close", "first", "first"),
        ("close", r#"{"version":"x"}"#, "missing field `issue`"),
    ] {
        env.write("lines", format!("\n{}\n{line}\n", if command == "create" { r#"{"title":"fine"}"# } else { "1" }));
        let output = env.run(&["batch", command, "--from", "lines"]);
        assert_ne!(output.status, 0, "{line}");
        assert!(output.stderr.starts_with("error: lines:3: "), "{output}");
        assert!(output.stderr.contains(says), "{says}: {output}");
    }
    assert_eq!(env.ok(&["list", "is:any"]), "");
}

#[test]
fn what_is_beyond_a_limit_names_it() {
    let env = home();
    env.write("many", "1\n".repeat(100_001));
    let output = env.run(&["batch", "close", "--from", "many"]);
    assert_eq!(output.status, 6);
    assert!(output.stderr.starts_with("error: many:100001: there are more than 100000 operations"), "{output}");
    env.write("long", format!("1\n{}\n", "x".repeat((8 << 20) + 1)));
    let output = env.run(&["batch", "close", "--from", "long"]);
    assert!(output.stderr.starts_with("error: long:2: the line has more than 8388608 bytes"), "{output}");
}

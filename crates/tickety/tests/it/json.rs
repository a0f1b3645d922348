//! JSON: one envelope for everything.

use insta::assert_snapshot;
use serde_json::Value;

use crate::{home, json, small_home, without_versions};

#[test]
fn the_whole_issue_and_the_summary() {
    let env = small_home();
    assert_snapshot!("show", without_versions(&env.ok(&["show", "1", "4", "--json"])));
    assert_snapshot!("list", without_versions(&env.ok(&["list", "--limit", "1", "--json"])));
    assert_snapshot!(
        "list_fields",
        without_versions(&env.ok(&["list", "--fields", "title,body,blocked-by", "--json"]))
    );
    assert_snapshot!("search", without_versions(&env.ok(&["search", "index", "--json", "--fields", "title"])));
}

#[test]
fn every_write_tells_what_it_did() {
    let env = small_home();
    let mut answers = String::new();
    for command in [
        &["new", "t"][..],
        &["edit", "5", "--title", "u"],
        &["edit", "5", "--title", "u"],
        &["comment", "5", "text"],
        &["link", "5", "relates", "1"],
        &["unlink", "5", "relates", "1"],
        &["close", "5"],
        &["reopen", "5"],
        &["delete", "5", "--yes"],
    ] {
        let output = env.ok(&[command, &["--json"]].concat());
        answers.push_str(&format!("{} {}", command[0], without_versions(&output)));
    }
    assert_snapshot!(answers);
}

#[test]
fn every_other_command_has_an_envelope() {
    let env = home();
    env.ok(&["new", "t"]);
    for command in [
        &["init"][..],
        &["ready"],
        &["graph"],
        &["graph", "--dot"],
        &["stats"],
        &["all-closed", "label:none"],
        &["export", "jsonl"],
        &["index", "status"],
        &["index", "verify"],
        &["index", "rebuild"],
        &["doctor"],
        &["config", "list"],
        &["config", "get", "prefix"],
        &["config", "set", "prefix", "AB"],
        &["renumber", "1"],
        &["completions", "bash"],
    ] {
        let answer = json(&env, &[command, &["--json"]].concat());
        let Value::Object(envelope) = &answer else { panic!("{command:?}: {answer}") };
        let keys: Vec<&str> = envelope.keys().map(String::as_str).collect();
        assert_eq!(keys, ["data", "meta"], "{command:?}");
        assert!(answer["data"].is_object(), "{command:?}");
    }
}

#[test]
fn help_and_version_have_an_envelope_too() {
    let env = tickety_testkit::TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    for arguments in [["--version", "--json"], ["--json", "-V"]] {
        assert_eq!(env.ok(&arguments), "{\"data\":{\"version\":\"0.1.0\"},\"meta\":{}}\n");
    }
    for arguments in
        [&["--help"][..], &["-h"], &["help"], &["list", "--help"], &["help", "list"], &["help", "config", "set"]]
    {
        let answer = json(&env, &[arguments, &["--json"]].concat());
        assert_eq!(answer["data"]["help"], env.ok(arguments), "{arguments:?}");
    }
}

#[test]
fn every_question_says_how_fresh_its_answer_is() {
    let env = small_home();
    let freshness = |command: &[&str]| json(&env, &[command, &["--json"]].concat())["meta"]["freshness"].clone();
    let (verify, shards) = (serde_json::json!("verify"), serde_json::json!("shards"));
    for command in [&["list"][..], &["search", "cache"], &["ready"], &["all-closed"], &["stats"], &["graph"]] {
        let given = freshness(command);
        // Four issues and a comment.
        assert_eq!((&given["mode"], given["checked"].as_u64(), given["changed"].as_u64()), (&verify, Some(5), Some(0)));
        let shallow = freshness(&[command, &["--freshness", "shards"]].concat());
        assert_eq!(shallow["mode"], shards, "{command:?}");
    }
    assert_eq!(freshness(&["graph", "--dot"])["mode"], verify);
    // 1 is linked to 2 and 3; how many had changed nobody counts.
    assert_eq!(freshness(&["show", "1"]), serde_json::json!({"mode": "shards", "checked": 3}));
    assert_eq!(freshness(&["show", "4", "--freshness", "trust"]), serde_json::json!({"mode": "trust", "checked": 0}));
}

#[test]
fn counts_and_graphs_name_what_they_could_not_read() {
    let env = small_home();
    env.write(".tickety/issues/000/000009-zzzz.md", "no front matter");
    for command in [&["stats"][..], &["graph"], &["graph", "--dot"]] {
        let answer = json(&env, &[command, &["--json"]].concat());
        assert_eq!(answer["meta"]["problems"][0]["path"], ".tickety/issues/000/000009-zzzz.md", "{command:?}");
        let shown = env.run(command);
        assert!(shown.stderr.starts_with("warning: .tickety/issues/000/000009-zzzz.md"), "{command:?}: {shown}");
    }
}

#[test]
fn failures_have_an_envelope_too() {
    let env = small_home();
    let mut answers = String::new();
    for command in [
        &["show", "99"][..],
        &["show", "x"],
        &["list", "lable:x"],
        &["list", "--bogus"],
        &["nonsense"],
        &["new"],
        &["edit", "1", "--priority", "urgent"],
        &["edit", "1", "--status", "urgent"],
        &["edit", "1", "--if-version", "1"],
        &["link", "2", "blocked-by", "1"],
        &["reopen", "1"],
        &["delete", "1"],
        &["list", "--after", "x"],
    ] {
        let output = env.run(&[command, &["--json"]].concat());
        assert_eq!(output.stderr, "", "{command:?}");
        let answer: Value = serde_json::from_str(&output.stdout).expect("one document");
        assert!(answer["error"]["code"].is_string(), "{command:?}");
        answers.push_str(&format!("{} {}: {}", output.status, command.join(" "), output.stdout));
    }
    assert_snapshot!(answers);
}

#[test]
fn what_can_t_be_read_is_in_meta() {
    let env = small_home();
    env.write(".tickety/issues/000/000009-zzzz.md", "no front matter");
    let answer = json(&env, &["list", "--json"]);
    assert_eq!(answer["meta"]["problems"][0]["path"], ".tickety/issues/000/000009-zzzz.md");
    assert_eq!(answer["data"]["total"], 3);
}

//! Changing.

use insta::assert_snapshot;

use tickety_testkit::TestEnv;

use crate::{home, json, small_home};

#[test]
fn new_prints_the_name_alone_in_a_pipe() {
    let env = home();
    let name = env.ok(&["new", "Several", "words"]);
    let name = name.trim_end();
    assert!(name.starts_with("1-") && name.len() == 6, "{name}");
    assert!(env.ok(&["show", name]).contains("Several words"));
}

#[test]
fn init_says_what_to_commit_and_can_be_repeated() {
    let env = tickety_testkit::TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    assert_snapshot!(env.ok(&["init", "--prefix", "AB"]), @"
    made a home for issues in [ROOT]/work
      .tickety/.gitignore
      .tickety/config.toml
    commit these files with the code: git add .tickety && git commit -m 'Track issues with tickety'
    then: tickety new TITLE
    ");
    let files = env.files();
    assert_snapshot!(env.ok(&["init"]), @"there is a home in [ROOT]/work already; nothing was changed");
    assert_snapshot!(env.ok(&["init", "--prefix", "CD"]), @"
    there is a home in [ROOT]/work already; nothing was changed
    `tickety config set prefix CD` changes the prefix
    ");
    assert_eq!(env.files(), files);
    env.ok(&["new", "A title"]);
    assert!(env.ok(&["show", "AB-1"]).contains("A title"));
}

#[test]
fn what_is_written_can_be_committed_and_nothing_else_appears() {
    let env = tickety_testkit::TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    let name = env.ok(&["new", "A title"]);
    env.ok(&["comment", "1", "text"]);
    env.git(&["add", "."]);
    let added = env.git(&["status", "--porcelain"]);
    let suffix = name.trim_end().strip_prefix("1-").expect("the first number");
    assert_eq!(added.lines().count(), 4, "{added}");
    assert!(added.contains(&format!("A  .tickety/issues/000/000001-{suffix}.md")), "{added}");
}

#[test]
fn every_field_can_be_set_and_cleared() {
    let env = home();
    env.ok(&["new", "other"]);
    let set = [
        "new",
        "full",
        "--body",
        "text",
        "--status",
        "in-progress",
        "--priority",
        "p0",
        "--kind",
        "bug",
        "--label",
        "a,b",
        "--assignee",
        "Ann",
        "--assignee",
        "me",
        "--reporter",
        "Bob",
        "--milestone",
        "1.0",
        "--due",
        "2w",
        "--estimate",
        "1h30m",
        "--spent",
        "20",
        "--field",
        "severity=s1",
        "--field",
        "cost=2.50",
        "--parent",
        "1",
        "--blocked-by",
        "1",
        "--relates",
        "1",
        "--reference",
        "https://example.org/?a,b",
    ];
    env.ok(&set);
    assert_snapshot!(env.ok(&["show", "2"]));
    let clear = [
        "edit",
        "2",
        "--body",
        "",
        "--label",
        "",
        "--assignee",
        "",
        "--reporter",
        "",
        "--milestone",
        "",
        "--due",
        "",
        "--estimate",
        "",
        "--spent",
        "",
        "--field",
        "severity=",
        "--field",
        "cost=",
        "--parent",
        "",
        "--blocked-by",
        "",
        "--relates",
        "",
        "--reference",
        "",
        "--priority",
        "medium",
        "--kind",
        "task",
        "--status",
        "open",
    ];
    env.ok(&clear);
    assert_snapshot!(env.ok(&["show", "2"]));
}

#[test]
fn labels_are_added_and_removed_by_sign() {
    let env = home();
    env.ok(&["new", "t", "-l", "a,b"]);
    env.ok(&["edit", "1", "-l", "+c,-a", "--label", "-b"]);
    assert_eq!(json(&env, &["show", "1", "--json"])["data"]["issues"][0]["labels"], serde_json::json!(["c"]));
}

#[test]
fn a_body_comes_from_a_file_or_standard_input() {
    let env = home();
    env.write("body.md", "from a file\r\n");
    env.ok(&["new", "one", "--body-file", "body.md"]);
    let two = env.call(&["new", "two", "--body", "-"]).input("from input\n").run();
    assert_eq!(two.status, 0, "{two}");
    let comment = env.call(&["comment", "1", "-"]).input("said\n").run();
    assert_eq!(comment.status, 0, "{comment}");
    let shown = json(&env, &["show", "1", "2", "--json"]);
    assert_eq!(shown["data"]["issues"][0]["body"], "from a file");
    assert_eq!(shown["data"]["issues"][0]["comments"][0]["body"], "said");
    assert_eq!(shown["data"]["issues"][1]["body"], "from input");
}

#[test]
fn title_and_body_come_from_one_text() {
    let env = home();
    env.write("issue.md", "# From a file\n\nIts body\n");
    env.ok(&["new", "--body-file", "issue.md"]);
    let piped = env.call(&["new", "-"]).input("From input\n").run();
    assert_eq!(piped.status, 0, "{piped}");
    let shown = json(&env, &["show", "1", "2", "--json"]);
    let texts = |place: usize| {
        (shown["data"]["issues"][place]["title"].clone(), shown["data"]["issues"][place]["body"].clone())
    };
    assert_eq!(texts(0), ("From a file".into(), "Its body".into()));
    assert_eq!(texts(1), ("From input".into(), "".into()));
}

#[test]
fn several_issues_change_together_or_not_at_all() {
    let env = small_home();
    let before = env.files();
    let failed = env.run(&["close", "1", "99", "2"]);
    assert_eq!(failed.status, 3, "{failed}");
    assert_eq!(env.run(&["edit", "1", "2", "--parent", "1"]).status, 6, "1 can't be a part of itself");
    assert_eq!(env.files(), before);
    assert_snapshot!(env.ok(&["close", "1", "2", "4"]), @"
    1-3fqb closed
    2-xfy8 closed
    4-ns3m unchanged
    ");
}

#[test]
fn closing_as_a_duplicate_links_to_the_original() {
    let env = small_home();
    env.ok(&["close", "3", "--duplicate-of", "1", "--note", "see there"]);
    let issue = &json(&env, &["show", "3", "--json"])["data"]["issues"][0];
    assert_eq!(issue["closed"]["reason"], "duplicate");
    assert_eq!(issue["closed"]["note"], "see there");
    assert!(issue["links"].as_array().expect("links").iter().any(|link| link["relation"] == "duplicate-of"));
    assert_eq!(env.run(&["close", "2", "--duplicate-of", "1", "--reason", "completed"]).status, 2);
}

#[test]
fn a_closed_issue_is_reopened_with_a_word_about_it() {
    let env = small_home();
    env.ok(&["reopen", "4", "--comment", "somebody does"]);
    let issue = &json(&env, &["show", "4", "--json"])["data"]["issues"][0];
    assert_eq!((&issue["status"], &issue["closed"]), (&"open".into(), &serde_json::Value::Null));
    assert_eq!(env.run(&["reopen", "4"]).status, 6);
}

#[test]
fn links_are_set_at_either_end_and_removed() {
    let env = small_home();
    env.ok(&["link", "2", "blocks", "3"]);
    assert!(env.ok(&["show", "3"]).contains("blocked-by  2-"));
    env.ok(&["unlink", "3", "blocked-by", "2"]);
    assert!(!env.ok(&["show", "3"]).contains("blocked-by  2-"));
    env.ok(&["link", "2", "relates", "3", "4"]);
    env.ok(&["unlink", "3", "relates", "2"]);
    assert!(!env.ok(&["show", "2"]).contains("relates     3-"));
    assert!(env.ok(&["show", "2"]).contains("relates     4-"));
    let circle = env.run(&["link", "2", "blocked-by", "1"]);
    assert_eq!(circle.status, 6, "{circle}");
    assert!(circle.stderr.contains("circle"), "{circle}");
}

#[test]
fn deleting_asks_and_takes_links_along() {
    let env = small_home();
    let before = env.files();
    let unasked = env.run(&["delete", "2"]);
    assert_eq!((unasked.status, unasked.stderr.contains("--yes")), (2, true), "{unasked}");
    assert_eq!(env.files(), before);
    env.ok(&["delete", "2", "--yes"]);
    assert_eq!(env.run(&["show", "2"]).status, 3);
    assert!(!env.ok(&["show", "1"]).contains("blocked-by"));
}

#[test]
fn a_write_based_on_an_old_version_is_refused() {
    let env = small_home();
    let version = |env| {
        json(env, &["show", "1", "--json"])["data"]["issues"][0]["version"].as_str().expect("a version").to_owned()
    };
    let old = version(&env);
    env.ok(&["edit", "1", "--title", "newer", "--if-version", &old]);
    let refused = env.run(&["edit", "1", "--title", "older", "--if-version", &old]);
    assert_eq!(refused.status, 5, "{refused}");
    assert!(refused.stderr.contains(&version(&env)), "{refused}");
}

#[test]
fn comments_tell_text_from_issues() {
    let env = small_home();
    env.ok(&["comment", "2,3", "for", "both"]);
    for name in ["2", "3"] {
        assert!(env.ok(&["show", name]).ends_with("\nfor both\n"));
    }
    env.ok(&["comment", "2", "--body", "3"]);
    assert!(env.ok(&["show", "2"]).ends_with("\n3\n"));
    env.ok(&["comment", "2", "3 of them"]);
    assert!(env.ok(&["show", "2"]).ends_with("\n3 of them\n"));
    let before = env.files();
    assert_snapshot!(env.run(&["comment", "1", "2", "hello", "world"]), @"
    --- standard error
    error: `2` may be another issue, or the beginning of the text
    hint: several issues have commas between them: `tickety comment 1,2 TEXT`; a text that begins like this goes after --body
    --- status 2
    ");
    for command in [
        &["comment", "1", "#2"][..],
        &["comment", "2,x3", "for both"],
        &["comment", "2,", "text"],
        &["comment", "2", "text", "--body", "text"],
        &["comment", "text"],
    ] {
        let refused = env.run(command);
        assert_eq!(refused.status, 2, "{command:?}: {refused}");
    }
    assert_eq!(env.files(), before);
}

#[test]
fn several_issues_may_have_commas_between_them() {
    let env = small_home();
    assert_eq!(env.ok(&["show", "1,2", "3"]), env.ok(&["show", "1", "2", "3"]));
    assert_eq!(env.ok(&["close", "1, 2"]), "1-3fqb closed\n2-xfy8 closed\n");
}

#[test]
fn the_actor_comes_from_the_nearest_source() {
    let env = home();
    let reporter = |call: tickety_testkit::env::Call<'_>| {
        let name = call.run().stdout;
        json(&env, &["show", name.trim_end(), "--json"])["data"]["issues"][0]["reporter"].clone()
    };
    assert_eq!(reporter(env.call(&["new", "t"])), "tester");
    std::fs::write(env.home().join(".gitconfig"), "[user]\n\tname = Git User\n").expect("the home can be written");
    assert_eq!(reporter(env.call(&["new", "t"])), "Git User");
    env.ok(&["config", "set", "actor", "Configured"]);
    assert_eq!(reporter(env.call(&["new", "t"])), "Configured");
    assert_eq!(reporter(env.call(&["new", "t"]).variable("TICKETY_ACTOR", "Variable")), "Variable");
    assert_eq!(reporter(env.call(&["new", "t", "--as", "Option"]).variable("TICKETY_ACTOR", "Variable")), "Option");
    // An empty variable is none, and an empty argument is a slip.
    assert_eq!(reporter(env.call(&["new", "t"]).variable("TICKETY_ACTOR", " ")), "Configured");
    for slip in ["", " "] {
        let output = env.run(&["new", "t", "--as", slip]);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{output}");
        assert!(output.stderr.contains("'--as <ACTOR>'") && output.stderr.contains("write a name"), "{output}");
    }
}

#[test]
fn the_actor_is_found_wherever_git_looks() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    let reporter = |call: tickety_testkit::env::Call<'_>| {
        let name = call.run().stdout;
        json(&env, &["show", name.trim_end(), "--json"])["data"]["issues"][0]["reporter"].clone()
    };
    let write = |name: &str, text: &str| std::fs::write(env.home().join(name), text).expect("the home can be written");
    write(".gitconfig", "[user]\n\tname = Own\n");
    env.git(&["config", "user.name", ""]);
    assert_eq!(reporter(env.call(&["new", "t"])), "Own");
    write("work.inc", "[user]\n\tname = At Work\n");
    write(".gitconfig", "[user]\n\tname = Own\n[includeIf \"gitdir:**\"]\n\tpath = work.inc\n");
    assert_eq!(reporter(env.call(&["new", "t"])), "At Work");
    let other = env.home().join("other");
    write("other", "[user]\n\tname = Other\n");
    let given = env.call(&["new", "t"]).variable("GIT_CONFIG_GLOBAL", &other.to_string_lossy());
    assert_eq!(reporter(given), "Other");
    env.git(&["config", "extensions.worktreeConfig", "true"]);
    env.git(&["config", "--worktree", "user.name", "Here"]);
    assert_eq!(reporter(env.call(&["new", "t"])), "Here");
}

#[test]
fn the_actor_is_called_me_with_or_without_the_sign() {
    let env = home();
    env.ok(&["new", "mine", "-a", "@me"]);
    env.ok(&["new", "theirs", "-a", "ann", "--reporter", "ann"]);
    for me in ["me", "@me", "ME"] {
        assert_eq!(
            env.ok(&["list", &format!("assignee:{me}"), "--fields", "title,assignee"]),
            "1-3fqb\tmine\ttester\n"
        );
    }
}

#[test]
fn another_parent_takes_the_place_of_the_first_and_that_is_said() {
    let env = small_home();
    let (slow, read) = ("1-3fqb", "2-xfy8");
    let said = |arguments: &[&str]| {
        let output = env.ok(arguments);
        output.lines().filter_map(|line| Some(line.split_once("its parent was ")?.1.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(said(&["link", "3", "parent", "2"]), [slow]);
    assert_eq!(said(&["link", "3", "parent", "2"]), [""; 0]);
    assert_eq!(said(&["link", "1", "child", "3", "4"]), [read]);
    assert_eq!(said(&["edit", "3", "--parent", "2", "-p", "low"]), [slow]);
    assert_eq!(said(&["edit", "3", "--parent", "2", "-p", "high"]), [""; 0]);
    assert_eq!(said(&["edit", "3", "--parent", ""]), [""; 0]);
    assert_eq!(said(&["edit", "3", "--parent", "2"]), [""; 0]);
    let former = |arguments: &[&str]| json(&env, arguments)["data"]["issues"][0]["former_parent"].clone();
    assert_eq!(former(&["link", "3", "parent", "1", "--json"]), read);
    assert_eq!(former(&["edit", "3", "--parent", "2", "--json"]), slow);
    assert_eq!(former(&["link", "3", "relates", "4", "--json"]), serde_json::Value::Null);
    let several = "error: an issue has one parent\nhint: name one; `relates` links to several\n";
    for command in
        [&["link", "3", "parent", "1", "2"][..], &["edit", "3", "--parent", "1,4"], &["new", "t", "--parent", "1,2"]]
    {
        let output = env.run(command);
        assert_eq!((output.status, output.stderr.as_str()), (2, several), "{command:?}");
    }
}

#[test]
fn a_command_with_a_key_is_done_once() {
    let env = small_home();
    let new = ["new", "Singular", "--idempotency-key", "a", "--json"];
    let first = json(&env, &new);
    let again = json(&env, &new);
    assert_eq!((&first["data"], &again["meta"]["replayed"]), (&again["data"], &true.into()));
    assert_eq!(json(&env, &["list", "Singular", "--json"])["data"]["total"], 1);
    assert_snapshot!(env.run(&["new", "Another", "--idempotency-key", "a"]), @"
    --- standard error
    error: the key `a` was used for another request at 2126-11-21T12:08:00Z
    hint: give each request a key of its own
    --- status 6
    ");
    // How the answer looks is no part of the request; what was deleted meanwhile is told all the same.
    let key = ["delete", "4", "--yes", "--idempotency-key", "b"];
    assert_snapshot!(env.run(&key), @"4-ns3m deleted");
    assert_snapshot!(env.run(&[&key[..], &["--color=never"]].concat()), @"
    4-ns3m deleted
    --- standard error
    this was done before, with the same key: nothing was done now
    ");
    // A query that selects nothing any more.
    let close = ["batch", "close", "label:cache", "--idempotency-key", "c"];
    assert_snapshot!(env.run(&close), @"1-3fqb closed");
    assert_snapshot!(env.run(&close), @"
    1-3fqb closed
    --- standard error
    this was done before, with the same key: nothing was done now
    ");
    for read in [&["list"][..], &["show", "1"], &["batch", "get", "1"], &["import", "jsonl", "-"], &["config", "list"]]
    {
        let refused = json(&env, &[read, &["--idempotency-key", "d", "--json"]].concat());
        assert_eq!(refused["error"]["code"], "usage", "{read:?}");
    }
    assert_snapshot!(env.run(&["new", "x", "--idempotency-key", ""]), @"
    --- standard error
    error: --idempotency-key: a key has 1 to 200 bytes, without line breaks and other control characters
    --- status 2
    ");
}

#[test]
fn a_link_to_what_is_gone_or_unreadable_is_removed() {
    for text in [None, Some("no record")] {
        for (link, remove) in [
            (&["link", "1", "blocked-by", "2"][..], &["unlink", "1", "blocked-by", "2"][..]),
            (&["link", "1", "blocked-by", "2"], &["edit", "1", "--blocked-by", ""]),
            (&["edit", "1", "--parent", "2"], &["edit", "1", "--parent", ""]),
            (&["link", "1", "relates", "2"], &["unlink", "1", "relates", "2"]),
        ] {
            let env = crate::home();
            env.ok(&["new", "one"]);
            env.ok(&["new", "two"]);
            env.ok(link);
            let name = env.files().keys().find(|name| name.contains("000002-")).expect("it was made").clone();
            match text {
                None => std::fs::remove_file(env.work().join(&name)).expect("it is there"),
                Some(text) => env.write(&name, text),
            }
            assert!(env.run(remove).status == 0, "{text:?} {}", env.run(remove));
            assert!(!env.ok(&["show", "1"]).contains("2-"), "{remove:?}");
        }
    }
}

//! The editor.

use insta::assert_snapshot;

use crate::{json, small_home};

#[test]
fn the_form_holds_every_field() {
    let env = small_home();
    let output = env.call(&["edit", "1"]).variable("EDITOR", "cat").run();
    assert_snapshot!(output.stdout);
}

#[test]
fn what_the_editor_changes_is_changed() {
    let env = small_home();
    let editor = "sed -i -e 's/^title:.*/title: Better/' -e 's/^labels:.*/labels: cache, new/' -e 's/twice/once/'";
    let output = env.call(&["edit", "1"]).variable("EDITOR", editor).run();
    assert_eq!(output.status, 0, "{output}");
    let issue = &json(&env, &["show", "1", "--json"])["data"]["issues"][0];
    assert_eq!(issue["title"], "Better");
    assert_eq!(issue["labels"], serde_json::json!(["cache", "new"]));
    assert_eq!(issue["body"], "The index is read once.");
    assert_eq!(issue["links"].as_array().map(Vec::len), Some(2), "links stay");
}

#[test]
fn the_form_takes_what_the_options_take() {
    let env = small_home();
    let editor = "sed -i -e 's/^assignees:.*/assignees: me, bob/' -e 's/^reporter:.*/reporter: @me/' -e 's/^due:.*/due: tomorrow/'";
    for arguments in [&["edit", "1"][..], &["new", "Next", "--edit"]] {
        let output = env.call(arguments).variable("EDITOR", editor).variable("TICKETY_ACTOR", "Zed").run();
        assert_eq!(output.status, 0, "{output}");
    }
    for number in ["1", "5"] {
        let issue = &json(&env, &["show", number, "--json"])["data"]["issues"][0];
        assert_eq!((&issue["assignees"], &issue["reporter"]), (&serde_json::json!(["Zed", "bob"]), &"Zed".into()));
        assert_eq!(issue["due"], "2126-11-22");
    }
}

#[test]
fn leaving_the_editor_without_a_change_changes_nothing() {
    let env = small_home();
    let before = env.files();
    let output = env.call(&["edit", "1"]).variable("EDITOR", "true").run();
    assert_eq!((output.status, output.stdout.contains("unchanged")), (0, true), "{output}");
    assert_eq!(env.files(), before);
    assert_eq!(env.call(&["new", "--edit"]).variable("EDITOR", "true").run().status, 16);
}

#[test]
fn a_text_that_is_refused_is_kept() {
    let env = small_home();
    let output = env.call(&["edit", "1"]).variable("EDITOR", "sed -i 's/^priority:.*/priority: urgent/'").run();
    assert_eq!(output.status, 2, "{output}");
    let kept = output.stderr.split("kept in ").nth(1).expect("the path is told").trim_end();
    assert!(std::fs::read_to_string(kept).expect("the text is kept").contains("priority: urgent"));
    std::fs::remove_file(kept).expect("it is ours");
}

#[test]
fn reasons_and_priorities_are_understood_as_in_queries_and_files() {
    let env = small_home();
    env.ok(&["close", "1", "--reason", "not planned"]);
    env.ok(&["edit", "2", "--priority", "0"]);
    env.ok(&["edit", "3", "--priority", "4"]);
    let listed = |query: &str| env.ok(&["list", query, "--fields", "reason,priority"]);
    assert_snapshot!(listed("reason:\"not planned\""), @"
    4-ns3m	cancelled	medium
    1-3fqb	cancelled	high
    ");
    assert_snapshot!(listed("priority:0,4"), @"
    3-vct6		lowest
    2-xfy8		critical
    ");
    assert_snapshot!(env.run(&["edit", "2", "--priority", "5"]), @"
    --- standard error
    error: `5` is not a priority: use critical, high, medium, low or lowest
    --- status 2
    ");
}

/// Returns an editor that first lets somebody else change issue 1, then edits the text by a `sed` script.
fn slow_editor(script: &str) -> String {
    let program = env!("CARGO_BIN_EXE_tickety");
    format!("f() {{ {program} edit 1 --title Other >&2 && sed -i '{script}' \"$1\"; }}; f")
}

#[test]
fn a_change_by_somebody_else_keeps_the_text_and_says_how_to_go_on() {
    let env = small_home();
    let refused = env.call(&["edit", "1"]).variable("EDITOR", &slow_editor("s/^title:.*/title: Mine/")).run();
    assert_eq!(refused.status, 5, "{refused}");
    let (before, rest) = refused.stderr.split_once("kept in ").expect("the path is told");
    let (path, after) = rest.split_once(';').expect("more follows the path");
    assert_snapshot!(format!("{before}kept in [PATH];{after}"), @"
    1-3fqb updated
    error: 1-3fqb was changed at the same time: title is `Other` now, and this would make it `Mine`
    hint: your text is kept in [PATH]; `tickety edit 1-3fqb` opens the issue as it is now: copy into it what you still want
    ");
    assert!(std::fs::read_to_string(path).expect("the text is kept").contains("title: Mine"));
    std::fs::remove_file(path).expect("it is ours");
    assert!(env.ok(&["show", "1"]).contains("Other"));
}

#[test]
fn a_change_of_another_field_by_somebody_else_is_kept() {
    let env = small_home();
    let editor = slow_editor("s/^priority:.*/priority: low/; s/^labels:.*/labels: cache, new/");
    let output = env.call(&["edit", "1"]).variable("EDITOR", &editor).run();
    assert_eq!((output.status, output.stdout.as_str()), (0, "1-3fqb updated\n"), "{output}");
    assert_snapshot!(env.ok(&["list", "number:1", "--fields", "title,priority,label"]), @"1-3fqb	Other	low	cache, new");
}

#[test]
fn an_untouched_text_contradicts_nobody() {
    let env = small_home();
    let output = env.call(&["edit", "1"]).variable("EDITOR", &slow_editor("")).run();
    assert_eq!((output.status, output.stdout.as_str()), (0, "1-3fqb unchanged\n"), "{output}");
    assert!(!output.stderr.contains("kept"), "{output}");
    assert!(env.ok(&["show", "1"]).contains("Other"));
}

#[test]
fn a_text_that_is_gone_is_not_said_to_be_kept() {
    let env = small_home();
    for editor in ["rm", "false"] {
        let output = env.call(&["edit", "1"]).variable("EDITOR", editor).run();
        assert!(output.status >= 14 && !output.stderr.contains("kept"), "{editor}: {output}");
    }
    let failed = env.call(&["edit", "1"]).variable("EDITOR", "f() { echo more >> \"$1\"; false; }; f").run();
    let kept = failed.stderr.split("kept in ").nth(1).expect("what was written is kept").trim_end();
    std::fs::remove_file(kept).expect("it is there");
    let deleted = format!("f() {{ {} delete --yes 1 >&2; echo text >> \"$1\"; }}; f", env!("CARGO_BIN_EXE_tickety"));
    let gone = env.call(&["comment", "1"]).variable("EDITOR", &deleted).run();
    assert_eq!(gone.status, 3, "{gone}");
    let kept = gone.stderr.split("kept in ").nth(1).expect("the path is told beside other hints").trim_end();
    std::fs::remove_file(kept).expect("it is there");
}

#[test]
fn a_new_issue_can_be_written_in_the_editor() {
    let env = small_home();
    let editor = "sed -i -e 's/^title:.*/title: From the editor/' -e '$a The body'";
    let output = env.call(&["new", "--edit", "-l", "x"]).variable("EDITOR", editor).run();
    assert_eq!(output.status, 0, "{output}");
    let issue = &json(&env, &["show", "5", "--json"])["data"]["issues"][0];
    assert_eq!((&issue["title"], &issue["body"]), (&"From the editor".into(), &"The body".into()));
    assert_eq!(issue["labels"], serde_json::json!(["x"]));
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let env = small_home();
    let before = env.files();
    let output = env.call(&["edit", "1"]).variable("EDITOR", "false").run();
    assert_eq!(output.status, 16, "{output}");
    let absent = env.call(&["edit", "1"]).variable("EDITOR", "no-such-editor").run();
    assert!(absent.stderr.contains("hint: the variable VISUAL or EDITOR"), "{absent}");
    assert_eq!(env.files(), before);
}

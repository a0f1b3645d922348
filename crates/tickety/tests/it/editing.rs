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
    assert_eq!(env.files(), before);
}

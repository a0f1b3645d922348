//! Claims about reading and writing single files.

mod bounds;
mod faults;
mod property;
mod samples;
mod texts;

use std::collections::BTreeSet;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber};
use tickety_core::issue::{CloseReason, Closure, Issue, Link, LinkKind, Status};
use tickety_core::schema::Schema;

use super::*;

/// The id in the samples; its suffix is `m1g2`.
const ID: &str = "01a1fc01-c5a8-7c3e-9b1d-0000000a0602";

fn key() -> IssueKey {
    let id: IssueId = ID.parse().unwrap();
    IssueKey { number: IssueNumber::new(42).unwrap(), suffix: id.suffix() }
}

fn file(front: &str, body: &str) -> String {
    format!("---\ntitle: A title\nid: {ID}\ncreated: 2026-11-21T02:48:57Z\n{front}---\n{body}")
}

fn parse(text: &str) -> Result<Issue, FormatError> {
    parse_issue(text.as_bytes(), key(), &Schema::default())
}

#[test]
fn an_edit_touches_only_its_lines() {
    let original = file("status: open # for now\nx-other: [1, 2]\nlabels:\n  - b\n  - d\n", "\nBody\n");
    let mut after = parse(&original).unwrap();
    after.labels = BTreeSet::from(["b".into(), "c".into()]);
    after.status = Status::new("closed");
    after.closure = Some(Closure { at: None, reason: CloseReason::Cancelled, note: Some("one\n\n  two".into()) });
    after.links.insert(Link { kind: LinkKind::Parent, target: key().into() });
    let edited = edit_issue(original.as_bytes(), &after, &Schema::default()).unwrap();
    assert_eq!(
        String::from_utf8(edited).unwrap(),
        file(
            "status: closed # for now\nclose-reason: cancelled\nclose-note: |-\n  one\n\n    two\nx-other: [1, 2]\nlabels:\n  - b\n  - c\nparent: \"42-m1g2\"\n",
            "\nBody\n"
        )
    );
}

/// Asserts what an edit makes of a file.
fn check_edit(front: &str, change: impl FnOnce(&mut Issue), expected: &str) {
    let original = file(front, "");
    let mut after = parse(&original).unwrap();
    change(&mut after);
    let edited = edit_issue(original.as_bytes(), &after, &Schema::default()).unwrap();
    assert_eq!(String::from_utf8(edited).unwrap(), file(expected, ""));
}

fn labels(names: &[&str]) -> impl FnOnce(&mut Issue) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    |issue| issue.labels = names
}

#[test]
fn an_item_is_one_line() {
    check_edit("labels:\n", labels(&["a"]), "labels:\n  - a\n");
    check_edit("labels: # all\n\ndue:\n", labels(&["a"]), "labels: # all\n  - a\n\ndue:\n");
    let list = "labels:\n- b # why\n# between\n- d\n  # behind\n";
    check_edit(list, labels(&["b", "c", "d"]), "labels:\n- b # why\n- c\n# between\n- d\n  # behind\n");
    check_edit(list, labels(&["a", "d", "e"]), "labels:\n- a\n# between\n- d\n- e\n  # behind\n");
    check_edit(list, labels(&[]), "labels:\n# between\n  # behind\n");
    // Who keeps them in another order keeps it.
    check_edit("labels:\n  - z\n  - b\n", labels(&["a", "b", "c", "z"]), "labels:\n  - a\n  - z\n  - b\n  - c\n");
}

#[test]
fn a_list_that_is_no_block_is_written_anew() {
    check_edit("labels: [a, b]\ndue:\n", labels(&["b"]), "labels:\n  - b\ndue:\n");
    check_edit("labels: [a,\n  b\n]\n# c\n", labels(&["b"]), "labels:\n  - b\n# c\n");
    check_edit("label: a\n", labels(&["a", "b"]), "label:\n  - a\n  - b\n");
}

#[test]
fn a_comment_behind_a_value_stays() {
    let due = |text: &'static str| move |issue: &mut Issue| issue.due = text.parse().ok();
    check_edit("due: 2026-11-30   # hard\n", due("2026-12-01"), "due: 2026-12-01   # hard\n");
    check_edit("due: 2026-11-30   # hard\n", due(""), "due:   # hard\n");
    check_edit("due:   # none yet\n", due("2026-12-01"), "due: 2026-12-01   # none yet\n");
    check_edit("due: '2026-11-30'\n", due("2026-12-01"), "due: 2026-12-01\n");
    check_edit("due: |\n  2026-11-30\n\n# next\n", due("2026-12-01"), "due: 2026-12-01\n\n# next\n");
}

#[test]
fn a_missing_key_gets_its_usual_place() {
    let due = |issue: &mut Issue| issue.due = "2026-12-01".parse().ok();
    check_edit("spent: 1h\nkind: bug\n", due, "spent: 1h\nkind: bug\ndue: 2026-12-01\n");
    check_edit("\nkind: bug\n\nspent: 1h\n", due, "\nkind: bug\n\ndue: 2026-12-01\n\nspent: 1h\n");
}

#[test]
fn what_is_left_of_a_closing_means_nothing_and_goes_with_the_next() {
    let front = "status: open\nclosed: 2026-11-22T00:00:00Z\nclose-note: Done\n";
    assert_eq!(parse(&file(front, "")).unwrap().closure, None);
    check_edit(front, |issue| issue.priority = "high".parse().unwrap(), &format!("{front}priority: high\n"));
    let closed = |issue: &mut Issue| {
        issue.status = Status::new("closed");
        issue.closure = Some(Closure { at: None, reason: CloseReason::Cancelled, note: None });
    };
    check_edit(front, closed, "status: closed\nclose-reason: cancelled\n");
}

#[test]
fn times_are_read_as_yaml_and_people_write_them() {
    for text in [
        "2026-11-21T08:00:00Z",
        "2026-11-21 10:00:00 +02:00",
        "2026-11-21 10:00:00.0 +2",
        "2026-11-21T10:00:00 +0200",
        "2026-11-21   03:00:00   -05",
        "2026-11-21 08:00:00 Z",
        "2026-11-21 08:00:00",
        "2026-11-21 08:00",
    ] {
        let file = file("", "").replace("2026-11-21T02:48:57Z", text);
        let created = parse(&file).unwrap_or_else(|error| panic!("{text}: {error}")).created;
        assert_eq!(created.to_string(), "2026-11-21T08:00:00Z", "{text}");
    }
    let midnight = parse(&file("", "").replace("2026-11-21T02:48:57Z", "2026-11-21")).unwrap().created;
    assert_eq!(midnight.to_string(), "2026-11-21T00:00:00Z");
}

#[test]
fn a_body_is_replaced_alone() {
    let original = file("x: 1\n", "\n\nOld  \n\n\n");
    let mut after = parse(&original).unwrap();
    assert_eq!(after.body, "Old");
    after.body = "New".into();
    let edit = |original: &str, after: &Issue| {
        String::from_utf8(edit_issue(original.as_bytes(), after, &Schema::default()).unwrap()).unwrap()
    };
    assert_eq!(edit(&original, &after), file("x: 1\n", "\nNew\n"));
    after.body = String::new();
    assert_eq!(edit(&original, &after), file("x: 1\n", ""));
    let open_end = file("", "").trim_end().to_owned();
    after.body = "New".into();
    assert_eq!(edit(&open_end, &after), file("", "\nNew\n"));
}

#[test]
fn a_text_that_looks_like_something_else_is_quoted() {
    let quoted = [
        "yes",
        "NO",
        "null",
        "~",
        "1",
        "1.0",
        "0x1F",
        "1:30",
        "2026-11-30",
        "+.inf",
        "a: b",
        "a #b",
        "- a",
        "@a",
        "`a`",
        "a:",
        "\u{7}",
    ];
    for text in quoted {
        let written = scalar::text(text);
        assert!(written.starts_with(['"', '\'']), "{written}");
    }
    for text in
        ["404 found", "a:b", "a#b", "https://example.org/#x", "it's", "say \"x\" later", "größe", "1h30m", "C:\\x"]
    {
        assert!(!scalar::text(text).starts_with(['"', '\'']) || text.contains(['"', '\\']), "{text}");
    }
}

#[test]
fn a_text_of_several_lines_is_not_put_above_indented_comments() {
    for (comments, behind) in [("  # one\n", "# two\n"), ("\n  # one\n\n\t# two\n", "")] {
        let front = format!("status: open\n{comments}");
        let expected =
            format!("status: closed\n{comments}close-reason: completed\nclose-note: |-\n  why\n\n  indeed\n{behind}");
        let close = |issue: &mut Issue| {
            let note = Some("why\n\nindeed".to_owned());
            issue.status = Status::new("closed");
            issue.closure = Some(Closure { at: None, reason: CloseReason::Completed, note });
        };
        check_edit(&(front + behind), close, &expected);
    }
}

//! The samples of docs/format/v1, which every later version has to read as this one does.

use tickety_core::ident::IssueName;
use tickety_core::issue::{CloseReason, FieldValue, Issue, LinkKind, Minutes, Priority};
use tickety_core::schema::{FieldDef, FieldType, Schema};

use super::super::{edit_comment, edit_issue, parse_comment, parse_issue, print_comment, print_issue};
use super::key;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../../docs/format/v1/", $name))
    };
}

fn schema() -> Schema {
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    let severity = FieldType::Choice(["S1", "S2", "S3"].map(str::to_owned).into());
    Schema { fields: vec![field("size", FieldType::Number), field("severity", severity)], ..Schema::default() }
}

fn parse(text: &str) -> Issue {
    parse_issue(text.as_bytes(), key(), &schema()).unwrap()
}

fn items(set: &std::collections::BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

fn links(issue: &Issue, kind: LinkKind) -> Vec<String> {
    issue.links_of(kind).map(|name| name.to_string()).collect()
}

#[test]
fn samples_that_tickety_wrote_are_written_the_same_again() {
    for (text, schema) in [
        (sample!("new.md"), Schema::default()),
        (sample!("closed.md"), Schema::default()),
        (sample!("full.md"), schema()),
    ] {
        let issue = parse_issue(text.as_bytes(), key(), &schema).unwrap();
        assert_eq!(String::from_utf8(print_issue(&issue, &schema).unwrap()).unwrap(), text);
    }
}

#[test]
fn what_the_minimal_sample_leaves_out_has_its_default() {
    let issue = parse(sample!("minimal.md"));
    assert_eq!(issue.created.to_string(), "2026-11-21T02:48:57Z", "the time in the id");
    assert_eq!((issue.status.as_str(), issue.kind.as_str(), issue.priority), ("open", "task", Priority::Medium));
    assert_eq!((issue.body.as_str(), issue.closure, issue.reporter), ("", None, None));
}

#[test]
fn the_full_sample_has_everything() {
    let issue = parse(sample!("full.md"));
    assert_eq!(issue.title, "import: `yes` becomes true");
    let closure = issue.closure.as_ref().unwrap();
    assert_eq!(closure.reason, CloseReason::Duplicate);
    assert_eq!(
        closure.note.as_deref(),
        Some("The same as 31.\n\n  $ tickety import beads issues.jsonl\n\nshows it, too.")
    );
    assert_eq!(items(&issue.labels), ["1.0", "good first issue", "on", "parser"]);
    assert_eq!(links(&issue, LinkKind::BlockedBy), ["31-x7tk", "40-9q2m"]);
    assert_eq!(links(&issue, LinkKind::DuplicateOf), ["31-x7tk"]);
    assert_eq!(issue.fields["size"].to_string(), "2.5");
    assert_eq!(issue.fields["design"], FieldValue::Text("  indented from the start\n\nand not".into()));
    assert_eq!(issue.imported_updated.unwrap().to_string(), "2026-11-22T09:14:03.25Z");
    assert!(issue.body.contains("\n---\n") && issue.body.contains("\n<<<<<<< HEAD\n"), "{}", issue.body);
}

#[test]
fn the_sample_written_by_hand_reads_as_meant() {
    let issue = parse(sample!("by-hand.md"));
    assert_eq!(issue.title, "404 on the start page");
    assert_eq!((issue.status.as_str(), issue.priority), ("in-progress", Priority::High));
    assert_eq!((items(&issue.assignees), items(&issue.labels)), (vec!["ann"], vec!["1.0", "web", "yes"]));
    assert_eq!((issue.estimate, issue.milestone.as_deref()), (Some(Minutes(90)), None));
    assert_eq!(links(&issue, LinkKind::BlockedBy), ["31", "40-9q2m"]);
    assert_eq!(links(&issue, LinkKind::Parent), ["7"]);
    assert_eq!(issue.fields.len(), 2);
    assert_eq!(issue.body, "# Not found\n\nThe start page says 404.");
}

#[test]
fn an_edit_of_the_sample_written_by_hand_leaves_the_rest_as_it_was() {
    let original = sample!("by-hand.md");
    let mut after = parse(original);
    after.title = "Nothing at /".into();
    after.labels.remove("yes");
    after.milestone = Some("v2".into());
    after.links.insert(tickety_core::issue::Link {
        kind: LinkKind::BlockedBy,
        target: IssueName::parse("50-aaaa", "").unwrap(),
    });
    after.fields.insert("size".into(), FieldValue::Number("4".parse().unwrap()));
    after.spent = Some(Minutes(15));
    let edited = String::from_utf8(edit_issue(original.as_bytes(), &after, &schema()).unwrap()).unwrap();
    let expected = original
        .replace("404 on the start page  ", "Nothing at /  ")
        .replace("labels: [web, yes, 1.0]\n", "labels:\n  - \"1.0\"\n  - web\n")
        .replace("milestone: ~", "milestone: v2")
        .replace("  - '#40-9Q2M'\n", "  - '#40-9Q2M'\n  - \"50-aaaa\"\n")
        .replace("fields: {severity: S2, size: 3}\n", "fields:\n  severity: S2\n\n  size: 4\n")
        .replace("estimate: 90\n", "estimate: 90\nspent: 15m\n");
    assert_eq!(edited, expected);
}

#[test]
fn a_file_from_windows_keeps_its_bytes() {
    let original = sample!("windows.md");
    assert!(original.starts_with('\u{feff}') && original.contains("\r\n"), "the sample was converted");
    let mut after = parse(original);
    assert_eq!(after.closure.as_ref().unwrap().note.as_deref(), Some("Two\nlines."));
    assert_eq!(after.body, "First line.\nSecond line.");
    after.title = "Else".into();
    after.labels.insert("web".into());
    let edited = String::from_utf8(edit_issue(original.as_bytes(), &after, &schema()).unwrap()).unwrap();
    let expected = original.replace("Something is wrong", "Else").replace("  - cache\r\n", "  - cache\r\n  - web\r\n");
    assert_eq!(edited, expected);
}

#[test]
fn a_comment_is_read_and_written() {
    let text = sample!("comment.md");
    let comment = parse_comment(text.as_bytes(), "wq8x".parse().unwrap()).unwrap();
    assert_eq!(
        (comment.author.as_deref(), comment.created.to_string().as_str()),
        (Some("Zoë Ray"), "2026-11-21T10:15:00Z")
    );
    assert_eq!(comment.body, "Seen on `main`, too:\n\n    tickety list --json");
    assert_eq!(String::from_utf8(print_comment(&comment).unwrap()).unwrap(), text);

    let with_key = text.replace("created:", "x-via: mail # kept\ncreated:");
    let after = tickety_core::issue::Comment { body: "No.".into(), author: None, ..comment };
    let edited = String::from_utf8(edit_comment(with_key.as_bytes(), &after).unwrap()).unwrap();
    assert_eq!(
        edited,
        "---\nid: 01a1fd9a-24a0-7a30-8c11-0000000e5d1d\nx-via: mail # kept\ncreated: 2026-11-21T10:15:00Z\n---\n\nNo.\n"
    );
}

//! Claims about reading and writing single files.

use std::collections::BTreeSet;

use tickety_core::ident::{IssueId, IssueKey, IssueNumber};
use tickety_core::issue::{CloseReason, Closure, Issue, Link, LinkKind, Status};
use tickety_core::schema::Schema;

use super::*;

/// The id in the samples; its suffix is `m1g2`.
const ID: &str = "01939a2e-5f7a-7c3e-9b1d-0000000a0602";

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
fn a_printed_issue_is_read_back() {
    let issue = parse(&file("", "\nBody\n")).unwrap();
    let printed = print_issue(&issue, &Schema::default()).unwrap();
    println!("{}", String::from_utf8_lossy(&printed));
    assert_eq!(parse_issue(&printed, key(), &Schema::default()), Ok(issue));
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
    println!("{}", String::from_utf8_lossy(&edited));
    assert_eq!(
        String::from_utf8(edited).unwrap(),
        file(
            "status: closed # for now\nclose-reason: cancelled\nclose-note: |-\n  one\n\n    two\nx-other: [1, 2]\nlabels:\n  - b\n  - c\nparent: \"42-m1g2\"\n",
            "\nBody\n"
        )
    );
}

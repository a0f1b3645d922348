//! Issues of GitHub, in and out.

use tickety_core::graph::Relation;
use tickety_core::issue::{CloseReason, Kind};
use tickety_engine::convert::{Format, NoteKind, ReadOptions};

use crate::world::{World, effects, notes};

const REST: &str = include_str!("../fixtures/github/rest.json");
const GH: &str = include_str!("../fixtures/github/gh.json");

#[test]
fn the_list_of_the_rest_interface_becomes_issues() {
    let mut world = World::new();
    let report = world.import(Format::Github, REST);
    assert_eq!(effects(&report), (2, 0, 0));
    assert_eq!((report.report.records, report.report.passed_over["pull requests"]), (2, 1));
    insta::assert_snapshot!(notes(&report, NoteKind::Changed), @"");
    let stored = world.found("github:harbour/lamps#17");
    let issue = &stored.issue;
    assert_eq!(issue.title, "The red lamp blinks twice");
    assert_eq!(issue.body, "Twice a minute.\n\n- [ ] look at the relay");
    assert_eq!((issue.status.as_str(), &issue.kind), ("open", &Kind::new("bug")));
    assert_eq!(issue.labels.iter().collect::<Vec<_>>(), ["bug", "red lamp"]);
    assert_eq!(issue.assignees.iter().collect::<Vec<_>>(), ["juniper", "sorrel"]);
    assert_eq!((issue.reporter.as_deref(), issue.milestone.as_deref()), (Some("rowan"), Some("Spring tide")));
    assert_eq!(issue.created.to_string(), "2026-01-05T10:11:12Z");
    assert_eq!(stored.derived.updated.to_string(), "2026-02-01T08:00:00Z");
    assert_eq!(issue.fields["active_lock_reason"].to_string(), "too heated");
    assert!(stored.derived.links.iter().any(|end| end.relation == Relation::Child));

    let closed = world.found("github:harbour/lamps#19").issue;
    let closure = closed.closure.unwrap();
    assert_eq!((closure.reason, closure.note), (CloseReason::Cancelled, None));
    assert_eq!(closure.at.unwrap().to_string(), "2026-01-08T12:00:00Z");
    assert_eq!((closed.reporter, closed.fields["closed_by"].to_string()), (None, "rowan".to_owned()));
    // Nothing of what the fixture holds is missing from the report.
    insta::assert_debug_snapshot!((&report.report.mapped, &report.report.kept, &report.report.left_out));
}

#[test]
fn what_gh_writes_updates_what_the_rest_interface_gave() {
    let mut world = World::new();
    world.import(Format::Github, REST);
    let report = world.import(Format::Github, GH);
    assert_eq!(effects(&report), (1, 1, 0));
    let issue = world.found("github:harbour/lamps#17").issue;
    assert_eq!(issue.comments.len(), 1);
    assert_eq!(issue.comments[0].body, "Three times on Sundays.");
    assert_eq!((issue.comments[0].author.as_deref(), issue.body.as_str()), (Some("sorrel"), "Twice a minute."));
    let duplicate = world.found("github:harbour/lamps#20").issue;
    assert_eq!(duplicate.closure.unwrap().reason, CloseReason::Duplicate);
    let again = world.import(Format::Github, GH);
    assert_eq!(effects(&again), (0, 0, 2));
    let older = world.import(Format::Github, REST);
    assert_eq!(effects(&older), (0, 0, 2), "an older state is passed over");
}

#[test]
fn numbers_stay_where_that_is_asked_for() {
    let options = ReadOptions { keep_numbers: true, ..ReadOptions::default() };
    let mut world = World::new();
    world.import_with(Format::Github, REST, &options);
    let numbers: Vec<u32> = world.issues().iter().map(|issue| issue.number.get()).collect();
    assert_eq!(numbers, [17, 19]);
    let mut world = World::new();
    world.import(Format::Github, REST);
    let numbers: Vec<u32> = world.issues().iter().map(|issue| issue.number.get()).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn pages_and_lines_are_read_like_one_list() {
    let records: Vec<serde_json::Value> = serde_json::from_str(REST).unwrap();
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let pages: String = records.iter().map(|record| format!("[{record}]")).collect();
    let mut world = World::new();
    world.import(Format::Github, REST);
    for text in [lines, pages] {
        let mut other = World::new();
        other.import(Format::Github, text);
        assert_eq!(other.issues(), world.issues());
    }
}

#[test]
fn an_issue_without_its_repository_is_told_by_the_source() {
    let record = "[{\"number\":4,\"title\":\"Mend the bell\",\"state\":\"OPEN\"}]";
    let options = ReadOptions { source: Some("harbour/bells".to_owned()), ..ReadOptions::default() };
    let mut world = World::new();
    world.import_with(Format::Github, record, &options);
    world.found("github:harbour/bells#4");
    world.import(Format::Github, record);
    world.found("github:#4");
}

#[test]
fn bad_records_hide_no_others() {
    let text = "[{\"number\":1},\n{\"title\":\"no number\"},\n{\"number\":2,\"title\":7,\"state\":\"merged\",\"body\":[1]},\n\"x\"]";
    let mut world = World::new();
    let report = world.import(Format::Github, text);
    insta::assert_snapshot!(
        report.report.notes.iter().map(|note| format!("{} {note}\n", note.kind)).collect::<String>()
    );
    assert_eq!(effects(&report), (2, 0, 0));
    assert!(world.try_import(Format::Github, "<html>", false).is_err());
    assert!(world.try_import(Format::Github, &REST[..REST.len() / 2], false).is_err());
}

//! What becomes of issues that can't be read.

use std::collections::BTreeSet;

use tickety_core::Issue;
use tickety_core::operation::Change;
use tickety_engine::convert::{Format, NoteKind};
use tickety_engine::import::{ImportError, ImportReport};
use tickety_store::{Effect, StorageError};

use crate::damaged::Damaged;
use crate::world::{World, effects, import_into, notes, options};

const BEADS: &str = r#"{"id":"a","title":"First","created_at":"2026-03-01T00:00:00Z","comments":[{"id":1,"author":"rowan","text":"Hm.","created_at":"2026-03-01T10:00:00Z"}]}
{"id":"b","title":"Second","created_at":"2026-03-02T00:00:00Z"}
"#;

fn import(world: &World, damaged: &Damaged<'_>, format: Format, input: &str) -> Result<ImportReport, ImportError> {
    import_into(damaged, format, input.as_bytes(), options(world.now))
}

fn damaged<'a>(world: &'a World, numbers: &[usize]) -> Damaged<'a> {
    let stored = world.stored();
    let issues = numbers.iter().map(|number| stored[*number - 1].clone()).collect();
    Damaged { store: &world.store, issues, comments: BTreeSet::new() }
}

#[test]
fn an_issue_that_cannot_be_read_is_not_made_again() {
    for format in [Format::Beads, Format::Jsonl] {
        let mut world = World::new();
        world.import(Format::Beads, BEADS);
        let input = if format == Format::Beads { BEADS.to_owned() } else { world.export(format) };
        let before = world.issues();
        let key = before[0].key();
        let report = import(&world, &damaged(&world, &[1]), format, &input).unwrap();
        assert_eq!((effects(&report), report.report.readable), ((0, 0, 1), 1), "{format:?}");
        let skipped = notes(&report, NoteKind::Skipped);
        let expected =
            format!("unreadable: the issue is there, in a file that can't be read: {key}.md:7: is damaged\n");
        assert!(skipped.ends_with(&expected), "{skipped}");
        assert_eq!(world.issues(), before);

        let error = import(&world, &damaged(&world, &[1, 2]), format, &input).unwrap_err();
        assert!(matches!(error, ImportError::Storage(StorageError::Unreadable { .. })), "{error}");
        assert_eq!(world.issues(), before);
    }
}

#[test]
fn an_issue_that_was_linked_by_hand_is_not_made_again() {
    let mut world = World::new();
    world.import(Format::Jsonl, r#"{"number":1,"id":"019c187c-5fcb-7c92-8911-ceacae386d41","title":"Here","status":"open","priority":"medium","kind":"task","created":"2026-01-01T00:00:00Z"}"#);
    let here = world.issues().remove(0);
    world.change(&here, vec![Change::AddReference("beads:a".to_owned())]);
    let report = import(&world, &damaged(&world, &[1]), Format::Beads, BEADS).unwrap();
    assert_eq!(effects(&report), (1, 0, 0));
    assert_eq!(report.issues.iter().find(|issue| issue.effect == Effect::Created).unwrap().place.line, 2);
    assert_eq!(world.issues().len(), 2);
}

#[test]
fn a_comment_that_cannot_be_read_is_not_made_again() {
    let mut world = World::new();
    world.import(Format::Beads, BEADS);
    let input = world.export(Format::Jsonl);
    let before = world.issues();
    let comments = BTreeSet::from([before[0].key()]);
    let damaged = Damaged { store: &world.store, issues: Vec::new(), comments };
    let report = import(&world, &damaged, Format::Jsonl, &input).unwrap();
    assert_eq!(effects(&report), (0, 0, 1));
    assert!(notes(&report, NoteKind::Skipped).contains("unreadable: "));
    assert_eq!(world.issues(), before);
}

#[test]
fn an_export_writes_what_can_be_read_and_tells_what_is_missing() {
    let mut world = World::new();
    let third = r#"{"id":"c","title":"Third","created_at":"2026-03-03T00:00:00Z","dependencies":[{"issue_id":"c","depends_on_id":"b","type":"blocks"}]}"#;
    world.import(Format::Beads, format!("{BEADS}{third}\n"));
    let keys: Vec<_> = world.issues().iter().map(Issue::key).collect();
    for format in [Format::Json, Format::Jsonl, Format::Beads] {
        let whole = world.export(format);
        let damaged = Damaged { comments: BTreeSet::from([keys[0]]), ..damaged(&world, &[2]) };
        let (output, exported) = world.export_from(&damaged, format);
        let missing: BTreeSet<String> = exported.problems.iter().map(|problem| problem.path.clone()).collect();
        assert_eq!(exported.count, 2, "{format:?}");
        assert_eq!(missing, BTreeSet::from([format!("{}.md", keys[0]), format!("{}.md", keys[1])]), "{format:?}");
        assert_eq!(
            (output.contains("First"), output.contains("Second"), output.contains("Third")),
            (true, false, true)
        );
        assert!(whole.contains("Hm.") && !output.contains("Hm."), "the comment is missing: {output}");
    }
}

#[test]
fn a_link_to_an_issue_that_cannot_be_read_stays() {
    for format in [Format::Beads, Format::Jsonl] {
        let mut world = World::new();
        let third = r#"{"id":"c","title":"Third","created_at":"2026-03-03T00:00:00Z","dependencies":[{"issue_id":"c","depends_on_id":"b","type":"blocks"}]}"#;
        let source = format!("{BEADS}{third}\n");
        world.import(Format::Beads, &source);
        let input = if format == Format::Beads { source } else { world.export(format) };
        let before = world.issues();
        let report = import(&world, &damaged(&world, &[2]), format, &input).unwrap();
        assert_eq!((effects(&report), notes(&report, NoteKind::Dropped)), ((0, 0, 2), String::new()), "{format:?}");
        assert_eq!(world.issues(), before);
        // A new one can't be made as long as nobody can read what it leads to.
        let other = input.replace("First", "Fourth").replace("\"a\"", "\"d\"").replace("\"c\"", "\"e\"");
        if format == Format::Beads {
            let report = import(&world, &damaged(&world, &[2]), format, &other).unwrap();
            let dropped = notes(&report, NoteKind::Dropped);
            assert!(dropped.ends_with("beads:b: that issue is in a file that can't be read\n"), "{dropped}");
        }
    }
}

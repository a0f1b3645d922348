#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the environment tells where the data lies, and a skip shows"
)]
//! The issues of a real project, which lie outside of the repository: `TICKETY_REAL_DATA` names the
//! folder with `beads/beads_rust.issues.jsonl`. Nothing of them is copied here.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value};
use tickety_core::graph::Relation;
use tickety_core::issue::LinkKind;
use tickety_engine::convert::{Format, Memory, NoteKind, ReadOptions};

use crate::beads::{records, settled};
use crate::world::{World, effects};

/// Returns the file, or says why the test is skipped.
fn real_beads() -> Option<String> {
    let Some(folder) = std::env::var_os("TICKETY_REAL_DATA") else {
        eprintln!("skipped: TICKETY_REAL_DATA doesn't say where the real data lies");
        return None;
    };
    let path = PathBuf::from(folder).join("beads/beads_rust.issues.jsonl");
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn list<'a>(record: &'a Map<String, Value>, key: &str) -> Vec<&'a Map<String, Value>> {
    record.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
}

#[test]
fn every_living_issue_arrives_with_its_links_and_comments() {
    let Some(text) = real_beads() else { return };
    let source = records(&text);
    let mut world = World::new();
    let report = world.import(Format::Beads, &text);
    let living = source.values().filter(|record| record["status"] != "tombstone").count();
    assert_eq!((source.len(), living), (513, 512));
    assert_eq!(effects(&report), (512, 0, 0));
    let skipped: Vec<_> = report.report.notes_of(NoteKind::Skipped).map(|note| note.message.as_str()).collect();
    assert!(matches!(skipped.as_slice(), [tombstone] if tombstone.starts_with("a tombstone")), "{skipped:?}");

    let stored = world.stored();
    let keys: BTreeMap<_, _> = stored
        .iter()
        .map(|stored| {
            let id = stored.issue.references.iter().find_map(|reference| reference.strip_prefix("beads:")).unwrap();
            (stored.issue.key(), id)
        })
        .collect();
    let mut links = 0;
    let mut comments = 0;
    for stored in &stored {
        let issue = &stored.issue;
        let record = &source[keys[&issue.key()]];
        assert_eq!(issue.title, record["title"].as_str().unwrap());
        assert_eq!(issue.priority.rank(), record["priority"].as_u64().unwrap() as u8);
        assert_eq!(stored.category.is_closed(), record["status"] == "closed");
        assert_eq!(issue.kind.as_str(), record["issue_type"]);
        assert_eq!(issue.created, record["created_at"].as_str().unwrap().parse().unwrap());
        assert_eq!(issue.comments.len(), list(record, "comments").len());
        comments += issue.comments.len();
        for dependency in list(record, "dependencies") {
            let relation = match dependency["type"].as_str().unwrap() {
                "blocks" => Relation::BlockedBy,
                "parent-child" | "parent_child" => Relation::Parent,
                "discovered-from" => Relation::DiscoveredFrom,
                "related" | "relates-to" => Relation::Relates,
                other => panic!("{other}"),
            };
            let found = stored.derived.links.iter().any(|end| {
                end.relation == relation
                    && end.target.as_ref().is_some_and(|target| keys[&target.key] == dependency["depends_on_id"])
            });
            assert!(found, "{} {relation} {}", keys[&issue.key()], dependency["depends_on_id"]);
            links += 1;
        }
    }
    assert_eq!((links, comments), (464, 180));
    assert_eq!(report.report.notes_of(NoteKind::Dropped).count(), 0);
    let parents = stored.iter().flat_map(|stored| stored.issue.links_of(LinkKind::Parent)).count();
    assert_eq!(parents, 114 + 19);

    let again = world.import(Format::Beads, &text);
    assert_eq!(effects(&again), (0, 0, 512));
    assert_eq!(world.stored(), stored);
}

#[test]
fn an_export_gives_the_real_records_back() {
    let Some(text) = real_beads() else { return };
    let mut world = World::new();
    world.import(Format::Beads, &text);
    let source = records(&text);
    let output = records(&world.export(Format::Beads));
    assert_eq!(output.len(), 512);
    for (id, record) in output {
        assert!(settled(record) == settled(source[&id].clone()), "{id} came back changed");
    }
    for format in [Format::Json, Format::Jsonl] {
        let mut copy = World::new();
        copy.import(format, world.export(format));
        assert_eq!(copy.issues(), world.issues());
    }
}

/// Takes away what an import remembers and what a format leaves out.
fn plain(mut issue: tickety_core::Issue) -> tickety_core::Issue {
    issue.fields.retain(|key, _| !Memory::is_in(key));
    issue.imported_updated = None;
    issue
}

#[test]
fn the_real_issues_come_back_from_tables_and_folders() {
    let Some(text) = real_beads() else { return };
    let mut world = World::new();
    world.import(Format::Beads, &text);
    let wanted: Vec<_> = world.issues().into_iter().map(plain).collect();
    let (files, _) = world.export_folder(Format::Markdown);
    let mut copy = World::new();
    copy.import_folder(Format::Markdown, &files, &ReadOptions::default());
    let found: Vec<_> = copy.issues().into_iter().map(plain).collect();
    assert!(found == wanted, "a folder lost something");
    let mut copy = World::new();
    let report = copy.import(Format::Csv, world.export(Format::Csv));
    assert_eq!(report.report.notes, []);
    let without_comments = |issue: &tickety_core::Issue| tickety_core::Issue { comments: Vec::new(), ..issue.clone() };
    let found: Vec<_> = copy.issues().into_iter().map(plain).collect();
    assert!(found == wanted.iter().map(without_comments).collect::<Vec<_>>(), "a table lost something");
}

//! Tables, in and out.

use tickety_core::graph::Relation;
use tickety_core::issue::{CloseReason, Minutes, Priority};
use tickety_core::operation::Change;
use tickety_engine::convert::{Format, NoteKind, ReadOptions};

use crate::world::{World, effects, notes};

const SHEET: &str = include_str!("../fixtures/csv/sheet.csv");
const GITLAB: &str = include_str!("../fixtures/csv/gitlab.csv");

#[test]
fn columns_with_usual_names_find_their_places() {
    let mut world = World::new();
    let report = world.import(Format::Csv, SHEET);
    assert_eq!(effects(&report), (4, 0, 0));
    let stored = world.found("csv:L-1");
    let issue = &stored.issue;
    assert_eq!(issue.title, "Paint the post");
    assert_eq!(issue.body, "Two coats.\n\nThe second one \"thin\".");
    assert_eq!((issue.status.as_str(), issue.priority), ("in-progress", Priority::Critical));
    assert_eq!(issue.fields["csv-status"].to_string(), "In Review");
    assert_eq!(issue.assignees.iter().collect::<Vec<_>>(), ["Reed, Ann", "Sorrel"]);
    assert_eq!(issue.labels.iter().collect::<Vec<_>>(), ["outside", "paint"]);
    assert_eq!((issue.due.unwrap().to_string(), issue.estimate), ("2026-04-01".to_owned(), Some(Minutes(90))));
    assert_eq!(issue.created.to_string(), "2026-01-05T10:11:00Z");
    assert_eq!(issue.fields["room"].to_string(), "4");
    assert!(stored.derived.links.iter().any(|end| end.relation == Relation::BlockedBy));
    assert_eq!(world.found("csv:L-3").issue.closure.unwrap().reason, CloseReason::Cancelled);
    world.found("csv:title:A row without a key");
    insta::assert_snapshot!(
        report.report.notes.iter().map(|note| format!("{} {note}\n", note.kind)).collect::<String>()
    );
    assert_eq!(effects(&world.import(Format::Csv, SHEET)), (0, 0, 4));
}

#[test]
fn a_table_of_gitlab_is_read_by_its_names() {
    let mut world = World::new();
    let report = world.import(Format::Csv, GITLAB);
    let issue = world.found("csv:7").issue;
    assert_eq!((issue.title.as_str(), issue.reporter.as_deref()), ("Ring the bell", Some("Rowan")));
    assert!(issue.references.contains("https://gitlab.example/harbour/bells/-/issues/7"));
    assert_eq!(issue.fields["weight"].to_string(), "3");
    assert_eq!(notes(&report, NoteKind::Dropped), "");
}

#[test]
fn columns_and_values_are_mapped_as_asked_for() {
    let table = "Nr,What,How,Cost,Secret\n1,Mend the bell,Ruhend,2.5,x\n";
    let mut options = ReadOptions { source: Some("plan".to_owned()), ..ReadOptions::default() };
    for map in ["id=nr", "title=What", "status=How", "field.price=Cost", "none=Secret"] {
        options.map(map).unwrap();
    }
    options.value("status:ruhend=in-progress").unwrap();
    let mut world = World::new();
    let report = world.import_with(Format::Csv, table, &options);
    let issue = world.found("csv:plan/1").issue;
    assert_eq!((issue.title.as_str(), issue.status.as_str()), ("Mend the bell", "in-progress"));
    assert_eq!(issue.fields["price"].to_string(), "2.5");
    assert!(!issue.fields.contains_key("secret"));
    assert_eq!(report.report.left_out["Secret"]["as it was asked for"], 1);
    assert_eq!(report.report.notes, []);
}

#[test]
fn what_is_no_table_or_lacks_columns_is_refused() {
    let mut world = World::new();
    let mut refused = |text: &[u8]| world.try_import(Format::Csv, text, false).unwrap_err().to_string();
    insta::assert_snapshot!(refused(b""), @"nothing was imported: line 1: the input is empty: a table begins with the names of its columns");
    insta::assert_snapshot!(refused(b"Colour,Size\nred,4\n"), @"nothing was imported: line 1: no column is a title: --map title=COLUMN says which; there are `Colour`, `Size`");
    assert!(refused(b"\xff\xfeT\0i\0").contains("UTF-16"));
    let mut options = ReadOptions::default();
    options.map("title=Name").unwrap();
    let schema = tickety_core::schema::Schema::default();
    let mut reader = Format::Csv.reader_with(&b"Title\nx\n"[..], &schema, &options);
    let error = reader.read(&mut Default::default()).unwrap_err().to_string();
    assert_eq!(error, "line 1: the table has no column `name`; it has `Title`");
}

#[test]
fn rows_that_cannot_be_read_hide_no_others() {
    let mut world = World::new();
    let report = world.import(Format::Csv, b"id,title\n1,a\n2,\xff\n,\n3,c,extra\n4\n,,\n");
    assert_eq!(effects(&report), (3, 0, 0));
    insta::assert_snapshot!(
        report.report.notes.iter().map(|note| format!("{} {note}\n", note.kind)).collect::<String>()
    );
}

#[test]
fn rows_without_ids_are_known_again_by_their_titles() {
    let table = "title,status\nSweep,open\nSweep,open\n";
    let mut world = World::new();
    assert_eq!(effects(&world.import(Format::Csv, table)), (2, 0, 0));
    let again = world.import(Format::Csv, table.replace("open\n", "done\n"));
    assert_eq!(effects(&again), (0, 2, 0));
    assert!(world.issues().iter().all(|issue| issue.status.as_str() == "closed"));
}

#[test]
fn an_edited_export_changes_what_was_edited() {
    let mut world = World::new();
    world.import(Format::Csv, SHEET);
    let issue = world.found("csv:L-1").issue;
    world.change(&issue, vec![Change::Milestone(Some("Spring".to_owned())), Change::Body("=1+2".to_owned())]);
    let table = world.export(Format::Csv);
    assert!(table.contains(",'=1+2,"), "{table}");
    let edited = table.replace("outside; paint", "paint").replace("Paint the post", "Paint both posts");
    let report = world.import(Format::Csv, edited);
    assert_eq!(effects(&report).0, 0);
    let after = world.found("csv:L-1").issue;
    assert_eq!((after.title.as_str(), after.body.as_str()), ("Paint both posts", "=1+2"));
    assert_eq!(after.labels.iter().collect::<Vec<_>>(), ["paint"]);
    assert_eq!((after.milestone, after.links, after.due), (Some("Spring".to_owned()), issue.links, issue.due));
    assert_eq!(after.fields["room"], issue.fields["room"]);
}

#[test]
fn a_table_without_a_column_takes_nothing_away() {
    let mut world = World::new();
    world.import(Format::Csv, SHEET);
    world.import(Format::Csv, "key,title,state\nL-1,Paint the posts,Done\n");
    let issue = world.found("csv:L-1").issue;
    assert_eq!((issue.title.as_str(), issue.status.as_str()), ("Paint the posts", "closed"));
    assert_eq!((issue.labels.len(), issue.links.len(), issue.priority), (2, 1, Priority::Critical));
    assert_eq!(issue.fields["room"].to_string(), "4");
}

//! What an export writes, an import brings back: everything that the format can hold.

use std::collections::BTreeMap;

use tickety_core::Issue;
use tickety_core::issue::{CloseReason, Closure, FieldValue, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_core::schema::{FieldDef, FieldType, Schema};
use tickety_engine::convert::{Format, Memory, NoteKind, ReadOptions};
use tickety_engine::import::ImportReport;
use tickety_engine::sample::Sample;

use crate::world::{World, effects, notes};

fn schema() -> Schema {
    let field = |key: &str, field_type| FieldDef { key: key.to_owned(), field_type };
    let fields = vec![field("cost", FieldType::Number), field("seen", FieldType::Date), field("loud", FieldType::Bool)];
    Schema { fields, ..Schema::default() }
}

/// A store with a sample and issues that have everything, in forms that are hard to write.
fn source() -> World {
    let mut world = World::with_schema(schema());
    let now = world.now;
    for batch in Sample::new(7, 120, now).batches() {
        world.apply(batch);
    }
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let draft = Draft {
        body: "# A heading\n\n---\n\n<!-- comment x -->\n\\<!-- comment y -->\n  indented, \"quoted\"; a, b | c"
            .to_owned(),
        closure: Some(Closure {
            at: Some("2026-03-01T00:00:00.5Z".parse().unwrap()),
            reason: CloseReason::Duplicate,
            note: Some("Said\n\n  before.".to_owned()),
        }),
        status: Some(Status::new("closed")),
        priority: Priority::Lowest,
        labels: ["a, b", "c;d", "[x]", "-dash", "'quote", "yes", "12"].map(str::to_owned).into(),
        assignees: ["Reed, Ann", "@juniper", "# hash"].map(str::to_owned).into(),
        reporter: Some("Null".to_owned()),
        milestone: Some("1.0".to_owned()),
        due: Some("2026-11-30".parse().unwrap()),
        estimate: Some(Minutes(90)),
        spent: Some(Minutes(1)),
        references: ["https://example.org/a?b=1;c,d", "github:harbour/lamps#17"].map(str::to_owned).into(),
        fields: BTreeMap::from([
            ("cost".to_owned(), FieldValue::parse("2.50", &FieldType::Number).unwrap()),
            ("seen".to_owned(), FieldValue::parse("2026-01-02", &FieldType::Date).unwrap()),
            ("loud".to_owned(), FieldValue::Bool(true)),
            ("free".to_owned(), text("true")),
            ("lines".to_owned(), text("one\n\ntwo: \"three\"")),
        ]),
        created: Some("2026-01-01T10:11:12.123456789Z".parse().unwrap()),
        comments: vec![
            DraftComment {
                author: Some("Ann · Reed".to_owned()),
                created: Some("2026-02-01T00:00:00Z".parse().unwrap()),
                body: "---\n<!-- comment z -->\n### no heading\n\n- [ ] x".to_owned(),
                id: None,
            },
            DraftComment {
                author: None,
                created: Some("2026-02-02T00:00:00Z".parse().unwrap()),
                body: "Second".to_owned(),
                id: None,
            },
        ],
        ..Draft::new("=HYPERLINK(\"x\"): 'yes' # no")
    };
    world.apply(vec![Operation::Create(Box::new(draft)), Operation::Create(Box::new(Draft::new("- [ ] plain")))]);
    let issues = world.issues();
    let (last, other) = (&issues[issues.len() - 1], &issues[0]);
    let link = |kind| Change::AddLink { kind, target: Target::from(other.key()) };
    world.change(last, [LinkKind::BlockedBy, LinkKind::Relates, LinkKind::DiscoveredFrom].map(link).to_vec());
    world
}

/// Takes away what no other format than our own holds: what an import remembers, and that no other tracker
/// changed the issue.
fn settled(mut issue: Issue) -> Issue {
    issue.fields.retain(|key, _| !Memory::is_in(key));
    issue.imported_updated = None;
    issue
}

/// Takes away a part that a format leaves out.
fn without(issue: &mut Issue, part: &str) {
    match part {
        "comments" => issue.comments.clear(),
        "priorities" => issue.priority = Priority::default(),
        "due dates" => issue.due = None,
        "estimates" => issue.estimate = None,
        "times spent" => issue.spent = None,
        "links" => issue.links.clear(),
        "references" => issue.references.retain(|reference| reference.starts_with("github:")),
        "custom fields" => issue.fields.clear(),
        other => panic!("{other}"),
    }
}

/// Compares what an import made of an export with what was exported.
#[track_caller]
fn compare(source: &World, copy: &World, report: &ImportReport, left_out: &[&str]) {
    assert_eq!((notes(report, NoteKind::Skipped), notes(report, NoteKind::Dropped)), (String::new(), String::new()));
    let wanted: Vec<Issue> = source.issues().into_iter().map(settled).collect();
    let found: Vec<Issue> = copy.issues().into_iter().map(settled).collect();
    assert_eq!(wanted.len(), found.len());
    for (mut wanted, found) in wanted.into_iter().zip(found) {
        left_out.iter().for_each(|part| without(&mut wanted, part));
        assert_eq!(found, wanted);
    }
}

#[track_caller]
fn comes_back(format: Format, left_out: &[&str]) {
    let source = source();
    let (text, exported) = source.export_from(&source.store, format);
    assert_eq!(exported.left_out.keys().copied().collect::<Vec<_>>(), left_out);
    let mut copy = World::with_schema(schema());
    let report = copy.import(format, &text);
    compare(&source, &copy, &report, left_out);
    // The copy writes the same again, and an import of that changes nothing.
    assert_eq!(copy.export(format), text);
    assert_eq!(effects(&copy.import(format, &text)).2, copy.issues().len());
}

#[test]
fn a_table_comes_back_without_its_comments() {
    comes_back(Format::Csv, &["comments"]);
}

#[test]
fn the_form_of_github_comes_back_without_what_github_has_no_place_for() {
    let left_out = ["custom fields", "due dates", "estimates", "links", "priorities", "references", "times spent"];
    comes_back(Format::Github, &left_out);
}

#[test]
fn a_folder_of_markdown_comes_back_whole() {
    let source = source();
    let (files, exported) = source.export_folder(Format::Markdown);
    assert_eq!((exported.count as usize, exported.left_out.len()), (files.len(), 0));
    let mut copy = World::with_schema(schema());
    let report = copy.import_folder(Format::Markdown, &files, &ReadOptions::default());
    compare(&source, &copy, &report, &[]);
    assert_eq!(copy.export_folder(Format::Markdown).0, files);
    let again = copy.import_folder(Format::Markdown, &files, &ReadOptions::default());
    assert_eq!(effects(&again).2, files.len());
    let (_, last) = files.iter().find(|(path, _)| path.starts_with("000121-")).unwrap();
    let text = String::from_utf8_lossy(last);
    // Which ids are drawn is none of the format.
    let lines = text.lines().filter(|line| !line.starts_with("id: ") && !line.starts_with("<!-- comment 0"));
    insta::assert_snapshot!(lines.map(|line| format!("{line}\n")).collect::<String>());
}

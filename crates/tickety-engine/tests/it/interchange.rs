//! Tickety's own format, as a document and as lines.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tickety_core::Issue;
use tickety_core::issue::{CloseReason, Closure, FieldValue, Kind, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, Target};
use tickety_core::schema::{Category, FieldDef, FieldType, Schema, StatusDef};
use tickety_engine::convert::{Format, NoteKind, ReadError};
use tickety_engine::import::ImportError;
use tickety_engine::sample::Sample;

use crate::world::{World, effects, notes};

const OWN: [Format; 2] = [Format::Json, Format::Jsonl];

fn sampled(issues: u32) -> World {
    let mut world = World::new();
    for batch in Sample::new(11, issues, world.now).batches() {
        world.apply(batch);
    }
    world
}

#[test]
fn an_import_of_an_export_gives_the_same_issues() {
    let world = sampled(400);
    for format in OWN {
        let mut copy = World::new();
        let report = copy.import(format, world.export(format));
        assert_eq!(effects(&report), (400, 0, 0), "{format}");
        assert_eq!(report.report.notes, []);
        assert_eq!(copy.issues(), world.issues(), "{format}");
        assert_eq!(copy.export(format), world.export(format));
        let again = copy.import(format, world.export(format));
        assert_eq!(effects(&again), (0, 0, 400), "{format}");
    }
}

#[test]
fn the_beads_format_carries_everything_too() {
    let world = sampled(200);
    let mut copy = World::new();
    let report = copy.import(Format::Beads, world.export(Format::Beads));
    assert_eq!(report.report.notes, []);
    let settled = |issues: Vec<Issue>| -> Vec<Issue> {
        issues
            .into_iter()
            .map(|mut issue| {
                issue.fields.remove("beads-import");
                issue.references.retain(|reference| !reference.starts_with("beads:"));
                issue
            })
            .collect()
    };
    assert_eq!(settled(copy.issues()), settled(world.issues()));
}

#[test]
fn numbers_that_are_free_are_kept() {
    let world = sampled(6);
    let mut other = World::new();
    other.apply(vec![Operation::Create(Box::new(Draft::new("One that is here")))]);
    other.import(Format::Jsonl, world.export(Format::Jsonl));
    let numbers = |world: &World| {
        world.issues().into_iter().map(|issue| (issue.id, issue.number.get())).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (numbers(&world), numbers(&other));
    for (id, number) in before {
        assert_eq!(after[&id], if number == 1 { 7 } else { number });
    }
    let linked = |world: &World| world.issues().iter().map(|issue| issue.links.len()).sum::<usize>();
    assert_eq!(linked(&world), linked(&other));
}

#[test]
fn an_issue_that_is_there_becomes_what_the_file_says() {
    let mut world = sampled(30);
    let output = world.export(Format::Jsonl);
    let before = world.issues();
    let changed = &before[20];
    world.change(
        changed,
        vec![
            Change::Title("Renamed".to_owned()),
            Change::AddLabel("mine".to_owned()),
            Change::AddComment(DraftComment::new("A word that stays.")),
            Change::AddLink { kind: LinkKind::Relates, target: before[3].key().into() },
        ],
    );
    let report = world.import(Format::Jsonl, &output);
    assert_eq!(effects(&report), (0, 1, 29));
    let mut after = world.issues();
    let comment = after[20].comments.pop().unwrap();
    assert_eq!(comment.body, "A word that stays.");
    assert_eq!(after, before);
}

#[test]
fn lines_can_be_taken_out_and_files_joined() {
    let world = sampled(5);
    let output = world.export(Format::Jsonl);
    let mut copy = World::new();
    let some: Vec<&str> = output.lines().skip(1).take(2).collect();
    assert_eq!(effects(&copy.import(Format::Jsonl, some.join("\n"))), (2, 0, 0));
    assert_eq!(effects(&copy.import(Format::Jsonl, format!("{output}{output}"))), (3, 0, 2));
}

#[test]
fn a_document_may_be_written_by_anyone() {
    let world = sampled(5);
    let document: Value = serde_json::from_str(&world.export(Format::Json)).unwrap();
    let mut copy = World::new();
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(effects(&copy.import(Format::Json, format!("\u{feff}{pretty}\n\n"))), (5, 0, 0));
    assert_eq!(copy.issues(), world.issues());
    let swapped =
        json!({ "made-by": ["a", { "b": "]}" }], "issues": document["issues"], "version": 1, "format": "tickety" });
    assert_eq!(effects(&copy.import(Format::Json, swapped.to_string())), (0, 0, 5));
    let mut empty = World::new();
    assert_eq!(effects(&empty.import(Format::Json, World::new().export(Format::Json))), (0, 0, 0));
}

#[test]
fn an_issue_that_is_wrong_hides_none_of_the_others() {
    let world = sampled(4);
    let mut document: Value = serde_json::from_str(&world.export(Format::Json)).unwrap();
    let issues = document["issues"].as_array_mut().unwrap();
    issues[0]["created"] = json!("never");
    issues[1]["priority"] = json!("utmost");
    issues[2]["surprise"] = json!({ "inside": true });
    issues.insert(2, json!([1, 2]));
    let text = serde_json::to_string_pretty(&document).unwrap();
    let mut copy = World::new();
    let report = copy.import(Format::Json, &text);
    assert_eq!(effects(&report), (2, 0, 0));
    let lines: Vec<&str> = text.lines().collect();
    for (note, words) in report.report.notes_of(NoteKind::Skipped).zip(["created `never`", "`utmost`", "not a record"])
    {
        assert!(note.message.contains(words), "{note}");
        assert!(lines[note.place.line as usize - 1].trim_start().starts_with(['{', '[']), "{note}");
    }
    assert_eq!(report.report.notes_of(NoteKind::Skipped).count(), 3);
    assert!(notes(&report, NoteKind::Changed).contains("unknown key `surprise`"));
    let kept = copy.issues().into_iter().find_map(|issue| issue.fields.get("surprise").cloned());
    assert_eq!(kept, Some(FieldValue::Text("{\"inside\":true}".to_owned())));
}

#[test]
fn a_field_that_has_no_value_is_named() {
    let exported = sampled(1).export(Format::Jsonl);
    let (header, record) = exported.split_once('\n').unwrap();
    let imported = |fields: serde_json::Value| {
        let mut record: serde_json::Value = serde_json::from_str(record).unwrap();
        record["fields"] = fields;
        let mut copy = World::new();
        let report = copy.import(Format::Jsonl, format!("{header}\n{record}\n"));
        (copy, notes(&report, NoteKind::Skipped))
    };
    let (copy, skipped) = imported(serde_json::json!({ "x": null, "z": "kept" }));
    assert_eq!(skipped, "");
    assert_eq!(copy.issues()[0].fields.keys().collect::<Vec<_>>(), ["z"]);
    let (_, skipped) = imported(serde_json::json!({ "x": null, "y": [1] }));
    assert_eq!(
        skipped,
        "line 2 (1): field `y`: `[1]` is no value: write a text, a number, true, false or {\"date\": \"2026-11-30\"}\n"
    );
}

#[test]
fn a_key_that_stands_twice_is_reported() {
    let world = sampled(1);
    for format in [Format::Jsonl, Format::Json] {
        let text = world.export(format).replacen("{\"number\"", "{\"surprise\":1,\"surprise\":2,\"number\"", 1);
        let mut copy = World::new();
        let report = copy.import(format, &text);
        assert_eq!(
            notes(&report, NoteKind::Dropped),
            "line 2 (1): the key `surprise` stands more than once: only the last was taken\n"
        );
        assert_eq!(copy.issues()[0].fields["surprise"], FieldValue::Text("2".to_owned()));
    }
}

#[test]
fn numbers_under_unknown_keys_stay_as_they_are_written() {
    let world = sampled(1);
    for format in [Format::Jsonl, Format::Json] {
        let odd = "{\"cost\":1.50,\"all\":[1e3,{\"x\":2.0}],\"number\"";
        let text = world.export(format).replacen("{\"number\"", odd, 1);
        let mut copy = World::new();
        copy.import(format, &text);
        let issue = &copy.issues()[0];
        assert_eq!(issue.fields["cost"], FieldValue::Text("1.50".to_owned()));
        assert_eq!(issue.fields["all"], FieldValue::Text("[1e3,{\"x\":2.0}]".to_owned()));
        // What is written from it comes back the same.
        let mut again = World::new();
        again.import(format, copy.export(format));
        assert_eq!(again.issues(), copy.issues());
    }
}

#[test]
fn what_has_no_place_in_a_part_of_a_record_is_reported() {
    let mut world = World::new();
    let input = concat!(
        r#"{"number":1,"id":"0199a3b2-1111-7000-8000-000000000001","title":"t","status":"closed","#,
        r#""closed":{"reason":"completed","by":"ann"},"priority":"low","kind":"task","created":"2026-01-01T00:00:00Z","#,
        r#""comments":[{"id":"0199a3b2-1111-7000-8000-000000000002","created":"2026-01-01T00:00:00Z","body":"x","likes":3}]}"#,
        "\n",
    );
    let report = world.import(Format::Jsonl, input);
    assert_eq!(
        notes(&report, NoteKind::Dropped),
        "line 1 (1): closed: unknown key `by`\nline 1 (1): a comment: unknown key `likes`\n"
    );
    assert_eq!(world.issues()[0].comments.len(), 1);
}

#[test]
fn what_a_record_has_in_another_form_is_reported() {
    let mut world = World::new();
    let comment = r#"{"id":"0199a3b2-1111-7000-8000-000000000002","created":"2026-01-01T00:00:00Z","body":"BODY"}"#;
    let comments = [comment.replace("BODY", "first"), comment.replace("BODY", "last")].join(",");
    let input = format!(
        concat!(
            r#"{{"number":4294967295,"id":"0199a3b2-1111-7000-8000-000000000001","title":"t","status":"open","#,
            r#""priority":"low","kind":"task","created":"2026-01-01T00:00:00Z","comments":[{comments}],"#,
            r#""fields":{{"n":12345678901234567890,"Bad Key":"x","d":{{"date":"2026-02-03"}},"same":"text"}}}}"#,
            "\n",
        ),
        comments = comments
    );
    let report = world.import(Format::Jsonl, input);
    let place = "line 1 (4294967295)";
    assert_eq!(
        notes(&report, NoteKind::Dropped),
        format!(
            "{place}: the comment 0199a3b2-1111-7000-8000-000000000002 stands in the record more than once: the last one \
             counts\n"
        )
    );
    let changed = [
        "field `Bad Key`: kept as `bad-key`, as keys are written here",
        "field `d`: it is not declared with this type here: 2026-02-03 became a text",
        "field `n`: the number 12345678901234567890 became 12345678901234567000",
        "field `n`: it is not declared with this type here: 12345678901234567000 became a text",
        "number 4294967295 isn't free here: it became 1-",
    ];
    let told = notes(&report, NoteKind::Changed);
    for (told, expected) in told.lines().zip(changed) {
        assert!(told.strip_prefix(place).is_some_and(|told| told.starts_with(&format!(": {expected}"))), "{told}");
    }
    assert_eq!(told.lines().count(), changed.len(), "{told}");
    assert_eq!(world.issues()[0].comments[0].body, "last");
}

#[test]
fn what_is_not_the_format_is_refused_whole() {
    let world = sampled(3);
    let (lines, document) = (world.export(Format::Jsonl), world.export(Format::Json));
    let cut = &document[..document.len() - 40];
    let newer = document.replace("\"version\":1", "\"version\":2");
    for (format, input, words) in [
        (Format::Json, lines.as_str(), "import it as jsonl"),
        (Format::Json, cut, "the document ends in the middle"),
        (Format::Json, "[]", "expected a document"),
        (Format::Json, "", "expected a document"),
        (Format::Json, "{\"issues\": []}", "says no `format`"),
        (Format::Json, "{\"format\": \"other\", \"version\": 1, \"issues\": []}", "the format is `other`"),
        (Format::Json, &format!("{document} {{}}"), "nothing after the document"),
        (Format::Json, &newer, "version 2 of the format is newer"),
        (Format::Jsonl, document.as_str(), "line 1: this is a document of several issues"),
        (Format::Jsonl, "\n{\n  \"format\": \"tickety\"\n}", "line 2: this is a document"),
        (Format::Jsonl, "{\"version\":1,\"issues\":[]}", "import it as json"),
        (Format::Jsonl, "{\"format\":\"tickety\",\"version\":9}", "version 9 of the format is newer"),
    ] {
        let mut copy = World::new();
        let error = copy.try_import(format, input, false).unwrap_err();
        assert!(matches!(error, ImportError::Read(ReadError::NotTheFormat { .. } | ReadError::NewerVersion { .. })));
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(copy.issues(), []);
    }
}

#[test]
fn a_link_to_an_issue_outside_the_file_is_reported() {
    let mut world = World::new();
    let mut second = Draft::new("Second");
    second.links = vec![(LinkKind::BlockedBy, Target::Created(0))];
    world.apply(vec![Operation::Create(Box::new(Draft::new("First"))), Operation::Create(Box::new(second))]);
    let first = world.issues()[0].key();
    let output = world.export(Format::Jsonl);
    let only_second = output.lines().nth(2).unwrap();
    let mut copy = World::new();
    let report = copy.import(Format::Jsonl, only_second);
    assert_eq!(
        notes(&report, NoteKind::Dropped),
        format!("line 1 (2): link blocked-by to {first}: there is no such issue\n")
    );
    // Where the other is there, it is made.
    let report = world.import(Format::Jsonl, only_second);
    assert_eq!(effects(&report), (0, 0, 1));
}

#[test]
fn another_vocabulary_is_kept_and_said() {
    let mut schema = Schema::default();
    schema.statuses.push(StatusDef { name: Status::new("parked"), category: Category::Open });
    schema.kinds.push(Kind::new("spike"));
    let mut world = World::with_schema(schema);
    let mut draft = Draft::new("Parked");
    (draft.status, draft.kind) = (Some(Status::new("parked")), Some(Kind::new("spike")));
    world.apply(vec![Operation::Create(Box::new(draft))]);
    let mut copy = World::new();
    let report = copy.import(Format::Json, world.export(Format::Json));
    let [issue] = copy.issues().try_into().unwrap();
    assert_eq!((issue.status.as_str(), issue.kind.as_str()), ("open", "task"));
    assert_eq!(issue.fields["imported-status"], FieldValue::Text("parked".to_owned()));
    assert_eq!(issue.fields["imported-kind"], FieldValue::Text("spike".to_owned()));
    assert_eq!(report.report.notes_of(NoteKind::Changed).count(), 2);
}

/// A schema with a field of each type and a status of each category.
fn rich_schema() -> Schema {
    let mut schema = Schema::default();
    for (name, category) in
        [("parked", Category::Open), ("review", Category::InProgress), ("shipped", Category::Closed)]
    {
        schema.statuses.push(StatusDef { name: Status::new(name), category });
    }
    for (key, field_type) in [
        ("cost", FieldType::Number),
        ("seen", FieldType::Date),
        ("urgent", FieldType::Bool),
        ("size", FieldType::Choice(vec!["S".to_owned(), "M".to_owned()])),
    ] {
        schema.fields.push(FieldDef { key: key.to_owned(), field_type });
    }
    schema
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000, 0_i32..1_000_000_000).prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).unwrap())
}

fn line() -> impl Strategy<Value = String> {
    "[\\PC&&[^\u{2028}\u{2029}]]{0,20}[a-z\"\\\\'✓é]"
}

fn paragraphs() -> impl Strategy<Value = String> {
    "([\\PC\t]{0,30}\n){0,4}[\\PC]{0,30}"
}

fn fields() -> impl Strategy<Value = BTreeMap<String, FieldValue>> {
    let typed = (
        proptest::option::of(
            (-1e12_f64..1e12).prop_map(|number| FieldValue::parse(&number.to_string(), &FieldType::Number).unwrap()),
        ),
        proptest::option::of((1_i16..9_999).prop_map(|year| FieldValue::Date(jiff::civil::date(year, 2, 28)))),
        proptest::option::of(any::<bool>().prop_map(FieldValue::Bool)),
        proptest::option::of(prop_oneof!["S", "M"].prop_map(FieldValue::Text)),
    );
    (typed, proptest::collection::btree_map("[a-z][a-z0-9_-]{0,8}", paragraphs().prop_map(FieldValue::Text), 0..3))
        .prop_map(|((cost, seen, urgent, size), mut fields)| {
            fields.retain(|key, _| !["cost", "seen", "urgent", "size"].contains(&key.as_str()));
            let typed = [("cost", cost), ("seen", seen), ("urgent", urgent), ("size", size)];
            fields.extend(typed.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
            fields
        })
}

fn draft() -> impl Strategy<Value = Draft> {
    let status = prop_oneof![
        Just(("open", None)),
        Just(("in-progress", None)),
        Just(("parked", None)),
        Just(("review", None)),
        (
            prop_oneof!["closed", "shipped"],
            proptest::option::of(time()),
            0_usize..3,
            proptest::option::of("\\PC{1,40}x")
        )
            .prop_map(|(status, at, reason, note)| {
                let status = if status == "closed" { "closed" } else { "shipped" };
                (status, Some(Closure { at, reason: CloseReason::ALL[reason], note }))
            }),
    ];
    let comment = (proptest::option::of(line()), time(), paragraphs()).prop_map(|(author, created, body)| {
        DraftComment { id: None, author, created: Some(created), body: format!("{body}.") }
    });
    let names = || proptest::collection::btree_set(line(), 0..3);
    (
        (line(), paragraphs(), status, 0_u8..5, names(), names(), names()),
        (proptest::option::of(line()), proptest::option::of(line()), proptest::option::of(0_u32..99_999), time()),
        (
            proptest::option::of(time()),
            proptest::collection::vec(comment, 0..3),
            fields(),
            proptest::option::of(1_i16..9_999),
        ),
    )
        .prop_map(|((title, body, (status, closure), rank, labels, assignees, references), rest, more)| {
            let (reporter, milestone, minutes, created) = rest;
            let (imported_updated, comments, fields, due) = more;
            Draft {
                title,
                body,
                status: Some(Status::new(status)),
                closure,
                priority: Priority::from_rank(rank).unwrap(),
                labels,
                assignees,
                references,
                reporter,
                milestone,
                due: due.map(|year| jiff::civil::date(year, 12, 31)),
                estimate: minutes.map(Minutes),
                spent: minutes.map(|minutes| Minutes(minutes / 3)),
                comments,
                fields,
                created: Some(created),
                imported_updated,
                ..Draft::default()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_lost_whatever_the_issues(
        drafts in proptest::collection::vec(draft(), 1..6),
        links in proptest::collection::btree_set((0_usize..6, 0_usize..5, 0_usize..6), 0..8),
    ) {
        let mut drafts = drafts;
        let mut parents = BTreeSet::new();
        let count = drafts.len();
        for (from, kind, to) in links {
            let (from, to, kind) = (from % count, to % count, LinkKind::ALL[kind]);
            // Forward only, so that nothing goes in a circle.
            if from < to && (kind != LinkKind::Parent || parents.insert(from)) {
                drafts[from].links.push((kind, Target::Created(to)));
            }
        }
        let mut world = World::with_schema(rich_schema());
        world.apply(drafts.into_iter().map(|draft| Operation::Create(Box::new(draft))).collect());
        for format in OWN {
            let mut copy = World::with_schema(rich_schema());
            let report = copy.import(format, world.export(format));
            prop_assert_eq!(&report.report.notes, &[]);
            prop_assert_eq!(copy.issues(), world.issues());
        }
    }

    #[test]
    fn no_input_makes_a_reader_panic(input in proptest::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}\",:a1\\\\ \n]{0,60}") {
        for format in Format::ALL {
            let _ = World::new().try_import(format, &input, false);
            let _ = World::new().try_import(format, &json, false);
            let document = format!("{{\"format\":\"tickety\",\"version\":1,\"issues\":[{json}]}}");
            let _ = World::new().try_import(format, &document, false);
        }
    }
}

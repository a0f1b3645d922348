//! What a repeated import does to what was changed meanwhile, here and there.

use serde_json::{Value, json};
use tickety_core::issue::{FieldValue, LinkKind};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_engine::convert::{Format, NoteKind};

use crate::world::{World, effects, notes};

/// Two records of which the first is blocked by the second.
fn source() -> [Value; 2] {
    [
        json!({
            "id": "a", "title": "First", "description": "As it was.", "status": "open", "priority": 2,
            "issue_type": "task", "assignee": "rowan", "owner": "quay",
            "created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-02T00:00:00Z", "labels": ["one", "two"],
            "dependencies": [{ "issue_id": "a", "depends_on_id": "b", "type": "blocks" }],
            "comments": [{ "id": 5, "author": "rowan", "text": "A word.", "created_at": "2026-03-01T10:00:00Z" }],
        }),
        json!({
            "id": "b", "title": "Second", "status": "open", "created_at": "2026-03-01T12:00:00Z",
            "updated_at": "2026-03-01T12:00:00Z",
        }),
    ]
}

/// Later than everything the world does.
const LATER: &str = "2026-09-01T00:00:00Z";

/// Later than the first import's record and earlier than what the world does.
const BETWEEN: &str = "2026-04-01T00:00:00Z";

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

struct Story {
    world: World,
    source: [Value; 2],
}

impl Story {
    fn begin() -> Self {
        let (mut world, source) = (World::new(), source());
        world.import(Format::Beads, lines(&source));
        Self { world, source }
    }

    /// Changes the first issue here.
    fn here(&mut self, changes: Vec<Change>) {
        let issue = self.world.beads("a").issue;
        self.world.change(&issue, changes);
    }

    /// Changes a key of the first record there.
    fn there(&mut self, key: &str, value: Value, at: &str) {
        self.source[0][key] = value;
        self.source[0]["updated_at"] = json!(at);
    }

    /// Adds a comment to the first record there.
    fn comment_there(&mut self) {
        let comment =
            json!({ "id": 9, "author": "sorrel", "text": "From there.", "created_at": "2026-08-01T00:00:00Z" });
        self.source[0]["comments"].as_array_mut().unwrap().push(comment);
    }

    /// Imports the records again, sees that once more changes nothing, and returns the conflicts.
    fn again(&mut self) -> String {
        let report = self.world.import(Format::Beads, lines(&self.source));
        let after = self.world.stored();
        let repeated = self.world.import(Format::Beads, lines(&self.source));
        assert_eq!(effects(&repeated), (0, 0, 2), "{repeated:?}");
        assert_eq!(self.world.stored(), after);
        assert_eq!(notes(&repeated, NoteKind::Conflict), "");
        notes(&report, NoteKind::Conflict)
    }

    fn first(&self) -> tickety_core::Issue {
        self.world.beads("a").issue
    }

    fn labels(&self) -> Vec<String> {
        self.first().labels.into_iter().collect()
    }
}

#[test]
fn an_edit_here_survives_an_unchanged_source() {
    let mut story = Story::begin();
    story.here(vec![Change::Title("Renamed here".to_owned()), Change::RemoveLabel("one".to_owned())]);
    let before = story.world.stored();
    let report = story.world.import(Format::Beads, lines(&story.source));
    assert_eq!(effects(&report), (0, 0, 2));
    assert_eq!(story.world.stored(), before);
}

#[test]
fn an_edit_there_arrives() {
    let mut story = Story::begin();
    story.there("title", json!("Renamed there"), BETWEEN);
    story.source[0]["labels"] = json!(["two", "three"]);
    story.source[0]["assignee"] = json!("sorrel");
    story.source[0].as_object_mut().unwrap().shift_remove("owner");
    assert_eq!(story.again(), "");
    let first = story.first();
    assert_eq!(first.title, "Renamed there");
    assert_eq!(story.labels(), ["three", "two"]);
    assert_eq!(first.assignees.iter().collect::<Vec<_>>(), ["sorrel"]);
    assert!(!first.fields.contains_key("owner"));
    assert_eq!(story.world.beads("a").derived.updated, BETWEEN.parse().unwrap());
}

#[test]
fn edits_of_different_parts_join() {
    let mut story = Story::begin();
    story.here(vec![Change::Title("Renamed here".to_owned())]);
    story.there("description", json!("As it is."), LATER);
    assert_eq!(story.again(), "");
    assert_eq!((story.first().title.as_str(), story.first().body.as_str()), ("Renamed here", "As it is."));
}

#[test]
fn of_two_edits_of_one_part_the_later_wins() {
    let mut story = Story::begin();
    story.here(vec![Change::Title("Renamed here".to_owned())]);
    story.there("title", json!("Renamed there"), LATER);
    let key = story.first().key();
    assert_eq!(story.again(), format!("line 1 (a): {key} changed on both sides: title taken from the source\n"));
    assert_eq!(story.first().title, "Renamed there");

    let mut story = Story::begin();
    story.here(vec![Change::Title("Renamed here".to_owned())]);
    story.there("title", json!("Renamed there"), BETWEEN);
    let key = story.first().key();
    assert_eq!(story.again(), format!("line 1 (a): {key} changed on both sides: title left as here\n"));
    assert_eq!(story.first().title, "Renamed here");
}

#[test]
fn the_same_edit_on_both_sides_is_no_conflict() {
    let mut story = Story::begin();
    story.here(vec![Change::Title("Renamed".to_owned())]);
    story.there("title", json!("Renamed"), LATER);
    assert_eq!(story.again(), "");
}

#[test]
fn additions_here_stay() {
    let mut story = Story::begin();
    let second = story.world.beads("b").issue.key();
    story.here(vec![
        Change::AddLabel("mine".to_owned()),
        Change::Milestone(Some("spring".to_owned())),
        Change::Field { key: "severity".to_owned(), value: Some(FieldValue::Text("s1".to_owned())) },
        Change::AddLink { kind: LinkKind::Relates, target: second.into() },
        Change::AddReference("https://example.org".to_owned()),
        Change::AddComment(DraftComment::new("From here.")),
    ]);
    story.there("labels", json!(["two", "three"]), LATER);
    story.source[0]["owner"] = json!("harbour");
    story.comment_there();
    assert_eq!(story.again(), "");
    let first = story.first();
    assert_eq!(story.labels(), ["mine", "three", "two"]);
    assert_eq!(first.milestone.as_deref(), Some("spring"));
    assert_eq!(first.fields["severity"], FieldValue::Text("s1".to_owned()));
    assert_eq!(first.fields["owner"], FieldValue::Text("harbour".to_owned()));
    assert_eq!(first.links.len(), 2);
    assert_eq!(first.references.len(), 2);
    let bodies: Vec<_> = first.comments.iter().map(|comment| comment.body.as_str()).collect();
    assert_eq!(bodies, ["A word.", "From here.", "From there."]);
}

#[test]
fn a_comment_here_is_no_edit() {
    let mut story = Story::begin();
    story.here(vec![Change::AddComment(DraftComment::new("From here."))]);
    story.there("title", json!("Renamed there"), BETWEEN);
    assert_eq!(story.again(), "");
    assert_eq!((story.first().title.as_str(), story.first().comments.len()), ("Renamed there", 2));
}

#[test]
fn a_comment_that_changed_on_one_side_is_no_conflict() {
    for at in [BETWEEN, LATER] {
        let mut story = Story::begin();
        story.comment_there();
        assert_eq!(story.again(), "");
        let ids: Vec<_> = story.first().comments.iter().map(|comment| comment.id).collect();
        // What else is edited here makes the issue newer than its record.
        story.here(vec![
            Change::EditComment { id: ids[0], body: "Edited here.".to_owned() },
            Change::Title("Renamed here".to_owned()),
        ]);
        story.there("title", json!("First"), at);
        story.source[0]["comments"][1]["text"] = json!("Edited there.");
        assert_eq!(story.again(), "", "{at}");
        let bodies = |story: &Story| story.first().comments.iter().map(|one| one.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(&story), ["Edited here.", "Edited there."], "{at}");
        story.here(vec![Change::EditComment { id: ids[1], body: "Again here.".to_owned() }]);
        story.source[0]["comments"][1]["text"] = json!("Again there.");
        let (side, kept) =
            if at == LATER { ("taken from the source", "Again there.") } else { ("left as here", "Again here.") };
        assert!(story.again().contains(&format!("changed on both sides: a comment {side}")), "{at}");
        assert_eq!(bodies(&story), ["Edited here.", kept], "{at}");
    }
}

#[test]
fn what_was_removed_here_does_not_come_back() {
    let mut story = Story::begin();
    let (second, comment) = (story.world.beads("b").issue.key(), story.first().comments[0].id);
    story.here(vec![
        Change::RemoveComment(comment),
        Change::RemoveLink { kind: LinkKind::BlockedBy, target: second.into() },
    ]);
    story.there("title", json!("Renamed there"), LATER);
    story.comment_there();
    story.again();
    let first = story.first();
    assert!(first.links.is_empty());
    assert_eq!(first.comments.iter().map(|comment| comment.body.as_str()).collect::<Vec<_>>(), ["From there."]);
}

#[test]
fn what_was_removed_here_stays_away_when_the_rest_changes_there() {
    let mut story = Story::begin();
    let (second, reference) = (story.world.beads("b").issue.key(), "beads:a".to_owned());
    story.here(vec![
        Change::RemoveLabel("one".to_owned()),
        Change::RemoveAssignee("rowan".to_owned()),
        Change::AddAssignee("mel".to_owned()),
        Change::RemoveLink { kind: LinkKind::BlockedBy, target: second.into() },
        Change::Field { key: "owner".to_owned(), value: None },
    ]);
    story.there("labels", json!(["one", "two", "three"]), LATER);
    story.source[0]["dependencies"] = json!([
        { "issue_id": "a", "depends_on_id": "b", "type": "blocks" },
        { "issue_id": "a", "depends_on_id": "b", "type": "relates-to" },
    ]);
    story.source[0]["assignee"] = json!("sorrel");
    story.source[0]["harbour"] = json!("north");
    let edited = story.world.beads("a").derived.updated;
    assert_eq!(story.again(), "");
    let first = story.first();
    assert_eq!(story.labels(), ["three", "two"]);
    assert_eq!(first.assignees.iter().collect::<Vec<_>>(), ["mel", "sorrel"]);
    assert_eq!(first.links.iter().map(|link| link.kind).collect::<Vec<_>>(), [LinkKind::Relates]);
    assert!(first.references.contains(&reference));
    assert!(!first.fields.contains_key("owner"));
    assert_eq!(first.fields["harbour"], FieldValue::Text("north".to_owned()));
    // It isn't what the source has, so it isn't as old as it is there.
    assert!(story.world.beads("a").derived.updated > edited);
    assert_eq!(first.imported_updated, None);
}

#[test]
fn fields_are_merged_one_by_one() {
    let mut story = Story::begin();
    for (key, value) in [("x", "1"), ("y", "1"), ("z", "1"), ("both", "1")] {
        story.source[0][key] = json!(value);
    }
    story.there("title", json!("Fields"), BETWEEN);
    story.again();
    let set =
        |key: &str, value: &str| Change::Field { key: key.to_owned(), value: Some(FieldValue::Text(value.to_owned())) };
    story.here(vec![set("x", "here"), set("both", "here"), set("new", "here")]);
    story.there("y", json!("there"), LATER);
    story.source[0]["both"] = json!("there");
    story.source[0].as_object_mut().unwrap().shift_remove("z");
    let key = story.first().key();
    assert_eq!(story.again(), format!("line 1 (a): {key} changed on both sides: a field taken from the source\n"));
    let fields: Vec<(String, String)> = story
        .first()
        .fields
        .into_iter()
        .filter(|(key, _)| key != "beads-import")
        .map(|(key, value)| (key, value.to_string()))
        .collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("both", "there"), ("new", "here"), ("owner", "quay"), ("x", "here"), ("y", "there")]);
}

#[test]
fn an_issue_that_was_deleted_here_is_made_again() {
    let mut story = Story::begin();
    let second = story.world.beads("b").issue;
    story.world.apply(vec![Operation::Delete { target: second.key().into(), expected: None }]);
    let report = story.world.import(Format::Beads, lines(&story.source));
    assert_eq!(effects(&report), (1, 1, 0));
    assert_eq!(story.world.beads("b").issue.id, second.id);
}

#[test]
fn an_issue_that_is_made_again_has_its_links_again() {
    let mut story = Story::begin();
    let second = story.world.beads("b").issue;
    story.world.apply(vec![Operation::Delete { target: second.key().into(), expected: None }]);
    assert_eq!(story.first().links.len(), 0, "the link went with its end");
    assert_eq!(story.again(), "");
    assert_eq!(story.first().links_of(LinkKind::BlockedBy).count(), 1);
    // What was linked here meanwhile stays, and so does what changed there.
    let second = story.world.beads("b").issue;
    story.world.apply(vec![Operation::Delete { target: second.key().into(), expected: None }]);
    story.world.apply(vec![Operation::Create(Box::new(Draft::new("Made here")))]);
    let other = story.world.issues().into_iter().find(|issue| issue.title == "Made here").unwrap();
    story.here(vec![Change::AddLink { kind: LinkKind::BlockedBy, target: other.key().into() }]);
    let dependency = |on: &str| json!({ "issue_id": "a", "depends_on_id": on, "type": "blocks" });
    story.there("dependencies", json!([dependency("b"), dependency("nobody")]), BETWEEN);
    story.again();
    assert_eq!(story.first().links_of(LinkKind::BlockedBy).count(), 2);
}

#[test]
fn a_link_that_went_there_goes_here() {
    let mut story = Story::begin();
    story.there("dependencies", json!([]), BETWEEN);
    story.again();
    assert!(story.first().links.is_empty());
}

#[test]
fn a_turned_link_is_no_circle() {
    let mut story = Story::begin();
    story.there("dependencies", json!([]), BETWEEN);
    story.source[1]["dependencies"] = json!([{ "issue_id": "b", "depends_on_id": "a", "type": "blocks" }]);
    story.again();
    assert!(story.first().links.is_empty());
    assert_eq!(story.world.beads("b").issue.links.len(), 1);
}

#[test]
fn an_older_state_is_passed_over() {
    let mut story = Story::begin();
    let old = story.source.clone();
    story.there("title", json!("Renamed there"), BETWEEN);
    story.again();
    let report = story.world.import(Format::Beads, lines(&old));
    assert_eq!(effects(&report), (0, 0, 2));
    assert!(notes(&report, NoteKind::Skipped).contains("this older state was passed over"));
    assert_eq!(story.first().title, "Renamed there");
}

#[test]
fn a_change_that_did_not_move_the_time_arrives_too() {
    let mut story = Story::begin();
    story.there("labels", json!(["two"]), "2026-03-02T00:00:00Z");
    story.again();
    assert_eq!(story.labels(), ["two"]);
}

#[test]
fn a_link_to_a_record_that_comes_later_is_made_then() {
    let (mut world, source) = (World::new(), source());
    let report = world.import(Format::Beads, lines(&source[..1]));
    assert_eq!(notes(&report, NoteKind::Dropped), "line 1 (a): link blocked-by to beads:b: there is no such issue\n");
    assert!(world.beads("a").issue.links.is_empty());
    world.import(Format::Beads, lines(&source));
    assert_eq!(world.beads("a").issue.links.len(), 1);
    // And one that is in the store, not in the file.
    let third = json!({
        "id": "c", "title": "Third", "created_at": "2026-03-05T00:00:00Z", "updated_at": "2026-03-05T00:00:00Z",
        "dependencies": [{ "issue_id": "c", "depends_on_id": "a", "type": "parent-child" }],
    });
    world.import(Format::Beads, lines(&[third]));
    assert_eq!(world.beads("c").issue.links.len(), 1);
}

#[test]
fn a_circle_with_a_link_made_here_is_left_open() {
    let mut world = World::new();
    let mut source = source();
    source[0]["dependencies"] = json!([]);
    world.import(Format::Beads, lines(&source));
    // Here: b waits for an issue of our own, and that for a.
    let (first, second) = (world.beads("a").issue, world.beads("b").issue);
    let mut own = Draft::new("Ours");
    own.links = vec![(LinkKind::BlockedBy, first.key().into())];
    world.apply(vec![Operation::Create(Box::new(own))]);
    let own = world.issues().into_iter().find(|issue| issue.title == "Ours").unwrap();
    world.change(&second, vec![Change::AddLink { kind: LinkKind::BlockedBy, target: own.key().into() }]);
    // There: a waits for b.
    source[0]["dependencies"] = json!([{ "issue_id": "a", "depends_on_id": "b", "type": "blocks" }]);
    let report = world.import(Format::Beads, lines(&source));
    assert_eq!(notes(&report, NoteKind::Dropped), "line 1 (a): link blocked-by to beads:b: it would close a circle\n");
    assert!(world.beads("a").issue.links.is_empty());
    let before = world.stored();
    world.import(Format::Beads, lines(&source));
    assert_eq!(world.stored(), before);
}

#[test]
fn an_issue_that_was_given_the_reference_by_hand_is_the_same() {
    let mut world = World::new();
    let mut draft = Draft::new("Second, as we call it");
    draft.references = ["beads:b".to_owned()].into();
    world.apply(vec![Operation::Create(Box::new(draft))]);
    let report = world.import(Format::Beads, lines(&source()));
    assert_eq!(effects(&report), (1, 1, 0));
    assert_eq!(world.issues().len(), 2);
    // It was changed here after the record was changed there.
    assert_eq!(world.beads("b").issue.title, "Second, as we call it");
}

#[test]
fn a_reference_on_two_issues_is_nobodys() {
    let mut world = World::new();
    let draft = |title: &str| {
        let mut draft = Draft::new(title);
        draft.references = ["beads:b".to_owned()].into();
        Operation::Create(Box::new(draft))
    };
    world.apply(vec![draft("one"), draft("two")]);
    let report = world.import(Format::Beads, lines(&source()));
    assert!(notes(&report, NoteKind::Skipped).contains("several issues have its reference"), "{report:?}");
    assert_eq!(effects(&report), (1, 0, 0));
}

#[test]
fn an_issue_whose_reference_was_removed_is_known_by_its_id() {
    let mut story = Story::begin();
    story.here(vec![Change::RemoveReference("beads:a".to_owned())]);
    let report = story.world.import(Format::Beads, lines(&story.source));
    assert_eq!(report.issues.len(), 2);
    assert_eq!(story.world.issues().len(), 2);
}

//! Claims about merges of issues.

use proptest::prelude::*;

use super::*;
use crate::issue::{CloseReason, Kind, Minutes, Priority};
use crate::query::arbitrary::issues;

const OLDER: &str = "2026-11-20T10:00:00Z";
const NEWER: &str = "2026-11-21T10:00:00Z";

fn at(time: &str) -> Option<Timestamp> {
    Some(time.parse().unwrap())
}

fn side<'a>(issue: &'a Issue, time: &str) -> Side<Option<&'a Issue>> {
    Side::new(Some(issue), at(time))
}

fn issue() -> Issue {
    Issue {
        number: crate::ident::IssueNumber::FIRST,
        id: "01a1fc01-c5a8-7c3e-9b1d-0000000a0602".parse().unwrap(),
        title: "Title".into(),
        body: "One.\n\nTwo.\n\nThree.".into(),
        status: Status::new("open"),
        closure: None,
        priority: Priority::Medium,
        kind: Kind::new("task"),
        labels: ["a".to_owned(), "b".to_owned()].into(),
        assignees: BTreeSet::new(),
        reporter: None,
        milestone: None,
        due: None,
        estimate: None,
        spent: None,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: BTreeMap::new(),
        created: "2026-11-01T00:00:00Z".parse().unwrap(),
        imported_updated: None,
    }
}

fn edited(edit: impl Fn(&mut Issue)) -> Issue {
    let mut issue = issue();
    edit(&mut issue);
    issue
}

fn close(issue: &mut Issue, time: &str, note: Option<&str>) {
    issue.status = Status::new("closed");
    issue.closure = Some(Closure { at: at(time), reason: CloseReason::Completed, note: note.map(str::to_owned) });
}

/// Merges with theirs as the newer side.
fn merged(ours: impl Fn(&mut Issue), theirs: impl Fn(&mut Issue)) -> (Issue, Merged) {
    let (base, ours, theirs) = (issue(), edited(ours), edited(theirs));
    let merged = merge(Some(&base), side(&ours, OLDER), side(&theirs, NEWER));
    (merged.issue.clone().unwrap(), merged)
}

#[test]
fn edits_of_different_fields_are_both_there() {
    let (issue, merged) = merged(
        |ours| {
            ours.priority = Priority::High;
            ours.labels.insert("c".into());
            ours.body = ours.body.replace("One", "1");
        },
        |theirs| {
            theirs.title = "Other".into();
            theirs.labels.remove("a");
            theirs.body = theirs.body.replace("Three", "3");
        },
    );
    assert_eq!((issue.priority, issue.title.as_str()), (Priority::High, "Other"));
    assert_eq!(issue.labels, ["b".to_owned(), "c".to_owned()].into());
    assert_eq!(issue.body, "1.\n\nTwo.\n\n3.");
    assert!(merged.overruled.is_empty() && !merged.body_conflict && issue.comments.is_empty());
}

#[test]
fn of_a_value_that_both_changed_the_newer_stands_and_the_other_is_noted() {
    let (issue, merged) = merged(|ours| ours.title = "Ours".into(), |theirs| theirs.title = "Theirs".into());
    assert_eq!(issue.title, "Theirs");
    let [note] = issue.comments.as_slice() else { panic!("{:?}", issue.comments) };
    assert_eq!(note.body, "`title` was changed on both sides of a merge. This value gave way:\n\n> Ours");
    assert_eq!((note.author.as_deref(), Some(note.created)), (Some(NOTE_AUTHOR), at(OLDER)));
    assert_eq!(note.id.uuid().get_version_num(), 7);
    assert_eq!(merged.notes, issue.comments);
}

#[test]
fn closing_twice_is_closing_once_and_both_notes_are_kept() {
    let (issue, merged) = merged(|ours| close(ours, NEWER, Some("Done.")), |theirs| close(theirs, OLDER, None));
    assert!(merged.overruled.is_empty());
    let closure = issue.closure.unwrap();
    assert_eq!((closure.at, closure.note.as_deref()), (at(OLDER), Some("Done.")));

    let (issue, merged) = self::merged(|ours| close(ours, OLDER, Some("A")), |theirs| close(theirs, NEWER, Some("B")));
    assert_eq!(issue.closure.unwrap().note.as_deref(), Some("B"));
    assert_eq!(merged.overruled[0].other, FieldState::Value("A".into()));
}

#[test]
fn a_closing_that_gives_way_leaves_its_note() {
    let (issue, merged) =
        merged(|ours| close(ours, OLDER, Some("Done.")), |theirs| theirs.status = Status::new("in-progress"));
    assert_eq!(issue.status, Status::new("in-progress"));
    assert_eq!(issue.closure, None);
    let fields: Vec<&str> = merged.overruled.iter().map(|overruled| overruled.field.as_str()).collect();
    assert_eq!(fields, ["status", "note"]);
    assert!(issue.comments.iter().any(|comment| comment.body.contains("> Done.")));
}

#[test]
fn there_is_one_parent() {
    let parent = |issue: &mut Issue, name: &str| {
        issue.links.insert(Link { kind: LinkKind::Parent, target: IssueName::parse(name, "").unwrap() });
    };
    let (issue, merged) = merged(|ours| parent(ours, "7-aaaa"), |theirs| parent(theirs, "8-bbbb"));
    assert_eq!(issue.links.len(), 1);
    assert_eq!(issue.links.first().unwrap().target.to_string(), "8-bbbb");
    assert_eq!(merged.overruled[0].other, FieldState::List(vec!["7-aaaa".into()]));
}

#[test]
fn lines_that_both_changed_stay_twice_in_the_body() {
    let (issue, merged) = merged(
        |ours| ours.body = ours.body.replace("Two", "Zwei"),
        |theirs| theirs.body = theirs.body.replace("Two", "Deux"),
    );
    assert!(merged.body_conflict && has_conflict(&issue.body));
    assert_eq!(issue.body, "One.\n\n<<<<<<< older\nZwei.\n=======\nDeux.\n>>>>>>> newer\n\nThree.");
}

#[test]
fn an_edit_outlasts_a_deletion() {
    let (base, edited) = (issue(), edited(|issue| issue.estimate = Some(Minutes(5))));
    for (ours, theirs) in [(Some(&edited), None), (None, Some(&edited))] {
        let merged = merge(Some(&base), Side::new(ours, at(OLDER)), Side::new(theirs, at(NEWER)));
        assert_eq!(merged.issue.as_ref(), Some(&edited));
        assert!(merged.undeleted);
    }
    let merged = merge(Some(&base), Side::new(Some(&base), None), Side::new(None, None));
    assert_eq!(merged.issue, None);
}

#[test]
fn of_two_new_numbers_the_smaller_stands_and_the_other_is_known() {
    let number = |number| crate::ident::IssueNumber::new(number).unwrap();
    let (issue, _) = merged(|ours| ours.number = number(9), |theirs| theirs.number = number(8));
    assert_eq!(issue.number, number(8));
    assert!(issue.references.contains(&format!("tickety:9-{}", issue.id.suffix())));
}

/// Three states of one issue.
fn states() -> impl Strategy<Value = (Issue, Issue, Issue)> {
    issues(3..4).prop_flat_map(|issues| {
        let [base, one, other]: [Issue; 3] = issues.try_into().expect("three were asked for");
        let like = |state: Issue| Issue { number: base.number, id: base.id, ..state };
        let (one, other) = (like(one), like(other));
        // Often a side leaves a field alone.
        (any::<[u32; 2]>(), Just((base, one, other))).prop_map(|([our, their], (base, one, other))| {
            let (one, other) = (blend(&base, &one, our), blend(&base, &other, their));
            (base, one, other)
        })
    })
}

/// Takes the fields whose bits are set from `edited` and the others from `base`.
fn blend(base: &Issue, edited: &Issue, bits: u32) -> Issue {
    let mut issue = base.clone();
    let takes = |bit: u32| bits & (1 << bit) != 0;
    if takes(0) {
        issue.title.clone_from(&edited.title);
    }
    if takes(1) {
        issue.body.clone_from(&edited.body);
    }
    if takes(2) {
        (issue.status, issue.closure) = (edited.status.clone(), edited.closure.clone());
    }
    if takes(3) {
        issue.priority = edited.priority;
    }
    if takes(4) {
        issue.labels.clone_from(&edited.labels);
    }
    if takes(5) {
        issue.links.clone_from(&edited.links);
    }
    if takes(6) {
        issue.fields.clone_from(&edited.fields);
    }
    if takes(7) {
        issue.comments.clone_from(&edited.comments);
    }
    if takes(8) {
        (issue.milestone, issue.due) = (edited.milestone.clone(), edited.due);
    }
    if takes(9) {
        (issue.estimate, issue.spent, issue.reporter) = (edited.estimate, edited.spent, edited.reporter.clone());
    }
    if takes(10) {
        (issue.assignees, issue.references) = (edited.assignees.clone(), edited.references.clone());
    }
    if takes(11) {
        (issue.created, issue.imported_updated) = (edited.created, edited.imported_updated);
    }
    issue
}

fn times() -> impl Strategy<Value = (Option<Timestamp>, Option<Timestamp>)> {
    prop_oneof![
        Just((None, None)),
        Just((at(OLDER), at(NEWER))),
        Just((at(NEWER), at(OLDER))),
        Just((at(OLDER), at(OLDER))),
        Just((None, at(OLDER))),
    ]
}

proptest! {
    #[test]
    fn a_side_that_changed_nothing_changes_nothing((base, one, _) in states(), (our, their) in times()) {
        for (ours, theirs) in [(&base, &one), (&one, &base), (&one, &one)] {
            let merged = merge(Some(&base), Side::new(Some(ours), our), Side::new(Some(theirs), their));
            prop_assert_eq!(merged.issue.as_ref(), Some(&one));
            prop_assert!(merged.overruled.is_empty());
        }
        let merged = merge(None, Side::new(Some(&one), our), Side::new(Some(&one), their));
        prop_assert_eq!(merged.issue, Some(one));
    }

    #[test]
    fn it_makes_no_difference_which_side_is_ours((base, one, other) in states(), (our, their) in times()) {
        for base in [Some(&base), None] {
            let ours = merge(base, Side::new(Some(&one), our), Side::new(Some(&other), their));
            let theirs = merge(base, Side::new(Some(&other), their), Side::new(Some(&one), our));
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn merging_the_result_with_either_side_again_is_the_result((base, one, other) in states(), (our, their) in times()) {
        let merged = merge(Some(&base), Side::new(Some(&one), our), Side::new(Some(&other), their)).issue.unwrap();
        for (side, time) in [(&one, our), (&other, their)] {
            let again = merge(Some(side), Side::new(Some(side), time), Side::new(Some(&merged), our.max(their)));
            prop_assert_eq!(again.issue.as_ref(), Some(&merged));
        }
    }

    #[test]
    fn nothing_that_one_side_changed_is_lost((base, one, other) in states(), (our, their) in times()) {
        let result = merge(Some(&base), Side::new(Some(&one), our), Side::new(Some(&other), their));
        let issue = result.issue.unwrap();
        for side in [&one, &other] {
            for comment in side.comments.iter().filter(|comment| !base.comments.contains(comment)) {
                let of = |comments: &[Comment]| comments.iter().find(|same| same.id == comment.id).cloned();
                // What was in the base already is the other side's to remove.
                let before = of(&base.comments).map(|before| before.body).unwrap_or_default();
                let mut added = comment.body.lines().filter(|line| !before.lines().any(|there| there == *line));
                prop_assert!(of(&issue.comments).is_some_and(|kept| added.all(|line| kept.body.contains(line))));
            }
            prop_assert!(side.labels.difference(&base.labels).all(|label| issue.labels.contains(label)));
            prop_assert!(base.labels.difference(&side.labels).all(|label| !issue.labels.contains(label)));
            prop_assert!(side.references.difference(&base.references).all(|text| issue.references.contains(text)));
            for change in crate::operation::field_changes(&base, side) {
                let is_set = [FieldName::Label, FieldName::Assignee, FieldName::Reference].contains(&change.field);
                if is_set || [FieldName::Body, FieldName::Closed, FieldName::Reason, FieldName::Note].contains(&change.field) {
                    continue;
                }
                let noted = result.overruled.iter().any(|lost| lost.field == change.field.to_string() && lost.other == change.after);
                prop_assert!(state(&change.field, &issue) == change.after || noted, "{:?}", change);
            }
        }
        prop_assert_eq!(result.overruled.len(), result.notes.len());
        prop_assert!(result.notes.iter().all(|note| issue.comments.contains(note)));
    }
}

//! Claims about what is refused, and what a refusal leaves behind: nothing.

use tickety_core::ident::{IssueKey, Version};
use tickety_core::issue::{FieldValue, LinkKind, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Expected, FieldState, Operation, OperationError, Target};

use super::{apply, apply_at, change, create_titled, get, numbers, update};
use crate::error::StorageError;
use crate::storage::IssueStorage;

/// Circles are refused however long, also when one batch would make them; other kinds may go round.
pub async fn circles_of_blockers_and_parents_are_refused(store: &dyn IssueStorage) {
    for kind in LinkKind::ALL {
        let link = |target: IssueKey| Change::AddLink { kind, target: target.into() };
        let a = create_titled(store, "a").await;
        let b = create_titled(store, "b").await;
        let c = create_titled(store, "c").await;
        change(store, a, [link(b)]).await;
        change(store, b, [link(c)]).await;
        let closing = apply_at(store, 0, vec![update(c, [link(a)])]).await;
        if !kind.is_acyclic() {
            assert!(closing.is_ok());
            continue;
        }
        match closing.expect_err("a circle") {
            StorageError::Refused { index: 0, source: OperationError::Cycle { walk, .. } } => {
                assert_eq!(walk, [c, a, b, c]);
            }
            other => panic!("{other}"),
        }
        let own = apply_at(store, 0, vec![update(a, [link(a)])]).await.expect_err("itself");
        assert!(matches!(own, StorageError::Refused { source: OperationError::SelfLink { .. }, .. }), "{own}");
        let d = create_titled(store, "d").await;
        let e = create_titled(store, "e").await;
        assert!(apply_at(store, 0, vec![update(d, [link(e)]), update(e, [link(d)])]).await.is_err());
        // Taking the link away in the same batch makes room for its inverse.
        let removal = Change::RemoveLink { kind, target: b.into() };
        apply(store, vec![update(a, [removal]), update(c, [link(a)])]).await;
    }
}

/// A value that can't be stored is refused with the place of its operation, and nothing is written.
pub async fn refused_values_name_the_operation(store: &dyn IssueStorage) {
    let long = "x".repeat(tickety_core::operation::limits::TITLE + 1);
    let drafts = [
        Draft::new(" "),
        Draft::new("two\nlines"),
        Draft::new("bell\u{7}"),
        Draft::new(long),
        Draft { status: Some(Status::new("someday")), ..Draft::new("x") },
        Draft { labels: [String::new()].into(), ..Draft::new("x") },
        Draft { fields: [("Bad Key".to_owned(), FieldValue::Bool(true))].into(), ..Draft::new("x") },
        Draft { comments: vec![DraftComment::new(" \n")], ..Draft::new("x") },
    ];
    for draft in drafts {
        let operations =
            vec![Operation::Create(Box::new(Draft::new("fine"))), Operation::Create(Box::new(draft.clone()))];
        let error = apply_at(store, 0, operations).await.expect_err("the draft is refused");
        assert!(matches!(error, StorageError::Refused { index: 1, .. }), "{draft:?}: {error}");
    }
    assert_eq!(numbers(store, "is:any").await, [0; 0]);
}

/// A batch that is refused leaves no gap in the numbers, unless the refusal names an issue that isn't made:
/// that name never comes to mean another one.
pub async fn a_refused_batch_uses_no_number_that_nobody_saw(store: &dyn IssueStorage) {
    let new = |title: &str| Operation::Create(Box::new(Draft::new(title)));
    let before = create_titled(store, "before").await.number.get();
    for refused in [vec![new(" ")], vec![new("fine"), new("fine, too"), new(" ")]] {
        apply_at(store, 0, refused).await.expect_err("a title is empty");
    }
    let far = Draft { number: tickety_core::IssueNumber::new(before + 500), ..Draft::new("far") };
    apply_at(store, 0, vec![Operation::Create(Box::new(far)), new(" ")]).await.expect_err("a title is empty");
    let after = create_titled(store, "after").await.number.get();
    assert_eq!(after, before + 1);

    let link = Change::AddLink { kind: LinkKind::Parent, target: Target::Created(0) };
    let own = Operation::Update { target: Target::Created(0), expected: None, changes: vec![link] };
    let shown = match apply_at(store, 0, vec![new("its own parent"), own]).await.expect_err("itself") {
        StorageError::Refused { index: 1, source: OperationError::SelfLink { issue } } => issue.number.get(),
        other => panic!("{other}"),
    };
    assert_eq!(shown, after + 1);
    assert!(create_titled(store, "another").await.number.get() > shown);
}

/// A write that names a version which has moved on changes nothing and says both versions.
pub async fn an_update_based_on_an_old_version_is_refused(store: &dyn IssueStorage) {
    let key = create_titled(store, "contested").await;
    let old: Version = get(store, key).await.version;
    change(store, key, [Change::Priority(Priority::High)]).await;
    let now = get(store, key).await;
    let late = |expected: Version, title: &str| Operation::Update {
        target: key.into(),
        expected: Some(expected.into()),
        changes: vec![Change::Title(title.to_owned())],
    };
    let error = apply_at(store, 0, vec![late(old, "lost")]).await.expect_err("the version has moved");
    assert!(
        matches!(error, StorageError::Conflict { expected, actual, .. } if expected == old && actual == now.version),
        "{error}"
    );
    let gone = Operation::Delete { target: key.into(), expected: Some(old) };
    assert!(apply_at(store, 0, vec![gone]).await.is_err());
    assert_eq!(get(store, key).await, now);
    apply(store, vec![late(now.version, "kept")]).await;
    assert_eq!(get(store, key).await.issue.title, "kept");
}

/// Changes that are based on an issue as it was, made after another change.
async fn change_based_on(
    store: &dyn IssueStorage,
    base: &tickety_core::issue::Issue,
    changes: Vec<Change>,
) -> Result<(), StorageError> {
    let expected = Some(Expected::Base(Box::new(base.clone())));
    let operation = Operation::Update { target: base.key().into(), expected, changes };
    apply_at(store, 0, vec![operation]).await.map(drop)
}

/// Whoever changes another field, or the same field to the same, contradicts nobody; comments never do.
pub async fn changes_of_different_fields_are_both_kept(store: &dyn IssueStorage) {
    let other = create_titled(store, "other").await;
    let key = create_titled(store, "base").await;
    let label = |label: &str| Change::AddLabel(label.to_owned());
    let say = |text: &str| Change::AddComment(DraftComment::new(text));
    let field = |key: &str| Change::Field { key: key.to_owned(), value: Some(FieldValue::Bool(true)) };
    let relates = Change::AddLink { kind: LinkKind::Relates, target: other.into() };
    let close = Change::Close { reason: tickety_core::issue::CloseReason::Completed, note: None };
    let base = get(store, key).await.issue;
    let title = Change::Title("theirs".to_owned());
    change(store, key, [title, label("x"), label("both"), say("one"), field("a"), relates.clone(), close.clone()])
        .await;
    let ours =
        vec![Change::Priority(Priority::High), label("y"), label("both"), say("two"), field("b"), relates, close];
    change_based_on(store, &base, ours).await.expect("nothing is contested");
    let merged = get(store, key).await.issue;
    assert_eq!((merged.title.as_str(), merged.priority), ("theirs", Priority::High));
    assert_eq!(merged.labels.iter().map(String::as_str).collect::<Vec<_>>(), ["both", "x", "y"]);
    assert_eq!((merged.comments.len(), merged.fields.len(), merged.links.len()), (2, 2, 1));
    assert!(merged.closure.is_some());
}

/// Of two who make something different of the same field, or of the same label, the second is told both values.
pub async fn of_two_changes_of_a_field_one_is_refused_with_both_values(store: &dyn IssueStorage) {
    let key = create_titled(store, "base").await;
    change(store, key, [Change::AddLabel("kept".to_owned())]).await;
    let base = get(store, key).await.issue;
    change(store, key, [Change::Title("theirs".to_owned()), Change::RemoveLabel("kept".to_owned())]).await;
    let before = get(store, key).await;
    let ours =
        vec![Change::Priority(Priority::High), Change::Title("ours".to_owned()), Change::AddLabel("kept".to_owned())];
    let error = change_based_on(store, &base, ours).await.expect_err("the title is contested");
    let StorageError::FieldConflict { key: refused, fields } = &error else { panic!("{error}") };
    let value = |text: &str| FieldState::Value(text.to_owned());
    let told: Vec<_> = fields
        .iter()
        .map(|field| (field.field.to_string(), field.base.clone(), field.theirs.clone(), field.ours.clone()))
        .collect();
    let expected = [
        ("title".to_owned(), value("base"), value("theirs"), value("ours")),
        ("label".to_owned(), value("kept"), FieldState::Absent, value("kept")),
    ];
    assert_eq!((*refused, told), (key, expected.to_vec()));
    assert_eq!(
        error.to_string(),
        format!(
            "{key} was changed at the same time: title is `theirs` now, and this would make it `ours`; \
             label is nothing now, and this would make it `kept`"
        )
    );
    assert_eq!(get(store, key).await, before);
}

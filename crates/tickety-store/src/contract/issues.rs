//! Claims about one issue: what is stored of it, what it is called, what an update does.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tickety_core::ident::{IssueName, IssueSelector};
use tickety_core::issue::{FieldValue, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_core::schema::Category;

use super::{apply, apply_at, at, change, create, create_titled, get, update};
use crate::error::StorageError;
use crate::storage::{Effect, IssueStorage, StoredIssue};

/// Every field of a draft comes back as it was given.
pub async fn a_created_issue_is_read_back_whole(store: &dyn IssueStorage) {
    let other = create_titled(store, "other").await;
    let draft = Draft {
        body: "First paragraph.\n\n- a list\n- of two: \"quoted\"".to_owned(),
        status: Some(Status::new("in-progress")),
        priority: Priority::High,
        kind: Some(tickety_core::issue::Kind::new("bug")),
        labels: ["cache", "good first issue", "no"].map(str::to_owned).into(),
        assignees: ["ann".to_owned(), "Bo Ek".to_owned()].into(),
        reporter: Some("cy".to_owned()),
        milestone: Some("1.0".to_owned()),
        due: Some(jiff::civil::date(2026, 12, 24)),
        estimate: Some(Minutes(90)),
        spent: Some(Minutes(0)),
        comments: vec![DraftComment {
            id: None,
            author: Some("bo".to_owned()),
            created: Some(Timestamp::from_nanosecond(1_789_000_000_123_456_789).expect("in range")),
            body: "Seen too.\n\n> quoted".to_owned(),
        }],
        links: vec![(LinkKind::Relates, other.into())],
        references: ["https://example.com/1".to_owned()].into(),
        fields: [("severity".to_owned(), FieldValue::Text("s1\nand more".to_owned()))].into(),
        created: Some(Timestamp::from_nanosecond(1_788_000_000_000_000_001).expect("in range")),
        ..Draft::new("Yes: a \"title\" # with 'marks' – and “more”")
    };
    let key = create(store, draft.clone()).await;
    let StoredIssue { issue, derived, category, .. } = get(store, key).await;
    assert_eq!(issue.key(), key);
    assert_eq!((issue.title, issue.body), (draft.title, draft.body));
    assert_eq!((Some(issue.status), category), (draft.status, Category::InProgress));
    assert_eq!((issue.priority, Some(issue.kind)), (draft.priority, draft.kind));
    assert_eq!((issue.labels, issue.assignees), (draft.labels, draft.assignees));
    assert_eq!((issue.reporter, issue.milestone), (draft.reporter, draft.milestone));
    assert_eq!((issue.due, issue.estimate, issue.spent), (draft.due, draft.estimate, draft.spent));
    assert_eq!((issue.references, issue.fields), (draft.references, draft.fields));
    assert_eq!(Some(issue.created), draft.created);
    assert_eq!(issue.comments.len(), 1);
    let comment = &issue.comments[0];
    assert_eq!(
        (comment.author.clone(), Some(comment.created)),
        (draft.comments[0].author.clone(), draft.comments[0].created)
    );
    assert_eq!(comment.body, draft.comments[0].body);
    assert_eq!(derived.links.len(), 1);
    assert_eq!(derived.links[0].target.as_ref().map(|target| target.key), Some(other));
}

/// What a draft leaves out gets the documented default.
pub async fn defaults_are_filled_in(store: &dyn IssueStorage) {
    let key = create_titled(store, "  spaces around  ").await;
    let StoredIssue { issue, category, .. } = get(store, key).await;
    assert_eq!(issue.title, "spaces around");
    assert_eq!((issue.status.as_str(), category), ("open", Category::Open));
    assert_eq!((issue.priority, issue.kind.as_str()), (Priority::Medium, "task"));
    assert_eq!(issue.reporter.as_deref(), Some("ann"));
    assert_eq!((issue.created, issue.closure), (at(0), None));
}

/// Numbers begin at one, rise, and stay taken when their issue has gone.
pub async fn numbers_rise_and_are_never_given_twice(store: &dyn IssueStorage) {
    let first = create_titled(store, "first").await;
    let second = create_titled(store, "second").await;
    assert_eq!((first.number.get(), second.number.get()), (1, 2));
    apply(store, vec![Operation::Delete { target: second.into(), expected: None }]).await;
    assert_eq!(create_titled(store, "third").await.number.get(), 3);
}

/// A draft's number is used if no issue has it, and later numbers lie above it.
pub async fn a_free_number_asked_for_is_kept(store: &dyn IssueStorage) {
    let wish = |number| Draft { number: tickety_core::IssueNumber::new(number), ..Draft::new("wish") };
    assert_eq!(create(store, wish(7)).await.number.get(), 7);
    assert_eq!(create(store, wish(7)).await.number.get(), 8);
    assert_eq!(create_titled(store, "next").await.number.get(), 9);
}

/// Number, number with suffix, and id name the same issue.
pub async fn every_name_finds_the_issue(store: &dyn IssueStorage) {
    let key = create_titled(store, "only").await;
    let id = get(store, key).await.issue.id;
    for selector in [key.number.into(), key.into(), IssueSelector::Id(id)] {
        assert_eq!(store.get(selector).await.expect("found").issue.id, id);
    }
}

/// Missing numbers, suffixes and ids are told apart from errors.
pub async fn what_is_missing_is_not_found(store: &dyn IssueStorage) {
    let key = create_titled(store, "only").await;
    let wrong = "zzz0".parse().expect("a suffix");
    let names = [IssueName { number: key.number, suffix: Some(wrong) }, key.number.next().expect("in range").into()];
    for name in names {
        let error = store.get(name.into()).await.expect_err("nothing has this name");
        assert!(matches!(error, StorageError::NotFound { .. }), "{error}");
        let gone = vec![Operation::Update { target: name.into(), expected: None, changes: Vec::new() }];
        let error = apply_at(store, 0, gone).await.expect_err("nothing has this name");
        assert!(matches!(error, StorageError::NotFound { .. }), "{error}");
    }
}

/// A change touches its own field, and the time of the last change.
pub async fn an_update_changes_what_it_names_and_nothing_else(store: &dyn IssueStorage) {
    let key = create(store, Draft { body: "body".to_owned(), ..Draft::new("before") }).await;
    let before = get(store, key).await;
    apply_at(store, 60, vec![update(key, [Change::Title("after".to_owned())])]).await.expect("valid");
    let after = get(store, key).await;
    assert_eq!(after.issue.title, "after");
    assert_ne!(after.version, before.version);
    assert!(after.derived.updated >= before.derived.updated);
    let restored = tickety_core::Issue { title: before.issue.title.clone(), ..after.issue };
    assert_eq!(restored, before.issue);
}

/// An update that asks for what is there already is no change and makes no version.
pub async fn setting_what_is_so_changes_nothing(store: &dyn IssueStorage) {
    let key = create_titled(store, "same").await;
    let before = get(store, key).await;
    let effect = change(store, key, [Change::Title("same".to_owned()), Change::RemoveLabel("none".to_owned())]).await;
    assert_eq!(effect, Effect::Unchanged);
    assert_eq!(get(store, key).await, before);
}

/// Comments are only added: they don't get in the way of a conditional write.
pub async fn comments_keep_the_version(store: &dyn IssueStorage) {
    let key = create_titled(store, "talked about").await;
    let version = get(store, key).await.version;
    for text in ["one", "two"] {
        assert_eq!(change(store, key, [Change::AddComment(DraftComment::new(text))]).await, Effect::Updated);
    }
    let stored = get(store, key).await;
    assert_eq!(stored.version, version);
    let texts: BTreeSet<&str> = stored.issue.comments.iter().map(|comment| comment.body.as_str()).collect();
    assert_eq!(texts, BTreeSet::from(["one", "two"]));
    assert!(stored.issue.comments.iter().all(|comment| comment.author.as_deref() == Some("ann")));

    let id = stored.issue.comments[0].id;
    change(store, key, [Change::EditComment { id, body: "better".to_owned() }]).await;
    assert!(get(store, key).await.issue.comments.iter().any(|comment| comment.id == id && comment.body == "better"));
    change(store, key, [Change::RemoveComment(id)]).await;
    assert_eq!(get(store, key).await.issue.comments.len(), 1);
}

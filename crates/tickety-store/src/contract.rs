//! The contract of [`IssueStorage`]: what holds for every store, as functions that panic where it
//! doesn't.
//!
//! A store's tests call [`contract_tests!`](crate::contract_tests) with an expression that makes an
//! empty store; every claim becomes a test of its own.

mod refusals;
mod stamps;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_core::graph::Relation;
use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::issue::{CloseReason, FieldValue, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, OperationError, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Category;

use crate::error::StorageError;
use crate::storage::{Batch, BatchOutcome, Checked, Effect, GraphScope, Identity, IssueStorage, StoredIssue};
pub use refusals::*;
pub use stamps::*;

/// Makes a test of every claim of the contract. The argument is an expression that makes an empty
/// store with the default schema, and something to keep while it is used, such as its directory; it is
/// evaluated once a test.
#[macro_export]
macro_rules! contract_tests {
    ($make:expr) => {
        $crate::contract_tests!(@each $make;
            a_created_issue_is_read_back_whole
            defaults_are_filled_in
            numbers_rise_and_are_never_given_twice
            a_free_number_asked_for_is_kept
            every_name_finds_the_issue
            what_is_missing_is_not_found
            an_update_changes_what_it_names_and_nothing_else
            setting_what_is_so_changes_nothing
            comments_keep_the_version
            an_update_based_on_an_old_version_is_refused
            a_batch_applies_whole_or_not_at_all
            operations_refer_to_issues_of_the_same_batch
            versions_are_those_after_the_whole_batch
            links_are_seen_from_both_ends
            circles_of_blockers_and_parents_are_refused
            a_second_parent_replaces_the_first
            closing_unblocks_dependents
            reopening_blocks_them_again
            deleting_removes_the_links_to_it
            lists_follow_the_query
            pages_join_without_gaps_or_repeats
            text_is_found_in_title_body_and_comments
            references_find_their_issues
            graphs_stay_in_their_scope
            stats_count_what_the_query_asks_for
            stamps_tell_what_changed
            refused_values_name_the_operation
            a_refused_batch_uses_no_number_that_nobody_saw
        );
    };
    (@each $make:expr; $($claim:ident)*) => {
        $(
            #[test]
            fn $claim() {
                let (store, _kept) = $make;
                ::pollster::block_on($crate::contract::$claim(&store));
            }
        )*
    };
}

const START: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("the time is in range")
}

fn moment() -> Moment {
    Moment { now: at(1_000), zone: TimeZone::UTC, me: Some("ann".to_owned()) }
}

async fn apply_at(
    store: &dyn IssueStorage,
    seconds: i64,
    operations: Vec<Operation>,
) -> Result<BatchOutcome, StorageError> {
    store.apply(Batch { operations, actor: Some("ann".to_owned()), now: at(seconds) }).await
}

async fn apply(store: &dyn IssueStorage, operations: Vec<Operation>) -> BatchOutcome {
    apply_at(store, 0, operations).await.expect("the batch is valid")
}

async fn create(store: &dyn IssueStorage, draft: Draft) -> IssueKey {
    apply(store, vec![Operation::Create(Box::new(draft))]).await.outcomes[0].key
}

async fn create_titled(store: &dyn IssueStorage, title: &str) -> IssueKey {
    create(store, Draft::new(title)).await
}

fn update(key: IssueKey, changes: impl Into<Vec<Change>>) -> Operation {
    Operation::Update { target: key.into(), expected: None, changes: changes.into() }
}

async fn change(store: &dyn IssueStorage, key: IssueKey, changes: impl Into<Vec<Change>>) -> Effect {
    apply(store, vec![update(key, changes)]).await.outcomes[0].effect
}

async fn get(store: &dyn IssueStorage, key: IssueKey) -> StoredIssue {
    store.get(key.into()).await.expect("the issue exists")
}

async fn query(store: &dyn IssueStorage, text: &str) -> Query {
    let schema = store.schema().await.expect("the schema is readable");
    Query::parse(text, &schema).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn numbers(store: &dyn IssueStorage, text: &str) -> Vec<u32> {
    let query = query(store, text).await;
    let page = store.list(&query, &moment()).await.expect("the query is answered");
    let found: Vec<u32> = page.issues.iter().map(|issue| issue.key.number.get()).collect();
    if page.next.is_none() && query.after.is_none() {
        let count = store.count(&query, &moment()).await.expect("the query is counted");
        assert_eq!(count, found.len() as u64, "{text}");
    }
    found
}

fn blocked_by(target: IssueKey) -> Change {
    Change::AddLink { kind: LinkKind::BlockedBy, target: target.into() }
}

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

/// One refused operation takes the whole batch with it, wherever it stands.
pub async fn a_batch_applies_whole_or_not_at_all(store: &dyn IssueStorage) {
    let key = create_titled(store, "stays").await;
    let before = get(store, key).await;
    let operations = vec![
        Operation::Create(Box::new(Draft::new("never"))),
        update(key, [Change::Title("never".to_owned())]),
        update(key, [Change::Kind(tickety_core::issue::Kind::new("nonsense"))]),
    ];
    let error = apply_at(store, 0, operations).await.expect_err("the last operation is refused");
    assert!(matches!(error, StorageError::Refused { index: 2, .. }), "{error}");
    assert_eq!(get(store, key).await, before);
    assert_eq!(numbers(store, "is:any").await, [1]);
}

/// Operations of one batch build on each other, and links may point forward.
pub async fn operations_refer_to_issues_of_the_same_batch(store: &dyn IssueStorage) {
    let first = Draft { links: vec![(LinkKind::BlockedBy, Target::Created(1))], ..Draft::new("first") };
    let outcome = apply(
        store,
        vec![
            Operation::Create(Box::new(first)),
            Operation::Create(Box::new(Draft::new("second"))),
            Operation::Update {
                target: Target::Created(1),
                expected: None,
                changes: vec![Change::AddLabel("made".to_owned())],
            },
        ],
    )
    .await;
    let keys: Vec<IssueKey> = outcome.outcomes.iter().map(|outcome| outcome.key).collect();
    assert_eq!(keys[1], keys[2]);
    assert!(get(store, keys[0]).await.derived.is_blocked());
    assert!(get(store, keys[1]).await.issue.labels.contains("made"));
    let dangling = Operation::Update { target: Target::Created(0), expected: None, changes: Vec::new() };
    let error = apply_at(store, 0, vec![dangling]).await.expect_err("nothing was created");
    assert!(matches!(error, StorageError::Refused { index: 0, source: OperationError::NotCreated { .. } }), "{error}");
}

/// Each operation tells the version that its issue has when the whole batch is applied, if it still is there.
pub async fn versions_are_those_after_the_whole_batch(store: &dyn IssueStorage) {
    let key = create_titled(store, "first").await;
    let title = |title: &str| update(key, [Change::Title(title.to_owned())]);
    let versions = async |operations| {
        let outcome = apply(store, operations).await;
        outcome.outcomes.into_iter().map(|outcome| outcome.version).collect::<Vec<_>>()
    };
    let twice = versions(vec![title("second"), title("second"), title("third")]).await;
    assert_eq!(twice, [Some(get(store, key).await.version); 3]);
    let delete = |target: Target| Operation::Delete { target, expected: None };
    assert_eq!(versions(vec![title("third"), title("fourth"), delete(key.into())]).await, [None; 3]);
    let short_lived = vec![Operation::Create(Box::new(Draft::new("new"))), delete(Target::Created(0))];
    assert_eq!(versions(short_lived).await, [None; 2]);
}

/// A link is stored once and shown twice.
pub async fn links_are_seen_from_both_ends(store: &dyn IssueStorage) {
    let target = create_titled(store, "target").await;
    for kind in LinkKind::ALL {
        let holder = create_titled(store, kind.as_str()).await;
        change(store, holder, [Change::AddLink { kind, target: target.number.into() }]).await;
        let near = get(store, holder).await.derived.links;
        assert_eq!(near.len(), 1);
        assert_eq!((near[0].relation, near[0].name), (Relation::stored(kind), target.into()));
        let far = get(store, target).await.derived.links;
        assert!(
            far.iter().any(|end| end.relation == Relation::derived(kind)
                && end.target.as_ref().is_some_and(|issue| issue.key == holder && issue.title == kind.as_str())),
            "{kind}: {far:?}"
        );
    }
}

/// An issue has one parent.
pub async fn a_second_parent_replaces_the_first(store: &dyn IssueStorage) {
    let [old, new, child] =
        [create_titled(store, "old").await, create_titled(store, "new").await, create_titled(store, "child").await];
    for parent in [old, new] {
        change(store, child, [Change::AddLink { kind: LinkKind::Parent, target: parent.into() }]).await;
    }
    let links = get(store, child).await.derived.links;
    assert_eq!(links.iter().map(|end| end.name).collect::<Vec<_>>(), [new.into()]);
    assert_eq!(numbers(store, &format!("parent:{new}")).await, [child.number.get()]);
    assert!(get(store, old).await.derived.links.is_empty());
}

/// What waited for an issue is ready when that is closed, and only then.
pub async fn closing_unblocks_dependents(store: &dyn IssueStorage) {
    let one = create_titled(store, "one").await;
    let two = create_titled(store, "two").await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(one), blocked_by(two)]).await;
    assert_eq!(numbers(store, "is:ready sort:number").await, [1, 2]);
    assert_eq!(numbers(store, "is:blocked").await, [3]);
    let close = |reason| Change::Close { reason, note: Some("done so".to_owned()) };
    change(store, one, [close(CloseReason::Completed)]).await;
    assert!(get(store, waiting).await.derived.is_blocked());
    change(store, two, [close(CloseReason::Cancelled)]).await;
    assert!(!get(store, waiting).await.derived.is_blocked());
    assert_eq!(numbers(store, "is:ready").await, [3]);
    let closure = get(store, two).await.issue.closure.expect("it is closed");
    assert_eq!((closure.at, closure.reason), (Some(at(0)), CloseReason::Cancelled));
    assert_eq!(closure.note.as_deref(), Some("done so"));
}

/// A blocker that is reopened blocks again.
pub async fn reopening_blocks_them_again(store: &dyn IssueStorage) {
    let blocker = create_titled(store, "blocker").await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(blocker)]).await;
    change(store, blocker, [Change::Status(Status::new("closed"))]).await;
    assert_eq!(numbers(store, "is:ready").await, [2]);
    change(store, blocker, [Change::Reopen]).await;
    assert_eq!(numbers(store, "is:ready").await, [1]);
    assert_eq!(get(store, blocker).await.issue.closure, None);
    let again = apply_at(store, 0, vec![update(blocker, [Change::Reopen])]).await.expect_err("it is open");
    assert!(matches!(again, StorageError::Refused { source: OperationError::NotClosed { .. }, .. }), "{again}");
}

/// A deleted issue leaves no link behind, and what it blocked is ready.
pub async fn deleting_removes_the_links_to_it(store: &dyn IssueStorage) {
    let gone = create(store, Draft { comments: vec![DraftComment::new("last words")], ..Draft::new("gone") }).await;
    let waiting = create_titled(store, "waiting").await;
    change(store, waiting, [blocked_by(gone)]).await;
    let outcome = apply(store, vec![Operation::Delete { target: gone.into(), expected: None }]).await;
    assert_eq!((outcome.outcomes[0].effect, outcome.outcomes[0].version), (Effect::Deleted, None));
    assert!(matches!(store.get(gone.into()).await, Err(StorageError::NotFound { .. })));
    let waiting = get(store, waiting).await;
    assert!(waiting.issue.links.is_empty() && waiting.derived.links.is_empty());
    assert_eq!(numbers(store, "is:ready").await, [2]);
    assert_eq!(numbers(store, "comment:words").await, [0; 0]);
}

/// A few questions of each sort; the property tests ask many more.
pub async fn lists_follow_the_query(store: &dyn IssueStorage) {
    for (title, priority, label, assignee) in [
        ("Cache goes stale", Priority::High, "cache", "ann"),
        ("Index is slow", Priority::Low, "perf", "bo"),
        ("Cache is cold", Priority::Critical, "cache", "bo"),
    ] {
        create(
            store,
            Draft {
                priority,
                labels: [label.to_owned()].into(),
                assignees: [assignee.to_owned()].into(),
                ..Draft::new(title)
            },
        )
        .await;
    }
    for (text, expected) in [
        ("", &[3, 2, 1][..]),
        ("label:CACHE", &[3, 1]),
        ("-label:cache", &[2]),
        ("assignee:me", &[1]),
        ("priority:>=high sort:priority", &[3, 1]),
        ("priority:low,critical sort:number-asc", &[2, 3]),
        ("label:perf OR assignee:ann", &[2, 1]),
        ("cache -cold", &[1]),
        ("sort:title-asc", &[1, 3, 2]),
        ("is:closed", &[]),
        ("number:2..3", &[3, 2]),
        ("limit:1", &[3]),
    ] {
        assert_eq!(numbers(store, text).await, expected, "{text}");
    }
}

/// Following the cursor gives every issue once, in order.
pub async fn pages_join_without_gaps_or_repeats(store: &dyn IssueStorage) {
    let operations = (0..11)
        .map(|place| {
            Operation::Create(Box::new(Draft {
                priority: Priority::from_rank(place % 3).expect("below five"),
                due: (place % 4 != 0).then(|| jiff::civil::date(2026, 12, 1 + (place % 4) as i8)),
                ..Draft::new(format!("issue {place}"))
            }))
        })
        .collect();
    apply(store, operations).await;
    for sort in ["", "sort:due", "sort:priority,due-asc", "sort:milestone", "sort:title-asc"] {
        let whole = numbers(store, &format!("{sort} limit:100")).await;
        assert_eq!(whole.len(), 11);
        let mut joined = Vec::new();
        let mut query = query(store, &format!("{sort} limit:3")).await;
        loop {
            let page = store.list(&query, &moment()).await.expect("the page is answered");
            joined.extend(page.issues.iter().map(|issue| issue.key.number.get()));
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(joined, whole, "{sort}");
    }
}

/// Words match whole tokens without regard to case; phrases stay within one text.
pub async fn text_is_found_in_title_body_and_comments(store: &dyn IssueStorage) {
    let body = Draft { body: "The Écran flickers.\nparse_file(x)".to_owned(), ..Draft::new("Dim light") };
    let key = create(store, body).await;
    change(
        store,
        key,
        [Change::AddComment(DraftComment::new("broken on start")), Change::AddComment(DraftComment::new("up again"))],
    )
    .await;
    for (text, found) in [
        ("écran", true),
        ("ÉCRAN", true),
        ("flick", false),
        ("flick*", true),
        ("\"parse file\"", true),
        ("\"on start\"", true),
        ("\"start up\"", false),
        ("\"light the\"", false),
        ("title:dim", true),
        ("body:dim", false),
        ("comment:broken", true),
        ("title:broken", false),
        ("dim -again", false),
    ] {
        assert_eq!(numbers(store, text).await.len(), usize::from(found), "{text}");
    }
    let texts = store.texts(&[key]).await.expect("the texts are readable");
    assert_eq!((texts[0].title.as_str(), texts[0].comments.len()), ("Dim light", 2));
}

/// External references lead to their issues, all of them.
pub async fn references_find_their_issues(store: &dyn IssueStorage) {
    let with = |title: &str| Draft { references: ["beads:x-1".to_owned()].into(), ..Draft::new(title) };
    let one = create(store, with("one")).await;
    let two = create(store, with("two")).await;
    let found =
        store.by_reference(&["beads:x-1".to_owned(), "beads:x-2".to_owned()]).await.expect("references are readable");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("beads:x-1".to_owned(), vec![one, two])]);
    let id = store.get(one.into()).await.expect("the issue is readable").issue.id;
    let wanted = ["beads:x-1", "beads:x-2"].map(|name| Identity { id, reference: Some(name.to_owned()) });
    let unreadable = store.find_unreadable(&wanted).await.expect("the store can be searched");
    assert_eq!(unreadable, [None, None], "what can be read is not among what can't");
}

/// A graph holds what its scope reaches, and the links between those.
pub async fn graphs_stay_in_their_scope(store: &dyn IssueStorage) {
    let mut keys = Vec::new();
    for title in ["a", "b", "c", "alone"] {
        keys.push(create_titled(store, title).await);
    }
    change(store, keys[0], [blocked_by(keys[1])]).await;
    change(store, keys[1], [blocked_by(keys[2])]).await;
    let scope = |roots: &[IssueKey], depth, closed| GraphScope {
        roots: roots.to_vec(),
        follow: [Relation::BlockedBy].into(),
        closed,
        depth,
    };
    let nodes = async |scope: GraphScope| -> Vec<IssueKey> {
        store.graph(&scope).await.expect("the graph is readable").value.nodes.into_keys().collect()
    };
    assert_eq!(nodes(scope(&keys[..1], None, false)).await, keys[..3]);
    assert_eq!(nodes(scope(&keys[..1], Some(1), false)).await, keys[..2]);
    assert_eq!(nodes(scope(&keys[2..3], None, false)).await, keys[2..3]);
    assert_eq!(nodes(scope(&[], None, false)).await, keys[..3]);
    change(store, keys[1], [Change::Close { reason: CloseReason::Completed, note: None }]).await;
    assert_eq!(nodes(scope(&keys[..1], None, false)).await, keys[..1]);
    assert_eq!(nodes(scope(&keys[..1], None, true)).await, keys[..3]);
    let edges = store.graph(&scope(&keys[..1], None, true)).await.expect("readable").value.edges;
    assert_eq!(
        edges.into_iter().collect::<Vec<_>>(),
        [(keys[0], LinkKind::BlockedBy, keys[1]), (keys[1], LinkKind::BlockedBy, keys[2])]
    );
}

/// Counts agree with what was made.
pub async fn stats_count_what_the_query_asks_for(store: &dyn IssueStorage) {
    let one = create(
        store,
        Draft { labels: ["cache".to_owned()].into(), due: Some(jiff::civil::date(2020, 1, 1)), ..Draft::new("one") },
    )
    .await;
    let two = create(store, Draft { assignees: ["bo".to_owned()].into(), ..Draft::new("two") }).await;
    let three = create_titled(store, "three").await;
    change(store, two, [blocked_by(one), Change::AddComment(DraftComment::new("hm"))]).await;
    change(store, three, [Change::Close { reason: CloseReason::Completed, note: None }]).await;
    let everything = query(store, "").await;
    let Checked { value: stats, problems, freshness } = store.stats(&everything, &moment()).await.expect("readable");
    let page = store.list(&everything, &moment()).await.expect("the list is readable");
    assert_eq!((problems, freshness.mode), (0, page.freshness.mode), "counts are as fresh as lists");
    assert_eq!((stats.total, stats.ready, stats.blocked, stats.overdue, stats.comments), (3, 1, 1, 1, 1));
    assert_eq!(stats.by_category.into_iter().collect::<Vec<_>>(), [(Category::Open, 2), (Category::Closed, 1)]);
    assert_eq!(stats.open_by_label.into_iter().collect::<Vec<_>>(), [("cache".to_owned(), 1)]);
    assert_eq!(stats.open_by_assignee.into_iter().collect::<Vec<_>>(), [(String::new(), 1), ("bo".to_owned(), 1)]);
    assert_eq!(stats.open_by_priority.into_iter().collect::<Vec<_>>(), [(Priority::Medium, 2)]);
    let some = store.stats(&query(store, "label:cache").await, &moment()).await.expect("stats are readable").value;
    assert_eq!((some.total, some.ready), (1, 1));
}

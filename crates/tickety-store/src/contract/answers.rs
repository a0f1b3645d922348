//! Claims about questions: lists, searches, references, graphs, counts.

use tickety_core::graph::Relation;
use tickety_core::ident::IssueKey;
use tickety_core::issue::{CloseReason, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_core::schema::Category;

use super::{apply, blocked_by, change, create, create_titled, moment, numbers, query};
use crate::storage::{Checked, GraphScope, Identity, IssueStorage};

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

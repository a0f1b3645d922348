//! The contract of [`IssueStorage`]: what holds for every store, as functions that panic where it
//! doesn't.
//!
//! A store's tests call [`contract_tests!`](crate::contract_tests) with an expression that makes an
//! empty store; every claim becomes a test of its own.

mod answers;
mod batches;
mod events;
mod issues;
mod links;
mod refusals;
mod requests;
mod stamps;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_core::ident::IssueKey;
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_core::query::{Moment, Query};

use crate::error::StorageError;
use crate::storage::{Batch, BatchOutcome, Effect, IssueStorage, StoredIssue};
pub use answers::*;
pub use batches::*;
pub use events::*;
pub use issues::*;
pub use links::*;
pub use refusals::*;
pub use requests::*;
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
            changes_of_different_fields_are_both_kept
            of_two_changes_of_a_field_one_is_refused_with_both_values
            a_batch_applies_whole_or_not_at_all
            a_request_is_done_once
            a_key_is_not_used_for_another_request
            only_what_was_rolled_back_is_tried_again
            operations_refer_to_issues_of_the_same_batch
            versions_are_those_after_the_whole_batch
            a_rolled_back_batch_tells_every_failure
            each_operation_can_stand_for_itself
            a_circle_is_refused_for_the_operation_that_closes_it
            a_preview_tells_what_would_be_and_leaves_everything
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
            differences_leave_nothing_out
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
    store.apply(Batch::new(operations, Some("ann".to_owned()), at(seconds))).await
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

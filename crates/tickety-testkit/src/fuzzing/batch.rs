//! The files of `tickety batch apply`.

use pollster::block_on;
use tickety_api::operation::{LocalNames, WireOperation};
use tickety_core::Issue;
use tickety_core::ident::IssueSelector;
use tickety_core::operation::Operation;
use tickety_core::query::{Query, SortBy, SortKey};
use tickety_store::{Batch, BatchMode, BatchOutcome, IssueStorage, MemoryStore};

use super::{moment, now, sample, schema};

/// Reads operations, works out what they would do, and applies them to issues that are there: all or nothing, and each
/// by itself.
pub fn batch_file(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let schema = schema();
    let mut names = LocalNames::new(&schema.prefix);
    let mut operations: Vec<Operation> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // A line that is wrong hides none of the others here, so that more is tried.
        match serde_json::from_str::<WireOperation>(line.trim()) {
            Ok(wire) => match names.operation(operations.len(), wire) {
                Ok(operation) => operations.push(operation),
                Err(fault) => drop(fault.to_string()),
            },
            Err(error) => drop(error.to_string()),
        }
    }
    for mode in [BatchMode::Atomic, BatchMode::Each] {
        let store = MemoryStore::new(schema.clone());
        for operations in sample(6).batches() {
            block_on(store.apply(Batch::new(operations, None, now()))).expect("samples can be written");
        }
        let before = issues(&store);
        let batch = Batch::new(operations.clone(), Some("ann".to_owned()), now());
        let preview = block_on(store.preview(batch.clone(), mode)).expect("it can be told what would happen");
        assert!(issues(&store) == before, "a preview changed something");
        let outcome = block_on(store.submit(batch, mode)).expect("it can be told what happens");
        assert_eq!(effects(&preview.outcome), effects(&outcome), "what was foretold");
        let after = issues(&store);
        if outcome.rolled_back {
            assert!(mode == BatchMode::Atomic && !outcome.failures.is_empty() && after == before, "rolled back");
        } else {
            assert!(mode == BatchMode::Each || outcome.failures.is_empty(), "a part of a batch was applied");
            assert_eq!(outcome.outcomes.len() + outcome.failures.len(), operations.len(), "all are told of");
        }
    }
}

/// What became of each operation: its place and the effect, none for one that failed.
fn effects(outcome: &BatchOutcome) -> Vec<(usize, Option<&'static str>)> {
    let applied = outcome.outcomes.iter().map(|outcome| (outcome.index, Some(outcome.effect.as_str())));
    let failed = outcome.failures.iter().map(|failure| (failure.index, None));
    let mut all: Vec<_> = applied.chain(failed).collect();
    all.sort();
    all
}

/// All issues, by number.
pub(super) fn issues(store: &MemoryStore) -> Vec<Issue> {
    let sort = vec![SortKey { by: SortBy::Number, descending: false }];
    let query = Query { sort, limit: Some(100_000), ..Query::default() };
    let page = block_on(store.list(&query, &moment())).expect("memory can be read");
    let selectors: Vec<IssueSelector> = page.issues.iter().map(|issue| issue.key.into()).collect();
    let stored = block_on(store.get_many(&selectors)).into_iter();
    stored.map(|stored| stored.expect("it was listed").issue).collect()
}

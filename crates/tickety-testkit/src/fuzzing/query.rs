//! Queries.

use pollster::block_on;
use tempfile::TempDir;
use tickety_core::ident::IssueKey;
use tickety_core::query::Query;
use tickety_core::schema::Schema;
use tickety_store::repo::RepoStore;
use tickety_store::{Batch, FreshnessMode, IssueStorage, MemoryStore, Page, StorageError};

use super::{home, moment, now, sample, schema};

/// How many issues are asked about.
const ISSUES: u32 = 40;

thread_local! {
    static STORES: Stores = Stores::new();
}

/// A store that evaluates queries issue by issue and one that has an index, with the same issues.
struct Stores {
    schema: Schema,
    memory: MemoryStore,
    repo: RepoStore,
    _folder: TempDir,
}

impl Stores {
    fn new() -> Self {
        let schema = schema();
        let memory = MemoryStore::new(schema.clone());
        let folder = home::folder();
        home::init(folder.path());
        let repo = home::open(folder.path(), FreshnessMode::Verify);
        for operations in sample(ISSUES).batches() {
            for store in [&memory as &dyn IssueStorage, &repo] {
                let batch = Batch::new(operations.clone(), None, now());
                block_on(store.apply(batch)).expect("samples can be written");
            }
        }
        // From here on nobody else writes.
        let repo = home::open(folder.path(), FreshnessMode::Trust);
        Self { schema, memory, repo, _folder: folder }
    }
}

/// Parses a query, prints and parses it again, and asks it: of the issues one by one and of the index.
pub fn query(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    STORES.with(|stores| {
        let schema = &stores.schema;
        let query = match Query::parse(text, schema) {
            Ok(query) => query,
            Err(error) => {
                assert!(text.get(error.span()).is_some(), "the place of the error is outside");
                return drop((error.to_string(), error.render()));
            }
        };
        let printed = query.to_string();
        assert_eq!(Query::parse(&printed, schema).as_ref(), Ok(&query), "printed as `{printed}`");
        assert_eq!(query.clone().canonical(), query, "what is parsed is canonical");
        let moment = moment();
        let expected = block_on(stores.memory.list(&query, &moment));
        let answer = block_on(stores.repo.list(&query, &moment));
        compare(&query, expected, answer);
        let counts =
            [&stores.memory as &dyn IssueStorage, &stores.repo].map(|store| block_on(store.count(&query, &moment)));
        let [expected, answer] = counts.map(|count| count.map_err(|error| error.to_string()));
        assert_eq!(answer, expected, "the index counts otherwise for `{printed}`");
    });
}

fn compare(query: &Query, expected: Result<Page, StorageError>, answer: Result<Page, StorageError>) {
    let keys = |page: Page| {
        let mut keys: Vec<IssueKey> = page.issues.iter().map(|issue| issue.key).collect();
        // The order is the index's own.
        if query.is_ranked() {
            keys.sort();
        }
        keys
    };
    match (expected, answer) {
        // Which of the best are on a page is then the index's own, too.
        (Ok(expected), Ok(answer)) if query.is_ranked() && expected.next.is_some() => {
            assert_eq!(expected.issues.len(), answer.issues.len(), "`{query}`");
        }
        (Ok(expected), Ok(answer)) => {
            assert_eq!(answer.next.is_some(), expected.next.is_some(), "`{query}`");
            assert_eq!(keys(answer), keys(expected), "the index answers otherwise to `{query}`");
        }
        (expected, answer) => {
            let [expected, answer] = [expected, answer].map(|page| page.map(keys).map_err(|error| error.to_string()));
            assert_eq!(answer, expected, "`{query}`");
        }
    }
}

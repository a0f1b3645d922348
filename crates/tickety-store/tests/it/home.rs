//! A home in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollster::block_on;
use tempfile::TempDir;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::operation::{Change, Draft, Operation};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::repo::{RepoOptions, RepoStore, init};
use tickety_store::{Batch, BatchOutcome, FreshnessMode, IssueStorage as _, Page, StorageError, StoredIssue};

/// A folder with a home, removed when dropped.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    /// Makes a home in a plain folder.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path(), "TIK").unwrap();
        Self { dir }
    }

    /// Makes a home with issues of these titles.
    pub(crate) fn with(titles: &[&str]) -> Self {
        let home = Self::new();
        let drafts = titles.iter().map(|title| Operation::Create(Box::new(Draft::new(*title)))).collect();
        home.apply(drafts).unwrap();
        home
    }

    /// Opens it as another process would.
    pub(crate) fn open(&self) -> RepoStore {
        self.open_with(None)
    }

    pub(crate) fn open_with(&self, freshness: Option<FreshnessMode>) -> RepoStore {
        open_at(self.path(), freshness).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join(".tickety/local")
    }

    /// The path of the one record whose name begins with a number.
    pub(crate) fn record(&self, number: u32) -> PathBuf {
        let name = format!("{number:06}-");
        let mut found = self.records();
        found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(&name));
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// The paths of all files among the records, in order.
    pub(crate) fn records(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for shard in fs::read_dir(self.path().join(".tickety/issues")).unwrap() {
            paths.extend(fs::read_dir(shard.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
        }
        paths.sort();
        paths
    }

    /// Edits the record of an issue as an editor would, in place.
    pub(crate) fn edit(&self, number: u32, from: &str, to: &str) {
        let path = self.record(number);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn apply(&self, operations: Vec<Operation>) -> Result<BatchOutcome, StorageError> {
        apply(&self.open(), operations)
    }

    /// Empties the journal. A program that another test starts at this moment has the lock, too, until it runs: then
    /// nobody waits for that, as anywhere.
    pub(crate) fn checkpoint(&self, store: &RepoStore) {
        let kept = || fs::read_dir(self.state().join("contents")).map_or(0, Iterator::count);
        let before = kept();
        for _ in 0..100_000 {
            store.maintain(Timestamp::from_second(1_790_009_000).unwrap()).unwrap();
            if kept() > before {
                return;
            }
            std::thread::yield_now();
        }
        panic!("the journal stays as it is");
    }

    pub(crate) fn key(&self, number: u32) -> IssueKey {
        get(&self.open(), number).unwrap().issue.key()
    }
}

pub(crate) fn open_at(path: &Path, freshness: Option<FreshnessMode>) -> Result<RepoStore, StorageError> {
    RepoStore::open(path, RepoOptions { freshness, ..RepoOptions::default() })
}

pub(crate) fn apply(store: &RepoStore, operations: Vec<Operation>) -> Result<BatchOutcome, StorageError> {
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    block_on(store.apply(Batch::new(operations, Some("ann".to_owned()), now)))
}

pub(crate) fn create(title: &str) -> Operation {
    Operation::Create(Box::new(Draft::new(title)))
}

pub(crate) fn update(selector: impl Into<IssueSelector>, changes: Vec<Change>) -> Operation {
    Operation::Update { target: selector.into().into(), expected: None, changes }
}

pub(crate) fn number(number: u32) -> IssueSelector {
    tickety_core::IssueNumber::new(number).unwrap().into()
}

pub(crate) fn get(store: &RepoStore, wanted: u32) -> Result<StoredIssue, StorageError> {
    block_on(store.get(number(wanted)))
}

pub(crate) fn moment() -> Moment {
    Moment { now: Timestamp::from_second(1_790_000_000).unwrap(), zone: TimeZone::UTC, me: None }
}

pub(crate) fn list(store: &RepoStore, query: &str) -> Page {
    block_on(store.list(&Query::parse(query, &Schema::default()).unwrap(), &moment())).unwrap()
}

pub(crate) fn titles(store: &RepoStore, query: &str) -> Vec<String> {
    list(store, query).issues.into_iter().map(|issue| issue.title).collect()
}

//! The repository that is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollster::block_on;
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::sample::Sample;
use tickety_store::repo::{RepoOptions, RepoStore, init};
use tickety_store::{Batch, FreshnessMode, IssueStorage as _};

/// Between two requests.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// How many issues are made in a transaction.
const BATCH: usize = 1_000;

/// A generated repository.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) folder: PathBuf,
    /// The time it is there when the workload begins.
    now: Timestamp,
}

impl Repository {
    /// Returns the one that was generated in a folder.
    pub(crate) fn at(folder: &Path) -> Self {
        let now = "2026-11-21T12:00:00Z".parse().expect("a time");
        Self { folder: folder.to_owned(), now }
    }

    /// Generates one in a folder.
    pub(crate) fn generate(folder: &Path, seed: u64, size: u32) -> Result<Self> {
        fs::create_dir_all(folder)?;
        init(folder, "TIK")?;
        let this = Self::at(folder);
        let store = this.open(FreshnessMode::Verify)?;
        for operations in Sample::new(seed, size, this.now).in_batches_of(BATCH).batches() {
            block_on(store.apply(Batch::new(operations, Some("ann".to_owned()), this.now)))?;
        }
        Ok(this)
    }

    /// Opens it as another process would.
    pub(crate) fn open(&self, freshness: FreshnessMode) -> Result<Arc<RepoStore>> {
        let options = RepoOptions { freshness: Some(freshness), ..RepoOptions::default() };
        Ok(Arc::new(RepoStore::open(&self.folder, options)?))
    }

    /// Returns when a request of the workload comes, and from whom.
    pub(crate) fn moment(&self, turn: u32) -> Moment {
        let now = self.now + PAUSE * turn;
        Moment { now, zone: TimeZone::UTC, me: Some("ann".to_owned()) }
    }
}

/// Reads a query.
pub(crate) fn query(text: &str) -> Query {
    Query::parse(text, &Schema::default()).expect("the queries of this program are right")
}

//! What a user says about caching.

use std::sync::Arc;
use std::time::Duration;

use tickety_store::IssueStorage;

use super::CachedIssueStorage;

/// How a long-lived process keeps issues and answers in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// Whether anything is kept at all. Default: yes.
    pub enabled: bool,
    /// How long an entry is kept at the most, whatever it is. Default: 600 s for answers to questions with words,
    /// 300 s for everything else.
    pub ttl: Option<Duration>,
    /// How many issues are kept. An issue that is asked for by its id as well as by its number counts twice.
    /// Default: 10,000.
    pub issues: u64,
    /// How many answers are kept; one with more than fifty issues counts as several. Default: 1,000.
    pub answers: u64,
    /// How long an answer may be given without another look at the truth. Default: a second. `ZERO` looks every time.
    pub check_every: Duration,
    /// Whose answers they are: the first part of their keys. Default: `tickety`.
    pub namespace: String,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            ttl: None,
            issues: 10_000,
            answers: 1_000,
            check_every: Duration::from_secs(1),
            namespace: "tickety".to_owned(),
        }
    }
}

impl CacheSettings {
    /// Sets how many entries there may be: as many issues, and a tenth of it answers.
    #[must_use]
    pub fn max_entries(self, entries: u64) -> Self {
        Self { issues: entries, answers: entries.div_ceil(10), ..self }
    }

    /// Puts a cache over a store, or returns the store itself if nothing is to be kept.
    pub fn over(self, store: Arc<dyn IssueStorage>) -> Arc<dyn IssueStorage> {
        if self.enabled { Arc::new(CachedIssueStorage::new(store, self)) } else { store }
    }
}

//! What a server serves: the issues of one home, and what belongs to them.

use std::fmt;
use std::sync::Arc;

use tickety_api::cache::{IndexRows, IndexUse};
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_engine::events::EventBus;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage};
use tickety_store::{EventLog, History, IssueStorage, StorageError};
use tokio::sync::Mutex;

use crate::closing::Closing;
use crate::representations::Representations;

/// How many bytes of answers are kept where nobody says otherwise.
const ANSWERS: u64 = 32 << 20;

/// How many gates there are: issues that share one wait for each other.
const GATES: usize = 64;

/// The issues of one home. Several projects of a server share nothing: each has its store, its layers, its caches and
/// its log of events.
pub struct Project {
    pub(crate) name: String,
    pub(crate) storage: Arc<dyn IssueStorage>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) bus: Option<Arc<EventBus>>,
    pub(crate) closing: Closing,
    pub(crate) cached: Option<Arc<CachedIssueStorage>>,
    pub(crate) settings: CacheSettings,
    pub(crate) historian: Option<Arc<dyn Historian>>,
    pub(crate) index: Option<Arc<dyn Index>>,
    pub(crate) trusts_index: bool,
    pub(crate) representations: Representations,
    gates: [Arc<Mutex<()>>; GATES],
}

/// The longest name of a project.
const LONGEST_NAME: usize = 64;

/// A text that can't be the name of a project.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{name}` can't be the name of a project: use letters a-z, digits, `-`, `_` and `.`, at most {LONGEST_NAME}, no `.` first"
)]
pub struct ProjectNameError {
    name: String,
}

/// Knows what became of issues, commit by commit. Only a store in a repository does.
pub trait Historian: Send + Sync {
    /// Returns the last steps of an issue, at most so many.
    fn history(&self, selector: IssueSelector, limit: usize) -> Result<History, StorageError>;
}

/// Tells about the index of a store that has one on a disk.
pub trait Index: Send + Sync {
    /// Returns what it was good for; with `clear`, counting begins anew then.
    fn usage(&self, clear: bool) -> Result<IndexUse, StorageError>;

    /// Counts what it holds, by kind.
    fn rows(&self) -> Result<Vec<IndexRows>, StorageError>;
}

impl Project {
    /// Makes a project of its name in addresses, its store with all layers over it, and its log.
    pub fn new(name: &str, storage: Arc<dyn IssueStorage>, log: Arc<dyn EventLog>) -> Result<Self, ProjectNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.');
        if !fits {
            return Err(ProjectNameError { name: name.to_owned() });
        }
        Ok(Self {
            name: name.to_owned(),
            storage,
            log,
            bus: None,
            closing: Closing::default(),
            cached: None,
            settings: CacheSettings { enabled: false, ..CacheSettings::default() },
            historian: None,
            index: None,
            trusts_index: false,
            representations: Representations::new(ANSWERS),
            gates: std::array::from_fn(|_| Arc::default()),
        })
    }

    /// Tells a bus to look whenever something was written here.
    #[must_use]
    pub fn bus(mut self, bus: Arc<EventBus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Names what tells when streams are to end.
    #[must_use]
    pub fn closing(mut self, closing: Closing) -> Self {
        self.closing = closing;
        self
    }

    /// Names the layer that keeps issues and answers, which lies somewhere in the store, and how it does.
    #[must_use]
    pub fn cached(mut self, cached: Arc<CachedIssueStorage>, settings: CacheSettings) -> Self {
        (self.cached, self.settings) = (Some(cached), settings);
        self
    }

    /// Names who knows the history of issues.
    #[must_use]
    pub fn historian(mut self, historian: Arc<dyn Historian>) -> Self {
        self.historian = Some(historian);
        self
    }

    /// Names who tells about the index.
    #[must_use]
    pub fn index(mut self, index: Arc<dyn Index>) -> Self {
        self.index = Some(index);
        self
    }

    /// Says that answers are given from the index as it is, whatever the files say.
    #[must_use]
    pub fn trusts_index(mut self, trusts: bool) -> Self {
        self.trusts_index = trusts;
        self
    }

    /// Sets how many bytes of answers are kept as they are sent. Default: 32 MiB.
    #[must_use]
    pub fn kept_bytes(mut self, bytes: u64) -> Self {
        self.representations = Representations::new(bytes);
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store, the outermost layer of it.
    pub fn storage(&self) -> &Arc<dyn IssueStorage> {
        &self.storage
    }

    /// Returns the log of events.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Returns what happened to the answers that are kept as they are sent.
    pub fn kept_answers(&self) -> tickety_cache::Stats {
        self.representations.stats()
    }

    /// Has those who listen hear of what was written.
    pub(crate) async fn announce(&self) {
        if let Some(bus) = &self.bus {
            // Who listens hears of it later, when somebody looks again.
            bus.look().await.ok();
        }
    }

    /// Returns what those hold who compare an issue and then write to it.
    pub(crate) fn gate(&self, number: IssueNumber) -> Arc<Mutex<()>> {
        Arc::clone(&self.gates[number.get() as usize % GATES])
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("name", &self.name).finish_non_exhaustive()
    }
}

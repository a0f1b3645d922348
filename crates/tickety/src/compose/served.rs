//! The stores of a process that stays, with all layers over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tickety_engine::events::EventBus;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, GroupedIssueStorage, InstrumentedIssueStorage};
use tickety_store::repo::RepoOptions;
use tickety_store::repo::watch::{Looked, Watcher};
use tickety_store::{EventLog, FreshnessMode, IssueStorage, Stamp};

use crate::compose::{Repo, SyncStatus, options};
use crate::context::Context;
use crate::exit::CliError;

/// A home that is served: its store, the layers over it, and who watches its files.
///
/// What is dropped first is what others depend on: the layers, whose writer finishes what was handed in, then the watcher,
/// which looks once more.
pub struct Served {
    /// The outermost layer.
    pub storage: Arc<dyn IssueStorage>,
    /// The layer that keeps issues and answers, if there is one.
    pub cached: Option<Arc<CachedIssueStorage>>,
    /// How much that keeps.
    pub settings: CacheSettings,
    /// The layer that counts what is asked of the store.
    pub instrumented: Arc<InstrumentedIssueStorage>,
    /// The log of events, as fresh as answers are.
    pub log: Arc<dyn EventLog>,
    /// Who hands on what happens.
    pub bus: Arc<EventBus>,
    /// Who watches the files.
    pub watcher: Watcher,
    /// Whether that was told to look at the files again and again.
    pub polls: bool,
    /// The store itself.
    pub repo: Arc<Repo>,
}

/// How a home is to be served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Where the search for it begins.
    pub directory: PathBuf,
    /// What answers are checked against, if somebody has said.
    pub freshness: Option<FreshnessMode>,
    /// What is kept in memory.
    pub settings: CacheSettings,
    /// Whether its files are to be looked at again and again, and not watched.
    pub poll: bool,
}

impl Served {
    /// Opens a home and puts the layers over it. `looked` is told of every look of the watcher, after what it found was
    /// handed on.
    pub fn open(
        context: &Context,
        serving: Serving,
        looked: impl Fn(Looked) + Send + 'static,
    ) -> Result<Self, CliError> {
        let Serving { directory, freshness, settings, poll } = serving;
        let options = RepoOptions { now: context.fixed_time(), ..options(context, freshness, "serve") };
        let repo = Arc::new(Repo::open(&directory, options)?);
        let log: Arc<dyn EventLog> = Arc::clone(&repo) as _;
        // The watcher looks, so the bus doesn't have to.
        let bus = Arc::new(pollster::block_on(EventBus::start(Arc::clone(&repo).told()))?);
        let instrumented = Arc::new(InstrumentedIssueStorage::new(Arc::clone(&repo) as _));
        let failed = |error| CliError::io("start a thread for", Path::new("the writer"), &error);
        let grouped = Arc::new(GroupedIssueStorage::start(Arc::clone(&instrumented) as _).map_err(failed)?);
        let cached =
            settings.enabled.then(|| Arc::new(CachedIssueStorage::new(Arc::clone(&grouped) as _, settings.clone())));
        let storage = match &cached {
            Some(cached) => Arc::clone(cached) as Arc<dyn IssueStorage>,
            None => grouped,
        };
        let (told, kept) = (Arc::clone(&bus), cached.clone());
        let watcher = Watcher::start(Arc::clone(&repo), poll, move |look| {
            // First those who keep answers: who is told of an event and asks gets an answer that knows of it.
            if let Some(kept) = &kept {
                pollster::block_on(kept.changes(Stamp { series: 0, generation: 0 })).ok();
            }
            // What can't be read now is handed on after the next look.
            pollster::block_on(told.look()).ok();
            looked(look);
        });
        let watcher = watcher.map_err(|error| CliError::io("start a thread for", Path::new("the watcher"), &error))?;
        Ok(Self { storage, cached, settings, instrumented, log, bus, watcher, polls: poll, repo })
    }

    /// Whether the issues are in a repository, where git can tell which of them are not pushed.
    pub fn has_git(&self) -> bool {
        self.repo.layout().git.is_some()
    }

    /// Says why the issues can't be exchanged with a remote, if they can't.
    pub fn unsyncable(&self) -> Option<String> {
        match self.repo.sync_status() {
            Err(error) => Some(error.to_string()),
            Ok(_) if !self.has_git() => Some("its issues aren't in a git repository, or on no branch".to_owned()),
            Ok(SyncStatus { branch: None, .. }) => Some("no branch is checked out".to_owned()),
            Ok(SyncStatus { upstream: None, .. }) => Some("its branch has no upstream".to_owned()),
            Ok(_) => None,
        }
    }

    /// Returns the home itself.
    pub fn home(&self) -> &Path {
        &self.repo.layout().home
    }
}

/// Returns the time that a process that stays goes by.
pub fn clock(context: &Context) -> impl Fn() -> Timestamp + Send + Sync + use<> {
    let fixed = context.fixed_time();
    move || fixed.unwrap_or_else(Context::current_time)
}

//! Noticing what others do to the files as it happens: for processes that stay.
//!
//! A [`Watcher`] has the operating system name the files that change, and brings the index up to date with those, whatever
//! the freshness of answers: an edit in place doesn't show in the directories, which is all that `shards` looks at. Where
//! nothing can be watched (a network file system, no watches left) it looks at every file once a second, and says so. From
//! time to time it looks at every file anyway.

mod notices;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::layout::ISSUES_DIR;
use super::os;
use super::scan::Scanner;
use super::store::{Handle, RepoStore};
use crate::error::StorageError;
use crate::storage::FreshnessMode;
use notices::{Named, Notices};

/// How long notices are collected before they are looked at: editors do several things to a file, and one that is
/// looked at within a tick of the clock has to be looked at again.
const SETTLING: Duration = Duration::from_millis(30);

/// How often what is watched is looked after when nothing happens.
const TICK: Duration = Duration::from_secs(5);

/// How often every file is looked at although they are watched.
const FULL: Duration = Duration::from_mins(1);

/// How often every file is looked at where none can be watched.
const POLL: Duration = Duration::from_secs(1);

/// A look at every file may take this part of the time, so that a large home doesn't keep a processor busy.
const SHARE: u32 = 10;

/// How long to wait after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Watches the files of a home on a thread of its own, until it is dropped.
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How files are watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchMode {
    /// The operating system names what changes.
    Notices,
    /// Every file is looked at again and again.
    Polling,
}

/// What a look came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looked {
    /// How long the first of the notices that it was for had waited, or, where every file is looked at instead, how long what
    /// was found may have waited; `None` if nothing had happened.
    pub lag: Option<Duration>,
    /// Whether every file was looked at.
    pub whole: bool,
}

/// How a watcher is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchStatus {
    /// How files are watched.
    pub mode: WatchMode,
    /// Why they are not watched, where they aren't.
    pub reason: Option<String>,
    /// How long what was noticed has been waiting to be looked at. Where files are not watched, how long a change may have been
    /// waiting that nobody has noticed: since the last look began.
    pub waiting: Option<Duration>,
    /// How long ago the last look ended.
    pub looked: Option<Duration>,
    /// Why the last look failed, if it did.
    pub failure: Option<String>,
    /// Whether the configuration was written since the store was opened, which goes on with the old one.
    pub is_config_newer: bool,
}

/// What the thread, the operating system's notices and who asks share.
struct Shared {
    notices: Notices,
    status: Mutex<Status>,
}

struct Status {
    mode: WatchMode,
    reason: Option<String>,
    looked: Option<Instant>,
    /// When the last look at every file began that went well.
    begun: Option<Instant>,
    failure: Option<String>,
}

/// What is done after each look.
type Told = Box<dyn FnMut(Looked) + Send>;

impl Watcher {
    /// Begins to watch. With `poll`, files are looked at and not watched. `told` is called after each look, on the thread
    /// of the watcher, also if it found nothing: what others write with Tickety is in the index already.
    ///
    /// Fails where the system has no thread left.
    pub fn start(store: Arc<RepoStore>, poll: bool, told: impl FnMut(Looked) + Send + 'static) -> io::Result<Self> {
        let status = Status { mode: WatchMode::Polling, reason: None, looked: None, begun: None, failure: None };
        let shared = Arc::new(Shared { notices: Notices::default(), status: Mutex::new(status) });
        let mut watch = Watch { store, shared: Arc::clone(&shared), poll, watching: None, told: Box::new(told) };
        // Before it returns, so that no change after that is missed.
        watch.begin();
        let thread = thread::Builder::new().name("tickety-watcher".to_owned()).spawn(move || watch.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Returns how it is doing.
    pub fn status(&self) -> WatchStatus {
        let status = self.shared.status();
        let unnoticed = status.begun.filter(|_| status.mode == WatchMode::Polling).map(|at| at.elapsed());
        WatchStatus {
            mode: status.mode,
            reason: status.reason.clone(),
            waiting: self.shared.notices.waiting().or(unnoticed),
            looked: status.looked.map(|at| at.elapsed()),
            failure: status.failure.clone(),
            is_config_newer: self.shared.notices.is_config_newer(),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.notices.close();
        if let Some(thread) = self.thread.take() {
            // What it was told to do may have panicked: that is over then.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, Status> {
        // Each value in it stands for itself.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread works with.
struct Watch {
    store: Arc<RepoStore>,
    shared: Arc<Shared>,
    poll: bool,
    watching: Option<RecommendedWatcher>,
    told: Told,
}

impl Watch {
    fn run(mut self) {
        self.look(&Named::everything());
        let mut whole = Instant::now();
        loop {
            let polling = self.watching.is_none();
            let wait = if polling { self.poll_every() } else { TICK };
            match self.shared.notices.wait(wait, SETTLING) {
                None => return self.end(),
                Some(named) if !named.is_empty() => {
                    if named.directories {
                        self.begin();
                    }
                    if !self.look(&named) {
                        self.shared.notices.put_back(named);
                        if self.shared.notices.pause(AFTER_FAILURE) {
                            return self.end();
                        }
                    }
                }
                Some(_) if polling || whole.elapsed() >= FULL => {
                    if whole.elapsed() >= FULL {
                        whole = Instant::now();
                        self.begin();
                    }
                    self.look(&Named::everything());
                }
                Some(_) => {}
            }
            self.keep_up();
        }
    }

    /// Looks once more, for what was written last.
    fn end(&mut self) {
        self.look(&Named::default());
        self.keep_up();
    }

    /// Watches the directories that are there now, or says why they can't be watched.
    fn begin(&mut self) {
        let watched = if self.poll {
            Err("it was told not to".to_owned())
        } else if let Some(kind) = os::remote_file_system(self.store.home.fd()) {
            Err(format!("{kind} doesn't tell what other machines change"))
        } else {
            self.watch_all().map_err(|error| say(&error))
        };
        let mut status = self.shared.status();
        (status.mode, status.reason) = match watched {
            Ok(()) => (WatchMode::Notices, None),
            Err(reason) => {
                self.watching = None;
                (WatchMode::Polling, Some(reason))
            }
        };
    }

    fn watch_all(&mut self) -> notify::Result<()> {
        let home = self.store.home.path().to_owned();
        let watching = match &mut self.watching {
            Some(watching) => watching,
            None => {
                let (shared, root) = (Arc::clone(&self.shared), home.clone());
                let handle = move |event| shared.notices.take(&root, event);
                self.watching.insert(RecommendedWatcher::new(handle, Config::default())?)
            }
        };
        watching.watch(&home, RecursiveMode::NonRecursive)?;
        let issues = home.join(ISSUES_DIR);
        if !issues.is_dir() {
            return Ok(());
        }
        // Outer ones first: what is made meanwhile is listed below or noticed here.
        watching.watch(&issues, RecursiveMode::NonRecursive)?;
        let scanner = Scanner::open(&self.store.home).map_err(|error| notify::Error::generic(&error.to_string()))?;
        for shard in scanner.shards() {
            match watching.watch(&issues.join(shard.to_string()), RecursiveMode::NonRecursive) {
                // It has gone since.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                watched => watched?,
            }
        }
        Ok(())
    }

    /// Brings the index up to date, and has those who want to know told. Says whether that went well.
    fn look(&mut self, named: &Named) -> bool {
        let begun = Instant::now();
        let looked = match named.everything {
            true => self.store.look_at_everything(),
            false => self.store.look_at_named(named).map(|()| false),
        };
        let mut lag = named.since.map(|since| since.elapsed());
        {
            let mut status = self.shared.status();
            if let (true, Ok(has_changed)) = (named.everything, &looked) {
                let before = status.begun.replace(begun).filter(|_| *has_changed && self.watching.is_none());
                lag = lag.or(before.map(|before| before.elapsed()));
            }
            status.failure = looked.as_ref().err().map(ToString::to_string);
            status.looked = Some(Instant::now());
        }
        if named.everything {
            self.shared.notices.note_duration(begun.elapsed());
        }
        (self.told)(Looked { lag, whole: named.everything });
        looked.is_ok()
    }

    fn poll_every(&self) -> Duration {
        POLL.max(self.shared.notices.duration() * SHARE)
    }

    /// Does what a command does at its end.
    fn keep_up(&self) {
        self.store.record_usage();
        // What fails now is done later: what was written is durable.
        self.store.maintain(self.store.now()).ok();
    }
}

impl RepoStore {
    /// Brings the index up to date with all files, and the log of events with what others have written. Says whether any
    /// file was another.
    fn look_at_everything(&self) -> Result<bool, StorageError> {
        self.recover();
        let has_changed = self.ask(None, |handle: &mut Handle| {
            let changed = if self.trusts_index() { 0 } else { self.refresh(handle, FreshnessMode::Verify)?.changed };
            Ok(changed > 0)
        })?;
        self.bring_journal_to_log()?;
        Ok(has_changed)
    }

    /// Brings the index up to date with some files.
    fn look_at_named(&self, named: &Named) -> Result<(), StorageError> {
        let keys: Vec<_> = named.issues.iter().copied().collect();
        self.ask(None, |handle: &mut Handle| {
            // A directory tells what came and went, the records what was written in place.
            for &shard in &named.shards {
                self.refresh_shard(handle, shard, false)?;
            }
            self.refresh_issues(handle, &keys)?;
            Ok(())
        })
    }
}

/// Says why something can't be watched.
fn say(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system has no watches left: raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(24) => {
            "the system has no watches left: raise fs.inotify.max_user_instances".to_owned()
        }
        _ => error.to_string(),
    }
}

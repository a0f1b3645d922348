//! Exchanging the issues of a clone with its remote from time to time, and counting what isn't pushed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::compose::{Committer, Repo, Synced};

/// How often the figures are brought up to date where nothing is exchanged.
const COUNTING: Duration = Duration::from_mins(1);

/// After so many failures in a row the time between two tries grows no more.
const DOUBLINGS: u32 = 5;

/// A thread that does it, until it is dropped.
pub struct Syncing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What is known of it.
#[derive(Clone, Debug, Default)]
pub struct SyncState {
    /// How many changes others can't have: issues that aren't committed, and commits that aren't pushed.
    pub unpushed: u64,
    /// Since when there has been something of it.
    pub since: Option<Instant>,
    /// When an exchange last went well.
    pub succeeded: Option<Instant>,
    /// Why the last one didn't.
    pub failure: Option<String>,
    /// How many in a row didn't.
    pub failures: u32,
    /// How many went well so far, and how many didn't.
    pub counts: (u64, u64),
}

#[derive(Default)]
struct Shared {
    state: Mutex<(SyncState, bool)>,
    closed: Condvar,
}

/// How the thread works.
pub struct Work {
    /// The store.
    pub repo: Arc<Repo>,
    /// How often to exchange; `None` is never.
    pub every: Option<Duration>,
    /// Who commits, and whose is what nobody else is known to have written.
    pub actor: Option<String>,
    /// Tells the time of commits.
    pub clock: Box<dyn Fn() -> Timestamp + Send>,
    /// The name of the project, for the log.
    pub project: String,
}

impl Syncing {
    /// Begins.
    pub fn start(work: Work) -> std::io::Result<Self> {
        if work.every.is_some()
            && let Err(error) = work.repo.begin_credits()
        {
            tracing::warn!(project = work.project, %error, "who wrote what can't be told");
        }
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("tickety-sync".to_owned()).spawn(move || run(&work, &theirs))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Returns what is known.
    pub fn state(&self) -> SyncState {
        self.shared.lock().0.clone()
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.shared.lock().1 = true;
        self.shared.closed.notify_all();
        if let Some(thread) = self.thread.take() {
            // What was being exchanged is finished, and a panic is over.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (SyncState, bool)> {
        // Each value in it stands for itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits. Tells whether it is to end.
    fn wait(&self, time: Duration) -> bool {
        let waited = self.closed.wait_timeout_while(self.lock(), time, |(_, is_closed)| !*is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }
}

fn run(work: &Work, shared: &Shared) {
    let every = work.every.unwrap_or(COUNTING);
    loop {
        if work.every.is_some() {
            exchange(work, shared);
        }
        count(work, shared);
        let failures = shared.lock().0.failures.min(DOUBLINGS);
        if shared.wait(every * 2_u32.pow(failures)) {
            break;
        }
    }
    // What was written last is pushed too.
    if work.every.is_some() {
        exchange(work, shared);
    }
}

fn exchange(work: &Work, shared: &Shared) {
    let who = Committer { actor: work.actor.as_deref(), now: (work.clock)(), credits: true };
    let failure = match work.repo.sync(who, true) {
        Ok(Synced { failure: Some(failure), .. }) => Some(failure),
        Ok(Synced { held_back: Some(why), .. }) => Some(why),
        Ok(Synced { committed, merged, pushed, resolution, ambiguous, .. }) => {
            if committed.is_some() || merged > 0 || pushed > 0 {
                tracing::info!(project = work.project, committed, merged, pushed, "synced");
            }
            if let Some(number) = ambiguous.keys().next() {
                let (project, numbers) = (&work.project, ambiguous.len());
                tracing::warn!(project, numbers, "several issues have the number {number}, see `tickety renumber`");
            }
            let conflicts = resolution.resolved.iter().filter(|issue| issue.has_conflict()).count();
            (conflicts > 0).then(|| format!("{conflicts} issues have two versions of some lines, between markers"))
        }
        Err(error) => Some(error.to_string()),
    };
    let mut state = shared.lock();
    let state = &mut state.0;
    match failure {
        None => {
            (state.succeeded, state.failure, state.failures) = (Some(Instant::now()), None, 0);
            state.counts.0 += 1;
        }
        Some(failure) => {
            tracing::warn!(project = work.project, error = failure, "sync failed");
            (state.failure, state.failures) = (Some(failure), state.failures.saturating_add(1));
            state.counts.1 += 1;
        }
    }
}

fn count(work: &Work, shared: &Shared) {
    // Where git can't be asked now, the figures stay.
    let Ok(status) = work.repo.sync_status() else { return };
    let ahead = status.distance.map_or(0, |distance| distance.ahead);
    let unpushed = (status.uncommitted.len() + ahead) as u64;
    let state = &mut shared.lock().0;
    state.unpushed = unpushed;
    state.since = (unpushed > 0).then(|| state.since.unwrap_or_else(Instant::now));
}

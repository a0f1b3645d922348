//! The store of a server somewhere else: [`IssueStorage`](tickety_store::IssueStorage) and
//! [`EventLog`](tickety_store::EventLog) over HTTP, with a cache of answers.
//!
//! A [`Remote`] asks the server whether what it has is still so (`ETag`), so an answer is never older than the server's own.
//! Where the server can't be reached, questions are answered from what is kept, in memory and for the next process in a
//! folder, and [`Remote::outdated`] tells how old that is; writes fail. What the server refuses is refused, whatever is kept.
//!
//! Its futures can be polled by anything: requests run in a runtime of its own, or in one that is given. A write that has
//! begun is finished, whoever stops waiting for it.

mod asking;
mod error;
mod more;
mod options;
mod outdated;
mod store;
mod tags;
mod worker;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tickety_http::{Client, Retry, Stats, SystemClock, Wait};

use self::asking::Away;
use self::options::Place;
use self::tags::Tags;
use self::worker::Worker;
pub use error::RemoteError;
pub use options::RemoteOptions;
pub use outdated::Outdated;
pub use tickety_http::{Clock, ManualClock, Stats as ClientStats};

/// A project of a server, as a store. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Remote(Arc<Inner>);

/// What the handles share.
#[derive(Debug)]
struct Inner {
    core: Arc<Core>,
    worker: Worker,
    /// How long a write may take in all.
    bound: Duration,
}

/// What requests on their way share.
struct Core {
    client: Client,
    clock: Arc<dyn Clock>,
    place: Place,
    token: Option<String>,
    user_agent: String,
    offline: bool,
    timeout: Duration,
    patience: Duration,
    outdated: Mutex<Option<Outdated>>,
    away: Mutex<Option<Away>>,
}

/// How a server is doing, as its `/health` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: String,
    /// The version of the server.
    pub version: String,
    /// How each project is doing, in the same words.
    pub projects: std::collections::BTreeMap<String, String>,
}

/// Whom a server takes one for, as its `/session` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Who acts; `None` where nobody has to say, and whom the client names counts.
    pub user: Option<String>,
    /// What one may: `read`, `write` or `admin`.
    pub scope: String,
    /// The only project that one may ask.
    pub project: Option<String>,
}

/// How long an answer is kept that the server wasn't asked about again.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

impl Remote {
    /// Makes a store of the options. The server isn't asked; the folder of the cache is read.
    ///
    /// # Errors
    ///
    /// If the address, the project or the token can't be one, or no thread can be started.
    pub fn new(options: RemoteOptions) -> Result<Self, RemoteError> {
        let place = Place::new(&options)?;
        let RemoteOptions {
            url: _,
            project: _,
            token,
            cache,
            capacity,
            connect_timeout,
            timeout,
            patience,
            retries,
            offline,
            user_agent,
            runtime,
            clock,
        } = options;
        if token.as_ref().is_some_and(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(RemoteError::Token);
        }
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let mut builder = Client::builder()
            .capacity(capacity)
            .largest_body(usize::try_from(capacity / 4).unwrap_or(usize::MAX))
            .keep_stale(KEPT)
            .heuristic(0.0, Duration::ZERO)
            .connect_timeout(connect_timeout)
            .read_timeout(timeout)
            .timeout(timeout)
            .retry(Retry::times(retries))
            .tagging(Tags)
            .clock(Given(Arc::clone(&clock)));
        if let Some(folder) = &cache {
            builder = builder.disk(folder.join(name_of_cache(&place, token.as_deref())));
        }
        let client = builder.build().map_err(|source| RemoteError::Client { url: place.project.clone(), source })?;
        let worker = Worker::new(runtime).map_err(RemoteError::Runtime)?;
        let outdated = Mutex::default();
        let away = Mutex::default();
        let core = Core { client, clock, place, token, user_agent, offline, timeout, patience, outdated, away };
        let core = Arc::new(core);
        Ok(Self(Arc::new(Inner { core, worker, bound: timeout.saturating_mul(retries.saturating_add(1)) })))
    }

    /// Returns what the addresses of the project begin with.
    pub fn url(&self) -> &str {
        &self.0.core.place.project
    }

    /// Returns how old the oldest answer was that was given without the server, since the beginning or the last
    /// [`take_outdated`](Self::take_outdated); `None` if all came from the server, or were confirmed by it.
    pub fn outdated(&self) -> Option<Outdated> {
        self.0.core.outdated.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does the same, and begins anew.
    pub fn take_outdated(&self) -> Option<Outdated> {
        self.0.core.outdated.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the answers for the next process, if there is a folder for that. It blocks until they are written. The last handle
    /// does the same when it is dropped, unless the runtime was given.
    ///
    /// # Errors
    ///
    /// If the folder can't be written.
    pub fn save(&self) -> Result<(), RemoteError> {
        self.0.core.client.save()?;
        Ok(())
    }

    /// Returns what the cache was good for.
    pub fn http_stats(&self) -> Stats {
        self.0.core.client.stats()
    }

    /// Forgets all answers.
    pub fn forget(&self) {
        self.0.core.client.clear();
    }

    fn core(&self) -> Arc<Core> {
        Arc::clone(&self.0.core)
    }

    fn worker(&self) -> &Worker {
        &self.0.worker
    }
}

/// Names the folder of a cache: no two credentials share one.
fn name_of_cache(place: &Place, token: Option<&str>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("Tickety 2026 cache of a remote store");
    hasher.update(place.project.as_bytes());
    hasher.update(b"\n");
    hasher.update(token.unwrap_or_default().as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.worker.is_own() {
            self.worker.finish(self.bound);
            // Without it the next process asks for everything once more.
            self.core.client.save().ok();
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A clock that was given.
#[derive(Debug)]
struct Given(Arc<dyn Clock>);

impl Clock for Given {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn wait(&self, time: Duration) -> Wait {
        self.0.wait(time)
    }
}

//! Building a client.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderName;

use crate::client::{Client, Inner};
use crate::clock::{Clock, SystemClock, since_epoch};
use crate::disk::Disk;
use crate::error::Error;
use crate::retry::Retry;
use crate::rules::Rules;
use crate::stats::Counters;
use crate::store::{Limits, Store};
use crate::tags::{PathTags, Tagging};
use crate::transport::{Connections, Transport};

/// What a client goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) rules: Rules,
    pub(crate) retry: Retry,
    pub(crate) redirects: u32,
    pub(crate) sorted_query: bool,
    pub(crate) stale_if_error: Duration,
}

/// What a client is to be like. Made by [`Client::builder`].
///
/// | | default |
/// |---|---|
/// | cache | private, in memory: 64 MiB, bodies of up to 8 MiB |
/// | answers without a freshness of their own | a tenth of the time since they were modified, at most a day; else not fresh |
/// | stale answers | kept for a day, to be validated; served only if their origin says so |
/// | timeouts | 10 s to connect, 30 s between two reads, none for all of it |
/// | tries | three, see [`Retry`] |
/// | redirects | up to 10 |
#[derive(Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    limits: Limits,
    http: Option<reqwest::Client>,
    connections: Connections,
    tagging: Arc<dyn Tagging>,
    clock: Option<Arc<dyn Clock>>,
    disk: Option<PathBuf>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Builder {
    pub(crate) fn new() -> Self {
        let rules = Rules {
            shared: false,
            heuristic: 0.1,
            heuristic_limit: DAY,
            default_ttl: Duration::ZERO,
            cookies: true,
            targeted: Vec::new(),
        };
        Self {
            settings: Settings {
                rules,
                retry: Retry::default(),
                redirects: 10,
                sorted_query: true,
                stale_if_error: Duration::ZERO,
            },
            limits: Limits { bytes: 64 << 20, largest: 8 << 20, keep: DAY },
            http: None,
            connections: Connections {
                connect_timeout: Duration::from_secs(10),
                read_timeout: Duration::from_secs(30),
                timeout: None,
                idle: usize::MAX,
            },
            tagging: Arc::new(PathTags),
            clock: None,
            disk: None,
        }
    }

    /// Serves several users from one cache: what is `private` to one, or was answered to somebody's `Authorization` without being
    /// marked for all, or sets cookies, is not stored, and `s-maxage` and `proxy-revalidate` count.
    pub fn shared(mut self) -> Self {
        self.settings.rules.shared = true;
        self.settings.rules.cookies = false;
        self
    }

    /// Sets whether answers that set cookies are stored, as RFC 9111, section 7.3 allows. Default: in a private cache.
    pub fn store_cookies(mut self, store: bool) -> Self {
        self.settings.rules.cookies = store;
        self
    }

    /// Sets for which part of the time since it was last modified an answer is fresh that doesn't say so itself, and for how
    /// long at most. Default: 0.1, and a day. `0.0` turns guessing off.
    pub fn heuristic(mut self, share: f32, longest: Duration) -> Self {
        self.settings.rules.heuristic = share.clamp(0.0, 1.0);
        self.settings.rules.heuristic_limit = longest;
        self
    }

    /// Sets how long an answer is fresh that says nothing of freshness and not when it was modified, if its status allows to
    /// guess. In whole seconds. Default: not at all.
    pub fn default_ttl(mut self, time: Duration) -> Self {
        self.settings.rules.default_ttl = time;
        self
    }

    /// Sets fields that count instead of `Cache-Control` and `Expires` where they are there, the first before the others
    /// (RFC 9213): `CDN-Cache-Control`. Default: none.
    pub fn targeted(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.settings.rules.targeted = fields.into_iter().collect();
        self
    }

    /// Sets how many bytes the stored answers may take, their fields and about 1 kB each included. Default: 64 MiB. With 0
    /// nothing is stored.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Sets the largest body that is stored, in bytes; larger ones are passed on as they come. Default: 8 MiB.
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.limits.largest = bytes;
        self
    }

    /// Sets how long an answer is kept past its freshness, to be validated. Default: a day.
    pub fn keep_stale(mut self, time: Duration) -> Self {
        self.limits.keep = time;
        self
    }

    /// Sets for how long past its freshness an answer may be served if the origin can't be reached or fails with 500, 502, 503
    /// or 504, where neither request nor answer say so. What must be validated never is. Default: not at all.
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.settings.stale_if_error = time;
        self
    }

    /// Sets whether queries that differ only in the order of names are taken for the same. Default: yes.
    pub fn sorted_query(mut self, sorted: bool) -> Self {
        self.settings.sorted_query = sorted;
        self
    }

    /// Sets which answers a write invalidates. Default: [`PathTags`].
    pub fn tagging(mut self, tagging: impl Tagging) -> Self {
        self.tagging = Arc::new(tagging);
        self
    }

    /// Sets when requests are tried again. Default: [`Retry::default`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Sets how many redirects are followed, each through the cache; 0 hands them out. Default: 10.
    pub fn redirects(mut self, most: u32) -> Self {
        self.settings.redirects = most;
        self
    }

    /// Sets how long connecting may take. Default: 10 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connections.connect_timeout = time;
        self
    }

    /// Sets how long the origin may send nothing. Default: 30 s.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.connections.read_timeout = time;
        self
    }

    /// Sets how long a try may take until its answer is read to its end. Default: no limit.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.connections.timeout = Some(time);
        self
    }

    /// Sets how many idle connections to an origin are kept to be used again. Default: all.
    pub fn idle_connections(mut self, most: usize) -> Self {
        self.connections.idle = most;
        self
    }

    /// Takes a reqwest client, for what can't be said here: proxies, certificates. It must not follow redirects, or what they
    /// lead to isn't stored, nor decode bodies. The timeouts and connections said here don't count then.
    pub fn with_http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Reads what is stored from a folder, and writes it there by [`Client::save`]. The folder is made if it isn't there, for its
    /// owner alone. What can't be used is left out, see [`Client::refused`].
    pub fn disk(mut self, folder: impl Into<PathBuf>) -> Self {
        self.disk = Some(folder.into());
        self
    }

    /// Takes another source of time.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Builds the client. It reads from the disk, if there is one.
    ///
    /// # Errors
    ///
    /// If an option can't be. That TLS can't be set up is told by the first request that needs it.
    pub fn build(self) -> Result<Client, Error> {
        let http = match self.http {
            Some(http) => Transport::Given(http),
            None => Transport::new(self.connections)?,
        };
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let largest = self.limits.bytes.saturating_mul(2).saturating_add(1 << 20);
        let store = Store::new(self.limits, self.tagging, self.clock);
        let disk = self.disk.map(|folder| Disk::open(folder, largest));
        let disk = disk.map(|disk| disk.load(&store, &self.settings.rules, since_epoch(clock.now())));
        Ok(Client::new(Inner {
            http,
            settings: self.settings,
            store,
            counters: Counters::default(),
            clock,
            disk,
            refreshing: Mutex::default(),
        }))
    }
}

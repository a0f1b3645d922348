//! The client.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;

use crate::builder::{Builder, Settings};
use crate::clock::{Clock, since_epoch};
use crate::disk::Disk;
use crate::error::{DiskError, Error};
use crate::key::{FlightKey, Key};
use crate::request::{Outgoing, RequestBuilder, parse};
use crate::response::Response;
use crate::stats::{Counters, Stats};
use crate::store::Store;
use crate::transport::Transport;

/// A client that caches. A clone is another handle to the same client, its connections and its cache.
///
/// See the [crate's page](crate) for what it does. It has to be used within a tokio runtime.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// What the handles of a client share.
pub(crate) struct Inner {
    pub(crate) http: Transport,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) counters: Counters,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Option<Disk>,
    /// What is being validated in the background.
    pub(crate) refreshing: Mutex<HashSet<FlightKey>>,
}

impl Client {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Starts a client with the defaults of [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts a GET.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a HEAD.
    pub fn head(&self, url: &str) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Starts a POST.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a PUT.
    pub fn put(&self, url: &str) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH.
    pub fn patch(&self, url: &str) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE.
    pub fn delete(&self, url: &str) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Sends a request as it is: the method, the absolute URL, the fields and the body.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub async fn execute(&self, request: http::Request<Bytes>) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let url = parse(&parts.uri.to_string())?;
        self.follow(Outgoing { method: parts.method, url, headers: parts.headers, body, timeout: None }).await
    }

    /// Removes the answers to a URL, whatever fields they were selected by, and returns whether there were any. What is on its way
    /// is not stored.
    ///
    /// # Errors
    ///
    /// If it isn't a URL.
    pub fn invalidate(&self, url: &str) -> Result<bool, Error> {
        let key = Key::new(&Method::GET, &parse(url)?, self.0.settings.sorted_query);
        let removed = self.0.store.remove(&key);
        self.0.forget_now();
        Ok(removed)
    }

    /// Removes the answers to all URLs that a pattern matches and returns how many URLs that were (twice those with answers to
    /// GET and to HEAD). `*` stands for any text, `?` for any character, `[a-z]` for one of a set, and `\` takes away the
    /// meaning of the next; the parts of a query are in the order of their names. It looks at every URL.
    pub fn invalidate_pattern(&self, pattern: &str) -> u64 {
        let removed = self.0.store.invalidate_pattern(pattern);
        self.0.forget_now();
        removed
    }

    /// Removes the answers that carry a tag, see [`Tagging`](crate::Tagging).
    pub fn invalidate_tag(&self, tag: &str) {
        self.0.store.invalidate_tag(tag);
        self.0.forget_now();
    }

    /// Removes all answers.
    pub fn clear(&self) {
        self.0.store.clear();
        self.0.forget_now();
    }

    /// Returns what has been done so far and what is stored.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let cache = self.0.store.entries.stats();
        Stats {
            entries: cache.entries,
            bytes: cache.weight,
            capacity: cache.capacity,
            evicted: cache.removals.capacity,
            ..self.0.counters.stats()
        }
    }

    /// Writes what is stored to the disk and returns how many URLs that were, or `None` if there is no disk, or another process
    /// has written there since this one last read or wrote: what that has invalidated isn't brought back. It blocks, for about as
    /// long as it takes to write and sync so many bytes.
    ///
    /// # Errors
    ///
    /// If the folder or a file in it can't be written.
    pub fn save(&self) -> Result<Option<u64>, DiskError> {
        let Some(disk) = &self.0.disk else { return Ok(None) };
        disk.save(&self.0.store, &self.0.settings.rules, since_epoch(self.0.clock.now()))
    }

    /// Returns why what was on the disk was not read when the client was built, if it was there and couldn't be used.
    #[must_use]
    pub fn refused(&self) -> Option<&DiskError> {
        self.0.disk.as_ref()?.refused()
    }
}

impl Inner {
    /// Sees that what was just invalidated isn't read again by the next process: where files keep nobody from being answered,
    /// and also if nobody waits for it.
    pub(crate) fn forget_on_disk(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let inner = self.disk.is_some().then(|| self.clone());
        let running = inner.map(|inner| tokio::task::spawn_blocking(move || inner.forget_now()));
        async {
            if let Some(running) = running {
                // It doesn't panic, and where the runtime ends, so does the client.
                drop(running.await);
            }
        }
    }

    /// The same, waiting for files.
    pub(crate) fn forget_now(&self) {
        if let Some(disk) = &self.disk {
            disk.forget();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

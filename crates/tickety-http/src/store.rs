//! Where answers are stored: a cache of URLs, and one of the requests on their way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap};
use tickety_cache::{Cache, Entry, Sleep, Spawner, Task, Ticket};
use url::Url;

use crate::asked::Asked;
use crate::clock::{CacheClock, Clock};
use crate::exchange::Landed;
use crate::key::{FlightKey, Key, Of};
use crate::stored::{Chosen, Stored, VARIANTS, Variants, choose};
use crate::tags::{Tagging, trimmed};

/// How large a cache may be, and what it keeps.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of all answers.
    pub(crate) bytes: u64,
    /// Bytes of one body.
    pub(crate) largest: usize,
    /// How long an answer is kept past its freshness, to be validated or served if the origin can't be asked.
    pub(crate) keep: Duration,
}

/// The stored answers.
pub(crate) struct Store {
    pub(crate) entries: Cache<Key, Arc<Variants>>,
    pub(crate) flights: Cache<FlightKey, Landed>,
    /// Held while the answers of a URL are changed, so that none is lost.
    changing: Mutex<()>,
    limits: Limits,
    tagging: Arc<dyn Tagging>,
}

/// How many requests whose answers turned out not to be for several callers are remembered.
const FLIGHTS: u64 = 10_000;

/// The weight of an answer that is expected, by which the shards of the cache are made.
const EXPECTED: u64 = 16 * 1024;

impl Store {
    /// Makes an empty store. A clock is given for tests; the cache has a better one of its own.
    pub(crate) fn new(limits: Limits, tagging: Arc<dyn Tagging>, clock: Option<Arc<dyn Clock>>) -> Self {
        let mut entries = Cache::weighted(limits.bytes, limits.bytes / EXPECTED);
        let mut flights = Cache::builder(FLIGHTS).spawner(Tasks);
        if let Some(clock) = clock {
            entries = entries.clock(Arc::new(CacheClock(clock.clone())));
            flights = flights.clock(Arc::new(CacheClock(clock)));
        }
        Self { entries: entries.build(), flights: flights.build(), changing: Mutex::new(()), limits, tagging }
    }

    /// Returns a mark of what has been invalidated so far, to be taken before a request is sent.
    pub(crate) fn ticket(&self) -> Ticket {
        self.entries.ticket()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Chooses the answer to a request. An answer to HEAD is made of one to GET if there is one.
    pub(crate) fn choose(&self, key: &Key, asked: &Asked, now: SystemTime) -> Chosen {
        if key.of == Of::Head {
            let of_get = choose(self.entries.get(&key.with(Of::Get)).as_deref(), asked, now);
            if let Chosen::Fresh(_) = of_get {
                return of_get;
            }
        }
        choose(self.entries.get(key).as_deref(), asked, now)
    }

    /// Returns the key of the request on its way that a request may join: its URL and the fields that the stored answers were
    /// selected by. `Authorization` always counts.
    pub(crate) fn flight_key(&self, key: &Key, asked: &Asked) -> FlightKey {
        let mut names = vec![header::AUTHORIZATION];
        for stored in self.entries.peek(key).iter().flat_map(|variants| variants.iter()) {
            names.extend(stored.terms.nominated.iter().cloned());
        }
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        let values = asked.selecting(&names);
        let mut printed = String::new();
        for name in &names {
            if let Some(value) = values.get(name) {
                printed.push_str(name.as_str());
                printed.push(':');
                printed.push_str(&String::from_utf8_lossy(value.as_bytes()));
                printed.push('\n');
            }
        }
        FlightKey { url: key.url.clone(), selecting: printed }
    }

    /// Returns the tags of an answer to a key: that of its path, and what the client says.
    pub(crate) fn tags(&self, key: &str, url: &Url, headers: &HeaderMap) -> Vec<String> {
        let mut tags = self.tagging.carried(url, headers);
        let own = of_path(key);
        if !tags.iter().any(|tag| tag == own) {
            tags.push(own.to_owned());
        }
        tags
    }

    /// Stores an answer in place of those that it would be chosen for, unless something was invalidated since the ticket.
    /// Returns whether it was stored.
    pub(crate) fn insert(&self, key: &Key, url: &Url, stored: Arc<Stored>, ticket: Ticket, now: SystemTime) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut variants: Variants = vec![stored.clone()];
        if let Some(known) = self.entries.peek(key) {
            let others = known.iter().filter(|known| {
                known.terms.nominated != stored.terms.nominated || known.terms.selecting != stored.terms.selecting
            });
            variants.extend(others.take(VARIANTS - 1).cloned());
        }
        let Some(entry) = self.entry(variants, self.tags(&key.url, url, &stored.headers), now) else { return false };
        self.entries.insert_since(ticket, key.clone(), entry)
    }

    /// Removes an answer that has been found wrong, and leaves the others of its URL.
    pub(crate) fn drop_variant(&self, key: &Key, url: &Url, stored: &Arc<Stored>, now: SystemTime) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = self.ticket();
        let Some(known) = self.entries.peek(key) else { return };
        let variants: Variants = known.iter().filter(|known| !Arc::ptr_eq(known, stored)).cloned().collect();
        if variants.len() == known.len() {
            return;
        }
        // In place of the others, or not at all: what is invalidated meanwhile is not put back.
        match variants.first().map(|first| self.tags(&key.url, url, &first.headers)) {
            Some(tags) => {
                if let Some(entry) = self.entry(variants, tags, now) {
                    self.entries.insert_since(ticket, key.clone(), entry);
                }
            }
            None => drop(self.entries.remove(key)),
        }
    }

    /// Makes an entry of the answers to a URL, as it is to be stored or read from the disk.
    fn entry(&self, variants: Variants, tags: Vec<String>, now: SystemTime) -> Option<Entry<Arc<Variants>>> {
        let weight: usize = variants.iter().map(|stored| stored.weight()).sum();
        let born = variants.iter().map(|stored| stored.terms.age(now)).min()?;
        // Each counts from its own beginning; the entry from that of the youngest.
        let left = |of: &dyn Fn(&Stored) -> Duration| {
            variants.iter().map(|stored| of(stored).saturating_sub(stored.terms.age(now) - born)).max()
        };
        let soft = left(&|stored| stored.terms.lifetime)?;
        let hard = left(&|stored| stored.of_use(self.limits.keep))?;
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        Some(Entry::new(Arc::new(variants)).age(born).soft_ttl(soft).ttl(hard).weight(weight).tags(tags))
    }

    /// Removes the answers to a URL, and refuses those on their way.
    pub(crate) fn remove(&self, key: &Key) -> bool {
        let removed = [Of::Get, Of::Head, Of::Part].map(|of| self.entries.remove(&key.with(of)).is_some());
        self.flights.invalidate_tag(of_path(&key.url));
        removed.contains(&true)
    }

    /// Invalidates a tag.
    pub(crate) fn invalidate_tag(&self, tag: &str) {
        self.entries.invalidate_tag(tag);
        self.flights.invalidate_tag(tag);
    }

    /// Invalidates the URLs that a pattern matches and returns how many there were.
    pub(crate) fn invalidate_pattern(&self, pattern: &str) -> u64 {
        self.flights.invalidate_pattern(pattern);
        self.entries.invalidate_pattern(pattern)
    }

    /// Invalidates everything.
    pub(crate) fn clear(&self) {
        self.flights.clear();
        self.entries.clear();
    }

    /// Invalidates what a write to a URL makes wrong. By tags alone: removing a key refuses what is on its way for some others.
    pub(crate) fn invalidate_by(&self, method: &http::Method, key: &Key, url: &Url, answer: &HeaderMap) {
        let own = of_path(&key.url);
        self.invalidate_tag(own);
        // The fewer tags are invalidated that nobody carries, the fewer answers on their way are refused for want of knowing better.
        for tag in self.tagging.invalidated(method, url, answer).iter().filter(|tag| *tag != own) {
            self.invalidate_tag(tag);
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Returns the tag that all answers to a URL carry, whatever its query and whatever the client says.
fn of_path(url: &str) -> &str {
    trimmed(url.split_once('?').map_or(url, |(path, _)| path))
}

/// Requests are sent by tasks of the runtime that the caller runs in.
struct Tasks;

impl Spawner for Tasks {
    fn spawn(&self, task: Task) {
        // One that is dropped is driven by those who wait for it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(task);
        }
    }

    fn sleep(&self, time: Duration) -> Option<Sleep> {
        Some(Box::pin(tokio::time::sleep(time)))
    }
}

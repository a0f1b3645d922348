//! A second level, shared by several processes, behind the caches of each.
//!
//! [`SecondLevel`] is where entries lie for all, [`Backplane`] how processes tell each other what is no longer true.
//! [`Tiered`] puts a [`Cache`] in front of them. [`InProcess`] and [`LocalBackplane`] are both
//! within a process: for tests, and the reference for others, which the suites of [`contract`](crate::contract)
//! examine (feature `contract`).
//!
//! It needs the feature `async`.

mod local;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

pub use self::local::{InProcess, LocalBackplane};
use crate::cache::Cache;
use crate::class::ClassId;
use crate::entry::{Entry, Terms};
use crate::load::{LoadError, LoadOptions};
use crate::lookup::Lookup;
use crate::tag::TagName;

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the second level or the backplane did not do what was asked.
#[derive(Debug, Error)]
#[error("could not {attempted}")]
pub struct TierError {
    attempted: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TierError {
    /// Makes an error of what was attempted (`read from the second level`) and why it failed.
    pub fn new(attempted: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { attempted: attempted.into(), source: Some(source.into()) }
    }
}

/// An entry as it lies in a second level.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept<V> {
    /// The value; `None` says that there is no such thing.
    pub value: Option<V>,
    /// How old it is, when it is written and when it is read.
    pub age: Duration,
    /// How long it may be served from its beginning; `None` is for ever.
    pub ttl: Option<Duration>,
    /// How long it is fresh; `None` is as long as it lives.
    pub soft_ttl: Option<Duration>,
    /// Its weight, if it was said.
    pub weight: Option<u32>,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
}

impl<V> Kept<V> {
    /// Whether it is past its fresh time.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.soft_ttl.is_some_and(|soft| self.age >= soft)
    }
}

impl<V> From<Entry<V>> for Kept<V> {
    fn from(entry: Entry<V>) -> Self {
        let Entry { value, terms } = entry;
        let Terms { class: _, ttl, soft_ttl, age, weight, tags } = terms;
        Self { value, age, ttl, soft_ttl, weight, tags: tags.iter().map(TagName::shared).collect() }
    }
}

impl<V> From<Kept<V>> for Entry<V> {
    fn from(kept: Kept<V>) -> Self {
        let Kept { value, age, ttl, soft_ttl, weight, tags } = kept;
        Self {
            value,
            terms: Terms {
                class: None,
                ttl: ttl.or(Some(Duration::MAX)),
                soft_ttl: soft_ttl.or(Some(Duration::MAX)),
                age,
                weight,
                tags: tags.into_iter().collect(),
            },
        }
    }
}

/// Where a second level stood when it was read: what is loaded from then on may be written unless something
/// was invalidated since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// What a second level has for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<V> {
    /// An entry that isn't over, and where the second level stands.
    Found(Kept<V>, Position),
    /// Nothing.
    Missing(Position),
}

/// Entries that several processes share.
///
/// When [`remove`](Self::remove), [`invalidate_tag`](Self::invalidate_tag) or [`clear`](Self::clear) has
/// returned, nothing older is read by anybody, nor written: a [`Position`] from before is refused. The suite
/// [`contract::second_level`](crate::contract) says so with examples.
pub trait SecondLevel<K, V>: Send + Sync {
    /// Reads an entry.
    fn read<'a>(&'a self, key: &'a K) -> BoxFuture<'a, Result<Read<V>, TierError>>;

    /// Writes an entry that was loaded since a position, and says whether it was accepted.
    fn write<'a>(&'a self, key: &'a K, entry: Kept<V>, since: Position) -> BoxFuture<'a, Result<bool, TierError>>;

    /// Removes an entry.
    fn remove<'a>(&'a self, key: &'a K) -> BoxFuture<'a, Result<(), TierError>>;

    /// Removes all entries with a tag.
    fn invalidate_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), TierError>>;

    /// Removes everything.
    fn clear(&self) -> BoxFuture<'_, Result<(), TierError>>;
}

/// What is no longer true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change<K> {
    /// An entry.
    Key(K),
    /// All entries with a tag.
    Tag(Arc<str>),
    /// Everything.
    All,
    /// Messages may have been lost, so anything: what a backplane tells its own side when its connection was
    /// interrupted.
    Gap,
}

/// A change and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<K> {
    /// A number that the sender took for itself.
    pub origin: u64,
    /// What it has invalidated.
    pub change: Change<K>,
}

/// Who is told of messages.
pub type Ear<K> = Arc<dyn Fn(Message<K>) + Send + Sync>;

/// Ends a subscription when dropped.
pub struct Subscription(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Subscription {
    /// Makes a subscription of what is to be done at its end.
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Subscription")
    }
}

/// How processes tell each other what is no longer true.
pub trait Backplane<K>: Send + Sync {
    /// Tells all who listen, the sender included.
    fn publish(&self, message: Message<K>) -> BoxFuture<'_, Result<(), TierError>>;

    /// Listens until the subscription is dropped.
    fn subscribe(&self, ear: Ear<K>) -> Subscription;
}

/// A cache in front of a second level.
///
/// If the second level can't be reached, loads go to the source and what they bring is kept in the cache alone;
/// invalidations still hold here, and return the error.
pub struct Tiered<K, V> {
    cache: Cache<K, V>,
    second: Arc<dyn SecondLevel<K, V>>,
    backplane: Option<Arc<dyn Backplane<K>>>,
    origin: u64,
    errors: Arc<AtomicU64>,
    _subscription: Option<Subscription>,
}

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Puts a cache in front of a second level.
    pub fn new(cache: Cache<K, V>, second: Arc<dyn SecondLevel<K, V>>) -> Self {
        Self { cache, second, backplane: None, origin: 0, errors: Arc::default(), _subscription: None }
    }

    /// Tells others of what is invalidated here, and invalidates here what others tell of. `origin` is a number that
    /// no other on the backplane has: a random one.
    #[must_use]
    pub fn with_backplane(self, backplane: Arc<dyn Backplane<K>>, origin: u64) -> Self {
        let cache = self.cache.clone();
        let subscription = backplane.subscribe(Arc::new(move |message: Message<K>| {
            if message.origin == origin && message.change != Change::Gap {
                return;
            }
            match message.change {
                Change::Key(key) => drop(cache.remove(&key)),
                Change::Tag(tag) => cache.invalidate_tag(&tag),
                Change::All | Change::Gap => cache.clear(),
            }
        }));
        Self { backplane: Some(backplane), origin, _subscription: Some(subscription), ..self }
    }

    /// Returns the cache in front: for statistics, and for lookups that should ask nobody else.
    pub fn cache(&self) -> &Cache<K, V> {
        &self.cache
    }

    /// Returns how often the second level could not be read or written by a load.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Returns what the cache has under a key, or else the second level, or else loads it into both. Of all
    /// who ask for a key at a time one asks the second level and loads. What is stale in the second level is loaded
    /// anew, and served if that fails.
    ///
    /// # Errors
    ///
    /// If the loader fails, and nothing stale may be served.
    pub async fn load_with<E, F>(
        &self,
        key: &K,
        options: LoadOptions,
        load: impl FnOnce() -> F,
    ) -> Result<Lookup<V>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: Future<Output = Result<Entry<V>, E>> + Send + 'static,
    {
        let through = || {
            let (second, errors, key, load) = (self.second.clone(), self.errors.clone(), key.clone(), load());
            // A handle in the load would be dropped with it, so this makes no circle.
            let cache = self.cache.clone();
            async move {
                let (known, position) = match second.read(&key).await {
                    Ok(Read::Found(kept, _)) if !kept.is_stale() => return Ok(Entry::from(kept)),
                    Ok(Read::Found(kept, position)) => (Some(kept), Some(position)),
                    Ok(Read::Missing(position)) => (None, Some(position)),
                    Err(_) => {
                        errors.fetch_add(1, Ordering::Relaxed);
                        (None, None)
                    }
                };
                let entry = match (load.await, known) {
                    (Ok(entry), _) => entry,
                    (Err(_), Some(kept)) => return Ok(Entry::from(kept)),
                    (Err(error), None) => return Err(error),
                };
                if let Some(position) = position {
                    let kept = kept(&cache, options.class_id(), &entry);
                    if second.write(&key, kept, position).await.is_err() {
                        errors.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(entry)
            }
        };
        self.cache.load_with_async(key, options, through).await
    }

    /// Removes an entry everywhere.
    ///
    /// # Errors
    ///
    /// If the second level or the backplane can't be reached. It is removed here all the same.
    pub async fn remove(&self, key: &K) -> Result<(), TierError> {
        let removed = self.second.remove(key).await;
        self.cache.remove(key);
        self.publish(Change::Key(key.clone()), removed).await
    }

    /// Invalidates all entries with a tag, everywhere.
    ///
    /// # Errors
    ///
    /// If the second level or the backplane can't be reached. They are invalidated here all the same.
    pub async fn invalidate_tag(&self, tag: &str) -> Result<(), TierError> {
        let invalidated = self.second.invalidate_tag(tag).await;
        self.cache.invalidate_tag(tag);
        self.publish(Change::Tag(tag.into()), invalidated).await
    }

    /// Invalidates everything, everywhere.
    ///
    /// # Errors
    ///
    /// If the second level or the backplane can't be reached. Here it is done all the same.
    pub async fn clear(&self) -> Result<(), TierError> {
        let cleared = self.second.clear().await;
        self.cache.clear();
        self.publish(Change::All, cleared).await
    }

    /// Tells the others, and returns what failed first.
    async fn publish(&self, change: Change<K>, done: Result<(), TierError>) -> Result<(), TierError> {
        let Some(backplane) = &self.backplane else { return done };
        let published = backplane.publish(Message { origin: self.origin, change }).await;
        done.and(published)
    }
}

/// Returns an entry with the times that its class gives it, which other processes may not know.
fn kept<K, V: Clone>(cache: &Cache<K, V>, class: ClassId, entry: &Entry<V>) -> Kept<V> {
    let rules = cache.inner().rules(entry.terms.class.unwrap_or(class).0);
    let of_class = if entry.value.is_none() { rules.negative_ttl.or(rules.ttl) } else { rules.ttl };
    let given = |time: Option<Duration>, of_class| time.or(of_class).filter(|time| *time != Duration::MAX);
    let (ttl, soft_ttl) = (given(entry.terms.ttl, of_class), given(entry.terms.soft_ttl, rules.soft_ttl));
    Kept { ttl, soft_ttl, ..Kept::from(entry.clone()) }
}

impl<K, V> fmt::Debug for Tiered<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tiered").field("cache", &self.cache).finish_non_exhaustive()
    }
}

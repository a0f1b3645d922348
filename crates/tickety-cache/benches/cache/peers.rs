//! What is compared.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tickety_cache::{Cache, Entry};

const TTL: Duration = Duration::from_secs(300);

/// A cache of numbers.
pub(crate) trait Peer: Sync {
    /// Looks up.
    fn get(&self, key: u64) -> Option<u64>;
    /// Stores.
    fn put(&self, key: u64);
    /// Looks up and stores what is missing.
    fn read_through(&self, key: u64) {
        if black_box(self.get(key)).is_none() {
            self.put(key);
        }
    }
}

/// quick_cache with as many shards as ours has, and keys of a kind.
pub(crate) struct Quick<K>(quick_cache::sync::Cache<K, u64>);

impl<K: Hash + Eq + Clone> Quick<K> {
    pub(crate) fn new(capacity: u64) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
        let shards = (capacity / 5_000).clamp(1, (threads * 8).next_power_of_two());
        let options = quick_cache::OptionsBuilder::new()
            .shards(1 << shards.ilog2())
            .estimated_items_capacity(usize::try_from(capacity).unwrap_or(usize::MAX))
            .weight_capacity(capacity)
            .build()
            .expect("both capacities are set");
        Self(quick_cache::sync::Cache::with_options(
            options,
            quick_cache::UnitWeighter,
            quick_cache::DefaultHashBuilder::default(),
            quick_cache::sync::DefaultLifecycle::default(),
        ))
    }
}

impl<K: Hash + Eq + Clone + From<u64> + Send + Sync> Peer for Quick<K> {
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&K::from(key))
    }

    fn put(&self, key: u64) {
        self.0.insert(key.into(), key);
    }

    fn read_through(&self, key: u64) {
        let loaded = self.0.get_or_insert_with(&K::from(key), || Ok::<_, std::convert::Infallible>(key));
        let _ = black_box(loaded);
    }
}

/// A key that makes an entry as large as ours is: 80 bytes.
#[derive(Clone)]
pub(crate) struct Large(u64, #[expect(dead_code, reason = "it takes room")] [u64; 6]);

impl From<u64> for Large {
    #[inline]
    fn from(key: u64) -> Self {
        Self(key, [0; 6])
    }
}

impl Hash for Large {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Large {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Large {}

/// moka with a time to live.
pub(crate) struct Moka(moka::sync::Cache<u64, u64>);

impl Moka {
    pub(crate) fn new(capacity: u64) -> Self {
        Self(moka::sync::Cache::builder().max_capacity(capacity).time_to_live(TTL).build())
    }
}

impl Peer for Moka {
    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn put(&self, key: u64) {
        self.0.insert(key, key);
    }

    fn read_through(&self, key: u64) {
        black_box(self.0.get_with(key, || key));
    }
}

/// A map under a lock that is searched for its oldest entry when it is full.
pub(crate) struct Scan {
    entries: RwLock<HashMap<u64, (u64, Instant)>>,
    capacity: usize,
}

impl Scan {
    pub(crate) fn new(capacity: u64) -> Self {
        Self { entries: RwLock::default(), capacity: usize::try_from(capacity).unwrap_or(usize::MAX) }
    }
}

impl Peer for Scan {
    fn get(&self, key: u64) -> Option<u64> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(&key).filter(|(_, stored)| stored.elapsed() < TTL).map(|(value, _)| *value)
    }

    fn put(&self, key: u64) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity && !entries.contains_key(&key) {
            let oldest = entries.iter().min_by_key(|(_, (_, stored))| *stored).map(|(key, _)| *key);
            oldest.and_then(|oldest| entries.remove(&oldest));
        }
        entries.insert(key, (key, Instant::now()));
    }
}

/// Ours, with a time to live and a tag.
pub(crate) struct Ours {
    cache: Cache<u64, u64>,
    tags: Vec<&'static str>,
}

impl Ours {
    pub(crate) fn new(capacity: u64) -> Self {
        let tags = (0..64).map(|tag| &*format!("tag {tag}").leak()).collect();
        Self { cache: Cache::builder(capacity).ttl(TTL).jitter(0.1).build(), tags }
    }

    fn entry(&self, key: u64) -> Entry<u64> {
        Entry::new(key).tag(self.tags[key as usize % self.tags.len()])
    }
}

impl Peer for Ours {
    fn get(&self, key: u64) -> Option<u64> {
        self.cache.get(&key)
    }

    fn put(&self, key: u64) {
        self.cache.insert_with(key, self.entry(key));
    }

    fn read_through(&self, key: u64) {
        let load = || Ok::<_, ()>(self.entry(key));
        let _ = black_box(self.cache.load_with(&key, tickety_cache::LoadOptions::new(), load));
    }
}

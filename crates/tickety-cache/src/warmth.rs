//! Filling a cache before it is asked.

use std::hash::Hash;

use crate::cache::Cache;
use crate::class::ClassId;
use crate::entry::Entry;

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Stores entries whose keys are not there yet until the cache is full, and returns how many. Nothing is replaced,
    /// and nothing is stored that was invalidated since the call began. In a cache of several shards one that
    /// is full before the others displaces entries.
    ///
    /// ```
    /// use tickety_cache::{Cache, Entry};
    ///
    /// let cache = Cache::<u32, u32>::builder(10).build();
    /// cache.insert(3, 0);
    /// assert_eq!(cache.warm((0..100).map(|key| (key, Entry::new(key)))), 9);
    /// assert_eq!(cache.get(&3), Some(0));
    /// ```
    pub fn warm(&self, entries: impl IntoIterator<Item = (K, Entry<V>)>) -> u64 {
        let ticket = self.ticket();
        let mut stored = 0;
        for (key, entry) in entries {
            let class = entry.terms.class.unwrap_or(ClassId::DEFAULT);
            if !self.inner().has_room(class) {
                break;
            }
            if !self.contains(&key) {
                stored += u64::from(self.insert_since(ticket, key, entry));
            }
        }
        stored
    }
}

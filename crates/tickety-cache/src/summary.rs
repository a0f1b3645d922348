//! What a cache tells about itself.

use std::collections::BinaryHeap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::class::ClassId;
use crate::clock::duration;
use crate::engine::Engine;
use crate::stats::Stats;

/// An entry as it is listed by [`Cache::entries_summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntrySummary<K> {
    /// Its key.
    pub key: K,
    /// Its class.
    pub class: ClassId,
    /// How long ago it was stored or made.
    pub age: Duration,
    /// How long it may still be served; `None` is for ever.
    pub expires_in: Option<Duration>,
    /// How often it was asked for, about: one hit in so many is counted, for all.
    pub hits: u32,
    /// Its weight.
    pub weight: u32,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Whether it is past its fresh time.
    pub stale: bool,
    /// Whether it says that there is no such thing.
    pub negative: bool,
}

impl<K> EntrySummary<K> {
    /// Returns the same with another key.
    #[must_use]
    pub fn map_key<T>(self, map: impl FnOnce(K) -> T) -> EntrySummary<T> {
        let Self { key, class, age, expires_in, hits, weight, tags, stale, negative } = self;
        EntrySummary { key: map(key), class, age, expires_in, hits, weight, tags, stale, negative }
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Returns what has happened so far, in all classes together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let inner = self.inner();
        let mut stats = Stats::default();
        for class in 0..inner.world.classes.len() {
            stats.add(&self.class_stats(class));
        }
        stats.capacity = inner.spaces().map(Engine::capacity).sum();
        stats
    }

    /// Returns what has happened in a class; nothing if the cache has no such class. Classes without a capacity
    /// of their own show that of the cache.
    #[must_use]
    pub fn stats_of(&self, class: ClassId) -> Stats {
        let inner = self.inner();
        let Some(rules) = inner.world.classes.get(usize::from(class.0)) else { return Stats::default() };
        let mut stats = self.class_stats(usize::from(class.0));
        stats.capacity = inner.space(rules.space).capacity();
        stats
    }

    /// Returns the names of the classes.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &str)> {
        let classes = self.inner().world.classes.iter().enumerate();
        classes.filter_map(|(index, class)| Some((ClassId(u16::try_from(index).ok()?), class.name.as_str())))
    }

    /// Returns how many bytes of the tables are used, for keys, values and particulars, without what those point
    /// to and without room that was made for more.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.inner().spaces().map(Engine::memory).sum()
    }

    fn class_stats(&self, class: usize) -> Stats {
        Stats::of(&self.inner().counters.sum(u16::try_from(class).unwrap_or(u16::MAX)))
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// Lists at most so many entries that can be served, those with the most hits first. It looks at every entry
    /// and locks none of them for longer than that takes.
    #[must_use]
    pub fn entries_summary(&self, most: usize) -> Vec<EntrySummary<K>> {
        let inner = self.inner();
        let now = inner.world.time.now();
        let mut hottest: BinaryHeap<ByHits<K>> = BinaryHeap::new();
        for (slot, _) in inner.spaces().flat_map(Engine::iter) {
            let facts = &slot.facts;
            let hits = u32::from(facts.hits()) * inner.sampling();
            let verdict = facts.judge(now, &inner.world);
            let known = hottest.len() >= most && hottest.peek().is_some_and(|coldest| coldest.0.hits >= hits);
            if known || most == 0 || !verdict.is_live() {
                continue;
            }
            let age = facts.age(now);
            hottest.push(ByHits(EntrySummary {
                class: ClassId(facts.class()),
                age: duration(age),
                expires_in: facts.hard.duration().map(|_| duration(facts.hard.ticks() - age)),
                hits,
                weight: facts.weight(),
                tags: facts.tags().into_iter().flat_map(|tag| tag.names()).cloned().collect(),
                stale: verdict == crate::slot::Verdict::Stale,
                negative: facts.negative(),
                key: slot.key,
            }));
            if hottest.len() > most {
                hottest.pop();
            }
        }
        hottest.into_sorted_vec().into_iter().map(|entry| entry.0).collect()
    }
}

/// Orders entries so that the coldest is the greatest.
struct ByHits<K>(EntrySummary<K>);

impl<K> Ord for ByHits<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.hits.cmp(&self.0.hits)
    }
}

impl<K> PartialOrd for ByHits<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> PartialEq for ByHits<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0.hits == other.0.hits
    }
}

impl<K> Eq for ByHits<K> {}

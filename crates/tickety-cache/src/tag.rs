//! Tags: each has a stamp, and an entry that is older than a stamp of its tags is gone.
//!
//! Invalidating a tag is one counter and one store, however many entries carry it. The registry holds
//! the tags that entries carry, and a bounded number of others.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sync::{AtomicU64, Mutex, Ordering};

/// How many tags that no entry carries may be remembered besides as many as are carried.
pub(crate) const IDLE: usize = 1024;

/// A tag and when it was last invalidated, or several tags of an entry together.
///
/// An entry points to one of them, so that the entries of a single tag, which most tagged ones are, need nothing of
/// their own.
#[derive(Debug)]
pub(crate) struct Tag {
    name: Arc<str>,
    stamp: AtomicU64,
    parts: Box<[Arc<Tag>]>,
}

impl Tag {
    fn new(name: Arc<str>, stamp: u64) -> Arc<Self> {
        Arc::new(Self { name, stamp: AtomicU64::new(stamp), parts: Box::default() })
    }

    /// Returns the names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        let single = self.parts.is_empty().then_some(&self.name);
        single.into_iter().chain(self.parts.iter().map(|part| &part.name))
    }

    /// Returns the newest stamp.
    pub(crate) fn stamp(&self) -> u64 {
        let own = self.stamp.load(Ordering::Acquire);
        self.parts.iter().fold(own, |newest, part| newest.max(part.stamp()))
    }
}

/// Names of tags; most often there is at most one, for which nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    first: Option<Arc<str>>,
    others: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn push(&mut self, name: Arc<str>) {
        if self.first.is_none() {
            self.first = Some(name);
        } else {
            self.others.push(name);
        }
    }

    #[cfg(feature = "async")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.first.iter().chain(&self.others)
    }
}

impl FromIterator<Arc<str>> for Names {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.push(name));
        all
    }
}

/// The tags of a cache.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// The newest stamp of any tag. What is not older needs no look at its tags.
    newest: AtomicU64,
    pub(crate) registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(crate) tags: HashMap<Arc<str>, Arc<Tag>, quick_cache::DefaultHashBuilder>,
    /// The newest stamp of any tag that was forgotten: what a tag that isn't here may have had.
    floor: u64,
    /// At how many tags to look for some to forget.
    limit: usize,
}

impl Tags {
    /// Returns the newest stamp of any tag.
    #[inline]
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Returns the tags of these names.
    pub(crate) fn tagged(&self, names: &Names) -> Option<Arc<Tag>> {
        let first = names.first.as_ref()?;
        let mut registry = self.registry.lock();
        let first = registry.tag(first);
        if names.others.is_empty() {
            return Some(first);
        }
        let others = names.others.iter().map(|name| registry.tag(name));
        let parts = std::iter::once(first).chain(others).collect();
        Some(Arc::new(Tag { name: Arc::default(), stamp: AtomicU64::new(0), parts }))
    }

    /// Stamps a tag with the next number of a sequence. Stamps are drawn and put one after the other, so that
    /// whoever sees the newest sees all before it.
    pub(crate) fn stamp(&self, name: &str, draw: impl FnOnce() -> u64) {
        let mut registry = self.registry.lock();
        let stamp = draw();
        if let Some(tag) = registry.tags.get(name) {
            tag.stamp.store(stamp, Ordering::Release);
        } else if registry.tags.len() < registry.limit.max(IDLE) {
            let name: Arc<str> = name.into();
            let tag = Tag::new(name.clone(), stamp);
            registry.tags.insert(name, tag);
        } else {
            // No entry carries it; a load on its way that does will not be stored, nor will others that
            // bring a tag nobody knew.
            registry.floor = stamp;
        }
        self.newest.store(stamp, Ordering::Release);
    }
}

impl Registry {
    fn tag(&mut self, name: &Arc<str>) -> Arc<Tag> {
        if let Some(tag) = self.tags.get(name) {
            return tag.clone();
        }
        if self.tags.len() >= self.limit.max(IDLE) {
            self.forget();
        }
        let tag = Tag::new(name.clone(), self.floor);
        self.tags.insert(name.clone(), tag.clone());
        tag
    }

    /// Forgets what no entry carries. The next look is due when there are twice as many as now, so
    /// its cost is spread over the tags added until then.
    fn forget(&mut self) {
        let floor = &mut self.floor;
        self.tags.retain(|_, tag| {
            let carried = Arc::strong_count(tag) > 1;
            if !carried {
                *floor = (*floor).max(tag.stamp());
            }
            carried
        });
        self.limit = self.tags.len() * 2 + IDLE;
    }
}

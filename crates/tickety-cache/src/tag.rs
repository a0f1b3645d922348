//! Tags: each has a stamp, and an entry that is older than a stamp of its tags is gone.
//!
//! Invalidating a tag is one counter and one store, however many entries carry it. The registry holds
//! the tags that entries carry, and a bounded number of others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::sync::{Apart, AtomicU64, Mutex, Ordering};

/// How many tags that no entry carries a part of the registry may remember besides as many as are carried.
pub(crate) const IDLE: usize = 256;

/// How many parts the registry has, so that those who store don't wait for each other.
pub(crate) const PARTS: usize = 8;

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
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        let own = self.stamp.load(Ordering::Acquire);
        self.parts.iter().fold(own, |newest, part| newest.max(part.stamp()))
    }
}

/// The name of a tag: a literal, a `String`, or an `Arc<str>`.
///
/// It is kept as it comes, and copied only if the cache doesn't know the tag yet.
#[derive(Clone, Debug)]
pub struct TagName(Text);

#[derive(Clone, Debug)]
enum Text {
    Plain(Cow<'static, str>),
    Shared(Arc<str>),
}

impl TagName {
    pub(crate) fn shared(&self) -> Arc<str> {
        match &self.0 {
            Text::Plain(text) => (&**text).into(),
            Text::Shared(text) => text.clone(),
        }
    }
}

impl std::ops::Deref for TagName {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Plain(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl From<&'static str> for TagName {
    #[inline]
    fn from(text: &'static str) -> Self {
        Self(Text::Plain(text.into()))
    }
}

impl From<String> for TagName {
    fn from(text: String) -> Self {
        Self(Text::Plain(text.into()))
    }
}

impl From<Cow<'static, str>> for TagName {
    fn from(text: Cow<'static, str>) -> Self {
        Self(Text::Plain(text))
    }
}

impl From<Arc<str>> for TagName {
    fn from(text: Arc<str>) -> Self {
        Self(Text::Shared(text))
    }
}

/// Names of tags; most often there is at most one, for which nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    first: Option<TagName>,
    others: Vec<TagName>,
}

impl Names {
    #[inline]
    pub(crate) fn push(&mut self, name: TagName) {
        if self.first.is_none() {
            self.first = Some(name);
        } else {
            self.others.push(name);
        }
    }

    #[cfg(feature = "async")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TagName> {
        self.first.iter().chain(&self.others)
    }
}

impl<T: Into<TagName>> FromIterator<T> for Names {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.push(name.into()));
        all
    }
}

/// The tags of a cache.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// The newest stamp of any tag. What is not older needs no look at its tags.
    newest: AtomicU64,
    registry: Box<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    parts: [Apart<Mutex<Registry>>; PARTS],
    /// Held by the one who stamps.
    turn: Apart<Mutex<()>>,
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
    #[inline]
    pub(crate) fn tagged(&self, names: &Names) -> Option<Arc<Tag>> {
        let first = names.first.as_ref()?;
        let tag = |name: &TagName| self.part(name).lock().tag(name);
        if names.others.is_empty() {
            return Some(tag(first));
        }
        let parts = std::iter::once(first).chain(&names.others).map(tag).collect();
        Some(Arc::new(Tag { name: Arc::default(), stamp: AtomicU64::new(0), parts }))
    }

    /// Returns the part of the registry that a tag belongs to, by its first and last bytes and its length.
    #[inline]
    pub(crate) fn part(&self, name: &str) -> &Mutex<Registry> {
        let name = name.as_bytes();
        let word = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
        let mixed = word(name.first_chunk()) << 32 ^ word(name.last_chunk()) ^ name.len() as u64;
        &self.registry.parts[(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % PARTS]
    }

    /// Stamps a tag with the next number of a sequence. Stamps are drawn and put one after the other, so that
    /// whoever sees the newest sees all before it.
    pub(crate) fn stamp(&self, name: &str, draw: impl FnOnce() -> u64) {
        let _turn = self.registry.turn.lock();
        let stamp = draw();
        let mut registry = self.part(name).lock();
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
    fn tag(&mut self, name: &TagName) -> Arc<Tag> {
        if let Some(tag) = self.tags.get(&**name) {
            return tag.clone();
        }
        if self.tags.len() >= self.limit.max(IDLE) {
            self.forget();
        }
        let name = name.shared();
        let tag = Tag::new(name.clone(), self.floor);
        self.tags.insert(name, tag.clone());
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

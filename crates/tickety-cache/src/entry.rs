//! What is put into a cache: a value and its terms.

use std::time::Duration;

use crate::ClassId;
use crate::tag::{Names, TagName};

/// A value to be stored, with the terms it is stored under; what isn't set comes from its class.
///
/// Loaders return entries too, so the time to live can come from what was loaded.
///
/// ```
/// use std::time::Duration;
/// use tickety_cache::{Cache, Entry};
///
/// let cache = Cache::<&str, String>::builder(100).build();
/// cache.insert_with("42", Entry::new("text".to_owned()).ttl(Duration::from_secs(5)).tag("issue:42"));
/// cache.invalidate_tag("issue:42");
/// assert_eq!(cache.get("42"), None);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Entry<V> {
    pub(crate) value: Option<V>,
    pub(crate) terms: Terms,
}

/// The terms of an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) class: Option<ClassId>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) soft_ttl: Option<Duration>,
    pub(crate) age: Duration,
    pub(crate) weight: Option<u32>,
    pub(crate) tags: Names,
}

impl<V> Entry<V> {
    /// Makes an entry of a value.
    pub fn new(value: V) -> Self {
        Self { value: Some(value), terms: Terms::default() }
    }

    /// Makes an entry that says: it is known that there is no such thing.
    pub fn negative() -> Self {
        Self { value: None, terms: Terms::default() }
    }

    /// Sets the class. Default: the one the load was asked under, else [`ClassId::DEFAULT`].
    pub fn class(mut self, class: ClassId) -> Self {
        self.terms.class = Some(class);
        self
    }

    /// Sets how long the entry may be served. `Duration::ZERO` keeps it out of the cache, `Duration::MAX`
    /// is for ever.
    pub fn ttl(mut self, time: Duration) -> Self {
        self.terms.ttl = Some(time);
        self
    }

    /// Sets how long the entry is fresh.
    pub fn soft_ttl(mut self, time: Duration) -> Self {
        self.terms.soft_ttl = Some(time);
        self
    }

    /// Sets how old the value already is; its times count from then.
    pub fn age(mut self, age: Duration) -> Self {
        self.terms.age = age;
        self
    }

    /// Sets the weight, at least 1. Default: what the cache's weigher says, else 1.
    pub fn weight(mut self, weight: u32) -> Self {
        self.terms.weight = Some(weight.max(1));
        self
    }

    /// Adds a tag, by which the entry can be invalidated together with others.
    pub fn tag(mut self, tag: impl Into<TagName>) -> Self {
        self.terms.tags.push(tag.into());
        self
    }

    /// Adds tags.
    pub fn tags<T: Into<TagName>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        tags.into_iter().for_each(|tag| self.terms.tags.push(tag.into()));
        self
    }

    /// Returns the value, if the entry has one.
    pub fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }
}

impl<V> From<V> for Entry<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}

//! Entries that leave, and who is told.

use crate::ClassId;

/// Why an entry left the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// There was no room for it.
    Capacity,
    /// Its time was over.
    Expired,
    /// Another entry was stored under its key.
    Replaced,
    /// It was removed, or invalidated by tag, pattern, predicate or wholesale.
    Invalidated,
}

/// An entry that left the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed<K, V> {
    /// Its key.
    pub key: K,
    /// Its value; `None` if it said that there is no such thing.
    pub value: Option<V>,
    /// Its class.
    pub class: ClassId,
    /// Why it left.
    pub cause: Cause,
}

/// Who is told of entries that leave.
pub(crate) type Listener<K, V> = Box<dyn Fn(Removed<K, V>) + Send + Sync>;

/// Who weighs values.
pub(crate) type Weigher<K, V> = Box<dyn Fn(&K, &V) -> u32 + Send + Sync>;

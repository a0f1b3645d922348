//! Invalidating many entries at once, and sweeping those whose time is over.

use std::fmt::{Display, Write as _};
use std::hash::Hash;

use crate::cache::{Cache, Inner};
use crate::glob::Glob;
use crate::probe::Wanted;
use crate::removal::Cause;
use crate::slot::{Slot, Tally};

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Invalidates all entries that carry a tag. It costs the same whether that is none or a million: they are
    /// gone for every lookup at once, and make room when they are displaced or swept.
    pub fn invalidate_tag(&self, tag: &str) {
        let inner = self.inner();
        inner.world.tags.stamp(tag, || inner.stamp());
    }

    /// Invalidates everything.
    pub fn clear(&self) {
        let inner = self.inner();
        inner.detach(|_| true);
        for space in inner.spaces() {
            for (slot, value) in space.drain() {
                inner.gone(slot, value, Cause::Invalidated);
            }
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// Invalidates the entries whose printed key matches a pattern and returns how many that were. In the
    /// pattern `*` stands for any text, `?` for any character, `[a-z]` and `[!a-z]` for one of a set or none of
    /// it, and `\` takes away the meaning of the next. It looks at every key.
    pub fn invalidate_pattern(&self, pattern: &str) -> u64
    where
        K: Display,
    {
        let glob = Glob::new(pattern);
        let mut printed = String::new();
        let mut matches = |key: &K| {
            printed.clear();
            write!(printed, "{key}").is_ok() && glob.matches(&printed)
        };
        let inner = self.inner();
        inner.detach(&mut matches);
        inner.remove_where(|slot, _| matches(&slot.key))
    }

    /// Invalidates the entries that a predicate chooses and returns how many that were. Whatever is being
    /// loaded meanwhile is not stored, since nobody knows if it would be chosen. The value is `None` in
    /// entries that say there is no such thing.
    pub fn invalidate_if(&self, mut chosen: impl FnMut(&K, Option<&V>) -> bool) -> u64 {
        let inner = self.inner();
        inner.detach(|_| true);
        inner.remove_where(|slot, value| chosen(&slot.key, value))
    }

    /// Sweeps the entries that can't be served any more and returns how many there were. Nothing needs it to be
    /// right: it makes room earlier and brings the statistics up to date.
    pub fn maintain(&self) -> u64 {
        let inner = self.inner();
        let mut swept = 0;
        for space in inner.spaces() {
            for (slot, _) in space.iter() {
                let probe = inner.probe(&slot.key, Wanted::Useless, Tally::None);
                if let Some((slot, value)) = space.remove(&probe) {
                    inner.gone(slot, value, Cause::Expired);
                    swept += 1;
                }
            }
        }
        swept
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Inner<K, V> {
    fn remove_where(&self, mut chosen: impl FnMut(&Slot<K>, Option<&V>) -> bool) -> u64 {
        let mut removed = 0;
        for space in self.spaces() {
            for (slot, value) in space.iter() {
                if !chosen(&slot, value.as_ref()) {
                    continue;
                }
                let probe = self.probe(&slot.key, Wanted::Any, Tally::None);
                if let Some((slot, value)) = space.remove(&probe) {
                    removed += u64::from(slot.facts.judge(self.world.time.now(), &self.world).is_live());
                    self.gone(slot, value, Cause::Invalidated);
                }
            }
        }
        removed
    }
}

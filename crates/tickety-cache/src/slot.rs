//! What lies in the engine beside a value, and how a lookup judges it.
//!
//! The particulars of an entry are kept with its key, because the engine shows a key to a probe by
//! reference: a lookup judges an entry, counts its hit and looks at its tags without cloning anything,
//! and what is over is not found and its value not cloned.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::class::Rules;
use crate::clock::{Birth, Span, Tick, Time};
use crate::tag::{Tag, Tags};

/// A key with the particulars of its entry.
#[derive(Debug, Clone)]
pub(crate) struct Slot<K> {
    pub(crate) key: K,
    pub(crate) facts: Facts,
}

impl<K: Hash> Hash for Slot<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K: PartialEq> PartialEq for Slot<K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Eq> Eq for Slot<K> {}

/// The particulars of an entry: 40 bytes, since a hit's price is the memory it touches.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Up to which stamp its tags are known not to have been invalidated; `UNTAGGED` if it has none.
    checked: AtomicU64,
    tags: Option<Arc<Tag>>,
    born: Birth,
    pub(crate) soft: Span,
    pub(crate) hard: Span,
    weight: u32,
    /// When it was last asked for, if its class ends idle entries: units of 64 ticks since it was born.
    touched: AtomicU32,
    pub(crate) kind: Kind,
    /// In units of the sampling period.
    hits: AtomicU16,
}

/// Newer than any stamp.
const UNTAGGED: u64 = u64::MAX;

/// A class and two marks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind(pub(crate) u16);

const NEGATIVE: u16 = 1 << 15;
const IDLES: u16 = 1 << 14;

/// How many classes a cache may have.
pub(crate) const CLASSES: usize = 1 << 14;

impl Kind {
    #[inline]
    pub(crate) fn class(self) -> u16 {
        self.0 & !(NEGATIVE | IDLES)
    }

    #[inline]
    pub(crate) fn negative(self) -> bool {
        self.0 & NEGATIVE != 0
    }

    #[inline]
    pub(crate) fn idles(self) -> bool {
        self.0 & IDLES != 0
    }
}

/// What an entry starts with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) born: Tick,
    /// The number of the last invalidation when it was made or begun to be loaded.
    pub(crate) since: u64,
    pub(crate) class: u16,
    pub(crate) negative: bool,
    /// Whether the class ends idle entries.
    pub(crate) idles: bool,
    /// How long it is fresh, and how long it lives.
    pub(crate) spans: (Span, Span),
    pub(crate) weight: u32,
    pub(crate) tags: Option<Arc<Tag>>,
}

impl Facts {
    #[inline]
    pub(crate) fn new(start: Start) -> Self {
        let Start { born, since, class, negative, idles, spans: (soft, hard), weight, tags } = start;
        let kind = Kind(class | if negative { NEGATIVE } else { 0 } | if idles { IDLES } else { 0 });
        // What is over isn't fresh: so one comparison tells what is fresh.
        let soft = if soft.ticks() < hard.ticks() { soft } else { hard };
        Self {
            checked: AtomicU64::new(if tags.is_some() { since } else { UNTAGGED }),
            tags,
            born: Birth::new(born),
            soft,
            hard,
            weight,
            touched: AtomicU32::new(0),
            kind,
            hits: AtomicU16::new(0),
        }
    }

    #[inline]
    pub(crate) fn class(&self) -> u16 {
        self.kind.class()
    }

    #[inline]
    pub(crate) fn negative(&self) -> bool {
        self.kind.negative()
    }

    #[inline]
    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }

    #[inline]
    pub(crate) fn tags(&self) -> Option<&Tag> {
        self.tags.as_deref()
    }

    /// Returns how many hits were counted, in units of the sampling period.
    #[inline]
    pub(crate) fn hits(&self) -> u16 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Returns its age in ticks.
    #[inline]
    pub(crate) fn age(&self, now: Tick) -> u64 {
        self.born.age(now)
    }

    /// Whether the entry says nothing that time could change.
    #[inline]
    pub(crate) fn timeless(&self) -> bool {
        self.hard == Span::NEVER && self.soft == Span::NEVER && !self.kind.idles()
    }

    /// Returns the stamp up to which nothing has made it outdated: who knows of none newer need not look.
    #[inline]
    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Whether one of its tags was invalidated since it was made.
    #[inline]
    pub(crate) fn outdated(&self, tags: &Tags) -> bool {
        match &self.tags {
            Some(own) if tags.newest() > self.checked() => self.check(own, tags),
            _ => false,
        }
    }

    fn check(&self, own: &Tag, tags: &Tags) -> bool {
        // Read first: a stamp that comes after is greater and will be looked for again.
        let newest = tags.newest();
        let checked = self.checked();
        let outdated = own.stamp() > checked;
        if !outdated {
            self.checked.fetch_max(newest, Ordering::Relaxed);
        }
        outdated
    }

    /// Judges the entry as of now.
    #[inline]
    pub(crate) fn judge(&self, now: Tick, world: &World) -> Verdict {
        if self.outdated(&world.tags) {
            return Verdict::Invalidated;
        }
        let age = self.age(now);
        if age >= self.hard.ticks() {
            return self.judge_late(age, world);
        }
        if self.kind.idles() && self.idle_for(age) >= self.idle_limit(world) {
            return Verdict::Over;
        }
        if age >= self.soft.ticks() { Verdict::Stale } else { Verdict::Fresh }
    }

    #[cold]
    fn judge_late(&self, age: u64, world: &World) -> Verdict {
        let rules = world.classes.get(usize::from(self.class()));
        let kept = rules.is_some_and(|rules| age < self.hard.ticks().saturating_add(rules.fail_safe));
        if kept { Verdict::Expired } else { Verdict::Over }
    }

    fn idle_limit(&self, world: &World) -> u64 {
        world.classes.get(usize::from(self.class())).and_then(|rules| rules.idle).map_or(u64::MAX, Span::ticks)
    }

    /// Returns the ticks since it was last asked for, if anything a few too many.
    fn idle_for(&self, age: u64) -> u64 {
        age.saturating_sub(u64::from(self.touched.load(Ordering::Relaxed)) << 6)
    }

    /// Notes that it was asked for.
    pub(crate) fn tally(&self, tally: Tally, age: u64) {
        if tally == Tally::Hits {
            let hits = self.hits.load(Ordering::Relaxed);
            // Two at the same time may count as one; hits are sampled anyway.
            self.hits.store(hits.saturating_add(1), Ordering::Relaxed);
        }
        let units = u32::try_from(age >> 6).unwrap_or(u32::MAX);
        if tally != Tally::None && self.kind.idles() && self.touched.load(Ordering::Relaxed) != units {
            self.touched.store(units, Ordering::Relaxed);
        }
    }
}

impl Clone for Facts {
    fn clone(&self) -> Self {
        Self {
            checked: AtomicU64::new(self.checked.load(Ordering::Relaxed)),
            tags: self.tags.clone(),
            born: self.born,
            soft: self.soft,
            hard: self.hard,
            weight: self.weight,
            touched: AtomicU32::new(self.touched.load(Ordering::Relaxed)),
            kind: self.kind,
            hits: AtomicU16::new(self.hits()),
        }
    }
}

/// How a lookup counts on the entry it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// Not at all.
    None,
    /// As a sign of life.
    Touch,
    /// As that, and as a sampling period of hits.
    Hits,
}

/// What an entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within its fresh time.
    Fresh,
    /// To be served and to be refreshed.
    Stale,
    /// Not to be served unless loading fails.
    Expired,
    /// Of no use: past its times.
    Over,
    /// Of no use: older than a stamp of its tags.
    Invalidated,
}

impl Verdict {
    #[inline]
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }
}

/// What a judgement rests on besides the entry: what every lookup reads lies on one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct World {
    pub(crate) time: Time,
    pub(crate) tags: Tags,
    /// 0 or, if a class ends idle entries, so that glances look closely, one less than the most.
    pub(crate) closely: u64,
    /// Less by one than the number of hits that each one counted on its entry stands for.
    pub(crate) unsampled: u32,
    /// Whether any entry has had a time.
    pub(crate) timed: AtomicBool,
    /// Whether a class has entries refreshed ahead.
    pub(crate) ahead: bool,
    pub(crate) classes: Box<[Rules]>,
}

impl std::fmt::Debug for Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Time")
    }
}

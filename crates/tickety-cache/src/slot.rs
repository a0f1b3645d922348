//! What lies in the engine beside a value, and how a lookup judges it.
//!
//! The particulars of an entry are kept with its key, because the engine shows a key to a probe by
//! reference: a lookup judges an entry, counts its hit and looks at its tags without cloning anything,
//! and what is over is not found and its value not cloned.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

use equivalent::Equivalent;

use crate::class::Rules;
use crate::clock::{Birth, Span, Tick, Time};
use crate::stats::Count;
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
    /// Up to which stamp its tags are known not to have been invalidated.
    checked: AtomicU64,
    tags: Option<Arc<Tag>>,
    born: Birth,
    pub(crate) soft: Span,
    pub(crate) hard: Span,
    weight: u32,
    /// When it was last asked for, if its class ends idle entries: units of 64 ticks since it was born.
    touched: AtomicU32,
    kind: Kind,
    /// In units of the sampling period.
    hits: AtomicU16,
}

/// A class and two marks.
#[derive(Clone, Copy, Debug)]
struct Kind(u16);

const NEGATIVE: u16 = 1 << 15;
const IDLES: u16 = 1 << 14;

/// How many classes a cache may have.
pub(crate) const CLASSES: usize = 1 << 14;

impl Kind {
    #[inline]
    fn class(self) -> u16 {
        self.0 & !(NEGATIVE | IDLES)
    }

    #[inline]
    fn negative(self) -> bool {
        self.0 & NEGATIVE != 0
    }

    #[inline]
    fn idles(self) -> bool {
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
    pub(crate) fn new(start: Start) -> Self {
        let Start { born, since, class, negative, idles, spans: (soft, hard), weight, tags } = start;
        let kind = Kind(class | if negative { NEGATIVE } else { 0 } | if idles { IDLES } else { 0 });
        // What is over isn't fresh: so one comparison tells what is fresh.
        let soft = if soft.ticks() < hard.ticks() { soft } else { hard };
        Self {
            checked: AtomicU64::new(since),
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

    pub(crate) fn class(&self) -> u16 {
        self.kind.class()
    }

    pub(crate) fn negative(&self) -> bool {
        self.kind.negative()
    }

    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }

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

    /// Whether one of its tags was invalidated since it was made.
    #[inline]
    pub(crate) fn outdated(&self, tags: &Tags) -> bool {
        match &self.tags {
            Some(own) if tags.newest() > self.checked.load(Ordering::Relaxed) => self.check(own, tags),
            _ => false,
        }
    }

    fn check(&self, own: &Tag, tags: &Tags) -> bool {
        // Read first: a stamp that comes after is greater and will be looked for again.
        let newest = tags.newest();
        let checked = self.checked.load(Ordering::Relaxed);
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

    fn touch(&self, age: u64) {
        let units = u32::try_from(age >> 6).unwrap_or(u32::MAX);
        if self.kind.idles() && self.touched.load(Ordering::Relaxed) != units {
            self.touched.store(units, Ordering::Relaxed);
        }
    }

    /// Counts a hit that stands for a sampling period.
    #[cold]
    fn count(&self) {
        let hits = self.hits.load(Ordering::Relaxed);
        // Two at the same time may count as one; hits are sampled anyway.
        self.hits.store(hits.saturating_add(1), Ordering::Relaxed);
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

/// What a probe found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) verdict: Verdict,
    pub(crate) class: u16,
    pub(crate) negative: bool,
    pub(crate) age: u64,
    pub(crate) soft: Span,
    /// In units of the sampling period.
    pub(crate) hits: u16,
}

/// What a probe is looking for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Something to serve.
    Live,
    /// Something to serve or what is kept in case that loading fails.
    Kept,
    /// Whatever there is.
    Any,
    /// Something of no use any more.
    Useless,
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

/// A key to look up.
#[derive(Debug)]
pub(crate) struct Probe<'a, Q: ?Sized> {
    key: &'a Q,
    wanted: Wanted,
    tally: Tally,
    world: &'a World,
    found: Cell<Option<Found>>,
}

/// What a judgement rests on besides the entry.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) time: Time,
    /// Whether any entry has had a time.
    pub(crate) timed: AtomicBool,
    pub(crate) tags: Tags,
    pub(crate) classes: Box<[Rules]>,
    /// Whether a class has entries refreshed ahead.
    pub(crate) ahead: bool,
}

impl std::fmt::Debug for Time {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Time")
    }
}

impl<'a, Q: ?Sized> Probe<'a, Q> {
    #[inline]
    pub(crate) fn new(key: &'a Q, wanted: Wanted, tally: Tally, world: &'a World) -> Self {
        Self { key, wanted, tally, world, found: Cell::new(None) }
    }

    /// Returns what was found of the key, whether it was wanted or not.
    #[inline]
    pub(crate) fn found(&self) -> Option<Found> {
        self.found.get()
    }

    #[inline]
    fn judge(&self, facts: &Facts) -> bool {
        let now = self.world.time.now();
        let (verdict, age) = (facts.judge(now, self.world), facts.age(now));
        let wanted = match self.wanted {
            Wanted::Live => verdict.is_live(),
            Wanted::Kept => verdict.is_live() || verdict == Verdict::Expired,
            Wanted::Any => true,
            Wanted::Useless => matches!(verdict, Verdict::Over | Verdict::Invalidated),
        };
        if wanted && self.tally != Tally::None {
            if self.tally == Tally::Hits {
                facts.count();
            }
            if facts.kind.idles() {
                facts.touch(age);
            }
        }
        self.found.set(Some(Found {
            verdict,
            class: facts.class(),
            negative: facts.negative(),
            age,
            soft: facts.soft,
            hits: facts.hits(),
        }));
        wanted
    }
}

/// A key to be looked up for its value alone: what most lookups are, and no more work than they need.
#[derive(Debug)]
pub(crate) struct Glance<'a, Q: ?Sized> {
    key: &'a Q,
    world: &'a World,
    /// The time, if any entry has times: read before the engine is locked.
    now: Option<Tick>,
    tally: Tally,
    /// Whether what is stale will do.
    stale: bool,
    seen: Cell<Option<Seen>>,
}

/// What a glance has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    verdict: Verdict,
    kind: Kind,
    /// In ticks; 0 if time didn't matter.
    pub(crate) age: u64,
}

impl Seen {
    pub(crate) fn class(self) -> u16 {
        self.kind.class()
    }

    pub(crate) fn is_negative(self) -> bool {
        self.kind.negative()
    }

    /// Returns as what a lookup that found it counts.
    #[inline]
    pub(crate) fn hit(self) -> Count {
        if self.is_negative() {
            Count::NegativeHit
        } else if self.verdict == Verdict::Stale {
            Count::StaleHit
        } else {
            Count::Hit
        }
    }
}

impl<'a, Q: ?Sized> Glance<'a, Q> {
    #[inline]
    pub(crate) fn new(key: &'a Q, tally: Tally, world: &'a World) -> Self {
        let now = world.timed.load(Ordering::Relaxed).then(|| world.time.now());
        Self { key, world, now, tally, stale: true, seen: Cell::new(None) }
    }

    /// Makes one that finds what is fresh and knows its age.
    #[inline]
    pub(crate) fn fresh(key: &'a Q, now: Tick, tally: Tally, world: &'a World) -> Self {
        Self { key, world, now: Some(now), tally, stale: false, seen: Cell::new(None) }
    }

    /// Returns what was seen of the key, whether it will do or not.
    #[inline]
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen.get()
    }

    #[inline]
    fn judge(&self, facts: &Facts) -> bool {
        let age = match self.now {
            Some(now) => facts.age(now),
            None if facts.timeless() => 0,
            None => facts.age(self.world.time.now()),
        };
        if age >= facts.soft.ticks() || facts.kind.idles() || facts.outdated(&self.world.tags) {
            return self.judge_closely(facts);
        }
        self.seen.set(Some(Seen { verdict: Verdict::Fresh, kind: facts.kind, age }));
        if self.tally == Tally::Hits {
            facts.count();
        }
        true
    }

    #[cold]
    fn judge_closely(&self, facts: &Facts) -> bool {
        let now = self.now.unwrap_or_else(|| self.world.time.now());
        let verdict = facts.judge(now, self.world);
        let age = facts.age(now);
        self.seen.set(Some(Seen { verdict, kind: facts.kind, age }));
        if !verdict.is_live() || !self.stale && verdict == Verdict::Stale {
            return false;
        }
        if self.tally != Tally::None {
            facts.touch(age);
        }
        if self.tally == Tally::Hits {
            facts.count();
        }
        true
    }
}

impl<Q: Hash + ?Sized> Hash for Glance<'_, Q> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K, Q: Equivalent<K> + ?Sized> Equivalent<Slot<K>> for Glance<'_, Q> {
    #[inline]
    fn equivalent(&self, slot: &Slot<K>) -> bool {
        self.key.equivalent(&slot.key) && self.judge(&slot.facts)
    }
}

impl<Q: Hash + ?Sized> Hash for Probe<'_, Q> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K, Q: Equivalent<K> + ?Sized> Equivalent<Slot<K>> for Probe<'_, Q> {
    #[inline]
    fn equivalent(&self, slot: &Slot<K>) -> bool {
        self.key.equivalent(&slot.key) && self.judge(&slot.facts)
    }
}

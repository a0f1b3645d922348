//! Keys to look up, as the engine takes them: it compares them with slots, and so shows them what it has found.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;

use equivalent::Equivalent;

use crate::clock::{Span, Tick};
use crate::slot::{Facts, Kind, Slot, Tally, Verdict, World};
use crate::stats::Count;

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

/// A key to look up.
#[derive(Debug)]
pub(crate) struct Probe<'a, Q: ?Sized> {
    key: &'a Q,
    wanted: Wanted,
    tally: Tally,
    world: &'a World,
    found: Cell<Option<Found>>,
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

    fn judge(&self, facts: &Facts) -> bool {
        let now = self.world.time.now();
        let (verdict, age) = (facts.judge(now, self.world), facts.age(now));
        let wanted = match self.wanted {
            Wanted::Live => verdict.is_live(),
            Wanted::Kept => verdict.is_live() || verdict == Verdict::Expired,
            Wanted::Any => true,
            Wanted::Useless => matches!(verdict, Verdict::Over | Verdict::Invalidated),
        };
        if wanted {
            facts.tally(self.tally, age);
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

/// A key to be looked up for its value alone: what most lookups are, and no more work than they need. It finds what may
/// be served or, if `FRESH`, only what is fresh.
#[derive(Debug)]
pub(crate) struct Glance<'a, Q: ?Sized, const FRESH: bool> {
    key: &'a Q,
    /// The time, read before the engine is locked, or the clock's origin while no entry has times: that makes entries
    /// without times fresh and others as old as can be.
    now: Tick,
    /// The newest stamp of any tag before the engine is locked.
    newest: u64,
    closely: Closely,
    world: &'a World,
    seen: Cell<Seen>,
}

/// Whether entries have to be looked at closely in any case, and how that counts on them: 0, or older than any
/// entry can be, so that one comparison serves for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Closely(u64);

impl Closely {
    const HITS: Self = Self(u64::MAX);

    const TOUCH: Self = Self(u64::MAX - 1);

    #[inline]
    fn of(sampled: bool, world: &World) -> Self {
        Self(u64::from(sampled).wrapping_neg() | world.closely)
    }

    /// For one that leaves no trace.
    fn unseen(world: &World) -> Self {
        Self(world.closely & (u64::MAX - 2))
    }

    fn tally(self) -> Tally {
        match self {
            Self::HITS => Tally::Hits,
            Self::TOUCH => Tally::Touch,
            _ => Tally::None,
        }
    }
}

/// What a glance has seen, in one word, so that it is stored and read again in one piece: the age in ticks (of no
/// meaning if no entry has times), three bits for the verdict, and the kind.
#[derive(Clone, Copy)]
pub(crate) struct Seen(u64);

impl Seen {
    const NOTHING: Self = Self(7 << Self::VERDICT);

    const VERDICT: u32 = 16;

    const AGE: u32 = 19;

    #[inline]
    fn new(age: u64, verdict: Verdict, kind: Kind) -> Self {
        Self(age << Self::AGE | (verdict as u64) << Self::VERDICT | u64::from(kind.0))
    }

    #[inline]
    fn verdict(self) -> u64 {
        self.0 >> Self::VERDICT & 7
    }

    /// Whether the key was there at all, of use or not.
    #[inline]
    pub(crate) fn something(self) -> bool {
        self.verdict() != Self::NOTHING.verdict()
    }

    #[inline]
    fn kind(self) -> Kind {
        Kind(self.0 as u16)
    }

    #[inline]
    pub(crate) fn class(self) -> u16 {
        self.kind().class()
    }

    #[inline]
    pub(crate) fn is_negative(self) -> bool {
        self.kind().negative()
    }

    #[inline]
    pub(crate) fn age(self) -> u64 {
        self.0 >> Self::AGE
    }

    /// Returns the verdict and the kind: the number of the class alone if it is something fresh, not negative, of a class
    /// that doesn't end idle entries.
    #[inline]
    pub(crate) fn brief(self) -> usize {
        (self.0 & ((1 << Self::AGE) - 1)) as usize
    }

    /// Returns as what a lookup that found it counts.
    pub(crate) fn hit(self) -> Count {
        if self.is_negative() {
            Count::NegativeHit
        } else if self.verdict() == Verdict::Stale as u64 {
            Count::StaleHit
        } else {
            Count::Hit
        }
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Seen({:#x})", self.0)
    }
}

impl<'a, Q: ?Sized> Glance<'a, Q, false> {
    /// Makes one that counts on the entry if it is sampled.
    #[inline]
    pub(crate) fn new(key: &'a Q, sampled: bool, world: &'a World) -> Self {
        let timed = world.timed.load(Ordering::Relaxed);
        let now = if timed { world.time.now() } else { Tick::ORIGIN };
        Self::at(key, now, Closely::of(sampled, world), world)
    }

    /// Makes one that leaves no trace.
    pub(crate) fn unseen(key: &'a Q, world: &'a World) -> Self {
        Self::at(key, world.time.now(), Closely::unseen(world), world)
    }
}

impl<'a, Q: ?Sized> Glance<'a, Q, true> {
    /// Makes one that knows the age of what it finds.
    #[inline]
    pub(crate) fn fresh(key: &'a Q, sampled: bool, world: &'a World) -> Self {
        Self::at(key, world.time.now(), Closely::of(sampled, world), world)
    }

    /// Makes one that leaves no trace.
    pub(crate) fn fresh_unseen(key: &'a Q, now: Tick, world: &'a World) -> Self {
        Self::at(key, now, Closely::unseen(world), world)
    }
}

impl<'a, Q: ?Sized, const FRESH: bool> Glance<'a, Q, FRESH> {
    #[inline]
    fn at(key: &'a Q, now: Tick, closely: Closely, world: &'a World) -> Self {
        Self { key, now, newest: world.tags.newest(), closely, world, seen: Cell::new(Seen::NOTHING) }
    }

    /// Returns what was seen of the key, whether it will do or not.
    #[inline]
    pub(crate) fn seen(&self) -> Seen {
        self.seen.get()
    }

    #[inline(always)]
    fn judge(&self, facts: &Facts) -> bool {
        let age = facts.age(self.now);
        if age | self.closely.0 >= facts.soft.ticks() || self.newest > facts.checked() {
            return self.judge_closely(facts);
        }
        self.seen.set(Seen::new(age, Verdict::Fresh, facts.kind));
        true
    }

    #[cold]
    #[inline(never)]
    fn judge_closely(&self, facts: &Facts) -> bool {
        let now = if self.now == Tick::ORIGIN { self.world.time.now() } else { self.now };
        let (verdict, age) = (facts.judge(now, self.world), facts.age(now));
        self.seen.set(Seen::new(age, verdict, facts.kind));
        let will_do = verdict == Verdict::Fresh || !FRESH && verdict == Verdict::Stale;
        if will_do {
            facts.tally(self.closely.tally(), age);
        }
        will_do
    }
}

impl<Q: Hash + ?Sized, const FRESH: bool> Hash for Glance<'_, Q, FRESH> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K, Q: Equivalent<K> + ?Sized, const FRESH: bool> Equivalent<Slot<K>> for Glance<'_, Q, FRESH> {
    #[inline(always)]
    fn equivalent(&self, slot: &Slot<K>) -> bool {
        self.key.equivalent(&slot.key) && self.judge(&slot.facts)
    }
}

//! Classes: named kinds of entries with times, limits and statistics of their own.

use std::time::Duration;

use crate::clock::Span;

/// A class of a cache, as given out by [`Cache::class`](crate::Cache::class).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub(crate) u16);

impl ClassId {
    /// The class of entries that name none.
    pub const DEFAULT: Self = Self(0);
}

impl Default for ClassId {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What holds for the entries of a kind.
///
/// What isn't set is taken from the defaults of the builder. `Duration::MAX` as a time to live says
/// "for ever" where the default doesn't.
///
/// ```text
/// stored ─────────── soft_ttl ────────────── ttl ───────────── ttl + fail_safe
///        fresh                stale                 expired                     gone
///                     (served, refreshed)  (served only if loading fails)
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Class {
    pub(crate) name: String,
    pub(crate) ttl: Option<Duration>,
    pub(crate) soft_ttl: Option<Duration>,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) failure_ttl: Option<Duration>,
    pub(crate) fail_safe: Option<Duration>,
    pub(crate) time_to_idle: Option<Duration>,
    pub(crate) jitter: Option<f64>,
    pub(crate) refresh_ahead: Option<(f64, u32)>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
    pub(crate) capacity: Option<u64>,
}

impl Class {
    /// Starts a class in which nothing is set.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Sets how long an entry may be served. Default: for ever.
    pub fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Sets how long an entry is fresh; from then to its end it is stale: lookups serve it and say so, and
    /// loading calls refresh it. Default: as long as it lives.
    pub fn soft_ttl(mut self, time: Duration) -> Self {
        self.soft_ttl = Some(time);
        self
    }

    /// Sets how long it is remembered that something doesn't exist. Default: as long as other entries.
    pub fn negative_ttl(mut self, time: Duration) -> Self {
        self.negative_ttl = Some(time);
        self
    }

    /// Sets how long a failed load answers for its key without trying again. Default: not at all.
    pub fn failure_ttl(mut self, time: Duration) -> Self {
        self.failure_ttl = Some(time);
        self
    }

    /// Sets for how long after its end an entry is kept to be served if loading fails. Default: not at all.
    pub fn fail_safe(mut self, time: Duration) -> Self {
        self.fail_safe = Some(time);
        self
    }

    /// Ends entries that nobody has asked for so long. It never lets an entry live longer. Default: off.
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.time_to_idle = Some(time);
        self
    }

    /// Shortens each time to live by a random part of up to this share (0 to 1), so that what was stored
    /// together doesn't end together. Default: 0.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share.clamp(0.0, 1.0));
        self
    }

    /// Refreshes entries before they are stale: from this share of their fresh time on (0 to 1), if they
    /// were asked for so often. It needs a [`Spawner`](crate::Spawner). Default: off.
    pub fn refresh_ahead(mut self, share: f64, hits: u32) -> Self {
        self.refresh_ahead = Some((share.clamp(0.0, 1.0), hits));
        self
    }

    /// Serves what is stale or expired, if there is such, when a load takes longer. Default: wait.
    pub fn soft_timeout(mut self, time: Duration) -> Self {
        self.soft_timeout = Some(time);
        self
    }

    /// Gives up waiting for a load after this time. Default: never.
    pub fn hard_timeout(mut self, time: Duration) -> Self {
        self.hard_timeout = Some(time);
        self
    }

    /// Gives the class a space of its own, of so many entries or so much weight: it displaces nobody and
    /// nobody displaces it. Default: it shares the space of the cache.
    pub fn capacity(mut self, capacity: u64) -> Self {
        self.capacity = Some(capacity);
        self
    }
}

/// A class as the cache works with it.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) name: String,
    /// Which space its entries lie in.
    pub(crate) space: usize,
    #[cfg(feature = "async")]
    pub(crate) ttl: Option<Duration>,
    pub(crate) soft_ttl: Option<Duration>,
    #[cfg(feature = "async")]
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) failure_ttl: Option<Duration>,
    /// The times to live as entries have them: of values, fresh, and of what is negative.
    spans: [Span; 3],
    /// By how much times may be shortened, in 65,536ths.
    pub(crate) jitter: u64,
    /// In ticks.
    pub(crate) fail_safe: u64,
    pub(crate) idle: Option<Span>,
    pub(crate) refresh_ahead: Option<(f64, u32)>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
}

impl Rules {
    pub(crate) fn new(class: &Class, defaults: &Class, space: usize) -> Self {
        let ending = |own: Option<Duration>, default| own.or(default).filter(|time| *time != Duration::MAX);
        let ttl = ending(class.ttl, defaults.ttl);
        let soft_ttl = ending(class.soft_ttl, defaults.soft_ttl);
        let negative_ttl = ending(class.negative_ttl, defaults.negative_ttl);
        let span = |time: Option<Duration>| time.map_or(Span::NEVER, Span::new);
        Self {
            name: class.name.clone(),
            space,
            #[cfg(feature = "async")]
            ttl,
            soft_ttl,
            #[cfg(feature = "async")]
            negative_ttl,
            failure_ttl: class.failure_ttl.or(defaults.failure_ttl),
            spans: [ttl, soft_ttl, negative_ttl.or(ttl)].map(span),
            jitter: (class.jitter.or(defaults.jitter).unwrap_or(0.0) * 65_536.0) as u64,
            fail_safe: class.fail_safe.or(defaults.fail_safe).map_or(0, |time| Span::new(time).ticks()),
            idle: class.time_to_idle.or(defaults.time_to_idle).map(Span::new),
            refresh_ahead: class.refresh_ahead.or(defaults.refresh_ahead),
            soft_timeout: class.soft_timeout.or(defaults.soft_timeout),
            hard_timeout: class.hard_timeout.or(defaults.hard_timeout),
        }
    }

    /// Returns how long an entry of the class is fresh and how long it lives, by a random number.
    #[inline]
    pub(crate) fn spans(&self, entry: &crate::entry::Terms, negative: bool, random: u32) -> (Span, Span) {
        let [ttl, soft_ttl, negative_ttl] = self.spans;
        let own = |time: Option<Duration>, of_class: Span| match time {
            None => of_class,
            Some(Duration::MAX) => Span::NEVER,
            Some(time) => Span::new(time),
        };
        let hard = own(entry.ttl, if negative { negative_ttl } else { ttl });
        let soft = own(entry.soft_ttl, soft_ttl);
        // In whole numbers: this is done for every entry that is stored.
        let part = self.jitter * u64::from(random >> 16);
        (soft.shorter(part), hard.shorter(part))
    }
}

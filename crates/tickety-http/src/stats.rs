//! What a client has done.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a client has done so far, and what is stored now.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// URLs for which answers are stored, those past their use included until they are displaced.
            pub entries: u64,
            /// Bytes that they take, about.
            pub bytes: u64,
            /// Bytes that they may take.
            pub capacity: u64,
            /// URLs that left since there was no room.
            pub evicted: u64,
        }

        /// Counters, added to from anywhere.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Count,)*
        }

        impl Counters {
            pub(crate) fn stats(&self) -> Stats {
                Stats { $($name: self.$name.get(),)* ..Stats::default() }
            }
        }
    };
}

counts! {
    /// Answers served from the cache without asking the origin, fresh or stale.
    hits,
    /// GET and HEAD for which nothing of use was stored.
    misses,
    /// Stale answers that were served: while they were validated, since the origin couldn't be asked, or since the request
    /// allowed it.
    stale_serves,
    /// Stored answers that the origin said are still right.
    revalidations,
    /// Answers that have been stored.
    stored,
    /// Requests that were answered by the request of another caller.
    coalesced,
    /// Requests that weren't for the cache.
    bypassed,
    /// Requests sent, those that were tried again and those in the background included.
    requests,
    /// Of these, those that were tried again.
    retries,
    /// Requests that came to no answer, after all tries.
    failures,
    /// Writes after which stored answers were invalidated.
    invalidations,
    /// Bytes of bodies that the origin didn't have to send.
    bytes_saved,
}

impl Stats {
    /// Returns which part of GET and HEAD was answered by the cache, 0 if there was none.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let all = self.hits + self.misses + self.revalidations;
        if all == 0 { 0.0 } else { self.hits as f64 / all as f64 }
    }
}

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

//! A cache in memory that knows when to forget.
//!
//! Entries have times to live and tags, loads are done once however many ask, what fails can be covered by what
//! is stale, and statistics say if it pays. It owns keys, values and their terms, and knows nothing of what
//! they mean. It starts no thread and needs no runtime: work is done by callers, or by a [`Spawner`] that
//! the user brings.
//!
//! ```
//! use std::time::Duration;
//! use tickety_cache::{Cache, Class, Entry, LoadOptions};
//!
//! let cache: Cache<String, String> = Cache::builder(10_000)
//!     .ttl(Duration::from_secs(300))
//!     .class(Class::new("search").ttl(Duration::from_secs(600)).soft_ttl(Duration::from_secs(60)))
//!     .build();
//!
//! // Of all who ask at a time, one loads.
//! let page = cache.get_or_load("issue:42", || "text".to_owned());
//! assert_eq!(page, "text");
//!
//! // Terms come with what is loaded: a class, a time to live, tags.
//! let search = cache.class("search").unwrap();
//! let options = LoadOptions::new().class(search);
//! let found = cache.load_with("search:cache", options, || {
//!     Ok::<_, std::io::Error>(Entry::new("42".to_owned()).tag("issue:42"))
//! })?;
//! assert!(found.is_fresh());
//!
//! // A write invalidates what was made of the issue, whoever is just loading it.
//! cache.remove("issue:42");
//! cache.invalidate_tag("issue:42");
//! assert!(!cache.contains("issue:42") && !cache.contains("search:cache"));
//! # Ok::<_, tickety_cache::LoadError<std::io::Error>>(())
//! ```
//!
//! # What holds
//!
//! - **Times.** An entry is fresh, then stale (`soft_ttl`), then expired (`ttl`), then gone (`fail_safe`); see
//!   [`Class`]. Asking never prolongs anything. Times are counted in ticks of about a millisecond and rounded so
//!   that nothing lives longer than it may; up to 17 ms may be missing. A time to live is cut at 417 days.
//! - **Nothing outdated is stored.** A load notes the number of the last invalidation when it begins. If its key,
//!   one of its tags or everything was invalidated since, its callers get what it brought and the cache doesn't keep
//!   it, and callers who came after the invalidation don't get it either. For reads outside of loading calls
//!   there are [tickets](Cache::ticket). These numbers are counters, never clocks, and bounded in number.
//! - **Single flight.** However many ask for a key, one loads. If the one that loads panics, another does. A
//!   load by a future is driven by whoever waits, so it comes to its end although the caller that began it is dropped
//!   or never polled again.
//! - **Readers do no upkeep.** A hit takes a read lock of one shard, reads the clock if the entry has a time, and
//!   adds to a counter that no other thread writes to. What is over stays until it is displaced, replaced or
//!   [swept](Cache::maintain), and is never served.
//! - **Replacing a key evicts nobody**, if its new value isn't heavier than the old one. Evicting takes constant time.
//! - **Locks.** Keys are hashed and compared, and values cloned, under locks: `Hash`, `Eq` and `Clone` must not use
//!   the cache. Loaders, listeners, weighers and destructors may.
//!
//! # How it works
//!
//! The engine is [quick_cache], whose policy is a modified CLOCK-PRO: like S3-FIFO, it keeps new entries on
//! trial and remembers those it has evicted, so that a scan doesn't flush what is hot. Each shard evicts for itself, which
//! costs hit ratio if it is small: so a cache of fewer than 10,000 entries has one shard, and a larger one a power of two, at
//! most eight for each processor, of at least 5,000 entries each. If capacities are weights, the entries that are
//! expected count. The particulars of an entry (40 bytes) lie with its key, where the engine shows them to a lookup
//! without cloning anything.
//!
//! Invalidating a tag puts a stamp on it, however many entries carry it. An entry is compared with the stamps
//! of its tags when it is found, and only if any tag was invalidated since that was last done.
//!
//! Loading, storing and removing a key take one of 32 lanes, which readers don't. In a lane it is decided
//! who loads, and whether what was loaded may be stored.
//!
//! [quick_cache]: https://docs.rs/quick_cache
//!
//! # Memory
//!
//! For a cache of `n` entries there are `1.5 n` places (the engine remembers half as many evicted keys), of about
//! `size_of::<K>() + size_of::<Option<V>>() + 56` bytes, and some 13 bytes an entry in the index. With numbers of eight
//! bytes as keys and values that is an overhead of about 117 bytes an entry. A tag takes nothing more; of several tags an
//! entry takes an allocation of 8 bytes each and 48 for all. The tables grow with the entries until the cache is full, and no
//! further; room can be made [at once](Builder::initial_capacity). Besides, a cache takes some 10 kB for its lanes and its
//! registry of tags, and 256 bytes for each class and thread: at most 64 threads, and two for each processor, have counters of
//! their own.
//!
//! # Beside others
//!
//! What each has of its own, by the documentation or source of the version named; in an empty cell nothing of
//! the kind was found there.
//!
//! | | this | [moka] 0.12 | [quick_cache] 0.7 | [foyer] 0.22 | [cached] 1.1 | [FusionCache] (.NET) |
//! |---|---|---|---|---|---|---|
//! | time to live | class, entry | cache, entry | | [wanted][foyer-ttl] | cache, value | entry |
//! | fresh and stale | soft and hard | | | | | eager refresh |
//! | time to idle | yes | yes | | | | |
//! | weights | yes | yes | yes | yes | | |
//! | one load for all who ask | threads, futures | threads, futures | threads, futures | futures | by option | threads, tasks |
//! | what a load brings after an invalidation | not kept | | | | | |
//! | stale values when loading fails | yes | | | | | fail-safe |
//! | soft and hard timeouts of loads | yes | | threads, one | | | yes |
//! | knows that something is not there | yes | | | | | null caching |
//! | tags | yes | | | | | yes |
//! | invalidating by pattern or predicate | both | predicate | predicate | | | |
//! | statistics | class, entry | [wanted][moka-stats] | optional: hits, misses | metrics | hits, misses | OpenTelemetry |
//! | told of evictions | yes | yes | yes | yes | | events |
//! | snapshots | yes | [wanted][moka-stats] | | | | |
//! | an attribute for functions | yes | | | | yes | |
//! | second level | traits | | | disk | Redis | any `IDistributedCache` |
//! | backplane | trait | | | | | yes |
//!
//! [amalgam-cache](https://docs.rs/amalgam-cache) is a port of FusionCache to Rust.
//!
//! [moka]: https://docs.rs/moka
//! [moka-stats]: https://github.com/moka-rs/moka#road-map
//! [foyer]: https://docs.rs/foyer
//! [foyer-ttl]: https://github.com/foyer-rs/foyer/issues/308
//! [cached]: https://docs.rs/cached
//! [FusionCache]: https://github.com/ZiggyCreatures/FusionCache
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `async` | loading by futures, and a second level behind the cache ([`tier`]) |
//! | `contract` | the suites that a second level and a backplane have to pass ([`contract`]) |
//! | `keys` | canonical keys for questions ([`keys`]) |
//! | `macros` | the attribute [`#[cached]`](cached) |
//! | `metrics` | statistics for the [`metrics`](https://docs.rs/metrics) facade |
//! | `serde` | a codec for snapshots, [`JsonCodec`] |
//!
//! None is on by default. The oldest supported compiler is 1.88. Examples: a
//! [function](https://docs.rs/crate/tickety-cache/latest/source/examples/function.rs), a
//! [store](https://docs.rs/crate/tickety-cache/latest/source/examples/store.rs) and an
//! [HTTP handler](https://docs.rs/crate/tickety-cache/latest/source/examples/handler.rs).

#![cfg_attr(
    not(all(feature = "async", feature = "contract", feature = "keys", feature = "macros", feature = "serde")),
    allow(rustdoc::broken_intra_doc_links, reason = "the page names what features add")
)]

mod builder;
mod cache;
mod class;
mod clock;
mod codec;
#[cfg(feature = "contract")]
pub mod contract;
mod engine;
mod entry;
mod glob;
mod invalidation;
#[cfg(feature = "keys")]
pub mod keys;
mod lane;
mod load;
mod lookup;
mod probe;
mod removal;
#[cfg(feature = "metrics")]
mod report;
mod slot;
mod snapshot;
mod stats;
mod storage;
mod summary;
mod sync;
mod tag;
#[cfg(test)]
#[path = "tag/tests.rs"]
mod tag_tests;
#[cfg(feature = "async")]
pub mod tier;
mod warmth;

pub use builder::Builder;
pub use cache::{Cache, Ticket};
pub use class::{Class, ClassId};
pub use clock::{Clock, ManualClock};
#[cfg(feature = "serde")]
pub use codec::JsonCodec;
pub use codec::{Codec, CodecError};
pub use entry::Entry;
pub use equivalent::Equivalent;
pub use load::{LoadError, LoadOptions, Sleep, Spawner, Task};
pub use lookup::Lookup;
pub use removal::{Cause, Removed};
#[cfg(feature = "metrics")]
pub use report::{METRICS, Metric, describe, figures, report};
pub use snapshot::SnapshotError;
pub use stats::{Removals, Stats};
pub use summary::EntrySummary;
pub use tag::TagName;
#[cfg(feature = "macros")]
pub use tickety_cache_macros::cached;

//! An HTTP client for any origin that caches.
//!
//! It owns requests, answers and what may be done with a stored one ([RFC 9111], [RFC 5861], [RFC 9213]), and knows nothing of what
//! is in them. Requests are sent by [reqwest] over rustls with ring, cacheability is decided by [http-cache-semantics], and
//! answers lie in a [`tickety_cache`]. It works within a [tokio] runtime and starts none.
//!
//! ```no_run
//! use std::time::Duration;
//! use tickety_http::{Client, Retry, batch_map};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder()
//!     .capacity(32 << 20)
//!     .stale_if_error(Duration::from_secs(3_600))
//!     .retry(Retry::times(2))
//!     .disk("cache")
//!     .build()?;
//!
//! // The second is answered from memory for as long as the origin said.
//! let first = client.get("https://example.org/issues").query("page", 2).send().await?;
//! let again = client.get("https://example.org/issues").query("page", 2).send().await?;
//! println!("{} {}", again.status(), again.cache());
//!
//! // A write invalidates what it is about, its parents and their queries.
//! client.patch("https://example.org/issues/42").body("{}").send().await?;
//!
//! // A call says what it demands.
//! let now = client.get("https://example.org/issues/42").no_cache().send().await?;
//! let offline = client.get("https://example.org/issues/42").only_if_cached().any_stale().send().await?;
//!
//! // Many, four at a time, in their order.
//! let urls = (1..=100).map(|number| format!("https://example.org/issues/{number}"));
//! let answers = batch_map(urls, 4, async |url| client.get(&url).send().await).await;
//!
//! // For the next process.
//! client.save()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - **Keys.** An answer is stored for GET and HEAD under its URL, the parts of the query in the order of their names (equal
//!   names keep theirs), without the fragment; for each URL up to 32 answers that differ in the fields that `Vary` names. Of
//!   those that match the newest is served. Spaces, lines and, for `Accept` and its like, case and order don't make a difference.
//! - **Freshness** is `s-maxage` (shared caches), `max-age`, `Expires`, or a tenth of the time since `Last-Modified` of up to
//!   a day, or what [`Builder::default_ttl`] says. `Age` and the time that the answer was on its way count. Nothing is fresh
//!   for longer; `immutable` makes nothing fresh.
//! - **Validation.** What is stale is kept for a day and asked for by `If-None-Match` and `If-Modified-Since`. A 304 renews it
//!   and changes its fields; one about something else is not believed, and all is asked for.
//! - **Stale answers** are served if the answer says so (`stale-while-revalidate`: it is validated in the background, once;
//!   `stale-if-error`), the request does (`max-stale`, `stale-if-error`), or the client does ([`Builder::stale_if_error`]). Never what
//!   says `no-cache`, `must-revalidate` or, to shared caches, `proxy-revalidate` or `s-maxage`.
//! - **One request for all who ask at the same time** ([`CacheStatus::collapsed`]), if its answer may be given to all of them: what
//!   isn't stored, is to be validated, or was selected by other fields each asks for itself, and for ten seconds nobody waits for it
//!   again. Callers with different `Authorization` don't wait for each other, nor does who says `no-cache`. A caller that is
//!   dropped doesn't end the request of the others; one that fails fails for all.
//! - **Writes** (POST, PUT, PATCH, DELETE and methods that aren't known) invalidate, if they are answered with less than 400 or their
//!   answer is lost, the URL, those that `Location` and `Content-Location` name if they are of the same origin, and what
//!   carries their tags: by default the resource whatever the query, and its parents ([`PathTags`], [`Tagging`]). What was being
//!   read meanwhile is not stored.
//! - **Private or shared.** A private cache serves one user; answers to different `Authorization` are kept apart nevertheless. For
//!   [shared](Builder::shared) ones RFC 9111, section 3.5 holds, and what sets cookies isn't stored unless asked for.
//! - **Parts.** A `Range` is cut out of a stored and fresh answer, be it whole or, the last that was, a part (206). Parts are not put
//!   together, and several ranges at once are the origin's business. The caller's `If-None-Match` and `If-Modified-Since` are
//!   evaluated with what is stored.
//! - **Redirects** are followed through the cache, each stored under its own URL; another origin isn't told `Authorization` and
//!   cookies.
//! - **Retries** honour idempotency and `Retry-After`, see [`Retry`].
//! - **TLS** is set up by the first https URL; the certificates are the system's. No proxy is taken from the environment, and bodies
//!   aren't decoded: [`Builder::with_http`] takes a client that does otherwise.
//!
//! # On the disk
//!
//! [`Builder::disk`] names a folder, made for its owner alone. [`Client::save`] writes a checked snapshot there, as a new
//! file that takes the place of the old one; a client reads it when it is built. What is damaged, of another version, larger than
//! twice the capacity, somebody else's to read, or of a cache of the other kind is [refused](Client::refused) and left out. A write
//! or an invalidation removes the snapshot at once, and a process saves nothing if another has invalidated or written
//! something since it read: so nothing comes back that was invalidated before. Of `Authorization`, cookies and fields named for keys or
//! tokens a SHA-256 is kept and not the value. Answers are written as they are.
//!
//! # Sizes
//!
//! An answer takes its body, twice its fields, and about 1 kB; all together at most [`Builder::capacity`], 64 MiB by default. The bodies
//! of what is stored are in memory and are handed out without being copied; those of up to [`Builder::largest_body`] (8 MiB) are
//! stored, larger ones are passed on as they come.
//!
//! # What `http-cache-semantics` is corrected in
//!
//! It follows RFC 7234. It is shown messages in a form that makes it decide by RFC 9111, and its own fields aren't served.
//!
//! | paragraph | what holds here |
//! |---|---|
//! | 9111, 1.2.2 | numbers that are too large are the largest, and no addition overflows |
//! | 9111, 3 | any final status with an explicit freshness is stored |
//! | 9111, 3.1, 5.5 | all fields for proxies and connections are left out, lines of one field stay apart, no `Warning` |
//! | 9111, 3.2 | a 304 brings fields that weren't there, and replaces all lines of those that were |
//! | 9111, 4.1 | selecting fields are compared in one form; `*` anywhere in `Vary` matches nothing |
//! | 9111, 4.2.2 | guessed freshness has a limit |
//! | 9111, 4.2.3 | the time that an answer was on its way counts |
//! | 9111, 4.2.4 | `max-stale` doesn't reach what must be validated |
//! | 9111, 5.1 | of several values of `Age` the first counts, and what is no number doesn't |
//! | 9111, 5.2 | directives have no case and may be quoted |
//! | 9111, 5.2.2.3 | `must-understand` |
//! | 9111, 5.2.2.4, 5.2.2.7 | `no-cache` and `private` with fields are about these fields |
//! | 9111, 5.2.2.8, 5.2.2.10 | `proxy-revalidate` and `s-maxage` are about what is stale |
//! | 9111, 5.4 | `Pragma` counts in requests without `Cache-Control`, and never in answers |
//! | 9111, 7.3 | a cookie doesn't make an answer stale |
//! | 9110, 5.6.7 | all three forms of dates are read |
//! | 9110, 6.6.1 | `Date` stays as it is, and is added where it is missing |
//! | 8246 | `immutable` makes nothing fresh |
//!
//! # Errors
//!
//! An answer of 400 or more is an answer. [`Error`] tells why there is none, with the method, the URL and the number of tries; what
//! reqwest says is its source. [`DiskError`] is about the folder.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `metrics` | statistics for the [`metrics`](https://docs.rs/metrics) facade: `METRICS`, `Client::report_metrics` |
//!
//! Examples: [side by side](https://docs.rs/crate/tickety-http/latest/source/examples/http_cache.rs), and a
//! [caching reverse proxy](https://docs.rs/crate/tickety-http/latest/source/examples/proxy.rs), against which the
//! [suite for HTTP caches](https://github.com/http-tests/cache-tests) can be run: of its version 0.4.5 (npm) 142 of 157 required cases
//! and 83 of 86 optional ones pass. Of the 15, nine ask for other than RFC 9111, section 5.1 says of a damaged `Age`, and four for an answer
//! of an origin that is gone; later versions of the suite don't.
//!
//! [RFC 9111]: https://www.rfc-editor.org/rfc/rfc9111
//! [RFC 5861]: https://www.rfc-editor.org/rfc/rfc5861
//! [RFC 9213]: https://www.rfc-editor.org/rfc/rfc9213
//! [reqwest]: https://docs.rs/reqwest
//! [http-cache-semantics]: https://docs.rs/http-cache-semantics
//! [tokio]: https://docs.rs/tokio

mod asked;
mod batch;
mod builder;
mod client;
mod clock;
mod codec;
mod directives;
mod disk;
mod error;
mod exchange;
mod fields;
mod key;
mod parts;
#[cfg(feature = "metrics")]
mod report;
mod request;
mod response;
mod retry;
mod reuse;
mod rules;
mod send;
mod stats;
mod status;
mod store;
mod stored;
mod tags;
mod transport;

pub use batch::batch_map;
pub use builder::Builder;
pub use client::Client;
pub use clock::{Clock, ManualClock, SystemClock, Wait};
pub use error::{DiskError, Error};
#[cfg(feature = "metrics")]
pub use report::METRICS;
pub use request::RequestBuilder;
pub use response::Response;
pub use retry::Retry;
pub use stats::Stats;
pub use status::{CacheStatus, Forward};
pub use tags::{PathTags, Tagging};

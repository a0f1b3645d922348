//! Trying again: which requests, after which failures, and when.

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode};

use crate::directives::seconds;
use crate::rules::date_of;

/// The field by which an origin knows a request that it has already seen.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// When a request is tried again.
///
/// It is if no connection could be made, whatever it was; and, if it may be done twice, if no answer came, or one with the
/// status 408, 425, 429, 502, 503 or 504, or one that was to be stored and broke off. GET, HEAD, OPTIONS, TRACE, PUT and DELETE may be done twice, and whatever has an
/// `Idempotency-Key`.
///
/// The wait before the n-th repetition is `first` · 2ⁿ⁻¹, at most `longest`, less a random part of up to half of it. `Retry-After`
/// counts instead if it asks for more; if that is more than `patience`, the request isn't tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retry {
    pub(crate) times: u32,
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    pub(crate) patience: Duration,
}

impl Retry {
    /// Tries again at most so many times, with waits from 100 ms to 5 s, and heeds a `Retry-After` of up to 30 s.
    pub const fn times(times: u32) -> Self {
        Self {
            times,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            patience: Duration::from_secs(30),
        }
    }

    /// Never tries again.
    pub const fn never() -> Self {
        Self::times(0)
    }

    /// Sets the first wait and the longest.
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Sets how long a `Retry-After` is heeded.
    pub const fn patience(mut self, longest: Duration) -> Self {
        self.patience = longest;
        self
    }

    /// Returns how long to wait before a request is tried again that has been tried so often and ended so; `None` if it isn't.
    pub(crate) fn wait(
        &self,
        method: &Method,
        request: &HeaderMap,
        tried: u32,
        end: &End<'_>,
        now: SystemTime,
    ) -> Option<Duration> {
        if tried > self.times {
            return None;
        }
        let repeatable = method.is_idempotent() || request.contains_key(IDEMPOTENCY_KEY);
        let asked = match end {
            End::NotSent => None,
            End::NoAnswer if repeatable => None,
            End::Answer(status, headers) if repeatable && is_passing(*status) => retry_after(headers, now),
            End::NoAnswer | End::Answer(..) => return None,
        };
        let doubled = self.first.saturating_mul(1 << (tried - 1).min(20)).min(self.longest);
        let own = doubled.mul_f64(1.0 - fastrand::f64() / 2.0);
        Some(asked.map_or(own, |asked| asked.max(own))).filter(|_| asked.is_none_or(|asked| asked <= self.patience))
    }
}

impl Default for Retry {
    /// Two more tries.
    fn default() -> Self {
        Self::times(2)
    }
}

/// How a try ended.
#[derive(Debug)]
pub(crate) enum End<'a> {
    /// There was no connection.
    NotSent,
    /// The request may have been seen.
    NoAnswer,
    Answer(StatusCode, &'a HeaderMap),
}

/// Whether a status says that the same may succeed later.
fn is_passing(status: StatusCode) -> bool {
    [408, 425, 429, 502, 503, 504].contains(&status.as_u16())
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?;
    let after = value.to_str().ok().map(str::trim).and_then(seconds);
    after.or_else(|| Some(date_of(value)?.duration_since(now).unwrap_or_default()))
}

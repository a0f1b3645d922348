//! A request as the rules see it: its directives and conditions.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};

use crate::directives::Directives;
use crate::fields::{request_directives, selecting};

/// What a request demands of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) directives: Directives,
    /// All its fields.
    pub(crate) headers: HeaderMap,
    /// Whether these are the values that answers were selected by, as they are stored.
    stored: bool,
}

impl Asked {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self { directives: request_directives(headers), headers: headers.clone(), stored: false }
    }

    /// Makes the request that an answer was stored for of the values that it was selected by.
    pub(crate) fn of_stored(selecting: HeaderMap) -> Self {
        Self { directives: Directives::default(), headers: selecting, stored: true }
    }

    /// Returns the values of fields in the form that they are compared in.
    pub(crate) fn selecting(&self, names: &[HeaderName]) -> HeaderMap {
        if self.stored { self.headers.clone() } else { selecting(names, &self.headers) }
    }

    /// Whether neither the request nor its answer may be stored (RFC 9111, section 5.2.1.5).
    pub(crate) fn forbids_storing(&self) -> bool {
        self.directives.has("no-store")
    }

    /// Whether only a stored answer is wanted (RFC 9111, section 5.2.1.7).
    pub(crate) fn only_stored(&self) -> bool {
        self.directives.has("only-if-cached")
    }

    /// Whether the origin has to be asked (RFC 9111, section 5.2.1.4).
    pub(crate) fn wants_validation(&self) -> bool {
        self.directives.has("no-cache") || self.directives.seconds("max-age").is_some_and(|age| age.is_zero())
    }

    /// Whether it says how fresh the answer has to be, so that nobody may decide to serve it an older one.
    pub(crate) fn wants_freshness(&self) -> bool {
        ["no-cache", "max-age", "min-fresh"].iter().any(|name| self.directives.has(name))
    }

    /// How long past its freshness an answer may be served to it if the origin can't be asked (RFC 5861, section 4).
    pub(crate) fn stale_if_error(&self) -> Option<Duration> {
        self.directives.seconds("stale-if-error")
    }

    /// Whether it has conditions that a cache may evaluate (RFC 9111, section 4.3.2).
    pub(crate) fn is_conditional(&self) -> bool {
        self.headers.contains_key(header::IF_NONE_MATCH) || self.headers.contains_key(header::IF_MODIFIED_SINCE)
    }

    /// Whether it has conditions that only the origin may evaluate.
    pub(crate) fn is_for_the_origin(&self) -> bool {
        self.headers.contains_key(header::IF_MATCH) || self.headers.contains_key(header::IF_UNMODIFIED_SINCE)
    }

    /// Whether it asks for a part.
    pub(crate) fn is_partial(&self) -> bool {
        self.headers.contains_key(header::RANGE)
    }
}

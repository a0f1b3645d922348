//! A stored answer, and all that are stored for a URL.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap};

use crate::asked::Asked;
use crate::fields::{prefers_language, strip_connection, update};
use crate::rules::{Judged, Rules, Terms, print_date};

/// How many answers that differ in what `Vary` names are stored for a URL; the oldest gives way.
pub(crate) const VARIANTS: usize = 32;

/// What an answer takes besides its body and fields: keys, tables, its terms.
const OVERHEAD: usize = 1024;

/// An answer that may be stored, its body not read yet.
#[derive(Debug)]
pub(crate) struct Storable {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    terms: Terms,
    requested: SystemTime,
    received: SystemTime,
}

/// A stored answer.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) status: StatusCode,
    /// Its fields as they are served, but for `Age`.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) requested: SystemTime,
    pub(crate) received: SystemTime,
    pub(crate) terms: Terms,
}

impl Storable {
    /// Returns what there is to store of an answer, if that is allowed and of any use.
    pub(crate) fn of(
        rules: &Rules,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        (requested, received): (SystemTime, SystemTime),
    ) -> Option<Self> {
        let terms = rules.terms(asked, status, headers, requested, received)?;
        let mut headers = headers.clone();
        strip_connection(&mut headers);
        terms.withheld.iter().for_each(|name| drop(headers.remove(name)));
        // RFC 9110, section 6.6.1: who has a clock adds the date that is missing.
        if !headers.contains_key(header::DATE) {
            headers.insert(header::DATE, print_date(received));
        }
        let validates = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
        let stale = !terms.stale_while_revalidate.is_zero() || terms.stale_if_error.is_some_and(|time| !time.is_zero());
        let of_use = validates || !terms.lifetime.is_zero() || terms.may_be_stale && stale;
        of_use.then_some(Self { status, headers, terms, requested, received })
    }

    /// Returns the fields that the answer has and that aren't stored with it, but may be handed on.
    pub(crate) fn withheld(&self, headers: &HeaderMap) -> HeaderMap {
        let mut kept = headers.clone();
        strip_connection(&mut kept);
        let withheld = self.terms.withheld.iter();
        withheld.flat_map(|name| kept.get_all(name).into_iter().map(|value| (name.clone(), value.clone()))).collect()
    }

    /// Adds the body.
    pub(crate) fn with_body(self, body: Bytes) -> Stored {
        let Self { status, headers, terms, requested, received } = self;
        Stored { status, headers, body, requested, received, terms }
    }
}

impl Stored {
    /// Returns the answer as a 304, or an answer to HEAD, makes it (RFC 9111, sections 4.3.4 and 4.3.5); `None` if it may be
    /// stored no more.
    pub(crate) fn freshened(
        &self,
        rules: &Rules,
        asked: &Asked,
        newer: &HeaderMap,
        times: (SystemTime, SystemTime),
    ) -> Option<Self> {
        let mut newer = newer.clone();
        strip_connection(&mut newer);
        let mut headers = self.headers.clone();
        update(&mut headers, &newer, &self.terms.withheld);
        if !newer.contains_key(header::DATE) {
            headers.insert(header::DATE, print_date(times.1));
        }
        Some(Storable::of(rules, asked, self.status, &headers, times)?.with_body(self.body.clone()))
    }

    /// Whether the answer to a HEAD is of the same representation (RFC 9111, section 4.3.5).
    pub(crate) fn is_same(&self, newer: &HeaderMap) -> bool {
        let unchanged = |name| newer.get(&name).is_none_or(|value| self.headers.get(&name) == Some(value));
        let length = newer.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        length.is_none_or(|length| length == self.body.len())
            && unchanged(header::ETAG)
            && unchanged(header::LAST_MODIFIED)
    }

    /// Returns the bytes it takes, about.
    pub(crate) fn weight(&self) -> usize {
        let fields: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 16).sum();
        // Fields are kept twice: as they are served, and as they are judged.
        OVERHEAD + self.body.len() + 2 * fields
    }

    /// Returns for how long after its beginning it is of use: to be served, or to be validated.
    pub(crate) fn of_use(&self, keep: Duration) -> Duration {
        let Terms { lifetime, stale_while_revalidate, stale_if_error, .. } = &self.terms;
        lifetime.saturating_add(keep.max(*stale_while_revalidate).max(stale_if_error.unwrap_or_default()))
    }
}

/// The answers stored for a URL, the newest first.
pub(crate) type Variants = Vec<Arc<Stored>>;

/// What is stored for a request.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// An answer to serve.
    Fresh(Arc<Stored>),
    /// One to validate, and by which conditions.
    Stale(Arc<Stored>, HeaderMap),
    /// Answers to requests with other fields.
    Other,
    /// Nothing.
    Nothing,
}

/// Chooses among stored answers: of those that match the newest (RFC 9111, section 4.1).
pub(crate) fn choose(variants: Option<&Variants>, asked: &Asked, now: SystemTime) -> Chosen {
    let Some(variants) = variants.filter(|variants| !variants.is_empty()) else { return Chosen::Nothing };
    for stored in variants {
        match stored.terms.judge(asked, now) {
            Judged::Fresh => return Chosen::Fresh(stored.clone()),
            Judged::Stale(conditions) => return Chosen::Stale(stored.clone(), conditions),
            Judged::Other => {}
        }
    }
    // What was selected by its language alone is the answer to everybody who prefers that language.
    for stored in variants {
        let by_language = stored.terms.nominated.iter().all(|name| {
            *name == header::ACCEPT_LANGUAGE || *name == header::AUTHORIZATION && same_authorization(stored, asked)
        });
        if by_language && prefers_language(&asked.headers, &stored.headers) {
            let mut alike = asked.clone();
            alike.headers.remove(header::ACCEPT_LANGUAGE);
            if let Some(value) = stored.terms.selecting.get(header::ACCEPT_LANGUAGE) {
                alike.headers.insert(header::ACCEPT_LANGUAGE, value.clone());
            }
            if let Judged::Fresh = stored.terms.judge(&alike, now) {
                return Chosen::Fresh(stored.clone());
            }
        }
    }
    Chosen::Other
}

fn same_authorization(stored: &Stored, asked: &Asked) -> bool {
    let name = header::AUTHORIZATION;
    stored.terms.selecting.get(&name) == asked.selecting(std::slice::from_ref(&name)).get(&name)
}

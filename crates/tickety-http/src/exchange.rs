//! From a request to its answer: what the cache answers, and what it asks the origin.

mod origin;
mod sharing;
mod writing;

use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use tickety_cache::Ticket;

pub(crate) use self::sharing::Landed;
use crate::asked::Asked;
use crate::client::Inner;
use crate::error::Error;
use crate::fields::strip_connection;
use crate::key::{FlightKey, Key, Of};
use crate::request::Outgoing;
use crate::response::{Body, Response};
use crate::reuse::reuse;
use crate::status::{CacheStatus, Forward};
use crate::stored::{Chosen, Stored};

/// A request for the origin.
#[derive(Clone, Debug)]
struct Job {
    request: Outgoing,
    asked: Asked,
    key: Key,
    /// What had been invalidated when the store was looked at.
    ticket: Ticket,
    /// The answer to validate, and by what.
    stored: Option<(Arc<Stored>, HeaderMap)>,
    why: Forward,
}

/// What the origin's answer became.
#[derive(Debug)]
enum Outcome {
    /// An answer that was stored, or may be served since the origin failed, and what is to be told of it.
    Kept(Arc<Stored>, CacheStatus),
    /// One that was stored without some fields, which are for the caller alone.
    KeptWithout(Arc<Stored>, CacheStatus, HeaderMap),
    /// One for the caller alone.
    Passed(Response),
}

impl Inner {
    /// Answers a request.
    pub(crate) async fn fetch(self: &Arc<Self>, request: Outgoing) -> Result<Response, Error> {
        if request.method == Method::GET || request.method == Method::HEAD {
            self.ask(request).await
        } else {
            self.write(request).await
        }
    }

    /// Returns what is stored for a request, whatever its terms.
    pub(crate) fn stored(&self, request: &Outgoing) -> Option<Response> {
        let asked = Asked::new(&request.headers);
        let key = Key::new(&request.method, &request.url, self.settings.sorted_query);
        let now = self.clock.now();
        let (Chosen::Fresh(stored) | Chosen::Stale(stored, _)) = self.store.choose(&key, &asked, now) else {
            return None;
        };
        let status = CacheStatus { hit: true, detail: Some("disconnected"), ..CacheStatus::default() };
        let response = reuse(&stored, request, &asked, now, status)?;
        self.count_hit(&response, &stored);
        Some(response)
    }

    /// Answers GET and HEAD.
    async fn ask(self: &Arc<Self>, request: Outgoing) -> Result<Response, Error> {
        let asked = Asked::new(&request.headers);
        if asked.forbids_storing() || asked.is_for_the_origin() {
            return self.pass(request, Forward::Bypass).await;
        }
        let key = Key::new(&request.method, &request.url, self.settings.sorted_query);
        let ticket = self.store.ticket();
        let now = self.clock.now();
        let (stored, why) = match self.store.choose(&key, &asked, now) {
            Chosen::Fresh(stored) => {
                let status = CacheStatus { hit: true, ..CacheStatus::default() };
                if let Some(response) = reuse(&stored, &request, &asked, now, status) {
                    self.count_hit(&response, &stored);
                    return Ok(response);
                }
                (None, Forward::Partial)
            }
            Chosen::Stale(stored, conditions) => {
                let fresh = stored.terms.staleness(now).is_zero() && !stored.terms.lifetime.is_zero();
                let why = if fresh { Forward::Request } else { Forward::Stale };
                (Some((stored, conditions)), why)
            }
            Chosen::Other => (None, Forward::VaryMiss),
            Chosen::Nothing => (None, Forward::UriMiss),
        };
        let job = Job { request, asked, key, ticket, stored, why };
        if let Some(response) = self.serve_while_validating(&job, now) {
            return Ok(response);
        }
        if job.asked.is_partial() && job.request.method == Method::GET {
            return self.ask_for_part(job, now).await;
        }
        if job.asked.only_stored() {
            return Ok(nothing_stored(job.request));
        }
        // What the caller's own conditions are answered with is for the caller alone.
        let conditional = job.stored.is_none() && job.asked.is_conditional();
        if job.request.method == Method::GET && !conditional && !job.asked.wants_validation() {
            self.share(job).await
        } else {
            let outcome = self.forward(&job).await?;
            Ok(self.answer(&job, outcome))
        }
    }

    /// Answers a request for a part by a stored part that holds it, or the origin. What is stored is not validated for that.
    async fn ask_for_part(&self, mut job: Job, now: SystemTime) -> Result<Response, Error> {
        job.key = job.key.with(Of::Part);
        if let Chosen::Fresh(stored) = self.store.choose(&job.key, &job.asked, now)
            && !job.asked.is_conditional()
            && let status = (CacheStatus { hit: true, ..CacheStatus::default() })
            && let Some(response) = reuse(&stored, &job.request, &job.asked, now, status)
            && response.status == StatusCode::PARTIAL_CONTENT
        {
            self.count_hit(&response, &stored);
            return Ok(response);
        }
        if job.asked.only_stored() {
            return Ok(nothing_stored(job.request));
        }
        job.stored = None;
        let outcome = self.forward(&job).await?;
        Ok(self.answer(&job, outcome))
    }

    /// Serves a stale answer and validates it in the background, if its origin allows that (RFC 5861, section 3).
    fn serve_while_validating(self: &Arc<Self>, job: &Job, now: SystemTime) -> Option<Response> {
        let (stored, _) = job.stored.as_ref()?;
        let terms = &stored.terms;
        let allowed = terms.may_be_stale && !job.asked.wants_freshness() && job.request.method == Method::GET;
        if !allowed || job.why != Forward::Stale || terms.staleness(now) >= terms.stale_while_revalidate {
            return None;
        }
        let status = CacheStatus { hit: true, detail: Some("stale-while-revalidate"), ..CacheStatus::default() };
        let response = reuse(stored, &job.request, &job.asked, now, status)?;
        self.count_hit(&response, stored);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Some(response) };
        let mut job = job.clone();
        // In the background nobody has conditions of their own.
        for name in [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
            job.request.headers.remove(&name);
            job.asked.headers.remove(&name);
        }
        let flight = self.store.flight_key(&job.key, &job.asked);
        let mut refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if refreshing.insert(flight.clone()) {
            drop(refreshing);
            let guard = Refreshing { inner: self.clone(), flight };
            runtime.spawn(async move {
                // What fails is tried again when somebody asks.
                drop(guard.inner.share(job).await);
            });
        }
        Some(response)
    }

    /// Makes the caller's answer of an outcome.
    fn answer(&self, job: &Job, outcome: Outcome) -> Response {
        let (stored, status, without) = match outcome {
            Outcome::Passed(response) => return response,
            Outcome::Kept(stored, status) => (stored, status, HeaderMap::new()),
            Outcome::KeptWithout(stored, status, without) => (stored, status, without),
        };
        // An answer that the caller's own conditions were sent with is not compared with them again.
        let mut asked = job.asked.clone();
        if job.stored.is_none() || asked.is_partial() {
            for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE] {
                asked.headers.remove(&name);
            }
        }
        let from_origin = status.detail != Some(ON_ERROR);
        let response = reuse(&stored, &job.request, &asked, self.clock.now(), status);
        let mut response = response.unwrap_or_else(|| nothing_stored(job.request.clone()));
        response.headers.extend(without);
        // Section 5.1: an age says that the origin was not asked, so it says one that others have added.
        if from_origin {
            match stored.headers.get(header::AGE) {
                Some(age) => drop(response.headers.insert(header::AGE, age.clone())),
                None => drop(response.headers.remove(header::AGE)),
            }
        }
        response
    }

    /// Whether a stored answer may be served since the origin failed (RFC 5861, section 4; RFC 9111, section 4.2.4).
    fn is_allowed(&self, stored: &Stored, asked: &Asked, now: SystemTime) -> bool {
        let limit = asked.stale_if_error().or(stored.terms.stale_if_error).unwrap_or(self.settings.stale_if_error);
        stored.terms.may_be_stale && !asked.wants_freshness() && stored.terms.staleness(now) < limit
    }

    /// Sends a request that the cache has nothing to do with.
    async fn pass(&self, request: Outgoing, why: Forward) -> Result<Response, Error> {
        if why == Forward::Bypass {
            self.counters.bypassed.one();
        }
        let answer = self.send(&request).await?;
        Ok(passed(&request, answer, Bytes::new(), CacheStatus::forwarded(why)))
    }

    fn count_hit(&self, response: &Response, stored: &Stored) {
        self.counters.hits.one();
        self.counters.bytes_saved.add(stored.body.len());
        if response.cache.stale {
            self.counters.stale_serves.one();
        }
    }
}

/// What is said of an answer that is served since the origin failed.
const ON_ERROR: &str = "stale-if-error";

/// Ends a validation in the background.
struct Refreshing {
    inner: Arc<Inner>,
    flight: FlightKey,
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.inner.refreshing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.flight);
    }
}

/// Hands an answer on, what was read of it and what comes.
fn passed(request: &Outgoing, answer: reqwest::Response, head: Bytes, cache: CacheStatus) -> Response {
    let mut headers = answer.headers().clone();
    strip_connection(&mut headers);
    Response {
        status: answer.status(),
        headers,
        url: answer.url().clone(),
        method: request.method.clone(),
        body: Body::Stream(head, Box::new(answer)),
        cache,
    }
}

/// The answer to who wants a stored one where there is none (RFC 9111, section 5.2.1.7).
fn nothing_stored(request: Outgoing) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Response {
        status: StatusCode::GATEWAY_TIMEOUT,
        headers,
        url: request.url,
        method: request.method,
        body: Body::Whole(Bytes::new()),
        cache: CacheStatus { detail: Some("only-if-cached"), ..CacheStatus::default() },
    }
}

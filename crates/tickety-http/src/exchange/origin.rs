//! Asking the origin, and what becomes of its answer.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use super::{Job, ON_ERROR, Outcome, passed};
use crate::client::Inner;
use crate::error::Error;
use crate::key::{Key, Of};
use crate::retry::End;
use crate::status::CacheStatus;
use crate::stored::{Chosen, Storable, Stored};

impl Inner {
    /// Asks the origin, and stores what may be stored.
    pub(super) async fn forward(&self, job: &Job) -> Result<Outcome, Error> {
        let mut outgoing = job.request.clone();
        let mut tried = 0;
        let mut validated = job.stored.as_ref().filter(|_| outgoing.method == Method::GET);
        loop {
            if let Some((_, conditions)) = validated.filter(|(_, conditions)| !conditions.is_empty()) {
                for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
                    outgoing.headers.remove(&name);
                }
                outgoing.headers.extend(conditions.clone());
            }
            let requested = self.clock.now();
            let answered = self.send_after(&outgoing, &mut tried).await;
            let now = self.clock.now();
            let failed = match &answered {
                Err(_) => true,
                Ok(answer) => [500, 502, 503, 504].contains(&answer.status().as_u16()),
            };
            if failed
                && let Some((stored, _)) = &job.stored
                && self.is_allowed(stored, &job.asked, now)
            {
                return Ok(self.in_place_of(job, stored, answered.ok().map(|answer| answer.status())));
            }
            let answer = answered?;
            if answer.status() == StatusCode::NOT_MODIFIED
                && let Some((stored, conditions)) = validated
                && !conditions.is_empty()
            {
                match self.freshen(job, stored, answer.headers(), (requested, now)) {
                    Some(outcome) => return Ok(outcome),
                    // It is about something else than was asked for: so everything is asked for (RFC 9111, section 4.3.4).
                    None => {
                        conditions.keys().for_each(|name| drop(outgoing.headers.remove(name)));
                        validated = None;
                        continue;
                    }
                }
            }
            let received = self.receive(job, answer, (requested, now)).await;
            if received.is_ok() {
                self.counters.misses.one();
            } else {
                let retry = &self.settings.retry;
                // Nothing of it has been handed out, so it may be asked for again.
                if let Some(wait) = retry.wait(&outgoing.method, &outgoing.headers, tried, &End::NoAnswer, now) {
                    self.counters.retries.one();
                    self.clock.wait(wait).await;
                    continue;
                }
                self.counters.failures.one();
            }
            return match (received, &job.stored) {
                (Err(_), Some((stored, _))) if self.is_allowed(stored, &job.asked, now) => {
                    Ok(self.in_place_of(job, stored, None))
                }
                (received, _) => received,
            };
        }
    }

    /// Serves a stale answer since the origin failed.
    fn in_place_of(&self, job: &Job, stored: &Arc<Stored>, failed: Option<StatusCode>) -> Outcome {
        self.counters.stale_serves.one();
        self.counters.bytes_saved.add(stored.body.len());
        let status = CacheStatus { detail: Some(ON_ERROR), ..CacheStatus::forwarded(job.why) };
        Outcome::Kept(stored.clone(), CacheStatus { forward_status: failed, ..status })
    }

    /// Takes a 304 for a stored answer; `None` if it isn't about that.
    fn freshen(
        &self,
        job: &Job,
        stored: &Arc<Stored>,
        newer: &HeaderMap,
        times: (SystemTime, SystemTime),
    ) -> Option<Outcome> {
        if !stored.terms.is_validated_by(newer, times.1) {
            return None;
        }
        self.counters.revalidations.one();
        self.counters.bytes_saved.add(stored.body.len());
        let mut status = CacheStatus { revalidated: true, ..CacheStatus::forwarded(job.why) };
        status.forward_status = Some(StatusCode::NOT_MODIFIED);
        let freshened = stored.freshened(&self.settings.rules, &job.asked, newer, times);
        let Some(freshened) = freshened.map(Arc::new) else {
            // It may be stored no more, but it is the answer.
            self.store.drop_variant(&job.key, &job.request.url, stored, times.1);
            return Some(Outcome::Kept(stored.clone(), status));
        };
        status.stored = self.keep(job, &job.key, &freshened, times.1);
        Some(Outcome::Kept(freshened, status))
    }

    /// Reads an answer, and stores it if that is allowed and it isn't too large.
    async fn receive(
        &self,
        job: &Job,
        answer: reqwest::Response,
        times: (SystemTime, SystemTime),
    ) -> Result<Outcome, Error> {
        let rules = &self.settings.rules;
        let mut status = CacheStatus::forwarded(job.why);
        if job.key.of == Of::Head {
            self.learn_from_head(job, &answer, times);
        }
        // An answer from elsewhere isn't that of the URL.
        let here = answer.url() == &job.request.url;
        let key = key_of(job, answer.status()).filter(|_| here);
        let storable = Storable::of(rules, &job.asked, answer.status(), answer.headers(), times);
        let (Some(storable), Some(key)) = (storable, key) else {
            if !says_nothing(answer.status())
                && let Some((stored, _)) = &job.stored
            {
                self.store.drop_variant(&job.key, &job.request.url, stored, times.1);
            }
            let told = CacheStatus::forwarded(job.why);
            return Ok(Outcome::Passed(passed(&job.request, answer, Bytes::new(), told)));
        };
        let largest = self.store.limits().largest;
        if answer.content_length().is_some_and(|length| length > largest as u64) {
            status.detail = Some("too-large");
            return Ok(Outcome::Passed(passed(&job.request, answer, Bytes::new(), status)));
        }
        let mut answer = answer;
        let mut body = BytesMut::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(source) => {
                    let (method, url) = (job.request.method.clone(), job.request.url.to_string());
                    return Err(Error::Body { method, url, source: Arc::new(source.without_url()) });
                }
            }
            if body.len() > largest {
                status.detail = Some("too-large");
                return Ok(Outcome::Passed(passed(&job.request, answer, body.freeze(), status)));
            }
        }
        let without = storable.withheld(answer.headers());
        let stored = Arc::new(storable.with_body(body.freeze()));
        status.stored = self.keep(job, &key, &stored, times.1);
        if without.is_empty() {
            Ok(Outcome::Kept(stored, status))
        } else {
            Ok(Outcome::KeptWithout(stored, status, without))
        }
    }

    /// Freshens or drops what is stored for GET, by an answer to HEAD (RFC 9111, section 4.3.5).
    fn learn_from_head(&self, job: &Job, answer: &reqwest::Response, times: (SystemTime, SystemTime)) {
        let key = job.key.with(Of::Get);
        let (Chosen::Fresh(stored) | Chosen::Stale(stored, _)) = self.store.choose(&key, &job.asked, times.1) else {
            return;
        };
        if says_nothing(answer.status()) {
            return;
        }
        if answer.status() != stored.status || !stored.is_same(answer.headers()) {
            self.store.drop_variant(&key, &job.request.url, &stored, times.1);
            return;
        }
        if let Some(freshened) = stored.freshened(&self.settings.rules, &job.asked, answer.headers(), times) {
            self.store.insert(&key, &job.request.url, Arc::new(freshened), job.ticket, times.1);
        }
    }

    fn keep(&self, job: &Job, key: &Key, stored: &Arc<Stored>, now: SystemTime) -> bool {
        let kept = self.store.insert(key, &job.request.url, stored.clone(), job.ticket, now);
        if kept {
            self.counters.stored.one();
        }
        kept
    }
}

/// Whether an answer says nothing of whether what is stored still holds: to the caller's own conditions, or to too many
/// requests, or in the origin's place.
fn says_nothing(status: StatusCode) -> bool {
    [StatusCode::NOT_MODIFIED, StatusCode::TOO_MANY_REQUESTS].contains(&status) || status.is_server_error()
}

/// Returns the key that an answer may be stored under: one to a request for a part is a part, or all.
fn key_of(job: &Job, status: StatusCode) -> Option<Key> {
    match (job.key.of, status) {
        (Of::Part, StatusCode::PARTIAL_CONTENT) => Some(job.key.clone()),
        (Of::Part, StatusCode::OK) => Some(job.key.with(Of::Get)),
        (Of::Part, _) | (_, StatusCode::PARTIAL_CONTENT) => None,
        _ => Some(job.key.clone()),
    }
}

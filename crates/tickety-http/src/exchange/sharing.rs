//! One request for all who ask for the same at a time, as far as its answer may be given to all of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tickety_cache::{Entry, LoadOptions};

use super::{Job, ON_ERROR, Outcome};
use crate::client::Inner;
use crate::error::Error;
use crate::key::FlightKey;
use crate::response::Response;
use crate::reuse::reuse;
use crate::rules::Judged;
use crate::status::CacheStatus;
use crate::stored::Stored;

/// How long it is remembered that the answers to a request are for one caller each, so that others needn't wait to learn that.
const ALONE: Duration = Duration::from_secs(10);

/// What those who wait for the request of another get.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    Kept(Arc<Stored>, CacheStatus),
    /// Nothing: the answer is for one caller alone.
    Alone,
}

impl Inner {
    /// Sends a request that others may join, or joins that of another.
    pub(super) async fn share(self: &Arc<Self>, job: Job) -> Result<Response, Error> {
        let flight = self.store.flight_key(&job.key, &job.asked);
        let own: Arc<Mutex<Option<Outcome>>> = Arc::default();
        let load = || {
            let (inner, job, own) = (self.clone(), job.clone(), own.clone());
            async move {
                let outcome = inner.forward(&job).await?;
                let landed = inner.landed(&job, &outcome);
                *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
                Ok::<_, Error>(match &landed {
                    Landed::Kept(stored, _) => {
                        let tags = inner.store.tags(&job.key.url, &job.request.url, &stored.headers);
                        // It is for those who wait: who comes later looks into the store.
                        Entry::new(landed).ttl(Duration::ZERO).tags(tags)
                    }
                    Landed::Alone => Entry::new(landed).ttl(ALONE),
                })
            }
        };
        let landed = self.store.flights.load_with_async(&flight, LoadOptions::new(), load).await;
        if let Some(outcome) = own.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(self.answer(&job, outcome));
        }
        let landed = match landed {
            Ok(landed) => landed.into_value(),
            Err(error) => {
                let abandoned = || Error::Abandoned { url: job.request.url.to_string() };
                return Err(error.reason().map_or_else(abandoned, |reason| Error::clone(reason)));
            }
        };
        if let Some(Landed::Kept(stored, status)) = landed
            && let Some(response) = self.joined(&job, &stored, status)
        {
            return Ok(response);
        }
        self.alone(&job, &flight).await
    }

    /// Sends a request for one caller, since answers to it have turned out not to be for several.
    async fn alone(self: &Arc<Self>, job: &Job, flight: &FlightKey) -> Result<Response, Error> {
        // What is stored may have changed since it was looked at, but that is a matter of its validation.
        let outcome = self.forward(job).await?;
        if let Landed::Kept(..) = self.landed(job, &outcome) {
            self.store.flights.remove(flight);
        }
        Ok(self.answer(job, outcome))
    }

    /// Returns what others may have of an outcome (RFC 9111, section 4: what could be used if it were stored already).
    fn landed(&self, job: &Job, outcome: &Outcome) -> Landed {
        match outcome {
            Outcome::Kept(stored, status) | Outcome::KeptWithout(stored, status, _)
                if self.may_have(job, stored, status) =>
            {
                Landed::Kept(stored.clone(), status.clone())
            }
            _ => Landed::Alone,
        }
    }

    fn may_have(&self, job: &Job, stored: &Stored, status: &CacheStatus) -> bool {
        let now = self.clock.now();
        match stored.terms.judge(&job.asked, now) {
            Judged::Fresh => true,
            Judged::Stale(_) => status.detail == Some(ON_ERROR) && self.is_allowed(stored, &job.asked, now),
            Judged::Other => false,
        }
    }

    /// Answers a request by that of another, if it may be.
    fn joined(&self, job: &Job, stored: &Arc<Stored>, mut status: CacheStatus) -> Option<Response> {
        if !self.may_have(job, stored, &status) {
            return None;
        }
        status.collapsed = true;
        let response = reuse(stored, &job.request, &job.asked, self.clock.now(), status)?;
        self.counters.coalesced.one();
        self.counters.bytes_saved.add(stored.body.len());
        Some(response)
    }
}

//! Sending a request, again if need be, and following where its answer points.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use http::{Method, StatusCode};

use crate::client::{Client, Inner};
use crate::error::Error;
use crate::request::{Outgoing, parse};
use crate::response::Response;
use crate::retry::End;

impl Inner {
    /// Sends a request until it has an answer, or has been tried often enough.
    pub(crate) async fn send(&self, request: &Outgoing) -> Result<reqwest::Response, Error> {
        self.send_after(request, &mut 0).await
    }

    /// Does the same for a request that has been tried so often, and counts on.
    pub(crate) async fn send_after(&self, request: &Outgoing, tried: &mut u32) -> Result<reqwest::Response, Error> {
        let http = self.http.client(&request.url)?;
        loop {
            *tried += 1;
            self.counters.requests.one();
            let answered = http.execute(prepared(request)).await;
            let end = match &answered {
                Ok(answer) => End::Answer(answer.status(), answer.headers()),
                Err(error) if error.is_connect() => End::NotSent,
                Err(_) => End::NoAnswer,
            };
            let now = self.clock.now();
            let wait = self.settings.retry.wait(&request.method, &request.headers, *tried, &end, now);
            match (answered, wait) {
                (Ok(answer), None) => return Ok(answer),
                (Err(source), None) => {
                    self.counters.failures.one();
                    let (method, url) = (request.method.clone(), request.url.to_string());
                    let source = Arc::new(source.without_url());
                    return Err(Error::Send { method, url, attempts: *tried, source });
                }
                (_, Some(wait)) => {
                    self.counters.retries.one();
                    self.clock.wait(wait).await;
                }
            }
        }
    }
}

fn prepared(request: &Outgoing) -> reqwest::Request {
    let mut prepared = reqwest::Request::new(request.method.clone(), request.url.clone());
    *prepared.headers_mut() = request.headers.clone();
    if !request.body.is_empty() {
        *prepared.body_mut() = Some(request.body.clone().into());
    }
    *prepared.timeout_mut() = request.timeout;
    prepared
}

impl Client {
    /// Answers a request, each redirect by a request of its own: what is stored is stored under the URL that it came from.
    pub(crate) async fn follow(&self, mut request: Outgoing) -> Result<Response, Error> {
        let limit = self.inner().settings.redirects;
        let asked = request.url.clone();
        let mut followed = 0;
        loop {
            let response = self.inner().fetch(request.clone()).await?;
            let Some(next) = redirected(&request, &response).filter(|_| limit > 0) else { return Ok(response) };
            followed += 1;
            if followed > limit {
                return Err(Error::Redirects { url: asked.to_string(), limit });
            }
            request = next;
        }
    }
}

/// Returns the request that an answer points to (RFC 9110, section 15.4).
fn redirected(request: &Outgoing, response: &Response) -> Option<Outgoing> {
    let status = response.status();
    let [moved, found, other] = [StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND, StatusCode::SEE_OTHER];
    let same = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&status);
    if !same && ![moved, found, other].contains(&status) {
        return None;
    }
    let place = request.url.join(response.header("location")?).ok()?;
    let mut next = Outgoing { url: parse(place.as_str()).ok()?, ..request.clone() };
    let to_get = status == other && request.method != Method::HEAD || request.method == Method::POST && !same;
    if to_get {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            next.headers.remove(&name);
        }
    }
    // What says who asks is for the origin that it was given to.
    if next.url.origin() != request.url.origin() {
        for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
            next.headers.remove(&name);
        }
    }
    Some(next)
}

//! Requests that may change something.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use super::passed;
use crate::client::Inner;
use crate::error::Error;
use crate::key::Key;
use crate::request::Outgoing;
use crate::response::Response;
use crate::status::{CacheStatus, Forward};

impl Inner {
    /// Sends a request that may change something, and invalidates what it does (RFC 9111, section 4.4).
    pub(super) async fn write(self: &Arc<Self>, request: Outgoing) -> Result<Response, Error> {
        if request.method.is_safe() {
            return self.pass(request, Forward::Method).await;
        }
        let mut sent = Sent { inner: self, request: &request, is_open: true };
        let answered = self.send(&request).await;
        sent.is_open = false;
        drop(sent);
        let answer = match answered {
            Ok(answer) => answer,
            Err(error) => {
                // It may have been done nevertheless.
                if !error.is_connect() {
                    self.invalidate_after(&request, &HeaderMap::new());
                    self.forget_on_disk().await;
                }
                return Err(error);
            }
        };
        let status = answer.status();
        // Of those that wait for the origin nobody knows whether it has done it.
        let unknown = [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT].contains(&status);
        if unknown || !status.is_client_error() && !status.is_server_error() {
            self.invalidate_after(&request, answer.headers());
            self.forget_on_disk().await;
        }
        Ok(passed(&request, answer, Bytes::new(), CacheStatus::forwarded(Forward::Method)))
    }

    /// Invalidates in memory what a request may have changed.
    fn invalidate_after(&self, request: &Outgoing, answer: &HeaderMap) {
        self.counters.invalidations.one();
        let mut urls = vec![request.url.clone()];
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            let url = answer.get(&name).and_then(|place| request.url.join(place.to_str().ok()?).ok());
            urls.extend(url.filter(|url| url.origin() == request.url.origin()));
        }
        for url in urls {
            let key = Key::new(&Method::GET, &url, self.settings.sorted_query);
            self.store.invalidate_by(&request.method, &key, &url, answer);
        }
    }
}

/// A request on its way. If nobody waits for its answer any more, it may have been done nevertheless.
struct Sent<'r> {
    inner: &'r Arc<Inner>,
    request: &'r Outgoing,
    is_open: bool,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.inner.invalidate_after(self.request, &HeaderMap::new());
            drop(self.inner.forget_on_disk());
        }
    }
}

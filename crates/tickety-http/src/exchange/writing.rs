//! Requests that may change something.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap};

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
        let answer = match self.send(&request).await {
            Ok(answer) => answer,
            Err(error) => {
                // It may have been done nevertheless.
                if !error.is_connect() {
                    self.invalidate_after(&request, &HeaderMap::new());
                }
                return Err(error);
            }
        };
        if !answer.status().is_client_error() && !answer.status().is_server_error() {
            self.invalidate_after(&request, answer.headers());
        }
        Ok(passed(&request, answer, Bytes::new(), CacheStatus::forwarded(Forward::Method)))
    }

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
        self.forget_on_disk();
    }
}

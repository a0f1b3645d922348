//! Requests, and what a caller can demand of the cache.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::client::Client;
use crate::error::Error;
use crate::response::Response;
use crate::retry::IDEMPOTENCY_KEY;

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How long all of it may take, instead of what the client says.
    pub(crate) timeout: Option<Duration>,
}

/// A request that is being put together, by [`Client::request`] and its like.
///
/// What the cache is to do goes into the field `Cache-Control` of the request (RFC 9111, section 5.2.1), so other caches on
/// the way see it, too.
#[derive(Debug)]
#[must_use = "a request is sent by `send`"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Outgoing, Error>,
    directives: Vec<String>,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: Method, url: &str) -> Self {
        let request = parse(url).map(|url| Outgoing {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
        });
        Self { client, request, directives: Vec::new() }
    }

    /// Adds a field. What isn't one makes [`send`](Self::send) fail.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let field = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        match (&mut self.request, field) {
            (Ok(request), Some((name, value))) => drop(request.headers.append(name, value)),
            (Ok(_), None) => self.request = Err(Error::Field { name: name.to_owned() }),
            (Err(_), _) => {}
        }
        self
    }

    /// Adds fields.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        if let Ok(request) = &mut self.request {
            request.headers.extend(headers);
        }
        self
    }

    /// Adds a parameter to the query of the URL.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        if let Ok(request) = &mut self.request {
            request.url.query_pairs_mut().append_pair(name, &value.to_string());
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        if let Ok(request) = &mut self.request {
            request.body = body.into();
        }
        self
    }

    /// Sets how long the request may take until its answer is read to its end, all tries apart, instead of what the
    /// client says.
    pub fn timeout(mut self, time: Duration) -> Self {
        if let Ok(request) = &mut self.request {
            request.timeout = Some(time);
        }
        self
    }

    /// Says that the origin knows the request by a key and does it once, so that it may be tried again.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY.as_str(), key)
    }

    /// Keeps the cache out of it: what is stored isn't served, and the answer isn't stored.
    pub fn no_store(self) -> Self {
        self.directive("no-store".to_owned())
    }

    /// Asks the origin whether what is stored is still right.
    pub fn no_cache(self) -> Self {
        self.directive("no-cache".to_owned())
    }

    /// Asks only the cache: if it has nothing that may be served, the answer has the status 504.
    pub fn only_if_cached(self) -> Self {
        self.directive("only-if-cached".to_owned())
    }

    /// Wants an answer that is no older. In whole seconds, rounded down.
    pub fn max_age(self, age: Duration) -> Self {
        self.directive(format!("max-age={}", age.as_secs()))
    }

    /// Wants an answer that will be fresh for so long. In whole seconds, rounded up.
    pub fn min_fresh(self, time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        self.directive(format!("min-fresh={seconds}"))
    }

    /// Takes an answer that has not been fresh for less than this time, if its origin allows that. In whole seconds.
    pub fn max_stale(self, time: Duration) -> Self {
        self.directive(format!("max-stale={}", time.as_secs()))
    }

    /// Takes any stored answer, however long it has not been fresh, if its origin allows that.
    pub fn any_stale(self) -> Self {
        self.directive("max-stale".to_owned())
    }

    /// Takes an answer that has not been fresh for up to this time if the origin can't be asked or fails, if it allows
    /// that. In whole seconds.
    pub fn stale_if_error(self, time: Duration) -> Self {
        self.directive(format!("stale-if-error={}", time.as_secs()))
    }

    /// Returns what is stored for the request, however old it is and also where it must be validated; nobody is asked. `None` if
    /// nothing is stored.
    ///
    /// It is for a caller that works without the origin on purpose (RFC 9111, section 4.2.4: a cache that is disconnected) and
    /// says to whoever gets the answer [how old](crate::CacheStatus::age) it is.
    ///
    /// # Errors
    ///
    /// If the URL or a field isn't one.
    pub fn stored(self) -> Result<Option<Response>, Error> {
        Ok(self.client.inner().stored(&self.request?))
    }

    fn directive(mut self, directive: String) -> Self {
        self.directives.push(directive);
        self
    }

    /// Sends the request, or answers it from the cache.
    ///
    /// # Errors
    ///
    /// If the URL or a field isn't one, no answer comes, or a body that is stored breaks off.
    pub async fn send(self) -> Result<Response, Error> {
        let mut request = self.request?;
        if !self.directives.is_empty()
            && let Ok(value) = HeaderValue::from_str(&self.directives.join(", "))
        {
            request.headers.append(header::CACHE_CONTROL, value);
        }
        self.client.follow(request).await
    }
}

/// Reads a URL that can be asked for. Names and passwords don't belong into it: they would become part of keys and errors.
pub(crate) fn parse(text: &str) -> Result<Url, Error> {
    let refused = |reason: String| Error::Url { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(refused(format!("its scheme is `{}`; use http or https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let url = url.host_str().unwrap_or_default().to_owned();
        return Err(Error::Url {
            url,
            reason: "it holds a name or password; use the field `Authorization`".to_owned(),
        });
    }
    Ok(url)
}

//! Answers.

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Method, StatusCode};
use std::sync::Arc;
use url::Url;

use crate::error::Error;
use crate::status::CacheStatus;

/// An answer, from the cache or the origin.
///
/// A body that was stored, or is about to be, is in memory; that of others is read as it comes.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) body: Body,
    pub(crate) cache: CacheStatus,
}

/// A body.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it. Handed out once as a chunk.
    Whole(Bytes),
    /// Its beginning, and the rest as it comes.
    Stream(Bytes, Box<reqwest::Response>),
}

impl Response {
    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the fields. Those that were for the connection are left out, and `Age` is current.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns a field as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the URL that answered: after redirects, the last.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns what the cache did.
    #[must_use]
    pub fn cache(&self) -> &CacheStatus {
        &self.cache
    }

    /// Returns the body.
    ///
    /// # Errors
    ///
    /// If it breaks off.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        if let Body::Whole(body) = self.body {
            return Ok(body);
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Returns the body as text.
    ///
    /// # Errors
    ///
    /// If it breaks off, or is not UTF-8.
    pub async fn text(self) -> Result<String, Error> {
        let url = self.url.clone();
        String::from_utf8(self.bytes().await?.into()).map_err(|_| Error::Text { url: url.into() })
    }

    /// Returns the next part of the body, `None` at its end.
    ///
    /// # Errors
    ///
    /// If it breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.body {
            Body::Whole(body) => Ok(Some(std::mem::take(body)).filter(|body| !body.is_empty())),
            Body::Stream(head, _) if !head.is_empty() => Ok(Some(std::mem::take(head))),
            Body::Stream(_, rest) => rest.chunk().await.map_err(|source| Error::Body {
                method: self.method.clone(),
                url: self.url.to_string(),
                source: Arc::new(source.without_url()),
            }),
        }
    }

    /// Returns the body if it is in memory.
    #[must_use]
    pub fn whole(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Whole(body) => Some(body),
            Body::Stream(..) => None,
        }
    }
}

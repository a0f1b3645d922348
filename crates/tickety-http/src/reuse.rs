//! Making an answer of a stored one: its age, a 304 for who has it already, a part of it, or its fields alone.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::asked::Asked;
use crate::fields::matches_tag;
use crate::parts::{Part, Ranged};
use crate::request::Outgoing;
use crate::response::{Body, Response};
use crate::rules::date_of;
use crate::status::CacheStatus;
use crate::stored::Stored;

/// Makes the answer to a request of a stored one; `None` if it asks for parts that have to be got from the origin.
pub(crate) fn reuse(
    stored: &Stored,
    request: &Outgoing,
    asked: &Asked,
    now: SystemTime,
    mut cache: CacheStatus,
) -> Option<Response> {
    let age = stored.terms.age(now);
    let mut headers = stored.headers.clone();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    cache.age = Some(age);
    let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    cache.ttl = Some(seconds(stored.terms.lifetime).saturating_sub(seconds(age)));
    cache.stale = !stored.terms.staleness(now).is_zero();
    let (mut status, mut body) = (stored.status, stored.body.clone());
    if status == StatusCode::OK && is_current(stored, asked) {
        status = StatusCode::NOT_MODIFIED;
        body = Bytes::new();
        strip_representation(&mut headers);
    } else if request.method == Method::GET && asked.is_partial() && condition_of_range(stored, &asked.headers) {
        let part = match status {
            StatusCode::OK => Some(Part::whole(body.len())),
            StatusCode::PARTIAL_CONTENT => Part::of(&headers),
            _ => None,
        };
        match part.map(|part| (part, part.asked(&asked.headers, body.len()))) {
            Some((part, Ranged::Some(bytes))) => {
                headers.insert(header::CONTENT_RANGE, part.told(&bytes)?);
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                body = body.slice(bytes);
                status = StatusCode::PARTIAL_CONTENT;
            }
            Some((_, Ranged::Elsewhere)) => return None,
            Some((_, Ranged::All)) | None => {}
        }
    }
    // A part is no answer to anything but a request for some of it, which `Content-Range` was changed for.
    if stored.status == StatusCode::PARTIAL_CONTENT && asked.is_partial() && body.len() == stored.body.len() {
        let same = Part::of(&stored.headers).is_some_and(|part| {
            condition_of_range(stored, &asked.headers)
                && part.asked(&asked.headers, body.len()) == Ranged::Some(0..body.len())
        });
        if !same {
            return None;
        }
    }
    if request.method == Method::HEAD {
        body = Bytes::new();
    }
    let (url, method) = (request.url.clone(), request.method.clone());
    Some(Response { status, headers, url, method, body: Body::Whole(body), cache })
}

/// Whether the request's conditions say that who asks has the stored answer (RFC 9111, section 4.3.2).
fn is_current(stored: &Stored, asked: &Asked) -> bool {
    if asked.headers.contains_key(header::IF_NONE_MATCH) {
        return matches_tag(&asked.headers, stored.headers.get(header::ETAG));
    }
    let Some(since) = asked.headers.get(header::IF_MODIFIED_SINCE).and_then(date_of) else { return false };
    let of = |name: HeaderName| stored.headers.get(name).and_then(date_of);
    let modified = of(header::LAST_MODIFIED).or_else(|| of(header::DATE)).unwrap_or(stored.received);
    modified <= since
}

/// Removes what describes a body, which a 304 has none of (RFC 9110, section 15.4.5).
fn strip_representation(headers: &mut HeaderMap) {
    for name in [
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_RANGE,
    ] {
        headers.remove(name);
    }
}

/// Whether a part may be served: `If-Range` isn't there or names what is stored (RFC 9110, section 13.1.5).
fn condition_of_range(stored: &Stored, headers: &HeaderMap) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    match date_of(condition) {
        Some(date) => stored.headers.get(header::LAST_MODIFIED).and_then(date_of) == Some(date),
        None => !condition.as_bytes().starts_with(b"W/") && stored.headers.get(header::ETAG) == Some(condition),
    }
}

//! Making an answer of a stored one: its age, a 304 for who has it already, a part of it, or its fields alone.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::asked::Asked;
use crate::fields::{matches_tag, members};
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
    } else if status == StatusCode::OK
        && request.method == Method::GET
        && asked.is_partial()
        && condition_of_range(stored, &asked.headers)
    {
        match range(asked, body.len()) {
            Ranged::Whole => {}
            Ranged::Part(part) => {
                let told = format!("bytes {}-{}/{}", part.start, part.end - 1, body.len());
                headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&told).ok()?);
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(part.len()));
                body = body.slice(part);
                status = StatusCode::PARTIAL_CONTENT;
            }
            Ranged::Elsewhere => return None,
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

/// What of a body is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Ranged {
    /// All: what isn't understood is ignored.
    Whole,
    Part(Range<usize>),
    /// Several parts, or one that isn't there: the origin says what becomes of that.
    Elsewhere,
}

/// Reads `Range` (RFC 9110, section 14.1.2).
fn range(asked: &Asked, length: usize) -> Ranged {
    let text = asked.headers.get(header::RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(ranges) = text.strip_prefix("bytes=") else { return Ranged::Whole };
    if ranges.contains(',') || members(&asked.headers, &header::RANGE).count() > 1 {
        return Ranged::Elsewhere;
    }
    let Some((first, last)) = ranges.trim().split_once('-') else { return Ranged::Whole };
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(last)) if first.is_empty() => length.saturating_sub(last)..length,
        _ => return Ranged::Whole,
    };
    if part.is_empty() { Ranged::Elsewhere } else { Ranged::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_cut_out_and_others_are_left_to_the_origin() {
        let range = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            super::range(&Asked::new(&headers), 10)
        };
        assert_eq!(range("bytes=0-1"), Ranged::Part(0..2));
        assert_eq!(range("bytes=4-"), Ranged::Part(4..10));
        assert_eq!(range("bytes=-3"), Ranged::Part(7..10));
        assert_eq!(range("bytes=-30"), Ranged::Part(0..10));
        assert_eq!(range("bytes=8-99"), Ranged::Part(8..10));
        for elsewhere in ["bytes=10-", "bytes=-0", "bytes=0-1,3-4"] {
            assert_eq!(range(elsewhere), Ranged::Elsewhere, "{elsewhere}");
        }
        for ignored in ["lines=1-2", "bytes=5-4", "bytes=x-y", "bytes=3"] {
            assert_eq!(range(ignored), Ranged::Whole, "{ignored}");
        }
    }
}

//! What RFC 9111 says of an answer. The crate `http-cache-semantics` decides; this is the one place that corrects it.
//!
//! That crate follows RFC 7234 and reads fields as they come. It is shown a request and an answer in which they stand in
//! the one form that it reads rightly, and it never makes the fields that are served. Each correction names its paragraph.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy, RequestLike, ResponseLike};

use crate::asked::Asked;
use crate::directives::{Directives, seconds};
use crate::fields::{members, nominated};
use crate::parts::Part;

/// By what answers are judged; the same for all of a client.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Whether several users are served from the cache.
    pub(crate) shared: bool,
    /// Which part of the time since it was last modified an answer without a freshness of its own is fresh.
    pub(crate) heuristic: f32,
    /// And how long at most.
    pub(crate) heuristic_limit: Duration,
    /// How long an answer is fresh that says nothing at all.
    pub(crate) default_ttl: Duration,
    /// Whether answers that set cookies are stored.
    pub(crate) cookies: bool,
    /// Targeted fields that stand above `Cache-Control`, the first that is there (RFC 9213).
    pub(crate) targeted: Vec<HeaderName>,
}

/// An answer's terms.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    policy: CachePolicy,
    /// How long it is fresh from its beginning.
    pub(crate) lifetime: Duration,
    /// How long past that it may be served while it is validated (RFC 5861, section 3).
    pub(crate) stale_while_revalidate: Duration,
    /// How long past that it may be served if the origin can't be asked (RFC 5861, section 4).
    pub(crate) stale_if_error: Option<Duration>,
    /// Whether it may ever be served past its freshness (RFC 9111, section 4.2.4).
    pub(crate) may_be_stale: bool,
    /// The fields that select it, and `Authorization` in a private cache.
    pub(crate) nominated: Vec<HeaderName>,
    /// Their values in the request that it answers.
    pub(crate) selecting: HeaderMap,
    /// Fields that must not be stored with it.
    pub(crate) withheld: Vec<HeaderName>,
}

/// What a stored answer is worth to a request.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It is the answer.
    Fresh,
    /// It would be if it were fresher. These conditions validate it.
    Stale(HeaderMap),
    /// It is the answer to something else.
    Other,
}

/// Answers with these may be given a freshness that they don't claim (RFC 9110, section 15.1).
const HEURISTIC: [u16; 12] = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];

/// Statuses that this cache knows the meaning of, as far as it matters to storing (RFC 9111, section 5.2.2.3).
const UNDERSTOOD: [u16; 28] = [
    200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 414, 429,
    500, 501, 502, 503, 504,
];

impl Rules {
    /// Returns the terms of an answer; `None` if it must not be stored.
    ///
    /// `requested` is when its request was sent: what it was on its way counts as age (RFC 9111, section 4.2.3).
    pub(crate) fn terms(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        requested: SystemTime,
        received: SystemTime,
    ) -> Option<Terms> {
        let code = status.as_u16();
        // Section 3: only final answers; a part, if it says which (section 3.3), and no 304, which is no answer of its own.
        if asked.forbids_storing() || code < 200 || code == 304 || code == 206 && Part::of(headers).is_none() {
            return None;
        }
        let (mut directives, targeted) = self.directives(headers);
        // Section 5.2.2.3: who understands the status need not heed `no-store` beside `must-understand`.
        if directives.has("must-understand") {
            if !UNDERSTOOD.contains(&code) {
                return None;
            }
            directives.remove("no-store");
        }
        // Sections 5.2.2.4 and 5.2.2.7: with fields, `no-cache` and `private` are about these fields alone.
        let listed = directives.fields("no-cache").chain(directives.fields("private").filter(|_| self.shared));
        let withheld: Vec<HeaderName> = listed.filter_map(|name| name.to_ascii_lowercase().parse().ok()).collect();
        for name in ["no-cache", "private"] {
            if !directives.has_bare(name) {
                directives.remove(name);
            }
        }
        if !self.shared {
            ["s-maxage", "proxy-revalidate", "private"].iter().for_each(|name| directives.remove(name));
        }
        // Section 5.2.2.10: what is said for shared caches alone is to be validated by them like by `proxy-revalidate`.
        let may_be_stale =
            ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"].iter().all(|name| !directives.has(name));
        // Section 4.1: nothing is known of what `*` stands for.
        let mut nominated = nominated(headers)?;
        if !self.shared && !nominated.contains(&header::AUTHORIZATION) {
            // Not asked for by section 3.5, but a private cache serves one user, who may have several names.
            nominated.push(header::AUTHORIZATION);
        }
        let expires = if targeted { None } else { headers.get(header::EXPIRES) };
        let explicit = expires.is_some() || directives.has("max-age") || directives.has("s-maxage");
        if !explicit
            && HEURISTIC.contains(&code)
            && !headers.contains_key(header::LAST_MODIFIED)
            && !self.default_ttl.is_zero()
        {
            directives.set("max-age", Some(self.default_ttl));
        }

        // Section 5.2.2.8: the crate takes `proxy-revalidate` for "never fresh". RFC 8246: `immutable` makes nothing fresh.
        let plain = ["no-store", "no-cache", "private", "public", "must-revalidate"];
        let mut shown = HeaderMap::new();
        let put = |shown: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                shown.insert(name, value);
            }
        };
        put(&mut shown, header::CACHE_CONTROL, directives.print(&plain, &["max-age", "s-maxage"]));
        // RFC 9110, section 5.6.7: there are three forms of a date; and 6.6.1: an answer without one came when it came.
        let date = headers.get(header::DATE).and_then(date_of).unwrap_or(received);
        put(&mut shown, header::DATE, Some(print_date(date)));
        // Section 5.3: of several the first, and what is no date is in the past.
        put(
            &mut shown,
            header::EXPIRES,
            expires.map(|value| date_of(value).map_or(HeaderValue::from_static("0"), print_date)),
        );
        put(&mut shown, header::LAST_MODIFIED, headers.get(header::LAST_MODIFIED).and_then(date_of).map(print_date));
        put(&mut shown, header::ETAG, headers.get(header::ETAG).cloned());
        let vary: Vec<&str> = nominated.iter().map(HeaderName::as_str).collect();
        put(&mut shown, header::VARY, HeaderValue::from_str(&vary.join(", ")).ok().filter(|value| !value.is_empty()));
        // Section 7.3: a cookie doesn't keep an answer from being stored. Where it shall, this is left to the client.
        if !self.cookies && headers.contains_key(header::SET_COOKIE) && !withheld.contains(&header::SET_COOKIE) {
            return None;
        }
        // Section 3: with an explicit freshness, or `public`, any final status may be stored; the crate knows some.
        let marked = explicit || directives.has("public");
        let status = if marked || HEURISTIC.contains(&code) { StatusCode::OK } else { status };

        let selecting = asked.selecting(&nominated);
        let mut request = selecting.clone();
        if self.shared
            && asked.headers.contains_key(header::AUTHORIZATION)
            && !request.contains_key(header::AUTHORIZATION)
        {
            // That it was there is all that counts.
            request.insert(header::AUTHORIZATION, HeaderValue::from_static("-"));
        }
        let judge = |shown: &HeaderMap| {
            let (request, answer) = (ShownRequest(&request), ShownAnswer { status, headers: shown });
            CachePolicy::new_options(&request, &answer, requested, self.options())
        };
        let mut policy = judge(&shown);
        if !policy.is_storable() {
            return None;
        }
        let mut lifetime = policy.time_to_live(requested);
        if !explicit && lifetime > self.heuristic_limit && !directives.has("max-age") {
            // Section 4.2.2: a guess should have a limit.
            lifetime = self.heuristic_limit;
            directives.set("max-age", Some(lifetime));
            put(&mut shown, header::CACHE_CONTROL, directives.print(&plain, &["max-age"]));
            policy = judge(&shown);
        }
        // Section 5.1: of several ages the first, and what is no number is no age.
        let age = members(headers, &header::AGE).next().and_then(seconds);
        if let Some(age) = age {
            shown.insert(header::AGE, HeaderValue::from(age.as_secs()));
            policy = judge(&shown);
        }
        Some(Terms {
            policy,
            lifetime,
            stale_while_revalidate: directives.seconds("stale-while-revalidate").unwrap_or_default(),
            stale_if_error: directives.seconds("stale-if-error"),
            may_be_stale,
            nominated,
            selecting,
            withheld,
        })
    }

    /// Returns the directives that hold for this cache, and whether they come from a targeted field (RFC 9213,
    /// section 2.2): then `Cache-Control` and `Expires` don't count.
    fn directives(&self, headers: &HeaderMap) -> (Directives, bool) {
        let mut lists = self.targeted.iter().filter_map(|name| Directives::parse_dictionary(headers.get_all(name)));
        match lists.next() {
            Some(directives) => (directives, true),
            None => (Directives::parse(headers.get_all(header::CACHE_CONTROL)), false),
        }
    }

    fn options(&self) -> CacheOptions {
        CacheOptions {
            shared: self.shared,
            cache_heuristic: self.heuristic,
            immutable_min_time_to_live: Duration::ZERO,
            ignore_cargo_cult: false,
        }
    }
}

impl Terms {
    /// Returns what the answer is worth to a request.
    pub(crate) fn judge(&self, asked: &Asked, now: SystemTime) -> Judged {
        let mut shown = asked.selecting(&self.nominated);
        let mut directives = asked.directives.clone();
        // Sections 5.2.2.2, 5.2.2.4, 5.2.2.8: what must be validated can't be asked for without.
        if !self.may_be_stale {
            directives.remove("max-stale");
        }
        let boundless = directives.has_bare("max-stale");
        // Section 5.2.1.2: no more than so many seconds; the crate wants less.
        if let Some(time) = directives.seconds("max-stale").filter(|_| !boundless) {
            directives.set("max-stale", Some(time + Duration::from_secs(1)));
        }
        let timed: &[&str] = if boundless { &["max-age", "min-fresh"] } else { &["max-age", "min-fresh", "max-stale"] };
        if let Some(printed) =
            directives.print(if boundless { &["no-cache", "max-stale"] } else { &["no-cache"] }, timed)
        {
            shown.insert(header::CACHE_CONTROL, printed);
        }
        match self.policy.before_request(&ShownRequest(&shown), now) {
            BeforeRequest::Fresh(_) => Judged::Fresh,
            BeforeRequest::Stale { matches: false, .. } => Judged::Other,
            BeforeRequest::Stale { request, .. } => Judged::Stale(
                [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE]
                    .into_iter()
                    .filter_map(|name| Some((name.clone(), request.headers.get(&name)?.clone())))
                    .collect(),
            ),
        }
    }

    /// Returns how old the answer is (RFC 9111, section 4.2.3).
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        self.policy.age(now)
    }

    /// Returns for how long it has not been fresh.
    pub(crate) fn staleness(&self, now: SystemTime) -> Duration {
        self.age(now).saturating_sub(self.lifetime)
    }

    /// Whether a 304 is about this answer (RFC 9111, section 4.3.4).
    pub(crate) fn is_validated_by(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        let mut shown = HeaderMap::new();
        if let Some(tag) = headers.get(header::ETAG) {
            shown.insert(header::ETAG, tag.clone());
        }
        if let Some(date) = headers.get(header::LAST_MODIFIED).and_then(date_of) {
            shown.insert(header::LAST_MODIFIED, print_date(date));
        }
        // Without a validator it is about the one that was asked for: there is no other.
        if shown.is_empty() {
            return true;
        }
        let answer = ShownAnswer { status: StatusCode::NOT_MODIFIED, headers: &shown };
        let after = self.policy.after_response(&ShownRequest(&self.selecting), &answer, now);
        matches!(after, AfterResponse::NotModified(..))
    }
}

/// A request in the form that is shown: its URL and method are those of the key.
struct ShownRequest<'a>(&'a HeaderMap);

impl RequestLike for ShownRequest<'_> {
    fn uri(&self) -> Uri {
        Uri::from_static("/")
    }

    fn is_same_uri(&self, _: &Uri) -> bool {
        true
    }

    fn method(&self) -> &Method {
        &Method::GET
    }

    fn headers(&self) -> &HeaderMap {
        self.0
    }
}

struct ShownAnswer<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
}

impl ResponseLike for ShownAnswer<'_> {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn headers(&self) -> &HeaderMap {
        self.headers
    }
}

/// Reads a date in one of the three forms.
pub(crate) fn date_of(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Prints a date in the form that is preferred.
pub(crate) fn print_date(time: SystemTime) -> HeaderValue {
    // Before 1970 and after 9999 there is no form; both are far enough.
    let year_9999 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, year_9999);
    HeaderValue::from_str(&httpdate::fmt_http_date(time)).unwrap_or(HeaderValue::from_static("0"))
}

//! Whether a request is answered, and what it may.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use tickety_api::ErrorCode;

use crate::caller::Caller;
use crate::extract;
use crate::guard::access::{Identity, Shown};
use crate::guard::hosts::Origin;
use crate::guard::needs::Need;
use crate::guard::proxies::Client;
use crate::guard::rates::Left;
use crate::guard::session::cookies;
use crate::guard::token::{Secret, SecretKind};
use crate::guard::{Guard, Who};
use crate::problem::Problem;

/// What is known of a request that is answered.
pub(super) struct Admitted {
    /// How often one may ask still, where that is counted.
    pub(super) left: Option<Left>,
    /// How the one has shown who he is who is answered.
    pub(super) shown: Shown,
}

/// Why a request isn't answered; boxed, since it is rare and long.
type Refused = Box<Response>;

/// Whether a browser asks what a page may send.
pub(super) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Guard {
    /// Finds out whether a request may be asked at all, whoever asks.
    pub(super) fn examine(&self, request: &Request) -> Result<Origin, Problem> {
        let host = self.allowed.host(request)?;
        self.allowed.origin(request.headers(), host)
    }

    /// Finds out who asks, and whether he may.
    pub(super) fn admit(
        &self,
        request: &mut Request,
        origin: &Origin,
        route: Option<&str>,
    ) -> Result<Admitted, Refused> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let client = self.proxies.client(peer, request.headers()).map_err(refuse)?;
        let (need, place) = self.needs.of(request.method(), route);
        let who = match need {
            // Whether a token is good is nobody's business here.
            Need::Nothing => None,
            Need::Scope(_) => Some(self.identify(request.headers(), &client)?),
        };
        let left = self.count(who.as_ref(), &client)?;
        if let (Need::Scope(scope), Some(who)) = (need, &who) {
            if !self.needs.belongs(who, place) {
                // As if it weren't there.
                let path = request.uri().path();
                let nothing = Problem::new(ErrorCode::NoRoute, format_args!("there is nothing at {path}"));
                return Err(refuse(nothing.hint("the token is for another project")));
            }
            if who.scope < scope {
                let detail = format!("this takes the scope {scope}, and the token has {}", who.scope);
                return Err(refuse(Problem::new(ErrorCode::Forbidden, detail)));
            }
        }
        if !request.method().is_safe() {
            let is_by_cookie = who.as_ref().is_some_and(|who| matches!(who.shown, Shown::Session { .. }));
            if is_by_cookie && *origin != Origin::Own {
                let problem =
                    Problem::new(ErrorCode::ForeignOrigin, "with a cookie only pages of the server may write");
                return Err(refuse(problem.hint("send the token in the header `Authorization`")));
            }
            // No route answers to other methods, and no page of a stranger sends them unasked.
            let may_be_answered = [Method::POST, Method::PATCH, Method::DELETE].contains(request.method());
            if may_be_answered && !has_json(request) {
                let problem = Problem::new(ErrorCode::BadMediaType, "what changes something is sent as JSON");
                return Err(refuse(problem.hint("say `Content-Type: application/json`")));
            }
        }
        request.extensions_mut().insert(client);
        let shown = who.as_ref().map_or(Shown::Nothing, |who| who.shown.clone());
        if let Some(who) = who {
            if let Some(user) = &who.user {
                request.extensions_mut().insert(Caller { name: Some(Arc::clone(user)) });
            }
            request.extensions_mut().insert(who);
        }
        Ok(Admitted { left, shown })
    }

    /// Counts the request.
    fn count(&self, who: Option<&Identity>, client: &Client) -> Result<Option<Left>, Refused> {
        let Some(requests) = &self.requests else { return Ok(None) };
        let key = match who {
            // Nothing is counted where nobody but this machine asks.
            _ if self.open && who.is_none_or(|who| who.shown == Shown::Nothing) => return Ok(None),
            None => Who::at(client.address),
            Some(who) => match (&who.shown, &who.user) {
                (Shown::Token(token) | Shown::Session { token, .. }, _) => Who::Token(Arc::clone(token)),
                (Shown::Proxy, Some(user)) => Who::user(user),
                (Shown::Proxy, None) | (Shown::Nothing, _) => Who::at(client.address),
            },
        };
        let left = requests.take(key, self.now());
        match left.times {
            Some(_) => Ok(Some(left)),
            None => Err(too_often(left, "there were too many requests at once")),
        }
    }

    /// Finds out who asks. A token that is shown has to be good, even where none is asked for.
    fn identify(&self, headers: &HeaderMap, client: &Client) -> Result<Identity, Refused> {
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            let only = headers.get_all(header::AUTHORIZATION).iter().nth(1).is_none();
            let token = authorization.to_str().ok().filter(|_| only).and_then(bearer);
            let Some(token) = token else { return Err(self.fail(client, "the header `Authorization` has no token")) };
            let found = match (Secret::parse(SecretKind::Token, token), &self.credentials) {
                (Some(secret), Some(credentials)) => {
                    credentials.verify(&secret).map_err(|error| unavailable(&error))?
                }
                _ => None,
            };
            let found = found.map(|grant| Identity::of(grant, Shown::Token));
            return found.ok_or_else(|| self.fail(client, "there is no such token, or it has expired or was revoked"));
        }
        if let Some(user) = &client.user {
            let scope = self.proxies.user_scope;
            return Ok(Identity { user: Some(Arc::clone(user)), scope, project: None, shown: Shown::Proxy });
        }
        let mut shown = false;
        for secret in cookies(headers, client.is_https) {
            shown = true;
            let Some(token) = self.sessions.use_of(&secret, self.now()) else { continue };
            let Some(credentials) = &self.credentials else { continue };
            match credentials.granted(&token).map_err(|error| unavailable(&error))? {
                Some(grant) => {
                    let session = secret.hash();
                    return Ok(Identity::of(grant, |token| Shown::Session { token, session }));
                }
                None => self.sessions.end(&secret),
            }
        }
        if self.open && !client.is_through_stranger {
            return Ok(Identity::open());
        }
        if shown {
            return Err(self.fail(client, "the session has ended"));
        }
        let detail = match self.open {
            true => "this has come through a proxy that the server doesn't know",
            false => "this takes a token",
        };
        Err(unauthenticated(detail, false))
    }

    /// Counts a credential that is no good.
    fn fail(&self, client: &Client, detail: &'static str) -> Refused {
        let left = self.failures.take(Who::at(client.address), self.now());
        match left.times {
            Some(_) => unauthenticated(detail, true),
            None => too_often(left, "there were too many credentials that are no good"),
        }
    }
}

/// Returns what stands after the scheme, whose case is all the same.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request that changes something is sent as JSON, which no form can do. One without a body, whose method no form
/// has, needn't be.
fn has_json(request: &Request) -> bool {
    let headers = request.headers();
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        let is_empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
        return request.method() == Method::DELETE && is_empty && !headers.contains_key(header::TRANSFER_ENCODING);
    };
    if headers.get_all(header::CONTENT_TYPE).iter().nth(1).is_some() {
        return false;
    }
    if extract::known_type(kind).is_some() {
        return true;
    }
    // Routes of others may take more.
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    kind.eq_ignore_ascii_case("application")
        && subtype.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

fn refuse(problem: Problem) -> Refused {
    Box::new(problem.into_response())
}

fn unavailable(error: &crate::guard::access::CredentialsError) -> Refused {
    tracing::error!(%error, "tokens can't be looked up");
    refuse(Problem::new(ErrorCode::Busy, "tokens can't be looked up").hint("the log of the server says why"))
}

fn unauthenticated(detail: &'static str, is_wrong: bool) -> Refused {
    let problem = Problem::new(ErrorCode::Unauthenticated, detail);
    let mut response = refuse(problem.hint("send `Authorization: Bearer TOKEN`; `tickety token create` makes one"));
    let challenge = match is_wrong {
        true => r#"Bearer realm="tickety", error="invalid_token""#,
        false => r#"Bearer realm="tickety""#,
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

fn too_often(left: Left, detail: &'static str) -> Refused {
    let wait = seconds(left.wait).max(1);
    let problem = Problem::new(ErrorCode::RateLimited, detail).hint(format!("ask again in {wait} s"));
    let mut response = refuse(problem);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    left.tell(response.headers_mut());
    response
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Left {
    /// Tells it as the IETF's draft has it (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Self { rate, times, wait } = *self;
        let policy = format!("\"default\";q={};w={}", rate.burst, seconds(rate.per));
        let left = format!("\"default\";r={};t={}", times.unwrap_or(0), seconds(wait));
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

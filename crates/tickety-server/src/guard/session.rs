//! `/session`: a page gets a cookie for a token, asks who it is, and ends the session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State as Has};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, http};
use serde::Serialize;
use tickety_api::{ErrorCode, Meta};

use crate::envelope::answer;
use crate::guard::Guard;
use crate::guard::access::{Identity, Shown};
use crate::guard::needs::SESSION;
use crate::guard::proxies::Client;
use crate::guard::token::{Secret, SecretKind};
use crate::problem::Problem;

/// The name of the cookie. One that is sent over TLS only has another, which browsers take from the host itself alone.
const NAME: &str = "tickety_session";
const SECURE_NAME: &str = "__Host-tickety_session";

/// The most secrets that are looked at: a browser may have some of an earlier time.
const LOOKED_AT: usize = 4;

/// The names, the secure one first.
pub(crate) const COOKIES: [&str; 2] = [SECURE_NAME, NAME];

/// The `data` of an answer about who asks.
#[derive(Serialize)]
struct Session<'a> {
    user: Option<&'a str>,
    scope: &'static str,
    /// The only project it is good for.
    project: Option<&'a str>,
    /// Whether it rests on a cookie.
    session: bool,
}

pub(super) fn routes(guard: Arc<Guard>) -> Router {
    Router::new().route(SESSION, get(tell).post(begin).delete(end)).with_state(guard)
}

/// Returns what may be sessions in the cookies of a request. Over TLS that is only what a browser lets nobody set but the
/// host itself, over TLS: a cookie of the other name may come from anybody who once answered in our place.
pub(super) fn cookies(headers: &HeaderMap, is_https: bool) -> impl Iterator<Item = Secret> {
    let names: &[&str] = if is_https { &[SECURE_NAME] } else { &COOKIES };
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let ours = pairs.filter(move |(name, _)| names.contains(name));
    ours.filter_map(|(_, value)| Secret::parse(SecretKind::Session, value)).take(LOOKED_AT)
}

async fn tell(Extension(who): Extension<Identity>) -> Response {
    respond(StatusCode::OK, &who, matches!(who.shown, Shown::Session { .. }))
}

/// Begins a session for the token of the request. A cookie that came along is worth nothing: nobody is given a session that
/// somebody else has chosen.
async fn begin(
    Has(guard): Has<Arc<Guard>>,
    Extension(who): Extension<Identity>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Shown::Token(token) = &who.shown else {
        let problem = Problem::new(ErrorCode::Unauthenticated, "a session is got for a token");
        return Err(problem.hint("send it in the header `Authorization`"));
    };
    for earlier in cookies(&headers, false) {
        guard.sessions.end(&earlier);
    }
    let secret = guard.sessions.begin(token, guard.now()).map_err(|error| {
        tracing::error!(%error, "the system has no random numbers");
        Problem::internal()
    })?;
    let mut response = respond(StatusCode::CREATED, &who, true);
    set(response.headers_mut(), client.is_https, secret.reveal(), guard.sessions.lifetime());
    Ok(response)
}

async fn end(Has(guard): Has<Arc<Guard>>, headers: HeaderMap) -> http::Response<axum::body::Body> {
    for secret in cookies(&headers, false) {
        guard.sessions.end(&secret);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    for is_https in [false, true] {
        set(response.headers_mut(), is_https, "", Duration::ZERO);
    }
    response
}

fn respond(status: StatusCode, who: &Identity, session: bool) -> Response {
    let data =
        Session { user: who.user.as_deref(), scope: who.scope.as_str(), project: who.project.as_deref(), session };
    let mut response = answer(status, data, Meta::default());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn set(headers: &mut HeaderMap, is_https: bool, value: &str, lasts: Duration) {
    let (name, secure) = if is_https { (SECURE_NAME, "; Secure") } else { (NAME, "") };
    let seconds = lasts.as_secs();
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        headers.append(header::SET_COOKIE, cookie);
    }
}

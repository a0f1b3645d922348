//! Who may ask what: the gate before every route.
//!
//! It stands around all routes of a [server](crate::Server), those included that somebody else brought, and around what
//! answers where there is no route. In this order a request has to name [a host of the list](hosts), must not come from
//! [a page of a stranger](hosts), shows [who asks](access), asks [not too often](rates), for what its credential
//! [allows](needs), and with JSON where it changes something.

pub mod access;
mod headers;
pub mod hosts;
mod lasting;
pub mod needs;
pub mod proxies;
pub mod rates;
pub mod sessions;
pub mod token;

mod admission;
mod session;

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State as Has};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use access::Credentials;
use hosts::{Allowed, Origin};
use needs::{Need, Needs};
use proxies::Proxies;
use rates::{Buckets, Rate};
use sessions::{SessionLimits, Sessions};

pub(crate) use headers::secure;
pub(crate) use session::COOKIES as SESSION_COOKIES;

/// Tells how long ago something was that never changes.
pub type Ticks = Box<dyn Fn() -> Duration + Send + Sync>;

/// Whom a server answers.
pub struct Policy {
    /// Its names, and the origins whose pages may ask.
    pub allowed: Allowed,
    /// Whether who shows nothing may do everything. Only for a server that nobody but this machine reaches. Default: yes.
    pub open: bool,
    /// Who knows tokens. Default: nobody.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// Which proxies are believed what. Default: none.
    pub proxies: Proxies,
    /// How often one may ask with one token, or as one user; without either, from one address, unless everybody may do
    /// everything. Default: 100 a second, and 1,000 at once. `None` for as often as he likes.
    pub rate: Option<Rate>,
    /// How often one may fail to show who he is, from one address. Default: 10 times, and once more every 6 s.
    pub failures: Rate,
    /// How many sessions there are, and how long they last.
    pub sessions: SessionLimits,
    /// What routes of others ask for, by the address they are mounted at. What isn't named asks for `read`, or for `write`
    /// where its method changes something.
    pub needs: Vec<(String, Need)>,
    /// The clock that rates and sessions go by: how long ago something was that never changes. Default: the making of this.
    pub ticks: Ticks,
}

impl Default for Policy {
    fn default() -> Self {
        let begun = Instant::now();
        Self {
            allowed: Allowed::default(),
            open: true,
            credentials: None,
            proxies: Proxies::default(),
            rate: Some(Rate::per_second(100)),
            failures: Rate { burst: 10, per: Duration::from_secs(60) },
            sessions: SessionLimits::default(),
            needs: Vec::new(),
            ticks: Box::new(move || begun.elapsed()),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("allowed", &self.allowed).field("open", &self.open).finish_non_exhaustive()
    }
}

/// A policy at work.
pub(crate) struct Guard {
    allowed: Allowed,
    open: bool,
    credentials: Option<Arc<dyn Credentials>>,
    proxies: Proxies,
    requests: Option<Buckets<Who>>,
    failures: Buckets<Who>,
    sessions: Sessions,
    needs: Needs,
    ticks: Ticks,
}

/// Who asks, as far as how often is concerned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Who {
    Token(Arc<str>),
    /// A user that a proxy names, by the hash of the name.
    User(u64),
    /// The first 64 bits of an address of version 6: who has one has them all.
    Address(Option<IpAddr>),
}

impl Who {
    fn at(address: Option<IpAddr>) -> Self {
        Self::Address(address.map(proxies::holder))
    }

    fn user(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self::User(hasher.finish())
    }
}

impl Guard {
    pub(crate) fn new(policy: Policy, projects: &[Arc<str>]) -> Self {
        let Policy { allowed, open, credentials, proxies, rate, failures, sessions, needs, ticks } = policy;
        Self {
            allowed,
            open,
            credentials,
            proxies,
            requests: rate.map(Buckets::new),
            failures: Buckets::new(failures),
            sessions: Sessions::new(sessions),
            needs: Needs::new(projects, needs),
            ticks,
        }
    }

    fn now(&self) -> Duration {
        (self.ticks)()
    }
}

/// Returns the routes of sessions.
pub(crate) fn routes(guard: &Arc<Guard>) -> Router {
    session::routes(Arc::clone(guard))
}

/// Puts the gate around routes, those that are there already and what answers where there are none.
pub(crate) fn around(router: Router, guard: Arc<Guard>) -> Router {
    router.layer(middleware::from_fn_with_state(guard, pass))
}

/// The headers that a page of another origin may send and read, where its origin is of the list.
const MAY_SEND: &str =
    "authorization, content-type, if-match, if-none-match, idempotency-key, last-event-id, x-request-id";
const MAY_READ: &str =
    "etag, location, retry-after, ratelimit, ratelimit-policy, x-request-id, idempotency-replayed, www-authenticate";

async fn pass(Has(guard): Has<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let origin = match guard.examine(&request) {
        Ok(origin) => origin,
        Err(problem) => return problem.into_response(),
    };
    let mut response = match &origin {
        Origin::Other(_) if admission::is_preflight(&request) => preflight(),
        _ => answer(&guard, &origin, &mut request, next).await,
    };
    if let Origin::Other(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(MAY_READ));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

async fn answer(guard: &Arc<Guard>, origin: &Origin, request: &mut Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let admitted = match guard.admit(request, origin, route.as_ref().map(MatchedPath::as_str)) {
        Ok(admitted) => admitted,
        Err(refused) => return *refused,
    };
    let mut response = next.run(std::mem::take(request)).await;
    if let Some(left) = admitted.left {
        left.tell(response.headers_mut());
    }
    lasting::bind(response, admitted.shown, guard)
}

/// Tells a browser what a page of an origin of the list may send.
fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(MAY_SEND));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

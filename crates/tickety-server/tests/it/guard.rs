//! Who is answered, and who isn't.

mod sessions;
mod tokens;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use tickety_server::guard::access::{Credentials, CredentialsError, Grant, Scope};
use tickety_server::guard::token::{Secret, SecretKind};
use tickety_server::{Closing, Policy, Project, Server};
use tickety_store::MemoryStore;
use tower::ServiceExt as _;

use crate::world::{Answer, server};

/// A server of two projects, with everything around them that a program has, and what a test turns.
struct Gate {
    router: Router,
    tokens: Arc<Tokens>,
    seconds: Arc<AtomicU64>,
}

/// Tokens that a test makes and revokes.
#[derive(Default)]
struct Tokens {
    known: Mutex<HashMap<blake3::Hash, Grant>>,
    damaged: Mutex<bool>,
}

impl Credentials for Tokens {
    fn verify(&self, token: &Secret) -> Result<Option<Grant>, CredentialsError> {
        if *self.damaged.lock().unwrap() {
            return Err(CredentialsError("damaged".to_owned()));
        }
        Ok(self.known.lock().unwrap().get(&token.hash()).cloned())
    }

    fn granted(&self, token: &str) -> Result<Option<Grant>, CredentialsError> {
        Ok(self.known.lock().unwrap().values().find(|grant| &*grant.token == token).cloned())
    }
}

impl Tokens {
    fn make(&self, name: &str, scope: Scope, project: Option<&str>) -> String {
        let secret = Secret::generate(SecretKind::Token).unwrap();
        let grant = Grant {
            token: name.into(),
            user: format!("user of {name}").into(),
            scope,
            project: project.map(Into::into),
        };
        self.known.lock().unwrap().insert(secret.hash(), grant);
        secret.reveal().to_owned()
    }

    fn revoke(&self, name: &str) {
        self.known.lock().unwrap().retain(|_, grant| &*grant.token != name);
    }
}

/// Routes that somebody brings along: nested, with a fallback of their own, one that fails, one that tells for ever.
fn brought() -> Router {
    let nested = Router::new().route("/deep/{part}", get(|| async { "deep" })).fallback(|| async { "own fallback" });
    let endless = futures_util::stream::pending::<Result<Vec<u8>, std::convert::Infallible>>;
    let events = move || async move { ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(endless())) };
    Router::new()
        .nest("/brought", nested)
        .route("/page", get(|| async { ([(header::CONTENT_TYPE, "text/html")], "<p>").into_response() }))
        .route(
            "/panics",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/written", post(|| async { "written" }))
        .route("/follow", get(events))
}

impl Gate {
    /// Everybody who reaches it may do everything.
    fn open() -> Self {
        Self::of(|policy| policy)
    }

    /// Asks for tokens.
    fn closed() -> Self {
        Self::of(|policy| Policy { open: false, ..policy })
    }

    fn of(change: impl FnOnce(Policy) -> Policy) -> Self {
        let (tokens, seconds) = (Arc::<Tokens>::default(), Arc::<AtomicU64>::default());
        let policy = Policy { credentials: Some(Arc::clone(&tokens) as _), ..Policy::default() };
        let ticks = Arc::clone(&seconds);
        let ticks = Box::new(move || Duration::from_secs(ticks.load(Ordering::Relaxed)));
        let policy = Policy { ticks, ..change(policy) };
        let project = |server: Server, name: &str| {
            let store = Arc::<MemoryStore>::default();
            server.project(Arc::new(project(name, &store)))
        };
        let operations = tickety_server::operations::Operations {
            version: "1",
            projects: Vec::new(),
            closing: Closing::default(),
            metrics: Arc::default(),
        };
        let extra = brought().merge(tickety_server::operations::routes(operations));
        let server = ["main", "other"].into_iter().fold(server().policy(policy).merge(extra), project);
        Self { router: server.router(), tokens, seconds }
    }

    fn pass_seconds(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Sends a request, as `METHOD path` and headers as `name: value`. It names its host unless these do, or say that none
    /// is to be named, and has JSON where it changes something and nothing else is said.
    async fn ask(&self, line: &str, headers: &[&str]) -> Answer {
        self.ask_from("127.0.0.1:50000", line, headers).await
    }

    async fn ask_from(&self, peer: &str, line: &str, headers: &[&str]) -> Answer {
        let response = self.router.clone().oneshot(request(peer, line, headers)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

fn project(name: &str, store: &Arc<MemoryStore>) -> Project {
    Project::new(name, Arc::clone(store) as _, Arc::clone(store) as _).unwrap()
}

fn request(peer: &str, line: &str, headers: &[&str]) -> Request<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let is_named = |name: &str| headers.iter().any(|header| header.starts_with(&format!("{name}: ")));
    if !is_named("host") {
        request = request.header("host", "localhost:7420");
    }
    let changes = ["POST", "PATCH", "PUT"].contains(&method);
    if changes && !is_named("content-type") {
        request = request.header("content-type", "application/json");
    }
    let mut request = request.body(if changes { Body::from("{}") } else { Body::empty() }).unwrap();
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    request
}

/// A problem as it is expected.
fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

/// Everything that can be asked: what the description of the API has, under both of its addresses and those of the other
/// project, what there is beside, what was brought along, and what there isn't.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for (method, path) in described() {
        for base in ["/api/v1", "/api/v1/projects/main", "/api/v1/projects/other"] {
            lines.push(format!("{method} {base}{path}"));
        }
    }
    let others = [
        "GET /api/v1/openapi.json",
        "GET /health",
        "GET /health/live",
        "GET /health/ready",
        "GET /health/details",
        "GET /metrics",
        "GET /session",
        "POST /session",
        "DELETE /session",
        "GET /brought/deep/1",
        "GET /brought/nothing",
        "GET /page",
        "GET /panics",
        "POST /written",
        "GET /",
        "GET /nothing",
        "POST /nothing",
        "GET /api/v1/nothing",
        "GET /api/v1/projects/nobody/issues",
        "PUT /api/v1/issues",
        "TRACE /api/v1/issues",
        "OPTIONS /api/v1/issues",
        "HEAD /api/v1/issues",
        "BREW /page",
        "GET //",
        "GET /api/v1/issues/",
    ];
    lines.extend(others.map(str::to_owned));
    lines
}

/// What the API has for a project, as its description says.
fn described() -> Vec<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(&tickety_server::openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let lines = paths.iter().flat_map(|(path, item)| {
        let path = path.replace("{issue}", "1").replace("{other}", "2").replace("{relation}", "blocks");
        let path = path.replace("{comment}", "01a200d8-3742-7220-a839-7b1dcdaf6e78");
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    lines.chain([("GET".to_owned(), "/events/stream".to_owned())]).collect()
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_route() {
    let gate = Gate::open();
    let lines = lines();
    assert!(lines.len() > 100, "{}", lines.len());
    for line in &lines {
        for host in ["evil.example.com", "evil.example.com:7420", "localhost.evil.example.com", "0.0.0.0:7420", ""] {
            let answer = gate.ask(line, &[&format!("host: {host}")]).await;
            assert_eq!(answer.status, 403, "{line} {host}");
            let is_head = line.starts_with("HEAD");
            assert!(is_head || answer.problem() == problem(403, "foreign_host"), "{line} {host}");
        }
        let twice = gate.ask(line, &["host: localhost", "host: evil.example.com"]).await;
        assert_eq!(twice.status, 403, "{line}");
        assert_ne!(gate.ask(line, &[]).await.status, 403, "{line}");
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let gate = Gate::open();
    for line in &lines() {
        for origin in ["http://evil.example.com", "null", "http://localhost:3000", "https://localhost.evil.example.com"]
        {
            let answer = gate.ask(line, &[&format!("origin: {origin}")]).await;
            assert_eq!(answer.status, 403, "{line} {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{line} {origin}");
        }
        let fetched = gate.ask(line, &["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors"]).await;
        assert_eq!(fetched.status, 403, "{line}");
        assert_ne!(gate.ask(line, &["origin: http://localhost:7420"]).await.status, 403, "{line}");
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let gate = Gate::open();
    for line in lines().iter().map(String::as_str).chain(["GET /api/v1/issues/77"]) {
        for host in ["localhost", "evil.example.com"] {
            let answer = gate.ask(line, &[&format!("host: {host}")]).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{line}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{line}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{line}");
            assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{line}");
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{line}");
        }
    }
    let page = gate.ask("GET /page", &[]).await;
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!((page.header("x-frame-options"), page.header("cross-origin-opener-policy")), ("DENY", "same-origin"));
}

#[tokio::test]
async fn names_and_origins_can_be_added() {
    let gate = Gate::of(|mut policy| {
        policy.allowed.hosts.push("tickety.example.org".parse().unwrap());
        policy.allowed.origins.push("https://board.example.org".parse().unwrap());
        policy
    });
    assert_eq!(gate.ask("GET /api/v1/issues", &["host: tickety.example.org"]).await.status, 200);
    assert_eq!(gate.ask("GET /api/v1/issues", &["host: other.example.org"]).await.status, 403);
    let origin = "origin: https://board.example.org";
    let answer = gate.ask("GET /api/v1/issues", &[origin]).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, &origin[8..]));
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    let asked = gate.ask("OPTIONS /api/v1/issues", &[origin, "access-control-request-method: POST"]).await;
    assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-origin")), (204, &origin[8..]));
    let asked = gate
        .ask("OPTIONS /api/v1/issues", &["origin: https://x.example.org", "access-control-request-method: POST"])
        .await;
    assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-methods")), (403, ""));
}

#[tokio::test]
async fn what_changes_something_is_sent_as_json() {
    let gate = Gate::open();
    let forms =
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "application/jsonx"];
    for line in lines().iter().filter(|line| ["POST", "PATC"].contains(&&line[..4])) {
        for kind in forms {
            let answer = gate.ask(line, &[&format!("content-type: {kind}")]).await;
            assert_eq!(answer.problem(), problem(415, "unsupported_media_type"), "{line} {kind}");
        }
        let twice = ["content-type: application/json", "content-type: text/plain"];
        assert_eq!(gate.ask(line, &twice).await.status, 415, "{line}");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        assert_eq!(gate.ask("POST /written", &[&format!("content-type: {kind}")]).await.status, 200, "{kind}");
    }
    assert_eq!(gate.ask("DELETE /written", &["content-length: 7"]).await.status, 415);
    assert_eq!(gate.ask("DELETE /written", &["transfer-encoding: chunked"]).await.status, 415);
    assert_eq!(gate.ask("DELETE /written", &[]).await.status, 405);
    for kind in ["content-type: ", "content-type: text/plain", "content-type: application/json"] {
        assert_eq!(gate.ask("PUT /api/v1/issues", &[kind]).await.problem(), problem(405, "method_not_allowed"));
    }
}

#[tokio::test]
async fn what_reads_changes_nothing() {
    let gate = Gate::open();
    for line in ["GET /written", "HEAD /written", "GET /api/v1/cache/clear", "GET /api/v1/issues/1/close"] {
        let headers = ["x-http-method-override: POST", "x-http-method: POST", "x-method-override: POST"];
        assert!([404, 405].contains(&gate.ask(line, &headers).await.status.as_u16()), "{line}");
    }
}

#[tokio::test]
async fn a_request_that_panics_ends_alone() {
    let gate = Gate::open();
    let answer = gate.ask("GET /panics", &[]).await;
    assert_eq!(answer.problem(), problem(500, "internal"));
    assert!(!String::from_utf8(answer.body).unwrap().contains("on purpose"));
    assert_eq!(gate.ask("GET /page", &[]).await.status, 200);
}

#[tokio::test]
async fn no_name_of_a_project_leads_out_of_it() {
    let gate = Gate::closed();
    let token = bearer(&gate.tokens.make("t", Scope::Admin, Some("main")));
    for name in [
        "other",
        "..",
        "../other",
        "%2e%2e",
        "%2e%2e/other",
        "..%2fother",
        "main%2f..%2fother",
        "main/../other",
        "%6fther",
        "OTHER",
        "other%00",
        "main;other",
        "main%5c..%5cother",
        "/other",
        "./other",
        "main//..//other",
    ] {
        let answer = gate.ask(&format!("GET /api/v1/projects/{name}/issues"), &[&token]).await;
        assert_eq!(answer.problem(), problem(404, "no_route"), "{name}");
    }
    assert_eq!(gate.ask("GET /api/v1/projects/main/issues", &[&token]).await.status, 200);
}

#[tokio::test]
async fn the_id_of_a_request_brings_nothing_into_the_log() {
    let gate = Gate::open();
    for id in [
        "a b",
        "x\ty",
        "\u{1b}[31mred".trim_start_matches('\u{1b}'),
        "{\"level\":\"error\"}",
        &"x".repeat(65),
        "<script>",
    ] {
        let answer = gate.ask("GET /page", &[&format!("x-request-id: {id}")]).await;
        assert_ne!(answer.header("x-request-id"), id);
    }
    assert_eq!(gate.ask("GET /page", &["x-request-id: abc-1.2"]).await.header("x-request-id"), "abc-1.2");
}

//! Servers over stores in memory, and what they answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tickety_engine::events::EventBus;
use tickety_server::{Caller, Limits, Project, Server};
use tickety_store::{EventLog, IssueStorage, MemoryStore};
use tower::ServiceExt as _;

/// The type of bodies.
pub(crate) const JSON: &str = "content-type: application/json";

/// A server.
pub(crate) struct World {
    router: Router,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl World {
    /// A server of one project, whose caller is Ann.
    pub(crate) fn new() -> Self {
        Self::of(&["main"])
    }

    /// A server of several projects.
    pub(crate) fn of(names: &[&str]) -> Self {
        let project = |name: &&str| {
            let store = Arc::<MemoryStore>::default();
            Arc::new(Project::new(name, Arc::clone(&store) as _, store).unwrap())
        };
        Self { router: names.iter().map(project).fold(server(), Server::project).router() }
    }

    /// A server over this store.
    pub(crate) fn over(storage: Arc<dyn IssueStorage>, log: Arc<dyn EventLog>, limits: Limits) -> Self {
        let project = Project::new("main", storage, log).unwrap();
        Self { router: server().limits(limits).project(Arc::new(project)).router() }
    }

    /// What a server that somebody put together answers.
    pub(crate) fn with(server: Server) -> Self {
        Self { router: server.router() }
    }

    /// What answers.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Sends a request, with headers as `name: value`.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[&str], body: &str) -> Answer {
        self.send_body(method, path, headers, Body::from(body.to_owned())).await
    }

    /// Sends a request with a body that arrives in pieces.
    pub(crate) async fn send_body(&self, method: Method, path: &str, headers: &[&str], body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// The data of an answer that has to succeed.
    pub(crate) async fn data(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.json()["data"].take()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[JSON], body).await
    }

    /// Makes issues with these titles.
    pub(crate) async fn create(&self, titles: &[&str]) {
        for title in titles {
            let body = serde_json::json!({ "title": title }).to_string();
            assert_eq!(self.post("/api/v1/issues", &body).await.status, StatusCode::CREATED);
        }
    }
}

/// A server that has no project yet.
pub(crate) fn server() -> Server {
    Server::new(|| "2026-11-20T12:00:00Z".parse().unwrap()).caller(Caller::new("Ann"))
}

/// A project that tells what happens as it happens.
pub(crate) async fn telling() -> Arc<Project> {
    let store = Arc::<MemoryStore>::default();
    let bus = Arc::new(EventBus::start(Arc::clone(&store) as _).await.unwrap());
    Arc::new(Project::new("main", Arc::clone(&store) as _, store).unwrap().bus(bus))
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Status and code of a problem, whose form is looked at, too.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(body["detail"].is_string() && body["title"].is_string(), "{body}");
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }
}

/// A problem as it is expected.
pub(crate) fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

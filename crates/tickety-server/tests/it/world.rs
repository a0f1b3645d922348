//! Servers over stores in memory, and what they answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tickety_server::{Caller, Project, Server};
use tickety_store::MemoryStore;
use tower::ServiceExt as _;

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
            Arc::new(Project::new(*name, Arc::clone(&store) as _, store))
        };
        Self { router: names.iter().map(project).fold(server(), Server::project).router() }
    }

    /// Sends a request with a body of JSON, and headers as `name: value`.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &["content-type: application/json"], body).await
    }
}

/// A server that has no project yet.
pub(crate) fn server() -> Server {
    Server::new(|| "2026-11-20T12:00:00Z".parse().unwrap()).caller(Caller::new("Ann"))
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
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }
}

//! An origin that answers what it is told and notes what it is asked.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use futures_util::stream;
use tokio::sync::Semaphore;

/// The status of an answer that breaks off.
pub(crate) const BREAKS_OFF: u16 = 1;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, fields: &[(&str, &str)], body: &str) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status, fields, body: body.to_owned() }
    }
}

/// A request as the origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The origin. It answers a path with the first of its answers, until there is one left.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<Asked>>,
    /// How many answers may go out.
    gate: Semaphore,
    connections: AtomicUsize,
    /// Whom the gate is for; all, if nobody is named.
    gated: Mutex<Option<&'static str>>,
}

/// More than any test needs.
const OPEN: usize = 1_000_000;

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answers, asked) = (Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner {
            answers,
            asked,
            gate: Semaphore::new(OPEN),
            gated: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let counts = inner.clone();
        let listener = listener.tap_io(move |_| {
            counts.connections.fetch_add(1, Ordering::SeqCst);
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Says how a path is answered from now on, one answer after the other, the last for ever.
    pub(crate) fn answers(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.inner.answers.lock().unwrap().insert(path.to_owned(), answers.into_iter().collect());
    }

    /// Returns what was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.inner.asked.lock().unwrap())
    }

    pub(crate) fn count(&self) -> usize {
        self.inner.asked.lock().unwrap().len()
    }

    /// Returns how many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Answers nobody until it is opened.
    pub(crate) fn close(&self) {
        self.inner.gate.forget_permits(OPEN);
    }

    /// Answers no request of a method until it is opened.
    pub(crate) fn close_to(&self, method: &'static str) {
        *self.inner.gated.lock().unwrap() = Some(method);
        self.close();
    }

    pub(crate) fn open(&self) {
        self.inner.gate.add_permits(OPEN);
    }
}

async fn answer(State(origin): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().to_string();
    drop::<Bytes>(axum::body::to_bytes(body, usize::MAX).await.unwrap());
    let next = {
        let mut all = origin.answers.lock().unwrap();
        let known = if all.contains_key(&path) { path.clone() } else { parts.uri.path().to_owned() };
        match all.get_mut(&known) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        }
    };
    let method = parts.method.to_string();
    let gated = origin.gated.lock().unwrap().is_none_or(|gated| gated == method);
    origin.asked.lock().unwrap().push(Asked { method, path, headers: parts.headers });
    if gated {
        drop(origin.gate.acquire().await.unwrap());
    }
    let Answer { status, fields, body } =
        next.unwrap_or_else(|| Answer::new(404, &[("cache-control", "no-store")], ""));
    if status == 0 {
        // The connection breaks off.
        std::panic::resume_unwind(Box::new("the origin hangs up"));
    }
    let breaks_off = status == BREAKS_OFF;
    let status = if breaks_off { 200 } else { status };
    let mut response = Response::new(match breaks_off {
        false => Body::from(body),
        true => Body::from_stream(stream::iter([Ok(body), Err(std::io::Error::other("it breaks off"))])),
    });
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().append(name, HeaderValue::from_str(&value).unwrap());
    }
    response
}

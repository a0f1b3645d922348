//! The server of this program: the whole stack over a store in memory, and routes that give bytes and do nothing else.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, header};
use axum::routing::get;
use jiff::Timestamp;
use tickety_core::operation::{Draft, Operation};
use tickety_engine::events::EventBus;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage};
use tickety_server::metrics::{Metrics, observe};
use tickety_server::{Caller, Closing, Connections, Patience, Project, Server, listener};
use tickety_store::{Batch, IssueStorage as _, MemoryStore};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// What is asked for: one issue, and the page that one sees first.
pub(crate) const ISSUE: &str = "/api/v1/issues/42";
/// The same, of a list.
pub(crate) const LIST: &str = "/api/v1/issues?limit=50&total=false";

/// Where the same bytes are, on the bare port and behind the gate.
pub(crate) const BYTES: [(&str, &str); 2] = [(ISSUE, "/bytes/issue"), (LIST, "/bytes/list")];

/// How far the bare port is from the other.
pub(crate) fn bare(address: &str) -> Result<String> {
    let (host, port) = address.rsplit_once(':').context("an address has a port")?;
    Ok(format!("{host}:{}", port.parse::<u16>()? + 1))
}

/// Serves until it is killed: with all checks on a port, and bytes with none on the next one.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Arc::new(MemoryStore::default());
        store.apply(Batch::new(drafts(), Some("Ann".to_owned()), Timestamp::now())).await?;
        let settings = CacheSettings::default();
        let cached = Arc::new(CachedIssueStorage::new(Arc::clone(&store) as _, settings.clone()));
        let bus = Arc::new(EventBus::start(Arc::clone(&store) as _).await?);
        let project = Project::new("main", Arc::clone(&cached) as _, store)?.cached(cached, settings).bus(bus);
        let project = Arc::new(project);
        let server = || Server::new(Timestamp::now).caller(Caller::new("Ann")).project(Arc::clone(&project));
        let bytes = bytes(server().router()).await?;
        let metrics = Arc::<Metrics>::default();
        tokio::spawn(Arc::clone(&metrics).keep_up());
        let whole = observe(server().merge(bytes.clone()).router(), metrics);
        let (first, second) = listen().await?;
        println!("serving at http://{}", first.local_addr()?);
        let run = |listener, router| {
            let closing = Closing::default();
            listener::serve(listener, router, Patience::default(), closing, Connections::default())
        };
        tokio::join!(run(first, whole), run(second, bytes));
        Ok(())
    })
}

/// Takes two ports, one after the other.
async fn listen() -> Result<(TcpListener, TcpListener)> {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").await?;
        let port = first.local_addr()?.port();
        if let Some(next) = port.checked_add(1)
            && let Ok(second) = TcpListener::bind(("127.0.0.1", next)).await
        {
            return Ok((first, second));
        }
    }
    anyhow::bail!("there are no two free ports")
}

fn drafts() -> Vec<Operation> {
    let draft = |number: u32| {
        let mut draft = Draft::new(format!("The parser of line {number} loses what stands after the last comma"));
        draft.body = "What is expected, what happens, and how it can be seen. ".repeat(20);
        Operation::Create(Box::new(draft))
    };
    (0..1_000).map(draft).collect()
}

/// Makes routes that give what the API answers.
async fn bytes(api: Router) -> Result<Router> {
    let mut routes = Router::new();
    for (path, route) in BYTES {
        let request = Request::get(path).header("host", "localhost").body(Body::empty())?;
        let response = api.clone().oneshot(request).await?;
        anyhow::ensure!(response.status() == 200, "{path}: {}", response.status());
        let body: Bytes = to_bytes(response.into_body(), usize::MAX).await?;
        routes = routes.route(
            route,
            get(move || {
                let body = body.clone();
                async move { ([(header::CONTENT_TYPE, "application/json")], body) }
            }),
        );
    }
    Ok(routes)
}

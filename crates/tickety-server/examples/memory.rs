//! Serves a project that lives as long as the process, on this machine only: `cargo run -p tickety-server --example memory`.
//!
//! `curl http://127.0.0.1:8642/api/v1/issues` answers then. An argument is another port.

#![expect(clippy::disallowed_methods, reason = "here is where the time and the arguments come from")]
#![expect(clippy::print_stdout, reason = "says where it listens")]

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use tickety_core::operation::{Draft, Operation};
use tickety_engine::events::EventBus;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage};
use tickety_server::{Caller, Project, Server};
use tickety_store::{Batch, IssueStorage as _, MemoryStore};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(8642), |port| port.parse())?;
    let store = Arc::new(MemoryStore::default());
    let drafts = ["Parse the header", "Parse the body", "Write it all back"].map(Draft::new);
    let operations = drafts.into_iter().map(|draft| Operation::Create(Box::new(draft))).collect();
    store.apply(Batch::new(operations, Some("Ann".to_owned()), Timestamp::now())).await?;

    let settings = CacheSettings::default();
    let cached = Arc::new(CachedIssueStorage::new(Arc::clone(&store) as _, settings.clone()));
    let bus = Arc::new(EventBus::start(Arc::clone(&store) as _).await?);
    let project = Project::new("main", Arc::clone(&cached) as _, store)?.cached(cached, settings).bus(bus);
    let router = Server::new(Timestamp::now).caller(Caller::new("Ann")).project(Arc::new(project)).router();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}/api/v1", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

//! Reading through the cache and without it, side by side: `cargo run --example http_cache`.
//!
//! The origin is in the same process, counts what it is asked, and takes 5 ms for an answer.

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tickety_http::{Client, ManualClock, batch_map};

/// What the origin has been asked, and the version of what it has.
#[derive(Default)]
struct Origin {
    asked: AtomicU64,
    version: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let origin = Arc::new(Origin::default());
    let router = Router::new().route("/issues/{number}", get(show).put(write)).with_state(origin.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}/issues", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });

    // Freshness is judged by this clock, so that an hour passes at once.
    let clock = ManualClock::new();
    let client = Client::builder().clock(clock.clone()).build()?;
    let asked = || origin.asked.swap(0, Ordering::Relaxed);
    let urls: Vec<String> = (0..10).map(|number| format!("{base}/{number}")).collect();
    let dashboard: Vec<&String> = urls.iter().cycle().take(500).collect();

    println!("A dashboard of 10 issues, 50 times, 4 requests at a time:");
    for cached in [false, true] {
        let begun = Instant::now();
        let texts = batch_map(&dashboard, 4, async |url| {
            let request = client.get(url);
            let request = if cached { request } else { request.no_store() };
            request.send().await?.text().await
        })
        .await;
        let count = texts.into_iter().collect::<Result<Vec<_>, _>>()?.len();
        let (name, time) = (if cached { "cached" } else { "uncached" }, begun.elapsed());
        println!("  {name:8} {count} answers in {time:>10.1?}, the origin was asked {:>3} times", asked());
    }

    println!("\nOne issue:");
    let show = async |what: &str, client: &Client| {
        let response = client.get(&urls[1]).send().await?;
        let (cache, age) = (response.cache().to_string(), response.header("age").unwrap_or("-").to_owned());
        println!("  {what:32} {:10} age {age:>4}  {cache}", response.text().await?);
        Ok::<_, tickety_http::Error>(())
    };
    show("fresh", &client).await?;
    clock.advance(Duration::from_secs(61));
    show("a minute later: validated", &client).await?;
    show("and fresh again", &client).await?;
    client.put(&urls[1]).body("new").send().await?;
    show("after a write: asked for again", &client).await?;

    println!("\nBy hand:");
    println!("  invalidated by URL:     {}", client.invalidate(&urls[1])?);
    println!("  invalidated by pattern: {}", client.invalidate_pattern("*/issues/[2-4]"));
    let stored = client.get(&urls[1]).only_if_cached().send().await?;
    println!("  only if cached:         {}", stored.status());
    let validated = client.get(&urls[5]).no_cache().send().await?;
    println!("  no-cache:               {}", validated.cache());
    let stats = client.stats();
    println!("\n{stats:#?}\nhit rate {:.1} %", stats.hit_rate() * 100.0);
    client.clear();
    println!("cleared: {} entries", client.stats().entries);
    Ok(())
}

async fn show(State(origin): State<Arc<Origin>>, Path(number): Path<u32>, headers: HeaderMap) -> Response {
    origin.asked.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let version = origin.version.load(Ordering::Relaxed);
    let tag = format!("\"{number}-{version}\"");
    let fields = [(header::CACHE_CONTROL, "max-age=60".to_owned()), (header::ETAG, tag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *tag) {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    (fields, format!("#{number} v{version}")).into_response()
}

async fn write(State(origin): State<Arc<Origin>>) -> StatusCode {
    origin.version.fetch_add(1, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

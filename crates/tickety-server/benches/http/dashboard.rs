//! A dashboard that is loaded again and again through the caching client.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tickety_http::Client;

use crate::Options;
use crate::figures::{Measured, shown, table, verdict};
use crate::process::Server;

/// How much fewer requests reach the server, and how much sooner an answer is there.
const FEWER: f64 = 0.9;
const SOONER: f64 = 5.0;

pub(crate) async fn measure(options: &Options, home: &Path) -> Result<()> {
    let time = Duration::from_secs(if options.quick { 4 } else { 15 });
    let mut rows = Vec::new();
    for (max_age, loads) in [("0s", 10), ("5s", 1), ("5s", 10), ("30s", 1), ("30s", 10)] {
        let server = Server::tickety(options, home, &["--max-age", max_age])?;
        let (plain, _) = load(&server, (loads, time), false).await?;
        let (cached, sent) = load(&server, (loads, time), true).await?;
        let (fewer, sooner) = (1.0 - sent as f64 / cached.count() as f64, plain.mean() / cached.mean());
        rows.push(vec![
            max_age.to_owned(),
            loads.to_string(),
            shown(cached.count() as f64),
            shown(sent as f64),
            format!("{:.1} %", fewer * 100.0),
            format!("{} ms", shown(plain.mean())),
            format!("{} ms", shown(cached.mean())),
            shown(sooner),
            verdict(fewer >= FEWER && sooner >= SOONER).to_owned(),
        ]);
    }
    let heads =
        ["`--max-age`", "loads a second", "requests", "sent", "fewer", "mean without", "mean with", "sooner by", ""];
    table(&format!("A dashboard of {} requests, {} s long:", paths().len(), time.as_secs()), &heads, &rows);
    Ok(())
}

/// What a dashboard shows: lists, figures, and the issues that somebody has open.
fn paths() -> Vec<String> {
    let lists = ["issues?limit=50", "issues?q=assignee:me", "ready?limit=20", "stats", "search?q=parser&limit=20"];
    let issues = (1..=15).map(|number| format!("issues/{number}"));
    lists.into_iter().map(str::to_owned).chain(issues).collect()
}

/// Loads it so often a second for so long. Every fifth second something of it is changed, through the same client.
async fn load(server: &Server, (loads, time): (u32, Duration), cached: bool) -> Result<(Measured, u64)> {
    let client = Client::builder().build()?;
    let base = format!("http://{}/api/v1", server.address);
    let (begun, mut times, mut written) = (Instant::now(), Vec::new(), 0);
    let mut turns = tokio::time::interval(Duration::from_secs(1) / loads);
    while begun.elapsed() < time {
        turns.tick().await;
        if begun.elapsed().as_secs() / 5 > written {
            written += 1;
            let body = format!(r#"{{"title": "Changed {written}"}}"#);
            let change = client.patch(&format!("{base}/issues/3")).header("content-type", "application/json");
            ensure!(change.body(body).send().await?.status() == 200, "the write failed");
        }
        for path in paths() {
            let request = client.get(&format!("{base}/{path}"));
            let request = if cached { request } else { request.no_store() };
            let asked = Instant::now();
            let status = request.send().await?.status();
            times.push(asked.elapsed());
            ensure!(status == 200, "{path}: {status}");
        }
    }
    let sent = client.stats().requests - written;
    Ok((Measured::new(times, begun.elapsed()), sent))
}

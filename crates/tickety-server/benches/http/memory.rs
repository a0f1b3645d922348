//! Memory over many requests.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::Options;
use crate::figures::{shown, table, verdict};
use crate::load::{self, get};
use crate::process::Server;

/// How much more memory a server may take at the end than after the first tenth.
const GROWTH: f64 = 1.1;

pub(crate) async fn measure(options: &Options, home: &Path) -> Result<()> {
    let wanted = if options.quick { 50_000 } else { 1_000_000 };
    let server = Server::tickety(options, home, &[])?;
    // Every issue and many pages, so that what is kept comes and goes.
    let issues = (1..=10_000).map(|number| get(&format!("/api/v1/issues/{number}"), ""));
    let pages = (1..=100).map(|number| get(&format!("/api/v1/issues?limit=50&q=priority:high%20{number}"), ""));
    let requests: Vec<_> = issues.chain(pages).collect();
    let (mut asked, mut seen) = (0, Vec::new());
    while asked < wanted {
        let measured = load::run(&server.address, &requests, (32, Duration::from_secs(1)), 200).await?;
        asked += measured.count();
        seen.push((asked, server.megabytes().0));
    }
    let at = |share: f64| {
        let place = seen.iter().position(|(asked, _)| *asked as f64 >= share * wanted as f64);
        place.map_or(f64::NAN, |place| seen[place].1)
    };
    let growth = at(1.0) / at(0.1);
    let rows = [vec![
        shown(asked as f64),
        format!("{} MB", shown(at(0.1))),
        format!("{} MB", shown(at(0.5))),
        format!("{} MB", shown(at(1.0))),
        shown(growth),
        verdict(growth <= GROWTH).to_owned(),
    ]];
    table(
        "Memory of `tickety serve`:",
        &["requests", "after a tenth", "after half", "at the end", "growth", ""],
        &rows,
    );
    Ok(())
}

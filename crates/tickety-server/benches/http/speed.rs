//! A cached issue and a list, beside the same bytes from a route that does nothing else.

use std::path::Path;

use anyhow::Result;

use crate::Options;
use crate::figures::{Measured, median, shown, table, verdict};
use crate::load::{self, Connection, get};
use crate::process::Server;
use crate::stack::{self, BYTES, ISSUE, LIST};

/// How many connections ask at a time.
const CONNECTIONS: usize = 16;

/// How much slower than bytes an answer may be, in requests a second, and how much later the slowest ones may come.
const FLOOR: f64 = 0.7;
const CEILING: f64 = 3.0;

/// One way to get an answer.
struct Way {
    name: &'static str,
    address: String,
    request: Vec<u8>,
    status: u16,
    rounds: Vec<(Measured, f64)>,
}

pub(crate) async fn measure(options: &Options, home: &Path) -> Result<()> {
    let (stack, tickety) = (Server::stack()?, Server::tickety(options, home, &[])?);
    let mut rows = Vec::new();
    for (path, bytes) in BYTES {
        let what = if path == ISSUE { "an issue" } else { "a list of 50" };
        rows.extend(compare(options, (path, bytes, what), &stack, &tickety).await?);
    }
    let heads = ["what", "bytes", "requests/s", "× bytes", "p50", "p99", "× bytes", "server, CPU a request", ""];
    table("Answers beside bytes from a route that does nothing else:", &heads, &rows);
    Ok(())
}

async fn compare(
    options: &Options,
    (path, bytes, what): (&str, &str, &str),
    stack: &Server,
    tickety: &Server,
) -> Result<Vec<Vec<String>>> {
    debug_assert!(path == ISSUE || path == LIST);
    let own = &stack.address;
    let etag = format!("If-None-Match: {}\r\n", tag(own, path).await?);
    let way = |name, address: &str, path: &str, headers: &str, status| Way {
        name,
        address: address.to_owned(),
        request: get(path, headers),
        status,
        rounds: Vec::new(),
    };
    let mut ways = [
        way("bytes, nothing around", &stack::bare(own)?, bytes, "", 200),
        way("bytes, behind the gate", own, bytes, "", 200),
        way("the API, kept", own, path, "", 200),
        way("the API, not modified", own, path, &etag, 304),
        way("`tickety serve`, kept", &tickety.address, path, "", 200),
    ];
    let sizes = [
        Connection::open(own).await?.body(path).await?.len(),
        Connection::open(&tickety.address).await?.body(path).await?.len(),
    ];
    for turn in 0..options.turns() + 1 {
        for way in &mut ways {
            let server = if way.address == tickety.address { tickety } else { stack };
            let before = server.processor_seconds();
            let asked = (CONNECTIONS, options.round());
            let measured = load::run(&way.address, std::slice::from_ref(&way.request), asked, way.status).await?;
            let taken = (server.processor_seconds() - before) / measured.count() as f64;
            // The first turn warms up.
            if turn > 0 {
                way.rounds.push((measured, taken));
            }
        }
    }
    let figure = |way: &Way, of: fn(&(Measured, f64)) -> f64| median(way.rounds.iter().map(of));
    let rate = |round: &(Measured, f64)| round.0.per_second();
    let p99 = |round: &(Measured, f64)| round.0.percentile(0.99);
    let (base_rate, base_p99) = (figure(&ways[0], rate), figure(&ways[0], p99));
    let rows = ways.iter().enumerate().map(|(place, way)| {
        let (times, later) = (figure(way, rate) / base_rate, figure(way, p99) / base_p99);
        let size = match place {
            3 => 0,
            4 => sizes[1],
            _ => sizes[0],
        };
        vec![
            format!("{what}: {}", way.name),
            shown(size as f64),
            shown(figure(way, rate)),
            shown(times),
            format!("{} ms", shown(figure(way, |round| round.0.percentile(0.5)))),
            format!("{} ms", shown(figure(way, p99))),
            shown(later),
            format!("{} µs", shown(figure(way, |round| round.1) * 1e6)),
            if place < 2 { String::new() } else { verdict(times >= FLOOR && later <= CEILING).to_owned() },
        ]
    });
    Ok(rows.collect())
}

/// Returns the tag of an answer.
async fn tag(address: &str, path: &str) -> Result<String> {
    let mut connection = Connection::open(address).await?;
    let head = connection.head_of(path).await?;
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
    tag.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("{path} has no tag"))
}

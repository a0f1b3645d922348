//! Clients that mean no good, and how those fare meanwhile who mean well.

use std::path::Path;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Options;
use crate::figures::{Measured, median, shown, table, verdict};
use crate::load::{self, get};
use crate::process::Server;
use crate::stack::{ISSUE, LIST};

/// How many connections ask as they should.
const CONNECTIONS: usize = 8;

/// How much later the slowest answers may come.
const CEILING: f64 = 3.0;

/// The most megabytes that a server may take: 256 of bodies, and what it has besides.
const MEMORY: f64 = 512.0;

/// What somebody does to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attack {
    SlowHeads,
    SlowBodies,
    Idle,
    UnreadEvents,
    UnreadAnswers,
    LongBodies,
}

const ATTACKS: [(Attack, &str, usize); 6] = [
    (Attack::SlowHeads, "heads that arrive a byte at a time", 2_000),
    (Attack::SlowBodies, "bodies that arrive a byte at a time", 2_000),
    (Attack::Idle, "idle connections", 12_000),
    (Attack::UnreadEvents, "followers of events who read nothing, beside writes", 900),
    (Attack::UnreadAnswers, "answers that nobody reads, over and over", 500),
    (Attack::LongBodies, "bodies of 100 MB, over and over", 4),
];

pub(crate) async fn measure(options: &Options, home: &Path) -> Result<()> {
    let mut rows = Vec::new();
    for (attack, name, count) in ATTACKS {
        // Of a process of its own, so that the most it takes is this attack's.
        let server = Server::tickety(options, home, &[])?;
        healthy(options, &server).await?;
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..options.turns().div_ceil(2) {
            alone.push(healthy(options, &server).await?);
            let attackers = begin(attack, &server.address, count).await?;
            beside.push(healthy(options, &server).await?);
            drop(attackers);
        }
        let p99 = |rounds: &[Measured]| median(rounds.iter().map(|round| round.percentile(0.99)));
        let rate = |rounds: &[Measured]| median(rounds.iter().map(Measured::per_second));
        let (later, (_, most)) = (p99(&beside) / p99(&alone), server.megabytes());
        rows.push(vec![
            format!("{} {name}", shown(count as f64)),
            format!("{} ms", shown(p99(&alone))),
            format!("{} ms", shown(p99(&beside))),
            shown(later),
            shown(rate(&beside) / rate(&alone)),
            format!("{} MB", shown(most)),
            verdict(later <= CEILING && most <= MEMORY).to_owned(),
        ]);
    }
    let heads = ["beside", "p99 alone", "p99 beside", "ratio", "requests/s, ratio", "peak memory", ""];
    table("Who asks as he should, beside who doesn't:", &heads, &rows);
    Ok(())
}

async fn healthy(options: &Options, server: &Server) -> Result<Measured> {
    let requests = [get(ISSUE, ""), get(LIST, "")];
    load::run(&server.address, &requests, (CONNECTIONS, options.round()), 200).await
}

/// Begins an attack, which ends when what is returned is dropped. All connections are there when it returns.
async fn begin(attack: Attack, address: &str, count: usize) -> Result<JoinSet<()>> {
    let mut attackers = JoinSet::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        let said = opening(attack);
        stream.write_all(said.as_bytes()).await.ok();
        let address = address.to_owned();
        attackers.spawn(async move {
            go_on(attack, stream, &address).await.ok();
            // Whatever became of it, the attacker stays.
            std::future::pending::<()>().await;
        });
    }
    if attack == Attack::UnreadEvents {
        let address = address.to_owned();
        attackers.spawn(async move { while write(&address).await.is_ok() {} });
    }
    Ok(attackers)
}

fn opening(attack: Attack) -> String {
    let post = "POST /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    match attack {
        Attack::SlowHeads => "GET /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_owned(),
        Attack::SlowBodies => format!("{post}Content-Length: 100000\r\n\r\n"),
        Attack::Idle => String::new(),
        Attack::UnreadEvents => "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        Attack::UnreadAnswers => format!("GET {LIST} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(100),
        Attack::LongBodies => format!("{post}Content-Length: 104857600\r\n\r\n"),
    }
}

async fn go_on(attack: Attack, mut stream: TcpStream, address: &str) -> std::io::Result<()> {
    match attack {
        Attack::SlowHeads | Attack::SlowBodies => loop {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            stream.write_all(b"x").await?;
        },
        Attack::Idle | Attack::UnreadEvents | Attack::UnreadAnswers => {
            std::future::pending::<()>().await;
        }
        Attack::LongBodies => loop {
            let piece = vec![b' '; 1 << 20];
            for _ in 0..100 {
                if stream.write_all(&piece).await.is_err() {
                    break;
                }
            }
            stream = TcpStream::connect(address).await?;
            stream.write_all(opening(attack).as_bytes()).await?;
        },
    }
    Ok(())
}

/// Makes an issue.
async fn write(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let body = r#"{"title": "Told to who doesn't listen"}"#;
    let head = "POST /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let rest = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(format!("{head}{rest}").as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

//! Asking, over and over, on several connections: a client that does as little as it can.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::figures::Measured;

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The bytes of a request without a body.
pub(crate) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(256 << 10) })
    }

    /// Asks and reads all of the answer. Returns its status and where its body begins in what was read.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let mut whole = None;
        loop {
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the server has closed a connection");
            if whole.is_none() {
                whole = self.head();
            }
            if let Some((status, head, length)) = whole
                && self.read.len() >= head + length
            {
                return Ok((status, head));
            }
        }
    }

    fn head(&self) -> Option<(u16, usize, usize)> {
        let end = self.read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&self.read[..end]).ok()?;
        let status = head.get(9..12)?.parse().ok()?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        Some((status, end, length.unwrap_or(0)))
    }

    /// Asks, and returns the body.
    pub(crate) async fn body(&mut self, path: &str) -> Result<Vec<u8>> {
        let (status, head) = self.ask(&get(path, "")).await?;
        ensure!(status == 200, "{path}: {status}");
        Ok(self.read[head..].to_vec())
    }
}

/// Asks on so many connections for so long. Every answer has to have this status.
pub(crate) async fn run(
    address: &str,
    requests: &[Vec<u8>],
    (connections, time): (usize, Duration),
    status: u16,
) -> Result<Measured> {
    let mut asking = Vec::new();
    for _ in 0..connections {
        asking.push(Connection::open(address).await?);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = asking
        .into_iter()
        .enumerate()
        .map(|(place, mut connection)| {
            let requests = requests.to_vec();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for request in requests.iter().cycle().skip(place) {
                    let asked = Instant::now();
                    if asked.duration_since(begun) >= time {
                        break;
                    }
                    let (answered, _) = connection.ask(request).await?;
                    ensure!(answered == status, "an answer has the status {answered}, and not {status}");
                    times.push(asked.elapsed());
                }
                Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(Measured::new(times, begun.elapsed()))
}

impl Connection {
    /// Asks, and returns the head of the answer.
    pub(crate) async fn head_of(&mut self, path: &str) -> Result<String> {
        let (_, head) = self.ask(&get(path, "")).await?;
        Ok(String::from_utf8_lossy(&self.read[..head]).into_owned())
    }
}

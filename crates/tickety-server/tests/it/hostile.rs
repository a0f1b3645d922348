//! Clients that mean no good, or can't do better, on a socket: who behaves is answered all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::{StreamExt as _, stream};
use tickety_engine::events::EventBus;
use tickety_server::{Closing, Connections, Limits, Patience, Project, listener};
use tickety_store::MemoryStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{JSON, World, problem, server};

/// A server that listens.
struct Listening {
    address: std::net::SocketAddr,
    connections: Connections,
}

impl Listening {
    async fn start(limits: Limits, patience: Patience) -> Self {
        let store = Arc::<MemoryStore>::default();
        let bus = Arc::new(EventBus::start(Arc::clone(&store) as _).await.unwrap());
        let project = Project::new("main", Arc::clone(&store) as _, store).unwrap().bus(bus);
        let world = World::with(server().limits(limits).project(Arc::new(project)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::default();
        tokio::spawn(listener::serve(listener, world.router(), patience, Closing::default(), connections.clone()));
        Self { address, connections }
    }

    /// Opens a connection and sends this.
    async fn send(&self, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        stream
    }

    /// Asks as one should, on a connection of its own, and returns the status.
    async fn ask(&self, method: &str, path: &str, body: &str) -> u16 {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let body = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        status(&read(&mut self.send(&(head + &body)).await).await)
    }

    /// Asks to read and to write.
    async fn is_well(&self) {
        assert_eq!(self.ask("GET", "/api/v1/issues", "").await, 200);
        assert_eq!(self.ask("POST", "/api/v1/issues", r#"{"title": "Healthy"}"#).await, 201);
    }
}

/// Reads until the connection is closed.
async fn read(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // One that is cut off is closed, too.
    stream.read_to_end(&mut said).await.ok();
    String::from_utf8_lossy(&said).into_owned()
}

fn status(said: &str) -> u16 {
    said.strip_prefix("HTTP/1.1 ").and_then(|said| said.get(..3)).unwrap_or_default().parse().unwrap_or_default()
}

const SLOW_HEAD: &str = "GET /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const SLOW_BODY: &str = "POST /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                         Content-Length: 16\r\n\r\n{";
const UNREAD: &str = "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn who_sends_slowly_keeps_nobody_else_waiting() {
    let one_at_a_time = Limits { requests: 1, ..Limits::default() };
    let listening = Listening::start(one_at_a_time, Patience::default()).await;
    let mut slow = Vec::new();
    for said in [SLOW_BODY, SLOW_HEAD, "", UNREAD] {
        for _ in 0..50 {
            slow.push(listening.send(said).await);
        }
    }
    for _ in 0..20 {
        listening.is_well().await;
    }
    assert!(listening.connections.count() >= slow.len());
    // Who goes on is answered, too.
    slow[0].write_all(br#""title": "One"}"#).await.unwrap();
    let mut said = [0; 12];
    slow[0].read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 201");
}

#[tokio::test]
async fn a_body_that_does_not_go_on_is_given_up_and_its_connection_ends() {
    let limits = Limits { pause: Duration::from_millis(1), ..Limits::default() };
    let listening = Listening::start(limits, Patience::default()).await;
    let said = read(&mut listening.send(SLOW_BODY).await).await;
    assert_eq!(status(&said), 408, "{said}");
    assert!(said.contains("slow_body"), "{said}");
}

#[tokio::test]
async fn who_waits_for_nothing_makes_place_for_who_asks() {
    const MOST: usize = 20;
    let listening = Listening::start(Limits::default(), Patience { connections: MOST, ..Patience::default() }).await;
    let mut idle = Vec::new();
    for _ in 0..5 {
        for said in ["", SLOW_HEAD, SLOW_BODY] {
            for _ in 0..MOST {
                idle.push(listening.send(said).await);
            }
            listening.is_well().await;
        }
    }
    // All but the last ones were closed.
    for stream in &mut idle[..13 * MOST] {
        assert_eq!(read(stream).await, "");
    }
}

#[tokio::test]
async fn a_connection_that_is_used_is_not_ended_for_others() {
    const MOST: usize = 8;
    let listening = Listening::start(Limits::default(), Patience { connections: MOST, ..Patience::default() }).await;
    listening.is_well().await;
    let mut used = listening.send("").await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        used.write_all(b"GET /api/v1/issues/1 HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut said = vec![0; 4096];
        let length = used.read(&mut said).await.unwrap();
        assert_eq!(status(&String::from_utf8_lossy(&said[..length])), 200);
        for _ in 0..MOST / 2 {
            idle.push(listening.send("").await);
        }
        // It was taken, since the one before was.
        listening.is_well().await;
    }
}

#[tokio::test]
async fn of_a_body_that_is_too_long_no_more_is_read_than_the_limit() {
    const PIECE: usize = 64 << 10;
    let limits = Limits::default();
    let most = limits.body;
    let world = World::over(Arc::<MemoryStore>::default(), Arc::<MemoryStore>::default(), limits);
    let pulled = Arc::<AtomicUsize>::default();
    let endless = || {
        let pulled = Arc::clone(&pulled);
        let pieces = stream::repeat_with(move || {
            pulled.fetch_add(PIECE, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(vec![b' '; PIECE])
        });
        Body::from_stream(pieces.take((100 << 20) / PIECE))
    };
    let said = [JSON, "content-length: 104857600"];
    let told = world.send_body(Method::POST, "/api/v1/issues", &said, endless()).await;
    assert_eq!((told.problem(), pulled.load(Ordering::Relaxed)), (problem(413, "too_large"), 0));
    let untold = world.send_body(Method::POST, "/api/v1/issues", &[JSON], endless()).await;
    assert_eq!(untold.problem(), problem(413, "too_large"));
    assert!(pulled.load(Ordering::Relaxed) <= most + PIECE, "{pulled:?}");
}

#[tokio::test]
async fn long_bodies_share_what_room_there_is_and_short_ones_get_in() {
    let limits = Limits { bodies: 1 << 20, ..Limits::default() };
    let world = World::over(Arc::<MemoryStore>::default(), Arc::<MemoryStore>::default(), limits);
    let long = format!(r#"{{"title": "Long", "body": "{}"}}"#, "x".repeat(700 << 10));
    let (begun, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (has_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let (most, rest) = long.split_at(long.len() - 1);
    let (most, rest) = (most.to_owned(), rest.to_owned());
    let pieces = stream::iter([most, rest]).enumerate().then(move |(place, piece)| {
        let (begun, go_on) = (Arc::clone(&has_begun), Arc::clone(&may_go_on));
        async move {
            if place > 0 {
                begun.notify_one();
                go_on.notified().await;
            }
            Ok::<_, std::convert::Infallible>(piece)
        }
    });
    let body = Body::from_stream(pieces);
    let (first, ()) = tokio::join!(world.send_body(Method::POST, "/api/v1/issues", &[JSON], body), async {
        begun.notified().await;
        assert_eq!(world.post("/api/v1/issues", &long).await.problem(), problem(503, "busy"));
        assert_eq!(world.post("/api/v1/issues", r#"{"title": "Short"}"#).await.status, StatusCode::CREATED);
        go_on.notify_one();
    });
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(world.post("/api/v1/issues", &long).await.status, StatusCode::CREATED, "the room is given back");
}

#[tokio::test]
async fn one_request_is_never_taken_for_two() {
    let listening = Listening::start(Limits::default(), Patience::default()).await;
    let hidden = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let inner = format!("0\r\n\r\n{hidden}");
    let length = inner.len();
    let cases = [
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"), inner.clone(), 201),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"), inner.clone(), 201),
        ("Content-Length: 0\r\nContent-Length: 5".to_owned(), hidden.to_owned(), 400),
        ("Content-Length: +5".to_owned(), hidden.to_owned(), 400),
        ("Content-Length: 5, 0".to_owned(), hidden.to_owned(), 400),
        ("Transfer-Encoding: xchunked".to_owned(), inner.clone(), 400),
        ("Transfer-Encoding: chunked, identity".to_owned(), inner.clone(), 400),
        ("Transfer-Encoding : chunked".to_owned(), inner.clone(), 400),
        ("Transfer-Encoding: chunked".to_owned(), format!("-1\r\n\r\n{hidden}"), 400),
        ("Transfer-Encoding: chunked".to_owned(), format!("fffffffffffffffff\r\n{hidden}"), 400),
    ];
    for (framing, body, expected) in cases {
        let head = "POST /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
        let said = read(&mut listening.send(&format!("{head}\r\n{framing}\r\n\r\n{body}")).await).await;
        let answers = said.matches("HTTP/1.1 ").count();
        let status = if status(&said) == 422 { 201 } else { status(&said) };
        assert_eq!((answers, status), (1, expected), "{framing}: {said}");
    }
}

#[tokio::test]
async fn a_head_has_64_kib_and_no_more() {
    let listening = Listening::start(Limits::default(), Patience::default()).await;
    for (length, expected) in [(60 << 10, 200), (70 << 10, 431)] {
        let head = format!(
            "GET /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: {}\r\n\r\n",
            "x".repeat(length)
        );
        assert_eq!(status(&read(&mut listening.send(&head).await).await), expected, "{length}");
    }
}

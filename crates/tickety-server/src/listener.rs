//! Taking connections: how many, how long they may dawdle, and how they end.
//!
//! `axum::serve` sets no timer for headers, and none for what is written to somebody who doesn't read. Here every wait for
//! the other side has an end: for the head of a request (which is also how long a connection may be idle), and for room to
//! write. How long a request itself may take, its body included, is up to [`Limits`](crate::Limits).

mod patient;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service as _;

use crate::closing::Closing;
use patient::Patient;

/// How long to wait where a connection can't be taken because of the system, such as for a file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the other side of a connection is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For the whole head of a request, from when the answer before it was sent. Default: 15 s.
    pub head: Duration,
    /// For some of an answer to be read. Default: 30 s.
    pub reading: Duration,
    /// For requests that are being answered when the server ends. Default: 10 s.
    pub ending: Duration,
    /// How many connections there are at a time; others wait to be taken. Default: 10,000.
    pub connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(15), reading: seconds(30), ending: seconds(10), connections: 10_000 }
    }
}

/// How many connections there are.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<AtomicUsize>);

impl Connections {
    /// Returns how many there are now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn join(&self) -> Joined {
        self.0.fetch_add(1, Ordering::Relaxed);
        Joined(Arc::clone(&self.0))
    }
}

/// A connection that is counted.
struct Joined(Arc<AtomicUsize>);

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers requests until told to end, then takes no more connections, and returns when the last answer is sent or that
/// took too long. Says how many connections were left then.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    closing: Closing,
    connections: Connections,
) -> usize {
    let seats = Arc::new(Semaphore::new(patience.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).half_close(false);
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.begun() => break,
            accepted = async {
                // It is never closed.
                let seat = Arc::clone(&seats).acquire_owned().await.ok();
                listener.accept().await.map(|accepted| (accepted, seat))
            } => accepted,
        };
        let ((stream, peer), seat) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Answers are written at once, so there is nothing to wait for.
        stream.set_nodelay(true).ok();
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = router.clone().call(request);
            async move { Ok::<Response<Body>, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let io = TokioIo::new(Patient::new(stream, patience.reading));
        let connection = graceful.watch(http.serve_connection(io, service));
        let joined = connections.join();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended");
            }
            drop((joined, seat));
        });
    }
    drop(listener);
    let left = graceful.count();
    match tokio::time::timeout(patience.ending, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => connections.count().min(left),
    }
}

/// Whether it is only this connection that failed, and not the taking of them.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

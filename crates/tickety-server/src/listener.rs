//! Taking connections: how many, how long they may dawdle, and how they end.
//!
//! `axum::serve` sets no timer for headers, and none for what is written to somebody who doesn't read. Here every wait for
//! the other side has an end: for the head of a request (which is also how long a connection may be idle), and for room to
//! write. Where there are too many connections, those end that have waited for the longest. How long a request itself may take, its body included, is up to [`Limits`](crate::Limits).

mod patient;
mod seats;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tower::Service as _;

use crate::closing::Closing;
use crate::guard::proxies::{self, Network};
use patient::Patient;
use seats::{Arriving, Leaving, Seat, Seats};

/// How long to wait where a connection can't be taken because of the system, such as for a file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest head of a request, in bytes, about. So much may each connection keep in memory.
const HEAD: usize = 64 << 10;

/// How long the other side of a connection is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For the whole head of a request, from when the answer before it was sent. Default: 15 s.
    pub head: Duration,
    /// For some of an answer to be read. Default: 30 s.
    pub reading: Duration,
    /// For requests that are being answered when the server ends. Default: 10 s.
    pub ending: Duration,
    /// How many connections there are at a time. A new one takes the place of the one whose client has been waited for the
    /// longest, and waits to be taken where none is. Default: 10,000.
    pub connections: usize,
    /// How many of them one address has (of version 6: its first 64 bits), in the same way; of more, none of whose clients
    /// is waited for, the new one is closed. This machine and [proxies](Self::proxies) have any number. Default: 1,000.
    pub of_address: usize,
    /// Addresses that many clients have in common, and that may have any number of connections. Default: none.
    pub proxies: Vec<Network>,
}

impl Patience {
    /// Returns for whom a connection is counted.
    fn holder(&self, peer: IpAddr) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        let is_common = peer.is_loopback() || self.proxies.iter().any(|network| network.contains(peer));
        (!is_common).then(|| proxies::holder(peer))
    }
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            head: seconds(15),
            reading: seconds(30),
            ending: seconds(10),
            connections: 10_000,
            of_address: 1_000,
            proxies: Vec::new(),
        }
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
    let seats = Seats::new(patience.connections, patience.of_address);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).half_close(false);
    http.max_header_size(HEAD).max_buf_size(HEAD);
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.begun() => break,
            accepted = async {
                let accepted = listener.accept().await?;
                let holder = patience.holder(accepted.1.ip());
                Ok((accepted, seats.take(holder).await))
            } => accepted,
        };
        let ((stream, peer), taken) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(taken) = taken else {
            tracing::debug!(%peer, "an address has too many connections");
            continue;
        };
        // Answers are written at once, so there is nothing to wait for.
        stream.set_nodelay(true).ok();
        let (router, seat) = (router.clone(), Arc::clone(&taken.seat));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (router, seat) = (router.clone(), Arc::clone(&seat));
            async move { Ok::<_, Infallible>(answer(request, peer, router, seat).await) }
        });
        let io = TokioIo::new(Patient::new(stream, patience.reading, Arc::clone(&taken.seat)));
        let connection = graceful.watch(http.serve_connection(io, service));
        let joined = connections.join();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection ended");
                },
                () = taken.seat.ended() => tracing::debug!(%peer, "a connection made place for another"),
            }
            drop((joined, taken));
        });
    }
    drop(listener);
    let left = graceful.count();
    match tokio::time::timeout(patience.ending, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => connections.count().min(left),
    }
}

async fn answer(request: Request<Incoming>, peer: SocketAddr, mut router: Router, seat: Arc<Seat>) -> Response<Body> {
    seat.work();
    // A proxy that reads the length of the body otherwise would take what comes after for something else than this does
    // (RFC 9112, section 6.1), so nothing after is read.
    let is_last = request.headers().contains_key(header::TRANSFER_ENCODING);
    let arriving = Arc::clone(&seat);
    let mut request = request.map(|body| Body::new(Arriving::new(body, arriving)));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.call(request).await.unwrap_or_else(|never| match never {});
    if is_last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| Body::new(Leaving::new(body, seat)))
}

/// Whether it is only this connection that failed, and not the taking of them.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_proxies_have_any_number_of_connections() {
        let patience = Patience { proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Patience::default() };
        let holder = |peer: &str| patience.holder(peer.parse().unwrap()).map(|holder| holder.to_string());
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.2", "10.1.2.3", "::ffff:10.1.2.3"] {
            assert_eq!(holder(peer), None, "{peer}");
        }
        for (peer, expected) in
            [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
        {
            assert_eq!(holder(peer).as_deref(), Some(expected), "{peer}");
        }
    }
}

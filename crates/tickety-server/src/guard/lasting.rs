//! Answers that last: they end when the token or the session does that they were begun with.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use hyper::body::Frame;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::guard::Guard;
use crate::guard::access::Shown;

/// How often these are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Has an answer that goes on and on end with what was shown for it.
pub(super) fn bind(response: Response, shown: Shown, guard: &Arc<Guard>) -> Response {
    if matches!(shown, Shown::Nothing | Shown::Proxy) || !is_lasting(response.headers()) {
        return response;
    }
    let guard = Arc::clone(guard);
    response.map(|body| {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Body::new(Lasting { body, shown, guard, looks })
    })
}

impl Guard {
    /// Whether it is good still. Where tokens can't be looked up, none is.
    fn is_good(&self, shown: &Shown) -> bool {
        let is_granted = |token: &str| match &self.credentials {
            Some(credentials) => matches!(credentials.granted(token), Ok(Some(_))),
            None => false,
        };
        match shown {
            Shown::Nothing | Shown::Proxy => true,
            Shown::Token(token) => is_granted(token),
            Shown::Session { token, session } => self.sessions.is_open(session, self.now()) && is_granted(token),
        }
    }
}

fn is_lasting(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

struct Lasting {
    body: Body,
    shown: Shown,
    guard: Arc<Guard>,
    looks: Interval,
}

impl hyper::body::Body for Lasting {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.looks.poll_tick(context).is_ready() {
            if !self.guard.is_good(&self.shown) {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(ready!(Pin::new(&mut self.body).poll_frame(context)))
    }
}

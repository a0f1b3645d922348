//! Answers that last: they end when the token does that they were begun with.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use hyper::body::Frame;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::guard::access::Credentials;

/// How often the token is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Has an answer that goes on and on end with its token.
pub(crate) fn bind(response: Response, token: Arc<str>, credentials: &Arc<dyn Credentials>) -> Response {
    if !is_lasting(response.headers()) {
        return response;
    }
    let credentials = Arc::clone(credentials);
    response.map(|body| {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Body::new(Lasting { body, token, credentials, looks })
    })
}

fn is_lasting(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

struct Lasting {
    body: Body,
    token: Arc<str>,
    credentials: Arc<dyn Credentials>,
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
            // Where tokens can't be looked up, none is good.
            if !matches!(self.credentials.granted(&self.token), Ok(Some(_))) {
                return Poll::Ready(None);
            }
        }
        Poll::Ready(ready!(Pin::new(&mut self.body).poll_frame(context)))
    }
}

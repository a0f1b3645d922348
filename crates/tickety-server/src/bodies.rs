//! Bodies of requests while they arrive: how long, how slowly, and how much of them at a time.
//!
//! A request is worked on when its body is there. Until then it takes memory alone, which is bounded: the first part of a
//! body by the number of connections, so that the usual write always gets in, and the rest by what all may take together.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header;
use hyper::body::Frame;
use tickety_api::ErrorCode;

use crate::limits::Limits;
use crate::problem::Problem;

/// How many bytes of each body take none of the room that all share.
const FREE: usize = 16 << 10;

/// Where bodies arrive.
pub(crate) struct Bodies {
    limits: Limits,
    /// How much room is left.
    left: Arc<AtomicUsize>,
}

/// The room that a body takes until its request is answered.
pub(crate) struct Room {
    left: Arc<AtomicUsize>,
    bytes: usize,
}

impl Bodies {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { left: Arc::new(AtomicUsize::new(limits.bodies)), limits }
    }

    /// Waits until the body of a request is there.
    pub(crate) async fn arrive(&self, request: Request, is_batch: bool) -> Result<(Request, Room), Problem> {
        let mut room = Room { left: Arc::clone(&self.left), bytes: 0 };
        if request.body().is_end_stream() {
            return Ok((request, room));
        }
        let most = if is_batch { self.limits.batch_body } else { self.limits.body };
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // Before any of it was read.
        if length.is_some_and(|length: u64| length > most as u64) {
            return Err(too_large(most));
        }
        let (parts, body) = request.into_parts();
        let bytes = self.read(body, most, &mut room).await?;
        Ok((Request::from_parts(parts, Body::from(bytes)), room))
    }

    async fn read(&self, mut body: Body, most: usize, room: &mut Room) -> Result<Bytes, Problem> {
        let mut read = Vec::new();
        while let Some(frame) = self.next(&mut body).await? {
            let Ok(piece) = frame.into_data() else { continue };
            if piece.len() > most - read.len() {
                return Err(too_large(most));
            }
            // Copied, since a piece of one byte holds more than that.
            read.extend_from_slice(&piece);
            room.widen(read.len().saturating_sub(FREE))?;
        }
        Ok(read.into())
    }

    /// Waits for some more, but not for long.
    async fn next(&self, body: &mut Body) -> Result<Option<Frame<Bytes>>, Problem> {
        let next = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        match tokio::time::timeout(self.limits.pause, next).await {
            Ok(frame) => {
                frame.transpose().map_err(|_| Problem::new(ErrorCode::BadJson, "the body could not be read to its end"))
            }
            Err(_) => {
                let seconds = self.limits.pause.as_secs_f64();
                Err(Problem::new(ErrorCode::SlowBody, format_args!("nothing more of the body came for {seconds} s")))
            }
        }
    }
}

fn too_large(most: usize) -> Problem {
    Problem::new(ErrorCode::TooLarge, format_args!("the body is longer than {most} bytes, which is the limit"))
        .hint("do it in several requests")
}

impl Room {
    /// Takes what is missing to so many bytes.
    fn widen(&mut self, bytes: usize) -> Result<(), Problem> {
        let more = bytes.saturating_sub(self.bytes);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(more));
        if taken.is_err() {
            let problem = Problem::new(ErrorCode::Busy, "there is no room for a body as long now");
            return Err(problem.hint("send it again later, or in several parts"));
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

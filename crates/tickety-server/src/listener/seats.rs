//! The connections that there are, and which of them wait for their client.
//!
//! Where no more fit, those go that have waited for the longest: who keeps connections open and says nothing, or says it
//! slowly, or doesn't read, keeps nobody else from being answered.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// One of so many connections is ended when there are too many, so that looking for them is rare.
const SHARE: usize = 64;

/// The places for connections.
pub(super) struct Seats {
    most: usize,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
    freed: Notify,
    /// What orders the waits: the number of the next one.
    waits: Arc<AtomicU64>,
}

/// The place of one connection.
pub(super) struct Seat {
    number: u64,
    waits: Arc<AtomicU64>,
    /// The number of the wait for something to read, a head or some of a body; 0 while a request is being answered.
    for_reading: AtomicU64,
    /// The number of the wait for room to write; 0 while there is some.
    for_writing: AtomicU64,
    ended: Notify,
}

/// A place that is given back.
pub(super) struct Taken {
    seats: Arc<Seats>,
    pub(super) seat: Arc<Seat>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Arc<Self> {
        let waits = Arc::new(AtomicU64::new(1));
        Arc::new(Self { most: most.max(1), taken: Mutex::default(), freed: Notify::new(), waits })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        // Whatever panics with it leaves it whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. Where there is none, connections end that wait for their client; where none does, it waits too.
    pub(super) async fn take(self: &Arc<Self>) -> Taken {
        loop {
            let freed = self.freed.notified();
            if let Some(taken) = self.try_take() {
                return taken;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Taken> {
        let mut taken = self.lock();
        if taken.len() >= self.most {
            end_some(&mut taken);
        }
        if taken.len() >= self.most {
            return None;
        }
        let number = self.waits.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat {
            number,
            waits: Arc::clone(&self.waits),
            for_reading: AtomicU64::new(number),
            for_writing: AtomicU64::new(0),
            ended: Notify::new(),
        });
        taken.insert(number, Arc::clone(&seat));
        Some(Taken { seats: Arc::clone(self), seat })
    }
}

/// Ends those that have waited for the longest.
fn end_some(taken: &mut HashMap<u64, Arc<Seat>>) {
    let mut waiting: Vec<(u64, u64)> =
        taken.values().filter_map(|seat| Some((seat.waits_since()?, seat.number))).collect();
    let count = (waiting.len() / SHARE).max(1);
    if count < waiting.len() {
        waiting.select_nth_unstable(count);
    }
    for (_, number) in waiting.into_iter().take(count) {
        if let Some(seat) = taken.remove(&number) {
            seat.ended.notify_one();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.seat.number);
        self.seats.freed.notify_one();
    }
}

impl Seat {
    fn next(&self) -> u64 {
        self.waits.fetch_add(1, Ordering::Relaxed)
    }

    /// Says that some of a request has to come first.
    pub(super) fn wait_to_read(&self) {
        self.for_reading.store(self.next(), Ordering::Relaxed);
    }

    /// Says that it is up to the server now.
    pub(super) fn work(&self) {
        self.for_reading.store(0, Ordering::Relaxed);
    }

    /// Says that some of an answer has to be read first.
    pub(super) fn wait_to_write(&self) {
        self.for_writing.store(self.next(), Ordering::Relaxed);
    }

    /// Says that some was read.
    pub(super) fn go_on_writing(&self) {
        self.for_writing.store(0, Ordering::Relaxed);
        if self.for_reading.load(Ordering::Relaxed) != 0 {
            self.wait_to_read();
        }
    }

    /// Returns the number of what is waited for, if the client is.
    fn waits_since(&self) -> Option<u64> {
        [&self.for_writing, &self.for_reading]
            .map(|wait| wait.load(Ordering::Relaxed))
            .into_iter()
            .find(|wait| *wait != 0)
    }

    /// Waits until it has to make place for another.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// A body that arrives on a connection.
pub(super) struct Arriving<B> {
    body: B,
    seat: Arc<Seat>,
}

impl<B> Arriving<B> {
    pub(super) fn new(body: B, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Arriving<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_pending() {
            this.seat.wait_to_read();
        }
        let frame = ready!(polled);
        this.seat.work();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is sent on a connection: when all of it is with the system, the next request is waited for.
pub(super) struct Leaving {
    body: Body,
    seat: Arc<Seat>,
}

impl Leaving {
    pub(super) fn new(body: Body, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.seat.wait_to_read();
    }
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_for_the_longest_makes_place() {
        let seats = Seats::new(3);
        let taken: Vec<Taken> = (0..3).map(|_| seats.try_take().unwrap()).collect();
        let numbers = || {
            let mut numbers: Vec<u64> = seats.lock().keys().copied().collect();
            numbers.sort_unstable();
            numbers
        };
        let [first, second, third] = [0, 1, 2].map(|place: usize| &*taken[place].seat);
        // The first one asks again, the second is being answered.
        first.work();
        first.wait_to_read();
        second.work();
        let fourth = seats.try_take().unwrap();
        assert_eq!(numbers(), [first.number, second.number, fourth.seat.number]);
        assert!(!numbers().contains(&third.number));
        // Who reads what is sent to him has not waited for long.
        first.wait_to_write();
        first.go_on_writing();
        let fifth = seats.try_take().unwrap();
        assert_eq!(numbers(), [first.number, second.number, fifth.seat.number]);
        for seat in [first, second, &*fifth.seat] {
            seat.work();
        }
        assert!(seats.try_take().is_none(), "all are being answered");
        drop(taken);
        assert_eq!(numbers(), [fifth.seat.number]);
        assert!(seats.try_take().is_some());
    }
}

//! The connections that there are, and which of them wait for their client.
//!
//! Where no more fit, those go that have waited for the longest: who keeps connections open and says nothing, or says it
//! slowly, or doesn't read, keeps nobody else from being answered.

use std::collections::HashMap;
use std::net::IpAddr;
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
    /// How many one holder of addresses has at a time.
    of_holder: usize,
    taken: Mutex<Places>,
    freed: Notify,
    /// What orders the waits: the number of the next one.
    waits: Arc<AtomicU64>,
}

/// The places that are taken.
#[derive(Default)]
struct Places {
    seats: HashMap<u64, Arc<Seat>>,
    /// How many each holder has.
    holders: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(PartialEq, Eq, Debug)]
enum Full {
    /// All are taken, and nobody can be sent away.
    Wait,
    /// The holder of the address has as many as he may, and all of them are being answered.
    Refused,
}

/// The place of one connection.
pub(super) struct Seat {
    number: u64,
    /// Who has it, where it is counted how many he has.
    holder: Option<IpAddr>,
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
    pub(super) fn new(most: usize, of_holder: usize) -> Arc<Self> {
        let waits = Arc::new(AtomicU64::new(1));
        let (most, of_holder) = (most.max(1), of_holder.max(1));
        Arc::new(Self { most, of_holder, taken: Mutex::default(), freed: Notify::new(), waits })
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Whatever panics with it leaves it whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. Where there is none, connections end that wait for their client; where none does, it waits too.
    /// `None` where the holder of the address has as many as he may, and none of his can end.
    pub(super) async fn take(self: &Arc<Self>, holder: Option<IpAddr>) -> Option<Taken> {
        loop {
            let freed = self.freed.notified();
            match self.try_take(holder) {
                Ok(taken) => return Some(taken),
                Err(Full::Refused) => return None,
                Err(Full::Wait) => freed.await,
            }
        }
    }

    fn try_take(self: &Arc<Self>, holder: Option<IpAddr>) -> Result<Taken, Full> {
        let mut taken = self.lock();
        let has_all = |taken: &Places| holder.is_some_and(|holder| taken.of(holder) >= self.of_holder);
        if has_all(&taken) {
            taken.end_some(holder);
        }
        if has_all(&taken) {
            return Err(Full::Refused);
        }
        if taken.seats.len() >= self.most {
            taken.end_some(None);
        }
        if taken.seats.len() >= self.most {
            return Err(Full::Wait);
        }
        let number = self.waits.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat {
            number,
            holder,
            waits: Arc::clone(&self.waits),
            for_reading: AtomicU64::new(number),
            for_writing: AtomicU64::new(0),
            ended: Notify::new(),
        });
        taken.seats.insert(number, Arc::clone(&seat));
        if let Some(holder) = holder {
            *taken.holders.entry(holder).or_default() += 1;
        }
        Ok(Taken { seats: Arc::clone(self), seat })
    }
}

impl Places {
    fn of(&self, holder: IpAddr) -> usize {
        self.holders.get(&holder).copied().unwrap_or(0)
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Seat>> {
        let seat = self.seats.remove(&number)?;
        if let Some(holder) = seat.holder
            && let Some(count) = self.holders.get_mut(&holder)
        {
            *count -= 1;
            if *count == 0 {
                self.holders.remove(&holder);
            }
        }
        Some(seat)
    }

    /// Ends those that have waited for the longest, of one holder or of all.
    fn end_some(&mut self, holder: Option<IpAddr>) {
        let seats = self.seats.values().filter(|seat| holder.is_none() || seat.holder == holder);
        let mut waiting: Vec<(u64, u64)> = seats.filter_map(|seat| Some((seat.waits_since()?, seat.number))).collect();
        let count = (waiting.len() / SHARE).max(1);
        if count < waiting.len() {
            waiting.select_nth_unstable(count);
        }
        for (_, number) in waiting.into_iter().take(count) {
            if let Some(seat) = self.remove(number) {
                seat.ended.notify_one();
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.lock().remove(self.seat.number);
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
        let seats = Seats::new(3, 3);
        let taken: Vec<Taken> = (0..3).map(|_| seats.try_take(None).unwrap()).collect();
        let numbers = || {
            let mut numbers: Vec<u64> = seats.lock().seats.keys().copied().collect();
            numbers.sort_unstable();
            numbers
        };
        let [first, second, third] = [0, 1, 2].map(|place: usize| &*taken[place].seat);
        // The first one asks again, the second is being answered.
        first.work();
        first.wait_to_read();
        second.work();
        let fourth = seats.try_take(None).unwrap();
        assert_eq!(numbers(), [first.number, second.number, fourth.seat.number]);
        assert!(!numbers().contains(&third.number));
        // Who reads what is sent to him has not waited for long.
        first.wait_to_write();
        first.go_on_writing();
        let fifth = seats.try_take(None).unwrap();
        assert_eq!(numbers(), [first.number, second.number, fifth.seat.number]);
        for seat in [first, second, &*fifth.seat] {
            seat.work();
        }
        assert_eq!(seats.try_take(None).err(), Some(Full::Wait), "all are being answered");
        drop(taken);
        assert_eq!(numbers(), [fifth.seat.number]);
        assert!(seats.try_take(None).is_ok());
    }

    #[test]
    fn who_has_as_many_as_one_may_makes_place_himself() {
        let seats = Seats::new(10, 2);
        let [one, other] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let others = seats.try_take(other).unwrap();
        let first = seats.try_take(one).unwrap();
        let second = seats.try_take(one).unwrap();
        let third = seats.try_take(one).unwrap();
        let is_there = |taken: &Taken| seats.lock().seats.contains_key(&taken.seat.number);
        assert_eq!([&others, &first, &second, &third].map(is_there), [true, false, true, true]);
        second.seat.work();
        third.seat.work();
        assert_eq!(seats.try_take(one).err(), Some(Full::Refused), "both are being answered");
        assert!(seats.try_take(other).is_ok() && seats.try_take(None).is_ok());
        // What has ended and what has made place is counted once.
        drop((first, second));
        let fourth = seats.try_take(one).unwrap();
        assert!(is_there(&third) && is_there(&fourth));
        drop((third, fourth, others));
        let left = seats.lock();
        assert_eq!((left.seats.len(), left.holders.len()), (0, 0));
    }
}

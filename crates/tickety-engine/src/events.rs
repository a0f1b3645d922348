//! Handing what happens to those in this process who want to hear of it.
//!
//! The log of the store is the one truth: the bus reads on in it whenever it is told to look, after a write and when files
//! have changed, and hands each event to every subscriber. So subscribers hear of writes of other processes and of edits
//! from outside too, in the order of the log, and an event never reaches anybody before it is durable. No thread is
//! started, and a subscriber that doesn't listen keeps nobody from anything: what it misses, it is told that it missed.

mod pages;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tickety_store::{EventCursor, EventLog, LoggedEvent, Position, StorageError};

pub use pages::{first, last};

/// How many events wait for a subscriber at the most.
pub const WAITING: usize = 1024;

/// How many events are read at once.
const PAGE: usize = 1000;

/// Hands events to subscribers.
pub struct EventBus {
    log: Arc<dyn EventLog>,
    cursor: Mutex<EventCursor>,
    is_looking: AtomicBool,
    handed_on: AtomicU64,
    subscribers: Mutex<Vec<Weak<Queue>>>,
}

/// What a subscriber hears.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// Something happened.
    Event(Arc<LoggedEvent>),
    /// Events came that were not heard, because nobody listened for too long or the log no longer has them. Who needs
    /// them reads the log from its last cursor, and is told there if they are gone.
    Missed,
}

/// The right to hear of what happens. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    heard: VecDeque<Heard>,
    waker: Option<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can leave halves behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventBus {
    /// Makes a bus that hands on what happens from now on, as far as it [looks](Self::look).
    pub async fn start(log: Arc<dyn EventLog>) -> Result<Self, StorageError> {
        let cursor = log.events(Position::Newest, 0).await?.next;
        let (cursor, is_looking) = (Mutex::new(cursor), AtomicBool::new(false));
        Ok(Self { log, cursor, is_looking, handed_on: AtomicU64::new(0), subscribers: Mutex::default() })
    }

    /// Returns the log, for who has to read what was before.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Returns how many events were handed on so far.
    pub fn handed_on(&self) -> u64 {
        self.handed_on.load(Ordering::Relaxed)
    }

    /// Returns how many listen.
    pub fn subscribers(&self) -> usize {
        lock(&self.subscribers).iter().filter(|subscriber| subscriber.strong_count() > 0).count()
    }

    /// Subscribes to what is handed on from now on.
    pub fn subscribe(&self) -> Subscription {
        let queue = Arc::new(Queue::default());
        let mut subscribers = lock(&self.subscribers);
        subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        subscribers.push(Arc::downgrade(&queue));
        Subscription(queue)
    }

    /// Hands on what has happened since the last look; returns how many events that were. One look at a time is at work:
    /// who looks meanwhile does nothing, and what it came for is handed on by the other or by the next.
    pub async fn look(&self) -> Result<usize, StorageError> {
        let Some(looking) = Looking::begin(self) else { return Ok(0) };
        let mut told = 0;
        loop {
            match self.log.events(Position::After(looking.cursor()), PAGE).await {
                Ok(page) => {
                    told += page.events.len();
                    self.handed_on.fetch_add(page.events.len() as u64, Ordering::Relaxed);
                    if page.damaged > 0 {
                        self.hand_on(&Heard::Missed);
                    }
                    for event in page.events {
                        self.hand_on(&Heard::Event(Arc::new(event)));
                    }
                    looking.go_on_from(page.next);
                    if !page.more {
                        return Ok(told);
                    }
                }
                Err(StorageError::EventsGone { oldest, .. }) => {
                    self.hand_on(&Heard::Missed);
                    looking.go_on_from(oldest);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn hand_on(&self, heard: &Heard) {
        lock(&self.subscribers).retain(|subscriber| {
            let Some(queue) = subscriber.upgrade() else { return false };
            queue.push(heard.clone());
            true
        });
    }
}

/// The one look that is at work. It ends wherever its future is dropped, and what it handed on is not handed on again.
struct Looking<'a>(&'a EventBus);

impl<'a> Looking<'a> {
    fn begin(bus: &'a EventBus) -> Option<Self> {
        (!bus.is_looking.swap(true, Ordering::Acquire)).then_some(Self(bus))
    }

    fn cursor(&self) -> EventCursor {
        *lock(&self.0.cursor)
    }

    fn go_on_from(&self, cursor: EventCursor) {
        *lock(&self.0.cursor) = cursor;
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.is_looking.store(false, Ordering::Release);
    }
}

impl Queue {
    fn push(&self, heard: Heard) {
        let waker = {
            let mut waiting = lock(&self.0);
            if waiting.heard.len() >= WAITING {
                waiting.heard.clear();
                waiting.heard.push_back(Heard::Missed);
            }
            waiting.heard.push_back(heard);
            waiting.waker.take()
        };
        // Whoever is woken may do anything, so nothing is locked.
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Subscription {
    /// Returns what was heard next, if there is something.
    pub fn try_next(&self) -> Option<Heard> {
        lock(&self.0.0).heard.pop_front()
    }

    /// Waits for what is heard next.
    pub async fn next(&self) -> Heard {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Heard> {
        let mut waiting = lock(&self.0.0);
        match waiting.heard.pop_front() {
            Some(heard) => Poll::Ready(heard),
            None => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl std::fmt::Debug for EventBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBus").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use async_trait::async_trait;
    use jiff::Timestamp;
    use pollster::block_on;
    use tickety_core::event::Event;
    use tickety_core::operation::{Draft, Operation};
    use tickety_store::{Batch, EventPage, EventStats, IssueStorage as _, MemoryStore};

    use super::*;

    fn create(store: &MemoryStore, count: usize) {
        for number in 0..count {
            let operations = vec![Operation::Create(Box::new(Draft::new(number.to_string())))];
            block_on(store.apply(Batch::new(operations, None, Timestamp::UNIX_EPOCH))).unwrap();
        }
    }

    fn bus() -> (Arc<MemoryStore>, EventBus) {
        let store = Arc::new(MemoryStore::default());
        create(&store, 1);
        let bus = block_on(EventBus::start(Arc::clone(&store) as Arc<dyn EventLog>)).unwrap();
        (store, bus)
    }

    fn title(heard: Option<Heard>) -> Option<String> {
        match heard? {
            Heard::Event(logged) => match &logged.event {
                Event::IssueCreated { title, .. } => Some(title.clone()),
                other => panic!("{other:?}"),
            },
            Heard::Missed => Some("missed".to_owned()),
        }
    }

    #[test]
    fn every_subscriber_hears_what_happens_after_it_came() {
        let (store, bus) = bus();
        let early = bus.subscribe();
        create(&store, 2);
        assert_eq!(title(early.try_next()), None, "nobody has looked");
        assert_eq!(block_on(bus.look()).unwrap(), 2);
        let late = bus.subscribe();
        create(&store, 1);
        assert_eq!(block_on(bus.look()).unwrap(), 1);
        let heard = |subscription: &Subscription| -> Vec<String> {
            std::iter::from_fn(|| title(subscription.try_next())).collect()
        };
        assert_eq!((heard(&early), heard(&late)), (vec!["0".into(), "1".into(), "0".into()], vec!["0".into()]));
        assert_eq!(block_on(bus.look()).unwrap(), 0);
    }

    #[test]
    fn who_waits_is_woken() {
        let (store, bus) = bus();
        let subscription = bus.subscribe();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| block_on(subscription.next()));
            create(&store, 1);
            block_on(bus.look()).unwrap();
            assert_eq!(title(Some(waiting.join().unwrap())).as_deref(), Some("0"));
        });
    }

    #[test]
    fn who_does_not_listen_is_told_that_it_missed_something() {
        let (store, bus) = bus();
        let subscription = bus.subscribe();
        create(&store, WAITING + 1);
        block_on(bus.look()).unwrap();
        assert_eq!(subscription.try_next(), Some(Heard::Missed));
        assert_eq!(title(subscription.try_next()), Some(WAITING.to_string()));
        assert_eq!(subscription.try_next(), None);
    }

    #[test]
    fn what_the_log_no_longer_has_is_missed_and_the_rest_is_heard() {
        let (store, bus) = bus();
        let subscription = bus.subscribe();
        let kept = usize::try_from(block_on(store.event_stats()).unwrap().keeps_events).unwrap();
        create(&store, kept + 5);
        assert_eq!(block_on(bus.look()).unwrap(), kept);
        assert_eq!(subscription.try_next(), Some(Heard::Missed));
    }

    /// A log that answers every second question only when it is asked again.
    struct Slow(Arc<MemoryStore>, AtomicBool);

    #[async_trait]
    impl EventLog for Slow {
        async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError> {
            let mut waits = self.1.fetch_xor(true, Ordering::Relaxed);
            poll_fn(|_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) }).await;
            self.0.events(from, limit).await
        }

        async fn event_stats(&self) -> Result<EventStats, StorageError> {
            self.0.event_stats().await
        }
    }

    #[test]
    fn a_look_that_is_dropped_keeps_nobody_from_looking() {
        let store = Arc::new(MemoryStore::default());
        let log = Arc::new(Slow(Arc::clone(&store), AtomicBool::new(false)));
        let bus = block_on(EventBus::start(log)).unwrap();
        let subscription = bus.subscribe();
        create(&store, 2);
        {
            let mut look = Box::pin(bus.look());
            assert!(look.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(block_on(bus.look()).unwrap(), 0, "the other is at work");
        }
        assert_eq!(block_on(bus.look()).unwrap(), 2);
        let heard: Vec<String> = std::iter::from_fn(|| title(subscription.try_next())).collect();
        assert_eq!(heard, ["0", "1"]);
    }

    #[test]
    fn dropped_subscriptions_are_forgotten() {
        let (store, bus) = bus();
        drop(bus.subscribe());
        create(&store, 1);
        block_on(bus.look()).unwrap();
        assert!(lock(&bus.subscribers).is_empty());
    }
}

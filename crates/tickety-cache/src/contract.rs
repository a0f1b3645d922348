//! What every [`SecondLevel`] and every [`Backplane`] promises, as suites that panic where it isn't so.
//!
//! ```
//! use tickety_cache::contract;
//! use tickety_cache::tier::{InProcess, LocalBackplane};
//!
//! contract::second_level(InProcess::new);
//! contract::backplane(LocalBackplane::new);
//! ```

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::entry::Entry;
use crate::sync::Bed;
use crate::tier::{Backplane, Change, Kept, Message, Position, Read, SecondLevel};

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Examines a second level; `make` returns an empty one.
///
/// # Panics
///
/// If it breaks its promise.
pub fn second_level<S: SecondLevel<String, String>>(mut make: impl FnMut() -> S) {
    for claim in [written_is_read, invalidated_is_gone, outdated_is_refused, besides_does_not_matter, terms_are_kept] {
        block_on(claim(&make()));
    }
}

/// Examines a backplane; `make` returns one that nobody else listens to.
///
/// # Panics
///
/// If it breaks its promise.
pub fn backplane<B: Backplane<String>>(mut make: impl FnMut() -> B) {
    block_on(everybody_hears_in_order(&make()));
    block_on(who_left_hears_nothing(&make()));
}

type Claim<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

fn kept(value: &str) -> Kept<String> {
    Entry::new(value.to_owned()).ttl(Duration::from_secs(3600)).tag("t").into()
}

async fn position(level: &dyn SecondLevel<String, String>, key: &str) -> Position {
    match level.read(&key.to_owned()).await.expect("it reads") {
        Read::Missing(position) => position,
        Read::Found(found, _) => panic!("{key} was not expected: {found:?}"),
    }
}

async fn write(level: &dyn SecondLevel<String, String>, key: &str, since: Position) -> bool {
    level.write(&key.to_owned(), kept(key), since).await.expect("it writes")
}

async fn has(level: &dyn SecondLevel<String, String>, key: &str) -> bool {
    match level.read(&key.to_owned()).await.expect("it reads") {
        Read::Found(found, _) => {
            assert_eq!(found.value.as_deref(), Some(key));
            true
        }
        Read::Missing(_) => false,
    }
}

fn written_is_read(level: &dyn SecondLevel<String, String>) -> Claim<'_> {
    Box::pin(async move {
        let since = position(level, "a").await;
        assert!(write(level, "a", since).await, "what is current is accepted");
        assert!(has(level, "a").await && !has(level, "b").await);
        assert!(write(level, "a", since).await, "an entry may be written again");
        assert!(has(level, "a").await);
    })
}

fn invalidated_is_gone(level: &dyn SecondLevel<String, String>) -> Claim<'_> {
    Box::pin(async move {
        for way in 0..3 {
            let since = position(level, "a").await;
            assert!(write(level, "a", since).await);
            invalidate(level, way).await;
            assert!(!has(level, "a").await, "way {way} of invalidating");
        }
    })
}

async fn invalidate(level: &dyn SecondLevel<String, String>, way: u8) {
    let done = match way {
        0 => level.remove(&"a".to_owned()).await,
        1 => level.invalidate_tag("t").await,
        _ => level.clear().await,
    };
    done.expect("it invalidates");
}

fn outdated_is_refused(level: &dyn SecondLevel<String, String>) -> Claim<'_> {
    Box::pin(async move {
        for way in 0..3 {
            let since = position(level, "a").await;
            invalidate(level, way).await;
            assert!(!write(level, "a", since).await, "way {way} of invalidating");
            assert!(!has(level, "a").await);
            let since = position(level, "a").await;
            assert!(write(level, "a", since).await, "afterwards it may be written");
            invalidate(level, way).await;
        }
    })
}

fn besides_does_not_matter(level: &dyn SecondLevel<String, String>) -> Claim<'_> {
    Box::pin(async move {
        let since = position(level, "a").await;
        assert!(write(level, "a", since).await);
        level.remove(&"b".to_owned()).await.expect("it removes");
        level.invalidate_tag("other").await.expect("it invalidates");
        assert!(has(level, "a").await);
    })
}

fn terms_are_kept(level: &dyn SecondLevel<String, String>) -> Claim<'_> {
    Box::pin(async move {
        let mut entry = kept("a");
        (entry.soft_ttl, entry.weight) = (Some(Duration::from_secs(60)), Some(7));
        entry.tags.push("u".into());
        let since = position(level, "a").await;
        level.write(&"a".to_owned(), entry.clone(), since).await.expect("it writes");
        let Read::Found(found, _) = level.read(&"a".to_owned()).await.expect("it reads") else {
            panic!("it was written");
        };
        assert!(found.age >= entry.age);
        assert_eq!(Kept { age: entry.age, ..found }, entry);
        let negative = Kept { value: None, ..kept("") };
        let since = position(level, "none").await;
        level.write(&"none".to_owned(), negative, since).await.expect("it writes");
        let read = level.read(&"none".to_owned()).await.expect("it reads");
        assert!(matches!(read, Read::Found(Kept { value: None, .. }, _)), "{read:?}");
    })
}

/// What an ear has heard.
#[derive(Clone, Default)]
struct Heard(Arc<(Mutex<Vec<Message<String>>>, Condvar)>);

impl Heard {
    fn ear(&self) -> Arc<dyn Fn(Message<String>) + Send + Sync> {
        let heard = self.clone();
        Arc::new(move |message| {
            heard.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            heard.0.1.notify_all();
        })
    }

    /// Waits for so many messages.
    fn wait(&self, count: usize) -> Vec<Message<String>> {
        let heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.0.1.wait_timeout_while(heard, PATIENCE, |heard| heard.len() < count);
        let (heard, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        assert!(heard.len() >= count, "{count} messages should have come: {heard:?}");
        heard.clone()
    }
}

fn message(number: u64) -> Message<String> {
    let change = match number % 3 {
        0 => Change::Key(number.to_string()),
        1 => Change::Tag(number.to_string().into()),
        _ => Change::All,
    };
    Message { origin: number, change }
}

async fn everybody_hears_in_order(backplane: &dyn Backplane<String>) {
    let (one, other) = (Heard::default(), Heard::default());
    let _subscriptions = [backplane.subscribe(one.ear()), backplane.subscribe(other.ear())];
    let sent: Vec<_> = (0..10).map(message).collect();
    for message in &sent {
        backplane.publish(message.clone()).await.expect("it publishes");
    }
    // A gap may be told at any time.
    let heard = |heard: &Heard| {
        let mut messages = heard.wait(sent.len());
        messages.retain(|message| message.change != Change::Gap);
        messages
    };
    assert_eq!((heard(&one), heard(&other)), (sent.clone(), sent));
}

async fn who_left_hears_nothing(backplane: &dyn Backplane<String>) {
    let (gone, there) = (Heard::default(), Heard::default());
    drop(backplane.subscribe(gone.ear()));
    let _subscription = backplane.subscribe(there.ear());
    backplane.publish(message(0)).await.expect("it publishes");
    there.wait(1);
    assert_eq!(gone.wait(0), []);
}

struct Sleeper(Bed);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let bed = Arc::new(Sleeper(Bed::default()));
    let waker = Waker::from(bed.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        bed.0.sleep(None);
    }
}

//! Single flight and stamps under many schedules: flights, lanes and tags are compiled once more, with
//! locks that shuttle interleaves, around a map instead of the engine.

#[expect(dead_code, reason = "what the tests need of it")]
#[path = "../../src/load/flight.rs"]
mod flight;
#[expect(dead_code, reason = "what the tests need of it")]
#[path = "../../src/lane.rs"]
mod lane;
#[expect(dead_code, unreachable_pub, reason = "what the tests need of it")]
#[path = "../../src/tag.rs"]
mod tag;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::thread;

use self::flight::{End, Flight, Pilot, Role};
use self::lane::Lane;
use self::tag::{Names, Tag, Tags};
use crate::sync::{AtomicU64, Mutex, Ordering};

const SCHEDULES: usize = 2000;

/// Runs a test under many schedules, half of them with few changes of thread.
fn check(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), SCHEDULES);
    shuttle::check_pct(test, SCHEDULES, 3);
}

fn names(name: &'static str) -> Names {
    std::iter::once(name).collect()
}

/// The parts of a cache that decide, for a single key.
#[derive(Default)]
struct Cache {
    lane: Mutex<Lane<u8, Flight<Loaded>, ()>>,
    stored: Mutex<HashMap<u8, Loaded>>,
    tags: Tags,
    sequence: AtomicU64,
    /// What a load reads.
    source: AtomicU64,
    loads: AtomicU64,
}

#[derive(Clone)]
struct Loaded {
    value: u64,
    since: u64,
    tags: Arc<Tag>,
}

const KEY: u8 = 1;

impl Cache {
    fn stamp(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn get(&self) -> Option<u64> {
        let stored = self.stored.lock().get(&KEY).cloned()?;
        (stored.tags.stamp() <= stored.since).then_some(stored.value)
    }

    /// Changes the source, then invalidates the key.
    fn write_and_remove(&self, value: u64) {
        self.source.store(value, Ordering::SeqCst);
        let mut lane = self.lane.lock();
        lane.stamp(0, &KEY, self.stamp());
        self.stored.lock().remove(&KEY);
    }

    /// Changes the source, then invalidates the tag.
    fn write_and_invalidate(&self, value: u64) {
        self.source.store(value, Ordering::SeqCst);
        self.tags.stamp("t", || self.stamp());
    }

    fn load(&self, began: u64) -> Loaded {
        self.loads.fetch_add(1, Ordering::SeqCst);
        thread::yield_now();
        let value = self.source.load(Ordering::SeqCst);
        Loaded { value, since: began, tags: self.tags.tagged(&names("t")).unwrap() }
    }

    /// The steps of a loading call on a thread.
    fn get_or_load(&self, panics: bool) -> Option<u64> {
        loop {
            if let Some(value) = self.get() {
                return Some(value);
            }
            let mut lane = self.lane.lock();
            if let Some(running) = lane.running(0, &KEY) {
                let began = running.began;
                let flight = running.flight.get_or_insert_with(|| Flight::new(began, Pilot::Caller)).clone();
                let (seat, joined) = (flight.board(), self.sequence.load(Ordering::SeqCst));
                drop(lane);
                let end = flight.wait(seat, || Some(None));
                flight.leave(seat);
                match end {
                    Some(End::Landed(loaded)) if loaded.tags.stamp() <= began || joined <= began => {
                        return Some(loaded.value);
                    }
                    _ => continue,
                }
            }
            if self.get().is_some() {
                continue;
            }
            let began = self.sequence.load(Ordering::SeqCst);
            let id = lane.begin(0, KEY, began, 1, None);
            drop(lane);
            let loaded = self.load(began);
            let mut lane = self.lane.lock();
            let ended = lane.end(id);
            if panics {
                drop(lane);
                if let Some(flight) = ended.flight {
                    flight.lose(None);
                }
                return None;
            }
            if ended.current && loaded.tags.stamp() <= began {
                self.stored.lock().insert(KEY, loaded.clone());
            }
            drop(lane);
            if let Some(flight) = ended.flight {
                flight.land(loaded.clone());
            }
            return Some(loaded.value);
        }
    }
}

#[test]
fn many_threads_cause_one_load() {
    check(|| {
        let cache = Arc::new(Cache::default());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let cache = cache.clone();
                thread::spawn(move || assert_eq!(cache.get_or_load(false), Some(0)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(cache.loads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_load_that_comes_to_nothing_is_done_by_another() {
    check(|| {
        let cache = Arc::new(Cache::default());
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let cache = cache.clone();
                thread::spawn(move || cache.get_or_load(number == 0))
            })
            .collect();
        let values: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(values[1..], [Some(0), Some(0)]);
        assert!(cache.loads.load(Ordering::SeqCst) <= 2);
    });
}

/// One thread writes and invalidates, others load: who calls after the write has returned sees it.
fn nothing_outdated(write: impl Fn(&Cache, u64) + Send + Sync + Copy + 'static) {
    check(move || {
        let cache = Arc::new(Cache::default());
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let cache = cache.clone();
                thread::spawn(move || cache.get_or_load(false))
            })
            .collect();
        write(&cache, 1);
        assert_eq!(cache.get_or_load(false), Some(1));
        write(&cache, 2);
        assert_eq!(cache.get_or_load(false), Some(2));
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap().is_some()));
        assert_eq!(cache.get_or_load(false), Some(2));
    });
}

#[test]
fn nothing_older_than_the_stamp_of_its_key_is_served() {
    nothing_outdated(Cache::write_and_remove);
}

#[test]
fn nothing_older_than_the_stamp_of_its_tag_is_served() {
    nothing_outdated(Cache::write_and_invalidate);
}

#[test]
fn who_sees_the_newest_stamp_sees_all_before_it() {
    check(|| {
        let (tags, sequence) = (Arc::new(Tags::default()), Arc::new(AtomicU64::new(0)));
        let names = ["a", "b"];
        let tagged: Vec<_> = names.iter().map(|name| tags.tagged(&self::names(name)).unwrap()).collect();
        let threads: Vec<_> = names
            .map(|name| {
                let (tags, sequence) = (tags.clone(), sequence.clone());
                thread::spawn(move || tags.stamp(name, || sequence.fetch_add(1, Ordering::SeqCst) + 1))
            })
            .into_iter()
            .collect();
        let newest = tags.newest();
        let seen = tagged.iter().filter(|tagged| (1..=newest).contains(&tagged.stamp())).count();
        assert_eq!(seen as u64, newest);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Work that is done when it was polled a number of times; it wakes itself.
struct Steps {
    left: u32,
    flight: Arc<Flight<u32>>,
    polled: Arc<AtomicU64>,
}

impl Future for Steps {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        assert_eq!(self.polled.fetch_add(1, Ordering::SeqCst), 0, "two drive at once");
        thread::yield_now();
        self.polled.fetch_sub(1, Ordering::SeqCst);
        if self.left == 0 {
            self.flight.land(7);
            return Poll::Ready(());
        }
        self.left -= 1;
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    }
}

#[test]
fn whoever_waits_drives_the_work_to_its_end() {
    check(|| {
        let flight = Flight::new(0, Pilot::Spawned { anywhere: true });
        flight.unman();
        let polled = Arc::new(AtomicU64::new(0));
        flight.load(Box::pin(Steps { left: 2, flight: flight.clone(), polled }));
        // One polls once and never again.
        let parked = flight.board();
        let _ = flight.poll(parked, &mut Context::from_waker(Waker::noop()), Role::Spawned);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (flight, seat) = (flight.clone(), flight.board());
                thread::spawn(move || match flight.wait(seat, || Some(None)) {
                    Some(End::Landed(value)) => value,
                    _ => 0,
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), 7));
    });
}

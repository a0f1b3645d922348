//! Loading by futures. No runtime: the test polls, and so decides who gets on when.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use tickety_cache::{Cache, Entry, LoadError, LoadOptions, Lookup, Sleep, Spawner, Task};

use crate::world::{World, seconds};

/// Counts how often a task was woken.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A caller that is polled by hand.
struct Caller<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    bell: Arc<Bell>,
}

impl<'a, T> Caller<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self { future: Box::pin(future), bell: Arc::default() }
    }

    fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(self.bell.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn woken(&self) -> bool {
        self.bell.0.swap(0, Ordering::SeqCst) > 0
    }
}

/// A source that answers after some steps, each taken by hand.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<(u32, Vec<Waker>)>>);

impl Source {
    fn step(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn after(self, steps: u32) {
        for step in 1..=steps {
            std::future::poll_fn(|context| {
                let mut state = self.0.lock().unwrap();
                if state.0 >= step {
                    return Poll::Ready(());
                }
                state.1.push(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}

fn load<'a>(
    cache: &'a Cache<String, u32>,
    source: &Source,
    steps: u32,
    loads: &'a AtomicU32,
) -> impl Future<Output = u32> + 'a {
    let source = source.clone();
    cache.get_or_load_async("a", move || {
        loads.fetch_add(1, Ordering::SeqCst);
        async move {
            source.after(steps).await;
            7
        }
    })
}

#[test]
fn a_thousand_futures_cause_one_load() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut callers: Vec<_> = (0..1000).map(|_| Caller::new(load(&world.cache, &source, 3, &loads))).collect();
    for _ in 0..3 {
        assert!(callers.iter_mut().all(|caller| caller.poll().is_pending()));
        source.step();
    }
    assert!(callers.iter_mut().all(|caller| caller.poll() == Poll::Ready(7)));
    assert_eq!((loads.load(Ordering::SeqCst), world.cache.stats().coalesced), (1, 999));
}

#[test]
fn the_load_survives_a_leader_that_is_dropped_at_any_await() {
    for dropped_at in 0..5 {
        let world = World::new(|builder| builder);
        let (source, loads) = (Source::default(), AtomicU32::new(0));
        let mut leader = Caller::new(load(&world.cache, &source, 4, &loads));
        assert!(leader.poll().is_pending());
        let mut waiters: Vec<_> = (0..3).map(|_| Caller::new(load(&world.cache, &source, 4, &loads))).collect();
        assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
        let mut leader = Some(leader);
        for step in 0..4 {
            if step == dropped_at {
                drop(leader.take());
            }
            source.step();
            if let Some(leader) = &mut leader {
                let _ = leader.poll();
            }
            for waiter in &mut waiters {
                assert!(waiter.woken(), "who waits is woken at step {step}");
                assert_eq!(waiter.poll().is_ready(), step == 3);
            }
        }
        assert_eq!((loads.load(Ordering::SeqCst), world.cache.get("a")), (1, Some(7)), "dropped at {dropped_at}");
    }
}

#[test]
fn the_load_survives_a_leader_that_is_never_polled_again() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut parked = Caller::new(load(&world.cache, &source, 2, &loads));
    assert!(parked.poll().is_pending());
    let mut waiter = Caller::new(load(&world.cache, &source, 2, &loads));
    assert!(waiter.poll().is_pending());
    source.step();
    assert!(waiter.woken() && waiter.poll().is_pending());
    source.step();
    assert!(waiter.woken());
    assert_eq!(waiter.poll(), Poll::Ready(7));
    assert_eq!(parked.poll(), Poll::Ready(7));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[test]
fn the_load_is_dropped_when_nobody_waits_for_it() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let held = Arc::new(());
    let guard = held.clone();
    let mut callers: Vec<_> = (0..3)
        .map(|_| {
            let guard = guard.clone();
            Caller::new(world.cache.get_or_load_async("a", move || async move {
                pending::<()>().await;
                drop(guard);
                1
            }))
        })
        .collect();
    drop(guard);
    assert!(callers.iter_mut().all(|caller| caller.poll().is_pending()));
    drop(callers);
    assert_eq!(Arc::strong_count(&held), 1);
    let mut caller = Caller::new(load(&world.cache, &source, 0, &loads));
    assert_eq!(caller.poll(), Poll::Ready(7));
    assert_eq!(world.cache.stats().load_failures, 1);
}

#[test]
fn when_the_load_panics_its_beginner_panics_and_another_loads() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let first = source.clone();
    let mut leader = Caller::new(world.cache.get_or_load_async("a", move || async move {
        first.after(1).await;
        panic!("the first load")
    }));
    assert!(leader.poll().is_pending());
    let mut waiters: Vec<_> = (0..3).map(|_| Caller::new(load(&world.cache, &source, 1, &loads))).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
    source.step();
    // The panic is met by a waiter, who goes on to load.
    assert_eq!(waiters[1].poll(), Poll::Ready(7));
    assert!(catch_unwind(AssertUnwindSafe(|| leader.poll())).is_err());
    assert_eq!((waiters[0].poll(), waiters[2].poll()), (Poll::Ready(7), Poll::Ready(7)));
    let stats = world.cache.stats();
    assert_eq!((loads.load(Ordering::SeqCst), stats.loads, stats.load_failures), (1, 1, 1));
}

#[test]
fn who_comes_after_an_invalidation_begins_anew() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut before = Caller::new(load(&world.cache, &source, 1, &loads));
    assert!(before.poll().is_pending());
    world.cache.remove("a");
    let mut after = Caller::new(world.cache.get_or_load_async("a", || async { 8 }));
    assert_eq!(after.poll(), Poll::Ready(8));
    source.step();
    assert_eq!(before.poll(), Poll::Ready(7));
    assert_eq!((world.cache.get("a"), world.cache.stats().refused), (Some(8), 1));
}

#[test]
fn who_joins_a_load_after_its_tag_was_invalidated_loads_anew_be_it_kept_or_not() {
    for ttl in [Duration::MAX, Duration::ZERO] {
        let world = World::new(|builder| builder);
        let (source, cache) = (Source::default(), &world.cache);
        let begin = |value: u32, steps: u32| {
            let source = source.clone();
            Caller::new(cache.load_with_async("a", LoadOptions::new(), move || async move {
                source.after(steps).await;
                Ok::<_, ()>(Entry::new(value).ttl(ttl).tag("t"))
            }))
        };
        let mut before = begin(1, 1);
        assert!(before.poll().is_pending());
        cache.invalidate_tag("t");
        let mut after = begin(2, 0);
        assert!(after.poll().is_pending());
        source.step();
        let value = |poll: Poll<Result<Lookup<u32>, LoadError<()>>>| match poll {
            Poll::Ready(Ok(lookup)) => lookup.into_value(),
            _ => None,
        };
        assert_eq!((value(before.poll()), value(after.poll())), (Some(1), Some(2)), "{ttl:?}");
        assert_eq!(cache.get("a"), Some(2).filter(|_| !ttl.is_zero()));
    }
}

#[test]
fn all_who_wait_get_the_same_error() {
    let world = World::new(|builder| builder);
    let source = Source::default();
    let mut callers: Vec<_> = (0..10)
        .map(|number| {
            let source = source.clone();
            Caller::new(world.cache.get_or_try_load_async("a", move || async move {
                source.after(1).await;
                Err::<u32, _>(number)
            }))
        })
        .collect();
    assert!(callers.iter_mut().all(|caller| caller.poll().is_pending()));
    source.step();
    for caller in &mut callers {
        let Poll::Ready(Err(LoadError::Failed(reason))) = caller.poll() else { panic!("it fails") };
        assert_eq!(*reason, 0);
    }
    let mut caller = Caller::new(world.cache.get_or_find_async("a", || async { Ok::<_, ()>(None) }));
    assert!(matches!(caller.poll(), Poll::Ready(Ok(None))));
}

#[test]
fn a_thread_does_not_wait_for_a_future_that_nobody_may_poll() {
    let world = World::new(|builder| builder);
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut parked = Caller::new(load(&world.cache, &source, 1, &loads));
    assert!(parked.poll().is_pending());
    assert_eq!(world.cache.get_or_load("a", || 8), 8);
    source.step();
    assert_eq!(parked.poll(), Poll::Ready(7));
}

#[test]
fn a_future_waits_for_a_thread_that_loads() {
    let world = World::new(|builder| builder);
    let cache = &world.cache;
    thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        scope.spawn(move || {
            cache.get_or_load("a", || {
                begun.send(()).unwrap();
                while cache.stats().coalesced == 0 {
                    thread::yield_now();
                }
                8
            })
        });
        begins.recv().unwrap();
        let value = pollster::block_on(cache.get_or_load_async("a", || async { 7 }));
        assert_eq!(value, 8);
    });
}

/// A spawner whose tasks the test runs, and whose sleeps are over at once.
struct Queue(Mutex<mpsc::Sender<Task>>);

impl Spawner for Queue {
    fn spawn(&self, task: Task) {
        self.0.lock().unwrap().send(task).unwrap();
    }

    fn sleep(&self, _: Duration) -> Option<Sleep> {
        Some(Box::pin(async {}))
    }
}

fn queue() -> (Queue, mpsc::Receiver<Task>) {
    let (sender, tasks) = mpsc::channel();
    (Queue(Mutex::new(sender)), tasks)
}

#[test]
fn a_spawned_load_needs_none_of_its_callers() {
    let (spawner, tasks) = queue();
    let world = World::new(|builder| builder.spawner(spawner));
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut leader = Caller::new(load(&world.cache, &source, 0, &loads));
    let mut waiter = Caller::new(load(&world.cache, &source, 0, &loads));
    assert!(leader.poll().is_pending() && waiter.poll().is_pending());
    drop(leader);
    pollster::block_on(tasks.try_recv().unwrap());
    assert!(waiter.woken());
    assert_eq!((waiter.poll(), loads.load(Ordering::SeqCst)), (Poll::Ready(7), 1));
}

#[test]
fn a_spawned_load_that_is_lost_is_done_by_who_waits() {
    let (spawner, tasks) = queue();
    let world = World::new(|builder| builder.spawner(spawner));
    let (source, loads) = (Source::default(), AtomicU32::new(0));
    let mut callers: Vec<_> = (0..3).map(|_| Caller::new(load(&world.cache, &source, 0, &loads))).collect();
    assert!(callers.iter_mut().all(|caller| caller.poll().is_pending()));
    drop(tasks.try_recv().unwrap());
    for caller in &mut callers {
        assert!(caller.woken());
        assert_eq!(caller.poll(), Poll::Ready(7));
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[test]
fn with_a_spawner_stale_values_are_served_at_once() {
    let (spawner, tasks) = queue();
    let world = World::new(|builder| builder.soft_ttl(seconds(10)).ttl(seconds(60)).spawner(spawner));
    world.cache.insert("a".to_owned(), 1);
    world.pass(10);
    for _ in 0..3 {
        let load = pin!(world.cache.get_or_load_async("a", || async { 2 }));
        assert_eq!(pollster::block_on(load), 1);
    }
    pollster::block_on(tasks.try_recv().unwrap());
    assert!(tasks.try_recv().is_err());
    assert_eq!(world.cache.get("a"), Some(2));
}

#[test]
fn futures_give_up_after_their_timeouts() {
    let (spawner, tasks) = queue();
    let world = World::new(|builder| builder.ttl(seconds(10)).fail_safe(seconds(10)).spawner(spawner));
    let load = |options| {
        let load = || async { Ok::<_, ()>(Entry::new(2)) };
        pollster::block_on(world.cache.load_with_async("a", options, load))
    };
    assert!(matches!(load(LoadOptions::new().hard_timeout(seconds(1))), Err(LoadError::TimedOut(_))));
    pollster::block_on(tasks.try_recv().unwrap());
    assert_eq!(world.cache.get("a"), Some(2));
    world.pass(10);
    assert!(matches!(load(LoadOptions::new().soft_timeout(seconds(1))), Ok(Lookup::Stale { value: 2, .. })));
}

#[test]
fn many_threads_and_futures_cause_one_load() {
    let (spawner, tasks) = queue();
    let cache = Cache::<String, u32>::builder(10).spawner(spawner).build();
    let loads = AtomicU32::new(0);
    thread::scope(|scope| {
        let mut leader = Caller::new(cache.get_or_load_async("a", || async { 7 }));
        assert!(leader.poll().is_pending());
        for number in 0..100 {
            let (cache, loads) = (&cache, &loads);
            scope.spawn(move || {
                let count = || loads.fetch_add(1, Ordering::SeqCst);
                let value = if number % 2 == 0 {
                    cache.get_or_load("a", || count() + 100)
                } else {
                    pollster::block_on(cache.get_or_load_async("a", || {
                        count();
                        async { 8 }
                    }))
                };
                assert_eq!(value, 7);
            });
        }
        while cache.stats().coalesced < 100 {
            thread::yield_now();
        }
        tasks.recv().unwrap().run();
    });
    assert_eq!((loads.load(Ordering::SeqCst), cache.stats().loads), (0, 1));
}

//! Loading on threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tickety_cache::{Cache, Class, Entry, LoadError, LoadOptions, Lookup, Task};

use crate::world::{World, seconds};

/// Waits until a number of callers wait for a load.
fn wait_for_callers(cache: &Cache<String, u32>, callers: u64) {
    while cache.stats().coalesced < callers {
        thread::yield_now();
    }
}

#[test]
fn a_thousand_callers_cause_one_load() {
    let world = World::new(|builder| builder);
    let loads = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..1000 {
            scope.spawn(|| {
                let value = world.cache.get_or_load("a", || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    wait_for_callers(&world.cache, 100);
                    7
                });
                assert_eq!(value, 7);
            });
        }
    });
    let stats = world.cache.stats();
    assert_eq!((loads.into_inner(), stats.loads, stats.hits + stats.misses), (1, 1, 1000));
}

#[test]
fn when_the_loader_panics_the_next_caller_loads() {
    let world = World::new(|builder| builder);
    let loads = AtomicU32::new(0);
    let panicked = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let load = || {
                    if loads.fetch_add(1, Ordering::SeqCst) == 0 {
                        wait_for_callers(&world.cache, 10);
                        panic!("the first load");
                    }
                    7
                };
                match catch_unwind(AssertUnwindSafe(|| world.cache.get_or_load("a", load))) {
                    Ok(value) => assert_eq!(value, 7),
                    Err(_) => assert!(!panicked.swap(true, Ordering::SeqCst), "one caller panics"),
                }
            });
        }
    });
    let stats = world.cache.stats();
    assert_eq!((loads.into_inner(), stats.loads, stats.load_failures), (2, 1, 1));
}

#[test]
fn all_who_wait_get_the_same_error_and_the_next_tries_again() {
    let world = World::new(|builder| builder);
    let loads = AtomicU32::new(0);
    let errors: Mutex<Vec<Arc<String>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let error = world
                    .cache
                    .get_or_try_load("a", || {
                        let load = loads.fetch_add(1, Ordering::SeqCst);
                        wait_for_callers(&world.cache, 49);
                        Err::<u32, _>(format!("load {load}"))
                    })
                    .unwrap_err();
                errors.lock().unwrap().push(error.reason().unwrap().clone());
            });
        }
    });
    let errors = errors.into_inner().unwrap();
    assert_eq!(loads.into_inner(), 1);
    assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
    assert_eq!(world.cache.get_or_try_load("a", || Ok::<_, String>(1)).unwrap(), 1);
}

#[test]
fn a_caller_with_errors_of_another_type_loads_for_itself() {
    let world = World::new(|builder| builder);
    thread::scope(|scope| {
        scope.spawn(|| {
            let error = world.cache.get_or_try_load("a", || {
                wait_for_callers(&world.cache, 1);
                Err::<u32, _>("text")
            });
            assert_eq!(**error.unwrap_err().reason().unwrap(), "text");
        });
        while world.cache.stats().misses == 0 {
            thread::yield_now();
        }
        let error = world.cache.get_or_try_load("a", || Err::<u32, _>(42)).unwrap_err();
        assert_eq!(**error.reason().unwrap(), 42);
    });
}

#[test]
fn failures_are_remembered_if_asked_for() {
    let world = World::new(|builder| builder.defaults(Class::new("").failure_ttl(seconds(10))));
    let loads = AtomicU32::new(0);
    let load = || {
        world.cache.get_or_try_load("a", || {
            loads.fetch_add(1, Ordering::SeqCst);
            Err::<u32, _>("no")
        })
    };
    assert!(load().is_err() && load().is_err());
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    world.pass(10);
    assert!(load().is_err());
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    // A value that is stored meanwhile counts.
    world.cache.insert("a".to_owned(), 1);
    assert_eq!(load().unwrap(), 1);
    world.cache.remove("a");
    assert!(load().is_err());
    assert_eq!(loads.load(Ordering::SeqCst), 3);
}

#[test]
fn the_time_to_live_comes_from_what_was_loaded() {
    let world = World::new(|builder| builder.ttl(seconds(60)));
    let load = |time: u64| {
        let entry = move || Ok::<_, ()>(Entry::new(1).ttl(seconds(time)));
        world.cache.load_with("a", LoadOptions::new(), entry).unwrap()
    };
    load(5);
    world.pass(5);
    assert_eq!(world.cache.get("a"), None);
    assert!(load(0).is_fresh());
    assert_eq!(world.cache.get("a"), None);
}

#[test]
fn what_isnt_found_is_remembered() {
    let world = World::new(|builder| builder);
    let mut searches = 0;
    for _ in 0..3 {
        let found = world.cache.get_or_find("a", || {
            searches += 1;
            Ok::<_, ()>(None)
        });
        assert_eq!(found.unwrap(), None);
    }
    assert_eq!(searches, 1);
    // A caller that needs a value isn't content with that.
    assert_eq!(world.cache.get_or_load("a", || 5), 5);
}

#[test]
fn of_those_who_find_a_stale_value_one_refreshes_it() {
    let world = World::new(|builder| builder.soft_ttl(seconds(10)).ttl(seconds(60)));
    world.cache.insert("a".to_owned(), 1);
    world.pass(10);
    let (begun, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let value = world.cache.get_or_load("a", || {
                begun.wait();
                done.wait();
                2
            });
            assert_eq!(value, 2);
        });
        begun.wait();
        for _ in 0..10 {
            assert_eq!(world.cache.get_or_load("a", || unreachable!("somebody does")), 1);
        }
        done.wait();
    });
    assert!(world.cache.lookup("a").is_fresh());
    assert_eq!((world.cache.get("a"), world.cache.stats().refreshes), (Some(2), 1));
}

#[test]
fn what_is_over_is_served_if_loading_fails_up_to_a_limit() {
    let world = World::new(|builder| builder.ttl(seconds(10)).fail_safe(seconds(20)));
    world.cache.insert("a".to_owned(), 1);
    world.pass(10);
    assert_eq!(world.cache.get("a"), None);
    let fail = || world.cache.load_with("a", LoadOptions::new(), || Err("no"));
    assert!(matches!(fail(), Ok(Lookup::Stale { value: 1, .. })));
    assert_eq!(world.cache.get("a"), None);
    world.pass(20);
    assert!(matches!(fail(), Err(LoadError::Failed(_))));
    assert_eq!(world.cache.stats().stale_on_error, 1);
}

#[test]
fn nothing_invalidated_is_served_if_loading_fails() {
    let world = World::new(|builder| builder.ttl(seconds(10)).fail_safe(seconds(20)));
    world.cache.insert_with("a".to_owned(), Entry::new(1).tag("t"));
    world.cache.invalidate_tag("t");
    assert!(world.cache.load_with("a", LoadOptions::new(), || Err("no")).is_err());
}

#[test]
#[should_panic(expected = "a loader asked the cache for the entry that it is loading")]
fn a_loader_that_asks_for_its_own_key_is_told() {
    let world = World::new(|builder| builder);
    world.cache.get_or_load("a", || world.cache.get_or_load("a", || 1));
}

#[test]
fn who_waits_gives_up_after_the_hard_timeout() {
    let cache = Cache::<String, u32>::builder(10).build();
    let (begun, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            cache.get_or_load("a", || {
                begun.wait();
                done.wait();
                1
            })
        });
        begun.wait();
        let options = LoadOptions::new().hard_timeout(Duration::from_millis(20));
        let result = cache.load_with("a", options, || Ok::<_, ()>(Entry::new(2)));
        assert!(matches!(result, Err(LoadError::TimedOut(limit)) if limit == Duration::from_millis(20)));
        done.wait();
    });
    assert_eq!(cache.get("a"), Some(1));
}

/// A spawner whose tasks the test runs.
fn queue() -> (impl Fn(Task) + Send + Sync + 'static, mpsc::Receiver<Task>) {
    let (sender, tasks) = mpsc::channel();
    let sender = Mutex::new(sender);
    (move |task| drop(sender.lock().unwrap().send(task)), tasks)
}

#[test]
fn in_the_background_stale_values_are_served_at_once() {
    let (spawner, tasks) = queue();
    let world = World::new(|builder| builder.soft_ttl(seconds(10)).ttl(seconds(60)).spawner(spawner));
    world.cache.insert("a".to_owned(), 1);
    let load = |value| world.cache.load_detached("a", LoadOptions::new(), move || Ok::<_, ()>(Entry::new(value)));
    assert!(load(2).unwrap().is_fresh());
    world.pass(10);
    for _ in 0..5 {
        assert!(matches!(load(2), Ok(Lookup::Stale { value: 1, .. })));
    }
    tasks.try_recv().unwrap().run();
    assert!(tasks.try_recv().is_err());
    assert!(matches!(load(3), Ok(Lookup::Fresh { value: 2, .. })));
}

#[test]
fn hot_entries_are_refreshed_ahead_of_their_time() {
    let (spawner, tasks) = queue();
    let defaults = Class::new("").soft_ttl(seconds(100)).ttl(seconds(200)).refresh_ahead(0.8, 3);
    let world = World::new(|builder| builder.defaults(defaults).spawner(spawner));
    let load = |key: &str, value| {
        let entry = move || Ok::<_, ()>(Entry::new(value));
        world.cache.load_detached(key, LoadOptions::new(), entry).unwrap().into_value().unwrap()
    };
    world.cache.insert("hot".to_owned(), 1);
    world.cache.insert("cold".to_owned(), 1);
    (0..5).for_each(|_| _ = world.cache.get("hot"));
    assert_eq!(load("hot", 2), 1);
    assert!(tasks.try_recv().is_err());
    world.pass(81);
    assert_eq!((load("hot", 2), load("cold", 2)), (1, 1));
    tasks.try_recv().unwrap().run();
    assert!(tasks.try_recv().is_err());
    assert_eq!((load("hot", 3), load("cold", 3)), (2, 1));
}

#[test]
fn a_load_goes_on_when_its_caller_has_given_up() {
    let (spawner, tasks) = queue();
    let cache = Cache::<String, u32>::builder(10).spawner(spawner).build();
    let options = LoadOptions::new().hard_timeout(Duration::from_millis(5));
    let result = cache.load_detached("a", options, || Ok::<_, ()>(Entry::new(1)));
    assert!(matches!(result, Err(LoadError::TimedOut(_))));
    tasks.try_recv().unwrap().run();
    assert_eq!(cache.get("a"), Some(1));
}

#[test]
fn after_the_soft_timeout_what_is_over_is_served() {
    let (spawner, tasks) = queue();
    let cache = Cache::<String, u32>::builder(10)
        .ttl(Duration::from_millis(40))
        .fail_safe(seconds(600))
        .spawner(spawner)
        .build();
    cache.insert("a".to_owned(), 1);
    while cache.contains("a") {
        thread::yield_now();
    }
    let options = LoadOptions::new().soft_timeout(Duration::from_millis(5));
    let result = cache.load_detached("a", options, || Ok::<_, ()>(Entry::new(2)));
    assert!(matches!(result, Ok(Lookup::Stale { value: 1, .. })));
    tasks.try_recv().unwrap().run();
    assert_eq!(cache.stats().stale_on_error, 1);
}

#[test]
fn a_task_that_is_lost_is_done_by_who_waits() {
    let world = World::new(|builder| builder.spawner(drop::<Task>));
    let result = world.cache.load_detached("a", LoadOptions::new(), || Ok::<_, ()>(Entry::new(1)));
    assert_eq!(result.unwrap().into_value(), Some(1));
    assert_eq!(world.cache.get("a"), Some(1));
}

#[test]
fn a_panic_in_the_background_reaches_who_asked() {
    let world = World::new(|builder| builder.spawner(|task: Task| drop(thread::spawn(|| task.run()))));
    let load = || world.cache.load_detached("a", LoadOptions::new(), || -> Result<Entry<u32>, ()> { panic!("oh") });
    let payload = catch_unwind(AssertUnwindSafe(load)).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"oh"));
    assert_eq!(world.cache.get_or_load("a", || 1), 1);
    assert_eq!(world.cache.stats().load_failures, 1);
}

#[test]
fn the_default_way_to_load_is_the_new_one() {
    for options in [LoadOptions::default(), LoadOptions::new()] {
        let world = World::new(|builder| builder);
        let mut loads = 0;
        for _ in 0..2 {
            let load = || {
                loads += 1;
                Ok::<_, &str>(Entry::negative())
            };
            assert!(world.cache.load_with("a", options, load).unwrap().is_negative());
        }
        assert_eq!(loads, 1);
    }
}

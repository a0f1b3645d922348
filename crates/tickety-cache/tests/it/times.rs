//! How long entries live.

use std::time::Duration;

use tickety_cache::{Cache, Cause, Class, Entry, Lookup};

use crate::world::{World, seconds};

#[test]
fn an_entry_lives_as_long_as_it_may_and_no_longer() {
    let world = World::new(|builder| builder.ttl(seconds(60)));
    world.cache.insert("a".to_owned(), 1);
    world.cache.insert_with("b".to_owned(), Entry::new(2).ttl(seconds(10)));
    world.cache.insert_with("c".to_owned(), Entry::new(3).ttl(Duration::MAX));
    let there = || ["a", "b", "c"].map(|key| world.cache.contains(key));
    world.pass(9);
    assert_eq!(there(), [true, true, true]);
    world.pass(1);
    assert_eq!(there(), [true, false, true]);
    world.pass(49);
    assert_eq!(there(), [true, false, true]);
    world.pass(1);
    assert_eq!(there(), [false, false, true]);
    world.pass(1_000_000_000);
    assert_eq!(there(), [false, false, true]);
}

#[test]
fn asking_never_prolongs_a_life() {
    let world = World::new(|builder| builder.ttl(seconds(10)));
    world.cache.insert("a".to_owned(), 1);
    for _ in 0..9 {
        world.pass(1);
        assert_eq!(world.cache.get("a"), Some(1));
        assert_eq!(world.cache.get_or_load("a", || 2), 1);
    }
    world.pass(1);
    assert_eq!(world.cache.get("a"), None);
}

#[test]
fn expired_entries_are_not_served_listed_or_counted_as_hits() {
    let world = World::new(|builder| builder.ttl(seconds(10)));
    world.cache.insert("a".to_owned(), 1);
    world.pass(10);
    assert_eq!((world.cache.get("a"), world.cache.lookup("a")), (None, Lookup::Absent));
    assert_eq!(world.cache.entries_summary(10), []);
    assert_eq!(world.cache.remove("a"), None);
    let stats = world.cache.stats();
    assert_eq!((stats.hits, stats.misses), (0, 2));
}

#[test]
fn sweeping_takes_what_is_over_and_nothing_else() {
    let world = World::new(|builder| builder.class(Class::new("kept").ttl(seconds(10)).fail_safe(seconds(10))));
    let kept = world.cache.class("kept").unwrap();
    world.cache.insert_with("a".to_owned(), Entry::new(1).ttl(seconds(10)));
    world.cache.insert_with("b".to_owned(), Entry::new(2).class(kept));
    world.cache.insert_with("c".to_owned(), Entry::new(3).tag("t"));
    world.cache.insert("d".to_owned(), 4);
    world.pass(10);
    world.cache.invalidate_tag("t");
    assert_eq!(world.cache.len(), 4);
    assert_eq!(world.cache.maintain(), 2);
    let mut left = world.left();
    left.sort();
    assert_eq!(left, [("a".to_owned(), Some(1), Cause::Expired), ("c".to_owned(), Some(3), Cause::Invalidated)]);
    world.pass(10);
    assert_eq!(world.cache.maintain(), 1);
    assert_eq!((world.cache.len(), world.cache.get("d")), (1, Some(4)));
}

#[test]
fn past_its_fresh_time_an_entry_is_served_as_stale() {
    let world = World::new(|builder| builder.soft_ttl(seconds(10)).ttl(seconds(20)));
    world.cache.insert("a".to_owned(), 1);
    world.pass(5);
    let age = |lookup: &Lookup<u32>| lookup.age().unwrap().as_secs_f64().round();
    let lookup = world.cache.lookup("a");
    assert!(lookup.is_fresh() && age(&lookup) == 5.0, "{lookup:?}");
    world.pass(5);
    let lookup = world.cache.lookup("a");
    assert!(lookup.is_stale() && age(&lookup) == 10.0, "{lookup:?}");
    assert_eq!(world.cache.get("a"), Some(1));
    world.pass(10);
    assert_eq!(world.cache.get("a"), None);
    assert_eq!(world.cache.stats().stale_hits, 2);
}

#[test]
fn an_entry_may_be_older_than_its_time_in_the_cache() {
    let world = World::new(|builder| builder.ttl(seconds(60)));
    world.cache.insert_with("a".to_owned(), Entry::new(1).age(seconds(50)));
    world.cache.insert_with("b".to_owned(), Entry::new(1).age(seconds(60)));
    assert_eq!(world.cache.get("b"), None);
    world.pass(9);
    assert!(world.cache.lookup("a").age().unwrap() >= seconds(58));
    world.pass(1);
    assert_eq!(world.cache.get("a"), None);
    // By the machine's clock, too, and by centuries.
    let cache = Cache::builder(10).ttl(seconds(60)).build();
    for (key, age) in [seconds(50), seconds(61), seconds(86_400 * 700), Duration::MAX].into_iter().enumerate() {
        cache.insert_with(key, Entry::new(()).age(age));
        assert_eq!(cache.contains(&key), key == 0, "{age:?}");
    }
}

#[test]
fn jitter_only_shortens() {
    let world = World::of(tickety_cache::Cache::builder(1000), |builder| builder.ttl(seconds(100)).jitter(0.2));
    for key in 0..1000 {
        world.cache.insert(key.to_string(), key);
    }
    let alive = || (0..1000_u32).filter(|key| world.cache.contains(&key.to_string())).count();
    world.pass(79);
    assert_eq!(alive(), 1000);
    world.pass(11);
    assert!((300..700).contains(&alive()), "{}", alive());
    world.pass(10);
    assert_eq!(alive(), 0);
}

#[test]
fn idle_entries_end_and_others_end_in_time_nevertheless() {
    let world = World::new(|builder| builder.ttl(seconds(30)).time_to_idle(seconds(10)));
    world.cache.insert("a".to_owned(), 1);
    world.cache.insert("b".to_owned(), 2);
    for _ in 0..4 {
        world.pass(6);
        assert_eq!(world.cache.get("a"), Some(1));
    }
    assert_eq!(world.cache.get("b"), None);
    world.pass(6);
    assert_eq!(world.cache.get("a"), None);
}

#[test]
fn looking_without_asking_keeps_no_idle_entry() {
    let world = World::new(|builder| builder.time_to_idle(seconds(10)));
    world.cache.insert("a".to_owned(), 1);
    world.pass(6);
    assert!(world.cache.contains("a"));
    world.pass(6);
    assert!(!world.cache.contains("a"));
}

#[test]
fn negative_entries_have_a_time_of_their_own() {
    let defaults = Class::new("").ttl(seconds(60)).negative_ttl(seconds(5));
    let world = World::new(|builder| builder.defaults(defaults));
    world.cache.insert_with("a".to_owned(), Entry::negative());
    world.cache.insert("b".to_owned(), 1);
    world.pass(5);
    assert_eq!(world.cache.lookup("a"), Lookup::Absent);
    assert!(world.cache.contains("b"));
}

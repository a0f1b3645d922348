//! Storing, looking up, replacing and removing.

use std::hash::Hash;

use tickety_cache::{Cache, Cause, Class, ClassId, Entry, Equivalent, Lookup};

use crate::world::World;

#[test]
fn what_was_stored_is_found_by_a_borrowed_key() {
    let world = World::new(|builder| builder);
    world.cache.insert("a".to_owned(), 1);
    assert_eq!(world.cache.get("a"), Some(1));
    assert!(world.cache.contains("a"));
    assert_eq!(world.cache.get("b"), None);
    assert!(!world.cache.contains("b"));
    assert_eq!(world.cache.remove("a"), Some(1));
    assert_eq!((world.cache.get("a"), world.cache.remove("a")), (None, None));
    assert_eq!(world.left(), [("a".to_owned(), Some(1), Cause::Invalidated)]);
}

#[test]
fn a_key_of_two_parts_is_found_by_borrowed_parts() {
    #[derive(Hash)]
    struct Parts<'a>(&'a str, u32);
    impl Equivalent<(String, u32)> for Parts<'_> {
        fn equivalent(&self, key: &(String, u32)) -> bool {
            self.0 == key.0 && self.1 == key.1
        }
    }
    let cache = Cache::<(String, u32), char>::builder(10).build();
    cache.insert(("a".to_owned(), 1), 'x');
    assert_eq!(cache.get(&Parts("a", 1)), Some('x'));
    assert_eq!(cache.get(&Parts("a", 2)), None);
    assert_eq!(cache.remove(&Parts("a", 1)), Some('x'));
}

#[test]
fn replacing_a_key_evicts_nobody() {
    let world = World::new(|builder| builder);
    for key in 0..10 {
        world.cache.insert(key.to_string(), key);
    }
    assert_eq!(world.left(), []);
    for round in 0..100 {
        for key in 0..10 {
            world.cache.insert(key.to_string(), round);
        }
    }
    let left = world.left();
    assert_eq!(left.len(), 1000);
    assert!(left.iter().all(|(_, _, cause)| *cause == Cause::Replaced));
    assert!((0..10).all(|key: u32| world.cache.get(&key.to_string()) == Some(99)));
}

#[test]
fn a_full_cache_drops_one_entry_for_each_new_one() {
    let world = World::new(|builder| builder);
    for key in 0..1000 {
        world.cache.insert(key.to_string(), key);
        assert!(world.cache.len() <= 10);
    }
    let left = world.left();
    assert_eq!(left.len(), 990);
    assert!(left.iter().all(|(_, _, cause)| *cause == Cause::Capacity));
    let stats = world.cache.stats();
    assert_eq!((stats.inserts, stats.removals.capacity, stats.entries, stats.capacity), (1000, 990, 10, 10));
}

#[test]
fn weights_are_kept_within_the_limit() {
    let world = World::of(Cache::weighted(100, 10), |builder| builder.weigher(|_, value| *value));
    for key in 0..50 {
        world.cache.insert(key.to_string(), 10);
        assert!(world.cache.stats().weight <= 100);
    }
    world.cache.insert("heavy".to_owned(), 60);
    assert_eq!(world.cache.get("heavy"), Some(60));
    assert!(world.cache.stats().weight <= 100);
    world.cache.insert_with("said".to_owned(), Entry::new(1).weight(7));
    assert_eq!(world.cache.entries_summary(100).iter().find(|entry| entry.key == "said").unwrap().weight, 7);
    assert!(world.cache.stats().weight <= 100);
}

#[test]
fn what_is_too_heavy_is_not_stored_and_replaces_what_it_was_to_replace() {
    let world = World::of(Cache::weighted(100, 10), |builder| builder.weigher(|_, value| *value));
    world.cache.insert("a".to_owned(), 10);
    world.cache.insert("b".to_owned(), 10);
    world.cache.insert("a".to_owned(), 1000);
    assert_eq!((world.cache.get("a"), world.cache.get("b")), (None, Some(10)));
    assert_eq!(world.left(), [("a".to_owned(), Some(10), Cause::Replaced)]);
    assert_eq!(world.cache.stats().rejected, 1);
}

#[test]
fn a_class_with_a_capacity_displaces_nobody_else() {
    let world = World::new(|builder| builder.class(Class::new("bulk").capacity(5)));
    let bulk = world.cache.class("bulk").unwrap();
    for key in 0..10 {
        world.cache.insert(key.to_string(), key);
    }
    for key in 100..200 {
        world.cache.insert_with(key.to_string(), Entry::new(key).class(bulk));
    }
    assert!((0..10).all(|key: u32| world.cache.get(&key.to_string()) == Some(key)));
    let (all, of) = (world.cache.stats(), world.cache.stats_of(bulk));
    assert_eq!((all.entries, all.capacity, of.entries, of.capacity), (15, 15, 5, 5));
    assert_eq!(of.removals.capacity, 95);
}

#[test]
fn a_key_lies_in_one_class_only() {
    let world = World::new(|builder| builder.class(Class::new("bulk").capacity(5)));
    let bulk = world.cache.class("bulk").unwrap();
    world.cache.insert("a".to_owned(), 1);
    world.cache.insert_with("a".to_owned(), Entry::new(2).class(bulk));
    assert_eq!((world.cache.get("a"), world.cache.len()), (Some(2), 1));
    world.cache.insert("a".to_owned(), 3);
    assert_eq!((world.cache.get("a"), world.cache.len()), (Some(3), 1));
    assert_eq!(world.cache.stats_of(bulk).entries, 0);
}

#[test]
fn negative_entries_are_known_and_hold_no_value() {
    let world = World::new(|builder| builder);
    world.cache.insert_with("a".to_owned(), Entry::negative());
    assert_eq!(world.cache.get("a"), None);
    assert!(!world.cache.contains("a"));
    assert!(world.cache.lookup("a").is_negative());
    assert_eq!(world.cache.lookup("b"), Lookup::Absent);
    let stats = world.cache.stats();
    assert_eq!((stats.hits, stats.negative_hits, stats.misses), (2, 2, 1));
    world.cache.insert("a".to_owned(), 1);
    assert_eq!(world.cache.get("a"), Some(1));
}

#[test]
fn hits_and_misses_are_counted_by_class() {
    let world = World::new(|builder| builder.class(Class::new("a")).class(Class::new("b")));
    let (a, b) = (world.cache.class("a").unwrap(), world.cache.class("b").unwrap());
    world.cache.insert_with("1".to_owned(), Entry::new(1).class(a));
    for _ in 0..3 {
        world.cache.get("1");
    }
    world.cache.get("2");
    world.cache.get_in(b, "2");
    world.cache.lookup_in(b, "2");
    let of = |class| {
        let stats = world.cache.stats_of(class);
        (stats.hits, stats.misses, stats.entries)
    };
    assert_eq!([of(ClassId::DEFAULT), of(a), of(b)], [(0, 1, 0), (3, 0, 1), (0, 2, 0)]);
    assert_eq!(world.cache.stats().hit_rate(), Some(0.5));
    assert_eq!(world.cache.stats_of(ClassId::DEFAULT).hit_rate(), Some(0.0));
    let names: Vec<_> = world.cache.classes().map(|(_, name)| name).collect();
    assert_eq!(names, ["default", "a", "b"]);
}

#[test]
fn the_summary_lists_the_hottest_first() {
    let world = World::new(|builder| builder.ttl(crate::world::seconds(60)));
    for key in 0..5_u32 {
        world.cache.insert_with(key.to_string(), Entry::new(key).tag("t").tag(format!("n{key}")));
        for _ in 0..key {
            world.cache.get(&key.to_string());
        }
    }
    world.pass(20);
    let summary = world.cache.entries_summary(3);
    let shown: Vec<_> = summary.iter().map(|entry| (entry.key.as_str(), entry.hits)).collect();
    assert_eq!(shown, [("4", 4), ("3", 3), ("2", 2)]);
    let tags: Vec<&str> = summary[0].tags.iter().map(|tag| &**tag).collect();
    assert_eq!(tags, ["t", "n4"]);
    assert_eq!((summary[0].age.as_secs(), summary[0].expires_in.unwrap().as_secs()), (19, 40));
    assert_eq!(world.cache.entries_summary(0).len() + world.cache.entries_summary(100).len(), 5);
}

#[test]
fn a_cache_without_room_stores_nothing() {
    let cache = Cache::<u32, u32>::builder(0).build();
    cache.insert(1, 1);
    assert_eq!((cache.get(&1), cache.len()), (None, 0));
    assert_eq!(cache.get_or_load(&1, || 7), 7);
}

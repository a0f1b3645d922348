//! Invalidating, also while something is being loaded.

use std::sync::Barrier;
use std::thread;

use tickety_cache::{Cause, Entry, LoadOptions};

use crate::world::World;

/// Something that happens while something is loaded.
type Event<'a> = (&'a str, Box<dyn Fn() + Send + Sync + 'a>);

fn tagged(value: u32, tags: &[&'static str]) -> Entry<u32> {
    Entry::new(value).tags(tags.iter().copied())
}

#[test]
fn a_tag_takes_its_entries_and_no_others() {
    let world = World::new(|builder| builder);
    world.cache.insert_with("a".to_owned(), tagged(1, &["x"]));
    world.cache.insert_with("b".to_owned(), tagged(2, &["y", "x", "z"]));
    world.cache.insert_with("c".to_owned(), tagged(3, &["y"]));
    world.cache.insert("d".to_owned(), 4);
    world.cache.invalidate_tag("x");
    let found = ["a", "b", "c", "d"].map(|key| world.cache.get(key));
    assert_eq!(found, [None, None, Some(3), Some(4)]);
    world.cache.insert_with("a".to_owned(), tagged(5, &["x"]));
    assert_eq!(world.cache.get("a"), Some(5));
    assert_eq!(world.left(), [("a".to_owned(), Some(1), Cause::Invalidated)]);
}

#[test]
fn a_pattern_takes_the_keys_it_matches() {
    let world = World::new(|builder| builder);
    for key in ["issue:1", "issue:2", "issues", "list:1"] {
        world.cache.insert(key.to_owned(), 1);
    }
    assert_eq!(world.cache.invalidate_pattern("issue:*"), 2);
    let found = ["issue:1", "issue:2", "issues", "list:1"].map(|key| world.cache.contains(key));
    assert_eq!(found, [false, false, true, true]);
    assert_eq!(world.left().len(), 2);
}

#[test]
fn a_predicate_takes_what_it_chooses() {
    let world = World::new(|builder| builder);
    for key in 0..8_u32 {
        world.cache.insert(key.to_string(), key);
    }
    world.cache.insert_with("none".to_owned(), Entry::negative());
    assert_eq!(world.cache.invalidate_if(|_, value| value.is_none_or(|value| value % 2 == 0)), 5);
    assert_eq!(world.cache.len(), 4);
}

#[test]
fn clearing_takes_everything() {
    let world = World::new(|builder| builder);
    (0..10).for_each(|key| world.cache.insert(key.to_string(), key));
    world.cache.clear();
    assert!(world.cache.is_empty());
    let stats = world.cache.stats();
    assert_eq!((stats.entries, stats.weight, stats.removals.invalidated), (0, 0, 10));
}

/// Loads `key` with the tag `t` while something else happens, and returns what the cache has afterwards.
fn while_loading(world: &World, event: impl FnOnce() + Send) -> Option<u32> {
    let (begun, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let lookup = world.cache.load_with("key:1", LoadOptions::new(), || {
                begun.wait();
                done.wait();
                Ok::<_, ()>(tagged(1, &["t"]))
            });
            // Its caller gets it in any case.
            assert_eq!(lookup.unwrap().into_value(), Some(1));
        });
        begun.wait();
        event();
        done.wait();
    });
    world.cache.get("key:1")
}

#[test]
fn what_was_invalidated_while_it_was_loaded_is_not_stored() {
    let world = World::new(|builder| builder);
    let cache = &world.cache;
    let events: [Event<'_>; 5] = [
        ("remove", Box::new(|| _ = cache.remove("key:1"))),
        ("tag", Box::new(|| cache.invalidate_tag("t"))),
        ("pattern", Box::new(|| _ = cache.invalidate_pattern("key:*"))),
        ("predicate", Box::new(|| _ = cache.invalidate_if(|_, _| false))),
        ("clear", Box::new(|| cache.clear())),
    ];
    for (name, event) in &events {
        let refused = cache.stats().refused;
        assert_eq!(while_loading(&world, event), None, "{name}");
        assert_eq!(cache.stats().refused, refused + 1, "{name}");
    }
}

#[test]
fn what_was_invalidated_besides_doesnt_matter() {
    let world = World::new(|builder| builder);
    let cache = &world.cache;
    let events: [Event<'_>; 4] = [
        ("remove", Box::new(|| _ = cache.remove("key:2"))),
        ("tag", Box::new(|| cache.invalidate_tag("u"))),
        ("pattern", Box::new(|| _ = cache.invalidate_pattern("list:*"))),
        ("insert", Box::new(|| cache.insert("key:2".to_owned(), 2))),
    ];
    for (name, event) in &events {
        assert_eq!(while_loading(&world, event), Some(1), "{name}");
        cache.remove("key:1");
    }
}

#[test]
fn what_was_stored_meanwhile_is_newer_than_what_was_loaded() {
    let world = World::new(|builder| builder);
    assert_eq!(while_loading(&world, || world.cache.insert("key:1".to_owned(), 2)), Some(2));
}

#[test]
fn who_comes_after_an_invalidation_gets_nothing_older() {
    let world = World::new(|builder| builder);
    let found = while_loading(&world, || {
        world.cache.remove("key:1");
        assert_eq!(world.cache.get_or_load("key:1", || 2), 2);
    });
    assert_eq!(found, Some(2));
}

#[test]
fn a_ticket_stores_only_what_is_still_true() {
    let world = World::new(|builder| builder);
    let store = |event: &dyn Fn()| {
        let ticket = world.cache.ticket();
        event();
        let stored = world.cache.insert_since(ticket, "a".to_owned(), tagged(1, &["t"]));
        assert_eq!(world.cache.remove("a") == Some(1), stored);
        stored
    };
    assert!(store(&|| {}));
    assert!(store(&|| world.cache.invalidate_tag("other")));
    assert!(!store(&|| _ = world.cache.remove("a")));
    assert!(!store(&|| world.cache.insert("a".to_owned(), 2)));
    assert!(!store(&|| world.cache.invalidate_tag("t")));
    assert!(!store(&|| _ = world.cache.invalidate_pattern("x*")));
    assert!(!store(&|| world.cache.clear()));
}

//! Writing a cache down and reading it again.

use std::time::Duration;

use tickety_cache::{Cache, Class, Entry, JsonCodec, SnapshotError};

use crate::world::{World, seconds};

fn world() -> World {
    World::new(|builder| builder.ttl(seconds(100)).class(Class::new("search").soft_ttl(seconds(10))))
}

fn codec() -> JsonCodec {
    JsonCodec::new("numbers 1")
}

fn filled() -> World {
    let world = world();
    let search = world.cache.class("search").unwrap();
    world.cache.insert("a".to_owned(), 1);
    world.cache.insert_with("b".to_owned(), Entry::new(2).class(search).tags(["t", "u"]).weight(3));
    world.cache.insert_with("c".to_owned(), Entry::negative());
    world.cache.insert_with("d".to_owned(), Entry::new(4).ttl(Duration::MAX));
    world.cache.insert_with("e".to_owned(), Entry::new(5).ttl(seconds(1)));
    world.pass(5);
    world
}

fn written(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert_eq!(world.cache.write_snapshot(&mut bytes, &codec(), seconds(1000)).unwrap(), 4);
    bytes
}

#[test]
fn what_was_written_is_read_and_has_grown_older() {
    let bytes = written(&filled());
    let world = world();
    world.pass(10_000);
    assert_eq!(world.cache.read_snapshot(&bytes[..], &codec(), seconds(1020)).unwrap(), 4);
    let values = ["a", "b", "c", "d", "e"].map(|key| world.cache.get(key));
    assert_eq!(values, [Some(1), Some(2), None, Some(4), None]);
    assert!(world.cache.lookup("c").is_negative());
    assert!(world.cache.lookup("a").is_fresh() && world.cache.lookup("b").is_stale());
    let summary = world.cache.entries_summary(10);
    let entry = summary.iter().find(|entry| entry.key == "b").unwrap();
    assert_eq!((Some(entry.class), entry.weight), (world.cache.class("search"), 3));
    assert!((25..=26).contains(&entry.age.as_secs()), "{:?}", entry.age);
    world.cache.invalidate_tag("u");
    assert_eq!(world.cache.get("b"), None);
    world.pass(75);
    assert_eq!([world.cache.get("a"), world.cache.get("d")], [None, Some(4)]);
}

#[test]
fn what_has_ended_meanwhile_is_not_read() {
    let bytes = written(&filled());
    let world = world();
    world.pass(10_000);
    assert_eq!(world.cache.read_snapshot(&bytes[..], &codec(), seconds(1095)).unwrap(), 1);
    assert_eq!(world.cache.get("d"), Some(4));
}

#[test]
fn what_is_there_is_not_replaced() {
    let bytes = written(&filled());
    let world = world();
    world.pass(10_000);
    world.cache.insert("a".to_owned(), 7);
    world.cache.read_snapshot(&bytes[..], &codec(), seconds(1000)).unwrap();
    assert_eq!(world.cache.get("a"), Some(7));
}

#[test]
fn a_damaged_snapshot_is_refused_whole() {
    let bytes = written(&filled());
    let world = world();
    let read = |bytes: &[u8]| world.cache.read_snapshot(bytes, &codec(), seconds(1000));
    for length in 0..bytes.len() {
        assert!(matches!(read(&bytes[..length]), Err(SnapshotError::Damaged(_))), "cut at {length}");
    }
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        assert!(matches!(read(&bytes), Err(SnapshotError::Damaged(_))), "changed at {at}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(read(&longer).is_err());
    assert!(world.cache.is_empty());
}

#[test]
fn another_schema_is_refused() {
    let bytes = written(&filled());
    let world = world();
    let other = JsonCodec::new("numbers 2");
    let error = world.cache.read_snapshot(&bytes[..], &other, seconds(1000)).unwrap_err();
    assert_eq!(error.to_string(), "the snapshot of the cache holds `numbers 1` and not `numbers 2`");
}

#[test]
fn values_of_another_type_store_nothing() {
    let bytes = written(&filled());
    let cache = Cache::<String, Vec<bool>>::builder(10).build();
    assert!(matches!(cache.read_snapshot(&bytes[..], &codec(), seconds(1000)), Err(SnapshotError::Codec("read", _))));
    assert!(cache.is_empty());
}

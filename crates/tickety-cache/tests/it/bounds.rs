//! What stays bounded.
//!
//! `TICKETY_BOUNDS_INSERTIONS` says how many entries to insert. The long form is ten million:
//!
//! ```text
//! TICKETY_BOUNDS_INSERTIONS=10000000 cargo test --release -p tickety-cache --test it memory_stays_bounded
//! ```

#![expect(clippy::disallowed_methods, reason = "how long the test takes is said by the environment")]

use tickety_cache::{Cache, Entry, LoadOptions};

fn insertions() -> u64 {
    std::env::var("TICKETY_BOUNDS_INSERTIONS").map_or(300_000, |number| number.parse().expect("a number of insertions"))
}

#[test]
fn memory_stays_bounded_over_many_insertions() {
    let cache = Cache::<u64, u64>::builder(1000).build();
    let mut full = 0;
    let insertions = insertions();
    for key in 0..insertions {
        if key == 10_000 {
            full = cache.memory();
        }
        cache.insert_with(key, Entry::new(key).tag(format!("tag {key}")));
        cache.invalidate_tag(&format!("unknown {key}"));
    }
    assert_eq!((cache.len(), cache.memory()), (1000, full));
    let stats = cache.stats();
    assert_eq!(stats.inserts, insertions);
    assert_eq!(stats.inserts - stats.removals.capacity - stats.removals.invalidated, 1000);
}

#[test]
fn failures_that_are_remembered_are_few() {
    let cache = Cache::<u64, u64>::builder(1000)
        .defaults(tickety_cache::Class::new("").failure_ttl(std::time::Duration::from_secs(3600)))
        .build();
    let load = |key: u64, loads: &mut u64| {
        let loaded = cache.load_with(&key, LoadOptions::new(), || {
            *loads += 1;
            Err::<Entry<u64>, _>("no")
        });
        assert!(loaded.is_err());
    };
    let mut loads = 0;
    (0..100_000).for_each(|key| load(key, &mut loads));
    assert_eq!(loads, 100_000);
    loads = 0;
    (0..100_000).for_each(|key| load(key, &mut loads));
    assert!(loads > 90_000, "{loads}");
}

#[test]
fn an_entry_takes_no_more_than_the_docs_say() {
    let cache = Cache::<u64, u64>::builder(100_000).build();
    (0..150_000).for_each(|key| cache.insert(key, key));
    let overhead = cache.memory() as f64 / 100_000.0 - 16.0;
    assert!(overhead <= 130.0, "{overhead}");
}

//! A store behind a cache: reads are answered from it, writes invalidate it.
//!
//! `cargo run --example store --features keys`

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tickety_cache::keys::Question;
use tickety_cache::{Cache, Class, ClassId, Entry, LoadOptions};

/// Where notes are kept; it counts how often it is read.
#[derive(Default)]
struct Store {
    notes: Mutex<BTreeMap<u32, String>>,
    reads: AtomicU32,
}

impl Store {
    fn write(&self, number: u32, text: &str) {
        self.notes.lock().expect("no writer panics").insert(number, text.to_owned());
    }

    fn read(&self, number: u32) -> Option<String> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.notes.lock().expect("no writer panics").get(&number).cloned()
    }

    fn search(&self, word: &str) -> Vec<u32> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let notes = self.notes.lock().expect("no writer panics");
        notes.iter().filter(|(_, text)| text.contains(word)).map(|(number, _)| *number).collect()
    }
}

/// The same behind a cache: notes under their numbers, results of searches under canonical keys.
struct CachedStore {
    store: Store,
    notes: Cache<u32, String>,
    searches: Cache<String, Vec<u32>>,
    words: ClassId,
}

impl CachedStore {
    fn new(store: Store) -> Self {
        let words = Class::new("words").ttl(Duration::from_secs(600));
        let searches = Cache::builder(1000).class(words).build();
        let words = searches.class("words").expect("it was just added");
        Self { store, notes: Cache::builder(10_000).build(), searches, words }
    }

    fn read(&self, number: u32) -> Option<String> {
        let found = self.notes.get_or_find(&number, || Ok::<_, std::convert::Infallible>(self.store.read(number)));
        found.expect("reading can't fail")
    }

    fn search(&self, word: &str) -> Vec<u32> {
        let key: String = Question::new("notes", "search").keyword(word).key().into();
        let load = || {
            let found = self.store.search(word);
            // Whatever note is in the result: when it changes, the result may be another.
            let tags: Vec<String> = found.iter().map(|number| format!("note:{number}")).collect();
            Ok::<_, std::convert::Infallible>(Entry::new(found).tags(tags).tag("any note"))
        };
        let options = LoadOptions::new().class(self.words);
        let found = self.searches.load_with(&key, options, load).expect("searching can't fail");
        found.into_value().unwrap_or_default()
    }

    fn write(&self, number: u32, text: &str) {
        // First the store, then the caches: a read that began before is then not kept.
        self.store.write(number, text);
        self.notes.remove(&number);
        self.searches.invalidate_tag("any note");
    }
}

fn main() {
    let store = CachedStore::new(Store::default());
    store.write(1, "a cache forgets");
    store.write(2, "a store remembers");
    for _ in 0..1000 {
        assert_eq!(store.read(1).as_deref(), Some("a cache forgets"));
        assert_eq!(store.read(3), None);
        assert_eq!(store.search("store"), [2]);
        assert_eq!(store.search(" Store "), [2]);
    }
    println!("4,000 questions, {} reads of the store", store.store.reads.load(Ordering::Relaxed));

    store.write(3, "a store, too");
    println!("after a write: {:?} {:?}", store.read(3), store.search("store"));
    for (name, stats) in [("notes", store.notes.stats()), ("searches", store.searches.stats())] {
        let rate = stats.hit_rate().unwrap_or_default() * 100.0;
        println!("{name}: {} hits, {} misses, {rate:.1} %", stats.hits, stats.misses);
    }
}

//! The attribute `#[cached]`.

use std::io;
use std::num::ParseIntError;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tickety_cache::{Cache, Class, cached};

static CALLS: AtomicU32 = AtomicU32::new(0);

fn call() -> u32 {
    CALLS.fetch_add(1, Ordering::SeqCst) + 1
}

#[cached]
fn sum(left: u32, right: &str, mut third: Vec<u32>) -> u32 {
    SUMS.fetch_add(1, Ordering::SeqCst);
    third.push(left);
    third.iter().sum::<u32>() + right.len() as u32
}

static SUMS: AtomicU32 = AtomicU32::new(0);

#[test]
fn all_arguments_make_the_key() {
    assert_eq!(sum(1, "ab", vec![3]), 6);
    assert_eq!(sum(1, "ab", vec![3]), 6);
    assert_eq!(SUMS.load(Ordering::SeqCst), 1);
    assert_eq!((sum(2, "ab", vec![3]), sum(1, "abc", vec![3]), sum(1, "ab", vec![4])), (7, 7, 7));
    assert_eq!(SUMS.load(Ordering::SeqCst), 4);
}

static NUMBERS: LazyLock<Cache<String, u32>> =
    LazyLock::new(|| Cache::builder(10).class(Class::new("numbers")).hit_sampling(1).build());

#[cached(cache = *NUMBERS, class = "numbers", key = "number {text}", ttl = "5m", tags = ["numbers", "text:{text}"])]
fn number(text: &str, calls: &AtomicU32) -> Result<u32, ParseIntError> {
    calls.fetch_add(1, Ordering::SeqCst);
    let number: u32 = text.parse()?;
    if number == 0 {
        return Ok(100);
    }
    Ok(number)
}

#[test]
fn only_results_are_kept() {
    let calls = AtomicU32::new(0);
    assert!(number("x", &calls).is_err() && number("x", &calls).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!((number("7", &calls), number("7", &calls), number("0", &calls)), (Ok(7), Ok(7), Ok(100)));
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    let summary = NUMBERS.entries_summary(10);
    let entry = summary.iter().find(|entry| entry.key == "number 7").unwrap();
    assert_eq!(Some(entry.class), NUMBERS.class("numbers"));
    assert!(entry.expires_in.is_some_and(|left| left.as_secs() > 290));
    NUMBERS.invalidate_tag("text:7");
    assert_eq!(number("7", &calls), Ok(7));
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

struct Store {
    cache: Cache<String, u32>,
    reads: AtomicU32,
}

impl Store {
    #[cached(cache = self.cache, key = "{id}")]
    fn read(&self, id: u32) -> u32 {
        self.reads.fetch_add(1, Ordering::SeqCst);
        id * 2
    }
}

#[test]
fn a_method_has_the_cache_of_its_self() {
    let [one, other] = [(); 2].map(|()| Store { cache: Cache::builder(10).build(), reads: AtomicU32::new(0) });
    assert_eq!((one.read(1), one.read(1), other.read(1)), (2, 2, 2));
    assert_eq!((one.reads.into_inner(), other.reads.into_inner()), (1, 1));
}

#[cached(capacity = 2, ttl = "1h")]
async fn fetch(name: &str, times: u32) -> String {
    std::future::ready(()).await;
    format!("{} {}", name.repeat(times as usize), call())
}

#[derive(Clone, Debug)]
struct Refused;

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self
    }
}

#[cached(key = "{name}", class = "files")]
async fn open(name: String) -> Result<usize, Refused> {
    if name.is_empty() {
        Err(io::Error::other("no name"))?;
    }
    Ok(name.len())
}

#[test]
fn asynchronous_functions_are_called_once() {
    let first = pollster::block_on(fetch("ab", 2));
    assert!(first.starts_with("abab "));
    assert_eq!(pollster::block_on(fetch("ab", 2)), first);
    assert!(pollster::block_on(open(String::new())).is_err());
    assert_eq!(pollster::block_on(open("abc".to_owned())).unwrap(), 3);
}

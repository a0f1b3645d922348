//! A function that is asked again and again.
//!
//! `cargo run --example function --features macros`

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::sync::LazyLock;

use tickety_cache::{Cache, Class, cached};

static PRIMES: LazyLock<Cache<String, u32>> = LazyLock::new(|| Cache::builder(100).class(Class::new("primes")).build());

/// Counts the prime numbers below a limit.
#[cached(cache = *PRIMES, class = "primes", key = "below {limit}", ttl = "1h", tags = ["numbers"])]
fn primes(limit: u32) -> Result<u32, String> {
    if limit > 1_000_000 {
        return Err(format!("{limit} is too much"));
    }
    let prime = |number: &u32| (2..*number).take_while(|by| by * by <= *number).all(|by| !number.is_multiple_of(by));
    Ok((2..limit).filter(prime).count() as u32)
}

fn main() -> Result<(), String> {
    for limit in [1000, 100_000, 1000, 100_000, 100_000] {
        println!("{} primes below {limit}", primes(limit)?);
    }
    // What fails is not kept, and tried again.
    println!("{}", primes(2_000_000).expect_err("it is too much"));

    let stats = PRIMES.stats();
    println!("{} hits, {} misses, {:?} spent in loads", stats.hits, stats.misses, stats.load_time);
    for entry in PRIMES.entries_summary(10) {
        println!("{}: expires in {:?}, tags {:?}", entry.key, entry.expires_in, entry.tags);
    }
    PRIMES.invalidate_tag("numbers");
    println!("after invalidating: {:?}", PRIMES.get("below 1000"));
    Ok(())
}

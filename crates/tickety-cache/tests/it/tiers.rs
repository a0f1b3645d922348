//! A second level and a backplane behind several caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pollster::block_on;
use tickety_cache::tier::{
    Backplane, BoxFuture, Change, InProcess, Kept, LocalBackplane, Message, Position, Read, SecondLevel, TierError,
    Tiered,
};
use tickety_cache::{Cache, Entry, LoadOptions, Lookup, ManualClock};

type Level = Arc<dyn SecondLevel<String, u32>>;

struct Machine {
    tiered: Tiered<String, u32>,
    loads: AtomicU32,
}

impl Machine {
    fn new(level: &Level, clock: &Arc<ManualClock>, plane: &Arc<LocalBackplane<String>>, origin: u64) -> Self {
        let cache = Cache::builder(10)
            .clock(clock.clone())
            .soft_ttl(Duration::from_secs(50))
            .ttl(Duration::from_secs(100))
            .build();
        let tiered = Tiered::new(cache, level.clone()).with_backplane(plane.clone(), origin);
        Self { tiered, loads: AtomicU32::new(0) }
    }

    fn load(&self, result: Result<u32, &'static str>) -> Option<Lookup<u32>> {
        let load = || {
            self.loads.fetch_add(1, Ordering::SeqCst);
            async move { result.map(|value| Entry::new(value).tag("t")) }
        };
        block_on(self.tiered.load_with(&"a".to_owned(), LoadOptions::new(), load)).ok()
    }

    fn value(&self, value: u32) -> Option<u32> {
        self.load(Ok(value))?.into_value()
    }
}

fn machines() -> (Arc<ManualClock>, Level, Arc<LocalBackplane<String>>, [Machine; 2]) {
    let clock = Arc::new(ManualClock::new());
    let level: Level = Arc::new(InProcess::with_clock(clock.clone()));
    let plane = Arc::new(LocalBackplane::new());
    let machines = [1, 2].map(|origin| Machine::new(&level, &clock, &plane, origin));
    (clock, level, plane, machines)
}

#[test]
fn what_one_machine_loads_another_finds() {
    let (clock, _, _, [one, other]) = machines();
    assert_eq!(one.value(1), Some(1));
    clock.advance(Duration::from_secs(30));
    let found = other.load(Ok(2)).unwrap();
    assert!(found.is_fresh() && found.age() >= Some(Duration::from_secs(29)));
    assert_eq!(found.into_value(), Some(1));
    // Here it isn't younger than there.
    clock.advance(Duration::from_secs(20));
    assert!(other.tiered.cache().lookup("a").is_stale());
}

#[test]
fn what_one_machine_invalidates_is_gone_everywhere() {
    let (_, _, _, [one, other]) = machines();
    for (way, before) in (0..3).zip([1, 11, 21]) {
        assert_eq!((one.value(before), other.value(0)), (Some(before), Some(before)));
        match way {
            0 => block_on(one.tiered.remove(&"a".to_owned())),
            1 => block_on(one.tiered.invalidate_tag("t")),
            _ => block_on(one.tiered.clear()),
        }
        .unwrap();
        assert_eq!((other.value(before + 1), one.value(0)), (Some(before + 1), Some(before + 1)), "way {way}");
        block_on(one.tiered.clear()).unwrap();
    }
}

#[test]
fn what_is_over_in_the_second_level_is_loaded_anew() {
    let (clock, _, _, [one, other]) = machines();
    assert_eq!(one.value(1), Some(1));
    clock.advance(Duration::from_secs(100));
    assert_eq!(other.value(2), Some(2));
}

#[test]
fn what_is_stale_in_the_second_level_is_served_if_loading_fails() {
    let (clock, _, _, [one, other]) = machines();
    assert_eq!(one.value(1), Some(1));
    clock.advance(Duration::from_secs(60));
    let served = other.load(Err("no")).unwrap();
    assert!(served.is_stale());
    assert_eq!((served.into_value(), other.loads.load(Ordering::SeqCst)), (Some(1), 1));
    assert_eq!(other.value(2), Some(2));
}

#[test]
fn after_a_gap_nothing_is_trusted() {
    let (_, _, plane, [one, _]) = machines();
    assert_eq!(one.value(1), Some(1));
    block_on(plane.publish(Message { origin: 1, change: Change::Gap })).unwrap();
    assert!(one.tiered.cache().is_empty());
}

/// A second level that can't be reached.
struct Down;

fn down<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, TierError>> {
    Box::pin(async { Err(TierError::new("reach it", "it is down")) })
}

impl SecondLevel<String, u32> for Down {
    fn read<'a>(&'a self, _: &'a String) -> BoxFuture<'a, Result<Read<u32>, TierError>> {
        down()
    }

    fn write<'a>(&'a self, _: &'a String, _: Kept<u32>, _: Position) -> BoxFuture<'a, Result<bool, TierError>> {
        down()
    }

    fn remove<'a>(&'a self, _: &'a String) -> BoxFuture<'a, Result<(), TierError>> {
        down()
    }

    fn invalidate_tag<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), TierError>> {
        down()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), TierError>> {
        down()
    }
}

#[test]
fn without_its_second_level_a_cache_goes_on() {
    let level: Level = Arc::new(Down);
    let machine = Machine::new(&level, &Arc::new(ManualClock::new()), &Arc::new(LocalBackplane::new()), 1);
    assert_eq!((machine.value(1), machine.value(2)), (Some(1), Some(1)));
    assert_eq!(machine.tiered.errors(), 1);
    assert!(block_on(machine.tiered.remove(&"a".to_owned())).is_err());
    assert_eq!(machine.value(3), Some(3));
}

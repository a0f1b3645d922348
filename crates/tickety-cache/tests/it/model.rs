//! Everything that can be done to a cache, against a model of it.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use tickety_cache::{Cache, Entry, LoadOptions, Lookup, Ticket};

use crate::world::World;

/// A unit of the model's time. Exact in the cache's ticks, so that the model needs no rounding.
const UNIT: Duration = Duration::from_nanos(1 << 24);

#[derive(Clone, Debug)]
enum Action {
    Insert { key: u8, terms: Terms },
    Remove { key: u8 },
    Get { key: u8 },
    Load { key: u8, terms: Terms, fails: bool },
    Find { key: u8, found: bool },
    Tag { tag: u8 },
    Pattern { digit: u8 },
    Choose { below: u32 },
    Clear,
    Pass { units: u8 },
    Ticket,
    InsertSince { key: u8, terms: Terms },
    Maintain,
}

#[derive(Clone, Debug)]
struct Terms {
    hard: u8,
    soft: u8,
    tags: Vec<u8>,
    negative: bool,
}

fn terms() -> impl Strategy<Value = Terms> {
    let tags = prop::collection::vec(0..4_u8, 0..3);
    (1..20_u8, 0..20_u8, tags, prop::bool::weighted(0.1)).prop_map(|(hard, soft, tags, negative)| Terms {
        hard,
        soft,
        tags,
        negative,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let key = 0..12_u8;
    prop_oneof![
        4 => (key.clone(), terms()).prop_map(|(key, terms)| Action::Insert { key, terms }),
        1 => key.clone().prop_map(|key| Action::Remove { key }),
        6 => key.clone().prop_map(|key| Action::Get { key }),
        4 => (key.clone(), terms(), any::<bool>()).prop_map(|(key, terms, fails)| Action::Load { key, terms, fails }),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, found)| Action::Find { key, found }),
        1 => (0..4_u8).prop_map(|tag| Action::Tag { tag }),
        1 => (0..10_u8).prop_map(|digit| Action::Pattern { digit }),
        1 => (0..200_u32).prop_map(|below| Action::Choose { below }),
        1 => Just(Action::Clear),
        6 => (0..10_u8).prop_map(|units| Action::Pass { units }),
        2 => Just(Action::Ticket),
        2 => (key, terms()).prop_map(|(key, terms)| Action::InsertSince { key, terms }),
        1 => Just(Action::Maintain),
    ]
}

/// How long an entry is kept after its end, in units.
const FAIL_SAFE: u64 = 7;

struct Known {
    value: Option<u32>,
    born: u64,
    hard: u64,
    soft: u64,
    tags: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum State {
    Fresh(Option<u32>),
    Stale(Option<u32>),
    Expired(Option<u32>),
    Absent,
}

/// What a cache with room for everything should do.
#[derive(Default)]
struct Model {
    entries: HashMap<u8, Known>,
    now: u64,
    next: u32,
    /// When keys, tags and everything were last invalidated, by the number of the action.
    keys: HashMap<u8, u64>,
    tags: HashMap<u8, u64>,
    all: u64,
    actions: u64,
    ticket: Option<(Ticket, u64)>,
}

impl Model {
    fn state(&self, key: u8) -> State {
        let Some(known) = self.entries.get(&key) else { return State::Absent };
        let age = self.now - known.born;
        if age >= known.hard + FAIL_SAFE {
            State::Absent
        } else if age >= known.hard {
            State::Expired(known.value)
        } else if age >= known.soft {
            State::Stale(known.value)
        } else {
            State::Fresh(known.value)
        }
    }

    fn store(&mut self, key: u8, terms: &Terms, value: Option<u32>) {
        let known = Known {
            value,
            born: self.now,
            hard: u64::from(terms.hard),
            soft: u64::from(terms.soft),
            tags: terms.tags.clone(),
        };
        self.entries.insert(key, known);
    }

    fn value(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

fn entry(terms: &Terms, value: Option<u32>) -> Entry<u32> {
    let tags = terms.tags.iter().map(|tag| format!("t{tag}"));
    value
        .map_or_else(Entry::negative, Entry::new)
        .ttl(UNIT * u32::from(terms.hard))
        .soft_ttl(UNIT * u32::from(terms.soft))
        .tags(tags)
}

fn name(key: u8) -> String {
    format!("k{key}")
}

fn run(actions: Vec<Action>) -> Result<(), TestCaseError> {
    let world = World::of(Cache::builder(100), |builder| builder.fail_safe(UNIT * u32::try_from(FAIL_SAFE).unwrap()));
    let cache = &world.cache;
    let mut model = Model::default();
    for action in actions {
        model.actions += 1;
        apply(&world, cache, &mut model, &action)?;
        for key in 0..12_u8 {
            let (lookup, state) = (cache.lookup(&name(key)), model.state(key));
            let same = match (&lookup, &state) {
                (Lookup::Fresh { value, .. }, State::Fresh(Some(expected)))
                | (Lookup::Stale { value, .. }, State::Stale(Some(expected))) => value == expected,
                (Lookup::Negative { .. }, State::Fresh(None) | State::Stale(None)) => true,
                (Lookup::Absent, State::Absent | State::Expired(_)) => true,
                _ => false,
            };
            prop_assert!(same, "{lookup:?} instead of {state:?} for {key} after {action:?}");
            let age = model.entries.get(&key).map(|known| UNIT * u32::try_from(model.now - known.born).unwrap());
            prop_assert!(lookup.age().is_none() || lookup.age() == age);
            let there = matches!(state, State::Fresh(Some(_)) | State::Stale(Some(_)));
            prop_assert_eq!(cache.contains(&name(key)), there);
        }
        let stats = cache.stats();
        prop_assert_eq!(stats.entries, cache.len());
        prop_assert_eq!(stats.removals.capacity, 0);
        prop_assert_eq!(cache.entries_summary(usize::MAX).len(), live(&model));
    }
    Ok(())
}

fn live(model: &Model) -> usize {
    (0..12).filter(|key| matches!(model.state(*key), State::Fresh(_) | State::Stale(_))).count()
}

fn apply(world: &World, cache: &Cache<String, u32>, model: &mut Model, action: &Action) -> Result<(), TestCaseError> {
    let now = model.actions;
    match action {
        Action::Insert { key, terms } => {
            let value = model.value();
            let value = (!terms.negative).then_some(value);
            cache.insert_with(name(*key), entry(terms, value));
            model.store(*key, terms, value);
            model.keys.insert(*key, now);
        }
        Action::Remove { key } => {
            let expected = match model.state(*key) {
                State::Fresh(value) | State::Stale(value) => value,
                _ => None,
            };
            prop_assert_eq!(cache.remove(&name(*key)), expected);
            model.entries.remove(key);
            model.keys.insert(*key, now);
        }
        Action::Get { key } => {
            let expected = match model.state(*key) {
                State::Fresh(value) | State::Stale(value) => value,
                _ => None,
            };
            prop_assert_eq!(cache.get(&name(*key)), expected);
        }
        Action::Load { key, terms, fails } => load(cache, model, *key, terms, *fails)?,
        Action::Find { key, found } => {
            let new = model.value();
            let expected = match model.state(*key) {
                State::Fresh(value) => value,
                _ => {
                    let value = found.then_some(new);
                    model.store(
                        *key,
                        &Terms { hard: u8::MAX, soft: u8::MAX, tags: Vec::new(), negative: false },
                        value,
                    );
                    let known = model.entries.get_mut(key).unwrap();
                    (known.hard, known.soft) = (u64::MAX / 2, u64::MAX / 2);
                    value
                }
            };
            let value = cache.get_or_find(&name(*key), || Ok::<_, ()>(found.then_some(new)));
            prop_assert_eq!(value.unwrap(), expected);
        }
        Action::Tag { tag } => {
            cache.invalidate_tag(&format!("t{tag}"));
            model.entries.retain(|_, known| !known.tags.contains(tag));
            model.tags.insert(*tag, now);
        }
        Action::Pattern { digit } => {
            let chosen = |key: u8| key == *digit || key == 10 + digit && *digit < 2;
            let expected = (0..12)
                .filter(|key| chosen(*key) && matches!(model.state(*key), State::Fresh(_) | State::Stale(_)))
                .count();
            let pattern = if *digit < 2 { format!("k{digit}*") } else { format!("?[{digit}]") };
            // `k1*` takes 1, 10 and 11; `k0*` takes 0.
            let chosen = |key: u8| if *digit == 1 { matches!(key, 1 | 10 | 11) } else { key == *digit };
            let expected = if *digit < 2 {
                (0..12)
                    .filter(|key| chosen(*key) && matches!(model.state(*key), State::Fresh(_) | State::Stale(_)))
                    .count()
            } else {
                expected
            };
            prop_assert_eq!(cache.invalidate_pattern(&pattern), expected as u64);
            model.entries.retain(|key, _| !chosen(*key));
            model.all = now;
        }
        Action::Choose { below } => {
            cache.invalidate_if(|_, value| value.is_some_and(|value| value < below));
            model.entries.retain(|_, known| known.value.is_none_or(|value| value >= *below));
            model.all = now;
        }
        Action::Clear => {
            cache.clear();
            model.entries.clear();
            model.all = now;
        }
        Action::Pass { units } => {
            world.clock().advance(UNIT * u32::from(*units));
            model.now += u64::from(*units);
        }
        Action::Ticket => model.ticket = Some((cache.ticket(), now)),
        Action::InsertSince { key, terms } => {
            let Some((ticket, taken)) = model.ticket else { return Ok(()) };
            let value = Some(model.value());
            let stored = cache.insert_since(ticket, name(*key), entry(terms, value));
            let outdated = model.all > taken
                || model.keys.get(key).is_some_and(|stamp| *stamp > taken)
                || terms.tags.iter().any(|tag| model.tags.get(tag).is_some_and(|stamp| *stamp > taken));
            // Keys may share a stamp: what is true may be refused, but nothing outdated is stored.
            prop_assert!(!(stored && outdated));
            if stored {
                model.store(*key, terms, value);
            }
        }
        Action::Maintain => {
            let over = model.entries.keys().copied().filter(|key| model.state(*key) == State::Absent);
            let over: Vec<u8> = over.collect();
            let before = cache.len();
            let swept = cache.maintain();
            prop_assert_eq!(cache.len(), before - swept);
            prop_assert!(swept >= over.len() as u64);
            over.into_iter().for_each(|key| drop(model.entries.remove(&key)));
            prop_assert_eq!(cache.len(), model.entries.len() as u64);
        }
    }
    Ok(())
}

fn load(
    cache: &Cache<String, u32>,
    model: &mut Model,
    key: u8,
    terms: &Terms,
    fails: bool,
) -> Result<(), TestCaseError> {
    let value = model.value();
    let value = (!terms.negative).then_some(value);
    let mut loaded = false;
    let result = cache.load_with(&name(key), LoadOptions::new(), || {
        loaded = true;
        if fails { Err("no") } else { Ok(entry(terms, value)) }
    });
    match model.state(key) {
        State::Fresh(expected) => {
            prop_assert!(!loaded);
            prop_assert_eq!(result.unwrap().into_value(), expected);
        }
        state => {
            prop_assert!(loaded);
            match (result, fails, state) {
                (Ok(lookup), false, _) => {
                    prop_assert_eq!(lookup.into_value(), value);
                    model.store(key, terms, value);
                }
                (Ok(lookup), true, State::Stale(Some(expected)) | State::Expired(Some(expected))) => {
                    prop_assert!(lookup.is_stale());
                    prop_assert_eq!(lookup.into_value(), Some(expected));
                }
                (Err(_), true, State::Absent | State::Stale(None) | State::Expired(None)) => {}
                (result, _, state) => prop_assert!(false, "{result:?} for {state:?}"),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
    #[test]
    fn it_does_what_the_model_does(actions in prop::collection::vec(action(), 1..80)) {
        run(actions)?;
    }
}

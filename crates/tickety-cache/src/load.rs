//! Loading: what a caller asks for, what it gets, and the steps all kinds of callers share.

mod blocking;
mod detached;
pub(crate) mod flight;
mod spawner;
#[cfg(feature = "async")]
mod tasks;

use std::any::Any;
use std::cell::Cell;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use equivalent::Equivalent;

use self::flight::{Flight, Pilot};
pub use self::spawner::{Sleep, Spawner, Task};
use crate::cache::Inner;
use crate::class::ClassId;
use crate::clock::{Tick, duration};
use crate::engine::Dropped;
use crate::entry::{Entry, Terms};
use crate::lane::Lane;
use crate::lookup::Lookup;
use crate::probe::{Glance, Wanted};
use crate::slot::{Facts, Slot, Tally, Verdict};
use crate::stats::Count;
use crate::tag::Tag;

/// Why a loading call has no value.
///
/// All who waited for a load get the same error.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The load failed, and there was nothing that could be served instead.
    Failed(Arc<E>),
    /// The load took longer than the hard timeout.
    TimedOut(Duration),
}

impl<E> LoadError<E> {
    /// Returns what the loader said, if it failed.
    pub fn reason(&self) -> Option<&Arc<E>> {
        match self {
            Self::Failed(reason) => Some(reason),
            Self::TimedOut(_) => None,
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(reason) => Self::Failed(reason.clone()),
            Self::TimedOut(limit) => Self::TimedOut(*limit),
        }
    }
}

impl<E> std::fmt::Display for LoadError<E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(_) => formatter.write_str("could not load the entry"),
            Self::TimedOut(limit) => write!(formatter, "loading the entry took longer than {limit:?}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for LoadError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(reason) => Some(&**reason),
            Self::TimedOut(_) => None,
        }
    }
}

/// How a call that may load is to go about it.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct LoadOptions {
    class: ClassId,
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
    pub(crate) negatives: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl LoadOptions {
    /// Starts with what the default class says. The same as the default.
    pub fn new() -> Self {
        Self { class: ClassId::default(), soft_timeout: None, hard_timeout: None, negatives: true }
    }

    /// Sets the class: of misses, of the times that hold for waiting, and of what is loaded unless that names
    /// another.
    pub fn class(mut self, class: ClassId) -> Self {
        self.class = class;
        self
    }

    /// Waits as long as it takes, whatever the class says.
    pub fn patient(mut self) -> Self {
        (self.soft_timeout, self.hard_timeout) = (Some(Duration::MAX), Some(Duration::MAX));
        self
    }

    #[cfg(feature = "async")]
    pub(crate) fn class_id(&self) -> ClassId {
        self.class
    }

    /// Serves what is stale or expired, if there is such, when the load takes longer.
    pub fn soft_timeout(mut self, time: Duration) -> Self {
        self.soft_timeout = Some(time);
        self
    }

    /// Gives up waiting after this time.
    pub fn hard_timeout(mut self, time: Duration) -> Self {
        self.hard_timeout = Some(time);
        self
    }
}

/// An error of any type.
pub(crate) type Reason = Arc<dyn Any + Send + Sync>;

/// What a load came to.
pub(crate) enum Outcome<V> {
    Loaded {
        value: Option<V>,
        age: Duration,
        /// Whether it came past its fresh time already.
        stale: bool,
        /// The newest stamp of its tags when it was done.
        stamp: u64,
    },
    Failed(Reason),
}

impl<V: Clone> Clone for Outcome<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded { value, age, stale, stamp } => {
                Self::Loaded { value: value.clone(), age: *age, stale: *stale, stamp: *stamp }
            }
            Self::Failed(reason) => Self::Failed(reason.clone()),
        }
    }
}

/// What may be served if loading fails or takes too long.
#[derive(Clone)]
struct Fallback<V> {
    value: V,
    age: Duration,
    /// Whether it may be served without that, too.
    live: bool,
}

impl<V> Fallback<V> {
    fn serve(self) -> Lookup<V> {
        Lookup::Stale { value: self.value, age: self.age }
    }
}

/// What a caller has to do next.
enum Step<V, S> {
    /// Nothing: here it is. `ahead` says that it should be refreshed.
    Serve { lookup: Lookup<V>, ahead: bool },
    /// Nothing: it failed a short time ago.
    Failed { reason: Reason, fallback: Option<Fallback<V>> },
    /// Wait for a load.
    Wait { seat: S, joined: u64, fallback: Option<Fallback<V>> },
    /// Do the load that is registered.
    Lead { lead: Lead<S>, fallback: Option<Fallback<V>> },
    /// Load without telling others: those who wait for the load on its way can't be helped by a thread.
    Alone { began: u64, fallback: Option<Fallback<V>> },
}

/// What a caller sees at first glance.
enum Glanced<V> {
    /// What it wants.
    Fresh(Lookup<V>),
    /// Nothing. The miss is counted.
    Absent,
    /// Something that needs a closer look.
    Else,
}

/// How to do a load.
enum Lead<S> {
    /// Within the call.
    Here(Run),
    /// By the flight.
    Driven(S, Run),
}

/// A load that is registered in its lane.
#[derive(Clone, Copy)]
struct Run {
    hash: u64,
    id: u64,
    began: u64,
    class: ClassId,
    begun: Tick,
}

/// A caller of a loading function.
#[derive(Clone, Copy)]
struct Caller {
    options: LoadOptions,
    /// Who would do the load.
    pilot: Pilot,
    /// Whether it waits by blocking its thread.
    blocks: bool,
}

impl Caller {
    fn class(&self) -> u16 {
        self.options.class.0
    }
}

/// A place in a flight, which is given up when dropped. The last one to go drops the work.
struct Seat<'a, K, V: Clone + Send + 'static> {
    inner: &'a Inner<K, V>,
    flight: Arc<Flight<Outcome<V>>>,
    hash: u64,
    /// The number of the load.
    id: u64,
    seat: usize,
}

impl<'a, K, V: Clone + Send + 'static> Seat<'a, K, V> {
    /// Takes a seat; the lane of the flight is locked.
    fn take(inner: &'a Inner<K, V>, flight: Arc<Flight<Outcome<V>>>, hash: u64, id: u64) -> Self {
        let seat = flight.board();
        Self { inner, flight, hash, id, seat }
    }
}

impl<K, V: Clone + Send + 'static> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        // Under the lock, or else somebody could join what is being dropped.
        let mut lane = self.inner.lane(self.hash).lock();
        let present = self.flight.leave(self.seat);
        if present == 0 && self.flight.pilot() != Pilot::Caller && self.flight.ended().is_none() {
            let ended = lane.end(self.id);
            drop(lane);
            drop(ended);
            self.flight.cancel();
        }
    }
}

impl<K: Hash + Eq, V: Clone + Send + 'static> Inner<K, V> {
    /// Looks for what is fresh, and goes on with less if there is nothing: most calls end here.
    #[inline]
    fn glance<Q>(&self, key: &Q, options: LoadOptions) -> Glanced<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let glance = Glance::fresh(key, self.samples(), &self.world);
        let value = self.first.get(&glance);
        let seen = glance.seen();
        match value {
            Some(Some(value)) => {
                self.count_glance(seen);
                Glanced::Fresh(Lookup::Fresh { value, age: duration(seen.age()) })
            }
            Some(None) if options.negatives => {
                self.count(Count::NegativeHit, seen.class());
                Glanced::Fresh(Lookup::Negative { age: duration(seen.age()) })
            }
            None if !seen.something() && self.others.is_empty() => {
                self.count(Count::Miss, options.class.0);
                Glanced::Absent
            }
            _ => Glanced::Else,
        }
    }

    /// Decides what a caller has to do that has just come; `None` if it should look again.
    fn first_step<Q>(&self, key: &Q, hash: u64, caller: Caller) -> Option<Step<V, Seat<'_, K, V>>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        if self.world.ahead {
            return Some(self.step(key, hash, caller, true));
        }
        match self.glance(key, caller.options) {
            Glanced::Fresh(lookup) => Some(Step::Serve { lookup, ahead: false }),
            Glanced::Absent => self.enter(key, hash, caller, None),
            Glanced::Else => Some(self.step(key, hash, caller, true)),
        }
    }

    /// Decides what a caller has to do.
    fn step<Q>(&self, key: &Q, hash: u64, caller: Caller, first: bool) -> Step<V, Seat<'_, K, V>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        loop {
            let probe = self.probe(key, Wanted::Kept, if first { self.tally() } else { Tally::None });
            let value = self.find(&probe);
            let found = probe.found();
            let mut fallback = None;
            match (value, found) {
                (Some(None), Some(found)) if found.verdict == Verdict::Fresh && caller.options.negatives => {
                    if first {
                        self.count(Count::NegativeHit, found.class);
                    }
                    let lookup = Lookup::Negative { age: duration(found.age) };
                    return Step::Serve { lookup, ahead: false };
                }
                (Some(Some(value)), Some(found)) => {
                    let age = duration(found.age);
                    if found.verdict == Verdict::Fresh {
                        if first {
                            self.count(Count::Hit, found.class);
                        }
                        let ahead = self.rules(found.class).refresh_ahead.is_some_and(|(share, hits)| {
                            u32::from(found.hits).saturating_mul(self.sampling()) >= hits
                                && found.age as f64 >= share * found.soft.ticks() as f64
                        });
                        return Step::Serve { lookup: Lookup::Fresh { value, age }, ahead };
                    }
                    let live = found.verdict == Verdict::Stale;
                    if first {
                        self.count(if live { Count::StaleHit } else { Count::Miss }, found.class);
                    }
                    fallback = Some(Fallback { value, age, live });
                }
                _ if first => self.count(Count::Miss, caller.class()),
                _ => {}
            }
            if let Some(step) = self.enter(key, hash, caller, fallback) {
                return step;
            }
        }
    }

    /// Joins or begins a load, unless the entry was stored since the caller looked.
    fn enter<Q>(
        &self,
        key: &Q,
        hash: u64,
        caller: Caller,
        fallback: Option<Fallback<V>>,
    ) -> Option<Step<V, Seat<'_, K, V>>>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let mut lane = self.lane(hash).lock();
        if let Some(reason) = lane.failure(hash, key, || self.world.time.now()) {
            return Some(Step::Failed { reason: reason.clone(), fallback });
        }
        if let Some(running) = lane.running(hash, key) {
            if fallback.as_ref().is_some_and(|fallback| fallback.live) {
                let lookup = fallback?.serve();
                return Some(Step::Serve { lookup, ahead: false });
            }
            if caller.blocks && running.leader == thread_number() {
                drop(lane);
                panic!("a loader asked the cache for the entry that it is loading");
            }
            let began = running.began;
            let flight = running.flight.get_or_insert_with(|| Flight::new(began, Pilot::Caller)).clone();
            if caller.blocks && flight.is_stranded() {
                return Some(Step::Alone { began: self.sequence(), fallback });
            }
            let seat = Seat::take(self, flight, hash, running.id);
            self.count(Count::Coalesced, caller.class());
            return Some(Step::Wait { seat, joined: self.sequence(), fallback });
        }
        let begun = self.unless_fresh(key, caller)?;
        if fallback.is_some() {
            self.count(Count::Refresh, caller.class());
        }
        let (run, flight) = self.begin(&mut lane, key.to_owned(), hash, begun, caller);
        let lead = match flight {
            None => Lead::Here(run),
            Some(flight) => Lead::Driven(Seat::take(self, flight, hash, run.id), run),
        };
        Some(Step::Lead { lead, fallback })
    }

    /// Returns the time unless something fresh is there: whoever had just stored it when this caller looked is no longer
    /// in the lane, which is locked.
    fn unless_fresh<Q>(&self, key: &Q, caller: Caller) -> Option<Tick>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let now = self.world.time.now();
        let glance = Glance::fresh_unseen(key, now, &self.world);
        let fresh = self.first.contains(&glance) || self.others.iter().any(|space| space.contains(&glance));
        (!fresh || glance.seen().is_negative() && !caller.options.negatives).then_some(now)
    }

    /// Begins a load of what is still fresh, unless one is on its way or has just failed.
    fn enter_ahead<Q>(&self, key: &Q, hash: u64, caller: Caller) -> Option<(Seat<'_, K, V>, Run)>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        let mut lane = self.lane(hash).lock();
        if lane.running(hash, key).is_some() || lane.failure(hash, key, || self.world.time.now()).is_some() {
            return None;
        }
        self.count(Count::Refresh, caller.class());
        let (run, flight) = self.begin(&mut lane, key.to_owned(), hash, self.world.time.now(), caller);
        Some((Seat::take(self, flight?, hash, run.id), run))
    }

    /// Registers a load. It has a flight at once if that does the work.
    fn begin(
        &self,
        lane: &mut Loads<K, V>,
        key: K,
        hash: u64,
        begun: Tick,
        caller: Caller,
    ) -> (Run, Option<OneFlight<V>>) {
        let began = self.sequence();
        let here = caller.pilot == Pilot::Caller;
        let flight = (!here).then(|| Flight::new(began, caller.pilot));
        let id = lane.begin(hash, key, began, if here { thread_number() } else { 0 }, flight.clone());
        (Run { hash, id, began, class: caller.options.class, begun }, flight)
    }

    /// Notes that a load failed, and tells all who wait.
    #[cold]
    fn fail(&self, key: K, run: Run, reason: Reason) {
        let Run { hash, id, class, begun, .. } = run;
        let now = self.world.time.now();
        self.counters.add_all(class.0, [(Count::LoadFailure, 1), (Count::LoadTicks, now.since(begun))]);
        let mut lane = self.lane(hash).lock();
        let ended = lane.end(id);
        if ended.current
            && let Some(time) = self.rules(class.0).failure_ttl
        {
            lane.fail(hash, key, reason.clone(), now.after(time));
        }
        drop(lane);
        Landing(ended.flight).land(Outcome::Failed(reason));
    }

    /// Stores what a load brought, if it may, and tells all who wait. Returns whether it came stale.
    fn complete(&self, key: K, run: Run, entry: Entry<V>) -> bool {
        let Run { hash, id, began, class, begun } = run;
        let now = self.world.time.now();
        self.counters.add_all(class.0, [(Count::Load, 1), (Count::LoadTicks, now.since(begun))]);
        let Entry { value, ref terms } = entry;
        let facts = self.facts(&key, value.as_ref(), terms, class, began, now);
        let stale = self.is_stale(terms, class);
        // What isn't kept is handed to those who wait all the same, and may be outdated for them.
        let unkept = if facts.is_none() { self.world.tags.tagged(&terms.tags) } else { None };
        let mut dropped = Dropped::default();
        let mut lane = self.lane(hash).lock();
        let ended = lane.end(id);
        let stamp = facts.as_ref().and_then(Facts::tags).or(unkept.as_deref()).map_or(0, Tag::stamp);
        let landing = Landing(ended.flight);
        // Others get a clone, if there are others.
        let others = landing.0.is_some().then(|| value.clone());
        let stored = match facts {
            Some(facts) if ended.current && stamp <= began => {
                Ok(self.store(hash, Slot { key, facts }, value, &mut dropped))
            }
            Some(_) => Err(Count::Refused),
            None => Err(Count::Rejected),
        };
        drop(lane);
        if let Some(value) = others {
            landing.land(Outcome::Loaded { value, age: terms.age, stale, stamp });
        }
        match stored {
            Ok(stored) => self.settle(stored, now, &mut dropped),
            Err(count) => self.count(count, class.0),
        }
        stale
    }

    /// Whether an entry of these terms is past its fresh time before it is stored.
    fn is_stale(&self, terms: &Terms, class: ClassId) -> bool {
        !terms.age.is_zero() && {
            let soft = terms.soft_ttl.or(self.rules(terms.class.unwrap_or(class).0).soft_ttl);
            soft.is_some_and(|soft| terms.age >= soft)
        }
    }

    /// Counts a load that came to no result, and returns where others wait for it.
    fn forget(&self, run: Run) -> Option<OneFlight<V>> {
        self.count(Count::LoadFailure, run.class.0);
        self.lane(run.hash).lock().end(run.id).flight
    }

    /// Does the same, and lets those who wait see for themselves.
    fn abandon(&self, run: Run) {
        if let Some(flight) = self.forget(run) {
            flight.lose(None);
        }
    }

    /// Turns a failure into what the caller gets.
    fn failed<E>(
        &self,
        caller: Caller,
        error: LoadError<E>,
        fallback: Option<Fallback<V>>,
    ) -> Result<Lookup<V>, LoadError<E>> {
        let Some(fallback) = fallback else { return Err(error) };
        self.count(Count::StaleOnError, caller.class());
        Ok(fallback.serve())
    }

    fn soft_timeout(&self, caller: Caller) -> Option<Duration> {
        caller.options.soft_timeout.or(self.rules(caller.class()).soft_timeout).filter(|time| *time != Duration::MAX)
    }

    fn hard_timeout(&self, caller: Caller) -> Option<Duration> {
        caller.options.hard_timeout.or(self.rules(caller.class()).hard_timeout).filter(|time| *time != Duration::MAX)
    }
}

/// The flight of a load that has ended: it is lost unless it lands, whatever panics meanwhile.
struct Landing<V: Clone>(Option<OneFlight<V>>);

impl<V: Clone> Landing<V> {
    fn land(mut self, outcome: Outcome<V>) {
        if let Some(flight) = self.0.take() {
            flight.land(outcome);
        }
    }
}

impl<V: Clone> Drop for Landing<V> {
    fn drop(&mut self) {
        if let Some(flight) = self.0.take() {
            flight.lose(None);
        }
    }
}

/// The loads of a lane.
type Loads<K, V> = Lane<K, Flight<Outcome<V>>, Reason>;

type OneFlight<V> = Arc<Flight<Outcome<V>>>;

/// Returns a number that no other thread has, and not 0.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    let number = NUMBER.get();
    if number != 0 {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

/// Turns what others loaded into what a caller gets: `None` if that must not have it.
fn served<V>(outcome: Outcome<V>, began: u64, joined: u64, negatives: bool) -> Option<Result<Lookup<V>, Reason>> {
    match outcome {
        Outcome::Failed(reason) => Some(Err(reason)),
        // It came after an invalidation that the load may have missed.
        Outcome::Loaded { stamp, .. } if stamp > began && joined > began => None,
        Outcome::Loaded { value: None, age, .. } => negatives.then_some(Ok(Lookup::Negative { age })),
        Outcome::Loaded { value, age, stale, .. } => Some(Ok(loaded(value, age, stale))),
    }
}

/// Returns what a load brought as a lookup.
fn loaded<V>(value: Option<V>, age: Duration, stale: bool) -> Lookup<V> {
    match value {
        None => Lookup::Negative { age },
        Some(value) if stale => Lookup::Stale { value, age },
        Some(value) => Lookup::Fresh { value, age },
    }
}

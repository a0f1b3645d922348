//! How long things take.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::Effort;
use crate::zipf::Random;

/// Something that is measured: what it does with a key, and how many have been before.
pub(crate) type Operation<'a> = Box<dyn Fn(&[u64], usize) + Sync + 'a>;

/// An operation and the keys that each of its threads takes.
pub(crate) type Load<'a> = (Operation<'a>, &'a [Vec<u64>]);

/// How many keys are handed over at once, between two looks at the clock.
const BATCH: usize = 256;

/// Draws evenly from keys.
pub(crate) fn even(keys: &[u64], count: usize) -> Vec<u64> {
    assert!(!keys.is_empty(), "there are keys to draw from");
    let mut random = Random(42);
    (0..count).map(|_| keys[(random.next() % keys.len() as u64) as usize]).collect()
}

/// Returns the median rates of some operations, in millions of keys a second of all threads together.
///
/// They take turns of a few milliseconds, so that what else happens on the machine meets all alike. Time that a thread was
/// ready to run and had no processor doesn't count, time in which it waited for a lock does. Since a lock is held longer
/// while its holder has no processor, the turns that were disturbed least count, as many as a third of those that an effort
/// asks for. On a busy machine there are up to twice as many turns, until so many were quiet.
pub(crate) fn rates<const N: usize>(effort: Effort, loads: [Load<'_>; N]) -> [f64; N] {
    let counting = effort.turns.div_ceil(3);
    let is_quiet = |turn: &&Turn| turn.disturbed < effort.turn / 20;
    let mut figures: [Vec<Turn>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..effort.turns * 2 {
        if round >= effort.turns && figures.iter().all(|turns| turns.iter().filter(is_quiet).count() >= counting) {
            break;
        }
        for ((operation, streams), turns) in loads.iter().zip(&mut figures) {
            turns.push(turn(effort.turn, round, streams, operation));
        }
    }
    figures.map(|mut turns| {
        turns.sort_by_key(|turn| turn.disturbed);
        median(turns.into_iter().take(counting).map(|turn| turn.rate).collect())
    })
}

/// What came of a turn.
struct Turn {
    /// Millions of keys a second.
    rate: f64,
    /// How long its threads had to wait for a processor.
    disturbed: Duration,
}

/// Runs an operation in a thread for each stream of keys.
fn turn(time: Duration, round: usize, streams: &[Vec<u64>], operation: &Operation<'_>) -> Turn {
    let barrier = Barrier::new(streams.len());
    let run = |keys: &[u64]| {
        let mut batches = keys.chunks_exact(BATCH).cycle().skip(round * 64 % (keys.len() / BATCH));
        let mut count = round * 64 * BATCH;
        let mut work = |time: Duration| {
            let (begin, from, delayed) = (Instant::now(), count, delay());
            while begin.elapsed() < time {
                batches.next().into_iter().for_each(|keys| operation(keys, count));
                count += BATCH;
            }
            let disturbed = delay().saturating_sub(delayed);
            let passed = begin.elapsed().saturating_sub(disturbed);
            Turn { rate: (count - from) as f64 / 1e6 / passed.as_secs_f64(), disturbed }
        };
        barrier.wait();
        // What the others have driven out of the processor's caches comes back first.
        work(time / 2);
        work(time)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = streams.iter().map(|keys| scope.spawn(|| run(keys))).collect();
        let all = threads.into_iter().map(|thread| thread.join().expect("the thread ends"));
        all.fold(Turn { rate: 0.0, disturbed: Duration::ZERO }, |sum, turn| Turn {
            rate: sum.rate + turn.rate,
            disturbed: sum.disturbed + turn.disturbed,
        })
    })
}

/// Returns how long this thread has been ready to run without a processor.
fn delay() -> Duration {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the system counts");
    let nanoseconds = figures.split_whitespace().nth(1).and_then(|figure| figure.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the second figure is a time"))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

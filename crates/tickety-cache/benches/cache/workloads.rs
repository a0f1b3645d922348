//! How long things take.

use std::sync::Barrier;
use std::time::Instant;

use crate::Effort;
use crate::zipf::Random;

/// Draws keys evenly.
pub(crate) fn even(keys: u64, count: usize) -> Vec<u64> {
    let mut random = Random(42);
    (0..count).map(|_| random.next() % keys).collect()
}

/// Returns the median time of an operation.
pub(crate) fn nanoseconds(effort: Effort, keys: &[u64], operation: &dyn Fn(u64)) -> f64 {
    keys.iter().for_each(|key| operation(*key));
    median((0..effort.rounds).map(|_| {
        let mut count = 0;
        let begin = Instant::now();
        while begin.elapsed() < effort.time {
            keys.iter().for_each(|key| operation(*key));
            count += keys.len();
        }
        begin.elapsed().as_nanos() as f64 / count as f64
    }))
}

/// Returns the median of millions of operations a second, one thread for each stream of keys.
pub(crate) fn throughput(effort: Effort, streams: &[Vec<u64>], operation: &(dyn Fn(u64, usize) + Sync)) -> f64 {
    // Once for nothing, to fill it.
    run(effort, streams, operation);
    median((0..effort.rounds).map(|_| run(effort, streams, operation)))
}

fn run(effort: Effort, streams: &[Vec<u64>], operation: &(dyn Fn(u64, usize) + Sync)) -> f64 {
    let barrier = Barrier::new(streams.len());
    let rates = std::thread::scope(|scope| {
        let threads: Vec<_> = streams
            .iter()
            .map(|keys| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let begin = Instant::now();
                    let mut count = 0_usize;
                    for (turn, key) in keys.iter().cycle().enumerate() {
                        operation(*key, turn);
                        count += 1;
                        if count.is_multiple_of(256) && begin.elapsed() >= effort.time {
                            break;
                        }
                    }
                    count as f64 / begin.elapsed().as_secs_f64()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("the thread ends")).sum::<f64>()
    });
    rates / 1e6
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

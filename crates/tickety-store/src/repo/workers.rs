//! Doing the same for many things at once, where they are many enough for a second processor to be worth its threads.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// From how many things on threads are started: some hundred microseconds of work are worth it.
pub(super) const MANY: usize = 256;

/// How many threads work at the most. Reading and printing are bound by memory and by the kernel beyond that.
const THREADS: usize = 2;

/// How many things a thread takes at a time.
const CHUNK: usize = 64;

/// How many chunks of each thread may wait to be taken, which bounds the memory they need.
const WAITING: usize = 2;

/// Does some `work` for each thing, and lets the calling thread `take` what came of it, in the order of the things. Where
/// they are [`MANY`], other threads work. What can't be taken ends it.
pub(super) fn each_in_order<T: Sync, R: Send, E>(
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    if things.len() < MANY || thread::available_parallelism().is_ok_and(|count| count == NonZero::<usize>::MIN) {
        return things.iter().try_for_each(|thing| take(work(thing)));
    }
    let work = &work;
    thread::scope(|scope| {
        let (mut given, mut workers) = (Vec::with_capacity(THREADS), Vec::with_capacity(THREADS));
        for worker in 0..THREADS {
            let (give, chunks_given) = sync_channel::<Vec<R>>(WAITING);
            let chunks = things.chunks(CHUNK).skip(worker).step_by(THREADS);
            let labour = move || {
                for chunk in chunks {
                    // Nobody takes any more.
                    if give.send(chunk.iter().map(work).collect()).is_err() {
                        return;
                    }
                }
            };
            given.push(chunks_given);
            workers.push(scope.spawn(labour));
        }
        for place in 0..things.len().div_ceil(CHUNK) {
            // A thread has panicked.
            let Ok(done) = given[place % THREADS].recv() else { break };
            done.into_iter().try_for_each(&mut take)?;
        }
        drop(given);
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_comes_of_the_work_is_taken_in_order() {
        for count in [0, 1, MANY - 1, MANY, MANY + 1, 10 * CHUNK, 1_000] {
            let things: Vec<usize> = (0..count).collect();
            let mut taken = Vec::new();
            let take = |result| {
                taken.push(result);
                Ok::<_, ()>(())
            };
            each_in_order(&things, |thing| thing * 2, take).unwrap();
            assert_eq!(taken, things.iter().map(|thing| thing * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn few_things_need_no_thread_and_many_never_more_than_two() {
        let threads_for = |count| {
            let threads = Mutex::new(BTreeSet::new());
            let work = |_: &usize| {
                threads.lock().unwrap().insert(format!("{:?}", thread::current().id()));
            };
            each_in_order(&(0..count).collect::<Vec<_>>(), work, |()| Ok::<_, ()>(())).unwrap();
            threads.into_inner().unwrap()
        };
        let here = format!("{:?}", thread::current().id());
        assert_eq!(threads_for(MANY - 1), [here].into());
        assert!(threads_for(10_000).len() <= THREADS);
    }

    #[test]
    fn what_cannot_be_taken_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let things: Vec<usize> = (0..100_000).collect();
        let work = |thing: &usize| {
            worked.fetch_add(1, Ordering::Relaxed);
            *thing
        };
        let mut taken = 0;
        let take = |thing| {
            taken += 1;
            if thing == 300 { Err(thing) } else { Ok(()) }
        };
        assert_eq!(each_in_order(&things, work, take), Err(300));
        assert_eq!(taken, 301);
        // What was being made when it ended, and what waited to be taken.
        let bound = 301 + CHUNK * THREADS * (WAITING + 2);
        assert!(worked.load(Ordering::Relaxed) <= bound, "{worked:?} of {bound}");
    }

    #[test]
    #[should_panic(expected = "thing 700")]
    fn a_panic_of_the_work_is_the_callers() {
        let things: Vec<usize> = (0..1_000).collect();
        let work = |thing: &usize| assert_ne!(*thing, 700, "thing 700");
        each_in_order(&things, work, |()| Ok::<_, ()>(())).unwrap();
    }
}

//! Locks and atomics, named in one place so that the tests of interleavings can put others here.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Duration;

/// A lock that goes on after a panic of its holder: no code of a user runs while one is held, but for
/// hashing and comparing keys.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something on cache lines of its own, so that writing to it slows down nobody who reads what lies beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> std::ops::Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A thread's bed: it sleeps here until it is woken, once for any number of wakes before.
#[derive(Debug, Default)]
pub(crate) struct Bed {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Bed {
    /// Rings, now or for the next sleep.
    pub(crate) fn wake(&self) {
        *self.woken.lock() = true;
        self.bell.notify_one();
    }

    /// Sleeps until woken or until the time is over.
    pub(crate) fn sleep(&self, at_most: Option<Duration>) {
        let mut woken = self.woken.lock();
        while !*woken {
            match at_most {
                None => woken = self.bell.wait(woken).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    woken = self.bell.wait_timeout(woken, time).unwrap_or_else(PoisonError::into_inner).0;
                    break;
                }
            }
        }
        *woken = false;
    }
}

//! Locks whose holders shuttle interleaves. The sources that `interleavings` includes find them where the crate
//! has its own.

use std::time::Duration;

pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::sync::{Condvar, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> std::ops::Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Bed {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Bed {
    pub(crate) fn wake(&self) {
        *self.woken.lock() = true;
        self.bell.notify_one();
    }

    pub(crate) fn sleep(&self, _: Option<Duration>) {
        let mut woken = self.woken.lock();
        while !*woken {
            woken = self.bell.wait(woken).unwrap();
        }
        *woken = false;
    }
}

//! Counts what answers take, for measuring programs. Without the feature `effort` nothing is counted, at no cost.

#[cfg(feature = "effort")]
use std::sync::Arc;
#[cfg(feature = "effort")]
use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has done so far.
#[cfg(feature = "effort")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effort {
    /// How many statements were run on the index.
    pub statements: u64,
    /// How often a file was looked at without being opened.
    pub looked_at: u64,
    /// How many files were read.
    pub read: u64,
    /// How often the journal was made durable.
    pub synced: u64,
}

/// When a write was durable.
#[cfg(feature = "effort")]
#[derive(Clone, Copy, Debug)]
pub struct Durable {
    /// The moment.
    pub at: std::time::Instant,
    /// The time that processors had spent on this process until then.
    pub processor: std::time::Duration,
}

/// Returns the time that processors have spent on this process.
#[cfg(feature = "effort")]
pub fn processor_time() -> std::time::Duration {
    super::os::processor_time()
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    #[cfg(feature = "effort")]
    statements: Arc<AtomicU64>,
    #[cfg(feature = "effort")]
    looked_at: AtomicU64,
    #[cfg(feature = "effort")]
    read: AtomicU64,
    #[cfg(feature = "effort")]
    synced: AtomicU64,
    #[cfg(feature = "effort")]
    durable: std::sync::Mutex<Option<Durable>>,
}

impl Meter {
    #[cfg_attr(not(feature = "effort"), expect(clippy::unused_self, reason = "nothing is counted"))]
    pub(crate) fn note_looks(&self, count: usize) {
        #[cfg(feature = "effort")]
        self.looked_at.fetch_add(count as u64, Ordering::Relaxed);
        let _ = count;
    }

    #[cfg_attr(not(feature = "effort"), expect(clippy::unused_self, reason = "nothing is counted"))]
    pub(crate) fn note_read(&self) {
        #[cfg(feature = "effort")]
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg_attr(not(feature = "effort"), expect(clippy::unused_self, reason = "nothing is counted"))]
    pub(crate) fn note_sync(&self) {
        #[cfg(feature = "effort")]
        self.synced.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a write is durable now.
    #[cfg_attr(not(feature = "effort"), expect(clippy::unused_self, reason = "nothing is counted"))]
    pub(crate) fn note_durable(&self) {
        #[cfg(feature = "effort")]
        {
            *self.durable.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(Durable { at: std::time::Instant::now(), processor: super::os::processor_time() });
        }
    }

    #[cfg(feature = "effort")]
    pub(crate) fn durable(&self) -> Option<Durable> {
        *self.durable.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns the counter of statements, for the index to count with.
    #[cfg(feature = "effort")]
    pub(crate) fn statements(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.statements)
    }

    #[cfg(feature = "effort")]
    pub(crate) fn effort(&self) -> Effort {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Effort {
            statements: count(&self.statements),
            looked_at: count(&self.looked_at),
            read: count(&self.read),
            synced: count(&self.synced),
        }
    }
}

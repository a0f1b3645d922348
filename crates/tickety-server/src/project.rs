//! What a server serves: the issues of one home, and what belongs to them.

use std::fmt;
use std::sync::Arc;

use tickety_engine::events::EventBus;
use tickety_store::{EventLog, IssueStorage};

use crate::closing::Closing;

/// The issues of one home. Several projects of a server share nothing: each has its store, its layers, its caches and
/// its log of events.
pub struct Project {
    pub(crate) name: String,
    pub(crate) storage: Arc<dyn IssueStorage>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) bus: Option<Arc<EventBus>>,
    pub(crate) closing: Closing,
}

impl Project {
    /// Makes a project of its name in addresses, its store with all layers over it, and its log.
    pub fn new(name: impl Into<String>, storage: Arc<dyn IssueStorage>, log: Arc<dyn EventLog>) -> Self {
        Self { name: name.into(), storage, log, bus: None, closing: Closing::default() }
    }

    /// Tells a bus to look whenever something was written here.
    #[must_use]
    pub fn bus(mut self, bus: Arc<EventBus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Names what tells when streams are to end.
    #[must_use]
    pub fn closing(mut self, closing: Closing) -> Self {
        self.closing = closing;
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store, the outermost layer of it.
    pub fn storage(&self) -> &Arc<dyn IssueStorage> {
        &self.storage
    }

    /// Returns the log of events.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("name", &self.name).finish_non_exhaustive()
    }
}

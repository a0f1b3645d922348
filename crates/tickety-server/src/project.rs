//! What a server serves: the issues of one home, and what belongs to them.

use std::fmt;
use std::sync::Arc;

use tickety_store::{EventLog, IssueStorage};

/// The issues of one home. Several projects of a server share nothing: each has its store, its layers, its caches and
/// its log of events.
pub struct Project {
    pub(crate) name: String,
    pub(crate) storage: Arc<dyn IssueStorage>,
    pub(crate) log: Arc<dyn EventLog>,
}

impl Project {
    /// Makes a project of its name in addresses, its store with all layers over it, and its log.
    pub fn new(name: impl Into<String>, storage: Arc<dyn IssueStorage>, log: Arc<dyn EventLog>) -> Self {
        Self { name: name.into(), storage, log }
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

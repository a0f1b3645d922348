//! Layers over a store: each is an [`IssueStorage`](tickety_store::IssueStorage) over another one, so that they can be
//! put together in any order or left out.

mod aspects;
pub mod cached;
mod clock;
pub mod grouped;
pub mod instrumented;
mod queries;
mod settings;

pub use cached::CachedIssueStorage;
pub use grouped::GroupedIssueStorage;
pub use instrumented::{InstrumentedIssueStorage, Latency, OperationKind, OperationStats};
pub use settings::CacheSettings;

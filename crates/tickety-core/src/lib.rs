//! The pure domain of Tickety: what an issue is, how it changes, and how it is asked for.
//!
//! This crate owns [`Issue`] and its parts, [`Operation`] and
//! how one is applied, how two states are merged ([`merge`]), what happened ([`event`]), the query language, tokenising and snippets, and the dependency graph. All of
//! it is functions from values to values: the crate never reads a file, the environment, the clock
//! or a source of randomness, knows no async runtime, and its types carry no serde.
//! The time, the actor and new ids are arguments.

pub mod event;
pub mod graph;
pub mod ident;
pub mod issue;
pub mod mention;
pub mod merge;
pub mod operation;
pub mod query;
pub mod schema;
pub mod text;

pub use graph::{Relation, RelationParseError};
pub use ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector, Suffix, Version};
pub use issue::Issue;

pub use operation::Operation;
pub use query::Query;
pub use schema::Schema;

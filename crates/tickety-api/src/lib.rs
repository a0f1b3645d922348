//! What Tickety says to programs: the wire types, the envelope around them, and the one error
//! table.
//!
//! The types here are made from the domain's by exhaustive destructuring, so that a new field of an
//! issue can't be forgotten on the wire. This crate converts and names; it asks no store, formats
//! nothing for people and knows neither clap nor HTTP.

pub mod answer;
pub mod batch;
pub mod cache;
#[cfg(feature = "client")]
pub mod client;
pub mod envelope;
pub mod error;
pub mod event;
pub mod exact;
pub mod history;
pub mod issue;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operation;
pub mod schema;
pub mod search;
pub mod selection;

pub use envelope::{Envelope, ErrorBody, Failure, Freshness, Meta, Problem};
pub use error::ErrorCode;
pub use event::{Event, EventStats, Events, Happening};
pub use history::{Authorships, History};
pub use issue::{Comment, Issue, IssueSummary, LinkedIssue};

//! The query language: one for the command line, the page, HTTP and agents.
//!
//! [`Query::parse`] reads it, `Display` prints the canonical form (which parses to an equal query
//! and serves as a cache key), [`Query::matches`] is the reference for what a query means and
//! [`compare`] for the order of its answer. Indexes have to agree with them.

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod ast;
mod canonical;
mod cursor;
mod error;
mod evaluate;
mod field;
mod moment;
mod names;
mod needs;
mod order;
mod parse;
mod print;
#[cfg(test)]
mod properties;
mod state;
mod time;

pub use ast::{
    Bounds, Count, Cursor, CustomTest, Expr, FieldName, Inclusive, Is, NameField, Query, SortBy, SortKey, SortValue,
    Term, TextMatch, TextScope, TimeField, TimeSpec, TimeUnit,
};
pub use cursor::CursorParseError;
pub use error::{QueryParseError, QueryProblem};
pub use field::FieldNameParseError;
pub use moment::{Interval, Moment, days, fold_name, means_me, microseconds};
pub use needs::Needs;
pub use order::{Position, Selection, compare, ready_order, sort_values, urgency};
pub use parse::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS};
pub use state::is_state_word;

//! What the API promises, asked without a socket.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod batches;
mod bounds;
mod conditions;
mod description;
mod guard;
mod hostile;
mod issues;
mod keeping;
mod max_age;
mod once;
mod operations;
mod remote;
mod resources;
mod stream;
mod world;

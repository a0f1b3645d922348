//! What the API promises, asked without a socket.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod issues;
mod operations;
mod stream;
mod world;

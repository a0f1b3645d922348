//! What the API promises, asked without a socket.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod batches;
mod conditions;
mod description;
mod issues;
<<<<<<< HEAD
mod operations;
mod stream;
=======
mod keeping;
mod once;
mod resources;
>>>>>>> b9126541 (x)
mod world;

//! The storage trait over HTTP: a client of a server on a socket.

mod acting;
mod contract;
mod errors;
mod offline;
mod once;
mod pages;
pub(crate) mod world;

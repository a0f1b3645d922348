//! The HTTP API of Tickety.
//!
//! [`Server`] makes an axum router of [projects](Project): their issues under `/api/v1`, in the JSON that the command line
//! has. It owns addresses, headers, conditions, limits and the shape of errors. What an answer says comes from the
//! engine and the wire types; it knows storage traits and no store, opens no file and binds no socket: whoever
//! composes it brings stores, a runtime and a socket, on which [`listener::serve`] takes connections.

mod bodies;
mod cache_tag;
pub mod caller;
pub mod closing;
mod compressed;
mod conditional;
mod edge;
mod envelope;
mod extract;
pub mod guard;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod openapi;
pub mod operations;
pub mod problem;
pub mod project;
mod reading;
mod representations;
pub mod request_id;
mod routes;
pub mod server;
mod state;
pub mod writing;

pub use caller::Caller;
pub use closing::Closing;
pub use guard::Policy;
pub use limits::Limits;
pub use listener::{Connections, Patience};
pub use problem::Problem;
pub use project::{Historian, Index, Project, ProjectNameError};
pub use request_id::RequestId;
pub use server::Server;

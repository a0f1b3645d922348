//! The store in a repository: Markdown files as the truth, a journal that makes writes durable and
//! an index that makes reads fast.
//!
//! [`layout`] says where everything lies and [`discovery`] finds it; [`scan`] and [`files`] look at
//! and read the records and never follow a link; [`lock`] lets one writer at a time in, [`journal`]
//! makes what it writes durable and visible, and [`recovery`] completes it after a crash;
//! [`counter`] gives out numbers, and [`git`] asks git what only git knows.

pub mod config;
pub mod counter;
pub mod discovery;
pub mod files;
pub mod format;
pub mod git;
pub mod index;
pub mod journal;
pub mod layout;
pub mod lock;
mod os;
pub mod recovery;
pub mod scan;
#[cfg(test)]
mod scene;
pub mod stat;

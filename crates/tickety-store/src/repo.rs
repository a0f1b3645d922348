//! The store in a repository: Markdown files as the truth, a journal that makes writes durable and
//! an index that makes reads fast.
//!
//! [`layout`] says where everything lies and [`discovery`] finds it; [`scan`] and [`files`] look at
//! and read the records and never follow a link.

pub mod config;
pub mod discovery;
pub mod files;
pub mod format;
pub mod index;
pub mod layout;
mod os;
pub mod scan;
pub mod stat;

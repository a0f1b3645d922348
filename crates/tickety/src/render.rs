//! How answers look to people.
//!
//! On a terminal: colours, relative times and tables that fit. Elsewhere: plain text, absolute
//! times, nothing cut off. Everything that comes from a record goes through [`escape`].

pub mod escape;
pub mod events;
pub mod graph;
pub mod history;
pub mod issue;
pub mod list;
pub mod palette;
#[cfg(test)]
mod samples;
pub mod screen;
pub mod table;
pub mod time;
pub mod wrap;

pub use screen::Screen;

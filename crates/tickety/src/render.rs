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

use std::fmt::Display;

pub use screen::Screen;

/// Says how many there are of something: `1 issue`, `3 issues`, `2 entries`.
pub fn counted(count: impl Display, one: &str) -> String {
    let count = count.to_string();
    match one.strip_suffix('y') {
        _ if count == "1" => format!("1 {one}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {one}s"),
    }
}

/// Shortens the id of a commit for a sentence.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_otherwise_than_several() {
        let told = [counted(0, "issue"), counted(1, "issue"), counted(1, "entry"), counted(2_u64, "entry")];
        assert_eq!(told, ["0 issues", "1 issue", "1 entry", "2 entries"]);
    }
}

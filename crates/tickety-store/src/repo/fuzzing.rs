//! Valid state files of any content, for fuzz targets: what the sums of the files would keep out.
//!
//! Only state that no checkout shares has sums, and they tell damage, not intent. So whatever they let through must do no
//! harm either.

pub use super::journal::forge::{journal, mark};

/// The size of a page of the journal: its first has the slots, and each transaction begins at one.
pub const PAGE: usize = 4096;

/// Writes a line of the log of events, with the hash that it begins with.
pub fn event_line(json: &[u8]) -> Vec<u8> {
    [super::events::line::check(json).as_bytes(), b" ", json, b"\n"].concat()
}

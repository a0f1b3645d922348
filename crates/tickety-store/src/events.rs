//! The log of what happened to issues: the trait, and how one reads on from where one was.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::Timestamp;
use tickety_core::event::Event;

use crate::error::StorageError;

/// The most events of one page.
pub const MAX_EVENTS: usize = 10_000;

/// A log of what happened, bounded by count and age.
///
/// Whatever is written to the issues has one group of events, which is there when the write is acknowledged; what was
/// refused or taken back has none. A change that something else makes to a record is an event once, however many
/// processes notice it.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Returns events from a position on, oldest first, at most `limit` and [`MAX_EVENTS`].
    ///
    /// Fails with [`StorageError::EventsGone`] if the log no longer has all that came after a cursor, or never gave
    /// it out.
    async fn events(&self, from: Position, limit: usize) -> Result<EventPage, StorageError>;

    /// Returns what the log holds.
    async fn event_stats(&self) -> Result<EventStats, StorageError>;
}

/// From where to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    /// From the oldest event that is kept.
    Oldest,
    /// From so many events before the end on.
    Last(usize),
    /// After all that has happened: nothing, and a cursor to go on from.
    Newest,
    /// After the event of a cursor.
    After(EventCursor),
}

/// The place of an event in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EventCursor {
    /// Which log. One that was made anew has another.
    pub epoch: u64,
    /// Which event of it. Later events have higher numbers, not always the next.
    pub sequence: u64,
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:016x}-{}", self.epoch, self.sequence))
    }
}

impl FromStr for EventCursor {
    type Err = EventCursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (epoch, sequence) = text.trim().split_once('-')?;
            let is_hex = epoch.len() == 16 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_plain = is_hex && sequence.bytes().all(|byte| byte.is_ascii_digit());
            let epoch = u64::from_str_radix(epoch, 16).ok().filter(|_| is_plain)?;
            Some(Self { epoch, sequence: sequence.parse().ok()? })
        };
        parse().ok_or_else(|| EventCursorParseError { text: text.to_owned() })
    }
}

/// A text that is no cursor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a cursor: they look like 3f9a61c0d2b84e75-42 and come with every event")]
pub struct EventCursorParseError {
    text: String,
}

/// What tells groups of events apart: the transaction that wrote them, or the change that was noticed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupId(String);

impl GroupId {
    /// Wraps the text of one.
    pub fn new(id: String) -> Self {
        Self(id)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An event in its log.
#[derive(Clone, PartialEq, Debug)]
pub struct LoggedEvent {
    /// Its place.
    pub cursor: EventCursor,
    /// What it was written with.
    pub group: GroupId,
    /// When it happened, or was noticed.
    pub time: Timestamp,
    /// Who did it; unknown for a change from outside.
    pub actor: Option<String>,
    /// What happened.
    pub event: Event,
}

/// Some events of a log.
#[derive(Clone, PartialEq, Debug)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<LoggedEvent>,
    /// Where to go on.
    pub next: EventCursor,
    /// Whether there are more by now.
    pub more: bool,
    /// How many entries between these events can't be read any more.
    pub damaged: u64,
}

/// What a log holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventStats {
    /// How many events can be read.
    pub events: u64,
    /// In how many groups.
    pub groups: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// When the newest happened.
    pub newest: Option<Timestamp>,
    /// Where the log ends.
    pub end: EventCursor,
    /// How many bytes it takes.
    pub bytes: u64,
    /// How many entries can't be read.
    pub damaged: u64,
    /// How many events are kept at the most; a little more, as they are dropped in lots.
    pub keeps_events: u64,
    /// For how many days they are kept.
    pub keeps_days: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_parse_what_they_print() {
        for (epoch, sequence) in [(0, 0), (u64::MAX, u64::MAX), (0x3f9a, 42)] {
            let cursor = EventCursor { epoch, sequence };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in
            ["", "-", "3f9a-42", "3f9a61c0d2b84e75-", "3f9a61c0d2b84e75-+1", "3f9a61c0d2b84e75", "+f9a61c0d2b84e75-1"]
        {
            let parsed = text.parse::<EventCursor>();
            assert!(parsed.is_err(), "{text}");
        }
    }
}

//! The lines of the log and of the note that a transaction carries.
//!
//! A line of the log begins with the hash of the rest, so that one which was torn or damaged is noticed and hides no
//! other. The note behind the records of a transaction has the same events without their places: a line for the group,
//! then one for each event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tickety_core::event::Event;

use super::record::EventRecord;
use crate::repo::ledger::Told;
use crate::repo::requests::Remembered;

/// The length of the hash, in hexadecimal digits.
const CHECK: usize = 16;

/// The first line of a file of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the format.
    pub(crate) events: u32,
    pub(crate) epoch: u64,
    /// The number that the first event of the file gets, if no number is passed over.
    pub(crate) first: u64,
    /// The last transaction whose events are in the files before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transaction: Option<String>,
}

/// The version of the format that this build writes.
pub(crate) const FORMAT: u32 = 1;

/// What every line of an event begins with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Line<E> {
    pub(crate) sequence: u64,
    pub(crate) group: String,
    /// The place in the group, from 1.
    pub(crate) place: u32,
    /// How many events the group has.
    pub(crate) of: u32,
    /// The last transaction whose events are in the log up to here, if it isn't that of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    pub(crate) event: E,
}

impl<E> Line<E> {
    /// Whether the group ends here.
    pub(crate) fn is_last(&self) -> bool {
        self.place == self.of
    }
}

/// Writes a line with its hash.
pub(crate) fn push(out: &mut String, value: &impl Serialize) {
    let start = out.len();
    out.push_str("0000000000000000 ");
    let json = serde_json::to_string(value).expect("texts, numbers and lists become JSON");
    out.replace_range(start..start + CHECK, &check(json.as_bytes()));
    out.push_str(&json);
    out.push('\n');
}

/// Reads a line without its line break; `None` if it isn't as it was written.
pub(crate) fn read<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Option<T> {
    let (sum, json) = line.split_at_checked(CHECK)?;
    let json = json.strip_prefix(b" ")?;
    if sum != check(json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

pub(crate) fn check(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..CHECK].to_owned()
}

/// Writes an event as the lines have it.
pub(crate) fn event_line(event: &Event) -> Box<RawValue> {
    let record = EventRecord::new(event);
    serde_json::value::to_raw_value(&record).expect("texts, numbers and lists become JSON")
}

/// What a group of events has in common.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct NoteHead {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Remembered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger: Option<Told>,
    #[serde(default, skip_serializing_if = "is_false")]
    settles: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Whether the bytes that a transaction carries say that it settles a merge, and does nothing else.
pub(crate) fn settles(note: &[u8]) -> bool {
    let head = note.split(|&byte| byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<NoteHead>(head).is_ok_and(|head| head.settles)
}

/// The events of a group, ready to be written: in a transaction first, in the log then.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    at: Timestamp,
    actor: Option<String>,
    /// What became of the request that asked for it.
    pub(crate) request: Option<Remembered>,
    /// What it closed and reopened.
    pub(in crate::repo) ledger: Option<Told>,
    /// Whether it settles a merge, and does nothing else.
    pub(in crate::repo) settles: bool,
    events: Vec<Box<RawValue>>,
}

impl Note {
    pub(crate) fn new(at: Timestamp, actor: Option<String>) -> Self {
        Self { at, actor, request: None, ledger: None, settles: false, events: Vec::new() }
    }

    pub(crate) fn add(&mut self, event: &Event) {
        self.events.push(event_line(event));
    }

    /// Adds events as they are written.
    pub(crate) fn extend(&mut self, lines: impl IntoIterator<Item = Box<RawValue>>) {
        self.events.extend(lines);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the bytes that a transaction carries.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Self { at, actor, request, ledger, settles, events } = self;
        let (actor, request, ledger) = (actor.clone(), request.clone(), ledger.clone());
        let head = NoteHead { at: *at, actor, request, ledger, settles: *settles };
        let mut bytes = serde_json::to_vec(&head).expect("texts, numbers and lists become JSON");
        for event in events {
            bytes.push(b'\n');
            bytes.extend_from_slice(event.get().as_bytes());
        }
        bytes
    }

    /// Reads what a transaction carries; `None` if that is something else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let NoteHead { at, actor, request, ledger, settles } = serde_json::from_slice(lines.next()?).ok()?;
        let events = lines.map(|line| serde_json::from_slice(line).ok()).collect::<Option<_>>()?;
        Some(Self { at, actor, request, ledger, settles, events })
    }

    /// Writes the lines of the log: the events get the numbers from `sequence` on.
    pub(crate) fn push_lines(&self, out: &mut String, group: &str, sequence: u64, after: Option<&str>) {
        let of = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        for (place, event) in (1..).zip(&self.events) {
            push(
                out,
                &Line {
                    sequence: sequence + u64::from(place) - 1,
                    group: group.to_owned(),
                    place,
                    of,
                    after: after.map(str::to_owned),
                    at: self.at,
                    actor: self.actor.clone(),
                    event: &**event,
                },
            );
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.events.len() as u64
    }
}

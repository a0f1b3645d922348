//! What is shown of an issue, packed into one column.
//!
//! SQLite resolves, names and compiles every column of every statement in every process: one column
//! that holds a whole summary costs a list a fifth of what twenty columns do.

use std::fmt::Write as _;

use jiff::Timestamp;
use tickety_core::ident::{IssueId, Version};
use tickety_core::issue::{CloseReason, Issue, Kind, Minutes, Priority, Status};
use tickety_core::query::days;
use tickety_core::schema::Category;
use uuid::Uuid;

use super::record::{category_code, category_of, date_of};
use super::row_id::RowId;
use super::schema::NO_DUE;
use crate::repo::layout::{HOME_DIR, ISSUES_DIR, RecordPath};
use crate::storage::IssueSummary;

/// What stands for no reason.
const NO_REASON: u8 = u8::MAX;

/// Bits that say which of the optional parts are there.
mod has {
    pub(super) const CLOSED: u8 = 1;
    pub(super) const ESTIMATE: u8 = 1 << 1;
    pub(super) const SPENT: u8 = 1 << 2;
    pub(super) const REPORTER: u8 = 1 << 3;
    pub(super) const MILESTONE: u8 = 1 << 4;
}

/// Packs what is shown of an issue; its number and whether it is blocked are columns.
///
/// The first 8 bytes are a sum of the rest and the name, the next 12 say when it was updated: two indexes that are right may
/// differ in them, and [`differences`](super::Index::differences) leaves them out.
pub(super) fn pack(issue: &Issue, category: Category, updated: Timestamp, version: Version) -> Vec<u8> {
    let closed = issue.closure.as_ref().and_then(|closure| closure.at);
    let parts = [
        (has::CLOSED, closed.is_some()),
        (has::ESTIMATE, issue.estimate.is_some()),
        (has::SPENT, issue.spent.is_some()),
        (has::REPORTER, issue.reporter.is_some()),
        (has::MILESTONE, issue.milestone.is_some()),
    ];
    let mut card = Packer(Vec::with_capacity(136 + issue.title.len()));
    card.0.extend_from_slice(&[0; 8]);
    card.time(updated);
    card.0.extend_from_slice(&version.to_bytes());
    card.0.extend_from_slice(issue.id.uuid().as_bytes());
    card.0.push(parts.into_iter().filter(|(_, there)| *there).map(|(bit, _)| bit).sum());
    card.0.push(u8::try_from(category_code(category)).expect("there are three"));
    card.0.push(issue.priority.rank());
    card.0.push(issue.closure.as_ref().map_or(NO_REASON, |closure| closure.reason as u8));
    card.number(u32::try_from(issue.comments.len()).unwrap_or(u32::MAX));
    card.0.extend_from_slice(&issue.due.map_or(NO_DUE, days).to_le_bytes());
    card.time(issue.created);
    closed.into_iter().for_each(|time| card.time(time));
    [issue.estimate, issue.spent].into_iter().flatten().for_each(|minutes| card.number(minutes.0));
    [&issue.title, issue.status.as_str(), issue.kind.as_str()].into_iter().for_each(|text| card.text(text));
    [&issue.reporter, &issue.milestone].into_iter().flatten().for_each(|text| card.text(text));
    for names in [&issue.labels, &issue.assignees] {
        card.number(u32::try_from(names.len()).expect("a record is far below 4 GiB"));
        names.iter().for_each(|name| card.text(name));
    }
    let sum = sum(RowId::of(issue.key()), &card.0[8..]);
    card.0[..8].copy_from_slice(&sum.to_le_bytes());
    card.0
}

/// Adds up a card and whose it is. SQLite has no sums, and a bit that is another in a text would be shown. Each step can be undone,
/// so cards that differ in 8 bytes in a row never have one sum.
fn sum(id: RowId, card: &[u8]) -> u64 {
    let (words, rest) = card.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let step = |sum: u64, word: &[u8; 8]| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    };
    let begin = id.get().cast_unsigned() ^ (card.len() as u64).rotate_left(48);
    words.iter().chain([&last]).fold(begin, step)
}

struct Packer(Vec<u8>);

impl Packer {
    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&time.as_second().to_le_bytes());
        self.0.extend_from_slice(&time.subsec_nanosecond().to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(u32::try_from(text.len()).expect("a record is far below 4 GiB"));
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Reads cards. It remembers the statuses and kinds it has met: a page has few, and copying one is cheaper than
/// folding it again.
#[derive(Default)]
pub(super) struct Reader {
    statuses: Vec<Status>,
    kinds: Vec<Kind>,
}

impl Reader {
    /// Returns the summary of an issue; `None` if the card is malformed, or not as it was written.
    pub(super) fn read(&mut self, id: RowId, blocked: bool, card: &[u8]) -> Option<IssueSummary> {
        let (written, card) = card.split_first_chunk()?;
        if u64::from_le_bytes(*written) != sum(id, card) {
            return None;
        }
        let mut rest = Unpacker(card);
        let updated = rest.time()?;
        let version = Version::new(rest.bytes()?);
        let uuid = Uuid::from_bytes(rest.bytes()?);
        let [there, category, rank, reason] = rest.bytes()?;
        let key = id.key();
        let summary = IssueSummary {
            key,
            id: IssueId::new(uuid),
            category: category_of(i64::from(category))?,
            priority: Priority::from_rank(rank)?,
            reason: match reason {
                NO_REASON => None,
                code => Some(CloseReason::ALL.into_iter().find(|reason| *reason as u8 == code)?),
            },
            comments: rest.number()?,
            due: match i64::from_le_bytes(rest.bytes()?) {
                NO_DUE => None,
                days => Some(date_of(days)?),
            },
            created: rest.time()?,
            closed: rest.optional(there & has::CLOSED, Unpacker::time)?,
            estimate: rest.optional(there & has::ESTIMATE, Unpacker::number)?.map(Minutes),
            spent: rest.optional(there & has::SPENT, Unpacker::number)?.map(Minutes),
            title: rest.text()?.to_owned(),
            status: known(&mut self.statuses, rest.text()?, Status::as_str, Status::new),
            kind: known(&mut self.kinds, rest.text()?, Kind::as_str, Kind::new),
            reporter: rest.optional(there & has::REPORTER, Unpacker::text)?.map(str::to_owned),
            milestone: rest.optional(there & has::MILESTONE, Unpacker::text)?.map(str::to_owned),
            labels: rest.texts()?,
            assignees: rest.texts()?,
            updated,
            blocked,
            // The store adds it: the files of this checkout don't tell.
            elsewhere: Vec::new(),
            version,
            path: path_of(id),
        };
        rest.0.is_empty().then_some(summary)
    }
}

/// Returns the value of a name, made once.
fn known<T: Clone>(met: &mut Vec<T>, name: &str, name_of: fn(&T) -> &str, new: fn(&str) -> T) -> T {
    match met.iter().find(|known| name_of(known) == name) {
        Some(known) => known.clone(),
        None => {
            met.push(new(name));
            new(name)
        }
    }
}

/// Returns where the record of an issue lies, relative to the root.
fn path_of(id: RowId) -> String {
    let mut path = String::with_capacity(48);
    write!(path, "{HOME_DIR}/{ISSUES_DIR}/{}", RecordPath::issue(id.key()))
        .expect("a string takes all that is written");
    path
}

/// What is left of a card.
struct Unpacker<'c>(&'c [u8]);

impl<'c> Unpacker<'c> {
    fn bytes<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        let seconds = i64::from_le_bytes(self.bytes()?);
        Timestamp::new(seconds, i32::from_le_bytes(self.bytes()?)).ok()
    }

    fn text(&mut self) -> Option<&'c str> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    fn texts<C: FromIterator<String>>(&mut self) -> Option<C> {
        let count = self.number()?;
        (0..count).map(|_| self.text().map(str::to_owned)).collect()
    }

    /// Reads a part that is there if its bit is set.
    fn optional<T>(&mut self, bit: u8, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if bit == 0 { Some(None) } else { read(self).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use tickety_core::issue::Closure;

    use super::super::tests::plain_issue;
    use super::*;

    fn issue() -> Issue {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut issue = plain_issue(42);
        issue.created = time("1960-01-01T00:00:00.000000001Z");
        issue.title = "Größe".to_owned();
        issue.labels.extend(["a", "", "b\0c"].map(str::to_owned));
        issue.milestone = Some(String::new());
        issue.spent = Some(Minutes(u32::MAX));
        issue.due = Some(jiff::civil::date(2026, 11, 21));
        issue.status = Status::new("closed");
        issue.closure = Some(Closure {
            reason: CloseReason::Duplicate,
            at: Some(time("2026-11-21T02:48:57.123456789Z")),
            note: None,
        });
        issue
    }

    #[test]
    fn a_card_says_what_the_issue_does() {
        let issue = issue();
        let updated = "2026-11-21T10:00:00.5Z".parse().unwrap();
        let card = pack(&issue, Category::Closed, updated, Version::new([9; 16]));
        let read = Reader::default().read(RowId::of(issue.key()), true, &card).unwrap();
        assert_eq!(read.version, Version::new([9; 16]));
        assert_eq!((read.title, read.labels, read.due), (issue.title, issue.labels, issue.due));
        assert_eq!((read.milestone, read.reporter, read.spent), (issue.milestone, None, issue.spent));
        assert_eq!((read.created, read.updated, read.estimate), (issue.created, updated, None));
        let closure = issue.closure.unwrap();
        assert_eq!((read.closed, read.reason), (closure.at, Some(closure.reason)));
        assert!(read.blocked);
    }

    #[test]
    fn a_card_that_is_cut_or_too_long_is_refused() {
        let issue = issue();
        let mut card = pack(&issue, Category::Closed, issue.created, Version::new([9; 16]));
        let id = RowId::of(issue.key());
        for length in 0..card.len() {
            assert!(Reader::default().read(id, false, &card[..length]).is_none(), "{length}");
        }
        card.push(0);
        assert!(Reader::default().read(id, false, &card).is_none());
    }

    #[test]
    fn a_card_with_another_bit_or_of_another_issue_is_refused() {
        let issue = issue();
        let card = pack(&issue, Category::Closed, issue.created, Version::new([9; 16]));
        let id = RowId::of(issue.key());
        for bit in 0..card.len() * 8 {
            let mut other = card.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::default().read(id, false, &other).is_none(), "{bit}");
        }
        let other = RowId::of(plain_issue(43).key());
        assert!(Reader::default().read(other, false, &card).is_none());
        assert!(Reader::default().read(id, false, &card).is_some());
    }
}

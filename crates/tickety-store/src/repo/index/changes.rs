//! Which issues the last transactions changed, so that who keeps answers in memory drops no more than it has to.
//!
//! It lies packed in the one row of `meta`, which every change of an issue writes anyway: eight bytes with the generation
//! since which nothing is missing, then sixteen for each change, its generation and its row.

use std::collections::BTreeSet;

use rusqlite::Connection;
use tickety_core::ident::IssueKey;

use super::row_id::RowId;
use super::{Index, IndexError, unsigned};

/// How many changes are remembered: about a second's worth, and little enough to stay on the page of `meta`.
const REMEMBERED: usize = 64;

const HEAD: usize = 8;
const ENTRY: usize = 16;

/// What a transaction changes.
#[derive(Debug)]
pub(super) enum Touched {
    /// These issues.
    Issues(BTreeSet<RowId>),
    /// More than can be remembered, or something that is no issue.
    Everything,
}

impl Default for Touched {
    fn default() -> Self {
        Self::Issues(BTreeSet::new())
    }
}

impl Touched {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Issues(ids) if ids.is_empty())
    }

    pub(super) fn add(&mut self, id: RowId) {
        if let Self::Issues(ids) = self {
            ids.insert(id);
            if ids.len() > REMEMBERED {
                *self = Self::Everything;
            }
        }
    }

    /// Returns what is remembered after a transaction.
    pub(super) fn appended_to(&self, log: Option<&[u8]>, generation: i64) -> Vec<u8> {
        let Self::Issues(ids) = self else { return generation.to_be_bytes().to_vec() };
        let mut log =
            log.filter(|log| is_whole(log)).map_or_else(|| (generation - 1).to_be_bytes().to_vec(), Vec::from);
        for id in ids {
            log.extend(generation.to_be_bytes());
            log.extend(id.get().to_be_bytes());
        }
        let surplus = ((log.len() - HEAD) / ENTRY).saturating_sub(REMEMBERED);
        if let Some(last) = surplus.checked_sub(1) {
            let (floor, _) = entry(&log[HEAD + last * ENTRY..]);
            // Of a transaction all is remembered or nothing.
            let rest = log[HEAD..].chunks_exact(ENTRY).skip_while(|chunk| entry(chunk).0 <= floor).flatten().copied();
            log = floor.to_be_bytes().into_iter().chain(rest).collect();
        }
        log
    }
}

impl Index {
    /// Returns how many transactions made the index say what it says of issues.
    pub fn generation(&self) -> Result<u64, IndexError> {
        let read = || self.connection.prepare_cached("SELECT generation FROM meta")?.query_row([], |row| row.get(0));
        read().map(unsigned).map_err(self.error("read its description"))
    }

    /// Returns the generation, and the issues that were put or removed since an earlier one; `None` where that is
    /// no longer known.
    pub fn changes_since(&self, since: u64) -> Result<(u64, Option<BTreeSet<IssueKey>>), IndexError> {
        let (generation, log) = read(&self.connection).map_err(self.error("read its description"))?;
        let keys = i64::try_from(since).ok().filter(|since| *since <= generation).and_then(|since| {
            let log = log.filter(|log| is_whole(log))?;
            if i64::from_be_bytes(*log.first_chunk()?) > since {
                return None;
            }
            let entries = log[HEAD..].chunks_exact(ENTRY).map(entry).filter(|(generation, _)| *generation > since);
            entries.map(|(_, id)| RowId::new(id).map(RowId::key)).collect()
        });
        // Nothing was written, so nothing is missing.
        let keys = if unsigned(generation) == since { Some(BTreeSet::new()) } else { keys };
        Ok((unsigned(generation), keys))
    }
}

fn read(connection: &Connection) -> rusqlite::Result<(i64, Option<Vec<u8>>)> {
    let mut statement = connection.prepare_cached("SELECT generation, changes FROM meta")?;
    statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn is_whole(log: &[u8]) -> bool {
    log.len() >= HEAD && (log.len() - HEAD).is_multiple_of(ENTRY)
}

fn entry(bytes: &[u8]) -> (i64, i64) {
    let number = |place: usize| bytes[place..].first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    (number(0), number(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(ids: impl IntoIterator<Item = i64>) -> Touched {
        let mut touched = Touched::default();
        for id in ids {
            touched.add(RowId::new(id << 20).unwrap());
        }
        touched
    }

    fn floor(log: &[u8]) -> i64 {
        i64::from_be_bytes(*log.first_chunk().unwrap())
    }

    #[test]
    fn a_transaction_is_remembered_whole_or_not_at_all() {
        let mut log = touched([1, 2]).appended_to(None, 10);
        assert_eq!((floor(&log), log.len()), (9, HEAD + 2 * ENTRY));
        log = touched(3..=64).appended_to(Some(&log), 11);
        assert_eq!((floor(&log), log.len()), (9, HEAD + 64 * ENTRY));
        log = touched([65]).appended_to(Some(&log), 12);
        assert_eq!((floor(&log), log.len()), (10, HEAD + 63 * ENTRY), "both of 10 are gone");
        log = touched(1..=65).appended_to(Some(&log), 14);
        assert_eq!((floor(&log), log.len()), (14, HEAD));
        log = touched([7]).appended_to(Some(b"torn"), 15);
        assert_eq!((floor(&log), log.len()), (14, HEAD + ENTRY));
    }
}

//! Which issues the last transactions changed, so that who keeps answers in memory drops no more than it has to.
//!
//! It lies packed in the one row of `meta`, which every change of an issue writes anyway: eight bytes with the generation
//! since which nothing is missing, then sixteen for each change: its generation, and its row with what stayed as it was.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tickety_core::ident::IssueKey;

use super::row_id::RowId;
use super::{Index, IndexError, unsigned};
use crate::difference::{Difference, Parts};

/// How many changes are remembered: about a second's worth, and little enough to stay on the page of `meta`.
const REMEMBERED: usize = 64;

const HEAD: usize = 8;
const ENTRY: usize = 16;

/// What a transaction changes.
#[derive(Debug)]
pub(super) enum Touched {
    /// These issues.
    Issues(BTreeMap<RowId, Difference>),
    /// More than can be remembered, or something that is no issue.
    Everything,
}

impl Default for Touched {
    fn default() -> Self {
        Self::Issues(BTreeMap::new())
    }
}

impl Touched {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Issues(ids) if ids.is_empty())
    }

    pub(super) fn add(&mut self, id: RowId, difference: Difference) {
        if let Self::Issues(ids) = self {
            ids.entry(id).and_modify(|earlier| *earlier = earlier.then(difference)).or_insert(difference);
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
        for (id, difference) in ids {
            log.extend(generation.to_be_bytes());
            log.extend(packed(*id, *difference).to_be_bytes());
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
    pub fn changes_since(&self, since: u64) -> Result<(u64, Option<BTreeMap<IssueKey, Difference>>), IndexError> {
        let (generation, log) = read(&self.connection).map_err(self.error("read its description"))?;
        let keys = i64::try_from(since).ok().filter(|since| *since <= generation).and_then(|since| {
            let log = log.filter(|log| is_whole(log))?;
            if i64::from_be_bytes(*log.first_chunk()?) > since {
                return None;
            }
            let entries = log[HEAD..].chunks_exact(ENTRY).map(entry).filter(|(generation, _)| *generation > since);
            let mut keys: BTreeMap<IssueKey, Difference> = BTreeMap::new();
            for (_, entry) in entries {
                let (id, difference) = unpacked(entry)?;
                keys.entry(id.key()).and_modify(|earlier| *earlier = earlier.then(difference)).or_insert(difference);
            }
            Some(keys)
        });
        // Nothing was written, so nothing is missing.
        let keys = if unsigned(generation) == since { Some(BTreeMap::new()) } else { keys };
        Ok((unsigned(generation), keys))
    }
}

fn read(connection: &Connection) -> rusqlite::Result<(i64, Option<Vec<u8>>)> {
    let mut statement = connection.prepare_cached("SELECT generation, changes FROM meta")?;
    statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// A row id has 52 bits. Above it lie the parts that are the same, and whether the issue is new: what says nothing
/// there means that nothing is known.
const ROW_BITS: u32 = 52;

fn packed(id: RowId, difference: Difference) -> i64 {
    let Difference { is_new, parts } = difference;
    let same = Parts::ALL.bits() & !parts.bits();
    id.get() | i64::from(same) << ROW_BITS | i64::from(is_new) << (ROW_BITS + Parts::BITS)
}

fn unpacked(entry: i64) -> Option<(RowId, Difference)> {
    let above = entry >> ROW_BITS;
    let same = u8::try_from(above & i64::from(Parts::ALL.bits())).ok()?;
    let difference = Difference { is_new: above >> Parts::BITS & 1 == 1, parts: Parts::from_bits(!same) };
    Some((RowId::new(entry & ((1 << ROW_BITS) - 1))?, difference))
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
            touched.add(RowId::new(id << 20).unwrap(), Difference::UNKNOWN);
        }
        touched
    }

    fn floor(log: &[u8]) -> i64 {
        i64::from_be_bytes(*log.first_chunk().unwrap())
    }

    #[test]
    fn what_differs_is_remembered_with_the_row() {
        for id in [1 << 20, (1 << 52) - 1] {
            let id = RowId::new(id).unwrap();
            for difference in [
                Difference::NEW,
                Difference::UNKNOWN,
                Difference { is_new: false, parts: Parts::NONE },
                Difference { is_new: false, parts: Parts::LINKS | Parts::TEXT },
            ] {
                assert_eq!(unpacked(packed(id, difference)), Some((id, difference)));
            }
        }
        let plain = RowId::new(5 << 20).unwrap();
        assert_eq!(unpacked(plain.get()), Some((plain, Difference::UNKNOWN)));
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

//! The row id of an issue: a pure function of its name.

use std::ops::Range;

use tickety_core::ident::{IssueKey, IssueName, IssueNumber, Suffix};
use uuid::Uuid;

use crate::repo::layout::{SHARD_SIZE, Shard};

const SUFFIX_BITS: u32 = 20;
const SUFFIX_MASK: i64 = (1 << SUFFIX_BITS) - 1;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The number of an issue in the upper bits, the complement of its suffix in the lower 20.
///
/// Falling row ids are therefore the order of every answer that doesn't ask for another: by
/// number, highest first, then by suffix. As no row has to be looked up to know its id, rows can be
/// written in any order, and an index kept up to date equals one made afresh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct RowId(i64);

impl RowId {
    /// Wraps an id read from the index; `None` if no issue can have it.
    pub(super) fn new(id: i64) -> Option<Self> {
        let number = u32::try_from(id >> SUFFIX_BITS).ok()?;
        IssueNumber::new(number).map(|_| Self(id))
    }

    /// Returns the id of an issue.
    pub(super) fn of(key: IssueKey) -> Self {
        Self(Self::first_of(key.number) | (SUFFIX_MASK - suffix_bits(key.suffix)))
    }

    /// Returns the issue.
    pub(super) fn key(self) -> IssueKey {
        let number = u32::try_from(self.0 >> SUFFIX_BITS).ok().and_then(IssueNumber::new);
        IssueKey {
            number: number.expect("checked where it was made"),
            suffix: suffix_of(SUFFIX_MASK - (self.0 & SUFFIX_MASK)),
        }
    }

    /// Returns the plain id.
    pub(super) fn get(self) -> i64 {
        self.0
    }

    /// Returns the ids that issues of one number can have.
    pub(super) fn range(number: IssueNumber) -> Range<i64> {
        let first = Self::first_of(number);
        first..first + SUFFIX_MASK + 1
    }

    /// Returns the ids that issues of one shard can have.
    pub(super) fn range_of(shard: Shard) -> Range<i64> {
        let first = i64::from(shard.get()) * i64::from(SHARD_SIZE);
        Self::first_of_raw(first)..Self::first_of_raw(first + i64::from(SHARD_SIZE))
    }

    /// Returns the lowest id of a number; numbers that no issue has are fine.
    pub(super) fn first_of_raw(number: i64) -> i64 {
        number << SUFFIX_BITS
    }

    fn first_of(number: IssueNumber) -> i64 {
        Self::first_of_raw(i64::from(number.get()))
    }
}

/// Returns the suffix of a name as links hold it; -1 for none.
pub(super) fn name_suffix(name: IssueName) -> i64 {
    name.suffix.map_or(-1, suffix_bits)
}

/// Returns the name that links hold; `None` if they can't.
pub(super) fn name_of(number: i64, bits: i64) -> Option<IssueName> {
    let number = u32::try_from(number).ok().and_then(IssueNumber::new)?;
    match bits {
        -1 => Some(IssueName { number, suffix: None }),
        0..=SUFFIX_MASK => Some(IssueName { number, suffix: Some(suffix_of(bits)) }),
        _ => None,
    }
}

pub(super) fn suffix_bits(suffix: Suffix) -> i64 {
    // Verifying a home does this for every record.
    suffix.as_bytes().iter().fold(0, |bits, byte| bits << 5 | i64::from(DIGITS[usize::from(*byte)]))
}

/// The value of each byte as a digit of [`ALPHABET`].
const DIGITS: [u8; 256] = {
    let mut digits = [0; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

pub(super) fn suffix_of(bits: i64) -> Suffix {
    Suffix::of(Uuid::from_u128((bits & SUFFIX_MASK) as u128))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IssueKey {
        let name = IssueName::parse(text, "").unwrap();
        IssueKey { number: name.number, suffix: name.suffix.unwrap() }
    }

    #[test]
    fn a_row_id_is_the_name_of_its_issue() {
        for text in ["1-0000", "42-k3f9", "42-zzzz", "4294967295-0zz1"] {
            let id = RowId::of(key(text));
            assert_eq!(id.key(), key(text));
            assert_eq!(RowId::new(id.get()), Some(id));
            assert!(RowId::range(key(text).number).contains(&id.get()));
        }
        assert_eq!(RowId::new(7), None);
        assert_eq!(RowId::new(-1), None);
        assert_eq!(RowId::new(i64::MAX), None);
    }

    #[test]
    fn falling_ids_are_newest_first_and_then_by_suffix() {
        let mut keys = ["9-aaaa", "10-zzzz", "10-0001", "2-k3f9"].map(key);
        keys.sort_by_key(|key| std::cmp::Reverse(RowId::of(*key)));
        assert_eq!(keys, ["10-0001", "10-zzzz", "9-aaaa", "2-k3f9"].map(key));
    }
}

//! How the file of the index looked when Tickety last wrote it.
//!
//! SQLite's pages have no sums: a bit that something else changed in a text or a number would go into answers. So what
//! the file looked like after a transaction is noted beside it, with the number of the transaction. Whoever opens the
//! file, finds that transaction to be its last, and the file to look otherwise, makes a new one.
//!
//! The note is written after the transaction, and a process may be killed between the two: a note of an earlier
//! transaction says nothing, and the next transaction notes anew. It is derived, never synced, and may be missing.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::CWD;

use crate::repo::stat::StatKey;
use crate::repo::{os, state};

const MAGIC: [u8; 8] = *b"tktyseal";

/// What is wrong with a file that was changed by something else.
pub(super) const FOREIGN: &str = "something else than Tickety changed it";

/// Magic, transaction, three numbers of a state, the first bytes of a hash over these.
const SIZE: usize = 8 + 8 + 3 * 8 + 16;

/// What is known of a file before it is opened.
#[derive(Debug)]
pub(super) struct Look {
    noted: Option<(i64, StatKey)>,
    stat: Option<StatKey>,
    /// Whether a transaction is under way, or was when its writer was killed: opening the file rolls it back.
    is_unsettled: bool,
}

impl Look {
    /// Looks at the file of an index and at what is noted beside it.
    pub(super) fn at(index: &Path) -> Self {
        let noted = read(index);
        // Where nothing is noted, nothing is compared.
        let (stat, is_unsettled) = match noted {
            Some(_) => (stat(index), os::stat_at(CWD, state::beside(index, "-journal")).is_ok()),
            None => (None, false),
        };
        Self { noted, stat, is_unsettled }
    }

    /// Whether something else than Tickety changed the file, whose last transaction has this number.
    pub(super) fn is_foreign(&self, index: &Path, transaction: i64) -> bool {
        match self.noted {
            Some((number, noted)) if number == transaction && self.stat != Some(noted) => {
                if self.is_unsettled {
                    note(index, transaction);
                }
                !self.is_unsettled
            }
            _ => false,
        }
    }
}

/// Notes how the file looks after a transaction. If that fails, nothing will be compared.
pub(super) fn note(index: &Path, transaction: i64) {
    let (Some(stat), Ok(file)) = (stat(index), state::open_or_make(&beside(index))) else { return };
    let _ = file.write_all_at(&encode(transaction, &stat), 0);
}

fn read(index: &Path) -> Option<(i64, StatKey)> {
    let file = state::open(&beside(index)).ok()??;
    let mut bytes = [0; SIZE];
    file.read_exact_at(&mut bytes, 0).ok()?;
    decode(&bytes)
}

fn beside(index: &Path) -> std::path::PathBuf {
    state::beside(index, "-seal")
}

/// Returns how a file looks. The time at which its mode changed doesn't count: nothing writes and puts the other one back
/// by accident.
fn stat(index: &Path) -> Option<StatKey> {
    os::stat_at(CWD, index).ok().map(|stat| StatKey { ctime_ns: 0, ..stat.key })
}

fn encode(transaction: i64, stat: &StatKey) -> [u8; SIZE] {
    let StatKey { inode, size, mtime_ns, ctime_ns: _ } = *stat;
    let numbers = [transaction.to_le_bytes(), inode.to_le_bytes(), size.to_le_bytes(), mtime_ns.to_le_bytes()];
    let mut bytes = [0; SIZE];
    let (content, sum) = bytes.split_at_mut(SIZE - 16);
    content[..8].copy_from_slice(&MAGIC);
    content[8..].copy_from_slice(numbers.as_flattened());
    sum.copy_from_slice(&blake3::hash(content).as_bytes()[..16]);
    bytes
}

fn decode(bytes: &[u8; SIZE]) -> Option<(i64, StatKey)> {
    let number = |place: usize| -> [u8; 8] { bytes[place * 8..][..8].try_into().expect("it lies inside") };
    let stat = StatKey {
        inode: u64::from_le_bytes(number(2)),
        size: u64::from_le_bytes(number(3)),
        mtime_ns: i64::from_le_bytes(number(4)),
        ctime_ns: 0,
    };
    let transaction = i64::from_le_bytes(number(1));
    (encode(transaction, &stat) == *bytes).then_some((transaction, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_noted_or_nothing() {
        let stat = StatKey { inode: 1, size: 2, mtime_ns: -3, ctime_ns: 0 };
        let bytes = encode(7, &stat);
        assert_eq!(decode(&bytes), Some((7, stat)));
        for bit in 0..SIZE * 8 {
            let mut other = bytes;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&other), None, "{bit}");
        }
    }
}

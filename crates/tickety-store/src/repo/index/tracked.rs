//! The records the index was made from: under which keys they were read, and what differs from a
//! fresh look at them.
//!
//! A verified list compares the keys of all records, so they are not rows: those of 16 issues are
//! one sorted array in one row. Reading 10,000 of them costs a small part of looking at the files,
//! and a write replaces some kilobytes, however many issues there are.

use tickety_core::ident::{IssueKey, IssueNumber, Version};

use super::row_id::{RowId, suffix_bits, suffix_of};
use crate::repo::layout::{CommentStamp, RecordPath, SHARD_SIZE, Shard};
use crate::repo::scan::Entry;
use crate::repo::stat::StatKey;

/// A record as the index knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackedFile {
    /// Where it lies.
    pub path: RecordPath,
    /// Its state when it was read.
    pub stat: StatKey,
    /// When that was taken, by the wall clock in nanoseconds since 1970: what [`StatKey::is_racy`] asks for.
    pub taken_ns: i64,
    /// The hash of its bytes.
    pub hash: Version,
}

/// A directory of records as the index knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackedShard {
    /// Which one.
    pub shard: Shard,
    /// Its state before it was listed.
    pub stat: StatKey,
    /// When that was taken, in nanoseconds since 1970.
    pub taken_ns: i64,
}

/// Records as the index knows them, by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrackedFiles {
    packed: Vec<u8>,
}

/// How records differ from what the index knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Those the index doesn't know.
    pub added: Vec<Entry>,
    /// Those whose state is another.
    pub changed: Vec<Entry>,
    /// Those whose state is the same but was taken too soon after a write to prove anything: if the
    /// bytes have the known hash, only the time of the look needs an update.
    pub racy: Vec<Entry>,
    /// Those that are gone.
    pub removed: Vec<RecordPath>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let Self { added, changed, racy, removed } = self;
        added.is_empty() && changed.is_empty() && racy.is_empty() && removed.is_empty()
    }
}

impl TrackedFiles {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.packed.len() / Packed::SIZE
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Returns the records.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TrackedFile> {
        self.entries().iter().map(|entry| Packed(entry).unpack().expect("it was checked when it was read"))
    }

    /// Returns the records of one issue.
    pub fn of_issue(&self, issue: IssueKey) -> Vec<TrackedFile> {
        let entries = self.entries();
        let first = path_code(&RecordPath::issue(issue));
        let begin = entries.partition_point(|entry| Packed(entry).code() < first);
        let of_it =
            entries[begin..].iter().map(|entry| Packed(entry).unpack().expect("it was checked when it was read"));
        of_it.take_while(|file| file.path.issue == issue).collect()
    }

    /// Returns one record.
    pub fn get(&self, path: &RecordPath) -> Option<TrackedFile> {
        let code = path_code(path);
        let place = self.entries().binary_search_by_key(&code, |entry| Packed(entry).code()).ok()?;
        Packed(&self.entries()[place]).unpack()
    }

    /// Whether these are the records there are, given in any order, each once.
    pub fn are(&self, paths: &[RecordPath]) -> bool {
        let mut codes: Vec<u128> = paths.iter().map(path_code).collect();
        codes.sort_unstable();
        codes.into_iter().eq(self.entries().iter().map(|entry| Packed(entry).code()))
    }

    /// Whether these are the records of the issues of a number, given in any order, each once.
    pub fn are_of(&self, number: IssueNumber, paths: &[RecordPath]) -> bool {
        let known = self.entries().iter().map(|entry| Packed(entry).code());
        let known = known.filter(|code| issue_of(*code).is_some_and(|issue| issue.key().number == number));
        let mut codes: Vec<u128> = paths.iter().map(path_code).collect();
        codes.sort_unstable();
        codes.into_iter().eq(known)
    }

    /// Compares with what was just found. Records found are given in any order, each once.
    pub fn compare<'e>(&self, found: impl IntoIterator<Item = &'e Entry>) -> Changes {
        let entries = self.entries();
        let mut changes = Changes::default();
        let mut seen = vec![false; entries.len()];
        for entry in found {
            let code = path_code(&entry.path);
            let Ok(place) = entries.binary_search_by_key(&code, |known| Packed(known).code()) else {
                changes.added.push(*entry);
                continue;
            };
            seen[place] = true;
            let known = Packed(&entries[place]);
            if known.stat() != entry.stat {
                changes.changed.push(*entry);
            } else if entry.stat.is_racy(known.taken_ns()) {
                changes.racy.push(*entry);
            }
        }
        let gone = entries.iter().zip(seen).filter(|(_, seen)| !seen);
        changes.removed = gone.filter_map(|(known, _)| path_of(Packed(known).code())).collect();
        changes
    }

    /// Adds the records of one row, which lie behind those there are; `None` if they are malformed.
    pub(super) fn extend(&mut self, packed: &[u8]) -> Option<()> {
        let before = self.packed.len();
        self.packed.extend_from_slice(packed);
        let (entries, []) = self.packed.as_chunks::<{ Packed::SIZE }>() else { return None };
        let first = before / Packed::SIZE;
        let is_sorted = entries[first.saturating_sub(1)..].is_sorted_by(|a, b| Packed(a).code() < Packed(b).code());
        let is_sound = is_sorted && entries[first..].iter().all(|entry| issue_of(Packed(entry).code()).is_some());
        is_sound.then_some(())
    }

    fn entries(&self) -> &[[u8; Packed::SIZE]] {
        self.packed.as_chunks().0
    }
}

/// A packed record: the code of its path, its state, when that was taken, its hash.
struct Packed<'a>(&'a [u8; Packed::SIZE]);

impl Packed<'_> {
    const SIZE: usize = 16 + 4 * 8 + 8 + 16;

    fn part<const AT: usize, const LENGTH: usize>(&self) -> [u8; LENGTH] {
        *self.0[AT..].first_chunk().expect("it lies inside")
    }

    fn code(&self) -> u128 {
        u128::from_le_bytes(self.part::<0, 16>())
    }

    fn stat(&self) -> StatKey {
        StatKey {
            inode: u64::from_le_bytes(self.part::<16, 8>()),
            size: u64::from_le_bytes(self.part::<24, 8>()),
            mtime_ns: i64::from_le_bytes(self.part::<32, 8>()),
            ctime_ns: i64::from_le_bytes(self.part::<40, 8>()),
        }
    }

    fn taken_ns(&self) -> i64 {
        i64::from_le_bytes(self.part::<48, 8>())
    }

    fn unpack(&self) -> Option<TrackedFile> {
        let hash = Version::new(self.part::<56, 16>());
        Some(TrackedFile { path: path_of(self.code())?, stat: self.stat(), taken_ns: self.taken_ns(), hash })
    }
}

/// Packs records, which are given by path.
pub(super) fn pack<'f>(files: impl Iterator<Item = &'f TrackedFile>) -> Vec<u8> {
    let mut packed = Vec::new();
    for TrackedFile { path, stat, taken_ns, hash } in files {
        packed.extend_from_slice(&path_code(path).to_le_bytes());
        pack_stat(&mut packed, stat, *taken_ns);
        packed.extend_from_slice(&hash.to_bytes());
    }
    packed
}

/// Packs the state of a shard's directory.
pub(super) fn pack_shard(stat: &StatKey, taken_ns: i64) -> Vec<u8> {
    let mut packed = Vec::with_capacity(40);
    pack_stat(&mut packed, stat, taken_ns);
    packed
}

fn pack_stat(packed: &mut Vec<u8>, stat: &StatKey, taken_ns: i64) {
    let StatKey { inode, size, mtime_ns, ctime_ns } = *stat;
    packed.extend_from_slice(&inode.to_le_bytes());
    packed.extend_from_slice(&size.to_le_bytes());
    for time in [mtime_ns, ctime_ns, taken_ns] {
        packed.extend_from_slice(&time.to_le_bytes());
    }
}

/// Unpacks the state of a shard's directory, and when that was taken; `None` if it is malformed.
pub(super) fn unpack_shard(packed: &[u8]) -> Option<(StatKey, i64)> {
    let (words, []) = packed.as_chunks::<8>() else { return None };
    let [inode, size, mtime, ctime, taken] = *words else { return None };
    let stat = StatKey {
        inode: u64::from_le_bytes(inode),
        size: u64::from_le_bytes(size),
        mtime_ns: i64::from_le_bytes(mtime),
        ctime_ns: i64::from_le_bytes(ctime),
    };
    Some((stat, i64::from_le_bytes(taken)))
}

const SUFFIX_BITS: u32 = 20;
/// Enough for fourteen decimal digits.
const DIGITS_BITS: u32 = 47;

/// Returns a number that orders paths by issue, and a record before its comments, which are by time.
fn path_code(path: &RecordPath) -> u128 {
    let issue = RowId::of(path.issue).get().cast_unsigned();
    let (digits, suffix) =
        path.comment.map_or((0, 0), |stamp| (stamp.digits(), suffix_bits(stamp.suffix()).cast_unsigned()));
    u128::from(issue) << (DIGITS_BITS + SUFFIX_BITS) | u128::from(digits) << SUFFIX_BITS | u128::from(suffix)
}

/// Returns the issue of a code; `None` if none has it.
fn issue_of(code: u128) -> Option<RowId> {
    i64::try_from(code >> (DIGITS_BITS + SUFFIX_BITS)).ok().and_then(RowId::new)
}

/// Returns the path of a code; `None` if no record has it.
fn path_of(code: u128) -> Option<RecordPath> {
    let issue = issue_of(code)?.key();
    let digits = (code >> SUFFIX_BITS) as u64 & ((1 << DIGITS_BITS) - 1);
    let suffix = suffix_of(code as i64);
    let comment = (digits > 0).then(|| CommentStamp::from_digits(digits, suffix));
    Some(RecordPath { issue, comment })
}

/// How many rows a shard has at most: one for 16 numbers, so that an issue and its comments share it, and it mostly
/// fits one page.
pub(super) const ROWS_PER_SHARD: i64 = 64;

/// Returns the row that holds a record.
pub(super) fn row_of(path: &RecordPath) -> i64 {
    first_row(path.shard()) + row_in_shard(path.issue.number)
}

/// Returns which of the rows of its shard holds the records of a number.
pub(super) fn row_in_shard(number: IssueNumber) -> i64 {
    i64::from(number.get() % SHARD_SIZE / 16)
}

/// Returns the first row of a shard.
pub(super) fn first_row(shard: Shard) -> i64 {
    i64::from(shard.get()) * ROWS_PER_SHARD
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: &str = "000/000042-k3f9_20261121T024857Z-7q2x.md";

    fn entry(path: &str, inode: u64) -> Entry {
        let stat = StatKey { inode, size: 7, mtime_ns: 1_000_000_001, ctime_ns: 2_000_000_001 };
        Entry { path: path.parse().unwrap(), stat }
    }

    fn tracked(found: &[Entry]) -> TrackedFiles {
        let mut files: Vec<_> = found
            .iter()
            .map(|Entry { path, stat }| TrackedFile {
                path: *path,
                stat: *stat,
                taken_ns: 9_000_000_000,
                hash: Version::new([7; 16]),
            })
            .collect();
        files.sort_by_key(|file| path_code(&file.path));
        let mut tracked = TrackedFiles::default();
        tracked.extend(&pack(files.iter())).unwrap();
        assert_eq!(tracked.iter().collect::<Vec<_>>(), files);
        tracked
    }

    #[test]
    fn a_code_is_its_path() {
        let late = "4294967/4294967295-zzzz_99991231T235959Z-zzzz.md";
        for text in ["000/000001-0000.md", COMMENT, late] {
            let path: RecordPath = text.parse().unwrap();
            assert_eq!(path_of(path_code(&path)), Some(path));
        }
        assert_eq!(path_of(0), None);
        assert_eq!(path_of(u128::MAX), None);
    }

    #[test]
    fn every_difference_is_reported_once() {
        let paths = ["000/000001-aaaa.md", "000/000042-k3f9.md", COMMENT, "000/000900-0000.md"];
        let known: Vec<_> = (1..).zip(paths).map(|(inode, path)| entry(path, inode)).collect();
        let tracked = tracked(&known);
        assert!(tracked.compare(known.iter().rev()).is_empty());
        let listed: Vec<_> = known.iter().rev().map(|entry| entry.path).collect();
        assert!(tracked.are(&listed) && !tracked.are(&listed[1..]));
        let of_42 = [known[2].path, known[1].path];
        let number = of_42[0].issue.number;
        assert!(tracked.are_of(number, &of_42) && !tracked.are_of(number, &of_42[1..]));
        let added = entry("000/000043-k3f9.md", 5);
        let changed = entry(COMMENT, 33);
        let changes = tracked.compare(&[changed, added, known[3]]);
        assert_eq!(
            changes,
            Changes {
                added: vec![added],
                changed: vec![changed],
                racy: vec![],
                removed: vec![known[0].path, known[1].path]
            }
        );
    }

    #[test]
    fn a_state_taken_right_after_the_write_proves_nothing() {
        let mut young = entry(COMMENT, 1);
        young.stat.ctime_ns = 8_999_999_999;
        assert_eq!(tracked(&[young]).compare(&[young]).racy, [young]);
    }

    #[test]
    fn malformed_rows_are_refused() {
        let packed = tracked(&[entry("000/000001-aaaa.md", 1), entry(COMMENT, 2)]).packed;
        let swapped = [&packed[Packed::SIZE..], &packed[..Packed::SIZE]].concat();
        for row in [&packed[1..], &packed[..80], &swapped, &[0; Packed::SIZE][..]] {
            assert_eq!(TrackedFiles::default().extend(row), None);
        }
    }

    #[test]
    fn an_issue_and_its_comments_share_a_row() {
        let row = |text: &str| row_of(&text.parse().unwrap());
        assert_eq!(row("000/000042-k3f9.md"), row(COMMENT));
        assert_eq!(row("000/000999-k3f9.md"), 999 / 16);
        assert_eq!(row("001/001000-k3f9.md"), first_row(Shard::new(1)));
    }
}

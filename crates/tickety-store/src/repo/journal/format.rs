//! The bytes of the journal.
//!
//! All numbers are little-endian. The first page has two slots, of which the valid one with the
//! higher sequence number says which *generation* of transactions counts; a checkpoint writes the
//! other slot, so a torn write of one leaves the other. Transactions follow, each at the start of a
//! page, so that none shares a page with one that was acknowledged before. Every transaction is
//! hashed together with the generation, an unguessable key: neither what an earlier generation left
//! nor the text of an issue can be taken for one.

use tickety_core::ident::Version;
use uuid::Uuid;

use super::super::os::BootId;

/// The size of a page. Transactions start at multiples of it.
pub(crate) const PAGE: u64 = 4096;
/// Where the first transaction is.
pub(crate) const START: u64 = PAGE;
/// The version of the format that this build reads and writes.
pub(crate) const FORMAT: u32 = 1;

/// Where the two slots of the first page are: in sectors of their own.
pub(crate) const SLOTS: [u64; 2] = [0, PAGE / 2];

const MAGIC: [u8; 8] = *b"tktyjrnl";
pub(crate) const TRANSACTION_MAGIC: [u8; 8] = *b"tktytxn\0";
const MARK_MAGIC: [u8; 8] = *b"tktymark";

/// The bytes of a checksum.
const SUM: usize = 16;

/// The size of a slot.
pub(crate) const SLOT_SIZE: usize = 8 + 4 + 8 + 16 + SUM;
/// The size of a transaction's header.
pub(crate) const HEADER_SIZE: usize = 8 + 16 + 8 + 8 + 16 + 4 + 8 + SUM;
/// The size of what precedes the path and bytes of a record.
pub(crate) const RECORD_SIZE: usize = 1 + 2 + 8 + 16 + 16;
/// The size of the mark.
pub(crate) const MARK_SIZE: usize = 8 + 4 + 16 + 16 + 8 + 8 + 8 + 8 + SUM;

/// Rounds up to the start of a page.
pub(crate) fn page_after(position: u64) -> Option<u64> {
    position.checked_next_multiple_of(PAGE)
}

/// Takes fields from the front of bytes whose length was checked.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the sizes above are the sums of the fields");
        self.0 = rest;
        *field
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
}

fn plain_sum(bytes: &[u8]) -> [u8; SUM] {
    cut(blake3::hash(bytes))
}

fn cut(hash: blake3::Hash) -> [u8; SUM] {
    *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

/// Which transactions of the file count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) sequence: u64,
    pub(crate) generation: Uuid,
}

/// What a slot's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotState {
    Valid(Slot),
    /// Of another version of the format.
    Version(u32),
    Invalid,
}

impl Slot {
    pub(crate) fn encode(&self) -> [u8; SLOT_SIZE] {
        let mut out = Vec::with_capacity(SLOT_SIZE);
        out.extend(MAGIC);
        out.extend(FORMAT.to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend(self.generation.as_bytes());
        out.extend(plain_sum(&out));
        out.try_into().expect("SLOT_SIZE is the sum of the fields")
    }

    pub(crate) fn decode(bytes: &[u8; SLOT_SIZE]) -> SlotState {
        let mut fields = Fields(bytes);
        if fields.take() != MAGIC {
            return SlotState::Invalid;
        }
        let format = fields.u32();
        if format != FORMAT {
            return SlotState::Version(format);
        }
        if plain_sum(&bytes[..SLOT_SIZE - SUM]) != bytes[SLOT_SIZE - SUM..] {
            return SlotState::Invalid;
        }
        SlotState::Valid(Self { sequence: fields.u64(), generation: Uuid::from_bytes(fields.take()) })
    }
}

/// What precedes the records of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// From 1 in each generation.
    pub(crate) id: u64,
    /// When it began, by the clock that stamps files; the same for all that were made durable together.
    pub(crate) time_ns: i64,
    pub(crate) boot: BootId,
    pub(crate) records: u32,
    /// The length of the records in bytes.
    pub(crate) length: u64,
    sum: [u8; SUM],
}

/// The hash over the records of a transaction, then over its header.
pub(crate) fn hasher(generation: Uuid) -> blake3::Hasher {
    let mut key = [0; 32];
    key[..16].copy_from_slice(generation.as_bytes());
    blake3::Hasher::new_keyed(&key)
}

impl Header {
    /// Encodes a header after the records went through the hasher.
    pub(crate) fn encode(
        generation: Uuid,
        (id, time_ns, boot): (u64, i64, BootId),
        (records, length): (u32, u64),
        mut hasher: blake3::Hasher,
    ) -> [u8; HEADER_SIZE] {
        let mut out = Vec::with_capacity(HEADER_SIZE);
        out.extend(TRANSACTION_MAGIC);
        out.extend(generation.as_bytes());
        out.extend(id.to_le_bytes());
        out.extend(time_ns.to_le_bytes());
        out.extend(boot.to_bytes());
        out.extend(records.to_le_bytes());
        out.extend(length.to_le_bytes());
        hasher.update(&out);
        out.extend(cut(hasher.finalize()));
        out.try_into().expect("HEADER_SIZE is the sum of the fields")
    }

    /// Decodes a header of this generation. That its sum is right is known only with the records.
    pub(crate) fn decode(bytes: &[u8; HEADER_SIZE], generation: Uuid) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.take() != TRANSACTION_MAGIC || Uuid::from_bytes(fields.take()) != generation {
            return None;
        }
        Some(Self {
            id: fields.u64(),
            time_ns: fields.i64(),
            boot: BootId::from_bytes(fields.take()),
            records: fields.u32(),
            length: fields.u64(),
            sum: fields.take(),
        })
    }

    /// Whether the sum is right, given a hasher that the records went through.
    pub(crate) fn is_intact(&self, bytes: &[u8; HEADER_SIZE], mut hasher: blake3::Hasher) -> bool {
        hasher.update(&bytes[..HEADER_SIZE - SUM]);
        cut(hasher.finalize()) == self.sum
    }
}

const HAS_BEFORE: u8 = 1;
const HAS_AFTER: u8 = 2;

/// What precedes the path and the bytes of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordHeader {
    pub(crate) path_length: u16,
    /// The length of the bytes: of what is written or, without `after`, of what is removed, as far as that is kept.
    pub(crate) length: u64,
    pub(crate) before: Option<Version>,
    pub(crate) after: Option<Version>,
}

impl RecordHeader {
    pub(crate) fn encode(&self) -> [u8; RECORD_SIZE] {
        let mut out = Vec::with_capacity(RECORD_SIZE);
        let flag = |version: Option<Version>, flag| if version.is_some() { flag } else { 0 };
        out.push(flag(self.before, HAS_BEFORE) | flag(self.after, HAS_AFTER));
        out.extend(self.path_length.to_le_bytes());
        out.extend(self.length.to_le_bytes());
        for version in [self.before, self.after] {
            out.extend(version.map_or([0; 16], Version::to_bytes));
        }
        out.try_into().expect("RECORD_SIZE is the sum of the fields")
    }

    pub(crate) fn decode(bytes: &[u8; RECORD_SIZE]) -> Self {
        let mut fields = Fields(bytes);
        let [flags] = fields.take();
        let path_length = u16::from_le_bytes(fields.take());
        let length = fields.u64();
        let mut version = |flag| {
            let version = Version::new(fields.take());
            (flags & flag != 0).then_some(version)
        };
        Self { path_length, length, before: version(HAS_BEFORE), after: version(HAS_AFTER) }
    }
}

/// How far the log goes and how far it was applied, as long as the kernel runs.
///
/// The mark lies in a file of its own that is never synced: in the journal it would add a page to
/// each sync (85 against 64 µs here). After a reboot it counts for nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) generation: Uuid,
    pub(crate) boot: BootId,
    /// The id of the last transaction; zero if there is none.
    pub(crate) last_id: u64,
    /// Where the last transaction ends.
    pub(crate) end: u64,
    /// Up to where all transactions are applied.
    pub(crate) applied: u64,
    /// When the first transaction was written.
    pub(crate) since_ns: i64,
}

impl Mark {
    pub(crate) fn encode(&self) -> [u8; MARK_SIZE] {
        let mut out = Vec::with_capacity(MARK_SIZE);
        out.extend(MARK_MAGIC);
        out.extend(FORMAT.to_le_bytes());
        out.extend(self.generation.as_bytes());
        out.extend(self.boot.to_bytes());
        for number in [self.last_id, self.end, self.applied] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.since_ns.to_le_bytes());
        out.extend(plain_sum(&out));
        out.try_into().expect("MARK_SIZE is the sum of the fields")
    }

    /// Decodes a mark; `None` if it is damaged, half written or of another format, which all mean
    /// that nothing is known.
    pub(crate) fn decode(bytes: &[u8; MARK_SIZE]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let intact = fields.take() == MARK_MAGIC
            && fields.u32() == FORMAT
            && plain_sum(&bytes[..MARK_SIZE - SUM]) == bytes[MARK_SIZE - SUM..];
        let mark = intact.then(|| Self {
            generation: Uuid::from_bytes(fields.take()),
            boot: BootId::from_bytes(fields.take()),
            last_id: fields.u64(),
            end: fields.u64(),
            applied: fields.u64(),
            since_ns: fields.i64(),
        });
        mark.filter(|mark| START <= mark.applied && mark.applied <= mark.end && mark.last_id < u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_survives_encoding() {
        let slot = Slot { sequence: 7, generation: Uuid::from_u128(9) };
        assert_eq!(Slot::decode(&slot.encode()), SlotState::Valid(slot));
        let record = RecordHeader { path_length: 3, length: 99, before: None, after: Some(Version::new([5; 16])) };
        assert_eq!(RecordHeader::decode(&record.encode()), record);
        let mark = Mark {
            generation: Uuid::from_u128(9),
            boot: BootId::from_bytes([1; 16]),
            last_id: 1,
            end: START + 3,
            applied: START + 2,
            since_ns: -4,
        };
        let read = Mark::decode(&mark.encode()).unwrap();
        assert_eq!((read.last_id, read.end, read.applied, read.since_ns), (1, START + 3, START + 2, -4));
    }

    #[test]
    fn a_mark_that_makes_no_sense_is_none() {
        let mark = |last_id, end, applied| {
            let mark =
                Mark { generation: Uuid::nil(), boot: BootId::from_bytes([1; 16]), last_id, end, applied, since_ns: 0 };
            Mark::decode(&mark.encode())
        };
        assert!(mark(0, START, START).is_some());
        for (last_id, end, applied) in [(0, 0, 0), (1, START, START + 1), (u64::MAX, START, START)] {
            assert!(mark(last_id, end, applied).is_none());
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let slot = Slot { sequence: 7, generation: Uuid::from_u128(9) }.encode();
        for bit in 0..SLOT_SIZE * 8 {
            let mut damaged = slot;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Slot::decode(&damaged), SlotState::Valid(_)), "bit {bit}");
        }
    }

    #[test]
    fn an_unknown_boot_is_never_the_same() {
        let unknown = BootId::from_bytes([0; 16]);
        assert!(!unknown.is_same(unknown));
        assert!(BootId::from_bytes([1; 16]).is_same(BootId::from_bytes([1; 16])));
    }
}

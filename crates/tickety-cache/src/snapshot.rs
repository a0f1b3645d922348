//! Writing a cache down and reading it again.
//!
//! The form: a mark with its version, the schema, the time, the number of entries, the entries, and a checksum
//! (CRC-64/XZ) over all before it. Numbers are little-endian; texts and bytes come after their length. It is read
//! whole and checked before the first entry is stored.

mod checksum;

use std::hash::Hash;
use std::io::{self, Read, Write};
use std::time::Duration;

use thiserror::Error;

use self::checksum::checksum;
use crate::cache::Cache;
use crate::clock::Span;
use crate::codec::{Codec, CodecError};
use crate::entry::Entry;
use crate::slot::Slot;

/// Why a snapshot was not written or read. What couldn't be read has stored nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The writer or the reader failed.
    #[error("could not {0} the snapshot of the cache")]
    Io(&'static str, #[source] io::Error),
    /// A key or a value could not be written or read.
    #[error("could not {0} an entry in the snapshot of the cache")]
    Codec(&'static str, #[source] CodecError),
    /// It isn't what was written, or not of this version.
    #[error("the snapshot of the cache is damaged or of another version: {0}")]
    Damaged(&'static str),
    /// It was written with another schema.
    #[error("the snapshot of the cache holds `{found}` and not `{expected}`")]
    Schema {
        /// The schema it was written with.
        found: String,
        /// That of the codec.
        expected: String,
    },
}

const MARK: &[u8; 16] = b"tickety-cache\0\0\x01";

/// The longest time, which stands for ever.
const NEVER: u64 = u64::MAX;

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// Writes all entries that can be served, and returns how many. `now` is the time since the Unix epoch, by
    /// which entries grow older until they are read.
    ///
    /// # Errors
    ///
    /// If the writer or the codec fails.
    pub fn write_snapshot(
        &self,
        mut to: impl Write,
        codec: &impl Codec<K, V>,
        now: Duration,
    ) -> Result<u64, SnapshotError> {
        let inner = self.inner();
        let tick = inner.world.time.now();
        let mut entries = Vec::new();
        let mut count = 0_u64;
        for (slot, value) in inner.spaces().flat_map(crate::engine::Engine::iter) {
            if !slot.facts.judge(tick, &inner.world).is_live() {
                continue;
            }
            count += 1;
            let class = &inner.rules(slot.facts.class()).name;
            let age = crate::clock::duration(slot.facts.age(tick));
            write_entry(&mut entries, codec, &slot, value.as_ref(), class, age)?;
        }
        let mut bytes = MARK.to_vec();
        put_bytes(&mut bytes, codec.schema().as_bytes());
        bytes.extend(milliseconds(now).to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.append(&mut entries);
        bytes.extend(checksum(&bytes).to_le_bytes());
        to.write_all(&bytes).and_then(|()| to.flush()).map_err(|error| SnapshotError::Io("write", error))?;
        Ok(count)
    }

    /// Reads a snapshot and stores, as long as there is room, the entries that aren't over and whose keys are not there
    /// yet. Returns how many. Classes are found by their names.
    ///
    /// # Errors
    ///
    /// If the reader or the codec fails, or the snapshot is damaged or of another schema. Then nothing is stored.
    pub fn read_snapshot(
        &self,
        mut from: impl Read,
        codec: &impl Codec<K, V>,
        now: Duration,
    ) -> Result<u64, SnapshotError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(|error| SnapshotError::Io("read", error))?;
        let entries = self.parse(&bytes, codec, now)?;
        Ok(self.warm(entries))
    }

    fn parse(
        &self,
        bytes: &[u8],
        codec: &impl Codec<K, V>,
        now: Duration,
    ) -> Result<Vec<(K, Entry<V>)>, SnapshotError> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(SnapshotError::Damaged("it is too short"))?;
        let mut rest = body.strip_prefix(MARK).ok_or(SnapshotError::Damaged("it does not begin as one"))?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(SnapshotError::Damaged("its checksum is wrong"));
        }
        let schema = take_text(&mut rest)?;
        if schema != codec.schema() {
            let expected = codec.schema().to_owned();
            return Err(SnapshotError::Schema { found: schema.to_owned(), expected });
        }
        let written = Duration::from_millis(take_number(&mut rest)?);
        let passed = now.saturating_sub(written);
        let count = take_number(&mut rest)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(self.parse_entry(&mut rest, codec, passed)?);
        }
        if !rest.is_empty() {
            return Err(SnapshotError::Damaged("it goes on after its last entry"));
        }
        Ok(entries)
    }

    fn parse_entry(
        &self,
        rest: &mut &[u8],
        codec: &impl Codec<K, V>,
        passed: Duration,
    ) -> Result<(K, Entry<V>), SnapshotError> {
        let key = codec.read_key(take_bytes(rest)?).map_err(|error| SnapshotError::Codec("read", error))?;
        let mut entry = match take_number(rest)? {
            0 => Entry::negative(),
            _ => Entry::new(codec.read_value(take_bytes(rest)?).map_err(|error| SnapshotError::Codec("read", error))?),
        };
        if let Some(class) = self.class(take_text(rest)?) {
            entry = entry.class(class);
        }
        entry = entry.age(Duration::from_millis(take_number(rest)?).saturating_add(passed));
        entry = entry.soft_ttl(take_time(rest)?).ttl(take_time(rest)?);
        entry = entry.weight(u32::try_from(take_number(rest)?).unwrap_or(u32::MAX));
        for _ in 0..take_number(rest)? {
            entry = entry.tag(take_text(rest)?.to_owned());
        }
        Ok((key, entry))
    }
}

fn write_entry<K, V>(
    to: &mut Vec<u8>,
    codec: &impl Codec<K, V>,
    slot: &Slot<K>,
    value: Option<&V>,
    class: &str,
    age: Duration,
) -> Result<(), SnapshotError> {
    let failed = |error| SnapshotError::Codec("write", error);
    let mut bytes = Vec::new();
    codec.write_key(&slot.key, &mut bytes).map_err(failed)?;
    put_bytes(to, &bytes);
    to.extend(u64::from(value.is_some()).to_le_bytes());
    if let Some(value) = value {
        bytes.clear();
        codec.write_value(value, &mut bytes).map_err(failed)?;
        put_bytes(to, &bytes);
    }
    put_bytes(to, class.as_bytes());
    // Rounded up, so that nothing gets younger.
    to.extend(milliseconds(age).saturating_add(1).to_le_bytes());
    for span in [slot.facts.soft, slot.facts.hard] {
        to.extend(span_milliseconds(span).to_le_bytes());
    }
    to.extend(u64::from(slot.facts.weight()).to_le_bytes());
    let tags: Vec<_> = slot.facts.tags().into_iter().flat_map(|tag| tag.names()).collect();
    to.extend((tags.len() as u64).to_le_bytes());
    tags.into_iter().for_each(|tag| put_bytes(to, tag.as_bytes()));
    Ok(())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1)
}

fn span_milliseconds(span: Span) -> u64 {
    span.duration().map_or(NEVER, milliseconds)
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u64).to_le_bytes());
    to.extend(bytes);
}

fn take_number(rest: &mut &[u8]) -> Result<u64, SnapshotError> {
    let (number, after) = rest.split_first_chunk::<8>().ok_or(SnapshotError::Damaged("it ends too early"))?;
    *rest = after;
    Ok(u64::from_le_bytes(*number))
}

fn take_time(rest: &mut &[u8]) -> Result<Duration, SnapshotError> {
    let milliseconds = take_number(rest)?;
    Ok(if milliseconds == NEVER { Duration::MAX } else { Duration::from_millis(milliseconds) })
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SnapshotError> {
    let length = usize::try_from(take_number(rest)?).unwrap_or(usize::MAX);
    let (bytes, after) = rest.split_at_checked(length).ok_or(SnapshotError::Damaged("it ends too early"))?;
    *rest = after;
    Ok(bytes)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, SnapshotError> {
    std::str::from_utf8(take_bytes(rest)?).map_err(|_| SnapshotError::Damaged("a text in it is none"))
}

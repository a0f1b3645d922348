//! Makes any bytes a journal whose sums are right.

use super::super::os::BootId;
use super::format::{
    HEADER_SIZE, Header, Mark, PAGE, SLOT_SIZE, SLOTS, START, Slot, SlotState, TRANSACTION_MAGIC, hasher, page_after,
};

const PAGE_BYTES: usize = PAGE as usize;
const _: () = assert!(PAGE_BYTES == super::super::fuzzing::PAGE);

/// Where the parts of a header are: the generation, the id, the boot id and the number of records.
const GENERATION: usize = TRANSACTION_MAGIC.len();
const ID: usize = GENERATION + 16;
const BOOT: usize = ID + 8 + 8;
const RECORDS: usize = BOOT + 16;

/// Takes each page that begins like a transaction for one: gives it the generation of the journal, a length within the
/// bytes, and the right sum. A boot id of zeros becomes the one of this kernel. Without a slot, the first gets one.
pub fn journal(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().max(PAGE_BYTES).next_multiple_of(PAGE_BYTES), 0);
    let slot = slot_of(bytes).unwrap_or_else(|| {
        let slot = Slot { sequence: 2, generation: uuid::Uuid::from_u128(1) };
        bytes[..SLOT_SIZE].copy_from_slice(&slot.encode());
        slot
    });
    let starts = (START as usize..bytes.len()).step_by(PAGE_BYTES);
    // From behind, since one may lie in the records of another.
    for start in starts.rev().filter(|start| bytes[*start..].starts_with(&TRANSACTION_MAGIC)).collect::<Vec<_>>() {
        let (header, rest) = bytes[start..].split_at_mut(HEADER_SIZE);
        header[GENERATION..ID].copy_from_slice(slot.generation.as_bytes());
        if header[BOOT..RECORDS].iter().all(|byte| *byte == 0) {
            header[BOOT..RECORDS].copy_from_slice(&BootId::current().to_bytes());
        }
        let whole: &[u8; HEADER_SIZE] = (&*header).try_into().expect("it was cut to this size");
        let Some(Header { id, time_ns, boot, records, length, .. }) = Header::decode(whole, slot.generation) else {
            continue;
        };
        let length = length.min(rest.len() as u64);
        let mut sum = hasher(slot.generation);
        sum.update(&rest[..length as usize]);
        header.copy_from_slice(&Header::encode(slot.generation, (id, time_ns, boot), (records, length), sum));
    }
}

/// Makes the mark of a journal: all of its transactions were written under this kernel, and those up to a position
/// were applied. Zero stands for the start, and what lies behind the end for the end.
pub fn mark(journal: &[u8], applied: u64) -> Vec<u8> {
    let generation = slot_of(journal).map_or(uuid::Uuid::nil(), |slot| slot.generation);
    let (mut end, mut last_id) = (START, 0);
    while let Some(bytes) = journal.get(end as usize..).and_then(|rest| rest.first_chunk::<HEADER_SIZE>()) {
        let Some(header) = Header::decode(bytes, generation) else { break };
        let next = end.checked_add(HEADER_SIZE as u64).and_then(|start| page_after(start.checked_add(header.length)?));
        let Some(next) = next else { break };
        (end, last_id) = (next, header.id);
    }
    let applied = applied.clamp(START, end);
    Mark { generation, boot: BootId::current(), last_id, end, applied, since_ns: 0 }.encode().to_vec()
}

/// Returns the slot that counts.
fn slot_of(bytes: &[u8]) -> Option<Slot> {
    let slots = SLOTS.iter().filter_map(|start| {
        let bytes = bytes.get(*start as usize..)?.first_chunk::<SLOT_SIZE>()?;
        match Slot::decode(bytes) {
            SlotState::Valid(slot) => Some(slot),
            SlotState::Version(_) | SlotState::Invalid => None,
        }
    });
    slots.max_by_key(|slot| slot.sequence)
}

#[cfg(test)]
mod tests {
    use super::super::format::FORMAT;
    use super::super::{Journal, JournalError, verify};
    use super::*;
    use crate::repo::os::fault;
    use crate::repo::recovery::salvage;
    use crate::repo::scene::Scene;

    #[test]
    fn what_is_forged_counts_as_a_journal() {
        let scene = Scene::new();
        scene.put("issues/000/000001-k3f9.md", b"one");
        let mut bytes = std::fs::read(scene.layout.journal()).unwrap();
        // The last byte of the record.
        let end = START as usize + HEADER_SIZE + 300;
        let place = (0..end).rev().find(|place| bytes[*place] != 0).unwrap();
        bytes[place] ^= 1;
        std::fs::write(scene.layout.journal(), &bytes).unwrap();
        assert_eq!(verify(&scene.layout).unwrap(), 0);
        journal(&mut bytes);
        std::fs::write(scene.layout.journal(), &bytes).unwrap();
        std::fs::write(scene.layout.journal_mark(), mark(&bytes, 0)).unwrap();
        assert_eq!(verify(&scene.layout).unwrap(), 1);
        assert!(Journal::open(&scene.layout, &scene.lock()).unwrap().needs_recovery());
    }

    #[test]
    fn bytes_without_anything_become_an_empty_journal() {
        let scene = Scene::new();
        scene.put("issues/000/000001-k3f9.md", b"one");
        let mut bytes = Vec::new();
        journal(&mut bytes);
        assert_eq!(&bytes[8..12], FORMAT.to_le_bytes());
        std::fs::write(scene.layout.journal(), &bytes).unwrap();
        assert_eq!(verify(&scene.layout).unwrap(), 0);
    }

    #[test]
    fn a_record_that_reaches_out_of_its_transaction_is_damage() {
        // Where the lengths of the path and of the bytes are.
        let record = START as usize + HEADER_SIZE;
        for (place, value) in [(record + 1, 0xff), (record + 3, 0xff), (record + 3 + 5, 1), (record + 3 + 7, 0xff)] {
            let scene = Scene::new();
            scene.put("issues/000/000001-k3f9.md", b"one");
            let mut bytes = std::fs::read(scene.layout.journal()).unwrap();
            bytes[place] = value;
            journal(&mut bytes);
            std::fs::write(scene.layout.journal(), &bytes).unwrap();
            fault::set_boot(2);
            assert!(matches!(scene.recover(), Err(JournalError::Damaged { .. })), "byte {place}");
            // What can't be made sense of doesn't stand in the way for ever.
            salvage(&scene.layout, &scene.lock(), &scene.home).unwrap();
            scene.put("issues/000/000002-k3f9.md", b"two");
            assert_eq!(scene.contents().len(), 2);
        }
    }
}

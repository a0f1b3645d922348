//! Ids of what comes from elsewhere.
//!
//! Two clones that import the same file, on two branches, have to make the same issues: the same
//! ids, so the same suffixes and file names, so that the branches merge without a copy. Ids are
//! therefore derived from what the other tracker calls the thing, not drawn.
//!
//! They have the shape of version 7 and not of version 5 or 8, because the rest of Tickety counts
//! on it: an id begins with the time of creation, so ids order by age. The 74 bits that version 7 leaves to chance are
//! taken from a hash of the name (BLAKE3 with its own context), which is as unlike for
//! different names as chance is. The time is no part of what is hashed: a source that corrects a time of
//! creation doesn't give the thing another suffix.

use jiff::Timestamp;
use tickety_core::ident::IssueId;
use tickety_core::issue::CommentId;
use uuid::{Builder, Uuid};

/// Returns the id of the issue that is called `reference`, as in `beads:bd-42`.
pub(crate) fn imported_issue_id(reference: &str, created: Option<Timestamp>) -> IssueId {
    IssueId::new(derived(&["issue", reference], created))
}

/// Returns the id of a comment on the issue that is called `reference`.
pub(crate) fn imported_comment_id(reference: &str, comment: &str, created: Option<Timestamp>) -> CommentId {
    CommentId::new(derived(&["comment", reference, comment], created))
}

/// Returns what is left of an id without its time: equal for two ids derived from the same name.
pub(crate) fn fingerprint(id: Uuid) -> u128 {
    id.as_u128() & ((1 << 80) - 1)
}

/// Returns the number that a comment made here has in formats that number their comments: 52
/// bits of its id, more than one, so that it is exact in every JSON reader and far from small numbers.
pub(crate) fn comment_number(id: CommentId) -> u64 {
    const BITS: u64 = 1 << 52;
    (id.uuid().as_u128() as u64 & (BITS - 1)) | (BITS >> 1)
}

fn derived(parts: &[&str], created: Option<Timestamp>) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key("tickety 2026 ids of imported things, version 1");
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    let bits: &[u8; 10] = hash.as_bytes()[..10].try_into().expect("ten bytes of a hash of thirty-two");
    // Times before 1970 have no place in an id; the id of an issue without a time begins with 0.
    let millis = created.and_then(|time| u64::try_from(time.as_millisecond()).ok()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, bits).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_id_of_version_seven() {
        let created: Timestamp = "2026-01-02T03:04:05.678901234Z".parse().unwrap();
        let id = imported_issue_id("beads:bd-1", Some(created));
        assert_eq!(id, imported_issue_id("beads:bd-1", Some(created)));
        assert_eq!(id.uuid().get_version_num(), 7);
        assert_eq!(id.uuid().get_timestamp().unwrap().to_unix(), (1_767_323_045, 678_000_000));
    }

    #[test]
    fn only_the_name_decides_the_suffix() {
        let created: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let id = imported_issue_id("beads:bd-1", Some(created));
        assert_eq!(id.suffix(), imported_issue_id("beads:bd-1", None).suffix());
        assert_eq!(fingerprint(id.uuid()), fingerprint(imported_issue_id("beads:bd-1", None).uuid()));
        assert_ne!(id.suffix(), imported_issue_id("beads:bd-2", Some(created)).suffix());
    }

    #[test]
    fn parts_of_a_name_do_not_run_together() {
        assert_ne!(imported_comment_id("beads:a", "bc", None), imported_comment_id("beads:ab", "c", None));
    }

    #[test]
    fn the_number_of_a_comment_is_exact_as_a_double() {
        let number = comment_number(imported_comment_id("beads:a", "1", None));
        assert_eq!(number as f64 as u64, number);
        assert!(number > u64::from(u32::MAX));
    }
}

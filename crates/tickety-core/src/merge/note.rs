//! The comment that keeps a value which gave way in a merge.

use jiff::Timestamp;
use uuid::Builder;

use super::Overruled;
use crate::ident::IssueId;
use crate::issue::{Comment, CommentId};
use crate::operation::FieldState;

/// Who writes the comments about values that gave way in a merge.
pub const NOTE_AUTHOR: &str = "tickety";

/// Makes the comment that keeps a value which gave way. All of it follows from the arguments, so that everybody who
/// merges the same makes the same one. `created` is when its side was last changed.
pub fn note(issue: IssueId, overruled: &Overruled, created: Timestamp) -> Comment {
    let Overruled { field, kept: _, other } = overruled;
    let body = format!("`{field}` was changed on both sides of a merge. {}", told(other));
    let hash = fingerprint(&[issue.uuid().as_bytes(), body.as_bytes()]).to_be_bytes();
    let millis = u64::try_from(created.as_millisecond()).unwrap_or_default();
    let random = *hash.last_chunk().expect("16 bytes are more than 10");
    let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Comment { id: CommentId::new(id), author: Some(NOTE_AUTHOR.to_owned()), created, body }
}

fn told(other: &FieldState) -> String {
    let values = match other {
        FieldState::Absent | FieldState::Unknown => return "The side that gave way had removed it.".to_owned(),
        FieldState::Value(value) => value.clone(),
        FieldState::List(values) => values.join(", "),
    };
    let quoted: Vec<String> = values.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    format!("This value gave way:\n\n{}", quoted.join("\n"))
}

/// Hashes bytes with FNV-1a, 128 bits: the same everywhere and always. Nobody gains by a collision.
fn fingerprint(parts: &[&[u8]]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    parts.iter().copied().flatten().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

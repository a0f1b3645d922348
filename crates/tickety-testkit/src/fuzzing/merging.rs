//! Merging versions of files.

use std::sync::LazyLock;

use jiff::Timestamp;
use tickety_core::Issue;
use tickety_core::merge::Side;
use tickety_core::schema::Schema;
use tickety_store::repo::format::{
    IssueFile, merge_comment_files, merge_issue_files, merge_lines, parse_comment, parse_issue,
};

use super::records::key;

static SCHEMA: LazyLock<Schema> = LazyLock::new(super::schema);

/// What separates the versions: the base, ours, theirs; or the last two alone.
const SEPARATOR: &str = "\n==\n";

/// When the two sides were changed.
const TIMES: [i64; 2] = [1_794_000_000, 1_795_000_000];

/// Merges versions of the file of an issue or a comment. What comes out says what the merge says, whichever side is
/// called ours.
pub fn merged_files(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let versions: Vec<&[u8]> = text.split(SEPARATOR).map(str::as_bytes).collect();
    let (base, ours, theirs) = match versions.as_slice() {
        [ours, theirs] => (None, *ours, *theirs),
        [base, ours, theirs] => (Some(*base), *ours, *theirs),
        _ => return,
    };
    merge_lines(base.unwrap_or_default(), ours, theirs);
    let [our_time, their_time] = TIMES.map(|time| Timestamp::from_second(time).ok());
    issue(base, Side::new(ours, our_time), Side::new(theirs, their_time));
    comment(base, Side::new(ours, our_time), Side::new(theirs, their_time));
}

fn issue(base: Option<&[u8]>, ours: Side<&[u8]>, theirs: Side<&[u8]>) {
    let (key, schema) = (key(), &*SCHEMA);
    fn file(bytes: &[u8]) -> IssueFile<'_> {
        IssueFile { bytes, key: super::records::key() }
    }
    let [our, their] = [ours, theirs].map(|side| Side::new(file(side.state), side.changed));
    let merged = match merge_issue_files(base.map(file), our, their, schema) {
        Ok(merged) => merged,
        Err(error) => return drop(error.to_string()),
    };
    let says = merged.merged.issue.clone().map(|issue| Issue { comments: Vec::new(), ..issue });
    let read = parse_issue(&merged.bytes, key, schema).expect("what was merged can be read");
    assert_eq!(Some(&read), says.as_ref(), "the file says what the merge says");
    let other = merge_issue_files(base.map(file), their, our, schema).expect("the sides can be called otherwise");
    assert_eq!(other.merged, merged.merged, "with the sides called otherwise");
    assert!(other.bytes == merged.bytes, "the file, with the sides called otherwise");
}

fn comment(base: Option<&[u8]>, ours: Side<&[u8]>, theirs: Side<&[u8]>) {
    let suffix = key().suffix;
    let merged = match merge_comment_files(base, ours, theirs, suffix) {
        Ok(merged) => merged,
        Err(error) => return drop(error.to_string()),
    };
    let read = parse_comment(&merged.bytes, suffix).expect("what was merged can be read");
    assert_eq!(read, merged.comment, "the file says what the merge says");
    let other = merge_comment_files(base, theirs, ours, suffix).expect("the sides can be called otherwise");
    assert!(other.bytes == merged.bytes, "the file, with the sides called otherwise");
}

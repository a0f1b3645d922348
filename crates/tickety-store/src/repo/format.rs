//! The files of issues and comments: format 1 of docs/format.md.
//!
//! A file is YAML front matter and a Markdown body. [`parse_issue`] reads more than is ever
//! written, since people write these files by hand; [`print_issue`] writes a new one;
//! [`edit_issue`] changes only the lines that a change is about, so that unknown keys, comments,
//! order and line endings survive and stock git merges edits of different things; [`merge_issue_files`] makes one
//! of two versions where git could not. Nothing here touches a file system.

pub(crate) mod conflict;
mod document;
mod edit;
mod error;
mod key;
mod merge;
mod plain;
mod print;
mod read;
mod record;
mod scalar;
mod seal;
mod value;
mod yaml;

#[cfg(test)]
mod tests;

use tickety_core::ident::{IssueKey, Suffix};
use tickety_core::issue::{Comment, Issue};
use tickety_core::schema::Schema;

use document::Document;
pub use error::{FormatError, FormatProblem};
pub use merge::{
    IssueFile, MergeError, MergedCommentFile, MergedIssueFile, merge_comment_files, merge_issue_files, merge_lines,
};
use record::{CommentRecord, IssueRecord};

/// The version of the format that is read and written. Records carry a key `format` only where
/// theirs is another one.
pub const VERSION: u32 = 1;

/// The most bytes that the file of an issue may have.
pub const ISSUE_BYTES: usize = 4 << 20;

/// The most bytes that the file of a comment may have.
pub const COMMENT_BYTES: usize = 1 << 20;

/// The most bytes that front matter may have.
pub const FRONT_MATTER_BYTES: usize = 2 << 20;

/// Reads the file of an issue, without its comments. The key is the one its name gives.
pub fn parse_issue(bytes: &[u8], key: IssueKey, schema: &Schema) -> Result<Issue, FormatError> {
    let document = Document::split(bytes, ISSUE_BYTES)?;
    read::entries(&document)
        .and_then(|entries| read::issue(&document, entries, key.suffix, schema))
        .map(|mut record| {
            seal::forget_if_edited(&mut record, &document);
            record.into_issue(key, schema)
        })
        .map_err(|fault| FormatError::locate(document.text, fault))
}

/// Writes the file of an issue that has none yet. Comments have files of their own.
///
/// Every declared custom field gets a line, set or not, so that two branches may each set one.
pub fn print_issue(issue: &Issue, schema: &Schema) -> Result<Vec<u8>, FormatError> {
    let mut text = print::issue(&IssueRecord::of(issue), schema);
    if issue.imported_updated.is_some() {
        seal::put(&mut text)?;
    }
    let bytes = text.into_bytes();
    Document::split(&bytes, ISSUE_BYTES)?;
    Ok(bytes)
}

/// Changes the file of an issue into one that says `after`, its comments aside, and touches only
/// the lines of what differs. The result is read again: what can't be written so that it reads as
/// `after` is an error.
pub fn edit_issue(original: &[u8], after: &Issue, schema: &Schema) -> Result<Vec<u8>, FormatError> {
    edit::issue(original, after, schema)
}

/// Reads the file of a comment. The suffix is the one at the end of its name.
pub fn parse_comment(bytes: &[u8], suffix: Suffix) -> Result<Comment, FormatError> {
    let document = Document::split(bytes, COMMENT_BYTES)?;
    read::entries(&document)
        .and_then(|entries| read::comment(&document, entries, suffix))
        .map(CommentRecord::into_comment)
        .map_err(|fault| FormatError::locate(document.text, fault))
}

/// Writes the file of a comment that has none yet.
pub fn print_comment(comment: &Comment) -> Result<Vec<u8>, FormatError> {
    let bytes = print::comment(&CommentRecord::of(comment)).into_bytes();
    Document::split(&bytes, COMMENT_BYTES)?;
    Ok(bytes)
}

/// Changes the file of a comment into one that says `after`, as [`edit_issue`] does.
pub fn edit_comment(original: &[u8], after: &Comment) -> Result<Vec<u8>, FormatError> {
    edit::comment(original, after)
}

//! Changing files line by line, so that what a change isn't about stays byte for byte.
//!
//! The result is always read again. Where the finest change doesn't read as meant (a list in
//! brackets, a text over several lines), the whole value of the key is written anew; where not
//! even that does, nothing is.

mod entry;
mod patch;
mod places;

use tickety_core::issue::{Comment, Issue};
use tickety_core::schema::Schema;

use super::document::{Document, write_body};
use super::error::{FormatError, FormatProblem};
use super::key::Key;
use super::record::{CommentRecord, IssueRecord, Written};
use super::{COMMENT_BYTES, ISSUE_BYTES, parse_comment, parse_issue, read, seal};
pub(super) use entry::extent;
use entry::{Change, FrontMatter, Grain};
pub(super) use patch::Patches;

/// Changes the file of an issue; see [`super::edit_issue`].
pub(super) fn issue(original: &[u8], after: &Issue, schema: &Schema) -> Result<Vec<u8>, FormatError> {
    let document = Document::split(original, ISSUE_BYTES)?;
    let locate = |fault| FormatError::locate(document.text, fault);
    let entries = read::entries(&document).map_err(locate)?;
    let mut before = read::issue(&document, entries.clone(), after.id.suffix(), schema).map_err(locate)?;
    // As it is written, whether it still counts or not.
    let (updated, updated_state) = (before.updated, before.updated_state.clone());
    seal::forget_if_edited(&mut before, &document);
    let before = before.into_issue(after.key(), schema);
    let (before, after_record) = (IssueRecord::of(&before), IssueRecord::of(after));
    if before == after_record {
        return Ok(original.to_vec());
    }
    let before = IssueRecord { updated, updated_state, ..before };

    let front = FrontMatter::new(&document, &entries, schema);
    let written = |key: Key| (before.written(key), after_record.written(key));
    let status_changes = before.status != after_record.status;
    let mut unread = "body";
    for grain in [Grain::Line, Grain::Key] {
        let mut patches = Patches::new(document.newline());
        for key in Key::ALL {
            // With another status, what an earlier closing left in the file would count again.
            let counts_again = status_changes && Key::CLOSURE.contains(&key);
            if before.has_same(key, &after_record) && !counts_again {
                continue;
            }
            let (old, new) = written(key);
            if old != new || counts_again {
                front.change(&mut patches, &Change { key, old, new }, grain);
            }
        }
        patch_body(&mut patches, &document, &before.body, &after_record.body);
        let mut text = patches.apply(document.text);
        if after.imported_updated.is_some() {
            seal::put(&mut text)?;
        }
        let bytes = text.into_bytes();
        match parse_issue(&bytes, after.key(), schema) {
            Ok(read) => match difference(&IssueRecord::of(&read), &after_record) {
                None => return Ok(bytes),
                Some(key) => unread = key,
            },
            Err(error)
                if matches!(
                    error.problem,
                    FormatProblem::TooLarge { .. } | FormatProblem::FrontMatterTooLarge { .. }
                ) =>
            {
                return Err(error);
            }
            Err(_) => {
                if let Some(key) = Key::ALL.into_iter().find(|&key| {
                    let (old, new) = written(key);
                    old != new
                }) {
                    unread = key.as_str();
                }
            }
        }
    }
    Err(FormatError::whole(FormatProblem::NotWritable { key: unread }))
}

/// Changes the file of a comment; see [`super::edit_comment`].
pub(super) fn comment(original: &[u8], after: &Comment) -> Result<Vec<u8>, FormatError> {
    let document = Document::split(original, COMMENT_BYTES)?;
    let locate = |fault| FormatError::locate(document.text, fault);
    let entries = read::entries(&document).map_err(locate)?;
    let before = read::comment(&document, entries.clone(), after.id.suffix()).map_err(locate)?.into_comment();
    let (before, after_record) = (CommentRecord::of(&before), CommentRecord::of(after));

    let mut patches = Patches::new(document.newline());
    for ((key, old), (_, new)) in before.written().into_iter().zip(after_record.written()) {
        if old == new {
            continue;
        }
        let mut line = String::new();
        super::print::write_entry(&mut line, key, &new);
        match entries.iter().position(|entry| entry.key == key) {
            Some(index) => patches.replace(entry::extent(&document, &entries, index), &line),
            None => patches.insert(document.front.end, &line),
        }
    }
    patch_body(&mut patches, &document, &before.body, &after_record.body);
    let bytes = patches.apply(document.text).into_bytes();
    match parse_comment(&bytes, after.id.suffix()) {
        Ok(read) if read == *after => Ok(bytes),
        Err(error) if matches!(error.problem, FormatProblem::TooLarge { .. }) => Err(error),
        _ => Err(FormatError::whole(FormatProblem::NotWritable { key: "author" })),
    }
}

/// Replaces the body if it changes.
fn patch_body(patches: &mut Patches, document: &Document<'_>, before: &str, after: &str) {
    if before == after {
        return;
    }
    let mut body = String::with_capacity(after.len() + 16);
    if !document.text[..document.body_start].ends_with('\n') {
        body.push('\n');
    }
    write_body(&mut body, after, "\n");
    patches.replace(document.body_start..document.text.len(), &body);
}

/// Returns the first key that two records differ in.
fn difference(read: &IssueRecord<'_>, meant: &IssueRecord<'_>) -> Option<&'static str> {
    if read == meant {
        return None;
    }
    let key = Key::ALL.into_iter().find(|&key| read.written(key) != meant.written(key));
    Some(key.map_or("body", Key::as_str))
}

impl Written<'_> {
    /// Whether a file that lacks the key says the same.
    fn is_nothing(&self) -> bool {
        match self {
            Self::Absent | Self::Nothing => true,
            Self::Scalar(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
        }
    }
}

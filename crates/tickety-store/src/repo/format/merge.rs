//! Merging the files of issues and comments: three versions of a file in, one out.
//!
//! What a file says is merged by field; how it says that comes from the lines. What one side added to the front matter
//! or wrote otherwise (comments, unknown keys, quoting) is taken over line by line, and where that can't be done the newer
//! side's lines stand. The result is then edited to say what the merge of the fields says, which touches no other line.

mod front;

use tickety_core::ident::{IssueKey, Suffix};
use tickety_core::issue::{Comment, Issue};
use tickety_core::merge::{self, Merged, Overruled, Side};
use tickety_core::operation::FieldState;
use tickety_core::schema::Schema;

use super::conflict;
use super::error::FormatError;
use super::{COMMENT_BYTES, ISSUE_BYTES, edit_comment, edit_issue, parse_comment, parse_issue};
use front::{Skeleton, newer_of};

/// How deep conflicts may lie in conflicts of a base.
const DEPTH: usize = 4;

/// The bytes of the file of an issue, and the name it has there.
#[derive(Clone, Copy, Debug)]
pub struct IssueFile<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The name.
    pub key: IssueKey,
}

/// What became of two versions of the file of an issue.
#[derive(Clone, Debug)]
pub struct MergedIssueFile {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it says, without comments but for the notes that the merge made, and what gave way.
    pub merged: Merged,
}

/// What became of two versions of the file of a comment.
#[derive(Clone, Debug)]
pub struct MergedCommentFile {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it says.
    pub comment: Comment,
    /// Whether the text has two versions of some lines between markers, because of this merge.
    pub conflict: bool,
}

/// Why two files can't be merged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MergeError {
    /// Our side can't be read.
    #[error("our side can't be read: {0}")]
    Ours(FormatError),
    /// Their side can't be read.
    #[error("their side can't be read: {0}")]
    Theirs(FormatError),
    /// What both sides say can't be written into one file.
    #[error("the two can't be put into one file: {0}")]
    Result(FormatError),
    /// The two are different issues, or comments.
    #[error("the two have different ids: they are not versions of one")]
    OtherRecord,
}

/// Merges two versions of the file of an issue. A base that can't be read is none.
pub fn merge_issue_files(
    base: Option<IssueFile<'_>>,
    ours: Side<IssueFile<'_>>,
    theirs: Side<IssueFile<'_>>,
    schema: &Schema,
) -> Result<MergedIssueFile, MergeError> {
    let parse = |file: IssueFile<'_>| parse_issue(file.bytes, file.key, schema);
    let our = parse(ours.state).map_err(MergeError::Ours)?;
    let their = parse(theirs.state).map_err(MergeError::Theirs)?;
    if our.id != their.id {
        return Err(MergeError::OtherRecord);
    }
    let base = base.and_then(|file| readable_base(file, schema, DEPTH));
    let (base, base_bytes) = match &base {
        Some((issue, bytes)) => (Some(issue).filter(|base| base.id == our.id), Some(bytes.as_slice())),
        None => (None, None),
    };
    let sides = [ours, theirs].map(|side| Side::new(side.state.bytes, side.changed));
    let (our_side, their_side) = (Side::new(Some(&our), ours.changed), Side::new(Some(&their), theirs.changed));
    let mut merged = merge::merge(base, our_side, their_side);
    let issue = merged.issue.clone().expect("both sides have the issue");
    let has_alias = [&our, &their].iter().any(|side| side.references == issue.references);
    if let Some(bytes) = unchanged(base_bytes.filter(|_| base.is_some()), sides).filter(|_| has_alias) {
        return Ok(MergedIssueFile { bytes: bytes.to_vec(), merged });
    }
    let skeleton = Skeleton::merge(base_bytes, sides, ISSUE_BYTES);
    let plain = Issue { comments: Vec::new(), ..issue.clone() };
    let newer = newer_of(sides);
    let written = skeleton.texts.iter().map(|text| edit_issue(text.as_bytes(), &plain, schema));
    let bytes = first_success(written).map_err(MergeError::Result)?;
    for lost in skeleton.overruled {
        let time = if newer == 0 { theirs.changed } else { ours.changed };
        let overruled = Overruled { field: lost.key, kept: told(lost.kept), other: told(lost.other) };
        let fallback = our.last_recorded().max(their.last_recorded());
        merged.notes.push(merge::note(issue.id, &overruled, time.unwrap_or(fallback)));
        merged.overruled.push(overruled);
    }
    Ok(MergedIssueFile { bytes, merged })
}

/// Merges two versions of the file of a comment, whose name ends with the suffix. A base that can't be read is none.
pub fn merge_comment_files(
    base: Option<&[u8]>,
    ours: Side<&[u8]>,
    theirs: Side<&[u8]>,
    suffix: Suffix,
) -> Result<MergedCommentFile, MergeError> {
    let our = parse_comment(ours.state, suffix).map_err(MergeError::Ours)?;
    let their = parse_comment(theirs.state, suffix).map_err(MergeError::Theirs)?;
    if our.id != their.id {
        return Err(MergeError::OtherRecord);
    }
    let parsed = base.and_then(|bytes| parse_comment(bytes, suffix).ok()).filter(|base| base.id == our.id);
    let base = base.filter(|_| parsed.is_some());
    let (our, their) = (Side::new(Some(&our), ours.changed), Side::new(Some(&their), theirs.changed));
    let merged = merge::merge_comment(parsed.as_ref(), our, their);
    let comment = merged.comment.expect("both sides have the comment");
    let conflict = merged.conflict;
    if let Some(bytes) = unchanged(base, [ours, theirs]) {
        return Ok(MergedCommentFile { bytes: bytes.to_vec(), comment, conflict });
    }
    let skeleton = Skeleton::merge(base, [ours, theirs], COMMENT_BYTES);
    let written = skeleton.texts.iter().map(|text| edit_comment(text.as_bytes(), &comment));
    let bytes = first_success(written).map_err(MergeError::Result)?;
    Ok(MergedCommentFile { bytes, comment, conflict })
}

/// Merges two versions of a file by lines alone, with markers as git writes them. Tells whether it needed none.
pub fn merge_lines(base: &[u8], ours: &[u8], theirs: &[u8]) -> (Vec<u8>, bool) {
    front::with_markers(base, ours, theirs)
}

/// Returns the file that needs no merge: both are alike, or one is as it was.
fn unchanged<'a>(base: Option<&[u8]>, [ours, theirs]: [Side<&'a [u8]>; 2]) -> Option<&'a [u8]> {
    match base {
        _ if ours.state == theirs.state => Some(ours.state),
        Some(base) if base == ours.state => Some(theirs.state),
        Some(base) if base == theirs.state => Some(ours.state),
        _ => None,
    }
}

/// Reads where two versions come from. Where two branches have been merged into each other several times, git makes it
/// of several commits and leaves its markers in it.
fn readable_base(file: IssueFile<'_>, schema: &Schema, depth: usize) -> Option<(Issue, Vec<u8>)> {
    if let Ok(issue) = parse_issue(file.bytes, file.key, schema) {
        return Some((issue, file.bytes.to_vec()));
    }
    let depth = depth.checked_sub(1)?;
    let conflict::Versions { ours, base, theirs } = conflict::versions(str::from_utf8(file.bytes).ok()?)?;
    let version = |text: String| {
        let file = IssueFile { bytes: text.as_bytes(), key: file.key };
        readable_base(file, schema, depth).map(|(_, bytes)| bytes)
    };
    let (ours, theirs) = (version(ours)?, version(theirs)?);
    let base = base.and_then(version);
    fn file_of(bytes: &[u8], key: IssueKey) -> IssueFile<'_> {
        IssueFile { bytes, key }
    }
    let base = base.as_deref().map(|bytes| file_of(bytes, file.key));
    let side = |bytes| Side::new(file_of(bytes, file.key), None);
    let merged = merge_issue_files(base, side(&ours), side(&theirs), schema).ok()?;
    parse_issue(&merged.bytes, file.key, schema).ok().map(|issue| (issue, merged.bytes))
}

/// Returns the first that could be done, or why the last could not.
fn first_success<T>(tries: impl Iterator<Item = Result<T, FormatError>>) -> Result<T, FormatError> {
    let mut failed = None;
    for tried in tries {
        match tried {
            Ok(done) => return Ok(done),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.expect("there is one to try at least"))
}

fn told(lines: Option<String>) -> FieldState {
    lines.map_or(FieldState::Absent, FieldState::Value)
}

#[cfg(test)]
mod tests;

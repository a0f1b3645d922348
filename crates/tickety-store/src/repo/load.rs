//! Reading one issue from its files: the record and the comments beside it.

use std::sync::Arc;

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, Version};
use tickety_core::issue::{CommentId, Issue};
use tickety_core::schema::Schema;

use super::files::{Content, FileError, HomeDir};
use super::format::{self, FormatError};
use super::layout::{RecordPath, Shard};
use super::scan::{self, StrayReason};
use super::stat::StatKey;
use crate::storage::RecordProblem;

/// What was found where an issue should be.
#[derive(Debug)]
pub(super) enum Found {
    /// The issue. Comments that can't be read are missing from it and listed as problems.
    Issue(Box<Loaded>),
    /// A record that can't be read, with the comments beside it that can't either.
    Broken {
        /// The record's own problem first.
        problems: Vec<(RecordPath, RecordProblem)>,
        /// The files that were looked at.
        files: Vec<LoadedFile>,
    },
    /// No record. The comments that lie there nevertheless belong to nothing.
    Missing {
        /// The comments that can't be read.
        problems: Vec<(RecordPath, RecordProblem)>,
        /// The comments that were looked at.
        files: Vec<LoadedFile>,
    },
}

impl Found {
    /// Returns the files that were read.
    pub(super) fn files(&self) -> &[LoadedFile] {
        match self {
            Self::Issue(loaded) => &loaded.files,
            Self::Broken { files, .. } | Self::Missing { files, .. } => files,
        }
    }

    /// Returns what can't be read.
    pub(super) fn problems(&self) -> &[(RecordPath, RecordProblem)] {
        match self {
            Self::Issue(loaded) => &loaded.problems,
            Self::Broken { problems, .. } | Self::Missing { problems, .. } => problems,
        }
    }
}

/// An issue as its files tell it.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The issue with its comments.
    pub(super) issue: Arc<Issue>,
    /// The bytes of the record.
    pub(super) bytes: Vec<u8>,
    /// The version: the hash of those bytes.
    pub(super) version: Version,
    /// When the record was written, by its modification time.
    pub(super) modified: Option<Timestamp>,
    /// The files, the record first.
    pub(super) files: Vec<LoadedFile>,
    /// The comments that can't be read.
    pub(super) problems: Vec<(RecordPath, RecordProblem)>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub(super) struct LoadedFile {
    /// Where.
    pub(super) path: RecordPath,
    /// The comment in it.
    pub(super) comment: Option<CommentId>,
    /// Its state while it was read.
    pub(super) stat: StatKey,
    /// The time before it was looked at.
    pub(super) taken_ns: i64,
    /// The hash of its bytes.
    pub(super) hash: Version,
}

/// Reads an issue and the comments at the given paths.
pub(super) fn load(home: &HomeDir, schema: &Schema, key: IssueKey, comments: &[RecordPath]) -> Found {
    let path = RecordPath::issue(key);
    let taken_ns = super::os::now_ns();
    let mut files = Vec::with_capacity(1 + comments.len());
    let mut problems = Vec::new();
    let mut is_missing = false;
    let record = match home.read(&path.home_path(), format::ISSUE_BYTES as u64) {
        // What stands where the directory should is reported once, and not for every record it hides.
        Err(FileError::NotADirectory { .. }) => return Found::Missing { problems, files },
        Err(_) if scan::is_locked(home, Shard::of(key.number)) => return Found::Missing { problems, files },
        Ok(None) => {
            is_missing = true;
            None
        }
        Ok(Some(content)) => {
            files.push(loaded_file(path, None, &content, taken_ns));
            match format::parse_issue(&content.bytes, key, schema) {
                Ok(issue) => Some((issue, content)),
                Err(error) => {
                    problems.push((path, format_problem(path, &error)));
                    None
                }
            }
        }
        Err(error) => {
            problems.push((path, file_problem(path, &error)));
            None
        }
    };
    let mut found = Vec::with_capacity(comments.len());
    for &path in comments {
        let Some(stamp) = path.comment else { continue };
        match home.read(&path.home_path(), format::COMMENT_BYTES as u64) {
            // Removed since it was listed.
            Ok(None) => {}
            Ok(Some(content)) => {
                let comment = format::parse_comment(&content.bytes, stamp.suffix());
                let id = comment.as_ref().ok().map(|comment| comment.id);
                files.push(loaded_file(path, id, &content, taken_ns));
                match comment {
                    Ok(comment) => found.push(comment),
                    Err(error) => problems.push((path, format_problem(path, &error))),
                }
            }
            Err(error) => problems.push((path, file_problem(path, &error))),
        }
    }
    let Some((mut issue, content)) = record else {
        return if is_missing { Found::Missing { problems, files } } else { Found::Broken { problems, files } };
    };
    found.sort_by_key(|comment| (comment.created, comment.id));
    issue.comments = found;
    Found::Issue(Box::new(Loaded {
        version: files[0].hash,
        modified: Timestamp::from_nanosecond(content.stat.mtime_ns.into()).ok(),
        issue: Arc::new(issue),
        bytes: content.bytes,
        files,
        problems,
    }))
}

fn loaded_file(path: RecordPath, comment: Option<CommentId>, content: &Content, taken_ns: i64) -> LoadedFile {
    LoadedFile { path, comment, stat: content.stat, taken_ns, hash: content.version() }
}

fn format_problem(path: RecordPath, error: &FormatError) -> RecordProblem {
    error.clone().into_record_problem(shown(path))
}

fn file_problem(path: RecordPath, error: &FileError) -> RecordProblem {
    let message = match error {
        // As the listing of its directory says it.
        FileError::NotAFile { kind, .. } => StrayReason::Kind(*kind).to_string(),
        FileError::Access { action, source, .. } => format!("can't {action} it: {source}"),
        other => other.reason(),
    };
    RecordProblem { path: shown(path), line: None, message }
}

/// Returns a record's path as people are told it: relative to the root of the home.
pub(super) fn shown(path: RecordPath) -> String {
    format!("{}/{}", super::layout::HOME_DIR, path.home_path().as_str())
}

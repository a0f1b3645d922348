//! Versions of records, as git has them.

use std::collections::VecDeque;
use std::sync::Arc;

use tickety_core::issue::{Comment, Issue};
use tickety_core::schema::Schema;

use super::super::format;
use super::super::git::{Blob, FileChange, Object, Objects};
use super::super::layout::RecordPath;
use super::super::load::shown;
use super::{limit, problem};
use crate::error::StorageError;
use crate::storage::RecordProblem;

/// How many versions are kept: what one commit left is what the next one found.
const KEPT: usize = 8;

/// What a version of a record is.
#[derive(Clone, Debug)]
pub(super) enum Read {
    /// The issue, without comments.
    Issue(Box<Issue>),
    /// Nothing that can be read.
    Broken(RecordProblem),
}

/// A git that hands out versions.
pub(super) struct Versions {
    objects: Objects,
    schema: Arc<Schema>,
    kept: VecDeque<(RecordPath, Blob, Read)>,
}

impl Versions {
    pub(super) fn new(objects: Objects, schema: Arc<Schema>) -> Self {
        Self { objects, schema, kept: VecDeque::new() }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Reads a version of an issue's record.
    pub(super) fn record(&mut self, path: RecordPath, blob: &Blob) -> Result<Read, StorageError> {
        if let Some((.., read)) = self.kept.iter().find(|(at, kept, _)| *at == path && kept == blob) {
            return Ok(read.clone());
        }
        let read = match self.content(path, blob)? {
            Ok(bytes) => self.parse(path, &bytes),
            Err(problem) => Read::Broken(problem),
        };
        self.kept.push_front((path, blob.clone(), read.clone()));
        self.kept.truncate(KEPT);
        Ok(read)
    }

    /// Reads a version of a comment.
    pub(super) fn comment(
        &mut self,
        path: RecordPath,
        blob: &Blob,
    ) -> Result<Result<Comment, RecordProblem>, StorageError> {
        let content = self.content(path, blob)?;
        Ok(content.and_then(|bytes| parse_comment(path, &bytes)))
    }

    /// Reads the record that git has under a name; `None` if there is none.
    pub(super) fn named(&mut self, name: &str, path: RecordPath) -> Result<Option<Read>, StorageError> {
        Ok(match self.objects.blob(name, limit(path))? {
            Object::Blob(bytes) => Some(self.parse(path, &bytes)),
            Object::TooLarge(_) | Object::Other | Object::Missing => None,
        })
    }

    /// Reads the comment that git has under a name; `None` if there is none that can be read.
    pub(super) fn comment_named(&mut self, name: &str, path: RecordPath) -> Result<Option<Comment>, StorageError> {
        Ok(match self.objects.blob(name, limit(path))? {
            Object::Blob(bytes) => parse_comment(path, &bytes).ok(),
            Object::TooLarge(_) | Object::Other | Object::Missing => None,
        })
    }

    /// Returns one of the versions that a commit tells of, if one can be read; the later one if both can.
    pub(super) fn first_readable(&mut self, file: &FileChange) -> Result<Option<Issue>, StorageError> {
        for blob in file.after.iter().chain(file.before.iter().flatten()) {
            if let Read::Issue(issue) = self.record(file.path, blob)? {
                return Ok(Some(*issue));
            }
        }
        Ok(None)
    }

    fn content(&mut self, path: RecordPath, blob: &Blob) -> Result<Result<Vec<u8>, RecordProblem>, StorageError> {
        if !blob.is_file {
            return Ok(Err(problem(path, "a link or another repository where a record is expected".to_owned())));
        }
        Ok(match self.objects.blob(&blob.id, limit(path))? {
            Object::Blob(bytes) => Ok(bytes),
            found => Err(problem(path, why_unread(&found, limit(path)))),
        })
    }

    fn parse(&self, path: RecordPath, bytes: &[u8]) -> Read {
        match format::parse_issue(bytes, path.issue, &self.schema) {
            Ok(issue) => Read::Issue(Box::new(issue)),
            Err(error) => Read::Broken(error.into_record_problem(shown(path))),
        }
    }
}

/// Says why git has no content of a record to read.
pub(in crate::repo) fn why_unread(found: &Object, limit: u64) -> String {
    match found {
        Object::TooLarge(size) => format!("the file has {size} bytes, and a record at most {limit}"),
        Object::Missing => "this clone doesn't have its content: fetch it".to_owned(),
        Object::Other | Object::Blob(_) => "it is no file".to_owned(),
    }
}

fn parse_comment(path: RecordPath, bytes: &[u8]) -> Result<Comment, RecordProblem> {
    let Some(stamp) = path.comment else {
        return Err(problem(path, "not the name of a comment".to_owned()));
    };
    format::parse_comment(bytes, stamp.suffix()).map_err(|error| error.into_record_problem(shown(path)))
}

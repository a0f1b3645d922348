//! What is wrong with a record, where, and what to do about it.

use std::fmt;

use super::document::line_start;
use crate::storage::RecordProblem;

/// Why a record can't be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct FormatError {
    /// The line of the file, from 1, where one is to blame.
    pub line: Option<u32>,
    /// The character of that line, from 1, where known.
    pub column: Option<u32>,
    /// What is wrong.
    pub problem: FormatProblem,
}

impl FormatError {
    /// Turns the error into what a store reports for the record at `path`.
    pub fn into_record_problem(self, path: String) -> RecordProblem {
        let message = match self.column {
            Some(column) => format!("column {column}: {}", self.problem),
            None => self.problem.to_string(),
        };
        RecordProblem { path, line: self.line, message }
    }

    /// Makes an error about the record as a whole.
    pub(super) fn whole(problem: FormatProblem) -> Self {
        Self { line: None, column: None, problem }
    }

    /// Makes an error about the line at a byte offset.
    pub(super) fn line_at(text: &str, offset: usize, problem: FormatProblem) -> Self {
        let newlines = text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count();
        Self { line: Some(u32::try_from(newlines + 1).unwrap_or(u32::MAX)), column: None, problem }
    }

    /// Finds the line and the column of a fault.
    pub(super) fn locate(text: &str, fault: Fault) -> Self {
        let Fault { at, problem } = fault;
        let Some(at) = at else { return Self::whole(problem) };
        let before = &text[line_start(text, at)..at];
        let column = before.chars().filter(|&c| c != '\u{feff}').count() + 1;
        Self { column: u32::try_from(column).ok(), ..Self::line_at(text, at, problem) }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: {}", self.problem),
            (Some(line), None) => write!(f, "line {line}: {}", self.problem),
            (None, _) => self.problem.fmt(f),
        }
    }
}

/// What is wrong with a record. Each says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormatProblem {
    /// The file is larger than a record may be.
    #[error("the file has {bytes} bytes and a record at most {limit}: shorten its texts")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The front matter is larger than it may be.
    #[error("the front matter has {bytes} bytes and may have {limit}: shorten its texts, or move them to the body")]
    FrontMatterTooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The bytes are no text.
    #[error("this is not UTF-8: save the file in that encoding")]
    NotUtf8,
    /// A merge left its markers.
    #[error(
        "unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers"
    )]
    MergeConflict,
    /// The first line is not `---`.
    #[error("the front matter is missing: a record begins with a line `---`")]
    NoFrontMatter,
    /// No second `---`.
    #[error("the front matter that begins here doesn't end: add a line `---` behind it")]
    Unclosed,
    /// The record is of a later version of the format.
    #[error(
        "the record has format {found} and this program reads format {}: use a newer version of Tickety",
        super::VERSION
    )]
    NewerFormat {
        /// What the record says.
        found: String,
    },
    /// The front matter is no YAML.
    #[error("the front matter can't be read as YAML: {message}")]
    Yaml {
        /// What the parser says.
        message: String,
    },
    /// An anchor or an alias.
    #[error("anchors and aliases (`&name`, `*name`) are not read: write the value out, or quote it")]
    Alias,
    /// Collections in collections.
    #[error("the values go deeper than {limit} levels: flatten them")]
    TooDeep {
        /// How deep they may go.
        limit: usize,
    },
    /// Too many keys and values.
    #[error("the front matter has more than {limit} keys and values: remove some")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The front matter is something else than keys with values.
    #[error("the front matter has to be lines of `key: value`, each key in the first column")]
    NotMapping,
    /// A second `---` or `...` in the front matter.
    #[error("the front matter has to be one document: remove this line")]
    SeveralDocuments,
    /// A key twice.
    #[error("`{key}` is there twice: keep one")]
    DuplicateKey {
        /// Which.
        key: String,
    },
    /// A key that can't be left out.
    #[error("`{key}` is missing: add a line {example}")]
    Missing {
        /// Which.
        key: &'static str,
        /// What the line could be.
        example: &'static str,
    },
    /// A value that doesn't fit its key.
    #[error("`{key}`: {problem}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong and what would fit.
        problem: String,
    },
    /// The id belongs to another file.
    #[error(
        "the id ends in `{found}` and the name of the file in `{expected}`: a copy of a record is no new one, so delete it, or give the only one its name back"
    )]
    OtherRecord {
        /// The characters that the id gives.
        found: String,
        /// The characters that the file name has.
        expected: String,
    },
    /// What was written would not be read as what was meant; nothing was written.
    #[error(
        "the change can't be written into the record as it is formatted: put `{key}` on lines of its own, as docs/format.md shows"
    )]
    NotWritable {
        /// The first key that would be read differently.
        key: &'static str,
    },
}

/// A problem at a byte offset of the file.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where, if at a certain place.
    pub(super) at: Option<usize>,
    /// What.
    pub(super) problem: FormatProblem,
}

impl Fault {
    /// Makes a fault at a place.
    pub(super) fn at(at: usize, problem: FormatProblem) -> Self {
        Self { at: Some(at), problem }
    }

    /// Makes a fault of the value of a key.
    pub(super) fn value(at: usize, key: &str, problem: impl Into<String>) -> Self {
        Self::at(at, FormatProblem::Value { key: key.to_owned(), problem: problem.into() })
    }
}

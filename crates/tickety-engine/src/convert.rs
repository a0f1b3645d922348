//! Readers and writers of issues in other formats, one file each.
//!
//! A [`Reader`] turns a stream of bytes into [`Imported`] records, one at a time, and tells a
//! [`Report`] everything that didn't come through as it was: a bad record never hides the
//! others, and nothing is left out silently. [`import`](crate::import) brings the records into a store.
//! A [`Writer`] is the way back; [`export`](crate::export) feeds it.
//!
//! | format | what it is |
//! |---|---|
//! | [`Format::Jsonl`], [`Format::Json`] | Tickety's own, lossless: docs/interchange.md |
//! | [`Format::Beads`] | the `issues.jsonl` of beads (`bd`) and beads_rust (`br`) |

mod beads;
mod duplicates;
mod fields;
mod form;
mod identity;
mod json;
mod jsonl;
mod lines;
mod memory;
mod raw;
mod record;
mod report;
mod text;

use std::fmt;
use std::io::{self, BufRead, Write};
use std::str::FromStr;

use jiff::Timestamp;
use tickety_core::ident::IssueName;
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::Draft;
use tickety_core::schema::Schema;

pub use beads::{BeadsReader, BeadsWriter};
pub use form::Form;
pub use json::{JsonReader, JsonWriter};
pub use jsonl::{JsonlReader, JsonlWriter};
pub use lines::MAX_RECORD;
pub use memory::{Dependency, Memory};
pub use report::{Note, NoteKind, Place, Report};

pub(crate) use identity::{comment_number, fingerprint, imported_comment_id};

/// The formats that issues are read from and written to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Tickety's own, one document.
    Json,
    /// Tickety's own, one issue a line.
    Jsonl,
    /// The `issues.jsonl` of beads.
    Beads,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Json, Self::Jsonl, Self::Beads];

    /// Returns the name commands use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Beads => "beads",
        }
    }

    /// Makes a reader of this format.
    pub fn reader<'a>(self, input: impl BufRead + 'a, schema: &'a Schema) -> Box<dyn Reader + 'a> {
        match self {
            Self::Json => Box::new(JsonReader::new(input, schema)),
            Self::Jsonl => Box::new(JsonlReader::new(input, schema)),
            Self::Beads => Box::new(BeadsReader::new(input, schema)),
        }
    }

    /// Makes a writer of this format.
    pub fn writer<'a>(self, output: impl Write + 'a, schema: &'a Schema) -> Box<dyn Writer + 'a> {
        match self {
            Self::Json => Box::new(JsonWriter::new(output)),
            Self::Jsonl => Box::new(JsonlWriter::new(output)),
            Self::Beads => Box::new(BeadsWriter::new(output, schema)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| FormatParseError { text: text.to_owned() })
    }
}

/// A text that is no format.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a format: use json, jsonl or beads")]
pub struct FormatParseError {
    text: String,
}

/// Reads issues from another format.
pub trait Reader {
    /// Returns the next record that can be imported, or `None` at the end.
    ///
    /// What can't be imported is told to the report and passed over; only an error that makes the
    /// rest unreadable is returned.
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError>;
}

/// Writes issues in another format.
pub trait Writer {
    /// Whether [`introduce`](Self::introduce) has to be called.
    fn wants_introductions(&self) -> bool {
        false
    }

    /// Learns what an issue is called in the format. A writer that wants introductions gets one
    /// for each issue that a link points at before the issue that holds the link is written.
    fn introduce(&mut self, issue: &Issue) {
        let _ = issue;
    }

    /// Writes one issue, which last changed at the given time.
    fn write(&mut self, issue: &Issue, updated: Timestamp) -> io::Result<()>;

    /// Writes what comes after the last issue and flushes.
    fn finish(&mut self) -> io::Result<()>;
}

/// An issue as a reader found it.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// Where it stood.
    pub place: Place,
    /// The issue, without its links. Its id is always set.
    pub draft: Draft,
    /// Its links.
    pub links: Vec<ForeignLink>,
    /// How a repeated import knows it again.
    pub origin: Origin,
}

/// How a repeated import knows an issue again, and what it does then.
#[derive(Clone, PartialEq, Debug)]
pub enum Origin {
    /// By its id; the record is the whole truth about the issue.
    Own,
    /// By the reference to the other tracker; what changed there and here is merged.
    Foreign {
        /// The other tracker.
        system: &'static str,
        /// The reference, as in `beads:bd-42`.
        reference: String,
        /// What an import remembers with the issue.
        memory: Box<Memory>,
    },
}

/// A link as the source has it.
#[derive(Clone, PartialEq, Debug)]
pub struct ForeignLink {
    /// What the issue is to the other.
    pub kind: LinkKind,
    /// The other.
    pub target: ForeignTarget,
    /// Its place among the dependencies that the memory keeps, if it is one.
    pub dependency: Option<usize>,
}

/// The other end of a link as the source names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ForeignTarget {
    /// By name, in Tickety's own format.
    Name(IssueName),
    /// By reference, as in `beads:bd-42`.
    Reference(String),
}

impl fmt::Display for ForeignTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Reference(reference) => f.write_str(reference),
        }
    }
}

/// Why the rest of an input can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system failed.
    #[error("line {line}: could not read the input: {source}")]
    Io {
        /// The line being read, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The input is not in the format at all.
    #[error("line {line}: {message}")]
    NotTheFormat {
        /// The line that is wrong, from 1.
        line: u64,
        /// What is wrong and what to do.
        message: String,
    },
    /// The input is of a version that this Tickety doesn't know.
    #[error("line {line}: version {version} of the format is newer than this tickety, which reads up to {known}")]
    NewerVersion {
        /// The line that says so, from 1.
        line: u64,
        /// The version of the input.
        version: u64,
        /// The newest version known.
        known: u64,
    },
}

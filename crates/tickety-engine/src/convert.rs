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
//! | [`Format::Github`], [`Format::Gitlab`], [`Format::Jira`], [`Format::Linear`] | what these trackers answer or export |
//! | [`Format::Csv`] | any table with a header |
//! | [`Format::Markdown`], [`Format::Backlog`], [`Format::Tk`], [`Format::Issues`], [`Format::Beans`], [`Format::RepoTickets`] | folders with an issue a file |
//! | [`Format::GitBug`], [`Format::Taskwarrior`] | their JSON |

mod assembly;
mod backlog;
mod beads;
mod beans;
mod comments;
mod csv;
mod detect;
mod duplicates;
mod fields;
mod files;
mod folder;
mod form;
mod format;
mod front_matter;
mod git_bug;
mod github;
mod gitlab;
mod identity;
mod issues_folder;
mod jira;
mod json;
mod jsonl;
mod left_out;
mod linear;
mod lines;
mod markdown;
mod memory;
mod objects;
mod own;
mod part;
mod raw;
mod record;
mod records;
mod repo_tickets;
mod report;
mod scanner;
mod taskwarrior;
mod text;
mod times;
mod tk;
mod words;

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use tickety_core::ident::IssueName;
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::operation::Draft;

pub(crate) use beads::SYSTEM as BEADS;
pub use beads::{BeadsReader, BeadsWriter};
pub use csv::{CsvReader, CsvWriter};
pub use detect::{Detected, LOOK, detect, detect_folder, folder_of};
pub use files::FilesReader;
pub use folder::{Folder, FolderFile, MAX_FILE, MAX_FILES};
pub use form::Form;
pub use format::{Format, FormatParseError, Output};
pub use github::{GithubReader, GithubWriter};
pub use json::{JsonReader, JsonWriter};
pub use jsonl::{JsonlReader, JsonlWriter};
pub use lines::MAX_RECORD;
pub use markdown::{FileSink, MarkdownWriter};
pub use memory::{Dependency, Memory};
pub use objects::ObjectReader;
pub use part::{OptionError, Part, ReadOptions, Unit};
pub use report::{Note, NoteKind, Place, Report};

pub(crate) use identity::{comment_number, fingerprint, imported_comment_id};

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

    /// Returns how many of what the format has no place for were left out, by what they are.
    fn left_out(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
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
    /// The parts that it says nothing of, by name, not even that there is none: a table without a column
    /// for labels takes none away.
    pub unsaid: Vec<&'static str>,
    /// Whether it was made from an issue of ours, and written by an export.
    pub is_own: bool,
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
    /// Whether it is told from its other end: the issue that it names holds the link to this one.
    pub reversed: bool,
}

impl ForeignLink {
    /// Makes a link from the issue that tells of it.
    pub(crate) fn new(kind: LinkKind, target: ForeignTarget) -> Self {
        Self { kind, target, dependency: None, reversed: false }
    }
}

/// The other end of a link as the source names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ForeignTarget {
    /// By name, in Tickety's own format.
    Name(IssueName),
    /// By reference, as in `beads:bd-42`.
    Reference(String),
}

impl std::fmt::Display for ForeignTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

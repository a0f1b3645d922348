//! The formats by name.

use std::fmt;
use std::io::{BufRead, Write};
use std::str::FromStr;

use tickety_core::schema::Schema;

use super::csv::CsvReader;
use super::files::{FilesReader, Layout};
use super::objects::{Kind, ObjectReader};
use super::part::ReadOptions;
use super::{
    BeadsReader, BeadsWriter, CsvWriter, FileSink, Folder, GithubReader, GithubWriter, JsonReader, JsonWriter,
    JsonlReader, JsonlWriter, MarkdownWriter, Reader, Writer, backlog, beans, detect, git_bug, gitlab, issues_folder,
    jira, linear, markdown, repo_tickets, taskwarrior, tk,
};

/// Options that say nothing.
static PLAIN: ReadOptions = ReadOptions::none();

/// The formats that issues are read from and written to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Tickety's own, one document.
    Json,
    /// Tickety's own, one issue a line.
    Jsonl,
    /// The `issues.jsonl` of beads.
    Beads,
    /// What GitHub's REST interface and `gh` answer.
    Github,
    /// A table with a header.
    Csv,
    /// A folder of Markdown files with front matter.
    Markdown,
    /// The folder `backlog/` of Backlog.md.
    Backlog,
    /// The folder `.tickets/` of tk.
    Tk,
    /// A folder `issues/` of files whose names begin with a number or a ULID.
    Issues,
    /// The CSV of a search in Jira, or what its REST interface answers.
    Jira,
    /// The CSV that Linear exports, or what its GraphQL interface answers.
    Linear,
    /// What GitLab's REST interface answers, or the issues of a project export.
    Gitlab,
    /// The folder `.beans/` of beans.
    Beans,
    /// What git-bug writes as JSON.
    GitBug,
    /// What `task export` writes.
    Taskwarrior,
    /// The folder `.tickets/` of repo-tickets.
    RepoTickets,
}

/// What a format is written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// A file, or a stream.
    Stream,
    /// A folder.
    Folder,
    /// Nothing: it is only read.
    Nothing,
}

/// What a format is read from.
#[derive(Clone, Copy)]
enum Way {
    Json,
    Jsonl,
    Beads,
    Github,
    Csv,
    Objects(Kind),
    /// A table or JSON, whichever the input begins like.
    TableOrObjects(super::csv::Dialect, Kind),
    Files(Layout),
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 16] = [
        Self::Json,
        Self::Jsonl,
        Self::Beads,
        Self::Github,
        Self::Csv,
        Self::Markdown,
        Self::Backlog,
        Self::Tk,
        Self::Issues,
        Self::Jira,
        Self::Linear,
        Self::Gitlab,
        Self::Beans,
        Self::GitBug,
        Self::Taskwarrior,
        Self::RepoTickets,
    ];

    /// Returns the name commands use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Beads => "beads",
            Self::Github => "github",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Backlog => "backlog",
            Self::Tk => "tk",
            Self::Issues => "issues",
            Self::Jira => "jira",
            Self::Linear => "linear",
            Self::Gitlab => "gitlab",
            Self::Beans => "beans",
            Self::GitBug => "git-bug",
            Self::Taskwarrior => "taskwarrior",
            Self::RepoTickets => "repo-tickets",
        }
    }

    fn way(self) -> Way {
        match self {
            Self::Json => Way::Json,
            Self::Jsonl => Way::Jsonl,
            Self::Beads => Way::Beads,
            Self::Github => Way::Github,
            Self::Csv => Way::Csv,
            Self::Markdown => Way::Files(markdown::LAYOUT),
            Self::Backlog => Way::Files(backlog::LAYOUT),
            Self::Tk => Way::Files(tk::LAYOUT),
            Self::Issues => Way::Files(issues_folder::LAYOUT),
            Self::Jira => Way::TableOrObjects(jira::DIALECT, jira::KIND),
            Self::Linear => Way::TableOrObjects(linear::DIALECT, linear::KIND),
            Self::Gitlab => Way::Objects(gitlab::KIND),
            Self::Beans => Way::Files(beans::LAYOUT),
            Self::GitBug => Way::Objects(git_bug::KIND),
            Self::Taskwarrior => Way::Objects(taskwarrior::KIND),
            Self::RepoTickets => Way::Files(repo_tickets::LAYOUT),
        }
    }

    /// Returns the endings of the files that the format is read from, where that is a folder.
    pub fn endings(self) -> Option<&'static [&'static str]> {
        match self.way() {
            Way::Files(layout) => Some(layout.endings),
            _ => None,
        }
    }

    /// Whether it can be said what the keys and values of an input mean.
    pub fn takes_options(self) -> bool {
        !matches!(self.way(), Way::Json | Way::Jsonl | Way::Beads)
    }

    /// Returns what the format is written to.
    pub fn output(self) -> Output {
        match self {
            Self::Json | Self::Jsonl | Self::Beads | Self::Github | Self::Csv => Output::Stream,
            Self::Markdown => Output::Folder,
            _ => Output::Nothing,
        }
    }

    /// Makes a reader of this format over a stream; one that is read from a folder takes a single file.
    pub fn reader<'a>(self, input: impl BufRead + 'a, schema: &'a Schema) -> Box<dyn Reader + 'a> {
        self.reader_with(input, schema, &PLAIN)
    }

    /// Makes a reader of this format over a stream, with options.
    pub fn reader_with<'a>(
        self,
        input: impl BufRead + 'a,
        schema: &'a Schema,
        options: &'a ReadOptions,
    ) -> Box<dyn Reader + 'a> {
        match self.way() {
            Way::Json => Box::new(JsonReader::new(input, schema)),
            Way::Jsonl => Box::new(JsonlReader::new(input, schema)),
            Way::Beads => Box::new(BeadsReader::new(input, schema)),
            Way::Github => Box::new(GithubReader::new(input, schema, options)),
            Way::Csv => Box::new(CsvReader::new(input, schema, options)),
            Way::Objects(kind) => Box::new(ObjectReader::new(kind, input, schema, options)),
            Way::TableOrObjects(dialect, kind) => {
                let mut input = input;
                match detect::begins_like_json(&mut input) {
                    true => Box::new(ObjectReader::new(kind, input, schema, options)),
                    false => Box::new(CsvReader::of(dialect, input, schema, options)),
                }
            }
            Way::Files(layout) => Box::new(FilesReader::one(layout, Box::new(input), schema, options)),
        }
    }

    /// Makes a reader of this format over a folder; `None` for a format that is read from a stream.
    pub fn folder_reader<'a>(
        self,
        folder: Folder,
        schema: &'a Schema,
        options: &'a ReadOptions,
    ) -> Option<Box<dyn Reader + 'a>> {
        match self.way() {
            Way::Files(layout) => Some(Box::new(FilesReader::new(layout, folder, schema, options))),
            _ => None,
        }
    }

    /// Makes a writer of this format over a stream; `None` for one that isn't written to one.
    pub fn writer<'a>(self, output: impl Write + 'a, schema: &'a Schema) -> Option<Box<dyn Writer + 'a>> {
        Some(match self {
            Self::Json => Box::new(JsonWriter::new(output)),
            Self::Jsonl => Box::new(JsonlWriter::new(output)),
            Self::Beads => Box::new(BeadsWriter::new(output, schema)),
            Self::Github => Box::new(GithubWriter::new(output, schema)),
            Self::Csv => Box::new(CsvWriter::new(output, schema)),
            _ => return None,
        })
    }

    /// Makes a writer of this format into a folder; `None` for one that isn't written to one.
    pub fn folder_writer<'a>(self, sink: &'a mut dyn FileSink) -> Option<Box<dyn Writer + 'a>> {
        match self {
            Self::Markdown => Some(Box::new(MarkdownWriter::new(sink))),
            _ => None,
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
#[error("`{text}` is not a format: use {}", Format::ALL.map(Format::as_str).join(", "))]
pub struct FormatParseError {
    text: String,
}

//! The formats by name.

use std::fmt;
use std::io::{BufRead, Write};
use std::str::FromStr;

use tickety_core::schema::Schema;

use super::part::ReadOptions;
use super::{
    BeadsReader, BeadsWriter, CsvReader, CsvWriter, Folder, GithubReader, GithubWriter, JsonReader, JsonWriter,
    JsonlReader, JsonlWriter, Reader, Writer,
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
}

/// What issues are read from.
pub enum Input<'a> {
    /// A file, or a stream.
    Stream(Box<dyn BufRead + 'a>),
    /// A folder of files.
    Folder(Folder),
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("Stream"),
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
        }
    }
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Json, Self::Jsonl, Self::Beads, Self::Github, Self::Csv];

    /// Returns the name commands use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Beads => "beads",
            Self::Github => "github",
            Self::Csv => "csv",
        }
    }

    /// Makes a reader of this format over a stream.
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
        match self {
            Self::Json => Box::new(JsonReader::new(input, schema)),
            Self::Jsonl => Box::new(JsonlReader::new(input, schema)),
            Self::Beads => Box::new(BeadsReader::new(input, schema)),
            Self::Github => Box::new(GithubReader::new(input, schema, options)),
            Self::Csv => Box::new(CsvReader::new(input, schema, options)),
        }
    }

    /// Makes a writer of this format.
    pub fn writer<'a>(self, output: impl Write + 'a, schema: &'a Schema) -> Box<dyn Writer + 'a> {
        match self {
            Self::Json => Box::new(JsonWriter::new(output)),
            Self::Jsonl => Box::new(JsonlWriter::new(output)),
            Self::Beads => Box::new(BeadsWriter::new(output, schema)),
            Self::Github => Box::new(GithubWriter::new(output, schema)),
            Self::Csv => Box::new(CsvWriter::new(output, schema)),
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

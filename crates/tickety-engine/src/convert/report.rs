//! What became of the parts of an input.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most notes a report keeps; further ones are counted.
const MAX_NOTES: usize = 10_000;

/// What became of the parts of an input: what was mapped, what was kept as a custom field, and
/// what could not be imported and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How many records the input had, bad ones included.
    pub records: u64,
    /// How many of them can be imported.
    pub readable: u64,
    /// How many of the others say only that an issue was deleted there.
    pub deleted: u64,
    /// How often a field of the source became a field of an issue, by
    /// theirs and ours.
    pub mapped: BTreeMap<String, BTreeMap<String, u64>>,
    /// How often a field of the source was kept as a custom field, by theirs and the key
    /// of that field.
    pub kept: BTreeMap<String, BTreeMap<String, u64>>,
    /// How often a field held a default that says nothing. Such a field is not shown with the issue;
    /// an export writes it again.
    pub defaults: BTreeMap<String, u64>,
    /// How often a field of the source was left out although it held something, by theirs and
    /// why: it follows from others, or means nothing outside of the source.
    pub left_out: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many things of the input were passed over that are no issues, by what they are.
    pub passed_over: BTreeMap<&'static str, u64>,
    /// What didn't come through as it was, in the order it was found.
    pub notes: Vec<Note>,
    /// How many further notes there were.
    pub omitted_notes: u64,
    /// The columns and keys that were found of those that whoever imports has said something of, in lower case.
    pub found: BTreeSet<String>,
}

impl Report {
    /// Counts a field that became `ours`.
    pub(crate) fn map(&mut self, theirs: &str, ours: &str) {
        count(&mut self.mapped, theirs, ours);
    }

    /// Counts a field that was kept as the custom field `key`.
    pub(crate) fn keep(&mut self, theirs: &str, key: &str) {
        count(&mut self.kept, theirs, key);
    }

    /// Counts a field that was left out.
    pub(crate) fn leave_out(&mut self, theirs: &str, why: &str) {
        count(&mut self.left_out, theirs, why);
    }

    /// Counts something that is no issue.
    pub(crate) fn count_other(&mut self, what: &'static str) {
        *self.passed_over.entry(what).or_insert(0) += 1;
    }

    /// Counts a field with a default that says nothing.
    pub(crate) fn pass_over(&mut self, field: &str) {
        match self.defaults.get_mut(field) {
            Some(times) => *times += 1,
            None => {
                self.defaults.insert(field.to_owned(), 1);
            }
        }
    }

    /// Takes a note.
    pub(crate) fn note(&mut self, kind: NoteKind, place: &Place, message: impl Into<String>) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note { kind, place: place.clone(), message: message.into() });
        } else {
            self.omitted_notes += 1;
        }
    }

    /// Returns the notes of one kind.
    pub fn notes_of(&self, kind: NoteKind) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.kind == kind)
    }
}

fn count(counts: &mut BTreeMap<String, BTreeMap<String, u64>>, theirs: &str, ours: &str) {
    // Looked up by reference first: a file has many records and few different fields.
    if let Some(times) = counts.get_mut(theirs).and_then(|inner| inner.get_mut(ours)) {
        *times += 1;
    } else {
        counts.entry(theirs.to_owned()).or_default().insert(ours.to_owned(), 1);
    }
}

/// Something that didn't come through as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// How bad it is.
    pub kind: NoteKind,
    /// Where it stands.
    pub place: Place,
    /// What happened and why.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// How bad a note is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoteKind {
    /// A record was not imported.
    Skipped,
    /// A part of a record was not imported.
    Dropped,
    /// A part of a record was imported in another form.
    Changed,
    /// The issue had changed here as well; the note says which side won.
    Conflict,
}

impl NoteKind {
    /// All kinds, the worst first.
    pub const ALL: [Self; 4] = [Self::Skipped, Self::Dropped, Self::Changed, Self::Conflict];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Changed => "changed",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in an input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The file, where the input is a folder of them.
    pub file: Option<String>,
    /// The line, from 1; that of its first character for a record of several lines.
    pub line: u64,
    /// What the record is called there, once that is known.
    pub name: Option<String>,
}

impl Place {
    /// Makes the place of a record that has no name yet.
    pub(crate) fn line(line: u64) -> Self {
        Self { file: None, line, name: None }
    }

    /// Returns it without the name of the record.
    pub(crate) fn unnamed(&self) -> Self {
        Self { name: None, ..self.clone() }
    }

    /// Makes the place of a record that is a whole file.
    pub(crate) fn file(file: &str) -> Self {
        Self { file: Some(file.to_owned()), ..Self::line(1) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) if self.line == 1 => f.write_str(file)?,
            Some(file) => write!(f, "{file}, line {}", self.line)?,
            None => write!(f, "line {}", self.line)?,
        }
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

//! What a value of a source can become.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A part of an issue that a value of the source becomes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// What the source calls the issue; a repeated import knows it by that.
    Id,
    /// The identity of an issue made here, as an export of ours writes it.
    OwnId,
    /// The number of an issue made here, as an export of ours writes it.
    OwnNumber,
    /// The title.
    Title,
    /// The body.
    Body,
    /// The status.
    Status,
    /// Why it was closed, in a word.
    Reason,
    /// What was said when it was closed.
    Note,
    /// The priority.
    Priority,
    /// The kind.
    Kind,
    /// Labels.
    Labels,
    /// Assignees.
    Assignees,
    /// The reporter.
    Reporter,
    /// The milestone.
    Milestone,
    /// The due date.
    Due,
    /// The estimate.
    Estimate(Unit),
    /// The time spent.
    Spent(Unit),
    /// When it was created.
    Created,
    /// When it last changed.
    Updated,
    /// When it was closed.
    Closed,
    /// External references.
    References,
    /// The issue that it is a part of.
    Parent,
    /// The issues that are parts of it.
    Children,
    /// The issues that it waits for.
    BlockedBy,
    /// The issues that wait for it.
    Blocks,
    /// Related issues.
    Relates,
    /// The issue that it says the same as.
    DuplicateOf,
    /// The issues that say the same as it.
    DuplicatedBy,
    /// The issue during which it was found.
    DiscoveredFrom,
    /// A comment.
    Comment,
    /// The custom fields, as one object.
    Fields,
    /// A custom field of this name.
    Field(String),
    /// Nothing: it is left out.
    Nothing,
}

/// The unit of an estimate without one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Minutes.
    Minutes,
    /// Seconds.
    Seconds,
    /// Hours.
    Hours,
}

impl Unit {
    /// Returns how many seconds one is.
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3600.0,
        }
    }
}

/// The names that people call parts by.
const NAMES: [(&str, Part); 31] = [
    ("id", Part::Id),
    ("title", Part::Title),
    ("body", Part::Body),
    ("status", Part::Status),
    ("reason", Part::Reason),
    ("note", Part::Note),
    ("priority", Part::Priority),
    ("kind", Part::Kind),
    ("labels", Part::Labels),
    ("assignees", Part::Assignees),
    ("reporter", Part::Reporter),
    ("milestone", Part::Milestone),
    ("due", Part::Due),
    ("estimate", Part::Estimate(Unit::Minutes)),
    ("spent", Part::Spent(Unit::Minutes)),
    ("created", Part::Created),
    ("updated", Part::Updated),
    ("closed", Part::Closed),
    ("references", Part::References),
    ("parent", Part::Parent),
    ("children", Part::Children),
    ("blocked-by", Part::BlockedBy),
    ("blocks", Part::Blocks),
    ("relates", Part::Relates),
    ("duplicate-of", Part::DuplicateOf),
    ("duplicated-by", Part::DuplicatedBy),
    ("discovered-from", Part::DiscoveredFrom),
    ("comment", Part::Comment),
    ("none", Part::Nothing),
    // In the words of other trackers.
    ("label", Part::Labels),
    ("assignee", Part::Assignees),
];

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnId => f.pad("id"),
            Self::OwnNumber => f.pad("number"),
            Self::Fields => f.pad("custom fields"),
            Self::Field(key) => write!(f, "field.{key}"),
            Self::Estimate(_) => f.pad("estimate"),
            Self::Spent(_) => f.pad("spent"),
            Self::Id => f.pad("reference"),
            part => f.pad(NAMES.iter().find(|(_, known)| known == part).map_or("", |(name, _)| name)),
        }
    }
}

impl FromStr for Part {
    type Err = OptionError;

    /// Parses what `--map` names: `title`, `blocked-by`, `field.cost`, `none`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = text.trim().to_ascii_lowercase().replace('_', "-");
        if let Some(key) = folded.strip_prefix("field.").filter(|key| !key.is_empty()) {
            return Ok(Self::Field(key.to_owned()));
        }
        let known = NAMES.iter().find(|(name, _)| *name == folded).map(|(_, part)| part.clone());
        known.ok_or_else(|| {
            let names: Vec<&str> = NAMES[..29].iter().map(|(name, _)| *name).collect();
            OptionError(format!("`{text}` is no part of an issue: use {} or field.NAME", names.join(", ")))
        })
    }
}

/// How a source is to be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadOptions {
    /// What columns or keys become, by their names in lower case.
    pub map: BTreeMap<String, Part>,
    /// What values become, by the part and theirs in lower case.
    pub values: BTreeMap<(String, String), String>,
    /// What the source is called in references, where it doesn't say so itself.
    pub source: Option<String>,
    /// Whether issues get the numbers that they have there, where those are free.
    pub keep_numbers: bool,
}

impl ReadOptions {
    /// Returns options that say nothing.
    pub(super) const fn none() -> Self {
        Self { map: BTreeMap::new(), values: BTreeMap::new(), source: None, keep_numbers: false }
    }

    /// Says what a column or a key becomes, as in `title=Summary`.
    pub fn map(&mut self, text: &str) -> Result<(), OptionError> {
        let (part, column) = text
            .split_once('=')
            .filter(|(_, column)| !column.trim().is_empty())
            .ok_or_else(|| OptionError(format!("`{text}` maps nothing: write PART=COLUMN, as in title=Summary")))?;
        let column = column.trim().to_lowercase();
        if let Some(before) = self.map.insert(column.clone(), part.parse()?) {
            return Err(OptionError(format!("`{column}` is mapped twice, the first time to {before}")));
        }
        Ok(())
    }

    /// Says what a value becomes, as in `status:In Review=in-progress`.
    pub fn value(&mut self, text: &str) -> Result<(), OptionError> {
        let parts = text.split_once(':').and_then(|(part, rest)| {
            let (theirs, ours) = rest.rsplit_once('=')?;
            Some((part.trim().to_ascii_lowercase(), theirs.trim().to_lowercase(), ours.trim().to_owned()))
        });
        match parts {
            Some((part, theirs, ours)) if matches!(part.as_str(), "status" | "priority" | "kind" | "reason") => {
                self.values.insert((part, theirs), ours);
                Ok(())
            }
            _ => Err(OptionError(format!(
                "`{text}` maps no value: write PART:THEIRS=OURS, as in status:Review=in-progress, for status, \
                 priority, kind or reason"
            ))),
        }
    }

    pub(super) fn part_of(&self, key: &str) -> Option<&Part> {
        if self.map.is_empty() { None } else { self.map.get(&key.trim().to_lowercase()) }
    }

    pub(super) fn value_of(&self, part: &str, theirs: &str) -> Option<&str> {
        if self.values.is_empty() {
            return None;
        }
        self.values.get(&(part.to_owned(), theirs.trim().to_lowercase())).map(String::as_str)
    }
}

/// An option of an import that means nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct OptionError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_called_as_they_are_shown() {
        for (name, part) in &NAMES[..29] {
            assert_eq!(name.parse::<Part>().as_ref(), Ok(part));
            assert!(part.to_string() == *name || *part == Part::Id, "{name}");
        }
        assert_eq!("Field.Cost".parse(), Ok(Part::Field("cost".to_owned())));
        assert!("colour".parse::<Part>().unwrap_err().to_string().contains("blocked-by"));
    }

    #[test]
    fn maps_that_say_nothing_are_refused() {
        let mut options = ReadOptions::default();
        options.map("title=Short Name").unwrap();
        options.value("status:In = Review=in-progress").unwrap();
        assert_eq!(options.part_of(" SHORT name"), Some(&Part::Title));
        assert_eq!(options.value_of("status", "in = review"), Some("in-progress"));
        assert!(options.map("title").is_err() && options.map("title=").is_err() && options.map("x=y").is_err());
        assert!(options.map("body=short name").unwrap_err().to_string().contains("twice"));
        assert!(options.value("labels:a=b").is_err() && options.value("status").is_err());
    }
}

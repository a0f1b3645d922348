//! What an import remembers with an issue.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tickety_core::issue::FieldValue;

use super::form::Form;
use super::report::NoteKind;
use super::text::Cleaner;

/// The systems that issues are imported from.
const SYSTEMS: [&str; 14] = [
    super::beads::SYSTEM,
    "backlog",
    "beans",
    "csv",
    "git-bug",
    "github",
    "gitlab",
    "issues",
    "jira",
    "linear",
    "markdown",
    "repo-tickets",
    "taskwarrior",
    "tk",
];

/// What follows the system in the name of the field.
const SUFFIX: &str = "-import";

/// What an import remembers with an issue: enough to tell later who changed what, and to write the
/// record again as it was.
///
/// It lies in a custom field of its own (`beads-import`), one line of JSON, so that it moves with the issue
/// through every branch and clone. Whoever removes it loses nothing but that: the next import
/// then takes each difference for a change on both sides.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// When the source had last changed the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// A short hash of each part of the issue as it was imported.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base: String,
    /// Short hashes of the items of those parts that had several, by the part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, String>,
    /// What the source calls the comments that were imported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Value>,
    /// What the source says of a comment beyond what a comment here holds, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub comment_extra: BTreeMap<String, Map<String, Value>>,
    /// Fields that hold a default and say nothing.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub defaults: Map<String, Value>,
    /// The source's name of each custom field that could not have that name here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    /// The custom fields whose text is JSON; the others are strings.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub json: BTreeSet<String>,
    /// Values whose exact form a field of an issue can't hold, by the source's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exact: BTreeMap<String, String>,
    /// What texts have lost that an issue holds trimmed and with plain line breaks, by the source's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub forms: BTreeMap<String, Form>,
    /// The dependencies of the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<Dependency>,
}

/// A dependency as the source has it; a link keeps only its kind and its end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// The type, in the source's spelling.
    #[serde(rename = "type")]
    pub kind: String,
    /// The other issue, as the source calls it.
    pub on: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What else the source says of it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// Whether no link could be made of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlinked: bool,
}

impl Memory {
    /// Whether a custom field is one that holds a memory: people have no use for it.
    pub fn is_in(key: &str) -> bool {
        SYSTEMS.iter().any(|system| key.strip_prefix(system) == Some(SUFFIX))
    }

    /// Returns the custom field that holds the memory of a system.
    pub(crate) fn key(system: &str) -> String {
        format!("{system}{SUFFIX}")
    }

    /// Reads what an earlier import left; what can't be read counts as nothing.
    pub(crate) fn recall(fields: &BTreeMap<String, FieldValue>, system: &str) -> Option<Self> {
        match fields.get(&Self::key(system))? {
            FieldValue::Text(text) => serde_json::from_str(text).ok(),
            FieldValue::Number(_) | FieldValue::Date(_) | FieldValue::Bool(_) => None,
        }
    }

    /// Returns what the imported comments are called: by id, or by place where the source gives none
    /// or the same twice.
    pub(crate) fn comment_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.comments.len());
        let mut seen = BTreeSet::new();
        for id in &self.comments {
            let name = comment_name(id, &seen);
            seen.insert(name.clone());
            names.push(name);
        }
        names
    }

    /// Notes what a text of several lines loses; the cleaner says so where it can't be given back.
    pub(super) fn note_form(&mut self, what: &str, text: &str, cleaner: &mut Cleaner<'_>) {
        match Form::of(text) {
            Ok(form) => self.forms.extend(form.map(|form| (what.to_owned(), form))),
            Err(lost) => cleaner.note(NoteKind::Changed, format!("{what}: {lost}")),
        }
    }

    /// Gives a text what it has lost.
    pub(super) fn with_form(&self, what: &str, text: &str) -> String {
        self.forms.get(what).map_or_else(|| text.to_owned(), |form| form.put_on(text))
    }

    /// Notes how a value was written, if that isn't how it would be written again.
    pub(super) fn note_exact(&mut self, what: &str, text: &str, again: &str) {
        if text != again {
            self.exact.insert(what.to_owned(), text.to_owned());
        }
    }

    /// Returns how a value was written, if it still `is` what it was.
    pub(super) fn exactly(&self, what: &str, is: impl FnOnce(&str) -> bool) -> Option<&str> {
        self.exact.get(what).map(String::as_str).filter(|exact| is(exact))
    }

    /// Prints it for its custom field.
    pub(crate) fn print(&self) -> String {
        serde_json::to_string(self).expect("a memory has string keys only")
    }
}

/// Returns what a comment with this id is called after those with the names `seen`.
pub(super) fn comment_name(id: &Value, seen: &BTreeSet<String>) -> String {
    let name = match id {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if name.is_empty() || seen.contains(&name) { format!("{name}#{}", seen.len()) } else { name }
}

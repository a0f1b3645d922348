//! The names of fields, orders and states in queries.

use std::fmt;
use std::str::FromStr;

use super::ast::{Count, FieldName, Is, NameField, SortBy, SortKey, TextScope, TimeField};
use super::error::{closest, did_you_mean};
use crate::graph::Relation;

/// What a custom field's key is written after: `field.severity`.
pub(super) const CUSTOM_PREFIX: &str = "field.";

static FIELDS: [(FieldName, &str); 24] = [
    (FieldName::Number, "number"),
    (FieldName::Id, "id"),
    (FieldName::Title, "title"),
    (FieldName::Body, "body"),
    (FieldName::Status, "status"),
    (FieldName::Reason, "reason"),
    (FieldName::Note, "note"),
    (FieldName::Priority, "priority"),
    (FieldName::Kind, "kind"),
    (FieldName::Label, "label"),
    (FieldName::Assignee, "assignee"),
    (FieldName::Reporter, "reporter"),
    (FieldName::Milestone, "milestone"),
    (FieldName::Due, "due"),
    (FieldName::Estimate, "estimate"),
    (FieldName::Spent, "spent"),
    (FieldName::Comment, "comment"),
    (FieldName::Reference, "reference"),
    (FieldName::Created, "created"),
    (FieldName::Closed, "closed"),
    (FieldName::Updated, "updated"),
    (FieldName::Link, "link"),
    (FieldName::Fields, "fields"),
    (FieldName::Version, "version"),
];

/// Other spellings of [`FIELDS`].
static ALIASES: [(&str, &str); 19] = [
    ("description", "body"),
    ("state", "status"),
    ("type", "kind"),
    ("labels", "label"),
    ("tag", "label"),
    ("tags", "label"),
    ("assignees", "assignee"),
    ("owner", "assignee"),
    ("author", "reporter"),
    ("creator", "reporter"),
    ("comments", "comment"),
    ("ref", "reference"),
    ("refs", "reference"),
    ("references", "reference"),
    ("created-at", "created"),
    ("closed-at", "closed"),
    ("updated-at", "updated"),
    ("links", "link"),
    ("children", "child"),
];

impl FieldName {
    /// Returns every field but the custom ones.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = FIELDS.iter().map(|(field, _)| field.clone());
        plain.chain(Relation::ALL.into_iter().map(Self::Related))
    }

    fn known_names() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|(_, name)| *name).chain(Relation::ALL.into_iter().map(Relation::as_str))
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Related(relation) => relation.fmt(f),
            Self::Custom(key) => f.pad(&format!("{CUSTOM_PREFIX}{key}")),
            plain => {
                let (_, name) =
                    FIELDS.iter().find(|(field, _)| field == plain).expect("the table has every plain field");
                f.pad(name)
            }
        }
    }
}

impl FromStr for FieldName {
    type Err = FieldNameParseError;

    /// Parses a name as `Display` prints it, in any case, with `_` for `-`, in the plural, or as
    /// GitHub calls it (`author`, `state`, `type`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = fold_key(text);
        if let Some(key) = folded.strip_prefix(CUSTOM_PREFIX) {
            return if is_custom_key(key) {
                Ok(Self::Custom(key.to_owned()))
            } else {
                Err(FieldNameParseError { text: text.to_owned(), suggestion: None })
            };
        }
        let name = ALIASES.iter().find(|(alias, _)| *alias == folded).map_or(folded.as_str(), |(_, name)| name);
        let plain = FIELDS.iter().find(|(_, known)| *known == name).map(|(field, _)| field.clone());
        plain.or_else(|| name.parse().map(Self::Related).ok()).ok_or_else(|| FieldNameParseError {
            text: text.to_owned(),
            suggestion: closest(&folded, Self::known_names()).map(str::to_owned),
        })
    }
}

/// Folds the name of a field; the key of a custom one keeps its `_`.
pub(super) fn fold_key(text: &str) -> String {
    let folded = text.trim().to_ascii_lowercase();
    if folded.starts_with(CUSTOM_PREFIX) { folded } else { folded.replace('_', "-") }
}

/// Whether a text can be the key of a custom field.
pub(super) fn is_custom_key(key: &str) -> bool {
    key.starts_with(|char: char| char.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

/// A text that names no field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldNameParseError {
    text: String,
    suggestion: Option<String>,
}

impl FieldNameParseError {
    /// Returns the field that is probably meant.
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl fmt::Display for FieldNameParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, suggestion } = self;
        match suggestion {
            Some(word) => write!(f, "`{text}` is not a field: {}", did_you_mean(word)),
            None => write!(f, "`{text}` is not a field: use number, title, label, … or field.NAME"),
        }
    }
}

impl std::error::Error for FieldNameParseError {}

impl Is {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::InProgress,
        Self::Closed,
        Self::Any,
        Self::Blocked,
        Self::Ready,
        Self::Elsewhere,
        Self::Overdue,
    ];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in-progress",
            Self::Closed => "closed",
            Self::Any => "any",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Elsewhere => "elsewhere",
            Self::Overdue => "overdue",
        }
    }
}

impl NameField {
    /// All fields with names for values.
    pub const ALL: [Self; 6] =
        [Self::Label, Self::Assignee, Self::Reporter, Self::Commenter, Self::Milestone, Self::Reference];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Assignee => "assignee",
            Self::Reporter => "reporter",
            Self::Commenter => "commenter",
            Self::Milestone => "milestone",
            Self::Reference => "reference",
        }
    }
}

impl Count {
    /// All fields that are counted.
    pub const ALL: [Self; 4] = [Self::Number, Self::Comments, Self::Estimate, Self::Spent];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Comments => "comments",
            Self::Estimate => "estimate",
            Self::Spent => "spent",
        }
    }
}

impl TimeField {
    /// All fields that are times or dates.
    pub const ALL: [Self; 4] = [Self::Created, Self::Closed, Self::Updated, Self::Due];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Closed => "closed",
            Self::Updated => "updated",
            Self::Due => "due",
        }
    }
}

impl TextScope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Any, Self::Title, Self::Body, Self::Comment];

    /// Returns the name of the field; `None` where text is looked for everywhere.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Title => Some("title"),
            Self::Body => Some("body"),
            Self::Comment => Some("comment"),
        }
    }
}

impl SortBy {
    /// All that issues can be ordered by.
    pub const ALL: [Self; 14] = [
        Self::Number,
        Self::Created,
        Self::Updated,
        Self::Closed,
        Self::Due,
        Self::Priority,
        Self::Title,
        Self::Status,
        Self::Kind,
        Self::Milestone,
        Self::Comments,
        Self::Estimate,
        Self::Spent,
        Self::Relevance,
    ];

    /// Returns the name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::Due => "due",
            Self::Priority => "priority",
            Self::Title => "title",
            Self::Status => "status",
            Self::Kind => "kind",
            Self::Milestone => "milestone",
            Self::Comments => "comments",
            Self::Estimate => "estimate",
            Self::Spent => "spent",
            Self::Relevance => "relevance",
        }
    }

    /// Whether `sort:KEY` without a direction is from the greatest to the least: the latest, the
    /// most urgent, the most. Numbers, due dates, names and states go upwards.
    pub fn is_naturally_descending(&self) -> bool {
        match self {
            Self::Created
            | Self::Updated
            | Self::Closed
            | Self::Priority
            | Self::Comments
            | Self::Estimate
            | Self::Spent
            | Self::Relevance => true,
            Self::Number | Self::Due | Self::Title | Self::Status | Self::Kind | Self::Milestone => false,
        }
    }

    /// Whether the values are text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Title | Self::Kind | Self::Milestone)
    }
}

impl fmt::Display for SortKey {
    /// Writes the key with its direction, `updated-desc`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.by.as_str(), if self.descending { "desc" } else { "asc" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_parse_what_they_print() {
        for field in FieldName::all().chain([FieldName::Custom("a_b-2".to_owned())]) {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
        assert_eq!("Blocked_By".parse(), Ok(FieldName::Related(Relation::BlockedBy)));
        assert_eq!("author".parse(), Ok(FieldName::Reporter));
        for alias in ALIASES {
            assert_eq!(alias.0.parse::<FieldName>().map(|field| field.to_string()), Ok(alias.1.to_owned()));
        }
    }

    #[test]
    fn an_unknown_field_gets_a_suggestion() {
        let error = "prioritty".parse::<FieldName>().unwrap_err();
        assert_eq!(error.to_string(), "`prioritty` is not a field: did you mean `priority`?");
        for text in ["", "x", "field.", "field.2", "field.a b", "is"] {
            assert!(text.parse::<FieldName>().is_err(), "{text}");
        }
    }
}

//! What a repository configures about its issues: prefix, statuses, kinds and custom fields.

use std::fmt;
use std::str::FromStr;

use crate::issue::{Kind, Status};

/// The configured vocabulary of a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    /// The prefix of names such as `TIK-42`: ASCII letters and digits, starting with a letter.
    pub prefix: String,
    /// The statuses in the order people are shown; the three stored ones are always among them.
    pub statuses: Vec<StatusDef>,
    /// The kinds of issue, the default first of all if not said otherwise.
    pub kinds: Vec<Kind>,
    /// The kind of an issue that names none.
    pub default_kind: Kind,
    /// The declared custom fields. A field that isn't declared holds free text.
    pub fields: Vec<FieldDef>,
}

impl Default for Schema {
    fn default() -> Self {
        let status = |name: &str, category| StatusDef { name: Status::new(name), category };
        Self {
            prefix: "TIK".to_owned(),
            statuses: vec![
                status("open", Category::Open),
                status("in-progress", Category::InProgress),
                status("closed", Category::Closed),
            ],
            kinds: ["bug", "feature", "task", "chore", "epic"].map(Kind::new).into(),
            default_kind: Kind::new("task"),
            fields: Vec::new(),
        }
    }
}

impl Schema {
    /// Returns which of the three stored statuses `status` belongs to. A status that is not
    /// configured (a file edited by hand, another branch's config) counts as open, so that the
    /// issue stays in sight.
    pub fn category(&self, status: &Status) -> Category {
        self.statuses.iter().find(|def| def.name == *status).map_or(Category::Open, |def| def.category)
    }

    /// Whether `status` is configured.
    pub fn has_status(&self, status: &Status) -> bool {
        self.statuses.iter().any(|def| def.name == *status)
    }

    /// Whether `kind` is configured.
    pub fn has_kind(&self, kind: &Kind) -> bool {
        self.kinds.contains(kind)
    }

    /// Returns the type of a custom field; free text where none is declared.
    pub fn field_type(&self, key: &str) -> FieldType {
        self.fields.iter().find(|def| def.key == key).map_or(FieldType::Text, |def| def.field_type.clone())
    }

    /// Returns the first status of a category.
    pub fn first_of(&self, category: Category) -> Status {
        self.statuses
            .iter()
            .find(|def| def.category == category)
            .map_or_else(|| Status::new(category.as_str()), |def| def.name.clone())
    }
}

/// A status and the stored status it counts as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusDef {
    /// The name as files have it.
    pub name: Status,
    /// What it counts as.
    pub category: Category,
}

/// The three statuses that mean something to Tickety; every other one belongs to one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    /// Nobody has begun.
    Open,
    /// Somebody is at it.
    InProgress,
    /// Ended.
    Closed,
}

impl Category {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Open, Self::InProgress, Self::Closed];

    /// Returns the name: `open`, `in-progress` or `closed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in-progress",
            Self::Closed => "closed",
        }
    }

    /// Whether issues of this category are ended.
    pub fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A custom field the config declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldDef {
    /// The key as files have it: lower-case ASCII letters, digits, `-` and `_`.
    pub key: String,
    /// What its values are.
    pub field_type: FieldType,
}

/// The type of a custom field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// Free text.
    Text,
    /// A decimal number.
    Number,
    /// A civil date.
    Date,
    /// True or false.
    Bool,
    /// One of a list.
    Choice(Vec<String>),
}

impl FieldType {
    /// Returns the name the config uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::Bool => "bool",
            Self::Choice(_) => "choice",
        }
    }
}

/// A finite decimal number as a custom field holds it, compared by value.
#[derive(Clone, Copy, Debug)]
pub struct Decimal(f64);

impl Decimal {
    /// Wraps a finite number; `None` for the others.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero turns -0 into 0, so equal values print alike.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// Returns the number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0).is_eq()
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Decimal {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value: f64 = text.parse()?;
        // The words `nan` and `inf` parse as floats; they are no decimal numbers.
        Self::new(value).map_or_else(|| "".parse::<f64>().map(Self), Ok)
    }
}

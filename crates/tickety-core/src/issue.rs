//! The issue and its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::graph::{LinkEnd, Relation};
use crate::ident::{IssueId, IssueKey, IssueName, IssueNumber, Suffix};
use crate::schema::{Category, Decimal, FieldType, Schema};

/// An issue as it is stored: everything a person wrote, nothing derived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    /// The number people use.
    pub number: IssueNumber,
    /// The identity.
    pub id: IssueId,
    /// One line, see [`limits::TITLE`](crate::operation::limits::TITLE).
    pub title: String,
    /// Markdown, without a trailing line break; may be empty.
    pub body: String,
    /// The status as stored; its meaning is [`Schema::category`].
    pub status: Status,
    /// How and when it was closed, for an issue whose status counts as closed.
    pub closure: Option<Closure>,
    /// How urgent it is.
    pub priority: Priority,
    /// What sort of issue it is.
    pub kind: Kind,
    /// The labels.
    pub labels: BTreeSet<String>,
    /// Who works on it.
    pub assignees: BTreeSet<String>,
    /// Who reported it.
    pub reporter: Option<String>,
    /// The milestone it belongs to.
    pub milestone: Option<String>,
    /// The day by which it is due, in nobody's time zone.
    pub due: Option<Date>,
    /// How long it is expected to take.
    pub estimate: Option<Minutes>,
    /// How long it has taken so far.
    pub spent: Option<Minutes>,
    /// The comments, oldest first: by time, then by id.
    pub comments: Vec<Comment>,
    /// The links stored with this issue; the other ends are derived.
    pub links: BTreeSet<Link>,
    /// What the issue is called elsewhere: URLs or `system:id`.
    pub references: BTreeSet<String>,
    /// Custom fields by key.
    pub fields: BTreeMap<String, FieldValue>,
    /// When it was created.
    pub created: Timestamp,
    /// When another tracker last changed it; kept from an import until the first edit here.
    pub imported_updated: Option<Timestamp>,
}

impl Issue {
    /// Returns the name that always means this issue.
    pub fn key(&self) -> IssueKey {
        IssueKey { number: self.number, suffix: self.id.suffix() }
    }

    /// Returns the latest time the record itself tells of: created, closed, the last comment, or
    /// what an import kept. Stores add what they know of the record's own writing.
    pub fn last_recorded(&self) -> Timestamp {
        [
            Some(self.created),
            self.closure.as_ref().and_then(|closure| closure.at),
            self.comments.iter().map(|comment| comment.created).max(),
            self.imported_updated,
        ]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(self.created)
    }

    /// Whether this state differs from another one of the same issue in its comments at most, which
    /// are recorded apart from the rest.
    pub fn has_same_record(&self, other: &Self) -> bool {
        let Self {
            number,
            id,
            title,
            body,
            status,
            closure,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            comments: _,
            links,
            references,
            fields,
            created,
            imported_updated,
        } = self;
        (number, id, title, body) == (&other.number, &other.id, &other.title, &other.body)
            && (status, closure, priority, kind) == (&other.status, &other.closure, &other.priority, &other.kind)
            && (labels, assignees, reporter) == (&other.labels, &other.assignees, &other.reporter)
            && (milestone, due, estimate, spent) == (&other.milestone, &other.due, &other.estimate, &other.spent)
            && (links, references, fields) == (&other.links, &other.references, &other.fields)
            && (created, imported_updated) == (&other.created, &other.imported_updated)
    }

    /// Returns the stored links of one kind.
    pub fn links_of(&self, kind: LinkKind) -> impl Iterator<Item = IssueName> + '_ {
        self.links.iter().filter(move |link| link.kind == kind).map(|link| link.target)
    }

    /// Returns what was said about the issue: its comments, and the note it was closed with.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        let note = self.closure.as_ref().and_then(|closure| closure.note.as_deref());
        self.comments.iter().map(|comment| comment.body.as_str()).chain(note)
    }
}

/// What a store derives for an issue from the other issues and from the record's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Derived {
    /// When the issue last changed.
    pub updated: Timestamp,
    /// Both ends of its links, by relation and then by the other's name.
    pub links: Vec<LinkEnd>,
    /// Where it is closed, though it isn't here.
    pub elsewhere: Vec<ClosedElsewhere>,
}

/// That an issue which is open here is closed on a branch of the same clone, which isn't merged here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClosedElsewhere {
    /// The branch; `None` where a commit is checked out without one.
    pub branch: Option<String>,
    /// When it was closed there, if that is known.
    pub at: Option<Timestamp>,
    /// Who closed it, if that is known.
    pub by: Option<String>,
}

impl ClosedElsewhere {
    /// Returns the branch, or what is said where there is none.
    pub fn place(&self) -> &str {
        self.branch.as_deref().unwrap_or("a detached HEAD")
    }
}

impl Derived {
    /// Whether an issue that isn't closed blocks this one. A blocker that doesn't exist blocks
    /// nothing.
    pub fn is_blocked(&self) -> bool {
        self.links.iter().any(|end| {
            end.relation == Relation::BlockedBy
                && end.target.as_ref().is_some_and(|target| !target.category.is_closed())
        })
    }
}

/// An issue together with what is derived for it: what queries are asked about.
#[derive(Clone, Copy, Debug)]
pub struct IssueView<'a> {
    /// The stored part.
    pub issue: &'a Issue,
    /// The derived part.
    pub derived: &'a Derived,
    /// What the status counts as.
    pub category: Category,
}

impl<'a> IssueView<'a> {
    /// Looks at an issue under a schema.
    pub fn new(issue: &'a Issue, derived: &'a Derived, schema: &Schema) -> Self {
        Self { issue, derived, category: schema.category(&issue.status) }
    }

    /// Whether somebody could begin now: the status counts as open, nothing blocks it, and no other branch has it
    /// closed.
    pub fn is_ready(&self) -> bool {
        self.category == Category::Open && !self.derived.is_blocked() && self.derived.elsewhere.is_empty()
    }
}

/// The name of a status. Which ones exist is configured; see [`Schema`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Status(String);

impl Status {
    /// Wraps a name; it is folded to lower case, with `_` and spaces as `-`.
    pub fn new(name: &str) -> Self {
        Self(fold_word(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a kind of issue. Which ones exist is configured; see [`Schema`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind(String);

impl Kind {
    /// Wraps a name; it is folded to lower case, with `_` and spaces as `-`.
    pub fn new(name: &str) -> Self {
        Self(fold_word(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn fold_word(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

/// How urgent an issue is. `Critical` orders before `Lowest`: ascending order is urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Priority {
    /// Drop everything.
    Critical,
    /// Before the rest.
    High,
    /// The default.
    #[default]
    Medium,
    /// When there is time.
    Low,
    /// Perhaps never.
    Lowest,
}

impl Priority {
    /// All, urgent first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Lowest];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Lowest => "lowest",
        }
    }

    /// Returns the place from 0 (critical) to 4 (lowest), as trackers that number priorities do.
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// Returns the priority of a rank; `None` above 4.
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = PartParseError;

    /// Parses a name in any case, or a rank: `0` to `4`, `p0` to `p4`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|priority| {
                priority.as_str() == folded
                    || folded.strip_prefix('p').unwrap_or(&folded) == priority.rank().to_string()
            })
            .ok_or_else(|| PartParseError::Priority { text: text.to_owned() })
    }
}

/// How an issue ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closure {
    /// When; unknown where a file was closed by hand without saying so.
    pub at: Option<Timestamp>,
    /// Why.
    pub reason: CloseReason,
    /// What was said about it: one paragraph or several, Markdown.
    pub note: Option<String>,
}

/// Why an issue ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum CloseReason {
    /// It was done.
    #[default]
    Completed,
    /// It won't be done.
    Cancelled,
    /// Another issue says the same.
    Duplicate,
}

impl CloseReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Completed, Self::Cancelled, Self::Duplicate];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Duplicate => "duplicate",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl CloseReason {
    /// Reads a reason as people write it, who may know it by the name that GitHub has: `not planned`.
    pub fn from_words(text: &str) -> Result<Self, PartParseError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "not planned" | "not-planned" | "not_planned" => Ok(Self::Cancelled),
            _ => text.parse(),
        }
    }
}

impl FromStr for CloseReason {
    type Err = PartParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == folded)
            .ok_or_else(|| PartParseError::CloseReason { text: text.to_owned() })
    }
}

/// A length of work, in minutes. A day of work has 8 hours and a week 5 days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Minutes(pub u32);

impl Minutes {
    const UNITS: [(char, u32); 4] = [('w', 5 * 8 * 60), ('d', 8 * 60), ('h', 60), ('m', 1)];
}

impl fmt::Display for Minutes {
    /// Writes hours and minutes as `1h30m`; `0m` for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.0 / 60, self.0 % 60) {
            (0, minutes) => format!("{minutes}m"),
            (hours, 0) => format!("{hours}h"),
            (hours, minutes) => format!("{hours}h{minutes}m"),
        };
        f.pad(&text)
    }
}

impl FromStr for Minutes {
    type Err = PartParseError;

    /// Parses `90` or `90m`, `1h30m`, `2d` (of 8 hours), `1w` (of 5 days), units in falling order.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || PartParseError::Minutes { text: text.to_owned() };
        let compact: String = text.chars().filter(|c| *c != ' ').collect();
        if compact.bytes().all(|byte| byte.is_ascii_digit()) {
            return compact.parse().map(Self).map_err(|_| bad());
        }
        let mut rest = compact.as_str();
        let mut units = Self::UNITS.iter();
        let mut total = 0_u32;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let amount: u32 = rest[..digits].parse().map_err(|_| bad())?;
            let unit = rest[digits..].chars().next().ok_or_else(bad)?;
            let (_, minutes) = units.find(|(name, _)| *name == unit.to_ascii_lowercase()).ok_or_else(bad)?;
            total = amount.checked_mul(*minutes).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
            rest = &rest[digits + unit.len_utf8()..];
        }
        Ok(Self(total))
    }
}

/// What somebody said about an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// The identity.
    pub id: CommentId,
    /// Who said it; unknown where a file doesn't tell.
    pub author: Option<String>,
    /// When.
    pub created: Timestamp,
    /// Markdown, without a trailing line break.
    pub body: String,
}

/// The identity of a comment: a UUID of version 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommentId(Uuid);

impl CommentId {
    /// Wraps a UUID.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// Returns the four characters that tell comments of one second apart in file names.
    pub fn suffix(self) -> Suffix {
        Suffix::of(self.0)
    }
}

impl fmt::Display for CommentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// A link as it is stored, at one end only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link {
    /// What the issue that holds the link is to the other.
    pub kind: LinkKind,
    /// The other issue. Tickety writes names with their suffix; a file edited by hand may lack it.
    pub target: IssueName,
}

/// The kinds of stored link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkKind {
    /// This can't begin before the other is closed.
    BlockedBy,
    /// This is a part of the other; an issue has at most one parent.
    Parent,
    /// The two have to do with each other.
    Relates,
    /// This says the same as the other.
    DuplicateOf,
    /// This was found while working on the other.
    DiscoveredFrom,
}

impl LinkKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::BlockedBy, Self::Parent, Self::Relates, Self::DuplicateOf, Self::DiscoveredFrom];

    /// Returns the name files and commands use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlockedBy => "blocked-by",
            Self::Parent => "parent",
            Self::Relates => "relates",
            Self::DuplicateOf => "duplicate-of",
            Self::DiscoveredFrom => "discovered-from",
        }
    }

    /// Whether a cycle of such links is refused.
    pub fn is_acyclic(self) -> bool {
        matches!(self, Self::BlockedBy | Self::Parent)
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The value of a custom field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FieldValue {
    /// Free text, one line or several.
    Text(String),
    /// A decimal number.
    Number(Decimal),
    /// A civil date.
    Date(Date),
    /// True or false.
    Bool(bool),
}

impl FieldValue {
    /// Reads a text as a value of the given type.
    pub fn parse(text: &str, field_type: &FieldType) -> Result<Self, PartParseError> {
        let bad = |expected: String| PartParseError::FieldValue { text: text.to_owned(), expected };
        let trimmed = text.trim();
        match field_type {
            FieldType::Text => Ok(Self::Text(text.to_owned())),
            FieldType::Number => trimmed.parse().map(Self::Number).map_err(|_| bad("a number such as 2.5".to_owned())),
            FieldType::Date => trimmed.parse().map(Self::Date).map_err(|_| bad("a date such as 2026-11-30".to_owned())),
            FieldType::Bool => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "yes" => Ok(Self::Bool(true)),
                "false" | "no" => Ok(Self::Bool(false)),
                _ => Err(bad("true or false".to_owned())),
            },
            FieldType::Choice(choices) => choices
                .iter()
                .find(|choice| choice.eq_ignore_ascii_case(trimmed))
                .map(|choice| Self::Text(choice.clone()))
                .ok_or_else(|| bad(format!("one of {}", choices.join(", ")))),
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Number(number) => number.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

/// Why a text is no value of a part of an issue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PartParseError {
    /// Not a priority.
    #[error("`{text}` is not a priority: use critical, high, medium, low or lowest")]
    Priority {
        /// What was given.
        text: String,
    },
    /// Not a reason.
    #[error("`{text}` is not a reason to close: use completed, cancelled or duplicate")]
    CloseReason {
        /// What was given.
        text: String,
    },
    /// Not a length of work.
    #[error("`{text}` is not a length of work: write minutes, or 1h30m, 2d, 1w")]
    Minutes {
        /// What was given.
        text: String,
    },
    /// Not a value of the field's type.
    #[error("`{text}` is not {expected}")]
    FieldValue {
        /// What was given.
        text: String,
        /// What would be, as a noun phrase.
        expected: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_parse_what_they_print() {
        for minutes in [0, 1, 59, 60, 90, 480, 2401] {
            assert_eq!(Minutes(minutes).to_string().parse(), Ok(Minutes(minutes)));
        }
        assert_eq!("1w 2d".parse(), Ok(Minutes(2400 + 960)));
        for text in ["h", "1x", "1m2h", "-1", "1.5h", "99999999w", "1h30"] {
            assert!(text.parse::<Minutes>().is_err(), "{text}");
        }
    }

    #[test]
    fn urgent_priorities_come_first() {
        assert!(Priority::Critical < Priority::Lowest);
        assert_eq!("P0".parse(), Ok(Priority::Critical));
        assert!("p5".parse::<Priority>().is_err());
    }

    #[test]
    fn a_number_field_holds_finite_numbers_only() {
        for text in ["nan", "inf", "1e999", "x"] {
            assert!(FieldValue::parse(text, &FieldType::Number).is_err(), "{text}");
        }
        assert_eq!(FieldValue::parse("-0", &FieldType::Number), FieldValue::parse("0", &FieldType::Number));
    }
}

//! What a query is once it is parsed.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::graph::Relation;
use crate::ident::{IssueId, IssueKey, IssueName};
use crate::issue::{CloseReason, FieldValue, Kind, Priority, Status};

/// A question: which issues, in which order, how many, and which of their fields.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Query {
    /// Which issues. `Expr::All([])` is every issue.
    pub filter: Expr,
    /// The order; empty means newest (highest number) first. Equal issues are ordered by number,
    /// highest first, then by suffix, so that every order is total.
    pub sort: Vec<SortKey>,
    /// How many issues at the most; the caller's default where absent.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// The fields to return; the caller's default where empty.
    pub fields: Vec<FieldName>,
}

/// A condition on an issue.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// All of these hold; with none, always true. Written side by side.
    All(Vec<Expr>),
    /// One of these holds; with none, never true. Written with `OR`.
    Any(Vec<Expr>),
    /// This doesn't hold. Written with `-` in front.
    Not(Box<Expr>),
    /// A single condition.
    Term(Term),
}

impl Default for Expr {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// A single condition. Where a list is given, one of its values has to fit.
#[derive(Clone, PartialEq, Debug)]
pub enum Term {
    /// `is:open`
    Is(Is),
    /// `has:label`, and `no:label` as its negation.
    Has(FieldName),
    /// `words`, `"a phrase"`, `pre*`, `title:word`
    Text(TextScope, TextMatch),
    /// `status:open,in-progress`: the stored status, exactly.
    Status(Vec<Status>),
    /// `kind:bug`
    Kind(Vec<Kind>),
    /// `reason:cancelled`
    Reason(Vec<CloseReason>),
    /// `priority:>=high`: more urgent is greater. Bounds are in the order of [`Priority`], urgent
    /// first, so `>=high` is at most [`Priority::High`].
    Priority(Bounds<Priority>),
    /// `label:cache,perf`: compared without regard to case.
    Name(NameField, Vec<String>),
    /// `comments:>5`
    Count(Count, Bounds<u32>),
    /// `created:>2026-10-01`
    Time(TimeField, Bounds<TimeSpec>),
    /// `blocked-by:42`: has this relation to one of the named issues.
    Related(Relation, Vec<IssueName>),
    /// `id:0199…`
    Id(Vec<IssueId>),
    /// `field.severity:s1`
    Custom(String, CustomTest),
}

/// The states `is:` asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Is {
    /// Not closed.
    Open,
    /// The status counts as in-progress.
    InProgress,
    /// The status counts as closed.
    Closed,
    /// Always true; says that issues of every status are meant.
    Any,
    /// Not closed, and an issue that isn't closed blocks it.
    Blocked,
    /// Nobody has begun, nothing blocks it, and no other branch has it closed.
    Ready,
    /// Not closed here, and closed on another branch of the clone.
    Elsewhere,
    /// Not closed, and due before today.
    Overdue,
}

/// Fields with names for values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NameField {
    /// One of the labels.
    Label,
    /// One of the assignees. `me` is the actor who asks.
    Assignee,
    /// The reporter. `me` is the actor who asks.
    Reporter,
    /// The author of one of the comments. `me` is the actor who asks.
    Commenter,
    /// The milestone.
    Milestone,
    /// One of the external references.
    Reference,
}

/// Fields that are counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Count {
    /// The number of the issue.
    Number,
    /// How many comments it has.
    Comments,
    /// The estimate in minutes; written `estimate:>2h`.
    Estimate,
    /// The time spent in minutes; written `spent:<=1d`.
    Spent,
}

/// Fields that are times or dates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimeField {
    /// When it was created.
    Created,
    /// When it was closed.
    Closed,
    /// When it last changed (derived).
    Updated,
    /// The day by which it is due.
    Due,
}

/// Where text is looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TextScope {
    /// In the title, the body or one comment, or in the note of a closed issue.
    Any,
    /// In the title.
    Title,
    /// In the body.
    Body,
    /// In one of the comments, or in the note.
    Comment,
}

/// What text is looked for, in tokens as [`text::tokens`](crate::text::tokens) makes them.
/// Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextMatch {
    /// These tokens, one after the other, within one title, body or comment.
    Phrase(Vec<String>),
    /// A token that starts like this.
    Prefix(String),
}

/// A range of values, either end open. Both bounds are inclusive unless their flag says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds<T> {
    /// The lower bound.
    pub from: Option<(T, Inclusive)>,
    /// The upper bound.
    pub to: Option<(T, Inclusive)>,
}

/// Whether a bound itself is in the range.
pub type Inclusive = bool;

/// A time as a query names it. A day or a longer unit stands for all of it: `created:2026-10-01` is
/// that whole day in the time zone of who asks, `>2026-10-01` begins when it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeSpec {
    /// `2026-10-01`
    Day(Date),
    /// `2026-10-01T12:00:00Z`
    Instant(Timestamp),
    /// `today`, and with an offset `yesterday` (-1) and `tomorrow` (1).
    Today(i32),
    /// `7d`, `-7d`: that long ago, a negative number; `+7d`: that long from now. Hours and minutes are exact;
    /// days, weeks, months and years stand for the whole day they fall on.
    Offset(i32, TimeUnit),
}

/// The units of a relative time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimeUnit {
    /// `min`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
    /// `w`
    Week,
    /// `mo`
    Month,
    /// `y`
    Year,
}

/// A condition on a custom field.
#[derive(Clone, PartialEq, Debug)]
pub enum CustomTest {
    /// The value, as text, is one of these without regard to case.
    Is(Vec<String>),
    /// The value lies in a range. The bounds say the type: a number, a date or (other texts) text
    /// in lower case; a value of another type doesn't match.
    Within(Bounds<FieldValue>),
    /// The value is a date in a range that depends on when is asked.
    During(Bounds<TimeSpec>),
}

/// A field that can be asked for, tested for presence or returned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FieldName {
    /// The number.
    Number,
    /// The id.
    Id,
    /// The title.
    Title,
    /// The body.
    Body,
    /// The stored status.
    Status,
    /// The reason of a closed issue.
    Reason,
    /// The note of a closed issue.
    Note,
    /// The priority.
    Priority,
    /// The kind.
    Kind,
    /// The labels.
    Label,
    /// The assignees.
    Assignee,
    /// The reporter.
    Reporter,
    /// The milestone.
    Milestone,
    /// The due date.
    Due,
    /// The estimate.
    Estimate,
    /// The time spent.
    Spent,
    /// The comments.
    Comment,
    /// The external references.
    Reference,
    /// When it was created.
    Created,
    /// When it was closed.
    Closed,
    /// When it last changed.
    Updated,
    /// What it has this relation to.
    Related(Relation),
    /// All links, both ends.
    Link,
    /// A custom field.
    Custom(String),
    /// All custom fields.
    Fields,
    /// The version.
    Version,
}

/// One key of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SortKey {
    /// What to order by.
    pub by: SortBy,
    /// From the greatest to the least. Issues without a value come last either way.
    pub descending: bool,
}

/// What issues can be ordered by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SortBy {
    /// The number.
    Number,
    /// When it was created.
    Created,
    /// When it last changed.
    Updated,
    /// When it was closed.
    Closed,
    /// The due date.
    Due,
    /// The priority; more urgent is greater.
    Priority,
    /// The title, folded to lower case.
    Title,
    /// The category of the status: open, in-progress, closed.
    Status,
    /// The kind.
    Kind,
    /// The milestone.
    Milestone,
    /// How many comments it has.
    Comments,
    /// The estimate.
    Estimate,
    /// The time spent.
    Spent,
    /// How well the text fits (bm25), best first; only with text in the query.
    Relevance,
}

/// Where a page ended: the place of its last issue in the order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cursor {
    /// After the issue of this name, whose values for the query's sort keys were these. The next page
    /// is right also when the issue has changed or gone since.
    After {
        /// The last issue.
        key: IssueKey,
        /// Its values, one a sort key; `None` for a missing value.
        values: Vec<Option<SortValue>>,
    },
    /// After this many issues; for an order by relevance.
    Skip(u32),
}

/// A value that issues are ordered by, comparable within one sort key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SortValue {
    /// A number: ranks, counts, days since 1970, microseconds since 1970.
    Integer(i64),
    /// Text in lower case, compared by code points.
    Text(String),
}

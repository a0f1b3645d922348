//! The trait every store of issues implements, and what goes in and out of it.

mod batch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use tickety_core::graph::{Graph, Relation};
use tickety_core::ident::{IssueId, IssueKey, IssueSelector, Version};
use tickety_core::issue::{ClosedElsewhere, Comment, Derived, Issue, IssueView, Kind, Minutes, Priority, Status};
use tickety_core::query::{Cursor, Moment, Query};
use tickety_core::schema::{Category, Schema};

use crate::difference::Difference;
use crate::error::StorageError;
pub use batch::{
    Batch, BatchMode, BatchOutcome, BatchPreview, ChangedIssue, Effect, MAX_OPERATIONS, OperationFailure,
    OperationOutcome, Request, RequestKeyError,
};

/// A store of issues.
///
/// Dyn-compatible, so that layers wrap an `Arc<dyn IssueStorage>`. A store that works inline (in
/// memory, on local files) returns futures that are ready when first polled, so a command line
/// needs no runtime. Dropping a future never aborts a write that has begun.
#[async_trait]
pub trait IssueStorage: Send + Sync {
    /// Returns the configured vocabulary of the issues.
    async fn schema(&self) -> Result<Arc<Schema>, StorageError>;

    /// Returns one issue with its comments and both ends of its links.
    ///
    /// Fails with [`StorageError::NotFound`] or, for a number several issues have,
    /// [`StorageError::Ambiguous`].
    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError>;

    /// Returns several issues, in the order asked for; each succeeds or fails by itself.
    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let mut found = Vec::with_capacity(selectors.len());
        for selector in selectors {
            found.push(self.get(*selector).await);
        }
        found
    }

    /// Returns one page of the issues a query asks for, in its order. A query without a limit gets
    /// [`DEFAULT_LIMIT`]; [`MAX_LIMIT`] is the most.
    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError>;

    /// Counts the issues a query's filter asks for, exactly. Sort, limit and cursor play no part.
    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError>;

    /// Returns the texts of issues, for snippets; in the order asked for. An issue that has gone
    /// meanwhile is left out.
    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError>;

    /// Returns which issues have each of the given external references; those no issue has are
    /// absent.
    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError>;

    /// Looks for issues among the records that can't be read: for each, in the order asked for, a record
    /// that may be it, because its name fits or the id or the reference stands in it.
    ///
    /// Whoever is about to make an issue that isn't found asks here whether it is only hidden. Fails with
    /// [`StorageError::Unreadable`] where that can't be told.
    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError>;

    /// Returns the part of the graph a scope describes.
    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError>;

    /// Counts the issues a query's filter asks for, by what they are.
    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError>;

    /// Returns the records that can't be read, by path. They hide no other issue.
    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError>;

    /// Applies a batch: all of its operations or, on an error, none.
    ///
    /// When it returns, the batch is durable and every read that begins later sees it. Of what [`submit`](Self::submit)
    /// says of a batch that was rolled back, this is the error of its first operation that can't be applied.
    async fn apply(&self, batch: Batch) -> Result<BatchOutcome, StorageError> {
        self.submit(batch, BatchMode::Atomic).await?.or_first_failure()
    }

    /// Applies a batch as a whole or as far as it goes, and tells what became of each operation.
    ///
    /// When it returns, what was applied is durable, in one transaction, and every read that begins later sees it. Fails
    /// only where it can't be told what becomes of the operations, or nothing can be written: then nothing was.
    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError>;

    /// Does the same for several batches that wait at the same time, in their order; each is applied, refused or rolled
    /// back by itself. A store may make several durable at once. By default they are submitted one by one.
    async fn submit_together(&self, batches: Vec<(Batch, BatchMode)>) -> Vec<Result<BatchOutcome, StorageError>> {
        let mut outcomes = Vec::with_capacity(batches.len());
        for (batch, mode) in batches {
            outcomes.push(self.submit(batch, mode).await);
        }
        outcomes
    }

    /// Returns what became of a request that was sent before; `None` if it wasn't, or isn't remembered any more. A batch
    /// that [is done once](Batch::once) asks that itself: this is for who would have to work before he sends it.
    ///
    /// Fails with [`StorageError::KeyReused`] if its key was used for another.
    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError>;

    /// Works out under the writers' lock what a batch would do, and writes nothing. The names of new issues are not
    /// theirs yet: the next batch may give them to others.
    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError>;

    /// Tells which state of the issues answers are given from, after what `look` names was compared with
    /// the truth as it is before an answer. As long as the stamp stays the same, so do the answers.
    ///
    /// `None` where the store can't tell; then nothing it says may be kept. That is the default.
    async fn stamp(&self, look: Look<'_>) -> Result<Option<Stamped>, StorageError> {
        let _ = look;
        Ok(None)
    }

    /// Returns the state that answers are given from, if that is known without waiting for anything and is as good as
    /// what [`stamp`](Self::stamp) would say: because what `look` names was compared with the truth a moment ago, or needs
    /// no comparing. For who keeps answers and must not be kept from giving them.
    ///
    /// `None` where it would have to be looked at. That is the default.
    fn stamp_at_hand(&self, look: Look<'_>) -> Option<Stamp> {
        let _ = look;
        None
    }

    /// Tells what has changed since an earlier stamp, as far as is known without looking at the truth again.
    /// `None` where the store has no stamps.
    async fn changes(&self, since: Stamp) -> Result<Option<Changes>, StorageError> {
        let _ = since;
        Ok(None)
    }

    /// Returns the same store as it answers without comparing anything with the truth first: from the state that its
    /// stamps tell of. For who has looked a moment ago. What isn't as that state has it may be looked at all the same.
    ///
    /// `None` where that would save nothing. That is the default.
    fn without_looking(self: Arc<Self>) -> Option<Arc<dyn IssueStorage>> {
        None
    }
}

/// What is compared with the truth before a stamp is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look<'a> {
    /// Nothing: the state as it is known.
    Nothing,
    /// What is looked at before an issue is shown: its record and those its links lead to or come from.
    Issue {
        /// The issue.
        key: IssueKey,
        /// The other ends of its links.
        ends: &'a [IssueKey],
    },
    /// What is looked at before a list is shown, with these issues on it.
    List(&'a [IssueKey]),
}

/// A state of the issues. Stamps mean something only to the store that gave them, as long as it is open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    /// Which series of states it belongs to; a store that begins anew begins another.
    pub series: u64,
    /// Which state of the series. It only grows.
    pub generation: u64,
}

/// A stamp, and what was looked at for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamped {
    /// The state that answers are given from.
    pub stamp: Stamp,
    /// How it was checked against the truth.
    pub freshness: Freshness,
}

/// What differs between two states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The later state.
    pub now: Stamp,
    /// The issues whose records were written, read again or removed since, and in what they differ. `None` where that
    /// isn't known any more: everything may differ. What follows from them for other issues isn't listed.
    pub keys: Option<BTreeMap<IssueKey, Difference>>,
}

/// How many issues a page has where the query doesn't say.
pub const DEFAULT_LIMIT: u32 = 50;

/// The most issues of one page.
pub const MAX_LIMIT: u32 = 100_000;

/// What tells an issue apart, whatever its record looks like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its id.
    pub id: IssueId,
    /// What another tracker calls it, as in `beads:bd-42`.
    pub reference: Option<String>,
}

/// An issue as a store returns it.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredIssue {
    /// What is stored.
    pub issue: Issue,
    /// What is derived.
    pub derived: Derived,
    /// What the status counts as.
    pub category: Category,
    /// The version of the record, for conditional writes. Comments have no part in it.
    pub version: Version,
    /// Where the record lies, as a person would look for it: a path relative to the root.
    pub path: String,
    /// The comments that can't be read and are missing.
    pub problems: Vec<RecordProblem>,
}

impl StoredIssue {
    /// Looks at the issue as queries do.
    pub fn view(&self) -> IssueView<'_> {
        IssueView { issue: &self.issue, derived: &self.derived, category: self.category }
    }
}

/// What a list shows of an issue: all but its texts and links.
#[derive(Clone, PartialEq, Debug)]
pub struct IssueSummary {
    /// The unambiguous name.
    pub key: IssueKey,
    /// The identity.
    pub id: IssueId,
    /// The title.
    pub title: String,
    /// The stored status.
    pub status: Status,
    /// What the status counts as.
    pub category: Category,
    /// Why it was closed, if it is.
    pub reason: Option<tickety_core::issue::CloseReason>,
    /// The priority.
    pub priority: Priority,
    /// The kind.
    pub kind: Kind,
    /// The labels.
    pub labels: BTreeSet<String>,
    /// The assignees.
    pub assignees: BTreeSet<String>,
    /// The reporter.
    pub reporter: Option<String>,
    /// The milestone.
    pub milestone: Option<String>,
    /// The due date.
    pub due: Option<Date>,
    /// The estimate.
    pub estimate: Option<Minutes>,
    /// The time spent.
    pub spent: Option<Minutes>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// When it last changed.
    pub updated: Timestamp,
    /// How many comments it has.
    pub comments: u32,
    /// Whether an issue that isn't closed blocks it.
    pub blocked: bool,
    /// Where it is closed, though it isn't here.
    pub elsewhere: Vec<ClosedElsewhere>,
    /// The version of the record.
    pub version: Version,
    /// Where the record lies, relative to the root.
    pub path: String,
}

impl IssueSummary {
    /// Takes from a whole issue what a list shows.
    pub fn of(stored: &StoredIssue) -> Self {
        let StoredIssue { issue, derived, category, version, path, problems: _ } = stored;
        Self {
            key: issue.key(),
            id: issue.id,
            title: issue.title.clone(),
            status: issue.status.clone(),
            category: *category,
            reason: issue.closure.as_ref().map(|closure| closure.reason),
            priority: issue.priority,
            kind: issue.kind.clone(),
            labels: issue.labels.clone(),
            assignees: issue.assignees.clone(),
            reporter: issue.reporter.clone(),
            milestone: issue.milestone.clone(),
            due: issue.due,
            estimate: issue.estimate,
            spent: issue.spent,
            created: issue.created,
            closed: issue.closure.as_ref().and_then(|closure| closure.at),
            updated: derived.updated,
            comments: u32::try_from(issue.comments.len()).unwrap_or(u32::MAX),
            blocked: derived.is_blocked(),
            elsewhere: derived.elsewhere.clone(),
            version: *version,
            path: path.clone(),
        }
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// The issues, in the order of the query.
    pub issues: Vec<IssueSummary>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
    /// How many records can't be read and may be missing from the answer.
    pub problems: u32,
    /// How the answer was checked against the truth.
    pub freshness: Freshness,
}

/// An answer that sums up many issues, with how far it can be relied on.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked<T> {
    /// The answer.
    pub value: T,
    /// How many records can't be read and may be missing from the answer.
    pub problems: u32,
    /// How the answer was checked against the truth.
    pub freshness: Freshness,
}

/// How an answer was checked against the truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// What was checked.
    pub mode: FreshnessMode,
    /// How many records were looked at.
    pub checked: u32,
    /// How many of them had changed since the index was last brought up to date.
    pub changed: u32,
}

/// What a store checks before it answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FreshnessMode {
    /// Every record: nothing can be missed.
    Verify,
    /// The directories and the records in the answer: an edit in place can be missed that would
    /// bring another record into the answer.
    Shards,
    /// Nothing: the index as it is.
    Trust,
}

impl FreshnessMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Verify, Self::Shards, Self::Trust];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Shards => "shards",
            Self::Trust => "trust",
        }
    }
}

impl fmt::Display for FreshnessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FreshnessMode {
    type Err = FreshnessParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| FreshnessParseError { text: text.to_owned() })
    }
}

/// A text that is no freshness mode.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a freshness: use verify, shards or trust")]
pub struct FreshnessParseError {
    text: String,
}

/// The texts of an issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssueText {
    /// Which issue.
    pub key: IssueKey,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
    /// Its comments, oldest first.
    pub comments: Vec<Comment>,
    /// The note it was closed with.
    pub note: Option<String>,
}

impl From<Issue> for IssueText {
    fn from(issue: Issue) -> Self {
        let key = issue.key();
        let Issue { title, body, comments, closure, .. } = issue;
        Self { key, title, body, comments, note: closure.and_then(|closure| closure.note) }
    }
}

/// Which part of the graph is wanted.
#[derive(Clone, PartialEq, Debug)]
pub struct GraphScope {
    /// The issues to begin at; where empty, every issue that isn't closed and has a link of the
    /// followed relations to another that isn't.
    pub roots: Vec<IssueKey>,
    /// The relations to follow from each issue that is reached.
    pub follow: BTreeSet<Relation>,
    /// Whether to go through closed issues too. The roots are always in the answer.
    pub closed: bool,
    /// How many links away from the roots to go at the most; all the way where absent.
    pub depth: Option<u32>,
}

/// Counts of issues.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// All that were asked for.
    pub total: u64,
    /// By stored status.
    pub by_status: BTreeMap<String, u64>,
    /// By what the status counts as.
    pub by_category: BTreeMap<Category, u64>,
    /// By kind.
    pub by_kind: BTreeMap<String, u64>,
    /// By priority, of the issues that aren't closed.
    pub open_by_priority: BTreeMap<Priority, u64>,
    /// By label, of the issues that aren't closed.
    pub open_by_label: BTreeMap<String, u64>,
    /// By assignee, of the issues that aren't closed; the empty name counts those without one.
    pub open_by_assignee: BTreeMap<String, u64>,
    /// Not closed, and nothing blocks them and nobody has begun.
    pub ready: u64,
    /// Not closed, and an issue that isn't closed blocks them.
    pub blocked: u64,
    /// Not closed, and due before today.
    pub overdue: u64,
    /// Comments of all of them.
    pub comments: u64,
}

/// A record that can't be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordProblem {
    /// Where it lies, relative to the root.
    pub path: String,
    /// The line that is wrong, from 1, where one is.
    pub line: Option<u32>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for RecordProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

//! Answering queries.

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use tickety_core::ident::{IssueId, IssueKey, Version};
use tickety_core::issue::{CloseReason, Kind, Minutes, Priority, Status};
use tickety_core::query::{Cursor, Moment, Query, SortBy, SortKey, SortValue, days, fold_name, microseconds, urgency};
use uuid::Uuid;

use super::error::malformed;
use super::order::{Order, skipped};
use super::packed::unpack_strings;
use super::plan::Filter;
use super::record::{category_code, category_of, date_of, time_of};
use super::row_id::RowId;
use super::schema::NO_DUE;
use super::sql::{Condition, Sql};
use super::{Index, IndexError, unsigned};
use crate::repo::layout::{HOME_DIR, ISSUES_DIR, RecordPath};
use crate::storage::{DEFAULT_LIMIT, IssueSummary, MAX_LIMIT};

/// One page of an answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listing {
    /// The issues, in the order of the query.
    pub issues: Vec<IssueSummary>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

impl Index {
    /// Returns one page of the issues a query asks for, in its order. A query without a limit gets
    /// [`DEFAULT_LIMIT`]; [`MAX_LIMIT`] is the most.
    ///
    /// An answer by relevance is in the order of bm25, best first; without text in the query,
    /// all issues are equally relevant. Fails with [`IndexError::BadCursor`] if the cursor isn't from a query
    /// of this order.
    pub fn list(&self, query: &Query, moment: &Moment) -> Result<Listing, IndexError> {
        if query.after.as_ref().is_some_and(|cursor| !cursor.fits(&query.sort)) {
            return Err(IndexError::BadCursor);
        }
        self.snapshot(|| self.read_page(query, moment)).map_err(self.error("list issues"))
    }

    /// Counts the issues a query's filter asks for, exactly.
    pub fn count(&self, query: &Query, moment: &Moment) -> Result<u64, IndexError> {
        let count = || {
            let filter = Filter::new(&query.filter, moment);
            if filter.is_never() {
                return Ok(0);
            }
            let source = filter.source(&self.connection, None)?;
            let sql = filter.select_all(source, "count(*)", false);
            let mut statement = self.connection.prepare_cached(&sql.text)?;
            statement.query_row(params_from_iter(sql.values), |row| row.get(0)).map(unsigned)
        };
        self.snapshot(count).map_err(self.error("count issues"))
    }

    /// Returns what lists show of issues, in the order asked for; `None` for one the index doesn't have.
    pub fn summaries(&self, keys: &[IssueKey]) -> Result<Vec<Option<IssueSummary>>, IndexError> {
        let read = || self.read_summaries(keys.iter().map(|key| RowId::of(*key)));
        self.snapshot(read).map_err(self.error("read issues"))
    }

    fn read_page(&self, query: &Query, moment: &Moment) -> rusqlite::Result<Listing> {
        let Some((sql, whole)) = page_statement(self, query, moment)? else { return Ok(Listing::default()) };
        let (limit, skip) = (page_length(query), skipped(query.after.as_ref()));
        let mut statement = self.connection.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(sql.values))?;
        let (mut issues, mut ids) = (Vec::new(), Vec::new());
        let mut words = Words::default();
        while let Some(row) = rows.next()? {
            if whole {
                issues.push(words.summary(row)?);
            } else {
                ids.push(RowId::new(row.get(0)?).ok_or_else(|| malformed("row ids"))?);
            }
        }
        let limit = limit as usize;
        let has_more = issues.len().max(ids.len()) > limit;
        ids.truncate(limit);
        issues.truncate(limit);
        for summary in self.read_summaries(ids.into_iter())? {
            issues.push(summary.ok_or_else(|| malformed("rows of issues"))?);
        }
        let next = issues.last().filter(|_| has_more).map(|last| {
            let count = skip.saturating_add(u32::try_from(issues.len()).unwrap_or(u32::MAX));
            cursor_after(last, &query.sort, count, query.is_ranked())
        });
        Ok(Listing { issues, next })
    }

    fn read_summaries(&self, ids: impl ExactSizeIterator<Item = RowId>) -> rusqlite::Result<Vec<Option<IssueSummary>>> {
        if ids.len() == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {CARD} FROM issues i CROSS JOIN cards c ON c.id = i.id WHERE i.id = ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut words = Words::default();
        let mut summaries = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = statement.query([id.get()])?;
            summaries.push(rows.next()?.map(|row| words.summary(row)).transpose()?);
        }
        Ok(summaries)
    }

    fn has_twins(&self) -> rusqlite::Result<bool> {
        self.connection.prepare_cached("SELECT twins > 0 FROM meta")?.query_row([], |row| row.get(0))
    }

    /// Has all that follows answered from one state of the index, until [`release`](Self::release) or
    /// a write. It saves every statement its own locking, about eight system calls. Writers wait
    /// meanwhile before they make their changes visible.
    pub fn hold(&self) -> Result<(), IndexError> {
        let begin = || match self.connection.is_autocommit() {
            true => self.connection.prepare_cached("BEGIN")?.execute([]).map(drop),
            false => Ok(()),
        };
        begin().map_err(self.error("begin to read"))
    }

    /// Ends what [`hold`](Self::hold) began, if it is still going on.
    pub fn release(&self) {
        if !self.connection.is_autocommit() {
            // Nothing was written, so there is nothing to lose.
            let _ = self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        }
    }

    /// Asks several statements of one state of the index.
    pub(super) fn snapshot<T>(&self, read: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        if !self.connection.is_autocommit() {
            return read();
        }
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = read();
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        answer
    }
}

/// Writes the statement that returns a page; `None` if nothing can be on it. The second value says whether its rows
/// are those of [`CARD`] or ids only.
pub(super) fn page_statement(index: &Index, query: &Query, moment: &Moment) -> rusqlite::Result<Option<(Sql, bool)>> {
    let limit = page_length(query);
    let filter = Filter::new(&query.filter, moment);
    if limit == 0 || filter.is_never() {
        return Ok(None);
    }
    let twins = query.sort.iter().any(|key| key.by == SortBy::Number) && index.has_twins()?;
    let order = Order::new(&query.sort, twins, filter.has_text());
    let source = filter.source(&index.connection, Some(&order))?;
    let (mut sql, whole) = filter.select_page(source, &order, CARD, |id| match &query.after {
        Some(Cursor::After { key, values }) => order.after(*key, values, id),
        Some(Cursor::Skip(_)) | None => Condition::Always,
    });
    // One more tells whether another page follows.
    sql.values.extend([Value::from(i64::from(limit) + 1), Value::from(i64::from(skipped(query.after.as_ref())))]);
    Ok(Some((sql, whole)))
}

fn page_length(query: &Query) -> u32 {
    query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
}

/// The columns of a summary.
const CARD: &str = "i.id, i.category, i.rank, i.due, i.blocked, i.created, i.updated, i.closed, i.reason, i.comments, \
    i.estimate, i.spent, i.status, i.kind, c.uuid, c.title, c.labels, c.assignees, c.reporter, c.milestone, c.nanos, \
    c.version";

/// The statuses and kinds met so far: a page has few, and copying one is cheaper than folding it again.
#[derive(Default)]
struct Words {
    statuses: Vec<Status>,
    kinds: Vec<Kind>,
}

impl Words {
    /// Reads a row of [`CARD`].
    fn summary(&mut self, row: &Row<'_>) -> rusqlite::Result<IssueSummary> {
        let bad = || malformed("rows of issues");
        let key = RowId::new(row.get(0)?).ok_or_else(bad)?.key();
        let nanos: Option<i64> = row.get(20)?;
        let time = |microseconds: i64, place| time_of(microseconds, nanos, place).ok_or_else(bad);
        let due: i64 = row.get(3)?;
        let reason: Option<i64> = row.get(8)?;
        Ok(IssueSummary {
            key,
            id: IssueId::new(Uuid::from_bytes(row.get(14)?)),
            title: row.get(15)?,
            status: self.status(row.get_ref(12)?.as_str()?),
            category: category_of(row.get(1)?).ok_or_else(bad)?,
            reason: reason.map(|code| reason_of(code).ok_or_else(bad)).transpose()?,
            priority: row.get::<_, u8>(2).ok().and_then(Priority::from_rank).ok_or_else(bad)?,
            kind: self.kind(row.get_ref(13)?.as_str()?),
            labels: unpack_strings(row.get_ref(16)?.as_blob()?).ok_or_else(bad)?,
            assignees: unpack_strings(row.get_ref(17)?.as_blob()?).ok_or_else(bad)?,
            reporter: row.get(18)?,
            milestone: row.get(19)?,
            due: (due != NO_DUE).then(|| date_of(due).ok_or_else(bad)).transpose()?,
            estimate: row.get::<_, Option<u32>>(10)?.map(Minutes),
            spent: row.get::<_, Option<u32>>(11)?.map(Minutes),
            created: time(row.get(5)?, 0)?,
            closed: row.get::<_, Option<i64>>(7)?.map(|closed| time(closed, 1)).transpose()?,
            updated: time(row.get(6)?, 2)?,
            comments: row.get(9)?,
            blocked: row.get(4)?,
            version: Version::new(row.get(21)?),
            path: path_of(key),
        })
    }

    fn status(&mut self, name: &str) -> Status {
        match self.statuses.iter().find(|known| known.as_str() == name) {
            Some(known) => known.clone(),
            None => {
                self.statuses.push(Status::new(name));
                Status::new(name)
            }
        }
    }

    fn kind(&mut self, name: &str) -> Kind {
        match self.kinds.iter().find(|known| known.as_str() == name) {
            Some(known) => known.clone(),
            None => {
                self.kinds.push(Kind::new(name));
                Kind::new(name)
            }
        }
    }
}

/// Returns where the record of an issue lies, relative to the root.
fn path_of(key: IssueKey) -> String {
    let mut path = String::with_capacity(48);
    write!(path, "{HOME_DIR}/{ISSUES_DIR}/{}", RecordPath::issue(key)).expect("a string takes all that is written");
    path
}

fn reason_of(code: i64) -> Option<CloseReason> {
    CloseReason::ALL.into_iter().find(|reason| *reason as i64 == code)
}

/// Returns the cursor of a page that ends with this issue.
fn cursor_after(last: &IssueSummary, sort: &[SortKey], count: u32, ranked: bool) -> Cursor {
    if ranked {
        return Cursor::Skip(count);
    }
    Cursor::After { key: last.key, values: sort.iter().map(|key| sort_value(last, &key.by)).collect() }
}

/// Returns what an issue is ordered by; the same as [`tickety_core::query::sort_values`] of the whole issue.
fn sort_value(issue: &IssueSummary, by: &SortBy) -> Option<SortValue> {
    let integer = SortValue::Integer;
    match by {
        SortBy::Number => Some(integer(i64::from(issue.key.number.get()))),
        SortBy::Created => Some(integer(microseconds(issue.created))),
        SortBy::Updated => Some(integer(microseconds(issue.updated))),
        SortBy::Closed => issue.closed.map(|time| integer(microseconds(time))),
        SortBy::Due => issue.due.map(|date| integer(days(date))),
        SortBy::Priority => Some(integer(urgency(issue.priority))),
        SortBy::Title => Some(SortValue::Text(fold_name(&issue.title))),
        SortBy::Status => Some(integer(category_code(issue.category))),
        SortBy::Kind => Some(SortValue::Text(fold_name(issue.kind.as_str()))),
        SortBy::Milestone => issue.milestone.as_deref().map(|name| SortValue::Text(fold_name(name))),
        SortBy::Comments => Some(integer(i64::from(issue.comments))),
        SortBy::Estimate => issue.estimate.map(|minutes| integer(i64::from(minutes.0))),
        SortBy::Spent => issue.spent.map(|minutes| integer(i64::from(minutes.0))),
        SortBy::Relevance => None,
    }
}

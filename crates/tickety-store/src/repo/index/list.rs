//! Answering queries.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use tickety_core::ident::IssueKey;
use tickety_core::query::{Cursor, Moment, Query, SortBy, SortKey, SortValue, days, fold_name, microseconds, urgency};

use super::card;
use super::error::malformed;
use super::order::{Order, skipped};
use super::plan::Filter;
use super::record::category_code;
use super::row_id::RowId;
use super::sql::{Condition, Sql};
use super::{Index, IndexError, unsigned};
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
        let mut cards = card::Reader::default();
        while let Some(row) = rows.next()? {
            if whole {
                issues.push(summary(row, &mut cards)?);
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

    pub(super) fn read_summaries(
        &self,
        ids: impl ExactSizeIterator<Item = RowId>,
    ) -> rusqlite::Result<Vec<Option<IssueSummary>>> {
        if ids.len() == 0 {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(CARDS)?;
        let mut cards = card::Reader::default();
        let mut summaries = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = statement.query([id.get(), id.get() + 1])?;
            summaries.push(rows.next()?.map(|row| summary(row, &mut cards)).transpose()?);
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
const CARD: &str = "c.id, c.blocked, c.card";

/// The statement that returns the summaries of a range of row ids, highest first. It finds issues by name too: a
/// process that does both compiles one statement.
pub(super) const CARDS: &str = "SELECT id, blocked, card FROM cards WHERE id >= ?1 AND id < ?2 ORDER BY id DESC";

/// Reads a row of [`CARD`].
pub(super) fn summary(row: &Row<'_>, cards: &mut card::Reader) -> rusqlite::Result<IssueSummary> {
    let id = RowId::new(row.get(0)?).ok_or_else(|| malformed("row ids"))?;
    cards.read(id, row.get(1)?, row.get_ref(2)?.as_blob()?).ok_or_else(|| malformed("rows of issues"))
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

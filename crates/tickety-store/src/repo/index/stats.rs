//! Counting issues by what they are.

use rusqlite::params_from_iter;
use tickety_core::issue::Priority;
use tickety_core::query::{Moment, Query, days};
use tickety_core::schema::Category;

use super::error::malformed;
use super::plan::Filter;
use super::record::{category_of, spellings};
use super::schema::{NameKind, present};
use super::{Index, IndexError, unsigned};
use crate::storage::{RecordProblem, Stats};

impl Index {
    /// Counts the issues a query's filter asks for, by what they are.
    pub fn stats(&self, query: &Query, moment: &Moment) -> Result<Stats, IndexError> {
        self.snapshot(|| self.read_stats(query, moment)).map_err(self.error("count issues"))
    }

    fn read_stats(&self, query: &Query, moment: &Moment) -> rusqlite::Result<Stats> {
        let mut stats = Stats::default();
        let filter = Filter::new(&query.filter, moment);
        if filter.is_never() {
            return Ok(stats);
        }
        let source = filter.source(&self.connection, None)?;
        let columns = "i.id, i.category, i.rank, i.due, i.blocked, i.comments, i.present, i.status, i.kind";
        let sql = filter.select_all(source, columns, true);
        let today = days(moment.today());
        // The issues that aren't closed, whose names are counted next.
        let mut open = Vec::new();
        let mut statement = self.connection.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(sql.values))?;
        while let Some(row) = rows.next()? {
            let category = category_of(row.get(1)?).ok_or_else(|| malformed("rows of issues"))?;
            stats.total += 1;
            stats.comments += unsigned(row.get(5)?);
            *stats.by_category.entry(category).or_default() += 1;
            add(&mut stats.by_status, row.get_ref(7)?.as_str()?);
            add(&mut stats.by_kind, row.get_ref(8)?.as_str()?);
            if category == Category::Closed {
                continue;
            }
            open.push(row.get::<_, i64>(0)?);
            let priority = row.get::<_, u8>(2).ok().and_then(Priority::from_rank);
            *stats.open_by_priority.entry(priority.ok_or_else(|| malformed("rows of issues"))?).or_default() += 1;
            if row.get::<_, i64>(6)? & present::ASSIGNEE == 0 {
                add(&mut stats.open_by_assignee, "");
            }
            let blocked: bool = row.get(4)?;
            stats.blocked += u64::from(blocked);
            stats.ready += u64::from(category == Category::Open && !blocked);
            stats.overdue += u64::from(row.get::<_, i64>(3)? < today);
        }
        open.sort_unstable();
        self.count_names(NameKind::Label, &open, &mut stats.open_by_label)?;
        self.count_names(NameKind::Assignee, &open, &mut stats.open_by_assignee)?;
        Ok(stats)
    }

    fn count_names(
        &self,
        kind: NameKind,
        issues: &[i64],
        counts: &mut std::collections::BTreeMap<String, u64>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT name, issue, shown FROM names WHERE kind = ?1")?;
        let mut rows = statement.query([kind as i64])?;
        while let Some(row) = rows.next()? {
            if issues.binary_search(&row.get(1)?).is_err() {
                continue;
            }
            let name = str::from_utf8(row.get_ref(0)?.as_blob()?).map_err(|_| malformed("names"))?;
            spellings(name, row.get_ref(2)?.as_str_or_null()?).for_each(|spelling| add(counts, spelling));
        }
        Ok(())
    }

    /// Returns the records that can't be read, by path.
    pub fn problems(&self) -> Result<Vec<RecordProblem>, IndexError> {
        let read = || -> rusqlite::Result<Vec<RecordProblem>> {
            let mut statement =
                self.connection.prepare_cached("SELECT path, line, message FROM problems ORDER BY path")?;
            let rows = statement.query_map([], |row| {
                Ok(RecordProblem { path: row.get(0)?, line: row.get(1)?, message: row.get(2)? })
            })?;
            rows.collect()
        };
        read().map_err(self.error("read the problems"))
    }

    /// Returns how many records can't be read.
    pub fn count_problems(&self) -> Result<u64, IndexError> {
        let read = || -> rusqlite::Result<i64> {
            self.connection.prepare_cached("SELECT count(*) FROM problems")?.query_row([], |row| row.get(0))
        };
        read().map(unsigned).map_err(self.error("count the problems"))
    }
}

/// Counts a name; only a new one is copied.
fn add(counts: &mut std::collections::BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

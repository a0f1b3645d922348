//! Comparing two indexes that should say the same: one that was kept up to date and one made afresh.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rusqlite::types::Value;
use rusqlite::{Rows, Statement};

use super::row_id::RowId;
use super::{Index, IndexError};

/// A row that two indexes don't agree about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// What identifies the row.
    pub row: String,
    /// Which index has it.
    pub side: Side,
}

/// Which of two indexes has a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Only the one that was asked.
    Here,
    /// Only the other.
    There,
    /// Both, with different contents.
    Both,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, side } = self;
        match side {
            Side::Here => write!(f, "{table}: {row} should not be there"),
            Side::There => write!(f, "{table}: {row} is missing"),
            Side::Both => write!(f, "{table}: {row} is not what the files say"),
        }
    }
}

/// A table, how it is read in the order of its key, and how many columns the key has.
struct Table {
    name: &'static str,
    sql: &'static str,
    key: usize,
}

/// What both have to agree about. When something was looked at is no part of it, nor is when an
/// issue last changed: that depends on whether it was written before or after its commit.
const TABLES: [Table; 7] = [
    Table { name: "meta", sql: "SELECT format, config, twins FROM meta", key: 1 },
    Table {
        name: "issues",
        sql: "SELECT id, category, rank, due, blocked, created, closed, reason, comments, estimate, spent, present, \
              status, kind FROM issues ORDER BY id",
        key: 1,
    },
    Table {
        name: "cards",
        // The first 20 bytes of a card are its sum and say when the issue was updated.
        sql: "SELECT id, blocked, substr(card, 21), uuid, title, milestone, names, text_hash FROM cards ORDER BY id",
        key: 1,
    },
    Table { name: "links", sql: "SELECT * FROM links ORDER BY holder, kind, number, suffix", key: 4 },
    Table {
        name: "names",
        sql: "SELECT issue, kind, name, shown, category FROM names ORDER BY kind, name, issue",
        key: 3,
    },
    Table { name: "problems", sql: "SELECT * FROM problems ORDER BY path", key: 1 },
    // Tokens come in the order of the key.
    Table {
        name: "texts",
        sql: "SELECT doc, term, CASE col WHEN 'title' THEN 0 WHEN 'body' THEN 1 ELSE 2 END, offset FROM temp.tokens",
        key: 4,
    },
];

impl Index {
    /// Returns up to `limit` rows in which this index differs from another, such as one just made
    /// afresh: in the issues, their texts and links, and in which records they were read from.
    pub fn differences(&self, other: &Self, limit: usize) -> Result<Vec<Difference>, IndexError> {
        self.read_differences(other, limit).map_err(self.error("compare it"))
    }

    fn read_differences(&self, other: &Self, limit: usize) -> rusqlite::Result<Vec<Difference>> {
        let mut found = Vec::new();
        for index in [self, other] {
            let tokens = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens USING fts5vocab('main', 'texts', 'instance')";
            index.connection.execute_batch(tokens)?;
        }
        for Table { name, sql, key } in TABLES {
            let (mut here, mut there) = (self.connection.prepare(sql)?, other.connection.prepare(sql)?);
            // Names and tokens are compared in the order they are read in, not that of their columns.
            let order: &[usize] = match name {
                "names" => &[1, 2, 0],
                "texts" => &[1, 0, 2, 3],
                _ => &[0, 1, 2, 3][..key],
            };
            let (mut here, mut there) = (Reader::new(&mut here)?, Reader::new(&mut there)?);
            while found.len() < limit {
                let Some((row, side)) = next_difference(&mut here, &mut there, order)? else { break };
                found.push(Difference { table: name, row: describe(name, &row, key), side });
            }
        }
        found.extend(self.file_differences(other)?);
        found.truncate(limit);
        Ok(found)
    }

    fn file_differences(&self, other: &Self) -> rusqlite::Result<Vec<Difference>> {
        let read = |index: &Self| -> rusqlite::Result<BTreeMap<_, _>> {
            Ok(index.read_all_files()?.iter().map(|file| (file.path, file.hash)).collect())
        };
        let (here, there) = (read(self)?, read(other)?);
        let paths: BTreeSet<_> = here.keys().chain(there.keys()).collect();
        let differs = paths.into_iter().filter_map(|path| {
            let side = match (here.get(path), there.get(path)) {
                (Some(here), Some(there)) => (here != there).then_some(Side::Both)?,
                (Some(_), None) => Side::Here,
                (None, _) => Side::There,
            };
            Some(Difference { table: "files", row: path.to_string(), side })
        });
        Ok(differs.collect())
    }
}

/// Rows of a statement, one of them ahead.
struct Reader<'s> {
    rows: Rows<'s>,
    next: Option<Vec<Value>>,
}

impl<'s> Reader<'s> {
    fn new(statement: &'s mut Statement<'_>) -> rusqlite::Result<Self> {
        let mut this = Self { rows: statement.query([])?, next: None };
        this.take()?;
        Ok(this)
    }

    /// Returns the row that is ahead, and reads the one after it.
    fn take(&mut self) -> rusqlite::Result<Option<Vec<Value>>> {
        let next = match self.rows.next()? {
            Some(row) => {
                let columns = row.as_ref().column_count();
                Some((0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?)
            }
            None => None,
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Returns the next row that isn't the same on both sides.
fn next_difference(
    here: &mut Reader<'_>,
    there: &mut Reader<'_>,
    order: &[usize],
) -> rusqlite::Result<Option<(Vec<Value>, Side)>> {
    loop {
        let ordering = match (&here.next, &there.next) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => compare(left, right, order),
        };
        let (row, side) = match ordering {
            Ordering::Less => (here.take()?, Side::Here),
            Ordering::Greater => (there.take()?, Side::There),
            Ordering::Equal => {
                let (row, other) = (here.take()?, there.take()?);
                if row == other {
                    continue;
                }
                (row, Side::Both)
            }
        };
        return Ok(row.map(|row| (row, side)));
    }
}

fn compare(left: &[Value], right: &[Value], order: &[usize]) -> Ordering {
    let orderings = order.iter().map(|column| match (&left[*column], &right[*column]) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Blob(left), Value::Blob(right)) => left.cmp(right),
        // Keys have the type of their column; a damaged one sorts somewhere.
        (left, right) => format!("{left:?}").cmp(&format!("{right:?}")),
    });
    orderings.fold(Ordering::Equal, Ordering::then)
}

/// Names a row: by its issue, where its first column is one, and by the rest of its key.
fn describe(table: &str, row: &[Value], key: usize) -> String {
    let text = |value: &Value| match value {
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).replace('\0', "="),
        Value::Real(value) => value.to_string(),
        Value::Null => "nothing".to_owned(),
    };
    let mut parts: Vec<String> = row[..key].iter().map(text).collect();
    if let (false, Some(Value::Integer(id))) = (matches!(table, "meta" | "problems"), row.first())
        && let Some(id) = RowId::new(*id)
    {
        parts[0] = id.key().to_string();
    }
    parts.join(" ")
}

//! The rows of tracked records: written by transactions, read to verify.

use std::collections::BTreeMap;
use std::collections::btree_map;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tickety_core::ident::{IssueKey, IssueNumber};

use super::error::malformed;
use super::row_id::RowId;
use super::tracked::{
    ROWS_PER_SHARD, TrackedFile, TrackedFiles, TrackedShard, first_row, pack, pack_shard, row_in_shard, row_of,
    unpack_shard,
};
use super::{Index, IndexError};
use crate::repo::layout::{RecordPath, Shard};

/// The files of an issue as the index knows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The issue.
    pub key: IssueKey,
    /// Its record and its comments, by path.
    pub files: Vec<TrackedFile>,
}

impl Index {
    /// Returns the shards the index knows, by number.
    pub fn shards(&self) -> Result<Vec<TrackedShard>, IndexError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare_cached("SELECT id, stat FROM shards ORDER BY id")?;
            statement.query_map([], tracked_shard)?.collect()
        };
        read().map_err(self.error("read the shards"))
    }

    /// Returns one shard, if the index knows it.
    pub fn shard(&self, shard: Shard) -> Result<Option<TrackedShard>, IndexError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare_cached("SELECT id, stat FROM shards WHERE id = ?1")?;
            statement.query_row([shard.get()], tracked_shard).optional()
        };
        read().map_err(self.error("read a shard"))
    }

    /// Returns whether the index knows more shards than these.
    pub fn has_more_shards_than(&self, count: u64) -> Result<bool, IndexError> {
        let read = || -> rusqlite::Result<i64> {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM shards LIMIT ?1)";
            self.connection
                .prepare_cached(sql)?
                .query_row([i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1)], |row| row.get(0))
        };
        read().map(|found| super::unsigned(found) > count).map_err(self.error("read the shards"))
    }

    /// Returns all records of a shard the index knows.
    pub fn files(&self, shard: Shard) -> Result<TrackedFiles, IndexError> {
        let first = first_row(shard);
        read_rows(&self.connection, first, first + ROWS_PER_SHARD - 1).map_err(self.error("read the states of records"))
    }

    /// Returns the records of the issues of a number, among some others, that the index knows.
    pub fn files_around(&self, number: IssueNumber) -> Result<TrackedFiles, IndexError> {
        let row = first_row(Shard::of(number)) + row_in_shard(number);
        read_rows(&self.connection, row, row).map_err(self.error("read the states of records"))
    }

    /// Returns all records the index knows.
    pub fn all_files(&self) -> Result<TrackedFiles, IndexError> {
        self.read_all_files().map_err(self.error("read the states of records"))
    }

    pub(super) fn read_all_files(&self) -> rusqlite::Result<TrackedFiles> {
        read_rows(&self.connection, i64::MIN, i64::MAX)
    }

    /// Returns one record the index knows.
    pub fn file(&self, path: &RecordPath) -> Result<Option<TrackedFile>, IndexError> {
        let row = row_of(path);
        let files = read_rows(&self.connection, row, row).map_err(self.error("read the state of a record"))?;
        Ok(files.get(path))
    }

    /// Returns the highest number a record has, readable or not.
    pub(super) fn max_file_number(&self) -> rusqlite::Result<Option<IssueNumber>> {
        let last: Option<i64> = self.connection.query_row("SELECT max(id) FROM files", [], |row| row.get(0))?;
        let Some(row) = last else { return Ok(None) };
        Ok(read_rows(&self.connection, row, row)?.iter().last().map(|file| file.path.issue.number))
    }

    /// Finds the files of issues, in the order asked for. An issue the index knows no file of has none.
    pub fn locate(&self, keys: &[IssueKey]) -> Result<Vec<Location>, IndexError> {
        self.read_locations(keys).map_err(self.error("find the files of an issue"))
    }

    fn read_locations(&self, keys: &[IssueKey]) -> rusqlite::Result<Vec<Location>> {
        // The issues of a page mostly share a few rows.
        let mut rows: BTreeMap<i64, TrackedFiles> = BTreeMap::new();
        let mut locations = Vec::with_capacity(keys.len());
        for &key in keys {
            let row = row_of(&RecordPath::issue(key));
            let known = match rows.entry(row) {
                btree_map::Entry::Occupied(read) => read.into_mut(),
                btree_map::Entry::Vacant(free) => free.insert(read_rows(&self.connection, row, row)?),
            };
            locations.push(Location { key, files: known.of_issue(key) });
        }
        Ok(locations)
    }
}

fn tracked_shard(row: &Row<'_>) -> rusqlite::Result<TrackedShard> {
    let (stat, taken_ns) = unpack_shard(row.get_ref(1)?.as_blob()?).ok_or_else(|| malformed("the states of shards"))?;
    Ok(TrackedShard { shard: Shard::new(row.get(0)?), stat, taken_ns })
}

fn read_rows(connection: &Connection, first: i64, last: i64) -> rusqlite::Result<TrackedFiles> {
    let mut files = TrackedFiles::default();
    let mut statement =
        connection.prepare_cached("SELECT entries FROM files WHERE id >= ?1 AND id <= ?2 ORDER BY id")?;
    let mut rows = statement.query([first, last])?;
    while let Some(row) = rows.next()? {
        files.extend(row.get_ref(0)?.as_blob()?).ok_or_else(|| malformed("the states of records"))?;
    }
    Ok(files)
}

/// Rows that are being changed: each is read once and written once.
#[derive(Default, Debug)]
pub(super) struct FileRows {
    rows: BTreeMap<i64, BTreeMap<RecordPath, TrackedFile>>,
}

/// How many rows are held before they are written.
const MAX_HELD: usize = 64;

impl FileRows {
    pub(super) fn put(&mut self, connection: &Connection, file: &TrackedFile) -> rusqlite::Result<()> {
        self.row(connection, &file.path)?.insert(file.path, *file);
        Ok(())
    }

    pub(super) fn remove(&mut self, connection: &Connection, path: &RecordPath) -> rusqlite::Result<()> {
        self.row(connection, path)?.remove(path);
        Ok(())
    }

    pub(super) fn put_shard(connection: &Connection, shard: &TrackedShard) -> rusqlite::Result<()> {
        let TrackedShard { shard, stat, taken_ns } = shard;
        connection
            .prepare_cached("INSERT OR REPLACE INTO shards (id, stat) VALUES (?1, ?2)")?
            .execute(params![shard.get(), pack_shard(stat, *taken_ns)])?;
        Ok(())
    }

    pub(super) fn remove_shard(&mut self, connection: &Connection, shard: Shard) -> rusqlite::Result<()> {
        let (first, last) = (first_row(shard), first_row(shard) + ROWS_PER_SHARD - 1);
        self.rows.retain(|row, _| !(first..=last).contains(row));
        connection.prepare_cached("DELETE FROM files WHERE id >= ?1 AND id <= ?2")?.execute([first, last])?;
        connection.prepare_cached("DELETE FROM shards WHERE id = ?1")?.execute([shard.get()])?;
        Ok(())
    }

    /// Writes the rows that are held.
    pub(super) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (row, files) in std::mem::take(&mut self.rows) {
            if files.is_empty() {
                connection.prepare_cached("DELETE FROM files WHERE id = ?1")?.execute([row])?;
                continue;
            }
            let mut files: Vec<_> = files.into_values().collect();
            // The row ids of issues that share a number run against their names.
            files.sort_by_key(|file| (RowId::of(file.path.issue), file.path.comment));
            connection
                .prepare_cached("INSERT OR REPLACE INTO files (id, entries) VALUES (?1, ?2)")?
                .execute(params![row, pack(files.iter())])?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        connection: &Connection,
        path: &RecordPath,
    ) -> rusqlite::Result<&mut BTreeMap<RecordPath, TrackedFile>> {
        let row = row_of(path);
        if self.rows.len() >= MAX_HELD && !self.rows.contains_key(&row) {
            self.flush(connection)?;
        }
        match self.rows.entry(row) {
            btree_map::Entry::Occupied(held) => Ok(held.into_mut()),
            btree_map::Entry::Vacant(free) => {
                let known = read_rows(connection, row, row)?;
                Ok(free.insert(known.iter().map(|file| (file.path, file)).collect()))
            }
        }
    }
}

//! Making the index afresh.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use tickety_core::issue::Issue;
use tickety_core::schema::Schema;

use super::files::FileRows;
use super::record::{IssueRow, RecordState};
use super::tracked::{TrackedFile, TrackedShard};
use super::write::{Derivation, Rows, put_problem};
use super::{FORMAT, Fingerprint, IN_MEMORY, Index, IndexError, card, derive, schema, seal};
use crate::repo::files::FileError;
use crate::repo::{os, state};
use crate::storage::RecordProblem;

/// A new index that is being filled. [`finish`](Self::finish) puts it in the place of the old one; until
/// then readers have the old one, and a builder that is dropped or killed leaves it as it was.
///
/// Issues may come in any order; by path is fastest. Memory stays bounded, however many there are.
#[derive(Debug)]
pub struct IndexBuilder {
    connection: Connection,
    /// Absent for an index in memory.
    place: Option<Place>,
    schema: Schema,
    rows: Rows,
    /// The number of its first transaction: another than any that was noted for an index here.
    first: i64,
}

/// Where an index is to be, and where it is made.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    temporary: Temporary,
}

/// A file that is removed unless it gets its name.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left behind, the next builder removes.
        let _ = fs::remove_file(&self.0);
    }
}

/// How much of the new index is held in memory, in KiB.
const CACHE_KIB: i64 = 64 * 1024;

/// How many bytes of the text index are sorted at a time.
const TEXT_RUN: i64 = 16 * 1024 * 1024;

impl Index {
    /// Begins a new index for `path`. The caller holds the store's write lock, so that only one is
    /// made at a time; it is made beside the old one, under the file's name with `.tmp-` before it.
    pub fn build(path: &Path, schema: &Schema, fingerprint: &Fingerprint) -> Result<IndexBuilder, IndexError> {
        let temporary = state::unfinished(path);
        clear(&temporary)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&temporary, flags)
            .map_err(|error| IndexError::of("make a new index", &temporary, error))?;
        let place = Place { path: path.to_owned(), temporary: Temporary(temporary) };
        IndexBuilder::new(connection, Some(place), schema, fingerprint)
    }

    /// Begins an index that lives in memory, for where no file can be written.
    pub fn build_in_memory(schema: &Schema, fingerprint: &Fingerprint) -> Result<IndexBuilder, IndexError> {
        let connection = Connection::open_in_memory()
            .map_err(|error| IndexError::of("make a new index", Path::new(IN_MEMORY), error))?;
        IndexBuilder::new(connection, None, schema, fingerprint)
    }
}

impl IndexBuilder {
    fn new(
        connection: Connection,
        place: Option<Place>,
        schema: &Schema,
        fingerprint: &Fingerprint,
    ) -> Result<Self, IndexError> {
        let this = Self { connection, place, schema: schema.clone(), rows: Rows::default(), first: os::now_ns() };
        this.prepare(fingerprint).map_err(|error| this.error("make a new index", error))?;
        Ok(this)
    }

    fn prepare(&self, fingerprint: &Fingerprint) -> rusqlite::Result<()> {
        let connection = &self.connection;
        // Nobody else knows the file, and it counts only once it is complete: neither a rollback
        // journal nor a sync would serve anybody.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(super::STATEMENTS);
        connection.execute_batch("BEGIN")?;
        schema::create_tables(connection)?;
        connection.execute("INSERT INTO texts (texts, rank) VALUES ('hashsize', ?1)", [TEXT_RUN])?;
        connection.execute(
            "INSERT INTO meta (format, config, boot, transactions, generation, twins, unmerged) \
             VALUES (?1, ?2, ?3, ?4, 1, 0, 0)",
            params![FORMAT, fingerprint.config, fingerprint.boot, self.first],
        )?;
        Ok(())
    }

    /// Puts an issue with its comments; each issue once.
    pub fn put_issue(&mut self, issue: &Issue, record: &RecordState) -> Result<(), IndexError> {
        let row = IssueRow::new(issue, &self.schema, record);
        let card = card::pack(issue, self.schema.category(&issue.status), record.updated(issue), record.version);
        let put = self.rows.put(&self.connection, issue, &row, &card, Derivation::AtTheEnd);
        put.map_err(|error| self.error("put an issue", error))
    }

    /// Remembers in which state a record was read.
    pub fn put_file(&mut self, file: &TrackedFile) -> Result<(), IndexError> {
        let put = self.rows.files.put(&self.connection, file);
        put.map_err(|error| self.error("put the state of a record", error))
    }

    /// Remembers what is wrong with a file.
    pub fn put_problem(&mut self, problem: &RecordProblem) -> Result<(), IndexError> {
        put_problem(&self.connection, problem).map_err(|error| self.error("put a problem", error))
    }

    /// Remembers in which state a shard was listed.
    pub fn put_shard(&mut self, shard: &TrackedShard) -> Result<(), IndexError> {
        FileRows::put_shard(&self.connection, shard).map_err(|error| self.error("put a shard", error))
    }

    /// Remembers which commit the files were looked at under.
    pub fn set_head(&mut self, head: Option<&str>) -> Result<(), IndexError> {
        let set = self.connection.execute("UPDATE meta SET head = ?1", [head]);
        set.map(drop).map_err(|error| self.error("put the commit", error))
    }

    /// Derives what depends on all issues, puts the index into its place and opens it.
    pub fn finish(mut self) -> Result<Index, IndexError> {
        self.complete().map_err(|error| self.error("complete a new index", error))?;
        let Self { connection, place, first, .. } = self;
        let Some(Place { path, temporary }) = place else {
            // From here on a transaction may be given up.
            let journaled = connection.pragma_update(None, "journal_mode", "MEMORY");
            journaled.map_err(|error| IndexError::of("open it", Path::new(IN_MEMORY), error))?;
            return Index::over(connection, Path::new(IN_MEMORY));
        };
        connection.close().map_err(|(_, error)| IndexError::of("close a new index", &path, error))?;
        replace(&path, &temporary.0)?;
        seal::note(&path, first);
        Index::connect(&path)
    }

    fn complete(&mut self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        self.rows.files.flush(connection)?;
        schema::create_indexes(connection)?;
        let twins = derive::derive_all(connection)?;
        connection.execute("UPDATE meta SET twins = ?1", [twins])?;
        schema::settle_texts(connection)?;
        connection.execute_batch("COMMIT")
    }

    fn error(&self, action: &'static str, error: rusqlite::Error) -> IndexError {
        let path = self.place.as_ref().map_or(Path::new(IN_MEMORY), |place| &place.temporary.0);
        IndexError::of(action, path, error)
    }
}

/// Puts the new file into the place of the old one.
fn replace(path: &Path, temporary: &Path) -> Result<(), IndexError> {
    for obstacle in state::index_obstacles(path) {
        clear(&obstacle.path)?;
    }
    // A writer that was killed may have left a rollback journal, which would be taken for that of
    // the new file. Opening the old one rolls it back; holding it locked keeps others from seeing
    // the moment between. Where the old one can't be opened, nobody else reads it either.
    let old = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let locked = old.and_then(|old| {
        old.busy_timeout(super::BUSY_TIMEOUT)?;
        old.execute_batch("BEGIN EXCLUSIVE").map(|()| old)
    });
    clear(&state::beside(path, "-journal"))?;
    os::replace_derived(temporary, path).map_err(|source| IndexError::Io {
        action: "replace",
        path: path.to_owned(),
        source,
    })?;
    drop(locked);
    Ok(())
}

/// Removes what stands where a new file is to be.
fn clear(path: &Path) -> Result<(), IndexError> {
    state::clear(path).map_err(|error| match error {
        FileError::Access { action, path, source } => IndexError::Io { action, path, source },
        error => IndexError::NotAFile(error),
    })
}

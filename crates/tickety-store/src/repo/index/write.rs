//! Keeping the index up to date: one transaction of row changes.

use std::path::Path;

use rusqlite::{Connection, params};
use tickety_core::ident::IssueKey;
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::query::fold_name;
use tickety_core::schema::Schema;

use super::card;
use super::changes::Touched;
use super::derive;
use super::files::FileRows;
use super::record::{IssueRow, NameRow, RecordState, Texts, names, uuid_bytes};
use super::row_id::{RowId, name_suffix};
use super::schema::{MERGED_PAGES, MERGED_TEXTS};
use super::state::State;
use super::tracked::{TrackedFile, TrackedShard};
use super::{IN_MEMORY, Index, IndexError, seal};
use crate::difference::Difference;
use crate::repo::layout::{RecordPath, Shard};
use crate::repo::unreadable::hidden_by;
use crate::storage::RecordProblem;

/// A transaction on the index. Dropped without [`commit`](Self::commit), it changes nothing.
///
/// Derived values are kept right with every change: which issue a link leads to, whether an
/// issue is blocked, how many comments it has. Readers in other processes wait for the commit only;
/// a transaction beyond some thousand issues may make them wait longer, so large imports are split.
#[derive(Debug)]
pub struct IndexWriter<'i> {
    index: &'i Index,
    schema: &'i Schema,
    rows: Rows,
    /// The number of the transaction before.
    last: i64,
    generation: i64,
    twins: i64,
    unmerged: i64,
    head: Option<Option<String>>,
    changes: Option<Vec<u8>>,
    touched: Touched,
    is_open: bool,
}

impl Index {
    /// Begins a transaction. The caller holds the store's write lock.
    pub fn write<'i>(&'i mut self, schema: &'i Schema) -> Result<IndexWriter<'i>, IndexError> {
        self.release();
        let connection = &self.connection;
        let look = self.has_file().then(|| seal::Look::at(&self.path));
        let begin = || {
            // The index is derived and knows the boot it was written in: nothing is gained by
            // waiting for the disk.
            connection.pragma_update(None, "synchronous", "OFF")?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
            connection.query_row("SELECT transactions, generation, twins, unmerged, changes FROM meta", [], read)
        };
        let (last, generation, twins, unmerged, changes) = begin().map_err(|error| {
            self.roll_back();
            self.error("begin a write")(error)
        })?;
        // Noting how the file looks after this transaction must not cover up what was done to it before.
        if look.is_some_and(|look| look.is_foreign(&self.path, last)) {
            self.roll_back();
            let detail = seal::FOREIGN.to_owned();
            return Err(IndexError::Damaged { action: "begin a write", path: self.path.clone(), detail });
        }
        Ok(IndexWriter {
            index: self,
            schema,
            rows: Rows::default(),
            last,
            generation,
            twins,
            unmerged,
            head: None,
            changes,
            touched: Touched::default(),
            is_open: true,
        })
    }

    fn has_file(&self) -> bool {
        self.path != Path::new(IN_MEMORY)
    }

    /// Notes how the file looks after a transaction.
    fn note(&self, transaction: i64) {
        if self.has_file() {
            seal::note(&self.path, transaction);
        }
    }

    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // A failed statement may have rolled back already; closing does it anyway.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

impl IndexWriter<'_> {
    /// Returns the index that is being changed, as it was before the transaction where that isn't written out yet.
    pub(crate) fn index(&self) -> &Index {
        self.index
    }

    /// Returns the generation that the index gets, if the transaction changes what it says of issues.
    pub fn next_generation(&self) -> u64 {
        super::unsigned(self.generation + 1)
    }

    /// Puts an issue with its comments in the place of what the index has of it.
    pub fn put_issue(&mut self, issue: &Issue, record: &RecordState) -> Result<(), IndexError> {
        let difference = self.replace(issue, record).map_err(self.index.error("put an issue"))?;
        self.touched.add(RowId::of(issue.key()), difference);
        Ok(())
    }

    /// Removes an issue; fine if the index has none of that name.
    pub fn remove_issue(&mut self, key: IssueKey) -> Result<(), IndexError> {
        self.touched.add(RowId::of(key), Difference::UNKNOWN);
        self.remove(RowId::of(key)).map_err(self.index.error("remove an issue"))
    }

    /// Remembers in which state a record was read.
    pub fn put_file(&mut self, file: &TrackedFile) -> Result<(), IndexError> {
        self.rows.files.put(&self.index.connection, file).map_err(self.index.error("put the state of a record"))
    }

    /// Forgets the state of a record.
    pub fn remove_file(&mut self, path: &RecordPath) -> Result<(), IndexError> {
        let removed = self.rows.files.remove(&self.index.connection, path);
        removed.map_err(self.index.error("remove the state of a record"))
    }

    /// Remembers what is wrong with a file. [`put_file`](Self::put_file) tells when it changes.
    pub fn put_problem(&mut self, problem: &RecordProblem) -> Result<(), IndexError> {
        self.touched = Touched::Everything;
        let connection = &self.index.connection;
        let put = || -> rusqlite::Result<()> {
            put_problem(connection, problem)?;
            hidden_by(&problem.path).map_or(Ok(()), |key| derive::block_holders(connection, key.number))
        };
        put().map_err(self.index.error("put a problem"))
    }

    /// Forgets what was wrong with a file; fine if nothing was.
    pub fn remove_problem(&mut self, path: &str) -> Result<(), IndexError> {
        let connection = &self.index.connection;
        let remove = || -> rusqlite::Result<_> {
            let removed = connection.prepare_cached("DELETE FROM problems WHERE path = ?1")?.execute([path])?;
            if let (Some(key), 1..) = (hidden_by(path), removed) {
                derive::block_holders(connection, key.number)?;
            }
            Ok(removed)
        };
        if remove().map_err(self.index.error("remove a problem"))? > 0 {
            self.touched = Touched::Everything;
        }
        Ok(())
    }

    /// Remembers in which state a shard was listed.
    pub fn put_shard(&mut self, shard: &TrackedShard) -> Result<(), IndexError> {
        FileRows::put_shard(&self.index.connection, shard).map_err(self.index.error("put a shard"))
    }

    /// Forgets a shard and the states of its records. The issues in them are removed one by one.
    pub fn remove_shard(&mut self, shard: Shard) -> Result<(), IndexError> {
        let removed = self.rows.files.remove_shard(&self.index.connection, shard);
        removed.map_err(self.index.error("remove a shard"))
    }

    /// Remembers which commit the files were looked at under.
    pub fn set_head(&mut self, head: Option<&str>) {
        self.head = Some(head.map(str::to_owned));
    }

    /// Makes everything visible at once and returns the generation. It is the one from before if only states of files
    /// were written: no answer tells of those.
    pub fn commit(mut self) -> Result<u64, IndexError> {
        let connection = &self.index.connection;
        let generation = self.generation + i64::from(!self.touched.is_empty());
        let transaction = self.last.wrapping_add(1);
        let mut commit = || {
            self.rows.files.flush(connection)?;
            if !self.touched.is_empty() {
                let unmerged = merge_texts(connection, self.unmerged + self.rows.texts_changed)?;
                let changes = self.touched.appended_to(self.changes.as_deref(), generation);
                connection
                    .prepare_cached("UPDATE meta SET generation = ?1, twins = ?2, unmerged = ?3, changes = ?4")?
                    .execute(params![generation, self.twins, unmerged, changes])?;
            }
            if let Some(head) = &self.head {
                connection.prepare_cached("UPDATE meta SET head = ?1")?.execute([head])?;
            }
            connection.prepare_cached("UPDATE meta SET transactions = ?1")?.execute([transaction])?;
            connection.execute_batch("COMMIT")
        };
        commit().map_err(self.index.error("commit a write"))?;
        self.is_open = false;
        self.index.note(transaction);
        Ok(super::unsigned(generation))
    }

    /// Replaces the rows of an issue. Returns in what it differs from what they were.
    fn replace(&mut self, issue: &Issue, record: &RecordState) -> rusqlite::Result<Difference> {
        let connection = &self.index.connection;
        let before = State::read(connection, RowId::of(issue.key()))?;
        let row = IssueRow::new(issue, self.schema, record);
        let card = card::pack(issue, self.schema.category(&issue.status), record.updated(issue), record.version);
        let links = before.as_ref().map(|_| State::links(connection, RowId::of(issue.key()))).transpose()?;
        self.rows.put(connection, issue, &row, &card, Derivation::Now { before: before.as_ref() })?;
        let difference = match (&before, links) {
            (Some(before), Some(links)) => before.difference(&links, issue, &row, self.rows.text_hash),
            _ => Difference::NEW,
        };
        if before.is_none() {
            self.twins += derive::twins_gained(connection, issue.number)?;
            derive::resolve_links(connection, issue.number)?;
        }
        if before.is_none_or(|before| before.category != row.category) {
            derive::block_holders(connection, issue.number)?;
        }
        Ok(difference)
    }

    fn remove(&mut self, id: RowId) -> rusqlite::Result<()> {
        let connection = &self.index.connection;
        let Some(before) = State::read(connection, id)? else { return Ok(()) };
        before.delete_names(connection, id, &[])?;
        connection.prepare_cached("DELETE FROM links WHERE holder = ?1")?.execute([id.get()])?;
        connection.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([id.get()])?;
        self.rows.texts_changed += 1;
        let number = id.key().number;
        // Counted while it is there: what it gained when it came is what goes with it.
        self.twins -= derive::twins_gained(connection, number)?;
        connection.prepare_cached("DELETE FROM issues WHERE id = ?1")?.execute([id.get()])?;
        connection.prepare_cached("DELETE FROM cards WHERE id = ?1")?.execute([id.get()])?;
        derive::resolve_links(connection, number)?;
        derive::block_holders(connection, number)
    }
}

impl Drop for IndexWriter<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.index.roll_back();
            // What was written out of a large transaction is written back, which changes the file, too.
            self.index.note(self.last);
        }
    }
}

/// Merges the text index if enough texts have changed since it last was. Returns how many have then.
fn merge_texts(connection: &Connection, changed: i64) -> rusqlite::Result<i64> {
    if changed < MERGED_TEXTS {
        return Ok(changed);
    }
    let merge = "INSERT INTO texts (texts, rank) VALUES ('merge', ?1)";
    connection.prepare_cached(merge)?.execute([changed * MERGED_PAGES])?;
    Ok(0)
}

/// When derived values are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Derivation<'s> {
    /// With the row. What the index has of the issue is replaced.
    Now { before: Option<&'s State> },
    /// Once, when all rows are there. The index has nothing of the issue.
    AtTheEnd,
}

/// Writes rows; the same for a transaction and for a bulk load.
#[derive(Default, Debug)]
pub(super) struct Rows {
    pub(super) files: FileRows,
    texts: Texts,
    /// The hash of the texts that were put last.
    text_hash: [u8; 16],
    /// How many issues got or lost their text.
    texts_changed: i64,
}

impl Rows {
    /// Writes the rows of an issue. What it changes for others is left to the caller.
    pub(super) fn put(
        &mut self,
        connection: &Connection,
        issue: &Issue,
        row: &IssueRow,
        card: &[u8],
        derivation: Derivation<'_>,
    ) -> rusqlite::Result<()> {
        let id = RowId::of(issue.key());
        let names = names(issue);
        self.texts.take(issue);
        let text_hash = self.texts.hash();
        self.text_hash = text_hash;
        let before = match derivation {
            Derivation::Now { before } => before,
            Derivation::AtTheEnd => None,
        };
        if let Some(before) = before {
            before.delete_names(connection, id, &names)?;
            connection.prepare_cached("DELETE FROM links WHERE holder = ?1")?.execute([id.get()])?;
        }
        put_links(connection, id, issue, derivation)?;
        let waits = issue.links.iter().any(|link| link.kind == LinkKind::BlockedBy);
        let blocked = waits && matches!(derivation, Derivation::Now { .. }) && derive::is_blocked(connection, id)?;
        put_issue_row(connection, id, issue, row, blocked)?;
        put_card(connection, id, issue, blocked, card, &NameRow::pack(&names), text_hash)?;
        put_names(connection, id, row.category, &names)?;
        match before {
            Some(before) if before.text_hash == text_hash => return Ok(()),
            Some(_) => {
                connection.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([id.get()])?;
            }
            None => {}
        }
        let Texts { title, body, comments } = &self.texts;
        self.texts_changed += 1;
        connection
            .prepare_cached("INSERT INTO texts (rowid, title, body, comments) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id.get(), title, body, comments])?;
        Ok(())
    }
}

fn put_issue_row(
    connection: &Connection,
    id: RowId,
    issue: &Issue,
    row: &IssueRow,
    blocked: bool,
) -> rusqlite::Result<()> {
    let IssueRow { category, rank, due, created, updated, closed, reason, comments, estimate, spent, present } = row;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO issues (id, category, rank, due, blocked, created, updated, closed, reason, \
             comments, estimate, spent, present, status, kind) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            id.get(),
            category,
            rank,
            due,
            blocked,
            created,
            updated,
            closed,
            reason,
            comments,
            estimate,
            spent,
            present,
            issue.status.as_str(),
            issue.kind.as_str()
        ])?;
    Ok(())
}

fn put_card(
    connection: &Connection,
    id: RowId,
    issue: &Issue,
    blocked: bool,
    card: &[u8],
    names: &[u8],
    text_hash: [u8; 16],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO cards (id, blocked, card, uuid, title, milestone, names, text_hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id.get(),
            blocked,
            card,
            uuid_bytes(issue.id),
            fold_name(&issue.title),
            issue.milestone.as_deref().map(fold_name),
            names,
            text_hash
        ])?;
    Ok(())
}

fn put_names(connection: &Connection, id: RowId, category: i64, names: &[NameRow]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO names (kind, name, issue, shown, category) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for NameRow { kind, name, shown } in names {
        insert.execute(params![kind, name, id.get(), shown, category])?;
    }
    Ok(())
}

fn put_links(connection: &Connection, id: RowId, issue: &Issue, derivation: Derivation<'_>) -> rusqlite::Result<()> {
    for link in &issue.links {
        let target = match derivation {
            Derivation::Now { .. } => derive::target_of(connection, link.target)?,
            Derivation::AtTheEnd => None,
        };
        let (kind, number, suffix) = (link.kind as i64, link.target.number.get(), name_suffix(link.target));
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO links (holder, kind, number, suffix, target) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![id.get(), kind, number, suffix, target])?;
    }
    Ok(())
}

pub(super) fn put_problem(connection: &Connection, problem: &RecordProblem) -> rusqlite::Result<()> {
    let RecordProblem { path, line, message } = problem;
    connection
        .prepare_cached("INSERT OR REPLACE INTO problems (path, line, message, issue) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![path, line, message, hidden_by(path).map(|key| RowId::of(key).get())])?;
    Ok(())
}

//! What the index has of an issue that is put again.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use tickety_core::issue::Issue;

use super::packed::unpack;
use super::record::{IssueRow, NameRow, names, uuid_bytes};
use super::row_id::{RowId, name_suffix};
use crate::difference::{Difference, Parts};

/// The rows of an issue, as far as they have to be known to be replaced.
#[derive(Debug)]
pub(super) struct State {
    pub(super) category: i64,
    pub(super) text_hash: Vec<u8>,
    names: Vec<u8>,
    uuid: Vec<u8>,
    status: String,
    kind: String,
    /// Everything else but when it was last updated.
    row: IssueRow,
}

/// A link as a row: kind, number and suffix.
pub(super) type LinkRow = (i64, i64, i64);

impl State {
    pub(super) fn read(connection: &Connection, id: RowId) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT i.category, i.rank, i.due, i.created, i.updated, i.closed, i.reason, i.comments, i.estimate, \
                 i.spent, i.present, i.status, i.kind, c.names, c.text_hash, c.uuid \
                 FROM issues i JOIN cards c ON c.id = i.id WHERE i.id = ?1",
            )?
            .query_row([id.get()], |row| {
                Ok(Self {
                    category: row.get(0)?,
                    row: IssueRow {
                        category: row.get(0)?,
                        rank: row.get(1)?,
                        due: row.get(2)?,
                        created: row.get(3)?,
                        updated: row.get(4)?,
                        closed: row.get(5)?,
                        reason: row.get(6)?,
                        comments: row.get(7)?,
                        estimate: row.get(8)?,
                        spent: row.get(9)?,
                        present: row.get(10)?,
                    },
                    status: row.get(11)?,
                    kind: row.get(12)?,
                    names: row.get(13)?,
                    text_hash: row.get(14)?,
                    uuid: row.get(15)?,
                })
            })
            .optional()
    }

    /// Returns the names, packed.
    pub(super) fn names(&self) -> &[u8] {
        &self.names
    }

    /// Reads the links that the issue stores.
    pub(super) fn links(connection: &Connection, id: RowId) -> rusqlite::Result<BTreeSet<LinkRow>> {
        let mut statement = connection.prepare_cached("SELECT kind, number, suffix FROM links WHERE holder = ?1")?;
        statement.query_map([id.get()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    }

    /// Returns in what the issue that takes its place differs. `links` are those it had.
    pub(super) fn difference(
        &self,
        links: &BTreeSet<LinkRow>,
        issue: &Issue,
        row: &IssueRow,
        text_hash: [u8; 16],
    ) -> Difference {
        let stored = issue.links.iter();
        let stored: BTreeSet<LinkRow> = stored
            .map(|link| (link.kind as i64, i64::from(link.target.number.get()), name_suffix(link.target)))
            .collect();
        let state = |row: &IssueRow| (row.category, row.closed, row.reason);
        let rest = |row: &IssueRow| {
            let IssueRow { rank, due, created, comments, estimate, spent, present, .. } = *row;
            (rank, due, created, comments, estimate, spent, present)
        };
        let parts = [
            (Parts::TEXT, self.text_hash == text_hash),
            (Parts::STATUS, self.status == issue.status.as_str() && state(&self.row) == state(row)),
            (Parts::NAMES, self.names == NameRow::pack(&names(issue))),
            (Parts::LINKS, *links == stored),
            (
                Parts::REST,
                self.kind == issue.kind.as_str() && self.uuid == uuid_bytes(issue.id) && rest(&self.row) == rest(row),
            ),
        ];
        let parts = parts.into_iter().filter(|(_, same)| !same).fold(Parts::NONE, |parts, (part, _)| parts | part);
        Difference { is_new: false, parts }
    }

    /// Deletes the names that aren't among those to keep.
    pub(super) fn delete_names(&self, connection: &Connection, id: RowId, keep: &[NameRow]) -> rusqlite::Result<()> {
        let keep: BTreeSet<(i64, &[u8])> = keep.iter().map(|row| (row.kind, row.name.as_slice())).collect();
        let packed = unpack(&self.names).unwrap_or_default();
        for pair in packed.chunks_exact(2) {
            let kind = pair[0].first().copied().map_or(-1, i64::from);
            if !keep.contains(&(kind, pair[1])) {
                connection
                    .prepare_cached("DELETE FROM names WHERE kind = ?1 AND name = ?2 AND issue = ?3")?
                    .execute(params![kind, pair[1], id.get()])?;
            }
        }
        Ok(())
    }
}

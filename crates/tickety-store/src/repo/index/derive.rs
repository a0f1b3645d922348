//! What the index derives for one issue from others: where links lead, and what is blocked.
//!
//! A link leads to the one issue that has its name. A name without a suffix that several issues
//! have leads nowhere, from either end, until it is written in full.

use rusqlite::{Connection, OptionalExtension, params};
use tickety_core::ident::{IssueName, IssueNumber};
use tickety_core::issue::LinkKind;

use super::row_id::RowId;

const BLOCKED_BY: i64 = LinkKind::BlockedBy as i64;

/// The SQL for the issues that wait for others.
const HOLDERS: &str = "SELECT holder FROM links WHERE kind = ?1";

/// Returns the SQL for whether an issue is blocked: by one that isn't closed, or by one that can't be read, since nobody
/// can tell then.
fn is_blocked_sql(holder: &str, kind: &str) -> String {
    format!(
        "(EXISTS (SELECT 1 FROM links l CROSS JOIN issues b ON b.id = l.target \
          WHERE l.holder = {holder} AND l.kind = {kind} AND b.category < 2) \
          OR EXISTS (SELECT 1 FROM links l CROSS JOIN problems p ON {MEANS} \
          WHERE l.holder = {holder} AND l.kind = {kind} AND l.target IS NULL))"
    )
}

/// The SQL for whether the name that the link `l` holds is that of the issue which the problem `p` keeps from being read.
const MEANS: &str = "p.issue >> 20 = l.number AND (l.suffix < 0 OR p.issue & 1048575 = 1048575 - l.suffix)";

/// The SQL for the row ids a link's name can mean, and the one it leads to.
const TARGET: &str = "CASE WHEN suffix >= 0 \
    THEN (SELECT i.id FROM issues i WHERE i.id = (links.number << 20 | (1048575 - links.suffix))) \
    ELSE (SELECT max(i.id) FROM issues i WHERE i.id >= links.number << 20 AND i.id < (links.number + 1) << 20 \
          HAVING count(*) = 1) END";

/// Returns the one issue that has a name.
pub(super) fn target_of(connection: &Connection, name: IssueName) -> rusqlite::Result<Option<i64>> {
    let ids = match name.suffix {
        Some(suffix) => {
            let id = RowId::of(tickety_core::ident::IssueKey { number: name.number, suffix }).get();
            id..id + 1
        }
        None => RowId::range(name.number),
    };
    connection
        .prepare_cached("SELECT max(id) FROM issues WHERE id >= ?1 AND id < ?2 HAVING count(*) = 1")?
        .query_row([ids.start, ids.end], |row| row.get(0))
        .optional()
}

/// Finds anew where the links lead that name a number: an issue of that number came or went.
pub(super) fn resolve_links(connection: &Connection, number: IssueNumber) -> rusqlite::Result<()> {
    connection.prepare_cached(&resolve_sql())?.execute([number.get()])?;
    Ok(())
}

pub(super) fn resolve_sql() -> String {
    format!("UPDATE links SET target = {TARGET} WHERE number = ?1")
}

/// Finds anew whether the issues are blocked that wait for issues of a number.
pub(super) fn block_holders(connection: &Connection, number: IssueNumber) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&block_sql())?;
    let mut rows = statement.query(params![BLOCKED_BY, number.get()])?;
    let mut changed: Vec<(i64, bool)> = Vec::new();
    while let Some(row) = rows.next()? {
        changed.push((row.get(0)?, row.get(1)?));
    }
    for (id, blocked) in changed {
        connection.prepare_cached("UPDATE cards SET blocked = ?2 WHERE id = ?1")?.execute(params![id, blocked])?;
    }
    Ok(())
}

pub(super) fn block_sql() -> String {
    let is_blocked = is_blocked_sql("issues.id", "?1");
    format!(
        "UPDATE issues SET blocked = NOT blocked WHERE id IN ({HOLDERS} AND number = ?2) AND blocked <> {is_blocked} \
         RETURNING id, blocked"
    )
}

/// Whether the links of an issue say that it is blocked.
pub(super) fn is_blocked(connection: &Connection, id: RowId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(&format!("SELECT {}", is_blocked_sql("?1", "?2")))?
        .query_row([id.get(), BLOCKED_BY], |row| row.get(0))
}

/// Returns how many issues share their number because of one of that number: none if it is alone, two if it has
/// one other, and only itself if it has more.
pub(super) fn twins_gained(connection: &Connection, number: IssueNumber) -> rusqlite::Result<i64> {
    let ids = RowId::range(number);
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM issues WHERE id >= ?1 AND id < ?2")?
        .query_row([ids.start, ids.end], |row| row.get(0))?;
    Ok(match count {
        0 | 1 => 0,
        2 => 2,
        _ => 1,
    })
}

/// Derives everything from all rows, and returns how many issues share their number.
pub(super) fn derive_all(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute(&format!("UPDATE links SET target = {TARGET}"), [])?;
    connection.execute(&block_all_sql(), [BLOCKED_BY])?;
    connection.execute("UPDATE cards SET blocked = 1 WHERE id IN (SELECT id FROM issues WHERE blocked = 1)", [])?;
    connection.query_row(
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM issues GROUP BY id >> 20 HAVING count(*) > 1)",
        [],
        |row| row.get(0),
    )
}

pub(super) fn block_all_sql() -> String {
    format!("UPDATE issues SET blocked = 1 WHERE id IN ({HOLDERS}) AND {}", is_blocked_sql("issues.id", "?1"))
}

//! Finding issues by name, and what leads from one to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rusqlite::{Row, params};
use tickety_core::graph::{Graph, GraphNode, LinkEnd, LinkTarget, Relation};
use tickety_core::ident::{ALIAS_SCHEME, IssueId, IssueKey, IssueName, IssueNumber, IssueSelector};
use tickety_core::issue::LinkKind;
use tickety_core::query::fold_name;

use super::card;
use super::error::malformed;
use super::list::{CARDS, summary};
use super::record::{spellings, uuid_bytes};
use super::row_id::{RowId, name_of, name_suffix};
use super::schema::NameKind;
use super::{Index, IndexError};
use crate::repo::layout::Shard;
use crate::storage::{GraphScope, IssueSummary};

impl Index {
    /// Returns the issues a selector could mean, by name: none, one, or several of a number.
    pub fn resolve(&self, selector: IssueSelector) -> Result<Vec<IssueKey>, IndexError> {
        self.read_candidates(selector).map_err(self.error("find an issue"))
    }

    fn read_candidates(&self, selector: IssueSelector) -> rusqlite::Result<Vec<IssueKey>> {
        let ids = match selector {
            IssueSelector::Name(name) => rows_named(name),
            IssueSelector::Id(id) => {
                let mut statement = self.connection.prepare_cached("SELECT id FROM cards WHERE uuid = ?1")?;
                let found = statement.query_map([uuid_bytes(id)], |row| key(row, 0))?;
                let mut keys: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
                keys.sort();
                return Ok(keys);
            }
        };
        let mut statement = self.connection.prepare_cached(CARDS)?;
        statement.query_map([ids.start, ids.end], |row| key(row, 0))?.collect()
    }

    /// Returns those of the issues with these ids that aren't closed.
    pub fn open_among(&self, ids: &[IssueId]) -> Result<Vec<(IssueId, IssueKey)>, IndexError> {
        self.among(ids, "i.category < 2")
    }

    /// Returns those of the issues with these ids that are closed.
    pub fn closed_among(&self, ids: &[IssueId]) -> Result<Vec<(IssueId, IssueKey)>, IndexError> {
        self.among(ids, "i.category >= 2")
    }

    fn among(&self, ids: &[IssueId], condition: &str) -> Result<Vec<(IssueId, IssueKey)>, IndexError> {
        let read = || -> rusqlite::Result<Vec<(IssueId, IssueKey)>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT c.id FROM cards c CROSS JOIN issues i ON i.id = c.id WHERE c.uuid = ?1 AND {condition}",
            ))?;
            let mut found = Vec::new();
            for id in ids {
                let mut rows = statement.query([uuid_bytes(*id)])?;
                while let Some(row) = rows.next()? {
                    found.push((*id, key(row, 0)?));
                }
            }
            Ok(found)
        };
        self.snapshot(read).map_err(self.error("find issues"))
    }

    /// Returns the issues of a shard, by name.
    pub fn keys(&self, shard: Shard) -> Result<Vec<IssueKey>, IndexError> {
        let read = || -> rusqlite::Result<Vec<IssueKey>> {
            let ids = RowId::range_of(shard);
            let mut statement = self.connection.prepare_cached("SELECT id FROM cards WHERE id >= ?1 AND id < ?2")?;
            let mut keys: Vec<_> =
                statement.query_map([ids.start, ids.end], |row| key(row, 0))?.collect::<rusqlite::Result<_>>()?;
            keys.sort_unstable();
            Ok(keys)
        };
        read().map_err(self.error("find the issues of a directory"))
    }

    /// Finds the issues a name could mean, with what lists show of them.
    pub fn named(&self, name: IssueName) -> Result<Vec<IssueSummary>, IndexError> {
        let read = || -> rusqlite::Result<Vec<IssueSummary>> {
            let mut cards = card::Reader::default();
            let ids = rows_named(name);
            let mut statement = self.connection.prepare_cached(CARDS)?;
            statement.query_map([ids.start, ids.end], |row| summary(row, &mut cards))?.collect()
        };
        read().map_err(self.error("find an issue"))
    }

    /// Returns which issues have each of the given external references, as they are spelled; those no
    /// issue has are absent.
    pub fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, IndexError> {
        let read = || -> rusqlite::Result<_> {
            let mut statement =
                self.connection.prepare_cached("SELECT issue, shown FROM names WHERE kind = ?1 AND name = ?2")?;
            let mut found: BTreeMap<String, Vec<IssueKey>> = BTreeMap::new();
            for reference in references.iter().collect::<BTreeSet<_>>() {
                let folded = fold_name(reference);
                let mut rows = statement.query(params![NameKind::Reference as i64, folded.as_bytes()])?;
                while let Some(row) = rows.next()? {
                    let shown = row.get_ref(1)?.as_str_or_null()?;
                    if spellings(&folded, shown).any(|spelling| spelling == reference) {
                        found.entry(reference.clone()).or_default().push(key(row, 0)?);
                    }
                }
            }
            found.values_mut().for_each(|keys| keys.sort());
            Ok(found)
        };
        read().map_err(self.error("find references"))
    }

    /// Returns the issues that had a name before they were renumbered.
    pub fn resolve_alias(&self, name: IssueName) -> Result<Vec<IssueKey>, IndexError> {
        let mut from = format!("{ALIAS_SCHEME}{}-", name.number);
        from.extend(name.suffix.iter().map(ToString::to_string));
        // Suffixes are ASCII: what begins with `from` lies below this.
        let to = format!("{from}\u{7f}");
        let read = || -> rusqlite::Result<Vec<IssueKey>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT DISTINCT issue FROM names WHERE kind = ?1 AND name >= ?2 AND name < ?3")?;
            let rows = statement
                .query_map(params![NameKind::Reference as i64, from.as_bytes(), to.as_bytes()], |row| key(row, 0))?;
            let mut keys: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            keys.sort();
            Ok(keys)
        };
        read().map_err(self.error("find an issue by its old name"))
    }

    /// Returns both ends of the links of an issue, by relation and then by the other's name.
    pub fn link_ends(&self, key: IssueKey) -> Result<Vec<LinkEnd>, IndexError> {
        self.snapshot(|| self.read_link_ends(key)).map_err(self.error("read the links of an issue"))
    }

    fn read_link_ends(&self, issue: IssueKey) -> rusqlite::Result<Vec<LinkEnd>> {
        let id = RowId::of(issue).get();
        let mut found = Vec::new();
        let mut stored =
            self.connection.prepare_cached("SELECT kind, number, suffix, target FROM links WHERE holder = ?1")?;
        let mut rows = stored.query([id])?;
        while let Some(row) = rows.next()? {
            let written = name_of(row.get(1)?, row.get(2)?).ok_or_else(|| malformed("links"))?;
            let target = row.get::<_, Option<i64>>(3)?.map(|_| key(row, 3)).transpose()?;
            found.push((Relation::stored(link_kind(row)?), written, target));
        }
        let mut derived =
            self.connection.prepare_cached("SELECT kind, holder FROM links WHERE number = ?1 AND target = ?2")?;
        let mut rows = derived.query(params![issue.number.get(), id])?;
        while let Some(row) = rows.next()? {
            let holder = key(row, 1)?;
            found.push((Relation::derived(link_kind(row)?), holder.into(), Some(holder)));
        }
        let targets = found.iter().filter_map(|(_, _, target)| *target).map(RowId::of).collect::<Vec<_>>();
        let mut summaries = self.read_summaries(targets.into_iter())?.into_iter();
        let mut ends = Vec::with_capacity(found.len());
        for (relation, written, target) in found {
            let target = match target {
                Some(_) => Some(summaries.next().flatten().ok_or_else(|| malformed("links"))?),
                None => None,
            };
            let name = target.as_ref().map_or(written, |target| target.key.into());
            let target = target.map(|IssueSummary { key, title, status, category, .. }| LinkTarget {
                key,
                title,
                status,
                category,
            });
            ends.push(LinkEnd { relation, name, target });
        }
        ends.sort_by_key(|end| (end.relation, end.name));
        // Two issues that each say they relate to the other are related once.
        ends.dedup();
        Ok(ends)
    }

    /// Returns the issues that store a link that names this one, even if the name is ambiguous.
    pub fn referrers(&self, key: IssueKey) -> Result<Vec<IssueKey>, IndexError> {
        let read = || -> rusqlite::Result<Vec<IssueKey>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT DISTINCT holder FROM links WHERE number = ?1 AND suffix IN (-1, ?2)")?;
            let rows =
                statement.query_map(params![key.number.get(), name_suffix(key.into())], |row| self::key(row, 0))?;
            let mut keys: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            keys.sort();
            Ok(keys)
        };
        read().map_err(self.error("find what links to an issue"))
    }

    /// Returns what an issue's stored links of one kind lead to.
    pub fn targets(&self, key: IssueKey, kind: LinkKind) -> Result<Vec<IssueKey>, IndexError> {
        let read = || -> rusqlite::Result<Vec<IssueKey>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT DISTINCT target FROM links WHERE holder = ?1 AND kind = ?2 AND target IS NOT NULL",
            )?;
            let rows = statement.query_map([RowId::of(key).get(), kind as i64], |row| self::key(row, 0))?;
            let mut keys: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            keys.sort();
            Ok(keys)
        };
        read().map_err(self.error("follow the links of an issue"))
    }

    /// Returns the highest number that an issue or a record has.
    pub fn max_number(&self) -> Result<Option<IssueNumber>, IndexError> {
        let read = || -> rusqlite::Result<Option<IssueNumber>> {
            let id: Option<i64> = self.connection.query_row("SELECT max(id) FROM issues", [], |row| row.get(0))?;
            let issue = id.map(|id| RowId::new(id).ok_or_else(|| malformed("row ids"))).transpose()?;
            Ok(issue.map(|id| id.key().number).max(self.max_file_number()?))
        };
        read().map_err(self.error("find the highest number"))
    }

    /// Returns the part of the graph a scope describes. A root the index doesn't have is left out.
    pub fn graph(&self, scope: &GraphScope) -> Result<Graph, IndexError> {
        self.snapshot(|| self.walk(scope)).map_err(self.error("follow links"))
    }

    fn walk(&self, scope: &GraphScope) -> rusqlite::Result<Graph> {
        let mut graph = Graph::default();
        let mut level =
            if scope.roots.is_empty() { self.read_starts(scope)? } else { scope.roots.iter().copied().collect() };
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = BTreeSet::new();
            for key in level {
                let Some(node) = self.read_node(key)? else { continue };
                graph.nodes.insert(key, node);
                if scope.depth.is_none_or(|limit| depth < limit) {
                    next.extend(self.read_neighbours(key, scope)?);
                }
            }
            next.retain(|key| !graph.nodes.contains_key(key));
            level = next;
            depth += 1;
        }
        let kinds: BTreeSet<LinkKind> = scope.follow.iter().map(|relation| relation.link().0).collect();
        let mut links =
            self.connection.prepare_cached("SELECT kind, target, number, suffix FROM links WHERE holder = ?1")?;
        for holder in graph.nodes.keys() {
            let mut rows = links.query([RowId::of(*holder).get()])?;
            while let Some(row) = rows.next()? {
                let kind = link_kind(row)?;
                if row.get::<_, Option<i64>>(1)?.is_none() {
                    if scope.follow.contains(&Relation::stored(kind)) {
                        let written = name_of(row.get(2)?, row.get(3)?).ok_or_else(|| malformed("links"))?;
                        graph.lost.insert((*holder, kind, written));
                    }
                    continue;
                }
                let target = key(row, 1)?;
                if kinds.contains(&kind) && graph.nodes.contains_key(&target) {
                    graph.edges.insert((*holder, kind, target));
                }
            }
        }
        Ok(graph)
    }

    /// Returns the issues that aren't closed and have something to follow.
    fn read_starts(&self, scope: &GraphScope) -> rusqlite::Result<BTreeSet<IssueKey>> {
        let mut starts = BTreeSet::new();
        let kinds: BTreeSet<String> =
            scope.follow.iter().map(|relation| (relation.link().0 as i64).to_string()).collect();
        // With closed issues left out, a link counts only between two that aren't.
        let open = if scope.closed { "" } else { "AND h.category < 2 AND t.category < 2" };
        let mut links = self.connection.prepare_cached(&format!(
            "SELECT l.kind, l.holder, h.category, l.target, t.category FROM links l \
             CROSS JOIN issues h ON h.id = l.holder CROSS JOIN issues t ON t.id = l.target \
             WHERE l.kind IN ({}) {open}",
            Vec::from_iter(kinds).join(", ")
        ))?;
        let mut rows = links.query([])?;
        while let Some(row) = rows.next()? {
            let kind = link_kind(row)?;
            let (holder_is_open, target_is_open) = (row.get::<_, i64>(2)? < 2, row.get::<_, i64>(4)? < 2);
            if holder_is_open && (target_is_open || scope.closed) && scope.follow.contains(&Relation::stored(kind)) {
                starts.insert(key(row, 1)?);
            }
            if target_is_open && (holder_is_open || scope.closed) && scope.follow.contains(&Relation::derived(kind)) {
                starts.insert(key(row, 3)?);
            }
        }
        let mut lost = self.connection.prepare_cached(
            "SELECT l.kind, l.holder FROM links l CROSS JOIN issues h ON h.id = l.holder \
             WHERE l.target IS NULL AND h.category < 2",
        )?;
        let mut rows = lost.query([])?;
        while let Some(row) = rows.next()? {
            if scope.follow.contains(&Relation::stored(link_kind(row)?)) {
                starts.insert(key(row, 1)?);
            }
        }
        Ok(starts)
    }

    fn read_node(&self, key: IssueKey) -> rusqlite::Result<Option<GraphNode>> {
        let summary = self.read_summaries([RowId::of(key)].into_iter())?.pop().flatten();
        Ok(summary.map(|IssueSummary { title, status, category, priority, .. }| GraphNode {
            title,
            status,
            category,
            priority,
        }))
    }

    fn read_neighbours(&self, issue: IssueKey, scope: &GraphScope) -> rusqlite::Result<Vec<IssueKey>> {
        let id = RowId::of(issue).get();
        let mut neighbours = Vec::new();
        let mut collect = |sql: &str, values: &[i64], relation: fn(LinkKind) -> Relation| -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                let enter = scope.closed || row.get::<_, i64>(2)? < 2;
                if enter && scope.follow.contains(&relation(link_kind(row)?)) {
                    neighbours.push(key(row, 1)?);
                }
            }
            Ok(())
        };
        collect(
            "SELECT l.kind, l.target, i.category FROM links l CROSS JOIN issues i ON i.id = l.target WHERE l.holder = ?1",
            &[id],
            Relation::stored,
        )?;
        collect(
            "SELECT l.kind, l.holder, i.category FROM links l CROSS JOIN issues i ON i.id = l.holder \
             WHERE l.number = ?1 AND l.target = ?2",
            &[i64::from(issue.number.get()), id],
            Relation::derived,
        )?;
        Ok(neighbours)
    }
}

/// Returns the rows that the issues of a name can have.
fn rows_named(name: IssueName) -> Range<i64> {
    match name.suffix {
        Some(suffix) => {
            let id = RowId::of(IssueKey { number: name.number, suffix }).get();
            id..id + 1
        }
        None => RowId::range(name.number),
    }
}

fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<IssueKey> {
    RowId::new(row.get(column)?).map(RowId::key).ok_or_else(|| malformed("row ids"))
}

/// Reads the kind of a link from the first column.
fn link_kind(row: &Row<'_>) -> rusqlite::Result<LinkKind> {
    let code: i64 = row.get(0)?;
    LinkKind::ALL.into_iter().find(|kind| *kind as i64 == code).ok_or_else(|| malformed("links"))
}

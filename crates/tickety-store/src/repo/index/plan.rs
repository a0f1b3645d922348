//! Where the issues of an answer are taken from.
//!
//! SQLite keeps no statistics here and would not know that the first 50 rows are wanted, so the source is chosen
//! before it sees the statement: the text index, the rows of one name, or all issues, each in an order that ends
//! early where the page is full.

use rusqlite::Connection;
use tickety_core::query::{CustomTest, Expr, FieldName, Is, Moment, Term};

use super::compile::{compile, join_texts, name_kind, names_of, text_expression};
use super::order::Order;
use super::record::field_text_name;
use super::schema::NameKind;
use super::sql::{Condition, Sql};

/// What a query asks for, taken apart.
#[derive(Debug)]
pub(super) struct Filter {
    /// All text conditions, in the language of FTS5.
    text: Option<String>,
    /// The others, all of which have to hold.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    condition: Condition,
    /// The rows of `names` that are just what the condition asks for.
    name: Option<(NameKind, Vec<u8>)>,
    /// Whether all it asks for is that the issue isn't closed, which rows of `names` tell too.
    is_open: bool,
}

/// Where issues are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Issues,
    Texts,
    /// The rows of the name of this part.
    Names(usize),
}

impl Source {
    fn id(self) -> &'static str {
        match self {
            Self::Issues => "i.id",
            Self::Texts => "texts.rowid",
            Self::Names(_) => "n.issue",
        }
    }
}

/// Up to how many rows of a name are counted to choose between names.
const SAMPLE: i64 = 1_000;

impl Filter {
    pub(super) fn new(expr: &Expr, moment: &Moment) -> Self {
        let mut conditions = Vec::new();
        flatten(expr, &mut conditions);
        let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
        let mut rest = Vec::new();
        for condition in conditions {
            match condition {
                Expr::Not(inner) => match text_expression(inner) {
                    Some(text) => excluded.push((condition, text)),
                    None => rest.push(condition),
                },
                _ => match text_expression(condition) {
                    Some(text) => wanted.push(text),
                    None => rest.push(condition),
                },
            }
        }
        let (without, excluded): (Vec<_>, Vec<_>) = excluded.into_iter().unzip();
        let text = join_texts(&wanted, &excluded);
        if text.is_none() {
            rest.extend(without);
        }
        let part = |expr: &Expr| Part {
            condition: compile(expr, moment),
            name: single_name(expr, moment),
            is_open: *expr == Expr::Term(Term::Is(Is::Open)),
        };
        Self { text, parts: rest.into_iter().map(part).collect() }
    }

    /// Whether no issue can fit.
    pub(super) fn is_never(&self) -> bool {
        self.parts.iter().any(|part| part.condition == Condition::Never)
    }

    /// Whether there is text to find, so that the answer can be ranked.
    pub(super) fn has_text(&self) -> bool {
        self.text.is_some()
    }

    /// Chooses the source for an order, or for a count.
    pub(super) fn source(&self, connection: &Connection, order: Option<&Order>) -> rusqlite::Result<Source> {
        if self.text.is_some() {
            return Ok(Source::Texts);
        }
        let names: Vec<_> =
            self.parts.iter().enumerate().filter_map(|(place, part)| Some((place, part.name.as_ref()?))).collect();
        let has_index = order.is_some_and(|order| !order.is_by_id() && order.has_index());
        match names.as_slice() {
            [] => return Ok(Source::Issues),
            [(place, _)] if !has_index => return Ok(Source::Names(*place)),
            _ => {}
        }
        let mut best = (i64::MAX, Source::Issues);
        for (place, (kind, name)) in names {
            let rows: i64 = connection
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM names WHERE kind = ?1 AND name = ?2 LIMIT ?3)")?
                .query_row(rusqlite::params![*kind as i64, name, SAMPLE], |row| row.get(0))?;
            if rows < best.0 {
                best = (rows, Source::Names(place));
            }
        }
        // A frequent name is soon met on the way through the index of the order.
        Ok(if has_index && best.0 == SAMPLE { Source::Issues } else { best.1 })
    }

    /// Writes the statement that returns a page, but for LIMIT and OFFSET, whose values are still to
    /// be bound. `after` says what comes after the cursor, given the row id in the source.
    ///
    /// The page has the columns of `card`, which are of `cards c`, if its order comes from the
    /// source. If it has to be sorted, it has row ids only, so that little is sorted; the second value says which.
    pub(super) fn select_page(
        self,
        source: Source,
        order: &Order,
        card: &str,
        after: impl FnOnce(&str) -> Condition,
    ) -> (Sql, bool) {
        let id = source.id();
        let whole = order.is_by_id() || source == Source::Issues && order.has_index();
        let mut sql = Sql::new("SELECT ");
        sql.push(if whole { card } else { id });
        let (needs_issues, needs_cards) = (order.needs_issues(), whole || order.needs_cards());
        sql.append(self.from(source, needs_issues, needs_cards, after(id)));
        sql.push(" ORDER BY ").push(&order.sql(id)).push(" LIMIT ? OFFSET ?");
        (sql, whole)
    }

    /// Writes the statement that returns columns of all issues that fit, in no order.
    pub(super) fn select_all(self, source: Source, columns: &str, needs_issues: bool) -> Sql {
        let mut sql = Sql::new(format!("SELECT {columns}"));
        sql.append(self.from(source, needs_issues, false, Condition::Always));
        sql
    }

    fn from(self, source: Source, needs_issues: bool, needs_cards: bool, after: Condition) -> Sql {
        let parts = self.parts.into_iter().enumerate();
        let (taken, rest): (Vec<_>, Vec<_>) = parts.partition(|(place, _)| source == Source::Names(*place));
        let by_name = matches!(source, Source::Names(_));
        let (open, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, part)| by_name && part.is_open);
        let open = if open.is_empty() { Condition::Always } else { Condition::fixed("n.category < 2") };
        let rest = Condition::all(rest.into_iter().map(|(_, part)| part.condition));
        let needs_issues = needs_issues || rest != Condition::Always;
        let mut sql = Sql::default();
        let on = match source {
            Source::Issues => {
                sql.push(" FROM issues i");
                None
            }
            Source::Texts => {
                sql.push(" FROM texts");
                Some("texts.rowid")
            }
            Source::Names(_) => {
                sql.push(" FROM names n");
                Some("n.issue")
            }
        };
        // CROSS keeps the order of the tables.
        if let Some(id) = on.filter(|_| needs_issues) {
            sql.push(" CROSS JOIN issues i ON i.id = ").push(id);
        }
        if needs_cards {
            sql.push(" CROSS JOIN cards c ON c.id = ").push(source.id());
        }
        sql.push(" WHERE ");
        match (source, self.text, taken.into_iter().next().and_then(|(_, part)| part.name)) {
            (Source::Texts, Some(text), _) => {
                sql.push("texts MATCH ").bind(text);
            }
            (Source::Names(_), _, Some((kind, name))) => {
                sql.push(&format!("n.kind = {} AND n.name = ", kind as i64)).bind(name);
            }
            _ => {
                sql.push("1");
            }
        }
        for condition in [after, open, rest] {
            match condition {
                Condition::Always => {}
                Condition::Never => {
                    sql.push(" AND 0");
                }
                Condition::Sql(condition) => {
                    sql.push(" AND ").append(condition);
                }
            }
        }
        sql
    }
}

/// Lists what has to hold all together.
fn flatten<'e>(expr: &'e Expr, conditions: &mut Vec<&'e Expr>) {
    match expr {
        Expr::All(parts) => parts.iter().for_each(|part| flatten(part, conditions)),
        other => conditions.push(other),
    }
}

/// Returns the rows of `names` that are just what a condition asks for.
fn single_name(expr: &Expr, moment: &Moment) -> Option<(NameKind, Vec<u8>)> {
    let Expr::Term(term) = expr else { return None };
    match term {
        Term::Name(field, wanted) => {
            let mut names = names_of(*field, wanted, moment);
            let name = names.pop().filter(|_| names.is_empty())?;
            Some((name_kind(*field), name))
        }
        Term::Custom(key, CustomTest::Is(wanted)) => match wanted.as_slice() {
            [value] => Some((NameKind::FieldText, field_text_name(key, value))),
            _ => None,
        },
        Term::Has(FieldName::Custom(key)) => Some((NameKind::FieldKey, key.clone().into_bytes())),
        _ => None,
    }
}

//! Orders and cursors as SQL.

use rusqlite::types::Value;
use tickety_core::ident::IssueKey;
use tickety_core::query::{Cursor, SortBy, SortKey, SortValue};

use super::row_id::RowId;
use super::schema::NO_DUE;
use super::sql::{Condition, Sql};

/// An order, ready to be written for a source.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Order {
    /// What decides before the row id does, with the cursor's value if there is one.
    terms: Vec<OrderTerm>,
    /// Whether the row ids rise.
    rising: bool,
}

#[derive(Clone, PartialEq, Debug)]
struct OrderTerm {
    sql: &'static str,
    descending: bool,
    /// Whether it may be NULL, which comes last.
    nullable: bool,
    /// Where in the cursor its value is.
    place: usize,
    by: SortBy,
}

/// The SQL for how well the text fits: lower is better. A word in the title weighs more.
const RELEVANCE: &str = "bm25(texts, 10.0, 3.0, 1.0)";

impl Order {
    /// Prepares an order. `twins` says whether some issues share their number; `ranked`, whether the source is
    /// the text index.
    pub(super) fn new(sort: &[SortKey], twins: bool, ranked: bool) -> Self {
        let mut terms = Vec::new();
        for (place, key) in sort.iter().enumerate() {
            let is_last = place + 1 == sort.len();
            if key.by == SortBy::Number && (key.descending && is_last || !twins) {
                // Row ids are in the order of the numbers, and where no number is shared they decide.
                return Self { terms, rising: !key.descending };
            }
            if key.by == SortBy::Relevance && !ranked {
                continue;
            }
            let (sql, nullable) = expression(&key.by, key.descending);
            // The rank of a priority falls as it gets more urgent, and bm25 as it fits better.
            let descending = key.descending != matches!(key.by, SortBy::Priority | SortBy::Relevance);
            terms.push(OrderTerm { sql, descending, nullable, place, by: key.by.clone() });
        }
        Self { terms, rising: false }
    }

    /// Whether the row id decides alone.
    pub(super) fn is_by_id(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a secondary index has the order, so that walking it until the page is full beats sorting.
    pub(super) fn has_index(&self) -> bool {
        match self.terms.as_slice() {
            [OrderTerm { by: SortBy::Priority, descending: false, .. }] => !self.rising,
            [OrderTerm { by: SortBy::Updated, .. }] => !self.rising,
            [OrderTerm { by: SortBy::Closed, descending: true, .. }] => !self.rising,
            [
                OrderTerm { by: SortBy::Priority, descending: false, .. },
                OrderTerm { by: SortBy::Due, descending: false, .. },
            ] => self.rising,
            _ => false,
        }
    }

    /// Whether the rows of `cards` are needed.
    pub(super) fn needs_cards(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.by, SortBy::Title | SortBy::Milestone))
    }

    /// Whether the rows of `issues` are needed.
    pub(super) fn needs_issues(&self) -> bool {
        self.terms.iter().any(|term| !matches!(term.by, SortBy::Relevance))
    }

    /// Writes the terms of ORDER BY; `id` is the row id in the source.
    pub(super) fn sql(&self, id: &str) -> String {
        let mut sql = String::new();
        for OrderTerm { sql: term, descending, nullable, .. } in &self.terms {
            if *nullable && !descending {
                sql.push_str(&format!("{term} IS NULL, "));
            }
            sql.push_str(&format!("{term} {}, ", if *descending { "DESC" } else { "ASC" }));
        }
        sql.push_str(id);
        sql.push_str(if self.rising { " ASC" } else { " DESC" });
        sql
    }

    /// Returns the condition that an issue comes after a cursor, which fits the order.
    pub(super) fn after(&self, key: IssueKey, values: &[Option<SortValue>], id: &str) -> Condition {
        let mut steps = vec![self.id_after(key, id)];
        for term in self.terms.iter().rev() {
            let value = term.bound_value(values);
            let behind = steps.pop().expect("one is always there");
            let (after, equal) = term.compare(value);
            steps.push(Condition::any([after, Condition::all([equal, behind])]));
        }
        let behind = steps.pop().expect("one is always there");
        // Said again, so that an index is entered at the right place.
        let first = self.terms.first().and_then(|term| {
            let value = term.bound_value(values)?;
            let operator = if term.descending { "<=" } else { ">=" };
            // NULL comes last and lies behind every value.
            (!term.nullable).then(|| Condition::bound(&format!("{} {operator} ", term.sql), value))
        });
        Condition::all(first.into_iter().chain([behind]))
    }

    fn id_after(&self, key: IssueKey, id: &str) -> Condition {
        let cursor = RowId::of(key).get();
        if !self.rising {
            return Condition::bound(&format!("{id} < "), cursor);
        }
        // Issues that shared the number of the cursor's come in the order of their suffixes, against that of
        // the row ids.
        let numbers = RowId::range(key.number);
        let beyond = Condition::bound(&format!("{id} >= "), numbers.end);
        let same = Condition::bound(&format!("{id} < "), cursor);
        Condition::all([Condition::bound(&format!("{id} >= "), numbers.start), Condition::any([beyond, same])])
    }
}

impl OrderTerm {
    /// Returns a cursor's value as rows have it; `None` for a missing one.
    fn bound_value(&self, values: &[Option<SortValue>]) -> Option<Value> {
        match (values.get(self.place)?, &self.by) {
            (None, SortBy::Due) if !self.nullable => Some(NO_DUE.into()),
            (None, _) => None,
            (Some(SortValue::Integer(urgency)), SortBy::Priority) => Some(4_i64.saturating_sub(*urgency).into()),
            (Some(SortValue::Integer(value)), _) => Some((*value).into()),
            (Some(SortValue::Text(text)), _) => Some(text.clone().into()),
        }
    }

    /// Returns the conditions of coming after a value, and of being equal to it.
    fn compare(&self, value: Option<Value>) -> (Condition, Condition) {
        let Self { sql, descending, nullable, .. } = self;
        let Some(value) = value else {
            let equal = if *nullable { Condition::fixed(&format!("{sql} IS NULL")) } else { Condition::Never };
            return (Condition::Never, equal);
        };
        let there = || if *nullable { Condition::fixed(&format!("{sql} IS NOT NULL")) } else { Condition::Always };
        let operator = if *descending { "<" } else { ">" };
        let mut after = Sql::new(if *nullable {
            format!("({sql} IS NULL OR {sql} {operator} ")
        } else {
            format!("({sql} {operator} ")
        });
        after.bind(value.clone()).push(")");
        let equal = Condition::all([there(), Condition::bound(&format!("{sql} = "), value)]);
        (Condition::Sql(after), equal)
    }
}

/// Returns the SQL of what is ordered by, and whether it may be NULL.
fn expression(by: &SortBy, descending: bool) -> (&'static str, bool) {
    match by {
        SortBy::Number => ("(i.id >> 20)", false),
        SortBy::Created => ("i.created", false),
        SortBy::Updated => ("i.updated", false),
        SortBy::Closed => ("i.closed", true),
        // What stands in for a missing date is last in rising order by itself.
        SortBy::Due if descending => ("nullif(i.due, 2147483647)", true),
        SortBy::Due => ("i.due", false),
        SortBy::Priority => ("i.rank", false),
        SortBy::Title => ("c.title", false),
        SortBy::Status => ("i.category", false),
        SortBy::Kind => ("i.kind", false),
        SortBy::Milestone => ("c.milestone", true),
        SortBy::Comments => ("i.comments", false),
        SortBy::Estimate => ("i.estimate", true),
        SortBy::Spent => ("i.spent", true),
        SortBy::Relevance => (RELEVANCE, false),
    }
}

/// Returns how many issues a cursor skips, if it does.
pub(super) fn skipped(cursor: Option<&Cursor>) -> u32 {
    match cursor {
        Some(Cursor::Skip(count)) => *count,
        Some(Cursor::After { .. }) | None => 0,
    }
}

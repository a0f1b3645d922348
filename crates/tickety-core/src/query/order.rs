//! The order of an answer and its pages: the reference for every store.

use std::cmp::Ordering;

use super::ast::{Count, Cursor, Query, SortBy, SortKey, SortValue};
use super::evaluate::closed_at;
use super::moment::{Moment, days, fold_name, microseconds};
use crate::ident::IssueKey;
use crate::issue::{IssueView, Priority};
use crate::schema::Category;

/// Returns the order in which work is taken up: what is most urgent first, then what is due soonest, then
/// what has waited longest.
pub fn ready_order() -> Vec<SortKey> {
    vec![
        SortKey { by: SortBy::Priority, descending: true },
        SortKey { by: SortBy::Due, descending: false },
        SortKey { by: SortBy::Number, descending: false },
    ]
}

/// Where an issue stands in an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The issue.
    pub key: IssueKey,
    /// Its values, one a sort key; see [`sort_values`].
    pub values: Vec<Option<SortValue>>,
}

impl Position {
    /// Returns where an issue stands.
    pub fn of(view: &IssueView<'_>, sort: &[SortKey]) -> Self {
        Self { key: view.issue.key(), values: sort_values(view, sort) }
    }

    /// Returns the cursor of a page that ends here.
    pub fn into_cursor(self) -> Cursor {
        Cursor::After { key: self.key, values: self.values }
    }
}

/// Returns what an issue is ordered by, one value a sort key, `None` where it has none.
pub fn sort_values(view: &IssueView<'_>, sort: &[SortKey]) -> Vec<Option<SortValue>> {
    sort.iter().map(|key| key.by.value(view)).collect()
}

impl SortBy {
    /// Returns what an issue is ordered by: times in [`microseconds`], dates in [`days`], the
    /// priority from 0 (lowest) to 4 (critical), the category of the status from 0 (open) to 2
    /// (closed), names and titles folded by [`fold_name`]. `None` where the issue has no such value, and
    /// always for the relevance, which only an index knows.
    pub fn value(&self, view: &IssueView<'_>) -> Option<SortValue> {
        let IssueView { issue, derived, category } = *view;
        let integer = SortValue::Integer;
        let count = |count: Count| count.of(issue).map(|value| integer(i64::from(value)));
        match self {
            Self::Number => count(Count::Number),
            Self::Comments => count(Count::Comments),
            Self::Estimate => count(Count::Estimate),
            Self::Spent => count(Count::Spent),
            Self::Created => Some(integer(microseconds(issue.created))),
            Self::Updated => Some(integer(microseconds(derived.updated))),
            Self::Closed => closed_at(issue).map(|time| integer(microseconds(time))),
            Self::Due => issue.due.map(|date| integer(days(date))),
            Self::Priority => Some(integer(urgency(issue.priority))),
            Self::Status => Some(integer(category_rank(category))),
            Self::Title => Some(SortValue::Text(fold_name(&issue.title))),
            Self::Kind => Some(SortValue::Text(fold_name(issue.kind.as_str()))),
            Self::Milestone => issue.milestone.as_deref().map(|name| SortValue::Text(fold_name(name))),
            Self::Relevance => None,
        }
    }
}

/// Returns a priority as orders hold it, from 0 (lowest) to 4 (critical): more urgent is greater.
pub fn urgency(priority: Priority) -> i64 {
    i64::from(Priority::Lowest.rank() - priority.rank())
}

fn category_rank(category: Category) -> i64 {
    match category {
        Category::Open => 0,
        Category::InProgress => 1,
        Category::Closed => 2,
    }
}

/// Compares two issues in an order. Missing values come last in both directions; equal issues are
/// ordered by number, highest first, then by suffix.
pub fn compare(sort: &[SortKey], left: &Position, right: &Position) -> Ordering {
    let values = left.values.iter().zip(&right.values);
    for (key, (left, right)) in sort.iter().zip(values) {
        let ordering = match (left, right) {
            (Some(left), Some(right)) if key.descending => right.cmp(left),
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    let by_number = right.key.number.cmp(&left.key.number);
    by_number.then_with(|| left.key.suffix.cmp(&right.key.suffix))
}

/// A page of an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// The places of the page's issues among those that were given, in the query's order.
    pub places: Vec<usize>,
    /// How many issues fit on all pages.
    pub total: usize,
    /// Where the page ended, if another follows.
    pub next: Option<Cursor>,
}

impl Query {
    /// Answers by looking at every issue: those that fit, in order, after the cursor, at most
    /// `limit`. This is what an index has to agree with, but for an order by relevance, which is
    /// that of equal issues here.
    pub fn select<'a>(&self, views: impl IntoIterator<Item = IssueView<'a>>, moment: &Moment) -> Selection {
        let mut found: Vec<(Position, usize)> = views
            .into_iter()
            .enumerate()
            .filter(|(_, view)| self.matches(view, moment))
            .map(|(place, view)| (Position::of(&view, &self.sort), place))
            .collect();
        found.sort_by(|(left, _), (right, _)| compare(&self.sort, left, right));
        let total = found.len();
        let start = match &self.after {
            None => 0,
            Some(Cursor::Skip(count)) => total.min(*count as usize),
            Some(Cursor::After { key, values }) => {
                let end = Position { key: *key, values: values.clone() };
                found.partition_point(|(position, _)| compare(&self.sort, position, &end).is_le())
            }
        };
        let length = self.limit.map_or(total, |limit| limit as usize).min(total - start);
        let end = start + length;
        let next = (length > 0 && end < total).then(|| self.cursor_after(found[end - 1].0.clone(), end));
        Selection { places: found[start..end].iter().map(|(_, place)| *place).collect(), total, next }
    }

    /// Whether the order is by relevance, which pages count instead of comparing.
    pub fn is_ranked(&self) -> bool {
        is_ranked(&self.sort)
    }

    fn cursor_after(&self, last: Position, count: usize) -> Cursor {
        if self.is_ranked() { Cursor::Skip(u32::try_from(count).unwrap_or(u32::MAX)) } else { last.into_cursor() }
    }
}

pub(super) fn is_ranked(sort: &[SortKey]) -> bool {
    sort.iter().any(|key| key.by == SortBy::Relevance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(number: u32, suffix: &str, value: Option<i64>) -> Position {
        let number = crate::IssueNumber::new(number).unwrap();
        let key = IssueKey { number, suffix: suffix.parse().unwrap() };
        Position { key, values: vec![value.map(SortValue::Integer)] }
    }

    #[test]
    fn missing_values_are_last_and_ties_are_newest_first() {
        let mut given = [
            position(1, "0001", Some(5)),
            position(2, "0002", None),
            position(3, "0003", Some(7)),
            position(4, "0009", Some(5)),
            position(4, "0004", Some(5)),
            position(5, "0005", None),
        ];
        for (descending, expected) in [
            (false, ["4-0004", "4-0009", "1-0001", "3-0003", "5-0005", "2-0002"]),
            (true, ["3-0003", "4-0004", "4-0009", "1-0001", "5-0005", "2-0002"]),
        ] {
            let sort = [SortKey { by: SortBy::Due, descending }];
            given.sort_by(|left, right| compare(&sort, left, right));
            assert_eq!(given.each_ref().map(|position| position.key.to_string()), expected);
        }
    }

    #[test]
    fn what_is_most_urgent_is_taken_up_first() {
        let keys: Vec<String> = ready_order().iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["priority-desc", "due-asc", "number-asc"]);
        assert!(urgency(Priority::Critical) > urgency(Priority::High));
        assert_eq!((urgency(Priority::Lowest), urgency(Priority::Critical)), (0, 4));
    }
}

//! The reference for what a query means: whether an issue fits it.

use jiff::Timestamp;

use super::ast::{
    Bounds, Count, CustomTest, Expr, FieldName, Is, NameField, Query, Term, TextMatch, TextScope, TimeField, TimeSpec,
};
use super::moment::{Moment, days, fold_name, microseconds};
use crate::graph::{LinkEnd, Relation};
use crate::ident::IssueName;
use crate::issue::{FieldValue, Issue, IssueView};
use crate::schema::Category;
use crate::text;

impl Query {
    /// Whether the issue fits the filter, asked at `moment`.
    pub fn matches(&self, view: &IssueView<'_>, moment: &Moment) -> bool {
        self.filter.matches(view, moment)
    }
}

impl Expr {
    /// Whether the issue fits, asked at `moment`.
    pub fn matches(&self, view: &IssueView<'_>, moment: &Moment) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(view, moment)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(view, moment)),
            Self::Not(part) => !part.matches(view, moment),
            Self::Term(term) => term.matches(view, moment),
        }
    }
}

impl Term {
    /// Whether the issue fits, asked at `moment`.
    pub fn matches(&self, view: &IssueView<'_>, moment: &Moment) -> bool {
        let issue = view.issue;
        match self {
            Self::Is(state) => state.matches(view, moment),
            Self::Has(field) => field.is_present(view),
            Self::Text(scope, wanted) => text_matches(issue, *scope, wanted),
            Self::Status(wanted) => wanted.contains(&issue.status),
            Self::Kind(wanted) => wanted.contains(&issue.kind),
            Self::Reason(wanted) => issue.closure.as_ref().is_some_and(|closure| wanted.contains(&closure.reason)),
            Self::Priority(bounds) => bounds.contains(&issue.priority),
            Self::Name(field, wanted) => {
                let wanted = moment.resolve_names(*field, wanted);
                field.values(issue).any(|value| wanted.contains(&fold_name(value)))
            }
            Self::Count(count, bounds) => count.of(issue).is_some_and(|value| bounds.contains(&value)),
            Self::Time(field, bounds) => time_matches(view, *field, bounds, moment),
            Self::Related(relation, wanted) => related_matches(&view.derived.links, *relation, wanted),
            Self::Id(wanted) => wanted.contains(&issue.id),
            Self::Custom(key, test) => issue.fields.get(key).is_some_and(|value| test.resolve(moment).matches(value)),
        }
    }
}

impl Is {
    fn matches(self, view: &IssueView<'_>, moment: &Moment) -> bool {
        let closed = view.category.is_closed();
        match self {
            Self::Open => !closed,
            Self::InProgress => view.category == Category::InProgress,
            Self::Closed => closed,
            Self::Any => true,
            Self::Blocked => !closed && view.derived.is_blocked(),
            Self::Ready => view.is_ready(),
            Self::Elsewhere => !closed && !view.derived.elsewhere.is_empty(),
            Self::Overdue => !closed && view.issue.due.is_some_and(|due| due < moment.today()),
        }
    }
}

impl FieldName {
    /// Whether the issue has a value there. Empty text is none. Number, id, status, priority, kind,
    /// created, updated and version are always there.
    pub fn is_present(&self, view: &IssueView<'_>) -> bool {
        let IssueView { issue, derived, .. } = *view;
        match self {
            Self::Number
            | Self::Id
            | Self::Status
            | Self::Priority
            | Self::Kind
            | Self::Created
            | Self::Updated
            | Self::Version => true,
            Self::Title => !issue.title.is_empty(),
            Self::Body => !issue.body.is_empty(),
            Self::Reason => issue.closure.is_some(),
            Self::Note => {
                let note = issue.closure.as_ref().and_then(|closure| closure.note.as_ref());
                note.is_some_and(|note| !note.is_empty())
            }
            Self::Label => !issue.labels.is_empty(),
            Self::Assignee => !issue.assignees.is_empty(),
            Self::Reporter => issue.reporter.is_some(),
            Self::Milestone => issue.milestone.is_some(),
            Self::Due => issue.due.is_some(),
            Self::Estimate => issue.estimate.is_some(),
            Self::Spent => issue.spent.is_some(),
            Self::Comment => !issue.comments.is_empty(),
            Self::Reference => !issue.references.is_empty(),
            Self::Closed => closed_at(issue).is_some(),
            Self::Related(relation) => derived.links.iter().any(|end| end.relation == *relation),
            Self::Link => !derived.links.is_empty(),
            Self::Custom(key) => issue.fields.contains_key(key),
            Self::Fields => !issue.fields.is_empty(),
        }
    }
}

impl NameField {
    fn values(self, issue: &Issue) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Label => Box::new(issue.labels.iter().map(String::as_str)),
            Self::Assignee => Box::new(issue.assignees.iter().map(String::as_str)),
            Self::Reporter => Box::new(issue.reporter.as_deref().into_iter()),
            Self::Commenter => Box::new(issue.comments.iter().filter_map(|comment| comment.author.as_deref())),
            Self::Milestone => Box::new(issue.milestone.as_deref().into_iter()),
            Self::Reference => Box::new(issue.references.iter().map(String::as_str)),
        }
    }
}

impl Count {
    /// Returns the number of the issue that is meant; `None` where it has none.
    pub(super) fn of(self, issue: &Issue) -> Option<u32> {
        match self {
            Self::Number => Some(issue.number.get()),
            Self::Comments => Some(u32::try_from(issue.comments.len()).unwrap_or(u32::MAX)),
            Self::Estimate => issue.estimate.map(|minutes| minutes.0),
            Self::Spent => issue.spent.map(|minutes| minutes.0),
        }
    }
}

impl<T: Ord> Bounds<T> {
    /// Whether a value lies in the range.
    pub fn contains(&self, value: &T) -> bool {
        let above = |(from, inclusive): &(T, bool)| if *inclusive { from <= value } else { from < value };
        let below = |(to, inclusive): &(T, bool)| if *inclusive { value <= to } else { value < to };
        self.from.as_ref().is_none_or(above) && self.to.as_ref().is_none_or(below)
    }
}

impl CustomTest {
    /// Whether the value of a custom field fits, once it is [resolved](Self::resolve): no date fits one that isn't.
    fn matches(&self, value: &FieldValue) -> bool {
        match self {
            Self::Is(wanted) => {
                let folded = fold_name(&value.to_string());
                wanted.iter().any(|wanted| fold_name(wanted) == folded)
            }
            Self::During(_) => false,
            Self::Within(bounds) => {
                let bounds = Bounds {
                    from: bounds.from.as_ref().map(|(bound, inclusive)| (fold_value(bound), *inclusive)),
                    to: bounds.to.as_ref().map(|(bound, inclusive)| (fold_value(bound), *inclusive)),
                };
                let mut ends = bounds.from.iter().chain(&bounds.to);
                ends.all(|(bound, _)| is_same_type(bound, value)) && bounds.contains(&fold_value(value))
            }
        }
    }
}

fn fold_value(value: &FieldValue) -> FieldValue {
    match value {
        FieldValue::Text(text) => FieldValue::Text(fold_name(text)),
        other => other.clone(),
    }
}

fn is_same_type(left: &FieldValue, right: &FieldValue) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

fn text_matches(issue: &Issue, scope: TextScope, wanted: &TextMatch) -> bool {
    let in_title = || text::contains(&issue.title, wanted);
    let in_body = || text::contains(&issue.body, wanted);
    let in_comment = || issue.remarks().any(|remark| text::contains(remark, wanted));
    match scope {
        TextScope::Any => in_title() || in_body() || in_comment(),
        TextScope::Title => in_title(),
        TextScope::Body => in_body(),
        TextScope::Comment => in_comment(),
    }
}

fn time_matches(view: &IssueView<'_>, field: TimeField, bounds: &Bounds<TimeSpec>, moment: &Moment) -> bool {
    let within = |time: Timestamp| bounds.resolve_times(moment).contains(microseconds(time));
    match field {
        TimeField::Created => within(view.issue.created),
        TimeField::Closed => closed_at(view.issue).is_some_and(within),
        TimeField::Updated => within(view.derived.updated),
        TimeField::Due => view.issue.due.is_some_and(|due| bounds.resolve_dates(moment).contains(days(due))),
    }
}

pub(super) fn closed_at(issue: &Issue) -> Option<Timestamp> {
    issue.closure.as_ref().and_then(|closure| closure.at)
}

/// A wanted name without a suffix is every issue of that number; one with a suffix only fits where
/// the link is known to lead to that very issue.
fn related_matches(links: &[LinkEnd], relation: Relation, wanted: &[IssueName]) -> bool {
    links.iter().filter(|end| end.relation == relation).any(|end| {
        let suffix = end.target.as_ref().map(|target| target.key.suffix).or(end.name.suffix);
        let fits =
            |name: &IssueName| name.number == end.name.number && (name.suffix.is_none() || name.suffix == suffix);
        wanted.iter().any(fits)
    })
}

#[cfg(test)]
mod tests;

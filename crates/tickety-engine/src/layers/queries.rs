//! Answers about several issues that are kept, and which of them a change makes wrong.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tickety_cache::keys::{CanonicalKey, Question, Value};
use tickety_core::graph::Graph;
use tickety_core::ident::IssueKey;
use tickety_core::query::{
    Bounds, Cursor, CustomTest, Expr, Interval, Is, Moment, Position, Query, Term, TimeField, TimeSpec, TimeUnit,
    compare, days, fold_name, means_me,
};
use tickety_store::{Checked, GraphScope, IssueStorage, IssueSummary, Page, Stats, StorageError, StoredIssue};

use super::aspects::{self, Aspects};
use crate::questions;

/// A question whose answer can be kept.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A page.
    List(Query, Moment),
    /// A count.
    Count(Query, Moment),
    /// Counts by what the issues are.
    Stats(Query, Moment),
    /// A part of the graph.
    Graph(GraphScope),
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Page(Page),
    Count(u64),
    Stats(Checked<Stats>),
    Graph(Checked<Graph>),
}

/// A kept answer.
#[derive(Debug)]
pub(super) struct KeptAnswer {
    pub(super) asked: Asked,
    pub(super) answer: Answer,
    /// When it was last compared with the truth, in nanoseconds of the layer's clock.
    pub(super) checked: AtomicU64,
}

/// An issue before and after a change.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Both are known; absent where it doesn't exist.
    Known { before: Option<Arc<StoredIssue>>, after: Option<Arc<StoredIssue>> },
    /// It was there before, and differed in no other parts than these.
    Like { aspects: Aspects, after: Arc<StoredIssue> },
}

impl Asked {
    /// Returns the key of the question: the same however it is put, and different where the moment makes it another
    /// one. `None` if its meaning changes from minute to minute.
    pub(super) fn key(&self, namespace: &str) -> Option<CanonicalKey> {
        let (operation, query, moment) = match self {
            Self::List(query, moment) => ("list", query.to_string(), moment_of(&query.filter, moment, false)?),
            Self::Count(query, moment) => ("count", query.filter.to_string(), moment_of(&query.filter, moment, false)?),
            // How many are overdue depends on the day.
            Self::Stats(query, moment) => ("stats", query.filter.to_string(), moment_of(&query.filter, moment, true)?),
            Self::Graph(scope) => return Some(graph_key(namespace, scope)),
        };
        Some(Question::new(namespace, operation).filter("query", query).filter("moment", Value::list(moment)).key())
    }

    /// Asks a store.
    pub(super) async fn ask(&self, store: &dyn IssueStorage) -> Result<Answer, StorageError> {
        match self {
            Self::List(query, moment) => store.list(query, moment).await.map(Answer::Page),
            Self::Count(query, moment) => store.count(query, moment).await.map(Answer::Count),
            Self::Stats(query, moment) => store.stats(query, moment).await.map(Answer::Stats),
            Self::Graph(scope) => store.graph(scope).await.map(Answer::Graph),
        }
    }

    /// Whether the links that other issues store decide which issues fit.
    fn asks_for_relations(&self) -> bool {
        match self {
            Self::List(query, _) | Self::Count(query, _) | Self::Stats(query, _) => {
                query.filter.any_term(&mut aspects::asks_for_relations)
            }
            // What a walk from roots doesn't reach, it doesn't lose.
            Self::Graph(scope) => scope.roots.is_empty(),
        }
    }

    /// Whether the question looks for text.
    pub(super) fn has_text(&self) -> bool {
        match self {
            Self::List(query, _) | Self::Count(query, _) | Self::Stats(query, _) => questions::has_text(&query.filter),
            Self::Graph(_) => false,
        }
    }
}

fn graph_key(namespace: &str, scope: &GraphScope) -> CanonicalKey {
    let GraphScope { roots, follow, closed, depth } = scope;
    let question = Question::new(namespace, "graph")
        .filter("roots", Value::set(roots.iter().map(ToString::to_string)))
        .filter("follow", Value::set(follow.iter().map(|relation| relation.as_str().to_owned())))
        .filter("closed", *closed);
    match depth {
        Some(depth) => question.limit(u64::from(*depth)).key(),
        None => question.key(),
    }
}

/// Returns what the relative parts of a filter mean at a moment; `None` if that changes from minute to minute.
fn moment_of(filter: &Expr, moment: &Moment, by_day: bool) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    if by_day {
        parts.push(days(moment.today()).to_string());
    }
    let mut restless = false;
    filter.any_term(&mut |term| {
        match term {
            Term::Is(Is::Overdue) => parts.push(days(moment.today()).to_string()),
            Term::Time(TimeField::Due, bounds) => parts.push(interval(bounds.resolve_dates(moment))),
            Term::Custom(_, CustomTest::During(bounds)) => parts.push(interval(bounds.resolve_dates(moment))),
            Term::Time(_, bounds) if is_restless(bounds) => restless = true,
            Term::Time(_, bounds) => parts.push(interval(bounds.resolve_times(moment))),
            Term::Name(field, names) if field.holds_people() && names.iter().any(|name| means_me(name)) => {
                parts.push(moment.me.as_deref().map_or_else(|| "-".to_owned(), |me| format!("@{}", fold_name(me))));
            }
            _ => {}
        }
        restless
    });
    (!restless).then_some(parts)
}

fn is_restless(bounds: &Bounds<TimeSpec>) -> bool {
    let mut ends = bounds.from.iter().chain(&bounds.to);
    ends.any(|(spec, _)| matches!(spec, TimeSpec::Offset(_, TimeUnit::Minute | TimeUnit::Hour)))
}

fn interval(Interval { from, until }: Interval) -> String {
    let end = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    format!("{}..{}", end(from), end(until))
}

impl KeptAnswer {
    /// Returns the issues that the answer shows.
    pub(super) fn shown(&self) -> Vec<IssueKey> {
        match &self.answer {
            Answer::Page(page) => page.issues.iter().map(|issue| issue.key).collect(),
            Answer::Count(_) | Answer::Stats(_) | Answer::Graph(_) => Vec::new(),
        }
    }

    /// Returns how many entries of fifty issues the answer takes.
    pub(super) fn weight(&self) -> u32 {
        let issues = match &self.answer {
            Answer::Page(page) => page.issues.len(),
            Answer::Graph(graph) => graph.value.nodes.len(),
            Answer::Count(_) | Answer::Stats(_) => 0,
        };
        u32::try_from(issues.div_ceil(50)).unwrap_or(u32::MAX).max(1)
    }

    /// Whether the changes may have made the answer wrong.
    pub(super) fn is_affected(&self, steps: &[Step]) -> bool {
        if steps.iter().any(Step::may_cut_links) && self.asked.asks_for_relations() {
            return true;
        }
        match (&self.asked, &self.answer) {
            // The rank of one text depends on all texts.
            (Asked::List(query, _), _) if query.is_ranked() && steps.iter().any(Step::changes_text) => true,
            (Asked::List(query, moment), Answer::Page(page)) => {
                steps.iter().any(|step| step.changes_page(query, moment, page))
            }
            (Asked::Count(query, moment), _) => steps.iter().any(|step| {
                let (before, after) = step.matches(query, moment);
                before != Some(after)
            }),
            (Asked::Stats(query, moment), _) => steps.iter().any(|step| {
                let (before, after) = step.matches(query, moment);
                before != Some(false) || after
            }),
            (Asked::Graph(scope), Answer::Graph(graph)) => {
                steps.iter().any(|step| step.changes_graph(scope, &graph.value))
            }
            (Asked::List(..) | Asked::Graph(_), _) => true,
        }
    }
}

impl Step {
    /// Whether other issues may see the change: by what a blocker or a child counts as, and at the ends of links.
    pub(super) fn reaches_others(&self) -> bool {
        match self {
            Self::Known { before: Some(before), after: Some(after) } => {
                before.category != after.category
                    || before.issue.links != after.issue.links
                    || ends(before) != ends(after)
            }
            Self::Known { .. } => true,
            Self::Like { aspects, .. } => aspects.meet(Aspects::STATUS | Aspects::LINKS),
        }
    }

    /// Whether links may be gone that led to issues which nothing is known of.
    fn may_cut_links(&self) -> bool {
        matches!(self, Self::Like { aspects, .. } if aspects.meet(Aspects::LINKS))
    }

    /// Returns the issue as it was, where that is known, and as it is.
    pub(super) fn views(&self) -> impl Iterator<Item = &Arc<StoredIssue>> {
        let (before, after) = match self {
            Self::Known { before, after } => (before.as_ref(), after.as_ref()),
            Self::Like { after, .. } => (None, Some(after)),
        };
        before.into_iter().chain(after)
    }

    /// Whether the issue fits a query: as it was, where that is certain, and as it is.
    fn matches(&self, query: &Query, moment: &Moment) -> (Option<bool>, bool) {
        let matches =
            |issue: &Option<Arc<StoredIssue>>| issue.as_ref().is_some_and(|issue| query.matches(&issue.view(), moment));
        match self {
            Self::Known { before, after } => (Some(matches(before)), matches(after)),
            Self::Like { aspects, after } => {
                let view = after.view();
                (aspects::matched(&query.filter, &view, moment, *aspects), query.matches(&view, moment))
            }
        }
    }

    fn changes_text(&self) -> bool {
        match self {
            Self::Known { before: Some(before), after: Some(after) } => {
                let (before, after) = (&before.issue, &after.issue);
                before.title != after.title || before.body != after.body || before.comments != after.comments
            }
            Self::Known { .. } => true,
            Self::Like { aspects, .. } => aspects.meet(Aspects::TEXT),
        }
    }

    fn changes_page(&self, query: &Query, moment: &Moment, page: &Page) -> bool {
        let (before, after) = self.matches(query, moment);
        if before == Some(false) && !after {
            return false;
        }
        match self {
            Self::Known { before: Some(old), after: Some(new) }
                if before == Some(true) && after && IssueSummary::of(old) == IssueSummary::of(new) =>
            {
                return false;
            }
            Self::Known { .. } => {}
            Self::Like { after: new, .. } => {
                let key = new.issue.key();
                if let Some(shown) = page.issues.iter().find(|shown| shown.key == key) {
                    return !after || *shown != IssueSummary::of(new);
                }
                // It wasn't on the page: if that is the last one, it was before the page or no part of the answer. A page
                // that begins after so many issues moves with those before it.
                if page.next.is_none() {
                    return after || matches!(query.after, Some(Cursor::Skip(_)));
                }
            }
        }
        // What comes after the last issue of a page that others follow doesn't show. What leaves the rest may have
        // been all of it.
        let Some(Cursor::After { key, values }) = &page.next else { return true };
        let last = Position { key: *key, values: values.clone() };
        let is_beyond =
            |issue: &StoredIssue| compare(&query.sort, &Position::of(&issue.view(), &query.sort), &last).is_gt();
        let stays_beyond = match self {
            Self::Known { before: old, after: Some(new) } => {
                is_beyond(new) && (before == Some(false) || old.as_ref().is_some_and(|old| is_beyond(old)))
            }
            Self::Known { after: None, .. } => false,
            Self::Like { after: new, .. } => is_beyond(new),
        };
        !(after && stays_beyond)
    }

    fn changes_graph(&self, scope: &GraphScope, graph: &Graph) -> bool {
        let is_shown = |key: &IssueKey| graph.nodes.contains_key(key);
        // A walk from roots changes only at the issues it reaches, and where one is linked to those.
        let is_near = |issue: &Arc<StoredIssue>| {
            let mut ends = issue.derived.links.iter().filter_map(|end| end.target.as_ref());
            scope.roots.is_empty() || is_shown(&issue.issue.key()) || ends.any(|target| is_shown(&target.key))
        };
        let linked = |issue: &Arc<StoredIssue>| !issue.derived.links.is_empty() || !issue.issue.links.is_empty();
        if self.reaches_others() && (self.may_cut_links() || self.views().any(linked)) && self.views().any(is_near) {
            return true;
        }
        match self {
            Self::Known { before: Some(before), after: Some(after) } => {
                graph.nodes.contains_key(&after.issue.key())
                    && (&before.issue.title, &before.issue.status, before.category, before.issue.priority)
                        != (&after.issue.title, &after.issue.status, after.category, after.issue.priority)
            }
            // A root is shown as soon as it is there.
            Self::Known { .. } => self
                .views()
                .map(|issue| issue.issue.key())
                .any(|key| graph.nodes.contains_key(&key) || scope.roots.contains(&key)),
            Self::Like { after, .. } => graph.nodes.get(&after.issue.key()).is_some_and(|node| {
                (&node.title, &node.status, node.category, node.priority)
                    != (&after.issue.title, &after.issue.status, after.category, after.issue.priority)
            }),
        }
    }
}

/// Returns what a link end tells of the other issue that queries ask for.
fn ends(issue: &StoredIssue) -> impl PartialEq {
    let ends = issue.derived.links.iter();
    ends.map(|end| (end.relation, end.name, end.target.as_ref().map(|target| (target.key, target.category))))
        .collect::<Vec<_>>()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use tickety_core::schema::Schema;

    use super::*;

    fn key(text: &str, now: &str, me: Option<&str>) -> Option<String> {
        let moment = Moment { now: now.parse().unwrap(), zone: TimeZone::UTC, me: me.map(str::to_owned) };
        let query = Query::parse(text, &Schema::default()).unwrap();
        Asked::List(query, moment).key("p").map(String::from)
    }

    #[test]
    fn a_moment_counts_where_the_query_depends_on_it() {
        let noon = "2026-06-01T12:00:00Z";
        let later = "2026-06-01T13:00:00Z";
        let tomorrow = "2026-06-02T01:00:00Z";
        for (text, by_hour, by_day, by_person) in [
            ("is:open label:me", true, true, true),
            ("assignee:me", true, true, false),
            ("assignee:ann", true, true, true),
            ("is:overdue", true, false, true),
            ("created:>7d", true, false, true),
            ("created:>2026-01-01", true, true, true),
            ("-due:today OR -assignee:me", true, false, false),
        ] {
            let first = key(text, noon, Some("ann"));
            assert!(first.is_some(), "{text}");
            assert_eq!(key(text, later, Some("ANN")) == first, by_hour, "{text}");
            assert_eq!(key(text, tomorrow, Some("ann")) == first, by_day, "{text}");
            assert_eq!(key(text, noon, Some("bo")) == first, by_person, "{text}");
            assert_eq!(key(text, noon, None) == first, by_person, "{text}");
        }
        assert_eq!(key("updated:>2h", noon, None), None);
        assert_eq!(key("label:b  is:open label:a", noon, None), key("is:open label:a label:b", noon, None));
    }

    #[test]
    fn different_questions_have_different_keys() {
        let moment = Moment { now: "2026-06-01T12:00:00Z".parse().unwrap(), zone: TimeZone::UTC, me: None };
        let query = Query::parse("is:open", &Schema::default()).unwrap();
        let limited = Query { limit: Some(3), ..query.clone() };
        let graph = |depth, roots| Asked::Graph(GraphScope { roots, follow: [].into(), closed: false, depth });
        let asked = [
            Asked::List(query.clone(), moment.clone()),
            Asked::List(limited, moment.clone()),
            Asked::Count(query.clone(), moment.clone()),
            Asked::Stats(query, moment),
            graph(None, vec![]),
            graph(Some(0), vec![]),
        ];
        let keys: std::collections::BTreeSet<_> = asked.iter().map(|asked| asked.key("p")).collect();
        assert_eq!(keys.len(), asked.len());
        assert!(asked.iter().all(|asked| asked.key("q") != asked.key("p")));
    }
}

//! What a question means that leaves something out: the same for the command line, the page and agents.

mod listing;
mod parts;

use std::collections::BTreeMap;

use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::query::{Expr, Is, Query, Term, TextMatch, TextScope, ready_order};
use tickety_store::IssueStorage;

pub use tickety_core::query::Needs;

pub use listing::{Extent, Listed, Listing, bytes_of, bytes_of_text, problems};
pub use parts::{Question, QuestionError, for_all};

/// Limits a query to what could be begun now and, unless it has an order, orders it by what to take
/// up first. With `all_branches`, what is closed on other branches isn't left out.
pub fn limit_to_ready(query: &mut Query, all_branches: bool) {
    let is = |state| Expr::Term(Term::Is(state));
    let ready = match all_branches {
        // Nobody has begun, and nothing blocks it.
        true => vec![is(Is::Open), Expr::Not(Box::new(is(Is::InProgress))), Expr::Not(Box::new(is(Is::Blocked)))],
        false => vec![is(Is::Ready)],
    };
    query.filter = Expr::All(ready.into_iter().chain([std::mem::take(&mut query.filter)]).collect());
    if query.sort.is_empty() {
        query.sort = ready_order();
    }
}

/// Returns the texts that an issue of the answer may contain, and where they were looked for: what
/// to highlight. Texts that must not occur are left out.
pub fn wanted_texts(filter: &Expr) -> Vec<(TextScope, TextMatch)> {
    fn collect(filter: &Expr, wanted: &mut Vec<(TextScope, TextMatch)>) {
        match filter {
            Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, wanted)),
            Expr::Term(Term::Text(scope, text)) => wanted.push((*scope, text.clone())),
            Expr::Term(_) | Expr::Not(_) => {}
        }
    }
    let mut wanted = Vec::new();
    collect(filter, &mut wanted);
    wanted
}

/// Whether a filter looks for text, or for text that must not occur.
pub fn has_text(filter: &Expr) -> bool {
    filter.any_term(&mut |term| matches!(term, Term::Text(..)))
}

/// Returns the query that means by names which issues had before they were renumbered what these are called now.
/// Names of no issue, or of several, stay as they are.
pub async fn with_current_names(query: Query, storage: &dyn IssueStorage) -> Query {
    let names: Vec<IssueName> = query.issue_names().into_iter().collect();
    if names.is_empty() {
        return query;
    }
    let selectors: Vec<IssueSelector> = names.iter().copied().map(IssueSelector::Name).collect();
    let found = storage.get_many(&selectors).await;
    let keys = names.into_iter().zip(found).filter_map(|(name, found)| {
        let key = found.ok()?.issue.key();
        (!name.names(key)).then_some((name, key))
    });
    let keys: BTreeMap<IssueName, IssueKey> = keys.collect();
    if keys.is_empty() { query } else { query.renamed(&keys) }
}

#[cfg(test)]
mod tests {
    use tickety_core::Schema;

    use super::*;

    fn filter_of(text: &str) -> Expr {
        Query::parse(text, &Schema::default()).unwrap().filter
    }

    #[test]
    fn ready_has_an_order_unless_the_query_has_one() {
        let ready = |text: &str| {
            let mut query = Query::parse(text, &Schema::default()).unwrap();
            limit_to_ready(&mut query, false);
            query
        };
        assert_eq!(
            ready("label:a OR label:b").filter.to_string(),
            filter_of("is:ready (label:a OR label:b)").to_string()
        );
        assert_eq!(ready("").sort, ready_order());
        assert_eq!(ready("sort:title").sort.len(), 1);
    }

    #[test]
    fn what_must_not_occur_is_not_highlighted() {
        assert_eq!(wanted_texts(&filter_of("parser -lexer")).len(), 1);
    }
}

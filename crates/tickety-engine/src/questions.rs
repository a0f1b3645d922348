//! What a question means that leaves something out: the same for the command line, the page and agents.

use tickety_core::query::{Expr, FieldName, Is, NameField, Query, Term, TextMatch, TextScope, ready_order};

/// Limits a query to issues that aren't closed, unless it says itself which states it is about:
/// with `is:`, `status:`, `closed:` or `reason:`, anywhere in it.
pub fn default_to_open(query: &mut Query) {
    if !mentions_state(&query.filter) {
        restrict(query, Is::Open);
    }
}

/// Limits a query to what could be begun now and, unless it has an order, orders it by what to take
/// up first.
pub fn limit_to_ready(query: &mut Query) {
    restrict(query, Is::Ready);
    if query.sort.is_empty() {
        query.sort = ready_order();
    }
}

fn restrict(query: &mut Query, is: Is) {
    let state = Expr::Term(Term::Is(is));
    query.filter = match std::mem::take(&mut query.filter) {
        Expr::All(mut parts) => {
            parts.insert(0, state);
            Expr::All(parts)
        }
        other => Expr::All(vec![state, other]),
    };
}

/// Whether a filter says which states it is about.
pub fn mentions_state(filter: &Expr) -> bool {
    any_term(filter, &mut |term| match term {
        Term::Is(_) | Term::Status(_) | Term::Reason(_) => true,
        Term::Time(field, _) => *field == tickety_core::query::TimeField::Closed,
        Term::Has(field) => {
            matches!(field, FieldName::Status | FieldName::Closed | FieldName::Reason | FieldName::Note)
        }
        _ => false,
    })
}

/// What a filter needs to know of who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// The time zone, because it names days.
    pub zone: bool,
    /// The actor, because it says `me`.
    pub actor: bool,
}

impl Needs {
    /// Everything.
    pub const ALL: Self = Self { zone: true, actor: true };

    /// Returns what a filter needs.
    pub fn of(filter: &Expr) -> Self {
        let mut needs = Self::default();
        any_term(filter, &mut |term| {
            match term {
                Term::Time(..) | Term::Is(Is::Overdue) => needs.zone = true,
                Term::Name(NameField::Assignee | NameField::Reporter | NameField::Commenter, names) => {
                    needs.actor |= names.iter().any(|name| name.eq_ignore_ascii_case("me"));
                }
                _ => {}
            }
            needs == Self::ALL
        });
        needs
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

/// Whether `test` holds for a condition of the filter, negated or not; asks until it does.
fn any_term(filter: &Expr, test: &mut impl FnMut(&Term) -> bool) -> bool {
    match filter {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(|part| any_term(part, test)),
        Expr::Not(part) => any_term(part, test),
        Expr::Term(term) => test(term),
    }
}

#[cfg(test)]
mod tests {
    use tickety_core::Schema;

    use super::*;

    fn filter_of(text: &str) -> Expr {
        Query::parse(text, &Schema::default()).unwrap().filter
    }

    fn by_default(text: &str) -> String {
        let mut query = Query::parse(text, &Schema::default()).unwrap();
        default_to_open(&mut query);
        query.to_string()
    }

    #[test]
    fn open_issues_are_meant_unless_states_are_mentioned() {
        assert_eq!(by_default(""), "is:open");
        assert_eq!(by_default("label:cache"), "is:open label:cache");
        for text in
            ["is:any", "-is:closed", "status:closed", "reason:cancelled", "closed:>2026-01-01", "label:a OR is:closed"]
        {
            assert_eq!(by_default(text), Query::parse(text, &Schema::default()).unwrap().to_string(), "{text}");
        }
    }

    #[test]
    fn an_alternative_is_limited_as_a_whole() {
        assert_eq!(filter_of(&by_default("label:a OR label:b")), filter_of("is:open (label:a OR label:b)"));
    }

    #[test]
    fn only_days_need_a_zone_and_only_me_an_actor() {
        let needs = |text: &str| Needs::of(&filter_of(text));
        assert_eq!(needs("is:open label:cache assignee:ann"), Needs::default());
        assert_eq!(needs("assignee:me"), Needs { zone: false, actor: true });
        assert_eq!(needs("-created:>7d"), Needs { zone: true, actor: false });
        assert_eq!(needs("is:overdue OR reporter:me"), Needs::ALL);
    }

    #[test]
    fn what_must_not_occur_is_not_highlighted() {
        assert_eq!(wanted_texts(&filter_of("parser -lexer")).len(), 1);
    }
}

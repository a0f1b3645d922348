//! What a query says about the states of the issues it asks for.

use super::ast::{Count, Expr, FieldName, Is, Query, Term, TimeField};
use crate::schema::Category;

impl Query {
    /// Asks for issues that aren't closed unless the query says which it means: what a list shows.
    ///
    /// It says so with `is:open`, `is:in-progress`, `is:closed`, `is:any`, a status, anything about
    /// how or when an issue was closed, a number or an id.
    #[must_use]
    pub fn open_by_default(self) -> Self {
        if self.filter.tells_state() {
            return self;
        }
        let open = Expr::Term(Term::Is(Is::Open));
        Self { filter: Expr::All(vec![open, self.filter]).canonical(), ..self }
    }
}

impl Expr {
    fn tells_state(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::tells_state),
            Self::Not(part) => part.tells_state(),
            Self::Term(term) => matches!(
                term,
                Term::Is(Is::Open | Is::InProgress | Is::Closed | Is::Any)
                    | Term::Status(_)
                    | Term::Reason(_)
                    | Term::Time(TimeField::Closed, _)
                    | Term::Has(FieldName::Reason | FieldName::Note | FieldName::Closed)
                    | Term::Count(Count::Number, _)
                    | Term::Id(_)
            ),
        }
    }
}

/// Whether `is:` and a word mean something that no status of this name could mean.
pub fn is_state_word(word: &str) -> bool {
    let stored = Category::ALL.iter().any(|category| category.as_str() == word);
    let states = Is::ALL.iter().map(|state| state.as_str()).chain(["all", "issue", "claimed"]);
    !stored && states.into_iter().any(|state| state == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn a_list_is_of_open_issues_unless_the_query_says_otherwise() {
        for (text, expected) in [
            ("", "is:open"),
            ("label:x OR cache", "is:open (label:x OR cache)"),
            ("-is:blocked sort:due limit:5", "-is:blocked is:open sort:due-asc limit:5"),
            ("is:any label:x", "is:any label:x"),
            ("closed:>7d", "closed:>7d"),
            ("-status:open", "-status:open"),
            ("#42", "number:42"),
        ] {
            let query = Query::parse(text, &Schema::default()).unwrap().open_by_default();
            assert_eq!(query.to_string(), expected, "{text}");
        }
    }
}

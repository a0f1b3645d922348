//! What a question has to know of who asks it.

use super::ast::{CustomTest, Expr, Is, NameField, Term};
use super::moment::means_me;

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
        filter.any_term(&mut |term| {
            match term {
                Term::Time(..) | Term::Is(Is::Overdue) | Term::Custom(_, CustomTest::During(_)) => needs.zone = true,
                Term::Name(NameField::Assignee | NameField::Reporter | NameField::Commenter, names) => {
                    needs.actor |= names.iter().any(|name| means_me(name));
                }
                _ => {}
            }
            needs == Self::ALL
        });
        needs
    }
}

impl Expr {
    /// Whether `test` holds for a condition of the filter, negated or not; asks until it does.
    pub fn any_term(&self, test: &mut impl FnMut(&Term) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.any_term(test)),
            Self::Not(part) => part.any_term(test),
            Self::Term(term) => test(term),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;
    use crate::query::Query;

    #[test]
    fn only_days_need_a_zone_and_only_me_an_actor() {
        let needs = |text: &str| Needs::of(&Query::parse(text, &Schema::default()).unwrap().filter);
        assert_eq!(needs("is:open label:cache assignee:ann"), Needs::default());
        assert_eq!(needs("assignee:me"), Needs { zone: false, actor: true });
        assert_eq!(needs("-created:>7d"), Needs { zone: true, actor: false });
        assert_eq!(needs("is:overdue OR reporter:me"), Needs::ALL);
    }
}

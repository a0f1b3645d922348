//! What can be said of an issue as it was, where only its parts are known that may have been different.

use std::ops::BitOr;

use tickety_core::issue::IssueView;
use tickety_core::query::{Expr, FieldName, Is, Moment, Term, TimeField};
use tickety_store::Parts;

/// What of an issue may have been different: parts of its record, what other issues make of it, when it was updated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Aspects {
    parts: Parts,
    /// Whether it is blocked, and its ends of links that others store.
    derived: bool,
    /// When it was last updated, and its version.
    updated: bool,
}

impl Aspects {
    pub(super) const TEXT: Self = Self::of(Parts::TEXT);
    pub(super) const STATUS: Self = Self::of(Parts::STATUS);
    pub(super) const LINKS: Self = Self::of(Parts::LINKS);
    const NAMES: Self = Self::of(Parts::NAMES);
    const REST: Self = Self::of(Parts::REST);
    const UPDATED: Self = Self { updated: true, ..Self::of(Parts::NONE) };

    /// Of an issue whose record is the same, while another changed that it is linked to.
    pub(super) const DERIVED: Self = Self { derived: true, ..Self::of(Parts::NONE) };

    /// Of these parts alone.
    pub(super) const fn of(parts: Parts) -> Self {
        Self { parts, derived: false, updated: false }
    }

    /// Of an issue whose record differs in these parts. `derived` says whether issues that it is linked to may differ in
    /// what it sees of them.
    pub(super) fn written(parts: Parts, derived: bool) -> Self {
        Self { parts, derived, updated: true }
    }

    pub(super) fn meet(self, other: Self) -> bool {
        self.parts.meet(other.parts) || (self.derived && other.derived) || (self.updated && other.updated)
    }
}

impl BitOr for Aspects {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            parts: self.parts | other.parts,
            derived: self.derived || other.derived,
            updated: self.updated || other.updated,
        }
    }
}

/// Whether an issue that fits a filter or doesn't, as `view` shows it, fitted when these aspects of it may have been
/// different; `None` where that isn't certain.
pub(super) fn matched(filter: &Expr, view: &IssueView<'_>, moment: &Moment, aspects: Aspects) -> Option<bool> {
    // Logic with a third value: a part that is certain decides, if it can.
    let decided = |parts: &[Expr], decisive: bool| {
        let mut all_known = true;
        for part in parts {
            match matched(part, view, moment, aspects) {
                Some(fits) if fits == decisive => return Some(decisive),
                Some(_) => {}
                None => all_known = false,
            }
        }
        all_known.then_some(!decisive)
    };
    match filter {
        Expr::All(parts) => decided(parts, false),
        Expr::Any(parts) => decided(parts, true),
        Expr::Not(part) => matched(part, view, moment, aspects).map(|fits| !fits),
        // What is closed is neither ready nor blocked, whatever it waits for.
        Expr::Term(Term::Is(Is::Ready | Is::Blocked | Is::Elsewhere))
            if view.category.is_closed() && !aspects.meet(Aspects::STATUS) =>
        {
            Some(false)
        }
        Expr::Term(term) => (!aspects.meet(asked_by(term))).then(|| term.matches(view, moment)),
    }
}

/// Whether a condition asks what an issue is linked to.
pub(super) fn asks_for_relations(term: &Term) -> bool {
    matches!(term, Term::Has(FieldName::Related(_) | FieldName::Link) | Term::Related(..))
}

/// Returns the aspects that decide whether an issue fits a condition.
fn asked_by(term: &Term) -> Aspects {
    let relations = Aspects::LINKS | Aspects::DERIVED;
    match term {
        // What other branches say comes with a new series of stamps, and all that is kept goes.
        Term::Is(Is::Open | Is::InProgress | Is::Closed | Is::Elsewhere) | Term::Status(_) | Term::Reason(_) => {
            Aspects::STATUS
        }
        Term::Is(Is::Any) => Aspects::of(Parts::NONE),
        Term::Is(Is::Blocked | Is::Ready) => Aspects::STATUS | relations,
        Term::Is(Is::Overdue) => Aspects::STATUS | Aspects::REST,
        Term::Has(FieldName::Related(_) | FieldName::Link) | Term::Related(..) => relations,
        Term::Has(_) => Aspects::of(Parts::ALL),
        Term::Text(..) => Aspects::TEXT,
        Term::Name(..) | Term::Custom(..) => Aspects::NAMES,
        Term::Time(TimeField::Closed, _) => Aspects::STATUS,
        Term::Time(TimeField::Updated, _) => Aspects::UPDATED,
        Term::Time(TimeField::Created | TimeField::Due, _)
        | Term::Kind(_)
        | Term::Priority(_)
        | Term::Count(..)
        | Term::Id(_) => Aspects::REST,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickety_core::issue::{Derived, Issue};
    use tickety_core::query::arbitrary::{conditions, moments, records, schema};

    use super::*;

    /// Takes over parts of another issue, which keeps its number and its id.
    fn edited(mut issue: Issue, other: &Issue, parts: u8) -> Issue {
        let other = other.clone();
        if parts & 1 != 0 {
            (issue.title, issue.body, issue.comments) = (other.title, other.body, other.comments);
        }
        if parts & 2 != 0 {
            (issue.status, issue.closure) = (other.status, other.closure);
        }
        if parts & 4 != 0 {
            (issue.labels, issue.assignees, issue.milestone) = (other.labels, other.assignees, other.milestone);
        }
        if parts & 8 != 0 {
            (issue.reporter, issue.references, issue.fields) = (other.reporter, other.references, other.fields);
        }
        if parts & 16 != 0 {
            (issue.priority, issue.kind, issue.due) = (other.priority, other.kind, other.due);
        }
        if parts & 32 != 0 {
            (issue.estimate, issue.spent, issue.created) = (other.estimate, other.spent, other.created);
            issue.links = other.links;
        }
        issue
    }

    proptest! {
        /// What is said of an issue as it was is true, whatever was different in the parts that are known to be.
        #[test]
        fn what_is_certain_of_the_past_is_true(
            records in records(2..3),
            filter in conditions(),
            moment in moments(),
            parts in 0_u8..64,
        ) {
            let schema = schema();
            let [(old, was), (other, is)]: &[(Issue, Derived); 2] = records[..].try_into().unwrap();
            let new = edited(old.clone(), other, parts);
            let aspects = Aspects::written(Parts::between(old, &new), true);
            let (before, after) = (IssueView::new(old, was, &schema), IssueView::new(&new, is, &schema));
            if let Some(fits) = matched(&filter, &after, &moment, aspects) {
                prop_assert_eq!(fits, filter.matches(&before, &moment));
            }
            let was = Derived { updated: is.updated, ..was.clone() };
            let before = IssueView::new(&new, &was, &schema);
            if let Some(fits) = matched(&filter, &after, &moment, Aspects::DERIVED) {
                prop_assert_eq!(fits, filter.matches(&before, &moment));
            }
        }
    }
}

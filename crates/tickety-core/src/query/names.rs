//! The issues that a query names, and names they had before.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Bounds, Count, Expr, Query, Term};
use crate::ident::{IssueKey, IssueName};

impl Query {
    /// Returns the issues that the filter names: by a number, or at the end of a relation. Ranges name none.
    pub fn issue_names(&self) -> BTreeSet<IssueName> {
        let mut names = BTreeSet::new();
        self.filter.collect_names(&mut names);
        names
    }

    /// Returns the query that asks for the same issues where some of them have got another name: for the number that they
    /// have now, and for relations to either name, as links may hold both.
    #[must_use]
    pub fn renamed(mut self, keys: &BTreeMap<IssueName, IssueKey>) -> Self {
        self.filter.rename(keys);
        self.canonical()
    }
}

impl Expr {
    fn collect_names(&self, names: &mut BTreeSet<IssueName>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect_names(names)),
            Self::Not(part) => part.collect_names(names),
            Self::Term(Term::Related(_, wanted)) => names.extend(wanted),
            Self::Term(term) => names.extend(number_of(term)),
        }
    }

    fn rename(&mut self, keys: &BTreeMap<IssueName, IssueKey>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.rename(keys)),
            Self::Not(part) => part.rename(keys),
            Self::Term(Term::Related(_, wanted)) => {
                let now: Vec<IssueName> =
                    wanted.iter().filter_map(|name| keys.get(name)).copied().map(Into::into).collect();
                wanted.extend(now);
            }
            Self::Term(term) => {
                if let Some(key) = number_of(term).and_then(|name| keys.get(&name)) {
                    let number = Some((key.number.get(), true));
                    *term = Term::Count(Count::Number, Bounds { from: number, to: number });
                }
            }
        }
    }
}

/// Returns the one issue that a condition asks for by its number.
fn number_of(term: &Term) -> Option<IssueName> {
    match term {
        Term::Count(Count::Number, Bounds { from: Some((from, true)), to: Some((to, true)) }) if from == to => {
            crate::ident::IssueNumber::new(*from).map(IssueName::from)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn query(text: &str) -> Query {
        Query::parse(text, &Schema::default()).unwrap()
    }

    #[test]
    fn old_names_ask_for_the_issue_as_it_is_called_now() {
        let key = IssueName::parse("20-kfqr", "").unwrap();
        let key = IssueKey { number: key.number, suffix: key.suffix.unwrap() };
        let keys: BTreeMap<IssueName, IssueKey> =
            ["2", "2-kfqr"].into_iter().map(|name| (IssueName::parse(name, "").unwrap(), key)).collect();
        for (asked, expected) in [
            ("#2", "number:20"),
            ("-number:2 (number:2 OR is:open)", "-number:20 (is:open OR number:20)"),
            ("number:2..3", "number:2..3"),
            ("blocked-by:2,3", "blocked-by:2,3,20-kfqr"),
            ("-parent:2-kfqr", "-parent:2-kfqr,20-kfqr"),
            ("number:3 relates:3 label:2", "number:3 relates:3 label:2"),
        ] {
            assert_eq!(query(asked).renamed(&keys), query(expected), "{asked}");
        }
        let named: Vec<String> =
            query("(#2 OR -child:5) blocks:2-kfqr number:>3").issue_names().iter().map(ToString::to_string).collect();
        assert_eq!(named, ["2", "2-kfqr", "5"]);
    }
}

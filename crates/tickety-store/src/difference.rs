//! How an issue differs between two states, as far as queries can tell.

use std::fmt;
use std::ops::BitOr;

use tickety_core::issue::{Comment, Issue};

/// How an issue differs from what it was, at the most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Whether it wasn't there.
    pub is_new: bool,
    /// The parts that may differ.
    pub parts: Parts,
}

impl Difference {
    /// Of an issue that wasn't there.
    pub const NEW: Self = Self { is_new: true, parts: Parts::ALL };

    /// Of an issue of which nothing is known.
    pub const UNKNOWN: Self = Self { is_new: false, parts: Parts::ALL };

    /// Takes a later one into account.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self { is_new: self.is_new, parts: self.parts | later.parts }
    }
}

/// Parts of an issue, by what queries ask for. When it was last updated is in none: it may differ with any.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Parts(u8);

impl Parts {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The words of title, body, comments and the note of a closed issue.
    pub const TEXT: Self = Self(1);
    /// The status, and how and when it was closed.
    pub const STATUS: Self = Self(1 << 1);
    /// Labels, people, milestone, references and custom fields.
    pub const NAMES: Self = Self(1 << 2);
    /// The links that it stores.
    pub const LINKS: Self = Self(1 << 3);
    /// Everything else.
    pub const REST: Self = Self(1 << 4);
    /// All of them.
    pub const ALL: Self = Self((1 << 5) - 1);

    /// Whether the two have a part in common.
    pub fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the parts in which two issues differ.
    pub fn between(one: &Issue, other: &Issue) -> Self {
        let parts = [
            (Self::TEXT, text(one) == text(other)),
            (Self::STATUS, state(one) == state(other)),
            (Self::NAMES, names(one) == names(other)),
            (Self::LINKS, one.links == other.links),
            (Self::REST, rest(one) == rest(other)),
        ];
        parts.into_iter().filter(|(_, same)| !same).fold(Self::NONE, |parts, (part, _)| parts | part)
    }
}

#[cfg(feature = "repo")]
impl Parts {
    pub(crate) const BITS: u32 = 5;

    /// Returns the bits, of which there are [`BITS`](Self::BITS).
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::TEXT, "text"),
            (Self::STATUS, "status"),
            (Self::NAMES, "names"),
            (Self::LINKS, "links"),
            (Self::REST, "rest"),
        ];
        f.debug_set().entries(names.into_iter().filter(|(part, _)| self.meet(*part)).map(|(_, name)| name)).finish()
    }
}

fn state(issue: &Issue) -> impl PartialEq {
    (issue.status.clone(), issue.closure.as_ref().map(|closure| (closure.reason, closure.at)))
}

fn text(issue: &Issue) -> (&str, &str, Vec<&str>) {
    (&issue.title, &issue.body, issue.remarks().collect())
}

fn names(issue: &Issue) -> impl PartialEq {
    let Issue { labels, assignees, reporter, milestone, references, fields, comments, .. } = issue;
    let author = |comment: &Comment| comment.author.clone();
    let commenters: Vec<Option<String>> = comments.iter().map(author).collect();
    (
        labels.clone(),
        assignees.clone(),
        reporter.clone(),
        milestone.clone(),
        references.clone(),
        fields.clone(),
        commenters,
    )
}

fn rest(issue: &Issue) -> impl PartialEq {
    let Issue { number, id, priority, kind, due, estimate, spent, created, comments, .. } = issue;
    let closing_note = issue.closure.as_ref().is_some_and(|closure| closure.note.is_some());
    (*number, *id, *priority, kind.clone(), *due, *estimate, *spent, *created, comments.len(), closing_note)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use tickety_core::issue::{Kind, Link, LinkKind, Priority, Status};

    use super::*;

    type Edit<'a> = &'a dyn Fn(&mut Issue);

    fn issue() -> Issue {
        let id = tickety_core::ident::IssueId::new(uuid::Uuid::from_u128(7 << 76));
        Issue {
            number: tickety_core::IssueNumber::new(1).unwrap(),
            id,
            title: "one".to_owned(),
            body: String::new(),
            status: Status::new("open"),
            closure: None,
            priority: Priority::Medium,
            kind: Kind::new("task"),
            labels: BTreeSet::new(),
            assignees: BTreeSet::new(),
            reporter: None,
            milestone: None,
            due: None,
            estimate: None,
            spent: None,
            comments: Vec::new(),
            links: BTreeSet::new(),
            references: BTreeSet::new(),
            fields: BTreeMap::new(),
            created: jiff::Timestamp::UNIX_EPOCH,
            imported_updated: None,
        }
    }

    #[test]
    fn each_change_is_in_its_part() {
        let link = Link { kind: LinkKind::Relates, target: tickety_core::IssueNumber::new(2).unwrap().into() };
        let changes: [(Parts, Edit<'_>); 7] = [
            (Parts::NONE, &|_| {}),
            (Parts::TEXT, &|issue| issue.body = "text".to_owned()),
            (Parts::STATUS, &|issue| issue.status = Status::new("closed")),
            (Parts::NAMES, &|issue| issue.labels = ["x".to_owned()].into()),
            (Parts::LINKS, &|issue| issue.links = [link].into()),
            (Parts::REST, &|issue| issue.priority = Priority::High),
            (Parts::TEXT | Parts::NAMES, &|issue| {
                (issue.title, issue.reporter) = ("two".to_owned(), Some("bo".to_owned()))
            }),
        ];
        for (parts, change) in changes {
            let mut other = issue();
            change(&mut other);
            assert_eq!(Parts::between(&issue(), &other), parts);
        }
        assert_eq!(format!("{:?}", Parts::TEXT | Parts::REST), r#"{"text", "rest"}"#);
    }

    #[test]
    fn what_was_new_stays_new() {
        let edited = Difference { is_new: false, parts: Parts::TEXT };
        assert_eq!(Difference::NEW.then(edited), Difference::NEW);
        assert_eq!(edited.then(Difference::NEW), Difference::UNKNOWN, "it was removed in between");
        assert_eq!(edited.then(edited), edited);
    }
}

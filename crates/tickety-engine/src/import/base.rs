//! Short hashes of the parts of an issue, which tell later who changed what.

use tickety_core::ident::{IssueName, Suffix};
use tickety_core::issue::{Closure, FieldValue, Issue, LinkKind};

use crate::convert::{ForeignLink, Memory};

/// The parts that are compared one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Title,
    Body,
    Status,
    Priority,
    Kind,
    Labels,
    Assignees,
    Reporter,
    Milestone,
    Due,
    Estimate,
    Spent,
    References,
    Fields,
    Created,
    /// The links that could be made.
    Links,
    /// The links as the source names them.
    StatedLinks,
    /// The comments of the source; those made here play no part.
    Comments,
}

impl Part {
    /// Returns the name by which a record says that it tells nothing of the part.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Body => "body",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::Kind => "kind",
            Self::Labels => "labels",
            Self::Assignees => "assignees",
            Self::Reporter => "reporter",
            Self::Milestone => "milestone",
            Self::Due => "due",
            Self::Estimate => "estimate",
            Self::Spent => "spent",
            Self::References => "references",
            Self::Fields => "fields",
            Self::Created => "created",
            Self::Links | Self::StatedLinks => "links",
            Self::Comments => "comments",
        }
    }
}

/// How many parts there are.
const PARTS: usize = Part::Comments as usize + 1;

/// The hash of a part that holds nothing.
const EMPTY: u32 = 0;

/// A hash of 32 bits for each part. A change goes unnoticed once in four thousand million times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Base([u32; PARTS]);

impl Base {
    /// Returns the hash of a part.
    pub(super) fn of(&self, part: Part) -> u32 {
        self.0[part as usize]
    }

    /// Hashes the parts of an issue. Its links and, but for `stated`, its comments have no part in
    /// it.
    pub(super) fn hash(
        issue: &Issue,
        memory_key: &str,
        links: impl Iterator<Item = (LinkKind, Option<Suffix>)>,
        stated: Option<&[ForeignLink]>,
    ) -> Self {
        let Issue {
            number: _,
            id: _,
            title,
            body,
            status,
            closure,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            comments,
            links: _,
            references,
            fields,
            created,
            imported_updated: _,
        } = issue;
        let mut base = Self([EMPTY; PARTS]);
        base.set(Part::Title, |text| text.add(title));
        base.set(Part::Body, |text| text.add(body));
        base.set(Part::Status, |text| {
            text.add(status.as_str());
            if let Some(Closure { at, reason, note }) = closure {
                text.add(reason.as_str());
                text.maybe(at.map(|at| at.to_string()));
                text.maybe(note.as_ref());
            }
        });
        base.set(Part::Priority, |text| text.add(priority.as_str()));
        base.set(Part::Kind, |text| text.add(kind.as_str()));
        base.set(Part::Labels, |text| text.all(labels));
        base.set(Part::Assignees, |text| text.all(assignees));
        base.set(Part::Reporter, |text| text.maybe(reporter.as_ref()));
        base.set(Part::Milestone, |text| text.maybe(milestone.as_ref()));
        base.set(Part::Due, |text| text.maybe(due.map(|due| due.to_string())));
        base.set(Part::Estimate, |text| text.maybe(estimate.map(|minutes| minutes.0.to_string())));
        base.set(Part::Spent, |text| text.maybe(spent.map(|minutes| minutes.0.to_string())));
        base.set(Part::References, |text| text.all(references));
        base.set(Part::Fields, |text| {
            for (key, value) in fields.iter().filter(|(key, _)| *key != memory_key && !Memory::is_in(key)) {
                text.field(key, value);
            }
        });
        base.set(Part::Created, |text| text.add(created.to_string()));
        base.set(Part::Links, |text| {
            let mut links: Vec<_> = links.collect();
            links.sort_unstable();
            links.dedup();
            for (kind, suffix) in links {
                text.link(kind, suffix);
            }
        });
        if let Some(stated) = stated {
            base.set(Part::StatedLinks, |text| {
                for link in stated {
                    text.add(link.kind.as_str());
                    text.add(link.target.to_string());
                }
            });
            base.set(Part::Comments, |text| {
                for comment in comments {
                    text.add(comment.id.to_string());
                    text.maybe(comment.author.as_ref());
                    text.add(comment.created.to_string());
                    text.add(&comment.body);
                }
            });
        }
        base
    }

    fn set(&mut self, part: Part, write: impl FnOnce(&mut Text)) {
        self.0[part as usize] = hash(write);
    }

    /// Returns it without the hashes of some parts.
    pub(super) fn without(&self, parts: &[Part]) -> Self {
        let mut base = self.clone();
        for part in parts {
            base.0[*part as usize] = EMPTY;
        }
        base
    }

    /// Prints the parts in hexadecimal with points between; nothing for an empty one.
    pub(super) fn print(&self) -> String {
        let parts: Vec<String> =
            self.0.iter().map(|hash| if *hash == EMPTY { String::new() } else { format!("{hash:x}") }).collect();
        parts.join(".")
    }

    /// Reads what [`print`](Self::print) wrote; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut base = Self([EMPTY; PARTS]);
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() != PARTS {
            return None;
        }
        for (hash, part) in base.0.iter_mut().zip(parts).filter(|(_, part)| !part.is_empty()) {
            *hash = u32::from_str_radix(part, 16).ok()?;
        }
        Some(base)
    }
}

/// Returns the ends of an issue's own links as a base knows them.
pub(super) fn local_links(issue: &Issue) -> impl Iterator<Item = (LinkKind, Option<Suffix>)> + '_ {
    issue.links.iter().map(|link| {
        let IssueName { number: _, suffix } = link.target;
        (link.kind, suffix)
    })
}

/// Hashes an item as the only one of its part is.
pub(super) fn hash_item(item: &String) -> u32 {
    hash(|text| text.add(item))
}

/// Hashes a custom field as the only one.
pub(super) fn hash_field(key: &str, value: &FieldValue) -> u32 {
    hash(|text| text.field(key, value))
}

/// Hashes a comment by the fingerprint of its id at the source and its text.
pub(super) fn hash_comment(fingerprint: u128, body: &str) -> u32 {
    hash(|text| {
        text.add(format!("{fingerprint:x}"));
        text.add(body);
    })
}

/// Hashes a link as the only one.
pub(super) fn hash_link(kind: LinkKind, suffix: Option<Suffix>) -> u32 {
    hash(|text| text.link(kind, suffix))
}

fn hash(write: impl FnOnce(&mut Text)) -> u32 {
    let mut text = Text(blake3::Hasher::new());
    write(&mut text);
    if text.0.count() == 0 {
        return EMPTY;
    }
    let hash = text.0.finalize();
    u32::from_le_bytes(hash.as_bytes()[..4].try_into().expect("four bytes of a hash of thirty-two"))
}

/// A sequence of texts that is hashed so that none runs into the next.
struct Text(blake3::Hasher);

impl Text {
    fn add(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.add(text);
        }
    }

    fn field(&mut self, key: &str, value: &FieldValue) {
        self.add(key);
        self.add(match value {
            FieldValue::Text(_) => "text",
            FieldValue::Number(_) => "number",
            FieldValue::Date(_) => "date",
            FieldValue::Bool(_) => "bool",
        });
        self.add(value.to_string());
    }

    fn link(&mut self, kind: LinkKind, suffix: Option<Suffix>) {
        self.add(kind.as_str());
        self.maybe(suffix.as_ref().map(Suffix::as_str));
    }

    fn all<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) {
        for text in texts {
            self.add(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_survives_printing() {
        let mut base = Base([7; PARTS]);
        base.set(Part::Title, |text| text.add("x"));
        assert_eq!(Base::parse(&base.print()), Some(base));
        assert_eq!(Base::parse("1.2"), None);
        assert_eq!(Base::parse(&"x.".repeat(PARTS - 1)), None);
    }
}

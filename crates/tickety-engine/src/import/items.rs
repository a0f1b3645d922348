//! Short hashes of the items of the parts that are sets, so that each can be merged by itself.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::ident::Suffix;
use tickety_core::issue::{Comment, FieldValue, Issue, LinkKind};

use super::base::{Base, Part, hash_comment, hash_field, hash_item, hash_link};
use crate::convert::{Memory, fingerprint};

/// The parts that are sets, as the memory of an import calls them.
const SETS: [(Part, &str); 6] = [
    (Part::Labels, "labels"),
    (Part::Assignees, "assignees"),
    (Part::References, "references"),
    (Part::Fields, "fields"),
    (Part::Links, "links"),
    (Part::Comments, "comments"),
];

/// The items of each part, where it has several: of one with a single item, the part's own hash is that of the item.
/// Comments are told by their own hashes, however many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Items(BTreeMap<&'static str, BTreeSet<u32>>);

impl Items {
    /// Hashes the items of an issue's parts as [`Base::hash`] does.
    pub(super) fn hash(
        issue: &Issue,
        memory_key: &str,
        links: impl Iterator<Item = (LinkKind, Option<Suffix>)>,
    ) -> Self {
        let mut links = Some(links);
        let mut items = BTreeMap::new();
        for (part, name) in SETS {
            let hashes: BTreeSet<u32> = match part {
                Part::Labels => issue.labels.iter().map(hash_item).collect(),
                Part::Assignees => issue.assignees.iter().map(hash_item).collect(),
                Part::References => issue.references.iter().map(hash_item).collect(),
                Part::Fields => own_fields(issue, memory_key).map(|(key, value)| hash_field(key, value)).collect(),
                Part::Links => {
                    links.take().into_iter().flatten().map(|(kind, suffix)| hash_link(kind, suffix)).collect()
                }
                Part::Comments => {
                    let hash = |comment: &Comment| hash_comment(fingerprint(comment.id.uuid()), &comment.body);
                    issue.comments.iter().map(hash).collect()
                }
                other => unreachable!("{other:?} is no set"),
            };
            if hashes.len() > usize::from(part != Part::Comments) {
                items.insert(name, hashes);
            }
        }
        Self(items)
    }

    /// Whether an item was in a part, of which `base` has the hash.
    pub(super) fn had(&self, base: &Base, part: Part, item: u32) -> bool {
        let name = SETS.iter().find(|(set, _)| *set == part).map(|(_, name)| *name);
        match name.and_then(|name| self.0.get(name)) {
            Some(items) => items.contains(&item),
            None => base.of(part) == item,
        }
    }

    /// Whether a comment had this hash; `None` where comments weren't remembered.
    pub(super) fn had_comment(&self, item: u32) -> Option<bool> {
        self.0.get("comments").map(|items| items.contains(&item))
    }

    /// Prints them for the memory: in hexadecimal with points between.
    pub(super) fn print(&self) -> BTreeMap<String, String> {
        let print = |items: &BTreeSet<u32>| items.iter().map(|item| format!("{item:x}")).collect::<Vec<_>>().join(".");
        self.0.iter().map(|(name, items)| ((*name).to_owned(), print(items))).collect()
    }

    /// Reads what [`print`](Self::print) wrote; what can't be read counts as nothing.
    pub(super) fn parse(printed: &BTreeMap<String, String>) -> Self {
        let read = |text: &String| text.split('.').map(|item| u32::from_str_radix(item, 16).ok()).collect();
        let known = SETS.iter().filter_map(|(_, name)| Some((*name, printed.get(*name).and_then(read)?)));
        Self(known.collect())
    }
}

/// Returns the custom fields but that of the memory.
pub(super) fn own_fields<'i>(issue: &'i Issue, memory_key: &str) -> impl Iterator<Item = (&'i String, &'i FieldValue)> {
    issue.fields.iter().filter(move |(key, _)| *key != memory_key && !Memory::is_in(key))
}

/// Merges two states of a set, of which it is known what they had in common: each takes the additions and the
/// removals of the other.
pub(super) fn join<T: Ord + Clone>(here: &BTreeSet<T>, theirs: &BTreeSet<T>, had: impl Fn(&T) -> bool) -> BTreeSet<T> {
    let stays = |item: &&T| theirs.contains(item) || !had(item);
    let comes = |item: &&T| here.contains(item) || !had(item);
    here.iter().filter(stays).chain(theirs.iter().filter(comes)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_additions_and_removals() {
        let set = |text: &str| text.chars().collect::<BTreeSet<char>>();
        let joined = |base: &str, here: &str, theirs: &str| {
            let base = set(base);
            join(&set(here), &set(theirs), |item| base.contains(item)).into_iter().collect::<String>()
        };
        assert_eq!(joined("abc", "abd", "ace"), "ade");
        assert_eq!(joined("", "ab", "bc"), "abc");
        assert_eq!(joined("ab", "", "ab"), "");
        assert_eq!(joined("ab", "ab", ""), "");
    }

    #[test]
    fn items_survive_printing() {
        let items =
            Items(BTreeMap::from([("labels", BTreeSet::from([7, u32::MAX])), ("links", BTreeSet::from([1, 2]))]));
        assert_eq!(Items::parse(&items.print()), items);
        let odd = BTreeMap::from([("labels".to_owned(), "x".to_owned()), ("other".to_owned(), "1".to_owned())]);
        assert_eq!(Items::parse(&odd), Items::default());
    }
}

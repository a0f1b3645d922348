//! The words that stand before a colon.

use super::super::ast::{Count, NameField, TextScope, TimeField};
use super::super::field::{CUSTOM_PREFIX, fold_key, is_custom_key};
use crate::graph::Relation;

/// What stands before a colon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Is,
    Has,
    No,
    Text(TextScope),
    Status,
    Kind,
    Reason,
    Priority,
    Name(NameField),
    Count(Count),
    Time(TimeField),
    Related(Relation),
    Id,
    Custom(String),
    Sort,
    Fields,
    Limit,
    After,
}

/// Every word but the relations and custom fields. The first spelling of each is the canonical one.
static KEYS: [(&str, Key); 53] = [
    ("is", Key::Is),
    ("state", Key::Is),
    ("has", Key::Has),
    ("no", Key::No),
    ("title", Key::Text(TextScope::Title)),
    ("body", Key::Text(TextScope::Body)),
    ("description", Key::Text(TextScope::Body)),
    ("comment", Key::Text(TextScope::Comment)),
    ("status", Key::Status),
    ("kind", Key::Kind),
    ("type", Key::Kind),
    ("reason", Key::Reason),
    ("priority", Key::Priority),
    ("prio", Key::Priority),
    ("label", Key::Name(NameField::Label)),
    ("labels", Key::Name(NameField::Label)),
    ("tag", Key::Name(NameField::Label)),
    ("assignee", Key::Name(NameField::Assignee)),
    ("assignees", Key::Name(NameField::Assignee)),
    ("assigned", Key::Name(NameField::Assignee)),
    ("owner", Key::Name(NameField::Assignee)),
    ("reporter", Key::Name(NameField::Reporter)),
    ("author", Key::Name(NameField::Reporter)),
    ("creator", Key::Name(NameField::Reporter)),
    ("commenter", Key::Name(NameField::Commenter)),
    ("milestone", Key::Name(NameField::Milestone)),
    ("reference", Key::Name(NameField::Reference)),
    ("references", Key::Name(NameField::Reference)),
    ("ref", Key::Name(NameField::Reference)),
    ("number", Key::Count(Count::Number)),
    ("issue", Key::Count(Count::Number)),
    ("comments", Key::Count(Count::Comments)),
    ("estimate", Key::Count(Count::Estimate)),
    ("spent", Key::Count(Count::Spent)),
    ("created", Key::Time(TimeField::Created)),
    ("created-at", Key::Time(TimeField::Created)),
    ("closed", Key::Time(TimeField::Closed)),
    ("closed-at", Key::Time(TimeField::Closed)),
    ("updated", Key::Time(TimeField::Updated)),
    ("updated-at", Key::Time(TimeField::Updated)),
    ("due", Key::Time(TimeField::Due)),
    ("children", Key::Related(Relation::Child)),
    ("duplicate", Key::Related(Relation::DuplicateOf)),
    ("related", Key::Related(Relation::Relates)),
    ("relates-to", Key::Related(Relation::Relates)),
    ("blocking", Key::Related(Relation::Blocks)),
    ("id", Key::Id),
    ("sort", Key::Sort),
    ("order", Key::Sort),
    ("fields", Key::Fields),
    ("limit", Key::Limit),
    ("after", Key::After),
    ("cursor", Key::After),
];

/// Finds what a word before a colon means.
pub(super) fn find(name: &str) -> Option<Key> {
    let folded = fold_key(name);
    if let Some(key) = folded.strip_prefix(CUSTOM_PREFIX) {
        return is_custom_key(key).then(|| Key::Custom(key.to_owned()));
    }
    let plain = KEYS.iter().find(|(known, _)| *known == folded).map(|(_, key)| key.clone());
    plain.or_else(|| folded.parse().map(Key::Related).ok())
}

/// Returns all words but the custom fields, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name).chain(Relation::ALL.into_iter().map(Relation::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_once() {
        let mut seen = std::collections::BTreeSet::new();
        for name in names() {
            assert!(seen.insert(name), "{name}");
            assert!(find(name).is_some(), "{name}");
        }
        assert_eq!(find("Blocked_By"), Some(Key::Related(Relation::BlockedBy)));
        assert_eq!(find("field.Size_X"), Some(Key::Custom("size_x".to_owned())));
        assert_eq!(find("field.2"), None);
    }
}

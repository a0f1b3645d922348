//! The keys of an issue's front matter and the order and groups in which they are written.

use tickety_core::issue::LinkKind;

/// A key of an issue's front matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Title,
    Id,
    Updated,
    UpdatedState,
    Created,
    Reporter,
    Status,
    Closed,
    CloseReason,
    CloseNote,
    Priority,
    Kind,
    Labels,
    Assignees,
    Milestone,
    Due,
    Estimate,
    Spent,
    Parent,
    BlockedBy,
    Relates,
    DuplicateOf,
    DiscoveredFrom,
    Fields,
    References,
}

impl Key {
    /// All keys in the order they are written.
    ///
    /// Stock git merges two edits if a line lies between them that neither touches. So keys that
    /// people change stand in groups of their own with an empty line between them, and `updated` with
    /// its state, which the first edit removes whatever it is about, stand between two lines that no edit
    /// touches. `fields` isn't last: git may take an added field and the empty line before it for
    /// the field and the empty line behind it, next to where others add their keys.
    pub(super) const ALL: [Self; 25] = [
        Self::Title,
        Self::Id,
        Self::Updated,
        Self::UpdatedState,
        Self::Created,
        Self::Reporter,
        Self::Status,
        Self::Closed,
        Self::CloseReason,
        Self::CloseNote,
        Self::Priority,
        Self::Kind,
        Self::Labels,
        Self::Assignees,
        Self::Milestone,
        Self::Due,
        Self::Estimate,
        Self::Spent,
        Self::Parent,
        Self::BlockedBy,
        Self::Relates,
        Self::DuplicateOf,
        Self::DiscoveredFrom,
        Self::Fields,
        Self::References,
    ];

    /// The keys that tell how an issue was closed.
    pub(super) const CLOSURE: [Self; 3] = [Self::Closed, Self::CloseReason, Self::CloseNote];

    /// Returns the name that is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Id => "id",
            Self::Updated => "updated",
            Self::UpdatedState => "updated-state",
            Self::Created => "created",
            Self::Reporter => "reporter",
            Self::Status => "status",
            Self::Closed => "closed",
            Self::CloseReason => "close-reason",
            Self::CloseNote => "close-note",
            Self::Priority => "priority",
            Self::Kind => "kind",
            Self::Labels => "labels",
            Self::Assignees => "assignees",
            Self::Milestone => "milestone",
            Self::Due => "due",
            Self::Estimate => "estimate",
            Self::Spent => "spent",
            Self::Parent => "parent",
            Self::BlockedBy => "blocked-by",
            Self::Relates => "relates",
            Self::DuplicateOf => "duplicate-of",
            Self::DiscoveredFrom => "discovered-from",
            Self::References => "references",
            Self::Fields => "fields",
        }
    }

    /// Reads a name, also with `_` for `-` and in the singular where people write one item.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::parse_after(name, 0)
    }

    /// Reads a name as [`Key::parse`] does, quickest if it is that of the key at `place` in order
    /// or of one soon behind.
    pub(super) fn parse_after(name: &str, place: usize) -> Option<Self> {
        let (before, behind) = Self::ALL.split_at(place);
        let exact = behind.iter().chain(before).copied().find(|key| key.as_str() == name);
        exact.or_else(|| Self::parse_alias(name))
    }

    fn parse_alias(name: &str) -> Option<Self> {
        match name {
            "label" => Some(Self::Labels),
            "assignee" => Some(Self::Assignees),
            "reference" => Some(Self::References),
            "updated_state" => Some(Self::UpdatedState),
            "close_reason" => Some(Self::CloseReason),
            "close_note" => Some(Self::CloseNote),
            "blocked_by" => Some(Self::BlockedBy),
            "duplicate_of" => Some(Self::DuplicateOf),
            "discovered_from" => Some(Self::DiscoveredFrom),
            _ => None,
        }
    }

    /// Returns the place among [`Key::ALL`].
    pub(super) fn place(self) -> usize {
        self as usize
    }

    /// Whether an empty line is written before this key.
    pub(super) fn begins_group(self) -> bool {
        !matches!(
            self,
            Self::Title
                | Self::Id
                | Self::Updated
                | Self::UpdatedState
                | Self::Created
                | Self::Reporter
                | Self::Closed
                | Self::CloseReason
                | Self::CloseNote
        )
    }

    /// Returns the kind of link that the key lists.
    pub(super) fn link_kind(self) -> Option<LinkKind> {
        match self {
            Self::Parent => Some(LinkKind::Parent),
            Self::BlockedBy => Some(LinkKind::BlockedBy),
            Self::Relates => Some(LinkKind::Relates),
            Self::DuplicateOf => Some(LinkKind::DuplicateOf),
            Self::DiscoveredFrom => Some(LinkKind::DiscoveredFrom),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_at_its_place_and_is_read_by_its_name() {
        for (place, key) in Key::ALL.into_iter().enumerate() {
            assert_eq!(key.place(), place);
            assert_eq!(Key::parse(key.as_str()), Some(key));
        }
    }
}

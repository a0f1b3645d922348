//! The `issues.jsonl` of beads (`bd`) and beads_rust (`br`): one JSON object a line.
//!
//! | beads | Tickety |
//! |---|---|
//! | `id` | the reference `beads:ID`, by which a repeated import knows the issue again |
//! | `title`, `description`, `priority`, `labels` | title, body, priority (0 is critical, 4 lowest), labels |
//! | `status` | `open`, `in_progress` and `closed` as they are; any other one as the status of that name if it is configured, else as open (as closed with a `closed_at`) and in the field `beads-status`; a `tombstone` is not imported |
//! | `issue_type` | the kind of that name if it is configured, else the default kind and the field `beads-type` |
//! | `assignee`, `created_by` | assignee, reporter |
//! | `created_at`, `closed_at`, `updated_at` | created, closed, the imported time of the last change; to the nanosecond |
//! | `close_reason` | the close note; the reason is guessed from how it begins, see [`reason_of`] |
//! | `estimated_minutes` | the estimate; 0 means that there is none |
//! | `due_at` | the due date, in the zone it is written in |
//! | `external_ref` | a reference |
//! | `dependencies` | links: `blocks`, `conditional-blocks`, `waits-for` as blocked-by; `parent-child` as parent; `discovered-from`; `duplicates` as duplicate-of; everything else as relates |
//! | `comments` | comments |
//! | every other key | a custom field of that name |
//!
//! `-` and `_` are the same in types of dependency. What a link, a comment or a field can't hold (who made a
//! dependency, the number of a comment, that a value was a number, the exact spelling of a type) is
//! kept in the [`Memory`](super::Memory), so that [`BeadsWriter`] gives it back. Two defaults
//! that every record has, `compaction_level` and `original_size` of 0, are not kept: they are
//! always written. An issue holds texts without white space at their ends and with plain line breaks, times and
//! numbers without zeros behind; how they were written is in the memory, too, and stands in the export again
//! as long as the value is the same. Where that can't be (a label, a number inside a comment), the report says so.
//!
//! What beads has no place for goes into one further key of the record, `tickety`; beads passes over it. Of an issue that
//! was made here that is also a status or kind that beads doesn't know, which would have it refuse the record, and the
//! whole of a title that is too long for it.

mod parts;
mod reader;
mod writer;

pub use reader::BeadsReader;
pub use writer::BeadsWriter;

use tickety_core::issue::{CloseReason, LinkKind};

/// The system in references and fields.
pub(crate) const SYSTEM: &str = "beads";

/// The custom fields for values that have no equal here.
const STATUS_FIELD: &str = "beads-status";
const TYPE_FIELD: &str = "beads-type";
const TITLE_FIELD: &str = "beads-title";

/// Marks an external reference as the id of an issue made here: beads keeps it where it drops
/// keys that it doesn't know.
const OWN_REFERENCE: &str = "tickety:";

/// Defaults that every record has; the writer always writes them.
const ALWAYS: [&str; 2] = ["compaction_level", "original_size"];

/// The statuses and types that beads knows without being told, and that mean the same in all of its versions or are
/// missing in the first ones.
const STATUSES: [&str; 7] = ["open", "in_progress", "blocked", "deferred", "pinned", "hooked", "closed"];
const TYPES: [&str; 5] = ["bug", "feature", "task", "epic", "chore"];

/// The type of what is of none of them.
const OTHER_TYPE: &str = "task";

/// The longest title that beads takes, in bytes.
const TITLE: usize = 500;

/// Keys whose 0 or false says nothing.
const ZERO_MEANS_NOTHING: [&str; 7] =
    ["estimated_minutes", "compaction_level", "original_size", "ephemeral", "pinned", "is_template", "no_history"];

/// Returns the reference of a record.
fn reference(id: &str) -> String {
    format!("{SYSTEM}:{id}")
}

/// Returns the kind of link that a type of dependency becomes.
fn link_kind(dependency_type: &str) -> LinkKind {
    match dependency_type.to_ascii_lowercase().replace('_', "-").as_str() {
        "blocks" | "conditional-blocks" | "waits-for" => LinkKind::BlockedBy,
        "parent-child" => LinkKind::Parent,
        "discovered-from" => LinkKind::DiscoveredFrom,
        "duplicates" | "duplicate-of" => LinkKind::DuplicateOf,
        _ => LinkKind::Relates,
    }
}

/// Returns the type of dependency that a link becomes.
fn dependency_type(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::BlockedBy => "blocks",
        LinkKind::Parent => "parent-child",
        // `relates-to` is one of two records there, one on each side.
        LinkKind::Relates => "related",
        LinkKind::DuplicateOf => "duplicates",
        LinkKind::DiscoveredFrom => "discovered-from",
    }
}

/// Guesses why an issue was closed from how the text about it begins.
///
/// Beads has one free text. It counts as a duplicate if it begins with a word such as `duplicate`,
/// `duplicates` or `dup of`; as cancelled if it begins with `superseded`, `won't`, `wontfix`,
/// `cancelled`, `abandoned`, `obsolete`, `out of scope`, `not needed`, `not planned`, `no longer needed` or the like;
/// as completed in every other case, because that is what most are. Words further inside
/// decide nothing: `fixed the duplicate rows` is a completed issue.
fn reason_of(text: &str) -> CloseReason {
    const DUPLICATE: [&str; 6] = ["duplicate", "duplicates", "duplicated by", "duplicate of", "dup of", "dupe"];
    const CANCELLED: [&str; 19] = [
        "superseded",
        "won't",
        "won’t",
        "wont",
        "wontfix",
        "will not",
        "cancelled",
        "canceled",
        "cancel",
        "abandoned",
        "obsolete",
        "rejected",
        "declined",
        "out of scope",
        "not needed",
        "not planned",
        "not reproducible",
        "no longer needed",
        "no longer relevant",
    ];
    let start: String = text.trim_start().chars().take(24).collect::<String>().to_lowercase();
    let begins = |phrase: &str| {
        start.strip_prefix(phrase).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
    };
    if DUPLICATE.iter().any(|phrase| begins(phrase)) {
        CloseReason::Duplicate
    } else if CANCELLED.iter().any(|phrase| begins(phrase)) {
        CloseReason::Cancelled
    } else {
        CloseReason::Completed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_in_the_first_words() {
        for (text, reason) in [
            ("Duplicate of bd-7", CloseReason::Duplicate),
            ("dup of #4", CloseReason::Duplicate),
            ("Duplicates bd-7, which says more", CloseReason::Duplicate),
            ("Superseded by bd-9", CloseReason::Cancelled),
            ("Won't fix", CloseReason::Cancelled),
            ("out of scope: flat ids only", CloseReason::Cancelled),
            ("no longer needed", CloseReason::Cancelled),
            ("Fixed the duplicate rows", CloseReason::Completed),
            ("duplicate-key check added", CloseReason::Completed),
            ("Cancellation of requests works", CloseReason::Completed),
            ("wonton recipe added", CloseReason::Completed),
            ("", CloseReason::Completed),
        ] {
            assert_eq!(reason_of(text), reason, "{text}");
        }
    }

    #[test]
    fn every_kind_of_link_comes_back() {
        for kind in LinkKind::ALL {
            assert_eq!(link_kind(dependency_type(kind)), kind);
        }
        assert_eq!(link_kind("parent_child"), LinkKind::Parent);
        assert_eq!(link_kind("replies-to"), LinkKind::Relates);
    }
}

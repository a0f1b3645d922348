//! The folder `.tickets/` of tk: `nw-5c46.md`.
//!
//! | tk | Tickety |
//! |---|---|
//! | `id`, or the name of the file | the reference `tk:nw-5c46` |
//! | `status`, `type`, `priority` (0 to 4), `assignee`, `tags`, `created` | status, kind, priority, assignee, labels, created |
//! | `deps`, `links`, `parent` | blocked by, related, parent |
//! | `external-ref` | a reference |
//! | the first heading | the title |
//! | the rest of the text, `## Notes` among it | the body |
//! | every other key | a custom field |

use tickety_core::schema::Category;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem};
use super::part::Part;

const PROFILE: Profile = Profile {
    system: "tk",
    parts: &[
        ("id", Part::Id),
        ("title", Part::Title),
        ("status", Part::Status),
        ("type", Part::Kind),
        ("priority", Part::Priority),
        ("assignee", Part::Assignees),
        ("tags", Part::Labels),
        ("created", Part::Created),
        ("deps", Part::BlockedBy),
        ("links", Part::Relates),
        ("parent", Part::Parent),
        ("external-ref", Part::References),
    ],
    statuses: &[("open", Category::Open), ("in progress", Category::InProgress), ("closed", Category::Closed)],
    priorities: &[],
    left_out: &[],
    separators: &[',', '\n'],
    names_are_whole: false,
    canonical: str::to_owned,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".md"], is_yaml: false, place };

fn place(path: &str) -> Option<PathFacts> {
    Some(PathFacts { name: Some(stem(path).to_owned()), ..PathFacts::default() })
}

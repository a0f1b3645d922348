//! The folder `.beans/` of beans: `beans-2v6j--a-slug.md`.
//!
//! | beans | Tickety |
//! |---|---|
//! | the name of the file before `--` | the reference `beans:beans-2v6j` |
//! | `title`, `status`, `type`, `tags` | title, status, kind, labels; `scrapped` is cancelled, `draft` and types that aren't configured are also kept as fields |
//! | `priority` | priority; `normal` is medium, `deferred` lowest |
//! | `created_at`, `updated_at` | created, the imported time of the last change |
//! | `parent`, `blocking`, `blocked_by` | parent, blocks, blocked by |
//! | `order` and every other key | a custom field |
//! | the text | the body |

use tickety_core::issue::Priority;
use tickety_core::schema::Category;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem, title_of};
use super::part::Part;

const PROFILE: Profile = Profile {
    system: "beans",
    parts: &[
        ("id", Part::Id),
        ("title", Part::Title),
        ("status", Part::Status),
        ("type", Part::Kind),
        ("priority", Part::Priority),
        ("tags", Part::Labels),
        ("assignee", Part::Assignees),
        ("created-at", Part::Created),
        ("updated-at", Part::Updated),
        ("parent", Part::Parent),
        ("blocking", Part::Blocks),
        ("blocked-by", Part::BlockedBy),
    ],
    statuses: &[("todo", Category::Open), ("in progress", Category::InProgress), ("completed", Category::Closed)],
    priorities: &[("normal", Priority::Medium), ("deferred", Priority::Lowest)],
    left_out: &[],
    separators: &[',', '\n'],
    names_are_whole: false,
    canonical: str::to_owned,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".md"], is_yaml: false, place };

fn place(path: &str) -> Option<PathFacts> {
    let (name, slug) = stem(path).split_once("--").unwrap_or((stem(path), ""));
    Some(PathFacts { name: Some(name.to_owned()), title: title_of(slug), ..PathFacts::default() })
}

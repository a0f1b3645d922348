//! The folder `.tickets/` of repo-tickets: `open/BELL-1.yaml`, `closed/BELL-2.yaml`.
//!
//! | repo-tickets | Tickety |
//! |---|---|
//! | `id` | the reference `repo-tickets:BELL-1` |
//! | `title`, `description`, `status`, `priority`, `assignee`, `reporter`, `labels` | title, body, status, priority, assignee, reporter, labels; `blocked` is open and also kept as a field |
//! | `created_at`, `updated_at` | created, the imported time of the last change; in UTC where no zone is written |
//! | `estimated_hours` | the estimate |
//! | `blocked_by`, `blocks`, `related_to` | links |
//! | `comments` | comments |
//! | `journal_entries`, `time_logs`, `story_points`, `branch` and every other key | a custom field |
//! | the folder, where the file has no status | the status |

use tickety_core::schema::Category;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem};
use super::part::{Part, Unit};

const PROFILE: Profile = Profile {
    system: "repo-tickets",
    parts: &[
        ("id", Part::Id),
        ("title", Part::Title),
        ("description", Part::Body),
        ("status", Part::Status),
        ("priority", Part::Priority),
        ("ticket-type", Part::Kind),
        ("assignee", Part::Assignees),
        ("reporter", Part::Reporter),
        ("labels", Part::Labels),
        ("created-at", Part::Created),
        ("updated-at", Part::Updated),
        ("closed-at", Part::Closed),
        ("due-date", Part::Due),
        ("estimated-hours", Part::Estimate(Unit::Hours)),
        ("blocked-by", Part::BlockedBy),
        ("blocks", Part::Blocks),
        ("related-to", Part::Relates),
        ("comments", Part::Comment),
    ],
    statuses: &[("open", Category::Open), ("in progress", Category::InProgress), ("closed", Category::Closed)],
    priorities: &[],
    left_out: &[("reporter-email", "an address of the reporter, who has a name")],
    separators: &[],
    names_are_whole: false,
    canonical: str::to_owned,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".yaml", ".yml"], is_yaml: true, place };

fn place(path: &str) -> Option<PathFacts> {
    let folder = path.rsplit('/').nth(1);
    let is_issue = match folder {
        Some("open" | "closed") => true,
        // The folder itself was given.
        None => !matches!(stem(path), "config" | "index"),
        Some(_) => false,
    };
    let status = if folder == Some("closed") { Some("closed") } else { None };
    is_issue.then(|| PathFacts { name: Some(stem(path).to_owned()), status, ..PathFacts::default() })
}

//! The folder `backlog/` of Backlog.md: `tasks/task-12 - Title.md`, `completed/`, `drafts/`, `archive/`.
//!
//! | Backlog.md | Tickety |
//! |---|---|
//! | `id`, in any case | the reference `backlog:task-12` |
//! | `title`, `status`, `priority`, `labels`, `assignee`, `reporter`, `milestone` | the same; `To Do`, `In Progress` and `Done` are open, in progress and closed |
//! | `created_date`, `updated_date` | created, the imported time of the last change; in UTC |
//! | `dependencies`, `parent_task_id`, `subtasks` | blocked by, parent, children |
//! | `references` | references |
//! | `ordinal` and every other key | a custom field |
//! | the text with all its sections | the body |
//! | a task below `archive/` that is not done | closed as cancelled |

use tickety_core::schema::Category;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem};
use super::part::Part;

const PROFILE: Profile = Profile {
    system: "backlog",
    parts: &[
        ("id", Part::Id),
        ("title", Part::Title),
        ("status", Part::Status),
        ("priority", Part::Priority),
        ("type", Part::Kind),
        ("labels", Part::Labels),
        ("assignee", Part::Assignees),
        ("reporter", Part::Reporter),
        ("milestone", Part::Milestone),
        ("created-date", Part::Created),
        ("updated-date", Part::Updated),
        ("completed-date", Part::Closed),
        ("dependencies", Part::BlockedBy),
        ("parent-task-id", Part::Parent),
        ("subtasks", Part::Children),
        ("references", Part::References),
    ],
    statuses: &[("to do", Category::Open), ("in progress", Category::InProgress), ("done", Category::Closed)],
    priorities: &[],
    left_out: &[],
    separators: &[';', '\n'],
    names_are_whole: false,
    canonical: str::to_lowercase,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".md"], is_yaml: false, place };

fn place(path: &str) -> Option<PathFacts> {
    let folders: Vec<&str> = path.rsplit_once('/').map_or(Vec::new(), |(folders, _)| folders.split('/').collect());
    // The name of a file is that of the task, then ` - ` and its title.
    let (name, title) = stem(path).split_once(" - ").unwrap_or((stem(path), ""));
    let is_task = name.rsplit_once('-').is_some_and(|(_, number)| number.starts_with(|c: char| c.is_ascii_digit()));
    let is_elsewhere =
        folders.iter().any(|folder| matches!(*folder, "decisions" | "docs" | "documents" | "milestones"));
    if !is_task || is_elsewhere {
        return None;
    }
    let status = match folders.as_slice() {
        [.., "archive", _] | [.., "archive"] => Some("cancelled"),
        [.., "completed"] => Some("done"),
        _ => None,
    };
    let title = Some(title.replace('-', " ").trim().to_owned()).filter(|title| !title.is_empty());
    Some(PathFacts { name: Some(name.to_owned()), title, status, ..PathFacts::default() })
}

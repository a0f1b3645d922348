//! Folders of Markdown files with front matter: any, and as we write them.
//!
//! | front matter | Tickety |
//! |---|---|
//! | `id`, `key`, or else the path of the file without its ending | the reference `markdown:ID` |
//! | `--map PART=KEY`, or a usual name (`title`, `status`, `tags`, `assignee`, `due`, `created`, …) | the part |
//! | every other key | a custom field of that name |
//! | the first heading where there is no title, else the name of the file | the title |
//! | the text | the body |

mod writer;

use tickety_core::issue::Priority;

use super::assembly::Profile;
use super::files::{Layout, PathFacts, stem, title_of};
use super::part::{Part, Unit};

pub use writer::{FileSink, MarkdownWriter};

/// What keys of front matter usually mean.
pub(super) const PARTS: &[(&str, Part)] = &[
    ("id", Part::Id),
    ("key", Part::Id),
    ("title", Part::Title),
    ("name", Part::Title),
    ("summary", Part::Title),
    ("subject", Part::Title),
    ("description", Part::Body),
    ("status", Part::Status),
    ("state", Part::Status),
    ("resolution", Part::Reason),
    ("close-reason", Part::Reason),
    ("close-note", Part::Note),
    ("priority", Part::Priority),
    ("prio", Part::Priority),
    ("kind", Part::Kind),
    ("type", Part::Kind),
    ("labels", Part::Labels),
    ("label", Part::Labels),
    ("tags", Part::Labels),
    ("tag", Part::Labels),
    ("assignees", Part::Assignees),
    ("assignee", Part::Assignees),
    ("assigned-to", Part::Assignees),
    ("owner", Part::Assignees),
    ("reporter", Part::Reporter),
    ("author", Part::Reporter),
    ("created-by", Part::Reporter),
    ("milestone", Part::Milestone),
    ("due", Part::Due),
    ("due-date", Part::Due),
    ("deadline", Part::Due),
    ("estimate", Part::Estimate(Unit::Minutes)),
    ("spent", Part::Spent(Unit::Minutes)),
    ("created", Part::Created),
    ("created-at", Part::Created),
    ("created-date", Part::Created),
    ("date", Part::Created),
    ("updated", Part::Updated),
    ("updated-at", Part::Updated),
    ("updated-date", Part::Updated),
    ("modified", Part::Updated),
    ("closed", Part::Closed),
    ("closed-at", Part::Closed),
    ("closed-date", Part::Closed),
    ("completed", Part::Closed),
    ("completed-at", Part::Closed),
    ("completed-date", Part::Closed),
    ("references", Part::References),
    ("reference", Part::References),
    ("url", Part::References),
    ("external-ref", Part::References),
    ("parent", Part::Parent),
    ("parent-id", Part::Parent),
    ("epic", Part::Parent),
    ("children", Part::Children),
    ("blocked-by", Part::BlockedBy),
    ("depends-on", Part::BlockedBy),
    ("dependencies", Part::BlockedBy),
    ("deps", Part::BlockedBy),
    ("blocks", Part::Blocks),
    ("blocking", Part::Blocks),
    ("relates", Part::Relates),
    ("related", Part::Relates),
    ("related-to", Part::Relates),
    ("duplicate-of", Part::DuplicateOf),
    ("discovered-from", Part::DiscoveredFrom),
    ("fields", Part::Fields),
    ("comments", Part::Comment),
];

/// What a list that is one text has between its items.
pub(super) const SEPARATORS: &[char] = &[';', '\n'];

const PRIORITIES: &[(&str, Priority)] = &[];

const PROFILE: Profile = Profile {
    system: "markdown",
    parts: PARTS,
    statuses: &[],
    priorities: PRIORITIES,
    left_out: &[],
    separators: SEPARATORS,
    names_are_whole: false,
    canonical: str::to_owned,
};

pub(super) const LAYOUT: Layout = Layout { profile: &PROFILE, endings: &[".md", ".markdown"], is_yaml: false, place };

fn place(path: &str) -> Option<PathFacts> {
    let name = path.strip_suffix(".md").or_else(|| path.strip_suffix(".markdown")).unwrap_or(path);
    Some(PathFacts { name: Some(name.to_owned()), title: title_of(stem(path)), ..PathFacts::default() })
}

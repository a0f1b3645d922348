//! What became of an issue, commit by commit.

use serde::{Deserialize, Serialize};
use tickety_store::history;

use super::answer::RecordProblem;
use super::event::Happening;
use super::exact_struct;
use super::issue::Issue;

/// The history of an issue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactHistory))]
pub struct History {
    /// The name that it has, or had last.
    pub key: String,
    /// Its UUID.
    pub id: Option<String>,
    /// The title that it has, or had last.
    pub title: String,
    /// The issue as it is.
    pub current: Option<Box<Issue>>,
    /// What became of it, oldest first.
    pub steps: Vec<Step>,
    /// Whether there are older steps.
    pub more: bool,
    /// Whether the clone lacks older commits.
    pub is_shallow: bool,
}

exact_struct!(history::History as History { key, id, title, current, steps, more, is_shallow });

/// What one commit did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactStep))]
pub struct Step {
    /// The commit; `null` for what isn't committed.
    pub commit: Option<Commit>,
    /// The names before and after, if the issue got another number.
    pub renumbered: Option<(String, String)>,
    /// What happened.
    pub events: Vec<Happening>,
    /// The files that can't be read as they were after it.
    pub problems: Vec<RecordProblem>,
}

exact_struct!(history::Step as Step { commit, renumbered, events, problems });

/// A commit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactCommit))]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// When it was written.
    pub authored: String,
    /// When it was committed.
    pub committed: String,
    /// Who wrote it.
    pub author: String,
    /// The address of who wrote it.
    pub email: String,
    /// The first line of its message.
    pub subject: String,
}

exact_struct!(history::Commit as Commit { id, authored, committed, author, email, subject });

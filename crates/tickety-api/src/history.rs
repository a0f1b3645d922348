//! The history of an issue on the wire.

use serde::Serialize;
use serde_json::Value;
use tickety_store::history;

use crate::envelope::Problem;
use crate::event::{Happening, field_value};

/// What became of an issue, commit by commit.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// The name that it has, or had last.
    pub key: String,
    /// The UUID; `null` where no version of the issue can be read.
    pub id: Option<String>,
    /// The title that it has, or had last.
    pub title: String,
    /// Whether it is there now and can be read.
    pub exists: bool,
    /// What became of it, oldest first.
    pub steps: Vec<Step>,
    /// Whether there are older steps.
    pub more: bool,
    /// Whether the clone lacks older commits.
    pub shallow: bool,
}

/// What one commit did to an issue.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// The commit; `null` for what isn't committed.
    pub commit: Option<Commit>,
    /// The names before and after, if the issue got another number.
    pub renumbered: Option<Renumbered>,
    /// What happened.
    pub events: Vec<Happening>,
    /// The files that can't be read as they were after it.
    pub problems: Vec<Problem>,
}

/// A change of a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renumbered {
    /// The name before.
    pub from: String,
    /// The name after.
    pub to: String,
}

/// A commit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// The address of who wrote it.
    pub email: String,
    /// When it was written.
    pub authored: String,
    /// When it was committed.
    pub committed: String,
    /// The first line of its message.
    pub subject: String,
}

/// Who last changed each part of an issue.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Authorships {
    /// The name of the issue.
    pub key: String,
    /// The UUID.
    pub id: Option<String>,
    /// The title.
    pub title: String,
    /// The parts: fields in the order of the file, those that were emptied, links.
    pub fields: Vec<Authorship>,
    /// Whether the clone lacks older commits.
    pub shallow: bool,
}

/// Who last changed a part of an issue.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Authorship {
    /// A field as queries call it, or the kind of a link.
    pub field: String,
    /// What it is: a text, a list, or `null` for nothing. Of a link, the other issue.
    pub value: Value,
    /// The commit that made it so; `null` for what isn't committed, or older than what is known.
    pub commit: Option<Commit>,
    /// Whether it isn't committed.
    pub uncommitted: bool,
}

impl From<&history::History> for History {
    fn from(history: &history::History) -> Self {
        let history::History { key, id, title, current, steps, more, is_shallow } = history;
        Self {
            key: key.to_string(),
            id: id.map(|id| id.to_string()),
            title: title.clone(),
            exists: current.is_some(),
            steps: steps.iter().map(Step::from).collect(),
            more: *more,
            shallow: *is_shallow,
        }
    }
}

impl From<&history::Step> for Step {
    fn from(step: &history::Step) -> Self {
        let history::Step { commit, renumbered, events, problems } = step;
        Self {
            commit: commit.as_ref().map(Commit::from),
            renumbered: renumbered.map(|(from, to)| Renumbered { from: from.to_string(), to: to.to_string() }),
            events: events.iter().map(Happening::from).collect(),
            problems: problems.iter().cloned().map(Problem::from).collect(),
        }
    }
}

impl From<&history::Commit> for Commit {
    fn from(commit: &history::Commit) -> Self {
        let history::Commit { id, authored, committed, author, email, subject } = commit;
        Self {
            id: id.clone(),
            author: author.clone(),
            email: email.clone(),
            authored: authored.to_string(),
            committed: committed.to_string(),
            subject: subject.clone(),
        }
    }
}

impl From<&history::History> for Authorships {
    fn from(history: &history::History) -> Self {
        let fields = history.authorship().into_iter().map(|authorship| {
            let history::Authorship { part, state, step } = authorship;
            let commit = step.and_then(|step| step.commit.as_ref()).map(Commit::from);
            let uncommitted = step.is_some() && commit.is_none();
            Authorship { field: part.name(), value: field_value(&state), commit, uncommitted }
        });
        Self {
            key: history.key.to_string(),
            id: history.id.map(|id| id.to_string()),
            title: history.title.clone(),
            fields: fields.collect(),
            shallow: history.is_shallow,
        }
    }
}

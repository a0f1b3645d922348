//! The `data` of answers about batches: docs/batches.md.

mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tickety_core::ident::IssueKey;
use tickety_core::issue::{Issue, Priority};
use tickety_core::operation::{FieldChange, OperationError, field_changes};
use tickety_core::schema::{Category, Schema};
use tickety_store::StorageError;
use tickety_store::storage::{self, Effect};

use crate::envelope::milliseconds;
use crate::error::ErrorCode;
use crate::event::field_value;
pub use operations::Operations;

/// Where an operation of a batch comes from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The line that says it, from 1, if one does.
    pub line: Option<u64>,
    /// What was given for the issue that it is about.
    pub name: Option<String>,
}

impl Origin {
    /// Returns what an issue is called that the operation of this place and origin would make.
    fn name_of_new(origin: Option<&Self>, index: usize) -> String {
        match origin.and_then(|origin| origin.name.as_deref()) {
            Some(name) => name.to_owned(),
            None => match origin.and_then(|origin| origin.line) {
                Some(line) => format!("(line {line})"),
                None => format!("(operation {index})"),
            },
        }
    }
}

/// What a batch did, or would do.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchAnswer {
    /// Whether it was only worked out what would happen.
    pub dry_run: bool,
    /// Whether it was to be all or nothing.
    pub atomic: bool,
    /// Whether nothing was changed because something could not be done.
    pub rolled_back: bool,
    /// How many operations came out how.
    pub counts: Counts,
    /// The issues that were made.
    pub created: Vec<BatchItem>,
    /// The issues that changed.
    pub updated: Vec<BatchItem>,
    /// The issues that are gone.
    pub deleted: Vec<BatchItem>,
    /// The issues that already were as asked.
    pub unchanged: Vec<BatchItem>,
    /// What could not be done, in order.
    pub failures: Vec<BatchFailure>,
    /// What would change; only where nothing was changed because that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<BatchChange>>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// How many operations came out how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = BatchCounts))]
pub struct Counts {
    /// How many made an issue.
    pub created: usize,
    /// How many changed one.
    pub updated: usize,
    /// How many removed one.
    pub deleted: usize,
    /// How many found it as asked.
    pub unchanged: usize,
    /// How many could not be applied.
    pub failed: usize,
}

impl From<&storage::BatchOutcome> for Counts {
    fn from(outcome: &storage::BatchOutcome) -> Self {
        Self {
            created: outcome.count(Effect::Created),
            updated: outcome.count(Effect::Updated),
            deleted: outcome.count(Effect::Deleted),
            unchanged: outcome.count(Effect::Unchanged),
            failed: outcome.failures.len(),
        }
    }
}

/// An issue that an operation was about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchItem {
    /// The place of the operation, from 0.
    pub index: usize,
    /// The line that says it, from 1; `null` where none does.
    pub line: Option<u64>,
    /// The number; `null` for an issue that isn't made yet.
    pub number: Option<u32>,
    /// The unambiguous name; `null` for an issue that isn't made yet.
    pub key: Option<String>,
    /// The version after the batch; `null` once deleted, and where it isn't known yet.
    pub version: Option<String>,
}

/// Why an operation could not be applied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchFailure {
    /// The place of the operation, from 0.
    pub index: usize,
    /// The line that says it, from 1; `null` where none does.
    pub line: Option<u64>,
    /// The issue as it was given; `null` for one to be made.
    pub issue: Option<String>,
    /// What programs tell errors apart by.
    pub code: &'static str,
    /// What people read.
    pub message: String,
}

/// How an issue would change.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchChange {
    /// The unambiguous name; `null` for an issue that would be made.
    pub key: Option<String>,
    /// `created`, `updated` or `deleted`.
    pub effect: &'static str,
    /// The title as it is, or as it would be.
    pub title: String,
    /// The fields that would differ; none of an issue that would be deleted.
    pub fields: Vec<BatchField>,
    /// The links that would be added, as in `blocked-by 42-k3f9`.
    pub links_added: Vec<String>,
    /// The links that would be removed.
    pub links_removed: Vec<String>,
    /// How many comments would be added.
    pub comments_added: usize,
}

/// A field that would differ.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchField {
    /// Which, as queries call it.
    pub field: String,
    /// What it is: a text, a list or `null`.
    pub before: Value,
    /// What it would be.
    pub after: Value,
}

impl BatchAnswer {
    /// Makes the answer of what a batch did. Of a preview the names of new issues are not said: they aren't theirs.
    pub fn new(outcome: &storage::BatchOutcome, origins: &[Origin], atomic: bool, dry_run: bool) -> Self {
        let storage::BatchOutcome { outcomes, failures, rolled_back, replayed: _ } = outcome;
        let created = outcomes.iter().filter(|outcome| dry_run && outcome.effect == Effect::Created);
        let unnamed: BTreeSet<IssueKey> = created.map(|outcome| outcome.key).collect();
        let of = |effect: Effect| {
            let items = outcomes.iter().filter(|outcome| outcome.effect == effect);
            items.map(|outcome| BatchItem::new(outcome, origins, !unnamed.contains(&outcome.key))).collect()
        };
        Self {
            dry_run,
            atomic,
            rolled_back: *rolled_back,
            counts: outcome.into(),
            created: of(Effect::Created),
            updated: of(Effect::Updated),
            deleted: of(Effect::Deleted),
            unchanged: of(Effect::Unchanged),
            failures: failures.iter().map(|failure| BatchFailure::new(failure, origins)).collect(),
            changes: None,
            duration_ms: 0.0,
        }
    }

    /// Makes the answer of what a batch would do.
    pub fn of_preview(preview: &storage::BatchPreview, origins: &[Origin], atomic: bool, schema: &Schema) -> Self {
        let storage::BatchPreview { outcome, changes } = preview;
        let made = outcome.outcomes.iter().filter(|outcome| outcome.effect == Effect::Created);
        // The names of new issues aren't theirs yet.
        let made: BTreeMap<IssueKey, usize> = made.map(|outcome| (outcome.key, outcome.index)).collect();
        let name = |key: IssueKey| match made.get(&key) {
            Some(index) => Origin::name_of_new(origins.get(*index), *index),
            None => key.to_string(),
        };
        let changes = changes.iter().map(|change| BatchChange::new(change, schema, name)).collect();
        Self { changes: Some(changes), ..Self::new(outcome, origins, atomic, true) }
    }

    /// Says how long it took, to the microsecond.
    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self { duration_ms: milliseconds(duration), ..self }
    }
}

impl BatchItem {
    fn new(outcome: &storage::OperationOutcome, origins: &[Origin], named: bool) -> Self {
        let storage::OperationOutcome { index, key, id: _, effect: _, version, path: _ } = outcome;
        Self {
            index: *index,
            line: origins.get(*index).and_then(|origin| origin.line),
            number: named.then(|| key.number.get()),
            key: named.then(|| key.to_string()),
            version: version.map(|version| version.to_string()),
        }
    }
}

impl BatchFailure {
    /// Says why an operation failed, and where it comes from.
    pub fn new(failure: &storage::OperationFailure, origins: &[Origin]) -> Self {
        let storage::OperationFailure { index, error } = failure;
        let line_of = |index: usize| origins.get(index).and_then(|origin| origin.line);
        let message = match error {
            StorageError::Refused { source: OperationError::NeedsFailed { index, reason }, .. } => {
                match line_of(*index) {
                    Some(line) => format!("line {line}, which this one needs, failed: {reason}"),
                    None => error.to_string(),
                }
            }
            _ => error.to_string(),
        };
        Self {
            index: *index,
            line: line_of(*index),
            issue: origins.get(*index).and_then(|origin| origin.name.clone()),
            code: ErrorCode::from(error).as_str(),
            message,
        }
    }
}

impl BatchChange {
    /// Compares an issue before and after. `name` says what to call the other ends of links.
    pub fn new(change: &storage::ChangedIssue, schema: &Schema, name: impl Fn(IssueKey) -> String) -> Self {
        let storage::ChangedIssue { key, before, after } = change;
        let (effect, title) = match (before, after) {
            (None, Some(after)) => (Effect::Created, &after.title),
            (Some(before), Some(_)) => (Effect::Updated, &before.title),
            (Some(before), None) => (Effect::Deleted, &before.title),
            (None, None) => (Effect::Unchanged, &String::new()),
        };
        let mut made = Self {
            key: (effect != Effect::Created).then(|| key.to_string()),
            effect: effect.as_str(),
            title: title.clone(),
            fields: Vec::new(),
            links_added: Vec::new(),
            links_removed: Vec::new(),
            comments_added: 0,
        };
        let Some(after) = after else { return made };
        let before = before.clone().unwrap_or_else(|| blank(after, schema));
        let links = |of: &Issue, other: &Issue| {
            let differing = of.links.difference(&other.links);
            differing
                .map(|link| match link.target.suffix {
                    Some(suffix) => format!("{} {}", link.kind, name(IssueKey { number: link.target.number, suffix })),
                    None => format!("{} {}", link.kind, link.target),
                })
                .collect()
        };
        made.fields = field_changes(&before, after).into_iter().map(BatchField::from).collect();
        made.links_added = links(after, &before);
        made.links_removed = links(&before, after);
        let is_new = |id| !before.comments.iter().any(|comment| comment.id == id);
        made.comments_added = after.comments.iter().filter(|comment| is_new(comment.id)).count();
        made
    }
}

/// Returns what a new issue is compared with: itself before anything was said about it.
fn blank(issue: &Issue, schema: &Schema) -> Issue {
    Issue {
        number: issue.number,
        id: issue.id,
        title: String::new(),
        body: String::new(),
        status: schema.first_of(Category::Open),
        closure: None,
        priority: Priority::default(),
        kind: schema.default_kind.clone(),
        labels: BTreeSet::new(),
        assignees: BTreeSet::new(),
        reporter: None,
        milestone: None,
        due: None,
        estimate: None,
        spent: None,
        comments: Vec::new(),
        links: BTreeSet::new(),
        references: BTreeSet::new(),
        fields: BTreeMap::new(),
        created: issue.created,
        imported_updated: None,
    }
}

impl From<FieldChange> for BatchField {
    fn from(change: FieldChange) -> Self {
        let FieldChange { field, before, after } = change;
        Self { field: field.to_string(), before: field_value(&before), after: field_value(&after) }
    }
}

//! The keys of a beads record.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The keys that become parts of an issue, as far as they have the type that they should have.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) status: Option<String>,
    pub(super) priority: Option<u64>,
    pub(super) issue_type: Option<String>,
    pub(super) assignee: Option<String>,
    pub(super) estimate: Option<u64>,
    pub(super) created_at: Option<String>,
    pub(super) created_by: Option<String>,
    pub(super) updated_at: Option<String>,
    pub(super) closed_at: Option<String>,
    pub(super) close_reason: Option<String>,
    pub(super) due_at: Option<String>,
    pub(super) external_ref: Option<String>,
    pub(super) labels: Vec<Value>,
    pub(super) dependencies: Vec<Value>,
    pub(super) comments: Vec<Value>,
    pub(super) own: Own,
    pub(super) rest: Vec<(String, Value)>,
}

/// What [`BeadsWriter`](super::BeadsWriter) puts into the key `tickety`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    pub(super) id: Option<String>,
    pub(super) number: Option<u32>,
    /// The whole title, where it is cut.
    pub(super) title: Option<String>,
    pub(super) status: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) reason: Option<String>,
    /// The time of closing that stands there only because beads wants one.
    pub(super) closed_unknown: Option<String>,
    pub(super) milestone: Option<String>,
    pub(super) spent: Option<u32>,
    pub(super) assignees: Vec<String>,
    pub(super) references: Vec<String>,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) comments: BTreeMap<String, String>,
}

impl Parts {
    /// Sorts the keys of a record; its id comes first.
    pub(super) fn take(record: Map<String, Value>) -> (Option<String>, Self) {
        let mut id = None;
        let mut parts = Self::default();
        for (key, value) in record {
            match (key.as_str(), value) {
                ("id", Value::String(text)) => id = Some(text),
                ("title", Value::String(text)) => parts.title = Some(text),
                ("description", Value::String(text)) => parts.description = Some(text),
                ("status", Value::String(text)) => parts.status = Some(text),
                ("priority", Value::Number(number)) if number.as_u64().is_some_and(|rank| rank <= 4) => {
                    parts.priority = number.as_u64();
                }
                ("issue_type", Value::String(text)) => parts.issue_type = Some(text),
                ("assignee", Value::String(text)) => parts.assignee = Some(text),
                ("estimated_minutes", Value::Number(number))
                    if number.as_u64().is_some_and(|minutes| minutes > 0 && u32::try_from(minutes).is_ok()) =>
                {
                    parts.estimate = number.as_u64();
                }
                ("created_at", Value::String(text)) => parts.created_at = Some(text),
                ("created_by", Value::String(text)) => parts.created_by = Some(text),
                ("updated_at", Value::String(text)) => parts.updated_at = Some(text),
                ("closed_at", Value::String(text)) => parts.closed_at = Some(text),
                ("close_reason", Value::String(text)) => parts.close_reason = Some(text),
                ("due_at", Value::String(text)) => parts.due_at = Some(text),
                ("external_ref", Value::String(text)) => parts.external_ref = Some(text),
                ("labels", Value::Array(list)) if !list.is_empty() => parts.labels = list,
                ("dependencies", Value::Array(list)) if !list.is_empty() => parts.dependencies = list,
                ("comments", Value::Array(list)) if !list.is_empty() => parts.comments = list,
                ("tickety", value @ Value::Object(_)) => match Own::deserialize(&value) {
                    Ok(own) => parts.own = own,
                    Err(_) => parts.rest.push((key, value)),
                },
                (_, value) => parts.rest.push((key, value)),
            }
        }
        (id, parts)
    }
}

/// Whether a key has a place of its own, so that no custom field can have its name.
pub(super) fn is_mapped(key: &str) -> bool {
    matches!(
        key,
        "id" | "title"
            | "description"
            | "status"
            | "priority"
            | "issue_type"
            | "assignee"
            | "estimated_minutes"
            | "created_at"
            | "created_by"
            | "updated_at"
            | "closed_at"
            | "close_reason"
            | "due_at"
            | "external_ref"
            | "labels"
            | "dependencies"
            | "comments"
            | "tickety"
    )
}

//! Which fields of an issue an answer has.

use serde::Serialize;
use serde_json::{Map, Value};
use tickety_core::graph::Relation;
use tickety_core::query::FieldName;

/// Returns the name that a field of a query has on the wire.
pub fn wire_name(field: &FieldName) -> &'static str {
    match field {
        FieldName::Number => "number",
        FieldName::Id => "id",
        FieldName::Title => "title",
        FieldName::Body => "body",
        FieldName::Status => "status",
        FieldName::Reason | FieldName::Note | FieldName::Closed => "closed",
        FieldName::Priority => "priority",
        FieldName::Kind => "kind",
        FieldName::Label => "labels",
        FieldName::Assignee => "assignees",
        FieldName::Reporter => "reporter",
        FieldName::Milestone => "milestone",
        FieldName::Due => "due",
        FieldName::Estimate => "estimate_minutes",
        FieldName::Spent => "spent_minutes",
        FieldName::Comment => "comments",
        FieldName::Reference => "references",
        FieldName::Created => "created",
        FieldName::Updated => "updated",
        FieldName::Related(_) | FieldName::Link => "links",
        FieldName::Custom(_) | FieldName::Fields => "fields",
        FieldName::Version => "version",
    }
}

/// Whether a list has to read the whole issue to show the field.
pub fn needs_whole_issue(field: &FieldName) -> bool {
    match field {
        FieldName::Body
        | FieldName::Note
        | FieldName::Comment
        | FieldName::Reference
        | FieldName::Related(_)
        | FieldName::Link
        | FieldName::Custom(_)
        | FieldName::Fields => true,
        FieldName::Number
        | FieldName::Id
        | FieldName::Title
        | FieldName::Status
        | FieldName::Reason
        | FieldName::Priority
        | FieldName::Kind
        | FieldName::Label
        | FieldName::Assignee
        | FieldName::Reporter
        | FieldName::Milestone
        | FieldName::Due
        | FieldName::Estimate
        | FieldName::Spent
        | FieldName::Created
        | FieldName::Closed
        | FieldName::Updated
        | FieldName::Version => false,
    }
}

/// Returns an issue as JSON has it, with the given fields only; see [`select`].
pub fn value(issue: &impl Serialize, fields: &[FieldName]) -> Value {
    let mut value = serde_json::to_value(issue).expect("an issue on the wire has text keys only");
    if let Value::Object(members) = &mut value {
        select(members, fields);
    }
    value
}

/// Leaves of an issue on the wire `number`, `key` and the given fields. No field at all leaves
/// everything.
pub fn select(issue: &mut Map<String, Value>, fields: &[FieldName]) {
    if fields.is_empty() {
        return;
    }
    issue.retain(|name, _| {
        matches!(name.as_str(), "number" | "key") || fields.iter().any(|field| wire_name(field) == name)
    });
    let customs: Vec<&str> = fields
        .iter()
        .filter_map(|field| match field {
            FieldName::Custom(key) => Some(key.as_str()),
            _ => None,
        })
        .collect();
    if let Some(Value::Object(values)) = issue.get_mut("fields")
        && !fields.contains(&FieldName::Fields)
    {
        values.retain(|key, _| customs.contains(&key.as_str()));
    }
    let relations: Vec<Relation> = fields
        .iter()
        .filter_map(|field| match field {
            FieldName::Related(relation) => Some(*relation),
            _ => None,
        })
        .collect();
    if let Some(Value::Array(links)) = issue.get_mut("links")
        && !fields.contains(&FieldName::Link)
    {
        links.retain(|link| relations.iter().any(|relation| link["relation"] == relation.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(fields: &[FieldName]) -> Value {
        let Value::Object(mut issue) = json!({
            "number": 1, "key": "1-aaaa", "title": "t", "body": "b",
            "links": [{"relation": "blocks"}, {"relation": "parent"}],
            "fields": {"a": 1, "b": 2},
        }) else {
            unreachable!("an object was written")
        };
        select(&mut issue, fields);
        Value::Object(issue)
    }

    #[test]
    fn names_are_always_there() {
        assert_eq!(selected(&[FieldName::Title]), json!({"number": 1, "key": "1-aaaa", "title": "t"}));
    }

    #[test]
    fn one_relation_and_one_custom_field_can_be_asked_for() {
        assert_eq!(
            selected(&[FieldName::Related(Relation::Parent), FieldName::Custom("b".to_owned())]),
            json!({"number": 1, "key": "1-aaaa", "links": [{"relation": "parent"}], "fields": {"b": 2}})
        );
    }
}

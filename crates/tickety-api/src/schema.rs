//! The vocabulary of issues on the wire.

use serde::Serialize;
use tickety_core::schema::{self, FieldType};

/// The configured vocabulary of a home.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schema {
    /// The prefix of names such as `TIK-42`.
    pub prefix: String,
    /// The statuses in the order people are shown.
    pub statuses: Vec<Status>,
    /// The kinds of issue.
    pub kinds: Vec<String>,
    /// The kind of an issue that names none.
    pub default_kind: String,
    /// The declared custom fields. One that isn't declared holds free text.
    pub fields: Vec<Field>,
}

/// A status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SchemaStatus))]
pub struct Status {
    /// What it is called.
    pub name: String,
    /// What it counts as: `open`, `in-progress` or `closed`.
    pub category: &'static str,
}

/// A custom field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SchemaField))]
pub struct Field {
    /// The key.
    pub key: String,
    /// `text`, `number`, `date`, `bool` or `choice`.
    pub r#type: &'static str,
    /// What a choice can be; empty for other types.
    pub choices: Vec<String>,
}

impl From<&schema::Schema> for Schema {
    fn from(schema: &schema::Schema) -> Self {
        let schema::Schema { prefix, statuses, kinds, default_kind, fields } = schema;
        Self {
            prefix: prefix.clone(),
            statuses: statuses.iter().map(Status::from).collect(),
            kinds: kinds.iter().map(ToString::to_string).collect(),
            default_kind: default_kind.to_string(),
            fields: fields.iter().map(Field::from).collect(),
        }
    }
}

impl From<&schema::StatusDef> for Status {
    fn from(status: &schema::StatusDef) -> Self {
        let schema::StatusDef { name, category } = status;
        Self { name: name.to_string(), category: category.as_str() }
    }
}

impl From<&schema::FieldDef> for Field {
    fn from(field: &schema::FieldDef) -> Self {
        let schema::FieldDef { key, field_type } = field;
        let (r#type, choices) = match field_type {
            FieldType::Text => ("text", Vec::new()),
            FieldType::Number => ("number", Vec::new()),
            FieldType::Date => ("date", Vec::new()),
            FieldType::Bool => ("bool", Vec::new()),
            FieldType::Choice(choices) => ("choice", choices.clone()),
        };
        Self { key: key.clone(), r#type, choices }
    }
}

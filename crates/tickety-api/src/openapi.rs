//! Descriptions for OpenAPI of what Rust has no type of its own for.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::operation::WireName;

/// An issue in an answer: whole (`Issue`), as a list has it (`IssueSummary`), or with the fields that were asked for.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Row {
    /// The number.
    pub number: u32,
    /// The name that always means this issue, `42-k3f9`.
    pub key: String,
    /// The other fields.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// The value of a custom field: a text, a number, `true` or `false`, or `null` for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldValue;

impl PartialSchema for FieldValue {
    fn schema() -> RefOr<Schema> {
        let types = vec![Type::String, Type::Number, Type::Boolean, Type::Null];
        ObjectBuilder::new().schema_type(SchemaType::Array(types)).into()
    }
}

impl ToSchema for FieldValue {}

impl PartialSchema for WireName {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(u32::MAX));
        let name = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        OneOfBuilder::new()
            .item(number)
            .item(name)
            .description(Some("An issue: its number, name or id, or `$` and what the batch calls it"))
            .into()
    }
}

impl ToSchema for WireName {
    fn name() -> std::borrow::Cow<'static, str> {
        "IssueName".into()
    }
}

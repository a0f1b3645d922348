//! Operations of a batch as they are written: docs/batches.md.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tickety_core::ident::{IssueSelector, Version};
use tickety_core::issue::{CloseReason, FieldValue, Kind, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Change, Draft, DraftComment, Expected, Operation, Target};
use tickety_core::schema::Decimal;

use crate::error::ErrorCode;

/// An operation of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WireOperation {
    /// Makes an issue.
    Create(Box<WireDraft>),
    /// Changes fields of an issue.
    Update(Box<WireUpdate>),
    /// Closes an issue.
    Close(WireClose),
    /// Reopens an issue.
    Reopen(WireReopen),
    /// Comments on an issue.
    Comment(WireComment),
    /// Removes an issue.
    Delete(WireDelete),
}

/// An issue to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireDraft {
    /// What later operations call it, with a `$` before it.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    title: String,
    #[serde(default)]
    body: String,
    status: Option<String>,
    priority: Option<String>,
    kind: Option<String>,
    reporter: Option<String>,
    milestone: Option<String>,
    due: Option<String>,
    estimate_minutes: Option<u32>,
    spent_minutes: Option<u32>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, crate::openapi::FieldValue>))]
    fields: BTreeMap<String, Value>,
    #[serde(default)]
    comments: Vec<String>,
    parent: Option<WireName>,
    #[serde(default)]
    blocked_by: Vec<WireName>,
    #[serde(default)]
    relates: Vec<WireName>,
    #[serde(default)]
    duplicate_of: Vec<WireName>,
    #[serde(default)]
    discovered_from: Vec<WireName>,
}

/// Changes to an issue. `null` clears what can be cleared; what is absent stays as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireUpdate {
    /// Which issue; only where nothing else says that.
    pub issue: Option<WireName>,
    /// The version that it has to be at.
    pub version: Option<String>,
    title: Option<String>,
    body: Option<String>,
    status: Option<String>,
    priority: Option<String>,
    kind: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    reporter: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    milestone: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    due: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    estimate_minutes: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    spent_minutes: Option<Option<u32>>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, crate::openapi::FieldValue>))]
    fields: BTreeMap<String, Value>,
    #[serde(default)]
    add: WireItems,
    #[serde(default)]
    remove: WireItems,
    comment: Option<String>,
}

/// What is added to an issue, or removed from it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireItems {
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    assignees: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    parent: Option<WireName>,
    #[serde(default)]
    blocked_by: Vec<WireName>,
    #[serde(default)]
    relates: Vec<WireName>,
    #[serde(default)]
    duplicate_of: Vec<WireName>,
    #[serde(default)]
    discovered_from: Vec<WireName>,
}

/// How an issue is closed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireClose {
    issue: WireName,
    version: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    duplicate_of: Option<WireName>,
}

/// Which issue is reopened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireReopen {
    issue: WireName,
    version: Option<String>,
}

/// What is said about which issue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireComment {
    issue: WireName,
    version: Option<String>,
    body: String,
}

/// Which issue is removed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireDelete {
    issue: WireName,
    version: Option<String>,
}

/// The name of an issue: a number, a name, an id, or `$` and what the batch calls it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WireName(pub String);

impl<'de> Deserialize<'de> for WireName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = WireName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number, the name or the id of an issue, or `$` and a `ref`")
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<WireName, E> {
                Ok(WireName(number.to_string()))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WireName, E> {
                Ok(WireName(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

/// Why an operation that could be read makes no sense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationFault {
    /// What it is to programs.
    pub code: ErrorCode,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for OperationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OperationFault {}

impl OperationFault {
    fn value(message: String) -> Self {
        Self { code: ErrorCode::BadValue, message }
    }
}

macro_rules! from_parse_error {
    ($($error:ty),*) => {
        $(impl From<$error> for OperationFault {
            fn from(error: $error) -> Self {
                Self { code: (&error).into(), message: error.to_string() }
            }
        })*
    };
}

from_parse_error!(
    tickety_core::ident::SelectorParseError,
    tickety_core::ident::VersionParseError,
    tickety_core::issue::PartParseError
);

/// What the operations of a batch call the issues that it makes.
#[derive(Debug)]
pub struct LocalNames<'a> {
    prefix: &'a str,
    made: BTreeMap<String, usize>,
}

impl<'a> LocalNames<'a> {
    /// Begins a batch in a home whose names have this prefix.
    pub fn new(prefix: &'a str) -> Self {
        Self { prefix, made: BTreeMap::new() }
    }

    /// Makes the operation at a place of the batch. Issues that it refers to by `$` are made before it.
    pub fn operation(&mut self, index: usize, wire: WireOperation) -> Result<Operation, OperationFault> {
        match wire {
            WireOperation::Create(draft) => self.create(index, *draft),
            WireOperation::Update(update) => self.update(*update),
            WireOperation::Close(WireClose { issue, version, reason, note, duplicate_of }) => {
                let reason = match (&reason, &duplicate_of) {
                    (Some(reason), _) => reason.parse()?,
                    (None, Some(_)) => CloseReason::Duplicate,
                    (None, None) => CloseReason::default(),
                };
                if duplicate_of.is_some() && reason != CloseReason::Duplicate {
                    let message = format!("`duplicate_of` closes as duplicate, not as {reason}");
                    return Err(OperationFault::value(message));
                }
                let mut changes = vec![Change::Close { reason, note }];
                if let Some(original) = &duplicate_of {
                    changes.push(Change::AddLink { kind: LinkKind::DuplicateOf, target: self.target(original)? });
                }
                self.changed(&issue, version.as_deref(), changes)
            }
            WireOperation::Reopen(WireReopen { issue, version }) => {
                self.changed(&issue, version.as_deref(), vec![Change::Reopen])
            }
            WireOperation::Comment(WireComment { issue, version, body }) => {
                self.changed(&issue, version.as_deref(), vec![Change::AddComment(DraftComment::new(body))])
            }
            WireOperation::Delete(WireDelete { issue, version }) => {
                Ok(Operation::Delete { target: self.target(&issue)?, expected: expected(version.as_deref())? })
            }
        }
    }

    /// Returns the issue that a name means.
    pub fn target(&self, name: &WireName) -> Result<Target, OperationFault> {
        let WireName(text) = name;
        let Some(local) = text.strip_prefix('$') else {
            return Ok(IssueSelector::parse(text, self.prefix)?.into());
        };
        self.made.get(local).map(|index| Target::Created(*index)).ok_or_else(|| OperationFault {
            code: ErrorCode::NotCreated,
            message: format!("no line before this one makes an issue with `\"ref\": \"{local}\"`"),
        })
    }

    fn changed(
        &self,
        issue: &WireName,
        version: Option<&str>,
        changes: Vec<Change>,
    ) -> Result<Operation, OperationFault> {
        Ok(Operation::Update { target: self.target(issue)?, expected: expected(version)?.map(Expected::from), changes })
    }

    fn create(&mut self, index: usize, wire: WireDraft) -> Result<Operation, OperationFault> {
        let WireDraft {
            reference,
            title,
            body,
            status,
            priority,
            kind,
            reporter,
            milestone,
            due,
            estimate_minutes,
            spent_minutes,
            labels,
            assignees,
            references,
            fields,
            comments,
            parent,
            blocked_by,
            relates,
            duplicate_of,
            discovered_from,
        } = wire;
        let links = self.links(&parent, [&blocked_by, &relates, &duplicate_of, &discovered_from])?;
        let mut draft = Draft {
            body,
            status: status.as_deref().map(Status::new),
            kind: kind.as_deref().map(Kind::new),
            labels: labels.into_iter().collect(),
            assignees: assignees.into_iter().collect(),
            references: references.into_iter().collect(),
            reporter,
            milestone,
            due: due.as_deref().map(date).transpose()?,
            estimate: estimate_minutes.map(Minutes),
            spent: spent_minutes.map(Minutes),
            comments: comments.into_iter().map(DraftComment::new).collect(),
            links,
            ..Draft::new(title)
        };
        if let Some(priority) = priority {
            draft.priority = priority.parse::<Priority>()?;
        }
        for (key, value) in fields {
            if let Some(value) = field_value(&key, value)? {
                draft.fields.insert(key, value);
            }
        }
        if let Some(reference) = reference {
            let fits = !reference.is_empty() && !reference.starts_with('$');
            if !fits {
                return Err(OperationFault::value(format!("`{reference}` can't be a `ref`: it is given without `$`")));
            }
            if self.made.contains_key(&reference) {
                let message = format!("a line before this one has `\"ref\": \"{reference}\"`, too");
                return Err(OperationFault::value(message));
            }
            self.made.insert(reference, index);
        }
        Ok(Operation::Create(Box::new(draft)))
    }

    fn update(&self, wire: WireUpdate) -> Result<Operation, OperationFault> {
        let WireUpdate {
            issue,
            version,
            title,
            body,
            status,
            priority,
            kind,
            reporter,
            milestone,
            due,
            estimate_minutes,
            spent_minutes,
            fields,
            add,
            remove,
            comment,
        } = wire;
        let mut changes = Vec::new();
        changes.extend(title.map(Change::Title));
        changes.extend(body.map(Change::Body));
        changes.extend(status.map(|status| Change::Status(Status::new(&status))));
        if let Some(priority) = priority {
            changes.push(Change::Priority(priority.parse()?));
        }
        changes.extend(kind.map(|kind| Change::Kind(Kind::new(&kind))));
        changes.extend(reporter.map(Change::Reporter));
        changes.extend(milestone.map(Change::Milestone));
        if let Some(due) = due {
            changes.push(Change::Due(due.as_deref().map(date).transpose()?));
        }
        changes.extend(estimate_minutes.map(|minutes| Change::Estimate(minutes.map(Minutes))));
        changes.extend(spent_minutes.map(|minutes| Change::Spent(minutes.map(Minutes))));
        for (key, value) in fields {
            let value = field_value(&key, value)?;
            changes.push(Change::Field { key, value });
        }
        let WireItems { labels, assignees, references, parent, blocked_by, relates, duplicate_of, discovered_from } =
            remove;
        changes.extend(labels.into_iter().map(Change::RemoveLabel));
        changes.extend(assignees.into_iter().map(Change::RemoveAssignee));
        changes.extend(references.into_iter().map(Change::RemoveReference));
        let links = self.links(&parent, [&blocked_by, &relates, &duplicate_of, &discovered_from])?;
        changes.extend(links.into_iter().map(|(kind, target)| Change::RemoveLink { kind, target }));
        let WireItems { labels, assignees, references, parent, blocked_by, relates, duplicate_of, discovered_from } =
            add;
        changes.extend(labels.into_iter().map(Change::AddLabel));
        changes.extend(assignees.into_iter().map(Change::AddAssignee));
        changes.extend(references.into_iter().map(Change::AddReference));
        let links = self.links(&parent, [&blocked_by, &relates, &duplicate_of, &discovered_from])?;
        changes.extend(links.into_iter().map(|(kind, target)| Change::AddLink { kind, target }));
        changes.extend(comment.map(|body| Change::AddComment(DraftComment::new(body))));
        let issue = issue
            .ok_or_else(|| OperationFault { code: ErrorCode::BadInput, message: "missing field `issue`".to_owned() })?;
        self.changed(&issue, version.as_deref(), changes)
    }

    /// Returns the links of a line: its parent, and those of the other kinds in their order.
    fn links(
        &self,
        parent: &Option<WireName>,
        others: [&Vec<WireName>; 4],
    ) -> Result<Vec<(LinkKind, Target)>, OperationFault> {
        let kinds = [LinkKind::BlockedBy, LinkKind::Relates, LinkKind::DuplicateOf, LinkKind::DiscoveredFrom];
        let parent = parent.iter().map(|name| (LinkKind::Parent, name));
        let others = kinds.into_iter().zip(others).flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
        parent.chain(others).map(|(kind, name)| Ok((kind, self.target(name)?))).collect()
    }
}

fn expected(version: Option<&str>) -> Result<Option<Version>, OperationFault> {
    Ok(version.map(str::parse).transpose()?)
}

fn date(text: &str) -> Result<jiff::civil::Date, OperationFault> {
    text.parse().map_err(|_| OperationFault::value(format!("`{text}` is not a date: write 2026-11-30")))
}

/// Reads the value of a custom field; the store gives it the type that the configuration declares.
fn field_value(key: &str, value: Value) -> Result<Option<FieldValue>, OperationFault> {
    let unfit = || OperationFault::value(format!("field `{key}`: a value is a text, a number, true or false, or null"));
    match value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(FieldValue::Bool(value))),
        Value::String(text) => Ok(Some(FieldValue::Text(text))),
        Value::Number(number) => {
            let number = number.as_f64().and_then(Decimal::new).ok_or_else(unfit)?;
            Ok(Some(FieldValue::Number(number)))
        }
        Value::Array(_) | Value::Object(_) => Err(unfit()),
    }
}

/// Reads what is there, be it `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Vec<Operation>, String> {
        let mut names = LocalNames::new("TIK");
        let read = |(index, line): (usize, &&str)| {
            let wire = serde_json::from_str(line).map_err(|error| error.to_string())?;
            names.operation(index, wire).map_err(|fault| fault.message)
        };
        lines.iter().enumerate().map(read).collect()
    }

    #[test]
    fn every_operation_can_be_written() {
        let operations = read(&[
            r#"{"op":"create","ref":"a","title":"one","labels":["x"],"fields":{"n":1.5,"t":"s","b":true},"parent":3}"#,
            r#"{"op":"create","title":"two","blocked_by":["$a",7,"TIK-8"],"due":"2026-11-30","comments":["hm"]}"#,
            r#"{"op":"update","issue":"$a","priority":"high","due":null,"fields":{"t":null},"add":{"labels":["y"]},"remove":{"labels":["x"]},"comment":"so"}"#,
            r#"{"op":"close","issue":"4-k3f9","duplicate_of":"$a"}"#,
            r#"{"op":"reopen","issue":"4-k3f9"}"#,
            r#"{"op":"comment","issue":5,"body":"text"}"#,
            r#"{"op":"delete","issue":5,"version":"00112233445566778899aabbccddeeff"}"#,
        ]);
        insta::assert_debug_snapshot!(operations.unwrap());
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (line, says) in [
            (r#"{"op":"create"}"#, "missing field `title`"),
            (r#"{"op":"create","title":"x","lables":[]}"#, "unknown field `lables`"),
            (r#"{"op":"make","title":"x"}"#, "unknown variant `make`"),
            (r#"{"title":"x"}"#, "missing field `op`"),
            (r#"{"op":"delete","issue":true}"#, "the number, the name or the id of an issue"),
            (r#"{"op":"delete","issue":"$a"}"#, "no line before this one makes an issue with `\"ref\": \"a\"`"),
            (r#"{"op":"delete","issue":"x y"}"#, "x y"),
            (r#"{"op":"delete","issue":1,"version":"1"}"#, "version"),
            (r#"{"op":"update","issue":1,"priority":"urgent"}"#, "urgent"),
            (r#"{"op":"update","issue":1,"due":"soon"}"#, "`soon` is not a date"),
            (r#"{"op":"update","issue":1,"title":null,"fields":{"a":[]}}"#, "field `a`"),
            (r#"{"op":"close","issue":1,"reason":"completed","duplicate_of":2}"#, "closes as duplicate"),
            (r#"{"op":"create","ref":"$a","title":"x"}"#, "without `$`"),
        ] {
            let problem = read(&[line]).expect_err(line);
            assert!(problem.contains(says), "{line}: {problem}");
        }
        let twice = r#"{"op":"create","ref":"a","title":"x"}"#;
        assert!(read(&[twice, twice]).unwrap_err().contains("too"));
    }
}

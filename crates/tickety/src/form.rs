//! The form that the editor shows: the fields of an issue between two `---`, then its body.
//!
//! ```text
//! ---
//! # Empty clears a field; a line taken out leaves its field as it is.
//! title: The parser fails on an empty file
//! status: open
//! labels: parser, crash
//! ---
//! Steps to reproduce: …
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;

use tickety_api::ErrorCode;
use tickety_core::ident::IssueSelector;
use tickety_core::issue::{FieldValue, Issue, Kind, LinkKind, Status};
use tickety_core::operation::{Change, Draft, Target};
use tickety_core::schema::{Category, Schema};
use tickety_engine::convert::Memory;

use crate::context::Context;
use crate::exit::CliError;
use crate::values;

/// The content of a form: its lines in order, and the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// Names and values; a list has commas between its values.
    lines: Vec<(String, String)>,
    body: String,
    /// The prefix of names of issues.
    prefix: String,
}

const FENCE: &str = "---";
const HELP: &str =
    "# Empty clears a field; a line taken out leaves its field as it is. The body follows the second ---.";
const REFERENCE: &str = "reference";
const FIELD: &str = "field.";

/// The lines of every form but those of custom fields and references.
const NAMES: [&str; 16] = [
    "title",
    "status",
    "priority",
    "kind",
    "labels",
    "assignees",
    "reporter",
    "milestone",
    "due",
    "estimate",
    "spent",
    "parent",
    "blocked-by",
    "relates",
    "duplicate-of",
    "discovered-from",
];

impl Form {
    /// Fills a form with what an issue holds. A custom field of several lines has no place in it
    /// and stays as it is, and so does what an import remembers.
    pub fn of_issue(issue: &Issue) -> Self {
        let optional = |value: Option<String>| value.unwrap_or_default();
        let lines = NAMES.map(|name| {
            let value = match name {
                "title" => issue.title.clone(),
                "status" => issue.status.to_string(),
                "priority" => issue.priority.to_string(),
                "kind" => issue.kind.to_string(),
                "labels" => join(&issue.labels),
                "assignees" => join(&issue.assignees),
                "reporter" => optional(issue.reporter.clone()),
                "milestone" => optional(issue.milestone.clone()),
                "due" => optional(issue.due.map(|due| due.to_string())),
                "estimate" => optional(issue.estimate.map(|length| length.to_string())),
                "spent" => optional(issue.spent.map(|length| length.to_string())),
                link => {
                    let names = LinkKind::ALL.into_iter().filter(|kind| kind.as_str() == link);
                    join(&names.flat_map(|kind| issue.links_of(kind)).map(|name| name.to_string()).collect())
                }
            };
            (name.to_owned(), value)
        });
        let references = issue.references.iter().map(|reference| (REFERENCE.to_owned(), reference.clone()));
        let fields = issue
            .fields
            .iter()
            .filter(|(key, _)| !Memory::is_in(key))
            .map(|(key, value)| (format!("{FIELD}{key}"), value.to_string()))
            .filter(|(_, value)| !value.contains('\n'));
        Self {
            lines: lines.into_iter().chain(references).chain(fields).collect(),
            body: issue.body.clone(),
            prefix: String::new(),
        }
    }

    /// Fills a form with what a new issue is to hold.
    pub fn of_draft(draft: &Draft, schema: &Schema) -> Self {
        let optional = |value: Option<String>| value.unwrap_or_default();
        let status = draft.status.clone().unwrap_or_else(|| schema.first_of(Category::Open));
        let kind = draft.kind.clone().unwrap_or_else(|| schema.default_kind.clone());
        let lines = NAMES.map(|name| {
            let value = match name {
                "title" => draft.title.clone(),
                "status" => status.to_string(),
                "priority" => draft.priority.to_string(),
                "kind" => kind.to_string(),
                "labels" => join(&draft.labels),
                "assignees" => join(&draft.assignees),
                "reporter" => optional(draft.reporter.clone()),
                "milestone" => optional(draft.milestone.clone()),
                "due" => optional(draft.due.map(|due| due.to_string())),
                "estimate" => optional(draft.estimate.map(|length| length.to_string())),
                "spent" => optional(draft.spent.map(|length| length.to_string())),
                link => join(
                    &draft
                        .links
                        .iter()
                        .filter(|(kind, _)| kind.as_str() == link)
                        .filter_map(|(_, target)| match target {
                            Target::Existing(selector) => Some(selector.to_string()),
                            Target::Created(_) => None,
                        })
                        .collect(),
                ),
            };
            (name.to_owned(), value)
        });
        let references = draft.references.iter().map(|reference| (REFERENCE.to_owned(), reference.clone()));
        let fields = draft.fields.iter().map(|(key, value)| (format!("{FIELD}{key}"), value.to_string()));
        Self {
            lines: lines.into_iter().chain(references).chain(fields).collect(),
            body: draft.body.clone(),
            prefix: schema.prefix.clone(),
        }
    }

    /// Writes the form.
    pub fn print(&self) -> String {
        let mut text = format!("{FENCE}\n{HELP}\n");
        for (name, value) in &self.lines {
            let gap = if value.is_empty() { "" } else { " " };
            writeln!(text, "{name}:{gap}{value}").expect("writing to a string succeeds");
        }
        text.push_str(FENCE);
        text.push_str("\n\n");
        if !self.body.is_empty() {
            text.push_str(&self.body);
            text.push('\n');
        }
        text
    }

    /// Reads a form, `me` and days such as `tomorrow` as options have them; says on which line something is wrong.
    pub fn parse(text: &str, schema: &Schema, context: &Context) -> Result<Self, CliError> {
        let bad = |line: usize, message: String| CliError::new(ErrorCode::BadValue, format!("line {line}: {message}"));
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let mut rest = text.split_inclusive('\n').enumerate();
        match rest.next() {
            Some((_, first)) if first.trim_end() == FENCE => {}
            _ => return Err(bad(1, format!("the form begins with `{FENCE}`"))),
        }
        let mut lines: Vec<(String, String)> = Vec::new();
        let mut start = text.split_inclusive('\n').next().map_or(0, str::len);
        for (place, line) in rest {
            start += line.len();
            let content = line.trim();
            if content == FENCE {
                let body = text[start..].trim_start_matches('\n').trim_end().to_owned();
                let form = Self { lines, body, prefix: schema.prefix.clone() };
                // What is wrong with a value is said while the editor can still be opened again.
                form.check().map_err(|error| error.about("the form"))?;
                return Ok(form);
            }
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let (name, value) = content
                .split_once(':')
                .ok_or_else(|| bad(place + 1, format!("`{content}` has no colon after a name")))?;
            let name = name.trim_end().to_ascii_lowercase();
            let known = NAMES.contains(&name.as_str()) || name == REFERENCE || name.starts_with(FIELD);
            if !known {
                let message = format!("there is no field `{name}`; a custom one is written `{FIELD}{name}`");
                return Err(bad(place + 1, message));
            }
            if name != REFERENCE && lines.iter().any(|(given, _)| *given == name) {
                return Err(bad(place + 1, format!("`{name}` is given twice")));
            }
            let value = meant(&name, value.trim(), context).map_err(|error| error.about("the form"))?;
            lines.push((name, value));
        }
        Err(bad(text.lines().count(), format!("the `{FENCE}` after the fields is missing")))
    }

    fn check(&self) -> Result<(), CliError> {
        self.lines.iter().try_for_each(|(name, value)| self.setting(name, value).map(drop))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn values(&self, name: &str) -> Option<BTreeSet<String>> {
        self.value(name).map(split)
    }

    fn references(&self) -> BTreeSet<String> {
        let given = self.lines.iter().filter(|(name, value)| name == REFERENCE && !value.is_empty());
        given.map(|(_, value)| value.clone()).collect()
    }

    /// Returns the changes that lead from this form to another.
    pub fn changes(&self, after: Self) -> Result<Vec<Change>, CliError> {
        let mut changes = Vec::new();
        for (name, value) in &after.lines {
            if name == REFERENCE || self.value(name).unwrap_or_default() == value {
                continue;
            }
            match after.setting(name, value)? {
                Setting::Change(change) => changes.push(change),
                Setting::Set { add, remove } => {
                    let (old, new) = (self.values(name).unwrap_or_default(), split(value));
                    for gone in old.difference(&new) {
                        changes.push(remove(gone, &after.prefix)?);
                    }
                    for fresh in new.difference(&old) {
                        changes.push(add(fresh, &after.prefix)?);
                    }
                }
            }
        }
        let (old, new) = (self.references(), after.references());
        changes.extend(old.difference(&new).cloned().map(Change::RemoveReference));
        changes.extend(new.difference(&old).cloned().map(Change::AddReference));
        if self.body != after.body {
            changes.push(Change::Body(after.body));
        }
        Ok(changes)
    }

    /// Puts what the form says into a draft.
    pub fn into_draft(self, base: Draft) -> Result<Draft, CliError> {
        let text = |name| self.value(name).map(str::to_owned).filter(|value: &String| !value.is_empty());
        let mut draft = Draft {
            title: text("title").unwrap_or_default(),
            body: self.body.clone(),
            status: text("status").map(|status| Status::new(&status)),
            kind: text("kind").map(|kind| Kind::new(&kind)),
            priority: text("priority").map(|priority| priority.parse()).transpose()?.unwrap_or_default(),
            labels: self.values("labels").unwrap_or_default(),
            assignees: self.values("assignees").unwrap_or_default(),
            reporter: text("reporter"),
            milestone: text("milestone"),
            due: text("due").map(|due| day(&due)).transpose()?,
            estimate: text("estimate").map(|length| length.parse()).transpose()?,
            spent: text("spent").map(|length| length.parse()).transpose()?,
            references: self.references(),
            links: Vec::new(),
            fields: Default::default(),
            ..base
        };
        for kind in LinkKind::ALL {
            for name in self.values(kind.as_str()).unwrap_or_default() {
                draft.links.push((kind, target(&name, &self.prefix)?));
            }
        }
        for (name, value) in &self.lines {
            if let Some(key) = name.strip_prefix(FIELD).filter(|_| !value.is_empty()) {
                draft.fields.insert(key.to_owned(), FieldValue::Text(value.clone()));
            }
        }
        if draft.title.is_empty() {
            return Err(CliError::new(ErrorCode::BadText, "the title is empty"));
        }
        Ok(draft)
    }

    /// Returns what a line says.
    fn setting(&self, name: &str, value: &str) -> Result<Setting, CliError> {
        let given = Some(value).filter(|value| !value.is_empty()).map(str::to_owned);
        let required =
            || given.clone().ok_or_else(|| CliError::new(ErrorCode::BadValue, format!("the {name} is empty")));
        let change = match name {
            "title" => Change::Title(value.to_owned()),
            "status" => Change::Status(Status::new(&required()?)),
            "priority" => Change::Priority(required()?.parse()?),
            "kind" => Change::Kind(Kind::new(&required()?)),
            "labels" => {
                return Ok(Setting::Set {
                    add: Box::new(|label, _| Ok(Change::AddLabel(label.to_owned()))),
                    remove: Box::new(|label, _| Ok(Change::RemoveLabel(label.to_owned()))),
                });
            }
            "assignees" => {
                return Ok(Setting::Set {
                    add: Box::new(|name, _| Ok(Change::AddAssignee(name.to_owned()))),
                    remove: Box::new(|name, _| Ok(Change::RemoveAssignee(name.to_owned()))),
                });
            }
            "reporter" => Change::Reporter(given),
            "milestone" => Change::Milestone(given),
            "due" => Change::Due(given.as_deref().map(day).transpose()?),
            "estimate" => Change::Estimate(given.map(|length| length.parse()).transpose()?),
            "spent" => Change::Spent(given.map(|length| length.parse()).transpose()?),
            REFERENCE => Change::AddReference(value.to_owned()),
            name => {
                if let Some(kind) = LinkKind::ALL.into_iter().find(|kind| kind.as_str() == name) {
                    for name in split(value) {
                        target(&name, &self.prefix)?;
                    }
                    return Ok(Setting::Set {
                        add: Box::new(move |name, prefix| Ok(Change::AddLink { kind, target: target(name, prefix)? })),
                        remove: Box::new(move |name, prefix| {
                            Ok(Change::RemoveLink { kind, target: target(name, prefix)? })
                        }),
                    });
                }
                let key = name.strip_prefix(FIELD).unwrap_or(name).to_owned();
                Change::Field { key, value: given.map(FieldValue::Text) }
            }
        };
        Ok(Setting::Change(change))
    }
}

type ItemChange = Box<dyn Fn(&str, &str) -> Result<Change, CliError>>;

/// What a line of the form says.
enum Setting {
    /// A single value.
    Change(Change),
    /// Several values: what adding and removing one is.
    Set { add: ItemChange, remove: ItemChange },
}

fn target(name: &str, prefix: &str) -> Result<Target, CliError> {
    Ok(IssueSelector::parse(name, prefix)?.into())
}

/// Returns what a value means that depends on who writes it and when.
fn meant(name: &str, value: &str, context: &Context) -> Result<String, CliError> {
    let person = |name: String| values::person(name, context);
    Ok(match name {
        _ if value.is_empty() => String::new(),
        "assignees" => join(&split(value).into_iter().map(person).collect::<Result<_, _>>()?),
        "reporter" => person(value.to_owned())?,
        "due" => values::date(value, context)?.to_string(),
        _ => value.to_owned(),
    })
}

fn day(text: &str) -> Result<jiff::civil::Date, CliError> {
    text.parse().map_err(|_| CliError::new(ErrorCode::BadValue, format!("`{text}` is not a date such as 2026-11-30")))
}

/// Writes a list, values that hold a comma or a quotation mark in quotation marks.
fn join(values: &BTreeSet<String>) -> String {
    let quoted = |value: &String| {
        if value.contains([',', '"']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.clone() }
    };
    values.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Reads a list that [`join`] wrote, or a person.
fn split(list: &str) -> BTreeSet<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    let mut rest = list.chars().peekable();
    while let Some(c) = rest.next() {
        let value = values.last_mut().expect("there is one from the start");
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                value.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(String::new()),
            c => value.push(c),
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text, &Schema::default(), &Context::fixed(None, false)).unwrap()
    }

    fn problem(text: &str) -> String {
        match Form::parse(text, &Schema::default(), &Context::fixed(None, false)) {
            Err(CliError::Failed(failed)) => failed.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_form_reads_what_it_prints() {
        let mut draft = Draft::new("A title: with a colon");
        draft.body = "# A heading\n\n---\n\nText".to_owned();
        draft.labels = ["a, b", "say \"x\"", "plain"].map(str::to_owned).into();
        draft.references = ["https://example.org/?a,b".to_owned()].into();
        draft.fields.insert("severity".to_owned(), FieldValue::Text("s1".to_owned()));
        let schema = Schema::default();
        let printed = Form::of_draft(&draft, &schema);
        let read = form(&printed.print());
        assert_eq!(read, printed);
        let again = read.into_draft(Draft::default()).unwrap();
        assert_eq!((again.title, again.body, again.labels), (draft.title, draft.body, draft.labels));
        assert_eq!((again.references, again.fields), (draft.references, draft.fields));
    }

    #[test]
    fn only_what_differs_is_changed() {
        let before = form("---\ntitle: t\nlabels: a, b\ndue: 2026-11-30\nfield.x: 1\n---\nbody\n");
        let after = form("---\nlabels: b, c\ndue:\nfield.x: 1\n---\nbody\n");
        assert_eq!(
            before.changes(after).unwrap(),
            [Change::RemoveLabel("a".to_owned()), Change::AddLabel("c".to_owned()), Change::Due(None)]
        );
    }

    #[test]
    fn problems_name_their_line() {
        assert_eq!(problem("title: x\n"), "line 1: the form begins with `---`");
        assert_eq!(problem("---\ntitle: x\n"), "line 2: the `---` after the fields is missing");
        assert_eq!(
            problem("---\ntitel: x\n---\n"),
            "line 2: there is no field `titel`; a custom one is written `field.titel`"
        );
        assert_eq!(problem("---\ntitle: x\ntitle: y\n---\n"), "line 3: `title` is given twice");
        assert!(problem("---\npriority: urgent\n---\n").contains("urgent"));
    }
}

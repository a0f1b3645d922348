//! The options that say what an issue is, and what they mean for a new issue and for one that exists.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use tickety_api::ErrorCode;
use tickety_core::ident::IssueSelector;
use tickety_core::issue::{FieldValue, Issue, Kind, LinkKind, Minutes, Status};
use tickety_core::operation::{Change, Draft, Target};
use tickety_core::query::means_me;

use crate::context::Context;
use crate::exit::CliError;
use crate::question::unescaped;
use crate::session::Session;

/// What an issue is.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Fields")]
pub struct FieldArgs {
    /// Set the status: open, in-progress, closed or a configured one
    #[arg(short, long, value_name = "STATUS")]
    status: Option<String>,

    /// Set the priority: critical, high, medium, low, lowest, or p0 to p4
    #[arg(short, long, value_name = "PRIORITY")]
    priority: Option<String>,

    /// Set the kind: bug, feature, task, chore, epic or a configured one
    #[arg(short, long, value_name = "KIND")]
    kind: Option<String>,

    /// Add labels, with commas between them
    #[arg(short, long = "label", value_name = "LABELS", allow_hyphen_values = true, value_parser = unescaped)]
    labels: Vec<String>,

    /// Add assignees; `me` is you
    #[arg(short, long = "assignee", value_name = "NAMES", allow_hyphen_values = true, value_parser = unescaped)]
    assignees: Vec<String>,

    /// Set who reported it
    #[arg(long, value_name = "NAME")]
    reporter: Option<String>,

    /// Set the milestone
    #[arg(short, long, value_name = "NAME")]
    milestone: Option<String>,

    /// Set the due date: 2026-11-30, today, tomorrow, 3d, 2w or 1mo
    #[arg(long, value_name = "DATE", allow_hyphen_values = true, value_parser = unescaped)]
    due: Option<String>,

    /// Set the estimate: 90, 1h30m, 2d or 1w
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true, value_parser = unescaped)]
    estimate: Option<String>,

    /// Set the time spent
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true, value_parser = unescaped)]
    spent: Option<String>,

    /// Set a custom field
    #[arg(long = "field", value_name = "KEY=VALUE")]
    fields: Vec<String>,

    /// Make it a part of ISSUE
    #[arg(long, value_name = "ISSUE")]
    parent: Option<String>,

    /// Add issues that have to be closed first
    #[arg(long, value_name = "ISSUES", allow_hyphen_values = true, value_parser = unescaped)]
    blocked_by: Vec<String>,

    /// Add issues that have to do with it
    #[arg(long, value_name = "ISSUES", allow_hyphen_values = true, value_parser = unescaped)]
    relates: Vec<String>,

    /// Add issues that say the same
    #[arg(long, value_name = "ISSUES", allow_hyphen_values = true, value_parser = unescaped)]
    duplicate_of: Vec<String>,

    /// Add issues during which it was found
    #[arg(long, value_name = "ISSUES", allow_hyphen_values = true, value_parser = unescaped)]
    discovered_from: Vec<String>,

    /// Add what it is called elsewhere: a URL or system:id
    #[arg(long = "reference", value_name = "REFERENCE", allow_hyphen_values = true, value_parser = unescaped)]
    references: Vec<String>,
}

/// What an option says about a field that holds several values.
#[derive(PartialEq, Eq, Debug)]
enum Item {
    Add(String),
    Remove(String),
    Clear,
}

impl FieldArgs {
    /// Makes a draft of an issue.
    pub fn into_draft(self, title: String, body: String, session: &Session) -> Result<Draft, CliError> {
        let Self {
            status,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            fields,
            parent,
            blocked_by,
            relates,
            duplicate_of,
            discovered_from,
            references,
        } = self;
        let set = |value: Option<String>| value.filter(|value| !value.trim().is_empty());
        let links = [
            (LinkKind::Parent, parent.into_iter().collect()),
            (LinkKind::BlockedBy, blocked_by),
            (LinkKind::Relates, relates),
            (LinkKind::DuplicateOf, duplicate_of),
            (LinkKind::DiscoveredFrom, discovered_from),
        ];
        let mut draft = Draft {
            status: set(status).map(|status| Status::new(&status)),
            kind: set(kind).map(|kind| Kind::new(&kind)),
            labels: added(&labels, "label")?,
            assignees: people(added(&assignees, "assignee")?, session)?,
            reporter: set(reporter).map(|name| person(name, &session.context)).transpose()?,
            milestone: set(milestone),
            due: set(due).map(|text| date(&text, &session.context)).transpose()?,
            estimate: set(estimate).map(|text| length(&text)).transpose()?,
            spent: set(spent).map(|text| length(&text)).transpose()?,
            references: added_whole(&references, "reference")?,
            body,
            ..Draft::new(title)
        };
        if let Some(priority) = set(priority) {
            draft.priority = priority.parse()?;
        }
        for (kind, names) in links {
            for name in added(&names, kind.as_str())? {
                draft.links.push((kind, session.selector(&name)?.into()));
            }
        }
        for field in &fields {
            let (key, value) = key_value(field)?;
            if let Some(value) = value {
                draft.fields.insert(key, value);
            }
        }
        Ok(draft)
    }

    /// Whether the changes depend on what the issue holds, because a field with several values is
    /// to be cleared.
    pub fn clears_list(&self) -> bool {
        let lists = [
            &self.labels,
            &self.assignees,
            &self.blocked_by,
            &self.relates,
            &self.duplicate_of,
            &self.discovered_from,
            &self.references,
        ];
        let clears = |text: &String| text.trim().is_empty();
        lists.into_iter().flatten().any(clears) || self.parent.as_ref().is_some_and(clears)
    }

    /// Makes the changes to an issue that exists. An empty value clears a field; of a field with
    /// several values, `+x` or `x` adds and `-x` removes. `issue` is what it holds now, needed only
    /// where [`clears_list`](Self::clears_list) says so.
    pub fn changes(&self, issue: Option<&Issue>, session: &Session) -> Result<Vec<Change>, CliError> {
        let Self {
            status,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            fields,
            parent,
            blocked_by,
            relates,
            duplicate_of,
            discovered_from,
            references,
        } = self;
        let mut changes = Vec::new();
        let not_empty = |value: &String| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        let required = |value: &String, what: &str| {
            not_empty(value).ok_or_else(|| {
                CliError::new(ErrorCode::BadValue, format!("every issue has a {what}, so it can't be cleared"))
            })
        };
        if let Some(status) = status {
            changes.push(Change::Status(Status::new(&required(status, "status")?)));
        }
        if let Some(priority) = priority {
            changes.push(Change::Priority(required(priority, "priority")?.parse()?));
        }
        if let Some(kind) = kind {
            changes.push(Change::Kind(Kind::new(&required(kind, "kind")?)));
        }
        for item in items(labels) {
            match item {
                Item::Add(label) => changes.push(Change::AddLabel(label)),
                Item::Remove(label) => changes.push(Change::RemoveLabel(label)),
                Item::Clear => changes.extend(held(issue, |issue| &issue.labels).map(Change::RemoveLabel)),
            }
        }
        for item in items(assignees) {
            match item {
                Item::Add(name) => changes.push(Change::AddAssignee(person(name, &session.context)?)),
                Item::Remove(name) => changes.push(Change::RemoveAssignee(person(name, &session.context)?)),
                Item::Clear => changes.extend(held(issue, |issue| &issue.assignees).map(Change::RemoveAssignee)),
            }
        }
        if let Some(reporter) = reporter {
            changes.push(Change::Reporter(not_empty(reporter).map(|name| person(name, &session.context)).transpose()?));
        }
        if let Some(milestone) = milestone {
            changes.push(Change::Milestone(not_empty(milestone)));
        }
        if let Some(due) = due {
            changes.push(Change::Due(not_empty(due).map(|text| date(&text, &session.context)).transpose()?));
        }
        if let Some(estimate) = estimate {
            changes.push(Change::Estimate(not_empty(estimate).map(|text| length(&text)).transpose()?));
        }
        if let Some(spent) = spent {
            changes.push(Change::Spent(not_empty(spent).map(|text| length(&text)).transpose()?));
        }
        for field in fields {
            let (key, value) = key_value(field)?;
            changes.push(Change::Field { key, value });
        }
        let links = [
            (LinkKind::Parent, parent.as_slice()),
            (LinkKind::BlockedBy, blocked_by),
            (LinkKind::Relates, relates),
            (LinkKind::DuplicateOf, duplicate_of),
            (LinkKind::DiscoveredFrom, discovered_from),
        ];
        for (kind, names) in links {
            for item in items(names) {
                match item {
                    Item::Add(name) => changes.push(Change::AddLink { kind, target: target(&name, session)? }),
                    Item::Remove(name) => changes.push(Change::RemoveLink { kind, target: target(&name, session)? }),
                    Item::Clear => changes.extend(issue.into_iter().flat_map(|issue| {
                        issue.links_of(kind).map(move |name| Change::RemoveLink { kind, target: name.into() })
                    })),
                }
            }
        }
        for reference in references {
            match item(reference) {
                Item::Add(reference) => changes.push(Change::AddReference(reference)),
                Item::Remove(reference) => changes.push(Change::RemoveReference(reference)),
                Item::Clear => changes.extend(held(issue, |issue| &issue.references).map(Change::RemoveReference)),
            }
        }
        Ok(changes)
    }
}

fn target(name: &str, session: &Session) -> Result<Target, CliError> {
    session.selector(name).map(|selector: IssueSelector| selector.into())
}

fn held<'a>(
    issue: Option<&'a Issue>,
    list: impl Fn(&'a Issue) -> &'a BTreeSet<String>,
) -> impl Iterator<Item = String> {
    issue.map(list).cloned().unwrap_or_default().into_iter()
}

/// Takes the values of an option apart at their commas.
fn items(values: &[String]) -> impl Iterator<Item = Item> {
    values.iter().flat_map(|value| {
        let several = value.split(',').filter(|text| !text.trim().is_empty()).map(item);
        // Only a value that is empty as a whole clears: a comma too many doesn't.
        several.chain(value.trim().is_empty().then_some(Item::Clear))
    })
}

fn item(text: &str) -> Item {
    let text = text.trim();
    match text.as_bytes().first() {
        None => Item::Clear,
        Some(b'-') => Item::Remove(text[1..].trim().to_owned()),
        Some(b'+') => Item::Add(text[1..].trim().to_owned()),
        Some(_) => Item::Add(text.to_owned()),
    }
}

fn added(values: &[String], what: &str) -> Result<BTreeSet<String>, CliError> {
    only_added(items(values), what)
}

fn added_whole(values: &[String], what: &str) -> Result<BTreeSet<String>, CliError> {
    only_added(values.iter().map(|value| item(value)), what)
}

fn only_added(items: impl Iterator<Item = Item>, what: &str) -> Result<BTreeSet<String>, CliError> {
    items
        .filter(|item| *item != Item::Clear)
        .map(|item| match item {
            Item::Add(text) => Ok(text),
            Item::Remove(text) => Err(CliError::new(
                ErrorCode::BadValue,
                format!("a new issue has no {what} `{text}` that could be removed"),
            )),
            Item::Clear => unreachable!("these were left out"),
        })
        .collect()
}

fn people(names: BTreeSet<String>, session: &Session) -> Result<BTreeSet<String>, CliError> {
    names.into_iter().map(|name| person(name, &session.context)).collect()
}

/// Returns whom a name means: `me` and `@me` are the actor.
pub fn person(name: String, context: &Context) -> Result<String, CliError> {
    if !means_me(&name) {
        return Ok(name);
    }
    context.actor()?.map(str::to_owned).ok_or_else(|| {
        CliError::usage("nobody knows who `me` is").hint("use --as NAME, or set TICKETY_ACTOR or git's user.name")
    })
}

/// Reads a length of work.
pub fn length(text: &str) -> Result<Minutes, CliError> {
    Ok(text.parse()?)
}

/// Reads a day: a date, `today`, `tomorrow`, or how far from today.
pub fn date(text: &str, context: &Context) -> Result<Date, CliError> {
    if let Ok(date) = text.parse() {
        return Ok(date);
    }
    let distance = day_distance(text).ok_or_else(|| {
        let message = format!("`{text}` is not a day: write 2026-11-30, today, tomorrow, 3d, 2w, 1mo or 1y");
        CliError::new(ErrorCode::BadValue, message)
    })?;
    let today = context.now().to_zoned(context.zone().clone()).date();
    Ok(today.saturating_add(distance))
}

fn day_distance(text: &str) -> Option<Span> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "today" => return Some(Span::new()),
        "tomorrow" => return Some(1.days()),
        _ => {}
    }
    let text = text.strip_prefix('+').unwrap_or(&text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    // A distance of more digits than this leaves the calendar.
    let amount: i64 = text[..digits].parse().ok().filter(|_| digits <= 4)?;
    match &text[digits..] {
        "d" => Some(amount.days()),
        "w" => Some(amount.weeks()),
        "mo" => Some(amount.months()),
        "y" => Some(amount.years()),
        _ => None,
    }
}

/// Takes `key=value` apart. The store gives the value the type the config declares for it.
fn key_value(text: &str) -> Result<(String, Option<FieldValue>), CliError> {
    let (key, value) = text.split_once('=').ok_or_else(|| {
        CliError::usage(format!("`{text}` is no field with a value"))
            .hint("write --field KEY=VALUE; an empty value clears it")
    })?;
    let value = Some(value).filter(|value| !value.is_empty()).map(|value| FieldValue::Text(value.to_owned()));
    Ok((key.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_say_whether_to_add_or_to_remove() {
        let read = |text: &str| items(&[text.to_owned()]).collect::<Vec<_>>();
        let add = |text: &str| Item::Add(text.to_owned());
        assert_eq!(read("a, +b,-c"), [add("a"), add("b"), Item::Remove("c".to_owned())]);
        assert_eq!(read("a,"), [add("a")]);
        assert_eq!(read(" "), [Item::Clear]);
    }

    #[test]
    fn days_are_near_or_no_days() {
        for text in ["today", "Tomorrow", "3d", "+2w", "1mo", "9999y"] {
            assert!(day_distance(text).is_some(), "{text}");
        }
        for text in ["", "d", "3", "-3d", "3 days", "99999d", "٣d"] {
            assert!(day_distance(text).is_none(), "{text}");
        }
    }
}

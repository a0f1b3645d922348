//! Writing beads records.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::iter;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::issue::{CloseReason, Closure, Comment, FieldValue, Issue, Kind, LinkKind, Priority, Status};
use tickety_core::operation::limits;
use tickety_core::schema::{Category, Schema};

use super::parts::is_mapped;
use super::{
    OTHER_TYPE, OWN_REFERENCE, STATUS_FIELD, STATUSES, SYSTEM, TITLE, TITLE_FIELD, TYPE_FIELD, TYPES, dependency_type,
    link_kind, reason_of, reference,
};
use crate::convert::Writer;
use crate::convert::identity::{comment_number, fingerprint, imported_comment_id, imported_issue_id};
use crate::convert::memory::{Dependency, Memory};
use crate::convert::text::shorten;

/// The order in which beads writes its keys; others follow by name, then these in the order of
/// [`LAST`].
const FIRST: [&str; 19] = [
    "id",
    "title",
    "description",
    "design",
    "acceptance_criteria",
    "notes",
    "status",
    "priority",
    "issue_type",
    "assignee",
    "owner",
    "estimated_minutes",
    "created_at",
    "created_by",
    "updated_at",
    "closed_at",
    "close_reason",
    "due_at",
    "external_ref",
];

/// The keys that come last.
const LAST: [&str; 4] = ["labels", "dependencies", "comments", "tickety"];

/// Keys that beads reads as something else than text: a custom field that merely has such a name
/// would make the whole record unreadable there.
const NOT_TEXT: [&str; 23] = [
    "agent_state",
    "bonded_from",
    "compacted_at",
    "compaction_level",
    "creator",
    "crystallizes",
    "defer_until",
    "deleted_at",
    "ephemeral",
    "is_template",
    "last_activity",
    "metadata",
    "mol_type",
    "no_history",
    "original_size",
    "pinned",
    "quality_score",
    "started_at",
    "timeout",
    "timeout_seconds",
    "validations",
    "waiters",
    "work_type",
];

/// Writes the `issues.jsonl` of beads.
///
/// An issue that came from beads is called there what it was; any other one by prefix and number,
/// as in `tik-42`.
#[derive(Debug)]
pub struct BeadsWriter<'a, W> {
    output: W,
    schema: &'a Schema,
    names: BTreeMap<IssueKey, String>,
    taken: BTreeSet<String>,
    /// The external references of records, of which beads wants one each.
    external: BTreeSet<String>,
}

impl<'a, W: Write> BeadsWriter<'a, W> {
    /// Writes lines to a stream.
    pub fn new(output: W, schema: &'a Schema) -> Self {
        Self { output, schema, names: BTreeMap::new(), taken: BTreeSet::new(), external: BTreeSet::new() }
    }

    fn name(&mut self, issue: &Issue) -> String {
        let key = issue.key();
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let short = beads_id(issue)
            .map_or_else(|| format!("{}-{}", self.schema.prefix.to_lowercase(), issue.number), str::to_owned);
        // Two branches may each have a 42.
        let name = if self.taken.contains(&short) { format!("{short}-{}", key.suffix) } else { short };
        self.taken.insert(name.clone());
        self.names.insert(key, name.clone());
        name
    }

    fn name_of(&self, target: IssueName) -> Option<&str> {
        if let Some(suffix) = target.suffix {
            return self.names.get(&IssueKey { number: target.number, suffix }).map(String::as_str);
        }
        let mut named = self.names.iter().filter(|(key, _)| target.names(**key));
        match (named.next(), named.next()) {
            (Some((_, name)), None) => Some(name),
            _ => None,
        }
    }
}

impl<W: Write> Writer for BeadsWriter<'_, W> {
    fn wants_introductions(&self) -> bool {
        true
    }

    fn introduce(&mut self, issue: &Issue) {
        self.name(issue);
    }

    fn write(&mut self, issue: &Issue, updated: Timestamp) -> io::Result<()> {
        let name = self.name(issue);
        let memory = Memory::recall(&issue.fields, SYSTEM).unwrap_or_default();
        let mut record = Record {
            schema: self.schema,
            issue,
            memory: &memory,
            values: Map::new(),
            raw: BTreeMap::new(),
            own: Map::new(),
        };
        record.mapped(&name, updated);
        record.custom();
        record.references(&mut self.external);
        for (key, value) in &memory.defaults {
            record.values.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for key in super::ALWAYS {
            record.values.entry(key.to_owned()).or_insert(json!(0));
        }
        let dependencies = dependencies(issue, &name, &memory, |target| self.name_of(target));
        if !dependencies.is_empty() {
            record.values.insert("dependencies".to_owned(), dependencies.into());
        }
        record.comments(&name);
        if !record.own.is_empty() {
            record.values.insert("tickety".to_owned(), record.own.into());
        }
        let Record { values, raw, .. } = record;
        write_object(&mut self.output, &in_order(values), &raw)?;
        self.output.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Returns what beads calls an issue that came from there: of several names the one that the issue was made by, since
/// the external reference of a record may be the name of another one.
fn beads_id(issue: &Issue) -> Option<&str> {
    let mut ids = issue.references.iter().filter_map(|reference| reference.strip_prefix(SYSTEM)?.strip_prefix(':'));
    let first = ids.next()?;
    Some(iter::once(first).chain(ids).find(|id| is_of(issue, id)).unwrap_or(first))
}

/// Whether an issue was made by a name that it has in beads.
fn is_of(issue: &Issue, id_there: &str) -> bool {
    fingerprint(imported_issue_id(&reference(id_there), None).uuid()) == fingerprint(issue.id.uuid())
}

/// Writes an object whose `raw` values stand as they are given.
fn write_object(
    output: &mut impl Write,
    values: &Map<String, Value>,
    raw: &BTreeMap<String, String>,
) -> io::Result<()> {
    if raw.is_empty() {
        return Ok(serde_json::to_writer(output, values)?);
    }
    for (place, (key, value)) in values.iter().enumerate() {
        output.write_all(if place == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *output, key)?;
        output.write_all(b":")?;
        match raw.get(key) {
            Some(text) => output.write_all(text.as_bytes())?,
            None => serde_json::to_writer(&mut *output, value)?,
        }
    }
    output.write_all(b"}")
}

fn in_order(mut values: Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::with_capacity(values.len());
    ordered.extend(FIRST.iter().filter_map(|key| values.shift_remove_entry(*key)));
    let last: Vec<_> = LAST.iter().filter_map(|key| values.shift_remove_entry(*key)).collect();
    values.sort_keys();
    ordered.extend(values);
    ordered.extend(last);
    ordered
}

/// A record in the making.
struct Record<'a> {
    schema: &'a Schema,
    issue: &'a Issue,
    memory: &'a Memory,
    /// The keys of beads.
    values: Map<String, Value>,
    /// The text of those of them that would be printed otherwise.
    raw: BTreeMap<String, String>,
    /// What beads has no key for.
    own: Map<String, Value>,
}

impl Record<'_> {
    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.values.insert(key.to_owned(), value.into());
    }

    /// Sets a text of one line, or what it was before it was trimmed.
    fn set_line(&mut self, key: &str, text: &str) {
        let exact = self.memory.exactly(key, |exact| exact.trim() == text);
        self.set(key, exact.unwrap_or(text));
    }

    /// Sets a text of several lines with what it has lost.
    fn set_paragraphs(&mut self, key: &str, text: &str) {
        self.set(key, self.memory.with_form(key, text));
    }

    /// Sets a time, as it was written if it is still that one.
    fn set_time(&mut self, key: &str, written: Option<&str>, time: Timestamp) {
        let written = written.filter(|text| text.trim().parse().is_ok_and(|written: Timestamp| written == time));
        self.set(key, written.map_or_else(|| time.to_string(), str::to_owned));
    }

    fn field(&self, key: &str) -> Option<String> {
        self.issue.fields.get(key).map(ToString::to_string)
    }

    fn mapped(&mut self, name: &str, updated: Timestamp) {
        let Issue {
            number,
            id,
            title,
            body,
            status,
            closure,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            comments: _,
            links: _,
            references: _,
            fields: _,
            created,
            imported_updated,
        } = self.issue;
        self.set("id", name);
        let is_theirs = beads_id(self.issue).is_some_and(|id_there| is_of(self.issue, id_there));
        let whole = self.field(TITLE_FIELD).filter(|whole| shorten(whole, limits::TITLE) == *title);
        if !is_theirs && whole.is_none() && title.len() > TITLE {
            self.set("title", shorten(title, TITLE));
            self.own.insert("title".to_owned(), title.as_str().into());
        } else {
            self.set_line("title", whole.as_ref().unwrap_or(title));
        }
        if !body.is_empty() {
            self.set_paragraphs("description", body);
        }
        let category = self.schema.category(status);
        let original = self.field(STATUS_FIELD).filter(|_| *status == self.schema.first_of(category));
        let theirs = match (original, category) {
            (Some(original), _) => original,
            (None, Category::Closed) => "closed".to_owned(),
            (None, _) => {
                let word = status.as_str().replace('-', "_");
                match category {
                    _ if is_theirs || STATUSES.contains(&&*word) => word,
                    Category::InProgress => "in_progress".to_owned(),
                    _ => "open".to_owned(),
                }
            }
        };
        let theirs = self.memory.exactly("status", |exact| Status::new(exact) == *status).unwrap_or(&theirs).to_owned();
        let is_told = Status::new(&theirs) == *status || self.field(STATUS_FIELD).as_deref() == Some(&theirs);
        if !is_told && *status != self.schema.first_of(category) {
            self.own.insert("status".to_owned(), status.as_str().into());
        }
        self.set("status", theirs);
        self.set("priority", priority.rank());
        let original = self.field(TYPE_FIELD).filter(|_| *kind == self.schema.default_kind);
        let original = original.as_deref().or(self.memory.exactly("issue_type", |exact| Kind::new(exact) == *kind));
        let theirs = original.unwrap_or(kind.as_str()).to_owned();
        if original.is_none() && !is_theirs && !TYPES.contains(&kind.as_str()) {
            self.set("issue_type", OTHER_TYPE);
            self.own.insert("kind".to_owned(), kind.as_str().into());
        } else {
            self.set("issue_type", theirs);
        }
        let mut assignees = assignees.iter();
        if let Some(assignee) = assignees.next() {
            self.set_line("assignee", assignee);
        }
        let others: Vec<_> = assignees.map(String::as_str).collect();
        if !others.is_empty() {
            self.own.insert("assignees".to_owned(), others.into());
        }
        if let Some(minutes) = estimate {
            self.set("estimated_minutes", minutes.0);
        }
        let memory = self.memory;
        let exact = |key: &str| memory.exact.get(key).map(String::as_str);
        self.set_time("created_at", exact("created_at"), *created);
        if let Some(reporter) = reporter {
            self.set_line("created_by", reporter);
        }
        self.set_time("updated_at", memory.at.as_deref(), imported_updated.unwrap_or(updated));
        if let Some(Closure { at, reason, note }) = closure {
            self.set_time("closed_at", exact("closed_at"), at.unwrap_or(updated));
            if at.is_none() {
                self.own.insert("closed_unknown".to_owned(), updated.to_string().into());
            }
            let guessed = note.as_deref().map_or(CloseReason::Completed, reason_of);
            if let Some(note) = note {
                self.set_paragraphs("close_reason", note);
            }
            if guessed != *reason {
                self.own.insert("reason".to_owned(), reason.as_str().into());
            }
        }
        if let Some(due) = due {
            let exact = self.memory.exact.get("due_at").filter(|text| text.starts_with(&due.to_string()));
            self.set("due_at", exact.cloned().unwrap_or_else(|| format!("{due}T00:00:00Z")));
        }
        if !labels.is_empty() {
            self.set("labels", labels.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if let Some(milestone) = milestone {
            self.own.insert("milestone".to_owned(), milestone.as_str().into());
        }
        if let Some(spent) = spent {
            self.own.insert("spent".to_owned(), spent.0.into());
        }
        if !is_theirs {
            self.own.insert("id".to_owned(), id.to_string().into());
        }
        self.own.insert("number".to_owned(), number.get().into());
    }

    fn custom(&mut self) {
        let mut own = Map::new();
        for (key, value) in &self.issue.fields {
            if Memory::is_in(key) || [STATUS_FIELD, TYPE_FIELD, TITLE_FIELD].contains(&key.as_str()) {
                continue;
            }
            let theirs = self.memory.keys.get(key);
            let name = theirs.unwrap_or(key);
            let field_type = self.schema.field_type(key);
            let same = |exact: &str| FieldValue::parse(exact, &field_type).as_ref() == Ok(value);
            let text = match self.memory.exactly(name, same) {
                Some(exact) => exact.to_owned(),
                None => self.memory.with_form(name, &value.to_string()),
            };
            let parsed = self.memory.json.contains(key).then(|| serde_json::from_str(&text).ok()).flatten();
            let was_there = theirs.is_some() || parsed.is_some();
            let reserved =
                is_mapped(name) || (NOT_TEXT.contains(&name.as_str()) && !fits_untyped(name, value, &parsed));
            if reserved && !was_there {
                own.insert(key.clone(), text.into());
                continue;
            }
            let printed = parsed.as_ref().map(Value::to_string);
            let raw = Some(text.as_str()).filter(|text| printed.is_some_and(|printed| printed != *text));
            let raw = raw.filter(|text| !text.contains('\n')).map(str::to_owned);
            let value = parsed.unwrap_or(Value::String(text));
            // A value that could not be used stands again in its place, unless the place was filled.
            let unfilled = name == "priority" && self.issue.priority == Priority::default();
            if unfilled || !self.values.contains_key(name) {
                self.values.insert(name.clone(), value);
                self.raw.extend(raw.map(|raw| (name.clone(), raw)));
            }
        }
        if !own.is_empty() {
            self.own.insert("fields".to_owned(), own.into());
        }
    }

    fn references(&mut self, taken: &mut BTreeSet<String>) {
        let this = beads_id(self.issue).map(reference);
        let mut others: Vec<&str> =
            self.issue.references.iter().map(String::as_str).filter(|other| Some(*other) != this.as_deref()).collect();
        let remembered = self.memory.exact.get("external_ref").map(String::as_str);
        let own = format!("{OWN_REFERENCE}{}", self.issue.id);
        let known = |external: &str| Some(external) == remembered.map(str::trim);
        let chosen = others
            .iter()
            .position(|other| known(other))
            .or_else(|| others.iter().position(|other| !taken.contains(*other)));
        match (chosen, this) {
            // What a record had is what it has: it is known by that there.
            (_, this) if known(&own) || this.as_deref().is_some_and(known) => {
                let external = remembered.unwrap_or_default().to_owned();
                self.set("external_ref", external);
            }
            (Some(chosen), _) => {
                let external = others.remove(chosen);
                taken.insert(external.to_owned());
                self.set_line("external_ref", external);
            }
            (None, None) => self.set("external_ref", own),
            (None, Some(_)) => {}
        }
        if !others.is_empty() {
            self.own.insert("references".to_owned(), others.into());
        }
    }

    fn comments(&mut self, name: &str) {
        if self.issue.comments.is_empty() {
            return;
        }
        let this = reference(name);
        let names = self.memory.comment_names();
        let theirs: BTreeMap<u128, (&Value, &String)> = self
            .memory
            .comments
            .iter()
            .zip(&names)
            .map(|(id, name)| (fingerprint(imported_comment_id(&this, name, None).uuid()), (id, name)))
            .collect();
        let mut own = Map::new();
        let mut list = Vec::with_capacity(self.issue.comments.len());
        for Comment { id, author, created, body } in &self.issue.comments {
            let known = theirs.get(&fingerprint(id.uuid())).copied();
            let number = known.map_or_else(|| comment_number(*id).into(), |(number, _)| number.clone());
            if known.is_none() {
                own.insert(number.to_string(), id.to_string().into());
            }
            let mut comment = Map::new();
            comment.insert("id".to_owned(), number.clone());
            comment.insert("issue_id".to_owned(), name.into());
            comment.insert("author".to_owned(), author.clone().unwrap_or_default().into());
            let text = known.map(|(_, name)| self.memory.with_form(&format!("comment {name}"), body));
            comment.insert("text".to_owned(), text.unwrap_or_else(|| body.clone()).into());
            comment.insert("created_at".to_owned(), created.to_string().into());
            if let Some(extra) = known.and_then(|(_, name)| self.memory.comment_extra.get(name)) {
                comment.extend(extra.clone());
            }
            list.push(Value::Object(comment));
        }
        self.values.insert("comments".to_owned(), list.into());
        if !own.is_empty() {
            self.own.insert("comments".to_owned(), own.into());
        }
    }
}

/// Whether a value can stand under a key that beads doesn't read as text.
fn fits_untyped(name: &str, value: &FieldValue, parsed: &Option<Value>) -> bool {
    match name {
        "compacted_at" | "defer_until" | "started_at" | "last_activity" => {
            value.to_string().parse::<Timestamp>().is_ok()
        }
        // Only what is deleted may have it.
        "deleted_at" => false,
        "mol_type" | "work_type" => true,
        _ => parsed.is_some(),
    }
}

/// Returns the dependencies of a record: those it came with, as far as they still hold or could
/// never become links, and then the links made here.
fn dependencies<'n>(
    issue: &Issue,
    name: &str,
    memory: &Memory,
    name_of: impl Fn(IssueName) -> Option<&'n str>,
) -> Vec<Value> {
    let links: BTreeSet<(LinkKind, &str)> =
        issue.links.iter().filter_map(|link| Some((link.kind, name_of(link.target)?))).collect();
    let mut made_here = links.clone();
    let mut list = Vec::new();
    for Dependency { kind, on, at, by, extra, unlinked } in &memory.depends {
        let link = (link_kind(kind), on.trim());
        made_here.remove(&link);
        if !unlinked && !links.contains(&link) {
            continue;
        }
        let mut dependency = Map::new();
        dependency.insert("issue_id".to_owned(), name.into());
        dependency.insert("depends_on_id".to_owned(), on.as_str().into());
        dependency.insert("type".to_owned(), kind.as_str().into());
        for (key, value) in [("created_at", at), ("created_by", by)] {
            if let Some(value) = value {
                dependency.insert(key.to_owned(), value.as_str().into());
            }
        }
        dependency.extend(extra.clone());
        list.push(Value::Object(dependency));
    }
    list.extend(made_here.into_iter().map(|(kind, on)| {
        json!({
            "issue_id": name,
            "depends_on_id": on,
            "type": dependency_type(kind),
            "created_at": issue.created.to_string(),
            "created_by": issue.reporter.as_deref().unwrap_or("tickety"),
        })
    }));
    list
}

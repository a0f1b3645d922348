//! Reading beads records.

mod lists;

use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use tickety_core::ident::{IssueId, IssueNumber};
use tickety_core::issue::{CloseReason, Closure, FieldValue, Kind, Minutes, Priority, Status};
use tickety_core::operation::{Draft, limits};
use tickety_core::schema::{Category, Schema};

use super::parts::{Own, Parts, is_mapped};
use super::{
    ALWAYS, OTHER_TYPE, OWN_REFERENCE, STATUS_FIELD, SYSTEM, TITLE, TITLE_FIELD, TYPE_FIELD, ZERO_MEANS_NOTHING,
    reason_of, reference,
};
use crate::convert::duplicates::note_duplicate_keys;
use crate::convert::fields::{Kept, keep, keep_as, show};
use crate::convert::identity::imported_issue_id;
use crate::convert::lines::{Line, Lines, json_problem};
use crate::convert::memory::Memory;
use crate::convert::raw::Raw;
use crate::convert::report::{NoteKind, Place, Report};
use crate::convert::text::{Cleaner, shorten};
use crate::convert::{ForeignLink, Imported, MAX_RECORD, Origin, ReadError, Reader};

/// Reads the `issues.jsonl` of beads.
#[derive(Debug)]
pub struct BeadsReader<'a, R> {
    lines: Lines<R>,
    schema: &'a Schema,
}

impl<'a, R: BufRead> BeadsReader<'a, R> {
    /// Reads from a stream of lines.
    pub fn new(input: R, schema: &'a Schema) -> Self {
        Self { lines: Lines::new(input), schema }
    }
}

impl<R: BufRead> Reader for BeadsReader<'_, R> {
    fn read(&mut self, report: &mut Report) -> Result<Option<Imported>, ReadError> {
        while let Some((line, text)) = self.lines.next()? {
            let place = Place::line(line);
            let text = match text {
                Line::Text(text) => text.trim_ascii(),
                Line::TooLong(length) => {
                    report.records += 1;
                    report.note(
                        NoteKind::Skipped,
                        &place,
                        format!("the line has {length} bytes; the limit is {MAX_RECORD}"),
                    );
                    continue;
                }
            };
            if text.is_empty() {
                continue;
            }
            report.records += 1;
            match serde_json::from_slice::<Map<String, Value>>(text) {
                Ok(record) => {
                    if let Some(imported) = read_record(place, record, &Raw::new(text), self.schema, report) {
                        note_duplicate_keys(text, &imported.place, report);
                        report.readable += 1;
                        return Ok(Some(imported));
                    }
                }
                Err(error) => report.note(NoteKind::Skipped, &place, json_problem(text, &error)),
            }
        }
        Ok(None)
    }
}

fn read_record(
    mut place: Place,
    record: Map<String, Value>,
    raw: &Raw<'_>,
    schema: &Schema,
    report: &mut Report,
) -> Option<Imported> {
    let (written_id, parts) = Parts::take(record);
    let Some(id) = written_id.as_deref().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()) else {
        report.note(NoteKind::Skipped, &place, "the record has no id");
        return None;
    };
    place.name = Some(id.clone());
    let mut cleaner = Cleaner { place: &place, report };
    cleaner.note_trimmed("id", written_id.as_deref().unwrap_or_default());
    let clean_id = cleaner.line("id", id.clone());
    let reference = reference(&clean_id);
    if reference.len() > limits::REFERENCE {
        cleaner.note(NoteKind::Skipped, format!("id has {} bytes; the limit is {}", id.len(), limits::REFERENCE));
        return None;
    }
    if parts.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("tombstone")) {
        cleaner.note(NoteKind::Skipped, tombstone(&parts));
        cleaner.report.deleted += 1;
        return None;
    }
    let mut record = RecordReader {
        schema,
        raw,
        cleaner,
        id: &id,
        reference,
        draft: Draft::default(),
        links: Vec::new(),
        memory: Memory::default(),
        is_own: false,
    };
    record.read(parts)?;
    let RecordReader { reference, draft, links, memory, is_own, .. } = record;
    let origin = Origin::Foreign { system: SYSTEM, reference, memory: Box::new(memory) };
    Some(Imported { place, draft, links, origin, unsaid: Vec::new(), is_own })
}

fn tombstone(parts: &Parts) -> String {
    let detail = |wanted: &str| {
        parts.rest.iter().find(|(key, _)| key == wanted).and_then(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let mut message = "a tombstone: the issue was deleted".to_owned();
    for (word, key) in [(" by ", "deleted_by"), (" at ", "deleted_at"), (": ", "delete_reason")] {
        let text = detail(key);
        if !text.is_empty() {
            message.push_str(word);
            message.push_str(text);
        }
    }
    message
}

struct RecordReader<'a, 't> {
    schema: &'a Schema,
    raw: &'a Raw<'t>,
    cleaner: Cleaner<'a>,
    id: &'a str,
    reference: String,
    draft: Draft,
    links: Vec<ForeignLink>,
    memory: Memory,
    /// Whether it was made from an issue of ours.
    is_own: bool,
}

impl RecordReader<'_, '_> {
    fn read(&mut self, parts: Parts) -> Option<()> {
        let Parts {
            title,
            description,
            status,
            priority,
            issue_type,
            assignee,
            estimate,
            created_at,
            created_by,
            updated_at,
            closed_at,
            close_reason,
            due_at,
            external_ref,
            labels,
            dependencies,
            comments,
            own,
            rest,
        } = parts;
        // Foreign fields first: the others then find out which names are taken.
        for (key, value) in rest {
            self.rest(key, value);
        }
        self.title(title);
        self.body(description)?;
        self.draft.created = self.time("created_at", "created", created_at);
        if let Some(text) = updated_at {
            self.memory.at = Some(text.clone());
            self.draft.imported_updated = self.time("updated_at", "imported_updated", Some(text));
        }
        let closed_at = self.time("closed_at", "closed", closed_at);
        self.status(status, closed_at, close_reason)?;
        if let Some(rank) = priority {
            self.cleaner.report.map("priority", "priority");
            self.draft.priority = u8::try_from(rank).ok().and_then(Priority::from_rank).unwrap_or_default();
        }
        self.kind(issue_type);
        let assignee = self.person("assignee", "assignee", assignee);
        self.draft.assignees.extend(assignee);
        self.draft.reporter = self.person("created_by", "reporter", created_by);
        self.draft.estimate = estimate.and_then(|minutes| u32::try_from(minutes).ok()).map(Minutes);
        if self.draft.estimate.is_some() {
            self.cleaner.report.map("estimated_minutes", "estimate");
        }
        self.due(due_at);
        self.draft.references.insert(self.reference.clone());
        self.cleaner.report.map("id", "reference");
        self.draft.id = Some(imported_issue_id(&self.reference, self.draft.created));
        self.external_reference(external_ref);
        self.labels(labels);
        self.dependencies(dependencies);
        self.comments(comments, &own.comments);
        self.own(own);
        Some(())
    }

    /// Keeps a key that has no place of its own, or not the type that its place needs.
    fn rest(&mut self, key: String, value: Value) {
        let says_nothing = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(true) => false,
            Value::Bool(false) => ZERO_MEANS_NOTHING.contains(&key.as_str()),
            Value::Number(number) => number.as_f64() == Some(0.0) && ZERO_MEANS_NOTHING.contains(&key.as_str()),
        };
        if says_nothing {
            self.default(&key, value);
        } else {
            self.keep(&key, value);
        }
    }

    fn keep(&mut self, key: &str, value: Value) {
        if is_mapped(key) {
            let problem = format!("{key} can't be {}", show(&value));
            self.keep_beside(key, value, &problem);
        } else {
            self.keep_under(key, key, value);
        }
    }

    fn keep_under(&mut self, key: &str, field: &str, value: Value) {
        let exact = self.raw.exact(key, &value);
        let kept = Kept::of(value, exact);
        keep_as(key, field, kept, self.schema, &mut self.draft.fields, &mut self.memory, &mut self.cleaner);
    }

    /// Says which number in a value comes back in another form.
    fn note_numbers(&mut self, key: &str, value: &Value) {
        if let Some((number, printed)) = self.raw.changed_number(key, value) {
            self.cleaner.note(NoteKind::Changed, format!("{key}: {number} is written as {printed}"));
        }
    }

    /// Keeps a value that can't be what its key says.
    fn keep_beside(&mut self, key: &str, value: Value, problem: &str) {
        // Under another name: a custom field `priority` beside the priority would mislead.
        let field = format!("{SYSTEM}-{key}");
        self.cleaner.note(NoteKind::Changed, format!("{problem}; kept as the field `{field}`"));
        self.keep_under(key, &field, value);
    }

    fn default(&mut self, key: &str, value: Value) {
        self.cleaner.report.pass_over(&format!("{key} = {value}"));
        self.note_numbers(key, &value);
        if !(ALWAYS.contains(&key) && value.as_u64() == Some(0)) {
            self.memory.defaults.insert(key.to_owned(), value);
        }
    }

    /// Returns a text that says something; an empty one is a default.
    fn text(&mut self, key: &str, text: Option<String>) -> Option<String> {
        let text = text?;
        if text.trim().is_empty() {
            self.default(key, Value::String(text));
            return None;
        }
        Some(text)
    }

    fn title(&mut self, title: Option<String>) {
        let Some(title) = self.text("title", title) else {
            self.cleaner.note(NoteKind::Changed, "has no title: its id became the title");
            self.draft.title = self.id.to_owned();
            return;
        };
        self.cleaner.report.map("title", "title");
        let title = self.exact_line("title", title);
        if title.len() > limits::TITLE {
            self.cleaner.note(
                NoteKind::Changed,
                format!(
                    "title has {} bytes, cut to {}; whole in the field `{TITLE_FIELD}`",
                    title.len(),
                    limits::TITLE
                ),
            );
            self.draft.title = shorten(&title, limits::TITLE);
            self.field(TITLE_FIELD, title);
        } else {
            self.draft.title = title;
        }
    }

    /// Reads a text of one line; the white space at its ends is kept for an export.
    fn exact_line(&mut self, key: &str, text: String) -> String {
        let line = self.cleaner.line(key, text.clone());
        if text.trim() == line {
            self.memory.note_exact(key, &text, &line);
        }
        line
    }

    /// A custom field of ours, for a value that has no equal here.
    fn field(&mut self, key: &str, text: String) {
        if let Some(text) = self.cleaner.fits(key, text, limits::FIELD) {
            self.draft.fields.insert(key.to_owned(), FieldValue::Text(text));
        }
    }

    fn body(&mut self, description: Option<String>) -> Option<()> {
        let Some(text) = self.text("description", description) else { return Some(()) };
        self.cleaner.report.map("description", "body");
        self.memory.note_form("description", &text, &mut self.cleaner);
        let body = self.cleaner.paragraphs("description", text);
        if body.len() > limits::BODY {
            let problem = format!("description has {} bytes; the limit is {}", body.len(), limits::BODY);
            self.cleaner.note(NoteKind::Skipped, problem);
            return None;
        }
        self.draft.body = body;
        Some(())
    }

    fn time(&mut self, key: &str, ours: &str, text: Option<String>) -> Option<Timestamp> {
        let text = self.text(key, text)?;
        match text.trim().parse::<Timestamp>() {
            Ok(time) => {
                self.cleaner.report.map(key, ours);
                if key != "updated_at" {
                    self.memory.note_exact(key, &text, &time.to_string());
                }
                Some(time)
            }
            Err(_) => {
                self.keep(key, Value::String(text));
                None
            }
        }
    }

    fn status(&mut self, status: Option<String>, at: Option<Timestamp>, note: Option<String>) -> Option<()> {
        let note = self.text("close_reason", note);
        let theirs = status.as_deref().map(str::trim).filter(|status| !status.is_empty()).unwrap_or("open");
        let folded = Status::new(theirs);
        let (ours, known) = match folded.as_str() {
            "inprogress" => (self.schema.first_of(Category::InProgress), true),
            _ if self.schema.has_status(&folded) => (folded, true),
            _ if at.is_some() => (self.schema.first_of(Category::Closed), false),
            _ => (self.schema.first_of(Category::Open), false),
        };
        if let Some(written) = &status {
            // `-` and `_` are the same in a status, and so are upper and lower case.
            self.memory.note_exact("status", written, &ours.as_str().replace('-', "_"));
            self.cleaner.report.map(&format!("status {theirs}"), &format!("status {ours}"));
        }
        if !known {
            let text = self.cleaner.line("status", theirs.to_owned());
            self.cleaner.note(
                NoteKind::Changed,
                format!("no status `{text}` is configured: became {ours}, kept in the field `{STATUS_FIELD}`"),
            );
            self.field(STATUS_FIELD, text);
        }
        if self.schema.category(&ours).is_closed() {
            let reason = note.as_deref().map_or(CloseReason::Completed, reason_of);
            let note = match note {
                None => None,
                Some(text) => {
                    self.cleaner.report.map("close_reason", &format!("note, closed as {reason}"));
                    self.memory.note_form("close_reason", &text, &mut self.cleaner);
                    let text = self.cleaner.paragraphs("close_reason", text);
                    if text.len() > limits::BODY {
                        let problem = format!("close_reason has {} bytes; the limit is {}", text.len(), limits::BODY);
                        self.cleaner.note(NoteKind::Skipped, problem);
                        return None;
                    }
                    Some(text)
                }
            };
            self.draft.closure = Some(Closure { at, reason, note });
        } else {
            // What is left of an earlier closing.
            for (key, value) in [("closed_at", at.map(|at| at.to_string())), ("close_reason", note)] {
                if let Some(value) = value {
                    self.keep_beside(key, Value::String(value), &format!("{key} of an issue that is {ours}"));
                }
            }
        }
        self.draft.status = Some(ours);
        Some(())
    }

    fn kind(&mut self, issue_type: Option<String>) {
        let Some(theirs) = self.text("issue_type", issue_type) else { return };
        let folded = Kind::new(&theirs);
        let kind = if self.schema.has_kind(&folded) {
            self.memory.note_exact("issue_type", &theirs, folded.as_str());
            folded
        } else {
            let text = self.cleaner.line("issue_type", theirs.clone());
            let kind = self.schema.default_kind.clone();
            self.cleaner.note(
                NoteKind::Changed,
                format!("no kind `{text}` is configured: became {kind}, kept in the field `{TYPE_FIELD}`"),
            );
            self.field(TYPE_FIELD, text);
            kind
        };
        self.cleaner.report.map(&format!("issue_type {}", theirs.trim()), &format!("kind {kind}"));
        self.draft.kind = Some(kind);
    }

    fn person(&mut self, key: &str, ours: &str, name: Option<String>) -> Option<String> {
        let text = self.text(key, name)?;
        let name = self.exact_line(key, text);
        let name = self.cleaner.name(key, name)?;
        self.cleaner.report.map(key, ours);
        Some(name)
    }

    fn due(&mut self, due_at: Option<String>) {
        let Some(text) = self.text("due_at", due_at) else { return };
        // The day as it is written: in the zone of whoever set it.
        let day = text.trim().get(..10).and_then(|day| day.parse::<Date>().ok());
        let Some(day) = day else {
            self.keep("due_at", Value::String(text));
            return;
        };
        self.cleaner.report.map("due_at", "due");
        self.draft.due = Some(day);
        self.memory.exact.insert("due_at".to_owned(), text);
    }

    fn external_reference(&mut self, external: Option<String>) {
        let Some(text) = self.text("external_ref", external) else { return };
        let text = self.exact_line("external_ref", text);
        if let Some(id) = text.strip_prefix(OWN_REFERENCE).and_then(|id| id.parse::<IssueId>().ok()) {
            self.draft.id = Some(id);
            self.is_own = true;
            self.memory.exact.entry("external_ref".to_owned()).or_insert(text);
            return;
        }
        if let Some(text) = self.cleaner.fits("external_ref", text, limits::REFERENCE) {
            self.cleaner.report.map("external_ref", "reference");
            self.memory.exact.entry("external_ref".to_owned()).or_insert_with(|| text.clone());
            self.draft.references.insert(text);
        }
    }

    /// What a writer of ours left.
    fn own(&mut self, own: Own) {
        let Own {
            id,
            number,
            title,
            status,
            kind,
            reason,
            milestone,
            spent,
            assignees,
            references,
            fields,
            comments: _,
            closed_unknown,
        } = own;
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            self.draft.id = Some(id);
            self.is_own = true;
        }
        self.draft.number = number.and_then(IssueNumber::new);
        if let Some(status) = status.map(|status| Status::new(&status)).filter(|status| self.schema.has_status(status))
            && self.draft.status.as_ref().map(|known| self.schema.category(known))
                == Some(self.schema.category(&status))
        {
            self.draft.status = Some(status);
        }
        if let Some(kind) = kind.map(|kind| Kind::new(&kind)).filter(|kind| self.schema.has_kind(kind))
            && self.draft.kind.as_ref().is_some_and(|kind| kind.as_str() == OTHER_TYPE)
        {
            self.draft.kind = Some(kind);
        }
        // Somebody may have given it another one there.
        if let Some(title) = title.filter(|title| shorten(title, TITLE) == self.draft.title) {
            let title = self.cleaner.line("title", title);
            if title.len() <= limits::TITLE {
                self.draft.title = title;
            }
        }
        if let (Some(closure), Some(reason)) = (&mut self.draft.closure, reason.and_then(|reason| reason.parse().ok()))
        {
            closure.reason = reason;
        }
        if let Some(closure) = &mut self.draft.closure
            && closed_unknown.is_some()
            && closed_unknown == closure.at.map(|at| at.to_string())
        {
            closure.at = None;
        }
        self.draft.milestone = milestone.and_then(|name| self.cleaner.name("milestone", name));
        self.draft.spent = spent.map(Minutes);
        for name in assignees {
            self.draft.assignees.extend(self.cleaner.name("assignee", name));
        }
        for text in references {
            let text = self.cleaner.line("reference", text);
            self.draft.references.extend(self.cleaner.fits("reference", text, limits::REFERENCE));
        }
        for (key, text) in fields {
            // A name that is taken means that a key of beads has it since.
            if !self.draft.fields.contains_key(&key) {
                let value = Value::String(text);
                keep(&key, &key, value, self.schema, &mut self.draft.fields, &mut self.memory, &mut self.cleaner);
            }
        }
    }
}

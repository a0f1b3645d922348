//! An issue in Tickety's own interchange format: docs/interchange.md says what each key means.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tickety_core::ident::{IssueName, IssueNumber};
use tickety_core::issue::{
    Closure, Comment, CommentId, FieldValue, Issue, Kind, Link, LinkKind, Minutes, Priority, Status,
};
use tickety_core::operation::{Draft, DraftComment, limits};
use tickety_core::schema::{Category, Decimal, Schema};
use uuid::Uuid;

use super::duplicates::note_duplicate_keys;
use super::fields::{Kept, fold_key, keep, keep_as};
use super::memory::Memory;
use super::raw::{Raw, is_same_number};
use super::report::{NoteKind, Place, Report};
use super::text::Cleaner;
use super::{ForeignLink, ForeignTarget, Imported, Origin, ReadError};

/// The name of the format in its header.
const FORMAT: &str = "tickety";

/// The newest version of the format.
const VERSION: u64 = 1;

/// What an input says about itself.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    version: u64,
}

impl Header {
    pub(super) fn current() -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION }
    }

    pub(super) fn check(&self, line: u64) -> Result<(), ReadError> {
        let Self { format, version } = self;
        if format != FORMAT {
            let message = format!("the format is `{format}`, not `{FORMAT}`");
            return Err(ReadError::NotTheFormat { line, message });
        }
        if *version > VERSION {
            return Err(ReadError::NewerVersion { line, version: *version, known: VERSION });
        }
        Ok(())
    }
}

/// An issue as it is stored, nothing derived.
#[derive(Serialize, Deserialize)]
pub(super) struct IssueRecord {
    number: u32,
    id: Uuid,
    title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedRecord>,
    priority: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    assignees: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reporter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    milestone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimate: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spent: Option<u32>,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    imported_updated: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, FieldRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    comments: Vec<CommentRecord>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct ClosedRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(flatten, skip_serializing)]
    unknown: Map<String, Value>,
}

/// A value that shows its type.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FieldRecord {
    Bool(bool),
    Number(f64),
    Text(String),
    Date {
        date: String,
    },
    /// What none of them is: told with its key.
    Other(Value),
}

#[derive(Serialize, Deserialize)]
struct LinkRecord {
    kind: String,
    to: String,
    #[serde(flatten, skip_serializing)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct CommentRecord {
    id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    created: String,
    body: String,
    #[serde(flatten, skip_serializing)]
    unknown: Map<String, Value>,
}

impl From<&Issue> for IssueRecord {
    fn from(issue: &Issue) -> Self {
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
            comments,
            links,
            references,
            fields,
            created,
            imported_updated,
        } = issue;
        Self {
            number: number.get(),
            id: id.uuid(),
            title: title.clone(),
            body: body.clone(),
            status: status.to_string(),
            closed: closure.as_ref().map(|Closure { at, reason, note }| ClosedRecord {
                at: at.map(|at| at.to_string()),
                reason: reason.to_string(),
                note: note.clone(),
                unknown: Map::new(),
            }),
            priority: priority.to_string(),
            kind: kind.to_string(),
            labels: labels.iter().cloned().collect(),
            assignees: assignees.iter().cloned().collect(),
            reporter: reporter.clone(),
            milestone: milestone.clone(),
            due: due.map(|due| due.to_string()),
            estimate: estimate.map(|minutes| minutes.0),
            spent: spent.map(|minutes| minutes.0),
            created: created.to_string(),
            imported_updated: imported_updated.map(|time| time.to_string()),
            references: references.iter().cloned().collect(),
            fields: fields.iter().map(|(key, value)| (key.clone(), value.into())).collect(),
            links: links
                .iter()
                .map(|Link { kind, target }| LinkRecord {
                    kind: kind.to_string(),
                    to: target.to_string(),
                    unknown: Map::new(),
                })
                .collect(),
            comments: comments
                .iter()
                .map(|Comment { id, author, created, body }| CommentRecord {
                    id: id.uuid(),
                    author: author.clone(),
                    created: created.to_string(),
                    body: body.clone(),
                    unknown: Map::new(),
                })
                .collect(),
            unknown: Map::new(),
        }
    }
}

impl From<&FieldValue> for FieldRecord {
    fn from(value: &FieldValue) -> Self {
        match value {
            FieldValue::Text(text) => Self::Text(text.clone()),
            FieldValue::Number(number) => Self::Number(number.get()),
            FieldValue::Date(date) => Self::Date { date: date.to_string() },
            FieldValue::Bool(value) => Self::Bool(*value),
        }
    }
}

impl FieldRecord {
    /// Returns the value; `None` for one that says nothing.
    fn value(self) -> Result<Option<FieldValue>, String> {
        Ok(Some(match self {
            Self::Bool(value) => FieldValue::Bool(value),
            Self::Number(number) => {
                let number = Decimal::new(number).ok_or_else(|| format!("{number} is no finite number"))?;
                FieldValue::Number(number)
            }
            Self::Text(text) => FieldValue::Text(text),
            Self::Date { date } => FieldValue::Date(date.parse().map_err(|_| format!("`{date}` is not a date"))?),
            Self::Other(Value::Null) => return Ok(None),
            Self::Other(value) => {
                return Err(format!(
                    "`{value}` is no value: write a text, a number, true, false or {{\"date\": \"2026-11-30\"}}"
                ));
            }
        }))
    }
}

impl IssueRecord {
    /// Turns the record into what an import takes; `None`, and a note, where it can't be one.
    pub(super) fn imported(self, line: u64, text: &[u8], schema: &Schema, report: &mut Report) -> Option<Imported> {
        let name = IssueNumber::new(self.number).map(|number| number.to_string());
        let place = Place { name, ..Place::line(line) };
        match self.try_imported(&place, &Raw::new(text), schema, report) {
            Ok(imported) => {
                note_duplicate_keys(text, &place, report);
                report.readable += 1;
                Some(imported)
            }
            Err(problem) => {
                report.note(NoteKind::Skipped, &place, problem);
                None
            }
        }
    }

    fn try_imported(
        self,
        place: &Place,
        raw: &Raw<'_>,
        schema: &Schema,
        report: &mut Report,
    ) -> Result<Imported, String> {
        let Self {
            number,
            id,
            title,
            body,
            status,
            closed,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            created,
            imported_updated,
            references,
            fields,
            links,
            comments,
            unknown,
        } = self;
        let mut cleaner = Cleaner { place, report };
        let time = |what: &str, text: &str| text.parse().map_err(|_| format!("{what} `{text}` is not a time"));
        let closure = match closed {
            Some(ClosedRecord { at, reason, note, unknown }) => {
                note_unknown("closed", &unknown, &mut cleaner);
                Some(Closure {
                    at: at.map(|at| time("closed.at", &at)).transpose()?,
                    reason: reason.parse().map_err(|error| format!("closed.reason: {error}"))?,
                    note: note.map(|note| cleaner.paragraphs("closed.note", note)),
                })
            }
            None => None,
        };
        let mut draft = Draft {
            number: Some(IssueNumber::new(number).ok_or("number is 0: numbers start at 1")?),
            id: Some(tickety_core::IssueId::new(id)),
            title: cleaner.line("title", title),
            body: cleaner.paragraphs("body", body),
            closure,
            priority: priority.parse::<Priority>().map_err(|error| error.to_string())?,
            labels: labels.into_iter().collect(),
            assignees: assignees.into_iter().collect(),
            reporter,
            milestone,
            due: due.map(|due| due.parse().map_err(|_| format!("due `{due}` is not a date"))).transpose()?,
            estimate: estimate.map(Minutes),
            spent: spent.map(Minutes),
            references: references.into_iter().collect(),
            created: Some(time("created", &created)?),
            imported_updated: imported_updated.map(|text| time("imported_updated", &text)).transpose()?,
            ..Draft::default()
        };
        let mut comment_ids = HashSet::with_capacity(comments.len());
        for CommentRecord { id, author, created, body, unknown } in comments {
            note_unknown("a comment", &unknown, &mut cleaner);
            let created = Some(time("the time of a comment", &created)?);
            let body = cleaner.paragraphs("comment", body);
            if !comment_ids.insert(id) {
                let note = format!("the comment {id} stands in the record more than once: the last one counts");
                cleaner.note(NoteKind::Dropped, note);
            }
            draft.comments.push(DraftComment { id: Some(CommentId::new(id)), author, created, body });
        }
        read_status(&mut draft, &status, schema, &mut cleaner);
        read_kind(&mut draft, &kind, schema, &mut cleaner);
        let has_numbers = fields.values().any(|value| matches!(value, FieldRecord::Number(_)));
        let written = if has_numbers { raw.members("fields") } else { HashMap::new() };
        for (key, value) in fields {
            let Some(value) = value.value().map_err(|problem| format!("field `{key}`: {problem}"))? else { continue };
            note_number(&key, &value, &written, &mut cleaner);
            let read = FieldValue::parse(&value.to_string(), &schema.field_type(&key));
            let is_key = fold_key(&key) == key;
            if let Ok(read) = &read
                && is_key
                && value.to_string().len() <= limits::FIELD
            {
                note_type(&key, &value, read, &mut cleaner);
                draft.fields.insert(key, value);
            } else {
                let value = Value::String(value.to_string());
                let kept = keep(&key, &key, value, schema, &mut draft.fields, &mut Memory::default(), &mut cleaner);
                if let Some(kept) = kept.filter(|_| !is_key) {
                    cleaner
                        .note(NoteKind::Changed, format!("field `{key}`: kept as `{kept}`, as keys are written here"));
                }
            }
        }
        for (key, value) in unknown {
            cleaner.note(NoteKind::Changed, format!("unknown key `{key}`: kept as a custom field"));
            let exact = raw.exact(&key, &value);
            let kept = Kept::of(value, exact);
            keep_as(&key, &key, kept, schema, &mut draft.fields, &mut Memory::default(), &mut cleaner);
        }
        let mut foreign = Vec::with_capacity(links.len());
        for LinkRecord { kind, to, unknown } in links {
            note_unknown("a link", &unknown, &mut cleaner);
            let Some(kind) = LinkKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
                cleaner.note(NoteKind::Dropped, format!("link {kind} to {to}: there is no such kind of link"));
                continue;
            };
            match IssueName::parse(&to, "") {
                Ok(name) => foreign.push(ForeignLink::new(kind, ForeignTarget::Name(name))),
                Err(error) => cleaner.note(NoteKind::Dropped, format!("link {kind}: {error}")),
            }
        }
        Ok(Imported {
            place: place.clone(),
            draft,
            links: foreign,
            origin: Origin::Own,
            unsaid: Vec::new(),
            is_own: true,
        })
    }
}

/// Reports a number that is too long to be kept as it is.
fn note_number(key: &str, value: &FieldValue, written: &HashMap<String, &RawValue>, cleaner: &mut Cleaner<'_>) {
    if let FieldValue::Number(number) = value
        && let Some(written) = written.get(key).map(|raw| raw.get())
        && !is_same_number(written, &number.to_string())
    {
        cleaner.note(NoteKind::Changed, format!("field `{key}`: the number {written} became {number}"));
    }
}

/// Reports a value whose type a field doesn't have here.
fn note_type(key: &str, value: &FieldValue, read: &FieldValue, cleaner: &mut Cleaner<'_>) {
    let is_text = matches!(value, FieldValue::Text(_));
    if !is_text && value != read {
        let note = format!("field `{key}`: it is not declared with this type here: {value} became a text");
        cleaner.note(NoteKind::Changed, note);
    }
}

/// Reports what stands in a part of a record and has no place there.
fn note_unknown(part: &str, unknown: &Map<String, Value>, cleaner: &mut Cleaner<'_>) {
    for key in unknown.keys() {
        cleaner.note(NoteKind::Dropped, format!("{part}: unknown key `{key}`"));
    }
}

fn read_status(draft: &mut Draft, status: &str, schema: &Schema, cleaner: &mut Cleaner<'_>) {
    let known = Status::new(status);
    if schema.has_status(&known) {
        // A status may mean something else here than where the issue comes from.
        if !schema.category(&known).is_closed() && draft.closure.take().is_some() {
            let note = format!("`{known}` is not a closed status here: how it was closed is not kept");
            cleaner.note(NoteKind::Dropped, note);
        }
        draft.status = Some(known);
    } else {
        let category = if draft.closure.is_some() { Category::Closed } else { Category::Open };
        let instead = schema.first_of(category);
        let note = format!("no status `{status}` is configured: became {instead}, kept in the field `imported-status`");
        cleaner.note(NoteKind::Changed, note);
        draft.fields.insert("imported-status".to_owned(), FieldValue::Text(status.to_owned()));
        draft.status = Some(instead);
    }
    let is_closed = draft.status.as_ref().is_some_and(|status| schema.category(status).is_closed());
    if is_closed && draft.closure.is_none() {
        draft.closure = Some(Closure { at: None, reason: Default::default(), note: None });
    }
}

fn read_kind(draft: &mut Draft, kind: &str, schema: &Schema, cleaner: &mut Cleaner<'_>) {
    let known = Kind::new(kind);
    draft.kind = Some(if schema.has_kind(&known) {
        known
    } else {
        let instead = schema.default_kind.clone();
        let note = format!("no kind `{kind}` is configured: became {instead}, kept in the field `imported-kind`");
        cleaner.note(NoteKind::Changed, note);
        draft.fields.insert("imported-kind".to_owned(), FieldValue::Text(kind.to_owned()));
        instead
    });
}

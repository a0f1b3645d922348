//! From the entries of front matter to records, with the readings that people who write by hand
//! may rely on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use tickety_core::ident::{IssueId, IssueName, Suffix};
use tickety_core::issue::{CommentId, Link};
use tickety_core::schema::Schema;
use uuid::Uuid;

use super::document::Document;
use super::error::{Fault, FormatProblem};
use super::key::Key;
use super::record::{CommentRecord, FieldText, IssueRecord};
use super::value::{Entry, Map, Scalar, Style, Value};
use super::yaml::NODES;
use super::{VERSION, plain, yaml};

/// Reads the front matter of a file.
pub(super) fn entries<'a>(document: &Document<'a>) -> Result<Vec<Entry<'a>>, Fault> {
    let entries = match plain::read(document.text, document.front.clone()) {
        Some(entries) => entries,
        None => yaml::read(document.text, document.front.clone())?,
    };
    if let Some(format) = entries.iter().find(|entry| entry.key == "format") {
        let found = single(format)?.map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
        if found.parse() != Ok(VERSION) {
            return Err(Fault::at(format.value.start(), FormatProblem::NewerFormat { found }));
        }
    }
    Ok(entries)
}

/// Reads the record of an issue whose file name has the given suffix.
pub(super) fn issue<'a>(
    document: &Document<'a>,
    entries: Vec<Entry<'a>>,
    suffix: Suffix,
    schema: &Schema,
) -> Result<IssueRecord<'a>, Fault> {
    let mut known: [Option<Entry<'a>>; Key::ALL.len()] = [const { None }; Key::ALL.len()];
    let mut unknown = BTreeSet::new();
    let mut place = 0;
    for entry in entries {
        let first = match Key::parse_after(&entry.key, place) {
            Some(key) => {
                place = key.place();
                let slot = &mut known[key.place()];
                if slot.is_some() {
                    return Err(duplicate(&entry));
                }
                *slot = Some(entry);
                continue;
            }
            None => unknown.insert(entry.key.clone()),
        };
        if !first {
            return Err(duplicate(&entry));
        }
    }
    let mut take = |key: Key| known[key.place()].take();

    let id_entry = take(Key::Id).ok_or_else(|| missing("id", "`id: ` with the id that the file had"))?;
    let id = id(&id_entry, suffix)?;
    let created = match time(take(Key::Created))? {
        Some(created) => created,
        None => time_of_id(id).ok_or_else(|| missing("created", "such as `created: 2026-11-21T02:48:57Z`"))?,
    };
    let title = text(take(Key::Title), true)?
        .filter(|title| !title.trim().is_empty())
        .ok_or_else(|| missing("title", "such as `title: What is wrong`"))?;
    let mut links = BTreeSet::new();
    for key in Key::ALL {
        let Some(kind) = key.link_kind() else { continue };
        for item in items(take(key), true)? {
            let target = IssueName::parse(item.text.trim(), &schema.prefix)
                .map_err(|error| Fault::value(item.span.start, key.as_str(), error.to_string()))?;
            links.insert(Link { kind, target });
        }
    }
    Ok(IssueRecord {
        title,
        id: IssueId::new(id),
        updated: time(take(Key::Updated))?,
        updated_state: text(take(Key::UpdatedState), true)?,
        created,
        reporter: text(take(Key::Reporter), false)?,
        status: text(take(Key::Status), false)?,
        closed: time(take(Key::Closed))?,
        close_reason: parsed(take(Key::CloseReason), str::parse)?,
        close_note: paragraphs(take(Key::CloseNote))?,
        priority: parsed(take(Key::Priority), str::parse)?,
        kind: text(take(Key::Kind), false)?,
        labels: names(take(Key::Labels), true)?,
        assignees: names(take(Key::Assignees), true)?,
        milestone: text(take(Key::Milestone), false)?,
        due: parsed(take(Key::Due), date)?,
        estimate: parsed(take(Key::Estimate), str::parse)?,
        spent: parsed(take(Key::Spent), str::parse)?,
        links: links.into_iter().collect(),
        references: names(take(Key::References), false)?,
        fields: fields(take(Key::Fields))?,
        body: Cow::Owned(document.body()),
    })
}

/// Reads the record of a comment whose file name has the given suffix.
pub(super) fn comment<'a>(
    document: &Document<'a>,
    entries: Vec<Entry<'a>>,
    suffix: Suffix,
) -> Result<CommentRecord<'a>, Fault> {
    let mut seen = BTreeSet::new();
    let (mut id_entry, mut author, mut created) = (None, None, None);
    for entry in entries {
        if !seen.insert(entry.key.clone()) {
            return Err(duplicate(&entry));
        }
        match &*entry.key {
            "id" => id_entry = Some(entry),
            "author" => author = Some(entry),
            "created" => created = Some(entry),
            _ => {}
        }
    }
    let id_entry = id_entry.ok_or_else(|| missing("id", "`id: ` with the id that the file had"))?;
    let id = id(&id_entry, suffix)?;
    let created = match time(created)? {
        Some(created) => created,
        None => time_of_id(id).ok_or_else(|| missing("created", "such as `created: 2026-11-21T02:48:57Z`"))?,
    };
    Ok(CommentRecord {
        id: CommentId::new(id),
        author: text(author, false)?,
        created,
        body: Cow::Owned(document.body()),
    })
}

fn missing(key: &'static str, example: &'static str) -> Fault {
    Fault { at: None, problem: FormatProblem::Missing { key, example } }
}

fn duplicate(entry: &Entry<'_>) -> Fault {
    Fault::at(entry.key_span.start, FormatProblem::DuplicateKey { key: entry.key.to_string() })
}

/// Reads an id and checks that the file is named after it.
fn id(entry: &Entry<'_>, suffix: Suffix) -> Result<Uuid, Fault> {
    let scalar = single(entry)?.ok_or_else(|| missing("id", "`id: ` with the id that the file had"))?;
    let id = Uuid::try_parse(scalar.text.trim())
        .map_err(|_| Fault::value(scalar.span.start, &entry.key, format!("`{}` is not a UUID", scalar.text)))?;
    let found = Suffix::of(id);
    if found != suffix {
        let problem = FormatProblem::OtherRecord { found: found.to_string(), expected: suffix.to_string() };
        return Err(Fault::at(scalar.span.start, problem));
    }
    Ok(id)
}

/// Returns the time that a UUID of version 7 begins with.
fn time_of_id(id: Uuid) -> Option<Timestamp> {
    let millis = i64::try_from(id.as_u128() >> 80).ok()?;
    (id.get_version_num() == 7).then(|| Timestamp::from_millisecond(millis).ok())?
}

/// Returns the one value of an entry; `None` where there is none.
fn single<'e, 'a>(entry: &'e Entry<'a>) -> Result<Option<&'e Scalar<'a>>, Fault> {
    match &entry.value {
        Value::Scalar(scalar) => Ok(Some(scalar).filter(|scalar| !scalar.is_null())),
        other => Err(Fault::value(other.start(), &entry.key, "has to be one value")),
    }
}

/// Reads a text of one line. With `words`, the words that YAML has for nothing are texts, too.
fn text<'a>(entry: Option<Entry<'a>>, words: bool) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(entry) = entry else { return Ok(None) };
    let Entry { key, value, .. } = entry;
    match value {
        Value::Scalar(scalar) if scalar.is_empty() || (scalar.is_null() && !words) => Ok(None),
        Value::Scalar(scalar) => Ok(Some(one_line(scalar)).filter(|text| !text.is_empty())),
        other => Err(Fault::value(other.start(), &key, "has to be one text; quote it if it has `: `, `#` or brackets")),
    }
}

/// Joins the lines of a text that is written over several.
pub(super) fn one_line(scalar: Scalar<'_>) -> Cow<'_, str> {
    let text = without_last_break(scalar);
    if text.contains('\n') { Cow::Owned(text.replace('\n', " ")) } else { text }
}

/// Reads a text that may have several lines.
fn paragraphs<'a>(entry: Option<Entry<'a>>) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(entry) = entry else { return Ok(None) };
    let Entry { key, value, .. } = entry;
    match value {
        Value::Scalar(scalar) if scalar.is_null() => Ok(None),
        Value::Scalar(scalar) => Ok(Some(without_last_break(scalar)).filter(|text| !text.is_empty())),
        other => Err(Fault::value(other.start(), &key, "has to be one text; quote it if it has `: `, `#` or brackets")),
    }
}

/// Drops the line break that every block ends with unless its `|` is followed by `-`.
fn without_last_break(scalar: Scalar<'_>) -> Cow<'_, str> {
    if scalar.style == Style::Block && scalar.text.ends_with('\n') {
        Cow::Owned(scalar.text.trim_end_matches('\n').to_owned())
    } else {
        scalar.text
    }
}

/// Reads a value that has a syntax of its own.
fn parsed<T, E: std::fmt::Display>(
    entry: Option<Entry<'_>>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Fault> {
    let Some(entry) = entry else { return Ok(None) };
    let Some(scalar) = single(&entry)? else { return Ok(None) };
    match parse(scalar.text.trim()) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Fault::value(scalar.span.start, &entry.key, error.to_string())),
    }
}

/// Reads a time; in UTC where it names no zone, at midnight where it is a date alone.
fn time(entry: Option<Entry<'_>>) -> Result<Option<Timestamp>, Fault> {
    parsed(entry, |text| {
        let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
        let exact = text.parse::<Timestamp>().ok().or_else(|| spaced(text)?.parse().ok());
        exact
            .or_else(|| civil().map(|zoned| zoned.timestamp()))
            .ok_or_else(|| format!("`{text}` is no time: write it as 2026-11-21T02:48:57Z"))
    })
}

/// Takes the spaces out of a time with an offset as YAML may have it: `2026-11-21 10:00:00 +2`.
fn spaced(text: &str) -> Option<String> {
    let is_offset = |text: &str| text.starts_with(['+', '-', 'Z', 'z']);
    let (moment, offset) = match *text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [moment, offset] if is_offset(offset) => (moment.to_owned(), offset),
        [date, time, offset] if is_offset(offset) => (format!("{date}T{time}"), offset),
        _ => return None,
    };
    match offset.as_bytes() {
        [sign @ (b'+' | b'-'), hour @ b'0'..=b'9'] => Some(format!("{moment}{}0{}", *sign as char, *hour as char)),
        _ => Some(moment + offset),
    }
}

/// Reads a date.
fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no date: write a day of the calendar as 2026-11-30"))
}

/// Reads the items of a list; an only item may stand alone and, with `split`, several without
/// quotes between commas.
fn items<'a>(entry: Option<Entry<'a>>, split: bool) -> Result<Vec<Scalar<'a>>, Fault> {
    let Some(Entry { key, value, .. }) = entry else { return Ok(Vec::new()) };
    match value {
        Value::Scalar(scalar) if scalar.is_null() => Ok(Vec::new()),
        Value::Scalar(scalar) if split && scalar.style == Style::Plain && scalar.text.contains(',') => {
            let Scalar { text, style, span } = scalar;
            // The readers have counted one value.
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            if parts.clone().nth(NODES).is_some() {
                return Err(Fault::at(span.start, FormatProblem::TooMany { limit: NODES }));
            }
            Ok(parts.map(|part| Scalar { text: Cow::Owned(part.to_owned()), style, span: span.clone() }).collect())
        }
        Value::Scalar(scalar) => Ok(vec![scalar]),
        Value::List(list) => list
            .items
            .into_iter()
            .map(|item| match item {
                Value::Scalar(scalar) if scalar.is_empty() => Err(Fault::value(
                    scalar.span.start,
                    &key,
                    "an item is empty: remove it, or quote it if it begins with `#`",
                )),
                Value::Scalar(scalar) => Ok(scalar),
                other => Err(Fault::value(
                    other.start(),
                    &key,
                    "an item has to be one text; quote it if it has `: ` or brackets",
                )),
            })
            .collect(),
        Value::Map(map) => Err(Fault::value(map.start, &key, "has to be a list, with a line `- item` for each item")),
    }
}

fn names<'a>(entry: Option<Entry<'a>>, split: bool) -> Result<Vec<Cow<'a, str>>, Fault> {
    Ok(items(entry, split)?.into_iter().map(one_line).collect())
}

fn fields<'a>(entry: Option<Entry<'a>>) -> Result<BTreeMap<Cow<'a, str>, FieldText<'a>>, Fault> {
    let mut fields = BTreeMap::new();
    let entries = match entry {
        None => return Ok(fields),
        Some(Entry { value: Value::Map(Map { entries, .. }), .. }) => entries,
        Some(Entry { value: Value::Scalar(scalar), .. }) if scalar.is_null() => return Ok(fields),
        Some(Entry { key, value, .. }) => {
            return Err(Fault::value(value.start(), &key, "has to be lines of `key: value`, indented"));
        }
    };
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(entry.key.clone()) {
            return Err(duplicate(&entry));
        }
        match entry.value {
            // A field that is declared but not set.
            Value::Scalar(scalar) if scalar.is_null() => {}
            Value::Scalar(scalar) => {
                let textual = scalar.style != Style::Plain;
                fields.insert(entry.key, FieldText { text: without_last_break(scalar), textual });
            }
            other => {
                let problem = "a custom field has one value: a text, a number, a date, true or false";
                return Err(Fault::value(other.start(), &entry.key, problem));
            }
        }
    }
    Ok(fields)
}

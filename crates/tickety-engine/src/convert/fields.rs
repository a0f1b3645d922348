//! Keeping what has no place of its own as custom fields.

use std::collections::BTreeMap;

use serde_json::Value;
use tickety_core::issue::FieldValue;
use tickety_core::operation::limits;
use tickety_core::schema::Schema;

use super::memory::Memory;
use super::report::NoteKind;
use super::text::{Cleaner, shorten};

/// Keeps a value of the source, there called `theirs`, as the custom field `wanted` or, where that
/// is taken or can't be a key, one with a name like it.
///
/// Strings are kept as they are, other values as compact JSON. What is needed to undo that is noted in
/// the memory. Returns the key of the field; `None`, and a note, where none can hold it.
pub(super) fn keep(
    theirs: &str,
    wanted: &str,
    value: Value,
    schema: &Schema,
    fields: &mut BTreeMap<String, FieldValue>,
    memory: &mut Memory,
    cleaner: &mut Cleaner<'_>,
) -> Option<String> {
    keep_as(theirs, wanted, Kept::of(value, None), schema, fields, memory, cleaner)
}

/// What is kept.
pub(super) enum Kept {
    /// A string.
    Text(String),
    /// Another value as it is written.
    Json(String),
}

impl Kept {
    /// Takes a value, in the exact form in which it is written where that is known.
    pub(super) fn of(value: Value, exact: Option<&str>) -> Self {
        match (value, exact) {
            (Value::String(text), _) => Self::Text(text),
            (_, Some(exact)) => Self::Json(exact.to_owned()),
            (other, None) => Self::Json(other.to_string()),
        }
    }
}

/// Keeps a value as [`keep`] does.
pub(super) fn keep_as(
    theirs: &str,
    wanted: &str,
    value: Kept,
    schema: &Schema,
    fields: &mut BTreeMap<String, FieldValue>,
    memory: &mut Memory,
    cleaner: &mut Cleaner<'_>,
) -> Option<String> {
    let (raw, is_json) = match value {
        Kept::Text(text) => (text, false),
        Kept::Json(text) => (text, true),
    };
    let text = raw.clone();
    let text = cleaner.paragraphs(theirs, text);
    let text = cleaner.fits(theirs, text, limits::FIELD)?;
    if fields.len() >= limits::ITEMS - 1 {
        cleaner.note(NoteKind::Dropped, format!("{theirs}: an issue has at most {} custom fields", limits::ITEMS));
        return None;
    }
    let mut key = free_key(&fold_key(wanted), fields);
    let mut value = FieldValue::parse(&text, &schema.field_type(&key));
    if let Err(problem) = &value {
        let other = free_key(&fold_key(&format!("imported-{key}")), fields);
        cleaner.note(NoteKind::Changed, format!("{theirs}: {problem}; kept as the field `{other}`"));
        value = FieldValue::parse(&text, &schema.field_type(&other));
        key = other;
    }
    let Ok(value) = value else {
        cleaner.note(NoteKind::Dropped, format!("{theirs}: no custom field can hold it"));
        return None;
    };
    match &value {
        FieldValue::Text(same) if *same == text => memory.note_form(theirs, &raw, cleaner),
        typed => memory.note_exact(theirs, &raw, &typed.to_string()),
    }
    cleaner.report.keep(theirs, &key);
    if key != theirs {
        memory.keys.insert(key.clone(), theirs.to_owned());
    }
    if is_json {
        memory.json.insert(key.clone());
    }
    fields.insert(key.clone(), value);
    Some(key)
}

/// Turns any name into one that a custom field can have: lower case, other characters as `-`,
/// a letter first, not too long.
pub(super) fn fold_key(name: &str) -> String {
    let mut key: String = name
        .trim()
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_') => c,
            _ => '-',
        })
        .collect();
    if !key.starts_with(|c: char| c.is_ascii_lowercase()) {
        key.insert_str(0, "x-");
    }
    key.truncate(limits::FIELD_KEY);
    key
}

/// Returns the key, or the key with the first free number at its end.
fn free_key(key: &str, fields: &BTreeMap<String, FieldValue>) -> String {
    if !fields.contains_key(key) {
        return key.to_owned();
    }
    (2_u32..)
        .map(|number| {
            let number = format!("-{number}");
            format!("{}{number}", &key[..key.len().min(limits::FIELD_KEY - number.len())])
        })
        .find(|key| !fields.contains_key(key))
        .expect("an issue has fewer fields than there are numbers")
}

/// Says what a value is, cut for a note.
pub(super) fn show(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 60 { text } else { shorten(&text, 60) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tickety_core::schema::{FieldDef, FieldType};

    use super::*;
    use crate::convert::report::{Place, Report};

    fn kept(schema: &Schema, entries: &[(&str, Value)]) -> (BTreeMap<String, FieldValue>, Memory, Report) {
        let (mut fields, mut memory, mut report) = (BTreeMap::new(), Memory::default(), Report::default());
        let place = Place::line(1);
        for (key, value) in entries {
            let mut cleaner = Cleaner { place: &place, report: &mut report };
            keep(key, key, value.clone(), schema, &mut fields, &mut memory, &mut cleaner);
        }
        (fields, memory, report)
    }

    #[test]
    fn names_that_fold_to_the_same_key_stay_apart() {
        let entries = [("Foo.Bar", json!("a")), ("foo bar", json!("b")), ("foo-bar", json!("c")), ("9", json!([1, 2]))];
        let (fields, memory, _) = kept(&Schema::default(), &entries);
        let keys: Vec<_> = fields.keys().map(String::as_str).collect();
        assert_eq!(keys, ["foo-bar", "foo-bar-2", "foo-bar-3", "x-9"]);
        assert_eq!(fields["x-9"], FieldValue::Text("[1,2]".to_owned()));
        assert_eq!(memory.keys["foo-bar-3"], "foo-bar");
        assert_eq!(memory.json.iter().collect::<Vec<_>>(), ["x-9"]);
    }

    #[test]
    fn long_names_keep_apart_at_the_limit() {
        let (a, b) = (format!("{}1", "k".repeat(64)), format!("{}2", "k".repeat(64)));
        let (fields, ..) = kept(&Schema::default(), &[(&a, json!("a")), (&b, json!("b"))]);
        assert_eq!(fields.len(), 2);
        assert!(fields.keys().all(|key| key.len() <= limits::FIELD_KEY));
    }

    #[test]
    fn a_value_that_a_declared_field_refuses_goes_beside_it() {
        let schema = Schema {
            fields: vec![FieldDef { key: "cost".to_owned(), field_type: FieldType::Number }],
            ..Schema::default()
        };
        let (fields, memory, report) = kept(&schema, &[("cost", json!("much")), ("Cost", json!(2.5))]);
        assert_eq!(fields["imported-cost"], FieldValue::Text("much".to_owned()));
        assert_eq!(fields["cost"], FieldValue::parse("2.5", &FieldType::Number).unwrap());
        assert_eq!(memory.keys["imported-cost"], "cost");
        assert_eq!(report.notes.len(), 1);
    }
}

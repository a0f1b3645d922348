//! Writing records that don't exist yet.

use tickety_core::schema::Schema;

use super::document::write_body;
use super::key::Key;
use super::record::{CommentRecord, IssueRecord, Written};
use super::scalar;

/// Writes the file of an issue.
pub(super) fn issue(record: &IssueRecord<'_>, schema: &Schema) -> String {
    let mut out = String::with_capacity(768 + record.body.len());
    out.push_str("---\n");
    for key in Key::ALL {
        let written = record.written(key);
        if key.begins_group() {
            out.push('\n');
        }
        match key {
            Key::Fields => write_fields(&mut out, &written, schema),
            _ => write_entry(&mut out, key.as_str(), &written),
        }
    }
    // An empty line, so that a key added here and a reference added above merge.
    out.push_str("\n---\n");
    write_body(&mut out, &record.body, "\n");
    out
}

/// Writes the file of a comment.
pub(super) fn comment(record: &CommentRecord<'_>) -> String {
    let mut out = String::with_capacity(128 + record.body.len());
    out.push_str("---\n");
    for (key, written) in record.written() {
        write_entry(&mut out, key, &written);
    }
    out.push_str("---\n");
    write_body(&mut out, &record.body, "\n");
    out
}

/// Writes a key and what stands behind it, at the first column.
pub(super) fn write_entry(out: &mut String, key: &str, written: &Written<'_>) {
    match written {
        Written::Absent => return,
        Written::Nothing => write_key(out, key),
        Written::Scalar(value) => {
            write_key(out, key);
            out.push(' ');
            out.push_str(value);
        }
        Written::List(items) => {
            write_key(out, key);
            for item in items {
                out.push_str("\n  - ");
                out.push_str(item);
            }
        }
        Written::Map(entries) => {
            write_key(out, key);
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { "\n\n" });
                out.push_str(&field_line(key, value));
            }
        }
    }
    out.push('\n');
}

/// Writes the line or lines of a custom field, without the last break.
pub(super) fn field_line(key: &str, value: &str) -> String {
    let separator = if value.is_empty() { "" } else { " " };
    format!("  {}:{separator}{value}", scalar::text(key))
}

fn write_key(out: &mut String, key: &str) {
    out.push_str(key);
    out.push(':');
}

/// Writes the custom fields, with a line for every declared one so that setting two of them merges.
fn write_fields(out: &mut String, written: &Written<'_>, schema: &Schema) {
    let Written::Map(set) = written else { return write_entry(out, Key::Fields.as_str(), written) };
    let mut entries = set.clone();
    for declared in &schema.fields {
        if set.binary_search_by_key(&declared.key.as_str(), |(key, _)| key).is_err() {
            entries.push((&declared.key, String::new()));
        }
    }
    entries.sort_by_key(|(key, _)| *key);
    write_entry(out, Key::Fields.as_str(), &Written::Map(entries));
}

//! How much reading and editing may take: no input makes more of itself than a multiple.

use tickety_core::issue::{FieldValue, Issue};
use tickety_core::schema::Schema;

use super::super::document::Document;
use super::super::value::{Entry, Value};
use super::super::yaml::NODES;
use super::super::{FormatProblem, ISSUE_BYTES, edit_issue, yaml};
use super::{file, parse};

#[test]
fn items_between_commas_are_counted() {
    for key in ["labels", "assignees", "blocked-by"] {
        // A text over several lines belongs to the reader, and would be copied for every item.
        for end in ["", "\n  8"] {
            let items = |count: usize| file(&format!("{key}: {}{end}\n", "7,".repeat(count)), "");
            assert!(parse(&items(NODES - 1)).is_ok(), "{key}");
            let error = parse(&items(NODES + 1)).unwrap_err();
            assert_eq!((error.line, error.problem), (Some(5), FormatProblem::TooMany { limit: NODES }), "{key}");
        }
    }
}

/// Asserts that no entry reaches into the one behind it.
fn check_places(entries: &[Entry<'_>]) {
    for (index, entry) in entries.iter().enumerate() {
        let next = entries.get(index + 1).map_or(usize::MAX, |next| next.key_span.start);
        assert!(entry.key_span.end <= entry.value_start && entry.value_start <= next, "{entries:?}");
        if let Value::Map(map) = &entry.value {
            check_places(&map.entries);
        }
    }
}

#[test]
fn a_colon_is_looked_for_between_a_key_and_its_value_only() {
    for front in ["x:\n  ? a\n  ? b\n  c: d\ny: 1\n", "x: {a, b, c: d}\ny: 1\n", "x:\n  ? a\n  : b\n  ? c\n# d: e\n"] {
        let text = file(front, "");
        let document = Document::split(text.as_bytes(), ISSUE_BYTES).unwrap();
        let entries = yaml::read(&text, document.front.clone()).unwrap();
        check_places(&entries);
        assert!(entries.iter().any(|entry| matches!(&entry.value, Value::Map(map) if map.entries.len() >= 2)));
    }
}

/// Asserts that an edit succeeds and returns how many bytes it added.
fn growth(front: &str, change: impl FnOnce(&mut Issue)) -> usize {
    let original = file(front, "");
    let mut after = parse(&original).unwrap();
    change(&mut after);
    let edited = edit_issue(original.as_bytes(), &after, &Schema::default()).unwrap();
    edited.len().saturating_sub(original.len())
}

#[test]
fn a_deep_indentation_is_not_copied_to_every_line() {
    let deep = " ".repeat(100_000);
    let labels = |issue: &mut Issue| issue.labels.extend((100..200).map(|label| format!("b{label}")));
    for front in [format!("labels:\n{deep}- a\n"), format!("labels:\n  -{deep}a\n")] {
        assert!(growth(&front, labels) <= 100 * "  - b100\n".len());
    }
    let front = format!("fields:\n{deep}a: 1\n");
    let text = FieldValue::Text(vec!["line"; 100].join("\n"));
    for key in ["a", "b"] {
        assert!(
            growth(&front, |issue| drop(issue.fields.insert(key.into(), text.clone()))) <= 100 * "    line\n".len()
        );
    }
}

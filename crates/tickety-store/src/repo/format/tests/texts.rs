//! Texts that YAML, Markdown or git would rather take for something else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tickety_core::issue::{FieldValue, Issue};
use tickety_core::query::arbitrary;

const PIECES: [&str; 72] = [
    "yes",
    "No",
    "on",
    "null",
    "~",
    "",
    "1.0",
    "0x1F",
    "1e5",
    "1_000",
    "12:30",
    "2026-11-30",
    "2026-11-21T02:48:57Z",
    ".inf",
    "-.5",
    "+1",
    "a: b",
    "key:",
    ": x",
    "a #b",
    "#b",
    "# b",
    "- x",
    "-",
    "--",
    "---",
    "--- x",
    "...",
    "? x",
    "?",
    "@x",
    "`x`",
    "!tag x",
    "&a x",
    "*a",
    "%x",
    "|",
    "|-",
    ">",
    "> quote",
    "{}",
    "{a: 1}",
    "[]",
    "[a, b]",
    "]",
    ",",
    "'",
    "\"",
    "'x'",
    "\"x\"",
    "it's",
    "say \"x\"",
    "\\",
    "\\n",
    "C:\\x y",
    "<<",
    "=",
    "<<<<<<< HEAD",
    "<<<<<<<",
    "\\<<<<<<< HEAD",
    "=======",
    ">>>>>>> topic",
    "größe",
    "検索 🎈",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "x\u{feff}y",
    "\u{1b}[31m",
    "\u{7f}",
    "a\tb",
    "word",
];

/// Texts of one line, without white space at their ends and not empty.
pub(super) fn lines() -> impl Strategy<Value = String> {
    let pieces = vec(select(&PIECES[..]), 1..4).prop_map(|pieces| pieces.join(" "));
    prop_oneof![3 => pieces.boxed(), 1 => "\\PC{0,30}".boxed(), 1 => "[ -~]{0,12}".boxed(), 1 => ".{0,12}".boxed()]
        .prop_map(|text| text.replace(['\n', '\r'], " ").trim().to_owned())
        .prop_filter("a text", |text| !text.is_empty())
}

/// Texts of several lines as the domain keeps them: no breaks before the first line, no white
/// space behind the last.
pub(super) fn paragraphs() -> impl Strategy<Value = String> {
    let breaks = select(&["\n", "\n\n", "\n\n\n", "\n  ", "\n\t", "\n \n", " \n"][..]);
    (option::weighted(0.2, select(&["  ", "\t", " \n"][..])), vec((lines(), breaks), 0..6)).prop_map(
        |(start, parts)| {
            let mut text = start.unwrap_or_default().to_owned();
            for (line, separator) in parts {
                text.push_str(&line);
                text.push_str(separator);
            }
            text.trim_start_matches('\n').trim_end().to_owned()
        },
    )
}

/// Issues of the domain's own generator with such texts in all places. Without links to
/// themselves; the first number of the generator.
pub(super) fn issues() -> impl Strategy<Value = Issue> {
    let texts = (lines(), paragraphs(), paragraphs());
    let names = || btree_set(lines(), 0..4);
    let one = || option::of(lines());
    let fields = proptest::collection::btree_map("[a-z][a-z0-9_-]{0,8}", paragraphs(), 0..4);
    (tame_issues(), texts, (names(), names(), names()), (one(), one()), fields).prop_map(
        |(mut issue, (title, body, note), (labels, assignees, references), (reporter, milestone), fields)| {
            issue.title = title;
            issue.body = body;
            issue.labels = labels;
            issue.assignees = assignees;
            issue.references = references;
            issue.reporter = reporter;
            issue.milestone = milestone;
            if let Some(closure) = &mut issue.closure {
                closure.note = Some(note).filter(|note| !note.is_empty());
            }
            let declared: BTreeSet<String> = arbitrary::schema().fields.into_iter().map(|field| field.key).collect();
            let free = fields.into_iter().filter(|(key, _)| !declared.contains(key));
            let free: BTreeMap<String, FieldValue> = free.map(|(key, text)| (key, FieldValue::Text(text))).collect();
            issue.fields.extend(free);
            issue
        },
    )
}

/// Issues as people write them.
pub(super) fn tame_issues() -> impl Strategy<Value = Issue> {
    arbitrary::issues(1..6).prop_map(|mut issues| {
        let mut issue = issues.pop().expect("there is one at least");
        issue.comments.clear();
        issue
    })
}

//! The files of issues and comments.

use std::sync::LazyLock;

use jiff::Timestamp;
use tickety_core::ident::{IssueId, IssueKey, IssueNumber};
use tickety_core::issue::{
    CloseReason, Closure, Comment, FieldValue, Issue, Link, LinkKind, Minutes, Priority, Status,
};
use tickety_core::schema::Schema;
use tickety_store::repo::format::{
    FormatProblem, edit_comment, edit_issue, parse_comment, parse_issue, print_comment, print_issue,
};

static SCHEMA: LazyLock<Schema> = LazyLock::new(super::schema);

/// The id that the record has to have.
const ID: &str = "01a1fc01-c5a8-7c3e-9b1d-0000000a0602";

/// The name that the file has.
pub(super) fn key() -> IssueKey {
    let id: IssueId = ID.parse().expect("it is one");
    IssueKey { number: IssueNumber::new(42).expect("it isn't zero"), suffix: id.suffix() }
}

/// A change, and the keys whose lines it may touch.
type Edit = (fn(&mut Issue), &'static [&'static str]);

const EDITS: [Edit; 9] = [
    (|issue| issue.title = "Another: title #1".to_owned(), &["title"]),
    (
        |issue| issue.priority = if issue.priority == Priority::High { Priority::Low } else { Priority::High },
        &["priority"],
    ),
    (
        |issue| {
            if !issue.labels.remove("b") {
                issue.labels.insert("b".to_owned());
            }
        },
        &["labels", "label"],
    ),
    (|issue| issue.labels.clear(), &["labels", "label"]),
    (
        |issue| {
            (issue.status, issue.closure) = match issue.closure {
                Some(_) => (Status::new("open"), None),
                None => {
                    let note = Some("why\n\n  indeed".to_owned());
                    let at = Timestamp::from_second(1_790_000_000).ok();
                    (Status::new("closed"), Some(Closure { at, reason: CloseReason::Cancelled, note }))
                }
            }
        },
        &["status", "closed", "close-reason", "close-note"],
    ),
    (
        |issue| {
            let link = Link { kind: LinkKind::BlockedBy, target: key().into() };
            if !issue.links.remove(&link) {
                issue.links.insert(link);
            }
        },
        &["blocked-by"],
    ),
    (
        |issue| {
            issue.fields.insert("team".to_owned(), FieldValue::Text("a: b\nc".to_owned()));
        },
        &["fields"],
    ),
    (
        |issue| (issue.milestone, issue.estimate) = (Some("- v1".to_owned()), Some(Minutes(90))),
        &["milestone", "estimate"],
    ),
    (|issue| issue.body = "Another body\n\n---\nx-not: a key".to_owned(), &[]),
];

/// Reads the file of an issue. What is read can be written and edited, and an edit touches only its own lines.
pub fn issue_file(bytes: &[u8]) {
    let (key, schema) = (key(), &*SCHEMA);
    let before = match parse_issue(bytes, key, schema) {
        Ok(issue) => issue,
        Err(error) => return drop(error.to_string()),
    };
    let printed = print_issue(&before, schema).expect("what was read can be written");
    assert_eq!(parse_issue(&printed, key, schema).as_ref(), Ok(&before), "as it was printed");
    let same = edit_issue(bytes, &before, schema).expect("a file that stays as it is");
    assert!(same == bytes, "an edit of nothing changed bytes");
    for (place, (change, keys)) in EDITS.iter().enumerate() {
        let mut after = before.clone();
        change(&mut after);
        let edited = match edit_issue(bytes, &after, schema) {
            Ok(edited) => edited,
            Err(error) => {
                let is_full = matches!(error.problem, FormatProblem::TooMany { .. });
                assert!(is_full, "edit {place} of what was read: {error}");
                continue;
            }
        };
        assert_eq!(parse_issue(&edited, key, schema).as_ref(), Ok(&after), "edit {place}");
        let (original, text) = (Text::of(bytes), Text::of(&edited));
        if before.body == after.body {
            assert_eq!(original.body, text.body, "edit {place} changed the body");
        }
        original.check_kept(&text, keys);
        let back = edit_issue(&edited, &before, schema).expect("what was edited can be edited");
        assert_eq!(parse_issue(&back, key, schema).as_ref(), Ok(&before), "edit {place} and back");
    }
}

/// Reads the file of a comment. What is read can be written and edited.
pub fn comment_file(bytes: &[u8]) {
    let suffix = key().suffix;
    let before = match parse_comment(bytes, suffix) {
        Ok(comment) => comment,
        Err(error) => return drop(error.to_string()),
    };
    let printed = print_comment(&before).expect("what was read can be written");
    assert_eq!(parse_comment(&printed, suffix).as_ref(), Ok(&before), "as it was printed");
    let same = edit_comment(bytes, &before).expect("a file that stays as it is");
    assert!(same == bytes, "an edit of nothing changed bytes");
    for after in [
        Comment { author: Some("ann: #1".to_owned()), ..before.clone() },
        Comment { author: None, ..before.clone() },
        Comment { body: "Another body".to_owned(), ..before.clone() },
    ] {
        let edited = edit_comment(bytes, &after).expect("what was read can be edited");
        assert_eq!(parse_comment(&edited, suffix).as_ref(), Ok(&after), "edited");
        let (original, text) = (Text::of(bytes), Text::of(&edited));
        if before.body == after.body {
            assert_eq!(original.body, text.body, "an edit changed the body");
        }
        original.check_kept(&text, &["author"]);
        let back = edit_comment(&edited, &before).expect("what was edited can be edited");
        assert_eq!(parse_comment(&back, suffix).as_ref(), Ok(&before), "edited and back");
    }
}

/// A record by its lines, taken apart without a YAML parser.
struct Text<'a> {
    /// The top-level keys with their lines; none where lines don't tell which keys there are.
    chunks: Vec<(&'a str, &'a str)>,
    /// What stands behind the front matter.
    body: &'a str,
}

impl<'a> Text<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let text = str::from_utf8(bytes).expect("only UTF-8 is read");
        let mut chunks: Vec<(&str, usize)> = Vec::new();
        let mut is_plain = true;
        let mut at = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let start = at;
            at += line.len();
            let content = line.trim_end();
            if number == 0 {
                continue;
            }
            if content == "---" {
                let ends = chunks.iter().skip(1).map(|(_, start)| *start).chain([start]);
                let found = chunks.iter().zip(ends).map(|((key, start), end)| (*key, trimmed(&text[*start..end])));
                let chunks = if is_plain { found.collect() } else { Vec::new() };
                return Self { chunks, body: &text[at..] };
            }
            let count = |wanted: char| content.chars().filter(|char| *char == wanted).count();
            is_plain &= count('"') % 2 == 0 && count('\'') % 2 == 0;
            is_plain &= count('[') == count(']') && count('{') == count('}');
            is_plain &= !content.starts_with(['?', '!', '"', '\'', ':', '%', '\t']) && !content.contains('\r');
            let is_word = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            match content.split_once(':').filter(|(_, value)| value.is_empty() || value.starts_with(' ')) {
                Some((key, _)) if is_word(key) && !key.starts_with('-') => {
                    is_plain &= chunks.iter().all(|(other, _)| *other != key);
                    chunks.push((key, start));
                }
                Some(_) | None => {
                    let is_item = content == "-" || content.starts_with("- ");
                    is_plain &= is_item || content.is_empty() || content.starts_with([' ', '#']);
                }
            }
        }
        Self { chunks: Vec::new(), body: "" }
    }

    /// Checks that the lines of all keys but some are in an edited text as they are here.
    fn check_kept(&self, edited: &Self, but: &[&str]) {
        if edited.chunks.is_empty() {
            return;
        }
        let is_touched = |key: &str| but.contains(&key) || key.starts_with("updated");
        for (key, chunk) in self.chunks.iter().filter(|(key, _)| !is_touched(key)) {
            let found = edited.chunks.iter().find(|(other, _)| other == key);
            assert_eq!(found.map(|(_, chunk)| *chunk), Some(*chunk), "an edit of {but:?} changed `{key}`");
        }
    }
}

/// Takes off the blank lines and comments at the end: what is added may come before them.
fn trimmed(chunk: &str) -> &str {
    let mut rest = chunk;
    while let Some(last) = rest.split_inclusive('\n').next_back() {
        let content = last.trim();
        if !content.is_empty() && !content.starts_with('#') {
            break;
        }
        rest = &rest[..rest.len() - last.len()];
    }
    rest
}

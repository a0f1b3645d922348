//! Values of a source as texts, times and sets.

use jiff::Timestamp;
use serde_json::{Map, Value};
use tickety_core::issue::{CommentId, LinkKind, Minutes};
use tickety_core::operation::limits;

use super::{Assembly, FoundComment};
use crate::convert::fields::show;
use crate::convert::part::Unit;
use crate::convert::report::NoteKind;
use crate::convert::text::shorten;
use crate::convert::times;

/// What objects with a name call it, the most telling first.
const NAMES: [&str; 12] = [
    "login",
    "username",
    "displayName",
    "display_name",
    "name",
    "title",
    "value",
    "identifier",
    "key",
    "email",
    "emailAddress",
    "id",
];

/// Whether a value holds nothing.
pub(in crate::convert) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.iter().all(says_nothing),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns a value as a text; an object by its name.
pub(in crate::convert) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Object(map) => NAMES.iter().filter_map(|name| map.get(*name)).find_map(text_of),
        Value::Null | Value::Array(_) => None,
    }
}

/// Returns the items of a list: of an array, of what a GraphQL answer wraps in `nodes`, or of a text with
/// `separators`. What can't be a text is told to `odd`.
pub(in crate::convert) fn names(value: Value, separators: &[char], mut odd: impl FnMut(&Value)) -> Vec<String> {
    let list = match value {
        Value::String(text) => {
            let items = text.split(separators).map(str::trim).filter(|item| !item.is_empty());
            return items.map(str::to_owned).collect();
        }
        Value::Array(list) => list,
        Value::Object(mut map) if map.contains_key("nodes") => match map.remove("nodes") {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        },
        other => vec![other],
    };
    // What is an item of a list already is a whole one, whatever is in it.
    let mut found = Vec::with_capacity(list.len());
    for value in list {
        match text_of(&value) {
            Some(text) => found.push(text),
            None if says_nothing(&value) => {}
            None => odd(&value),
        }
    }
    found
}

impl Assembly<'_> {
    /// Returns the items of a list; where texts are lists, a comma separates them too if `commas`.
    fn items(&mut self, key: &str, value: Value, commas: bool) -> Vec<String> {
        let mut separators = self.profile.separators.to_vec();
        if commas && !separators.is_empty() {
            separators.push(',');
        }
        let cleaner = &mut self.cleaner;
        names(value, &separators, |odd| {
            cleaner.note(NoteKind::Dropped, format!("{key}: {} is no name", show(odd)));
        })
    }

    /// Returns a value of which an issue has one.
    pub(super) fn single(&mut self, key: &str, ours: &str, value: Value) -> Option<String> {
        let found = match value {
            Value::Array(list) => {
                let mut found: Vec<String> = list.iter().filter_map(text_of).collect();
                found.dedup();
                if found.len() > 1 {
                    let rest: Vec<Value> = found.drain(1..).map(Value::String).collect();
                    let problem = format!("{key}: an issue has one {ours}, the first was taken");
                    self.keep_beside(key, Value::Array(rest), &problem);
                }
                found.pop()
            }
            Value::String(text) if ours == "note" => Some(text),
            value => match text_of(&value) {
                Some(text) => Some(text),
                None => {
                    let problem = format!("{key} can't be {}", show(&value));
                    self.keep_beside(key, value, &problem);
                    None
                }
            },
        };
        if found.is_some() && !matches!(ours, "status" | "reason" | "kind") {
            self.cleaner.report.map(key, ours);
        }
        found
    }

    pub(super) fn title(&mut self, key: &str, value: Value) {
        let Some(text) = self.single(key, "title", value) else { return };
        let title = self.cleaner.line("title", text);
        if title.len() <= limits::TITLE {
            self.draft.title = title;
            return;
        }
        self.draft.title = shorten(&title, limits::TITLE);
        let problem = format!("title has {} bytes, cut to {}", title.len(), limits::TITLE);
        self.keep_beside(key, Value::String(title), &problem);
    }

    pub(super) fn body(&mut self, key: &str, value: Value) {
        let Value::String(text) = value else {
            let problem = format!("{key} is no text");
            self.keep_beside(key, value, &problem);
            return;
        };
        self.cleaner.report.map(key, "body");
        let mut body = std::mem::take(&mut self.draft.body);
        if !body.is_empty() {
            body.push_str("\n\n");
        }
        let text = self.cleaner.paragraphs(key, text);
        body.push_str(&text);
        if body.len() > limits::BODY {
            let problem = format!("{key} has {} bytes; the limit is {}", body.len(), limits::BODY);
            self.cleaner.note(NoteKind::Skipped, problem);
            self.refused = true;
        }
        self.draft.body = body;
    }

    pub(super) fn labels(&mut self, key: &str, value: Value) {
        for label in self.items(key, value, true) {
            if self.draft.labels.len() >= limits::ITEMS {
                self.cleaner.note(NoteKind::Dropped, format!("label {label}: an issue has at most {}", limits::ITEMS));
            } else if let Some(label) = self.cleaner.name("label", label) {
                self.cleaner.report.map(key, "labels");
                self.draft.labels.insert(label);
            }
        }
    }

    pub(super) fn assignees(&mut self, key: &str, value: Value) {
        for name in self.items(key, value, false) {
            if self.draft.assignees.len() >= limits::ITEMS {
                let problem = format!("assignee {name}: an issue has at most {}", limits::ITEMS);
                self.cleaner.note(NoteKind::Dropped, problem);
            } else if let Some(name) = self.cleaner.name("assignee", name) {
                self.cleaner.report.map(key, "assignees");
                self.draft.assignees.insert(name);
            }
        }
    }

    pub(super) fn references(&mut self, key: &str, value: Value) {
        for text in self.items(key, value, false) {
            let text = self.cleaner.line("reference", text);
            if self.draft.references.len() >= limits::ITEMS - 1 {
                let problem = format!("reference {text}: an issue has at most {}", limits::ITEMS);
                self.cleaner.note(NoteKind::Dropped, problem);
            } else if let Some(text) = self.cleaner.fits("reference", text, limits::REFERENCE) {
                self.cleaner.report.map(key, "references");
                self.draft.references.insert(text);
            }
        }
    }

    pub(super) fn due(&mut self, key: &str, value: Value) {
        match text_of(&value).and_then(|text| times::day(&text)) {
            Some(day) => {
                self.cleaner.report.map(key, "due");
                self.draft.due = Some(day);
            }
            None => self.keep_beside(key, value.clone(), &format!("{key}: {} is no day", show(&value))),
        }
    }

    pub(super) fn time(&mut self, key: &str, ours: &str, value: Value) -> Option<Timestamp> {
        match text_of(&value).and_then(|text| times::time(&text)) {
            Some(times::Read { time, zoneless }) => {
                let how = if zoneless { " (without a zone: read as UTC)" } else { "" };
                self.cleaner.report.map(key, &format!("{ours}{how}"));
                Some(time)
            }
            None => {
                self.keep_beside(key, value.clone(), &format!("{key}: {} is no time", show(&value)));
                None
            }
        }
    }

    pub(super) fn minutes(&mut self, key: &str, ours: &str, unit: Unit, value: Value) -> Option<Minutes> {
        let seconds = text_of(&value).and_then(|text| times::seconds(&text, unit.seconds()));
        let minutes = seconds.map(|seconds| (seconds / 60.0).round()).filter(|minutes| *minutes < f64::from(u32::MAX));
        let (Some(seconds), Some(minutes)) = (seconds, minutes) else {
            self.keep_beside(key, value.clone(), &format!("{key}: {} is no duration", show(&value)));
            return None;
        };
        if seconds == 0.0 {
            self.cleaner.report.pass_over(&format!("{key} = 0"));
            return None;
        }
        if minutes * 60.0 != seconds {
            self.cleaner.note(NoteKind::Changed, format!("{key}: {seconds} seconds became {minutes} minutes"));
        }
        self.cleaner.report.map(key, ours);
        Some(Minutes(minutes as u32))
    }

    pub(super) fn link(&mut self, key: &str, kind: LinkKind, reversed: bool, value: Value) {
        for name in self.items(key, value, true) {
            self.link_to(key, kind, reversed, name);
        }
    }

    /// Takes comments that are plain texts, or objects with the usual keys.
    pub(super) fn plain_comments(&mut self, key: &str, value: Value) {
        let list = match value {
            Value::Array(list) => list,
            Value::Object(mut map) if map.contains_key("nodes") => {
                map.remove("nodes").and_then(|nodes| nodes.as_array().cloned()).unwrap_or_default()
            }
            other => vec![other],
        };
        for value in list {
            match value {
                Value::String(body) => self.comment(FoundComment { body, ..FoundComment::default() }),
                Value::Object(map) => self.comment_object(key, map),
                Value::Null => {}
                // The number of comments that aren't in the input.
                Value::Number(number) if number.as_u64() == Some(0) => {}
                Value::Number(_) => self.cleaner.report.leave_out(key, "only their number is in the input"),
                other => self.cleaner.note(NoteKind::Dropped, format!("comment {} is no object", show(&other))),
            }
        }
    }

    fn comment_object(&mut self, key: &str, map: Map<String, Value>) {
        let mut comment = FoundComment::default();
        for (name, value) in map {
            match name.as_str() {
                "id" => comment.name = value,
                "author" | "user" | "created_by" | "creator" => comment.author = text_of(&value),
                "body" | "text" | "message" | "note" | "content" | "description" if comment.body.is_empty() => {
                    match value {
                        Value::String(text) => comment.body = text,
                        other => self
                            .cleaner
                            .note(NoteKind::Dropped, format!("the {name} of a comment is no text: {}", show(&other))),
                    }
                }
                "created_at" | "createdAt" | "created" | "entry" | "time" | "date" => {
                    comment.created = text_of(&value).and_then(|text| times::time(&text)).map(|read| read.time);
                }
                "tickety" => {
                    let id = value.as_str().and_then(|id| uuid::Uuid::try_parse(id).ok());
                    comment.own_id = id.map(CommentId::new);
                }
                _ if says_nothing(&value) => {}
                _ => self.cleaner.report.leave_out(&format!("{key}.{name}"), "a comment has no place for it"),
            }
        }
        self.comment(comment);
    }
}

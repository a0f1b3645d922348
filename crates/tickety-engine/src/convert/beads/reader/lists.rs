//! Reading the lists of a record: labels, dependencies, comments.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tickety_core::issue::CommentId;
use tickety_core::operation::{DraftComment, limits};

use super::super::{link_kind, reference};
use super::RecordReader;
use crate::convert::fields::show;
use crate::convert::identity::imported_comment_id;
use crate::convert::memory::{Dependency, comment_name};
use crate::convert::report::NoteKind;
use crate::convert::{ForeignLink, ForeignTarget};

impl RecordReader<'_, '_> {
    pub(super) fn labels(&mut self, labels: Vec<Value>) {
        for label in labels {
            let Value::String(label) = label else {
                self.cleaner.note(NoteKind::Dropped, format!("label {} is no text", show(&label)));
                continue;
            };
            if self.draft.labels.len() >= limits::ITEMS {
                self.cleaner.note(NoteKind::Dropped, format!("label {label}: an issue has at most {}", limits::ITEMS));
                continue;
            }
            self.cleaner.note_trimmed("label", &label);
            if let Some(label) = self.cleaner.name("label", label) {
                self.cleaner.report.map("labels", "labels");
                self.draft.labels.insert(label);
            }
        }
    }

    pub(super) fn dependencies(&mut self, dependencies: Vec<Value>) {
        self.note_numbers_in("dependencies", &dependencies);
        for value in dependencies {
            let Value::Object(mut map) = value else {
                self.cleaner.note(NoteKind::Dropped, format!("dependency {} is no object", show(&value)));
                continue;
            };
            let mut text = |key: &str| match map.shift_remove(key) {
                Some(Value::String(text)) => Some(text),
                Some(other) => {
                    map.insert(key.to_owned(), other);
                    None
                }
                None => None,
            };
            let mut dependency = Dependency {
                kind: text("type").unwrap_or_default(),
                on: text("depends_on_id").unwrap_or_default(),
                at: text("created_at"),
                by: text("created_by"),
                extra: Map::new(),
                unlinked: false,
            };
            if map.get("issue_id").and_then(Value::as_str) == Some(self.id) {
                map.shift_remove("issue_id");
            }
            dependency.extra = map;
            let Dependency { kind: theirs, on, .. } = &dependency;
            let about = format!("dependency {theirs} on {on}");
            if on.trim().is_empty() {
                self.cleaner.note(NoteKind::Dropped, "a dependency names no other issue");
                dependency.unlinked = true;
            } else if dependency.extra.contains_key("issue_id") {
                self.cleaner.note(NoteKind::Dropped, format!("{about} belongs to another issue"));
                dependency.unlinked = true;
            } else if on == self.id {
                self.cleaner.note(NoteKind::Dropped, format!("{about}: an issue can't be linked to itself"));
                dependency.unlinked = true;
            } else {
                let kind = link_kind(theirs);
                self.cleaner.report.map(&format!("dependency {theirs}"), &format!("link {kind}"));
                let target = ForeignTarget::Reference(reference(on.trim()));
                let dependency = Some(self.memory.depends.len());
                self.links.push(ForeignLink { dependency, ..ForeignLink::new(kind, target) });
            }
            self.memory.depends.push(dependency);
        }
    }

    pub(super) fn comments(&mut self, comments: Vec<Value>, own: &BTreeMap<String, String>) {
        self.note_numbers_in("comments", &comments);
        let mut seen = BTreeSet::new();
        for value in comments {
            let Value::Object(mut map) = value else {
                self.cleaner.note(NoteKind::Dropped, format!("comment {} is no object", show(&value)));
                continue;
            };
            let foreign_id = map.shift_remove("id").unwrap_or(Value::Null);
            let name = comment_name(&foreign_id, &seen);
            let what = format!("comment {name}");
            let text = match map.shift_remove("text") {
                Some(Value::String(text)) if !text.trim().is_empty() => text,
                _ => {
                    self.cleaner.note(NoteKind::Dropped, format!("{what} has no text"));
                    continue;
                }
            };
            self.memory.note_form(&what, &text, &mut self.cleaner);
            let body = self.cleaner.paragraphs(&what, text);
            let Some(body) = self.cleaner.fits(&what, body, limits::COMMENT) else { continue };
            let author = match map.shift_remove("author") {
                Some(Value::String(author)) if author.trim().is_empty() => None,
                Some(Value::String(author)) => {
                    self.cleaner.note_trimmed("author of a comment", &author);
                    self.cleaner.name("author of a comment", author)
                }
                Some(other) => {
                    map.insert("author".to_owned(), other);
                    None
                }
                None => None,
            };
            let written = map.get("created_at").and_then(Value::as_str);
            let time = written.and_then(|text| Some((text.trim().parse::<Timestamp>().ok()?, text)));
            let created = match time {
                // Where it is written otherwise than it will be, it stays among what is given back.
                Some((created, text)) if text != created.to_string() => created,
                Some((created, _)) => {
                    map.shift_remove("created_at");
                    created
                }
                None => {
                    let Some(instead) = self.draft.created.or(self.draft.imported_updated) else {
                        self.cleaner.note(NoteKind::Dropped, format!("{what}: neither it nor the record has a time"));
                        continue;
                    };
                    self.cleaner.note(NoteKind::Changed, format!("{what} has no time: took that of the record"));
                    instead
                }
            };
            if map.get("issue_id").and_then(Value::as_str) == Some(self.id) {
                map.shift_remove("issue_id");
            }
            let id = own
                .get(&name)
                .and_then(|id| uuid::Uuid::try_parse(id).ok())
                .map_or_else(|| imported_comment_id(&self.reference, &name, Some(created)), CommentId::new);
            if !map.is_empty() {
                self.memory.comment_extra.insert(name.clone(), map);
            }
            seen.insert(name);
            self.memory.comments.push(foreign_id);
            self.cleaner.report.map("comments", "comments");
            self.draft.comments.push(DraftComment { id: Some(id), author, created: Some(created), body });
        }
    }

    /// Says which number in a list comes back in another form.
    fn note_numbers_in(&mut self, key: &str, list: &[Value]) {
        if let Some((number, printed)) = list.iter().find_map(|value| self.raw.changed_number(key, value)) {
            self.cleaner.note(NoteKind::Changed, format!("{key}: {number} is written as {printed}"));
        }
    }
}

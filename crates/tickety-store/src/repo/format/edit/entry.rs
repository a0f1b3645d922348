//! The change of one key.

use std::ops::Range;

use tickety_core::ident::IssueName;
use tickety_core::schema::Schema;

use super::super::document::{Document, line_end, line_start};
use super::super::key::Key;
use super::super::print::{field_line, write_entry};
use super::super::read::one_line;
use super::super::record::{Written, link_item};
use super::super::scalar;
use super::super::value::{Entry, List, Map, Scalar, Style, Value};
use super::patch::Patches;
use super::places::Places;

/// The deepest indentation that added lines take over. A deeper one, copied to every line of a long
/// value, would make much out of little.
const INDENT: usize = 64;

/// How much is written anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Grain {
    /// The lines that change.
    Line,
    /// All that stands behind a key.
    Key,
}

/// What changes behind a key.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) key: Key,
    pub(super) old: Written<'a>,
    pub(super) new: Written<'a>,
}

/// The front matter that is changed.
#[derive(Debug)]
pub(super) struct FrontMatter<'a> {
    document: &'a Document<'a>,
    entries: &'a [Entry<'a>],
    schema: &'a Schema,
    /// Where each key stands among the entries.
    positions: [Option<usize>; Key::ALL.len()],
    /// Whether groups have empty lines between them; in a file written by hand they may not.
    spaced: bool,
}

impl<'a> FrontMatter<'a> {
    pub(super) fn new(document: &'a Document<'a>, entries: &'a [Entry<'a>], schema: &'a Schema) -> Self {
        let spaced = document.text[document.front.clone()].lines().any(|line| line.trim().is_empty());
        let mut positions = [None; Key::ALL.len()];
        for (index, entry) in entries.iter().enumerate() {
            if let Some(key) = Key::parse(&entry.key) {
                positions[key.place()] = Some(index);
            }
        }
        Self { document, entries, schema, positions, spaced }
    }

    /// Adds the patches of a change.
    pub(super) fn change(&self, patches: &mut Patches, change: &Change<'_>, grain: Grain) {
        let Some(index) = self.position(change.key) else {
            if !change.new.is_nothing() {
                self.add(patches, change);
            }
            return;
        };
        let entry = &self.entries[index];
        let extent = extent(self.document, self.entries, index);
        if change.new == Written::Absent {
            return patches.replace(extent, "");
        }
        let fine = grain == Grain::Line
            && match &change.new {
                Written::Absent => false,
                Written::Nothing => self.set_scalar(patches, entry, ""),
                Written::Scalar(value) => self.set_scalar(patches, entry, value),
                Written::List(items) => self.set_items(patches, entry, change.key, items),
                Written::Map(fields) => self.set_fields(patches, entry, extent.clone(), &change.old, fields),
            };
        if !fine {
            let mut lines = String::new();
            write_entry(&mut lines, "", &change.new);
            let value = lines.strip_prefix(':').expect("an entry that is there has a colon");
            patches.replace(entry.value_start..extent.end, value);
        }
    }

    fn position(&self, key: Key) -> Option<usize> {
        self.positions[key.place()]
    }

    /// Adds a key that the file lacks, behind the key that it usually follows.
    fn add(&self, patches: &mut Patches, change: &Change<'_>) {
        let earlier = Key::ALL[..change.key.place()].iter().rev().find_map(|&key| self.position(key));
        let at = earlier.map_or(self.document.front.start, |index| self.behind(index));
        let mut lines = String::new();
        if self.spaced && change.key.begins_group() && earlier.is_some() {
            lines.push('\n');
        }
        write_entry(&mut lines, change.key.as_str(), &change.new);
        patches.insert(at, &lines);
    }

    /// Returns where a key can be added behind another: behind comments that are indented, which would be text of a
    /// block above them.
    fn behind(&self, index: usize) -> usize {
        let text = self.document.text;
        let limit = self.entries.get(index + 1).map_or(self.document.front.end, |next| next.key_span.start);
        let mut end = extent(self.document, self.entries, index).end;
        let mut at = end;
        while at < limit {
            let start = at;
            at = line_end(text, start);
            let content = text[start..at].trim_start_matches([' ', '\t']);
            let is_indented = content.len() < at - start;
            match content.starts_with('#') {
                true if is_indented => end = at,
                true => break,
                false => {}
            }
        }
        end
    }

    /// Replaces a scalar on its line; false if it isn't one or has several lines.
    fn set_scalar(&self, patches: &mut Patches, entry: &Entry<'_>, new: &str) -> bool {
        let Value::Scalar(old) = &entry.value else { return false };
        let range = entry.value_start..old.span.end;
        if old.style == Style::Block || new.contains('\n') || self.document.text[range.clone()].contains('\n') {
            return false;
        }
        let separator = if new.is_empty() { "" } else { " " };
        patches.replace(range, &format!("{separator}{new}"));
        true
    }

    /// Adds and removes the lines of items; false if they don't have lines of their own.
    fn set_items(&self, patches: &mut Patches, entry: &Entry<'_>, key: Key, new: &[String]) -> bool {
        let list = match &entry.value {
            Value::List(list) if list.block && !list.items.is_empty() => list,
            Value::Scalar(scalar) if scalar.is_empty() => {
                let lines: String = new.iter().map(|item| format!("  - {item}\n")).collect();
                patches.insert(line_end(self.document.text, entry.value_start), &lines);
                return true;
            }
            _ => return false,
        };
        let Some(lines) = self.item_lines(list) else { return false };
        let old: Option<Vec<String>> = list.items.iter().map(|item| self.canonical(key, item)).collect();
        let Some(old) = old else { return false };

        let first = &lines[0];
        let prefix = &self.document.text[first.start..list.items[0].start()];
        if prefix.len() > INDENT {
            return false;
        }
        let mut at = first.start;
        let there = Places::of(&old);
        for item in new {
            match there.get(item) {
                Some(index) => at = lines[index].end,
                None => patches.insert(at, &format!("{prefix}{item}\n")),
            }
        }
        let wanted = Places::of(new);
        for (item, line) in old.iter().zip(lines) {
            if wanted.get(item).is_none() {
                patches.replace(line, "");
            }
        }
        true
    }

    /// Returns the lines of each item; `None` unless each begins with `- ` on a line of its own.
    fn item_lines(&self, list: &List<'_>) -> Option<Vec<Range<usize>>> {
        let text = self.document.text;
        let lines = list.items.iter().map(|item| {
            let Value::Scalar(scalar) = item else { return None };
            let start = line_start(text, scalar.span.start);
            let end = line_end(text, scalar.span.end);
            let marked = text[start..scalar.span.start].trim() == "-";
            (marked && scalar.style != Style::Block).then_some(start..end)
        });
        lines.collect()
    }

    /// Returns an item as it would be written.
    fn canonical(&self, key: Key, item: &Value<'_>) -> Option<String> {
        let Value::Scalar(scalar) = item else { return None };
        if key.link_kind().is_some() {
            return IssueName::parse(scalar.text.trim(), &self.schema.prefix).ok().map(link_item);
        }
        Some(scalar::text(&one_line(scalar.clone())))
    }

    /// Changes the lines of custom fields; false if they don't have lines of their own.
    fn set_fields(
        &self,
        patches: &mut Patches,
        entry: &Entry<'_>,
        extent: Range<usize>,
        old: &Written<'_>,
        new: &[(&str, String)],
    ) -> bool {
        let text = self.document.text;
        let (Written::Map(old), map) = (old, &entry.value) else { return false };
        let map = match map {
            Value::Map(map) if map.block => map,
            Value::Scalar(Scalar { span, .. }) if text[entry.value_start..span.end].trim().is_empty() => {
                let lines: Vec<String> = new.iter().map(|(key, value)| field_line(key, value) + "\n").collect();
                patches.insert(line_end(text, entry.value_start), &lines.join("\n"));
                return true;
            }
            _ => return false,
        };
        let Some(fields) = Fields::new(text, map, extent.end) else { return false };
        let old_places = Places::of(old.iter().map(|(key, _)| *key));
        let new_places = Places::of(new.iter().map(|(key, _)| *key));
        let declared = Places::of(self.schema.fields.iter().map(|declared| declared.key.as_str()));
        for (index, field) in map.entries.iter().enumerate() {
            let before = old_places.get(&field.key).map(|place| &old[place].1);
            let after = new_places.get(&field.key).map(|place| &new[place].1);
            match after {
                Some(after) if before == Some(after) => {}
                Some(after) => {
                    if !self.set_scalar(patches, field, after) {
                        patches.replace(
                            field.value_start..fields.extents[index].end,
                            &format!(" {}\n", fields.reindent(after)),
                        );
                    }
                }
                None if before.is_none() => {}
                // A declared field keeps its line.
                None if declared.get(&field.key).is_some() => {
                    if !self.set_scalar(patches, field, "") {
                        patches.replace(field.value_start..fields.extents[index].end, "\n");
                    }
                }
                None => patches.replace(fields.extents[index].clone(), ""),
            }
        }
        let there = Places::of(map.entries.iter().map(|field| &*field.key));
        for (key, value) in new.iter().filter(|(key, _)| there.get(key).is_none()) {
            let line = fields.reindent(&field_line(key, value));
            let line = format!("{}{}\n", fields.indent, line.trim_start_matches(' '));
            match there.before(key) {
                Some(index) if fields.spaced => patches.insert(fields.extents[index].end, &format!("\n{line}")),
                Some(index) => patches.insert(fields.extents[index].end, &line),
                None if fields.spaced => patches.insert(fields.extents[0].start, &format!("{line}\n")),
                None => patches.insert(fields.extents[0].start, &line),
            }
        }
        true
    }
}

/// The lines of custom fields.
struct Fields<'a> {
    extents: Vec<Range<usize>>,
    indent: &'a str,
    spaced: bool,
}

impl<'a> Fields<'a> {
    /// Finds the lines; `None` unless each key begins one, not too deep.
    fn new(text: &'a str, map: &Map<'_>, end: usize) -> Option<Self> {
        let starts: Option<Vec<usize>> = map
            .entries
            .iter()
            .map(|field| {
                let start = line_start(text, field.key_span.start);
                text[start..field.key_span.start].trim().is_empty().then_some(start)
            })
            .collect();
        let starts = starts?;
        let indent = &text[*starts.first()?..map.entries[0].key_span.start];
        if indent.len() > INDENT {
            return None;
        }
        let extents: Vec<Range<usize>> = map
            .entries
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let limit = starts.get(index + 1).copied().unwrap_or(end);
                starts[index]..content_end(text, field, limit)
            })
            .collect();
        let spaced = extents.len() < 2 || extents[0].end < extents[1].start;
        Some(Self { extents, indent, spaced })
    }

    /// Fits the lines of a block, which are written for keys that are indented by two, to the
    /// indentation of these keys.
    fn reindent(&self, value: &str) -> String {
        value.replace("\n    ", &format!("\n{}  ", self.indent))
    }
}

/// Returns the lines that belong to a key: from its own to the last before empty lines, comments
/// and the next key.
pub(in super::super) fn extent(document: &Document<'_>, entries: &[Entry<'_>], index: usize) -> Range<usize> {
    let entry = &entries[index];
    let limit = entries.get(index + 1).map_or(document.front.end, |next| next.key_span.start);
    entry.key_span.start..content_end(document.text, entry, limit)
}

/// Returns where the last line of an entry ends that lies before `limit`.
fn content_end(text: &str, entry: &Entry<'_>, limit: usize) -> usize {
    // A comment below that is indented deeper than the key belongs to a value that goes on below;
    // in a literal block it is text.
    let goes_on = match &entry.value {
        Value::Scalar(scalar) if scalar.style != Style::Block => return line_end(text, scalar.span.end).min(limit),
        Value::Scalar(_) => true,
        Value::List(list) => list.block,
        Value::Map(map) => map.block,
    };
    let key_indent = entry.key_span.start - line_start(text, entry.key_span.start);
    let least = line_end(text, entry.value_start).min(limit);
    let mut end = limit;
    while end > least {
        let start = line_start(text, end - 1);
        let line = text[start..end].trim_start_matches(' ');
        let indent = end - start - line.len();
        let comment = line.starts_with('#') && (indent <= key_indent || !goes_on);
        if !comment && !line.trim().is_empty() {
            break;
        }
        end = start;
    }
    end.max(least)
}

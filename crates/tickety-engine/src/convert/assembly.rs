//! Making an issue of what another tracker says of it.
//!
//! A reader names the values of a record one by one, each with what it is called there. A [`Profile`] tells
//! which part of an issue each becomes and what the words of the tracker mean. What has no place is
//! kept as a custom field, and the report is told of everything.

mod closing;
mod values;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use tickety_core::ident::{IssueId, IssueName, IssueNumber};
use tickety_core::issue::{CommentId, FieldValue, LinkKind, Priority};
use tickety_core::operation::{Draft, DraftComment, limits};
use tickety_core::schema::{Category, Schema};

use super::fields::{Kept, fold_key, keep_as};
use super::identity::{imported_comment_id, imported_issue_id};
use super::memory::{Memory, comment_name};
use super::part::{Part, ReadOptions};
use super::report::{NoteKind, Place, Report};
use super::text::{Cleaner, shorten};
use super::{ForeignLink, ForeignTarget, Imported, Origin, words};

pub(super) use values::{names, says_nothing, text_of};

/// How a tracker calls things.
#[derive(Debug)]
pub(super) struct Profile {
    /// The system in references and fields.
    pub(super) system: &'static str,
    /// What its keys become, in lower case with `-` between words.
    pub(super) parts: &'static [(&'static str, Part)],
    /// What its statuses become without loss, folded; the others are understood as [`words`] does.
    pub(super) statuses: &'static [(&'static str, Category)],
    /// What its priorities become, folded; the others are understood as [`words`] does.
    pub(super) priorities: &'static [(&'static str, Priority)],
    /// Keys that are left out, and why.
    pub(super) left_out: &'static [(&'static str, &'static str)],
    /// What separates the items of a list that is one text.
    pub(super) separators: &'static [char],
    /// Whether its names say which project they belong to.
    pub(super) names_are_whole: bool,
    /// Makes the same of all spellings of a name.
    pub(super) canonical: fn(&str) -> String,
}

impl Profile {
    /// Returns the part that a key becomes.
    pub(super) fn part_of(&self, key: &str) -> Option<&Part> {
        let folded = fold_name(key);
        self.parts.iter().find(|(name, _)| *name == folded).map(|(_, part)| part)
    }
}

/// Folds the name of a key or a column: lower case with `-` between words.
pub(super) fn fold_name(name: &str) -> String {
    words::fold(name).replace(' ', "-")
}

/// An issue in the making.
pub(super) struct Assembly<'a> {
    pub(super) profile: &'static Profile,
    pub(super) options: &'a ReadOptions,
    pub(super) cleaner: Cleaner<'a>,
    schema: &'a Schema,
    draft: Draft,
    memory: Memory,
    links: Vec<(LinkKind, String, bool)>,
    comments: Vec<FoundComment>,
    status: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    closed: Option<Timestamp>,
    hint: Option<Category>,
    own_id: Option<IssueId>,
    said: BTreeSet<&'static str>,
    refused: bool,
}

/// The parts of an issue that a source may say nothing of.
const PARTS: [&str; 14] = [
    "body",
    "status",
    "priority",
    "kind",
    "labels",
    "assignees",
    "reporter",
    "milestone",
    "due",
    "estimate",
    "spent",
    "references",
    "fields",
    "links",
];

/// Returns the name of the part of an issue that a value belongs to.
fn part_name(part: &Part) -> &'static str {
    match part {
        Part::Body => "body",
        Part::Status | Part::Reason | Part::Note | Part::Closed => "status",
        Part::Priority => "priority",
        Part::Kind => "kind",
        Part::Labels => "labels",
        Part::Assignees => "assignees",
        Part::Reporter => "reporter",
        Part::Milestone => "milestone",
        Part::Due => "due",
        Part::Estimate(_) => "estimate",
        Part::Spent(_) => "spent",
        Part::References => "references",
        Part::Fields | Part::Field(_) => "fields",
        Part::Parent
        | Part::Children
        | Part::BlockedBy
        | Part::Blocks
        | Part::Relates
        | Part::DuplicateOf
        | Part::DuplicatedBy
        | Part::DiscoveredFrom => "links",
        // What it is called there says nothing of its other names.
        Part::Id
        | Part::OwnId
        | Part::OwnNumber
        | Part::Title
        | Part::Created
        | Part::Updated
        | Part::Comment
        | Part::Nothing => "",
    }
}

/// A comment as a source has it.
#[derive(Debug, Default)]
pub(super) struct FoundComment {
    /// What it is called there; nothing if it has no name.
    pub(super) name: Value,
    pub(super) author: Option<String>,
    pub(super) created: Option<Timestamp>,
    pub(super) body: String,
    /// The identity of a comment made here, as an export of ours writes it.
    pub(super) own_id: Option<CommentId>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(
        profile: &'static Profile,
        options: &'a ReadOptions,
        schema: &'a Schema,
        place: &'a Place,
        report: &'a mut Report,
    ) -> Self {
        Self {
            profile,
            options,
            cleaner: Cleaner { place, report },
            schema,
            draft: Draft::default(),
            memory: Memory::default(),
            links: Vec::new(),
            comments: Vec::new(),
            status: None,
            reason: None,
            note: None,
            closed: None,
            hint: None,
            own_id: None,
            said: BTreeSet::new(),
            refused: false,
        }
    }

    /// Takes a value as what its key means.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        match self.mapped(key).or_else(|| self.profile.part_of(key).cloned()) {
            Some(part) => self.put_as(key, &part, value),
            None => self.put_rest(key, value),
        }
    }

    /// Returns what whoever imports wants a key to be, and notes that there is such a key.
    pub(super) fn mapped(&mut self, key: &str) -> Option<Part> {
        let part = self.options.part_of(key).cloned()?;
        self.cleaner.report.found.insert(key.trim().to_lowercase());
        Some(part)
    }

    /// Takes a value that is no part of an issue: a custom field, unless the tracker's own are left out.
    pub(super) fn put_rest(&mut self, key: &str, value: Value) {
        let folded = fold_name(key);
        match self.profile.left_out.iter().find(|(name, _)| *name == folded) {
            Some((_, why)) => self.leave_out(key, &value, why),
            None => self.keep(key, value),
        }
    }

    /// Takes a value as a part of the issue, unless whoever imports wants it to be another.
    pub(super) fn put_as(&mut self, key: &str, part: &Part, value: Value) {
        let mapped = self.mapped(key);
        let part = mapped.as_ref().unwrap_or(part);
        self.said.insert(part_name(part));
        if says_nothing(&value) {
            self.cleaner.report.pass_over(&format!("{key} = {value}"));
            return;
        }
        match part {
            Part::Nothing => self.leave_out(key, &value, "as it was asked for"),
            Part::Field(field) => self.keep_under(key, field, value),
            Part::Title => self.title(key, value),
            Part::Body => self.body(key, value),
            Part::Status => self.status = self.single(key, "status", value),
            Part::Reason => self.reason = self.single(key, "reason", value),
            Part::Note => self.note = self.single(key, "note", value),
            Part::Priority => self.priority(key, value),
            Part::Kind => self.kind(key, value),
            Part::Labels => self.labels(key, value),
            Part::Assignees => self.assignees(key, value),
            Part::Reporter => {
                let name = self.single(key, "reporter", value);
                self.draft.reporter = name.and_then(|name| self.cleaner.name("reporter", name));
            }
            Part::Milestone => {
                let name = self.single(key, "milestone", value);
                self.draft.milestone = name.and_then(|name| self.cleaner.name("milestone", name));
            }
            Part::Due => self.due(key, value),
            Part::Estimate(unit) => self.draft.estimate = self.minutes(key, "estimate", *unit, value),
            Part::Spent(unit) => self.draft.spent = self.minutes(key, "spent", *unit, value),
            Part::Created => self.draft.created = self.time(key, "created", value),
            Part::Updated => {
                let time = self.time(key, "updated", value);
                self.memory.at = time.map(|time| time.to_string());
                self.draft.imported_updated = time;
            }
            Part::Closed => self.closed = self.time(key, "closed", value),
            Part::References => self.references(key, value),
            Part::Parent => self.link(key, LinkKind::Parent, false, value),
            Part::Children => self.link(key, LinkKind::Parent, true, value),
            Part::BlockedBy => self.link(key, LinkKind::BlockedBy, false, value),
            Part::Blocks => self.link(key, LinkKind::BlockedBy, true, value),
            Part::Relates => self.link(key, LinkKind::Relates, false, value),
            Part::DuplicateOf => self.link(key, LinkKind::DuplicateOf, false, value),
            Part::DuplicatedBy => self.link(key, LinkKind::DuplicateOf, true, value),
            Part::DiscoveredFrom => self.link(key, LinkKind::DiscoveredFrom, false, value),
            Part::Comment => self.plain_comments(key, value),
            Part::Fields => self.fields(key, value),
            // The reader has looked at it before; the report counts it.
            Part::Id => self.cleaner.report.map(key, "reference"),
            Part::OwnId => match text_of(&value).and_then(|text| text.parse().ok()) {
                Some(id) => {
                    self.cleaner.report.map(key, "id");
                    self.own_id = Some(id);
                }
                None => self.keep(key, value),
            },
            Part::OwnNumber => match text_of(&value).and_then(|text| text.parse().ok()).and_then(IssueNumber::new) {
                Some(number) => {
                    self.cleaner.report.map(key, "number");
                    self.draft.number = Some(number);
                }
                None => self.keep(key, value),
            },
        }
    }

    /// Counts a value that is left out.
    pub(super) fn leave_out(&mut self, key: &str, value: &Value, why: &str) {
        if says_nothing(value) {
            self.cleaner.report.pass_over(&format!("{key} = {value}"));
        } else {
            self.cleaner.report.leave_out(key, why);
        }
    }

    /// Keeps a value as a custom field; one that says nothing is only counted.
    pub(super) fn keep(&mut self, key: &str, value: Value) {
        if says_nothing(&value) {
            self.cleaner.report.pass_over(&format!("{key} = {value}"));
            return;
        }
        // A custom field `priority` beside the priority would mislead.
        let folded = fold_name(key);
        let misleads = folded.parse::<Part>().is_ok() || matches!(folded.as_str(), "number" | "uuid");
        let plain = plain_key(key);
        let field = if misleads { format!("{}-{plain}", self.profile.system) } else { plain };
        self.keep_under(key, &field, value);
    }

    fn keep_under(&mut self, key: &str, field: &str, value: Value) {
        self.said.insert("fields");
        let (kept, fields) = (Kept::of(value, None), &mut self.draft.fields);
        keep_as(key, field, kept, self.schema, fields, &mut self.memory, &mut self.cleaner);
    }

    /// Keeps a value that can't be what its key says.
    fn keep_beside(&mut self, key: &str, value: Value, problem: &str) {
        let field = fold_key(&format!("{}-{}", self.profile.system, fold_name(key)));
        self.cleaner.note(NoteKind::Changed, format!("{problem}; kept as the field `{field}`"));
        self.keep_under(key, &field, value);
    }

    /// Keeps a word that says more than what it became, under the name of that.
    fn keep_word(&mut self, key: &str, part: &str, word: &str) {
        let field = format!("{}-{part}", self.profile.system);
        self.keep_under(key, &field, Value::String(word.to_owned()));
    }

    /// Adds a comment.
    pub(super) fn comment(&mut self, comment: FoundComment) {
        self.comments.push(comment);
    }

    /// Adds a link to what the source calls `name`.
    pub(super) fn link_to(&mut self, key: &str, kind: LinkKind, reversed: bool, name: String) {
        self.cleaner.report.map(key, &format!("link {}{kind}", if reversed { "from the other: " } else { "" }));
        self.said.insert("links");
        self.links.push((kind, name, reversed));
    }

    /// Sets the title where the source gives none.
    pub(super) fn default_title(&mut self, title: &str, said: &str) {
        if self.draft.title.is_empty() {
            self.cleaner.note(NoteKind::Changed, format!("has no title: {said} became the title"));
            let title = self.cleaner.line("title", title.to_owned());
            self.draft.title = shorten_title(&title);
        }
    }

    /// Says what the status counts as there, whatever it is called.
    pub(super) fn hint(&mut self, category: Category) {
        self.hint = Some(category);
    }

    /// Whether a key becomes a custom field.
    pub(super) fn is_field(&self, key: &str) -> bool {
        let folded = fold_name(key);
        let is_known = self.options.part_of(key).is_some() || self.profile.part_of(key).is_some();
        !is_known && self.profile.left_out.iter().all(|(name, _)| *name != folded)
    }

    /// Whether a title was found.
    pub(super) fn has_title(&self) -> bool {
        !self.draft.title.is_empty()
    }

    /// Whether the source says when it was created.
    pub(super) fn has_created(&self) -> bool {
        self.draft.created.is_some()
    }

    /// Whether the source says anything of a status.
    pub(super) fn has_status(&self) -> bool {
        self.status.is_some()
    }

    /// Whether the record is one of our own making.
    pub(super) fn is_own(&self) -> bool {
        self.own_id.is_some()
    }

    /// Makes the record of what was found. `name` is what the source calls the issue: a repeated import knows it by
    /// that; a record of our own making needs none. `None`, and a note, where it can't become an issue.
    pub(super) fn finish(mut self, name: Option<&str>) -> Option<Imported> {
        let own = self.own_id.map(|id| format!("tickety:{id}"));
        let Some(reference) = name.map(|name| self.reference(name)).or(own) else {
            self.cleaner.note(NoteKind::Skipped, "nothing says what it is called");
            return None;
        };
        // One that is made up is for an issue that has none.
        let made_up = (!self.has_title()).then_some("title");
        let reference = self.cleaner.line("id", reference);
        if reference.len() > limits::REFERENCE {
            let length = reference.len();
            self.cleaner.note(NoteKind::Skipped, format!("id has {length} bytes; the limit is {}", limits::REFERENCE));
            return None;
        }
        if let Some(name) = name {
            self.draft.references.insert(reference.clone());
            self.default_title(name, "its name");
            if self.options.keep_numbers && self.draft.number.is_none() {
                let digits = name.rfind(|c: char| !c.is_ascii_digit()).map_or(name, |at| &name[at + 1..]);
                self.draft.number = digits.parse().ok().and_then(IssueNumber::new);
            }
        }
        self.default_title("untitled", "`untitled`");
        self.close();
        if self.refused {
            return None;
        }
        self.draft.id = Some(self.own_id.unwrap_or_else(|| imported_issue_id(&reference, self.draft.created)));
        self.add_comments(&reference);
        let links = self.foreign_links();
        let Self { cleaner, draft, memory, profile, said, own_id, .. } = self;
        // What only a writer of the same format would need takes no room.
        let memory = Memory { at: memory.at, comments: memory.comments, ..Memory::default() };
        let origin = Origin::Foreign { system: profile.system, reference, memory: Box::new(memory) };
        cleaner.report.readable += 1;
        let unsaid = PARTS.into_iter().filter(|part| !said.contains(part)).chain(made_up).collect();
        Some(Imported { place: cleaner.place.clone(), draft, links, origin, unsaid, is_own: own_id.is_some() })
    }

    fn reference(&self, name: &str) -> String {
        let system = self.profile.system;
        let name = (self.profile.canonical)(name);
        match &self.options.source {
            Some(source) if !self.profile.names_are_whole => format!("{system}:{source}/{name}"),
            _ => format!("{system}:{name}"),
        }
    }

    fn foreign_links(&mut self) -> Vec<ForeignLink> {
        let mut found: Vec<ForeignLink> = Vec::with_capacity(self.links.len());
        for (kind, name, reversed) in std::mem::take(&mut self.links) {
            let own = self.own_id.and_then(|_| IssueName::parse(&name, "").ok()).map(ForeignTarget::Name);
            let target = own.unwrap_or_else(|| ForeignTarget::Reference(self.reference(name.trim())));
            let link = ForeignLink { reversed, ..ForeignLink::new(kind, target) };
            if self.draft.references.iter().any(|reference| *reference == link.target.to_string()) {
                self.cleaner
                    .note(NoteKind::Dropped, format!("link {kind} to {name}: an issue can't be linked to itself"));
            } else if !found.contains(&link) {
                found.push(link);
            }
        }
        found
    }

    fn add_comments(&mut self, reference: &str) {
        let mut seen = BTreeSet::new();
        let issue_time = self.draft.created.or(self.draft.imported_updated).or(self.closed);
        let mut timeless = 0_i64;
        for FoundComment { name: foreign, author, created, body, own_id } in std::mem::take(&mut self.comments) {
            let name = comment_name(&foreign, &seen);
            let what = format!("comment {name}");
            if body.trim().is_empty() {
                self.cleaner.note(NoteKind::Dropped, format!("{what} has no text"));
                continue;
            }
            if self.draft.comments.len() >= limits::COMMENTS {
                self.cleaner.note(NoteKind::Dropped, format!("{what}: an issue has at most {}", limits::COMMENTS));
                continue;
            }
            let body = self.cleaner.paragraphs(&what, body);
            let Some(body) = self.cleaner.fits(&what, body, limits::COMMENT) else { continue };
            let created = created.or_else(|| {
                // Their order is kept: each is a microsecond younger than the one before.
                timeless += 1;
                issue_time?.checked_add(jiff::SignedDuration::from_micros(timeless)).ok()
            });
            let Some(created) = created else {
                self.cleaner.note(NoteKind::Dropped, format!("{what}: neither it nor the issue has a time"));
                continue;
            };
            let author = author.filter(|author| !author.trim().is_empty());
            let author = author.and_then(|author| self.cleaner.name("author of a comment", author));
            let id = own_id.unwrap_or_else(|| imported_comment_id(reference, &name, Some(created)));
            seen.insert(name);
            self.memory.comments.push(foreign);
            self.cleaner.report.map("comments", "comments");
            self.draft.comments.push(DraftComment { id: Some(id), author, created: Some(created), body });
        }
        if timeless > 0 && issue_time.is_some() {
            let note = format!("{timeless} of its comments have no time: they took that of the issue, in their order");
            self.cleaner.note(NoteKind::Changed, note);
        }
    }

    fn fields(&mut self, key: &str, value: Value) {
        let value = match value {
            Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            value => value,
        };
        let Value::Object(map) = value else {
            self.keep(key, value);
            return;
        };
        for (field, value) in map {
            match value {
                Value::Null => {}
                Value::Object(ref inner) if inner.len() == 1 && inner.contains_key("date") => {
                    match text_of(&inner["date"]).and_then(|date| date.parse().ok()) {
                        Some(date) => self.own_field(&field, FieldValue::Date(date)),
                        None => self.keep_under(&field, &field, value),
                    }
                }
                Value::Bool(value) => self.own_field(&field, FieldValue::Bool(value)),
                value => self.keep_under(&field, &field, value),
            }
        }
    }

    /// Sets a custom field whose type is known, if that is the type it has here.
    fn own_field(&mut self, key: &str, value: FieldValue) {
        let text = value.to_string();
        if FieldValue::parse(&text, &self.schema.field_type(key)).as_ref() == Ok(&value) && fold_key(key) == key {
            self.cleaner.report.keep(key, key);
            self.draft.fields.insert(key.to_owned(), value);
        } else {
            self.keep_under(key, key, Value::String(text));
        }
    }
}

/// Makes a name for a field of what is written for people: `Time in status (minutes)` is `time-in-status-minutes`.
fn plain_key(key: &str) -> String {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let plain = words.collect::<Vec<_>>().join("-").to_lowercase();
    if plain.is_empty() { key.to_owned() } else { plain }
}

fn shorten_title(title: &str) -> String {
    if title.len() > limits::TITLE { shorten(title, limits::TITLE) } else { title.to_owned() }
}

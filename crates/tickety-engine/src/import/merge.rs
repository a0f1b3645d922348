//! What a record changes about the issue it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use tickety_core::ident::{IssueKey, IssueName};
use tickety_core::issue::{Comment, FieldValue, Issue, Link, LinkKind};
use tickety_core::operation::{self, Change, Draft, DraftComment, Target};
use tickety_store::StoredIssue;

use super::Candidate;
use super::base::{Base, Part, hash_comment, hash_field, hash_item, local_links};
use super::items::{Items, join};
use super::links::{End, Links};
use crate::convert::{BEADS, Memory, NoteKind, Origin, Report, comment_number, fingerprint, imported_comment_id};

/// Which side a part is taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The source says nothing new, or both say the same.
    Keep,
    /// Only the source changed.
    Take,
    /// Both changed, the source last.
    Source,
    /// Both changed, the issue here last.
    Local,
}

/// The source, the issue here, and what they had in common at the last import.
pub(super) struct Sides<'a> {
    source: Base,
    local: Base,
    base: Option<Base>,
    items: Items,
    remembered: Option<Memory>,
    source_is_newer: bool,
    is_older: bool,
    memory: &'a Memory,
    unsaid: &'a [&'static str],
}

impl<'a> Sides<'a> {
    pub(super) fn new(candidate: &'a Candidate, existing: &StoredIssue, links: &Links, index: usize) -> Self {
        let Origin::Foreign { system, memory, .. } = &candidate.origin else {
            unreachable!("a record of the own format is not merged by parts");
        };
        let key = Memory::key(system);
        let remembered = Memory::recall(&existing.issue.fields, system);
        let updated = candidate.theirs.imported_updated;
        let seen: Option<Timestamp> = remembered.as_ref().and_then(|memory| memory.at.as_ref()?.parse().ok());
        let local = Base::hash(&existing.issue, &key, local_links(&existing.issue), None);
        let remembered_base = remembered.as_ref().and_then(|memory| Base::parse(&memory.base));
        let remembered_items = remembered.as_ref().map(|memory| Items::parse(&memory.items)).unwrap_or_default();
        // What we wrote ourselves and nothing here is younger than differs by what was edited there.
        // Beads may have changed it as well, since an import remembered it.
        let is_merged = *system == BEADS && remembered.is_some();
        let is_edited_export =
            candidate.is_own && !is_merged && updated.is_none_or(|updated| updated >= existing.derived.updated);
        let (base, items) = match is_edited_export {
            true => (Some(local.clone()), Items::hash(&existing.issue, &key, local_links(&existing.issue))),
            false => (remembered_base, remembered_items),
        };
        Self {
            source: source_base(candidate, &key, links, index),
            local,
            base,
            items,
            unsaid: &candidate.unsaid,
            remembered,
            source_is_newer: updated.is_some_and(|updated| updated > existing.derived.updated),
            is_older: updated.zip(seen).is_some_and(|(updated, seen)| updated < seen),
            memory,
        }
    }

    /// Whether a newer state of the record was imported before.
    pub(super) fn is_older(&self) -> bool {
        self.is_older
    }

    /// Returns the places of the dependencies that could not be made links last time.
    pub(super) fn unlinked_before(&self) -> HashSet<usize> {
        let before = self.remembered.as_ref().map(|memory| memory.depends.as_slice()).unwrap_or_default();
        let before: HashSet<(&str, &str)> =
            before.iter().filter(|before| before.unlinked).map(|before| (&*before.kind, &*before.on)).collect();
        let now = self.memory.depends.iter().enumerate();
        now.filter(|(_, now)| before.contains(&(&*now.kind, &*now.on))).map(|(place, _)| place).collect()
    }

    pub(super) fn verdict(&self, part: Part) -> Verdict {
        self.verdict_of(part, part)
    }

    /// Judges a part of the source and the part of an issue that it becomes.
    pub(super) fn verdict_of(&self, stated: Part, made: Part) -> Verdict {
        if self.unsaid.contains(&made.name()) {
            return Verdict::Keep;
        }
        let Some(base) = &self.base else {
            return if self.source.of(made) == self.local.of(made) { Verdict::Keep } else { self.newer() };
        };
        let source_changed = self.source.of(stated) != base.of(stated);
        if !source_changed || self.source.of(made) == self.local.of(made) {
            Verdict::Keep
        } else if self.local.of(made) == base.of(made) {
            Verdict::Take
        } else {
            self.newer()
        }
    }

    /// Whether an item of a part that is a set was there at the last import.
    pub(super) fn had(&self, part: Part, item: u32) -> bool {
        self.base.as_ref().is_some_and(|base| self.items.had(base, part, item))
    }

    /// Judges the text of a comment that differs here and at the source.
    fn verdict_of_comment(&self, fingerprint: u128, here: &str, theirs: &str) -> Verdict {
        let had = |body| self.items.had_comment(hash_comment(fingerprint, body));
        match (had(here), had(theirs)) {
            (Some(true), _) => Verdict::Take,
            (_, Some(true)) => Verdict::Keep,
            _ => self.newer(),
        }
    }

    /// Whether the source's comments are those of the last import.
    fn has_new_comments(&self) -> bool {
        self.base.as_ref().is_none_or(|base| base.of(Part::Comments) != self.source.of(Part::Comments))
    }

    fn newer(&self) -> Verdict {
        if self.source_is_newer { Verdict::Source } else { Verdict::Local }
    }
}

/// Hashes a record. A time of creation that the source doesn't tell has no part in it.
fn source_base(candidate: &Candidate, memory_key: &str, links: &Links, index: usize) -> Base {
    let base = Base::hash(&candidate.theirs, memory_key, links.suffixes(index), Some(&candidate.links));
    if candidate.has_created { base } else { base.without(&[Part::Created]) }
}

/// Makes the draft of an issue that isn't there.
pub(super) fn draft(mut candidate: Candidate, links: &Links, index: usize, target: &impl Fn(End) -> Target) -> Draft {
    if let Origin::Foreign { system, memory, .. } = &candidate.origin {
        let source = source_base(&candidate, &Memory::key(system), links, index);
        let text = remembered(memory, &source, &candidate, links, index);
        candidate.theirs.fields.insert(Memory::key(system), text);
    }
    let Issue {
        number: _,
        id,
        title,
        body,
        status,
        closure,
        priority,
        kind,
        labels,
        assignees,
        reporter,
        milestone,
        due,
        estimate,
        spent,
        comments,
        links: _,
        references,
        fields,
        created,
        imported_updated,
    } = candidate.theirs;
    Draft {
        number: candidate.number,
        id: Some(id),
        title,
        body,
        status: Some(status),
        closure,
        priority,
        kind: Some(kind),
        labels,
        assignees,
        reporter,
        milestone,
        due,
        estimate,
        spent,
        comments: comments.into_iter().map(draft_comment).collect(),
        links: links.wanted(index).iter().map(|(kind, end)| (*kind, target(*end))).collect(),
        references,
        fields,
        created: Some(created),
        imported_updated,
    }
}

fn draft_comment(comment: Comment) -> DraftComment {
    let Comment { id, author, created, body } = comment;
    DraftComment { id: Some(id), author, created: Some(created), body }
}

/// Returns what the next import has to know, for its field.
fn remembered(memory: &Memory, source: &Base, candidate: &Candidate, links: &Links, index: usize) -> FieldValue {
    let Origin::Foreign { system, .. } = &candidate.origin else { unreachable!("nothing else is remembered") };
    let items = Items::hash(&candidate.theirs, &Memory::key(system), links.suffixes(index));
    let mut memory = Memory { base: source.print(), items: items.print(), ..memory.clone() };
    for (place, link) in candidate.links.iter().enumerate() {
        if let Some(dependency) = link.dependency.and_then(|dependency| memory.depends.get_mut(dependency)) {
            dependency.unlinked = !links.is_made(index, place);
        }
    }
    FieldValue::Text(memory.print())
}

/// Returns what to change about an issue that is there; nothing if it is as it should be.
pub(super) fn changes(
    candidate: &Candidate,
    existing: &StoredIssue,
    links: &Links,
    index: usize,
    target: &impl Fn(End) -> Target,
    report: &mut Report,
) -> Vec<Change> {
    let here = &existing.issue;
    let mut wanted = match &candidate.origin {
        Origin::Own => replaced(candidate, here),
        Origin::Foreign { system, reference, .. } => {
            let sides = Sides::new(candidate, existing, links, index);
            if sides.is_older() {
                let seen = sides.remembered.as_ref().and_then(|memory| memory.at.as_deref()).unwrap_or_default();
                let note = format!("{} is of {seen} already: this older state was passed over", here.key());
                report.note(NoteKind::Skipped, &candidate.place, note);
                return Vec::new();
            }
            merged(candidate, existing, &sides, (system, reference), links, index, report)
        }
    };
    let (kept, added) = split_links(here, links.wanted(index), matches!(candidate.origin, Origin::Own));
    wanted.links = kept;
    let mut changes = operation::diff(here, &wanted);
    let keeps_time = changes.iter().any(|change| matches!(change, Change::ImportedUpdated(_)));
    if !added.is_empty() && !keeps_time && wanted.imported_updated.is_some() {
        changes.push(Change::ImportedUpdated(wanted.imported_updated));
    }
    changes.extend(added.into_iter().map(|(kind, end)| Change::AddLink { kind, target: target(end) }));
    changes
}

/// The issue as a record of the own format has it: all of that, and comments made here.
fn replaced(candidate: &Candidate, here: &Issue) -> Issue {
    let mut wanted = Issue { number: here.number, id: here.id, ..candidate.theirs.clone() };
    let ids: BTreeSet<_> = wanted.comments.iter().map(|comment| comment.id).collect();
    wanted.comments.extend(here.comments.iter().filter(|comment| !ids.contains(&comment.id)).cloned());
    wanted
}

/// Returns the links an issue keeps, and those it gets from elsewhere in the batch.
fn split_links(
    here: &Issue,
    wanted: &BTreeSet<(LinkKind, End)>,
    exact: bool,
) -> (BTreeSet<Link>, Vec<(LinkKind, End)>) {
    let mut kept = BTreeSet::new();
    let mut added = Vec::new();
    for &(kind, end) in wanted {
        match end {
            End::Issue(IssueKey { number, suffix }) => {
                kept.insert(Link { kind, target: IssueName { number, suffix: Some(suffix) } });
            }
            End::Record(_) => added.push((kind, end)),
        }
    }
    if !exact {
        kept.extend(here.links.iter().filter(|link| link.target.suffix.is_none()));
    }
    (kept, added)
}

/// The issue with what the source changed.
fn merged(
    candidate: &Candidate,
    existing: &StoredIssue,
    sides: &Sides<'_>,
    (system, reference): (&str, &str),
    links: &Links,
    index: usize,
    report: &mut Report,
) -> Issue {
    let here = &existing.issue;
    let theirs = &candidate.theirs;
    let mut wanted = here.clone();
    let mut both: Vec<(&str, Verdict)> = Vec::new();
    // A part that the source leaves empty doesn't stand against one that both have changed.
    let mut single = |part: Part, name: &'static str, is_empty: bool| match sides.verdict(part) {
        Verdict::Keep => false,
        Verdict::Take => true,
        verdict => {
            both.push((name, verdict));
            verdict == Verdict::Source && !is_empty
        }
    };
    if single(Part::Title, "title", false) {
        wanted.title.clone_from(&theirs.title);
    }
    if single(Part::Body, "body", theirs.body.is_empty()) {
        wanted.body.clone_from(&theirs.body);
    }
    if single(Part::Status, "status", false) {
        wanted.status.clone_from(&theirs.status);
        wanted.closure.clone_from(&theirs.closure);
    }
    if single(Part::Priority, "priority", false) {
        wanted.priority = theirs.priority;
    }
    if single(Part::Kind, "kind", false) {
        wanted.kind.clone_from(&theirs.kind);
    }
    if single(Part::Reporter, "reporter", theirs.reporter.is_none()) {
        wanted.reporter.clone_from(&theirs.reporter);
    }
    if single(Part::Milestone, "milestone", theirs.milestone.is_none()) {
        wanted.milestone.clone_from(&theirs.milestone);
    }
    if single(Part::Due, "due", theirs.due.is_none()) {
        wanted.due = theirs.due;
    }
    if single(Part::Estimate, "estimate", theirs.estimate.is_none()) {
        wanted.estimate = theirs.estimate;
    }
    if single(Part::Spent, "spent", theirs.spent.is_none()) {
        wanted.spent = theirs.spent;
    }
    if candidate.has_created && single(Part::Created, "created", false) {
        wanted.created = theirs.created;
    }
    for (part, ours, source) in [
        (Part::Labels, &mut wanted.labels, &theirs.labels),
        (Part::Assignees, &mut wanted.assignees, &theirs.assignees),
        (Part::References, &mut wanted.references, &theirs.references),
    ] {
        match sides.verdict(part) {
            Verdict::Keep => {}
            Verdict::Take => ours.clone_from(source),
            Verdict::Source | Verdict::Local => *ours = join(ours, source, |item| sides.had(part, hash_item(item))),
        }
    }
    if sides.unsaid.contains(&Part::References.name()) {
        // Its own name is all that is said: it joins the others.
        let had = |item: &&String| sides.had(Part::References, hash_item(item));
        wanted.references.extend(theirs.references.iter().filter(|item| !had(item)).cloned());
    }
    match sides.verdict(Part::Fields) {
        Verdict::Keep => {}
        Verdict::Take => {
            // What other imports remember is none of their business.
            wanted.fields.retain(|key, _| Memory::is_in(key));
            wanted.fields.extend(theirs.fields.clone());
        }
        verdict => merge_fields(&mut wanted.fields, theirs, sides, &Memory::key(system), verdict, &mut both),
    }
    if sides.has_new_comments() {
        merge_comments(&mut wanted.comments, theirs, sides, reference, &mut both);
    }
    let memory_key = Memory::key(system);
    // What an export of ours holds is no state of another tracker.
    if !candidate.is_own {
        wanted.fields.insert(memory_key.clone(), remembered(sides.memory, &sides.source, candidate, links, index));
    }
    if here.imported_updated.is_some() {
        wanted.imported_updated = theirs.imported_updated;
    } else if wanted.fields.get(&memory_key) != here.fields.get(&memory_key) {
        // An issue that is now just what the source has is as old as it is there.
        let ignored = [Part::StatedLinks, Part::Comments, Part::Created];
        let now = Base::hash(&wanted, &memory_key, links.suffixes(index), None);
        if now.without(&ignored) == sides.source.without(&ignored) {
            wanted.imported_updated = theirs.imported_updated;
        }
    }
    if !both.is_empty() {
        report.note(NoteKind::Conflict, &candidate.place, conflict(here.key(), &both));
    }
    wanted
}

/// Merges the custom fields one by one; `verdict` says who wins where both sides changed the same.
fn merge_fields(
    ours: &mut BTreeMap<String, FieldValue>,
    theirs: &Issue,
    sides: &Sides<'_>,
    memory_key: &str,
    verdict: Verdict,
    both: &mut Vec<(&'static str, Verdict)>,
) {
    let had = |key: &str, value: &FieldValue| sides.had(Part::Fields, hash_field(key, value));
    ours.retain(|key, value| {
        key == memory_key || Memory::is_in(key) || theirs.fields.contains_key(key) || !had(key, value)
    });
    for (key, value) in &theirs.fields {
        let is_known = had(key, value);
        match ours.get(key) {
            Some(here) if here == value || is_known => {}
            // Imported before and gone: it was removed here.
            None if is_known => {}
            Some(here) if !had(key, here) && verdict != Verdict::Source => both.push(("a field", verdict)),
            Some(here) => {
                if !had(key, here) {
                    both.push(("a field", verdict));
                }
                ours.insert(key.clone(), value.clone());
            }
            None => drop(ours.insert(key.clone(), value.clone())),
        }
    }
}

fn conflict(key: IssueKey, both: &[(&str, Verdict)]) -> String {
    let side = |wanted: Verdict| -> Vec<&str> {
        both.iter().filter(|(_, verdict)| *verdict == wanted).map(|(name, _)| *name).collect()
    };
    let mut parts = Vec::new();
    for (verdict, words) in [(Verdict::Source, "taken from the source"), (Verdict::Local, "left as here")] {
        let names = side(verdict);
        if !names.is_empty() {
            parts.push(format!("{} {words}", names.join(", ")));
        }
    }
    format!("{key} changed on both sides: {}", parts.join("; "))
}

/// Adds the comments that are new at the source, and takes over what was edited there.
fn merge_comments(
    ours: &mut Vec<Comment>,
    theirs: &Issue,
    sides: &Sides<'_>,
    reference: &str,
    both: &mut Vec<(&'static str, Verdict)>,
) {
    let names = sides.memory.comment_names();
    let before: BTreeSet<u128> = sides
        .remembered
        .iter()
        .flat_map(Memory::comment_names)
        .map(|name| fingerprint(imported_comment_id(reference, &name, None).uuid()))
        .collect();
    // A comment made here that went through another tracker comes back under a number.
    let numbers: BTreeMap<u128, u64> = names
        .iter()
        .filter_map(|name| {
            let print = fingerprint(imported_comment_id(reference, name, None).uuid());
            Some((print, name.parse().ok()?))
        })
        .collect();
    let mut by_print: HashMap<u128, usize> = HashMap::new();
    let mut by_number: HashMap<u64, usize> = HashMap::new();
    for (place, comment) in ours.iter().enumerate() {
        by_print.entry(fingerprint(comment.id.uuid())).or_insert(place);
        by_number.entry(comment_number(comment.id)).or_insert(place);
    }
    for comment in &theirs.comments {
        let print = fingerprint(comment.id.uuid());
        let numbered = numbers.get(&print).and_then(|number| by_number.get(number));
        match by_print.get(&print).or(numbered).map(|place| &mut ours[*place]) {
            Some(here) if here.body == comment.body => {}
            Some(here) => match sides.verdict_of_comment(print, &here.body, &comment.body) {
                Verdict::Keep => {}
                Verdict::Take => here.body.clone_from(&comment.body),
                verdict => {
                    both.push(("a comment", verdict));
                    if verdict == Verdict::Source {
                        here.body.clone_from(&comment.body);
                    }
                }
            },
            // Imported before and gone: it was removed here.
            None if before.contains(&print) => {}
            None => {
                by_print.insert(print, ours.len());
                ours.push(comment.clone());
            }
        }
    }
}

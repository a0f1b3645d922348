//! Merging two states of an issue that come from a third, field by field.
//!
//! What only one side changed is taken over. Of a value that both changed the newer one stands and the other is kept in
//! a comment; labels, assignees, references and links are sets, of which each item is added or removed by itself;
//! comments are all kept; bodies are merged by lines, and where both sides changed the same lines both versions stay in
//! the body between markers. Deleting something gives way to editing it.
//!
//! Which side is called ours makes no difference, so everybody who merges the same two states makes the same third.

mod comments;
mod lines;
mod note;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::graph::Relation;
use crate::ident::{IssueName, alias_reference};
use crate::issue::{Closure, Comment, FieldValue, Issue, Link, LinkKind, Status};
use crate::operation::{FieldState, state};
use crate::query::FieldName;

pub use comments::{MergedComment, merge_comment};
pub use lines::{Piece, has_conflict, pieces};
pub use note::{NOTE_AUTHOR, note};

/// One of the two states that are merged.
#[derive(Clone, Copy, Debug)]
pub struct Side<T> {
    /// The state; for issues and comments an option, which is `None` where they were deleted or never made.
    pub state: T,
    /// When it was changed last on this side, where that is known: the newer side has the last word.
    pub changed: Option<Timestamp>,
}

impl<T> Side<T> {
    /// Makes a side.
    pub fn new(state: T, changed: Option<Timestamp>) -> Self {
        Self { state, changed }
    }

    /// Returns another state of the same side.
    fn with<U>(&self, state: U) -> Side<U> {
        Side { state, changed: self.changed }
    }
}

/// What became of a merge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// The issue, notes among its comments; `None` if it is deleted.
    pub issue: Option<Issue>,
    /// The values that gave way.
    pub overruled: Vec<Overruled>,
    /// The comments among those of the issue that keep them, in the same order.
    pub notes: Vec<Comment>,
    /// Whether the body has two versions of some lines between markers, because of this merge.
    pub body_conflict: bool,
    /// Whether one side had deleted the issue, and it is kept because the other edited it.
    pub undeleted: bool,
}

/// A value that both sides changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overruled {
    /// Of which field, as queries call it; or what else the record has a value for.
    pub field: String,
    /// The value that stands.
    pub kept: FieldState,
    /// The value that gave way.
    pub other: FieldState,
}

/// Merges two states of one issue, which have the same id. Without a base, nothing counts as removed.
pub fn merge(base: Option<&Issue>, ours: Side<Option<&Issue>>, theirs: Side<Option<&Issue>>) -> Merged {
    let alone = |issue: Option<&Issue>, undeleted: bool| Merged {
        issue: issue.cloned(),
        overruled: Vec::new(),
        notes: Vec::new(),
        body_conflict: false,
        undeleted,
    };
    match (ours.state, theirs.state) {
        (None, None) => alone(None, false),
        (Some(left), None) | (None, Some(left)) => match base {
            Some(base) if base == left => alone(None, false),
            base => alone(Some(left), base.is_some()),
        },
        (Some(one), Some(other)) if one == other || base == Some(other) => alone(Some(one), false),
        (Some(one), Some(other)) if base == Some(one) => alone(Some(other), false),
        (Some(one), Some(other)) => Merge::new(base, ours.with(one), theirs.with(other)).run(),
    }
}

/// A merge of two states that are both there.
struct Merge<'a> {
    base: Option<&'a Issue>,
    ours: Side<&'a Issue>,
    theirs: Side<&'a Issue>,
    /// The values that gave way, with the time of their side.
    overruled: Vec<(Overruled, Option<Timestamp>)>,
}

impl<'a> Merge<'a> {
    fn new(base: Option<&'a Issue>, ours: Side<&'a Issue>, theirs: Side<&'a Issue>) -> Self {
        Self { base, ours, theirs, overruled: Vec::new() }
    }

    fn run(mut self) -> Merged {
        let (base, our, their) = (self.base, self.ours.state, self.theirs.state);
        // Each field is dealt with below: a new one doesn't compile until somebody has decided how it is merged.
        let Issue {
            number: _,
            id,
            title: _,
            body: _,
            status: _,
            closure: _,
            priority: _,
            kind: _,
            labels: _,
            assignees: _,
            reporter: _,
            milestone: _,
            due: _,
            estimate: _,
            spent: _,
            comments: _,
            links: _,
            references: _,
            fields: _,
            created: _,
            imported_updated: _,
        } = our;
        let number = match (base.map(|base| base.number), our.number, their.number) {
            (Some(base), our, their) if base == our => their,
            (Some(base), our, their) if base == their => our,
            (_, our, their) => our.min(their),
        };
        let (status, closure) = self.status();
        let (body, body_conflict) = self.body();
        let mut references = self.set(|issue| &issue.references);
        let merged_into_other_number = [our, their].into_iter().filter(|side| side.number != number);
        let renamed = merged_into_other_number.filter(|side| base.is_some_and(|base| base.number != side.number));
        references.extend(renamed.map(|side| alias_reference(side.key())));
        let mut issue = Issue {
            number,
            id: *id,
            title: self.scalar(FieldName::Title, |issue| &issue.title),
            body,
            status,
            closure,
            priority: self.scalar(FieldName::Priority, |issue| &issue.priority),
            kind: self.scalar(FieldName::Kind, |issue| &issue.kind),
            labels: self.set(|issue| &issue.labels),
            assignees: self.set(|issue| &issue.assignees),
            reporter: self.scalar(FieldName::Reporter, |issue| &issue.reporter),
            milestone: self.scalar(FieldName::Milestone, |issue| &issue.milestone),
            due: self.scalar(FieldName::Due, |issue| &issue.due),
            estimate: self.scalar(FieldName::Estimate, |issue| &issue.estimate),
            spent: self.scalar(FieldName::Spent, |issue| &issue.spent),
            comments: comments::merge_all(base, self.ours, self.theirs),
            links: self.links(),
            references,
            fields: self.fields(),
            created: self.scalar(FieldName::Created, |issue| &issue.created),
            imported_updated: three_way(
                base.map(|base| &base.imported_updated),
                &our.imported_updated,
                &their.imported_updated,
            )
            .copied()
            // Either is a time that another tracker knew of; without one, an edit here has made it void.
            .unwrap_or_else(|| Some(our.imported_updated?.max(their.imported_updated?))),
        };
        let fallback = our.last_recorded().max(their.last_recorded());
        let (overruled, times): (Vec<Overruled>, Vec<_>) = self.overruled.into_iter().unzip();
        let made = overruled.iter().zip(times);
        let notes: Vec<Comment> =
            made.map(|(overruled, time)| note(issue.id, overruled, time.unwrap_or(fallback))).collect();
        for note in &notes {
            if issue.comments.iter().all(|comment| comment.id != note.id) {
                issue.comments.push(note.clone());
            }
        }
        issue.comments.sort_by_key(|comment| (comment.created, comment.id));
        Merged { issue: Some(issue), overruled, notes, body_conflict, undeleted: false }
    }

    /// Which of the two sides has the last word about values that are told as these: greater means ours. The same
    /// whichever side is ours.
    fn rank(&self, ours: &FieldState, theirs: &FieldState) -> Ordering {
        by_age(&self.ours, &self.theirs).unwrap_or(Ordering::Equal).then_with(|| ours.cmp(theirs))
    }

    /// Tells whether ours stands of two values that both sides have changed, and keeps the other.
    fn contest(&mut self, field: FieldName, ours: FieldState, theirs: FieldState) -> bool {
        let is_ours = self.rank(&ours, &theirs).is_ge();
        let (kept, other, time) =
            if is_ours { (ours, theirs, self.theirs.changed) } else { (theirs, ours, self.ours.changed) };
        self.overruled.push((Overruled { field: field.to_string(), kept, other }, time));
        is_ours
    }

    fn scalar<T: Clone + PartialEq>(&mut self, field: FieldName, part: impl Fn(&Issue) -> &T) -> T {
        let (ours, theirs) = (self.ours.state, self.theirs.state);
        if let Some(value) = three_way(self.base.map(&part), part(ours), part(theirs)) {
            return value.clone();
        }
        let states = (state(&field, ours), state(&field, theirs));
        let is_ours = self.contest(field, states.0, states.1);
        part(if is_ours { ours } else { theirs }).clone()
    }

    /// Merges the status with what belongs to a closed one.
    fn status(&mut self) -> (Status, Option<Closure>) {
        let part = |issue: &Issue| (issue.status.clone(), issue.closure.clone());
        let (ours, theirs) = (part(self.ours.state), part(self.theirs.state));
        if let Some(found) = three_way(self.base.map(part).as_ref(), &ours, &theirs) {
            return found.clone();
        }
        match (&ours, &theirs) {
            ((status, Some(our)), (other, Some(their))) if status == other => {
                // Both closed it: what they say of it is compared by itself.
                let at = [our.at, their.at].into_iter().flatten().min();
                let base = self.base.and_then(|base| base.closure.as_ref());
                let reason = match three_way(base.map(|base| &base.reason), &our.reason, &their.reason) {
                    Some(reason) => *reason,
                    None if self.contest_of(FieldName::Reason) => our.reason,
                    None => their.reason,
                };
                let note = match three_way(base.map(|base| &base.note), &our.note, &their.note) {
                    Some(note) => note.clone(),
                    // A closing without a word takes nothing back.
                    None if our.note.is_none() || their.note.is_none() => our.note.clone().or(their.note.clone()),
                    None if self.contest_of(FieldName::Note) => our.note.clone(),
                    None => their.note.clone(),
                };
                (status.clone(), Some(Closure { at, reason, note }))
            }
            _ => {
                let is_ours = self.contest_of(FieldName::Status);
                let (kept, other, time) =
                    if is_ours { (&ours, &theirs, self.theirs.changed) } else { (&theirs, &ours, self.ours.changed) };
                let note = |(_, closure): &(Status, Option<Closure>)| closure.as_ref()?.note.clone();
                if let Some(lost) = note(other).filter(|lost| note(kept).as_ref() != Some(lost)) {
                    let kept = note(kept).map_or(FieldState::Absent, FieldState::Value);
                    let other = FieldState::Value(lost);
                    self.overruled.push((Overruled { field: FieldName::Note.to_string(), kept, other }, time));
                }
                kept.clone()
            }
        }
    }

    fn contest_of(&mut self, field: FieldName) -> bool {
        let states = (state(&field, self.ours.state), state(&field, self.theirs.state));
        self.contest(field, states.0, states.1)
    }

    fn body(&self) -> (String, bool) {
        let text = merge_text(
            self.base.map(|base| base.body.as_str()),
            self.ours.with(self.ours.state.body.as_str()),
            self.theirs.with(self.theirs.state.body.as_str()),
        );
        (text.text, text.conflict)
    }

    fn set<T: Ord + Clone + 'a>(&self, part: impl Fn(&'a Issue) -> &'a BTreeSet<T>) -> BTreeSet<T> {
        merge_sets(self.base.map(&part), part(self.ours.state), part(self.theirs.state))
    }

    /// Merges links: as a set, but for the parent, of which there is one.
    fn links(&mut self) -> BTreeSet<Link> {
        let mut links = self.set(|issue| &issue.links);
        let parents = |issue: &Issue| issue.links_of(LinkKind::Parent).collect::<BTreeSet<IssueName>>();
        let (ours, theirs) = (parents(self.ours.state), parents(self.theirs.state));
        let parents = match three_way(self.base.map(parents).as_ref(), &ours, &theirs) {
            Some(parents) => parents.clone(),
            None => {
                let told = |names: &BTreeSet<IssueName>| match names.first() {
                    None => FieldState::Absent,
                    Some(_) => FieldState::List(names.iter().map(ToString::to_string).collect()),
                };
                let field = FieldName::Related(Relation::Parent);
                if self.contest(field, told(&ours), told(&theirs)) { ours } else { theirs }
            }
        };
        links.retain(|link| link.kind != LinkKind::Parent);
        links.extend(parents.into_iter().map(|target| Link { kind: LinkKind::Parent, target }));
        links
    }

    /// Merges custom fields, each by itself.
    fn fields(&mut self) -> BTreeMap<String, FieldValue> {
        let (ours, theirs) = (&self.ours.state.fields, &self.theirs.state.fields);
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let mut fields = BTreeMap::new();
        for key in keys {
            let (our, their) = (ours.get(key), theirs.get(key));
            let base = self.base.map(|base| base.fields.get(key));
            let value = match three_way(base.as_ref(), &our, &their) {
                Some(value) => *value,
                // Nothing was removed where nobody knows what there was.
                None if base.is_none() && (our.is_none() || their.is_none()) => our.or(their),
                None if self.contest_of(FieldName::Custom(key.clone())) => our,
                None => their,
            };
            if let Some(value) = value {
                fields.insert(key.clone(), value.clone());
            }
        }
        fields
    }
}

/// Returns the value that stands, unless both sides changed it to different ones.
fn three_way<'v, T: PartialEq>(base: Option<&T>, ours: &'v T, theirs: &'v T) -> Option<&'v T> {
    match base {
        _ if ours == theirs => Some(ours),
        Some(base) if base == ours => Some(theirs),
        Some(base) if base == theirs => Some(ours),
        _ => None,
    }
}

/// Merges two sets: an item stays that both have, or that one of them added.
fn merge_sets<T: Ord + Clone>(base: Option<&BTreeSet<T>>, ours: &BTreeSet<T>, theirs: &BTreeSet<T>) -> BTreeSet<T> {
    let was_there = |item: &T| base.is_some_and(|base| base.contains(item));
    let stays = |item: &&T| (ours.contains(item) && theirs.contains(item)) || !was_there(item);
    ours.union(theirs).filter(stays).cloned().collect()
}

/// Which side is newer, if that is known: greater means the first.
pub fn by_age<T, U>(ours: &Side<T>, theirs: &Side<U>) -> Option<Ordering> {
    Some(ours.changed?.cmp(&theirs.changed?)).filter(|order| order.is_ne())
}

/// Merges two texts by lines, in an order that doesn't depend on which side is ours.
fn merge_text(base: Option<&str>, ours: Side<&str>, theirs: Side<&str>) -> lines::MergedText {
    let age = by_age(&ours, &theirs);
    let ours_first = age.unwrap_or_else(|| ours.state.cmp(theirs.state)).is_lt();
    let (first, second) = if ours_first { (ours.state, theirs.state) } else { (theirs.state, ours.state) };
    lines::merge(base, lines::Sides { first, second, by_age: age.is_some() })
}

#[cfg(test)]
mod tests;

//! In what an issue that was read again differs from what the index has of it, for the log of events.
//!
//! The index has all of a summary, links and texts by their hash, and names folded. What it can't tell of the state
//! before is told as unknown.

use std::collections::BTreeSet;

use tickety_core::ident::{IssueKey, Version};
use tickety_core::issue::{Closure, Issue, LinkKind};
use tickety_core::operation::{FieldChange, FieldState, field_changes};
use tickety_core::query::FieldName;

use super::IndexError;
use super::packed::unpack;
use super::record::{NameRow, Texts, names};
use super::row_id::{RowId, name_of};
use super::schema::NameKind;
use super::state::{LinkRow, State};
use super::write::IndexWriter;
use crate::repo::layout::RecordPath;
use crate::storage::IssueSummary;

/// What the index has of an issue while it is being changed.
#[derive(Debug)]
pub struct Indexed {
    summary: IssueSummary,
    state: State,
    links: BTreeSet<LinkRow>,
    /// The files, with the hashes of their bytes.
    pub files: Vec<(RecordPath, Version)>,
}

impl IndexWriter<'_> {
    /// Returns what the index has of an issue, as it was before this transaction changed it.
    pub fn indexed(&self, key: IssueKey) -> Result<Option<Indexed>, IndexError> {
        let index = self.index();
        let id = RowId::of(key);
        let read = || -> rusqlite::Result<_> {
            let Some(state) = State::read(&index.connection, id)? else { return Ok(None) };
            let summary = index.read_summaries([id].into_iter())?.pop().flatten();
            Ok(summary.map(|summary| (summary, state)))
        };
        let Some((summary, state)) = read().map_err(index.error("read an issue"))? else { return Ok(None) };
        let links = State::links(&index.connection, id).map_err(index.error("read the links of an issue"))?;
        let locations = index.locate(&[key])?.into_iter().flat_map(|location| location.files);
        let files = locations.map(|file| (file.path, file.hash)).collect();
        Ok(Some(Indexed { summary, state, links, files }))
    }
}

impl Indexed {
    /// Whether the issue was closed.
    pub fn is_closed(&self) -> bool {
        self.summary.category.is_closed()
    }

    /// Returns in what an issue differs.
    pub fn changes_to(&self, issue: &Issue) -> Vec<FieldChange> {
        let mut changes = field_changes(&self.as_far_as_shown(issue), issue);
        let mut add = |field, before, after| changes.push(FieldChange { field, before, after });
        let list = |values: Vec<String>| if values.is_empty() { FieldState::Absent } else { FieldState::List(values) };

        let had = unpack(self.state.names()).unwrap_or_default();
        let had: BTreeSet<(u8, &[u8])> =
            had.chunks_exact(2).filter_map(|pair| Some((*pair[0].first()?, pair[1]))).collect();
        let has = NameRow::pack(&names(issue));
        let has = unpack(&has).unwrap_or_default();
        let has: BTreeSet<(u8, &[u8])> =
            has.chunks_exact(2).filter_map(|pair| Some((*pair[0].first()?, pair[1]))).collect();
        let of = |names: &BTreeSet<(u8, &[u8])>, kind: NameKind| -> BTreeSet<Vec<u8>> {
            names.iter().filter(|(found, _)| i64::from(*found) == kind as i64).map(|(_, name)| name.to_vec()).collect()
        };
        if of(&had, NameKind::Reference) != of(&has, NameKind::Reference) {
            add(
                FieldName::Reference,
                unknown(&of(&had, NameKind::Reference)),
                list(issue.references.iter().cloned().collect()),
            );
        }
        let keys: BTreeSet<Vec<u8>> =
            of(&had, NameKind::FieldKey).union(&of(&has, NameKind::FieldKey)).cloned().collect();
        for key in keys {
            let values = |names: &BTreeSet<(u8, &[u8])>| -> BTreeSet<(u8, Vec<u8>)> {
                let is_value = |name: &[u8]| name.strip_prefix(&*key).is_some_and(|rest| rest.first() == Some(&0));
                names.iter().filter(|(_, name)| is_value(name)).map(|(kind, name)| (*kind, name.to_vec())).collect()
            };
            if values(&had) != values(&has) {
                let key = String::from_utf8_lossy(&key).into_owned();
                let after = issue.fields.get(&key).map(ToString::to_string);
                add(
                    FieldName::Custom(key),
                    unknown(&values(&had)),
                    after.map_or(FieldState::Absent, FieldState::Value),
                );
            }
        }
        let links: Vec<String> = self.links.iter().filter_map(shown_link).collect();
        let stored: Vec<String> = issue.links.iter().map(|link| format!("{} {}", link.kind, link.target)).collect();
        let sorted = |mut values: Vec<String>| {
            values.sort();
            values
        };
        if sorted(links.clone()) != sorted(stored.clone()) {
            add(FieldName::Link, list(sorted(links)), list(sorted(stored)));
        }
        let comments = |count: u32| if count == 0 { FieldState::Absent } else { FieldState::Value(count.to_string()) };
        let count = u32::try_from(issue.comments.len()).unwrap_or(u32::MAX);
        if self.summary.comments != count {
            add(FieldName::Comment, comments(self.summary.comments), comments(count));
        }
        changes
    }

    /// Whether the text of an issue would be the same with the title that the index has.
    pub fn has_same_texts(&self, issue: &Issue) -> bool {
        let mut texts = Texts::default();
        texts.take(&Issue { title: self.summary.title.clone(), ..issue.clone() });
        self.state.text_hash == texts.hash()
    }

    /// Returns an issue that differs from this one in what the summary tells, and in nothing else.
    fn as_far_as_shown(&self, issue: &Issue) -> Issue {
        let IssueSummary {
            key: _,
            id: _,
            title,
            status,
            category: _,
            reason,
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            created,
            closed,
            updated: _,
            comments: _,
            blocked: _,
            elsewhere: _,
            version: _,
            path: _,
        } = self.summary.clone();
        let note = issue.closure.as_ref().and_then(|closure| closure.note.clone());
        Issue {
            title,
            status,
            closure: reason.map(|reason| Closure { at: closed, reason, note }),
            priority,
            kind,
            labels,
            assignees,
            reporter,
            milestone,
            due,
            estimate,
            spent,
            created,
            ..issue.clone()
        }
    }

    /// Returns the version of the record.
    pub fn version(&self) -> Version {
        self.summary.version
    }
}

/// Says that there was something, where there was.
fn unknown<T>(values: &BTreeSet<T>) -> FieldState {
    if values.is_empty() { FieldState::Absent } else { FieldState::Unknown }
}

fn shown_link((kind, number, suffix): &LinkRow) -> Option<String> {
    let kind = LinkKind::ALL.into_iter().find(|known| *known as i64 == *kind)?;
    Some(format!("{kind} {}", name_of(*number, *suffix)?))
}

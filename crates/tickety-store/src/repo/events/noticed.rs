//! Noticing what something else than Tickety did to the files, while the index is brought up to date with them.

use jiff::Timestamp;
use tickety_core::event::{Event, ExternalOutcome, abridged};
use tickety_core::ident::{IssueKey, Version};
use tickety_core::operation::{FieldChange, FieldState};
use tickety_core::query::FieldName;

use super::{Note, Own};
use crate::repo::failure::Failure;
use crate::repo::index::IndexWriter;
use crate::repo::layout::RecordPath;
use crate::repo::load::Found;
use crate::repo::store::RepoStore;

/// What was noticed while the index is brought up to date.
pub(in crate::repo) struct Noticed {
    /// What is no change from outside; read when it is first asked for.
    own: Option<Own>,
    pub(in crate::repo) note: Note,
}

impl Noticed {
    pub(in crate::repo) fn new(own: Option<Own>, now: Timestamp) -> Self {
        Self { own, note: Note::new(now, None) }
    }

    /// Compares an issue that was read again with what the index has of it.
    pub(in crate::repo) fn see(
        &mut self,
        store: &RepoStore,
        writer: &IndexWriter<'_>,
        key: IssueKey,
        found: &Found,
    ) -> Result<(), Failure> {
        let before = writer.indexed(key)?;
        let known = before.as_ref().map_or(&[][..], |before| &before.files);
        let record = RecordPath::issue(key);
        let files: Vec<(RecordPath, Version)> = match found {
            Found::Issue(loaded) => loaded.files.iter().map(|file| (file.path, file.hash)).collect(),
            Found::Broken { .. } | Found::Missing { .. } => Vec::new(),
        };
        let changed = files.iter().filter(|file| !known.contains(file)).map(|(path, hash)| (*path, Some(*hash)));
        let gone = known.iter().filter(|(path, _)| !files.iter().any(|(found, _)| found == path));
        let differing: Vec<(RecordPath, Option<Version>)> =
            changed.chain(gone.map(|(path, _)| (*path, None))).collect();
        // Whoever was quicker has told of it.
        if differing.is_empty() || (before.is_none() && files.is_empty()) {
            return Ok(());
        }
        if self.own.is_none() {
            self.own = Some(store.unlogged().unwrap_or_default());
        }
        let own = self.own.as_ref().is_some_and(|own| {
            let is_own = |(path, version): &(RecordPath, Option<Version>)| {
                own.get(&path.home_path()).is_some_and(|versions| versions.contains(version))
            };
            differing.iter().all(is_own)
        });
        if own {
            return Ok(());
        }
        let (outcome, fields) = match (&before, found) {
            (Some(before), Found::Issue(loaded)) => {
                if !before.is_closed() && store.schema.category(&loaded.issue.status).is_closed() {
                    store.tell_closed(&mut self.note.ledger, key, &loaded.issue);
                }
                let mut fields = before.changes_to(&loaded.issue);
                let comments = differing.iter().any(|(path, _)| path.comment.is_some());
                if comments && !fields.iter().any(|change| change.field == FieldName::Comment) {
                    fields
                        .push(unknown(FieldName::Comment, FieldState::Value(loaded.issue.comments.len().to_string())));
                }
                let has_record = differing.iter().any(|(path, _)| *path == record);
                if has_record && !before.has_same_texts(&loaded.issue) {
                    let body = &loaded.issue.body;
                    let after = if body.is_empty() { FieldState::Absent } else { FieldState::Value(abridged(body)) };
                    fields.push(unknown(FieldName::Body, after));
                }
                (ExternalOutcome::Edited, fields)
            }
            (None, Found::Issue(loaded)) => {
                let after = FieldState::Value(loaded.issue.title.clone());
                let title = FieldChange { field: FieldName::Title, before: FieldState::Absent, after };
                (ExternalOutcome::Appeared, vec![title])
            }
            (_, Found::Broken { .. } | Found::Missing { .. }) => (ExternalOutcome::Vanished, Vec::new()),
        };
        self.note.add(&Event::ExternalChanged { issue: key, outcome, fields });
        Ok(())
    }
}

fn unknown(field: FieldName, after: FieldState) -> FieldChange {
    FieldChange { field, before: FieldState::Unknown, after }
}

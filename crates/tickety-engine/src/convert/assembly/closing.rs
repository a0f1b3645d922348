//! Status and closing: what the words of a source mean here.

use serde_json::Value;
use tickety_core::issue::{CloseReason, Closure, Kind, Priority, Status};
use tickety_core::operation::limits;
use tickety_core::schema::Category;

use super::{Assembly, text_of, words};
use crate::convert::report::NoteKind;

impl Assembly<'_> {
    /// Works out the status and, of a closed issue, how it was closed.
    pub(super) fn close(&mut self) {
        let (status, meant) = self.resolve_status();
        let (reason, note, at) = (self.reason.take(), self.note.take(), self.closed);
        if self.schema.category(&status).is_closed() {
            let mut note = note;
            let closed_as = match reason {
                None => meant.unwrap_or_default(),
                Some(word) => self.resolve_reason(&word, &mut note),
            };
            let note = note.map(|text| self.cleaner.paragraphs("note", text));
            if note.as_ref().is_some_and(|note| note.len() > limits::BODY) {
                self.cleaner.note(NoteKind::Skipped, format!("the note has more than {} bytes", limits::BODY));
                self.refused = true;
            }
            let note = note.filter(|note| !note.trim().is_empty());
            self.draft.closure = Some(Closure { at, reason: closed_as, note });
        } else {
            // What is left of an earlier closing.
            let at = at.map(|at| at.to_string());
            for (key, value) in [("closed", at), ("reason", reason), ("note", note)] {
                if let Some(value) = value {
                    self.keep_beside(key, Value::String(value), &format!("{key} of an issue that is {status}"));
                }
            }
        }
        self.draft.status = Some(status);
    }

    /// Returns the status, and the reason that its name tells.
    fn resolve_status(&mut self) -> (Status, Option<CloseReason>) {
        let Some(theirs) = self.status.take() else {
            // Nothing is said of it: a time of closing tells.
            let category = if self.closed.is_some() { Category::Closed } else { Category::Open };
            return (self.schema.first_of(category), None);
        };
        let folded = words::fold(&theirs);
        let named = self.options.value_of("status", &theirs).map(str::to_owned);
        let own = Status::new(named.as_deref().unwrap_or(&theirs));
        let exact = self.profile.statuses.iter().find(|(word, _)| *word == folded).map(|(_, category)| *category);
        let meaning = words::status(named.as_deref().unwrap_or(&theirs));
        let meant = words::reason(named.as_deref().unwrap_or(&theirs)).map(|(reason, _)| reason);
        let status = match (named.is_some(), exact) {
            (false, Some(category)) => self.schema.first_of(category),
            _ if self.schema.has_status(&own) => own,
            _ => match meaning {
                Some(meaning) => {
                    let category = self.hint.unwrap_or(meaning.category);
                    if !(meaning.whole && meaning.category == category) && named.is_none() {
                        self.keep_word("status", "status", &theirs);
                    }
                    self.schema.first_of(category)
                }
                None if self.hint.is_some() => {
                    self.keep_word("status", "status", &theirs);
                    self.schema.first_of(self.hint.unwrap_or(Category::Open))
                }
                None => {
                    let category = if self.closed.is_some() { Category::Closed } else { Category::Open };
                    let status = self.schema.first_of(category);
                    let field = format!("{}-status", self.profile.system);
                    let note = format!(
                        "the status `{theirs}` isn't known: became {status}, kept in the field `{field}`; \
                         --value 'status:{theirs}=…' says what it is"
                    );
                    self.cleaner.note(NoteKind::Changed, note);
                    self.keep_word("status", "status", &theirs);
                    status
                }
            },
        };
        self.cleaner.report.map(&format!("status {theirs}"), &format!("status {status}"));
        (status, meant)
    }

    /// Returns the reason that a word means; what it says beyond that becomes the note.
    fn resolve_reason(&mut self, word: &str, note: &mut Option<String>) -> CloseReason {
        let named = self.options.value_of("reason", word).unwrap_or(word).to_owned();
        let (reason, whole) = match named.trim().to_ascii_lowercase().parse::<CloseReason>() {
            Ok(reason) => (reason, true),
            Err(_) => words::reason(&named).unwrap_or((CloseReason::Completed, false)),
        };
        if !whole {
            match note {
                None => *note = Some(word.to_owned()),
                Some(_) => self.keep_word("reason", "reason", word),
            }
        }
        self.cleaner.report.map(&format!("reason {word}"), &format!("closed as {reason}"));
        reason
    }

    pub(super) fn priority(&mut self, key: &str, value: Value) {
        let Some(theirs) = text_of(&value) else {
            self.keep_beside(key, value, &format!("{key} is no word and no number"));
            return;
        };
        let folded = words::fold(&theirs);
        let known = match self.options.value_of("priority", &theirs) {
            Some(named) => named.parse().ok(),
            None => {
                let exact = self.profile.priorities.iter().find(|(word, _)| *word == folded);
                exact
                    .map(|(_, priority)| *priority)
                    .or_else(|| words::priority(&theirs))
                    .or_else(|| theirs.parse::<Priority>().ok())
            }
        };
        match known {
            Some(priority) => {
                self.cleaner.report.map(&format!("priority {theirs}"), &format!("priority {priority}"));
                self.draft.priority = priority;
            }
            None => self.keep_beside(key, value, &format!("the priority `{theirs}` isn't known")),
        }
    }

    pub(super) fn kind(&mut self, key: &str, value: Value) {
        let Some(theirs) = self.single(key, "kind", value) else { return };
        let named = self.options.value_of("kind", &theirs).map(str::to_owned);
        let own = Kind::new(named.as_deref().unwrap_or(&theirs));
        let usual = words::kind(&theirs).map(|(kind, whole)| (Kind::new(kind), whole));
        let kind = match usual {
            _ if self.schema.has_kind(&own) => own,
            Some((kind, whole)) if self.schema.has_kind(&kind) => {
                if !whole {
                    self.keep_word(key, "kind", &theirs);
                }
                kind
            }
            _ => {
                let kind = self.schema.default_kind.clone();
                let field = format!("{}-kind", self.profile.system);
                let note = format!("no kind `{theirs}` is configured: became {kind}, kept in the field `{field}`");
                self.cleaner.note(NoteKind::Changed, note);
                self.keep_word(key, "kind", &theirs);
                kind
            }
        };
        self.cleaner.report.map(&format!("kind {theirs}"), &format!("kind {kind}"));
        self.draft.kind = Some(kind);
    }
}

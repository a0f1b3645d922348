//! Where issues fit a search, on the wire.

use serde::Serialize;
use tickety_core::query::{TextMatch, TextScope};
use tickety_core::text;
use tickety_store::IssueText;

/// How many characters of a text are shown around a place.
const AROUND: usize = 160;

/// The most places of one issue.
const PLACES: usize = 3;

/// A place where an issue fits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snippet {
    /// `title`, `body`, `comment` or `note`.
    pub r#in: &'static str,
    /// The text around the place.
    pub text: String,
    /// The parts that were looked for, as ranges of characters in the text: first, one after the last.
    pub hits: Vec<(usize, usize)>,
}

/// A text of an issue that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Part<'t> {
    /// Where it stands: `title`, `body`, `comment` or `note`.
    pub name: &'static str,
    /// Where to look for what is to be found in it.
    pub place: TextScope,
    /// The text.
    pub text: &'t str,
}

impl<'t> Part<'t> {
    /// Returns the texts of an issue: title, body, comments, note.
    pub fn all(text: &'t IssueText) -> impl Iterator<Item = Self> {
        let title = Part { name: "title", place: TextScope::Title, text: &text.title };
        let body = Part { name: "body", place: TextScope::Body, text: &text.body };
        let remark = |name, text| Part { name, place: TextScope::Comment, text };
        let comments = text.comments.iter().map(move |comment| remark("comment", comment.body.as_str()));
        let note = text.note.as_deref().map(move |note| remark("note", note));
        [title, body].into_iter().chain(comments).chain(note)
    }

    /// Returns a part of the text of at most so many characters, around what is looked for in it.
    pub fn snippet(&self, wanted: &[(TextScope, TextMatch)], characters: usize) -> text::Snippet {
        text::snippet(self.text, &scoped(wanted, self.place), characters)
    }
}

/// Returns what is looked for in a sort of text.
pub fn scoped(wanted: &[(TextScope, TextMatch)], place: TextScope) -> Vec<TextMatch> {
    let fits = |scope: TextScope| scope == TextScope::Any || scope == place;
    wanted.iter().filter(|(scope, _)| fits(*scope)).map(|(_, text)| text.clone()).collect()
}

impl Snippet {
    /// Returns the first places of an issue's texts that fit.
    pub fn all(text: &IssueText, wanted: &[(TextScope, TextMatch)]) -> Vec<Self> {
        let snippets = Part::all(text).map(|part| (part.name, part.snippet(wanted, AROUND)));
        let fitting = snippets.filter(|(_, snippet)| snippet.has_hits()).take(PLACES);
        fitting.map(|(name, snippet)| Self::new(name, &snippet)).collect()
    }

    fn new(name: &'static str, snippet: &text::Snippet) -> Self {
        let mut hits = Vec::new();
        let mut at = 0;
        for piece in &snippet.pieces {
            let end = at + piece.text.chars().count();
            if piece.highlighted {
                hits.push((at, end));
            }
            at = end;
        }
        Self { r#in: name, text: snippet.plain(), hits }
    }
}

//! Making foreign texts fit, and saying so.

use tickety_core::operation::limits;

use super::report::{NoteKind, Place, Report};

/// Makes the texts of one record fit.
pub(super) struct Cleaner<'a> {
    pub(super) place: &'a Place,
    pub(super) report: &'a mut Report,
}

impl Cleaner<'_> {
    pub(super) fn note(&mut self, kind: NoteKind, message: impl Into<String>) {
        self.report.note(kind, self.place, message);
    }

    /// Makes a text of several lines fit: control characters become their pictures.
    pub(super) fn paragraphs(&mut self, what: &str, text: String) -> String {
        if !text.contains(is_refused) {
            return text;
        }
        let found = text.chars().filter(|c| is_refused(*c)).count();
        self.note(NoteKind::Changed, format!("{what}: {found} control {} became visible", characters(found)));
        text.chars().map(|c| if is_refused(c) { picture(c) } else { c }).collect()
    }

    /// Makes a text of one line fit: line breaks become spaces, control characters their pictures.
    pub(super) fn line(&mut self, what: &str, text: String) -> String {
        let breaks = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let trimmed = text.trim();
        if !trimmed.contains(|c| breaks(c) || is_refused(c)) {
            return if trimmed.len() == text.len() { text } else { trimmed.to_owned() };
        }
        let joined: String = trimmed.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
        if trimmed.contains(breaks) {
            self.note(NoteKind::Changed, format!("{what}: line breaks and tabs became spaces"));
        }
        self.paragraphs(what, joined)
    }

    /// Says that the white space at the ends of a text is gone for good.
    pub(super) fn note_trimmed(&mut self, what: &str, text: &str) {
        if text.trim().len() < text.len() {
            self.note(NoteKind::Changed, format!("{what} `{}`: the white space at its ends is gone", text.trim()));
        }
    }

    /// Makes a name (a label, a person) fit; `None`, and a note, where it can't be one.
    pub(super) fn name(&mut self, what: &str, text: String) -> Option<String> {
        let name = self.line(what, text);
        if name.is_empty() {
            self.note(NoteKind::Dropped, format!("{what} is empty"));
            return None;
        }
        self.fits(what, name, limits::NAME)
    }

    /// Returns a text that is within a limit; `None`, and a note, where it is longer.
    pub(super) fn fits(&mut self, what: &str, text: String, limit: usize) -> Option<String> {
        if text.len() <= limit {
            return Some(text);
        }
        self.note(NoteKind::Dropped, format!("{what} has {} bytes; the limit is {limit}", text.len()));
        None
    }
}

fn characters(count: usize) -> &'static str {
    if count == 1 { "character" } else { "characters" }
}

/// Whether a text of several lines can't have this character.
fn is_refused(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// Returns the visible picture of a control character.
fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Cuts a text to a limit, at a character, and marks the cut.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    let mut end = limit.saturating_sub(MARK.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}", text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(run: impl FnOnce(&mut Cleaner<'_>) -> String) -> (String, Vec<String>) {
        let mut report = Report::default();
        let place = Place::line(1);
        let text = run(&mut Cleaner { place: &place, report: &mut report });
        (text, report.notes.into_iter().map(|note| note.message).collect())
    }

    #[test]
    fn control_characters_stay_visible() {
        let (text, notes) = clean(|cleaner| cleaner.paragraphs("body", "a\u{1b}[1m\tb\r\nc\u{7f}\u{9b}".to_owned()));
        assert_eq!(text, "a␛[1m\tb\r\nc␡\u{fffd}");
        assert_eq!(notes, ["body: 3 control characters became visible"]);
    }

    #[test]
    fn a_title_of_two_lines_becomes_one() {
        let (text, notes) = clean(|cleaner| cleaner.line("title", " a\nb\u{2028}c ".to_owned()));
        assert_eq!(text, "a b c");
        assert_eq!(notes.len(), 1);
        let (text, notes) = clean(|cleaner| cleaner.line("title", " plain ".to_owned()));
        assert_eq!((text.as_str(), notes.len()), ("plain", 0));
    }

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(shorten("aäöü", 6), "aä…");
        assert_eq!(shorten(&"ß".repeat(600), limits::TITLE).len(), limits::TITLE - 1);
    }
}

//! Texts in the one spelling that is compared: what Unicode calls equal is cut into equal tokens.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc, is_nfc_quick};

/// Returns a text in its composed form (NFC); itself where it is written so, as nearly every text is.
pub(crate) fn compose(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_composed(&text) { text } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether two texts differ at most in how accents are written.
pub(crate) fn is_same_word(left: &str, right: &str) -> bool {
    left == right || compose(left.into()) == compose(right.into())
}

/// Whether a text is written in its composed form.
pub(super) fn is_composed(text: &str) -> bool {
    text.is_ascii() || is_nfc(text)
}

/// The composed form of a text that was written otherwise.
#[derive(Debug)]
pub(super) struct Composed {
    text: String,
    /// Where each run that composes by itself begins: here and in the text as it was written.
    runs: Vec<(usize, usize)>,
    written: usize,
}

impl Composed {
    pub(super) fn of(written: &str) -> Self {
        let mut composed =
            Self { text: String::with_capacity(written.len()), runs: Vec::new(), written: written.len() };
        let mut rest = written;
        while !rest.is_empty() {
            let mut later = rest.char_indices().skip(1);
            let end = later.find(|(_, char)| begins_run(*char)).map_or(rest.len(), |(at, _)| at);
            let (run, behind) = rest.split_at(end);
            composed.runs.push((composed.text.len(), written.len() - rest.len()));
            composed.text.extend(run.nfc());
            rest = behind;
        }
        composed
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where a part of the composed form stands in the text as it was written.
    pub(super) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.runs.partition_point(|(start, _)| *start <= range.start) - 1;
        let behind = self.runs.partition_point(|(start, _)| *start < range.end);
        self.runs[first].1..self.runs.get(behind).map_or(self.written, |(_, start)| *start)
    }
}

/// Whether nothing before a character can be composed with it.
fn begins_run(char: char) -> bool {
    char.is_ascii()
        || canonical_combining_class(char) == 0 && is_nfc_quick(std::iter::once(char)) != IsNormalized::Maybe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_found_where_they_were_written() {
        let written = "ab cafe\u{301}s \u{212b}x";
        let composed = Composed::of(written);
        assert_eq!(composed.text(), "ab cafés Åx");
        let origin = |part: &str| {
            let at = composed.text().find(part).unwrap();
            &written[composed.origin(&(at..at + part.len()))]
        };
        assert_eq!((origin("cafés"), origin("é"), origin("Å")), ("cafe\u{301}s", "e\u{301}", "\u{212b}"));
        assert_eq!(origin("ab cafés Åx"), written);
    }

    proptest! {
        #[test]
        fn runs_compose_as_the_whole_does(text in "([a-zA-Z \u{300}-\u{345}éÅ\u{212b}\u{3099}かガ\u{1100}-\u{1112}\u{1161}-\u{1175}\u{11a8}-\u{11c2}한\u{958}\u{93c}\u{915}\u{9c7}\u{9be}]|\\PC){0,12}") {
            let whole: String = text.nfc().collect();
            let composed = Composed::of(&text);
            prop_assert_eq!(composed.text(), &whole);
            prop_assert_eq!(compose(text.as_str().into()), whole.as_str());
        }
    }
}

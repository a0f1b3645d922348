//! Tokens and snippets: the same for matching, for the index and for what is shown.
//!
//! A text is a row of [`tokens`]: runs of letters and digits in lower case, so that `parse_file`,
//! `parse-file` and `v1.2` are found by their parts and, as a phrase, as a whole. Scripts that are
//! written without spaces give one token a character. What a query looks for is a
//! [`TextMatch`] over such tokens, [`hits`] tells where it is, [`highlight`] and [`snippet`]
//! show it.

mod composed;
mod snippet;
mod token;

use std::ops::Range;

use crate::query::TextMatch;

pub use snippet::{Piece, Snippet, highlight, snippet};
pub use token::{MAX_TOKEN_CHARS, Token, Tokens, tokens};

pub(crate) use composed::{compose, is_same_word};
pub(crate) use token::is_unspaced_token;

/// Whether `text` contains what is looked for.
pub fn contains(text: &str, wanted: &TextMatch) -> bool {
    hits(text, wanted).next().is_some()
}

/// Returns where `text` contains what is looked for: byte ranges in rising order. The hits of a
/// phrase of equal tokens may overlap.
pub fn hits<'t>(text: &'t str, wanted: &'t TextMatch) -> impl Iterator<Item = Range<usize>> + 't {
    let mut rest = tokens(text);
    std::iter::from_fn(move || {
        loop {
            let first = rest.next()?;
            if let Some(end) = end_of_hit(&first, &rest, wanted) {
                return Some(first.range.start..end);
            }
        }
    })
}

/// Returns where the hit ends that begins with `first`, if one does.
fn end_of_hit(first: &Token<'_>, rest: &Tokens<'_>, wanted: &TextMatch) -> Option<usize> {
    match wanted {
        TextMatch::Prefix(start) => first.text.starts_with(start.as_str()).then_some(first.range.end),
        TextMatch::Phrase(phrase) => {
            let (head, tail) = phrase.split_first()?;
            if first.text != head.as_str() {
                return None;
            }
            let mut end = first.range.end;
            let mut ahead = rest.clone();
            for expected in tail {
                let token = ahead.next().filter(|token| token.text == expected.as_str())?;
                end = token.range.end;
            }
            Some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> TextMatch {
        TextMatch::Phrase(tokens(text).map(|token| token.text.into_owned()).collect())
    }

    #[test]
    fn a_phrase_is_found_through_punctuation_and_case() {
        for text in ["call Parse_File now", "call parse-file()", "(PARSE FILE)"] {
            assert!(contains(text, &phrase("parse file")), "{text}");
        }
        for text in ["file parse", "parse a file", "parsefile", "parse files"] {
            assert!(!contains(text, &phrase("parse file")), "{text}");
        }
    }

    #[test]
    fn a_phrase_may_begin_again_inside_a_failed_one() {
        let text = "a a b";
        let found: Vec<_> = hits(text, &phrase("a b")).map(|range| &text[range]).collect();
        assert_eq!(found, ["a b"]);
    }

    #[test]
    fn a_prefix_is_the_start_of_a_token() {
        let text = "Cache caching recache";
        let prefix = TextMatch::Prefix("cach".to_owned());
        let found: Vec<_> = hits(text, &prefix).map(|range| &text[range]).collect();
        assert_eq!(found, ["Cache", "caching"]);
    }

    #[test]
    fn nothing_is_in_no_text() {
        assert!(!contains("", &phrase("a")));
        assert!(!contains("a", &TextMatch::Phrase(Vec::new())));
    }
}

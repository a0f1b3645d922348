//! Cutting text into tokens.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::composed::{Composed, compose, is_composed};

/// How many characters of a token count; the rest of a longer one is ignored.
pub const MAX_TOKEN_CHARS: usize = 64;

/// A word of a text as it is matched and indexed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token<'a> {
    /// The word in lower case and composed (NFC), at most [`MAX_TOKEN_CHARS`] characters. It holds ASCII
    /// letters in lower case, ASCII digits and characters beyond ASCII, nothing else: FTS5's `ascii`
    /// tokenizer keeps it whole.
    pub text: Cow<'a, str>,
    /// Where the whole word stands in the text, in bytes.
    pub range: Range<usize>,
}

/// Cuts a text into tokens: runs of letters and digits, each in lower case. A character of a
/// script that is written without spaces (Han, kana, Thai, Lao, Burmese, Khmer) is a token of its
/// own, so that a word in such a text is found as a phrase. The tokens of a token are itself. Texts that are
/// canonically equivalent, an accent being part of its letter in one and a character of its own in
/// the other, have the same tokens.
pub fn tokens(text: &str) -> Tokens<'_> {
    let text = if is_composed(text) { Text::Composed(text) } else { Text::Otherwise(Arc::new(Composed::of(text))) };
    Tokens { text, at: 0 }
}

/// The tokens of a text, in order; see [`tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: Text<'a>,
    at: usize,
}

/// A text that is cut.
#[derive(Clone, Debug)]
enum Text<'a> {
    /// One that is in its composed form.
    Composed(&'a str),
    /// The composed form of one that isn't. Shared, since tokens are looked ahead at.
    Otherwise(Arc<Composed>),
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        match &self.text {
            Text::Composed(text) => {
                let (range, shape) = Cutter { text, at: &mut self.at }.next()?;
                Some(Token { text: fold(&text[range.clone()], shape), range })
            }
            Text::Otherwise(composed) => {
                let (range, shape) = Cutter { text: composed.text(), at: &mut self.at }.next()?;
                let text = Cow::Owned(fold(&composed.text()[range.clone()], shape).into_owned());
                Some(Token { text, range: composed.origin(&range) })
            }
        }
    }
}

/// Finds the next token of a text.
struct Cutter<'c> {
    text: &'c str,
    at: &'c mut usize,
}

impl Cutter<'_> {
    fn next(mut self) -> Option<(Range<usize>, Shape)> {
        let start = self.skip_to_token()?;
        let mut shape = Shape::default();
        while let Some(class) = self.class() {
            match class {
                Class::Small => *self.at += 1,
                Class::Capital => {
                    shape.has_capitals = true;
                    *self.at += 1;
                }
                Class::Separator => break,
                Class::Beyond => {
                    let char = self.char();
                    let alone = is_unspaced(char);
                    if (alone && *self.at > start) || !(alone || is_token_part(char)) {
                        break;
                    }
                    shape.is_beyond_ascii = true;
                    *self.at += char.len_utf8();
                    if alone {
                        break;
                    }
                }
            }
        }
        Some((start..*self.at, shape))
    }
}

/// What a token is made of. Nearly all text is ASCII, and byte by byte it is cut twice as fast.
#[derive(Clone, Copy, Default)]
struct Shape {
    has_capitals: bool,
    is_beyond_ascii: bool,
}

/// What a byte of text can be.
#[derive(Clone, Copy)]
enum Class {
    Separator,
    /// A letter in lower case or a digit.
    Small,
    Capital,
    /// Part of a character beyond ASCII.
    Beyond,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Separator; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => Class::Small,
            b'A'..=b'Z' => Class::Capital,
            0x80.. => Class::Beyond,
            _ => Class::Separator,
        };
        byte += 1;
    }
    classes
};

impl Cutter<'_> {
    fn class(&self) -> Option<Class> {
        self.text.as_bytes().get(*self.at).map(|byte| CLASSES[usize::from(*byte)])
    }

    fn char(&self) -> char {
        self.text[*self.at..].chars().next().expect("a byte was seen here")
    }

    /// Moves to the start of the next token and returns where it is.
    fn skip_to_token(&mut self) -> Option<usize> {
        loop {
            match self.class()? {
                Class::Small | Class::Capital => return Some(*self.at),
                Class::Separator => *self.at += 1,
                Class::Beyond => {
                    let char = self.char();
                    if char.is_alphanumeric() {
                        return Some(*self.at);
                    }
                    *self.at += char.len_utf8();
                }
            }
        }
    }
}

fn is_token_part(char: char) -> bool {
    char.is_alphanumeric() || is_combining(char)
}

/// Whether the character is an accent that belongs to the letter before it. They are no letters,
/// but lower-casing (`İ`) produces them, and decomposed text has them inside words.
fn is_combining(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}')
}

/// Whether the character belongs to a script that is written without spaces between words.
fn is_unspaced(char: char) -> bool {
    matches!(u32::from(char),
        0x0e00..=0x0eff // Thai, Lao
        | 0x1000..=0x109f // Burmese
        | 0x1780..=0x17ff // Khmer
        | 0x2e80..=0x2fdf // Radicals
        | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x303c // Ideographic marks and numerals
        | 0x3041..=0x30ff // Hiragana, katakana
        | 0x31f0..=0x31ff // Katakana extensions
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff // Unified ideographs
        | 0xf900..=0xfaff // Compatibility ideographs
        | 0xff66..=0xff9f // Half-width katakana
        | 0x1b000..=0x1b16f // Kana supplements
        | 0x20000..=0x3ffff // Unified ideographs of the supplementary planes
    )
}

/// Whether a token is a character that never belongs to a longer one.
pub(crate) fn is_unspaced_token(token: &str) -> bool {
    token.chars().next().is_some_and(is_unspaced)
}

/// Folds a run of token characters.
fn fold(word: &str, shape: Shape) -> Cow<'_, str> {
    if shape.is_beyond_ascii {
        // Character by character: the lower case of a whole string gives the Greek sigma two forms.
        let folded = word.chars().flat_map(char::to_lowercase).map(|char| if char == 'ς' { 'σ' } else { char });
        // `J̌` is two characters and `ǰ` is one.
        return compose(Cow::Owned(folded.take(MAX_TOKEN_CHARS).collect()));
    }
    let kept = &word[..word.len().min(MAX_TOKEN_CHARS)];
    if shape.has_capitals { Cow::Owned(kept.to_ascii_lowercase()) } else { Cow::Borrowed(kept) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).map(|token| token.text.into_owned()).collect()
    }

    #[test]
    fn identifiers_are_cut_into_their_parts() {
        assert_eq!(words("foo_bar v1.2 parse-file, C++!"), ["foo", "bar", "v1", "2", "parse", "file", "c"]);
    }

    #[test]
    fn letters_are_folded_in_every_script() {
        assert_eq!(words("ÄRGER ΟΔΟΣ οδος İ Straße"), ["ärger", "οδοσ", "οδοσ", "i\u{307}", "straße"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_token_a_character() {
        assert_eq!(words("検索index中 カナ 한국어"), ["検", "索", "index", "中", "カ", "ナ", "한국어"]);
    }

    #[test]
    fn an_accent_belongs_to_its_letter() {
        assert_eq!(words("x\u{301}s \u{301}x"), ["x\u{301}s", "x"]);
    }

    #[test]
    fn what_is_equal_to_unicode_has_equal_tokens() {
        for (composed, decomposed) in [
            ("CAFÉS", "CAFE\u{301}S"),
            ("한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"),
            ("ガギ", "カ\u{3099}キ\u{3099}"),
            ("Ångström", "\u{212b}ngstro\u{308}m"),
            ("ǰ", "J\u{30c}"),
            ("a\u{323}\u{307}", "a\u{307}\u{323}"),
        ] {
            assert_eq!(words(decomposed), words(composed), "{composed}");
            let text = format!("x, {decomposed}-y");
            let tokens: Vec<_> = tokens(&text).collect();
            let parts: String = tokens[1..tokens.len() - 1].iter().map(|token| &text[token.range.clone()]).collect();
            assert_eq!(parts, decomposed);
        }
    }

    #[test]
    fn a_long_token_is_cut_and_its_range_is_not() {
        let word = "Ab".repeat(50);
        let token = tokens(&word).next().unwrap();
        assert_eq!(token.text.chars().count(), MAX_TOKEN_CHARS);
        assert_eq!(token.range, 0..100);
        assert_eq!(words(&word).len(), 1);
    }

    #[test]
    fn every_character_folds_to_characters_that_stay_together() {
        for char in ('\0'..=char::MAX).filter(|char| char.is_alphanumeric()) {
            let folded = words(&char.to_string());
            assert_eq!(folded.len(), 1, "{char:?}");
            assert_eq!(words(&folded[0]), folded, "{char:?}");
        }
    }

    proptest! {
        #[test]
        fn equivalent_texts_have_equal_tokens(text in "(\\PC|[a-z\u{300}-\u{345}かガ\u{3099}]){0,40}") {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(words(&decomposed), words(&text));
        }

        #[test]
        fn tokens_of_tokens_are_themselves(text in "\\PC{0,80}") {
            let once = words(&text);
            prop_assert_eq!(&words(&once.join(" ")), &once);
            for token in tokens(&text) {
                let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || !char.is_ascii();
                prop_assert!(!token.text.is_empty() && token.text.chars().all(plain));
                prop_assert!(text.get(token.range).is_some());
            }
        }
    }
}

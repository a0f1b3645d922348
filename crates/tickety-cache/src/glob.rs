//! Patterns of keys.

/// A pattern with `*`, `?`, `[…]` and `\`.
#[derive(Debug)]
pub(crate) struct Glob(Vec<Part>);

#[derive(Debug)]
enum Part {
    Any,
    One,
    Is(char),
    Of { ranges: Vec<(char, char)>, not: bool },
}

impl Glob {
    /// Reads a pattern. A `[` without its `]` stands for itself, and so does a `\` at the end.
    pub(crate) fn new(pattern: &str) -> Self {
        let characters: Vec<char> = pattern.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(character) = characters.get(at) {
            at += 1;
            parts.push(match character {
                '*' if matches!(parts.last(), Some(Part::Any)) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' if at < characters.len() => {
                    at += 1;
                    Part::Is(characters[at - 1])
                }
                '[' => match set(&characters[at..]) {
                    Some((part, length)) => {
                        at += length;
                        part
                    }
                    None => Part::Is('['),
                },
                other => Part::Is(*other),
            });
        }
        Self(parts)
    }

    /// Whether a text matches from its beginning to its end. Takes at most as many steps as the text's
    /// length times the pattern's.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let parts = &self.0;
        let (mut part, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let mut characters = rest.chars();
            match (parts.get(part), characters.next()) {
                (Some(Part::Any), _) => {
                    part += 1;
                    retry = Some((part, rest));
                    continue;
                }
                (Some(found), Some(character)) if found.is(character) => {
                    part += 1;
                    rest = characters.as_str();
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            // Let the last star stand for one character more.
            let Some((after, from)) = retry else { return false };
            let mut characters = from.chars();
            if characters.next().is_none() {
                return false;
            }
            retry = Some((after, characters.as_str()));
            (part, rest) = (after, characters.as_str());
        }
    }
}

impl Part {
    fn is(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Is(expected) => *expected == character,
            Self::Of { ranges, not } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *not
            }
        }
    }
}

/// Reads what follows a `[`, and returns how long it is.
fn set(characters: &[char]) -> Option<(Part, usize)> {
    let not = matches!(characters.first(), Some('!' | '^'));
    let mut at = usize::from(not);
    let mut ranges = Vec::new();
    // A `]` in the first place belongs to the set.
    while *characters.get(at)? != ']' || ranges.is_empty() {
        let mut take = || {
            at += usize::from(characters.get(at) == Some(&'\\'));
            at += 1;
            characters.get(at - 1).copied()
        };
        let first = take()?;
        let mut last = first;
        if characters.get(at) == Some(&'-') && characters.get(at + 1).is_some_and(|next| *next != ']') {
            at += 1;
            at += usize::from(characters.get(at) == Some(&'\\'));
            last = *characters.get(at)?;
            at += 1;
        }
        ranges.push((first, last));
    }
    Some((Part::Of { ranges, not }, at + 1))
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).matches(text)
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("issue:*", "issue:42", true),
            ("issue:*", "issues:42", false),
            ("*:42", "issue:42", true),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXbYY", false),
            ("a?c", "aäc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[ab", "[ab", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            (r"[\]]", "]", true),
            (r"a\", r"a\", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!matches(&format!("{}b", "*a".repeat(100)), &"a".repeat(5000)));
    }

    /// The definition, for stars and question marks.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((&'*', rest)), _) => {
                slowly(rest, text) || text.split_first().is_some_and(|(_, text)| slowly(pattern, text))
            }
            (Some((&'?', rest)), Some((_, text))) => slowly(rest, text),
            (Some((expected, rest)), Some((character, text))) => expected == character && slowly(rest, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), slowly(&characters(&pattern), &characters(&text)));
        }

        #[test]
        fn nothing_panics(pattern in ".*", text in ".*") {
            matches(&pattern, &text);
        }
    }
}

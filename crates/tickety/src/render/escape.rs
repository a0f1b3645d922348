//! Taking the power from characters that command a terminal or reorder what it shows.
//!
//! A title in a cloned repository is somebody else's text: an escape sequence could rewrite the
//! screen, a bidirectional override could make one name look like another.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes a text safe to show on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    neutralise(text, false)
}

/// Makes a text of several lines safe to show; line breaks and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    neutralise(text, true)
}

fn neutralise(text: &str, several_lines: bool) -> Cow<'_, str> {
    let harmless = |c: char| !is_dangerous(c) || (several_lines && matches!(c, '\n' | '\t'));
    // Nearly every text is ASCII without control characters: one pass over bytes tells.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if harmless(c) => safe.push(c),
            // The pictures of the control characters, `␛` for the escape.
            '\0'..='\u{1f}' => safe.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}' => safe.push('\u{2421}'),
            _ => write!(safe, "<U+{:04X}>", u32::from(c)).expect("writing to a string succeeds"),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character commands a terminal, reorders or hides text, or breaks lines.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_the_terminal_become_visible() {
        assert_eq!(line("a\u{1b}[31mb\x07"), "a␛[31mb␇");
        assert_eq!(line("\u{9b}2J\u{7f}"), "<U+009B>2J␡");
        assert_eq!(line("user\u{202e}gnp.exe"), "user<U+202E>gnp.exe");
        assert_eq!(line("two\nlines\tand a tab"), "two␊lines␉and a tab");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        for text in ["plain", "größer als 3 → ok", "日本語", "👩‍💻"] {
            assert!(matches!(line(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(block("a\n\tb\r\u{1b}]0;t\x07"), "a\n\tb␍␛]0;t␇");
    }
}

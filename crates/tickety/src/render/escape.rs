//! Taking the power from characters that command a terminal or reorder what it shows.
//!
//! A title in a cloned repository is somebody else's text: an escape sequence could rewrite the
//! screen, a bidirectional override could make one name look like another.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// Makes a text safe to show on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    neutralise(text, false)
}

/// Makes a text of several lines safe to show; line breaks and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    neutralise(text, true)
}

/// Makes JSON safe to show. It says the same as before: in JSON every character can be written as its number.
pub fn json(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| !is_dangerous(c) || matches!(c, '\n' | '\t');
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if harmless(c) {
            safe.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(safe, "\\u{unit:04x}").expect("writing to a string succeeds");
            }
        }
    }
    Cow::Owned(safe)
}

/// Writes JSON so that it is safe to show.
#[derive(Debug)]
pub struct JsonShown<W> {
    output: W,
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl<W: io::Write> JsonShown<W> {
    /// Writes to an output.
    pub fn new(output: W) -> Self {
        Self { output, begun: Vec::new() }
    }
}

impl<W: io::Write> io::Write for JsonShown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = str::from_utf8(&self.begun).map_or_else(|error| error.valid_up_to(), str::len);
        let (text, rest) = self.begun.split_at(whole);
        let text = str::from_utf8(text).map_err(io::Error::other)?;
        self.output.write_all(json(text).as_bytes())?;
        self.begun = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
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
    fn json_says_the_same() {
        let text = "{\n\t\"a\": \"\u{9b}2J\u{202e}ü\u{e0001}\"}";
        let mut shown = Vec::new();
        let mut output = JsonShown::new(&mut shown);
        for byte in text.bytes() {
            io::Write::write_all(&mut output, &[byte]).unwrap();
        }
        let shown = String::from_utf8(shown).unwrap();
        assert_eq!(shown, "{\n\t\"a\": \"\\u009b2J\\u202eü\\udb40\\udc01\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(text));
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

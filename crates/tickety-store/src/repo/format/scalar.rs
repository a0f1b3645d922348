//! How texts are written in front matter, so that YAML 1.1 and 1.2 read the same text.

/// Writes a text on one line, in quotes where it would be read as something else.
pub(super) fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // Single quotes where nothing needs an escape but a double quote or a backslash would: they
    // leave the text as it is.
    if text.contains(['"', '\\']) && !text.contains('\'') && text.chars().all(is_printable) {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
        }
    }
    out.push('"');
    out
}

/// Writes a text that may have several lines: these as a literal block indented by `indent`.
pub(super) fn paragraphs(text: &str, indent: usize) -> String {
    if !text.contains('\n') || !fits_block(text) {
        return self::text(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    out.push('|');
    // A reader takes the indentation from the first line that isn't empty.
    if text.starts_with([' ', '\t', '\n']) {
        // Counted from the key, which is indented one step less.
        out.push('2');
    }
    out.push('-');
    for line in text.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
    out
}

/// Whether a literal block keeps the text: it drops breaks at the end, and editors and readers
/// differ on lines of white space alone.
fn fits_block(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c))
        && text.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
        && !text.ends_with('\n')
}

/// Whether a text stays itself without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    !first.is_whitespace()
        && !text.ends_with(|c: char| c.is_whitespace() || c == ':')
        && !matches!(
            first,
            '-' | '?'
                | ':'
                | ','
                | '['
                | ']'
                | '{'
                | '}'
                | '#'
                | '&'
                | '*'
                | '!'
                | '|'
                | '>'
                | '\''
                | '"'
                | '%'
                | '@'
                | '`'
        )
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
        && !is_reserved(text)
        && !resembles_number(text)
}

/// Whether a reader of YAML 1.1 or 1.2 takes the word for nothing, true, false or a merge.
fn is_reserved(text: &str) -> bool {
    const WORDS: [&str; 11] = ["y", "n", "yes", "no", "true", "false", "on", "off", "null", "~", "="];
    text == "<<" || (text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)))
}

/// Whether a reader may take the text for a number, a date or a time. Quotes too many do no harm.
fn resembles_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = match bytes {
        [b'+' | b'.', rest @ ..] => {
            rest.first().is_some_and(|&byte| byte.is_ascii_digit() || byte == b'.')
                || matches!(rest.to_ascii_lowercase().as_slice(), b"inf" | b"nan")
        }
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    };
    let of_numbers = |byte: &u8| {
        byte.is_ascii_hexdigit()
            || matches!(
                byte.to_ascii_lowercase(),
                b'x' | b'o' | b'_' | b'+' | b'-' | b'.' | b':' | b' ' | b't' | b'z' | b'i' | b'n'
            )
    };
    begins && bytes.iter().all(of_numbers)
}

/// Whether YAML lets the character stand for itself on one line, in every version.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => true,
        c => c >= '\u{10000}',
    }
}

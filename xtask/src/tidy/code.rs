//! Rust source reduced to what the compiler makes a program of: no comments, no contents of
//! literals, no trailing module of tests.

/// The code of a file, line by line; every line is where it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Code {
    text: String,
}

impl Code {
    /// Blanks out comments and the contents of literals, and cuts the file before its first test module.
    pub(super) fn of(source: &str) -> Self {
        let mut text = blank(source);
        if let Some(end) = test_module(&text) {
            text.truncate(end);
        }
        Self { text }
    }

    /// Returns the numbers, from 1, and the contents of its lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Returns the lines in which a path such as `std::fs` or a name stands as whole words.
    pub(super) fn lines_naming(&self, name: &str) -> impl Iterator<Item = usize> {
        self.lines().filter(move |(_, line)| names(line, name)).map(|(number, _)| number)
    }
}

/// Says whether a name stands in a line, not as a part of a longer one.
fn names(line: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Returns where `#[cfg(test)]` stands before a module at the outermost level.
fn test_module(text: &str) -> Option<usize> {
    text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let at_line_start = *at == 0 || text[..*at].ends_with('\n');
        let mut rest = text[at + "#[cfg(test)]".len()..].trim_start();
        while let Some(attribute) = rest.strip_prefix("#[") {
            rest = attribute.split_once(']').map_or("", |(_, rest)| rest).trim_start();
        }
        at_line_start && rest.starts_with("mod ")
    })
}

/// Replaces comments and the contents of literals by spaces.
fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let (keep, length) = if rest.starts_with(b"//") {
            (0, rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()))
        } else if rest.starts_with(b"/*") {
            (0, block_comment(rest))
        } else if rest[0] == b'"' {
            (1, quoted(rest, b'"'))
        } else if let Some(length) =
            raw_string(rest).filter(|_| !word_before || bytes[at - 1] == b'b' || bytes[at - 1] == b'c')
        {
            (0, length)
        } else if rest[0] == b'\'' && is_char_literal(source, at) {
            (1, quoted(rest, b'\''))
        } else {
            at += 1;
            continue;
        };
        for byte in &mut out[at + keep..at + length - keep.min(length - 1)] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length;
    }
    String::from_utf8(out).expect("whole characters were replaced by spaces")
}

/// Returns the length of a block comment; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Returns the length of a literal with escapes, quotes included.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Returns the length of a raw string such as `r#"…"#`, if one begins here.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.strip_prefix(b"r")?.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let begin = 2 + hashes;
    let length = rest[begin..].windows(end.len()).position(|window| window == end);
    Some(length.map_or(rest.len(), |length| begin + length + end.len()))
}

/// Tells a character literal from a lifetime.
fn is_char_literal(source: &str, at: usize) -> bool {
    let mut characters = source[at + 1..].chars();
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let source = "let a = \"std::fs \\\" x\"; // std::fs\n/* std::fs /* nested */\n */ let b = r#\"std::fs\"#;\n\
                      let c = '\"'; let d: &'a str = b\"std::fs\";\nlet é = '\\''; use std::fs;\n";
        let code = Code::of(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert_eq!(code.lines_naming("std::fs").collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_name_inside_a_longer_one_is_another() {
        let code = Code::of("use my_std::fs;\nuse std::fs_extra;\nuse std::fs::File;\n");
        assert_eq!(code.lines_naming("std::fs").collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn the_test_module_is_cut_off_but_not_a_test_helper_before_it() {
        let code = Code::of(
            "#[cfg(test)]\nfn helper() {}\nuse std::fs;\n\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n    use std::fs;\n}\n",
        );
        assert_eq!(code.lines_naming("std::fs").collect::<Vec<_>>(), [3]);
        assert_eq!(code.lines().count(), 4);
    }
}

//! Breaking long lines between words.
//!
//! A terminal breaks where its last column is, in the middle of words. What is Markdown stays Markdown: the
//! lines of an item stand under its text, and code and tables are left as they are.

use unicode_width::UnicodeWidthChar;

use super::screen::width;

/// The most columns of prose: the eye loses its place in longer lines.
const MOST: usize = 100;

/// Breaks the lines of a Markdown text that take more than so many columns.
pub fn prose(text: &str, columns: usize) -> String {
    let columns = columns.min(MOST);
    let mut wrapped = String::with_capacity(text.len() + text.len() / 32);
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let content = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| content.starts_with(mark));
        if mark.is_some() && (fence.is_none() || fence == mark) {
            fence = if fence.is_some() { None } else { mark };
        } else if fence.is_none() && !is_verbatim(line) {
            self::line(&mut wrapped, line, columns, hanging(line));
            continue;
        }
        wrapped.push_str(line);
        wrapped.push('\n');
    }
    wrapped
}

/// Breaks one line; what follows the break begins after `indent` columns.
pub fn line(out: &mut String, line: &str, columns: usize, indent: usize) {
    // An indent that leaves next to no room is none.
    let indent = if indent * 2 > columns { 0 } else { indent };
    let start = line.len() - line.trim_start().len();
    out.push_str(&line[..start]);
    let mut used = width(&line[..start]);
    let mut begun = false;
    for word in line[start..].split(' ') {
        let needed = width(word);
        // Scripts without spaces may be broken anywhere; an address that is too long can still be copied.
        let divisible = indent + needed > columns && word.chars().any(|c| c.width().unwrap_or(0) > 1);
        if begun && used + 1 + needed > columns && !divisible {
            break_line(out, indent);
            used = indent;
        } else if begun {
            out.push(' ');
            used += 1;
        }
        begun = true;
        if !divisible {
            out.push_str(word);
            used += needed;
            continue;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > columns {
                break_line(out, indent);
                used = indent;
            }
            out.push(c);
            used += wide;
        }
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

fn break_line(out: &mut String, indent: usize) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a line loses its meaning when it is broken: code by its indent, a row of a table.
fn is_verbatim(line: &str) -> bool {
    line.trim_start().starts_with('|')
        || ((line.starts_with("    ") || line.starts_with('\t')) && marker(line.trim_start()) == 0)
}

/// Returns the column in which the text of a line begins, after its indent and the mark of a list or
/// quotation.
fn hanging(line: &str) -> usize {
    let content = line.trim_start();
    line.len() - content.len() + marker(content)
}

/// Returns how long the mark at the start of a list item or quotation is, with the spaces after it.
fn marker(content: &str) -> usize {
    let digits = content.bytes().take_while(u8::is_ascii_digit).count();
    let mark = match content.as_bytes() {
        [b'-' | b'*' | b'+' | b'>', b' ', ..] => 2,
        [..] if (1..=3).contains(&digits) && [". ", ") "].iter().any(|end| content[digits..].starts_with(end)) => {
            digits + 2
        }
        _ => return 0,
    };
    let task = ["[ ] ", "[x] ", "[X] "].iter().any(|task| content[mark..].starts_with(task));
    if task { mark + 4 } else { mark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(prose("one two three four", 9), "one two\nthree\nfour\n");
        assert_eq!(prose("a short line\n\nanother", 20), "a short line\n\nanother\n");
        assert_eq!(prose("ends in spaces  ", 80), "ends in spaces\n");
    }

    #[test]
    fn items_and_quotations_keep_their_shape() {
        assert_eq!(prose("- [ ] one two three", 14), "- [ ] one two\n      three\n");
        assert_eq!(prose("  12. one two three", 14), "  12. one two\n      three\n");
        assert_eq!(prose("> one two three", 9), "> one two\n  three\n");
    }

    #[test]
    fn what_can_t_be_broken_is_left_as_it_is() {
        let code = "```sh\none two three four\n```\n    four spaces are code\n| a | table |\n";
        assert_eq!(prose(code, 10), code);
        let address = "see https://example.org/a/long/address here";
        assert_eq!(prose(address, 20), "see\nhttps://example.org/a/long/address\nhere\n");
    }

    #[test]
    fn scripts_without_spaces_are_broken_by_columns() {
        assert_eq!(prose("日本語の題名です", 7), "日本語\nの題名\nです\n");
        assert_eq!(prose("- 日本語の題名", 8), "- 日本語\n  の題名\n");
    }

    #[test]
    fn prose_is_no_wider_than_can_be_read() {
        let wrapped = prose(&"word ".repeat(100), 300);
        assert!(wrapped.lines().all(|line| line.len() <= MOST), "{wrapped}");
    }
}

//! What is being written for a person.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::Style;
use jiff::Timestamp;
use jiff::civil::Date;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{escape, palette, time, wrap};
use crate::context::Context;

/// The columns that a title gets however narrow the terminal is.
const LEAST: usize = 12;

/// A text under construction that knows where it will be shown.
#[derive(Debug)]
pub struct Screen<'a> {
    text: String,
    context: &'a Context,
}

impl<'a> Screen<'a> {
    /// Makes an empty screen.
    pub fn new(context: &'a Context) -> Self {
        Self { text: String::new(), context }
    }

    /// Returns what was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Whether this is a terminal, with a width to be kept and a person who thinks in relative
    /// times.
    pub fn is_terminal(&self) -> bool {
        self.context.terminal.stdout
    }

    /// Returns the columns of the terminal.
    pub fn width(&self) -> usize {
        self.context.terminal.width
    }

    /// Writes a text that needs no escaping.
    pub fn raw(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        // Padding of a last column that turned out empty is of no use to anybody.
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.text.push('\n');
        self
    }

    /// Writes a whole line.
    pub fn line(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.raw(text).end()
    }

    /// Writes a text from a record on one line, in a style.
    pub fn put(&mut self, style: Style, text: impl AsRef<str>) -> &mut Self {
        let safe = escape::line(text.as_ref());
        self.styled(style, &safe)
    }

    /// Writes a text of several lines from a record, every line indented.
    pub fn block(&mut self, indent: &str, text: &str) -> &mut Self {
        for line in escape::block(text).lines() {
            self.raw(indent).line(line);
        }
        self
    }

    /// Writes a text of several lines in Markdown from a record, every line indented; on a terminal, long ones
    /// are broken between words.
    pub fn prose(&mut self, indent: &str, text: &str) -> &mut Self {
        if !self.is_terminal() {
            return self.block(indent, text);
        }
        let columns = self.width().saturating_sub(width(indent));
        for line in wrap::prose(&escape::block(text), columns).lines() {
            self.raw(indent).line(line);
        }
        self
    }

    fn styled(&mut self, style: Style, text: &str) -> &mut Self {
        if text.is_empty() {
            return self;
        }
        if self.context.colour && style != palette::PLAIN {
            self.text.push_str(&style.render().to_string());
            self.text.push_str(text);
            self.text.push_str(&style.render_reset().to_string());
        } else {
            self.text.push_str(text);
        }
        self
    }

    /// Writes a value in a style.
    pub fn show(&mut self, style: Style, value: impl Display) -> &mut Self {
        self.put(style, value.to_string())
    }

    /// Writes spaces.
    pub fn space(&mut self, columns: usize) -> &mut Self {
        self.text.extend(std::iter::repeat_n(' ', columns));
        self
    }

    /// Returns a text from a record as one line, on a terminal cut to what is left of the width.
    pub fn fitted(&self, text: &str, taken: usize) -> String {
        let text = escape::line(text);
        let room = self.width().saturating_sub(taken).max(LEAST);
        if self.is_terminal() { cut(&text, room).into_owned() } else { text.into_owned() }
    }

    /// Says when something was: relative on a terminal, RFC 3339 to the second elsewhere.
    pub fn when(&self, then: Timestamp) -> String {
        if self.is_terminal() { time::relative(self.context.now(), then) } else { format!("{then:.0}") }
    }

    /// Says when something was, exactly too: `3d ago (2026-11-18 14:05)` on a terminal.
    pub fn when_exactly(&self, then: Timestamp) -> String {
        if self.is_terminal() {
            format!("{} ({})", time::relative(self.context.now(), then), time::local(then, self.context.zone()))
        } else {
            format!("{then:.0}")
        }
    }

    /// Says when a day is: `2026-11-30 (in 9d)` on a terminal.
    pub fn day(&self, day: Date) -> String {
        if self.is_terminal() { format!("{day} ({})", time::relative_day(self.today(), day)) } else { day.to_string() }
    }

    /// Returns the day it is for the person.
    pub fn today(&self) -> Date {
        self.context.now().to_zoned(self.context.zone().clone()).date()
    }
}

/// Returns how many columns a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Cuts a text to a number of columns, with `…` where something is left out.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 1;
    // Joined emoji take less room than their parts: only the whole tells how much.
    let joined = text.contains('\u{200d}');
    for c in text.chars() {
        kept.push(c);
        used = if joined { 1 + width(&kept) } else { used + c.width().unwrap_or(0) };
        if used > columns {
            kept.pop();
            break;
        }
    }
    // What would join the next character to this one must not join the ellipsis.
    kept.truncate(kept.trim_end_matches('\u{200d}').len());
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_not_characters() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("日本語です", 6), "日本…");
        assert_eq!(cut("日本語です", 5), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("ab👩\u{200d}💻cd", 5), "ab👩\u{200d}💻…");
        assert_eq!(cut("ab👩\u{200d}💻cd", 4), "ab…");
    }
}

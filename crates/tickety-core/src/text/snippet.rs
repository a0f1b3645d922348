//! Showing where a text fits.

use std::ops::Range;

use super::hits;
use crate::query::TextMatch;

/// A part of a text, made for showing: pieces in order, those that fit marked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snippet {
    /// The pieces; neighbours differ in whether they are highlighted.
    pub pieces: Vec<Piece>,
}

/// A run of a [`Snippet`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether this is what was looked for.
    pub highlighted: bool,
}

impl Snippet {
    /// Returns the text without its marks.
    pub fn plain(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Whether anything is highlighted.
    pub fn has_hits(&self) -> bool {
        self.pieces.iter().any(|piece| piece.highlighted)
    }

    fn push(&mut self, char: char, highlighted: bool) {
        match self.pieces.last_mut() {
            Some(piece) if piece.highlighted == highlighted => piece.text.push(char),
            _ => self.pieces.push(Piece { text: char.to_string(), highlighted }),
        }
    }
}

/// Marks every hit in a whole text; white space stays as it is.
pub fn highlight(text: &str, wanted: &[TextMatch]) -> Snippet {
    let mut snippet = Snippet::default();
    let mut marks = Marks::new(text, wanted);
    for (at, char) in text.char_indices() {
        snippet.push(char, marks.covers(at));
    }
    snippet
}

/// Shows one line of at most `width` characters around the place with the most hits: white space
/// is folded into single spaces, and `…` stands for what was left out at either end. Without a hit
/// this is the start of the text.
pub fn snippet(text: &str, wanted: &[TextMatch], width: usize) -> Snippet {
    let line = fold_space(text, wanted);
    let window = window(&line, width);
    let mut snippet = Snippet::default();
    if window.start > 0 {
        snippet.push('…', false);
    }
    let cut = window.end < line.len();
    let shown = &line[window];
    let shown = if cut { shown.strip_suffix(&[(' ', false)]).unwrap_or(shown) } else { shown };
    for &(char, highlighted) in shown {
        snippet.push(char, highlighted);
    }
    if cut {
        snippet.push('…', false);
    }
    snippet
}

/// The merged hits of a text, asked from its start to its end.
struct Marks {
    ranges: Vec<Range<usize>>,
    next: usize,
}

impl Marks {
    fn new(text: &str, wanted: &[TextMatch]) -> Self {
        let mut found: Vec<_> = wanted.iter().flat_map(|wanted| hits(text, wanted)).collect();
        found.sort_by_key(|range| (range.start, range.end));
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match ranges.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        Self { ranges, next: 0 }
    }

    /// Whether a hit covers the byte `at`, which must not be less than the one asked before.
    fn covers(&mut self, at: usize) -> bool {
        while self.ranges.get(self.next).is_some_and(|range| range.end <= at) {
            self.next += 1;
        }
        self.ranges.get(self.next).is_some_and(|range| range.start <= at)
    }
}

/// Returns the text as one line of characters, each with whether it belongs to a hit.
fn fold_space(text: &str, wanted: &[TextMatch]) -> Vec<(char, bool)> {
    let mut marks = Marks::new(text, wanted);
    let mut line: Vec<(char, bool)> = Vec::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        let highlighted = marks.covers(at);
        if !char.is_whitespace() {
            line.push((char, highlighted));
        } else if line.last().is_some_and(|(last, _)| *last != ' ') {
            line.push((' ', highlighted));
        }
    }
    if line.last().is_some_and(|(last, _)| *last == ' ') {
        line.pop();
    }
    line
}

/// Chooses which characters of the line are shown.
fn window(line: &[(char, bool)], width: usize) -> Range<usize> {
    if line.len() <= width {
        return 0..line.len();
    }
    // One character at either end is for an ellipsis.
    let room = width.saturating_sub(2).max(1);
    let starts: Vec<usize> = (0..line.len()).filter(|&at| line[at].1 && (at == 0 || !line[at - 1].1)).collect();
    let Some(densest) = densest(&starts, room) else {
        return 0..width.saturating_sub(1).max(1);
    };
    // A fifth of the room before the first hit shows what it is about.
    let before = densest.saturating_sub(room / 5);
    let start = word_start(line, before, densest);
    if start == 0 {
        return 0..width.saturating_sub(1).max(1);
    }
    if line.len() - start <= width.saturating_sub(1) {
        return line.len().saturating_sub(width.saturating_sub(1).max(1))..line.len();
    }
    start..start + room
}

/// Returns the first hit of the stretch of `room` characters with the most hits.
fn densest(starts: &[usize], room: usize) -> Option<usize> {
    let mut best = None;
    let mut end = 0;
    for (first, &start) in starts.iter().enumerate() {
        while end < starts.len() && starts[end] < start + room - room / 5 {
            end += 1;
        }
        if best.is_none_or(|(count, _)| end - first > count) {
            best = Some((end - first, start));
        }
    }
    best.map(|(_, start)| start)
}

/// Returns the first start of a word from `from` on; `hit` itself if there is none before it.
fn word_start(line: &[(char, bool)], from: usize, hit: usize) -> usize {
    (from..hit).find(|&at| at == 0 || line[at - 1].0 == ' ').unwrap_or(if from == 0 { 0 } else { hit })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::tokens;

    fn phrases(texts: &[&str]) -> Vec<TextMatch> {
        let phrase = |text: &&str| TextMatch::Phrase(tokens(text).map(|token| token.text.into_owned()).collect());
        texts.iter().map(phrase).collect()
    }

    fn marked(snippet: &Snippet) -> String {
        let mark = |piece: &Piece| if piece.highlighted { format!("[{}]", piece.text) } else { piece.text.clone() };
        snippet.pieces.iter().map(mark).collect()
    }

    #[test]
    fn a_title_is_marked_where_it_fits() {
        let snippet = highlight("Cache the query cache", &phrases(&["cache", "query cache"]));
        assert_eq!(marked(&snippet), "[Cache] the [query cache]");
        assert_eq!(marked(&highlight("plain", &[])), "plain");
    }

    #[test]
    fn a_snippet_is_one_line_around_the_densest_hit() {
        let text = "one cache here.\n\nThen a long stretch of words about nothing at all,\n  and then cache, cache and cache again, to the end of it";
        let snippet = snippet(text, &phrases(&["cache"]), 40);
        assert_eq!(marked(&snippet), "…then [cache], [cache] and [cache] again, to…");
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(marked(&snippet(" a\n\n b\t", &phrases(&["b"]), 10)), "a [b]");
        assert_eq!(marked(&snippet("", &phrases(&["b"]), 10)), "");
    }

    #[test]
    fn without_a_hit_the_start_is_shown() {
        assert_eq!(marked(&snippet("a long text without it", &phrases(&["zebra"]), 8)), "a long…");
    }

    proptest! {
        #[test]
        fn a_snippet_fits_its_width_and_shows_a_hit(text in "(a|b|cache|[ \n]){0,60}", width in 8_usize..40) {
            let wanted = phrases(&["cache"]);
            let snippet = snippet(&text, &wanted, width);
            prop_assert!(snippet.plain().chars().count() <= width);
            prop_assert!(!snippet.plain().contains('\n'));
            prop_assert_eq!(snippet.has_hits(), hits(&text, &wanted[0]).next().is_some());
            prop_assert!(snippet.pieces.windows(2).all(|pair| pair[0].highlighted != pair[1].highlighted));
        }
    }
}

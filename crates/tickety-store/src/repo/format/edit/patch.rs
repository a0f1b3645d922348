//! Replacements in a text.

use std::ops::Range;

/// Replacements that don't overlap, applied together.
#[derive(Debug)]
pub(in super::super) struct Patches {
    newline: &'static str,
    patches: Vec<(Range<usize>, String)>,
}

impl Patches {
    /// Makes an empty set for a text with the given line breaks.
    pub(in super::super) fn new(newline: &'static str) -> Self {
        Self { newline, patches: Vec::new() }
    }

    /// Replaces a range. Line breaks are turned into those of the text.
    pub(in super::super) fn replace(&mut self, range: Range<usize>, with: &str) {
        let with = if self.newline == "\n" { with.to_owned() } else { with.replace('\n', self.newline) };
        self.patches.push((range, with));
    }

    /// Inserts before a place, behind what was inserted there earlier.
    pub(in super::super) fn insert(&mut self, at: usize, text: &str) {
        self.replace(at..at, text);
    }

    /// Returns the text with everything replaced.
    pub(in super::super) fn apply(mut self, text: &str) -> String {
        // What is inserted at a place comes before what is replaced from there on.
        self.patches.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out =
            String::with_capacity(text.len() + self.patches.iter().map(|(_, with)| with.len()).sum::<usize>());
        let mut at = 0;
        for (range, with) in &self.patches {
            out.push_str(&text[at..range.start]);
            out.push_str(with);
            at = range.end;
        }
        out.push_str(&text[at..]);
        out
    }
}
